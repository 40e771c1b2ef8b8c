-- One index for words and values: a word that somebody wrote is a term as well, of its survey, so that a word which other surveys are full of costs this one
-- nothing. And the planner is not asked to guess how rare something is: first the newest answers are looked through, as many as take some milliseconds; when
-- they do not fill the page what is wanted is rare, and the index is read.
drop function search_responses(uuid, jsonb, boolean, timestamptz, uuid, bigint);
drop index response_search_words, response_search_text;
alter table response_search drop column words;
create index response_search_text on response_search using gin (text public.gin_trgm_ops) where text is not null;
alter table response_search alter terms set statistics 1000;

-- "*" is no question's name.
create function search_words(p_survey uuid, p_text text) returns bigint[]
language sql immutable parallel safe
set search_path = collect, pg_temp
as $$ select coalesce(array_agg(search_term(p_survey, '*', w)), '{}') from unnest(tsvector_to_array(to_tsvector('pg_catalog.simple', p_text))) w $$;

create or replace function search_follow() returns trigger
language plpgsql security definer
set search_path = collect, pg_temp
as $$
begin
	if new.deleted_at is not null or new.answers_sealed is not null then
		delete from response_search s where s.tenant_id = new.tenant_id and s.survey_id = new.survey_id and s.response_id = new.id;
	else
		insert into response_search (tenant_id, survey_id, response_id, responded_at, stale)
			values (new.tenant_id, new.survey_id, new.id, new.created_at, true)
			on conflict (tenant_id, survey_id, response_id) do update set terms = '{}', text = null, stale = true;
	end if;
	return null;
end
$$;

create or replace function search_fill(p_responses jsonb, p_paths jsonb, p_xid text, p_event uuid) returns bigint
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
	insert into response_search as s (tenant_id, survey_id, response_id, responded_at, terms, text)
	select current_tenant_id(), t.survey_id, t.id, t.created_at, t.terms || search_words(t.survey_id, coalesce(t.text, '')), nullif(t.text, '')
	from t where not tenant_seals_answers()
	on conflict (tenant_id, survey_id, response_id) do update set terms = excluded.terms, text = excluded.text, stale = false;
	get diagnostics filled = row_count;
	-- what is not to be found any more
	delete from response_search s using jsonb_to_recordset(p_responses) w (survey_id uuid, id uuid)
	where s.tenant_id = current_tenant_id() and s.survey_id = w.survey_id and s.response_id = w.id and s.stale;
	insert into search_marks as m (tenant_id, xid, id) values (current_tenant_id(), p_xid::xid8, p_event)
		on conflict (tenant_id) do update set xid = excluded.xid, id = excluded.id, read_at = now();
	return filled;
end
$$;

-- Whether the row itself is as the filter of search_responses() says.
create function search_row(r responses, p_filter jsonb) returns boolean
language sql stable parallel safe
as $$
	select (not p_filter ? 'status' or p_filter -> 'status' ? r.status)
		and (not p_filter ? 'language' or r.language = p_filter ->> 'language')
		and (not p_filter ? 'link_id' or r.link_id is not distinct from (p_filter ->> 'link_id')::uuid)
		and (not p_filter ? 'survey_version' or r.survey_version = (p_filter ->> 'survey_version')::bigint)
		and (not p_filter ? 'completed_from' or coalesce(r.completed_at >= (p_filter ->> 'completed_from')::timestamptz, false))
		and (not p_filter ? 'completed_to' or coalesce(r.completed_at < (p_filter ->> 'completed_to')::timestamptz, false))
		and (not p_filter ? 'quota_cells' or coalesce(r.quota_cells @> (p_filter -> 'quota_cells'), false))
		and not exists (select from jsonb_to_recordset(p_filter -> 'between') b (name text, min text, max text) where not search_between(r.answers, b.name, b.min, b.max))
$$;

