-- name: data_key_newest
-- role: app public worker
select key_version, wrapped, kek_id, xmin is distinct from pg_current_xact_id_if_assigned()::xid as settled
from data_keys
where purpose = $1::text and deleted_at is null
order by key_version desc
limit 1

-- name: data_key_version
-- role: app public worker
select key_version, wrapped, kek_id, xmin is distinct from pg_current_xact_id_if_assigned()::xid as settled
from data_keys
where purpose = $1::text and key_version = $2::bigint and deleted_at is null

-- name: data_key_add
-- role: app public worker
insert into data_keys (tenant_id, purpose, key_version, wrapped, kek_id, created_by, updated_by)
values (current_tenant_id(), $1::text, 1, $2::bytea, $3::text, $4::uuid, $4)
on conflict (tenant_id, purpose, key_version) do nothing

-- name: system_key_newest
-- role: app worker
select key_version, wrapped, kek_id, settled from system_key_newest($1::text)

-- name: system_key_version
-- role: app worker
select key_version, wrapped, kek_id, settled from system_key_version($1::text, $2::bigint)

-- name: system_key_add
-- role: app worker
select system_key_add($1::text, 1, $2::bytea, $3::text)
