// Exports of many answers, one of them cut off: every answer stands in the file, once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql } from '../harness/database.mjs';
import { EXPORTS, visit, withPrivacy } from '../harness/privacy.mjs';
import { until } from '../harness/run.mjs';
import { publish } from '../harness/surveys.mjs';
import { ended, untilJob } from '../harness/worker.mjs';

const it = withPrivacy();
const { server, query, run, answer } = it;

test('more than a thousand answers, by a worker that is killed in the middle and one that goes on', async () => {
	const s = await publish(server.api, visit());
	const id = await answer(s, { remark: 'mai.many@example.com' });
	await run(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, created_at)
		select tenant_id, survey_id, gen_random_uuid(), link_id, 1, 'completed', 'en', case when n % 3 = 0 then '{"remark": "not me"}' else answers end, now()
		from responses, generate_series(1, 1800) n where id = '${id}'`);
	const mine = (await query(`select id from responses where survey_id = '${s.survey.id}' and answers ->> 'remark' = 'mai.many@example.com' order by 1`)).map(([r]) => r);
	assert.equal(mine.length, 1201);
	// somebody holds the last one
	const holder = psql(server.database.name, `set search_path = collect; begin; select id from responses where id = '${mine.at(-1)}' for update; select pg_sleep(4); rollback`);
	await until('the lock', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(4)%' and wait_event = 'PgSleep'")).length === 1);
	const { id: job } = expect(await server.api.post(EXPORTS, { email: 'mai.many@example.com' }), 202).body;
	const pieces = async () => Number((await query('select count(*) from privacy_parts'))[0][0]);
	await until('it to be in the middle', async () => await pieces() > 0);
	await it.worker.kill();
	const then = await pieces();
	assert.ok(then > 0 && then < mine.length, `${then} pieces`);
	await holder;
	await run('update jobs set due_at = now() where claim is not null'); // the lease is over
	await it.start();
	const end = await untilJob(server.api, job, ended, 120);
	assert.deepEqual([end.status, end.attempts, end.result.responses], ['succeeded', 2, 1201]);
	const file = expect(await server.api.get(`${end.result.export}/file`), 200).body;
	assert.deepEqual(file.responses.map((r) => r.response_id).sort(), mine);
});
