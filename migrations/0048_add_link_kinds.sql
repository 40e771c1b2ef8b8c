-- What a link is for. It stays what it is, so whether an answer is a test follows from its link.
alter table links add column kind text not null default 'open' check (kind in ('open', 'test'));
create index links_test on links (tenant_id, survey_id) where kind = 'test';

-- Answers that came by these are left out wherever answers are listed, counted or exported, unless asked for. Deleted links are among them: their answers stay.
create function test_links(p_survey uuid) returns uuid[]
language sql stable parallel safe
set search_path = collect, pg_temp
as $$ select array(select id from links where tenant_id = current_tenant_id() and survey_id = p_survey and kind = 'test') $$;
grant execute on function test_links(uuid) to collect_app, collect_worker;

-- Whether the row itself is as the filter of search_responses() says. "test": those of test links and no others; absent: all but those. Which they are is
-- "test_links", told by the caller, who knows it once for all rows.
create or replace function search_row(r responses, p_filter jsonb) returns boolean
language sql stable parallel safe
as $$
	select (not p_filter ? 'status' or p_filter -> 'status' ? r.status)
		and (not p_filter ? 'language' or r.language = p_filter ->> 'language')
		and (not p_filter ? 'link_id' or r.link_id is not distinct from (p_filter ->> 'link_id')::uuid)
		and coalesce(p_filter -> 'test_links' ? r.link_id::text, false) = coalesce((p_filter ->> 'test')::boolean, false)
		and (not p_filter ? 'survey_version' or r.survey_version = (p_filter ->> 'survey_version')::bigint)
		and (not p_filter ? 'completed_from' or coalesce(r.completed_at >= (p_filter ->> 'completed_from')::timestamptz, false))
		and (not p_filter ? 'completed_to' or coalesce(r.completed_at < (p_filter ->> 'completed_to')::timestamptz, false))
		and (not p_filter ? 'quota_cells' or coalesce(r.quota_cells @> (p_filter -> 'quota_cells'), false))
		and not exists (select from jsonb_to_recordset(p_filter -> 'between') b (name text, min text, max text) where not search_between(r.answers, b.name, b.min, b.max))
$$;

-- What a filter is to response_search. Rows need not be looked at where a survey has no test links.
create or replace function search_wanted(p_survey uuid, p_filter jsonb) returns search_wanted
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
		and coalesce(jsonb_array_length(p_filter -> 'between'), 0) = 0
		and not p_filter ? 'test' and coalesce(jsonb_array_length(p_filter -> 'test_links'), 0) = 0;
	w.since := (p_filter ->> 'created_from')::timestamptz;
	w.until := (p_filter ->> 'created_to')::timestamptz;
	return w;
end
$$;

-- Answers of a survey of the bound tenant, a page in the order of their creation. p_filter: {"q": text; "all": [[name, value or nothing], ...] of which each holds;
-- "any": [[[name, value], ...], ...] of each of which one holds; "none": [name, ...] not answered; "between": [{"name", "min", "max"}, ...];
-- "status": [...], "language", "link_id", "survey_version", "created_from", "created_to", "completed_from", "completed_to", "quota_cells": [{"quota", "cell"}], "test"}.
-- (p_at, p_id): the last one of the page before; p_limit null: all of them.
create or replace function search_responses(p_survey uuid, p_filter jsonb, p_descending boolean, p_at timestamptz, p_id uuid, p_limit bigint)
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
	p_filter := p_filter || jsonb_build_object('test_links', test_links(p_survey));
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
