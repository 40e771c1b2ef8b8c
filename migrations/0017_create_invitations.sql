-- Who is asked to become a member. The link's token is not stored, not even its hash: it is a MAC of tenant, id and serial.
create table invitations (
	tenant_id uuid not null references tenants (id),
	id uuid not null,
	email text not null check (email = lower(email)),
	role text not null,
	role_id uuid,
	language text not null default 'en',
	serial integer not null default 1,            -- one more with each link that is sent: older ones are void
	expires_at timestamptz not null,
	accepted_at timestamptz,
	accepted_by uuid references users (id),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, id),
	check (role in ('interviewer', 'viewer', 'analyst', 'manager', 'admin', 'owner', 'own') and (role = 'own') = (role_id is not null)),
	check ((accepted_at is null) = (accepted_by is null)),
	foreign key (tenant_id, role_id) references roles (tenant_id, id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create unique index invitations_open on invitations (tenant_id, email) where deleted_at is null and accepted_at is null;
create index invitations_list on invitations (tenant_id, created_at desc, id desc) where deleted_at is null;
create index invitations_role on invitations (tenant_id, role_id) where role_id is not null;
create trigger touch before update on invitations for each row execute function touch();
do $$ begin perform isolate('invitations'); end $$;

-- Whether somebody has this address already, and what he has to show for it.
create function account_lookup(p_email text) returns table (user_id uuid, name text, password_hash text, locale text, active boolean)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.id, users.name, users.password_hash, users.locale, users.status = 'active' and users.deleted_at is null
	from users where users.email = lower(p_email)
$$;

-- Makes the member that an open invitation of the bound tenant asks for, and nobody else. p_password_hash: null when the user is there already, who
-- then has been asked for his password; a unique violation when he came to be meanwhile. No row: the invitation is not open.
create function invitation_accept(p_invitation uuid, p_serial integer, p_user uuid, p_name text, p_password_hash text)
	returns table (member_version integer, role text)
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	i invitations;
	got integer;
begin
	select * into i from invitations where invitations.tenant_id = current_tenant_id() and invitations.id = p_invitation
		and invitations.serial = p_serial and invitations.deleted_at is null and invitations.accepted_at is null
		and invitations.expires_at > now() for update;
	if not found then
		return;
	end if;
	if p_password_hash is not null then
		insert into users (id, email, name, password_hash, locale) values (p_user, i.email, p_name, p_password_hash, i.language);
	elsif not exists (select from users where users.id = p_user and users.email = i.email and users.status = 'active' and users.deleted_at is null) then
		return;
	end if;
	insert into memberships (tenant_id, user_id, role, role_id, created_by, updated_by)
		values (i.tenant_id, p_user, i.role, i.role_id, i.created_by, i.created_by)
		on conflict on constraint memberships_pkey do update set role = excluded.role, role_id = excluded.role_id,
			updated_by = excluded.updated_by, deleted_at = null, deleted_by = null
		returning memberships.version into got;
	update invitations set accepted_at = now(), accepted_by = p_user where invitations.tenant_id = i.tenant_id and invitations.id = i.id;
	return query select got, i.role;
end
$$;

grant select on invitations to collect_app;
grant insert (tenant_id, id, email, role, role_id, language, expires_at, created_by, updated_by) on invitations to collect_app;
grant update (serial, expires_at, updated_by, deleted_at, deleted_by) on invitations to collect_app;
grant execute on function account_lookup(text) to collect_app;
grant execute on function invitation_accept(uuid, integer, uuid, text, text) to collect_app;

-- Another password, when the present one is still p_old: of two changes at once one fails (null). Answers the user's version.
create function password_set(p_user uuid, p_old text, p_new text) returns integer
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	update users set password_hash = p_new where id = p_user and password_hash = p_old and status = 'active' and deleted_at is null
	returning version
$$;
grant execute on function password_set(uuid, text, text) to collect_app;
