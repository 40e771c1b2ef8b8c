// Interviews held offline and sent in later: the journal of the engine in WebAssembly is taken once more by the server, each is told its fate, and what
// is stored has a receipt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { checkReceipt, Device, digest, programOf, uuid7 } from '../harness/device.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
const other = withServer({ env: { COLLECT_RATE_LIMITS: 'true', COLLECT_RATE_INTAKE: 'link=1/2' } });
const HOUR = 3600000, DAY = 24 * HOUR;
let keys;
before(async () => {
	keys = expect(await server.api.get('/.well-known/jwks.json'), 200).body;
});

const survey = (more = {}) => definition('Shop', [
	{ name: 'first', questions: [{ type: 'single', name: 'area', title: 'Area', required: true, choices: ['a', 'b'].map((value) => ({ value, label: value })) }] },
	{ name: 'second', questions: [{ type: 'number', name: 'age', title: 'Age', required: true, min: 18, max: 99 },
		{ type: 'text', name: 'mail', title: 'Mail', input: 'email', pii: true }] },
	{ name: 'last', questions: [{ type: 'text', name: 'why', title: 'Why, {age}?' }], visible_if: '{age} > 20' },
], { settings: { show_back: true }, ...more });
const steps = (answers = {}) => [['area', answers.area ?? 'a'], 'next', ['age', 30], ['mail', answers.mail ?? 'lan@example.com'], 'next', ['why', answers.why ?? 'because'], 'back', ['age', 44], 'next', 'next'];

async function field({ document = survey(), on = server, link, ...more } = {}) {
	const f = await publish(on.api, document, { link });
	const program = await programOf(document);
	return { ...f, document, program, responses: `/api/v1/surveys/${f.survey.id}/responses`, device: new Device({ program, slug: f.slug, ...more }) };
}
const send = (f, interviews, on = server) => on.api.post('/api/public/v1/sync', f.device.batch(interviews));
const items = async (f, interviews) => expect(await send(f, interviews), 200).body.items;
const read = async (f, id) => expect(await server.api.get(`${f.responses}/${id}`), 200).body;
const near = (a, b, ms = 5000) => assert.ok(Math.abs(Date.parse(a) - b) < ms, `${a} is not near ${new Date(b).toISOString()}`);

test('what the engine on the device made of its events, the server makes of them as well', async () => {
	const f = await field();
	const { held, verdict, over } = f.device.hold(steps());
	assert.ok(over);
	const [item] = await items(f);
	assert.deepEqual([item.id, item.result, item.status, item.outcome], [held.id, 'accepted', 'completed', 'completed'], JSON.stringify(item));
	const answer = await read(f, held.id);
	assert.deepEqual(answer.answers, verdict.answers);
	assert.deepEqual(answer.personal, { mail: 'lan@example.com' });
	assert.deepEqual([answer.answers.age, answer.seed, answer.survey_version, answer.duration_ms], [44, '7', 1, 15000]);
	assert.deepEqual(answer.page_ms, { 0: 3000, 1: 4500 + 3000, 2: 3000 + 1500 });
	assert.deepEqual(answer.paradata.events.slice(0, 3), [['answer', 'area', 1500], ['page', 'next', 3000], ['answer', 'age', 4500]]);
	assert.ok(!JSON.stringify(answer.paradata).includes('lan@'), 'what was answered stands in the answers alone');
	assert.deepEqual(await rows(server.database.name, `select type, count(*) from events where aggregate_id = '${held.id}' group by 1`), [['completed', '1']]);
});

