// The public door: what a respondent's program may send, what it gets, and what is then stored and shown.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let f;
before(async () => { f = await publish(server.api, csat()); });
const send = (body, headers) => submit(server.anyone, f.slug, body, { headers });
const responses = () => `/api/v1/surveys/${f.survey.id}/responses`;

test('the link tells a client all it needs to run the survey', async () => {
	const { body, headers } = expect(await server.anyone.get(`/api/public/v1/links/${f.slug}`), 200);
	assert.equal(body.survey_version, 1);
	assert.deepEqual(body.languages, ['en', 'vi']);
	assert.equal(body.definition.survey.pages[0].questions[0].name, 'nps');
	expect(await server.anyone.get(`/api/public/v1/links/${f.slug}`, { headers: { 'If-None-Match': headers.etag } }), 304);
	expect(await server.anyone.get('/api/public/v1/links/no-such-link'), 404, 'not-found');
});

test('an answer is stored, told by the API and in the event log', async () => {
	const { body } = expect(await send({ answers: { nps: 9, liked: ['staff', 'price'] }, language: 'vi', parameters: { store: 'Q1' } }), 201);
	assert.equal(body.status, 'completed');
	assert.equal(body.outcome, 'completed');
	const stored = expect(await server.api.get(`${responses()}/${body.id}`), 200);
	assert.deepEqual(stored.body.answers, { nps: 9, liked: ['staff', 'price'] });
	assert.deepEqual(stored.body.parameters, { store: 'Q1' });
	assert.equal(stored.body.language, 'vi');
	assert.equal(stored.body.link_id, f.link.id);
	assert.equal(stored.headers.etag, '"1"');
	const events = await rows(server.database.name, `select type, sequence, request_id from events where aggregate_type = 'response' and aggregate_id = '${body.id}'`);
	assert.equal(events.length, 1);
	assert.deepEqual(events[0].slice(0, 2), ['completed', '1']);
});

test('hidden answers are dropped, not refused', async () => {
	const { body } = expect(await send({ answers: { nps: 8, why_low: 'was never shown', liked: ['staff'], call_back: true } }), 201);
	assert.deepEqual(expect(await server.api.get(`${responses()}/${body.id}`), 200).body.answers, { nps: 8 });
});

test('personal answers are sealed: not in the list, not in the table, shown to those who may', async () => {
	const { body } = expect(await send({ answers: { nps: 2, why_low: 'slow', call_back: true, phone: '+84 90 123 4567' } }), 201);
	const { body: one, text } = expect(await server.api.get(`${responses()}/${body.id}`), 200);
	assert.deepEqual(one.answers, { nps: 2, why_low: 'slow', call_back: true });
	assert.deepEqual(one.personal, { phone: '+84 90 123 4567' });
	assert.ok(text.includes('+84 90'));
	const [[read]] = await rows(server.database.name, `select data::text from events where type = 'personal_data.read' and data -> 'response_ids' ? '${body.id}'`);
	assert.deepEqual(JSON.parse(read), { route: '/api/v1/surveys/{id}/responses/{response_id}', responses: 1, response_ids: [body.id] });
	assert.ok(!expect(await server.api.get(responses()), 200).text.includes('123 4567'));
	const raw = await rows(server.database.name, `select answers::text, encode(sealed, 'escape'), parameters::text from responses where id = '${body.id}'`);
	assert.ok(!JSON.stringify(raw).includes('123 4567'));
	const events = await rows(server.database.name, `select data::text, metadata::text from events where aggregate_id = '${body.id}'`);
	assert.ok(!JSON.stringify(events).includes('123 4567'));
});

test('several choices are a set: stored once each, in the order of the questionnaire', async () => {
	const { body } = expect(await send({ answers: { nps: 9, liked: ['price', 'staff', 'price'] } }), 201);
	assert.deepEqual(expect(await server.api.get(`${responses()}/${body.id}`), 200).body.answers.liked, ['staff', 'price']);
});

