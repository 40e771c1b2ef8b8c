// A Redis that answers and refuses: it is full, it may only be read, it forgot everything. Answers are taken, signing in says that it cannot be done, and nobody who
// is not known any more counts as signed in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: { COLLECT_RATE_LIMITS: 'true', COLLECT_RATE_LIMIT_LOOPBACK: 'true' } });
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const login = () => server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD });
const stored = async () => Number((await rows(server.database.name, 'select count(*) from responses'))[0][0]);
let f;
before(async () => { f = await publish(server.api, csat()); });

for (const [what, begin, end] of [
	['is full', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
	['may only be read', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
])
	test(`Redis ${what}: answers are taken, nobody signs in, and both go on when it is over`, async () => {
		const was = await stored();
		assert.equal(await redis(...begin), 'OK');
		for (let i = 0; i < 5; i++)
			assert.ok(expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201).headers['ratelimit-limit'], 'counted by the process alone');
		assert.equal(await stored(), was + 5);
		expect(await server.api.get('/api/v1/me'), 200);
		assert.match(expect(await login(), 503).headers['retry-after'] ?? '', /^\d+$/);
		assert.equal(await redis(...end), 'OK');
		await until('a sign-in', async () => (await login()).status === 200);
		expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
	});

test('Redis forgot everything: sessions have ended, answers are taken, and a sign-in begins anew', async () => {
	const was = await stored(), session = expect(await login(), 200).body, api = server.anyone.as(session.access_token);
	expect(await api.post('/api/v1/projects', { name: 'Before' }), 201);
	assert.equal(await redis('flushall'), 'OK');
	expect(await api.post('/api/v1/projects', { name: 'After' }), 401);
	expect(await server.anyone.post('/api/v1/auth/refresh', { refresh_token: session.refresh_token }), 401);
	expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
	assert.equal(await stored(), was + 1);
	expect(await server.anyone.as(expect(await login(), 200).body.access_token).post('/api/v1/projects', { name: 'Anew' }), 201);
});
