-- Roles in single projects.

-- name: project_grants
select m.project_id, m.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions
from project_members m join projects p on p.id = m.project_id left join roles r on r.id = m.role_id
where m.user_id = $1::uuid and m.deleted_at is null and p.deleted_at is null

-- name: survey_project
select project_id from surveys where id = $1::uuid

-- Alone until the transaction ends: no role is given to somebody who is being removed, and of two who give him one at once the second counts the first's. A
-- statement of its own, because what counts sees what was committed before it began.
-- name: project_member_hold
select user_id as id from memberships where user_id = $1::uuid and deleted_at is null for no key update

-- name: project_roles_held
select project_roles_held($1::uuid) as projects

-- name: project_member_lock
select g.version, g.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions
from project_members g join memberships m on m.user_id = g.user_id left join roles r on r.id = g.role_id
where g.project_id = $1::uuid and g.user_id = $2::uuid and g.deleted_at is null and m.deleted_at is null for update of g

-- name: project_member_set
insert into project_members (tenant_id, project_id, user_id, role, role_id, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::uuid, $3::text, $4::uuid, $5::uuid, $5)
on conflict (tenant_id, project_id, user_id) do update set role = $3, role_id = $4, updated_by = $5, deleted_at = null, deleted_by = null

-- name: project_member_remove
update project_members set deleted_at = now(), deleted_by = $3::uuid, updated_by = $3 where project_id = $1::uuid and user_id = $2::uuid

-- name: member_projects_end
update project_members set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where user_id = $1::uuid and deleted_at is null

-- name: project_member_get
select g.version, jsonb_build_object('id', g.user_id, 'email', p.email, 'name', p.name, 'role', coalesce(r.name, g.role), 'role_id', g.role_id,
	'created_at', rfc3339(g.created_at), 'updated_at', rfc3339(g.updated_at),
	'created_by', g.created_by, 'updated_by', g.updated_by, 'version', g.version) as json
from project_members g join memberships m on m.user_id = g.user_id join member_people() p on p.user_id = g.user_id left join roles r on r.id = g.role_id
where g.project_id = $1::uuid and g.user_id = $2::uuid and m.deleted_at is null and g.deleted_at is null

-- name: project_member_list
with live as not materialized (
	select g.*, p.email, p.name, coalesce(r.name, g.role) as role_name
	from project_members g join memberships m on m.user_id = g.user_id join member_people() p on p.user_id = g.user_id left join roles r on r.id = g.role_id
	where g.project_id = $8::uuid and g.deleted_at is null and m.deleted_at is null
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
from projects where id = $8 and deleted_at is null
