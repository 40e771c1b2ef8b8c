-- name: event_append
-- role: app public worker
insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
values (current_tenant_id(), $1::uuid, $2::text, $3::uuid, $4::text, $5::jsonb, $6::uuid, $7::text, $8::bigint, $9::text, $10::uuid)

-- Newest or oldest first by commit, up to where nothing can come in any more: whoever goes on from a cursor misses nothing. created_at is exact; the bounds of
-- the id, a day wider because clocks differ, leave partitions out.
-- name: event_list
with live as not materialized (
	select * from events
	where $1::text = 'created_at' and xid < pg_snapshot_xmin(pg_current_snapshot())
		and id >= coalesce(uuid_floor($8::timestamptz - interval '1 day'), '00000000-0000-0000-0000-000000000000')
		and id <= coalesce(uuid_floor($9::timestamptz + interval '1 day'), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
		and ($8 is null or created_at >= $8) and ($9 is null or created_at < $9)
		and ($10::text is null or aggregate_type = $10) and ($11::uuid is null or aggregate_id = $11)
		and ($12::text is null or type = $12) and ($13::uuid is null or actor_id = $13) and ($14::text is null or request_id = $14)
		and ($15::text is null or actor_kind = $15) and ($16::uuid is null or credential_id = $16)
), page as (
	(select *, row_number() over (order by xid desc, id desc) as at from live
	where $2::boolean and ($3::text is null or (xid, id) < ($3::text::xid8, $4::uuid))
	order by xid desc, id desc limit $5::bigint + 1)
	union all
	(select *, row_number() over (order by xid, id) from live
	where not $2 and ($3 is null or (xid, id) > ($3::text::xid8, $4))
	order by xid, id limit $5 + 1)
)
select jsonb_build_object(
	'items', coalesce((select jsonb_agg(jsonb_build_object('id', id, 'aggregate_type', aggregate_type, 'aggregate_id', aggregate_id, 'type', type,
		'sequence', sequence, 'data', data, 'before', before, 'after', after, 'actor_kind', actor_kind, 'actor_id', actor_id,
		'credential_id', credential_id, 'request_id', request_id, 'created_at', rfc3339(created_at)) order by at) from page where at <= $5), '[]'),
	'next', (select cursor_text(xid::text, id) || $7::text from page where at = $5 and exists (select from page where at > $5)))
	|| case when $6::boolean then jsonb_build_object('total', (select count(*) from live)) else '{}' end as json

-- name: event_get
select jsonb_build_object('id', id, 'aggregate_type', aggregate_type, 'aggregate_id', aggregate_id, 'type', type, 'sequence', sequence, 'data', data,
	'before', before, 'after', after, 'actor_kind', actor_kind, 'actor_id', actor_id, 'credential_id', credential_id, 'request_id', request_id,
	'created_at', rfc3339(created_at)) as json
from events where id = $1::uuid
