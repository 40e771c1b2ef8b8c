// What all routes have in common: cursors, parameters, preconditions, keys, validators; and what is refused by name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let f;
before(async () => { f = await publish(server.api, csat()); });
const survey = () => `/api/v1/surveys/${f.survey.id}`;
const links = () => `${survey()}/links`;

test('a cursor is good for its own list only: same address, order and filters', async () => {
	const other = await publish(server.api, csat());
	for (let i = 0; i < 3; i++) {
		expect(await submit(server.anyone, f.slug, { answers: { nps: i }, language: 'en' }), 201);
		expect(await submit(server.anyone, other.slug, { answers: { nps: i }, language: 'en' }), 201);
		expect(await server.api.post(links(), {}), 201);
		expect(await server.api.post('/api/v1/projects', { name: `P ${i}` }), 201);
	}
	const path = `${survey()}/responses`;
	const ask = (where, query) => server.api.get(where, { query: { limit: 2, ...query } });
	const { next } = expect(await ask(path, { language: 'en', status: 'completed' }), 200).body;
	assert.ok(next);
	const page = expect(await ask(path, { status: 'completed', language: 'en', cursor: next, count: true, limit: 1 }), 200);
	assert.equal(page.body.items.length, 1);
	expect(await ask(path, { status: 'completed', language: 'en', cursor: next, sort: '-created_at' }), 200);
	for (const [where, query] of [[path, {}], [path, { status: 'completed' }], [path, { status: 'completed', language: 'vi' }],
		[path, { status: 'completed', language: 'en', sort: 'created_at' }], [path, { status: 'completed', language: 'en', sort: '-completed_at' }],
		[`/api/v1/surveys/${other.survey.id}/responses`, { status: 'completed', language: 'en' }], [links(), {}], ['/api/v1/projects', {}],
		['/api/v1/surveys', {}]]) {
		const reply = expect(await ask(where, { ...query, cursor: next }), 422);
		assert.deepEqual(pointers(reply), ['/query/cursor'], `${where} ${JSON.stringify(query)}`);
	}
	for (const where of [links(), '/api/v1/projects', '/api/v1/surveys', path]) {
		const first = expect(await ask(where, { limit: 1 }), 200).body;
		const second = expect(await ask(where, { limit: 1, cursor: first.next }), 200).body;
		assert.notEqual(second.items[0].id, first.items[0].id, where);
		expect(await ask(where, { cursor: first.next.slice(0, -1) + (first.next.endsWith('A') ? 'B' : 'A') }), 422);
		expect(await ask(where, { cursor: first.next.split('.')[0] }), 422);
	}
});

test('parameters of an address: an unknown name, a wrong type, too long a text, twice, each by name', async () => {
	const path = `${survey()}/responses`;
	for (const [where, query, pointer] of [[path, 'color=red', '/query/color'], [path, 'survey_version=one', '/query/survey_version'],
		[path, 'survey_version=0', '/query/survey_version'], [path, 'version=1', '/query/version'], [path, 'link_id=7', '/query/link_id'],
		[path, 'created_from=yesterday', '/query/created_from'], [path, 'status=completed&status=completed', '/query/status'],
		[path, 'count=yes', '/query/count'], [path, `language=${'x'.repeat(300)}`, '/query/language'], [survey(), 'x=1', '/query/x'],
		['/api/v1/me', 'x=1', '/query/x'], ['/api/v1/projects', `q=${'x'.repeat(201)}`, '/query/q'],
		[`/api/public/v1/links/${f.slug}`, 'x=1', '/query/x'], [`${survey()}/responses.csv`, 'header=none', '/query/header']])
		assert.deepEqual(pointers(expect(await server.api.get(`${where}?${query}`), 422)), [pointer], `${where}?${query}`);
	for (const [method, where] of [['POST', `${survey()}/publish`], ['POST', `/api/public/v1/links/${f.slug}/responses`]])
		assert.ok(pointers(expect(await server.api.request(method, where, { query: { x: '1' }, body: method === 'POST' && where.endsWith('responses')
			? { answers: { nps: 7 } } : undefined }), 422)).includes('/query/x'), where);
});

