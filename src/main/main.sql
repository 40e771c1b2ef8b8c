-- name: active_survey_counts
-- role: app
select tenant_id, surveys from active_survey_counts($1::integer)

-- name: event_partitions_ensure
-- role: worker
select ensure_event_partitions($1::integer)::bigint as made
