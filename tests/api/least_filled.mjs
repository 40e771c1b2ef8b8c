// Which records interviews are asked about by order: least_filled is drawn as the page before is saved, under the locks of the cells it is drawn by. Two servers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
/** Brands that one knows, some of them asked about on the next page; cells of those that are asked about. */
const brands = (values, { max = 1, limit = 1000, lease = 600 } = {}) => definition('Brands', [
	{ name: 'p1', questions: [{ type: 'multi', name: 'known', title: 'Known', required: true, choices: values.map((value) => ({ value, label: value })) }] },
	{ name: 'p2', questions: [{ type: 'roster', name: 'brand', title: 'Brand', over: '{known}', order: 'least_filled', max, questions: [{ type: 'text', name: 'why', title: 'Why', required: true }] }] },
	{ name: 'p3', questions: [{ type: 'text', name: 'end', title: 'End' }] },
], { quotas: [{ name: 'asked', lease_seconds: lease, cells: values.map((v) => ({ name: v, when: `{brand[]._item} contains '${v}'`, limit })) }] });

let other, anyone, elsewhere;
before(async () => {
	other = await server.twin();
	anyone = server.api.as(null);
	elsewhere = new Client(other.port, { contract: server.api.contract });
});
after(async () => {
	elsewhere.close();
	await other.end();
});

const turn = { n: 0 };
const one = () => (turn.n++ % 2 ? elsewhere : anyone);
const begin = async (f, client = one()) => ({ slug: f.slug, ...expect(await submit(client, f.slug, { answers: {}, complete: false }), 201).body });
const path = (i) => `/api/public/v1/links/${i.slug}/responses/${i.id}`;
const save = (i, answers, more = {}, client = one()) => client.patch(path(i), { answers, ...more }, undefined, { token: i.token });
const complete = (i, answers = {}, client = one()) => client.post(`${path(i)}/complete`, { answers }, { token: i.token });
const about = (values) => values.map((_item) => ({ _item, why: 'x' }));
const sql = (text) => rows(server.database.name, text);
const spread = (counts) => Math.max(...counts) - Math.min(...counts);

/** {v: [taken, kept]}; what the cells say must be what the rows say. */
async function asked(f) {
	const held = await sql(`select q.cell, q.used, q.leased, count(r.id) filter (where r.status = 'completed'), count(r.id) filter (where r.status in ('started', 'in_progress') and r.lease_until is not null)
		from quota_cells q left join responses r on r.survey_id = q.survey_id and r.deleted_at is null and r.quota_cells @> jsonb_build_array(jsonb_build_object('quota', q.quota, 'cell', q.cell))
		where q.survey_id = '${f.survey.id}' and q.quota !~ '^@' group by q.quota, q.cell, q.used, q.leased order by q.quota, q.cell`);
	for (const [cell, used, leased, completed, live] of held)
		assert.deepEqual([used, leased], [completed, live], `${cell}: taken and kept, by counts and by rows`);
	return Object.fromEntries(held.map(([cell, used, leased]) => [cell, [Number(used), Number(leased)]]));
}

/** `n` of them, 32 at once. */
async function crowd(n, each) {
	let next = 0;
	await Promise.all(Array.from({ length: 32 }, async () => {
		while (next < n)
			await each(next++);
	}));
}

