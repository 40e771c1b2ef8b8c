// Interviews from devices that meet in one group of the writers: ids and keys that come twice, in one survey and in several, are told apart; and what a batch
// keeps from others while it is checked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { checkReceipt, Device, digest, programOf } from '../harness/device.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const sql = (text) => rows(server.database.name, text);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let keys, program;
const survey = (limit = 1000) => definition('Shop', [
	{ name: 'first', questions: [{ type: 'single', name: 'area', title: 'Area', required: true, choices: ['a', 'b'].map((value) => ({ value, label: value })) }] },
	{ name: 'second', questions: [{ type: 'text', name: 'mail', title: 'Mail', input: 'email', pii: true }] },
], { quotas: [{ name: 'areas', cells: ['a', 'b'].map((value) => ({ name: value, when: `{area} = '${value}'`, limit })) }] });
before(async () => {
	keys = expect(await server.api.get('/.well-known/jwks.json'), 200).body;
});

async function field({ document = survey(), codes } = {}) {
	const f = await publish(server.api, document, { link: codes ? { kind: 'single_use' } : undefined });
	program = await programOf(document);
	if (codes)
		expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: `code\n${codes.join('\n')}\n` }), 202);
	return { ...f, device: new Device({ program, slug: f.slug }) };
}
const hold = (f, { mail = 'lan@example.com', ...more } = {}) => f.device.hold([['area', 'a'], 'next', ['mail', mail], 'next'], { more, ago_ms: 1 }).held;
const send = async (f, held) => expect(await server.api.post('/api/public/v1/sync', f.device.batch(held)), 200).body.items;
const whole = (f) => submit(server.api.as(null), f.slug, { answers: { area: 'a' } });
const used = (f) => sql(`select cell, used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@' order by 1`);
const told = (items) => items.map((i) => [i.result, i.problem?.code ?? i.status]);

/** Holds every writer up at the cells of survey `f`, so that what is sent meanwhile is written in one group. */
async function holdUp(f, ms, meanwhile) {
	expect(await whole(f), 201);
	const lock = psql(server.database.name, `begin; select from collect.quota_cells where survey_id = '${f.survey.id}' for update; select pg_sleep(${ms / 1000}); commit`);
	await sleep(400);
	const busy = Array.from({ length: 12 }, () => whole(f));
	await sleep(300);
	const got = await meanwhile();
	await lock;
	for (const reply of await Promise.all(busy))
		expect(reply, 201);
	return got;
}

test('an id that is stored in one survey says nothing of the same id in another, though both are in one group', async () => {
	const [f, g] = [await field(), await field()].sort((a, b) => (a.survey.id < b.survey.id ? -1 : 1)), busy = await field();
	const held = Array.from({ length: 20 }, () => hold(f));
	assert.deepEqual(told(await send(f, held)), Array(20).fill(['accepted', 'completed']));
	const changed = structuredClone(held);
	for (const h of changed)
		[h.journal.events[0].value, h.journal.events[2].value] = ['b', 'mai@example.com'];
	const [x, y] = await holdUp(busy, 2000, () => Promise.all([send(f, changed), send(g, held)]));
	assert.deepEqual(told(x), Array(20).fill(['refused', 'idempotency-mismatch']));
	assert.deepEqual(told(y), Array(20).fill(['accepted', 'completed']));
	assert.ok(x.every((i) => i.receipt === undefined));
	for (const [k, i] of y.entries()) {
		const { payload } = await checkReceipt(i.receipt, keys);
		assert.deepEqual([payload.survey_id, payload.sha256], [g.survey.id, digest(held[k])]);
	}
	for (const s of [f, g]) {
		assert.deepEqual(await used(s), [['a', '20']]);
		assert.deepEqual(await sql(`select count(*), count(distinct aggregate_id) from events where data->>'survey_id' = '${s.survey.id}' and type = 'completed'`), [['20', '20']]);
		assert.deepEqual(await sql(`select count(*), count(distinct response_id), count(distinct hash) from response_lookups where survey_id = '${s.survey.id}'`), [['20', '20', '1']]);
	}
});

test('two interviews of a batch with one id: one is stored, and nothing of the other', async () => {
	const f = await field({ codes: ['panel-0001', 'panel-0002'] }), mails = ['lan@example.com', 'mai@example.com'];
	const both = mails.map((mail, n) => hold(f, { code: `panel-000${n + 1}`, mail })), { id } = both[0];
	both[1].id = id;
	const got = await send(f, both), won = got.findIndex((i) => i.result === 'accepted');
	assert.deepEqual(told(got).sort(), [['accepted', 'completed'], ['refused', 'conflict']]);
	assert.equal((await checkReceipt(got[won].receipt, keys)).payload.sha256, digest(both[won]));
	assert.equal(got[1 - won].receipt, undefined);
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${id}`), 200).body.personal.mail, mails[won]);
	assert.deepEqual(await sql(`select type, count(*) from events where aggregate_id = '${id}' group by 1`), [['completed', '1']]);
	assert.deepEqual(await sql(`select count(*) from response_lookups where response_id = '${id}'`), [['1']]);
	const again = told(await send(f, both));
	assert.deepEqual([again[won], again[1 - won]], [['replayed', 'completed'], ['refused', 'conflict']]);
	assert.deepEqual(await used(f), [['a', '1']]);
});

test('the same where places are short: who is not stored takes none', async () => {
	const f = await field({ document: survey(2), codes: [1, 2, 3, 4].map((n) => `panel-000${n}`) });
	const [a, b, c, d] = [1, 2, 3, 4].map((n) => hold(f, { code: `panel-000${n}` }));
	b.id = a.id;
	const got = await send(f, [a, b, c, d]), won = got.findIndex((i) => i.result === 'accepted' && i.id === a.id);
	// Whose turn comes first is not promised: a batch may be written in several groups.
	assert.deepEqual(told(got).sort(), [['accepted', 'completed'], ['accepted', 'completed'], ['accepted', 'quota_full'], ['refused', 'conflict']]);
	assert.ok(won < 2 && got[1 - won].problem?.code === 'conflict', 'one of the two with one id is stored, the other refused');
	assert.deepEqual(await used(f), [['a', '2']]);
	const again = told(await send(f, [a, b]));
	assert.deepEqual([again[won], again[1 - won]], [['replayed', got[won].status], ['refused', 'conflict']]);
	assert.deepEqual(await sql(`select status, count(*) from responses where survey_id = '${f.survey.id}' group by 1 order by 1`), [['completed', '2'], ['quota_full', '1']]);
});

test('what is refused keeps no connection from others', async () => {
	const f = await field();
	const batches = Array.from({ length: 4 }, () => Array.from({ length: 96 }, () => ({ ...hold(f), survey_version: 9 })));
	let going = true;
	const others = (async () => {
		const seen = [];
		for (; going; await sleep(20))
			seen.push((await whole(f)).status);
		return seen;
	})();
	const got = await Promise.all(batches.map((held) => send(f, held)));
	going = false;
	assert.deepEqual([...new Set(got.flat().map((i) => `${i.result} ${i.problem.code} ${i.problem.errors?.[0].pointer}`))], ['refused invalid /survey_version']);
	assert.deepEqual([...new Set(await others)], [201]);
});

test('how long a batch takes is not the fault of a clock', async () => {
	const f = await field(), held = Array.from({ length: 33 }, () => hold(f));
	const got = await holdUp(f, 3500, () => send(f, held));
	assert.deepEqual(told(got), Array(33).fill(['accepted', 'completed']));
	const { paradata: { offline } } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${held[32].id}`), 200).body;
	assert.equal(offline.offset_ms, 0);
});
