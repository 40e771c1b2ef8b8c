// Quotas: exactly as many completed interviews as a cell has room for, however many come at once; and rosters by the way in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { brandTracker, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const LIMIT = 50, WRITERS = 16;

const city = (limit, more = {}) => definition('Cities', [
	{ name: 'p1', questions: [{ type: 'single', name: 'city', title: 'City', required: true, choices: [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }] }] },
	{ name: 'p2', questions: [{ type: 'text', name: 'why', title: 'Why?' }] },
], { quotas: [{ name: 'city', cells: [{ name: 'a', when: "{city} = 'a'", limit }, { name: 'b', when: "{city} = 'b'", limit: 1000 }] },
	{ name: 'all', cells: [{ name: 'all', when: '{city} notempty', limit: 1000 }] }], ...more });
const cells = (id) => rows(server.database.name, `select quota || '/' || cell, used from quota_cells where survey_id = '${id}' and quota !~ '^@' order by 1`);

test('sixteen writers at once: exactly as many as there is room for', async () => {
	const f = await publish(server.api, city(LIMIT));
	const replies = [];
	const writer = async () => {
		for (let i = 0; i < 8; i++)
			replies.push(expect(await submit(server.anyone, f.slug, { answers: { city: 'a', why: 'x' } }), 201).body);
	};
	await Promise.all(Array.from({ length: WRITERS }, writer));
	const by = (status) => replies.filter((r) => r.status === status).length;
	assert.equal(by('completed'), LIMIT);
	assert.equal(by('quota_full'), WRITERS * 8 - LIMIT);
	const stored = await rows(server.database.name, `select status, count(*) from responses where survey_id = '${f.survey.id}' group by 1 order by 1`);
	assert.deepEqual(stored, [['completed', String(LIMIT)], ['quota_full', String(WRITERS * 8 - LIMIT)]]);
	assert.deepEqual(await cells(f.survey.id), [['all/all', String(LIMIT)], ['city/a', String(LIMIT)]], 'who was turned away took no place elsewhere');
	expect(await submit(server.anyone, f.slug, { answers: { city: 'b' } }), 201);
	assert.deepEqual((await cells(f.survey.id)).at(-1), ['city/b', '1'], 'another cell has room');
});

test('an answer sent again takes no second place, and one turned away stays so', async () => {
	const f = await publish(server.api, city(1));
	const send = (key) => submit(server.anyone, f.slug, { answers: { city: 'a' } }, { headers: { 'Idempotency-Key': key } });
	const first = expect(await send('one'), 201).body;
	assert.equal(first.status, 'completed');
	const again = expect(await send('one'), 201);
	assert.equal(again.headers['idempotency-replayed'], 'true');
	assert.equal(again.body.id, first.id);
	const late = expect(await send('two'), 201).body;
	assert.equal(late.status, 'quota_full');
	assert.equal(late.outcome, 'quota_full');
	const lateAgain = expect(await send('two'), 201);
	assert.equal(lateAgain.body.id, late.id);
	assert.equal(lateAgain.body.status, 'quota_full');
	assert.deepEqual(await cells(f.survey.id), [['all/all', '1'], ['city/a', '1']]);
});

test('a deleted response gives its places back', async () => {
	const f = await publish(server.api, city(1));
	const { id } = expect(await submit(server.anyone, f.slug, { answers: { city: 'a' } }), 201).body;
	await rows(server.database.name, `update responses set deleted_at = now() where survey_id = '${f.survey.id}' and id = '${id}'`);
	assert.deepEqual(await cells(f.survey.id), [['all/all', '0'], ['city/a', '0']]);
	assert.equal(expect(await submit(server.anyone, f.slug, { answers: { city: 'a' } }), 201).body.status, 'completed');
});

test('pages end the interview where a cell is full, and those who are past it when they send', async () => {
	const survey = city(1, { outcomes: { quota_full: { html: '<p>Enough of you</p>' } } });
	for (const quota of survey.survey.quotas)
		quota.lease_seconds = 0; // kept places: tests/api/quota_leases.mjs
	const f = await publish(server.api, survey);
	const page = async (fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
		const text = await reply.text();
		return { text, state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
	};
	const early = await page(), late = await page();
	const past = await page({ state: late.state, 'q-city': 'a' });
	assert.match(past.text, /q-why/);
	const done = await page({ state: (await page({ state: early.state, 'q-city': 'a' })).state, 'q-why': 'x' });
	assert.match(done.text, /Thank|saved/i);
	assert.match((await page({ state: past.state, 'q-why': 'y' })).text, /Enough of you/, 'the last place was taken meanwhile');
	assert.match((await page({ state: (await page()).state, 'q-city': 'a' })).text, /Enough of you/, 'at once, not at the end');
	assert.match((await page({ state: (await page()).state, 'q-city': 'b' })).text, /q-why/);
});

test('the brand tracker: its roster and its quotas', async () => {
	const f = await publish(server.api, brandTracker());
	const record = (item, liking) => ({ _item: item, liking, image: { quality: 5, value: 4, natural: 4, family: 3, modern: 2 }, intent: 4 });
	const answers = { age: 30, gender: 'f', city: 'danang', industry: ['none'], aware: ['nestle', 'anchor'], used_p3m: ['nestle', 'anchor'], bumo: 'nestle',
		brand: [record('anchor', 7), record('nestle', 9)], nps: 9, join_draw: false };
	const wrong = expect(await submit(server.anyone, f.slug, { answers, parameters: { pid: 'p1' } }), 422).body;
	assert.deepEqual(wrong.errors.map((e) => [e.pointer, e.code]), [['/answers/brand/1/liking', 'max']]);
	answers.brand[1].liking = 6;
	const { id } = expect(await submit(server.anyone, f.slug, { answers, parameters: { pid: 'p1' } }), 201).body;
	const stored = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${id}`), 200).body.answers.brand;
	assert.deepEqual(new Set(stored.map((r) => `${r._item} ${r.liking}`)), new Set(['anchor 7', 'nestle 6']));
	assert.deepEqual(await cells(f.survey.id), [['age_gender/f_25_34', '1'], ['city/danang', '1']]);
	const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text;
	const [head, line] = csv.trim().split(/\r?\n/).map((l) => l.split(','));
	const at = (name) => line[head.findIndex((h) => h.replace(/\W/g, '') === name)];
	assert.equal(at('brand_1'), stored[0]._item);
	assert.equal(at('brand_2_liking'), String(stored[1].liking));
	assert.equal(at('brand_1_image_quality'), '5');
	assert.equal(at('brand_3'), '');
});

test('what a quota has filled least comes first, however often the page is asked for', async () => {
	const survey = city(100);
	survey.survey.pages[0].questions[0].order = 'least_filled';
	const f = await publish(server.api, survey);
	expect(await submit(server.anyone, f.slug, { answers: { city: 'a' } }), 201);
	for (let i = 0; i < 4; i++) { // from the second on link and program are at hand
		const html = await (await fetch(`${server.url}/s/${f.slug}`)).text();
		const places = ['a', 'b'].map((value) => html.indexOf(`name="q-city" value="${value}"`));
		assert.ok(places.every((at) => at > 0), html);
		assert.ok(places[1] < places[0], `b has fewer, so it is shown first (round ${i + 1})`);
	}
});
