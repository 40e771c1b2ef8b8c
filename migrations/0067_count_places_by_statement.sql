-- Whoever changes many answers at once changes cells as the writers do: each once, all in one order. By row, in the order in which the answers happened to come, he
-- waited for writers who waited for him.
drop trigger quota_follow on responses;
drop trigger lease_follow on responses;
drop trigger link_follow on responses;
drop function quota_follow();
drop function link_follow();

-- What each cell gets or gives by the statement as a whole; the numbers of links stand among the cells ('@...', 0049). As there and in 0043, 0064: an answer holds its
-- places while it is completed or under way, and there; one that is removed when it is over leaves them taken. Who shifts what he holds is let through whatever became
-- of the limit: only what comes to be held is measured.
create function places_follow() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
declare
	moves jsonb;
	m record;
begin
	if tg_op = 'DELETE' then
		moves := (select jsonb_agg(s) from (select o.tenant_id, o.survey_id, null::uuid as link_id, o.status, o.quota_cells, -count(*) as n from old_rows o
			where o.deleted_at is null and o.status in ('started', 'in_progress') and o.quota_cells is not null group by 1, 2, 4, 5) s);
	else
		moves := (select jsonb_agg(s) from (select x.tenant_id, x.survey_id, x.link_id, x.status, x.quota_cells, sum(x.n) as n from (
				select o.tenant_id, o.survey_id, o.link_id, o.status, o.quota_cells, -1 as n from old_rows o where o.deleted_at is null
				union all select n.tenant_id, n.survey_id, n.link_id, n.status, n.quota_cells, 1 from new_rows n where n.deleted_at is null) x
			where x.status in ('started', 'in_progress', 'completed', 'screened_out', 'quota_full') group by 1, 2, 3, 4, 5 having sum(x.n) <> 0) s);
	end if;
	if moves is null then
		return null;
	end if;
	for m in
		with s as materialized (
			select * from jsonb_to_recordset(moves) s (tenant_id uuid, survey_id uuid, link_id uuid, status text, quota_cells jsonb, n bigint)
		), each as (
			select s.tenant_id, s.survey_id, w.quota, w.cell, w.lim, case when s.status = 'completed' then s.n else 0 end as used, case when s.status <> 'completed' then s.n else 0 end as leased
			from s, jsonb_to_recordset(s.quota_cells) w (quota text, cell text, lim bigint) where s.status in ('started', 'in_progress', 'completed') and s.quota_cells is not null
			union all
			select s.tenant_id, s.survey_id, '@' || s.status, s.link_id::text,
				coalesce(case when s.status = 'completed' then l.max_completes end, 9223372036854775807), s.n, 0
			from s join links l on l.tenant_id = s.tenant_id and l.id = s.link_id and l.kind <> 'test'
			where current_user in ('collect_app', 'collect_worker') and s.status in ('completed', 'screened_out', 'quota_full')
		)
		select e.tenant_id, e.survey_id, e.quota, e.cell, min(e.lim) as lim, sum(e.used)::bigint as used, sum(e.leased)::bigint as leased from each e
		group by 1, 2, 3, 4 having sum(e.used) <> 0 or sum(e.leased) <> 0
		order by 1, 2, e.quota collate "C", e.cell collate "C"
	loop
		if m.used <= 0 and m.leased <= 0 then
			update quota_cells q set used = greatest(q.used + m.used, 0), leased = greatest(q.leased + m.leased, 0)
			where q.tenant_id = m.tenant_id and q.survey_id = m.survey_id and q.quota = m.quota and q.cell = m.cell;
			continue;
		end if;
		insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, used, leased)
		select m.tenant_id, m.survey_id, m.quota, m.cell, m.lim, greatest(m.used, 0), greatest(m.leased, 0)
		where m.used + m.leased <= m.lim or exists (select from quota_cells c where c.tenant_id = m.tenant_id and c.survey_id = m.survey_id
			and c.quota = m.quota and c.cell = m.cell and c.limit_set >= m.used + m.leased)
		on conflict (tenant_id, survey_id, quota, cell) do update set used = greatest(q.used + m.used, 0), leased = greatest(q.leased + m.leased, 0)
			where m.used + m.leased <= 0
				or q.used + q.leased + m.used + m.leased <= case when m.quota like '@%' then m.lim else coalesce(q.limit_set, q.lim) end;
		if not found and m.quota like '@%' then
			raise exception 'the link takes no more' using errcode = 'unique_violation', constraint = 'link_full';
		elsif not found then
			raise exception 'a quota cell has no room' using errcode = 'unique_violation', constraint = 'quota_full';
		end if;
	end loop;
	return null;
end
$$;
-- The respondents' writers count for themselves.
create trigger places_follow after update on responses referencing old table as old_rows new table as new_rows for each statement
	when (current_user <> 'collect_public') execute function places_follow();
create trigger places_removed after delete on responses referencing old table as old_rows for each statement execute function places_follow();
