-- Roles of the tenant's own, and members. Lists as in tenant.sql: of the branches of page only the asked for one runs.

-- name: role_insert
insert into roles (tenant_id, id, name, description, permissions, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::text, $3::text, string_to_array($4::text, ' '), $5::uuid, $5)

-- name: role_get
select version, jsonb_build_object('id', id, 'name', name, 'description', description, 'permissions', permissions,
	'created_at', rfc3339(created_at), 'updated_at', rfc3339(updated_at),
	'created_by', created_by, 'updated_by', updated_by, 'version', version) as json
from roles where id = $1::uuid and deleted_at is null

-- name: role_lock
select version, array_to_string(permissions, ' ') as permissions from roles where id = $1::uuid and deleted_at is null for update

-- Shared until the transaction ends: it cannot be deleted while somebody gets it.
-- name: role_hold
select name, array_to_string(permissions, ' ') as permissions from roles where id = $1::uuid and deleted_at is null for share

-- name: role_update
update roles set
	name = case when $2::boolean then $3::text else name end,
	description = case when $4::boolean then $5::text else description end,
	permissions = case when $6::boolean then string_to_array($7::text, ' ') else permissions end,
	updated_by = $8::uuid
where id = $1::uuid

-- Who has it or is to get it.
-- name: role_members
select (select count(*) from memberships where role_id = $1::uuid and deleted_at is null)
	+ (select count(*) from invitations where role_id = $1 and deleted_at is null and accepted_at is null)
	+ (select count(*) from identity_providers where role_id = $1 and deleted_at is null)
	+ (select count(*) from project_members m join projects p on p.id = m.project_id where m.role_id = $1 and m.deleted_at is null and p.deleted_at is null) as members

-- name: role_delete
update roles set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- name: role_list
with live as not materialized (select * from roles where deleted_at is null), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) as at from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name, 'description', r.description,
			'permissions', r.permissions, 'created_at', rfc3339(r.created_at), 'updated_at', rfc3339(r.updated_at),
			'created_by', r.created_by, 'updated_by', r.updated_by, 'version', r.version) order by page.at)
		from page join roles r on r.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json

-- name: member_get
select m.version, jsonb_build_object('id', m.user_id, 'email', p.email, 'name', p.name, 'role', coalesce(r.name, m.role), 'role_id', m.role_id,
	'created_at', rfc3339(m.created_at), 'updated_at', rfc3339(m.updated_at),
	'created_by', m.created_by, 'updated_by', m.updated_by, 'version', m.version) as json
from memberships m join member_people() p on p.user_id = m.user_id left join roles r on r.id = m.role_id
where m.user_id = $1::uuid and m.deleted_at is null

-- All owners in one order, before anything else of a membership is locked: of two who remove each other the second sees what the first did.
-- name: member_owners
select user_id from memberships where role = 'owner' and deleted_at is null order by user_id for update

-- name: member_lock
select m.version, m.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions
from memberships m left join roles r on r.id = m.role_id
where m.user_id = $1::uuid and m.deleted_at is null for update of m

-- name: member_role_set
update memberships set role = $2::text, role_id = $3::uuid, updated_by = $4::uuid where user_id = $1::uuid

-- name: member_remove
update memberships set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where user_id = $1::uuid

-- Nothing that he had made works again when he is invited anew.
-- name: member_keys_end
update api_keys set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where user_id = $1::uuid and deleted_at is null

-- name: member_clients_end
update clients set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where user_id = $1::uuid and deleted_at is null

-- Those that he made or sent again himself: who sends one again stands for it.
-- name: member_invitations_end
update invitations set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2
where updated_by = $1::uuid and accepted_at is null and deleted_at is null

-- name: member_list
with live as not materialized (
	select m.*, p.email, p.name, coalesce(r.name, m.role) as role_name
	from memberships m join member_people() p on p.user_id = m.user_id left join roles r on r.id = m.role_id
	where m.deleted_at is null
		and ($8::text is null or strpos(lower(p.name), lower($8)) > 0 or strpos(p.email, lower($8)) > 0)
		and ($9::text is null or m.role = $9)
), page as (
	(select user_id, created_at::text as key, row_number() over (order by created_at desc, user_id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, user_id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, user_id desc limit $5::bigint + 1)
	union all
	(select user_id, created_at::text as key, row_number() over (order by created_at, user_id) as at from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, user_id) > ($3::timestamptz, $4))
	order by created_at, user_id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', l.user_id, 'email', l.email, 'name', l.name, 'role', l.role_name,
			'role_id', l.role_id, 'created_at', rfc3339(l.created_at), 'updated_at', rfc3339(l.updated_at),
			'created_by', l.created_by, 'updated_by', l.updated_by, 'version', l.version) order by page.at)
		from page join live l on l.user_id = page.user_id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, user_id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
