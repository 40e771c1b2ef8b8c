// Whoever changes many answers at once (jobs: what was left, bulk actions, retention) locks quota cells as the respondents' writers do: all in one order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const choice = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
const cities = () => definition('Cities', [{ name: 'p1', questions: [choice('city', ['a', 'b'])] }, { name: 'p2', questions: [choice('sex', ['f', 'm'])] }],
	{ quotas: [{ name: 'city', cells: ['a', 'b'].map((c) => ({ name: c, when: `{city} = '${c}'`, limit: 50 })) }] });
const sql = (text) => rows(server.database.name, text);

test('who changes many at once locks cells in the order of all others', async () => {
	const f = await publish(server.api, cities());
	const begun = [];
	for (const city of ['b', 'a', 'b', 'a']) {
		const i = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body;
		expect(await server.anyone.patch(`/api/public/v1/links/${f.slug}/responses/${i.id}`, { answers: { city } }, undefined, { token: i.token }), 200);
		begun.push(i);
	}
	const done = [];
	for (const city of ['b', 'a', 'b'])
		done.push(expect(await submit(server.anyone, f.slug, { answers: { city, sex: 'f' } }), 201).body);
	const within = (text, user) => psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; ${text}`, { user });
	const ids = (of) => `('${of.map((i) => i.id).join("', '")}')`;
	const cell = (name) => `select from quota_cells where survey_id = '${f.survey.id}' and cell = '${name}' for update`;
	for (const [what, cells] of [
		[`update responses set status = 'partial' where id in ${ids(begun.slice(0, 2))}`, [['a', '1', '1'], ['b', '2', '1']]],
		[`delete from responses where id in ${ids(begun.slice(2))}`, [['a', '1', '0'], ['b', '2', '0']]],
		[`update responses set deleted_at = now() where id in ${ids(done)}`, [['a', '0', '0'], ['b', '0', '0']]],
		[`update responses set deleted_at = null where id in ${ids(done)}`, [['a', '1', '0'], ['b', '2', '0']]],
	]) {
		const held = within(`begin; ${cell('a')}; select pg_sleep(60); commit`);
		await until('the lock', async () => (await sql("select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")).length);
		const job = within(what, 'collect_worker');
		await until('its turn', async () => (await sql("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")).length);
		const free = await within(`begin; ${cell('b')} nowait; commit`);
		await sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'");
		await held;
		for (const r of [await job, free])
			assert.equal(r.code, 0, `${what}: ${r.stderr}`);
		assert.deepEqual(await sql(`select cell, used, leased from quota_cells where survey_id = '${f.survey.id}' and quota = 'city' order by 1`), cells, what);
	}
});
