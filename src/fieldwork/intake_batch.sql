-- A tenant's answers, many at once.

-- Answers, their events and what they are found by; what comes back was stored, the others' keys are stored already. In the order of survey and key, so that
-- two who store the same keys wait for each other in one direction only.
-- name: response_insert_many
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[], $26::jsonb[], $27::bigint[])
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id, lookups, lookups_key_version)
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version
	from given
	on conflict do nothing
	returning id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, 1, 'respondent', null
	from given g where g.id in (select id from stored)
), found_by as (
	insert into response_lookups (tenant_id, survey_id, response_id, question, kind, key_version, hash)
	select distinct current_tenant_id(), g.survey_id, g.id, left(l.question, 200), l.kind, g.lookups_key_version, decode(l.hash, 'hex')
	from given g, jsonb_to_recordset(g.lookups) l (question text, kind text, hash text)
	where g.lookups is not null and g.id in (select id from stored)
)
select id from stored

-- The same where nothing is to be looked up: each table that a statement could write costs, rows or none.
-- name: response_insert_plain
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[])
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id)
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version
	from given
	on conflict do nothing
	returning id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, 1, 'respondent', null
	from given g where g.id in (select id from stored)
)
select id from stored

-- Which of these keys are stored already.
-- name: response_keys_known
-- role: public
select r.id, r.survey_id, r.idempotency_key from unnest($1::uuid[], $2::text[]) k (survey_id, key)
join responses r on r.survey_id = k.survey_id and r.idempotency_key = k.key