const wrong = [
	['a required answer is missing', {}, ['/answers/nps']],
	['above the maximum', { nps: 11 }, ['/answers/nps']],
	['below the minimum', { nps: -1 }, ['/answers/nps']],
	['not a whole number', { nps: 7.5 }, ['/answers/nps']],
	['text where a number belongs', { nps: '7' }, ['/answers/nps']],
	['null', { nps: null }, ['/answers/nps']],
	['a question nobody asked', { nps: 7, shoe_size: 42 }, ['/answers/shoe_size']],
	['too many choices', { nps: 9, liked: ['staff', 'range', 'price', 'place'] }, ['/answers/liked']],
	['an unknown choice', { nps: 9, liked: ['parking'] }, ['/answers/liked']],
	['an exclusive choice with another', { nps: 9, liked: ['none', 'staff'] }, ['/answers/liked']],
	['an object where a list belongs', { nps: 9, liked: { staff: true } }, ['/answers/liked']],
	['too long a text', { nps: 1, why_low: 'x'.repeat(2001) }, ['/answers/why_low']],
	['a conditionally required answer is missing', { nps: 1, call_back: true }, ['/answers/phone']],
	['a validator says no', { nps: 1, call_back: true, phone: 'at home' }, ['/answers/phone']],
	['text where a boolean belongs', { nps: 1, call_back: 'yes' }, ['/answers/call_back']],
	['several at once', { nps: 1, call_back: true, phone: 'x', why_low: 5 }, ['/answers/phone', '/answers/why_low']],
];
for (const [what, answers, expected] of wrong) {
	test(`422 with a pointer: ${what}`, async () => {
		const before = await rows(server.database.name, 'select count(*) from responses');
		const reply = expect(await send({ answers }), 422, 'invalid');
		const got = [...new Set(pointers(reply).map((p) => p.split('/').slice(0, 3).join('/')))];
		assert.deepEqual(got, expected, reply.text);
		assert.deepEqual(await rows(server.database.name, 'select count(*) from responses'), before);
	});
}

test('messages are in the language of the interview', async () => {
	const en = expect(await send({ answers: { nps: 1, call_back: true, phone: 'x' }, language: 'en' }), 422).body.errors[0].message;
	const vi = expect(await send({ answers: { nps: 1, call_back: true, phone: 'x' }, language: 'vi' }), 422).body.errors[0].message;
	assert.equal(en, 'Please enter a phone number.');
	assert.equal(vi, 'Vui lòng nhập số điện thoại.');
});

test('the body itself is held to its shape', async () => {
	assert.deepEqual(pointers(expect(await send({}), 422)), ['/answers']);
	assert.deepEqual(pointers(expect(await send({ answers: [] }), 422)), ['/answers']);
	assert.deepEqual(pointers(expect(await send({ answers: { nps: 7 }, status: 'completed' }), 422)), ['/status']);
	assert.deepEqual(pointers(expect(await send({ answers: { nps: 7 }, language: 5 }), 422)), ['/language']);
	const reply = await send({ answers: { nps: 7 }, parameters: { shop: 'x' } });
	assert.ok([201, 422].includes(reply.status));
});

test('the same key and payload replays the first reply and stores one answer', async () => {
	const key = randomUUID();
	const first = expect(await send({ answers: { nps: 10 }, language: 'en' }, { 'Idempotency-Key': key }), 201);
	assert.equal(first.headers['idempotency-replayed'], undefined);
	const again = expect(await send({ language: 'en', answers: { nps: 10 } }, { 'Idempotency-Key': key }), 201);
	assert.equal(again.headers['idempotency-replayed'], 'true');
	assert.deepEqual(again.body, first.body);
	assert.deepEqual(await rows(server.database.name, `select count(*) from responses where idempotency_key = '${key}'`), [['1']]);
	expect(await send({ answers: { nps: 9 }, language: 'en' }, { 'Idempotency-Key': key }), 422, 'idempotency-mismatch');
});

