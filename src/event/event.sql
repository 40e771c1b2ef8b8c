-- name: event_append
-- role: app public worker
insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
values (current_tenant_id(), $1::uuid, $2::text, $3::uuid, $4::text, $5::jsonb, $6::uuid, $7::text, $8::bigint, $9::text, $10::uuid)
