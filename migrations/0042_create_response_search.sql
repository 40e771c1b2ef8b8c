-- as: migrator
-- Search lives apart from the answers: under forced row security the planner uses no index for full text, for patterns or for what is in a jsonb, and
-- such an index on the way of every answer would cost it several times over. So there is a table of what answers are found by, which a job fills from
-- the event log, in the order of commits. It is a copy and can be made again at any time.
create extension if not exists unaccent with schema public;
create extension if not exists pg_trgm with schema public;
create extension if not exists btree_gin with schema public;

set local role collect_owner;
set local search_path = collect, pg_temp;

-- Letters without case and accents, for comparing: "Đà Nẵng" is "da nang". The dictionary is named, so that the result depends on nothing else.
create function fold(p_text text) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog
as $$ select lower(public.unaccent('public.unaccent'::regdictionary, normalize(p_text, nfc))) $$;

-- What a question's value is found by: a number of survey, name and value, and one of survey and name (it was answered). Names go down into
-- what an answer consists of: "brands" (each value of a list), "service.speed" (a row of a matrix), "visits.shop" (in any record of a roster).
create function search_term(p_survey uuid, p_name text, p_value text) returns bigint
language sql immutable parallel safe
as $$ select hashtextextended(p_survey::text || ' ' || p_name || coalesce('=' || p_value, ''), 0) $$;

