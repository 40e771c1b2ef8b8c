// Places that are kept open for interviews under way: from the page on that decides the cell, until the interview ends or its lease runs out. Two servers.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const choice = (name, values, more = {}) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })), ...more });
/** City first, then two pages more; cells of the cities, and all together. */
const cities = (limit, { lease = 600, ...more } = {}) => definition('Cities', [
	{ name: 'p1', questions: [choice('city', ['a', 'b', 'none'])] }, { name: 'p2', questions: [choice('sex', ['f', 'm'])] }, { name: 'p3', questions: [choice('fit', ['yes', 'no'])] },
], { rules: [{ when: "{fit} = 'no'", do: 'end', outcome: 'screened_out' }], outcomes: { screened_out: {} },
	quotas: [{ name: 'city', lease_seconds: lease, cells: ['a', 'b'].map((c) => ({ name: c, when: `{city} = '${c}'`, limit })) },
		{ name: 'all', lease_seconds: lease, cells: [{ name: 'all', when: "{city} <> 'none'", limit: 1000 }] }], ...more });

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
const begin = async (f, answers = {}) => ({ slug: f.slug, ...expect(await submit(one(), f.slug, { answers, complete: false }), 201).body });
const path = (i) => `/api/public/v1/links/${i.slug}/responses/${i.id}`;
const save = (i, answers, more = {}) => one().patch(path(i), { answers, ...more }, undefined, { token: i.token });
const complete = (i, answers = {}) => one().post(`${path(i)}/complete`, { answers }, { token: i.token });
const REST = { sex: 'f', fit: 'yes' };
const sql = (text) => rows(server.database.name, text);

