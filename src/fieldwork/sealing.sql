-- Answers sealed anew, and what they are found by.

-- name: response_lookups_add
-- role: app public worker
insert into response_lookups (tenant_id, survey_id, response_id, question, kind, key_version, hash)
select distinct current_tenant_id(), $1::uuid, $2::uuid, left(l.question, 200), l.kind, $3::bigint, decode(l.hash, 'hex')
from jsonb_to_recordset($4::jsonb) l (question text, kind text, hash text)

-- name: response_lookups_drop
-- role: app worker
delete from response_lookups where survey_id = $1::uuid and response_id = $2::uuid

-- name: response_prints_renew
-- role: app
with gone as (
	delete from response_prints p where p.survey_id = $1::uuid and p.response_id = $2::uuid and p.kind = 'text'
		and encode(p.print, 'hex') not in (select k.print from jsonb_to_recordset($3::jsonb) k (print text))
)
insert into response_prints (tenant_id, survey_id, response_id, kind, print, chars)
select distinct current_tenant_id(), $1, $2, k.kind, decode(k.print, 'hex'), k.chars from jsonb_to_recordset($3) k (kind text, print text, chars integer)
on conflict do nothing

-- name: response_lookups_clear
-- role: worker
delete from response_lookups

-- Newest first. An answer that holds it in two places stands here twice.
-- name: response_lookup
-- role: app worker
select r.survey_id, r.id as response_id, l.question,
	jsonb_build_object('survey_id', r.survey_id, 'response_id', r.id, 'question', l.question, 'status', r.status,
		'created_at', to_char(r.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) as json
from response_lookups l join responses r on r.survey_id = l.survey_id and r.id = l.response_id
where l.hash in (select decode(h, 'hex') from jsonb_array_elements_text($1::jsonb) h) and l.kind = $2::text and r.deleted_at is null
order by r.created_at desc, r.id desc, l.question
limit $3::bigint

-- Hashes without a key that a server of an earlier version left beside sealed answers.
-- name: payloads_clear
-- role: worker
update responses set payload_hash = null
where payload_hash is not null and payload_key_version is null and (sealed is not null or answers_sealed is not null)

-- name: reseal_count
-- role: worker
select count(*) as n, (extract(epoch from clock_timestamp()) * 1000)::bigint + 1 as until_ms from responses

-- Those that came after the pass began are sealed as they ought to be, and there may be no end of them; whatever their time, one that is not is found.
-- Either piece `needs` it when it is not sealed as the tenant wants it now, with the live keys.
-- name: reseal_batch
-- role: worker
select r.survey_id, r.id, r.survey_version, r.personal_needs, r.rest_needs, r.reindex, case when r.needs then r.answers else '{}' end as answers,
	case when r.needs then r.consents else '{}' end as consents, case when r.needs or r.reindex then r.sealed end as sealed, r.sealed_key_version,
	case when r.needs then r.answers_sealed end as answers_sealed, r.answers_key_version
from (select t.*, n.*, n.personal_needs or n.rest_needs as needs, t.sealed is not null and $7::boolean as reindex
	from responses t, lateral (select coalesce(t.sealed is not null and t.sealed_key_version <> $5::bigint, false) as personal_needs,
		coalesce(t.answers_sealed is not null and (not $4::boolean or t.answers_key_version <> $6::bigint)
			or t.answers_sealed is null and $4 and (t.answers <> '{}' or t.consents <> '{}'), false) as rest_needs) n
	where (t.survey_id, t.id) > ($1::uuid, $2::uuid) and (t.created_at <= $8::timestamptz or n.personal_needs or n.rest_needs)
	order by t.survey_id, t.id limit $3::bigint for update of t) r
order by r.survey_id, r.id

-- name: reseal_clear
-- role: worker
select count(*) as n from responses where answers_sealed is null and (answers <> '{}' or consents <> '{}')

-- For this transaction: what is written holds what it held before.
-- name: reseal_quietly
-- role: worker
select set_config('app.resealing', 'on', true)

-- name: reseal_row
-- role: worker
update responses set answers = $3::jsonb, consents = $4::jsonb, sealed = $5::bytea, sealed_key_version = $6::bigint,
	answers_sealed = $7::bytea, answers_key_version = $8::bigint, payload_hash = case when payload_key_version is not null then payload_hash end
where survey_id = $1::uuid and id = $2::uuid

-- name: keys_sequence
-- role: app worker
select next_key_event() as n

-- name: sealing_get
select s.version, s.seal_answers as "on", jsonb_build_object('seal_answers', s.seal_answers, 'version', s.version, 'job_id',
	(select j.id from job_records j where j.type = 'responses.reseal' and j.status in ('queued', 'running') order by j.created_at limit 1)) as json
from tenant_sealing() s

-- name: sealing_set
select tenant_sealing_set($1::boolean)
