-- Which partitions and indexes the statements of the lists read. A statement that reads more than it needs is slow only where there is much, which no other
-- test has.
set search_path = collect, pg_temp;

create function probe.plan(p_sql text) returns text language plpgsql as $$
declare
	line text;
	whole text := '';
begin
	for line in execute 'explain (costs off) ' || p_sql loop
		whole := whole || line || e'\n';
	end loop;
	return whole;
end
$$;
-- How many partitions of p_parent a plan names.
create function probe.partitions(p_plan text, p_parent text) returns bigint language sql as $$
	select count(distinct m[1]) from regexp_matches(p_plan, '(' || p_parent || '_[0-9_]+)[ \n]', 'g') m $$;
create function probe.bytable(p_plan text, p_pattern text) returns text language sql as $$
	select case when p_plan ~ p_pattern then 'yes' else p_plan end $$;
grant execute on function probe.plan(text), probe.partitions(text, text), probe.bytable(text, text) to public;

set session authorization collect_app;
begin;
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_sort = off;
select set_config('app.current_tenant_id', probe.tenant('a')::text, true) \gset ignored_

select probe.is(probe.partitions(probe.plan($$select id from responses where survey_id = '00000000-0000-7000-8000-000000000099' and deleted_at is null
	order by created_at desc, id desc limit 50$$), 'responses')::text, '1', 'the list of a survey reads one of sixteen partitions');
select probe.is(probe.bytable(probe.plan($$select id from responses where survey_id = '00000000-0000-7000-8000-000000000099' and deleted_at is null
	order by created_at desc, id desc limit 50$$), 'Index( Only)? Scan using responses_[0-9]+_tenant_id_survey_id_created_at_id_idx'), 'yes', 'and is in its order by responses_list');
select probe.is(probe.bytable(probe.plan($$select id from responses where survey_id = '00000000-0000-7000-8000-000000000099' and deleted_at is null and status = 'completed'
	order by completed_at limit 50$$), 'Index( Only)? Scan using responses_[0-9]+_tenant_id_survey_id_completed_at_idx'), 'yes', 'completed ones by their time by responses_completed');
-- as the list asks, once its parameters are known: sort=-completed_at, status=completed, completed_from
select probe.is(probe.bytable(probe.plan($$select r.id, r.completed_at from responses r
	where r.completed_at is not null and r.survey_id = '00000000-0000-7000-8000-000000000099' and r.deleted_at is null
		and ('completed'::text is null or r.status = any (string_to_array('completed', ','))) and ('2026-11-01Z'::timestamptz is null or r.completed_at >= '2026-11-01Z')
	order by r.completed_at desc, r.id desc limit 51$$), 'Index Scan Backward using responses_[0-9]+_tenant_id_survey_id_completed_at_idx.*Index Cond: .*completed_at >= '), 'yes',
	'and so does the list of completed ones by their time, from a time on');
select probe.is(probe.bytable(probe.plan($$select id from responses where survey_id = '00000000-0000-7000-8000-000000000099' and deleted_at is null
	and flags is not null and flags && array['honeypot'] order by created_at desc, id desc limit 50$$), (select 'using (' || string_agg(i.inhrelid::regclass::text, '|') || ') '
	from pg_inherits i where i.inhparent = 'responses_flagged'::regclass)), 'yes', 'flagged ones by responses_flagged');
select probe.is(probe.partitions(probe.plan($$select * from responses where survey_id = '00000000-0000-7000-8000-000000000099' and id = '00000000-0000-7000-8000-000000000099'$$),
	'responses')::text, '1', 'one answer reads one partition');
select probe.is(probe.partitions(probe.plan(format($$select * from events where id between %L and %L and xid < pg_snapshot_xmin(pg_current_snapshot())$$,
	uuid_floor(date_trunc('month', now()) + interval '1 day'), uuid_floor(date_trunc('month', now()) + interval '2 days'))), 'events')::text, '1', 'events of a day read one month');
select probe.is(probe.bytable(probe.plan($$select * from events where aggregate_type = 'survey' and aggregate_id = '00000000-0000-7000-8000-000000000099' order by sequence$$),
	'Index Cond: .*aggregate_type.*aggregate_id|tenant_id_xid_id'), 'yes', 'events of one thing by an index');
commit;
