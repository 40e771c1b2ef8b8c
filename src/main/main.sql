-- name: active_survey_counts
-- role: app
select tenant_id, surveys from active_survey_counts($1::integer)

-- name: event_partitions_ensure
-- role: worker
select ensure_event_partitions($1::integer)::bigint as made

-- name: event_months_begin
-- role: app worker
select begin_event_months()::bigint as made

-- name: event_months_ahead
-- role: app worker
select count(*) as months from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = to_regclass('collect.events') and c.relname ~ '^events_\d{4}_\d{2}$'
	and c.relname > 'events_' || to_char(now() at time zone 'UTC', 'YYYY_MM')

-- name: event_month_detach
-- role: worker
select coalesce(name, '') as name, busy, unread from detach_event_month($1::bigint::integer)

-- name: demo_link
-- Who has a slug, whatever tenant is bound.
select tenant_id from slug_lookup($1::text)

-- name: demo_project
select id from projects where name = $1::text and deleted_at is null order by created_at, id limit 1

-- ---- collect keys ----

-- name: key_tenants
-- role: worker
select id, slug from key_tenants($1::uuid, $2::text, $3::bigint::integer)

-- name: reseal_live
-- role: worker
select id, coalesce(payload ->> 'rotated', '') as rotated from job_records
where type = 'responses.reseal' and status in ('queued', 'running') order by created_at limit 10

-- name: reseal_progress
-- role: worker
select status, coalesce(error_message, (result - 'unreadable_responses')::text, '') as message, progress_done as done, coalesce(progress_total, 0) as total,
	coalesce((result ->> 'unreadable')::bigint, 0) as unreadable,
	coalesce((select string_agg(t.which, E'\n') from jsonb_array_elements_text(result -> 'unreadable_responses') t (which)), '') as which
from job_records where id = $1::uuid
