-- What is doubtful about a completed answer, as a job sees it that follows the log: the answer itself stays as it is. Null: nothing is.
alter table responses add column flags text[] check (cardinality(flags) > 0 and flags <@ array['speeder', 'straight_lining', 'time_travel']);
grant update (flags) on responses to collect_worker;

-- What a survey takes for doubtful; null: as the job has it, 0: never.
alter table surveys add column speeder_percent integer check (speeder_percent between 0 and 100),
	add column straight_rows integer check (straight_rows = 0 or straight_rows between 2 and 1000);
grant update (speeder_percent, straight_rows) on surveys to collect_app;

create or replace function search_row(r responses, p_filter jsonb) returns boolean
language sql stable parallel safe
as $$
	select (not p_filter ? 'status' or p_filter -> 'status' ? r.status)
		and (not p_filter ? 'flag' or coalesce(r.flags && string_to_array(p_filter ->> 'flag', ','), false))
		and (not p_filter ? 'language' or r.language = p_filter ->> 'language')
		and (not p_filter ? 'link_id' or r.link_id is not distinct from (p_filter ->> 'link_id')::uuid)
		and coalesce(p_filter -> 'test_links' ? r.link_id::text, false) = coalesce((p_filter ->> 'test')::boolean, false)
		and (not p_filter ? 'survey_version' or r.survey_version = (p_filter ->> 'survey_version')::bigint)
		and (not p_filter ? 'completed_from' or coalesce(r.completed_at >= (p_filter ->> 'completed_from')::timestamptz, false))
		and (not p_filter ? 'completed_to' or coalesce(r.completed_at < (p_filter ->> 'completed_to')::timestamptz, false))
		and (not p_filter ? 'quota_cells' or coalesce(r.quota_cells @> (p_filter -> 'quota_cells'), false))
		and not exists (select from jsonb_to_recordset(p_filter -> 'between') b (name text, min text, max text) where not search_between(r.answers, b.name, b.min, b.max))
$$;

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
	w.plain := not p_filter ?| array['status', 'flag', 'language', 'link_id', 'survey_version', 'completed_from', 'completed_to', 'quota_cells']
		and coalesce(jsonb_array_length(p_filter -> 'between'), 0) = 0
		and not p_filter ? 'test' and coalesce(jsonb_array_length(p_filter -> 'test_links'), 0) = 0;
	w.since := (p_filter ->> 'created_from')::timestamptz;
	w.until := (p_filter ->> 'created_to')::timestamptz;
	return w;
end
$$;
