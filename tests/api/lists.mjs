// Every list of the route table, walked page by page in each of its orders; its cursors are good for it alone, in its tenant alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { calls } from '../harness/fields.mjs';
import { KINDS } from '../harness/matrix_routes.mjs';
import { Tenant } from '../harness/matrix_world.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer();
let ours, theirs, lists;

before(async () => {
	ours = new Tenant(server, server.tenant);
	await ours.begin();
	for (const kind of ['project', 'survey', 'link', 'response', 'role', 'invitation', 'key', 'client', 'provider', 'member', 'project_member', 'job'])
		for (let i = 0; i < 2; i++)
			await KINDS[kind].make(ours, ours.owner);
	theirs = await server.login((await server.addTenant('neighbour', 'nina@neighbour.example')).email);
	for (let version = 2; version <= 3; version++)
		expect(await ours.api.post(`/api/v1/surveys/${ours.ids.survey.id}/publish`, {}, { headers: { 'If-Match': await tag(`/api/v1/surveys/${ours.ids.survey.id}`) } }), 200);
	const response = `/api/v1/surveys/${ours.ids.survey.id}/responses/${ours.ids.response.id}`;
	for (const q of ['one', 'two', 'three'])
		expect(await ours.api.patch(response, { answers: { q } }, undefined, { headers: { 'If-Match': await tag(response) } }), 200);
	expect(await ours.api.post(`/api/v1/surveys/${ours.ids.survey.id}/links/${ours.ids.link.id}/codes`, { count: 3 }), 202);
	lists = (await calls(ours)).filter((c) => c.flags.includes('list'));
});
const tag = async (path) => expect(await ours.api.get(path), 200).headers.etag;
const key = (item) => JSON.stringify(item.id ?? item);

/** All items of the list, two to a page. */
async function walk(path, query) {
	const items = [];
	for (let cursor, n = 0; n < 500; n++) {
		const page = expect(await ours.api.get(path, { query: { ...query, limit: 2, ...(cursor ? { cursor } : {}) } }), 200).body;
		items.push(...page.items.map(key));
		if (!(cursor = page.next))
			return items;
	}
	throw new Error(`${path} has no end`);
}

test('each list is the same at once and page by page, forwards and backwards, and counts its items', async () => {
	assert.ok(lists.length >= 11, `${lists.length} lists`);
	for (const { name, path, filters } of lists.map((l) => ({ ...l, filters: orders(l) })))
		for (const sort of filters) {
			const all = expect(await ours.api.get(path, { query: { sort, limit: 200, count: true } }), 200).body;
			const items = all.items.map(key);
			assert.ok(all.next === null || items.length === 200, `${name}: ${items.length} and more`);
			assert.equal(all.total >= items.length, true, `${name}: ${all.total} of ${items.length}`);
			assert.ok(items.length >= 3, `${name}: ${items.length} items`);
			assert.equal(new Set(items).size, items.length, `${name}: an item twice`);
			if (items.length < 40) {
				assert.deepEqual(await walk(path, { sort }), items, `${name} ${sort}`);
				assert.deepEqual((await walk(path, { sort: `-${sort}` })).reverse(), items, `${name} -${sort}`);
			}
		}
});

/** What a list may be sorted by, as the description tells. */
function orders(list) {
	const { parameters } = description.paths[list.template][list.method.toLowerCase()];
	return parameters.find((p) => p.name === 'sort').schema.enum.filter((s) => !s.startsWith('-'));
}
let description;
before(async () => { description = (await server.api.get('/openapi.json')).body; });

test('a cursor is refused by every other list, and by the same list of another tenant', async () => {
	const cursors = [];
	for (const { name, path } of lists)
		cursors.push({ name, path, next: expect(await ours.api.get(path, { query: { limit: 1 } }), 200).body.next });
	for (const [i, { name, next }] of cursors.entries()) {
		assert.ok(next, name);
		for (const other of [1, 2, 5].map((n) => cursors[(i + n) % cursors.length]))
			assert.deepEqual(pointers(expect(await ours.api.get(other.path, { query: { cursor: next } }), 422)), ['/query/cursor'], `${other.name}: ${name}`);
	}
	for (const { name, path, next } of cursors.filter((c) => !/[0-9a-f]{8}-/.test(c.path))) {
		const reply = expect(await theirs.get(path, { query: { limit: 1, cursor: next } }), 422);
		assert.deepEqual(pointers(reply), ['/query/cursor'], name);
	}
});
