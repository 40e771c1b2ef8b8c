-- For the gauge active_surveys_count: published surveys of the first p_tenants tenants (oldest first). Row security lets even the owner see one
-- tenant at a time, so it goes from one to the next and gives the caller's binding back at the end.
create function active_survey_counts(p_tenants integer) returns table (tenant_id uuid, surveys bigint)
language plpgsql stable security definer
set search_path = collect, pg_temp
as $$
declare
	t uuid;
	bound text := coalesce(current_setting('app.current_tenant_id', true), '');
begin
	for t in select id from tenants where deleted_at is null order by created_at, id limit p_tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		return query select t, count(*) from surveys s where s.tenant_id = t and s.status = 'published' and s.deleted_at is null;
	end loop;
	perform set_config('app.current_tenant_id', bound, true);
end
$$;

grant execute on function active_survey_counts(integer) to collect_app;
