-- Places in quota cells.

-- Of cells that seem full the leases that ran out are left out: whoever takes a place ends them first. They are looked for once, for all such cells, and not where
-- there are none. `own` holds the interview $2.
-- name: quota_cells_used
-- role: public
with cells as materialized (
	select q.quota, q.cell, q.used, q.leased, q.limit_set, q.leased > 0 and q.used + q.leased >= coalesce(q.limit_set, q.lim) as seems_full
	from quota_cells q where q.survey_id = $1::uuid and q.quota !~ '^@'
), lapsed as materialized (
	select h.quota, h.cell, count(*) as n from responses x, jsonb_to_recordset(x.quota_cells) h (quota text, cell text)
	where exists (select from cells c where c.seems_full) and x.survey_id = $1 and x.status in ('started', 'in_progress') and x.quota_cells is not null
		and x.deleted_at is null and x.lease_until < now()
	group by h.quota, h.cell
)
select c.quota, c.cell, c.used, coalesce(c.limit_set, -1) as limit_set, case when c.seems_full then greatest(c.leased - coalesce(l.n, 0), 0) else c.leased end as leased,
	coalesce(r.quota_cells @> jsonb_build_array(jsonb_build_object('quota', c.quota, 'cell', c.cell)), false) as own
from cells c left join lapsed l on l.quota = c.quota and l.cell = c.cell
left join responses r on r.survey_id = $1 and r.id = $2::uuid and r.status in ('started', 'in_progress') and r.deleted_at is null

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
	select current_tenant_id(), w.survey_id, w.quota, w.cell, w.lim, w.n from wanted w where w.n <= w.lim or exists (select from quota_cells c
		where c.survey_id = w.survey_id and c.quota = w.quota and c.cell = w.cell and c.limit_set >= w.n)
	order by w.survey_id, w.quota collate "C", w.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + excluded.used, lim = excluded.lim
		where quota_cells.used + quota_cells.leased + excluded.used <= coalesce(quota_cells.limit_set, excluded.lim)
	returning 1
)
select (select count(*) from wanted) - (select count(*) from taken) as refused

-- The same where places are kept open for interviews under way, turned into taken ones or given back. Who holds one is always let through: only what comes to be
-- held is measured by the limit, which may have become less meanwhile.
-- name: quota_cells_move_many
-- role: public
with wanted as materialized (
	select w.survey_id, w.quota, w.cell, min(w.lim) as lim, sum(w.used)::bigint as used, sum(w.leased)::bigint as leased, bool_or(w.used + w.leased > 0) as takes
	from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) w (survey_id, quota, cell, lim, used, leased)
	group by w.survey_id, w.quota, w.cell
), moved as (
	insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, used, leased)
	select current_tenant_id(), w.survey_id, w.quota, w.cell, w.lim, greatest(w.used, 0), greatest(w.leased, 0) from wanted w
	where not w.takes or w.used + w.leased <= w.lim or exists (select from quota_cells c
		where c.survey_id = w.survey_id and c.quota = w.quota and c.cell = w.cell and c.limit_set >= w.used + w.leased)
	order by w.survey_id, w.quota collate "C", w.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set (used, leased, lim) = (select q.used + w.used, greatest(q.leased + w.leased, 0), w.lim
			from wanted w where w.survey_id = excluded.survey_id and w.quota = excluded.quota and w.cell = excluded.cell)
		where (select not w.takes or q.used + q.leased + w.used + w.leased <= coalesce(q.limit_set, w.lim)
			from wanted w where w.survey_id = excluded.survey_id and w.quota = excluded.quota and w.cell = excluded.cell)
	returning 1
)
select (select count(*) from wanted) - (select count(*) from moved) as refused

-- Locked until the transaction ends, in the order in which all take them; those that were not there are made, in the same pass: a row that somebody makes after he has
-- locked others would be out of the order.
-- What leases that ran out held ($5) is given back.
-- name: quota_cells_lock
-- role: public
with wanted as materialized (
	select w.survey_id, w.quota, w.cell, min(w.lim) as lim, sum(w.freed)::bigint as freed
	from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) w (survey_id, quota, cell, lim, freed) group by w.survey_id, w.quota, w.cell
)
insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim)
select current_tenant_id(), w.survey_id, w.quota, w.cell, w.lim from wanted w order by w.survey_id, w.quota collate "C", w.cell collate "C"
on conflict (tenant_id, survey_id, quota, cell) do update set leased = greatest(q.leased
	- (select w.freed from wanted w where w.survey_id = excluded.survey_id and w.quota = excluded.quota and w.cell = excluded.cell), 0)
