-- What a known device is bound to.

-- How often somebody has signed out everywhere, or lost his second factor: what was given to his devices before is over.
alter table users add column devices_ended integer not null default 0;

-- Without a second factor the account is as it was before there was one, but for this: devices of then stay strangers.
create function second_factor_gone() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	update users set devices_ended = devices_ended + 1 where id = old.user_id;
	return null;
end
$$;
create trigger second_factor_gone after delete on second_factors for each row when (old.confirmed_at is not null) execute function second_factor_gone();

-- What a device that is known to the account with this address was told: another password, a second factor more or less, and signing out everywhere change it.
-- While somebody signs in no tenant is bound yet. Null when there is no such active user.
create function device_stamp(p_email text) returns text
language sql stable security definer
set search_path = collect, pg_temp
as $$
	select encode(sha256(convert_to(concat_ws('|', users.id, users.password_hash, coalesce(extract(epoch from second_factors.confirmed_at)::text, 'none'),
		users.devices_ended), 'UTF8')), 'hex')
	from users left join second_factors on second_factors.user_id = users.id and second_factors.confirmed_at is not null
	where users.email = lower(p_email) and users.status = 'active' and users.deleted_at is null
$$;

-- Signing out everywhere, by a live member of the bound tenant. The user's version, or null when there is none.
create function devices_end(p_user uuid) returns integer
language sql volatile security definer
set search_path = collect, pg_temp
as $$
	update users set devices_ended = devices_ended + 1 where id = p_user and status = 'active' and deleted_at is null and second_factor_member(p_user)
	returning version
$$;
grant execute on function device_stamp(text), devices_end(uuid) to collect_app;
