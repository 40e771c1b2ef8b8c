-- OAuth 2 clients.

-- name: client_insert
insert into clients (tenant_id, id, user_id, name, permissions, sha256, expires_at, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::uuid, $3::text, string_to_array($4::text, ' '), $5::bytea, $6::timestamptz, $2, $2)

-- With the member it acts for, who has to be one still.
-- name: client_find
select c.user_id, c.sha256, array_to_string(c.permissions, ' ') as permissions, coalesce(c.expires_at, 'epoch') as expires_at
from clients c join member_lookup(c.user_id) m on m.user_id = c.user_id
where c.id = $1::uuid and c.deleted_at is null and (c.expires_at is null or c.expires_at > now())

-- name: client_alive
select id from clients where id = $1::uuid and user_id = $2::uuid and deleted_at is null and (expires_at is null or expires_at > now())

-- name: client_used
update clients set last_used_at = now() where id = $1::uuid and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: client_json
select jsonb_build_object('id', id, 'name', name, 'permissions', permissions, 'user_id', user_id,
	'client_id', client_id_text(tenant_id, id),
	'expires_at', rfc3339(expires_at), 'last_used_at', rfc3339(last_used_at), 'created_at', rfc3339(created_at),
	'updated_at', rfc3339(updated_at), 'created_by', created_by, 'updated_by', updated_by, 'version', version) as json
from clients where id = $1::uuid and deleted_at is null

-- name: client_lock
select version from clients where id = $1::uuid and deleted_at is null for update

-- name: client_revoke
update clients set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- name: client_list
with live as not materialized (select * from clients where deleted_at is null), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) as at from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'permissions', k.permissions, 'user_id', k.user_id,
			'client_id', client_id_text(k.tenant_id, k.id), 'expires_at', rfc3339(k.expires_at), 'last_used_at', rfc3339(k.last_used_at), 'created_at', rfc3339(k.created_at),
			'updated_at', rfc3339(k.updated_at), 'created_by', k.created_by, 'updated_by', k.updated_by, 'version', k.version) order by page.at)
		from page join live k on k.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
