// What an answer's way in notices: a field filled that nobody sees, and work that was not done where the link lets that pass. Flagged, never refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { Device, programOf } from '../harness/device.mjs';
import { sleep, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const BITS = 10;
const server = withServer();
let worker;
before(async () => {
	worker = await new Worker(server).start();
});
after(() => worker.stop());

const survey = () => definition('Ways', [{ name: 'a', questions: [{ type: 'text', name: 'one', title: 'One' }] },
	{ name: 'b', questions: [{ type: 'text', name: 'two', title: 'Two' }] }]);
const field = async (link = {}) => {
	const document = survey(), f = await publish(server.api, document, { link });
	return { ...f, document, responses: `/api/v1/surveys/${f.survey.id}/responses`, open: `/api/public/v1/links/${f.slug}` };
};
const page = async (f, fields, query = '') => {
	const reply = await fetch(`${server.url}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
	const body = await reply.text();
	return { status: reply.status, body, state: /name="state" value="([^"]*)"/.exec(body)?.[1], bits: Number(/id="cc-proof" data-bits="(\d+)"/.exec(body)?.[1] ?? 0),
		later: /href="[^"]*\?resume=([^"]+)"/.exec(body)?.[1] };
};
const sha = (text) => createHash('sha256').update(text).digest();
const solve = (text, bits) => {
	let n = 0;
	while (Math.clz32(sha(`${sha(text).toString('hex')}:${n.toString(36)}`).readUInt32BE(0)) < bits)
		n++;
	return n.toString(36);
};
const proof = async (f) => {
	const { challenge, bits } = expect(await server.anyone.post(`${f.open}/challenge`), 200).body;
	return `${challenge}:${solve(challenge, bits)}`;
};
const all = async (f, query = {}) => expect(await server.api.get(f.responses, { query: { sort: 'created_at', ...query } }), 200).body.items;
const newest = async (f) => (await all(f)).at(-1);
const send = async (f, body) => expect(await submit(server.anyone, f.slug, { answers: { one: 'x' }, ...body }), 201).body.id;
const flagsOf = async (f, id) => expect(await server.api.get(`${f.responses}/${id}`), 200).body.flags;
/** The job has been past it: what is found by the job's work is there, and the flags still are. */
const seen = (f, id) => until(`${id} to be found`, async () => (await all(f, { q: 'x' })).some((r) => r.id === id));

test('a field that nobody sees: filled on any page it stays noted to the end, and nothing is refused', async () => {
	const f = await field(), first = await page(f);
	assert.match(first.body, /<input type="text" id="cc-website" name="website" tabindex="-1" autocomplete="off">/);
	assert.equal(first.body.match(/name="website"/g).length, 1);
	for (const [trap, flags] of [[['http://x', ''], ['honeypot']], [['', 'y'], ['honeypot']], [['', ''], []]]) {
		const second = await page(f, { state: (await page(f)).state, action: 'next', 'q-one': 'x', website: trap[0] });
		assert.match(second.body, /q-two/);
		assert.match(second.body, /name="website"/);
		assert.deepEqual((await newest(f)).flags, [], 'not before it is completed');
		const last = await page(f, { state: second.state, action: 'next', 'q-two': 'y', website: trap[1] });
		assert.match(last.body, /saved/);
		const { id } = await newest(f);
		assert.deepEqual(await flagsOf(f, id), flags);
		await seen(f, id);
		assert.deepEqual(await flagsOf(f, id), flags, 'the job leaves it');
	}
	assert.equal((await all(f, { flag: 'honeypot' })).length, 2);
});

test('it is noted when the interview goes on elsewhere, or is gone on with after a failure', async () => {
	const f = await field();
	const second = await page(f, { state: (await page(f)).state, action: 'next', 'q-one': 'x', website: 'z' });
	const resumed = await page(f, undefined, `?resume=${second.later}`);
	await page(f, { state: resumed.state, action: 'next', 'q-two': 'y' });
	assert.deepEqual((await newest(f)).flags, ['honeypot']);
});

test('proof_mode flag: what comes without the work, or with none that holds, is taken and flagged', async () => {
	const f = await field({ proof_bits: BITS, proof_mode: 'flag' });
	const at = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
	assert.equal(expect(await server.api.get(at), 200).body.proof_mode, 'flag');
	const done = await proof(f);
	for (const wrong of [undefined, 'x', `${done}x`])
		assert.deepEqual(await flagsOf(f, await send(f, { proof: wrong })), ['no_proof'], wrong);
	assert.deepEqual(await flagsOf(f, await send(f, { proof: done })), []);
	const twice = await send(f, { proof: done });
	assert.deepEqual(await flagsOf(f, twice), ['no_proof'], 'a proof is good once');
	await seen(f, twice);
	assert.deepEqual(await flagsOf(f, twice), ['no_proof']);
	for (const [with_, flags] of [[undefined, ['no_proof']], [await proof(f), []]]) {
		const begun = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false, proof: with_ }), 201).body, headers = { Authorization: `Bearer ${begun.token}` };
		expect(await server.anyone.patch(`${f.open}/responses/${begun.id}`, { answers: { one: 'x' } }, undefined, { headers }), 200);
		assert.deepEqual(await flagsOf(f, begun.id), []);
		expect(await server.anyone.post(`${f.open}/responses/${begun.id}/complete`, {}, { headers }), 200);
		assert.deepEqual(await flagsOf(f, begun.id), flags);
	}
	const link = expect(await server.api.get(at), 200).body;
	expect(await server.api.patch(at, { proof_mode: 'require' }, link.version), 200);
	await until('the change to hold', async () => (await submit(server.anyone, f.slug, { answers: {} })).status === 422);
	assert.deepEqual(pointers(expect(await submit(server.anyone, f.slug, { answers: {} }), 422)), ['/proof']);
	expect(await server.api.patch(at, { proof_mode: 'perhaps' }, link.version + 1), 422);
});

test('proof_mode flag on the page: it works without a script, and whoever does the work on any page is not flagged', async () => {
	const f = await field({ proof_bits: BITS, proof_mode: 'flag' });
	const first = await page(f);
	assert.equal(first.bits, BITS);
	assert.doesNotMatch(first.body, /needs JavaScript/);
	const second = await page(f, { state: first.state, action: 'next', 'q-one': 'x' });
	assert.match(second.body, /q-two/);
	await page(f, { state: second.state, action: 'next', 'q-two': 'y', website: 'z' });
	assert.deepEqual((await newest(f)).flags, ['honeypot', 'no_proof']);
	const other = await page(f), after = await page(f, { state: other.state, action: 'next', 'q-one': 'x' });
	await page(f, { state: after.state, action: 'next', 'q-two': 'y', '@proof': solve(after.state, BITS) });
	assert.deepEqual((await newest(f)).flags, []);
});

test('proof_mode flag for devices, which do no work: taken and flagged; required, they are refused', async () => {
	for (const [mode, wanted] of [['flag', 'accepted'], ['require', 'refused']]) {
		const f = await field({ proof_bits: BITS, proof_mode: mode });
		await sleep(1200); // what begins from now on began after the survey was published
		const device = new Device({ program: await programOf(f.document), slug: f.slug });
		const { held } = device.hold([['one', 'x'], 'next', ['two', 'y'], 'next'], { ago_ms: 700, pace_ms: 150 });
		const { items } = expect(await server.api.post('/api/public/v1/sync', device.batch([held])), 200).body;
		assert.deepEqual(items.map((i) => i.result), [wanted], JSON.stringify(items));
		if (mode === 'flag')
			assert.deepEqual(await flagsOf(f, items[0].id), ['no_proof']);
	}
});