for (const [values, max] of [[['a', 'b', 'c'], 1], [['a', 'b', 'c', 'd', 'e', 'f'], 2]])
	test(`300 interviews by 32 at once on ${values.length} records, ${max} of them for each: they differ by at most one`, async () => {
		const f = await publish(server.api, brands(values, { max })), all = [];
		await crowd(300, async () => {
			const i = await begin(f), reply = expect(await save(i, { known: values }), 200).body;
			assert.deepEqual([reply.page, reply.drawn.brand.length], [1, max]);
			all.push({ ...i, drawn: reply.drawn.brand });
		});
		const kept = await asked(f);
		assert.equal(Object.values(kept).reduce((sum, [used, leased]) => sum + used + leased, 0), 300 * max);
		assert.ok(spread(Object.values(kept).map(([, leased]) => leased)) <= 1, JSON.stringify(kept));
		for (const v of values)
			assert.equal(all.filter((i) => i.drawn.includes(v)).length, kept[v][1], v);
		await crowd(300, async (n) => {
			assert.equal(expect(await complete(all[n], { brand: about(values) }), 200).body.status, 'completed');
		});
		assert.deepEqual(await asked(f), Object.fromEntries(values.map((v) => [v, [kept[v][1], 0]])), 'what was kept is taken');
		for (const i of all.slice(0, 20)) {
			const [[answers]] = await sql(`select answers from responses where id = '${i.id}'`);
			assert.deepEqual(JSON.parse(answers).brand.map((r) => r._item), i.drawn);
		}
	});

test('completed without a page in between: drawn under the lock as well, and what else was sent is left out', async () => {
	const values = ['a', 'b', 'c', 'd'], f = await publish(server.api, brands(values));
	await crowd(100, async () => {
		const i = await begin(f), end = await complete(i, { known: values, brand: about(values) });
		assert.equal(expect(end, 200).body.status, 'completed');
		const [[answers]] = await sql(`select answers from responses where id = '${i.id}'`);
		assert.equal(JSON.parse(answers).brand.length, 1);
	});
	const now = await asked(f);
	assert.deepEqual(Object.values(now), [[25, 0], [25, 0], [25, 0], [25, 0]]);
	// what is asked for is that of the record that was drawn, and it stays drawn
	const i = await begin(f), bad = expect(await complete(i, { known: values }), 422).body;
	const { drawn } = expect(await one().get(path(i), { token: i.token }), 200).body;
	assert.match(JSON.stringify(bad.errors), new RegExp('brand'));
	expect(await complete(i, { known: values }), 422);
	assert.equal(expect(await complete(i, { brand: about(values) }), 200).body.status, 'completed');
	assert.equal((await asked(f))[drawn.brand[0]][0], 26);
	// a page that skips the roster draws first, too
	const j = await begin(f);
	expect(await save(j, { known: values }, { page: 1 }), 422);
	const read = expect(await one().get(path(j), { token: j.token }), 200).body;
	assert.deepEqual([read.page, read.drawn.brand.length], [1, 1]);
	assert.equal(expect(await save(j, { brand: about(values) }, { page: 2 }), 200).body.page, null);
	assert.equal(expect(await complete(j), 200).body.status, 'completed');
});

test('kill -9 of one server in the middle: counts are those of the rows, and even out once the leases are over', async () => {
	const values = ['a', 'b', 'c'], f = await publish(server.api, brands(values, { lease: 3 }));
	let unknown = 0, done = 0;
	await crowd(200, async (n) => {
		if (n === 80) {
			other.child.kill('SIGKILL');
			await other.gone;
		}
		try {
			const client = n < 80 ? one() : n % 8 ? anyone : one(), i = await begin(f, client);
			if ((await save(i, { known: values }, {}, client)).status === 200)
				done++;
		} catch {
			unknown++;
		}
	});
	assert.ok(unknown > 0 && done > 100, `${unknown} without a reply`);
	await other.start();
	elsewhere.close();
	elsewhere = new Client(other.port, { contract: server.api.contract });
	const kept = await asked(f);
	assert.ok(spread(Object.values(kept).map(([used, leased]) => used + leased)) <= 1, JSON.stringify(kept));
	await sleep(3200);
	const all = [];
	await crowd(30, async () => {
		const i = await begin(f);
		expect(await save(i, { known: values }), 200);
		all.push(i);
	});
	const now = await asked(f);
	assert.deepEqual(Object.values(now), [[0, 10], [0, 10], [0, 10]], 'what ran out counts no more');
	for (const i of all)
		assert.equal(expect(await complete(i, { brand: about(values) }), 200).body.status, 'completed');
	assert.deepEqual(Object.values(await asked(f)), [[10, 0], [10, 0], [10, 0]]);
});