test('responses are filtered by the version that judged them, under the name they show it by', async () => {
	const g = await publish(server.api, csat());
	expect(await submit(server.anyone, g.slug, { answers: { nps: 7 } }), 201);
	expect(await server.api.post(`/api/v1/surveys/${g.survey.id}/publish`), 200);
	expect(await submit(server.anyone, g.slug, { answers: { nps: 8 } }), 201);
	const list = async (n) => expect(await server.api.get(`/api/v1/surveys/${g.survey.id}/responses`, { query: { survey_version: n } }), 200).body.items;
	assert.deepEqual((await list(1)).map((r) => [r.survey_version, r.answers.nps]), [[1, 7]]);
	assert.deepEqual((await list(2)).map((r) => [r.survey_version, r.answers.nps]), [[2, 8]]);
	assert.deepEqual(await list(3), []);
});

test('a body where none is wanted: empty or an empty object; a member is refused by name', async () => {
	const g = await publish(server.api, csat());
	const path = `/api/v1/surveys/${g.survey.id}/publish`;
	expect(await server.api.post(path), 200);
	expect(await server.api.post(path, {}), 200);
	assert.deepEqual(pointers(expect(await server.api.post(path, { force: true, note: 'x' }), 422)), ['/force', '/note']);
	expect(await server.api.request('POST', path, { raw: '{', type: 'application/json' }), 400);
	expect(await server.api.request('POST', path, { raw: 'x', type: 'text/plain' }), 415);
	assert.deepEqual(pointers(expect(await server.api.delete(`/api/v1/surveys/${g.survey.id}`, 4, { body: { really: true } }), 422)), ['/really']);
});

test('If-Match: * is no version, and an Idempotency-Key is not empty', async () => {
	const any = expect(await server.api.patch(survey(), { title: 'x' }, undefined, { headers: { 'If-Match': '*' } }), 428, 'precondition-required');
	assert.match(any.body.detail, /\*/);
	for (const key of ['', '   ', 'x'.repeat(256), 'caf\u00e9'])
		expect(await server.api.post('/api/v1/projects', { name: 'Keyed' }, { headers: { 'Idempotency-Key': key } }), 422, 'invalid');
	expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }, { headers: { 'Idempotency-Key': '' } }), 422, 'invalid');
});

test('each content coding has an ETag of its own; every one of them is understood', async () => {
	const get = (path, coding, more) => server.api.get(path, { headers: { ...(coding ? { 'Accept-Encoding': coding } : {}), ...more } });
	for (const path of [survey(), `/api/public/v1/links/${f.slug}`, '/openapi.json', '/static/docs/docs.css']) {
		const tags = [];
		for (const coding of ['', 'gzip', 'br']) {
			const got = expect(await get(path, coding), 200);
			assert.equal(got.encoding, coding, path);
			tags.push(got.headers.etag);
			const again = expect(await get(path, coding, { 'If-None-Match': got.headers.etag }), 304);
			assert.equal(again.headers.etag, got.headers.etag);
			assert.match(again.headers.vary ?? '', /Accept-Encoding/i, path);
		}
		assert.equal(new Set(tags).size, 3, tags.join());
	}
	const { headers } = expect(await get(survey(), 'gzip'), 200);
	const changed = expect(await server.api.patch(survey(), { title: 'By a compressed tag' }, undefined, { headers: { 'If-Match': headers.etag } }), 200);
	assert.equal(changed.body.title, 'By a compressed tag');
	expect(await server.api.patch(survey(), { title: 'Late' }, undefined, { headers: { 'If-Match': headers.etag } }), 412);
});

test('a language that the survey is not in is refused, and those that it is in are named', async () => {
	for (const reply of [await server.api.post(links(), { language: 'de' }), await server.api.patch(`${links()}/${f.link.id}`, { language: 'de' }, f.link.version),
		await submit(server.anyone, f.slug, { answers: { nps: 7 }, language: 'de' })]) {
		assert.deepEqual(pointers(expect(reply, 422)), ['/language']);
		assert.match(reply.body.errors[0].message, /en, vi/);
	}
	for (const language of ['vi', 'VI', 'en-AU'])
		expect(await server.api.post(links(), { language }), 201);
	expect(await submit(server.anyone, f.slug, { answers: { nps: 7 }, language: 'en-AU' }), 201);
	const draft = csat();
	draft.survey.languages = ['en', 'fr'];
	const { version } = expect(await server.api.get(survey()), 200).body;
	expect(await server.api.patch(survey(), { definition: draft }, version), 200);
	expect(await server.api.post(links(), { language: 'fr' }), 201);
});