test('the same key twenty times at once stores one answer', async () => {
	const key = randomUUID();
	const replies = await Promise.all(Array.from({ length: 20 }, () => send({ answers: { nps: 4 } }, { 'Idempotency-Key': key })));
	for (const reply of replies)
		assert.ok([201, 409].includes(reply.status), reply.text);
	const made = replies.filter((r) => r.status === 201);
	assert.equal(new Set(made.map((r) => r.body.id)).size, 1);
	assert.equal(made.filter((r) => r.headers['idempotency-replayed'] !== 'true').length, 1);
	assert.deepEqual(await rows(server.database.name, `select count(*) from responses where idempotency_key = '${key}'`), [['1']]);
});

test('keys that are no keys are refused', async () => {
	const reply = await send({ answers: { nps: 10 } }, { 'Idempotency-Key': 'x'.repeat(256) });
	assert.ok([400, 422].includes(reply.status), reply.text);
	expect(await send({ answers: { nps: 10 } }, { 'Idempotency-Key': 'x'.repeat(255) }), 201);
});

test('responses are listed, filtered and counted', async () => {
	const g = await publish(server.api, csat());
	const path = `/api/v1/surveys/${g.survey.id}/responses`;
	const ids = [];
	for (let i = 0; i < 11; i++)
		ids.push(expect(await submit(server.anyone, g.slug, { answers: { nps: i }, language: i % 2 ? 'vi' : 'en' }), 201).body.id);
	const list = async (query) => expect(await server.api.get(path, { query }), 200).body;
	assert.deepEqual((await list({ sort: 'created_at' })).items.map((r) => r.id), ids);
	assert.deepEqual((await list({ limit: 3 })).items.map((r) => r.id), ids.slice(-3).reverse());
	assert.equal((await list({ count: true, limit: 1 })).total, 11);
	assert.equal((await list({ language: 'vi', count: true })).total, 5);
	assert.equal((await list({ status: 'screened_out' })).items.length, 0);
	assert.equal((await list({ link_id: g.link.id })).items.length, 11);
	const middle = (await list({ sort: 'created_at' })).items[5].created_at;
	assert.equal((await list({ created_from: middle })).items.length + (await list({ created_to: middle })).items.length, 11);
	let cursor, seen = [];
	do {
		const page = await list({ limit: 4, cursor });
		seen.push(...page.items.map((r) => r.id));
		cursor = page.next ?? undefined;
	} while (cursor);
	assert.deepEqual(seen, [...ids].reverse());
	expect(await server.api.get(path, { query: { created_from: 'yesterday' } }), 422);
	expect(await server.api.get(path, { query: { status: 'lost' } }), 422);
});

test('an answer belongs to its survey', async () => {
	const g = await publish(server.api, csat());
	const { body } = expect(await submit(server.anyone, g.slug, { answers: { nps: 5 } }), 201);
	expect(await server.api.get(`/api/v1/surveys/${g.survey.id}/responses/${body.id}`), 200);
	expect(await server.api.get(`${responses()}/${body.id}`), 404);
});

test('a new version judges new answers, old answers keep theirs', async () => {
	const g = await publish(server.api, csat());
	expect(await submit(server.anyone, g.slug, { answers: { nps: 10 } }), 201);
	const narrower = csat();
	narrower.survey.pages[0].questions[0].max = 5;
	const now = expect(await server.api.get(`/api/v1/surveys/${g.survey.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/surveys/${g.survey.id}`, { definition: narrower }, now.version), 200);
	expect(await submit(server.anyone, g.slug, { answers: { nps: 10 } }), 201);
	expect(await server.api.post(`/api/v1/surveys/${g.survey.id}/publish`), 200);
	expect(await submit(server.anyone, g.slug, { answers: { nps: 10 } }), 422);
	expect(await submit(server.anyone, g.slug, { answers: { nps: 5 } }), 201);
	const { items } = expect(await server.api.get(`/api/v1/surveys/${g.survey.id}/responses`, { query: { sort: 'created_at' } }), 200).body;
	assert.deepEqual(items.map((r) => r.survey_version), [1, 1, 2]);
});
