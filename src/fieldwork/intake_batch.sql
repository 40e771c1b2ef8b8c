-- A tenant's answers, many at once.

-- Answers, their events and what they are found by; what comes back, by its place in the lists, was stored, the others' keys or ids are stored already. An id says nothing
-- without its survey, nor both without the key: a device chooses ids. Of several that want the same key or id the first in the lists has it. In the order of survey and key, so that
-- two who store the same keys wait for each other in one direction only.
-- name: response_insert_many
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[], $26::text[], $27::jsonb[], $28::text[], $29::jsonb[], $30::bigint[],
		$31::jsonb[]) with ordinality
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id, device, paradata, flags, lookups, lookups_key_version, prints, n)
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, completed_at, device, paradata, string_to_array(flags, ',')
	from given order by n
	on conflict do nothing
	returning survey_id, id, idempotency_key
), won as materialized (
	select min(g.n) as n from given g join stored s on s.survey_id = g.survey_id and s.id = g.id and s.idempotency_key = g.idempotency_key
	group by g.survey_id, g.id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, 1, 'respondent', null
	from given g where g.n in (select n from won)
), found_by as (
	insert into response_lookups (tenant_id, survey_id, response_id, question, kind, key_version, hash)
	select distinct current_tenant_id(), g.survey_id, g.id, left(l.question, 200), l.kind, g.lookups_key_version, decode(l.hash, 'hex')
	from given g, jsonb_to_recordset(g.lookups) l (question text, kind text, hash text)
	where g.lookups is not null and g.n in (select n from won)
), printed as (
	insert into response_prints (tenant_id, survey_id, response_id, kind, print, chars)
	select distinct current_tenant_id(), g.survey_id, g.id, p.kind, decode(p.print, 'hex'), p.chars
	from given g, jsonb_to_recordset(g.prints) p (kind text, print text, chars integer)
	where g.prints is not null and g.n in (select n from won)
)
select n as place, null::jsonb as held from won

-- The same where nothing is to be looked up: each table that a statement could write costs, rows or none.
-- name: response_insert_plain
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[], $26::text[], $27::jsonb[], $28::text[]) with ordinality
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id, device, paradata, flags, n)
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, completed_at, device, paradata, string_to_array(flags, ',')
	from given order by n
	on conflict do nothing
	returning survey_id, id, idempotency_key
), won as materialized (
	select min(g.n) as n from given g join stored s on s.survey_id = g.survey_id and s.id = g.id and s.idempotency_key = g.idempotency_key
	group by g.survey_id, g.id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, 1, 'respondent', null
	from given g where g.n in (select n from won)
)
select n as place, null::jsonb as held from won

-- The same for a single one, which is most of what many tenants store at once: no lists to take apart, and nothing to sort.
-- name: response_insert_one
-- role: public
with stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags)
	values (current_tenant_id(), $1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::text, $6::text, $7::text, $8::jsonb, $9::bytea, $10::bigint,
		$11::jsonb, $12::bigint, $13::text, $14::bytea, $15::timestamptz, $16::timestamptz, $17::bigint, $18::jsonb, $19::jsonb, $20::bytea,
		$21::bigint, $22::bigint, $16::timestamptz, $26::text, $27::jsonb, string_to_array($28::text, ','))
	on conflict do nothing
	returning id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), $23::uuid, 'response', id, $5::text, $24::jsonb, null, $25::text, 1, 'respondent', null from stored
)
select 1::bigint as place, null::jsonb as held from stored

