-- The only ways to the global tables. Each runs as the owner with a pinned search_path; who may call it is granted in 0008.
-- Where one has to read a tenant's table it binds that tenant for itself and gives the caller's binding back at the end; when it fails
-- the transaction is lost and the binding with it. (A SET clause would do the same, but only a superuser may write one for this name.)

create function user_tenants_follow() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	insert into user_tenants (user_id, tenant_id) values (new.user_id, new.tenant_id) on conflict do nothing;
	return null;
end
$$;
create trigger follow after insert on memberships for each row execute function user_tenants_follow();

-- Signing in: the user of an e-mail address and his live memberships, oldest first. No row when there is no such active user.
create function login_lookup(p_email text) returns table (user_id uuid, email text, name text, password_hash text, locale text,
	tenant_id uuid, tenant_slug text, tenant_name text, role text)
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t tenants;
	m memberships;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	select * into u from users where users.email = lower(p_email) and users.status = 'active' and users.deleted_at is null;
	if not found then
		return;
	end if;
	for t in select tenants.* from user_tenants join tenants on tenants.id = user_tenants.tenant_id
		where user_tenants.user_id = u.id and tenants.deleted_at is null order by tenants.created_at, tenants.id loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		select * into m from memberships where memberships.tenant_id = t.id and memberships.user_id = u.id and memberships.deleted_at is null;
		if found then
			return query select u.id, u.email, u.name, u.password_hash, u.locale, t.id, t.slug, t.name, m.role;
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;

-- A member of the bound tenant, with what the token does not say. No row when the user, the membership or the tenant is gone.
create function member_lookup(p_user uuid) returns table (user_id uuid, email text, name text, locale text, tenant_id uuid,
	tenant_slug text, tenant_name text, role text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.email, users.name, users.locale, tenants.id, tenants.slug, tenants.name, memberships.role
	from memberships join users on users.id = memberships.user_id join tenants on tenants.id = memberships.tenant_id
	where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user and memberships.deleted_at is null
		and users.status = 'active' and users.deleted_at is null and tenants.deleted_at is null
$$;

create function slug_lookup(p_slug text) returns table (tenant_id uuid, link_id uuid)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select slugs.tenant_id, slugs.link_id from slugs join tenants on tenants.id = slugs.tenant_id
	where slugs.slug = p_slug and tenants.deleted_at is null
$$;

-- Takes a slug for a link of the bound tenant (the link exists by then). Unique violation on slugs_pkey when it is taken.
create function slug_claim(p_slug text, p_link uuid) returns void
language sql volatile security definer
set search_path = collect, pg_temp
as $$ insert into slugs (slug, tenant_id, link_id) values (p_slug, current_tenant_id(), p_link) $$;

-- Adds a user (or takes the one with that address as he is, password and all) to a tenant. Repeating it changes only the role.
create function provision_member(p_tenant uuid, p_user uuid, p_email text, p_name text, p_password_hash text, p_locale text,
	p_role text) returns uuid
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	found_user uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	insert into users (id, email, name, password_hash, locale) values (p_user, lower(p_email), p_name, p_password_hash, p_locale)
		on conflict (email) do nothing;
	select users.id into strict found_user from users where users.email = lower(p_email);
	perform set_config('app.current_tenant_id', p_tenant::text, true);
	insert into memberships (tenant_id, user_id, role) values (p_tenant, found_user, p_role)
		on conflict (tenant_id, user_id) do update set role = excluded.role, deleted_at = null, deleted_by = null;
	perform set_config('app.current_tenant_id', bound, true);
	return found_user;
end
$$;

-- A tenant and its first admin. When the slug is taken nothing changes and created is false.
create function provision_tenant(p_tenant uuid, p_slug text, p_name text, p_user uuid, p_email text, p_user_name text,
	p_password_hash text, p_locale text) returns table (tenant_id uuid, user_id uuid, created boolean)
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	found_tenant uuid;
begin
	insert into tenants (id, slug, name) values (p_tenant, p_slug, p_name) on conflict (slug) do nothing;
	if found then
		return query select p_tenant,
			provision_member(p_tenant, p_user, p_email, p_user_name, p_password_hash, p_locale, 'admin'), true;
	else
		select tenants.id into strict found_tenant from tenants where tenants.slug = p_slug;
		return query select found_tenant, (select users.id from users where users.email = lower(p_email)), false;
	end if;
end
$$;
