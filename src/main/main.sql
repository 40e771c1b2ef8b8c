-- name: active_survey_counts
-- role: app
select tenant_id, surveys from active_survey_counts($1::integer)

-- name: event_partitions_ensure
-- role: worker
select ensure_event_partitions($1::integer)::bigint as made

-- name: demo_link
-- Who has a slug, whatever tenant is bound.
select tenant_id from slug_lookup($1::text)

-- name: demo_project
select id from projects where name = $1::text and deleted_at is null order by created_at, id limit 1
