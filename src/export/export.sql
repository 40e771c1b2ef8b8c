-- Answers handed on as files. Read only.

-- The survey has to be there even when nothing of it was published.
-- name: export_versions
select coalesce((select jsonb_agg(v.number order by v.number desc) from (select number from survey_versions
	where survey_id = s.id and deleted_at is null order by number desc limit $2) v), '[]') as json
from surveys s where s.id = $1 and s.deleted_at is null

-- Those under way are left out unless they are asked for: what they hold is not judged as a whole yet.
-- name: export_responses
select r.id, r.status, r.outcome, r.language, r.survey_version, coalesce(l.slug, '') as link, r.started_at, r.completed_at, r.duration_ms,
	r.created_at, r.answers, r.parameters, r.consents, case when $3::boolean then r.sealed end as sealed, r.sealed_key_version,
	r.answers_sealed, r.answers_key_version, coalesce(array_to_string(r.flags, ' '), '') as flags
from responses r left join links l on l.id = r.link_id
where r.survey_id = $1 and r.deleted_at is null and (r.status = $2::text or $2 is null and r.status not in ('started', 'in_progress'))
	and coalesce(r.link_id = any ((select test_links($1))::uuid[]), false) = $4::boolean
order by r.created_at, r.id

-- How many of them have personal answers; the first hundred by id.
-- name: export_personal
select count(*) as responses, coalesce(jsonb_agg(id order by id) filter (where at <= 100), '[]') as ids
from (select id, row_number() over (order by id) as at from responses
	where survey_id = $1 and deleted_at is null and sealed is not null and (status = $2::text or $2 is null and status not in ('started', 'in_progress'))
	and coalesce(link_id = any ((select test_links($1))::uuid[]), false) = $3::boolean) r
