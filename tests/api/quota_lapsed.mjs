// Leases that ran out: those on one cell never hide those on another, a page looks for them once, and ending one is no change of the interview.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const choice = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
const NAMES = Array.from({ length: 30 }, (_, k) => `c${k}`);
const cities = (limits) => definition('Cities', [{ name: 'p1', questions: [choice('city', [...NAMES, 'none'])] }, { name: 'p2', questions: [choice('sex', ['f', 'm'])] }],
	{ quotas: [{ name: 'city', cells: NAMES.map((c) => ({ name: c, when: `{city} = '${c}'`, limit: limits })) }] });
const path = (i) => `/api/public/v1/links/${i.slug}/responses/${i.id}`;
const save = (i, answers) => server.anyone.patch(path(i), { answers }, undefined, { token: i.token });
const within = async (text, user) => {
	const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; ${text}`, { user });
	assert.equal(got.code, 0, got.stderr);
	return got.stdout;
};
async function kept(f, city) {
	const i = { slug: f.slug, ...expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }), 201).body };
	expect(await save(i, { city }), 200);
	return i;
}
/** n interviews more like this one, by turns in these cells, whose ids come before all others; the cells count them. */
const more = (f, i, n, names) => within(`create temp table t as select r.* from responses r, generate_series(1, ${n}) where r.id = '${i.id}';
	with x as (select ctid, row_number() over () as k from t) update t set id = ('00000000-0000-4000-8000-' || lpad(x.k::text, 12, '0'))::uuid, idempotency_key = gen_random_uuid()::text,
		quota_cells = jsonb_build_array(jsonb_build_object('quota', 'city', 'cell', (array['${names.join("','")}'])[1 + x.k % ${names.length}], 'lim', 2000)) from x where x.ctid = t.ctid;
	insert into responses select * from t;
	insert into quota_cells as q (tenant_id, survey_id, quota, cell, lim, leased) select tenant_id, survey_id, 'city', quota_cells -> 0 ->> 'cell', 1, count(*) from t group by 1, 2, 4
	on conflict (tenant_id, survey_id, quota, cell) do update set leased = q.leased + excluded.leased`);

test('thousands that ran out on one cell: the one on another cell is ended for who wants its place', async () => {
	const f = await publish(server.api, cities(1));
	const [i, j] = [await kept(f, 'c0'), await kept(f, 'c1')];
	await more(f, i, 1200, ['c0']);
	await within(`update responses set lease_until = now() - interval '1 second' where survey_id = '${f.survey.id}' and id <> '${i.id}'`);
	assert.equal(expect(await submit(server.anyone, f.slug, { answers: { city: 'c1', sex: 'f' } }), 201).body.status, 'completed');
	assert.deepEqual(await rows(server.database.name, `select cell, used, leased from quota_cells where survey_id = '${f.survey.id}' and quota = 'city' order by 1`),
		[['c0', '0', '1201'], ['c1', '1', '0']], 'nothing else is touched');
	assert.equal(expect(await save(j, { sex: 'f' }), 200).body.status, 'quota_full');
});

test('many full cells with many leases are looked through once', async () => {
	const f = await publish(server.api, cities(1)), LEASES = 600;
	const i = await kept(f, 'c0');
	await more(f, i, LEASES, NAMES);
	await within('analyze responses');
	const text = /-- name: quota_cells_used\n-- role: public\n([\s\S]*?)\n\n/.exec(await readFile(new URL('../../src/fieldwork/quota.sql', import.meta.url), 'utf8'))[1];
	const plan = JSON.parse(await within(`explain (analyze, format json) ${text.replaceAll('$1', `'${f.survey.id}'`).replaceAll('$2', 'null')}`, 'collect_public'));
	let looked = 0;
	(function walk(node) {
		if (/^responses/.test(node['Relation Name'] ?? ''))
			looked += node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0));
		(node.Plans ?? []).forEach(walk);
	})(plan[0].Plan);
	// a plan may take them up a few times; once for each full cell would be NAMES.length times
	assert.ok(looked <= 5 * LEASES, `${looked} rows looked at`);
});

test('a lease that ends is no change of the interview: who saves what he read is let through', async () => {
	const f = await publish(server.api, cities(5)), i = await kept(f, 'c0');
	const of = async () => (await rows(server.database.name, `select version, quota_cells is null, lease_until is null from responses where id = '${i.id}'`))[0];
	const [version] = await of();
	const sweep = `update responses set quota_cells = null, lease_until = null`;
	await within(`${sweep} where id = '${i.id}'`, 'collect_worker');
	assert.deepEqual(await of(), [version, 't', 't']);
	expect(await save(i, { sex: 'f' }), 200);
	const [next] = await of();
	assert.notEqual(next, version, 'a page is a change');
	await within(`update responses set lease_until = now(), quota_cells = '[]' where id = '${i.id}'`);
	const [set] = await of();
	await within(`${sweep}, language = 'vi' where id = '${i.id}'`);
	assert.equal(Number((await of())[0]), Number(set) + 1, 'whatever else changes counts');
});
