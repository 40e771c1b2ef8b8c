// More than it can do, and an orderly end: 503 with Retry-After when the queue is full, drain, and life without Redis.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until, sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: { COLLECT_WORKERS: '2', COLLECT_QUEUE: '4', COLLECT_DATABASE_POOL_SIZE: '4', COLLECT_DATABASE_POOL_MAX: '4',
	COLLECT_DATABASE_LOCK_TIMEOUT_MS: '3000' } });
let f;
before(async () => { f = await publish(server.api, csat()); });

/** Holds a lock that stops writes of answers while `work` runs. */
async function withLock(work) {
	const holder = psql(server.database.name, 'set search_path = collect; begin; lock table responses in exclusive mode; select pg_sleep(2); commit');
	await until('the lock', async () => (await rows(server.database.name, "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'responses' and mode = 'ExclusiveLock' and granted"))[0][0] === '1');
	const got = await work();
	await holder;
	return got;
}

test('a full queue answers 503 with Retry-After at once, health stays reachable, and later all is well', async () => {
	const client = new Client(server.port, { contract: server.contract });
	const replies = await withLock(async () => {
		const all = Array.from({ length: 40 }, () => submit(client, f.slug, { answers: { nps: 7 } }));
		await sleep(300);
		const health = await server.internal.get('/internal/healthz');
		assert.equal(health.status, 200);
		return Promise.all(all);
	});
	const refused = replies.filter((r) => r.status === 503);
	assert.ok(refused.length >= 30, `${refused.length} refused of 40`);
	for (const reply of refused)
		assert.match(reply.headers['retry-after'] ?? '', /^\d+$/);
	assert.ok(refused.filter((r) => r.ms < 500).length >= 30, refused.map((r) => Math.round(r.ms)).join());
	assert.ok(replies.every((r) => [201, 503].includes(r.status)));
	const stored = Number((await rows(server.database.name, 'select count(*) from responses'))[0][0]);
	assert.equal(stored, replies.filter((r) => r.status === 201).length);
	expect(await submit(client, f.slug, { answers: { nps: 7 } }), 201);
	client.close();
});

test('without Redis answers are still taken and read', async () => {
	await server.redis.stop('SIGKILL');
	expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
	expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200);
	const ready = await server.internal.get('/internal/readyz');
	assert.equal(ready.body.redis, 'unavailable');
	assert.equal(ready.body.database, 'ok');
});

test('drain: not ready any more, what is under way is answered, then it ends cleanly', async () => {
	const slow = withLock(async () => {
		const under_way = submit(server.anyone, f.slug, { answers: { nps: 5 } });
		await sleep(200);
		expect(await server.internal.post('/internal/drain'), 202);
		assert.equal((await server.internal.get('/internal/readyz')).status, 503);
		server.child.kill('SIGTERM');
		return under_way;
	});
	expect(await slow, 201);
	assert.equal(await server.gone, 0);
});
