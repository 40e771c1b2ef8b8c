// Answers of one device, one panelist or one text: the first is left alone, those after it are flagged, never refused; found by prints that say nothing without the tenant's key, and that go
// with the answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { sleep, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer();
let worker;
before(async () => {
	worker = await new Worker(server).start();
});
after(() => worker.stop());

const LONG = 'Because the service at the counter was slow and nobody could tell us when the next one would come.';
const survey = () => definition('Twice', [{ name: 'p', questions: [{ type: 'text', name: 'why', title: 'Why' }, { type: 'text', name: 'also', title: 'Also' },
	{ type: 'text', name: 'address', title: 'Address', pii: true },
	{ type: 'single', name: 'pick', title: 'Pick', choices: [{ value: 'a', label: 'A' }, { value: 'other', label: 'Other', role: 'other' }] }] }],
{ parameters: [{ name: 'rid', type: 'text', export: true }] });
const field = async (settings = {}, link = {}) => {
	const f = await publish(server.api, survey(), { link }), path = `/api/v1/surveys/${f.survey.id}`;
	if (Object.keys(settings).length)
		expect(await server.api.patch(path, settings, expect(await server.api.get(path), 200).body.version), 200);
	return { ...f, path, responses: `${path}/responses` };
};
let n = 0;
const send = async (f, answers = {}, more = {}) => expect(await submit(server.anyone, f.slug, { answers: { why: `n${++n}`, ...answers }, ...more }), 201).body.id;
const read = async (f, id) => expect(await server.api.get(`${f.responses}/${id}`), 200).body;
const flagsOf = async (f, id) => (await read(f, id)).flags;
const flagged = (f, id, flags, what = id) => until(`${what} to have ${flags}`, async () => JSON.stringify(await flagsOf(f, id)) === JSON.stringify(flags));
const prints = (f, where = 'true') => rows(server.database.name, `select kind, encode(print, 'hex'), chars, response_id from collect.response_prints where survey_id = '${f.survey.id}' and ${where} order by 1, 2`);
/** All that was sent has been looked at, when its prints have. */
const looked = (f) => until('the prints to be looked at', async () => (await prints(f, 'noted_at is null')).length === 0);
const change = async (f, body) => expect(await server.api.patch(f.path, body, expect(await server.api.get(f.path), 200).body.version), 200);
const page = async (f, fields, cookie) => {
	const reply = await fetch(`${server.url}/s/${f.slug}`, { method: fields ? 'POST' : 'GET', headers: cookie ? { Cookie: cookie } : {}, ...(fields ? { body: new URLSearchParams(fields) } : {}) });
	const body = await reply.text(), set = reply.headers.get('set-cookie');
	return { status: reply.status, body, set, cookie: set?.split(';')[0] ?? cookie, state: /name="state" value="([^"]*)"/.exec(body)?.[1] };
};
const onPages = async (f, cookie, fields = {}) => {
	const first = await page(f, undefined, cookie);
	return page(f, { state: first.state, action: 'next', 'q-why': `p${++n}`, ...fields }, cookie);
};
const newest = async (f) => expect(await server.api.get(f.responses, { query: { limit: 1 } }), 200).body.items[0];

test('a text: whatever its case and spaces, in any question, from the second on', async () => {
	const f = await field();
	const first = await send(f, { why: LONG });
	await looked(f);
	const second = await send(f, { why: `  ${LONG.toUpperCase().replaceAll(' ', '   ')}\u00a0 ` });
	const elsewhere = await send(f, { also: LONG }), other = await send(f, { pick: 'other', pick_other: LONG });
	for (const [what, id] of Object.entries({ second, elsewhere, other }))
		await flagged(f, id, ['duplicate_text'], what);
	const near = await send(f, { why: `${LONG} Indeed.` }), short = await send(f, { why: 'I do not know' }), again = await send(f, { why: 'I do not know' });
	await looked(f);
	for (const id of [first, near, short, again])
		assert.deepEqual(await flagsOf(f, id), [], id);
	assert.equal((await read(f, second)).version, 1, 'a flag is no change of the answer');
	const g = await field();
	await send(f, { why: LONG });
	const there = await send(g, { why: LONG });
	await looked(g);
	assert.deepEqual(await flagsOf(g, there), [], 'surveys have nothing to do with each other');
	const of = (list) => new Set(list.map(([, print]) => print));
	assert.equal(of([...await prints(f, `response_id = '${first}'`), ...await prints(g)]).size, 2, 'nor have their prints');
});

test('a text within one batch: the one that was completed first is the first', async () => {
	const f = await field();
	await worker.stop();
	const ids = [];
	for (let i = 0; i < 4; i++)
		ids.push(await send(f, { why: LONG }));
	worker = await new Worker(server).start();
	for (const id of ids.slice(1))
		await flagged(f, id, ['duplicate_text']);
	assert.deepEqual(await flagsOf(f, ids[0]), []);
});

