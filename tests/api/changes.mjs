// Answers changed after they came: edited by the survey's rules, rejected, deleted, taken back; their history; and quota cells that follow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let f, base;
before(async () => { f = await publish(server.api, csat()); base = `/api/v1/surveys/${f.survey.id}/responses`; });
const add = async (answers, more = {}) => expect(await submit(server.anyone, f.slug, { answers, ...more }), 201).body.id;
const get = async (id) => expect(await server.api.get(`${base}/${id}`), 200).body;
const history = async (id, query = {}) => expect(await server.api.get(`${base}/${id}/history`, { query: { sort: 'created_at', ...query } }), 200).body;

test('an edit is merged, judged by the survey, and remembered', async () => {
	const id = await add({ nps: 3, why_low: 'The queue' });
	const { body, headers } = expect(await server.api.patch(`${base}/${id}`, { answers: { nps: 4, why_low: null } }, 1), 200);
	assert.deepEqual(body.answers, { nps: 4 });
	assert.equal(body.version, 2);
	assert.equal(headers.etag, '"2"');
	const { items } = await history(id);
	assert.equal(items.length, 1);
	assert.equal(items[0].kind, 'edited');
	assert.deepEqual(items[0].changes, { nps: { before: 3, after: 4 }, why_low: { before: 'The queue', after: null } });
	assert.equal(items[0].personal, false);
	assert.equal(items[0].actor_kind, 'user');
	assert.ok(items[0].request_id);
	const events = await rows(server.database.name, `select type, before::text, after::text from events where aggregate_id = '${id}' order by xid, id`);
	assert.deepEqual(events.map((e) => e[0]), ['completed', 'updated']);
	assert.ok(!JSON.stringify(events).includes('queue'));
});

test('what the survey would not take is refused, with a pointer, and nothing changes', async () => {
	const id = await add({ nps: 3 });
	assert.deepEqual(pointers(expect(await server.api.patch(`${base}/${id}`, { answers: { nps: 12 } }, 1), 422)), ['/answers/nps']);
	assert.deepEqual(pointers(expect(await server.api.patch(`${base}/${id}`, { answers: { nps: null } }, 1), 422)), ['/answers/nps']);
	assert.deepEqual(pointers(expect(await server.api.patch(`${base}/${id}`, { answers: { shoe: 1 } }, 1), 422)), ['/answers/shoe']);
	expect(await server.api.patch(`${base}/${id}`, { answers: { nps: 5 } }, 9), 412);
	assert.equal((await server.api.request('PATCH', `${base}/${id}`, { body: { answers: { nps: 5 } } })).status, 428);
	assert.equal((await get(id)).version, 1);
	assert.equal((await history(id)).items.length, 0);
});

test('personal answers are edited sealed: found by the new one, told nowhere in clear', async () => {
	const id = await add({ nps: 2, call_back: true, phone: '+84 90 111 2222' });
	const { body } = expect(await server.api.patch(`${base}/${id}`, { answers: { phone: '+84 90 333 4444' } }, 1), 200);
	assert.deepEqual(body.personal, { phone: '+84 90 333 4444' });
	const { items } = await history(id);
	assert.equal(items[0].personal, true);
	assert.deepEqual(items[0].changes, {});
	for (const table of ['responses', 'response_changes', 'events'])
		assert.equal((await rows(server.database.name, `select count(*) from ${table} t where t::text like '%333%4444%'`))[0][0], '0', table);
	const found = async (phone) => expect(await server.api.post('/api/v1/responses/lookup', { phone }), 200).body.items.length;
	const before = (await get(id)).version;
	expect(await server.api.patch(`${base}/${id}`, { answers: { nps: 1 } }, before), 200);
	assert.deepEqual((await get(id)).personal, { phone: '+84 90 333 4444' });
	assert.equal((await history(id)).items[1].personal, false);
	assert.deepEqual([await found('+84 90 333 4444'), await found('+84 90 111 2222')], [1, 0]);
});

test('a rejected answer says why, is not edited, and comes back as it was', async () => {
	const id = await add({ nps: 9 });
	const { body } = expect(await server.api.post(`${base}/${id}/reject`, { reason: 'Straight-lined' }), 200);
	assert.equal(body.status, 'rejected');
	assert.equal(body.reject_reason, 'Straight-lined');
	expect(await server.api.post(`${base}/${id}/reject`, { reason: 'Again' }), 409);
	expect(await server.api.patch(`${base}/${id}`, { answers: { nps: 5 } }, body.version), 409);
	assert.ok(expect(await server.api.get(base, { query: { status: 'rejected' } }), 200).body.items.some((r) => r.id === id));
	const back = expect(await server.api.post(`${base}/${id}/restore`), 200).body;
	assert.equal(back.status, 'completed');
	assert.equal(back.reject_reason, null);
	expect(await server.api.post(`${base}/${id}/restore`), 409);
	assert.deepEqual((await history(id)).items.map((c) => [c.kind, c.reason, c.status_before, c.status_after]),
		[['rejected', 'Straight-lined', 'completed', 'rejected'], ['restored', null, 'rejected', 'completed']]);
	assert.deepEqual((await history(id, { sort: '-created_at' })).items.map((c) => c.kind), ['restored', 'rejected']);
	const first = await history(id, { limit: 1, count: true });
	assert.equal(first.total, 2);
	assert.equal((await history(id, { limit: 1, cursor: first.next })).items[0].kind, 'restored');
	expect(await server.api.post(`${base}/${id}/reject`, { reason: '' }), 422);
});

