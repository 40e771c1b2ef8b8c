\startpipeline
select set_config('app.current_tenant_id', '@TENANT@', true);
insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, parameters, seed,
	idempotency_key, payload_hash, started_at, completed_at, duration_ms)
values ('@TENANT@', '@SURVEY@',
	(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
	'@LINK@', @VERSION@, 'completed', 'completed', 'en', :answers, '{}', 1,
	gen_random_uuid()::text, decode(md5(random()::text) || md5(random()::text), 'hex'), null, now(), null);
insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence)
values ('@TENANT@',
	(lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
	'response', gen_random_uuid(), 'completed', '{"survey_id": "@SURVEY@", "link_id": "@LINK@", "survey_version": @VERSION@, "status": "completed", "outcome": "completed", "language": "en"}', null,
	gen_random_uuid()::text, 1);
\endpipeline