test('what is personal has no print, and none is clear', async () => {
	const f = await field();
	const a = await send(f, { address: LONG }), b = await send(f, { address: LONG });
	await send(f, { why: LONG });
	await looked(f);
	assert.deepEqual([await flagsOf(f, a), await flagsOf(f, b)], [[], []]);
	const all = await prints(f);
	assert.deepEqual(all.map(([kind, , chars]) => [kind, Number(chars)]), [['text', LONG.length]]);
	assert.match(all[0][1], /^[0-9a-f]{64}$/);
});

test('where all answers are sealed texts are compared as well', async () => {
	const f = await field();
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, expect(await server.api.get('/api/v1/sealing'), 200).body.version), 200);
	await sleep(3100); // servers may go by the old rule for three seconds
	const first = await send(f, { why: LONG }), second = await send(f, { why: LONG });
	await flagged(f, second, ['duplicate_text']);
	assert.deepEqual(await flagsOf(f, first), []);
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: false }, expect(await server.api.get('/api/v1/sealing'), 200).body.version), 200);
	await sleep(3100);
});

test('tests, deleted and rejected ones neither count nor are flagged', async () => {
	const f = await field(), link = expect(await server.api.post(`${f.path}/links`, { kind: 'test' }), 201).body;
	const tried = { ...f, slug: link.slug };
	await send(tried, { why: LONG });
	const tests = [await send(tried, { why: LONG })];
	assert.deepEqual(await prints(f), []);
	const gone = await send(f, { why: LONG }), refused = await send(f, { why: LONG });
	await flagged(f, refused, ['duplicate_text']);
	expect(await server.api.delete(`${f.responses}/${gone}`, (await read(f, gone)).version), 204);
	expect(await server.api.post(`${f.responses}/${refused}/reject`, { reason: 'Copied' }), 200);
	const next = await send(f, { why: LONG });
	await looked(f);
	assert.deepEqual(await flagsOf(f, next), []);
	assert.deepEqual(await flagsOf(f, tests[0]), []);
	await flagged(f, await send(f, { why: LONG }), ['duplicate_text']);
});

test('edited: what is written now counts', async () => {
	const f = await field();
	const first = await send(f, { why: LONG }), other = await send(f, { why: 'Something else' });
	await looked(f);
	const patch = (id, answers, version) => server.api.patch(`${f.responses}/${id}`, { answers }, version);
	expect(await patch(other, { why: LONG }, 1), 200);
	await flagged(f, other, ['duplicate_text']);
	expect(await patch(other, { why: 'Mine' }, (await read(f, other)).version), 200);
	await flagged(f, other, []);
	expect(await patch(first, { why: 'Mine, too' }, 1), 200);
	assert.deepEqual(await prints(f), []);
});

test('a survey says from how many signs on, and whether at all', async () => {
	const f = await field();
	const text = 'twenty signs at least';
	await send(f, { why: text });
	assert.deepEqual(await prints(f), [], 'too short: it has no print');
	const sent = async () => prints(f, `kind = 'text' and response_id = '${await send(f, { why: `${text} ${n}` })}'`);
	await change(f, { duplicate_chars: 20 });
	await until('the setting to hold', async () => (await sent()).length === 1);
	await send(f, { why: text });
	const second = await send(f, { why: text });
	await flagged(f, second, ['duplicate_text']);
	await change(f, { duplicate_chars: 0 });
	await until('the setting to hold', async () => (await sent()).length === 0);
	const third = await send(f, { why: text });
	assert.deepEqual(await prints(f, `response_id in ('${third}', '${await send(f, { why: LONG })}')`), [], 'nor have those that nobody asks for');
	expect(await server.api.patch(`${f.responses}/${third}`, { answers: { why: LONG } }, (await read(f, third)).version), 200);
	assert.deepEqual(await prints(f, `response_id = '${third}'`), [], 'nor after a change');
	await looked(f);
	assert.deepEqual(await flagsOf(f, third), []);
	const now = expect(await server.api.get(f.path), 200).body;
	assert.deepEqual([now.duplicate_chars, now.device_answers, now.panelist_answers], [0, null, null]);
	for (const wrong of [{ duplicate_chars: 19 }, { duplicate_chars: 10001 }, { device_answers: -1 }, { device_answers: 1001 }, { panelist_answers: 1001 }])
		expect(await server.api.patch(f.path, wrong, now.version), 422);
});