test('another device sees the same record, the engine gives the same answers; who goes back gets another one only where he must', async () => {
	const values = ['a', 'b', 'c'], document = brands(values), f = await publish(server.api, document);
	const { Compiler, Engine, wasm } = await import('../harness/engine.mjs');
	const survey = (await Engine.load(wasm.session)).open((await Compiler.load(wasm.compiler)).compile(document).program);
	const i = await begin(f, anyone), first = expect(await save(i, { known: values }, {}, anyone), 200).body.drawn;
	for (let n = 0; n < 7; n++)
		expect(await save(await begin(f), { known: values }), 200);
	assert.deepEqual(expect(await elsewhere.get(path(i), { token: i.token }), 200).body.drawn, first);
	assert.deepEqual(expect(await save(i, { known: values }, { page: 0 }, elsewhere), 200).body.drawn, first, 'once');
	const html = await (await fetch(`${server.url}/s/${f.slug}?resume=${i.token}`)).text();
	assert.match(html, new RegExp(`name="q-brand-${first.brand[0]}-why"`));
	const before = await asked(f), without = values.filter((v) => v !== first.brand[0]);
	const second = expect(await save(i, { known: without }, { page: 0 }), 200).body.drawn;
	assert.deepEqual([second.brand.length, second.brand[0]], [2, first.brand[0]]);
	const now = await asked(f);
	assert.equal(now[first.brand[0]][1], before[first.brand[0]][1] - 1, 'given back');
	assert.equal(now[second.brand[1]][1], before[second.brand[1]][1] + 1);
	assert.deepEqual(expect(await save(i, { known: values }, { page: 0 }), 200).body.drawn, second);
	assert.equal((await asked(f))[first.brand[0]][1], before[first.brand[0]][1], 'the first one again');
	assert.equal(expect(await complete(i, { brand: about(values), end: 'x' }), 200).body.status, 'completed');
	const [[answers, seed, at]] = await sql(`select answers, seed, (extract(epoch from started_at) * 1000)::bigint from responses where id = '${i.id}'`);
	const again = survey.interview({ seed: BigInt.asUintN(64, BigInt(seed)), now: Number(at), answers: { known: values, brand: about(values), end: 'x' }, drawn: second });
	assert.deepEqual(again.run().answers, JSON.parse(answers));
	const session = survey.session({ seed: BigInt.asUintN(64, BigInt(seed)), now: Number(at), answers: { known: values, brand: about(values), end: 'x' }, drawn: second });
	assert.deepEqual(survey.resume(session.write()).hash(), session.hash());
});