test('sent again it is known, and the receipt says the same', async () => {
	const f = await field();
	const { held } = f.device.hold(steps());
	const [first] = await items(f), [second] = await items(f);
	assert.deepEqual([first.result, second.result], ['accepted', 'replayed']);
	const [a, b] = await Promise.all([first, second].map((i) => checkReceipt(i.receipt, keys)));
	assert.deepEqual(a.payload, b.payload);
	assert.deepEqual(a.payload, { iss: a.payload.iss, aud: 'collect-device', sub: held.id, survey_id: f.survey.id, sha256: digest(held) });
	assert.equal(a.protectedHeader.kid, keys.keys[0].kid);
	assert.deepEqual(await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`), [['1']]);
	await f.device.settle([second], keys);
	assert.equal(f.device.kept.size, 0);
	expect(await server.api.get('/api/v1/me', { token: first.receipt }), 401);
});

test('one that was changed after it was stored is not stored under its id', async () => {
	const f = await field();
	const { held } = f.device.hold(steps());
	await items(f);
	const changed = structuredClone(held);
	changed.journal.events[0].value = 'b';
	const [item] = await items(f, [changed]);
	assert.deepEqual([item.result, item.problem.code, item.receipt], ['refused', 'idempotency-mismatch', undefined]);
	assert.equal((await read(f, held.id)).answers.area, 'a');
});

test('a wrong clock is put right, and what it said is kept', async () => {
	for (const wrong_ms of [-400 * DAY, 3 * HOUR, 20 * 365 * DAY]) {
		const f = await field({ wrong_ms });
		const { held } = f.device.hold(steps(), { ago_ms: 60000 });
		await items(f);
		const answer = await read(f, held.id), told = answer.paradata.offline;
		assert.equal(told.astray, true, 'a minute ago the survey was not published');
		near(answer.completed_at, Date.now());
		near(told.started_at, Date.now() - 60000 + wrong_ms);
		assert.ok(Math.abs(told.offset_ms + wrong_ms) < 5000, `${told.offset_ms}`);
		assert.equal(answer.duration_ms, 15000);
	}
	const f = await field({ wrong_ms: -5 * DAY });
	const { held } = f.device.hold(steps(), { ago_ms: 2, pace_ms: 0 });
	await items(f);
	const { completed_at, paradata: { offline } } = await read(f, held.id);
	assert.equal(offline.astray, false);
	near(completed_at, Date.now());
	near(offline.completed_at, Date.now() - 5 * DAY);
});

test('a clock that was put right on the way back, and one that went backwards', async () => {
	const f = await field();
	const { held } = f.device.hold(steps(), { ago_ms: -2 * DAY });
	const back = f.device.hold(steps()).held;
	back.journal.events[4].at_ms = 10;
	await items(f);
	const answer = await read(f, held.id);
	assert.equal(answer.paradata.offline.astray, true);
	assert.ok(Date.parse(answer.completed_at) <= Date.now());
	assert.equal((await read(f, back.id)).paradata.offline.turned, true);
});

test('each is told by itself what is wrong with it, and the others are stored', async () => {
	const f = await field();
	const wrong = (change) => {
		const held = structuredClone(f.device.hold(steps()).held);
		change(held);
		return held;
	};
	const cases = [
		[() => {}, null],
		[(h) => { h.journal.events.pop(); }, '/journal/events'],
		[(h) => { h.journal.events.splice(2, 1); }, '/journal/events'],
		[(h) => { h.journal.events[2].value = 17; }, '/journal/events'],
		[(h) => { h.journal.events[0].answer = 'nobody'; }, '/journal/events/0'],
		[(h) => { delete h.journal.events[3].at_ms; }, '/journal/events/3'],
		[(h) => { h.journal.events[3].at_ms = 1e15; }, '/journal/events/3'],
		[(h) => { h.journal.events.push({ page: 'next', at_ms: 99 }); }, '/journal/events/10'],
		[(h) => { h.journal.parameters = { x: 1 }; }, '/journal'],
		[(h) => { h.journal.language = 'vi'; }, '/journal'],
		[(h) => { h.journal.now_ms = -1; }, '/journal/now_ms'],
		[(h) => { h.journal.seed = 'x'; }, '/journal'],
		[(h) => { h.survey_version = 2; }, '/survey_version'],
		[(h) => { h.survey_version = 0; }, '/survey_version'],
		[(h) => { h.id = '7d444840-9dc0-4f2a-a2c2-0d2f0e1b6f7a'; }, '/id'],
		[(h) => { h.id = 'x'; }, '/id'],
		[(h) => { h.code = 'abcdef'; }, '/code'],
		[(h) => { h.more = 1; }, '/more'],
		[(h) => { delete h.journal; }, '/journal'],
		[() => {}, null],
	];
	const sent = cases.map(([change]) => wrong(change));
	const got = await items(f, [...sent, 'nothing', null]);
	assert.equal(got.length, cases.length + 2);
	for (const [i, [, pointer]] of cases.entries()) {
		const item = got[i];
		assert.equal(item.id, sent[i].id);
		assert.equal(item.result, pointer === null ? 'accepted' : 'refused', JSON.stringify(item));
		if (pointer !== null) {
			assert.deepEqual(item.problem.errors.map((e) => e.pointer), [pointer], JSON.stringify(item));
			assert.deepEqual([item.problem.status, item.problem.code, item.receipt], [422, 'invalid', undefined]);
		}
	}
	assert.deepEqual(got.slice(-2).map((i) => [i.id, i.result]), [[null, 'refused'], [null, 'refused']]);
	assert.deepEqual(await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`), [['2']]);
});

