// Projects: the conventions of every object are tried here thoroughly (paging, sort, merge patch, If-Match, soft delete).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer();
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const create = async (body) => expect(await server.api.post('/api/v1/projects', body), 201);

test('create answers the object, its address and its version', async () => {
	const reply = await create({ name: 'Retail 2026', description: 'Waves of the year' });
	const p = reply.body;
	assert.match(p.id, UUID7);
	assert.match(p.created_at, TIME);
	assert.equal(p.version, 1);
	assert.equal(reply.headers.etag, '"1"');
	assert.equal(reply.headers.location, `/api/v1/projects/${p.id}`);
	assert.ok(p.created_by);
	const got = expect(await server.api.get(`/api/v1/projects/${p.id}`), 200);
	assert.deepEqual(got.body, p);
	assert.equal(got.headers.etag, '"1"');
	expect(await server.api.get(`/api/v1/projects/${p.id}`, { headers: { 'If-None-Match': '"1"' } }), 304);
});

test('names in every script survive', async () => {
	for (const name of ['Sữa tươi — đợt 7', '牛乳ブランド調査', 'براند', '🙂🙃', "O'Brien & <b>\"x\"</b>", 'a'.repeat(200)]) {
		const { body } = await create({ name });
		assert.equal(expect(await server.api.get(`/api/v1/projects/${body.id}`), 200).body.name, name);
	}
});

test('what is wrong in a body is named by pointers', async () => {
	const post = (body) => server.api.post('/api/v1/projects', body);
	assert.deepEqual(pointers(expect(await post({}), 422)), ['/name']);
	assert.deepEqual(pointers(expect(await post({ name: '' }), 422)), ['/name']);
	assert.deepEqual(pointers(expect(await post({ name: 'x'.repeat(201) }), 422)), ['/name']);
	assert.deepEqual(pointers(expect(await post({ name: null }), 422)), ['/name']);
	assert.deepEqual(pointers(expect(await post({ name: 'x', owner: 'me', id: 1 }), 422)), ['/id', '/owner']);
	assert.deepEqual(pointers(expect(await post({ name: ['x'] }), 422)), ['/name']);
});

test('a patch changes what it names, needs If-Match, and counts the version', async () => {
	const { body: p } = await create({ name: 'Before', description: 'stays' });
	const path = `/api/v1/projects/${p.id}`;
	expect(await server.api.patch(path, { name: 'After' }), 428, 'precondition-required');
	expect(await server.api.patch(path, { name: 'After' }, 7), 412, 'stale');
	const changed = expect(await server.api.patch(path, { name: 'After' }, 1), 200);
	assert.equal(changed.body.name, 'After');
	assert.equal(changed.body.description, 'stays');
	assert.equal(changed.body.version, 2);
	assert.equal(changed.headers.etag, '"2"');
	expect(await server.api.patch(path, { name: 'Late' }, 1), 412, 'stale');
	assert.deepEqual(pointers(expect(await server.api.patch(path, { nmae: 'x' }, 2), 422)), ['/nmae']);
	for (const tag of ['*', 'W/"2"', '2', '"x"'])
		assert.ok([412, 428].includes((await server.api.patch(path, { name: 'x' }, undefined, { headers: { 'If-Match': tag } })).status), tag);
});

test('of two writers with the same version one wins', async () => {
	const { body: p } = await create({ name: 'Contested' });
	const replies = await Promise.all(Array.from({ length: 8 }, (_, i) =>
		server.api.patch(`/api/v1/projects/${p.id}`, { name: `Writer ${i}` }, 1)));
	assert.deepEqual(replies.map((r) => r.status).sort(), [200, ...Array(7).fill(412)]);
});

test('a deleted project is gone for everyone, but kept', async () => {
	const { body: p } = await create({ name: 'Short-lived' });
	const path = `/api/v1/projects/${p.id}`;
	expect(await server.api.delete(path), 428);
	expect(await server.api.delete(path, 9), 412);
	expect(await server.api.delete(path, 1), 204);
	expect(await server.api.get(path), 404, 'not-found');
	expect(await server.api.delete(path, 2), 404);
	expect(await server.api.patch(path, { name: 'x' }, 2), 404);
	const list = expect(await server.api.get('/api/v1/projects', { query: { limit: 200 } }), 200).body;
	assert.ok(!list.items.some((item) => item.id === p.id));
	assert.deepEqual(await rows(server.database.name, `select deleted_at is not null, deleted_by is not null from projects where id = '${p.id}'`),
		[['t', 't']]);
});

test('a list is walked by cursors, each item once, in both directions', async () => {
	await server.addTenant('pager', 'pia@pager.example');
	const api = await server.login('pia@pager.example');
	for (let i = 0; i < 23; i++)
		expect(await api.post('/api/v1/projects', { name: `Project ${String(i).padStart(2, '0')}` }), 201);
	const walk = async (query) => {
		const names = [];
		let cursor;
		do {
			const { body } = expect(await api.get('/api/v1/projects', { query: { ...query, cursor } }), 200);
			names.push(...body.items.map((item) => item.name));
			cursor = body.next ?? undefined;
		} while (cursor && names.length < 100);
		return names;
	};
	const all = Array.from({ length: 23 }, (_, i) => `Project ${String(i).padStart(2, '0')}`);
	assert.deepEqual(await walk({ limit: 5, sort: 'created_at' }), all);
	assert.deepEqual(await walk({ limit: 7, sort: '-created_at' }), [...all].reverse());
	assert.deepEqual(await walk({ limit: 23 }), [...all].reverse());
	assert.deepEqual(await walk({ limit: 4, sort: 'name' }), all);
	const counted = expect(await api.get('/api/v1/projects', { query: { limit: 3, count: true } }), 200).body;
	assert.equal(counted.total, 23);
	assert.equal(counted.items.length, 3);
	assert.equal(expect(await api.get('/api/v1/projects', { query: { limit: 200 } }), 200).body.next, null);
});

test('a bad query is named by pointers', async () => {
	const bad = { limit: ['0', '201', '-1', 'x', '1e3', '99999999999999999999'], sort: ['nothing', '-', 'name;drop'], cursor: ['x', '!!', 'W10', 'e30', '%00'],
		count: ['maybe'], colour: ['red'] };
	for (const [name, values] of Object.entries(bad)) {
		for (const value of values) {
			const reply = await server.api.get('/api/v1/projects', { query: { [name]: value } });
			assert.ok([400, 422].includes(reply.status), `${name}=${value}: ${reply.status} ${reply.text}`);
			if (reply.status === 422)
				assert.deepEqual(pointers(reply), [`/query/${name}`], `${name}=${value}`);
		}
	}
});

test('ids that are none are not there', async () => {
	for (const id of ['x', '1', '00000000-0000-0000-0000-000000000000', '01890a5d-ac96-774b-bcce-b302099a8057', "' or 1=1--", '..', '%2e%2e'])
		expect(await server.api.get(`/api/v1/projects/${encodeURIComponent(id)}`), 404, 'not-found');
});
