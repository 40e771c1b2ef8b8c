-- name: data_key_newest
-- role: app public worker
select key_version, wrapped, kek_id, xmin is distinct from pg_current_xact_id_if_assigned()::xid as settled
from data_keys
where purpose = $1::text and retired_at is null and destroyed_at is null
order by key_version desc
limit 1

-- name: data_key_next
-- role: app public worker
select coalesce(max(key_version), 0) + 1 as key_version, null::bytea as wrapped, '' as kek_id, false as settled
from data_keys
where purpose = $1::text

-- name: data_key_version
-- role: app public worker
select key_version, wrapped, kek_id, xmin is distinct from pg_current_xact_id_if_assigned()::xid as settled
from data_keys
where purpose = $1::text and key_version = $2::bigint

-- name: data_key_add
-- role: app public worker
insert into data_keys (tenant_id, purpose, key_version, wrapped, kek_id, created_by, updated_by)
values (current_tenant_id(), $1::text, $2::bigint, $3::bytea, $4::text, $5::uuid, $5)
on conflict (tenant_id, purpose, key_version) do nothing

-- name: system_key_newest
-- role: app worker
select key_version, wrapped, kek_id, settled from system_key_newest($1::text)

-- name: system_key_version
-- role: app worker
select key_version, wrapped, kek_id, settled from system_key_version($1::text, $2::bigint)

-- name: system_key_add
-- role: app worker
select system_key_add($1::text, $2::bigint, $3::bytea, $4::text)

-- All that an answer is sealed with, and whether all of it is: a row a live key, at least one.
-- name: data_keys_sealing
-- role: app public worker
select s.everything, coalesce(k.purpose, '') as purpose, coalesce(k.key_version, 0) as key_version, k.wrapped, coalesce(k.kek_id, '') as kek_id,
	coalesce(k.settled, false) as settled
from (select coalesce(tenant_seals_answers(), false) as everything) s
left join (select distinct on (purpose) purpose, key_version, wrapped, kek_id, xmin is distinct from pg_current_xact_id_if_assigned()::xid as settled
	from data_keys where retired_at is null and destroyed_at is null order by purpose, key_version desc) k on true

-- ---- keys managed ----

-- name: vault_state
-- role: app worker
select concat_ws(' ', tenant_seals_answers()::text, coalesce(max(key_version) filter (where purpose = 'pii'), 0),
	coalesce(max(key_version) filter (where purpose = 'response'), 0), coalesce(max(key_version) filter (where purpose = 'index'), 0)) as state
from data_keys where retired_at is null and destroyed_at is null

-- Alone with the tenant's seals: see migration 0046.
-- name: vault_alone
-- role: app worker
select seal_lock_alone() as alone

-- name: data_keys_retire
-- role: worker
update data_keys set retired_at = now()
where purpose = $1::text and key_version < $2::bigint and retired_at is null and destroyed_at is null

-- name: data_keys_destroy_retired
-- role: worker
update data_keys set wrapped = null, destroyed_at = now()
where purpose = $1::text and retired_at is not null and destroyed_at is null

-- Those that answers which do not open were sealed with stay.
-- name: data_keys_destroy_unused
-- role: worker
update data_keys k set wrapped = null, destroyed_at = now()
where k.purpose = $1::text and k.retired_at is not null and k.destroyed_at is null
	and not ($1 = 'pii' and exists (select from responses r where r.sealed is not null and r.sealed_key_version = k.key_version))
	and not ($1 = 'response' and exists (select from responses r where r.answers_sealed is not null and r.answers_key_version = k.key_version))
	and not ($1 = 'index' and exists (select from response_lookups l where l.key_version = k.key_version))

-- name: data_keys_shred
-- role: worker
update data_keys set wrapped = null, destroyed_at = now(), retired_at = coalesce(retired_at, now())
where destroyed_at is null

-- name: data_keys_live
-- role: app worker
select key_version from data_keys where purpose = $1::text and destroyed_at is null order by key_version

-- name: data_keys_elsewhere
-- role: worker
select purpose, key_version, wrapped, kek_id from data_keys where destroyed_at is null and kek_id <> $1::text for update

-- name: data_key_rewrap
-- role: worker
update data_keys set wrapped = $3::bytea, kek_id = $4::text where purpose = $1::text and key_version = $2::bigint and destroyed_at is null

-- name: system_keys_lock
-- role: worker
select purpose, key_version, wrapped, kek_id from system_keys_lock()

-- name: system_key_rewrap
-- role: worker
select system_key_rewrap($1::text, $2::bigint, $3::bytea, $4::text)

-- One row a version: for `collect keys status`.
-- name: data_keys_status
-- role: worker
select purpose, key_version, kek_id, case when destroyed_at is not null then 'destroyed' when retired_at is not null then 'retired' else 'live' end as state,
	to_char(created_at, 'YYYY-MM-DD') as made
from data_keys order by purpose, key_version
