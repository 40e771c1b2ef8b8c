-- First replies to POSTs with an Idempotency-Key. Lock and look are two statements: the second must see what the holder of the lock has committed.

-- name: idempotency_lock
select pg_try_advisory_xact_lock(hashtextextended(current_tenant_id() || '|' || $1::uuid || '|' || $2::text, 1)) as mine

-- name: idempotency_find
select payload_hash, status, coalesce(location, '') as location, coalesce(etag, '') as etag, body
from idempotency
where user_id = $1::uuid and key = $2::text and created_at > now() - interval '24 hours'

-- Expired rows go a hundred at a time, with whoever comes next; one request at a time does it, so that no two wait for each other. The
-- row of this very key, if there still is one, is an expired one.
-- name: idempotency_expire
delete from idempotency i
using (
	(select tenant_id, user_id, key from idempotency
	where created_at <= now() - interval '24 hours'
		and (select pg_try_advisory_xact_lock(hashtextextended(current_tenant_id()::text, 2)))
	order by created_at limit 100)
	union
	select current_tenant_id(), $1::uuid, $2::text
) old
where i.tenant_id = old.tenant_id and i.user_id = old.user_id and i.key = old.key

-- name: idempotency_add
insert into idempotency (tenant_id, user_id, key, payload_hash, status, location, etag, body, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::text, $3::bytea, $4::integer, $5::text, $6::text, $7::text, $1, $1)
