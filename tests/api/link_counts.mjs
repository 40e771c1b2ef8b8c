// How many interviews ended by a link, and links that take only so many: exactly those, also when two servers are asked for the last places.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let other;
before(async () => {
	other = await server.twin();
});
after(() => other.end());

const survey = () => definition('Places', [{ name: 'p', questions: [
	{ type: 'single', name: 'city', title: 'City', required: true, choices: ['a', 'b', 'c'].map((value) => ({ value, label: value })) }] }],
{ quotas: [{ name: 'city', cells: [{ name: 'b', when: "{city} = 'b'", limit: 1 }] }] });
const links = (f) => `/api/v1/surveys/${f.survey.id}/links`;
const responses = (f) => `/api/v1/surveys/${f.survey.id}/responses`;
const read = async (f) => expect(await server.api.get(`${links(f)}/${f.link.id}`), 200).body;
const send = (f, city, port = server.port) => {
	const client = new Client(port);
	return submit(client, f.slug, { answers: { city } }).finally(() => client.close());
};

test('every end is counted, by link, and the numbers follow what happens to answers', async () => {
	const f = await publish(server.api, survey());
	const second = expect(await server.api.post(links(f), {}), 201).body;
	const { id } = expect(await send(f, 'a'), 201).body;
	for (const city of ['b', 'b', 'b', 'c'])
		expect(await send(f, city), 201);
	expect(await send({ slug: second.slug }, 'c'), 201);
	assert.deepEqual((await read(f)).counts, { started: 5, completed: 3, screened_out: 0, quota_full: 2 });
	const { items } = expect(await server.api.get(links(f)), 200).body;
	assert.deepEqual(items.find((l) => l.id === second.id).counts, { started: 1, completed: 1, screened_out: 0, quota_full: 0 });
	const step = async (path, body) => {
		const { version } = expect(await server.api.get(`${responses(f)}/${id}`), 200).body;
		return expect(await server.api.post(`${responses(f)}/${id}/${path}`, body, { headers: { 'If-Match': `"${version}"` } }), 200);
	};
	await step('reject', { reason: 'Speeder' });
	assert.equal((await read(f)).counts.completed, 2);
	await step('restore');
	assert.equal((await read(f)).counts.completed, 3);
	const { version } = expect(await server.api.get(`${responses(f)}/${id}`), 200).body;
	expect(await server.api.delete(`${responses(f)}/${id}`, version), 204);
	assert.equal((await read(f)).counts.completed, 2);
	const [[sum]] = await rows(server.database.name, `select sum(used) from quota_cells where survey_id = '${f.survey.id}' and quota ~ '^@' and quota <> '@started'`);
	assert.equal(sum, '5', 'all that is there');
});

test('the last places of a link, wanted from two servers at once: exactly as many as it takes', async () => {
	const MAX = 25;
	const f = await publish(server.api, survey(), { link: { max_completes: MAX } });
	const replies = [];
	await Promise.all(Array.from({ length: 16 }, async (_, w) => {
		for (let i = 0; i < 8; i++)
			replies.push(await send(f, i % 2 ? 'a' : 'c', w % 2 ? server.port : other.port));
	}));
	assert.ok(replies.every((r) => r.status === 201 || r.status === 410), JSON.stringify(replies.map((r) => r.status)));
	const by = (status) => replies.filter((r) => r.body.status === status).length;
	assert.equal(by('completed'), MAX);
	const stored = Object.fromEntries(await rows(server.database.name, `select status, count(*) from responses where survey_id = '${f.survey.id}' group by 1`));
	assert.equal(stored.completed, String(MAX));
	assert.equal(stored.quota_full ?? '0', String(by('quota_full')));
	const { counts } = await read(f);
	assert.deepEqual(counts, { started: MAX + by('quota_full'), completed: MAX, screened_out: 0, quota_full: by('quota_full') });
	assert.equal((await fetch(`${server.url}/s/${f.slug}`)).status, 410);
	expect(await server.anyone.get(`/api/public/v1/links/${f.slug}`), 410, 'gone');
});

