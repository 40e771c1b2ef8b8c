-- How many interviews of each kind ended by a link, and how many may be completed. The numbers stand among the quota cells, under names that no quota has
-- ("@completed", the link's id): they are taken in the same statement, the same order and, where a link has a last place, the same way as those.
alter table links add column max_completes bigint check (max_completes between 1 and 1000000000);
alter table links add check (kind <> 'test' or max_completes is null);
grant update (max_completes) on links to collect_app;

create function link_counts(p_survey uuid, p_link uuid) returns jsonb
language sql stable parallel safe
set search_path = collect, pg_temp
as $$
	select jsonb_build_object('completed', coalesce(sum(used) filter (where quota = '@completed'), 0),
		'screened_out', coalesce(sum(used) filter (where quota = '@screened_out'), 0), 'quota_full', coalesce(sum(used) filter (where quota = '@quota_full'), 0))
	from quota_cells
	where tenant_id = current_tenant_id() and survey_id = p_survey and quota in ('@completed', '@screened_out', '@quota_full') and cell = p_link::text
$$;
grant execute on function link_counts(uuid, uuid) to collect_app;

-- Answers of before.
do $$
declare
	t uuid;
begin
	for t in select id from tenants loop
		perform set_config('app.current_tenant_id', t::text, true);
		insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
		select r.tenant_id, r.survey_id, '@' || r.status, r.link_id::text, 9223372036854775807, count(*)
		from responses r join links l on l.tenant_id = r.tenant_id and l.id = r.link_id and l.kind <> 'test'
		where r.deleted_at is null and r.status in ('completed', 'screened_out', 'quota_full')
		group by 1, 2, 3, 4;
	end loop;
	perform set_config('app.current_tenant_id', '', true);
end
$$;

-- Edited, rejected, deleted, taken back: the numbers follow, before those of the quotas, as the writers take them. What a full link has no place for fails with
-- the constraint 'link_full'. The respondents' writers count for themselves.
create function link_follow() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
declare
	held text := case when old.deleted_at is null and old.status in ('completed', 'screened_out', 'quota_full') then '@' || old.status end;
	wanted text := case when new.deleted_at is null and new.status in ('completed', 'screened_out', 'quota_full') then '@' || new.status end;
	lim bigint;
begin
	if held is not distinct from wanted or exists (select from links l where l.tenant_id = new.tenant_id and l.id = new.link_id and l.kind = 'test') then
		return null;
	end if;
	perform from quota_cells q
	where q.tenant_id = new.tenant_id and q.survey_id = new.survey_id and q.quota in (held, wanted) and q.cell = new.link_id::text
	order by q.quota collate "C" for update of q;
	update quota_cells q set used = q.used - 1
	where q.tenant_id = new.tenant_id and q.survey_id = new.survey_id and q.quota = held and q.cell = new.link_id::text and q.used > 0;
	if wanted is null then
		return null;
	end if;
	lim := 9223372036854775807;
	if wanted = '@completed' then
		lim := coalesce((select l.max_completes from links l where l.tenant_id = new.tenant_id and l.id = new.link_id), lim);
	end if;
	insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, used) values (new.tenant_id, new.survey_id, wanted, new.link_id::text, lim, 1)
	on conflict (tenant_id, survey_id, quota, cell) do update set used = q.used + 1 where q.used + 1 <= excluded.lim;
	if not found then
		raise exception 'the link takes no more' using errcode = 'unique_violation', constraint = 'link_full';
	end if;
	return null;
end
$$;
create trigger link_follow after update of deleted_at, status on responses for each row
	when (current_user in ('collect_app', 'collect_worker') and new.link_id is not null) execute function link_follow();
