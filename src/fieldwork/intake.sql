-- Answers, found by their keys. Written: intake_batch.sql.

-- name: response_by_key
-- role: public
select id, survey_version, status, outcome, completed_at, payload_hash, payload_key_version from responses where survey_id = $1 and idempotency_key = $2
