// Surveys: drafts, diagnostics, publishing, versions, and the reading models with links and counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let project;
before(async () => { project = expect(await server.api.post('/api/v1/projects', { name: 'Surveys' }), 201).body; });
const create = async (document = csat(), title = 'Visit') =>
	expect(await server.api.post('/api/v1/surveys', { project_id: project.id, title, definition: document }), 201);

test('a draft is created, read, changed and deleted', async () => {
	const made = await create();
	const path = `/api/v1/surveys/${made.body.id}`;
	assert.equal(made.headers.location, path);
	assert.equal(made.body.status, 'draft');
	const got = expect(await server.api.get(path), 200);
	assert.deepEqual(got.body.definition, csat());
	expect(await server.api.patch(path, { title: 'Changed' }), 428);
	const changed = expect(await server.api.patch(path, { title: 'Changed' }, 1), 200).body;
	assert.equal(changed.title, 'Changed');
	assert.equal(changed.version, 2);
	expect(await server.api.patch(path, { title: 'x' }, 1), 412);
	expect(await server.api.delete(path, 1), 412);
	expect(await server.api.delete(path, 2), 204);
	expect(await server.api.get(path), 404);
});

test('a draft may be unfinished, but it must be an object and belong to a project of ours', async () => {
	await create({ schema_version: '1.0', survey: { title: 'Unfinished' } });
	const post = (body) => server.api.post('/api/v1/surveys', body);
	assert.deepEqual(pointers(expect(await post({ project_id: project.id, title: 'x', definition: [] }), 422)), ['/definition']);
	assert.deepEqual(pointers(expect(await post({ project_id: 'x', title: 'x', definition: csat() }), 422)), ['/project_id']);
	const lost = await post({ project_id: '01890a5d-ac96-774b-bcce-b302099a8057', title: 'x', definition: csat() });
	assert.ok([404, 422].includes(lost.status), lost.text);
});

test('validate finds what is wrong, with pointer, code and sentence', async () => {
	const good = expect(await server.api.post('/api/v1/surveys/validate', csat()), 200).body;
	assert.equal(good.valid, true);
	assert.equal(good.errors, 0);
	const bad = csat();
	bad.survey.pages[0].questions[1].visible_if = '{nsp} <= 6';
	bad.survey.pages[0].questions[0].colour = 'red';
	const { body } = expect(await server.api.post('/api/v1/surveys/validate', bad), 200);
	assert.equal(body.valid, false);
	const found = body.diagnostics.filter((d) => d.severity === 'error');
	assert.equal(found.length, body.errors);
	assert.ok(found.some((d) => d.pointer === '/survey/pages/0/questions/1/visible_if' && d.column >= 1 && d.end_column > d.column), JSON.stringify(found));
	assert.ok(found.some((d) => d.pointer === '/survey/pages/0/questions/0/colour'), JSON.stringify(found));
	for (const d of body.diagnostics) {
		assert.match(d.code, /^[A-Z]\d{4}$/);
		assert.ok(d.message.length > 10);
	}
});

test('publishing freezes a version; drafts go on; versions are listed', async () => {
	const { body: s } = await create();
	const first = expect(await server.api.post(`/api/v1/surveys/${s.id}/publish`), 200).body;
	assert.equal(first.number, 1);
	const now = expect(await server.api.get(`/api/v1/surveys/${s.id}`), 200).body;
	assert.equal(now.status, 'published');
	assert.equal(now.published_version, 1);
	const changed = csat();
	changed.survey.title.en = 'How was it this time?';
	expect(await server.api.patch(`/api/v1/surveys/${s.id}`, { definition: changed }, now.version), 200);
	assert.equal(expect(await server.api.post(`/api/v1/surveys/${s.id}/publish`), 200).body.number, 2);
	const { items } = expect(await server.api.get(`/api/v1/surveys/${s.id}/versions`), 200).body;
	assert.deepEqual(items.map((v) => v.number).sort(), [1, 2]);
	const events = await rows(server.database.name, `select type, sequence from events where aggregate_type = 'survey' and aggregate_id = '${s.id}' order by sequence, type`);
	assert.deepEqual(events.map((e) => e.join(' ')), ['created 1', 'published 2', 'updated 2', 'updated 3', 'published 4', 'updated 4']);
});

