// Links that ask for work before anything is stored: on the page by its first state, by the API by a challenge that is good once, on two servers and without Redis.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const BITS = 10;
const server = withServer();
let other;
before(async () => {
	other = await server.twin();
});
after(() => other.end());

const sha = (text) => createHash('sha256').update(text).digest();
const zeros = (text, nonce) => {
	const sum = sha(`${sha(text).toString('hex')}:${nonce}`);
	return Math.clz32(sum.readUInt32BE(0));
};
const solve = (text, bits, n = 0) => {
	while (zeros(text, n.toString(36)) < bits)
		n++;
	return n.toString(36);
};
const undone = (text, bits) => {
	let n = 0;
	while (zeros(text, n.toString(36)) >= bits)
		n++;
	return n.toString(36);
};
const survey = () => definition('Work', [{ name: 'a', questions: [{ type: 'text', name: 'one', title: 'One' }] }, { name: 'b', questions: [{ type: 'text', name: 'two', title: 'Two' }] }]);
const field = (proof_bits = BITS) => publish(server.api, survey(), { link: { proof_bits } });
const open = (f) => `/api/public/v1/links/${f.slug}`;
const challenge = async (f) => expect(await server.anyone.post(`${open(f)}/challenge`), 200).body;
const proof = async (f) => {
	const { challenge: text, bits } = await challenge(f);
	return `${text}:${solve(text, bits)}`;
};
const send = (f, body, headers = {}) => submit(server.anyone, f.slug, { answers: { one: 'x' }, ...body }, { headers });
const stored = async (f) => Number((await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`))[0][0]);
const page = async (f, { fields, port = server.port } = {}) => {
	const reply = await fetch(`http://127.0.0.1:${port}/s/${f.slug}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
	const body = await reply.text();
	return { status: reply.status, body, state: /name="state" value="([^"]*)"/.exec(body)?.[1], bits: Number(/id="cc-proof" data-bits="(\d+)"/.exec(body)?.[1] ?? 0) };
};

test('by the API: nothing is stored without the work, and one piece of it stores one answer', async () => {
	const f = await field();
	assert.equal(expect(await server.anyone.get(open(f)), 200).body.proof_bits, BITS);
	const asked = await challenge(f);
	assert.equal(asked.bits, BITS);
	for (const wrong of [undefined, '', 'x', ':', `${asked.challenge}:`, `${asked.challenge}:${undone(asked.challenge, BITS)}`, `${asked.challenge}:A`, `x${asked.challenge}:${solve(`x${asked.challenge}`, BITS)}`])
		assert.deepEqual(pointers(expect(await send(f, { proof: wrong }), 422)), ['/proof'], wrong);
	expect(await send(f, { complete: false, answers: {} }), 422);
	assert.equal(await stored(f), 0);
	const done = `${asked.challenge}:${solve(asked.challenge, BITS)}`;
	expect(await send(f, { proof: done, answers: { nobody: 1 } }), 422);
	const first = expect(await send(f, { proof: done }, { 'Idempotency-Key': 'mine' }), 201).body;
	assert.deepEqual(pointers(expect(await send(f, { proof: done }), 422)), ['/proof'], 'it was used');
	const again = expect(await send(f, { proof: done }, { 'Idempotency-Key': 'mine' }), 201);
	assert.equal(again.body.id, first.id, 'the same sent again is answered as before');
	const atOther = await fetch(`http://127.0.0.1:${other.port}${open(f)}/responses`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ answers: {}, proof: done }) });
	assert.equal(atOther.status, 422, 'nor on another server');
	assert.equal(await stored(f), 1);
	const begun = expect(await send(f, { complete: false, answers: {}, proof: await proof(f) }), 201).body;
	const headers = { Authorization: `Bearer ${begun.token}` };
	expect(await server.anyone.patch(`${open(f)}/responses/${begun.id}`, { answers: { one: 'y' } }, undefined, { headers }), 200);
	expect(await server.anyone.post(`${open(f)}/responses/${begun.id}/complete`, {}, { headers }), 200);
});

test('work is spent for a key and what was sent by it, which may come again', async () => {
	const f = await field(), done = await proof(f), headers = { 'Idempotency-Key': 'again' };
	const holder = psql(server.database.name, 'set search_path = collect; begin; lock table responses in exclusive mode; select pg_sleep(6); commit');
	await until('the lock', async () => (await rows(server.database.name, "select count(*) from pg_locks where mode = 'ExclusiveLock' and relation = 'collect.responses'::regclass and granted"))[0][0] !== '0');
	const eight = Array.from({ length: 8 }, () => send(f, { proof: done }, headers));
	await new Promise((resolve) => setTimeout(resolve, 300));
	const other = await send(f, { proof: done, answers: { one: 'other' } }, headers);
	assert.ok([409, 422].includes(other.status), `another payload by the same key: ${other.status}`);
	assert.deepEqual(pointers(expect(await send(f, { proof: done }, { 'Idempotency-Key': 'foreign' }), 422)), ['/proof']);
	const ids = new Set();
	for (const reply of await Promise.all(eight)) {
		assert.ok([201, 409, 503].includes(reply.status), `${reply.status}: none is refused as used`);
		if (reply.status === 201)
			ids.add(reply.body.id);
	}
	await holder;
	ids.add(expect(await send(f, { proof: done }, headers), 201).body.id);
	assert.equal(ids.size, 1);
	assert.equal(await stored(f), 1);
});

