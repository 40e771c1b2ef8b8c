-- One person's data: asked for, looked for, handed out, erased.

-- Whether there is such an answer, deleted or not; whether this is or was a member.
-- name: privacy_subject_known
select (select count(*) from responses where survey_id = $1::uuid and id = $2::uuid) + (select count(*) from memberships where user_id = $3::uuid) as known

-- name: privacy_request_insert
insert into privacy_requests (tenant_id, id, kind, subject_kind, subject, key_version, whole, job_id, created_by, updated_by)
values (current_tenant_id(), $1::uuid, $2::text, $3::text, $4::bytea, $5::bigint::integer, $6::boolean, $7::uuid, $8::uuid, $8)

-- Only who asked for an export sees it.
-- name: privacy_export_get
select version, jsonb_build_object('id', id, 'subject', subject_kind, 'job_id', job_id,
		'status', case when status = 'waiting' then 'waiting' when expires_at <= now() then 'expired' else 'ready' end,
		'responses', (counts ->> 'responses')::bigint, 'downloads', downloads, 'expires_at', rfc3339(expires_at),
		'created_at', rfc3339(created_at), 'updated_at', rfc3339(updated_at), 'created_by', created_by, 'version', version) as json
from privacy_requests where id = $1::uuid and kind = 'export' and created_by = $2::uuid and deleted_at is null

-- name: privacy_export_known
select to_jsonb(id) as json from privacy_requests where id = $1::uuid and kind = 'export' and created_by = $2::uuid and deleted_at is null

-- name: privacy_export_downloaded
update privacy_requests set downloads = downloads + 1
where id = $1::uuid and created_by = $2::uuid and kind = 'export' and status = 'done' and expires_at > now()
returning version, rfc3339(done_at) as made_at, subject_kind

-- Whose answers are in the file; of each survey at most a hundred by id.
-- name: privacy_parts_surveys
select survey_id, count(*) as responses, jsonb_agg(response_id order by part) filter (where at <= 100) as ids
from (select survey_id, response_id, part, row_number() over (partition by survey_id order by part) as at from privacy_parts
	where request_id = $1::uuid and survey_id is not null) p
group by survey_id order by survey_id

-- name: privacy_parts
select part, sealed, key_version from privacy_parts where request_id = $1::uuid order by part

-- name: person_request
-- role: worker
select id, subject_kind, subject, key_version, whole, (select count(*) from responses) as total
from privacy_requests where id = $1::uuid and status = 'waiting' and subject is not null

-- What the code of an interview brought along is that of its answer, exported or not.
-- name: person_page
-- role: worker
select r.survey_id, r.id, r.survey_version, r.answers, coalesce(case when r.idempotency_key like '§code:%' then (select c.parameters from link_codes c
		where c.link_id = r.link_id and c.code = split_part(r.idempotency_key, ':', 3)) end, '{}') || r.parameters as parameters, r.consents, r.sealed, r.sealed_key_version, r.answers_sealed, r.answers_key_version,
	exists (select from response_lookups l where l.survey_id = r.survey_id and l.response_id = r.id and l.kind = $5::text
		and l.hash in (select decode(h, 'hex') from jsonb_array_elements_text($4::jsonb) h)) as indexed
from responses r where (r.survey_id, r.id) > ($1::uuid, $2::uuid)
order by r.survey_id, r.id limit $3::bigint

-- Held until the transaction ends: of an erasure, an export and a sealing of the same answer each waits for the other.
-- name: person_answer
-- role: worker
select r.survey_id, r.id, r.survey_version, r.status, coalesce(r.outcome, '') as outcome, r.language, coalesce(l.slug, '') as link, s.title as survey,
	r.started_at, r.completed_at, r.duration_ms, r.created_at, r.answers, coalesce(case when r.idempotency_key like '§code:%' then (select c.parameters from link_codes c
		where c.link_id = r.link_id and c.code = split_part(r.idempotency_key, ':', 3)) end, '{}') || r.parameters as parameters, r.consents, r.sealed, r.sealed_key_version,
	r.answers_sealed, r.answers_key_version
from responses r join surveys s on s.id = r.survey_id left join links l on l.id = r.link_id
where r.survey_id = $1::uuid and r.id = $2::uuid for update of r

-- name: person_answer_delete
-- role: worker
delete from responses where survey_id = $1::uuid and id = $2::uuid

-- $3: the answers without those that name the person; $4: the same, sealed, where they were.
-- name: person_answer_strip
-- role: worker
with looked_up as (
	delete from response_lookups where survey_id = $1::uuid and response_id = $2::uuid
), printed as (
	delete from response_prints where survey_id = $1::uuid and response_id = $2::uuid
), coded as (
	update link_codes c set parameters = '{}' from responses r
	where r.survey_id = $1::uuid and r.id = $2::uuid and r.idempotency_key like '§code:%' and c.link_id = r.link_id and c.code = split_part(r.idempotency_key, ':', 3)
)
update responses set sealed = null, sealed_key_version = null, payload_hash = null, idempotency_key = null, parameters = '{}', started_at = null,
	duration_ms = null, seed = 0, last_at = null, device = null, page_ms = null, paradata = null, answers = $3::jsonb, answers_sealed = coalesce($4::bytea, answers_sealed),
	answers_key_version = coalesce($5::bigint, answers_key_version)
where survey_id = $1::uuid and id = $2::uuid

-- Every export that has one of these answers in it, under way or not. They are locked after the answers: see person_count. What is deleted of them is
-- so in another statement, which sees what was written while this one waited.
-- name: person_answers_exports
-- role: worker
select q.id from privacy_requests q where q.kind = 'export' and q.subject is not null and q.id in (select p.request_id from privacy_parts p
	where p.response_id in (select r::uuid from jsonb_array_elements_text($1::jsonb) r))
