-- A user's password is changed for all his tenants: each that he is a live member of is told in its own log. The request, and the credential that it came with, are
-- told in the tenant that the request was made in, and in no other's.

-- For what is done in another tenant than the bound one from here on: who, and no more. The caller puts back what this answers.
create function origin_elsewhere() returns text
language plpgsql volatile
set search_path = collect, pg_temp
as $$
declare
	origin text := coalesce(current_setting('app.origin', true), '');
begin
	if origin <> '' then
		perform set_config('app.origin', split_part(origin, ' ', 1) || ' ' || split_part(origin, ' ', 2) || ' - -', true);
	end if;
	return origin;
end
$$;

-- An event of the user in the log of each tenant that he is a live member of.
create function user_told(p_user uuid, p_type text, p_data jsonb, p_sequence bigint) returns void
language plpgsql volatile
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	whole text := coalesce(current_setting('app.origin', true), '');
	less text := origin_elsewhere();
	origin text[];
begin
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user order by user_tenants.tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		if exists (select from memberships where memberships.tenant_id = t and memberships.user_id = p_user and memberships.deleted_at is null) then
			origin := string_to_array(coalesce(nullif(case when t::text = bound then whole else current_setting('app.origin', true) end, ''), 'operator - - -'), ' ');
			insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind, actor_id, credential_id, request_id)
				values (t, event_id(), 'user', p_user, p_type, p_data, p_sequence, origin[1], nullif(origin[2], '-')::uuid, nullif(origin[3], '-')::uuid,
				nullif(array_to_string(origin[4:], ' '), '-'));
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	perform set_config('app.origin', less, true);
end
$$;
revoke all on function origin_elsewhere(), user_told(uuid, text, jsonb, bigint) from public;

create or replace function password_set(p_user uuid, p_old text, p_new text) returns integer
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	got integer;
begin
	update users set password_hash = p_new where id = p_user and password_hash = p_old and status = 'active' and deleted_at is null
		returning version into got;
	if found then
		perform user_told(p_user, 'password_changed', '{}', got);
	end if;
	return got;
end
$$;

create or replace function password_reset(p_user uuid, p_old text, p_new text) returns table (version bigint, taken_over boolean)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t uuid;
	factor boolean;
	got integer;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	origin text;
begin
	select * into u from users where users.id = p_user and users.password_hash = p_old and users.status = 'active' and users.deleted_at is null for update;
	if not found then
		return;
	end if;
	update users set password_hash = p_new, email_verified_at = coalesce(users.email_verified_at, now()) where users.id = p_user
		returning users.version into got;
	perform user_told(p_user, 'password_changed', '{"by": "mail"}', got);
	if u.email_verified_at is not null then
		return query select got::bigint, false;
		return;
	end if;
	delete from second_factors where second_factors.user_id = p_user;
	factor := found;
	delete from user_devices where user_devices.user_id = p_user;
	perform user_told(p_user, 'taken_over', jsonb_build_object('second_factor_removed', factor), got);
	origin := origin_elsewhere();
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
	end loop;
	perform set_config('app.origin', origin, true);
	perform set_config('app.current_tenant_id', bound, true);
	return query select got::bigint, true;
end
$$;

create or replace function user_keys_end(p_user uuid) returns bigint
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	n bigint;
	ended bigint := 0;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
	whole text := coalesce(current_setting('app.origin', true), '');
	less text;
begin
	if current_tenant_id() <> system_tenant() and not second_factor_member(p_user) then
		return 0;
	end if;
	perform origin_elsewhere();
	less := coalesce(current_setting('app.origin', true), '');
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user order by user_tenants.tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		perform set_config('app.origin', case when t::text = bound then whole else less end, true);
		update api_keys set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where api_keys.tenant_id = t and api_keys.user_id = p_user and api_keys.deleted_at is null;
		get diagnostics n = row_count;
		ended := ended + n;
		update clients set deleted_at = now(), deleted_by = p_user, updated_by = p_user
			where clients.tenant_id = t and clients.user_id = p_user and clients.deleted_at is null;
		get diagnostics n = row_count;
		ended := ended + n;
	end loop;
	perform set_config('app.origin', whole, true);
	perform set_config('app.current_tenant_id', bound, true);
	return ended;
end
$$;
