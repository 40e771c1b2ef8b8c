// The event log's months: made by whoever starts where no worker made them, and detached when they are old, without holding up whoever writes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer();
const workers = [];
let f;
before(async () => { f = await publish(server.api, csat()); });
after(async () => { for (const w of workers) await w.stop(); });

const query = (sql) => rows(server.database.name, sql);
const attached = async () => (await query("select inhrelid::regclass from pg_inherits where inhparent = 'events'::regclass order by 1")).flat();
const detached = async () => (await query("select relname from pg_class where relnamespace = 'collect_detached'::regnamespace and relkind = 'r' order by 1")).flat();
const month = (n) => {
	const now = new Date();
	return `events_${new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + n)).toISOString().slice(0, 7).replace('-', '_')}`;
};
/** A month of long ago, as the function makes them, with an event in it. */
const makeOld = (year, m) => {
	const name = `events_${year}_${String(m).padStart(2, '0')}`, from = `${year}-${String(m).padStart(2, '0')}-01Z`;
	return query(`create table ${name} (like events including defaults including constraints including indexes);
		alter table ${name} owner to collect_owner; select isolate('${name}'); select guard_event_partition('${name}');
		do $$ begin execute format('alter table events attach partition ${name} for values from (%L) to (%L)', uuid_floor('${from}'), uuid_floor('${from}'::timestamptz + interval '1 month')); end $$;
		set app.current_tenant_id = '${server.tenant.id}';
		insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind, created_at)
		values ('${server.tenant.id}', uuid_floor('${from}'::timestamptz + interval '1 day'), 'test', '${server.tenant.id}', 'old', '{}', 1, 'operator', '${from}'::timestamptz + interval '1 day')`);
};
const round = async () => {
	await query("update jobs set due_at = now() where type = 'events.partitions' and tenant_id is null");
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
};
const ahead = async () => Number(/^event_months_ahead (\d+)$/m.exec(expect(await server.internal.get('/internal/metrics'), 200).text)[1]);
const told = (log, event) => log.filter((l) => l.event === event);

test('a start makes this month and the next one where they are missing, and says so', async () => {
	assert.equal(told(server.log(), 'event partitions were missing').length, 0);
	await query(`drop table ${[1, 2, 3].map(month).join(', ')} cascade`);
	await server.stop();
	await server.start();
	assert.ok((await attached()).includes(month(1)) && !(await attached()).includes(month(2)));
	assert.equal(await ahead(), (await attached()).filter((name) => name > month(0)).length);
	assert.equal(told(server.log(), 'event partitions were missing').length, 1);
	expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }), 201);
	// and a worker goes on to those that follow
	const worker = await new Worker(server).start();
	workers.push(worker);
	await round();
	await until('three months ahead', async () => (await attached()).includes(month(3)));
	assert.equal((await server.collect('doctor')).stdout.includes('is missing'), false);
});

test('a start that may not make them says so loudly, and answers', async () => {
	await query('revoke execute on function begin_event_months() from collect_app');
	await server.stop();
	await server.start();
	assert.equal(told(server.log(), 'event partitions could not be looked after').length, 1);
	expect(await server.anyone.get(`/api/public/v1/links/${f.slug}`), 200);
	await query('grant execute on function begin_event_months() to collect_app');
});

test('all months stay unless somebody says otherwise', async () => {
	await makeOld(2020, 5);
	await query("update jobs set done_at = null where type = 'events.partitions'");
	await round();
	await until('a round', async () => (await query("select done_at is not null from jobs where type = 'events.partitions'"))[0][0] === 't');
	assert.ok((await attached()).includes('events_2020_05'));
	assert.deepEqual(await detached(), []);
	// the log shows what is older than every transaction under way, of whatever database in the cluster
	await until('the log to show it', async () => expect(await server.api.get('/api/v1/events', { query: { type: 'old', created_from: '2020-01-01T00:00:00Z' } }), 200).body.items.length === 1);
	await workers.pop().stop();
});

test('old months are detached: out of the log and out of reach, with all that was in them', async () => {
	await makeOld(2020, 6);
	await makeOld(2099, 1); // one ahead is not old
	const worker = await new Worker(server, { env: { COLLECT_EVENTS_KEEP_MONTHS: '12' } }).start();
	workers.push(worker);
	// somebody reads the log for long: nothing is detached, and whoever writes waits for a moment only
	const reader = psql(server.database.name, "set search_path = collect; begin; select count(*) from events; select pg_sleep(2.5); rollback");
	await until('the reader', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(2.5)%' and wait_event = 'PgSleep'")).length === 1);
	await round();
	let slowest = 0;
	await until('the worker to find it in use', async () => {
		const from = Date.now();
		expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }), 201);
		slowest = Math.max(slowest, Date.now() - from);
		return told(worker.log(), 'a month of the event log is in use and stays').length === 1;
	});
	assert.ok(slowest < 2000, `${slowest} ms`);
	assert.deepEqual(await detached(), []);
	await reader;
	await round();
	await until('both months', async () => (await detached()).length === 2);
	assert.deepEqual(await detached(), ['events_2020_05', 'events_2020_06']);
	const left = await attached();
	assert.ok(!left.includes('events_2020_05') && left.includes('events_2099_01') && left.includes(month(-1)));
	assert.deepEqual(await query('select type from collect_detached.events_2020_05'), [['old']]);
	for (const user of ['collect_app', 'collect_public', 'collect_worker']) {
		const got = await psql(server.database.name, 'select * from collect_detached.events_2020_05', { user });
		assert.match(got.stderr, /permission denied for schema/, user);
	}
	assert.equal(expect(await server.api.get('/api/v1/events', { query: { type: 'old', created_from: '2020-01-01T00:00:00Z' } }), 200).body.items.length, 1, 'the one of 2099');
	expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }), 201);
	// as docs/operations.md says, one comes back
	await query(`alter table collect_detached.events_2020_05 set schema collect; do $$ begin
		execute format('alter table collect.events attach partition collect.events_2020_05 for values from (%L) to (%L)', collect.uuid_floor('2020-05-01Z'), collect.uuid_floor('2020-06-01Z')); end $$`);
	assert.equal(expect(await server.api.get('/api/v1/events', { query: { type: 'old', created_from: '2020-01-01T00:00:00Z' } }), 200).body.items.length, 2);
	// (a copy of the template lacks what is granted and revoked on a database itself)
	const doctor = (await server.collect('doctor')).stdout.split('\n').filter((l) => l.startsWith('WRONG') && !/running server|may create schemas or temporary objects/.test(l));
	assert.deepEqual(doctor, []);
});

test('a month that the search has still to read of stays, which is said; once it was read it goes', async () => {
	while (workers.length)
		await workers.pop().stop();
	await makeOld(2020, 4);
	await makeOld(2020, 7);
	// as if the job had been stuck since July 2020
	await query("update jobs set due_at = now() + interval '1 hour' where type = 'responses.search'");
	const [[mark]] = await query("select max(xid::text::numeric) from events");
	await query(`update search_marks set xid = '0', id = '00000000-0000-0000-0000-000000000000', read_at = '2020-07-03Z' where tenant_id = '${server.tenant.id}'`);
	const worker = await new Worker(server, { env: { COLLECT_EVENTS_KEEP_MONTHS: '12' } }).start();
	const unread = async () => /^event_months_unread (\d+)$/m.exec(expect(await worker.internal.get('/internal/metrics'), 200).text)?.[1];
	const says = 'a month of the event log stays: the search has not read all of it';
	await round();
	await until('the worker to find it unread', async () => told(worker.log(), says).length > 0);
	assert.equal(await unread(), '1');
	assert.deepEqual(await detached(), ['events_2020_04', 'events_2020_05', 'events_2020_06'], 'what it read already goes');
	assert.ok((await attached()).includes('events_2020_07'));
	assert.ok(told(worker.log(), says).every((l) => JSON.stringify(l).includes('events_2020_07')));
	await query("update jobs set due_at = now() where type = 'responses.search'");
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	await until('the search to come to its end', async () => (await query(`select 1 from search_marks where tenant_id = '${server.tenant.id}' and xid::text::numeric >= ${mark}`)).length === 1);
	await round();
	await until('the month to go', async () => (await detached()).includes('events_2020_07'));
	await until('the metric', async () => await unread() === '0');
	await worker.stop();
	// a tenant that the search has never come to holds all of its own
	await makeOld(2020, 8);
	await query(`update jobs set due_at = now() + interval '1 hour' where type = 'responses.search'; delete from search_marks where tenant_id = '${server.tenant.id}'`);
	assert.deepEqual(await query('select name, busy, unread from detach_event_month(12)'), [['events_2020_08', 'f', 't']]);
	const living = (at) => query(`set app.current_tenant_id = '${server.tenant.id}'; update tenants set deleted_at = ${at} where id = '${server.tenant.id}'`);
	await living('now()');
	assert.deepEqual(await query('begin; select name, busy, unread from detach_event_month(12); rollback'), [['events_2020_08', 'f', 'f']], 'of a tenant that is gone nobody searches');
	await living('null');
});
