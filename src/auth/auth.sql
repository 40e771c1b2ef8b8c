-- name: auth_login
-- No tenant is bound yet: one row for each live membership of the user with this address.
select user_id, email, name, password_hash, locale, tenant_id, tenant_slug, tenant_name, role, second_factor_of(user_id) as second_factor
from login_lookup($1::text)

-- name: auth_member
select email, role, permissions, second_factor_missing(user_id) as second_factor_missing,
	exists (select from project_members m where m.user_id = $1 and m.deleted_at is null) as project_roles
from member_lookup($1::uuid)

-- What renewing a session needs: the same as signing in, of one tenant.
-- name: auth_session_member
select user_id, email, name, locale, tenant_id, tenant_slug, tenant_name, role, second_factor_of(user_id) as second_factor
from member_lookup($1::uuid)

-- $3: false when it counts as there, because the identity provider asked for one. $4: with roles in projects, which keys are not shown.
-- name: auth_me
select jsonb_build_object(
	'user', jsonb_build_object('id', user_id, 'email', email, 'name', name, 'locale', locale),
	'tenant', jsonb_build_object('id', tenant_id, 'slug', tenant_slug, 'name', tenant_name),
	'role', role,
	'permissions', $2::jsonb,
	'projects', case when $4::boolean then own_projects(user_id) else '[]' end,
	'second_factor', case when second_factor_of(user_id) > 0 then 'on' when $3::boolean and second_factor_missing(user_id) then 'missing' else 'off' end)
from member_lookup($1::uuid)