/** Cells as the console shows them: {"city/a": [limit, completed, reserved]}; and what the tables say must be so. */
async function cells(f) {
	const held = await sql(`select q.quota || '/' || q.cell, q.used, q.leased,
			(select count(*) from responses r where r.survey_id = q.survey_id and r.deleted_at is null and r.status = 'completed' and r.quota_cells @> jsonb_build_array(jsonb_build_object('quota', q.quota, 'cell', q.cell))),
			(select count(*) from responses r where r.survey_id = q.survey_id and r.deleted_at is null and r.status in ('started', 'in_progress') and r.lease_until is not null
				and r.quota_cells @> jsonb_build_array(jsonb_build_object('quota', q.quota, 'cell', q.cell)))
		from quota_cells q where q.survey_id = '${f.survey.id}' and q.quota !~ '^@' order by 1`);
	for (const [cell, used, leased, completed, live] of held)
		assert.deepEqual([used, leased], [completed, live], `${cell}: taken and kept, by counts and by rows`);
	assert.deepEqual(await sql(`select id from responses where survey_id = '${f.survey.id}' and lease_until is not null and (quota_cells is null or status not in ('started', 'in_progress'))`), []);
	const shown = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/quotas`), 200).body.cells;
	return Object.fromEntries(shown.map((c) => [`${c.quota}/${c.cell}`, [c.limit, c.completed, c.reserved]]));
}

test('kept from the page that decides the cell, taken at the end, given back by a screen-out', async () => {
	const f = await publish(server.api, cities(1));
	const i = await begin(f);
	assert.deepEqual(await cells(f), { 'city/a': [1, 0, 0], 'city/b': [1, 0, 0], 'all/all': [1000, 0, 0] });
	expect(await save(i, { city: 'a' }), 200);
	assert.deepEqual(await cells(f), { 'city/a': [1, 0, 1], 'city/b': [1, 0, 0], 'all/all': [1000, 0, 1] });
	const late = await begin(f), turned = expect(await save(late, { city: 'a' }), 200).body;
	assert.deepEqual([turned.status, turned.page], ['quota_full', null], 'the last place is kept for another');
	assert.equal(expect(await submit(anyone, f.slug, { answers: { city: 'a', ...REST } }), 201).body.status, 'quota_full', 'whole answers get no kept place either');
	expect(await save(i, { sex: 'f' }), 200);
	assert.equal(expect(await save(i, { sex: 'm' }, { page: 1 }), 200).body.status, 'in_progress', 'its own place does not turn it away');
	assert.equal(expect(await complete(i, { fit: 'yes' }), 200).body.status, 'completed');
	assert.deepEqual(await cells(f), { 'city/a': [1, 1, 0], 'city/b': [1, 0, 0], 'all/all': [1000, 1, 0] });
	const j = await begin(f);
	expect(await save(j, { city: 'b' }), 200);
	expect(await save(j, { sex: 'f' }), 200);
	assert.equal(expect(await save(j, { fit: 'no' }), 200).body.status, 'screened_out');
	assert.deepEqual((await cells(f))['city/b'], [1, 0, 0]);
	assert.equal(expect(await submit(anyone, f.slug, { answers: { city: 'b', ...REST } }), 201).body.status, 'completed');
	assert.deepEqual(await cells(f), { 'city/a': [1, 1, 0], 'city/b': [1, 1, 0], 'all/all': [1000, 2, 0] });
});

test('who goes back keeps his place; who answers otherwise changes it', async () => {
	const f = await publish(server.api, cities(1));
	const i = await begin(f, { city: 'a' });
	expect(await save(i, {}), 200);
	expect(await save(i, { sex: 'f' }), 200);
	expect(await save(i, { city: 'b' }, { page: 0 }), 200);
	assert.deepEqual(await cells(f), { 'city/a': [1, 0, 0], 'city/b': [1, 0, 1], 'all/all': [1000, 0, 1] });
	const two = definition('Two', [{ name: 'p1', questions: [choice('sex', ['f', 'm'])] }, { name: 'p2', questions: [choice('city', ['a', 'b'])] },
		{ name: 'p3', questions: [{ type: 'text', name: 'why', title: 'Why' }] }],
	{ quotas: [{ name: 'both', cells: [{ name: 'fa', when: "{sex} = 'f' and {city} = 'a'", limit: 1 }] }] });
	const g = await publish(server.api, two), j = await begin(g);
	expect(await save(j, { sex: 'f' }), 200);
	expect(await save(j, { city: 'a' }), 200);
	expect(await save(j, { sex: 'f' }, { page: 0 }), 200);
	assert.deepEqual(await cells(g), { 'both/fa': [1, 0, 1] }, 'before the page that decides it');
	expect(await save(j, { city: 'a' }), 200);
	assert.equal(expect(await complete(j), 200).body.status, 'completed');
	assert.deepEqual(await cells(g), { 'both/fa': [1, 1, 0] });
});

test('a lease that ran out: its place goes to who comes, and it may take one again while there is one', async () => {
	const f = await publish(server.api, cities(1, { lease: 4 }));
	const i = await begin(f), j = await begin(f);
	expect(await save(i, { city: 'a' }), 200);
	expect(await save(j, { city: 'b' }), 200);
	await sleep(4200);
	assert.deepEqual(await sql(`select cell, leased from quota_cells where survey_id = '${f.survey.id}' and quota = 'city' order by 1`), [['a', '1'], ['b', '1']], 'nobody has looked yet');
	assert.deepEqual((await cells(f))['city/a'], [1, 0, 0], 'and it is not shown as kept');
	assert.equal(expect(await submit(anyone, f.slug, { answers: { city: 'a', ...REST } }), 201).body.status, 'completed');
	assert.deepEqual((await cells(f))['city/a'], [1, 1, 0]);
	const { status, page } = expect(await save(i, { sex: 'f' }), 200).body;
	assert.deepEqual([status, page], ['quota_full', null]);
	assert.deepEqual(JSON.parse((await sql(`select answers from responses where id = '${i.id}'`))[0][0]), { city: 'a' }, 'what was answered up to there is kept');
	expect(await save(j, { sex: 'f' }), 200);
	assert.deepEqual((await cells(f))['city/b'], [1, 0, 1], 'nobody wanted it');
	assert.equal(expect(await complete(j, { fit: 'yes' }), 200).body.status, 'completed');
	// as pages go by HTML
	const g = await publish(server.api, cities(1, { lease: 1 }));
	const html = async (fields) => {
		const text = await (await fetch(`${server.url}/s/${g.slug}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {})).text();
		return { text, state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
	};
	const first = await html({ state: (await html()).state, 'q-city': 'a' });
	assert.match(first.text, /q-sex/);
	assert.doesNotMatch((await html({ state: (await html()).state, 'q-city': 'a' })).text, /q-sex/, 'kept');
	await sleep(1200);
	assert.match((await html({ state: (await html()).state, 'q-city': 'a' })).text, /q-sex/, 'free again');
	assert.doesNotMatch((await html({ state: first.state, 'q-sex': 'f' })).text, /q-fit/, 'another one has it now');
	await cells(g);
});

