-- What is refused because of how it is sealed, and what counts as a change of an answer.

-- A shredded answer has no use for its bytes once answers are no longer sealed; the version of the key that is gone stays, and says why there is nothing to read.
do $$
declare
	name text;
begin
	select conname into strict name from pg_constraint where conrelid = 'responses'::regclass and contype = 'c'
		and pg_get_constraintdef(oid) ~ '\(answers_sealed IS NULL\) = \(answers_key_version IS NULL\)';
	execute format('alter table responses drop constraint %I', name);
end
$$;
alter table responses add check (answers_sealed is null or answers_key_version is not null);

-- Another key for the same text is no change that anybody could see. Only who seals anew knows that it is the same text, and says so for his transaction.
drop trigger touch on responses;
create trigger touch before update on responses for each row
	when (current_setting('app.resealing', true) is distinct from 'on') execute function touch();

-- As in 0035, but a row that does not follow the rule yet, or never will, may be changed as long as it gets no worse: parts are removed from it at any time.
-- Consents are sealed with the answers, so they are looked at as well.
create or replace function response_seal_check() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	everything boolean;
	added boolean := tg_op = 'INSERT';
	stale boolean;
begin
	-- another tenant's row is refused by row security, in its own words
	if new.tenant_id <> current_tenant_id() then
		return new;
	end if;
	perform seal_lock(false);
	everything := tenant_seals_answers();
	stale := everything and (new.answers <> '{}' and (added or old.answers = '{}') or new.consents <> '{}' and (added or old.consents = '{}'))
		or not everything and new.answers_sealed is not null and (added or old.answers_sealed is null);
	if new.sealed is not null and not stale
			and (added or (new.sealed, new.sealed_key_version) is distinct from (old.sealed, old.sealed_key_version)) then
		stale := not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = 'pii'
			and k.key_version = new.sealed_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if new.answers_sealed is not null and not stale
			and (added or (new.answers_sealed, new.answers_key_version) is distinct from (old.answers_sealed, old.answers_key_version)) then
		stale := not exists (select from data_keys k where k.tenant_id = new.tenant_id and k.purpose = 'response'
			and k.key_version = new.answers_key_version and k.retired_at is null and k.destroyed_at is null);
	end if;
	if stale then
		raise exception 'sealed by a rule or with a key that is out of date' using errcode = '23000', constraint = 'seal_check';
	end if;
	return new;
end
$$;
drop trigger seal_check on responses;
create trigger seal_check before insert or update of answers, consents, sealed, sealed_key_version, answers_sealed, answers_key_version on responses
	for each row execute function response_seal_check();