test('who began while there was room and finds none at the end is thanked, and counted as turned away', async () => {
	const f = await publish(server.api, survey(), { link: { max_completes: 1 } });
	const page = await (await fetch(`${server.url}/s/${f.slug}`)).text();
	const state = /name="state" value="([^"]*)"/.exec(page)[1];
	assert.equal(expect(await send(f, 'a'), 201).body.status, 'completed');
	const end = await fetch(`${server.url}/s/${f.slug}`, { method: 'POST', body: new URLSearchParams({ state, action: 'next', 'q-city': 'a' }) });
	assert.equal(end.status, 200);
	const text = await end.text();
	assert.match(text, /This survey ends here for you/, text.slice(0, 3000));
	assert.deepEqual((await read(f)).counts, { started: 2, completed: 1, screened_out: 0, quota_full: 1 });
});

test('an interview that is kept counts as begun, once, and as ended when it ends', async () => {
	const f = await publish(server.api, survey());
	const begun = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body;
	assert.deepEqual((await read(f)).counts, { started: 1, completed: 0, screened_out: 0, quota_full: 0 });
	expect(await server.anyone.post(`/api/public/v1/links/${f.slug}/responses/${begun.id}/complete`, { answers: { city: 'a' } }, { token: begun.token }), 200);
	assert.deepEqual((await read(f)).counts, { started: 1, completed: 1, screened_out: 0, quota_full: 0 });
});

test('a bound is changed while the link is open, and holds for what is taken back', async () => {
	const f = await publish(server.api, survey(), { link: { max_completes: 1 } });
	const { id } = expect(await send(f, 'a'), 201).body;
	expect(await send(f, 'a'), 410);
	const link = await read(f);
	expect(await server.api.patch(`${links(f)}/${f.link.id}`, { max_completes: 2 }, link.version), 200);
	assert.equal(expect(await send(f, 'a'), 201).body.status, 'completed');
	expect(await send(f, 'a'), 410);
	const at = async () => ({ headers: { 'If-Match': `"${expect(await server.api.get(`${responses(f)}/${id}`), 200).body.version}"` } });
	expect(await server.api.post(`${responses(f)}/${id}/reject`, { reason: 'x' }, await at()), 200);
	assert.equal(expect(await send(f, 'a'), 201).body.status, 'completed', 'the place of the rejected one');
	expect(await server.api.post(`${responses(f)}/${id}/restore`, undefined, await at()), 409, 'conflict');
	const now = await read(f);
	const unbound = expect(await server.api.patch(`${links(f)}/${f.link.id}`, { max_completes: null }, now.version), 200).body;
	assert.equal(unbound.max_completes, null);
	assert.equal(expect(await send(f, 'a'), 201).body.status, 'completed');
	assert.deepEqual((await read(f)).counts, { started: 4, completed: 3, screened_out: 0, quota_full: 0 });
});

test('bounds that mean nothing are refused', async () => {
	const f = await publish(server.api, survey());
	for (const body of [{ max_completes: 0 }, { max_completes: 1.5 }, { max_completes: 3, kind: 'test' }])
		assert.deepEqual(pointers(expect(await server.api.post(links(f), body), 422)), ['/max_completes']);
	const trial = expect(await server.api.post(links(f), { kind: 'test' }), 201).body;
	assert.deepEqual(pointers(expect(await server.api.patch(`${links(f)}/${trial.id}`, { max_completes: 3 }, trial.version), 422)), ['/max_completes']);
	expect(await submit(server.anyone, trial.slug, { answers: { city: 'a' } }), 201);
	assert.deepEqual(expect(await server.api.get(`${links(f)}/${trial.id}`), 200).body.counts, { started: 0, completed: 0, screened_out: 0, quota_full: 0 });
});