test('a published version cannot be changed, not even in SQL', async () => {
	const { survey } = await publish(server.api, csat());
	await assert.rejects(rows(server.database.name, `update survey_versions set title = 'x' where survey_id = '${survey.id}' returning 1`), /does not change/);
});

test('what does not compile is not published', async () => {
	const bad = csat();
	bad.survey.pages[0].questions[1].visible_if = '{nps} <=';
	const { body: s } = await create(bad);
	const reply = expect(await server.api.post(`/api/v1/surveys/${s.id}/publish`), 422);
	assert.ok(reply.body.errors.length > 0, reply.text);
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${s.id}`), 200).body.status, 'draft');
});

test('include=links,counts tells of both in the same reply', async () => {
	const { survey, slug } = await publish(server.api, csat());
	expect(await submit(server.anyone, slug, { answers: { nps: 8 } }), 201);
	expect(await submit(server.anyone, slug, { answers: { nps: 9, liked: ['staff'] } }), 201);
	const { body } = expect(await server.api.get(`/api/v1/surveys/${survey.id}`, { query: { include: 'links,counts' } }), 200);
	assert.deepEqual(body.links.map((l) => l.slug), [slug]);
	assert.equal(JSON.stringify(body.counts).match(/2/g).length >= 1, true, JSON.stringify(body.counts));
	const plain = expect(await server.api.get(`/api/v1/surveys/${survey.id}`), 200).body;
	assert.ok(!('links' in plain) && !('counts' in plain));
	const reply = await server.api.get(`/api/v1/surveys/${survey.id}`, { query: { include: 'secrets' } });
	assert.deepEqual(pointers(expect(reply, 422)), ['/query/include']);
});

test('the list filters by status and project, and sorts', async () => {
	const other = expect(await server.api.post('/api/v1/projects', { name: 'Other' }), 201).body;
	for (const title of ['B', 'A', 'C'])
		expect(await server.api.post('/api/v1/surveys', { project_id: other.id, title, definition: csat() }), 201);
	const list = async (query) => expect(await server.api.get('/api/v1/surveys', { query }), 200).body.items;
	assert.deepEqual((await list({ project_id: other.id, sort: 'title' })).map((s) => s.title), ['A', 'B', 'C']);
	assert.deepEqual((await list({ project_id: other.id, sort: '-title' })).map((s) => s.title), ['C', 'B', 'A']);
	assert.deepEqual((await list({ project_id: other.id, sort: 'created_at' })).map((s) => s.title), ['B', 'A', 'C']);
	assert.deepEqual(await list({ project_id: other.id, status: 'published' }), []);
	assert.ok((await list({ status: 'published', limit: 200 })).every((s) => s.status === 'published'));
	expect(await server.api.get('/api/v1/surveys', { query: { status: 'lost' } }), 422);
});

test('a questionnaire that takes too much to compile is told so; the server is not busy because of it', async () => {
	const condition = Array.from({ length: 25 }, (_, k) => `{q0} == "${k}"`).join(' or ');
	const questions = Array.from({ length: 3800 }, (_, i) => ({ type: 'text', name: `q${i}`, title: 'T', ...(i ? { visible_if: condition } : {}) }));
	const document = definition('Too much', [{ name: 'p', questions }]);
	const checked = await server.api.post('/api/v1/surveys/validate', document);
	assert.ok([200, 422].includes(checked.status), checked.text.slice(0, 300));
	const { body: s } = await create(document);
	const published = await server.api.post(`/api/v1/surveys/${s.id}/publish`);
	assert.equal(published.status, checked.status, published.text.slice(0, 300));
	if (checked.status === 422) {
		assert.deepEqual([pointers(checked), pointers(published)], [['/survey'], ['/definition/survey']]);
		assert.match(checked.body.detail, /memory/);
	}
	expect(await server.api.post('/api/v1/surveys/validate', csat()), 200);
});

test('a large definition goes in, a larger one is refused', async () => {
	const page = (n) => ({ name: `p${n}`, questions: Array.from({ length: 20 }, (_, i) =>
		({ type: 'text', name: `q${n}_${i}`, title: 'x'.repeat(500) })) });
	const big = definition('Big', Array.from({ length: 40 }, (_, n) => page(n)));
	await create(big, 'Big');
	const reply = await server.api.post('/api/v1/surveys', { project_id: project.id, title: 'Huge', definition: { ...big, x_note: 'x'.repeat(2 * 1024 * 1024) } });
	expect(reply, 413, 'too-large');
});