test('a beginning that is refused spends nothing', async () => {
	const f = await field(), done = await proof(f);
	for (let i = 0; i < 2; i++)
		assert.deepEqual(pointers(expect(await send(f, { complete: false, answers: { nobody: 1 }, proof: done }), 422)), ['/answers/nobody']);
	expect(await send(f, { complete: false, answers: {}, proof: done }), 201);
	assert.deepEqual(pointers(expect(await send(f, { complete: false, answers: {}, proof: done }), 422)), ['/proof']);
	assert.equal(await stored(f), 1);
});

test('a challenge is its link\'s, not weaker than the link asks, and not for ever', async () => {
	const f = await field(), g = await field();
	const foreign = await proof(g);
	assert.deepEqual(pointers(expect(await send(f, { proof: foreign }), 422)), ['/proof']);
	const [ends, bits, ...rest] = (await challenge(f)).challenge.split('.');
	for (const forged of [[Number(ends) + 1, bits, ...rest], [ends, 1, ...rest], [ends, 0, ...rest]].map((parts) => parts.join('.')))
		assert.deepEqual(pointers(expect(await send(f, { proof: `${forged}:${solve(forged, BITS)}` }), 422)), ['/proof'], forged);
	const left = Number(ends) - Date.now() / 1000;
	assert.ok(left > 3500 && left <= 3600, `${left}`);
	const easy = await proof(f);
	const at = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
	expect(await server.api.patch(at, { proof_bits: BITS + 2 }, f.link.version), 200);
	await until('the change to hold', async () => (await challenge(f)).bits === BITS + 2);
	assert.deepEqual(pointers(expect(await send(f, { proof: easy }), 422)), ['/proof']);
	expect(await send(f, { proof: await proof(f) }), 201);
});

test('the page: the work is on its first state; without it what was filled in stays and nothing is stored', async () => {
	const f = await field(), first = await page(f);
	assert.equal(first.bits, BITS);
	assert.match(first.body, /<noscript><p[^>]*>This survey needs JavaScript/);
	for (const wrong of [undefined, '', 'zz!', undone(first.state, BITS)]) {
		const shown = await page(f, { fields: { state: first.state, action: 'next', 'q-one': 'kept', ...(wrong === undefined ? {} : { '@proof': wrong }) } });
		assert.equal(shown.status, 200);
		assert.match(shown.body, /was not ready yet/);
		assert.match(shown.body, /value="kept"/);
		assert.equal(shown.bits, BITS);
	}
	assert.equal(await stored(f), 0);
	const fields = { state: first.state, action: 'next', 'q-one': 'kept', '@proof': solve(first.state, BITS) };
	const seconds = await Promise.all([server.port, other.port, server.port].map((port) => page(f, { fields, port })));
	for (const second of seconds) {
		assert.match(second.body, /q-two/);
		assert.equal(second.bits, 0, 'once is enough');
		assert.equal((await page(f, { fields: { state: second.state, action: 'next', 'q-two': 'y' } })).status, 200);
	}
	assert.equal(await stored(f), 1, 'whatever is made of one state is one answer');
	assert.equal((await page(f, { fields: { state: (await page(f)).state, action: 'finish' } })).bits, BITS, 'the end is not reached around it');
	assert.equal(await stored(f), 1);
});

test('for open links, and off again', async () => {
	const f = await field(), links = `/api/v1/surveys/${f.survey.id}/links`;
	for (const kind of ['test', 'single_use'])
		assert.deepEqual(pointers(expect(await server.api.post(links, { kind, proof_bits: BITS }), 422)), ['/proof_bits']);
	for (const bits of [0, 7, 25])
		assert.deepEqual(pointers(expect(await server.api.post(links, { proof_bits: bits }), 422)), ['/proof_bits']);
	expect(await server.api.patch(`${links}/${f.link.id}`, { proof_bits: null }, f.link.version), 200);
	await until('it to be off', async () => (await page(f)).bits === 0);
	assert.deepEqual(await challenge(f), { challenge: null, bits: 0, expires_at: null });
	expect(await send(f, {}), 201);
});

test('without Redis a process remembers what was used by itself', async () => {
	const f = await field(), done = await proof(f), more = await proof(f);
	await server.redis.stop();
	expect(await send(f, { complete: false, answers: { nobody: 1 }, proof: done }), 422);
	expect(await send(f, { proof: done }), 201);
	assert.deepEqual(pointers(expect(await send(f, { proof: done }), 422)), ['/proof']);
	for (let i = 0; i < 2; i++)
		expect(await send(f, { proof: more }, { 'Idempotency-Key': 'more' }), 201);
	assert.deepEqual(pointers(expect(await send(f, { proof: more }, { 'Idempotency-Key': 'other' }), 422)), ['/proof']);
	assert.equal(await stored(f), 2);
});
