-- Jobs. The functions are 0013's; they alone reach the table jobs. Where a statement needs both tables it takes jobs first.

-- A job and its record, or the id of the one that does the same already.
-- name: job_add
-- role: app worker
with q as materialized (
	select job_enqueue($1::uuid, $2::text, coalesce($3::text, $1::text), $4::integer, $5::bigint) as id
), made as (
	insert into job_records (tenant_id, id, type, ref, payload, progress_total, max_attempts, run_at, created_by, updated_by)
	select current_tenant_id(), id, $2, coalesce($3, $1::text), $6::jsonb, nullif($7::bigint, 0), $8::integer, now() + $5 * interval '1 millisecond', $9::uuid, $9
	from q where id = $1
)
select id from q

-- name: job_get
select version, job_json(r) as json from job_records r where id = $1::uuid and deleted_at is null and ($2::uuid is null or created_by = $2)

-- name: job_status
select status from job_records where id = $1::uuid and deleted_at is null and ($2::uuid is null or created_by = $2)

-- name: job_withdraw
select how from job_withdraw($1::uuid) how

-- name: job_cancelled
update job_records set status = 'cancelled', finished_at = now(), cancel_requested_at = now(), updated_by = $2::uuid where id = $1::uuid

-- name: job_cancel_asked
update job_records set cancel_requested_at = coalesce(cancel_requested_at, now()), updated_by = $2::uuid where id = $1::uuid

-- name: job_revive
select id from job_revive($1::uuid) id

-- name: job_revived
update job_records set status = 'queued', attempts = 0, run_at = now(), finished_at = null, cancel_requested_at = null, updated_by = $2::uuid
where id = $1::uuid

-- ---- the worker's ----

-- name: job_periodic
-- role: worker
select 1::bigint as done from (select job_periodic($1::uuid, $2::text)) made

-- name: job_claim
-- role: worker
select id, tenant_id, type, ref, attempt, turn
from job_claim(string_to_array($1::text, ' '), string_to_array($2::text, ' ')::integer[], $3::uuid, $4::uuid)

-- name: job_next
-- role: worker
select ms from job_next(string_to_array($1::text, ' ')) ms

-- name: job_beat
-- role: worker
select claim, cancel from job_beat(string_to_array($1::text, ' ')::uuid[])

-- name: job_hold
-- role: worker
select id from job_hold($1::uuid, $2::uuid) id

-- name: job_end
-- role: worker
select id from job_end($1::uuid, $2::uuid, $3::text, $4::bigint, $5::text) id

-- The beginning of a run; no row when the record is gone or has ended.
-- name: job_begin
-- role: worker
update job_records set status = 'running', attempts = $2::integer, started_at = coalesce(started_at, now())
where id = $1::uuid and status in ('queued', 'running')
returning payload::text as payload, state::text as state, progress_done as done, coalesce(progress_total, 0) as total,
	created_by as actor, cancel_requested_at is not null as cancelled

-- Not while a later run is at it: progress needs no claim.
-- name: job_progress
-- role: worker
update job_records set progress_done = $3::bigint, progress_total = nullif($4::bigint, 0)
where id = $1::uuid and attempts = $2::integer and status = 'running'

-- name: job_stepped
-- role: worker
update job_records set state = coalesce($2::jsonb, state), progress_done = $3::bigint, progress_total = nullif($4::bigint, 0) where id = $1::uuid

-- name: job_succeeded
-- role: worker
update job_records set status = 'succeeded', result = $2::jsonb, progress_done = $3::bigint, progress_total = nullif($4::bigint, 0), finished_at = now(),
	error_code = null, error_message = null
where id = $1::uuid

-- Status queued, dead or cancelled; what is known of the error stays when there is no new one.
-- name: job_ended
-- role: worker
update job_records set status = $2::text, finished_at = case when $2 in ('dead', 'cancelled') then now() end, attempts = $3::integer,
	progress_done = $4::bigint, progress_total = nullif($5::bigint, 0),
	run_at = case when $2 = 'queued' then now() + $6::bigint * interval '1 millisecond' else run_at end,
	error_code = coalesce($7::text, error_code), error_message = case when $7 is not null then $8::text else error_message end
where id = $1::uuid and status in ('queued', 'running')

-- name: job_counts
-- role: app worker
select type, queued, running, dead, waited_s from job_counts()

-- name: job_tenants
-- role: worker
select id from job_tenants($1::uuid, $2::integer) id

-- name: job_purge
-- role: worker
select job_purge(now() - $1::bigint * interval '1 day', $2::integer) as purged
