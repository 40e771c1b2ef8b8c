-- Some work is for people and no tenant's: mails about their accounts, which no tenant's managers may see or keep from being sent. It is a tenant of the
-- installation's own, without members, so that it has keys, jobs and records like everybody's and none of them has a second way to be reached.
create function system_tenant() returns uuid
language sql immutable parallel safe
set search_path = collect, pg_temp
as $$ select '00000000-0000-7000-8000-000000000000'::uuid $$;
insert into tenants (id, slug, name) values (system_tenant(), system_tenant()::text, 'The installation');

-- As in 0015 and 0011: what comes round for each tenant has nothing to do here.
create or replace function job_tenants(p_after uuid, p_limit integer) returns setof uuid
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select t.id from tenants t where t.id > p_after and t.id <> system_tenant() and t.deleted_at is null order by t.id limit p_limit
$$;
create or replace function active_survey_counts(p_tenants integer) returns table (tenant_id uuid, surveys bigint)
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	for t in select id from tenants where deleted_at is null and id <> system_tenant() order by created_at, id limit p_tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		return query select t, count(*) from surveys s where s.tenant_id = t and s.status = 'published' and s.deleted_at is null;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;

-- As in 0023: its keys are rotated and wrapped anew like others', but nobody names it, to destroy them.
create or replace function key_tenants(p_after uuid, p_slug text, p_limit integer) returns table (id uuid, slug text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select t.id, t.slug from tenants t
	where t.id > p_after and (p_slug is null or (t.slug = p_slug and t.id <> system_tenant())) order by t.id limit p_limit
$$;

-- Nobody signs in there.
create or replace function tenant_of_slug(p_slug text) returns uuid
language sql stable security definer
set search_path = collect, pg_temp
as $$ select tenants.id from tenants where tenants.slug = p_slug and tenants.id <> system_tenant() and tenants.deleted_at is null $$;

-- For the worker that sends a mail to whoever has an account with this address, a member somewhere or not. stamp: another one with each password; what is
-- good until that changes carries it (at most 32 characters).
create function account_of_mailbox(p_email text) returns table (email text, locale text, stamp text)
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select users.email, users.locale, left(encode(sha256(convert_to(users.id::text || users.password_hash, 'UTF8')), 'hex'), 32)
	from users where users.email = lower(p_email) and users.status = 'active' and users.deleted_at is null and current_tenant_id() = system_tenant()
$$;

-- As in 0026; and for everybody while the system's tenant is bound, in which the mail about it is asked for.
create or replace function device_seen(p_user uuid, p_device bytea) returns text
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	how text := 'new';
begin
	if current_tenant_id() <> system_tenant() and not second_factor_member(p_user) then
		return 'known';
	end if;
	if not exists (select from user_devices where user_id = p_user) then
		how := 'first';
	elsif exists (select from user_devices where user_id = p_user and device = p_device and last_seen_at > now() - interval '400 days') then
		how := 'known';
	end if;
	insert into user_devices (user_id, device) values (p_user, p_device) on conflict (user_id, device) do update set last_seen_at = now();
	if how = 'new' then
		delete from user_devices where user_id = p_user and (last_seen_at < now() - interval '400 days'
			or device in (select d.device from user_devices d where d.user_id = p_user order by d.last_seen_at desc, d.device offset 50));
	end if;
	return how;
end
$$;

grant execute on function account_of_mailbox(text) to collect_worker;
