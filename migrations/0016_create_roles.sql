-- Roles of a tenant's own: sets of permissions (core/permissions.def). The built-in ones have no rows; a membership names one of those, or 'own'
-- and a row here.
create table roles (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	name text not null check (length(name) between 1 and 60
		and lower(name) not in ('interviewer', 'viewer', 'analyst', 'manager', 'admin', 'owner', 'own')),
	description text not null default '',
	permissions text[] not null check (cardinality(permissions) between 1 and 64),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create unique index roles_name on roles (tenant_id, lower(name)) where deleted_at is null;
create trigger touch before update on roles for each row execute function touch();

-- The foreign key is looked at as the tables' owner, whom row security asks for a tenant; there is nothing to find: the column is new.
select set_config('app.current_tenant_id', '00000000-0000-0000-0000-000000000000', true);
alter table memberships add column role_id uuid;
alter table memberships drop constraint memberships_role_check;
alter table memberships add foreign key (tenant_id, role_id) references roles (tenant_id, id);
create index memberships_role on memberships (tenant_id, role_id) where role_id is not null;
do $$ begin perform isolate('roles'); end $$;

-- Who was an editor keeps what he could do, by a role of the tenant's own; the first administrator of a tenant becomes its owner.
do $$
declare
	t uuid;
	r uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		if exists (select from memberships where role = 'editor') then
			insert into roles (tenant_id, id, name, description, permissions) values (t, gen_random_uuid(), 'Editor', 'Creates and changes, downloads',
				'{projects:read,projects:write,surveys:read,surveys:write,links:read,links:write,responses:read,responses:export}')
				returning id into r;
			update memberships set role = 'own', role_id = r where role = 'editor';
		end if;
		update memberships set role = 'owner' where user_id = (select user_id from memberships where role = 'admin' and deleted_at is null
			order by created_at, user_id limit 1);
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;
alter table memberships add constraint memberships_role_check
	check (role in ('interviewer', 'viewer', 'analyst', 'manager', 'admin', 'owner', 'own') and (role = 'own') = (role_id is not null));

drop function login_lookup(text);
create function login_lookup(p_email text) returns table (user_id uuid, email text, name text, password_hash text, locale text,
	tenant_id uuid, tenant_slug text, tenant_name text, role text)
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t tenants;
	m_role text;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	select * into u from users where users.email = lower(p_email) and users.status = 'active' and users.deleted_at is null;
	if not found then
		return;
	end if;
	for t in select tenants.* from user_tenants join tenants on tenants.id = user_tenants.tenant_id
		where user_tenants.user_id = u.id and tenants.deleted_at is null order by tenants.created_at, tenants.id loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		select coalesce(roles.name, memberships.role) into m_role
			from memberships left join roles on roles.tenant_id = memberships.tenant_id and roles.id = memberships.role_id
			where memberships.tenant_id = t.id and memberships.user_id = u.id and memberships.deleted_at is null;
		if found then
			return query select u.id, u.email, u.name, u.password_hash, u.locale, t.id, t.slug, t.name, m_role;
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;

-- permissions: of a role of the tenant's own, parted by spaces; null for a built-in one.
drop function member_lookup(uuid);
create function member_lookup(p_user uuid) returns table (user_id uuid, email text, name text, locale text, tenant_id uuid,
	tenant_slug text, tenant_name text, role text, permissions text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.email, users.name, users.locale, tenants.id, tenants.slug, tenants.name,
		coalesce(roles.name, memberships.role), array_to_string(roles.permissions, ' ')
	from memberships join users on users.id = memberships.user_id join tenants on tenants.id = memberships.tenant_id
		left join roles on roles.tenant_id = memberships.tenant_id and roles.id = memberships.role_id
	where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user and memberships.deleted_at is null
		and users.status = 'active' and users.deleted_at is null and tenants.deleted_at is null
$$;

-- Names and addresses of the bound tenant's members, those removed included: users are not readable otherwise.
create function member_people() returns table (user_id uuid, email text, name text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.email, users.name from memberships join users on users.id = memberships.user_id
	where memberships.tenant_id = current_tenant_id()
$$;

-- As in 0007; a built-in role takes the place of one of the tenant's own.
create or replace function provision_member(p_tenant uuid, p_user uuid, p_email text, p_name text, p_password_hash text, p_locale text,
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
		on conflict (tenant_id, user_id) do update set role = excluded.role, role_id = null, deleted_at = null, deleted_by = null;
	perform set_config('app.current_tenant_id', bound, true);
	return found_user;
end
$$;

-- The first member of a tenant owns it.
create or replace function provision_tenant(p_tenant uuid, p_slug text, p_name text, p_user uuid, p_email text, p_user_name text,
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
			provision_member(p_tenant, p_user, p_email, p_user_name, p_password_hash, p_locale, 'owner'), true;
	else
		select tenants.id into strict found_tenant from tenants where tenants.slug = p_slug;
		return query select found_tenant, (select users.id from users where users.email = lower(p_email)), false;
	end if;
end
$$;

grant execute on function login_lookup(text) to collect_app;
grant execute on function member_lookup(uuid) to collect_app;
grant execute on function member_people() to collect_app;
grant select, insert on roles to collect_app;
grant update (name, description, permissions, updated_by, deleted_at, deleted_by) on roles to collect_app;
grant update (role, role_id, updated_by, deleted_at, deleted_by) on memberships to collect_app;
