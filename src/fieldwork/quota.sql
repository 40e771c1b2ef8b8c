-- Places in quota cells.

-- Rows are touched in one order by everyone, so nobody waits for somebody who waits for him. What does not come back is full.
-- name: quota_cells_take
-- role: public
insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
select current_tenant_id(), $1::uuid, w.quota, w.cell, w.lim, 1
from jsonb_to_recordset($2::jsonb) w (quota text, cell text, lim bigint) where w.lim >= 1
order by w.quota collate "C", w.cell collate "C"
on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + 1, lim = excluded.lim
	where quota_cells.used + 1 <= excluded.lim
returning quota, cell

-- name: quota_cells_used
-- role: public
select quota, cell, used from quota_cells where survey_id = $1::uuid