create function search_terms(p_survey uuid, p_answers jsonb) returns bigint[]
language sql immutable parallel safe
set search_path = collect, pg_temp
as $$
	with recursive part (name, value) as (
		select a.key, a.value from jsonb_each(p_answers) a
		union all
		select p.name || coalesce('.' || c.key, ''), c.value
		from part p, lateral (
			select m.key, m.value from jsonb_each(case when jsonb_typeof(p.value) = 'object' then p.value else '{}' end) m
			union all
			select null, i.value from jsonb_array_elements(case when jsonb_typeof(p.value) = 'array' then p.value else '[]' end) i
		) c
		where jsonb_typeof(p.value) in ('object', 'array')
	)
	select coalesce(array_agg(distinct t.term), '{}')
	from part p, lateral (values (search_term(p_survey, p.name, null)), (case
			when jsonb_typeof(p.value) = 'number' then search_term(p_survey, p.name, trim_scale((p.value #>> '{}')::numeric)::text)
			when jsonb_typeof(p.value) in ('string', 'boolean') then search_term(p_survey, p.name, p.value #>> '{}') end)) t (term)
	where t.term is not null and jsonb_typeof(p.value) <> 'null'
$$;

-- responded_at is the answer's created_at. stale: the answer changed, and what is here is to be made again; until then nothing is found by it.
create table response_search (
	tenant_id uuid not null,
	survey_id uuid not null,
	response_id uuid not null,
	responded_at timestamptz not null,
	terms bigint[] not null default '{}',
	words tsvector,
	text text,
	stale boolean not null default false,
	primary key (tenant_id, survey_id, response_id),
	foreign key (tenant_id, survey_id, response_id) references responses (tenant_id, survey_id, id) on delete cascade
);
create index response_search_list on response_search (tenant_id, survey_id, responded_at, response_id);
create index response_search_terms on response_search using gin (terms);
create index response_search_words on response_search using gin (survey_id, words) where words is not null;
create index response_search_text on response_search using gin (survey_id, text public.gin_trgm_ops) where text is not null;
create index response_search_stale on response_search (tenant_id) where stale;

-- Row security is on for every login. Not for the owner: the functions below run as he does, name the tenant themselves, and could use no index else.
select isolate('response_search');
alter table response_search no force row level security;
select audit_not('response_search', 'a copy of what answers are found by, made by a job; what happened to the answer is told there');

-- How far the log was read: the last event whose answer is found.
create table search_marks (
	tenant_id uuid primary key references tenants (id),
	xid xid8 not null,
	id uuid not null,
	read_at timestamptz not null default now()
);

-- ---- an answer that changes ----
-- Nothing of a deleted or sealed answer stays here, from the same transaction on.
create function search_follow() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	if new.deleted_at is not null or new.answers_sealed is not null then
		delete from response_search s where s.tenant_id = new.tenant_id and s.survey_id = new.survey_id and s.response_id = new.id;
	else
		insert into response_search (tenant_id, survey_id, response_id, responded_at, stale)
			values (new.tenant_id, new.survey_id, new.id, new.created_at, true)
			on conflict (tenant_id, survey_id, response_id) do update set terms = '{}', words = null, text = null, stale = true;
	end if;
	return null;
end
$$;
create trigger search_follow after update on responses for each row
	when (old.status not in ('started', 'in_progress') and (old.answers is distinct from new.answers
		or (old.deleted_at is null) <> (new.deleted_at is null) or (old.answers_sealed is null) <> (new.answers_sealed is null)))
	execute function search_follow();

-- ---- the job ----

-- Tenants with something to do: events after the mark, or answers that changed. Each tenant's tables are looked at bound to that tenant.
create function search_behind() returns setof uuid
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	t record;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	for t in select tenants.id, coalesce(m.xid, '0') as xid, coalesce(m.id, '00000000-0000-0000-0000-000000000000') as event,
			coalesce(uuid_floor(m.read_at - interval '2 days'), '00000000-0000-0000-0000-000000000000') as oldest
		from tenants left join search_marks m on m.tenant_id = tenants.id where tenants.deleted_at is null loop
		perform set_config('app.current_tenant_id', t.id::text, true);
		if exists (select from events e where e.tenant_id = t.id and (e.xid, e.id) > (t.xid, t.event) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
				and e.id >= t.oldest)
			or exists (select from response_search s where s.tenant_id = t.id and s.stale) then
			return next t.id;
		end if;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;

-- The next answers of the bound tenant: those that the next p_limit events tell of, and changed ones. responses: [{"survey_id", "id"}]; versions:
-- [{"survey_id", "version"}] that judged them; (xid, event_id): the mark once they are done; more: there may be others.
create function search_next(p_limit bigint) returns table (responses jsonb, versions jsonb, xid text, event_id uuid, more boolean)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	mark search_marks;
	oldest uuid;
begin
	insert into search_marks (tenant_id, xid, id, read_at) values (current_tenant_id(), '0', '00000000-0000-0000-0000-000000000000', '-infinity')
		on conflict (tenant_id) do nothing;
	select * into mark from search_marks m where m.tenant_id = current_tenant_id() for update;
	oldest := case when mark.read_at = '-infinity' then '00000000-0000-0000-0000-000000000000' else uuid_floor(mark.read_at - interval '2 days') end;
	return query
	with read as materialized (
		select e.xid as at, e.id, e.aggregate_type, e.type, e.aggregate_id, e.data
		from events e
		where e.tenant_id = current_tenant_id() and (e.xid, e.id) > (mark.xid, mark.id) and e.xid < pg_snapshot_xmin(pg_current_snapshot()) and e.id >= oldest
		order by e.xid, e.id limit p_limit
	), changed as materialized (
		select s.survey_id, s.response_id from response_search s where s.tenant_id = current_tenant_id() and s.stale limit p_limit
	), wanted as materialized (
		select (r.data ->> 'survey_id')::uuid as survey_id, r.aggregate_id as id from read r
		where r.aggregate_type = 'response' and r.type not in ('updated', 'deleted', 'restored', 'purged') and r.data ? 'survey_id'
		union
		select c.survey_id, c.response_id from changed c
	), found as materialized (
		select w.survey_id, w.id, r.survey_version from wanted w join responses r on r.survey_id = w.survey_id and r.id = w.id
	), last as (
		select r.at, r.id from read r order by r.at desc, r.id desc limit 1
	)
	select coalesce((select jsonb_agg(jsonb_build_object('survey_id', f.survey_id, 'id', f.id)) from found f), '[]'),
		coalesce((select jsonb_agg(distinct jsonb_build_object('survey_id', f.survey_id, 'version', f.survey_version)) from found f), '[]'),
		coalesce((select l.at from last l), mark.xid)::text, coalesce((select l.id from last l), mark.id),
		(select count(*) from read) = p_limit or (select count(*) from changed) = p_limit;
end
$$;

-- Makes what those answers are found by, of p_paths: [{"survey_id", "version", "paths": [jsonpath of open-ended text, ...]}], and moves the mark on. The answers are
-- locked, so that none changes unseen between being read and being found.
create function search_fill(p_responses jsonb, p_paths jsonb, p_xid text, p_event uuid) returns bigint
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
declare
	filled bigint;
begin
	with r as materialized (
		select r.* from jsonb_to_recordset(p_responses) w (survey_id uuid, id uuid)
			join responses r on r.tenant_id = current_tenant_id() and r.survey_id = w.survey_id and r.id = w.id
		where r.deleted_at is null and r.answers_sealed is null and r.status not in ('started', 'in_progress')
		order by r.survey_id, r.id for share of r
	), t as materialized (
		select r.survey_id, r.id, r.created_at, search_terms(r.survey_id, r.answers) as terms,
			fold(left((select string_agg(v #>> '{}', e'\n') from jsonb_array_elements_text(p.paths) path, jsonb_path_query(r.answers, path::jsonpath) v
				where jsonb_typeof(v) = 'string'), 50000)) as text
		from r left join jsonb_to_recordset(p_paths) p (survey_id uuid, version bigint, paths jsonb) on p.survey_id = r.survey_id and p.version = r.survey_version
	)
	insert into response_search as s (tenant_id, survey_id, response_id, responded_at, terms, words, text)
	select current_tenant_id(), t.survey_id, t.id, t.created_at, t.terms, nullif(to_tsvector('pg_catalog.simple', t.text), ''), nullif(t.text, '')
	from t where not tenant_seals_answers()
	on conflict (tenant_id, survey_id, response_id) do update set terms = excluded.terms, words = excluded.words, text = excluded.text, stale = false;
	get diagnostics filled = row_count;
	-- what is not to be found any more
	delete from response_search s using jsonb_to_recordset(p_responses) w (survey_id uuid, id uuid)
	where s.tenant_id = current_tenant_id() and s.survey_id = w.survey_id and s.response_id = w.id and s.stale;
	insert into search_marks as m (tenant_id, xid, id) values (current_tenant_id(), p_xid::xid8, p_event)
		on conflict (tenant_id) do update set xid = excluded.xid, id = excluded.id, read_at = now();
	return filled;
end
$$;

-- Everything again: what is found by stays until it was made anew. One batch of answers by their keys; no row: there are no more.
create function search_renew(p_survey uuid, p_after uuid, p_limit bigint) returns table (survey_id uuid, id uuid, n bigint)
language plpgsql volatile security definer
set search_path = collect, pg_temp
as $$
begin
	return query
	with next as materialized (
		select r.survey_id, r.id, r.created_at from responses r
		where r.tenant_id = current_tenant_id() and (r.survey_id, r.id) > (p_survey, p_after)
		order by r.survey_id, r.id limit p_limit
	), noted as (
		insert into response_search as s (tenant_id, survey_id, response_id, responded_at, stale)
		select current_tenant_id(), x.survey_id, x.id, x.created_at, true from next x
		on conflict on constraint response_search_pkey do update set stale = true
	)
	select x.survey_id, x.id, (select count(*) from next) from next x order by x.survey_id desc, x.id desc limit 1;
end
$$;

grant execute on function search_behind(), search_next(bigint), search_fill(jsonb, jsonb, text, uuid), search_renew(uuid, uuid, bigint) to collect_worker;

-- ---- finding ----

-- Whether what stands under the name ("age", "service.speed") lies between the two, both included: numbers as numbers, dates and times as they are written.
create function search_between(p_answers jsonb, p_name text, p_min text, p_max text) returns boolean
language plpgsql immutable parallel safe
set search_path = collect, pg_temp
as $$
declare
	v jsonb := case when p_answers ? p_name then p_answers -> p_name else p_answers #> string_to_array(p_name, '.') end;
	t text := v #>> '{}';
begin
	if jsonb_typeof(v) = 'number' then
		return (p_min is null or t::numeric >= p_min::numeric) and (p_max is null or t::numeric <= p_max::numeric);
	elsif jsonb_typeof(v) = 'string' then
		return (p_min is null or t >= p_min collate "C") and (p_max is null or t <= p_max collate "C");
	end if;
	return false;
exception when invalid_text_representation then
	return false;
end
$$;

create function search_any(p_terms bigint[], p_wanted jsonb) returns boolean
language sql immutable parallel safe
set search_path = collect, pg_temp
as $$
	select not exists (select from jsonb_array_elements(p_wanted) w where not p_terms && (select array_agg(v::bigint) from jsonb_array_elements_text(w) v))
$$;

-- Answers of a survey of the bound tenant, a page in the order of their creation. p_filter: {"q": text; "all": [[term, value or null], ...] of which each holds;
-- "any": [[[name, value], ...], ...] of each of which one holds; "none": [name, ...] not answered; "between": [{"name", "min", "max"}, ...];
-- "status": [...], "language", "link_id", "survey_version", "created_from", "created_to", "completed_from", "completed_to", "quota_cells": [{"quota", "cell"}]}.
-- (p_at, p_id): the last one of the page before; p_limit null: all of them, in no order.
create function search_responses(p_survey uuid, p_filter jsonb, p_descending boolean, p_at timestamptz, p_id uuid, p_limit bigint)
returns table (id uuid, at timestamptz)
language plpgsql stable security definer
set search_path = collect, pg_temp
set plan_cache_mode = force_custom_plan
as $$
declare
	t uuid := current_tenant_id();
	q text := nullif(fold(p_filter ->> 'q'), '');
	query tsquery := plainto_tsquery('pg_catalog.simple', q);
	pattern text := case when length(q) >= 3 then '%' || replace(replace(replace(q, '\', '\\'), '%', '\%'), '_', '\_') || '%' end;
	every bigint[] := (select array_agg(search_term(p_survey, f ->> 0, f ->> 1)) from (select * from jsonb_array_elements(p_filter -> 'all')
		union all select a -> 0 from jsonb_array_elements(p_filter -> 'any') a where jsonb_array_length(a) = 1) x (f));
	anyof jsonb := (select jsonb_agg((select jsonb_agg(search_term(p_survey, f ->> 0, f ->> 1)) from jsonb_array_elements(a) f))
		from jsonb_array_elements(p_filter -> 'any') a where jsonb_array_length(a) > 1);
	first_any bigint[] := (select array_agg(v::bigint) from jsonb_array_elements_text(anyof -> 0) v);
	none bigint[] := (select array_agg(search_term(p_survey, f, null)) from jsonb_array_elements_text(p_filter -> 'none') f);
	ranges jsonb := nullif(p_filter -> 'between', '[]');
	statuses text[] := (select array_agg(s) from jsonb_array_elements_text(p_filter -> 'status') s);
	v_language text := p_filter ->> 'language';
	v_link uuid := (p_filter ->> 'link_id')::uuid;
	v_version bigint := (p_filter ->> 'survey_version')::bigint;
	v_from timestamptz := (p_filter ->> 'created_from')::timestamptz;
	v_to timestamptz := (p_filter ->> 'created_to')::timestamptz;
	v_done_from timestamptz := (p_filter ->> 'completed_from')::timestamptz;
	v_done_to timestamptz := (p_filter ->> 'completed_to')::timestamptz;
	v_cells jsonb := p_filter -> 'quota_cells';
begin
	if tenant_seals_answers() then
		return;
	end if;
	if p_descending then
		return query select s.response_id, s.responded_at
		from response_search s join responses r on r.tenant_id = t and r.survey_id = p_survey and r.id = s.response_id
		where s.tenant_id = t and s.survey_id = p_survey and r.deleted_at is null
			and (p_at is null or (s.responded_at, s.response_id) < (p_at, p_id))
			and (q is null or s.words @@ query or s.text like pattern)
			and (every is null or s.terms @> every) and (first_any is null or s.terms && first_any)
			and (jsonb_array_length(anyof) is null or jsonb_array_length(anyof) = 1 or search_any(s.terms, anyof))
			and (none is null or (not s.stale and not s.terms && none))
			and (v_from is null or s.responded_at >= v_from) and (v_to is null or s.responded_at < v_to)
			and (v_done_from is null or r.completed_at >= v_done_from) and (v_done_to is null or r.completed_at < v_done_to)
			and (statuses is null or r.status = any (statuses)) and (v_language is null or r.language = v_language)
			and (v_link is null or r.link_id = v_link) and (v_version is null or r.survey_version = v_version)
			and (v_cells is null or r.quota_cells @> v_cells)
			and (ranges is null or not exists (select from jsonb_to_recordset(ranges) b (name text, min text, max text)
				where not search_between(r.answers, b.name, b.min, b.max)))
		order by s.responded_at desc, s.response_id desc limit p_limit;
	else
		return query select s.response_id, s.responded_at
		from response_search s join responses r on r.tenant_id = t and r.survey_id = p_survey and r.id = s.response_id
		where s.tenant_id = t and s.survey_id = p_survey and r.deleted_at is null
			and (p_at is null or (s.responded_at, s.response_id) > (p_at, p_id))
			and (q is null or s.words @@ query or s.text like pattern)
			and (every is null or s.terms @> every) and (first_any is null or s.terms && first_any)
			and (jsonb_array_length(anyof) is null or jsonb_array_length(anyof) = 1 or search_any(s.terms, anyof))
			and (none is null or (not s.stale and not s.terms && none))
			and (v_from is null or s.responded_at >= v_from) and (v_to is null or s.responded_at < v_to)
			and (v_done_from is null or r.completed_at >= v_done_from) and (v_done_to is null or r.completed_at < v_done_to)
			and (statuses is null or r.status = any (statuses)) and (v_language is null or r.language = v_language)
			and (v_link is null or r.link_id = v_link) and (v_version is null or r.survey_version = v_version)
			and (v_cells is null or r.quota_cells @> v_cells)
			and (ranges is null or not exists (select from jsonb_to_recordset(ranges) b (name text, min text, max text)
				where not search_between(r.answers, b.name, b.min, b.max)))
		order by s.responded_at, s.response_id limit p_limit;
	end if;
end
$$;
grant execute on function search_responses(uuid, jsonb, boolean, timestamptz, uuid, bigint) to collect_app;
