-- Places in quota cells.

-- name: quota_cells_used
-- role: public
select quota, cell, used from quota_cells where survey_id = $1::uuid

-- Places for many answers at once, which the transaction has just stored. Rows are touched in one order by everyone, so nobody waits for
-- somebody who waits for him. Counts the cells that had less room than they all wanted.
-- name: quota_cells_take_many
-- role: public
with wanted as materialized (
	select w.survey_id, w.quota, w.cell, min(w.lim) as lim, count(*) as n
	from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) w (survey_id, quota, cell, lim)
	group by w.survey_id, w.quota, w.cell
), taken as (
	insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
	select current_tenant_id(), survey_id, quota, cell, lim, n from wanted where n <= lim
	order by survey_id, quota collate "C", cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + excluded.used, lim = excluded.lim
		where quota_cells.used + excluded.used <= excluded.lim
	returning 1
)
select (select count(*) from wanted) - (select count(*) from taken) as refused

-- Locked until the transaction ends, in the order in which all take them; those that were not there are made, in the same pass: a row that somebody makes after he has
-- locked others would be out of the order.
-- name: quota_cells_lock
-- role: public
insert into quota_cells (tenant_id, survey_id, quota, cell, lim)
select current_tenant_id(), w.survey_id, w.quota, w.cell, min(w.lim) from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) w (survey_id, quota, cell, lim)
group by w.survey_id, w.quota, w.cell order by w.survey_id, w.quota collate "C", w.cell collate "C"
on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used
returning survey_id, quota, cell, used
