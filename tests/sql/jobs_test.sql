-- The functions that reach the table jobs: each touches jobs of the bound tenant only, a claim is held by one at a time, and tenants have their turns.
\set a '00000000-0000-7000-8000-00000000000a'
\set b '00000000-0000-7000-8000-00000000000b'
\set job_a '00000000-0000-7000-8000-0000000000a9'
\set job_b '00000000-0000-7000-8000-0000000000b9'
\set fresh '00000000-0000-7000-8000-0000000000f1'
\set nil '00000000-0000-0000-0000-000000000000'
\set claim1 '00000000-0000-7000-8000-0000000000c1'
\set claim2 '00000000-0000-7000-8000-0000000000c2'

\connect - collect_app
select probe.like(probe.try('', format('select job_enqueue(%L, %L, %L, 0, 0)', :'fresh', 'x.y', 's')), '^(42704|22P02)', 'unbound, nothing is asked for');
select probe.is(probe.try(:'a', format('select job_withdraw(%L)', :'job_b')), 'rows 0', 'another tenant''s job is not withdrawn');
select probe.is(probe.try(:'a', format('select job_revive(%L)', :'job_b')), 'rows 0', 'nor repeated');
select probe.is(probe.try(:'a', format('select job_withdraw(%L)', :'job_a')), 'rows 1', 'one''s own is');
select probe.like(probe.try(:'a', format('select * from job_claim(array[%L], array[1000], %L, %L)', 'x.y', :'claim1', :'nil')), '^42501', 'a server takes no jobs');
select probe.like(probe.try(:'a', format('select job_end(%L, %L, %L, null, null)', :'job_a', :'claim1', 'done')), '^42501', 'and ends none');
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
select probe.is(job_enqueue(:'fresh', 'x.y', 'r', 0, 0)::text, :'job_a', 'a live job of the same type and ref stands for the new one');
select probe.is(job_enqueue(:'fresh', 'x.y', 's', 0, 0)::text, :'fresh', 'another ref is another job');
rollback;
-- of two tenants' live jobs alike each finds its own, whichever row lies first
begin;
select set_config('app.current_tenant_id', :'b', true) \g /dev/null
select probe.is(job_enqueue(:'fresh', 'x.y', 'r', 0, 0)::text, :'job_b', 'and it is the tenant''s own');
rollback;

\connect - collect_worker
select probe.is((select id::text from job_claim(array['x.y'], array[60000], :'claim1', :'nil')), :'job_a', 'the first tenant''s turn');
select probe.is((select id::text from job_claim(array['x.y'], array[60000], :'claim2', :'a')), :'job_b', 'then the second''s');
select probe.is((select count(*)::text from job_claim(array['x.y'], array[60000], gen_random_uuid(), :'b')), '0', 'and nobody''s twice');
select probe.is((select count(*)::text from job_hold(:'job_a', :'claim2')), '0', 'the claim of another run holds nothing');
select probe.is((select count(*)::text from job_hold(:'job_a', :'claim1')), '1', 'its own does');
select probe.is((select count(*)::text from job_end(:'job_a', :'claim2', 'done', null, null)), '0', 'nor does it end anything');
select probe.is((select count(*)::text from job_beat(array[:'claim1', :'claim2']::uuid[])), '2', 'both are alive');
select probe.is((select j::text from job_end(:'job_a', :'claim1', 'later', 0, 'never kept for a tenant') j), :'job_a', 'a run that failed');
select probe.is((select attempt::text from job_claim(array['x.y'], array[60000], :'claim1', :'b')), '2', 'is attempted again');
select probe.is((select count(*)::text from job_end(:'job_a', :'claim1', 'back', 0, null)), '1', 'a run given back');
select probe.is((select attempt::text from job_claim(array['x.y'], array[60000], :'claim1', :'b')), '2', 'does not count');
select probe.is((select count(*)::text from job_end(:'job_a', :'claim1', 'dead', null, null)), '1', 'given up');
select probe.is((select count(*)::text from job_claim(array['x.y'], array[60000], gen_random_uuid(), :'b')), '0', 'a dead job is not taken');
select probe.is((select queued || ' ' || running || ' ' || dead from job_counts() where type = 'x.y'), '0 1 1', 'and is counted');
select probe.like(probe.try(:'a', format('select job_end(%L, %L, %L, null, null)', :'job_b', :'claim2', 'somehow')), '^22023', 'there are four ways to end');

\connect - collect_app
select probe.is(probe.try(:'b', format('select job_revive(%L)', :'job_a')), 'rows 0', 'another tenant''s dead job is not repeated');
select probe.is(probe.try(:'b', format('select job_withdraw(%L)', :'job_a')), 'rows 0', 'nor withdrawn');
select probe.is(probe.try(:'a', format('select job_withdraw(%L)', :'job_b')), 'rows 0', 'nor is one that is run');
begin;
select set_config('app.current_tenant_id', :'a', true) \g /dev/null
select probe.is(job_revive(:'job_a')::text, :'job_a', 'its tenant repeats it');
commit;
begin;
select set_config('app.current_tenant_id', :'b', true) \g /dev/null
select probe.is(job_withdraw(:'job_b'), 'asked', 'a job that is run is asked to end');
commit;

\connect - collect_worker
select probe.is((select string_agg(cancel::text, '') from job_beat(array[:'claim2']::uuid[])), 'true', 'and its heartbeat hears of it');

\connect - postgres
-- ---- what is kept of jobs that are over ----
insert into collect.job_records (tenant_id, id, type, ref, max_attempts, status, finished_at)
	select probe.tenant(letter), ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'x.y', 'over', 3, 'succeeded', now() - n * interval '1 hour'
	from unnest(array['a', 'b']) letter, unnest(array[1, 3]) n;
\connect - collect_worker
select probe.is(job_purge(now() - interval '2 hours', 100)::text, '2', 'what is known of a job goes at its age, in each tenant');
select probe.is(job_purge(now() - interval '2 hours', 100)::text, '0', 'once');
\connect - postgres
select probe.is(string_agg(tenant_id || ' ' || id, ', ' order by tenant_id), :'a' || ' 00000000-0000-7000-8000-000000000001, ' || :'b' || ' 00000000-0000-7000-8000-000000000001',
	'and what is younger stays, as does what is not over') from collect.job_records where ref = 'over';
update collect.tenants set deleted_at = now() where id = :'a';
\connect - collect_worker
select probe.is((select count(*)::text from job_claim(array['x.y'], array[60000], gen_random_uuid(), :'nil')), '0', 'a deleted tenant''s jobs rest');
select probe.is((select (ms > 0)::text from job_next(array['x.y']) ms), 'true', 'and nobody is called for them');
