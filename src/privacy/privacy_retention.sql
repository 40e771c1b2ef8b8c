-- Retention. Each pass is one statement a batch: it removes, moves the mark on, counts, and answers what its event tells.

-- name: privacy_settings_get
-- role: app worker
select coalesce(p.version, 0) as version, coalesce(p.purge_days, 30) as purge_days,
	jsonb_build_object('purge_days', coalesce(p.purge_days, 30),
		'retention', jsonb_build_object('answers_days', p.answers_days, 'personal_days', p.personal_days, 'paradata_days', p.paradata_days),
		'updated_at', rfc3339(p.updated_at), 'updated_by', p.updated_by, 'version', coalesce(p.version, 0)) as json
from (select current_tenant_id() as id) t left join privacy_settings p on p.tenant_id = t.id

-- No row is version 0. What somebody else changed meanwhile changes nothing: no row is affected.
-- name: privacy_settings_put
insert into privacy_settings (tenant_id, purge_days, answers_days, personal_days, paradata_days, created_by, updated_by)
select current_tenant_id(), coalesce($2::bigint::integer, 30), $4::bigint::integer, $6::bigint::integer, $8::bigint::integer, $9::uuid, $9
where $1::bigint = 0 or exists (select from privacy_settings)
on conflict (tenant_id) do update set
	purge_days = coalesce($2::bigint::integer, privacy_settings.purge_days),
	answers_days = case when $3::boolean then $4::bigint::integer else privacy_settings.answers_days end,
	personal_days = case when $5::boolean then $6::bigint::integer else privacy_settings.personal_days end,
	paradata_days = case when $7::boolean then $8::bigint::integer else privacy_settings.paradata_days end,
	updated_by = $9::uuid
where privacy_settings.version = $1

-- name: retention_surveys
-- role: worker
select id, answers_days, personal_days, paradata_days from surveys
where answers_days is not null or personal_days is not null or paradata_days is not null
order by id

-- Files whose time is over, and whom a request is about that has waited for a month: its job failed, and nobody tried again.
-- name: retention_requests
-- role: worker
with over as materialized (
	select id from privacy_requests
	where subject is not null and (expires_at <= now() or (status = 'waiting' and created_at < now() - interval '30 days'))
	order by id limit $1::bigint
), gone as (
	delete from privacy_parts p using over where p.request_id = over.id
), done as (
	update privacy_requests r set subject = null, key_version = null from over where r.id = over.id returning 1
)
select count(*) as removed from done

-- name: retention_answers
-- role: worker
with old as materialized (
	select id from responses
	where survey_id = $1::uuid and deleted_at is null and created_at < now() - make_interval(days => $2::bigint::integer)
	order by created_at, id limit $3::bigint
), gone as (
	delete from responses r using old where r.survey_id = $1 and r.id = old.id returning r.id
), tally as (
	insert into survey_retentions as t (tenant_id, survey_id, answers_removed)
	select current_tenant_id(), $1, count(*) from gone having count(*) > 0
	on conflict (tenant_id, survey_id) do update set answers_removed = t.answers_removed + excluded.answers_removed
	returning t.version
)
select (select count(*) from gone) as looked, (select count(*) from gone) as removed,
	coalesce((select jsonb_agg(id order by id) from gone), '[]') as ids, coalesce((select version from tally), 0) as sequence

-- The hash of what was sent goes too: whoever has the answers in mind could find out by it whose they are.
-- name: retention_personal
-- role: worker
with mark as materialized (
	select coalesce(max(personal_at), '-infinity') as at, coalesce((array_agg(personal_id))[1], '00000000-0000-0000-0000-000000000000') as id
	from survey_retentions where survey_id = $1::uuid
), old as materialized (
	select id, created_at, sealed is not null or payload_hash is not null as has from responses
	where survey_id = $1 and deleted_at is null and created_at < now() - make_interval(days => $2::bigint::integer)
		and (created_at, id) > ((select at from mark), (select id from mark))
	order by created_at, id limit $3::bigint
), gone as (
	update responses r set sealed = null, sealed_key_version = null, payload_hash = null
	from old where r.survey_id = $1 and r.id = old.id and old.has returning r.id
), looked_up as (
	delete from response_lookups l using old where l.survey_id = $1 and l.response_id = old.id
), tally as (
	insert into survey_retentions as t (tenant_id, survey_id, personal_at, personal_id, personal_removed)
	select current_tenant_id(), $1, last.created_at, last.id, (select count(*) from gone)
	from (select created_at, id from old order by created_at desc, id desc limit 1) last
	on conflict (tenant_id, survey_id) do update set personal_at = excluded.personal_at, personal_id = excluded.personal_id,
		personal_removed = t.personal_removed + excluded.personal_removed
	returning t.version
)
select (select count(*) from old) as looked, (select count(*) from gone) as removed,
	coalesce((select jsonb_agg(id order by id) from gone), '[]') as ids, coalesce((select version from tally), 0) as sequence

-- name: retention_paradata
-- role: worker
with mark as materialized (
	select coalesce(max(paradata_at), '-infinity') as at, coalesce((array_agg(paradata_id))[1], '00000000-0000-0000-0000-000000000000') as id
	from survey_retentions where survey_id = $1::uuid
), old as materialized (
	select id, created_at from responses
	where survey_id = $1 and deleted_at is null and created_at < now() - make_interval(days => $2::bigint::integer)
		and (created_at, id) > ((select at from mark), (select id from mark))
	order by created_at, id limit $3::bigint
), gone as (
	update responses r set started_at = null, duration_ms = null, seed = 0, idempotency_key = null, payload_hash = null, last_at = null, device = null, page_ms = null,
		paradata = null
	from old where r.survey_id = $1 and r.id = old.id returning r.id
), unprinted as (
	delete from response_prints p using old where p.survey_id = $1 and p.response_id = old.id and p.kind in ('device', 'panelist')
), tally as (
	insert into survey_retentions as t (tenant_id, survey_id, paradata_at, paradata_id, paradata_removed)
	select current_tenant_id(), $1, last.created_at, last.id, (select count(*) from gone)
	from (select created_at, id from old order by created_at desc, id desc limit 1) last
	on conflict (tenant_id, survey_id) do update set paradata_at = excluded.paradata_at, paradata_id = excluded.paradata_id,
		paradata_removed = t.paradata_removed + excluded.paradata_removed
	returning t.version
)
select (select count(*) from old) as looked, (select count(*) from gone) as removed,
	coalesce((select jsonb_agg(id order by id) from gone), '[]') as ids, coalesce((select version from tally), 0) as sequence
