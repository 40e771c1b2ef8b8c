-- Whoever is forgotten takes his address along: it stood in the invitation that made him a member, and in replies kept for who repeats a request.

-- Whether the text names that address, whole: a@acme.example is not in what says nga@acme.example. Both in small letters.
create function names_address(p_text text, p_address text) returns boolean
language sql immutable parallel safe
set search_path = collect, pg_temp
as $$
	select p_address <> '' and strpos(p_text, p_address) > 0 and (strpos(p_text, to_json(p_address)::text) > 0
		or p_text ~ ('(?<![[:alnum:]._%+-])' || regexp_replace(p_address, '([^[:alnum:]])', '\\\1', 'g') || '(?![[:alnum:]_-]|\.[[:alnum:]])'))
$$;

-- In the bound tenant: the invitations of an address or of who took them, and the stored replies that are his or name him. Null or '': not known.
create function address_forget(p_email text, p_user uuid, out invitations bigint, out replies bigint)
language plpgsql volatile
set search_path = collect, pg_temp
as $$
begin
	delete from invitations where invitations.tenant_id = current_tenant_id() and (invitations.email = lower(p_email) or invitations.accepted_by = p_user);
	get diagnostics invitations = row_count;
	delete from idempotency where idempotency.tenant_id = current_tenant_id() and (idempotency.user_id = p_user
		or strpos(idempotency.body, p_user::text) > 0 or names_address(lower(idempotency.body), lower(p_email)));
	get diagnostics replies = row_count;
end
$$;

-- As in 0030, and his address goes from the tenant with him.
create or replace function member_forget(p_user uuid) returns text
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	m memberships;
	t uuid;
	bound text := current_setting('app.current_tenant_id');
	known boolean := false;
begin
	select * into m from memberships where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user for update;
	if not found then
		return 'none';
	elsif m.deleted_at is null then
		return 'kept';
	end if;
	update memberships set forgotten_at = now() where memberships.tenant_id = current_tenant_id() and memberships.user_id = p_user and memberships.forgotten_at is null;
	delete from identities where identities.tenant_id = current_tenant_id() and identities.user_id = p_user;
	-- of two tenants that forget him at the same moment the second sees what the first did
	perform 1 from users where users.id = p_user for update;
	perform address_forget((select users.email from users where users.id = p_user), p_user);
	for t in select user_tenants.tenant_id from user_tenants where user_tenants.user_id = p_user loop
		perform set_config('app.current_tenant_id', t::text, true);
		known := known or exists (select from memberships where memberships.tenant_id = t and memberships.user_id = p_user
			and (memberships.deleted_at is null or memberships.forgotten_at is null));
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
	if not known then
		perform user_scrub(p_user);
	end if;
	return 'forgotten';
end
$$;

-- As in 0030. An account that is nobody's any more is invited by nobody either: its address goes from all tenants, those that never had him, too.
create or replace function user_erase(p_email text) returns table (user_id uuid, tenants text)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	u uuid;
	t record;
	held text := '';
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	select users.id into u from users where users.email = lower(p_email) for update;
	if not found then
		return;
	end if;
	for t in select tenants.id, tenants.slug from user_tenants join tenants on tenants.id = user_tenants.tenant_id
		where user_tenants.user_id = u order by tenants.slug loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		if exists (select from memberships where memberships.tenant_id = t.id and memberships.user_id = u and memberships.deleted_at is null) then
			held := trim(held || ' ' || t.slug);
		end if;
	end loop;
	if held = '' then
		for t in select user_tenants.tenant_id as id from user_tenants where user_tenants.user_id = u loop
			perform set_config('app.current_tenant_id', t.id::text, true);
			update memberships set forgotten_at = now() where memberships.tenant_id = t.id and memberships.user_id = u and memberships.forgotten_at is null;
			delete from identities where identities.tenant_id = t.id and identities.user_id = u;
		end loop;
		for t in select tenants.id from tenants order by tenants.id loop
			perform set_config('app.current_tenant_id', t.id::text, true);
			perform address_forget(p_email, u);
		end loop;
		perform user_scrub(u);
	end if;
	perform set_config('app.current_tenant_id', bound, true);
	return query select u, held;
end
$$;

grant execute on function names_address(text, text), address_forget(text, uuid) to collect_worker;

-- Those who were forgotten before this.
do $$
declare
	t record;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		delete from invitations i using memberships m
			where i.tenant_id = t.id and m.tenant_id = t.id and m.user_id = i.accepted_by and m.forgotten_at is not null;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;
