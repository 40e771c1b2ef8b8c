-- How many completed interviews each quota cell holds. A narrow table without the audit trigger: its rows are written with every answer that
-- falls into a cell. A response keeps the cells that it took, so that they can be given back.
create table quota_cells (
	tenant_id uuid not null,
	survey_id uuid not null,
	quota text not null check (length(quota) between 1 and 64),
	cell text not null check (length(cell) between 1 and 64),
	lim bigint not null check (lim >= 0),
	used bigint not null default 0 check (used >= 0),
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	created_by uuid,
	updated_by uuid,
	version integer not null default 1,
	deleted_at timestamptz,
	deleted_by uuid,
	primary key (tenant_id, survey_id, quota, cell),
	foreign key (tenant_id, survey_id) references surveys (tenant_id, id)
) with (fillfactor = 50);
select isolate('quota_cells');

grant select, insert on quota_cells to collect_public;
grant update (lim, used) on quota_cells to collect_public;
grant select on quota_cells to collect_app, collect_worker;

alter table responses add column quota_cells jsonb check (jsonb_typeof(quota_cells) = 'array');

-- Whoever deletes a response gives its places back: it needs the right to update quota_cells.
create function release_quota_cells() returns trigger
language plpgsql
set search_path = collect, pg_temp
as $$
begin
	update quota_cells q set used = q.used - 1
	from jsonb_to_recordset(old.quota_cells) w (quota text, cell text)
	where q.survey_id = old.survey_id and q.quota = w.quota and q.cell = w.cell and q.used > 0;
	return null;
end
$$;
create trigger release_quota_cells after update of deleted_at on responses for each row
when (old.deleted_at is null and new.deleted_at is not null and old.quota_cells is not null) execute function release_quota_cells();
