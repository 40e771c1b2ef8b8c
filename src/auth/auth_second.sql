-- Second factors, and the tenant's word on who has to have one.

-- name: second_factor_get
select sealed, key_version, confirmed_at is not null as confirmed, second_factor_of($1) as version, jsonb_build_object('enabled', confirmed_at is not null,
	'enabled_at', rfc3339(confirmed_at), 'recovery_codes_left', codes) as json
from second_factor_get($1::uuid)

-- name: second_factor_of
select second_factor_of($1::uuid) as version

-- name: second_factor_start
select s.user_id from second_factor_start($1::uuid, $2::bytea, $3::bigint::integer) as s (user_id) where s.user_id is not null

-- name: second_factor_step
select s.user_id from second_factor_step($1::uuid, $2::bigint, $3::boolean) as s (user_id) where s.user_id is not null

-- name: second_factor_recover
select s.version::bigint as version from second_factor_recover($1::uuid, $2::text) as s (version) where s.version is not null

-- name: second_factor_codes
select s.version::bigint as version from second_factor_codes($1::uuid, string_to_array($2::text, ' '), $3::boolean) as s (version)
where s.version is not null

-- name: second_factor_remove
select s.version::bigint as version from second_factor_remove($1::uuid) as s (version) where s.version is not null

-- name: second_factor_take
-- role: owner
select second_factor_take($1::text) as taken

-- name: security_settings_get
select coalesce(s.version, 0) as version, jsonb_build_object('require_second_factor', coalesce(s.require_second_factor, false),
	'updated_at', rfc3339(s.updated_at), 'updated_by', s.updated_by, 'version', coalesce(s.version, 0)) as json
from (select current_tenant_id() as id) t left join security_settings s on s.tenant_id = t.id

-- No row is version 0. What somebody else changed meanwhile changes nothing: no row is affected.
-- name: security_settings_put
insert into security_settings (tenant_id, require_second_factor, created_by, updated_by)
select current_tenant_id(), $2::boolean, $3::uuid, $3
where $1::bigint = 0 or exists (select from security_settings)
on conflict (tenant_id) do update set require_second_factor = $2, updated_by = $3::uuid
where security_settings.version = $1
