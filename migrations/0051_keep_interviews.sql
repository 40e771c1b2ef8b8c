-- Interviews are kept from their first page on, not only when they are over: what was answered so far is in the row of the answer that it becomes. What else
-- is needed to go on with it elsewhere (page, parameters, hidden answers) is in `state`, sealed with the tenant's key for such things and gone
-- when the interview is over, or when something was taken out of it.
alter table responses add column last_at timestamptz, add column device text check (device in ('desktop', 'mobile', 'tablet', 'other')),
	add column page_ms jsonb check (jsonb_typeof(page_ms) = 'object'), add column paradata jsonb check (jsonb_typeof(paradata) = 'object'),
	add column state bytea, add column state_key_version integer check (state_key_version > 0);
alter table responses add check ((state is null) = (state_key_version is null));
alter table responses add check (state is null or status in ('started', 'in_progress'));

-- Those that are under way: few, whatever the survey holds. Nothing in it changes with each page, so saving one touches no index.
create index responses_open on responses (tenant_id, survey_id, created_at, id) where status in ('started', 'in_progress') and deleted_at is null;

grant update (status, outcome, language, answers, sealed, sealed_key_version, answers_sealed, answers_key_version, parameters, consents, payload_hash,
	payload_key_version, completed_at, duration_ms, last_at, page_ms, paradata, quota_cells, state, state_key_version) on responses to collect_public;
grant update (state, state_key_version, last_at, device, page_ms, paradata) on responses to collect_worker;

-- Respondents save what is under way, and nothing else: an answer that is over is not theirs to change.
create function interview_guard() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	raise exception 'the interview is over' using errcode = 'insufficient_privilege';
end
$$;
create trigger interview_guard before update on responses for each row
	when (current_user = 'collect_public' and (old.deleted_at is not null or old.status not in ('started', 'in_progress'))) execute function interview_guard();

-- Whoever else ends it or takes something out of it leaves nothing to go on with, where what was taken out would be once more.
create function state_follow() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	new.state := null;
	new.state_key_version := null;
	return new;
end
$$;
create trigger state_follow before update of status, deleted_at, answers, consents, sealed, answers_sealed, parameters, payload_hash, idempotency_key, started_at, seed
	on responses for each row
	when (new.state is not null and current_user <> 'collect_public' and current_setting('app.resealing', true) is distinct from 'on') execute function state_follow();

-- A page that is saved is no change that the log tells of; that an interview began and how it ended is, by an event of its kind.
drop trigger audit on responses;
create trigger audit after update or delete on responses for each row when (current_user not in ('collect_worker', 'collect_public'))
	execute function audit_change('response', 'id', 'answers,parameters,consents,idempotency_key,page_ms,paradata', '', 'survey_id');

-- The writers count for themselves, many answers at once and in one order.
drop trigger quota_follow on responses;
create trigger quota_follow after update of deleted_at, status, quota_cells on responses for each row
	when (current_user <> 'collect_public' and (old.quota_cells is not null or new.quota_cells is not null)) execute function quota_follow();

-- What a saved page is found by takes the place of what it was found by before.
create function lookups_renew() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	delete from response_lookups l where l.tenant_id = old.tenant_id and l.survey_id = old.survey_id and l.response_id = old.id;
	return new;
end
$$;
create trigger lookups_renew before update of sealed on responses for each row
	when (current_user = 'collect_public' and old.sealed is not null) execute function lookups_renew();
