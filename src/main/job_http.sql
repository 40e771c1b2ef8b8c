-- name: job_version
select version from job_records where id = $1::uuid

-- name: job_list
with live as not materialized (
	select * from job_records
	where deleted_at is null
		and ($6::timestamptz is null or created_at >= $6)
		and ($7::timestamptz is null or created_at < $7)
		and ($8::text is null or type = $8)
		and ($9::text is null or status = $9)
		and ($10::uuid is null or created_by = $10)
), page as (
	(select id, created_at::text as key, row_number() over (order by created_at desc, id desc) as at from live
	where $1::boolean and ($2::text is null or (created_at, id) < ($2::timestamptz, $3::uuid))
	order by created_at desc, id desc limit $4::bigint + 1)
	union all
	(select id, created_at::text as key, row_number() over (order by created_at, id) from live
	where not $1 and ($2 is null or (created_at, id) > ($2::timestamptz, $3))
	order by created_at, id limit $4 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(job_json(r) order by page.at) from page join job_records r on r.id = page.id where page.at <= $4), '[]'),
	'next', (select cursor_text(key, id) || $11::text from page where at = $4 and exists (select from page where at > $4)))
	|| case when $5::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json
