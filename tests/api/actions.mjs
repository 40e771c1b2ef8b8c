// One action on many answers, as a job: by ids and by what the list would show, counted, cancelled, asked for twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { ended, untilJob, Worker } from '../harness/worker.mjs';

const server = withServer();
const doc = definition('City', [{ name: 'a', questions: [{ type: 'single', name: 'city', title: 'City', choices: ['hanoi', 'hue'].map((value) => ({ value, label: value })) },
	{ type: 'text', name: 'why', title: 'Why' }] }],
{ quotas: [{ name: 'city', cells: [{ name: 'hanoi', when: "{city} = 'hanoi'", limit: 300 }] }] });
let f, base, worker;
before(async () => {
	worker = await new Worker(server).start();
	f = await publish(server.api, doc);
	base = `/api/v1/surveys/${f.survey.id}/responses`;
	for (let i = 0; i < 300; i += 20)
		await Promise.all(Array.from({ length: 20 }, (_, k) => submit(server.anyone, f.slug, { answers: { city: (i + k) % 3 ? 'hanoi' : 'hue', why: `Reason ${i + k}` } }).then((r) => expect(r, 201))));
});
after(() => worker?.stop());
const act = async (body, headers = {}) => expect(await server.api.post(`${base}/actions`, body, { headers }), 202);
const run = async (body) => {
	const job = await untilJob(server.api, (await act(body)).body.id, ended);
	assert.equal(job.status, 'succeeded', JSON.stringify(job));
	return job;
};
const count = async (query) => expect(await server.api.get(base, { query: { limit: 1, count: true, ...query } }), 200).body.total;
const used = async () => (await rows(server.database.name, `select used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@'`))[0][0];
const found = () => until('the search', async () => (await count({ answered: 'city' })) === (await count({})), 20);

test('by a filter of the row, and back: counted, quota cells follow, history and log tell it', async () => {
	assert.equal(await used(), '200');
	const job = await run({ action: 'reject', reason: 'Test wave', filter: {} });
	assert.deepEqual(job.result, { responses: 300, changed: 300, refused: 0 });
	assert.deepEqual(job.progress, { done: 300, total: 300 });
	assert.equal(await used(), '0');
	assert.equal(await count({ status: 'rejected' }), 300);
	assert.deepEqual((await run({ action: 'reject', reason: 'Test wave', filter: {} })).result, { responses: 300, changed: 0, refused: 0 });
	const one = expect(await server.api.get(base, { query: { limit: 1 } }), 200).body.items[0];
	assert.equal(one.reject_reason, 'Test wave');
	const { items } = expect(await server.api.get(`${base}/${one.id}/history`), 200).body;
	assert.deepEqual(items.map((c) => [c.kind, c.reason, c.request_id]), [['rejected', 'Test wave', job.id]]);
	const events = await rows(server.database.name, `select sum((data ->> 'responses')::int), count(*) from events where type = 'responses_changed' and request_id = '${job.id}'`);
	assert.deepEqual(events, [['300', '2']]);
	assert.deepEqual((await run({ action: 'restore', filter: { status: ['rejected'] } })).result, { responses: 300, changed: 300, refused: 0 });
	assert.equal(await used(), '200');
});

test('by what was answered', async () => {
	await found();
	assert.deepEqual((await run({ action: 'reject', reason: 'Hue', filter: { answer: { city: 'hue' } } })).result, { responses: 100, changed: 100, refused: 0 });
	assert.equal(await count({ status: 'rejected' }), 100);
	assert.deepEqual((await run({ action: 'restore', filter: { q: 'reason', status: ['rejected'] } })).result, { responses: 100, changed: 100, refused: 0 });
});

test('by ids: deleted and taken back; a cell without room refuses those without a place only', async () => {
	const ids = (await rows(server.database.name, `select id from responses where survey_id = '${f.survey.id}' and answers ->> 'city' = 'hanoi' order by id limit 10`)).map((r) => r[0]);
	assert.deepEqual((await run({ action: 'delete', ids })).result, { responses: 10, changed: 10, refused: 0 });
	assert.equal(await count({}), 290);
	assert.equal(await used(), '190');
	await rows(server.database.name, `update quota_cells set lim = 194 where survey_id = '${f.survey.id}'`);
	assert.deepEqual((await run({ action: 'restore', ids })).result, { responses: 10, changed: 4, refused: 6 });
	assert.equal(await used(), '194');
});

test('asked for twice with one key it is one job; another survey\'s ids are nobody\'s', async () => {
	const body = { action: 'delete', ids: ['00000000-0000-7000-8000-000000000001'] };
	const first = await act(body, { 'Idempotency-Key': 'k1' });
	assert.equal((await act(body, { 'Idempotency-Key': 'k1' })).body.id, first.body.id);
	assert.deepEqual((await untilJob(server.api, first.body.id, ended)).result, { responses: 0, changed: 0, refused: 0 });
});

test('what is wrong is said before there is a job', async () => {
	for (const [body, at] of [[{ action: 'reject', filter: {} }, '/reason'], [{ action: 'delete' }, '/ids'], [{ action: 'delete', ids: ['x'] }, '/ids'],
		[{ action: 'burn', filter: {} }, '/action'], [{ action: 'delete', filter: { status: ['asleep'] } }, '/filter/status/0'],
		[{ action: 'delete', ids: ['00000000-0000-7000-8000-000000000001'], filter: {} }, '/ids'], [{ action: 'delete', filter: { colour: 1 } }, '/filter/colour']])
		assert.deepEqual(pointers(expect(await server.api.post(`${base}/actions`, body), 422)), [at], JSON.stringify(body));
});

test('it can be cancelled', async () => {
	await worker.stop();
	worker = null;
	const { body } = await act({ action: 'delete', filter: {} });
	expect(await server.api.post(`/api/v1/jobs/${body.id}/cancel`), 202);
	assert.equal(expect(await server.api.get(`/api/v1/jobs/${body.id}`), 200).body.status, 'cancelled');
	assert.ok(await count({}) > 0);
});
