-- Identity providers of a tenant's own. The list as in auth_member.sql.

-- name: provider_insert
insert into identity_providers (tenant_id, id, name, issuer, client_id, client_secret, key_version, scopes, email_domains, role, role_id, enabled,
	created_by, updated_by, second_factor)
values (current_tenant_id(), $1::uuid, $2::text, $3::text, $4::text, $5::bytea, $6::bigint, string_to_array($7::text, ' '),
	string_to_array($8::text, ' '), $9::text, $10::uuid, $11::boolean, $12::uuid, $12, $13::text)

-- name: provider_get
select p.version, jsonb_build_object('id', p.id, 'name', p.name, 'issuer', p.issuer, 'client_id', p.client_id,
	'has_secret', p.client_secret is not null, 'scopes', p.scopes, 'email_domains', p.email_domains, 'role', coalesce(r.name, p.role),
	'role_id', p.role_id, 'second_factor', p.second_factor, 'enabled', p.enabled, 'redirect_uri', $2::text || p.id, 'created_at', rfc3339(p.created_at),
	'updated_at', rfc3339(p.updated_at), 'created_by', p.created_by, 'updated_by', p.updated_by, 'version', p.version) as json
from identity_providers p left join roles r on r.id = p.role_id
where p.id = $1::uuid and p.deleted_at is null

-- name: provider_lock
select p.version, p.issuer, p.client_secret is not null as has_secret, cardinality(p.email_domains) > 0 as has_domains, p.role is not null as has_role,
	coalesce(p.role, '') as role, coalesce(array_to_string(r.permissions, ' '), '') as permissions
from identity_providers p left join roles r on r.id = p.role_id
where p.id = $1::uuid and p.deleted_at is null for update of p

-- name: provider_update
update identity_providers set
	name = case when $2::boolean then $3::text else name end,
	issuer = case when $4::boolean then $5::text else issuer end,
	client_id = case when $6::boolean then $7::text else client_id end,
	client_secret = case when $8::boolean then $9::bytea else client_secret end,
	key_version = case when $8 then $10::bigint else key_version end,
	scopes = case when $11::boolean then string_to_array($12::text, ' ') else scopes end,
	email_domains = case when $13::boolean then string_to_array($14::text, ' ') else email_domains end,
	role = case when $15::boolean then $16::text else role end,
	role_id = case when $15 then $17::uuid else role_id end,
	enabled = case when $18::boolean then $19::boolean else enabled end,
	second_factor = case when $21::boolean then $22::text else second_factor end,
	updated_by = $20::uuid
where id = $1::uuid

-- name: provider_delete
update identity_providers set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- name: provider_list
with live as not materialized (select * from identity_providers where deleted_at is null), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) as at from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'issuer', p.issuer, 'client_id', p.client_id,
			'has_secret', p.client_secret is not null, 'scopes', p.scopes, 'email_domains', p.email_domains, 'role', coalesce(r.name, p.role),
			'role_id', p.role_id, 'second_factor', p.second_factor, 'enabled', p.enabled, 'redirect_uri', $8::text || p.id, 'created_at', rfc3339(p.created_at),
			'updated_at', rfc3339(p.updated_at), 'created_by', p.created_by, 'updated_by', p.updated_by, 'version', p.version) order by page.at)
		from page join live p on p.id = page.id left join roles r on r.id = p.role_id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json

-- Signing in.

-- name: oidc_tenant
select coalesce(tenant_of_slug($1::text), '00000000-0000-0000-0000-000000000000') as id

-- What a page of signing in shows.
-- name: oidc_providers
select jsonb_build_object('items', coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name) order by created_at, id), '[]')) as json
from identity_providers where enabled and deleted_at is null

-- One that is named, or the oldest.
-- name: oidc_provider
select id, name, issuer, client_id, client_secret, coalesce(key_version, 0) as key_version, array_to_string(scopes, ' ') as scopes,
	array_to_string(email_domains, ' ') as email_domains, version
from identity_providers where ($1::uuid is null or id = $1) and enabled and deleted_at is null
order by created_at, id limit 1

-- name: oidc_provider_live
select second_factor = 'provider' as factor from identity_providers where id = $1::uuid and enabled and deleted_at is null

-- name: oidc_identity
select i.id, i.user_id, p.email, m.deleted_at is null as member
from identities i join memberships m on m.user_id = i.user_id join member_people() p on p.user_id = i.user_id
where i.issuer = $1::text and i.subject = $2::text and i.deleted_at is null

-- Whether a code of this user's second factor is to be shown besides the provider's sign-in.
-- name: oidc_code
select p.second_factor = 'ours' and second_factor_of($2::uuid) > 0 and exists (select from security_settings where require_second_factor) as wanted
from identity_providers p where p.id = $1::uuid

-- name: oidc_identity_used
update identities set last_used_at = now() where id = $1::uuid

-- name: oidc_identity_insert
insert into identities (tenant_id, id, user_id, issuer, subject, confirmed, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::uuid, $3::text, $4::text, $5::boolean, $2, $2)

-- name: oidc_account
select user_id, active, joined, elsewhere from identity_account($1::text)

-- What a provider gives to who is new, and the open invitation of an address: what that gives, and what who sent it last may do now (nothing, when he is
-- no member any more).
-- name: oidc_offers
select coalesce(p.role, '') as role, coalesce(array_to_string(pr.permissions, ' '), '') as permissions, coalesce(i.id, '00000000-0000-0000-0000-000000000000') as id,
	coalesce(i.role, '') as invited_role, coalesce(array_to_string(ir.permissions, ' '), '') as invited_permissions,
	coalesce(by.role, '') as by_role, coalesce(by.permissions, '') as by_permissions
from identity_providers p left join roles pr on pr.id = p.role_id
	left join invitations i on i.email = lower($2::text) and i.deleted_at is null and i.accepted_at is null and i.expires_at > now()
	left join roles ir on ir.id = i.role_id left join lateral member_lookup(i.updated_by) by on true
where p.id = $1::uuid and p.enabled and p.deleted_at is null
for share of p

-- name: oidc_join
select member_version, coalesce(invitation_id, '00000000-0000-0000-0000-000000000000') as invitation_id, coalesce(invitation_version, 0) as invitation_version
from identity_join($1::uuid, $2::uuid, $3::text, $4::text, $5::boolean, $6::uuid)

-- Whom a member is at providers. No row: there is no such member.
-- name: identity_list
select jsonb_build_object('items', coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'issuer', i.issuer, 'subject', i.subject,
	'confirmed', i.confirmed, 'last_used_at', rfc3339(i.last_used_at), 'created_at', rfc3339(i.created_at), 'version', i.version)
	order by i.created_at, i.id) filter (where i.id is not null), '[]')) as json
from memberships m left join identities i on i.user_id = m.user_id and i.deleted_at is null
where m.user_id = $1::uuid and m.deleted_at is null
group by m.user_id

-- name: identity_lock
select i.version, m.role, coalesce(array_to_string(r.permissions, ' '), '') as permissions
from identities i join memberships m on m.user_id = i.user_id left join roles r on r.id = m.role_id
where i.id = $2::uuid and i.user_id = $1::uuid and i.deleted_at is null and m.deleted_at is null for update of i

-- name: identity_delete
update identities set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid
