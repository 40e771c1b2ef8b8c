// Jobs: each is done once or is dead, whatever happens to its worker; and its tenant sees how far it is.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows, startRedis } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { command, sleep, until } from '../harness/run.mjs';
import { TEST_WORKER, Worker, addJobs, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
const workers = [];
const start = async (options) => {
	const worker = await new Worker(server, options).start();
	workers.push(worker);
	return worker;
};
const stopAll = async () => { for (const w of workers.splice(0)) await w.stop(); };
after(stopAll);

const query = (sql) => rows(server.database.name, sql);
const job = (id) => `/api/v1/jobs/${id}`;
/** Counted steps of these jobs: [job, how many, how many different]. */
const counted = async (ids) => new Map((await query(`select aggregate_id, count(*), count(distinct sequence) from events where aggregate_type = 'test'
	and aggregate_id in (${ids.map((id) => `'${id}'`).join(',')}) group by 1`)).map(([id, ...n]) => [id, n.map(Number)]));
const left = async () => Number((await query('select count(*) from jobs where tenant_id is not null and dead_at is null'))[0][0]);

test('progress is visible while a job runs, and its result at the end', async () => {
	const worker = await start({});
	const [id] = await addJobs(server, [{ type: 'test.count', payload: { n: 30, ms: 60 } }]);
	const half = await untilJob(server.api, id, (j) => j.status === 'running' && j.progress.done >= 5);
	assert.ok(half.progress.done < 30 && half.progress.total === 30 && half.attempts === 1 && half.started_at, JSON.stringify(half));
	const listed = expect(await server.api.get('/api/v1/jobs', { query: { status: 'running', type: 'test.count', count: true } }), 200).body;
	assert.deepEqual([listed.items.map((j) => j.id), listed.total, listed.next], [[id], 1, null]);
	const done = await untilJob(server.api, id, ended);
	assert.deepEqual([done.status, done.progress, done.result, done.error], ['succeeded', { done: 30, total: 30 }, { at: 30 }, null]);
	assert.deepEqual((await counted([id])).get(id), [30, 30]);
	assert.equal(await left(), 0);
	assert.ok(worker.log().some((l) => l.event === 'job' && l.job_id === id && l.outcome === 'succeeded' && l.tenant_id === server.tenant.id));
	const events = await query(`select distinct request_id from events where aggregate_id = '${id}'`);
	assert.deepEqual(events, [[id]]);
});

test('woken through Redis, a job begins at once', async () => {
	const [id] = await addJobs(server, [{ type: 'test.once' }]);
	// psql adds it without a word; what job_add() does after the commit:
	const published = await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	assert.equal(published.stdout.trim(), '1');
	await untilJob(server.api, id, ended, 2);
	await stopAll();
});

test('a worker killed in the middle: another one goes on from the last step, each step once', async () => {
	const ids = await addJobs(server, Array.from({ length: 6 }, () => ({ type: 'test.count', payload: { n: 40, ms: 50 } })));
	const first = await start({ args: ['--threads', '6'] });
	await until('every job at work', async () => {
		const steps = await counted(ids);
		return steps.size === 6 && [...steps.values()].every(([n]) => n >= 3);
	});
	workers.pop();
	assert.equal(await first.kill(), 'SIGKILL');
	const at = await counted(ids);
	for (const [id, [n]] of at)
		assert.ok(n < 40, `${id} had ended`);
	await start({ args: ['--threads', '6'] });
	for (const id of ids) {
		const done = await untilJob(server.api, id, ended, 60);
		assert.deepEqual([done.status, done.attempts, done.result], ['succeeded', 2, { at: 40 }], JSON.stringify(done));
	}
	assert.deepEqual([...(await counted(ids)).values()], ids.map(() => [40, 40]));
	await stopAll();
});

test('a worker that was frozen for longer than its lease writes nothing more', async () => {
	const frozen = await start({ args: ['--threads', '1'] });
	const [id] = await addJobs(server, [{ type: 'test.count', payload: { n: 60, ms: 50 } }]);
	await untilJob(server.api, id, (j) => j.progress.done >= 5);
	frozen.child.kill('SIGSTOP');
	await start({ args: ['--threads', '1'] });
	await untilJob(server.api, id, (j) => j.attempts === 2 && j.progress.done > 10);
	frozen.child.kill('SIGCONT');
	const done = await untilJob(server.api, id, ended);
	assert.deepEqual([done.status, done.attempts, done.error], ['succeeded', 2, null]);
	assert.deepEqual((await counted([id])).get(id), [60, 60]);
	await until('the frozen one to know', () => frozen.log().some((l) => l.job_id === id && l.outcome === 'lost'));
	await stopAll();
});

test('a job that takes longer than its lease keeps it, in whatever silence', async () => {
	await start({ args: ['--threads', '1'] });
	await start({ args: ['--threads', '1'] });
	const [id] = await addJobs(server, [{ type: 'test.hang', payload: { ms: 8000 } }]);
	const done = await untilJob(server.api, id, ended);
	assert.deepEqual([done.status, done.attempts], ['succeeded', 1]);
	assert.equal(workers.flatMap((w) => w.log().filter((l) => l.job_id === id)).length, 1);
	await stopAll();
});

test('a job that always fails: dead after its attempts, with its error; repeated on demand', async () => {
	const worker = await start({});
	const [failing, hopeless] = await addJobs(server, [{ type: 'test.fail' }, { type: 'test.hopeless' }]);
	const waiting = await untilJob(server.api, failing, (j) => j.status === 'queued' && j.attempts === 1);
	assert.deepEqual(waiting.error, { code: 'io', message: 'It fails on purpose.' });
	assert.ok(waiting.run_at > waiting.started_at, 'the next attempt waits');
	const dead = await untilJob(server.api, failing, ended);
	assert.deepEqual([dead.status, dead.attempts, dead.error], ['dead', 3, { code: 'io', message: 'It fails on purpose.' }]);
	const given = await untilJob(server.api, hopeless, ended);
	assert.deepEqual([given.status, given.attempts, given.error.code], ['dead', 1, 'gone']);
	assert.match(await worker.metrics(), /^jobs_count\{type="test.fail",state="dead"\} 1$/m);
	assert.match(await worker.metrics(), /^job_runs_total\{type="test.fail",outcome="failed"\} 2$/m);
	expect(await server.api.post(`${job(failing)}/cancel`), 409, 'conflict');

	const again = expect(await server.api.post(`${job(failing)}/retry`), 202);
	assert.equal(again.headers.location, job(failing));
	assert.deepEqual([again.body.status, again.body.attempts, again.body.finished_at], ['queued', 0, null]);
	expect(await server.api.post(`${job(failing)}/retry`), 409, 'conflict');
	assert.equal((await untilJob(server.api, failing, ended)).status, 'dead');
	assert.deepEqual(await query(`select type from events where aggregate_type = 'job' and aggregate_id = '${failing}'`), [['retried']]);
	await stopAll();
});

test('a job that kills its worker is dead too, and no worker after that', async () => {
	const [id] = await addJobs(server, [{ type: 'test.kill' }]);
	for (let i = 0; i < 3; i++) {
		const victim = await start({});
		workers.pop();
		assert.equal(await victim.gone, 'SIGKILL');
		victim.internal.close();
	}
	await start({});
	const dead = await untilJob(server.api, id, ended);
	assert.deepEqual([dead.status, dead.attempts], ['dead', 4]);
	assert.match(dead.error.message, /worker ended/);
	await stopAll();
});

test('two workers over 400 jobs of three tenants: each done once, tenants in turn', async () => {
	const tenants = [server.tenant.id, (await server.addTenant('second', 'sam@second.example')).id, (await server.addTenant('third', 'thi@third.example')).id];
	const big = await addJobs(server, Array.from({ length: 300 }, () => ({ type: 'test.once', payload: { ms: 5 } })), { tenant: tenants[0] });
	const small = [];
	for (const tenant of tenants.slice(1))
		small.push(...await addJobs(server, Array.from({ length: 50 }, () => ({ type: 'test.once', payload: { ms: 5 } })), { tenant }));
	await start({});
	await start({});
	await until('all', async () => await left() === 0, 120);
	const [[before]] = await query(`select count(*) from job_records where id in (${big.map((id) => `'${id}'`)})
		and finished_at < (select max(finished_at) from job_records where id in (${small.map((id) => `'${id}'`)}))`);
	assert.ok(Number(before) < 250, `${before} of three hundred jobs of one tenant went before a hundred of others`);
	const steps = await counted([...big, ...small]);
	assert.equal(steps.size, 400);
	for (const [id, n] of steps)
		assert.deepEqual(n, [1, 1], id);
	const ran = workers.map((w) => w.log().filter((l) => l.event === 'job' && l.job_type === 'test.once').length);
	assert.equal(ran[0] + ran[1], 400);
	assert.ok(Math.min(...ran) > 40, `${ran}: one of them did nearly all`);
	await stopAll();
});

test('cancel: waiting, running, ended', async () => {
	const [waiting] = await addJobs(server, [{ type: 'test.once' }], { delayMs: 3600000 });
	const gone = expect(await server.api.post(`${job(waiting)}/cancel`), 202).body;
	assert.deepEqual([gone.status, gone.finished_at !== null, gone.cancel_requested_at !== null], ['cancelled', true, true]);
	assert.equal(await left(), 0);

	await start({});
	const [running] = await addJobs(server, [{ type: 'test.count', payload: { n: 1000, ms: 50 } }]);
	await untilJob(server.api, running, (j) => j.progress.done > 2);
	const asked = expect(await server.api.post(`${job(running)}/cancel`), 202).body;
	assert.ok(['running', 'cancelled'].includes(asked.status) && asked.cancel_requested_at);
	const ends = await untilJob(server.api, running, ended, 5);
	assert.deepEqual([ends.status, ends.error], ['cancelled', null]);
	assert.ok(ends.progress.done < 200);
	expect(await server.api.post(`${job(running)}/cancel`), 409, 'conflict');
	expect(await server.api.post(`${job(running)}/retry`), 409, 'conflict');
	expect(await server.api.post(`${job(randomUUID())}/cancel`), 404);
	await stopAll();
});

test('one live job of a type and ref', async () => {
	const ref = 'same';
	const [first] = await addJobs(server, [{ type: 'test.once', ref }]);
	await addJobs(server, [{ type: 'test.once', ref }, { type: 'test.once', ref }]);
	assert.deepEqual(await query(`select id from job_records where ref = '${ref}'`), [[first]]);
	await start({});
	await untilJob(server.api, first, ended);
	await addJobs(server, [{ type: 'test.once', ref }]);
	assert.equal((await query(`select id from job_records where ref = '${ref}'`)).length, 2);
	await stopAll();
});

test('TERM: what runs ends, or is given back without counting', async () => {
	const worker = await start({ env: { COLLECT_DRAIN_MS: '300' } });
	const [short, long, deaf] = await addJobs(server, [{ type: 'test.count', payload: { n: 4, ms: 150 } }, { type: 'test.count', payload: { n: 2000, ms: 50 } },
		{ type: 'test.hang', payload: { ms: 60000 } }]);
	for (const id of [long, deaf])
		await untilJob(server.api, id, (j) => j.status === 'running');
	await untilJob(server.api, short, (j) => j.status !== 'queued');
	workers.pop();
	const began = Date.now();
	await worker.stop();
	assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
	for (const id of [long, deaf]) {
		const back = expect(await server.api.get(job(id)), 200).body;
		assert.deepEqual([back.status, back.attempts], ['queued', 0], JSON.stringify(back));
	}
	await start({});
	await untilJob(server.api, long, (j) => j.status === 'running' && j.progress.done > 3);
	for (const id of [long, deaf])
		expect(await server.api.post(`${job(id)}/cancel`), 202);
	await untilJob(server.api, long, ended);
	for (const w of workers.splice(0))
		await w.kill();
	await query(`delete from jobs where tenant_id is not null and dead_at is null; update job_records set status = 'cancelled', finished_at = now() where finished_at is null`);
});

test('whose job is whose: own, others of the tenant, others', async () => {
	const hash = (await query(`select password_hash from users where email = '${server.tenant.email}'`))[0][0];
	const users = {};
	for (const role of ['viewer', 'manager']) {
		await query(`select provision_member('${server.tenant.id}', '${users[role] = randomUUID()}', '${role}@acme.example', '${role}', '${hash}', 'en', '${role}')`);
	}
	const viewer = await server.login('viewer@acme.example');
	const manager = await server.login('manager@acme.example');
	const stranger = await server.login('sam@second.example');
	const [own, other] = await addJobs(server, [{ type: 'test.once', user: users.viewer }, { type: 'test.once', user: users.manager }], { delayMs: 3600000 });
	expect(await viewer.get(job(own)), 200);
	expect(await viewer.get(job(other)), 404);
	expect(await manager.get(job(own)), 200);
	expect(await stranger.get(job(own)), 404);
	assert.deepEqual(expect(await viewer.get('/api/v1/jobs', { query: { count: true } }), 200).body.items.map((j) => j.id), [own]);
	const all = expect(await manager.get('/api/v1/jobs', { query: { status: 'queued' } }), 200).body.items.map((j) => j.id);
	assert.deepEqual(all.sort(), [own, other].sort());
	assert.deepEqual(expect(await manager.get('/api/v1/jobs', { query: { mine: true } }), 200).body.items.map((j) => j.id), [other]);
	assert.ok(!expect(await stranger.get('/api/v1/jobs'), 200).body.items.some((j) => [own, other].includes(j.id)));
	for (const verb of ['cancel', 'retry']) {
		expect(await viewer.post(`${job(other)}/${verb}`), 404);
		expect(await stranger.post(`${job(own)}/${verb}`), 404);
	}
	expect(await viewer.post(`${job(own)}/cancel`), 202);
	expect(await manager.post(`${job(other)}/cancel`), 202);
	// pages
	const first = expect(await manager.get('/api/v1/jobs', { query: { limit: 1 } }), 200).body;
	const second = expect(await manager.get('/api/v1/jobs', { query: { limit: 1, cursor: first.next } }), 200).body;
	assert.notEqual(first.items[0].id, second.items[0].id);
	expect(await manager.get('/api/v1/jobs', { query: { status: 'lost' } }), 422);
});

test('without Redis jobs are found by looking', async () => {
	await start({});
	await server.redis.stop();
	const [id] = await addJobs(server, [{ type: 'test.once' }]);
	const done = await untilJob(server.api, id, ended, 15);
	assert.equal(done.status, 'succeeded');
	const [slow] = await addJobs(server, [{ type: 'test.count', payload: { n: 10, ms: 100 } }]);
	assert.equal((await untilJob(server.api, slow, ended, 15)).status, 'succeeded');
	await stopAll();
	Object.assign(server.redis, await startRedis());
});

test('the installation\'s own upkeep: one row, however many workers; records are purged in time', async () => {
	await query(`update jobs set due_at = now() where tenant_id is null;
		update job_records set finished_at = now() - interval '31 days' where finished_at is not null and type = 'test.once'`);
	const before = Number((await query(`select count(*) from job_records where type = 'test.once'`))[0][0]);
	assert.ok(before > 400);
	await start({});
	await start({});
	await until('the purge', async () => (await query(`select count(*) from job_records where type = 'test.once'`))[0][0] === '0');
	const periodic = await query(`select type, done_at > now() - interval '1 minute', due_at > now() + case type when 'quotas.lapse' then interval '8 minutes' else interval '50 minutes' end, attempt, error is null
		from jobs where tenant_id is null and type <> 'responses.search' order by type`); // which comes round every second
	assert.deepEqual(periodic, ['events.partitions', 'interviews.abandon', 'jobs.purge', 'privacy.purge', 'privacy.retention', 'quotas.lapse'].map((type) => [type, 't', 't', '0', 't']));
	await stopAll();
});

test('doctor tells of what nobody takes, and of upkeep that fails', async () => {
	const doctor = async () => (await server.collect('doctor')).stdout;
	const [id] = await addJobs(server, [{ type: 'test.once' }]);
	assert.match(await doctor(), /^ok +jobs: 1 queued, 0 running, \d+ dead$/m);
	await query(`update jobs set due_at = now() - interval '10 minutes' where id = '${id}'; update jobs set error = 'no room' where type = 'jobs.purge'`);
	const text = await doctor();
	assert.match(text, /^WRONG +jobs: test\.once: 1 due for up to 10 minutes and not taken/m);
	assert.match(text, /^WRONG +jobs: jobs\.purge fails: no room$/m);
	await query(`update jobs set error = null, due_at = now() where tenant_id is null`);
	await start({});
	await untilJob(server.api, id, ended);
	await stopAll();
});

test('a worker tells how it is; unknown types and bad settings stop its start', async () => {
	const worker = await start({ args: ['--types', 'jobs.purge test.once'] });
	assert.equal(expect(await worker.internal.get('/internal/readyz'), 200).body.database, 'ok');
	expect(await worker.internal.get('/internal/healthz'), 200);
	assert.match(await worker.metrics(), /^# TYPE job_run_duration_seconds histogram$/m);
	assert.match((await server.internal.get('/internal/metrics')).text, /^jobs_oldest_wait_seconds\{type="events.partitions"\} /m);
	const [other] = await addJobs(server, [{ type: 'test.count', payload: { n: 1 } }]);
	await sleep(1500);
	assert.equal(expect(await server.api.get(job(other)), 200).body.status, 'queued');
	for (const args of [['--types', 'nonsense'], ['--threads', '0']]) {
		const got = await command([TEST_WORKER, 'worker', ...args], { env: server.environment() });
		assert.ok([1, 2].includes(got.code), `${got.code} ${got.stderr}`);
		assert.match(got.stderr, /nonsense|job_threads/);
	}
	const help = await command([TEST_WORKER, 'worker', '--help']);
	assert.match(help.stdout, /events\.partitions +\S/);
});
