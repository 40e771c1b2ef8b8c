-- Invitations. Lists as in auth_member.sql.

-- name: invitation_insert
insert into invitations (tenant_id, id, email, role, role_id, language, expires_at, created_by, updated_by)
values (current_tenant_id(), $1::uuid, lower($2::text), $3::text, $4::uuid, $5::text, now() + make_interval(days => $6::bigint::integer), $7::uuid, $7)

-- Live members with this address.
-- name: invitation_members
select count(*) as members from memberships m join member_people() p on p.user_id = m.user_id
where p.email = lower($1::text) and m.deleted_at is null

-- name: invitation_get
select i.version, jsonb_build_object('id', i.id, 'email', i.email, 'role', coalesce(r.name, i.role), 'role_id', i.role_id, 'language', i.language,
	'status', case when i.accepted_at is not null then 'accepted' when i.expires_at <= now() then 'expired' else 'open' end,
	'expires_at', rfc3339(i.expires_at), 'created_at', rfc3339(i.created_at), 'updated_at', rfc3339(i.updated_at),
	'created_by', i.created_by, 'updated_by', i.updated_by, 'version', i.version) as json
from invitations i left join roles r on r.id = i.role_id
where i.id = $1::uuid and i.deleted_at is null

-- name: invitation_lock
select i.version, i.serial, i.email, i.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions, i.language,
	i.accepted_at is not null as accepted, rfc3339(i.expires_at) as expires_at, i.expires_at <= now() as expired, t.tenant_name, t.name as by
from invitations i left join roles r on r.id = i.role_id, member_lookup($2::uuid) t
where i.id = $1::uuid and i.deleted_at is null for update of i

-- name: invitation_renew
update invitations set serial = serial + 1, expires_at = now() + make_interval(days => $2::bigint::integer), updated_by = $3::uuid where id = $1::uuid

-- name: invitation_revoke
update invitations set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- What it gives, and what who sent it last may do now; without a row he is no member any more.
-- name: invitation_email
select i.email, i.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions, by.role as by_role,
	coalesce(by.permissions, '') as by_permissions
from invitations i left join roles r on r.id = i.role_id, member_lookup(i.updated_by) by
where i.id = $1::uuid and i.serial = $2::bigint and i.deleted_at is null and i.accepted_at is null and i.expires_at > now()

-- name: invitation_account
select user_id, password_hash, active from account_lookup($1::text)

-- name: invitation_accept
select member_version, role from invitation_accept($1::uuid, $2::bigint::integer, $3::uuid, $4::text, $5::text, $6::boolean)

-- name: invitation_list
with live as not materialized (
	select i.*, coalesce(r.name, i.role) as role_name,
		case when i.accepted_at is not null then 'accepted' when i.expires_at <= now() then 'expired' else 'open' end as status
	from invitations i left join roles r on r.id = i.role_id where i.deleted_at is null
), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) as at from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', l.id, 'email', l.email, 'role', l.role_name, 'role_id', l.role_id,
			'language', l.language, 'status', l.status, 'expires_at', rfc3339(l.expires_at), 'created_at', rfc3339(l.created_at),
			'updated_at', rfc3339(l.updated_at), 'created_by', l.created_by, 'updated_by', l.updated_by, 'version', l.version) order by page.at)
		from page join live l on l.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
