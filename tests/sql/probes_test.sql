-- What PostgreSQL's row security does and does not do, held fast: the holes too, so that a change of behaviour is noticed.
\set a '00000000-0000-7000-8000-00000000000a'
\set b '00000000-0000-7000-8000-00000000000b'
\set i '00000000-0000-7000-8000-000000000099'

\connect - collect_app
-- unbound: an error, never silently no rows; after a bound transaction the setting is '' and still an error
select probe.like(probe.try('', 'select 1 from projects'), '^22P02', 'unbound SELECT raises');
select probe.like(probe.try('', 'update projects set name = name'), '^22P02', 'unbound UPDATE raises, and does not say 0 rows');
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
select probe.is((select count(*)::text from projects), '1', 'bound for this transaction');
commit;
select probe.is(current_setting('app.current_tenant_id'), '', 'after the transaction the binding is empty');
\set ON_ERROR_STOP 0
select count(*) from projects \g /dev/null
select probe.is(:'LAST_ERROR_SQLSTATE', '22P02', 'and a query in the next transaction raises');
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
commit; select count(*) from projects \g /dev/null
select probe.is(:'LAST_ERROR_SQLSTATE', '22P02', 'a query behind COMMIT is unbound');
copy projects from stdin;
\.
select probe.is(:'LAST_ERROR_SQLSTATE', '0A000', 'COPY FROM is refused where row security holds');
\set ON_ERROR_STOP 1

-- a transaction left open across statements keeps its tenant: why a connection that is not idle is never handed on
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
select probe.is((select count(*)::text from projects), '1', 'an open transaction stays bound');
rollback;

-- known hole: whoever may run SQL of his own may bind another tenant. Therefore SQL is constant.
begin;
select set_config('app.current_tenant_id', :'a', true), set_config('app.current_tenant_id', :'b', true) \g /dev/null
select probe.is((select name from projects), 'Project b', 'known: binding again shows the other tenant');
savepoint s;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
rollback to s;
select probe.is((select name from projects), 'Project b', 'ROLLBACK TO gives the earlier binding back');
rollback;

-- partitions
select probe.like(probe.try(:'a', 'select 1 from responses_00'), '^42501', 'a partition is not read past its parent');
select probe.like(probe.try(:'a', 'insert into responses_00 select * from responses'), '^42501', 'nor written');

-- a foreign parent, as if it did not exist
select probe.like(probe.try(:'b', format('insert into surveys (tenant_id, id, project_id, title, definition, language) values (%L, %L, %L, ''x'', ''{}'', ''en'')',
	:'b', '00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000f2')), '^23503', 'a parent that never was: foreign key');
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
insert into projects (tenant_id, id, name) values (:'a', '00000000-0000-7000-8000-0000000000f2', 'only a has it');
commit;
select probe.like(probe.try(:'b', format('insert into surveys (tenant_id, id, project_id, title, definition, language) values (%L, %L, %L, ''x'', ''{}'', ''en'')',
	:'b', '00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000f2')), '^23503', 'a parent of another tenant: the same');
select probe.is(probe.try(:'b', format('insert into projects (tenant_id, id, name) values (%L, %L, ''x'')', :'b', '00000000-0000-7000-8000-0000000000f2')),
	'rows 1', 'an id that another tenant uses is free');

-- writing for somebody else
select probe.like(probe.try(:'a', format('insert into projects (tenant_id, id, name) values (%L, %L, ''x'')', :'b', '00000000-0000-7000-8000-0000000000f3')),
	'^42501 new row violates', 'INSERT for another tenant');
select probe.like(probe.try(:'a', format('update projects set tenant_id = %L', :'b')), '^42501', 'a row is not given to another tenant');
select probe.is(probe.try(:'a', format('select 1 from slug_lookup(%L)', 'link-b')), 'rows 1', 'a slug is public: it leads to its tenant');
select probe.like(probe.try(:'b', format('select slug_claim(%L, %L)', 'link-a', :'i')), '^23505', 'a slug is claimed once');
select probe.like(probe.try(:'b', format('select slug_claim(%L, %L)', 'new-one', '00000000-0000-7000-8000-0000000000f9')), '^23503', 'and for a link of one''s own');
select probe.like(probe.try('', format('select slug_claim(%L, %L)', 'new-one', :'i')), '^22P02', 'and only when bound');

