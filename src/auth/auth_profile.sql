-- name: profile_set
select s.version::bigint as version from profile_set($1::uuid, $2::text, $3::text) as s (version) where s.version is not null

-- name: device_seen
select device_seen($1::uuid, $2::bytea) as how
