-- Codes of single-use links.

-- name: link_codes_take
select l.slug, l.kind, (select count(*) from link_codes c where c.link_id = l.id) as codes,
	(select coalesce(jsonb_agg(distinct p.name), '[]') from (
		select jsonb_array_elements(coalesce(v.definition #> '{survey,parameters}', '[]')) ->> 'name' as name from survey_versions v
			where v.survey_id = s.id and v.number = s.published_version and v.deleted_at is null
		union all
		select jsonb_array_elements(case when jsonb_typeof(s.definition #> '{survey,parameters}') = 'array'
			then s.definition #> '{survey,parameters}' else '[]' end) ->> 'name') p where p.name is not null) as names
from links l join surveys s on s.id = l.survey_id and s.deleted_at is null
where l.survey_id = $1::uuid and l.id = $2::uuid and l.deleted_at is null

-- name: link_codes_wanted
-- role: worker
select true as there from links l join surveys s on s.id = l.survey_id and s.deleted_at is null
where l.survey_id = $1::uuid and l.id = $2::uuid and l.deleted_at is null

-- name: link_codes_add
-- role: app worker
insert into link_codes (tenant_id, survey_id, link_id, id, code, parameters, created_by, updated_by)
select current_tenant_id(), $1::uuid, $2::uuid, c.id, c.code, c.parameters, $6::uuid, $6 from unnest($3::uuid[], $4::text[], $5::jsonb[]) c (id, code, parameters)

-- Whether one was used follows from the answer that has its key. Of those the code is told with $12 only: it opens the interview under way.
-- name: link_codes_list
with page as (
	(select c.* from link_codes c
		where $1::text = 'created_at' and c.link_id = $9::uuid and $2::boolean and ($3::timestamptz is null or (c.created_at, c.id) < ($3, $4::uuid))
			and ($10::boolean is null or $10 = exists (select from responses r where r.survey_id = $8::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)))
		order by c.created_at desc, c.id desc limit $5::bigint + 1)
	union all
	(select c.* from link_codes c
		where $1 = 'created_at' and c.link_id = $9 and not $2 and ($3 is null or (c.created_at, c.id) > ($3, $4))
			and ($10 is null or $10 = exists (select from responses r where r.survey_id = $8 and r.idempotency_key = link_code_key(c.link_id, c.code)))
		order by c.created_at, c.id limit $5 + 1)
), numbered as (
	select p.*, row_number() over (order by case when $2 then p.created_at end desc, case when $2 then p.id end desc, p.created_at, p.id) as n from page p
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'code', case when $12::boolean or r.id is null then p.code end,
			'url', case when $12 or r.id is null then $11::text || '/s/' || l.slug || '?code=' || p.code end,
			'parameters', p.parameters, 'response_id', r.id, 'status', r.status, 'used_at', rfc3339(r.created_at), 'created_at', rfc3339(p.created_at)) order by p.n)
		from numbered p left join responses r on r.survey_id = $8 and r.idempotency_key = link_code_key(p.link_id, p.code) where p.n <= $5), '[]'),
	'next', (select cursor_text(p.created_at::text, p.id) || $7::text from numbered p where p.n = $5 and exists (select from numbered where n > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from link_codes c where c.link_id = $9
		and ($10 is null or $10 = exists (select from responses r where r.survey_id = $8 and r.idempotency_key = link_code_key(c.link_id, c.code))))) else '{}' end as json
from links l join surveys s on s.id = l.survey_id and s.deleted_at is null where l.survey_id = $8 and l.id = $9 and l.deleted_at is null

-- For the file.
-- name: link_codes_file
select case when $3::boolean or r.id is null then c.code else '' end as code, c.parameters, coalesce(r.status, '') as status, r.created_at as used_at
from link_codes c left join responses r on r.survey_id = $1::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)
where c.survey_id = $1 and c.link_id = $2::uuid order by c.created_at, c.id

-- Of whoever shows it. over: an interview with it has ended; open: the one that is under way.
-- name: link_code_find
-- role: public
select c.parameters, exists (select from responses r where r.survey_id = $1::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)
	and r.status not in ('started', 'in_progress')) as over,
	(select r.id from responses r where r.survey_id = $1 and r.idempotency_key = link_code_key(c.link_id, c.code) and r.link_id = c.link_id and r.state is not null) as open
from link_codes c where c.link_id = $2::uuid and c.code = $3::text
