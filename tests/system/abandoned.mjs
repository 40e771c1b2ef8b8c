// Interviews that were left: after a week they are partial, once, whoever looks; places in quotas that were kept for them are given back before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, round } from '../harness/worker.mjs';

const server = withServer();
const workers = [];
after(async () => { for (const w of workers) await w.stop(); });

const run = async (sql) => { const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}';\n${sql}`); assert.equal(got.code, 0, got.stderr); };

const again = (type = 'interviews.abandon') => round(server, type);

test('left for a week: partial, with what was answered; its token opens it no more', async () => {
	const f = await publish(server.api, definition('Left', ['a', 'b'].map((name) => ({ name, questions: [{ type: 'text', name, title: name, required: true }] }))));
	const begun = async () => expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body;
	const path = (i) => `/api/public/v1/links/${f.slug}/responses/${i.id}`;
	const save = (i, answers) => server.anyone.patch(path(i), { answers }, undefined, { token: i.token });
	const [left, untouched, fresh] = [await begun(), await begun(), await begun()];
	for (const i of [left, fresh])
		expect(await save(i, { a: 'as far as here' }), 200);
	const done = expect(await submit(server.anyone, f.slug, { answers: { a: 'x', b: 'y' } }), 201).body;
	await run(`update responses set last_at = now() - interval '8 days' where id in ('${left.id}', '${untouched.id}', '${done.id}')`);
	workers.push(await new Worker(server).start());
	await again();
	const found = await rows(server.database.name, `select id, status, state is null, answers, completed_at is null from responses where survey_id = '${f.survey.id}' order by created_at`);
	assert.deepEqual(found, [[left.id, 'partial', 't', '{"a": "as far as here"}', 't'], [untouched.id, 'partial', 't', '{}', 't'],
		[fresh.id, 'in_progress', 'f', '{"a": "as far as here"}', 't'], [done.id, 'completed', 't', '{"a": "x", "b": "y"}', 'f']]);
	const told = async (id) => (await rows(server.database.name, `select type, actor_kind from events where aggregate_id = '${id}' and actor_kind <> 'operator' order by xid, id`)).map((r) => r.join(' ')); // who set the clock back above is the operator
	assert.deepEqual(await told(left.id), ['started respondent', 'in_progress respondent', 'partial job']);
	await again();
	assert.equal((await told(left.id)).length, 3, 'once');
	expect(await save(left, { b: 'late' }), 409, 'conflict');
	expect(await server.anyone.post(`${path(left)}/complete`, { answers: { b: 'late' } }, { token: left.token }), 409, 'conflict');
	assert.equal(expect(await server.anyone.get(path(left), { token: left.token }), 200).body.status, 'partial');
	expect(await save(fresh, { b: 'on' }), 200);
	const { counts } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`, { query: { include: 'counts' } }), 200).body;
	assert.deepEqual([counts.total, counts.completed, counts.in_progress, counts.partial], [4, 1, 1, 2]);
	const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text;
	assert.deepEqual([left, untouched, fresh, done].map((i) => csv.includes(i.id)), [true, true, false, true]);
	const partial = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { status: 'partial' } }), 200).body.items;
	assert.equal(partial.length, 2);
});

test('a survey says how long: shorter or longer than a week, for interviews under way too', async () => {
	const form = () => definition('Diary', ['a', 'b'].map((name) => ({ name, questions: [{ type: 'text', name, title: name, required: true }] })));
	const [short, long] = [await publish(server.api, form()), await publish(server.api, form())];
	const begun = async (f) => expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body;
	const save = (f, i, answers) => server.anyone.patch(`/api/public/v1/links/${f.slug}/responses/${i.id}`, { answers }, undefined, { token: i.token });
	const [quick, patient] = [await begun(short), await begun(long)];
	for (const [f, i] of [[short, quick], [long, patient]])
		expect(await save(f, i, { a: 'x' }), 200);
	const page = await (await fetch(`${server.url}/s/${short.slug}`)).text();
	const set = async (f, abandon_hours) => {
		const at = `/api/v1/surveys/${f.survey.id}`, { version } = expect(await server.api.get(at), 200).body;
		return server.api.patch(at, { abandon_hours }, version);
	};
	for (const no of [0, 2161, 'week', 1.5])
		expect(await set(short, no), 422);
	assert.equal(expect(await set(short, 2), 200).body.abandon_hours, 2);
	assert.equal(expect(await set(long, 240), 200).body.abandon_hours, 240);
	await run(`update responses set last_at = now() - interval '3 hours' where id = '${quick.id}'; update responses set last_at = now() - interval '8 days' where id = '${patient.id}'`);
	expect(await save(short, quick, { a: 'late' }), 409, 'conflict');
	await again();
	const status = async (i) => (await rows(server.database.name, `select status from responses where id = '${i.id}'`))[0][0];
	assert.deepEqual([await status(quick), await status(patient)], ['partial', 'in_progress']);
	expect(await save(long, patient, { b: 'on' }), 200);
	// the page that lies open is younger than that; null is a week again
	const state = /name="state" value="([^"]+)"/.exec(page)[1];
	assert.equal((await fetch(`${server.url}/s/${short.slug}`, { method: 'POST', body: new URLSearchParams({ state, 'q-a': 'x' }) })).status, 200);
	assert.equal(expect(await set(long, null), 200).body.abandon_hours, null);
	await run(`update responses set last_at = now() - interval '8 days' where id = '${patient.id}'`);
	expect(await save(long, patient, { b: 'late' }), 409, 'conflict');
	await again();
	assert.equal(await status(patient), 'partial');
});

test('places that were kept for interviews nobody goes on with are given back', async () => {
	const cells = ['a', 'b', 'c'].map((name) => ({ name, when: `{x} = '${name}'`, limit: 300 }));
	const f = await publish(server.api, definition('Kept', [{ name: 'p', questions: [{ type: 'text', name: 'x', title: 'X' }] }, { name: 'q', questions: [{ type: 'text', name: 'y', title: 'Y' }] }],
		{ quotas: [{ name: 'letters', cells }] }));
	const interviews = await Promise.all(Array.from({ length: 30 }, async (_, n) => {
		const i = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body;
		expect(await server.anyone.patch(`/api/public/v1/links/${f.slug}/responses/${i.id}`, { answers: { x: 'abc'[n % 3] } }, undefined, { token: i.token }), 200);
		return i.id;
	}));
	const leased = () => rows(server.database.name, `select cell, leased, (select count(*) from responses r where r.survey_id = q.survey_id and r.lease_until is not null
		and r.quota_cells @> jsonb_build_array(jsonb_build_object('cell', q.cell))) from quota_cells q where survey_id = '${f.survey.id}' and quota !~ '^@' order by 1`);
	assert.deepEqual(await leased(), [['a', '10', '10'], ['b', '10', '10'], ['c', '10', '10']]);
	await run(`update responses set lease_until = now() - interval '1 second' where id in ('${interviews.slice(0, 24).join("', '")}')`);
	if (workers.length === 0)
		workers.push(await new Worker(server).start());
	await again('quotas.lapse');
	assert.deepEqual(await leased(), [['a', '2', '2'], ['b', '2', '2'], ['c', '2', '2']]);
	await again('quotas.lapse');
	assert.deepEqual(await leased(), [['a', '2', '2'], ['b', '2', '2'], ['c', '2', '2']]);
	const { status } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${interviews[0]}`), 200).body;
	assert.equal(status, 'in_progress', 'it may still go on');
});
