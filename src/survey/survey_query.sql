-- What is read of surveys: each statement is one reply.

-- name: survey_get
select s.version, jsonb_build_object('id', s.id, 'project_id', s.project_id, 'title', s.title, 'status', s.status, 'language', s.language,
	'schema_version', s.schema_version, 'definition', s.definition, 'published_version', s.published_version,
	'created_at', rfc3339(s.created_at), 'updated_at', rfc3339(s.updated_at),
	'created_by', s.created_by, 'updated_by', s.updated_by, 'version', s.version,
	'abandon_hours', s.abandon_hours, 'speeder_percent', s.speeder_percent, 'straight_rows', s.straight_rows, 'device_answers', s.device_answers, 'panelist_answers', s.panelist_answers, 'duplicate_chars', s.duplicate_chars, 'retention', jsonb_build_object('answers_days', s.answers_days, 'personal_days', s.personal_days, 'paradata_days', s.paradata_days)
	|| case when $4::boolean then (
		select jsonb_build_object('next_at', rfc3339(least(
				(select r.created_at from responses r where r.survey_id = s.id and r.deleted_at is null
				order by r.created_at, r.id limit 1) + make_interval(days => s.answers_days),
				(select r.created_at from responses r where r.survey_id = s.id and r.deleted_at is null
				and (t.survey_id is null or (r.created_at, r.id) > (t.personal_at, t.personal_id))
				order by r.created_at, r.id limit 1) + make_interval(days => s.personal_days),
				(select r.created_at from responses r where r.survey_id = s.id and r.deleted_at is null
				and (t.survey_id is null or (r.created_at, r.id) > (t.paradata_at, t.paradata_id))
				order by r.created_at, r.id limit 1) + make_interval(days => s.paradata_days))),
			'answers_removed', coalesce(t.answers_removed, 0), 'personal_removed', coalesce(t.personal_removed, 0),
			'paradata_removed', coalesce(t.paradata_removed, 0))
		from (values (1)) one left join survey_retentions t on t.survey_id = s.id)
		else '{}' end)
	|| case when $2::boolean then jsonb_build_object('links', (
		select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'slug', l.slug, 'kind', l.kind, 'title', l.title, 'language', l.language, 'status', l.status,
			'opens_at', rfc3339(l.opens_at), 'closes_at', rfc3339(l.closes_at), 'version', l.version)
			order by l.created_at desc, l.id desc), '[]')
		from (select * from links where survey_id = s.id and deleted_at is null order by created_at desc, id desc limit 200) l))
		else '{}' end
	|| case when $3::boolean then jsonb_build_object('counts', (
		select jsonb_build_object('total', count(*), 'completed', count(*) filter (where r.status = 'completed'),
			'screened_out', count(*) filter (where r.status = 'screened_out'), 'quota_full', count(*) filter (where r.status = 'quota_full'),
			'in_progress', count(*) filter (where r.status in ('started', 'in_progress')), 'partial', count(*) filter (where r.status = 'partial'),
			'rejected', count(*) filter (where r.status = 'rejected'))
		from responses r where r.survey_id = s.id and r.deleted_at is null and coalesce(r.link_id <> all ((select test_links($1))::uuid[]), true)))
		else '{}' end as json
from surveys s where s.id = $1::uuid and s.deleted_at is null

-- Of the branches of page only the asked for one runs: the others' conditions on $1 and $2 are settled before any row is read.
-- name: survey_list
with live as not materialized (
	select * from surveys
	where deleted_at is null
		and ($8::timestamptz is null or created_at >= $8)
		and ($9::timestamptz is null or created_at < $9)
		and ($10::text is null or strpos(lower(title), lower($10)) > 0)
		and ($11::uuid is null or project_id = $11)
		and ($12::text is null or status = $12)
		and ($13::text is null or language = $13)
), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::text = 'created_at' and $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) from live
	where $1 = 'created_at' and not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
	union all
	(select id, updated_at::text as key, row_number() over (order by updated_at desc, id desc) from live
	where $1 = 'updated_at' and $2 and ($3 is null or (updated_at, id) < ($3::timestamptz, $4))
	order by updated_at desc, id desc limit $5 + 1)
	union all
	(select id, updated_at::text as key, row_number() over (order by updated_at, id) from live
	where $1 = 'updated_at' and not $2 and ($3 is null or (updated_at, id) > ($3::timestamptz, $4))
	order by updated_at, id limit $5 + 1)
	union all
	(select id, left(title, 100), row_number() over (order by left(title, 100) desc, id desc) from live
	where $1 = 'title' and $2 and ($3 is null or (left(title, 100), id) < ($3, $4))
	order by left(title, 100) desc, id desc limit $5 + 1)
	union all
	(select id, left(title, 100), row_number() over (order by left(title, 100), id) from live
	where $1 = 'title' and not $2 and ($3 is null or (left(title, 100), id) > ($3, $4))
	order by left(title, 100), id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', s.id, 'project_id', s.project_id, 'title', s.title, 'status', s.status,
			'language', s.language, 'schema_version', s.schema_version, 'published_version', s.published_version,
			'created_at', rfc3339(s.created_at), 'updated_at', rfc3339(s.updated_at),
			'created_by', s.created_by, 'updated_by', s.updated_by, 'version', s.version) order by page.at)
		from page join surveys s on s.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json

-- name: survey_version_get
select jsonb_build_object('id', v.id, 'survey_id', v.survey_id, 'number', v.number, 'title', v.title, 'languages', to_jsonb(v.languages),
	'program_sha256', v.program_sha256, 'published_at', rfc3339(v.published_at),
	'created_at', rfc3339(v.created_at), 'updated_at', rfc3339(v.updated_at),
	'created_by', v.created_by, 'updated_by', v.updated_by, 'version', v.version)
	|| case when $3::boolean then jsonb_build_object('definition', v.definition) else '{}' end as json
from survey_versions v join surveys s on s.id = v.survey_id and s.deleted_at is null
where v.survey_id = $1::uuid and v.number = $2::integer and v.deleted_at is null

-- name: survey_version_list
with live as not materialized (
	select * from survey_versions where $1::text = 'number' and survey_id = $8::uuid and deleted_at is null
), page as (
	(select id, number from live where $2::boolean and ($3::text is null or (number, id) < ($3::integer, $4::uuid)) order by number desc limit $5::bigint + 1)
	union all
	(select id, number from live where not $2 and ($3 is null or (number, id) > ($3::integer, $4)) order by number limit $5 + 1)
), numbered as (
	select id, number, row_number() over (order by case when $2 then -number else number end) as at from page
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', v.id, 'survey_id', v.survey_id, 'number', v.number, 'title', v.title,
			'languages', to_jsonb(v.languages), 'program_sha256', v.program_sha256, 'published_at', rfc3339(v.published_at),
			'created_at', rfc3339(v.created_at), 'updated_at', rfc3339(v.updated_at),
			'created_by', v.created_by, 'updated_by', v.updated_by, 'version', v.version) order by n.at)
		from numbered n join survey_versions v on v.id = n.id where n.at <= $5), '[]'),
	'next', (select cursor_text(number::text, id) || $7::text from numbered where at = $5 and exists (select from numbered where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
from surveys s where s.id = $8 and s.deleted_at is null