/** A page of the survey, its state and the record that it asks about. */
async function html(f, base, fields) {
	const text = await (await fetch(`${base}/s/${f.slug}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {})).text();
	return { text, state: /name="state" value="([^"]*)"/.exec(text)?.[1], record: /name="q-brand-(.)-why"/.exec(text)?.[1] };
}
const knows = (page, values) => [['state', page.state], ...values.map((v) => ['q-known', v])];

test('page by page in HTML: an older page sent again shows the record that was drawn', async () => {
	const values = ['a', 'b', 'c'], f = await publish(server.api, brands(values)), seen = [];
	for (let n = 0; n < 6; n++) {
		const known = knows(await html(f, server.url), values);
		const [x, y] = await Promise.all([html(f, server.url, known), html(f, other.url, known)]);
		const { record } = await html(f, server.url, known);
		assert.deepEqual([x.record, y.record], [record, record]);
		seen.push(record);
		await html(f, server.url, [['state', y.state], [`q-brand-${record}-why`, 'x']]);
	}
	assert.deepEqual(values.map((v) => seen.filter((s) => s === v).length), [2, 2, 2]);
	assert.deepEqual(Object.values(await asked(f)), [[0, 2], [0, 2], [0, 2]]);
});

test('a draw that was undone was none: the page that is shown again is drawn for as if it had never been sent', async () => {
	const values = ['a', 'b', 'c'], f = await publish(server.api, brands(values)), shown = [];
	await sql(`create function collect.test_refuse() returns trigger language plpgsql as $$ begin
		if new.survey_id = '${f.survey.id}' then raise exception 'full' using errcode = '53100'; end if; return new; end $$`);
	await sql('create trigger test_refuse before insert or update on collect.responses for each row execute function collect.test_refuse()');
	try {
		for (let n = 0; n < 9; n++) {
			const again = await html(f, server.url, knows(await html(f, server.url), values));
			assert.equal(again.record, undefined);
			assert.match(again.text, /name="q-known"/);
			assert.doesNotMatch(again.text, /value="back"/, 'there is no page before the first');
			shown.push(again);
		}
	} finally {
		await sql('drop function collect.test_refuse cascade');
	}
	for (const page of shown)
		assert.ok(values.includes((await html(f, server.url, knows(page, values))).record));
	assert.deepEqual(Object.values(await asked(f)), [[0, 3], [0, 3], [0, 3]]);
});

test('two pages of one interview, in different tabs: what was asked about in one of them is not lost by the other', async () => {
	const values = ['a', 'b', 'c'], survey = brands(values), { pages, quotas } = survey.survey;
	pages.splice(2, 0, { name: 'then', questions: [{ ...pages[1].questions[0], name: 'then', title: 'Then' }] });
	quotas.push({ name: 'then', lease_seconds: 600, cells: values.map((v) => ({ name: v, when: `{then[]._item} contains '${v}'`, limit: 1000 })) });
	// many cells that the one is not in as long as it said x
	quotas.push({ name: 'silent', lease_seconds: 600, cells: Array.from({ length: 60 }, (_, n) => ({ name: `n${n}`, when: "not ({brand[].why} contains 'x')", limit: 1000 })) });
	const f = await publish(server.api, survey), first = await html(f, server.url);
	const one = await html(f, server.url, knows(first, values));
	const mine = one.record, other = values.find((v) => v !== mine);
	await html(f, server.url, knows(first, [other]));
	const two = await html(f, server.url, [['state', one.state], [`q-brand-${mine}-why`, 'x']]);
	assert.match(two.text, /name="q-then-.-why"/, 'the page after it');
	const [[answers]] = await sql(`select answers from responses where survey_id = '${f.survey.id}'`);
	assert.deepEqual(JSON.parse(answers).brand?.find((r) => r._item === mine), { _item: mine, why: 'x' });
	await asked(f);
});

test('who finds all records full ends there; the last places are drawn once', async () => {
	const values = ['a', 'b'], f = await publish(server.api, brands(values, { limit: 3 })), ends = [];
	await crowd(20, async () => {
		const reply = expect(await save(await begin(f), { known: values }), 200).body;
		ends.push(reply.status);
	});
	assert.deepEqual([ends.filter((s) => s === 'in_progress').length, ends.filter((s) => s === 'quota_full').length], [6, 14]);
	assert.deepEqual(Object.values(await asked(f)), [[0, 3], [0, 3]]);
});

test('what was drawn elsewhere stays: whole answers, and answers that are edited', async () => {
	const values = ['a', 'b', 'c'], f = await publish(server.api, brands(values));
	for (let n = 0; n < 4; n++) {
		const sent = { known: values, brand: [{ _item: 'c', why: 'x' }] };
		const r = expect(await submit(one(), f.slug, { answers: sent }), 201).body;
		assert.equal(r.status, 'completed');
		const url = `/api/v1/surveys/${f.survey.id}/responses/${r.id}`, [[version]] = await sql(`select version from responses where id = '${r.id}'`);
		expect(await server.api.patch(url, { answers: { end: 'edited' } }, Number(version)), 200);
		assert.deepEqual(JSON.parse((await sql(`select answers from responses where id = '${r.id}'`))[0][0]), { ...sent, end: 'edited' });
	}
	assert.deepEqual((await asked(f)).c, [4, 0]);
	const late = expect(await save(await begin(f), { known: values }), 200).body.drawn.brand;
	assert.notDeepEqual(late, ['c']);
});
