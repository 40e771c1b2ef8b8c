-- Answers, written once.

-- name: response_insert
-- role: public
insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
	parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed, answers_key_version,
	payload_key_version)
values (current_tenant_id(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)

-- name: response_by_key
-- role: public
select id, survey_version, status, outcome, completed_at, payload_hash, payload_key_version from responses where survey_id = $1 and idempotency_key = $2
