-- Places in quota cells are kept open for interviews under way: from the page on by which it is known that an interview falls into a cell, until it ends or its lease runs
-- out. An interview under way holds the cells in its quota_cells until lease_until; `leased` counts them, as `used` counts completed interviews.
alter table quota_cells add column leased bigint not null default 0 check (leased >= 0), add column limit_set bigint check (limit_set >= 0);
comment on column quota_cells.limit_set is 'what somebody set while the survey is in the field, in the place of the limit that its version has';
alter table responses add column lease_until timestamptz;
alter table responses add check (lease_until is null or quota_cells is not null);

-- Those that hold something: at most as many as there are places. Nothing in it changes with each page.
create index responses_leases on responses (tenant_id, survey_id, id) where status in ('started', 'in_progress') and quota_cells is not null and deleted_at is null;

grant update (leased) on quota_cells to collect_public, collect_app, collect_worker;
grant update (limit_set) on quota_cells to collect_app;
grant update (lease_until) on responses to collect_public;
grant update (quota_cells, lease_until) on responses to collect_worker;

-- Whoever else ends an interview or deletes it leaves it without places: what is brought back later asks for them again as it goes on.
create function lease_drop() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	new.quota_cells := null;
	new.lease_until := null;
	return new;
end
$$;
create trigger lease_drop before update of status, deleted_at on responses for each row
	when (current_user <> 'collect_public' and old.status in ('started', 'in_progress') and old.deleted_at is null and old.quota_cells is not null
		and (new.deleted_at is not null or new.status not in ('started', 'in_progress'))) execute function lease_drop();

-- As in 0043, and places that are kept open are given back as well.
create or replace function quota_follow() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
declare
	was text := case when old.deleted_at is null then case when old.status = 'completed' then 'used' when old.status in ('started', 'in_progress') then 'leased' end end;
	becomes text := case when new.deleted_at is null then case when new.status = 'completed' then 'used' when new.status in ('started', 'in_progress') then 'leased' end end;
	held jsonb := case when was is not null then old.quota_cells end;
	wanted jsonb := case when becomes is not null then new.quota_cells end;
	taken bigint;
begin
	if held is not distinct from wanted and (held is null or was = becomes) then
		return null;
	end if;
	-- in one order by everybody
	perform from quota_cells q join jsonb_to_recordset(coalesce(held, '[]') || coalesce(wanted, '[]')) w (quota text, cell text)
		on q.tenant_id = old.tenant_id and q.survey_id = old.survey_id and q.quota = w.quota and q.cell = w.cell
	order by q.quota collate "C", q.cell collate "C" for update of q;
	update quota_cells q set used = q.used - (was = 'used')::integer, leased = q.leased - (was = 'leased')::integer
	from jsonb_to_recordset(held) w (quota text, cell text)
	where q.tenant_id = old.tenant_id and q.survey_id = old.survey_id and q.quota = w.quota and q.cell = w.cell and case was when 'used' then q.used > 0 else q.leased > 0 end;
	insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, used, leased)
	select old.tenant_id, old.survey_id, w.quota, w.cell, w.lim, (becomes = 'used')::integer, (becomes = 'leased')::integer
	from jsonb_to_recordset(wanted) w (quota text, cell text, lim bigint) where w.lim >= 1 or exists (select from quota_cells c
		where c.tenant_id = old.tenant_id and c.survey_id = old.survey_id and c.quota = w.quota and c.cell = w.cell and c.limit_set >= 1)
	order by w.quota collate "C", w.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = q.used + excluded.used, leased = q.leased + excluded.leased
		where q.used + q.leased + 1 <= coalesce(q.limit_set, q.lim);
	get diagnostics taken = row_count;
	if taken < coalesce(jsonb_array_length(wanted), 0) then
		raise exception 'a quota cell has no room' using errcode = 'unique_violation', constraint = 'quota_full';
	end if;
	return null;
end
$$;
-- The worker that ends leases which ran out counts for itself, many at once and in one order, as the respondents' writers do.
drop trigger quota_follow on responses;
create trigger quota_follow after update of deleted_at, status, quota_cells on responses for each row
	when (current_user <> 'collect_public' and (old.quota_cells is not null or new.quota_cells is not null)
		and not (current_user = 'collect_worker' and new.quota_cells is null and new.status in ('started', 'in_progress') and new.deleted_at is null))
	execute function quota_follow();
-- An answer that is removed leaves its places taken: the interview took place. One that was under way did not.
create trigger lease_follow after delete on responses for each row
	when (old.status in ('started', 'in_progress') and old.deleted_at is null and old.quota_cells is not null) execute function quota_follow();