test('a device: by a cookie where the survey asks for it, and by what a program calls it', async () => {
	const f = await field({ device_answers: 2 });
	await until('the setting to hold', async () => (await onPages(f)).set !== null);
	const mine = (await onPages(f)).cookie;
	assert.match(mine, /^collect_same=[0-9a-f-]{36}$/);
	const ids = [(await newest(f)).id];
	for (let i = 0; i < 2; i++) {
		await onPages(f, mine);
		ids.push((await newest(f)).id);
	}
	await flagged(f, ids[2], ['duplicate_device']);
	await onPages(f);
	const stranger = (await newest(f)).id;
	const named = [];
	for (let i = 0; i < 3; i++)
		named.push(await send(f, {}, { device_id: 'tablet-7' }));
	await flagged(f, named[2], ['duplicate_device']);
	const begun = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false, device_id: 'tablet-7' }), 201).body;
	expect(await server.anyone.post(`/api/public/v1/links/${f.slug}/responses/${begun.id}/complete`, { answers: { why: 'last' } }, { headers: { Authorization: `Bearer ${begun.token}` } }), 200);
	await flagged(f, begun.id, ['duplicate_device']);
	await looked(f);
	for (const id of [ids[0], ids[1], stranger, named[0], named[1]])
		assert.deepEqual(await flagsOf(f, id), [], id);
	assert.ok((await prints(f, "kind = 'device'")).every(([, print]) => !print.includes('tablet')));
});

test('devices are not told apart unless the survey says so', async () => {
	const f = await field();
	assert.equal((await page(f)).set, null);
	assert.equal((await onPages(f)).set, null);
	await send(f, {}, { device_id: 'tablet-7' });
	assert.deepEqual(await prints(f), []);
	const g = await field({ device_answers: 1 }), link = expect(await server.api.post(`${g.path}/links`, { kind: 'test' }), 201).body;
	await until('the setting to hold', async () => (await onPages(g)).set !== null);
	assert.equal((await onPages({ ...g, slug: link.slug })).set, null, 'nor at tests');
});

test('a panelist: one answer by whatever panel link of the survey', async () => {
	const f = await field({}, { kind: 'panel', panel: { panelist: 'rid' } });
	const more = expect(await server.api.post(`${f.path}/links`, { kind: 'panel', panel: { panelist: 'rid' } }), 201).body;
	const first = await send(f, {}, { parameters: { rid: 'P-1' } });
	await looked(f);
	const second = await send({ ...f, slug: more.slug }, {}, { parameters: { rid: 'P-1' } });
	const other = await send({ ...f, slug: more.slug }, {}, { parameters: { rid: 'P-2' } });
	await flagged(f, second, ['duplicate_panelist']);
	await looked(f);
	assert.deepEqual([await flagsOf(f, first), await flagsOf(f, other)], [[], []]);
	await change(f, { panelist_answers: 0 });
	const third = await send(f, {}, { parameters: { rid: 'P-2' } });
	await looked(f);
	assert.deepEqual(await flagsOf(f, third), []);
});

test('in the list, by filter and order, counted, and in the CSV', async () => {
	const f = await field();
	const ids = [];
	for (let i = 0; i < 5; i++) {
		ids.push(await send(f, { why: LONG }));
		await looked(f);
	}
	for (const id of ids.slice(1))
		await flagged(f, id, ['duplicate_text']);
	for (const sort of ['created_at', '-created_at', 'completed_at', '-completed_at']) {
		const got = [];
		let cursor;
		do {
			const { items, next, total } = expect(await server.api.get(f.responses, { query: { flag: 'duplicate_text,honeypot', sort, limit: 2, count: true, ...(cursor ? { cursor } : {}) } }), 200).body;
			assert.equal(total, 4);
			got.push(...items.map((i) => i.id));
			cursor = next;
		} while (cursor);
		assert.deepEqual(got, sort.startsWith('-') ? ids.slice(1).reverse() : ids.slice(1), sort);
	}
	assert.equal(expect(await server.api.get(f.responses, { query: { count: true } }), 200).body.total, 5);
	const csv = await (await fetch(`${server.url}${f.responses}.csv`, { headers: { Authorization: `Bearer ${server.api.token}` } })).text();
	const [head, ...lines] = csv.trim().split('\r\n').map((line) => line.split(','));
	const at = head.indexOf('flags');
	assert.deepEqual(lines.map((line) => line[at]), ['', ...Array(4).fill('duplicate_text')]);
});

test('prints go with the answer', async () => {
	const f = await field({ device_answers: 1 });
	await until('the setting to hold', async () => {
		await send(f, {}, { device_id: 'd' });
		return (await prints(f)).length > 0;
	});
	const id = await send(f, { why: LONG }, { device_id: 'd' });
	assert.equal((await prints(f, `response_id = '${id}'`)).length, 2);
	await psql(server.database.name, `delete from collect.responses where id = '${id}'`);
	assert.equal((await prints(f, `response_id = '${id}'`)).length, 0);
});
