-- Second factors: time-based one-time passwords (RFC 6238) and recovery codes. They belong to users, who are global, so this table is too: no grants, and
-- the functions below. The secret is sealed with the installation's key, of recovery codes here are hashes.
create table second_factors (
	user_id uuid primary key references users (id),
	sealed bytea not null,
	key_version integer not null,
	confirmed_at timestamptz,                     -- null: begun, and worth nothing yet
	last_step bigint not null default 0,          -- of 30 s: no code of this step or an earlier one is taken any more
	recovery text[] not null default '{}' check (cardinality(recovery) <= 10),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	version integer not null default 1
);
create trigger touch before update on second_factors for each row execute function touch();

-- What a tenant asks of those who sign in. No row is the same as nothing asked.
create table security_settings (
	tenant_id uuid not null references tenants (id),
	require_second_factor boolean not null default false,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id),
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on security_settings for each row execute function touch();
do $$ begin perform isolate('security_settings'); end $$;
grant select, insert on security_settings to collect_app;
grant update (require_second_factor, updated_by) on security_settings to collect_app;

-- The user's version when he has a second factor, else 0. While somebody signs in no tenant is bound yet.
create function second_factor_of(p_user uuid) returns bigint
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select coalesce((select users.version from users join second_factors on second_factors.user_id = users.id
		where users.id = p_user and second_factors.confirmed_at is not null), 0)::bigint
$$;

-- Whether the bound tenant asks for one that this user does not have.
create function second_factor_missing(p_user uuid) returns boolean
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select exists (select from security_settings where tenant_id = current_tenant_id() and require_second_factor)
		and not exists (select from second_factors where user_id = p_user and confirmed_at is not null)
$$;

-- The others are for live members of the bound tenant only.
create function second_factor_member(p_user uuid) returns boolean
language sql stable security definer
set search_path = collect, pg_temp
as $$ select exists (select from memberships where tenant_id = current_tenant_id() and user_id = p_user and deleted_at is null) $$;

create function second_factor_get(p_user uuid) returns table (sealed bytea, key_version bigint, confirmed_at timestamptz, codes bigint)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select s.sealed, s.key_version::bigint, s.confirmed_at, cardinality(s.recovery)::bigint
	from second_factors s where s.user_id = p_user and second_factor_member(p_user)
$$;

-- Begins, or begins anew. No row when he has one.
create function second_factor_start(p_user uuid, p_sealed bytea, p_key_version integer) returns uuid
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	insert into second_factors (user_id, sealed, key_version) select p_user, p_sealed, p_key_version where second_factor_member(p_user)
	on conflict (user_id) do update set sealed = excluded.sealed, key_version = excluded.key_version, last_step = 0
		where second_factors.confirmed_at is null
	returning user_id
$$;

-- Takes the code of a step: null when that step, or a later one, was used before. Of two at once one gets it.
create function second_factor_step(p_user uuid, p_step bigint, p_confirmed boolean) returns uuid
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	update second_factors set last_step = p_step where user_id = p_user and last_step < p_step and (confirmed_at is not null) = p_confirmed
		and second_factor_member(p_user)
	returning user_id
$$;

-- What follows answers the user's version after the change, which makes void what was signed in halfway, or null when nothing changed.

-- Takes a recovery code.
create function second_factor_recover(p_user uuid, p_code text) returns integer
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	got integer;
begin
	update second_factors set recovery = array_remove(recovery, p_code)
		where user_id = p_user and p_code = any (recovery) and confirmed_at is not null and second_factor_member(p_user);
	if found then
		update users set updated_at = now() where id = p_user returning version into got;
	end if;
	return got;
end
$$;

-- Other recovery codes; confirms the factor when it was not.
create function second_factor_codes(p_user uuid, p_recovery text[], p_confirmed boolean) returns integer
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	got integer;
begin
	update second_factors set recovery = p_recovery, confirmed_at = coalesce(confirmed_at, now())
		where user_id = p_user and (confirmed_at is not null) = p_confirmed and second_factor_member(p_user);
	if found then
		update users set updated_at = now() where id = p_user returning version into got;
	end if;
	return got;
end
$$;

create function second_factor_remove(p_user uuid) returns integer
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	got integer;
begin
	delete from second_factors where user_id = p_user and confirmed_at is not null and second_factor_member(p_user);
	if found then
		update users set updated_at = now() where id = p_user returning version into got;
	end if;
	return got;
end
$$;

-- What an operator does for somebody who lost it (`collect user`). It stands in the event log of each tenant that the user is a member of. False:
-- there is no such user, or he has none.
create function second_factor_take(p_email text) returns boolean
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u users;
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	delete from second_factors using users where users.email = lower(p_email) and users.id = second_factors.user_id
		and second_factors.confirmed_at is not null returning users.* into u;
	if not found then
		return false;
	end if;
	update users set updated_at = now() where id = u.id returning * into u;
	for t in select tenant_id from user_tenants where user_id = u.id order by tenant_id loop
		perform set_config('app.current_tenant_id', t::text, true);
		if exists (select from memberships where tenant_id = t and user_id = u.id and deleted_at is null) then
			insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence) values (t,
				(left(uuid_floor(clock_timestamp())::text, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid,
				'user', u.id, 'second_factor_removed', '{"by": "operator"}', u.version);
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	return true;
end
$$;

grant execute on function second_factor_of(uuid), second_factor_missing(uuid), second_factor_get(uuid),
	second_factor_start(uuid, bytea, integer), second_factor_step(uuid, bigint, boolean), second_factor_recover(uuid, text),
	second_factor_codes(uuid, text[], boolean), second_factor_remove(uuid) to collect_app;