test('each page is another lease', async () => {
	const f = await publish(server.api, cities(1, { lease: 2 }));
	const i = await begin(f, { city: 'a' });
	for (let n = 0; n < 4; n++) {
		expect(await save(i, {}, { page: 0 }), 200);
		await sleep(800);
	}
	assert.equal(expect(await submit(anyone, f.slug, { answers: { city: 'a', ...REST } }), 201).body.status, 'quota_full');
	assert.equal(expect(await complete(i, REST), 200).body.status, 'completed');
});

test('lease_seconds 0 keeps nothing; tests keep nothing', async () => {
	const f = await publish(server.api, cities(1, { lease: 0 }));
	const i = await begin(f, { city: 'a' }), j = await begin(f, { city: 'a' });
	for (const x of [i, j])
		expect(await save(x, {}), 200);
	assert.deepEqual((await cells(f))['city/a'], [1, 0, 0]);
	const ends = await Promise.all([complete(i, REST), complete(j, REST)]);
	assert.deepEqual(ends.map((r) => expect(r, 200).body.status).sort(), ['completed', 'quota_full']);
	const g = await publish(server.api, cities(1));
	const { slug } = expect(await server.api.post(`/api/v1/surveys/${g.survey.id}/links`, { kind: 'test' }), 201).body;
	const k = await begin({ slug }, { city: 'a' });
	expect(await save(k, {}), 200);
	assert.deepEqual((await cells(g))['city/a'], [1, 0, 0]);
});

test('races for the last places by pages and whole answers, on two servers: as many as there are', async () => {
	const LIMIT = 12, f = await publish(server.api, cities(LIMIT));
	const ended = [];
	await Promise.all(Array.from({ length: 60 }, async (_, n) => {
		const city = n % 2 ? 'a' : 'b';
		if (n % 3 === 0)
			return ended.push(expect(await submit(one(), f.slug, { answers: { city, ...REST } }, { headers: { 'Idempotency-Key': randomUUID() } }), 201).body);
		const i = await begin(f);
		const first = expect(await save(i, { city }), 200).body;
		if (first.status !== 'in_progress')
			return ended.push(first);
		await sleep(Math.random() * 50);
		return ended.push(expect(await (n % 5 === 0 ? save(i, { sex: 'f', fit: 'no' }, { page: 2 }) : complete(i, REST)), 200).body);
	}));
	const count = (status) => ended.filter((r) => r.status === status).length;
	assert.equal(count('completed') + count('quota_full') + count('screened_out'), 60);
	const now = await cells(f);
	assert.equal(now['city/a'][1] + now['city/b'][1], count('completed'));
	for (const c of ['city/a', 'city/b'])
		assert.ok(now[c][1] <= LIMIT && now[c][2] === 0, JSON.stringify(now));
	// what was given back is there for others
	for (const city of ['a', 'b'])
		while (expect(await submit(one(), f.slug, { answers: { city, ...REST } }), 201).body.status === 'completed');
	assert.deepEqual(await cells(f), { 'city/a': [LIMIT, LIMIT, 0], 'city/b': [LIMIT, LIMIT, 0], 'all/all': [1000, 2 * LIMIT, 0] });
});

test('many kept at once for the last place: one is, and it is still his after a restart', async () => {
	const f = await publish(server.api, cities(1));
	const all = await Promise.all(Array.from({ length: 12 }, () => begin(f)));
	const replies = await Promise.all(all.map(async (i) => ({ i, status: expect(await save(i, { city: 'a' }), 200).body.status })));
	const winners = replies.filter((r) => r.status === 'in_progress');
	assert.deepEqual([winners.length, replies.filter((r) => r.status === 'quota_full').length], [1, 11]);
	assert.deepEqual((await cells(f))['city/a'], [1, 0, 1]);
	other.child.kill('SIGKILL');
	await other.gone;
	await other.start();
	elsewhere.close();
	elsewhere = new Client(other.port, { contract: server.api.contract });
	assert.equal(expect(await submit(elsewhere, f.slug, { answers: { city: 'a', ...REST } }), 201).body.status, 'quota_full');
	assert.equal(expect(await complete(winners[0].i, REST), 200).body.status, 'completed');
	assert.deepEqual((await cells(f))['city/a'], [1, 1, 0]);
});

