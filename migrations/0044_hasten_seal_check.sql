-- The same check, for less: it runs for every answer. A function in SQL that another function calls is parsed and planned with each statement, while what stands in
-- PL/pgSQL itself is planned once a connection. So the bound tenant, the lock (seal_lock) and the rule (tenant_seals_answers) are spelled out here.
create or replace function response_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	bound uuid := current_setting('app.current_tenant_id');
	everything boolean;
	added boolean := tg_op = 'INSERT';
	stale boolean;
begin
	-- another tenant's row is refused by row security, in its own words
	if new.tenant_id <> bound then
		return new;
	end if;
	perform pg_advisory_xact_lock_shared(24225, hashtext(bound::text));
	select coalesce((t.settings ->> 'seal_answers')::boolean, false) into everything from tenants t where t.id = bound;
	everything := coalesce(everything, false);
	stale := everything and (new.answers <> '{}' and (added or old.answers = '{}') or new.consents <> '{}' and (added or old.consents = '{}'))
		or not everything and new.answers_sealed is not null and (added or old.answers_sealed is null);
	if new.sealed is not null and not stale
			and (added or (new.sealed, new.sealed_key_version) is distinct from (old.sealed, old.sealed_key_version)) then
		stale := not exists (select from data_keys k where k.tenant_id = bound and k.purpose = 'pii'
			and k.key_version = new.sealed_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if new.answers_sealed is not null and not stale
			and (added or (new.answers_sealed, new.answers_key_version) is distinct from (old.answers_sealed, old.answers_key_version)) then
		stale := not exists (select from data_keys k where k.tenant_id = bound and k.purpose = 'response'
			and k.key_version = new.answers_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if stale then
		raise exception 'sealed by a rule or with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
