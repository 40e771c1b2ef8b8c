-- Identity providers of a tenant's own (OpenID Connect), and who of them is which member. Which tenant's provider said it decides what it
-- is worth: an identity is (tenant, issuer, subject), never an e-mail address.
create table identity_providers (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	name text not null check (length(name) between 1 and 100),
	issuer text not null check (length(issuer) between 1 and 500),
	client_id text not null check (length(client_id) between 1 and 255),
	client_secret bytea,                           -- sealed, purpose pii
	key_version bigint check ((key_version is null) = (client_secret is null)),
	scopes text[] not null check (cardinality(scopes) between 1 and 16),
	email_domains text[] not null default '{}' check (cardinality(email_domains) <= 50),
	role text,                                     -- of who is new; null: only members and those invited come in
	role_id uuid,
	enabled boolean not null default true,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	check (role is null or role in ('interviewer', 'viewer', 'analyst', 'manager', 'admin', 'own')),
	check ((role is not distinct from 'own') = (role_id is not null)),
	check (role is null or cardinality(email_domains) > 0),
	foreign key (tenant_id, role_id) references roles (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create unique index identity_providers_issuer on identity_providers (tenant_id, issuer) where deleted_at is null;
create index identity_providers_list on identity_providers (tenant_id, created_at desc, id desc) where deleted_at is null;
create index identity_providers_role on identity_providers (tenant_id, role_id) where role_id is not null;
create trigger touch before update on identity_providers for each row execute function touch();

create table identities (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	user_id uuid not null,
	issuer text not null check (length(issuer) between 1 and 500),
	subject text not null check (length(subject) between 1 and 255),
	confirmed boolean not null,                    -- the user showed his password for it
	last_used_at timestamptz not null default now(),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	foreign key (tenant_id, user_id) references memberships (tenant_id, user_id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create unique index identities_subject on identities (tenant_id, issuer, subject) where deleted_at is null;
create index identities_user on identities (tenant_id, user_id);
-- Being used is no change.
create trigger touch before update of user_id, deleted_at on identities for each row execute function touch();
do $$ begin perform isolate('identity_providers'); perform isolate('identities'); end $$;

-- Where signing in begins: nothing is bound yet.
create function tenant_of_slug(p_slug text) returns uuid
language sql stable security definer
set search_path = collect, pg_temp
as $$ select tenants.id from tenants where tenants.slug = p_slug and tenants.deleted_at is null $$;

-- Who has this address, as seen from the bound tenant: `joined` when he is or was a member of it, `elsewhere` when of any other one.
create function identity_account(p_email text) returns table (user_id uuid, password_hash text, active boolean, joined boolean, elsewhere boolean)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.password_hash, users.status = 'active' and users.deleted_at is null,
		exists (select from user_tenants where user_tenants.user_id = users.id and user_tenants.tenant_id = current_tenant_id()),
		exists (select from user_tenants where user_tenants.user_id = users.id and user_tenants.tenant_id <> current_tenant_id())
	from users where users.email = lower(p_email)
$$;

-- Makes a member of the bound tenant out of somebody whom its provider vouches for: as an open invitation of that address says, or, when he never
-- was a member, as the provider does. p_make: he has no account yet; it gets no password. No row: nothing lets him in.
create function identity_join(p_provider uuid, p_user uuid, p_email text, p_name text, p_make boolean)
	returns table (member_version integer, invitation_id uuid, invitation_version integer)
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	i invitations;
	p identity_providers;
	got integer;
begin
	select * into p from identity_providers where identity_providers.tenant_id = current_tenant_id() and identity_providers.id = p_provider
		and identity_providers.enabled and identity_providers.deleted_at is null for share;
	if not found then
		return;
	end if;
	select * into i from invitations where invitations.tenant_id = p.tenant_id and invitations.email = lower(p_email)
		and invitations.deleted_at is null and invitations.accepted_at is null and invitations.expires_at > now() for update;
	if not found and (p.role is null or exists (select from memberships where memberships.tenant_id = p.tenant_id and memberships.user_id = p_user)) then
		return;
	end if;
	if p_make then
		insert into users (id, email, name, password_hash, locale) values (p_user, lower(p_email), p_name, '', coalesce(i.language, 'en'));
	elsif not exists (select from users where users.id = p_user and users.email = lower(p_email) and users.status = 'active'
		and users.deleted_at is null) then
		return;
	end if;
	insert into memberships (tenant_id, user_id, role, role_id, created_by, updated_by)
		values (p.tenant_id, p_user, coalesce(i.role, p.role), case when i.id is null then p.role_id else i.role_id end, i.created_by, i.created_by)
		on conflict on constraint memberships_pkey do update set role = excluded.role, role_id = excluded.role_id,
			updated_by = excluded.updated_by, deleted_at = null, deleted_by = null
		returning memberships.version into got;
	if i.id is not null then
		update invitations set accepted_at = now(), accepted_by = p_user where invitations.tenant_id = i.tenant_id and invitations.id = i.id
			returning invitations.version into i.version;
	end if;
	return query select got, i.id, i.version;
end
$$;

grant select on identity_providers, identities to collect_app;
grant insert (tenant_id, id, name, issuer, client_id, client_secret, key_version, scopes, email_domains, role, role_id, enabled, created_by, updated_by)
	on identity_providers to collect_app;
grant update (name, issuer, client_id, client_secret, key_version, scopes, email_domains, role, role_id, enabled, updated_by, deleted_at, deleted_by)
	on identity_providers to collect_app;
grant insert (tenant_id, id, user_id, issuer, subject, confirmed, created_by, updated_by) on identities to collect_app;
grant update (last_used_at, updated_by, deleted_at, deleted_by) on identities to collect_app;
grant execute on function tenant_of_slug(text) to collect_app;
grant execute on function identity_account(text) to collect_app;
grant execute on function identity_join(uuid, uuid, text, text, boolean) to collect_app;
