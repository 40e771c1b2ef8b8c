-- Which tables are audited, that the trigger shows what it should and nothing else, and that nobody can change what it wrote.
create table probe.wanted_audit (relation text, audited text);
insert into probe.wanted_audit values
	('api_keys', 'api_key DIU'), ('clients', 'client DIU'), ('identities', 'identity DIU'), ('identity_providers', 'identity_provider DIU'),
	('privacy_requests', 'privacy_request DIU'), ('privacy_parts', 'no'), ('privacy_settings', 'privacy_settings DIU'), ('security_settings', 'security_settings DIU'), ('survey_retentions', 'no'), ('response_lookups', 'no'), ('response_prints', 'no'), ('response_search', 'no'), ('response_changes', 'no'), ('link_codes', 'no'), ('link_code_counts', 'no'), ('data_keys', 'data_key DIU'), ('events', 'no'), ('idempotency', 'no'), ('invitations', 'invitation DIU'),
	('job_records', 'job I, in part'), ('links', 'link DIU'), ('memberships', 'member DIU'), ('projects', 'project DIU'), ('project_members', 'project_member DIU'), ('quota_cells', 'no'),
	('responses', 'response DU, in part'), ('roles', 'role DIU'), ('survey_versions', 'survey_version DIU'), ('surveys', 'survey DIU'),
	('tenants', 'tenant U'), ('users', 'user U');

with got as (
	select c.relname::text as relation, case when t.oid is not null
		then substring(pg_get_triggerdef(t.oid) from 'audit_change\(''([a-z_]+)''') || ' ' || case when t.tgtype & 8 > 0 then 'D' else '' end
			|| case when t.tgtype & 4 > 0 then 'I' else '' end || case when t.tgtype & 16 > 0 then 'U' else '' end
			|| case when t.tgqual is not null then ', in part' else '' end
		when obj_description(c.oid, 'pg_class') ~ '^not audited: .' then 'no' end as audited
	from pg_class c left join pg_trigger t on t.tgrelid = c.oid and t.tgfoid = 'collect.audit_change'::regproc and t.tgenabled = 'O'
	where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
		and (t.oid is not null or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and c.relrowsecurity))
)
select probe.is(coalesce(g.audited, 'nothing says that it is audited, or why not'), w.audited, 'audit of ' || coalesce(g.relation, w.relation))
from got g full join probe.wanted_audit w using (relation) order by relation;

-- ---- what an event shows ----

create table probe.shown (n bigserial, line text);
grant select, insert on probe.shown to public;
grant usage on sequence probe.shown_n_seq to public;

-- As a login does it: bound, with an origin, and what its transaction wrote.
create function probe.told(p_sql text) returns setof text language plpgsql as $$
begin
	perform set_config('app.current_tenant_id', probe.tenant('a')::text, true);
	perform set_config('app.origin', 'key 00000000-0000-7000-8000-0000000000a1 00000000-0000-7000-8000-000000000077 req 1', true);
	execute p_sql;
	return query select concat_ws(' ', e.aggregate_type, e.type, e.sequence, e.data, 'before', e.before, 'after', e.after)
		from collect.events e where e.xid = pg_current_xact_id() order by e.id;
end
$$;

\connect - collect_app
begin;
select probe.is(string_agg(line, E'\n'), 'project updated 2 {} before {"name": "Project a"} after {"name": "New"}', 'the fields that changed, and no others')
from probe.told($$update projects set name = 'New', updated_by = null$$) line;
select probe.is(concat_ws(' ', actor_kind, actor_id, credential_id, request_id, tenant_id), 'key 00000000-0000-7000-8000-0000000000a1 '
	|| '00000000-0000-7000-8000-000000000077 req 1 ' || probe.tenant('a'), 'who, by what, in which request, whose')
from events where xid = pg_current_xact_id();
select probe.like(id::text || ' ' || (abs(('x0000' || substr(replace(id::text, '-', ''), 1, 12))::bit(64)::bigint - extract(epoch from now()) * 1000) < 10000),
	'^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} true$', 'its id is of version 7, and of now') from events where xid = pg_current_xact_id();
rollback;
begin;
select probe.is(string_agg(line, E'\n'), 'project updated 2 {} before {} after {}', 'a change that changes nothing has a version, and an event')
from probe.told($$update projects set name = name$$) line;
rollback;
begin;
select probe.is(string_agg(line, E'\n'), 'link deleted 2 {"survey_id": "00000000-0000-7000-8000-000000000099"} before {} after {}', 'soft delete')
from probe.told($$update links set deleted_at = now()$$) line;
rollback;
begin;
select count(*) from probe.told($$update links set deleted_at = now()$$);
select probe.is((array_agg(line))[2], 'link restored 3 {"survey_id": "00000000-0000-7000-8000-000000000099"} before {} after {}', 'restore')
from probe.told($$update links set deleted_at = null$$) line;
rollback;
begin;
select probe.is(string_agg(line, E'\n'), 'link updated 2 {"hidden": ["secret"], "survey_id": "00000000-0000-7000-8000-000000000099"} before {"title": "", "closes_at": null} '
	|| 'after {"title": "T", "closes_at": "2026-12-01T10:00:00.000Z"}', 'a secret is named and not shown; times as the API writes them')
