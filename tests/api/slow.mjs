// Sign-ins are slow on purpose: whoever sends many of them must not keep respondents waiting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { command, run, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const SIGN_INS = 100, ANSWERS = 40, MORE_THAN_MAY_WAIT = 330, SOCKETS = 60;
const server = withServer({ env: { COLLECT_WORKERS: '4' } });
let f;
before(async () => { f = await publish(server.api, csat()); });

const wrong = (client, i) => client.post('/api/v1/auth/login', { email: `nobody${i}@acme.example`, password: 'wrong wrong wrong' });
const answer = () => submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } });

test('every route that reads a password is one of the slow ones', async () => {
	const routes = JSON.parse((await command([run.collect, 'print', 'routes'])).stdout);
	const found = routes.filter((r) => r.body?.fields.some((field) => /password$/.test(field.name)));
	assert.ok(found.length >= 8, found.map((r) => r.path).join());
	for (const r of found)
		assert.ok(r.flags.includes('slow'), `${r.method} ${r.path}`);
});

test('while a hundred sign-ins wait, answers are taken: all of them before the sign-ins are done', async () => {
	const flood = new Client(server.port, { contract: server.contract });
	flood.agent.maxSockets = SIGN_INS;
	let done = 0;
	const all = Array.from({ length: SIGN_INS }, (_, i) => wrong(flood, i).then((reply) => { done++; return reply; }));
	await until('the first sign-in', async () => done > 0);
	for (let i = 0; i < ANSWERS; i += 4)
		(await Promise.all([answer(), answer(), answer(), answer()])).forEach((reply) => expect(reply, 201));
	assert.ok(done < SIGN_INS, `${ANSWERS} answers, and ${done} sign-ins were done`);
	for (const reply of await Promise.all(all))
		assert.ok([401, 503].includes(reply.status), `${reply.status}`);
	flood.close();
});

test('more than may wait are told at once when to come back; a server that stops tells those who wait', async () => {
	const floods = Array.from({ length: Math.ceil(MORE_THAN_MAY_WAIT / SOCKETS) }, () => new Client(server.port, { contract: server.contract }));
	const replies = [];
	const all = Array.from({ length: MORE_THAN_MAY_WAIT }, (_, i) => wrong(floods[i % floods.length], 1000 + i).then((reply) => replies.push(reply)));
	const refused = () => replies.filter((reply) => reply.status === 503);
	await until('the queue to be full', async () => refused().length >= 20);
	expect(await answer(), 201);
	const { text } = await server.internal.get('/internal/metrics');
	assert.ok(Number(/^password_queue_length (\d+)/m.exec(text)[1]) > 100, text.split('\n').filter((line) => /queue/.test(line)).join());
	const before = refused().length;
	const ended = server.stop();
	await Promise.all(all);
	assert.equal(await ended, 0);
	assert.ok(refused().length >= before + 100, `${before} refused, then ${refused().length}`);
	for (const reply of refused())
		assert.match(reply.headers['retry-after'] ?? '', /^\d+$/);
	floods.forEach((client) => client.close());
	await server.start();
	expect(await server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD }), 200);
});
