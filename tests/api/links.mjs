// Links: the public addresses of a survey.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let fielded;
before(async () => { fielded = await publish(server.api, csat()); });
const links = () => `/api/v1/surveys/${fielded.survey.id}/links`;

test('a link gets the slug asked for, or a random one', async () => {
	const named = expect(await server.api.post(links(), { slug: 'autumn-2026' }), 201);
	assert.equal(named.headers.location, `${links()}/${named.body.id}`);
	assert.equal(named.body.url, `${server.url}/s/autumn-2026`);
	const random = expect(await server.api.post(links(), {}), 201).body;
	assert.match(random.slug, /^[a-z0-9]{10}$/);
	assert.deepEqual(expect(await server.api.get(`${links()}/${named.body.id}`), 200).body.slug, 'autumn-2026');
});

test('a slug is taken once, by whomever', async () => {
	expect(await server.api.post(links(), { slug: 'only-once' }), 201);
	expect(await server.api.post(links(), { slug: 'only-once' }), 409, 'conflict');
	await server.addTenant('rival', 'rita@rival.example');
	const rival = await server.login('rita@rival.example');
	const theirs = await publish(rival, csat());
	expect(await rival.post(`/api/v1/surveys/${theirs.survey.id}/links`, { slug: 'only-once' }), 409, 'conflict');
});

test('slugs that would not do as an address are refused', async () => {
	for (const slug of ['a', '-ab', 'ab-', 'a b', 'a/b', '../x', 'ü-x', 'A'.repeat(101), 'a%2fb'])
		assert.deepEqual(pointers(expect(await server.api.post(links(), { slug }), 422)), ['/slug'], slug);
});

test('closed, not yet open, and over: the gates hold on the API', async () => {
	const status = async (slug) => (await submit(server.anyone, slug, { answers: { nps: 7 } })).status;
	const closing = expect(await server.api.post(links(), { slug: 'closing' }), 201).body;
	assert.equal(await status('closing'), 201);
	const closed = expect(await server.api.patch(`${links()}/${closing.id}`, { status: 'closed' }, closing.version), 200).body;
	assert.equal(await status('closing'), 410);
	expect(await server.anyone.get('/api/public/v1/links/closing'), 410, 'gone');
	expect(await server.api.patch(`${links()}/${closing.id}`, { status: 'open' }, closed.version), 200);
	assert.equal(await status('closing'), 201);
	expect(await server.api.post(links(), { slug: 'tomorrow', opens_at: new Date(Date.now() + 86400000).toISOString() }), 201);
	assert.ok([403, 404, 410].includes(await status('tomorrow')));
	expect(await server.api.post(links(), { slug: 'yesterday', closes_at: new Date(Date.now() - 86400000).toISOString() }), 201);
	assert.equal(await status('yesterday'), 410);
	const reply = await server.api.post(links(), { opens_at: '2026-02-01T00:00:00.000Z', closes_at: '2026-01-01T00:00:00.000Z' });
	assert.deepEqual(pointers(expect(reply, 422)), ['/closes_at']);
});

test('a deleted link is not there any more', async () => {
	const link = expect(await server.api.post(links(), { slug: 'short-lived' }), 201).body;
	expect(await server.anyone.get('/api/public/v1/links/short-lived'), 200);
	expect(await server.api.delete(`${links()}/${link.id}`, link.version), 204);
	assert.ok([404, 410].includes((await server.anyone.get('/api/public/v1/links/short-lived')).status));
	assert.ok([404, 410].includes((await submit(server.anyone, 'short-lived', { answers: { nps: 7 } })).status));
});

test('the list holds the links of this survey only', async () => {
	const other = await publish(server.api, csat());
	const { items } = expect(await server.api.get(`/api/v1/surveys/${other.survey.id}/links`), 200).body;
	assert.deepEqual(items.map((l) => l.slug), [other.slug]);
	expect(await server.api.get(`/api/v1/surveys/${other.survey.id}/links/${fielded.link.id}`), 404);
});

test('the internal parts of a definition stay inside', async () => {
	const document = csat();
	document.survey.outcomes.completed.redirect = 'https://panel.example/done?secret=1';
	document.survey.quotas = undefined;
	const { slug } = await publish(server.api, document);
	const { text } = expect(await server.anyone.get(`/api/public/v1/links/${slug}`), 200);
	assert.ok(!text.includes('panel.example'), text);
});
