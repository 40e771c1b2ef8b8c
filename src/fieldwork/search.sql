-- What answers are found by: kept by a job, read by the list.

-- name: search_behind
-- role: worker
select id as tenant_id from search_behind() id

-- name: search_next
-- role: worker
select responses, versions, xid, event_id, more from search_next($1::bigint)

-- name: search_fill
-- role: worker
select search_fill($1::jsonb, $2::jsonb, $3::text, $4::uuid) as n

-- name: search_renew
-- role: worker
select survey_id, id, n from search_renew($1::uuid, $2::uuid, $3::bigint)