-- Stored and counted at once, as quota_cells_take_many counts: whole answers hold nothing from before, so what they take is known beforehand. The places of those that were
-- stored, by their place in the lists; `refused` above 0 says that a cell had too little room, and the transaction must not be committed.
-- name: response_count_plain
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[], $26::text[], $27::jsonb[], $28::text[]) with ordinality
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id, device, paradata, flags, n)
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, completed_at, device, paradata, string_to_array(flags, ',')
	from given order by n
	on conflict do nothing
	returning survey_id, id, idempotency_key
), won as materialized (
	select min(g.n) as n from given g join stored s on s.survey_id = g.survey_id and s.id = g.id and s.idempotency_key = g.idempotency_key
	group by g.survey_id, g.id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, 1, 'respondent', null
	from given g where g.n in (select n from won)
), wanted as materialized (
	select g.survey_id, c.quota, c.cell, min(c.lim) as lim, count(*) as n
	from unnest($29::bigint[], $30::text[], $31::text[], $32::bigint[]) c (n, quota, cell, lim) join won using (n) join given g using (n)
	group by g.survey_id, c.quota, c.cell
), taken as (
	insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
	select current_tenant_id(), w.survey_id, w.quota, w.cell, w.lim, w.n from wanted w where w.n <= w.lim or exists (select from quota_cells c
		where c.survey_id = w.survey_id and c.quota = w.quota and c.cell = w.cell and c.limit_set >= w.n)
	order by w.survey_id, w.quota collate "C", w.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + excluded.used, lim = excluded.lim
		where quota_cells.used + quota_cells.leased + excluded.used <= coalesce(quota_cells.limit_set, excluded.lim)
	returning 1
)
select n as place, (select count(*) from wanted) - (select count(*) from taken) as refused from won

-- The same for a single one, whose cells have room for one by their limits: nobody has to look for another limit before there is a row.
-- name: response_count_one
-- role: public
with stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags)
	values (current_tenant_id(), $1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::text, $6::text, $7::text, $8::jsonb, $9::bytea, $10::bigint,
		$11::jsonb, $12::bigint, $13::text, $14::bytea, $15::timestamptz, $16::timestamptz, $17::bigint, $18::jsonb, $19::jsonb, $20::bytea,
		$21::bigint, $22::bigint, $16::timestamptz, $26::text, $27::jsonb, string_to_array($28::text, ','))
	on conflict do nothing
	returning survey_id, id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), $23::uuid, 'response', id, $5::text, $24::jsonb, null, $25::text, 1, 'respondent', null from stored
), taken as (
	insert into quota_cells (tenant_id, survey_id, quota, cell, lim, used)
	select current_tenant_id(), s.survey_id, c.quota, c.cell, c.lim, 1 from stored s, unnest($29::text[], $30::text[], $31::bigint[]) c (quota, cell, lim)
	order by c.quota collate "C", c.cell collate "C"
	on conflict (tenant_id, survey_id, quota, cell) do update set used = quota_cells.used + 1, lim = excluded.lim
		where quota_cells.used + quota_cells.leased + 1 <= coalesce(quota_cells.limit_set, excluded.lim)
	returning 1
)
select 1::bigint as place, cardinality($29) - (select count(*) from taken) as refused from stored

