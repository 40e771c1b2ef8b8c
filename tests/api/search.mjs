// Finding answers: by words, by what was answered, by what the row says; pages that stay exact; and what must not be found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { run } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { SLOW, until } from '../harness/run.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer();
const choices = (...values) => values.map((value) => ({ value, label: value }));
const survey = () => definition('Shops', [{ name: 'all', questions: [
	{ type: 'text', name: 'why', title: 'Why?' },
	{ type: 'text', name: 'mail', title: 'E-mail', pii: true },
	{ type: 'single', name: 'shop', title: 'Shop', choices: [...choices('big', 'small'), { value: 'else', label: 'Else', role: 'other' }] },
	{ type: 'multi', name: 'bought', title: 'Bought', choices: choices('tea', 'rice', 'fish') },
	{ type: 'number', name: 'age', title: 'Age' },
	{ type: 'boolean', name: 'again', title: 'Again?' },
	{ type: 'date', name: 'day', title: 'Day' },
	{ type: 'matrix', name: 'rate', title: 'Rate', cell: 'single', rows: choices('staff', 'place'), columns: choices('good', 'bad') },
] }]);
let f, worker, path;
const ids = {};
const add = async (name, answers, more = {}) => { ids[name] = expect(await submit(server.anyone, f.slug, { answers, ...more }), 201).body.id; };
const find = async (query, more = {}) => expect(await server.api.get(path, { query: { sort: 'created_at', ...query, ...more } }), 200).body;
const names = (body) => body.items.map((r) => Object.keys(ids).find((n) => ids[n] === r.id));
const caughtUp = () => until('the search', async () => {
	const [[n]] = await rows(server.database.name, `select count(*) from responses r where survey_id = '${f.survey.id}' and deleted_at is null and not exists
		(select from response_search s where s.response_id = r.id and not s.stale)`);
	return n === '0';
}, 20);

before(async () => {
	worker = await new Worker(server).start();
	f = await publish(server.api, survey());
	path = `/api/v1/surveys/${f.survey.id}/responses`;
	await add('danang', { why: 'Tôi ở Đà Nẵng, gần biển', mail: 'lan@example.com', shop: 'big', bought: ['tea', 'rice'], age: 30, again: true, day: '2026-03-01', rate: { staff: 'good' } });
	await add('hanoi', { why: 'Hà Nội 100%', shop: 'small', bought: ['tea'], age: 41.5, again: false, day: '2026-04-01', rate: { staff: 'bad', place: 'good' } }, { language: 'en' });
	await add('other', { shop: 'else', shop_other: 'Chợ Bến Thành', age: 17 });
	await add('empty', { bought: ['fish'] });
	await caughtUp();
});
after(() => worker?.stop());

test('what came by test links is found only when it is asked for', async () => {
	const g = await publish(server.api, survey()), list = `/api/v1/surveys/${g.survey.id}/responses`;
	const trial = expect(await server.api.post(`/api/v1/surveys/${g.survey.id}/links`, { kind: 'test' }), 201).body;
	const send = async (slug, answers) => expect(await submit(server.anyone, slug, { answers }), 201).body.id;
	const tried = await send(trial.slug, { why: 'Zebra thử', shop: 'big' }), real = await send(g.slug, { why: 'zebra', shop: 'big' });
	const found = async (query) => expect(await server.api.get(list, { query: { count: true, ...query } }), 200).body;
	await until('both', async () => (await rows(server.database.name, `select count(*) from response_search where survey_id = '${g.survey.id}' and not stale`))[0][0] === '2', 20);
	for (const query of [{ q: 'zebra' }, { 'answer.shop': 'big' }, { unanswered: 'age' }, { q: 'zebra', status: 'completed' }]) {
		const plain = await found(query), tests = await found({ ...query, test: true });
		assert.deepEqual([plain.total, ...plain.items.map((r) => r.id)], [1, real], JSON.stringify(query));
		assert.deepEqual([tests.total, ...tests.items.map((r) => r.id)], [1, tried], JSON.stringify(query));
	}
});

