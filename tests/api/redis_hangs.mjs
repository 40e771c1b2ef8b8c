// A Redis that takes connections and answers nothing: what needs it says so in time, everything else goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const TIMEOUT_MS = 1500, LANES = 8, EACH = 8;
after(() => process.kill(server.redis.pid, 'SIGCONT')); // before it is told to end
const server = withServer({ env: { COLLECT_RATE_LIMITS: 'true', COLLECT_RATE_LIMIT_LOOPBACK: 'true', COLLECT_REDIS_TIMEOUT_MS: String(TIMEOUT_MS) } });
const login = () => server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD });
let f;
before(async () => {
	f = await publish(server.api, csat());
	expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
});

test('answers are taken while Redis hangs, and few of them wait for it', async () => {
	process.kill(server.redis.pid, 'SIGSTOP');
	const client = new Client(server.port, { contract: server.contract });
	const lane = async () => {
		const replies = [];
		for (let i = 0; i < EACH; i++)
			replies.push(expect(await submit(client, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201));
		return replies;
	};
	const replies = (await Promise.all(Array.from({ length: LANES }, lane))).flat();
	// Those that find out, a connection each, and then one at a time; without that each would wait.
	const waited = replies.filter((reply) => reply.ms >= TIMEOUT_MS);
	assert.ok(waited.length >= 1 && waited.length <= replies.length / 2, `${waited.length} of ${replies.length} waited`);
	assert.ok(replies.every((reply) => reply.headers['ratelimit-limit']), 'counted by the process alone');
	client.close();
});

test('who is signed in stays so, signing in says that it cannot be done, and that is over when Redis answers', async () => {
	expect(await server.api.get('/api/v1/me'), 200);
	const refused = expect(await login(), 503);
	assert.match(refused.headers['retry-after'] ?? '', /^\d+$/);
	process.kill(server.redis.pid, 'SIGCONT');
	await until('a sign-in', async () => (await login()).status === 200);
	expect(await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
	await until('counting together', async () => server.log().some((line) => /counted together with the other processes again/.test(JSON.stringify(line))));
});
