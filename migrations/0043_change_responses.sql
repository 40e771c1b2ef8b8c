-- Answers that are changed after they came: edited, rejected, deleted, taken back; and what was there before.
alter table responses drop constraint responses_status_check;
alter table responses add constraint responses_status_check check (status in ('started', 'in_progress', 'completed', 'screened_out', 'quota_full', 'partial', 'rejected'));
-- A rejected answer remembers what it was, for being restored.
alter table responses add column rejected_from text, add column reject_reason text check (length(reject_reason) <= 1000);
alter table responses add check ((status = 'rejected') = (rejected_from is not null));

grant update (status, outcome, answers, consents, sealed, sealed_key_version, answers_sealed, answers_key_version, quota_cells, rejected_from, reject_reason,
	deleted_at, deleted_by, updated_by) on responses to collect_app;
grant update (status, rejected_from, reject_reason, deleted_at, deleted_by, updated_by) on responses to collect_worker;
-- What personal answers are found by is made anew with them.
grant insert (tenant_id, survey_id, response_id, question, kind, key_version, hash), delete on response_lookups to collect_app;

-- ---- quotas follow ----
-- An answer holds its places while it is completed and there. Whoever gives them back or takes them again needs the right to update quota_cells. Taking one
-- that is full fails with the constraint 'quota_full', and nothing is changed.
grant update (used) on quota_cells to collect_app, collect_worker;
grant insert on quota_cells to collect_app, collect_worker;
drop trigger release_quota_cells on responses;
drop function release_quota_cells();
create function quota_follow() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
declare
	held jsonb := case when old.deleted_at is null and old.status = 'completed' then old.quota_cells end;
	wanted jsonb := case when new.deleted_at is null and new.status = 'completed' then new.quota_cells end;
	taken bigint;
begin
	if held is not distinct from wanted then
		return null;
	end if;
	-- in one order by everybody
	perform from quota_cells q join jsonb_to_recordset(coalesce(held, '[]') || coalesce(wanted, '[]')) w (quota text, cell text)
		on q.tenant_id = old.tenant_id and q.survey_id = old.survey_id and q.quota = w.quota and q.cell = w.cell
	order by q.quota collate "C", q.cell collate "C" for update of q;
	update quota_cells q set used = q.used - 1
	from jsonb_to_recordset(held) w (quota text, cell text)
	where q.tenant_id = old.tenant_id and q.survey_id = old.survey_id and q.quota = w.quota and q.cell = w.cell and q.used > 0;
	insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, used)
	select old.tenant_id, old.survey_id, w.quota, w.cell, w.lim, 1 from jsonb_to_recordset(wanted) w (quota text, cell text, lim bigint) where w.lim >= 1
	order by w.quota collate "C", w.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = q.used + 1 where q.used + 1 <= q.lim;
	get diagnostics taken = row_count;
	if taken < coalesce(jsonb_array_length(wanted), 0) then
		raise exception 'a quota cell has no room' using errcode = 'unique_violation', constraint = 'quota_full';
	end if;
	return null;
end
$$;
create trigger quota_follow after update of deleted_at, status, quota_cells on responses for each row
	when (old.quota_cells is not null or new.quota_cells is not null) execute function quota_follow();

-- ---- history ----
-- One row for each change by somebody: what happened, and for edited answers before and after, by question. It lives and is erased with its answer, unlike the log,
-- which tells only that it happened. Personal answers are never in it (`personal`: some changed), and of sealed answers only the fact is.
create table response_changes (
	tenant_id uuid not null,
	survey_id uuid not null,
	response_id uuid not null,
	id uuid not null,
	kind text not null check (kind in ('edited', 'rejected', 'restored', 'deleted', 'undeleted')),
	reason text,
	status_before text not null,
	status_after text not null,
	changes jsonb check (jsonb_typeof(changes) = 'object'),
	personal boolean not null default false,
	actor_kind text,
	actor_id uuid,
	request_id text,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, survey_id, response_id, id),
	foreign key (tenant_id, survey_id, response_id) references responses (tenant_id, survey_id, id) on delete cascade,
	foreign key (tenant_id, created_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, updated_by) references memberships (tenant_id, user_id),
	foreign key (tenant_id, deleted_by) references memberships (tenant_id, user_id)
);
create trigger touch before update on response_changes for each row execute function touch();
select isolate('response_changes');
select audit_not('response_changes', 'history of an answer, written by a trigger; that the answer changed is told of the answer');
grant select on response_changes to collect_app;

create function response_change_note() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
declare
	origin text[] := string_to_array(coalesce(nullif(current_setting('app.origin', true), ''), 'operator - - -'), ' ');
	clear boolean := old.answers_sealed is null and new.answers_sealed is null;
	what text := case
		when old.deleted_at is null and new.deleted_at is not null then 'deleted'
		when old.deleted_at is not null and new.deleted_at is null then 'undeleted'
		when old.status <> 'rejected' and new.status = 'rejected' then 'rejected'
		when old.status = 'rejected' and new.status <> 'rejected' then 'restored'
		else 'edited' end;
begin
	insert into response_changes (tenant_id, survey_id, response_id, id, kind, reason, status_before, status_after, changes, personal, actor_kind, actor_id, request_id, created_by, updated_by)
	values (new.tenant_id, new.survey_id, new.id, event_id(), what, case when what = 'rejected' then new.reject_reason end, old.status, new.status,
		case when what = 'edited' and clear then (select coalesce(jsonb_object_agg(k, jsonb_build_object('before', old.answers -> k, 'after', new.answers -> k)), '{}')
			from (select jsonb_object_keys(old.answers) union select jsonb_object_keys(new.answers)) n (k) where old.answers -> k is distinct from new.answers -> k) end,
		what = 'edited' and old.sealed is distinct from new.sealed,
		origin[1], nullif(origin[2], '-')::uuid, nullif(array_to_string(origin[4:], ' '), '-'), new.updated_by, new.updated_by);
	return null;
end
$$;
-- What a respondent's pages and the jobs change (pages saved, keys rotated, persons erased) is no edit.
create trigger change_note after update on responses for each row
	when (current_user in ('collect_app', 'collect_worker') and ((old.deleted_at is null) <> (new.deleted_at is null) or (old.status = 'rejected') <> (new.status = 'rejected'))
		or (current_user = 'collect_app' and (old.answers is distinct from new.answers or old.sealed is distinct from new.sealed
			or old.answers_sealed is distinct from new.answers_sealed)))
	execute function response_change_note();

-- Where a job takes something out of an answer (a person who is erased, answers sealed from now on), it shall not stay here.
create function response_changes_clear() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	update response_changes c set changes = null
	where c.tenant_id = new.tenant_id and c.survey_id = new.survey_id and c.response_id = new.id and c.changes is not null;
	return null;
end
$$;
create trigger changes_clear after update of answers, answers_sealed on responses for each row
	when (current_user = 'collect_worker' and (old.answers is distinct from new.answers or (old.answers_sealed is null) <> (new.answers_sealed is null)))
	execute function response_changes_clear();
