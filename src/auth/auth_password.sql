-- name: password_set
select s.version::bigint as version from password_set($1::uuid, $2::text, $3::text) as s (version) where s.version is not null

-- By a token of a mail.
-- name: password_reset
select version from password_reset($1::uuid, $2::text, $3::text)

-- name: password_account
select user_id, lower($1::text) as email, password_hash from account_lookup($1::text) where active

-- name: password_keys_end
select user_keys_end($1::uuid) as ended

-- name: device_stamp
select s.stamp from device_stamp($1::text) as s (stamp) where s.stamp is not null

-- name: devices_end
select s.version::bigint as version from devices_end($1::uuid) as s (version) where s.version is not null
