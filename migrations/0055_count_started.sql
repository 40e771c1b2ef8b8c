-- How many interviews began by a link: those of which anything is stored. It never falls: a beginning is not taken back.
create or replace function link_counts(p_survey uuid, p_link uuid) returns jsonb
language sql stable parallel safe
set search_path = collect, pg_temp
as $$
	select jsonb_build_object('started', coalesce(sum(used) filter (where quota = '@started'), 0), 'completed', coalesce(sum(used) filter (where quota = '@completed'), 0),
		'screened_out', coalesce(sum(used) filter (where quota = '@screened_out'), 0), 'quota_full', coalesce(sum(used) filter (where quota = '@quota_full'), 0))
	from quota_cells
	where tenant_id = current_tenant_id() and survey_id = p_survey and quota in ('@started', '@completed', '@screened_out', '@quota_full') and cell = p_link::text
$$;

-- Answers of before.
do $$
declare
	t uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
		select r.tenant_id, r.survey_id, '@started', r.link_id::text, 9223372036854775807, count(*)
		from responses r join links l on l.tenant_id = r.tenant_id and l.id = r.link_id and l.kind <> 'test'
		group by 1, 2, 3, 4;
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;