order by q.id for update

-- What codes bring along, used or not.
-- name: person_codes_page
-- role: worker
select c.link_id, c.id, c.parameters from link_codes c where (c.link_id, c.id) > ($1::uuid, $2::uuid)
order by c.link_id, c.id limit $3::bigint

-- Held until the transaction ends, as answers are: of an erasure and an export of the same code each waits for the other.
-- name: person_codes_read
-- role: worker
select c.id, c.parameters, jsonb_build_object('survey', s.title, 'link', l.slug, 'parameters', c.parameters, 'made_at', rfc3339(c.created_at)) as json
from link_codes c join links l on l.id = c.link_id join surveys s on s.id = c.survey_id
where (c.link_id, c.id) in (select * from unnest($1::uuid[], $2::uuid[])) order by c.link_id, c.id for update of c

-- One that nobody used is revoked: whom it invited wants to hear no more.
-- name: person_codes_forget
-- role: worker
with held as materialized (
	select c.link_id, c.id from link_codes c where (c.link_id, c.id) in (select * from unnest($1::uuid[], $2::uuid[])) order by c.link_id, c.id for update
), forgotten as (
	update link_codes c set parameters = '{}', revoked_at = coalesce(c.revoked_at, case when c.used_at is null
			and not exists (select from responses r where r.survey_id = c.survey_id and r.idempotency_key = link_code_key(c.link_id, c.code)) then now() end)
	from held h where c.link_id = h.link_id and c.id = h.id returning c.id
)
select count(*) as codes, coalesce(jsonb_agg(id), '[]') as ids from forgotten

-- As person_answers_exports, behind the codes.
-- name: person_codes_exports
-- role: worker
select q.id from privacy_requests q where q.kind = 'export' and q.subject is not null and exists (select from privacy_parts p
	where p.request_id = q.id and p.part = 0 and p.codes && array(select c::uuid from jsonb_array_elements_text($1::jsonb) c))
order by q.id for update

-- Other people's and earlier exports that still have a file, or will have one.
-- name: person_exports
-- role: worker
select id, subject_kind, subject, key_version from privacy_requests
where kind = 'export' and subject is not null and id > $1::uuid
order by id limit $2::bigint for update

-- name: person_export_end
-- role: worker
with gone as (delete from privacy_parts where request_id = $1::uuid)
update privacy_requests set subject = null, key_version = null, expires_at = now(), status = 'done', done_at = coalesce(done_at, now()) where id = $1

-- Invitations, and replies that are kept for a day for who repeats a request.
-- name: person_address_forget
-- role: worker
select invitations, replies from address_forget(nullif($1::text, ''), $2::uuid)

-- name: person_member
-- role: worker
select user_id, email, jsonb_build_object('id', user_id, 'email', email, 'name', name, 'language', locale, 'role', role, 'joined_at', rfc3339(joined_at),
	'left_at', rfc3339(left_at)) as json
from member_find($1::text, $2::uuid)

-- name: person_member_forget
-- role: worker
select member_forget($1::uuid) as how

-- name: person_invitations
-- role: worker
select coalesce(jsonb_agg(jsonb_build_object('email', email, 'role', role, 'sent_at', rfc3339(updated_at), 'expires_at', rfc3339(expires_at),
	'accepted_at', rfc3339(accepted_at)) order by created_at), '[]') as json
from invitations where email = $1::text

-- name: person_part_insert
-- role: worker
insert into privacy_parts (tenant_id, request_id, part, response_id, sealed, key_version, survey_id, codes)
select current_tenant_id(), id, $2::bigint, $3::uuid, $4::bytea, $5::bigint::integer, $6::uuid, (select array_agg(c::uuid) from jsonb_array_elements_text($7::jsonb) c) from privacy_requests
where id = $1::uuid and status = 'waiting' and subject is not null
on conflict (tenant_id, request_id, part) do nothing

-- Before a piece that no answer stands for; no row: the export was ended.
-- name: person_waiting
-- role: worker
select version from privacy_requests where id = $1::uuid and status = 'waiting' and subject is not null for update

-- At a transaction's end: whoever locks answers and requests locks the answers first. No row: the export was ended meanwhile.
-- name: person_count
-- role: worker
update privacy_requests set counts = counts || jsonb_build_object('responses', coalesce((counts ->> 'responses')::bigint, 0) + $2::bigint,
		'by_index', coalesce((counts ->> 'by_index')::bigint, 0) + $4::bigint)
	|| case when kind = 'erasure' then jsonb_build_object('exports', coalesce((counts ->> 'exports')::bigint, 0) + $3::bigint) else '{}' end
where id = $1::uuid and status = 'waiting' and subject is not null returning version

-- What was counted before stands: a run that was cut off behind this finds nothing any more.
-- name: person_count_rest
-- role: worker
update privacy_requests set counts = $2::jsonb || counts
	|| jsonb_build_object('exports', coalesce((counts ->> 'exports')::bigint, 0) + ($2::jsonb ->> 'exports')::bigint) where id = $1::uuid

-- name: user_erase
-- role: owner
select user_id, tenants from user_erase($1::text)

-- name: person_counts
-- role: worker
select counts || case when kind = 'export' then jsonb_build_object('export', '/api/v1/privacy/exports/' || id) else '{}' end as json
from privacy_requests where id = $1::uuid

-- name: person_erased
-- role: worker
update privacy_requests set subject = null, key_version = null, status = 'done', done_at = now() where id = $1::uuid
returning version, counts

-- name: person_exported
-- role: worker
update privacy_requests set status = 'done', done_at = now(), expires_at = now() + make_interval(days => $2::bigint::integer)
where id = $1::uuid and status = 'waiting' and subject is not null
returning version, counts