test('what no batch is', async () => {
	const f = await field();
	const good = f.device.batch([f.device.hold(steps()).held]);
	const bad = async (change, status = 422) => expect(await server.api.post('/api/public/v1/sync', { ...good, ...change }), status);
	await bad({ interviews: [] });
	await bad({ interviews: {} });
	await bad({ interviews: Array.from({ length: 501 }, () => 1) });
	await bad({ sent_at: 'now' });
	await bad({ link: 'there-is-none' }, 404);
	await bad({ link: '../x' }, 404);
});

test('more than a slice of them, in their order, and the same one twice in a batch is stored once', async () => {
	const f = await field();
	const held = Array.from({ length: 75 }, (_, i) => f.device.hold(steps({ why: `n${i}`, area: i % 2 ? 'a' : 'b' })).held);
	const got = await items(f, [...held, held[74]]);
	assert.deepEqual(got.map((i) => i.id), [...held, held[74]].map((h) => h.id));
	assert.ok(got.slice(0, 75).every((i) => i.result === 'accepted'), JSON.stringify(got.find((i) => i.result !== 'accepted')));
	assert.ok(['retry', 'replayed'].includes(got[75].result));
	await f.device.settle(got, keys);
	assert.equal(f.device.kept.size, 0);
	assert.deepEqual(await rows(server.database.name, `select count(*), count(distinct id), count(distinct answers->>'why') from responses where survey_id = '${f.survey.id}'`), [['75', '75', '75']]);
});

test('who finds no place in his quota is kept, with all that he answered', async () => {
	const cells = ['a', 'b'].map((value) => ({ name: value, when: `{area} = '${value}'`, limit: 3 }));
	const f = await field({ document: survey({ quotas: [{ name: 'areas', cells }] }) });
	const held = Array.from({ length: 10 }, () => f.device.hold(steps()).held);
	const got = await items(f, held);
	assert.deepEqual(got.map((i) => i.result), Array(10).fill('accepted'));
	assert.deepEqual([got.filter((i) => i.status === 'completed').length, got.filter((i) => i.status === 'quota_full').length], [3, 7]);
	for (const { id } of got) {
		const answer = await read(f, id);
		assert.deepEqual([answer.answers, answer.personal], [{ area: 'a', age: 44, why: 'because' }, { mail: 'lan@example.com' }]);
	}
	assert.deepEqual(await rows(server.database.name, `select cell, used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@'`), [['a', '3']]);
	assert.ok((await items(f, held)).every((i, n) => i.result === 'replayed' && i.status === got[n].status));
});

