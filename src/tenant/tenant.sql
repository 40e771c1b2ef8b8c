-- Tenants and their projects. Times and cursors: rfc3339() and cursor_text() of migration 0009.

-- Whether somebody has shown that he reads the mailbox of the account with this address. No row: there is none, or the tenant is there already.
-- name: tenant_user
-- role: owner
select email_verified_at is not null as verified from users where email = lower($1::text) and not exists (select from tenants where slug = $2::text)

-- name: tenant_provision
-- role: owner
select tenant_id, user_id, created
from provision_tenant($1::uuid, $2::text, $3::text, $4::uuid, $5::text, $6::text, $7::text, 'en')

-- Shared until the transaction ends: a survey cannot move into a project that is being deleted.
-- name: project_hold
select id from projects where id = $1::uuid and deleted_at is null for share

-- name: project_insert
insert into projects (tenant_id, id, name, description, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::text, $3::text, $4::uuid, $4)

-- name: project_get
select version, jsonb_build_object('id', id, 'name', name, 'description', description,
	'created_at', rfc3339(created_at), 'updated_at', rfc3339(updated_at),
	'created_by', created_by, 'updated_by', updated_by, 'version', version) as json
from projects where id = $1::uuid and deleted_at is null

-- name: project_lock
select version from projects where id = $1::uuid and deleted_at is null for update

-- name: project_update
update projects set
	name = case when $2::boolean then $3::text else name end,
	description = case when $4::boolean then $5::text else description end,
	updated_by = $6::uuid
where id = $1::uuid

-- name: project_surveys
select count(*) as surveys from surveys where project_id = $1::uuid and deleted_at is null

-- name: project_delete
update projects set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- Of the branches of page only the asked for one runs: the others' conditions on $1 and $2 are settled before any row is read.
-- name: project_list
with live as not materialized (
	select * from projects
	where deleted_at is null
		and ($8::timestamptz is null or created_at >= $8)
		and ($9::timestamptz is null or created_at < $9)
		and ($10::text is null or strpos(lower(name), lower($10)) > 0)
), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
	union all
	(select id, updated_at::text as key, row_number() over (order by updated_at desc, id desc) from live
	where $1 = 'updated_at' and $2 and ($3 is null or (updated_at, id) < ($3::timestamptz, $4))
	order by updated_at desc, id desc limit $5 + 1)
	union all
	(select id, updated_at::text as key, row_number() over (order by updated_at, id) from live
	where $1 = 'updated_at' and not $2 and ($3 is null or (updated_at, id) > ($3::timestamptz, $4))
	order by updated_at, id limit $5 + 1)
	union all
	(select id, left(name, 100), row_number() over (order by left(name, 100) desc, id desc) from live
	where $1 = 'name' and $2 and ($3 is null or (left(name, 100), id) < ($3, $4))
	order by left(name, 100) desc, id desc limit $5 + 1)
	union all
	(select id, left(name, 100), row_number() over (order by left(name, 100), id) from live
	where $1 = 'name' and not $2 and ($3 is null or (left(name, 100), id) > ($3, $4))
	order by left(name, 100), id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description,
			'created_at', rfc3339(p.created_at), 'updated_at', rfc3339(p.updated_at),
			'created_by', p.created_by, 'updated_by', p.updated_by, 'version', p.version) order by page.at)
		from page join projects p on p.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
