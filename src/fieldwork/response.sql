-- Answers, read.

-- name: response_list
with page as (
	(select r.id, r.created_at as at from responses r
		where $20::text is null and $18::jsonb is null and coalesce(r.link_id = any ((select test_links($8::uuid))::uuid[]), false) = $19::boolean and $1 = 'created_at' and $2::boolean and r.survey_id = $8 and r.deleted_at is null
			and ($3::timestamptz is null or (r.created_at, r.id) < ($3, $4::uuid))
			and ($9::text is null or r.status = any (string_to_array($9, ','))) and ($10::text is null or r.language = $10)
			and ($11::uuid is null or r.link_id = $11) and ($14::bigint is null or r.survey_version = $14)
			and ($12::timestamptz is null or r.created_at >= $12) and ($13::timestamptz is null or r.created_at < $13)
			and ($15::timestamptz is null or r.completed_at >= $15) and ($16::timestamptz is null or r.completed_at < $16)
			and ($17::jsonb is null or r.quota_cells @> $17)
		order by r.created_at desc, r.id desc limit $5::bigint + 1)
	union all
	(select r.id, r.created_at from responses r
		where $20 is null and $18 is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and $1 = 'created_at' and not $2 and r.survey_id = $8 and r.deleted_at is null
			and ($3 is null or (r.created_at, r.id) > ($3, $4))
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)
		order by r.created_at, r.id limit $5 + 1)
	union all
	(select r.id, r.completed_at from responses r
		where $20 is null and $18 is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and $1 = 'completed_at' and $2 and r.completed_at is not null and r.survey_id = $8 and r.deleted_at is null
			and ($3 is null or (r.completed_at, r.id) < ($3, $4))
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)
		order by r.completed_at desc, r.id desc limit $5 + 1)
	union all
	(select r.id, r.completed_at from responses r
		where $20 is null and $18 is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and $1 = 'completed_at' and not $2 and r.completed_at is not null and r.survey_id = $8 and r.deleted_at is null
			and ($3 is null or (r.completed_at, r.id) > ($3, $4))
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)
		order by r.completed_at, r.id limit $5 + 1)
	union all
	-- flagged ones have an index of their own: in its order, or all of them
	(select r.id, r.created_at from responses r
		where r.flags is not null and r.flags && string_to_array($20, ',') and $18 is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and $1 = 'created_at' and $2 and r.survey_id = $8 and r.deleted_at is null
			and ($3 is null or (r.created_at, r.id) < ($3, $4))
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)
		order by r.created_at desc, r.id desc limit $5 + 1)
	union all
	(select f.id, f.at from (select r.id, case when $1 = 'created_at' then r.created_at else r.completed_at end as at from responses r
		where r.flags is not null and r.flags && string_to_array($20, ',') and $18 is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and ($1 <> 'created_at' or not $2) and r.survey_id = $8 and r.deleted_at is null
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)
		) f
		where f.at is not null and ($3 is null or case when $2 then (f.at, f.id) < ($3, $4) else (f.at, f.id) > ($3, $4) end)
		order by case when $2 then f.at end desc, case when $2 then f.id end desc, f.at, f.id limit $5 + 1)
	union all
	(select f.id, f.at from search_responses($8, $18, $2, $3, $4, $5 + 1) f where $18 is not null)
), numbered as (
	select id, at, row_number() over (order by case when $2 then at end desc, case when $2 then id end desc, at, id) as n from page
), shredded as (
	select purpose, key_version from data_keys where destroyed_at is not null
), items as (
	select coalesce(json_agg(json_build_object('id', r.id, 'survey_id', r.survey_id, 'link_id', r.link_id, 'test', $19,
			'survey_version', r.survey_version, 'status', r.status, 'outcome', r.outcome, 'reject_reason', r.reject_reason, 'flags', coalesce(to_jsonb(r.flags), '[]'), 'language', r.language, 'answers', r.answers,
			'parameters', r.parameters, 'consents', r.consents, 'has_personal', r.sealed is not null,
			'shredded', exists (select from shredded k
				where k.purpose = 'pii' and k.key_version = r.sealed_key_version or k.purpose = 'response' and k.key_version = r.answers_key_version),
			'started_at', to_char(r.started_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'last_at', to_char(r.last_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'device', r.device,
			'completed_at', to_char(r.completed_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'duration_ms', r.duration_ms,
			'created_at', to_char(r.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'updated_at', to_char(r.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'version', r.version) order by p.n), '[]') as list,
		json_object_agg(r.id, json_build_object('key_version', r.answers_key_version,
			'sealed', translate(encode(r.answers_sealed, 'base64'), E'+/=\n', '-_'))) filter (where r.answers_sealed is not null) as seals
	from numbered p join responses r on r.survey_id = $8 and r.id = p.id where p.n <= $5
), following as (
	select (select translate(encode(convert_to(jsonb_build_array(p.at::text, p.id)::text, 'UTF8'), 'base64'), E'+/=\n', '-_') || $7::text
		from numbered p where p.n = $5 and exists (select from numbered where n > $5)) as cursor
)
select case when $6::boolean then json_build_object('items', i.list, 'next', n.cursor,
		'total', case when $18 is not null then (select count(*) from search_responses($8, $18, true, null, null, null))
		when $20 is not null then (select count(*) from responses r
		where r.flags is not null and r.flags && string_to_array($20, ',') and r.survey_id = $8 and r.deleted_at is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and ($1 = 'created_at' or r.completed_at is not null)
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17))
		else (select count(*) from responses r
		where $20 is null and r.survey_id = $8 and r.deleted_at is null and coalesce(r.link_id = any ((select test_links($8))::uuid[]), false) = $19 and ($1 = 'created_at' or r.completed_at is not null)
			and ($9 is null or r.status = any (string_to_array($9, ','))) and ($10 is null or r.language = $10) and ($11 is null or r.link_id = $11)
			and ($14 is null or r.survey_version = $14) and ($12 is null or r.created_at >= $12) and ($13 is null or r.created_at < $13)
			and ($15 is null or r.completed_at >= $15) and ($16 is null or r.completed_at < $16) and ($17 is null or r.quota_cells @> $17)) end)
	else json_build_object('items', i.list, 'next', n.cursor) end as json, i.seals
from surveys s, items i, following n where s.id = $8 and s.deleted_at is null

-- name: response_search_survey
select coalesce(s.published_version, 0)::bigint as published, tenant_seals_answers() as sealed from surveys s where s.id = $1::uuid and s.deleted_at is null

-- name: response_get
select jsonb_build_object('id', r.id, 'survey_id', r.survey_id, 'link_id', r.link_id, 'test', coalesce(r.link_id = any (test_links(r.survey_id)), false),
	'survey_version', r.survey_version, 'status', r.status, 'outcome', r.outcome, 'reject_reason', r.reject_reason, 'flags', coalesce(to_jsonb(r.flags), '[]'), 'language', r.language, 'answers', r.answers, 'parameters', r.parameters, 'consents', r.consents,
	'has_personal', r.sealed is not null,
	'shredded', exists (select from data_keys k where k.destroyed_at is not null
				and (k.purpose = 'pii' and k.key_version = r.sealed_key_version or k.purpose = 'response' and k.key_version = r.answers_key_version)),
	'started_at', to_char(r.started_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
	'last_at', to_char(r.last_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'device', r.device,
			'completed_at', to_char(r.completed_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'duration_ms', r.duration_ms,
	'created_at', to_char(r.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
	'updated_at', to_char(r.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'version', r.version,
	'page_ms', coalesce(r.page_ms, '{}'), 'paradata', coalesce(r.paradata, '{}'), 'seed', r.seed::text,
	'program_hash', (select v.program_sha256 from survey_versions v where v.survey_id = r.survey_id and v.number = r.survey_version)) as json,
	r.version, r.sealed, r.sealed_key_version, r.answers_sealed, r.answers_key_version
from responses r join surveys s on s.id = r.survey_id and s.deleted_at is null
where r.survey_id = $1 and r.id = $2 and r.deleted_at is null
