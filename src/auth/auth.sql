-- name: auth_login
-- No tenant is bound yet: one row for each live membership of the user with this address.
select user_id, email, name, password_hash, locale, tenant_id, tenant_slug, tenant_name, role
from login_lookup($1::text)

-- name: auth_member
select email, role, permissions
from member_lookup($1::uuid)

-- What renewing a session needs: the same as signing in, of one tenant.
-- name: auth_session_member
select user_id, email, name, locale, tenant_id, tenant_slug, tenant_name, role
from member_lookup($1::uuid)

-- name: auth_me
select jsonb_build_object(
	'user', jsonb_build_object('id', user_id, 'email', email, 'name', name, 'locale', locale),
	'tenant', jsonb_build_object('id', tenant_id, 'slug', tenant_slug, 'name', tenant_name),
	'role', role,
	'permissions', $2::jsonb)
from member_lookup($1::uuid)