test('words are found without case and accents, in any order, and parts of words too', async () => {
	for (const q of ['Da Nang', 'đà nẵng', 'nang da', 'ĐÀ', 'Đà Nẵng', 'bien', 'anang'.slice(1), 'gan bi'])
		assert.deepEqual(names(await find({ q })), ['danang'], q);
	assert.deepEqual(names(await find({ q: 'ben thanh' })), ['other']);
	assert.deepEqual(names(await find({ q: '100%' })), ['hanoi']);
	for (const q of ['saigon', 'da hue', '%', '_a', 'big', "'; drop table x --"])
		assert.deepEqual(names(await find({ q })), [], q);
});

test('personal answers are not found by words', async () => {
	assert.deepEqual(names(await find({ q: 'lan@example.com' })), []);
	assert.equal((await rows(server.database.name, `select count(*) from response_search where text like '%example%'`))[0][0], '0');
	const reply = expect(await server.api.get(path, { query: { 'answer.mail': 'lan@example.com' } }), 422);
	assert.deepEqual(pointers(reply), ['/query/answer.mail']);
});

test('answers are filtered by value, by any of several, by rows, ranges, and by being there', async () => {
	const cases = [
		[{ 'answer.shop': 'big' }, ['danang']],
		[{ 'answer.shop': 'big,small' }, ['danang', 'hanoi']],
		[{ 'answer.bought': 'tea' }, ['danang', 'hanoi']],
		[{ 'answer.bought': 'tea', 'answer.shop': 'small' }, ['hanoi']],
		[{ 'answer.bought': 'rice,fish', 'answer.shop': 'big,small' }, ['danang']],
		[{ 'answer.age': '30.0' }, ['danang']],
		[{ 'answer.age': '41.50' }, ['hanoi']],
		[{ 'answer.again': 'false' }, ['hanoi']],
		[{ 'answer.rate.staff': 'good' }, ['danang']],
		[{ 'answer_min.age': '18' }, ['danang', 'hanoi']],
		[{ 'answer_min.age': '18', 'answer_max.age': '41' }, ['danang']],
		[{ 'answer_max.day': '2026-03-01' }, ['danang']],
		[{ answered: 'rate,age' }, ['danang', 'hanoi']],
		[{ unanswered: 'age' }, ['empty']],
		[{ unanswered: 'age,why', q: 'x' }, []],
		[{ answered: 'shop_other' }, ['other']],
		[{ q: 'hà nội', 'answer.shop': 'big' }, []],
		[{ 'answer.shop': 'big,small', language: 'en' }, ['danang', 'hanoi']],
		[{ 'answer.shop': 'big', status: 'screened_out,quota_full' }, []],
		[{ 'answer.shop': 'big', status: 'completed' }, ['danang']],
		[{ 'answer.why': 'Hà Nội 100%' }, ['hanoi']],
	];
	for (const [query, expected] of cases) {
		const body = await find(query, { count: true });
		assert.deepEqual(names(body), expected, JSON.stringify(query));
		assert.equal(body.total, expected.length, JSON.stringify(query));
	}
});

test('what the row says is filtered at once', async () => {
	assert.equal((await find({ status: 'completed,screened_out' })).items.length, 4);
	assert.equal((await find({ completed_from: '2020-01-01T00:00:00Z', completed_to: '2021-01-01T00:00:00Z' })).items.length, 0);
	assert.equal((await find({ completed_from: '2020-01-01T00:00:00Z', sort: 'completed_at' })).items.length, 4);
	assert.equal((await find({ 'quota.region': 'north' })).items.length, 0);
	assert.deepEqual(pointers(expect(await server.api.get(path, { query: { status: 'completed,asleep' } }), 422)), ['/query/status']);
});