test('a deleted answer is gone, and comes back', async () => {
	const id = await add({ nps: 8 });
	expect(await server.api.delete(`${base}/${id}`, 7), 412);
	expect(await server.api.delete(`${base}/${id}`, 1), 204);
	expect(await server.api.get(`${base}/${id}`), 404);
	expect(await server.api.delete(`${base}/${id}`, 2), 404);
	expect(await server.api.post(`${base}/${id}/reject`, { reason: 'x' }), 404);
	expect(await server.api.post(`${base}/${id}/restore`), 200);
	assert.deepEqual((await history(id)).items.map((c) => c.kind), ['deleted', 'undeleted']);
});

test('quota cells follow: who is rejected or deleted gives a place back, who comes back takes one or is refused', async () => {
	const doc = definition('City', [{ name: 'a', questions: [{ type: 'single', name: 'city', title: 'City',
		choices: ['hanoi', 'hue'].map((value) => ({ value, label: value })) }] }],
	{ quotas: [{ name: 'city', cells: [{ name: 'hanoi', when: "{city} = 'hanoi'", limit: 2 }, { name: 'hue', when: "{city} = 'hue'", limit: 1 }] }] });
	const q = await publish(server.api, doc);
	const path = `/api/v1/surveys/${q.survey.id}/responses`;
	const send = async (city) => expect(await submit(server.anyone, q.slug, { answers: { city } }), 201).body;
	const used = async () => Object.fromEntries(await rows(server.database.name, `select cell, used from quota_cells where survey_id = '${q.survey.id}' and quota !~ '^@' order by cell`));
	const one = await send('hanoi'), two = await send('hanoi');
	assert.equal((await send('hanoi')).status, 'quota_full');
	assert.deepEqual(await used(), { hanoi: '2' });
	expect(await server.api.post(`${path}/${one.id}/reject`, { reason: 'x' }), 200);
	assert.deepEqual(await used(), { hanoi: '1' });
	expect(await server.api.delete(`${path}/${one.id}`, 2), 204);
	assert.deepEqual(await used(), { hanoi: '1' });
	const three = await send('hanoi');
	assert.equal(three.status, 'completed');
	expect(await server.api.post(`${path}/${one.id}/restore`), 200); // still rejected
	const full = expect(await server.api.post(`${path}/${one.id}/restore`), 409);
	assert.deepEqual(pointers(full), ['/status']);
	assert.deepEqual(await used(), { hanoi: '2' });
	expect(await server.api.delete(`${path}/${two.id}`, 1), 204);
	expect(await server.api.post(`${path}/${one.id}/restore`), 200);
	assert.deepEqual(await used(), { hanoi: '2' });
	// an edit moves from one cell to another, when there is room
	const hue = await send('hue');
	assert.deepEqual(await used(), { hanoi: '2', hue: '1' });
	expect(await server.api.patch(`${path}/${hue.id}`, { answers: { city: 'hanoi' } }, 1), 409);
	expect(await server.api.delete(`${path}/${three.id}`, 1), 204);
	expect(await server.api.patch(`${path}/${hue.id}`, { answers: { city: 'hanoi' } }, 1), 200);
	assert.deepEqual(await used(), { hanoi: '2', hue: '0' });
});

test('where all answers are sealed an edit stays sealed, and history tells only that it was', async () => {
	const id = await add({ nps: 3, why_low: 'A secret reason' });
	expect(await server.api.patch(`${base}/${id}`, { answers: { why_low: 'A secret thought' } }, 1), 200);
	const { body } = expect(await server.api.get('/api/v1/sealing'), 200);
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, body.version), 200);
	const late = await add({ nps: 3, why_low: 'Another secret' });
	const got = expect(await server.api.patch(`${base}/${late}`, { answers: { nps: 2 } }, 1), 200).body;
	assert.deepEqual(got.answers, { nps: 2, why_low: 'Another secret' });
	assert.equal((await history(late)).items[0].changes, null);
	assert.equal((await rows(server.database.name, `select count(*) from responses t where id = '${late}' and t::text like '%secret%'`))[0][0], '0');
});
