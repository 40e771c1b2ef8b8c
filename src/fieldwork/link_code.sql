-- Codes of single-use links.

-- name: link_codes_take
select l.slug, l.kind, coalesce((select t.codes from link_code_counts t where t.link_id = l.id), 0) as codes,
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

-- Counted and added in one statement: of two who come at once the second waits, and finds what the first left. None are added where $7 is not enough for all.
-- name: link_codes_add
-- role: app worker
with room as (
	insert into link_code_counts as t (tenant_id, survey_id, link_id, codes, created_by) select current_tenant_id(), $1::uuid, $2::uuid, cardinality($3::uuid[]), $6::uuid
		where cardinality($3) <= $7::bigint
	on conflict (tenant_id, link_id) do update set codes = t.codes + excluded.codes where t.codes + excluded.codes <= $7
	returning t.codes
)
insert into link_codes (tenant_id, survey_id, link_id, id, code, parameters, created_by, updated_by)
select current_tenant_id(), $1, $2, c.id, c.code, c.parameters, $6, $6 from room, unnest($3, $4::text[], $5::jsonb[]) c (id, code, parameters)

-- Whether one was used follows from the answer that has its key, or is noted where that is gone. Of those the code is told with $12 only: it opens the interview under way.
-- name: link_codes_list
with codes as not materialized (
	select c.*, r.id as response_id, r.status as response_status, coalesce(r.created_at, c.used_at) as used,
		case when c.revoked_at is not null then 'revoked' when r.id is not null or c.used_at is not null then 'used' else 'open' end as state
	from link_codes c left join responses r on r.survey_id = $8::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)
	where c.link_id = $9::uuid
), page as (
	(select c.* from codes c
		where $1::text = 'created_at' and $2::boolean and ($3::timestamptz is null or (c.created_at, c.id) < ($3, $4::uuid))
			and ($10::boolean is null or $10 = (c.used is not null)) and ($13::text is null or $13 = c.state)
		order by c.created_at desc, c.id desc limit $5::bigint + 1)
	union all
	(select c.* from codes c
		where $1 = 'created_at' and not $2 and ($3 is null or (c.created_at, c.id) > ($3, $4))
			and ($10 is null or $10 = (c.used is not null)) and ($13 is null or $13 = c.state)
		order by c.created_at, c.id limit $5::bigint + 1)
), numbered as (
	select p.*, row_number() over (order by case when $2 then p.created_at end desc, case when $2 then p.id end desc, p.created_at, p.id) as n from page p
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'state', p.state, 'code', case when $12::boolean or p.response_id is null then p.code end,
			'url', case when $12 or p.response_id is null then $11::text || '/s/' || l.slug || '?code=' || p.code end,
			'parameters', p.parameters, 'response_id', p.response_id, 'status', p.response_status, 'used_at', rfc3339(p.used),
			'revoked_at', rfc3339(p.revoked_at), 'created_at', rfc3339(p.created_at)) order by p.n)
		from numbered p where p.n <= $5), '[]'),
	'next', (select cursor_text(p.created_at::text, p.id) || $7::text from numbered p where p.n = $5 and exists (select from numbered where n > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from codes c
		where ($10 is null or $10 = (c.used is not null)) and ($13 is null or $13 = c.state))) else '{}' end as json
from links l join surveys s on s.id = l.survey_id and s.deleted_at is null where l.survey_id = $8 and l.id = $9 and l.deleted_at is null

-- over: an interview with it has ended, though that may be gone.
-- name: link_code_lock
select c.revoked_at is not null as revoked, c.used_at is not null or exists (select from responses r
	where r.survey_id = c.survey_id and r.idempotency_key = link_code_key(c.link_id, c.code) and r.status not in ('started', 'in_progress')) as over
from link_codes c join links l on l.id = c.link_id and l.deleted_at is null join surveys s on s.id = l.survey_id and s.deleted_at is null
where c.survey_id = $1::uuid and c.link_id = $2::uuid and c.id = $3::uuid and c.deleted_at is null for update of c

-- name: link_code_revoke
update link_codes set revoked_at = now(), updated_by = $3::uuid where link_id = $1::uuid and id = $2::uuid

-- For the file.
-- name: link_codes_file
select case when $3::boolean or r.id is null then c.code else '' end as code, c.parameters,
	coalesce(r.status, '') as status, coalesce(r.created_at, c.used_at) as used_at,
	case when c.revoked_at is not null then 'revoked' when r.id is not null or c.used_at is not null then 'used' else 'open' end as state
from link_codes c left join responses r on r.survey_id = $1::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)
where c.survey_id = $1 and c.link_id = $2::uuid order by c.created_at, c.id

-- Of whoever shows it. over: it lets nobody in, because an interview with it has ended, or it was revoked; open: the interview that is under way.
-- name: link_code_find
-- role: public
select c.parameters, c.revoked_at is not null as revoked, c.revoked_at is not null or c.used_at is not null or exists (select from responses r
		where r.survey_id = $1::uuid and r.idempotency_key = link_code_key(c.link_id, c.code) and r.status not in ('started', 'in_progress')) as over,
	(select r.id from responses r where r.survey_id = $1 and r.idempotency_key = link_code_key(c.link_id, c.code) and r.link_id = c.link_id and r.state is not null) as open
from link_codes c where c.link_id = $2::uuid and c.code = $3::text

-- Whether a page that it opened and that has stored nothing may: what was begun by it before goes on.
-- name: link_code_good
-- role: public
select (c.revoked_at is null and c.used_at is null)
	or exists (select from responses r where r.survey_id = $1::uuid and r.idempotency_key = link_code_key(c.link_id, c.code)) as good
from link_codes c where c.link_id = $2::uuid and c.code = $3::text