test('what cannot be is said', async () => {
	for (const [query, at] of [[{ 'answer.shoe': '1' }, '/query/answer.shoe'], [{ answered: 'shop,shoe' }, '/query/shoe'],
		[{ 'answer_min.nix': '1' }, '/query/answer_min.nix'], [{ q: '' }, '/query/q'], [{ q: 'x', sort: 'completed_at' }, '/query/sort']])
		assert.deepEqual(pointers(expect(await server.api.get(path, { query }), 422)), [at], JSON.stringify(query));
});

test('pages under a filter are exact, in both orders', async () => {
	for (const sort of ['created_at', '-created_at']) {
		const seen = [];
		let cursor;
		do {
			const body = await find({ 'answer.shop': 'big,small,else', sort, limit: 1, ...(cursor ? { cursor } : {}) });
			seen.push(...names(body));
			cursor = body.next;
		} while (cursor);
		assert.deepEqual(seen, sort[0] === '-' ? ['other', 'hanoi', 'danang'] : ['danang', 'hanoi', 'other']);
	}
	const { next } = await find({ 'answer.shop': 'big,small', limit: 1 });
	expect(await server.api.get(path, { query: { sort: 'created_at', 'answer.shop': 'big', limit: 1, cursor: next } }), 422);
});

test('an answer is found within two seconds', async () => {
	const begun = Date.now();
	await add('late', { why: 'Bánh mì' });
	await until('it', async () => names(await find({ q: 'banh mi' })).length === 1, 20);
	assert.ok(Date.now() - begun < 2000 * SLOW, `${Date.now() - begun} ms`);
});

test('what is deleted, changed or gone is not found any more, and what comes back is', async () => {
	const sql = (text) => rows(server.database.name, `begin; select set_config('app.current_tenant_id', '${server.tenant.id}', true); ${text}; commit`);
	const held = async (id) => (await rows(server.database.name, `select count(*) from response_search where response_id = '${id}'`))[0][0];
	await sql(`update responses set deleted_at = now() where id = '${ids.late}'`);
	assert.equal(await held(ids.late), '0');
	await sql(`update responses set deleted_at = null where id = '${ids.late}'`);
	await until('back', async () => names(await find({ q: 'banh mi' })).length === 1, 20);
	await sql(`update responses set answers = '{"why": "Phở"}' where id = '${ids.late}'`);
	assert.deepEqual(names(await find({ q: 'banh mi' })), []);
	await until('changed', async () => names(await find({ q: 'pho' })).length === 1, 20);
	await sql(`delete from responses where id = '${ids.late}'`);
	assert.equal(await held(ids.late), '0');
	delete ids.late;
});

test('all of it is made anew on demand', async () => {
	await rows(server.database.name, 'delete from response_search');
	const { execFile } = await import('node:child_process');
	const out = await new Promise((resolve, reject) => execFile(run.collect, ['search', 'rebuild', '--tenant', server.tenant.slug], { env: server.environment() },
		(e, stdout, stderr) => (e ? reject(new Error(stderr)) : resolve(stdout))));
	assert.match(out, /^6 answers of 1 tenants/);
	await caughtUp();
	assert.deepEqual(names(await find({ q: 'da nang', 'answer.shop': 'big' })), ['danang']);
});

test('where all answers are sealed there is nothing to search in, and it is said', async () => {
	const { body } = expect(await server.api.get('/api/v1/sealing'), 200);
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, body.version), 200);
	assert.deepEqual(pointers(expect(await server.api.get(path, { query: { q: 'da nang' } }), 422)), ['/query/q']);
	assert.deepEqual(pointers(expect(await server.api.get(path, { query: { 'answer.shop': 'big' } }), 422)), ['/query/answer']);
	await until('nothing is left', async () => (await rows(server.database.name, 'select count(*) from response_search'))[0][0] === '0', 20);
	assert.equal((await find({ status: 'completed' })).items.length, 4);
});