-- what does not change
select probe.like(probe.try(:'a', 'update survey_versions set title = ''x'''), '^42501', 'a published version does not change: no grant');
select probe.like(probe.try(:'a', 'update events set type = ''x'''), '^42501', 'the log is not updated');
select probe.like(probe.try(:'a', 'delete from events'), '^42501', 'nor deleted from');
select probe.like(probe.try(:'a', 'insert into events (tenant_id, id, xid, aggregate_type, aggregate_id, type, data, sequence) select tenant_id, id, ''1'', '
	'aggregate_type, aggregate_id, type, data, sequence from events'), '^42501', 'nobody chooses an event''s xid');

-- reaching out
select probe.like(probe.try(:'a', 'create table x (a int)'), '^42501', 'no tables');
select probe.like(probe.try(:'a', 'create temp table x (a int)'), '^42501', 'no temporary tables');
select probe.like(probe.try(:'a', 'create function pg_temp.f() returns int language sql as ''select 1'''), '^42501', 'no temporary functions');
select probe.like(probe.try(:'a', 'set role collect_owner'), '^42501', 'no other role');
select probe.like(probe.try(:'a', 'set session authorization postgres'), '^42501', 'no other login');
select probe.like(probe.try(:'a', 'alter table projects disable row level security'), '^42501', 'row security stays on');
select probe.like(probe.try(:'a', 'set local row_security = off; select 1 from projects'), '^42501', 'row_security = off is an error, not a way around');
select probe.like(probe.try(:'a', 'select pg_read_file(''/etc/hostname'')'), '^42501', 'no files');
select probe.like(probe.try(:'a', 'select * from users'), '^42501', 'no users');
select probe.like(probe.try(:'a', 'select provision_member(null, null, null, null, null, null, null)'), '^42501', 'nobody makes himself a member');

-- definer functions give the caller's binding back, and know the bound tenant only
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
select probe.is((select string_agg(role, ' ') from login_lookup('B@example.com')), 'owner', 'sign-in finds the memberships of any tenant');
select probe.is(current_tenant_id()::text, :'a', 'and leaves the caller bound as he was');
select probe.is((select count(*)::text from member_lookup('00000000-0000-7000-8000-0000000000b1')), '0', 'a member of another tenant is none here');
select probe.is((select count(*)::text from member_lookup('00000000-0000-7000-8000-0000000000a1')), '1', 'one''s own is');
select probe.is((select sum(surveys)::text from active_survey_counts(200)), '0', 'counts go over all tenants');
select probe.is(current_tenant_id()::text, :'a', 'and leave the binding too');
rollback;

\connect - postgres
-- the owner is held by row security as well, and a superuser is not
begin;
set local role collect_owner;
\set ON_ERROR_STOP 0
select count(*) from projects \g /dev/null
\set ON_ERROR_STOP 1
rollback;
select probe.like(:'LAST_ERROR_SQLSTATE', '^(42704|22P02)$', 'the owner, unbound: raises');
select probe.is((select count(distinct tenant_id)::text from projects), '2', 'known: a superuser sees all; no server logs in as one');

-- what a version's trigger refuses even to those who have the grant
select probe.like(probe.try('', 'update survey_versions set title = ''x'''), '^23000', 'a published version does not change: trigger');
select probe.is(probe.try('', 'update survey_versions set deleted_at = now()'), 'rows 2', 'but it may be put away');

-- audit columns
begin;
update projects set name = 'changed', version = 77 where tenant_id = :'a' and id = :'i';
select probe.is(version::text, '2', 'version counts by itself') from projects where tenant_id = :'a' and id = :'i';
rollback;

