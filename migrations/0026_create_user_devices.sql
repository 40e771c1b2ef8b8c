-- Where users signed in from before, so that they can be told of a sign-in from elsewhere: a MAC of user and kind of program, nothing that can be read.
-- Users are global, so this table is too: no grants, and the one function below.
create table user_devices (
	user_id uuid not null references users (id),
	device bytea not null check (length(device) = 32),
	created_at timestamptz not null default now(),
	last_seen_at timestamptz not null default now(),
	primary key (user_id, device)
);

-- 'known', 'new', or 'first' for who was never seen before. For live members of the bound tenant. At most fifty are kept, each for 400 days after its use.
create function device_seen(p_user uuid, p_device bytea) returns text
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	how text := 'new';
begin
	if not second_factor_member(p_user) then
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

-- One's own name and language: null leaves one as it is. The user's version, or null when there is no such live member of the bound tenant.
create function profile_set(p_user uuid, p_name text, p_locale text) returns integer
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	update users set name = coalesce(p_name, name), locale = coalesce(p_locale, locale)
	where id = p_user and status = 'active' and deleted_at is null and second_factor_member(p_user)
	returning version
$$;

grant execute on function device_seen(uuid, bytea), profile_set(uuid, text, text) to collect_app;