returning q.survey_id, q.quota, q.cell, q.used, q.leased, coalesce(q.limit_set, -1) as limit_set

-- Leases on these cells that ran out, but for those of the interviews $4, which are just being saved: they are over, and what they held is told, for the cells. Of each cell
-- at most $5, so that none is left full because others have many. One that somebody else has locked is being saved, or ended, by him.
-- name: leases_take_back
-- role: public
with wanted as materialized (
	select distinct w.survey_id, w.quota, w.cell from unnest($1::uuid[], $2::text[], $3::text[]) w (survey_id, quota, cell)
), over as materialized (
	select r.survey_id, r.id, row_number() over (partition by w.survey_id, w.quota, w.cell order by r.id) as k
	from responses r, jsonb_to_recordset(r.quota_cells) c (quota text, cell text), wanted w
	where r.survey_id = any ($1) and r.id <> all ($4::uuid[]) and r.status in ('started', 'in_progress') and r.quota_cells is not null and r.deleted_at is null
		and r.lease_until < now() and w.survey_id = r.survey_id and w.quota = c.quota and w.cell = c.cell
), lapsed as materialized (
	select r.survey_id, r.id, r.quota_cells from responses r
	where r.survey_id = any ($1) and r.id = any (array(select o.id from over o where o.k <= $5::bigint)) and r.status in ('started', 'in_progress')
		and r.quota_cells is not null and r.deleted_at is null and r.lease_until < now()
	order by r.survey_id, r.id for update skip locked
), ended as (
	update responses r set quota_cells = null, lease_until = null from lapsed l where r.survey_id = l.survey_id and r.id = l.id
	returning l.survey_id, l.quota_cells
)
select e.survey_id, c.quota, c.cell, min(c.lim) as lim, count(*) as n
from ended e, jsonb_to_recordset(e.quota_cells) c (quota text, cell text, lim bigint) group by e.survey_id, c.quota, c.cell

-- Leases that ran out, for whom nobody came. Whoever saves one just now has it locked. Their cells follow by the trigger places_follow.
-- name: leases_lapse
-- role: worker
with lapsed as materialized (
	select r.survey_id, r.id from responses r
	where r.status in ('started', 'in_progress') and r.quota_cells is not null and r.deleted_at is null and r.lease_until < now()
	order by r.survey_id, r.id limit $1::bigint for update skip locked
), ended as (
	update responses r set quota_cells = null, lease_until = null from lapsed l where r.survey_id = l.survey_id and r.id = l.id
)
select count(*) as n from lapsed

-- name: quota_survey
select coalesce(s.published_version, 0)::bigint as published, s.version::bigint as version from surveys s where s.id = $1::uuid and s.deleted_at is null

-- Leases that ran out are no places that are kept.
-- name: quota_counts
with lapsed as (
	select c.quota, c.cell, count(*) as n from responses r, jsonb_to_recordset(r.quota_cells) c (quota text, cell text)
	where r.survey_id = $1 and r.status in ('started', 'in_progress') and r.quota_cells is not null and r.deleted_at is null and r.lease_until < now()
	group by c.quota, c.cell
)
select q.quota, q.cell, q.used, greatest(q.leased - coalesce(l.n, 0), 0) as reserved, coalesce(q.limit_set, -1) as limit_set
from quota_cells q left join lapsed l on l.quota = q.quota and l.cell = q.cell
where q.survey_id = $1::uuid and q.quota !~ '^@'

-- Answers what was set before.
-- name: quota_limit_set
with before as (
	select q.limit_set from quota_cells q where q.survey_id = $1 and q.quota = $2 and q.cell = $3
)
insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, limit_set)
select current_tenant_id(), s.id, $2::text, $3::text, $4::bigint, $5::bigint from surveys s where s.id = $1::uuid and s.deleted_at is null
on conflict (tenant_id, survey_id, quota, cell) do update set limit_set = excluded.limit_set
returning coalesce((select b.limit_set from before b), -1) as limit_set
