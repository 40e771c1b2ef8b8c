-- Surveys and their versions: what changes them, and the program.

-- name: survey_insert
insert into surveys (tenant_id, id, project_id, title, definition, schema_version, language, answers_days, personal_days, paradata_days,
	created_by, updated_by)
select current_tenant_id(), $1::uuid, $2::uuid, $3::text, $4::jsonb, $5::text, $6::text, p.answers_days, p.personal_days, p.paradata_days, $7::uuid, $7
from (values (1)) one left join privacy_settings p on true

-- name: survey_lock
select version, title, status, published_version is not null as was_published, definition
from surveys where id = $1::uuid and deleted_at is null for update

-- Absent is null here; none of these columns can be set to null but the days, which say so.
-- name: survey_update
update surveys set
	title = coalesce($2::text, title),
	project_id = coalesce($3::uuid, project_id),
	definition = coalesce($4::jsonb, definition),
	schema_version = coalesce($5::text, schema_version),
	language = coalesce($6::text, language),
	status = coalesce($7::text, status),
	answers_days = case when $9::boolean then $10::bigint::integer else answers_days end,
	personal_days = case when $11::boolean then $12::bigint::integer else personal_days end,
	paradata_days = case when $13::boolean then $14::bigint::integer else paradata_days end,
	abandon_hours = case when $15::boolean then $16::bigint::integer else abandon_hours end,
	speeder_percent = case when $17::boolean then $18::bigint::integer else speeder_percent end,
	straight_rows = case when $19::boolean then $20::bigint::integer else straight_rows end,
	device_answers = case when $21::boolean then $22::bigint::integer else device_answers end,
	panelist_answers = case when $23::boolean then $24::bigint::integer else panelist_answers end,
	duplicate_chars = case when $25::boolean then $26::bigint::integer else duplicate_chars end,
	updated_by = $8::uuid
where id = $1::uuid

-- name: survey_delete
update surveys set deleted_at = now(), deleted_by = $2::uuid, updated_by = $2 where id = $1::uuid

-- The draft's row is locked, so no two publications count at once. The definition is the draft's own, never sent back and forth.
-- name: survey_version_insert
insert into survey_versions (tenant_id, id, survey_id, number, definition, program, program_sha256, title, languages, created_by, updated_by)
select current_tenant_id(), $2::uuid, s.id,
	1 + coalesce((select max(v.number) from survey_versions v where v.survey_id = s.id), 0),
	s.definition, $3::bytea, $4::text, $5::text, array(select jsonb_array_elements_text($6::jsonb)), $7::uuid, $7
from surveys s where s.id = $1::uuid
returning number

-- name: survey_published
update surveys set status = 'published', published_version = $2::integer, updated_by = $3::uuid where id = $1::uuid

-- name: survey_program
-- role: app public worker
select id as version_id, title, program
from survey_versions where survey_id = $1::uuid and number = $2::integer and deleted_at is null

-- name: survey_program_definition
-- role: app public worker
select definition from survey_versions where survey_id = $1::uuid and number = $2::integer and deleted_at is null
