-- Answers changed after they came.

-- name: response_edit_take
select r.status, r.version::bigint, r.survey_version::bigint, r.language, r.answers, r.consents, r.parameters, r.seed, r.sealed, r.sealed_key_version::bigint,
	r.answers_sealed, r.answers_key_version::bigint, coalesce(r.completed_at, r.created_at) as completed_at,
	coalesce(r.link_id = any (test_links(r.survey_id)), false) as test,
	coalesce(s.duplicate_chars, $3::bigint) as text_chars
from responses r join surveys s on s.id = r.survey_id and s.deleted_at is null
where r.survey_id = $1::uuid and r.id = $2::uuid and r.deleted_at is null for no key update of r

-- name: response_edit_put
update responses set answers = $3::jsonb, consents = $4::jsonb, sealed = $5::bytea, sealed_key_version = $6::bigint, answers_sealed = $7::bytea,
	answers_key_version = $8::bigint, status = $9::text, outcome = $10::text, quota_cells = $11::jsonb, updated_by = $12::uuid
where survey_id = $1::uuid and id = $2::uuid

-- name: response_take
select r.status, r.version::bigint, r.deleted_at is not null as deleted
from responses r join surveys s on s.id = r.survey_id and s.deleted_at is null
where r.survey_id = $1::uuid and r.id = $2::uuid for no key update of r

-- name: response_reject
update responses set status = 'rejected', rejected_from = status, reject_reason = $3::text, updated_by = $4::uuid
where survey_id = $1::uuid and id = $2::uuid

-- name: response_restore
update responses set status = coalesce(rejected_from, status), rejected_from = null, reject_reason = null, updated_by = $3::uuid
where survey_id = $1::uuid and id = $2::uuid

-- name: response_delete
update responses set deleted_at = now(), deleted_by = $3::uuid, updated_by = $3 where survey_id = $1::uuid and id = $2::uuid

-- name: response_undelete
update responses set deleted_at = null, deleted_by = null, updated_by = $3::uuid where survey_id = $1::uuid and id = $2::uuid

-- No row: no such answer.
-- name: response_history
with page as (
	select c.*, row_number() over (order by case when $2::boolean then c.created_at end desc, case when $2 then c.id end desc, c.created_at, c.id) as n
	from response_changes c
	where $1::text = 'created_at' and c.survey_id = $8::uuid and c.response_id = $9::uuid
		and ($3::timestamptz is null or case when $2 then (c.created_at, c.id) < ($3, $4::uuid) else (c.created_at, c.id) > ($3, $4) end)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'kind', p.kind, 'reason', p.reason, 'status_before', p.status_before, 'status_after', p.status_after,
			'changes', p.changes, 'personal', p.personal, 'actor_kind', p.actor_kind, 'actor_id', p.actor_id, 'request_id', p.request_id,
			'created_at', rfc3339(p.created_at)) order by p.n) from page p where p.n <= $5::bigint), '[]'),
	'next', (select cursor_text(p.created_at::text, p.id) || $7::text from page p where p.n = $5 and exists (select from page where n > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from response_changes c where c.survey_id = $8 and c.response_id = $9)) else '{}' end as json
from responses r join surveys s on s.id = r.survey_id and s.deleted_at is null where r.survey_id = $8 and r.id = $9 and r.deleted_at is null
