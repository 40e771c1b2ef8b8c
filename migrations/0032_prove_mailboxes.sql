-- An address is somebody's name here, so it has to be known whether the account that has it belongs to whoever reads that mailbox. It does when a token
-- that went there by mail came back, or when the operator made the account himself.
alter table users add column email_verified_at timestamptz;

-- Of the accounts that are there, those made in one transaction with a tenant are the operator's: only `collect tenant add` does both. What showed the
-- others' mailboxes, if anything did, was not kept. Version and log stay as they are: nobody changed his account.
alter table users disable trigger user;
do $$
declare
	t record;
begin
	for t in select id, created_at from tenants loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		update users set email_verified_at = users.created_at from memberships
			where memberships.tenant_id = t.id and memberships.user_id = users.id and memberships.created_by is null
				and memberships.created_at = t.created_at and users.created_at = t.created_at and users.deleted_at is null;
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;
alter table users enable trigger user;

-- As in 0030; the mailbox is forgotten with its address.
create or replace function user_scrub(p_user uuid) returns void
language sql volatile
set search_path = collect, pg_temp
as $$
	delete from second_factors where user_id = p_user;
	delete from user_devices where user_id = p_user;
	update users set email = 'erased-' || id || '@invalid', name = '', password_hash = '', locale = 'en', status = 'disabled', email_verified_at = null,
		deleted_at = coalesce(deleted_at, now())
	where id = p_user
$$;

-- As in 0016; but an account that somebody else may have made for the address becomes nobody's member here.
create or replace function provision_member(p_tenant uuid, p_user uuid, p_email text, p_name text, p_password_hash text, p_locale text,
	p_role text) returns uuid
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	found_user uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	insert into users (id, email, name, password_hash, locale, email_verified_at) values (p_user, lower(p_email), p_name, p_password_hash, p_locale, now())
		on conflict (email) do nothing;
	select users.id into found_user from users where users.email = lower(p_email) and users.email_verified_at is not null;
	if not found then
		raise exception 'nobody has shown that the mailbox of this account is his' using errcode = 'object_not_in_prerequisite_state';
	end if;
	perform set_config('app.current_tenant_id', p_tenant::text, true);
	insert into memberships (tenant_id, user_id, role) values (p_tenant, found_user, p_role)
		on conflict (tenant_id, user_id) do update set role = excluded.role, role_id = null, deleted_at = null, deleted_by = null;
	perform set_config('app.current_tenant_id', bound, true);
	return found_user;
end
$$;

-- As in 0017. p_mailed: the link's token was in the mail, and nobody else has seen it.
drop function invitation_accept(uuid, integer, uuid, text, text);
create function invitation_accept(p_invitation uuid, p_serial integer, p_user uuid, p_name text, p_password_hash text, p_mailed boolean)
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
		insert into users (id, email, name, password_hash, locale, email_verified_at)
			values (p_user, i.email, p_name, p_password_hash, i.language, case when p_mailed then now() end);
	elsif not exists (select from users where users.id = p_user and users.email = i.email and users.status = 'active' and users.deleted_at is null) then
		return;
	elsif p_mailed then
		update users set email_verified_at = now() where users.id = p_user and users.email_verified_at is null;
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

-- Another password for whoever has the mailbox, when the present one is still p_old. When nobody had shown the mailbox before, the account was made by
-- somebody who perhaps never had it: it goes over to the one who has, and everything that would let the other in again ends, in every tenant. No row: the
-- password was changed meanwhile.
create function password_reset(p_user uuid, p_old text, p_new text) returns table (version bigint, taken_over boolean)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t uuid;
	factor boolean;
	got integer;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	origin text[] := string_to_array(coalesce(nullif(current_setting('app.origin', true), ''), 'operator - - -'), ' ');
begin
	select * into u from users where users.id = p_user and users.password_hash = p_old and users.status = 'active' and users.deleted_at is null for update;
	if not found then
		return;
	end if;
	update users set password_hash = p_new, email_verified_at = coalesce(users.email_verified_at, now()) where users.id = p_user
		returning users.version into got;
	if u.email_verified_at is not null then
		return query select got::bigint, false;
		return;
	end if;
	delete from second_factors where second_factors.user_id = p_user;
	factor := found;
	delete from user_devices where user_devices.user_id = p_user;
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user order by user_tenants.tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		update api_keys set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where api_keys.tenant_id = t and api_keys.user_id = p_user and api_keys.deleted_at is null;
		update clients set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where clients.tenant_id = t and clients.user_id = p_user and clients.deleted_at is null;
		update identities set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where identities.tenant_id = t and identities.user_id = p_user and identities.deleted_at is null;
		update invitations set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where invitations.tenant_id = t and invitations.updated_by = p_user and invitations.accepted_at is null and invitations.deleted_at is null;
		if exists (select from memberships where memberships.tenant_id = t and memberships.user_id = p_user and memberships.deleted_at is null) then
			insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_kind, actor_id, request_id, sequence)
				values (t, event_id(), 'user', p_user, 'taken_over', jsonb_build_object('second_factor_removed', factor), origin[1],
				nullif(origin[2], '-')::uuid, nullif(array_to_string(origin[4:], ' '), '-'), got);
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return query select got::bigint, true;
end
$$;

grant execute on function invitation_accept(uuid, integer, uuid, text, text, boolean), password_reset(uuid, text, text) to collect_app;
