-- A tenant that has all answers sealed keeps those that are not personal in a column of their own, under a key of their own: then personal ones can be
-- removed, shown and exported as everywhere, without opening the rest. `answers` and `consents` are {} where answers_sealed is not null.
drop trigger touch on responses;
drop trigger seal_check on responses;
revoke update (sealed_purpose) on responses from collect_worker;
alter table responses drop column sealed_purpose;
alter table responses add column answers_sealed bytea, add column answers_key_version integer;
alter table responses add check ((answers_sealed is null) = (answers_key_version is null));
grant update (answers_sealed, answers_key_version) on responses to collect_worker;

-- Another key for the same text is no change that anybody could see.
create trigger touch before update on responses for each row
	when (not ((old.sealed is null) = (new.sealed is null) and (old.answers_sealed is null) = (new.answers_sealed is null) and old.answers = new.answers
		and (old.sealed_key_version is distinct from new.sealed_key_version or old.answers_key_version is distinct from new.answers_key_version)))
	execute function touch();

create or replace function response_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	everything boolean;
	stale boolean;
begin
	-- another tenant's row is refused by row security, in its own words
	if new.tenant_id <> current_tenant_id() then
		return new;
	end if;
	perform seal_lock(false);
	everything := tenant_seals_answers();
	stale := everything and new.answers <> '{}' or not everything and new.answers_sealed is not null;
	if new.sealed is not null and not stale and (tg_op = 'INSERT' or new.sealed is distinct from old.sealed) then
		stale := not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = 'pii'
			and k.key_version = new.sealed_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if new.answers_sealed is not null and not stale and (tg_op = 'INSERT' or new.answers_sealed is distinct from old.answers_sealed) then
		stale := not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = 'response'
			and k.key_version = new.answers_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if stale then
		raise exception 'sealed by a rule or with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
create trigger seal_check before insert or update of answers, sealed, sealed_key_version, answers_sealed, answers_key_version on responses
	for each row execute function response_seal_check();

-- Where personal answers go, what they were found by goes too.
create function lookups_follow() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	delete from response_lookups l where l.tenant_id = new.tenant_id and l.survey_id = new.survey_id and l.response_id = new.id;
	return null;
end
$$;
create trigger lookups_follow after update of sealed on responses for each row
	when (old.sealed is not null and new.sealed is null) execute function lookups_follow();

-- The tenant's rule. Its version is the tenant's own.
create function tenant_sealing() returns table (version bigint, seal_answers boolean)
language sql volatile security definer
set search_path = collect, pg_temp
as $$ select t.version::bigint, coalesce((t.settings ->> 'seal_answers')::boolean, false) from tenants t where t.id = current_tenant_id() $$;

create function tenant_sealing_set(p_on boolean) returns void
language sql volatile security definer
set search_path = collect, pg_temp
as $$ update tenants set settings = settings || jsonb_build_object('seal_answers', p_on) where id = current_tenant_id() $$;

grant execute on function tenant_sealing(), tenant_sealing_set(boolean) to collect_app;