-- the log's partitions
select probe.is((select count(*)::text from pg_inherits where inhparent = 'events'::regclass), '14', 'last month, this one and twelve more');
select probe.is(ensure_event_partitions(12)::text, '0', 'making them again makes none');
select probe.is(ensure_event_partitions(13)::text, '1', 'one more month, one more partition');
select probe.is((select bool_and(relrowsecurity and relforcerowsecurity)::text from pg_class where relnamespace = 'collect'::regnamespace and relispartition
	and relkind = 'r'), 'true', 'each partition is held by row security itself');

-- known holes of row security, each of which a lint keeps out of the schema
create view collect.all_projects as select * from collect.projects;
create materialized view collect.kept_projects as select * from collect.projects;
grant select on collect.all_projects, collect.kept_projects to collect_app;
create view collect.my_projects with (security_invoker = true) as select * from collect.projects;
grant select on collect.my_projects to collect_app;
\connect - collect_app
select probe.is(probe.try(:'a', 'select 1 from all_projects'), 'rows 3', 'known: a view of a superuser shows all tenants');
select probe.is(probe.try(:'a', 'select 1 from kept_projects'), 'rows 3', 'known: so does a materialized view');
select probe.is(probe.try(:'a', 'select 1 from my_projects'), 'rows 2', 'a view with the rights of who asks does not');
select probe.is(probe.try(:'a', 'select 1 from pg_stats where schemaname = ''collect'''), 'rows 0', 'statistics of tables with row security are hidden');
select probe.like(probe.try(:'a', 'select 1 from pg_statistic_ext_data'), '^42501', 'so are extended ones');
select probe.like(probe.try(:'a', 'select 1 from pg_authid'), '^42501', 'no hashes of logins');

-- one prepared statement, used by two tenants in turn, sees the rows of the one it is used by, with a plan for each and with one for all
prepare mine as select string_agg(distinct tenant_id::text, ' ') as seen from projects where name <> $1;
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
execute mine('x') \gset first_
select probe.is(:'first_seen', :'a', 'a prepared statement, tenant a');
commit;
begin;
select set_config('app.current_tenant_id', :'b', true), set_config('plan_cache_mode', 'force_generic_plan', true) \g /dev/null
execute mine('x') \gset second_
select probe.is(:'second_seen', :'b', 'the same, tenant b, one plan for all');
commit;
begin;
select set_config('app.current_tenant_id', :'a', true), set_config('plan_cache_mode', 'force_generic_plan', true) \g /dev/null
execute mine('x') \gset third_
select probe.is(:'third_seen', :'a', 'the same plan, tenant a again');
commit;
deallocate mine;

\connect - postgres
drop view collect.all_projects, collect.my_projects;
drop materialized view collect.kept_projects;
-- which conditions may be asked before the policy: why indexes begin with tenant_id and searches go through functions
select probe.is(string_agg(o.oprname || ' ' || o.oprleft::regtype || ' ' || p.proleakproof, ', ' order by o.oprname collate "C", o.oprleft::regtype::text),
	'= integer true, = jsonb false, = numeric false, = text true, = timestamp with time zone true, = uuid true, @> jsonb false, @@ tsvector false, '
	'~~ text false, ~~* text false', 'leakproof operators')
from pg_operator o join pg_proc p on p.oid = o.oprcode
where (o.oprname, o.oprleft::regtype::text, o.oprright::regtype::text) in (('=', 'uuid', 'uuid'), ('=', 'text', 'text'), ('=', 'integer', 'integer'),
	('=', 'timestamp with time zone', 'timestamp with time zone'), ('=', 'numeric', 'numeric'), ('=', 'jsonb', 'jsonb'), ('@>', 'jsonb', 'jsonb'),
	('@@', 'tsvector', 'tsquery'), ('~~', 'text', 'text'), ('~~*', 'text', 'text'));
-- the owner may empty a table whatever row security says: no server logs in as it, and no login has the grant
begin;
set local role collect_owner;
truncate idempotency;
reset role;
select probe.is((select count(*)::text from idempotency), '0', 'known: TRUNCATE asks no policy');
rollback;
