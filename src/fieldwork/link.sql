-- Links: the ways into a survey.

-- name: link_insert
insert into links (tenant_id, id, survey_id, slug, title, language, opens_at, closes_at, secret, created_by, updated_by, embed, kind, max_completes, once_per_device, panel, proof_bits, proof_mode)
select current_tenant_id(), $2, s.id, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11::text, $12::bigint, $13::boolean, $14::jsonb, $15::bigint, $16::text
from surveys s where s.id = $1 and s.deleted_at is null
returning id, version

-- name: link_claim_slug
select slug_claim($1, $2)

-- Those of the version that runs, and those of the draft: a link may be made before the survey is published. [] when the draft names none.
-- name: link_languages
select coalesce((select jsonb_agg(distinct l.language order by l.language) from (
	select unnest(v.languages) as language from survey_versions v
		where v.survey_id = s.id and v.number = s.published_version and v.deleted_at is null
	union all
	select jsonb_array_elements_text(case when jsonb_typeof(s.definition #> '{survey,languages}') = 'array'
		then s.definition #> '{survey,languages}' else '[]' end)
	union all
	select s.definition #>> '{survey,language}') l where l.language is not null), '[]')
from surveys s where s.id = $1 and s.deleted_at is null

-- name: link_get
select jsonb_build_object('id', l.id, 'survey_id', l.survey_id, 'slug', l.slug, 'url', $3::text || '/s/' || l.slug, 'kind', l.kind, 'title', l.title,
	'language', l.language, 'status', l.status, 'max_completes', l.max_completes, 'once_per_device', l.once_per_device, 'password', l.password_hash is not null, 'panel', l.panel, 'proof_bits', l.proof_bits, 'proof_mode', l.proof_mode, 'counts', link_counts(l.survey_id, l.id), 'embed', string_to_array(l.embed, ' '),
	'opens_at', to_char(l.opens_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'closes_at', to_char(l.closes_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
	'created_at', to_char(l.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'updated_at', to_char(l.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
	'created_by', l.created_by, 'updated_by', l.updated_by, 'version', l.version)
	|| case when $4::boolean and l.kind <> 'panel' then jsonb_build_object('secret', convert_from(l.secret, 'UTF8')) else '{}' end as json, l.version
from links l join surveys s on s.id = l.survey_id and s.deleted_at is null
where l.survey_id = $1 and l.id = $2 and l.deleted_at is null

-- name: link_slug
select l.slug from links l join surveys s on s.id = l.survey_id and s.deleted_at is null where l.survey_id = $1::uuid and l.id = $2::uuid and l.deleted_at is null

-- name: link_lock
select l.slug, l.version, l.opens_at, l.closes_at, l.kind from links l join surveys s on s.id = l.survey_id and s.deleted_at is null
where l.survey_id = $1 and l.id = $2 and l.deleted_at is null
for update of l

-- name: link_update
update links set
	title = case when $3::boolean then coalesce($4, '') else title end,
	language = case when $5::boolean then $6 else language end,
	status = coalesce($7, status),
	opens_at = case when $8::boolean then $9 else opens_at end,
	closes_at = case when $10::boolean then $11 else closes_at end,
	updated_by = $12,
	embed = coalesce($13, embed),
	max_completes = case when $14::boolean then $15::bigint else max_completes end,
	once_per_device = coalesce($16::boolean, once_per_device),
	panel = coalesce($17::jsonb, panel),
	proof_bits = case when $18::boolean then $19::bigint else proof_bits end,
	proof_mode = coalesce($20::text, proof_mode)
where survey_id = $1 and id = $2

-- name: link_set_password
update links set password_hash = $3::text, updated_by = $4::uuid where survey_id = $1::uuid and id = $2::uuid

-- name: link_password
-- role: public
select coalesce(password_hash, '') as hash from links where id = $1::uuid and deleted_at is null

-- name: link_set_panel_secret
update links set panel_secret = $3::bytea, panel_key_version = $4::bigint, updated_by = $5::uuid where survey_id = $1::uuid and id = $2::uuid

-- name: link_panel_secret
-- role: public
select panel_secret, panel_key_version::bigint as panel_key_version from links where id = $1::uuid and panel_secret is not null

-- Parameters that are stored with an answer, of the version that runs and of the draft; and those of them that are text.
-- name: link_panel_names
select jsonb_build_object('exported', coalesce(jsonb_agg(distinct p.name), '[]'),
	'texts', coalesce(jsonb_agg(distinct p.name) filter (where p.type = 'text'), '[]')) as json
from (
	select d ->> 'name' as name, coalesce(d ->> 'type', 'text') as type
	from surveys s
	left join survey_versions v on v.tenant_id = s.tenant_id and v.survey_id = s.id and v.number = s.published_version and v.deleted_at is null
	cross join lateral jsonb_array_elements(coalesce(v.definition #> '{survey,parameters}', '[]')
		|| case when jsonb_typeof(s.definition #> '{survey,parameters}') = 'array' then s.definition #> '{survey,parameters}' else '[]' end) d
	where s.id = $1::uuid and s.deleted_at is null and jsonb_typeof(d) = 'object' and d ->> 'export' = 'true') p
where p.name is not null

-- name: link_postback
-- role: worker
select l.id as link_id, coalesce(r.rejected_from, r.status) as status, r.parameters, l.slug, l.panel, l.panel_secret, l.panel_key_version::bigint as panel_key_version, coalesce(r.completed_at, r.created_at) as completed_at
from responses r join links l on l.tenant_id = r.tenant_id and l.id = r.link_id
where r.survey_id = $1::uuid and r.id = $2::uuid and r.deleted_at is null and l.deleted_at is null and l.panel_secret is not null

-- name: link_delete
update links set deleted_at = now(), deleted_by = $3, updated_by = $3 where survey_id = $1 and id = $2

-- name: link_list
with page as (
	(select l.id, l.created_at from links l
		where $1::text = 'created_at' and l.survey_id = $8 and l.deleted_at is null and ($9::text is null or l.status = $9) and ($11::text is null or l.kind = $11) and $2::boolean
			and ($3::timestamptz is null or (l.created_at, l.id) < ($3, $4::uuid))
		order by l.created_at desc, l.id desc limit $5::bigint + 1)
	union all
	(select l.id, l.created_at from links l
		where $1 = 'created_at' and l.survey_id = $8 and l.deleted_at is null and ($9::text is null or l.status = $9) and ($11::text is null or l.kind = $11) and not $2::boolean
			and ($3::timestamptz is null or (l.created_at, l.id) > ($3, $4::uuid))
		order by l.created_at, l.id limit $5::bigint + 1)
), numbered as (
	select id, created_at, row_number() over (order by case when $2 then created_at end desc, case when $2 then id end desc,
		created_at, id) as n
	from page
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', l.id, 'survey_id', l.survey_id, 'slug', l.slug, 'url', $10::text || '/s/' || l.slug,
			'kind', l.kind, 'title', l.title, 'language', l.language, 'status', l.status, 'max_completes', l.max_completes, 'once_per_device', l.once_per_device, 'password', l.password_hash is not null, 'panel', l.panel, 'proof_bits', l.proof_bits, 'proof_mode', l.proof_mode, 'counts', link_counts(l.survey_id, l.id), 'embed', string_to_array(l.embed, ' '),
			'opens_at', to_char(l.opens_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'closes_at', to_char(l.closes_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'created_at', to_char(l.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'updated_at', to_char(l.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
			'created_by', l.created_by, 'updated_by', l.updated_by, 'version', l.version) order by p.n)
		from numbered p join links l on l.id = p.id where p.n <= $5), '[]'),
	'next', (select translate(encode(convert_to(jsonb_build_array(p.created_at::text, p.id)::text, 'UTF8'), 'base64'), E'+/=\n', '-_') || $7::text
		from numbered p where p.n = $5 and exists (select from numbered where n > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from links l
		where l.survey_id = $8 and l.deleted_at is null and ($9::text is null or l.status = $9) and ($11::text is null or l.kind = $11))) else '{}' end as json
from surveys s where s.id = $8 and s.deleted_at is null

-- name: slug_find
-- role: public
select tenant_id, link_id from slug_lookup($1)

-- name: link_resolve
-- role: public
select jsonb_build_object('tenant_id', tenant_id, 'id', id, 'survey_id', survey_id, 'slug', slug, 'title', title,
	'language', coalesce(language, ''), 'status', status, 'version', version, 'embed', embed, 'kind', kind, 'max_completes', max_completes, 'once_per_device', once_per_device,
	'password', coalesce(encode(substr(sha256(convert_to(password_hash, 'UTF8')), 1, 12), 'hex'), ''), 'panel', coalesce(panel::text, ''), 'proof_bits', proof_bits, 'proof_mode', proof_mode,
	'opens_ms', coalesce((extract(epoch from opens_at) * 1000)::bigint, 0),
	'closes_ms', coalesce((extract(epoch from closes_at) * 1000)::bigint, 0)) as json
from links where id = $1 and deleted_at is null

-- Whether an interview with this key has ended, or is under way.
-- name: link_key_over
-- role: public
select coalesce(bool_or(status not in ('started', 'in_progress')), false) as over, coalesce(bool_or(status in ('started', 'in_progress')), false) as open
from responses where survey_id = $1::uuid and idempotency_key = $2::text

-- name: link_completed
-- role: public
select coalesce((select used from quota_cells where survey_id = $1::uuid and quota = '@completed' and cell = $2::uuid::text), 0) as used

-- What a client may know of the version that runs: no quotas, no redirects.
-- name: survey_live
-- role: public
select jsonb_build_object('version_id', v.id, 'number', v.number, 'status', s.status, 'title', v.title, 'language', s.language,
	'languages', v.languages, 'abandon_hours', s.abandon_hours, 'device_answers', s.device_answers, 'duplicate_chars', s.duplicate_chars, 'parameters', coalesce(v.definition #> '{survey,parameters}', '[]'),
	'lease_s', (select least(min(case when jsonb_typeof(q -> 'lease_seconds') = 'number' then (q -> 'lease_seconds')::numeric else $2::bigint end), $3::bigint)::bigint
		from jsonb_array_elements(case when jsonb_typeof(v.definition #> '{survey,quotas}') = 'array' then v.definition #> '{survey,quotas}' else '[]' end) q),
	'definition', jsonb_set(v.definition #- '{survey,quotas}', '{survey,outcomes}', coalesce(
		(select jsonb_object_agg(o.key, o.value - 'redirect' - 'sign') from jsonb_each(v.definition #> '{survey,outcomes}') o), '{}'))) as json
from surveys s join survey_versions v on v.tenant_id = s.tenant_id and v.survey_id = s.id and v.number = s.published_version
where s.id = $1 and s.deleted_at is null and v.deleted_at is null

-- name: link_secret
-- role: public
select secret from links where id = $1