test('an interview stays on the version that it was begun on', async () => {
	const f = await field();
	const { held } = f.device.hold(steps());
	const next = survey();
	next.survey.pages[1].questions[0].min = 50;
	const now = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/surveys/${f.survey.id}`, { definition: next }, now.version), 200);
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/publish`), 200);
	const late = { ...f.device.hold(steps()).held, survey_version: 2 };
	const got = await items(f, [held, late]);
	assert.deepEqual(got.map((i) => i.result), ['accepted', 'refused']);
	assert.deepEqual([(await read(f, held.id)).survey_version], [1]);
});

test('the gates of the link hold, and what was acknowledged before stays so', async () => {
	const f = await field();
	const before = f.device.hold(steps()).held, after = f.device.hold(steps()).held;
	await items(f, [before]);
	const link = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
	expect(await server.api.patch(link, { status: 'closed' }, f.link.version), 200);
	const got = await items(f, [before, after]);
	assert.deepEqual(got.map((i) => [i.result, i.problem?.code]), [['replayed', undefined], ['refused', 'gone']]);
});

test('the gates of a link with a password: a pass is shown with the batch', async () => {
	const f = await field();
	const link = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
	const held = f.device.hold(steps()).held;
	expect(await server.api.request('PUT', `${link}/password`, { body: { password: 'open sesame' }, headers: { 'If-Match': `"${f.link.version}"` } }), 200);
	expect(await send(f, [held]), 401);
	const { pass } = expect(await server.api.post(`/api/public/v1/links/${f.slug}/pass`, { password: 'open sesame' }), 200).body;
	const { items: [item] } = expect(await server.api.post('/api/public/v1/sync', f.device.batch([held]), { headers: { 'X-Link-Pass': pass } }), 200).body;
	assert.equal(item.result, 'accepted');
});

test('single-use links take each code once, and it brings the parameters', async () => {
	const document = survey({ parameters: [{ name: 'region', type: 'text', export: true }] });
	const f = await field({ document, link: { kind: 'single_use' } });
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'region,code\nNorth,panel-0001\nSouth,panel-0002\n' }), 202);
	const hold = (code, more) => f.device.hold(steps(), { more: { code }, ...more }).held;
	const first = hold('panel-0001'), same = hold('panel-0001'), none = f.device.hold(steps()).held;
	const brings = hold('panel-0002', { parameters: { region: 'x' } }), unknown = hold('panel-0009');
	const got = await items(f, [first]);
	assert.equal(got[0].result, 'accepted');
	assert.deepEqual((await read(f, first.id)).parameters, { region: 'North' });
	assert.deepEqual((await items(f, [first, same, none, brings, unknown])).map((i) => [i.result, i.problem?.code, i.problem?.errors?.[0]?.pointer]),
		[['replayed', undefined, undefined], ['refused', 'gone', '/code'], ['refused', 'invalid', '/code'], ['refused', 'invalid', '/journal/parameters'], ['refused', 'not-found', undefined]]);
});

