-- Answers, found by their keys. Written: intake_batch.sql.

-- name: response_by_key
-- role: public
select id, survey_version, status, outcome, completed_at, payload_hash, payload_key_version, seed, started_at, language,
	page_ms is not null as paged, link_id from responses
where survey_id = $1 and idempotency_key = $2

-- What its way on is made of, where the request says something else. `closed`: some of the answers are sealed, and not among these.
-- name: response_end
-- role: public
select answers, parameters, sealed is not null or answers_sealed is not null as closed from responses where survey_id = $1 and id = $2

-- An interview that is kept, for its respondent. Of one that is over there is no state.
-- name: interview_get
-- role: public
select id, survey_version, status, outcome, idempotency_key, version, started_at, last_at, completed_at, state, state_key_version, parameters
from responses where survey_id = $1 and id = $2 and link_id = $3 and deleted_at is null

-- Interviews that nobody went on with for as long as their survey says, $1 ms where it says nothing. Who saves one just now has it locked: it is not left.
-- name: interviews_abandon
-- role: worker
with abandoned as materialized (
	select a.survey_id, a.id from responses a join surveys s on s.tenant_id = a.tenant_id and s.id = a.survey_id
	where a.status in ('started', 'in_progress') and a.deleted_at is null and coalesce(a.last_at, a.created_at) < now()
		- coalesce(make_interval(hours => s.abandon_hours), make_interval(secs => $1::bigint::double precision / 1000))
	order by a.survey_id, a.id limit $2::bigint for update of a skip locked
)
update responses r set status = 'partial', duration_ms = greatest((extract(epoch from r.last_at - r.started_at) * 1000)::bigint, 0)
from abandoned a where r.survey_id = a.survey_id and r.id = a.id
returning r.id, r.version, jsonb_build_object('survey_id', r.survey_id, 'link_id', r.link_id, 'survey_version', r.survey_version, 'status', r.status,
	'language', r.language) as data
