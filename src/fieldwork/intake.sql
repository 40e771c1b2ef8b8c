-- Answers, found by their keys. Written: intake_batch.sql.

-- name: response_by_key
-- role: public
select id, survey_version, status, outcome, completed_at, payload_hash, payload_key_version, seed, started_at, language,
	page_ms is not null as paged from responses
where survey_id = $1 and idempotency_key = $2

-- An interview that is kept, for its respondent. Of one that is over there is no state.
-- name: interview_get
-- role: public
select id, survey_version, status, outcome, idempotency_key, version, started_at, last_at, completed_at, state, state_key_version
from responses where survey_id = $1 and id = $2 and link_id = $3 and deleted_at is null