-- What a filter is to response_search.
create type search_wanted as (words bigint[], pattern text, every bigint[], any_one bigint[], any_more jsonb, none bigint[], plain boolean, since timestamptz, until timestamptz);
create function search_wanted(p_survey uuid, p_filter jsonb) returns search_wanted
language plpgsql stable
set search_path = collect, pg_temp
as $$
declare
	w search_wanted;
	q text := nullif(fold(p_filter ->> 'q'), '');
	anyof jsonb := (select jsonb_agg((select jsonb_agg(search_term(p_survey, f ->> 0, f ->> 1)) from jsonb_array_elements(a) f))
		from jsonb_array_elements(p_filter -> 'any') a where jsonb_array_length(a) > 1);
begin
	if p_filter ? 'q' then
		w.words := search_words(p_survey, coalesce(q, ''));
		w.pattern := case when length(q) >= 3 then '%' || replace(replace(replace(q, '\', '\\'), '%', '\%'), '_', '\_') || '%' end;
		-- signs that are no word are found by the pattern or not at all
		if cardinality(w.words) = 0 then
			w.words := array[search_term(p_survey, '*', null)];
		end if;
	end if;
	w.every := (select array_agg(search_term(p_survey, f ->> 0, f ->> 1)) from (select * from jsonb_array_elements(p_filter -> 'all')
		union all select a -> 0 from jsonb_array_elements(p_filter -> 'any') a where jsonb_array_length(a) = 1) x (f));
	w.any_one := (select array_agg(v::bigint) from jsonb_array_elements_text(anyof -> 0) v);
	w.any_more := case when jsonb_array_length(anyof) > 1 then anyof end;
	w.none := (select array_agg(search_term(p_survey, f, null)) from jsonb_array_elements_text(p_filter -> 'none') f);
	w.plain := not p_filter ?| array['status', 'language', 'link_id', 'survey_version', 'completed_from', 'completed_to', 'quota_cells']
		and coalesce(jsonb_array_length(p_filter -> 'between'), 0) = 0;
	w.since := (p_filter ->> 'created_from')::timestamptz;
	w.until := (p_filter ->> 'created_to')::timestamptz;
	return w;
end
$$;

-- By the index of terms, or that of pieces of words; in no order when p_limit is null.
create function search_by_index(p_survey uuid, p_filter jsonb, w search_wanted, p_descending boolean, p_at timestamptz, p_id uuid, p_limit bigint)
returns table (id uuid, at timestamptz)
language plpgsql stable
set search_path = collect, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_indexscan = off
set max_parallel_workers_per_gather = 0
as $$
declare
	t uuid := current_tenant_id();
	words bigint[] := w.words;
	pattern text := w.pattern;
	every bigint[] := w.every;
	any_one bigint[] := w.any_one;
begin
	return query
	with hit as materialized (
		select s.response_id, s.responded_at, s.terms, s.stale from response_search s
		where s.tenant_id = t and s.survey_id = p_survey
			and (words is null or s.terms @> words or s.text like pattern) and (every is null or s.terms @> every) and (any_one is null or s.terms && any_one)
	)
	select h.response_id, h.responded_at from hit h join responses r on r.tenant_id = t and r.survey_id = p_survey and r.id = h.response_id
	where r.deleted_at is null and (w.plain or search_row(r, p_filter))
		and (w.any_more is null or search_any(h.terms, w.any_more)) and (w.none is null or (not h.stale and not h.terms && w.none))
		and (w.since is null or h.responded_at >= w.since) and (w.until is null or h.responded_at < w.until)
		and (p_at is null or case when p_descending then (h.responded_at, h.response_id) < (p_at, p_id) else (h.responded_at, h.response_id) > (p_at, p_id) end)
	order by case when p_descending then h.responded_at end desc, case when p_descending then h.response_id end desc, h.responded_at, h.response_id limit p_limit;
end
$$;

-- In the order of the list, p_window rows of it (null: all).
create function search_by_walk(p_survey uuid, p_filter jsonb, w search_wanted, p_descending boolean, p_at timestamptz, p_id uuid, p_window bigint, p_limit bigint)
returns table (id uuid, at timestamptz)
language plpgsql stable
set search_path = collect, pg_temp
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_bitmapscan = off
set max_parallel_workers_per_gather = 0
as $$
declare
	t uuid := current_tenant_id();
begin
	if p_descending then
		return query select s.response_id, s.responded_at from (
			select * from response_search s where s.tenant_id = t and s.survey_id = p_survey and (p_at is null or (s.responded_at, s.response_id) < (p_at, p_id))
				and (w.since is null or s.responded_at >= w.since) and (w.until is null or s.responded_at < w.until)
			order by s.responded_at desc, s.response_id desc limit p_window) s
		where (w.words is null or s.terms @> w.words or s.text like w.pattern) and (w.every is null or s.terms @> w.every)
			and (w.any_one is null or s.terms && w.any_one) and (w.any_more is null or search_any(s.terms, w.any_more))
			and (w.none is null or (not s.stale and not s.terms && w.none))
			and exists (select from responses r where r.tenant_id = t and r.survey_id = p_survey and r.id = s.response_id and r.deleted_at is null
				and (w.plain or search_row(r, p_filter)))
		order by s.responded_at desc, s.response_id desc limit p_limit;
	else
		return query select s.response_id, s.responded_at from (
			select * from response_search s where s.tenant_id = t and s.survey_id = p_survey and (p_at is null or (s.responded_at, s.response_id) > (p_at, p_id))
				and (w.since is null or s.responded_at >= w.since) and (w.until is null or s.responded_at < w.until)
			order by s.responded_at, s.response_id limit p_window) s
		where (w.words is null or s.terms @> w.words or s.text like w.pattern) and (w.every is null or s.terms @> w.every)
			and (w.any_one is null or s.terms && w.any_one) and (w.any_more is null or search_any(s.terms, w.any_more))
			and (w.none is null or (not s.stale and not s.terms && w.none))
			and exists (select from responses r where r.tenant_id = t and r.survey_id = p_survey and r.id = s.response_id and r.deleted_at is null
				and (w.plain or search_row(r, p_filter)))
		order by s.responded_at, s.response_id limit p_limit;
	end if;
end
$$;

-- Answers of a survey of the bound tenant, a page in the order of their creation. p_filter: {"q": text; "all": [[name, value or nothing], ...] of which each holds;
-- "any": [[[name, value], ...], ...] of each of which one holds; "none": [name, ...] not answered; "between": [{"name", "min", "max"}, ...];
-- "status": [...], "language", "link_id", "survey_version", "created_from", "created_to", "completed_from", "completed_to", "quota_cells": [{"quota", "cell"}]}.
-- (p_at, p_id): the last one of the page before; p_limit null: all of them.
create function search_responses(p_survey uuid, p_filter jsonb, p_descending boolean, p_at timestamptz, p_id uuid, p_limit bigint)
returns table (id uuid, at timestamptz)
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	w search_wanted;
	walk bigint := 10000;
	row record;
	ids uuid[] := '{}';
	ats timestamptz[] := '{}';
begin
	if tenant_seals_answers() then
		return;
	end if;
	w := search_wanted(p_survey, p_filter);
	if w.words is null and w.every is null and w.any_one is null then
		return query select * from search_by_walk(p_survey, p_filter, w, p_descending, p_at, p_id, null, p_limit);
		return;
	end if;
	if p_limit is not null then
		for row in select * from search_by_walk(p_survey, p_filter, w, p_descending, p_at, p_id, walk, p_limit) loop
			ids := ids || row.id;
			ats := ats || row.at;
		end loop;
		if cardinality(ids) = p_limit then
			return query select * from unnest(ids, ats);
			return;
		end if;
	end if;
	return query select * from search_by_index(p_survey, p_filter, w, p_descending, p_at, p_id, p_limit);
end
$$;
grant execute on function search_responses(uuid, jsonb, boolean, timestamptz, uuid, bigint) to collect_app;

-- What is there is made anew by the job.
update response_search set stale = true;

-- Actions on many answers find them the same way.
grant execute on function search_responses(uuid, jsonb, boolean, timestamptz, uuid, bigint), search_row(responses, jsonb),
	search_between(jsonb, text, text, text) to collect_worker;
