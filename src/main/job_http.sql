-- name: job_version
select version from job_records where id = $1::uuid

-- Whose: as job_status.
-- name: job_type
select type from job_records where id = $1::uuid and deleted_at is null and ($2::uuid is null or created_by = $2)

-- name: job_list
with live as not materialized (
	select * from job_records
	where $1::text = 'created_at' and deleted_at is null
		and ($8::timestamptz is null or created_at >= $8)
		and ($9::timestamptz is null or created_at < $9)
		and ($10::text is null or type = $10)
		and ($11::text is null or status = $11)
		and ($12::uuid is null or created_by = $12)
), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $2::boolean and ($3::text is null or (created_at, id) < ($3::timestamptz, $4::uuid))
	order by created_at desc, id desc limit $5::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) from live
	where not $2 and ($3 is null or (created_at, id) > ($3::timestamptz, $4))
	order by created_at, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(job_json(r) order by page.at) from page join job_records r on r.id = page.id where page.at <= $5), '[]'),
	'next', (select cursor_text(key, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