test('limits changed in the field: at once, nothing is lost, further ones are refused', async () => {
	const f = await publish(server.api, cities(2)), quotas = `/api/v1/surveys/${f.survey.id}/quotas`;
	const set = (limit, client = server.api) => client.request('PUT', quotas, { body: { quota: 'city', cell: 'a', limit } });
	const wish = async () => expect(await submit(one(), f.slug, { answers: { city: 'a', ...REST } }), 201).body.status;
	const [i, j] = [await begin(f, { city: 'a' }), await begin(f, { city: 'a' })];
	for (const x of [i, j])
		expect(await save(x, {}), 200);
	assert.equal(await wish(), 'quota_full');
	expect(await set(4), 200);
	assert.deepEqual([await wish(), await wish(), await wish()], ['completed', 'completed', 'quota_full']);
	const lower = expect(await set(1), 200).body.cells[0];
	assert.deepEqual(lower, { quota: 'city', cell: 'a', limit: 1, published_limit: 2, completed: 2, reserved: 2 });
	assert.equal(await wish(), 'quota_full');
	assert.equal(expect(await complete(i, REST), 200).body.status, 'completed', 'what was kept is kept');
	expect(await save(j, { sex: 'f' }), 200);
	assert.equal(await wish(), 'quota_full');
	assert.deepEqual(await cells(f), { 'city/a': [1, 3, 1], 'city/b': [2, 0, 0], 'all/all': [1000, 3, 1] });
	expect(await save(j, { fit: 'no' }), 200);
	assert.equal(await wish(), 'quota_full', 'there are more than there should be');
	const one3 = (await sql(`select id, version from responses where survey_id = '${f.survey.id}' and status = 'completed' limit 1`))[0];
	expect(await set(3), 200);
	assert.equal(await wish(), 'quota_full');
	expect(await server.api.delete(`/api/v1/surveys/${f.survey.id}/responses/${one3[0]}`, Number(one3[1])), 204);
	assert.deepEqual([await wish(), await wish()], ['completed', 'quota_full']);
	expect(await set(null), 200);
	assert.deepEqual((await cells(f))['city/a'], [2, 3, 0]);
	const told = await sql(`select data->>'before', data->>'after' from events where aggregate_id = '${f.survey.id}' and type = 'quota_limit_set' order by xid, id`);
	assert.deepEqual(told, [['', '4'], ['4', '1'], ['1', '3'], ['3', '']]);
	expect(await set(-1), 422);
	expect(await server.api.request('PUT', quotas, { body: { quota: 'city', cell: 'nowhere', limit: 1 } }), 422);
	expect(await server.api.request('PUT', quotas, { body: { quota: 'city', cell: 'a' } }), 422);
});

test('an order by what is filled least counts what is kept', async () => {
	const survey = cities(10);
	survey.survey.pages[0].questions[0].order = 'least_filled';
	const f = await publish(server.api, survey);
	const first = async () => {
		const html = await (await fetch(`${server.url}/s/${f.slug}`)).text();
		return ['a', 'b'].map((value) => [html.indexOf(`name="q-city" value="${value}"`), value]).sort((x, y) => x[0] - y[0])[0][1];
	};
	for (let n = 0; n < 6; n++) {
		const i = await begin(f), city = await first();
		expect(await save(i, { city }), 200);
		const { [`city/${city}`]: [, , mine], [`city/${city === 'a' ? 'b' : 'a'}`]: [, , others] } = await cells(f);
		assert.ok(Math.abs(mine - others) <= 1, `${mine} and ${others}`);
	}
});

test('whoever ends an interview gives its places back; the worker takes back what ran out', async () => {
	const f = await publish(server.api, cities(5));
	const [i, j, k, l] = [await begin(f, { city: 'a' }), await begin(f, { city: 'a' }), await begin(f, { city: 'a' }), await begin(f, { city: 'b' })];
	for (const x of [i, j, k, l])
		expect(await save(x, {}), 200);
	assert.deepEqual((await cells(f))['city/a'], [5, 0, 3]);
	const kept = `/api/v1/surveys/${f.survey.id}/responses/${i.id}`;
	const { version } = expect(await server.api.get(kept), 200).body;
	expect(await server.api.delete(kept, version), 204);
	assert.deepEqual((await cells(f))['city/a'], [5, 0, 2]);
	expect(await server.api.post(`${kept}/restore`, {}), 200);
	assert.deepEqual((await cells(f))['city/a'], [5, 0, 2], 'it keeps nothing until it goes on');
	const as = async (user, text) => {
		const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; ${text}`, { user });
		assert.equal(got.code, 0, got.stderr);
	};
	await as('collect_worker', `update responses set status = 'partial' where id = '${j.id}'`);
	assert.deepEqual((await cells(f))['city/a'], [5, 0, 1]);
	await as('collect_worker', `delete from responses where id = '${k.id}'`);
	assert.deepEqual(await cells(f), { 'city/a': [5, 0, 0], 'city/b': [5, 0, 1], 'all/all': [1000, 0, 1] });
});