test('whom a panel sends no device interviews', async () => {
	const f = await field({ document: survey({ parameters: [{ name: 'pid', type: 'text', export: true }] }), link: { kind: 'panel', panel: { panelist: 'pid' } } });
	f.device.hold(steps());
	const [item] = await items(f);
	assert.ok(!['accepted', 'replayed'].includes(item.result), JSON.stringify(item));
	assert.equal((await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`))[0][0], '0');
});

test('a code that was used on a page is no interview of the device, and there is no receipt for it', async () => {
	const f = await field({ link: { kind: 'single_use' } });
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'code\npanel-1001\n' }), 202);
	const { id } = expect(await server.api.post(`/api/public/v1/links/${f.slug}/responses`, { code: 'panel-1001', answers: { area: 'b', age: 19 } }), 201).body;
	// as pages store it: there is nothing to know the payload again by
	await psql(server.database.name, `update collect.responses set payload_hash = null, payload_key_version = null where id = '${id}'`);
	const [item] = await items(f, [f.device.hold(steps(), { more: { code: 'panel-1001' } }).held]);
	assert.deepEqual([item.result, item.problem?.code, item.receipt], ['refused', 'gone', undefined]);
	assert.equal((await read(f, id)).answers.area, 'b');
	const g = await field(), key = uuid7(Date.now());
	const other = expect(await server.api.post(`/api/public/v1/links/${g.slug}/responses`, { answers: { area: 'b', age: 19 } }, { headers: { 'Idempotency-Key': key } }), 201).body;
	await psql(server.database.name, `update collect.responses set payload_hash = null, payload_key_version = null where id = '${other.id}'`);
	const [same] = await items(g, [{ ...g.device.hold(steps()).held, id: key }]);
	assert.deepEqual([same.result, same.problem?.code, same.receipt], ['refused', 'idempotency-mismatch', undefined]);
});

test('a code that was revoked lets no device in, and what it had sent before is known', async () => {
	const f = await field({ link: { kind: 'single_use' } }), codes = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`;
	expect(await server.api.post(codes, { csv: 'code\npanel-2001\npanel-2002\n' }), 202);
	const [sent, held] = ['panel-2001', 'panel-2002'].map((code) => f.device.hold(steps(), { more: { code } }).held);
	await items(f, [sent]);
	const { items: [, two] } = expect(await server.api.get(codes, { query: { sort: 'created_at' } }), 200).body;
	expect(await server.api.delete(`${codes}/${two.id}`), 204);
	assert.deepEqual((await items(f, [sent, held])).map((i) => [i.result, i.problem?.code]), [['replayed', undefined], ['refused', 'gone']]);
});

test('what was erased in part is not called stored again, whatever is sent under its id', async () => {
	const f = await field();
	const [{ held }, other] = [f.device.hold(steps()), f.device.hold(steps())];
	await items(f, [held, other.held]);
	const changed = structuredClone(held);
	changed.journal.events[0].value = 'b';
	// retention of what is personal takes the hash, erasure of what names a person and retention of paradata take the key as well
	await psql(server.database.name, `update collect.responses set payload_hash = null where id = '${held.id}';
		update collect.responses set payload_hash = null, idempotency_key = null where id = '${other.held.id}'`);
	const got = [...await items(f, [held, other.held]), ...await items(f, [changed])];
	assert.deepEqual(got.map((i) => [i.result, i.problem?.code, i.receipt]),
		[['refused', 'gone', undefined], ['refused', 'conflict', undefined], ['refused', 'gone', undefined]], JSON.stringify(got));
	const link = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
	expect(await server.api.patch(link, { status: 'closed' }, f.link.version), 200);
	assert.deepEqual((await items(f, [changed])).map((i) => [i.result, i.receipt]), [['refused', undefined]]);
	assert.equal((await read(f, held.id)).answers.area, 'a');
});

test('a batch counts for its rates by what is in it', async () => {
	const f = await field({ on: other });
	const held = Array.from({ length: 97 }, () => f.device.hold(steps()).held);
	const got = expect(await send(f, held, other), 200).body.items;
	assert.deepEqual([got.slice(0, 64).every((i) => i.result === 'accepted'), got.slice(64).every((i) => i.result === 'retry' && i.problem.code === 'too-many-requests')], [true, true]);
});

test('an id that another answer of the survey has', async () => {
	const f = await field();
	const id = uuid7(Date.now());
	expect(await server.api.post(`/api/public/v1/links/${f.slug}/responses`, { answers: { area: 'a', age: 18 } }, { headers: { 'Idempotency-Key': id } }), 201);
	const [item] = await items(f, [{ ...f.device.hold(steps()).held, id }]);
	assert.deepEqual([item.result, item.problem.code], ['refused', 'idempotency-mismatch']);
});