-- The same where some are interviews that are kept from page to page: those whose row is there (`stored`) are changed, provided that they are under way and, where a
-- version is given, that nobody saved them since it was read. What comes back was stored, with the quota cells that its row held before. One that goes on keeps those as long as
-- it falls into no other cell of the same quota: who goes back to before a question still has what he answered there. The log tells that one began and how it ended,
-- not each page.
-- name: response_save_many
-- role: public
with given as materialized (
	select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[], $10::bigint[],
		$11::jsonb[], $12::bigint[], $13::text[], $14::bytea[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::jsonb[], $19::jsonb[],
		$20::bytea[], $21::bigint[], $22::bigint[], $23::uuid[], $24::jsonb[], $25::text[], $26::text[], $27::jsonb[], $28::text[], $29::jsonb[], $30::bigint[],
		$31::jsonb[], $32::boolean[], $33::bigint[], $34::timestamptz[], $35::jsonb[], $36::bytea[], $37::bigint[], $38::bigint[]) with ordinality
	g (survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents,
		answers_sealed, answers_key_version, payload_key_version, event_id, event_data, request_id, device, paradata, flags, lookups, lookups_key_version, prints,
		stored, version, last_at, page_ms, state, state_key_version, lease_ms, n)
), firsts as materialized (
	select min(n) as n from given where stored group by survey_id, id
), before as materialized (
	select g.n, r.survey_id, r.id, r.status, r.quota_cells,
		case when r.quota_cells is null or g.status not in ('started', 'in_progress') then g.quota_cells else coalesce(g.quota_cells, '[]')
			|| coalesce((select jsonb_agg(h) from jsonb_array_elements(r.quota_cells) h
				where not exists (select from jsonb_array_elements(g.quota_cells) w where w ->> 'quota' = h ->> 'quota')), '[]') end as holds
	from given g join responses r on r.survey_id = g.survey_id and r.id = g.id
	where g.n in (select n from firsts) and r.state is not null and r.status in ('started', 'in_progress') and r.deleted_at is null and (g.version is null or r.version = g.version)
	order by r.survey_id, r.idempotency_key for update of r
), changed as (
	update responses r set status = g.status, outcome = g.outcome, language = g.language, answers = g.answers, sealed = g.sealed,
		sealed_key_version = g.sealed_key_version, answers_sealed = g.answers_sealed, answers_key_version = g.answers_key_version, parameters = g.parameters,
		consents = g.consents, payload_hash = coalesce(g.payload_hash, r.payload_hash),
		payload_key_version = case when g.payload_hash is null then r.payload_key_version else g.payload_key_version end,
		completed_at = g.completed_at, duration_ms = g.duration_ms, last_at = g.last_at, page_ms = g.page_ms, paradata = coalesce(g.paradata, r.paradata), flags = string_to_array(g.flags, ','),
		quota_cells = b.holds, lease_until = case when b.holds is not null then now() + g.lease_ms * interval '1 millisecond' end,
		state = g.state, state_key_version = g.state_key_version
	from given g join before b on b.n = g.n
	where r.survey_id = g.survey_id and r.id = g.id
	returning g.n, r.version, b.status <> g.status as moved, b.quota_cells as held
), stored as (
	insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, flags, page_ms, state, state_key_version, lease_until)
	select current_tenant_id(), survey_id, id, link_id, survey_version, status, outcome, language, answers, sealed, sealed_key_version,
		parameters, seed, idempotency_key, payload_hash, started_at, completed_at, duration_ms, quota_cells, consents, answers_sealed,
		answers_key_version, payload_key_version, last_at, device, paradata, string_to_array(flags, ','), page_ms, state, state_key_version,
		case when quota_cells is not null then now() + lease_ms * interval '1 millisecond' end
	from given where not stored order by n
	on conflict do nothing
	returning survey_id, id, idempotency_key
), won as materialized (
	select min(g.n) as n from given g join stored s on s.survey_id = g.survey_id and s.id = g.id and s.idempotency_key = g.idempotency_key
	where not g.stored group by g.survey_id, g.id
), told as (
	insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, actor_id, request_id, sequence, actor_kind, credential_id)
	select current_tenant_id(), g.event_id, 'response', g.id, g.status, g.event_data, null, g.request_id, coalesce(c.version, 1), 'respondent', null
	from given g left join changed c on c.n = g.n where c.moved or g.n in (select n from won)
), found_by as (
	insert into response_lookups (tenant_id, survey_id, response_id, question, kind, key_version, hash)
	select distinct current_tenant_id(), g.survey_id, g.id, left(l.question, 200), l.kind, g.lookups_key_version, decode(l.hash, 'hex')
	from given g, jsonb_to_recordset(g.lookups) l (question text, kind text, hash text)
	where g.lookups is not null and (g.n in (select n from won) or g.n in (select n from changed))
), printed as (
	insert into response_prints (tenant_id, survey_id, response_id, kind, print, chars)
	select distinct current_tenant_id(), g.survey_id, g.id, p.kind, decode(p.print, 'hex'), p.chars
	from given g, jsonb_to_recordset(g.prints) p (kind text, print text, chars integer)
	where g.prints is not null and (g.n in (select n from won) or g.n in (select n from changed))
)
select n as place, null::jsonb as held from won
union all
select n, held from changed

-- Which of these keys and ids are stored already, by their place in the lists.
-- name: response_keys_known
-- role: public
with k as materialized (select * from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality k (survey_id, key, id, n))
select k.n as place from k join responses r on r.survey_id = k.survey_id and r.idempotency_key = k.key
union
select k.n from k join responses r on r.survey_id = k.survey_id and r.id = k.id

-- Locked before their cells, as those are that are saved: what they hold, and what they go on with. Those that are over hold nothing.
-- name: leases_held
-- role: public
select k.n as place, r.quota_cells as held, r.state, r.state_key_version from unnest($1::uuid[], $2::uuid[]) with ordinality k (survey_id, id, n) join responses r on r.survey_id = k.survey_id and r.id = k.id
where r.status in ('started', 'in_progress') and r.deleted_at is null order by r.survey_id, r.idempotency_key for update of r
