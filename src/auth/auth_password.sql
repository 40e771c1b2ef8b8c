-- name: password_set
select coalesce(password_set($1::uuid, $2::text, $3::text), 0) as version