from probe.told($$update links set secret = '\x5ec7e7', title = 'T', closes_at = '2026-12-01 10:00+00'$$) line;
rollback;
begin;
select probe.is(string_agg(line, E'\n'), 'role created 1 {} before after {"name": "R", "description": "", "permissions": ["surveys:read", "links:read"]}', 'create')
from probe.told($$insert into roles (tenant_id, id, name, permissions) values (current_tenant_id(), gen_random_uuid(), 'R', '{surveys:read,links:read}')$$) line;
rollback;
begin;
select probe.is(line, null, 'a key that is used is no change') from (select string_agg(line, E'\n') as line
from probe.told($$update api_keys set last_used_at = now()$$) line) t;
rollback;
begin;
select probe.like(string_agg(line, E'\n'), '^survey updated 2 \{"project_id": "[0-9a-f-]*"\} before \{"definition": \{\}\} after \{"definition": \{"bytes": 5009, "sha256": "[0-9a-f]{64}"\}\}$',
	'of something large the checksum')
from probe.told($$update surveys set definition = jsonb_build_object('x', repeat('y', 5000))$$) line;
rollback;

-- Bytes are never shown, whatever their column is called and whoever forgot to list it.
\connect - postgres
create table collect.pictures (tenant_id uuid not null, id uuid not null, version integer not null default 1, face bytea, about text, primary key (tenant_id, id));
alter table collect.pictures owner to collect_owner;
select collect.audit('collect.pictures', 'picture') \g /dev/null
grant select, insert on collect.pictures to collect_app;
\connect - collect_app
begin;
select probe.is(string_agg(line, E'\n'), 'picture created 1 {"hidden": ["face"]} before after {"about": "whose"}', 'bytes are named and not shown')
from probe.told($$insert into pictures (tenant_id, id, face, about) values (current_tenant_id(), gen_random_uuid(), '\x63616e617279', 'whose')$$) line;
rollback;

-- What respondents say is in no event, however it is changed. No login may do this yet: as the owner, for whom row security holds too.
\connect - postgres
set role collect_owner;
grant insert on probe.shown to collect_owner;
begin;
select probe.is(string_agg(line, E'\n'), 'response updated 2 {"hidden": ["answers", "consents", "parameters", "payload_hash", "sealed", "sealed_key_version"], '
	|| '"survey_id": "00000000-0000-7000-8000-000000000099"} before {"status": "completed"} '
	|| 'after {"status": "screened_out"}', 'answers are never shown')
from probe.told($$update collect.responses set answers = '{"q": "canary"}', sealed = '\x00', sealed_key_version = 1, parameters = '{"p": "canary"}',
	consents = '{"c": "canary"}', payload_hash = '\x00', status = 'screened_out'$$) line;
select probe.is(string_agg(line, E'\n'), 'response purged 3 {"survey_id": "00000000-0000-7000-8000-000000000099"} before after', 'purge')
from (select line from probe.told($$delete from collect.responses$$) line offset 1) t;
rollback;
reset role;

-- ---- who ----

\connect - collect_app
select probe.like(probe.try(probe.tenant('a')::text, $$insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence)
	values (current_tenant_id(), event_id(), 'survey', gen_random_uuid(), 'published', '{}', 1)$$), '^23514 .*events_actor_said', 'an event says who did it');
\connect - collect_public
select probe.like(probe.try(probe.tenant('a')::text, $$insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
	values (current_tenant_id(), event_id(), 'survey', gen_random_uuid(), 'published', '{}', 1, 'user')$$), '^23514 .*events_of_respondents', 'the respondents'' login tells of respondents only');
select probe.is(probe.try(probe.tenant('a')::text, $$insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
	values (current_tenant_id(), event_id(), 'response', gen_random_uuid(), 'completed', '{}', 1, 'respondent')$$), 'rows 1', 'and of them it does');
\connect - postgres

-- ---- append only ----

set role collect_owner;
select set_config('app.current_tenant_id', probe.tenant('a')::text, false);
select probe.like(probe.try(probe.tenant('a')::text, 'update collect.events set type = ''x'''), '^23000 the log of events is only appended to', 'not even the owner changes an event');
select probe.like(probe.try(probe.tenant('a')::text, 'delete from collect.events'), '^23000 the log of events is only appended to', 'not even the owner deletes one');
select probe.like(probe.try(probe.tenant('a')::text, 'truncate collect.events'), '^23000 the log of events is only appended to', 'not even the owner empties it');
select probe.like(probe.try(probe.tenant('a')::text, format('update collect.%I set type = ''x''', relation)), '^23000 the log of events is only appended to',
	'nor by its partition') from probe.samples where relation = 'events_' || to_char(now() at time zone 'UTC', 'YYYY_MM');
select probe.like(probe.try(probe.tenant('a')::text, format('truncate collect.%I', relname)), '^23000 the log of events is only appended to',
	'nor empties ' || relname) from pg_class c join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'collect.events'::regclass order by relname;
select probe.is(collect.uuid_floor(at::timestamptz)::text, floor, 'the first id of ' || at)
from (values ('1960-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000000'), ('0001-01-01T00:00:00Z', '00000000-0000-0000-0000-000000000000'),
	('1970-01-01T00:00:01Z', '00000000-03e8-0000-0000-000000000000'), ('290000-01-01T00:00:00Z', 'ffffffff-ffff-0000-0000-000000000000')) v (at, floor);
reset role;
