-- Whoever retires keys, or changes what is to be sealed, wants the tenant's seals to himself. While he waits in the lock's queue everybody who comes to seal waits behind
-- him, so one transaction that hangs with a seal in it would stop the tenant's intake. He waits for a moment now and answers false: who asks does so again, after a
-- pause in which the others go on. (Trying without waiting would never succeed under load: there is always somebody who seals.)
create function seal_lock_alone() returns boolean
language plpgsql volatile
set search_path = collect, pg_temp
set lock_timeout = '200ms'
as $$
begin
	perform pg_advisory_xact_lock(24225, hashtext(current_tenant_id()::text));
	return true;
exception when lock_not_available then
	return false;
end
$$;

-- As in 0044: what PL/pgSQL calls for each row is spelled out.
create or replace function lookup_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	bound uuid := current_setting('app.current_tenant_id');
begin
	if new.tenant_id <> bound then
		return new;
	end if;
	perform pg_advisory_xact_lock_shared(24225, hashtext(bound::text));
	if not exists (select from data_keys k where k.tenant_id = bound and k.purpose = 'index' and k.key_version = new.key_version
		and k.retired_at is null and k.destroyed_at is null) then
		raise exception 'made with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
drop function seal_lock(boolean);
grant execute on function seal_lock_alone() to collect_app, collect_worker;
