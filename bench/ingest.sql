\set n random(1, :tenants)
\set cell random(0, 19)
\startpipeline
select set_config('app.current_tenant_id', '0190bbb1-0000-7000-8000-' || lpad(:n::text, 12, '0'), true);
insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, parameters, seed,
	idempotency_key, payload_hash, started_at, completed_at, duration_ms, sealed, sealed_key_version, quota_cells)
values (current_tenant_id(), ('0190bbb2-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid,
	(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
	('0190bbb3-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, 1, 'completed', 'completed', 'en', :answers, '{}', 1,
	gen_random_uuid()::text, decode(md5(random()::text) || md5(random()::text), 'hex'), null, now(), null,
	decode(md5(random()::text) || md5(random()::text) || md5(random()::text) || md5(random()::text), 'hex'), 1,
	jsonb_build_array(jsonb_build_object('quota', 'areas', 'cell', 'a' || lpad(:cell::text, 2, '0'), 'lim', 1000000)));
insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
values (current_tenant_id(),
	(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
	'response', gen_random_uuid(), 'completed', '{"survey_id": "0190bbb2-0000-7000-8000-000000000000", "link_id": "0190bbb3-0000-7000-8000-000000000000", "survey_version": 1, "status": "completed", "outcome": "completed", "language": "en"}', null,
	gen_random_uuid()::text, 1, 'respondent', null);
insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
values (current_tenant_id(), ('0190bbb2-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid, 'areas', 'a' || lpad(:cell::text, 2, '0'), 1000000, 1)
on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + 1 where quota_cells.used + 1 <= excluded.lim;
\endpipeline