test('parameters of the survey: unknown, of another type, too long', async () => {
	const document = definition('Parameters', [{ name: 'p', questions: [{ type: 'rating', name: 'nps', title: 'How?', min: 0, max: 10 }] }],
		{ parameters: [{ name: 'pid', type: 'text', export: true }, { name: 'wave', type: 'number' }, { name: 'test', type: 'boolean' }] });
	const { slug } = await publish(server.api, document);
	const send = (parameters) => submit(server.anyone, slug, { answers: { nps: 7 }, parameters });
	for (const good of [{}, { pid: 'A7', wave: 3, test: true }, { pid: 7, wave: '3', test: 'false' }, { pid: null }, { pid: 'x'.repeat(1000) }])
		expect(await send(good), 201);
	for (const [bad, pointer] of [[{ shop: 'x' }, '/parameters/shop'], [{ wave: 'three' }, '/parameters/wave'], [{ test: 1 }, '/parameters/test'],
		[{ pid: ['A7'] }, '/parameters/pid'], [{ pid: 'x'.repeat(1001) }, '/parameters/pid']])
		assert.deepEqual(pointers(expect(await send(bad), 422)), [pointer], JSON.stringify(bad));
});

test('a link that is not open yet says so, one that is closed says that', async () => {
	const day = 86400000, at = (ms) => new Date(Date.now() + ms).toISOString();
	expect(await server.api.post(links(), { slug: 'not-yet', opens_at: at(day) }), 201);
	expect(await server.api.post(links(), { slug: 'over', closes_at: at(-day) }), 201);
	const page = async (slug) => (await server.anyone.get(`/s/${slug}`, { headers: { 'Accept-Language': 'en' } }));
	const soon = expect(await page('not-yet'), 404), over = expect(await page('over'), 410), never = expect(await page('never-was'), 404);
	assert.match(soon.text, /not open yet/);
	assert.match(over.text, /is closed/);
	assert.match(never.text, /is not here/);
	assert.match(expect(await submit(server.anyone, 'not-yet', { answers: { nps: 7 } }), 404).body.detail, /not open yet/);
	assert.match(expect(await submit(server.anyone, 'over', { answers: { nps: 7 } }), 410).body.detail, /closed/);
});

test('what goes wrong with a page is a page for who reads pages, and a problem for who does not', async () => {
	const path = `/s/${f.slug}`, html = { Accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8', 'Accept-Language': 'vi' };
	const cases = [['PUT', { raw: 'x', type: 'text/plain' }, 405], ['DELETE', {}, 405], ['POST', { raw: '{}', type: 'application/json' }, 415],
		['POST', { raw: 'x='.padEnd(600000, 'x'), type: 'application/x-www-form-urlencoded' }, 413]];
	for (const [method, options, status] of cases) {
		const page = expect(await server.anyone.request(method, path, { ...options, headers: html }), status);
		assert.match(page.headers['content-type'], /^text\/html/, `${method} ${status}`);
		assert.match(page.text, /<html[^>]* lang="vi"/);
		assert.match(page.headers['content-security-policy'], /default-src 'none'/);
		assert.equal(status === 405, page.headers.allow !== undefined);
		const problem = expect(await server.anyone.request(method, path, options), status);
		assert.equal(problem.headers['content-type'], 'application/problem+json');
	}
	const api = expect(await server.anyone.request('DELETE', `/api/public/v1/links/${f.slug}`, { headers: html }), 405);
	assert.equal(api.headers['content-type'], 'application/problem+json');
});

test('after a commit of which nobody knows, a changed link is not served from memory', async () => {
	const made = expect(await server.api.post(links(), { slug: 'doubtful' }), 201).body;
	expect(await server.anyone.get('/api/public/v1/links/doubtful'), 200);
	// a warning at the commit is what a server that gave up waiting for its standby sends
	const got = await psql(server.database.name, `set search_path = collect;
		create function doubt() returns trigger language plpgsql as $$ begin raise warning 'as if the standby were away'; return null; end $$;
		create constraint trigger doubt after update on links deferrable initially deferred for each row execute function doubt();`);
	assert.equal(got.code, 0, got.stderr);
	expect(await server.api.patch(`${links()}/${made.id}`, { status: 'closed' }, made.version), 503, 'outcome-unknown');
	expect(await server.anyone.get('/api/public/v1/links/doubtful'), 410);
	await psql(server.database.name, 'drop trigger doubt on collect.links');
});
