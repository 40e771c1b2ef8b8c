// What stands in a rotation's way: a transaction that hangs with a seal in it, answers that do not open, answers that stay in clear. And where a key is not to be found.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
let worker, made;
const query = (sql) => rows(server.database.name, sql);
const bound = (sql) => query(`select set_config('app.current_tenant_id', '${server.tenant.id}', false) \\g /dev/null\n${sql}`);
/** As the superuser, past triggers. */
const past = (sql) => bound(`set session_replication_role = replica; ${sql}`);
const form = () => definition('Held', [{ name: 'all', questions: [{ type: 'text', name: 'mail', title: 'E-mail', input: 'email', pii: true }, { type: 'text', name: 'why', title: 'Why?' }] }]);
const answer = async (i) => expect(await submit(server.anyone, made.slug, { answers: { mail: `p${i}@example.com`, why: `why ${i}` } }), 201).body.id;
const newest = async () => Number((await query(`select max(key_version) from data_keys where purpose = 'pii' and tenant_id = '${server.tenant.id}'`))[0][0]);
const rotate = (...more) => server.collect('keys', 'rotate', '--tenant', 'acme', ...more);
const sealing = async (on) => expect(await server.api.patch('/api/v1/sealing', { seal_answers: on }, expect(await server.api.get('/api/v1/sealing'), 200).body.version), 200).body.job_id;
const asleep = (s) => until('the hold', async () => (await query(`select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(${s})%' and wait_event = 'PgSleep'`)).length === 1);

before(async () => {
	worker = await new Worker(server, {}).start();
	made = await publish(server.api, form());
	made.ids = [];
	for (let i = 0; i < 3; i++)
		made.ids.push(await answer(i));
});
after(() => worker?.stop());

test('a transaction that hangs with a seal: the rotation gives up and says so, and answers are stored meanwhile', async () => {
	const hold = (s) => psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; begin;
		update responses set consents = consents where id = '${made.ids[0]}'; select pg_sleep(${s}); rollback`);
	const long = hold(8);
	await asleep(8);
	let going = true, stored = 0, slowest = 0;
	const load = (async () => {
		while (going) {
			const from = Date.now();
			await answer(stored++ + 10);
			slowest = Math.max(slowest, Date.now() - from);
		}
	})();
	const refused = await rotate('--no-wait');
	going = false;
	await load;
	assert.deepEqual([refused.code, await newest()], [1, 1], refused.stderr);
	assert.match(refused.stderr, /"acme".*pg_stat_activity/s);
	assert.ok(stored > 5 && slowest < 3000, `${stored} answers, the slowest ${slowest} ms`);
	await long;
	// one that ends in time is waited for
	const short = hold(1.5);
	await asleep(1.5);
	const done = await rotate();
	assert.deepEqual([done.code, await newest()], [0, 2], done.stderr);
	await short;
});

test('answers that do not open are named by the command that met them', async () => {
	const [broken, , whole] = made.ids;
	await bound(`update responses a set sealed = b.sealed from responses b where a.id = '${broken}' and b.id = '${whole}'`);
	const got = await rotate();
	assert.equal(got.code, 1);
	assert.match(got.stderr, /1 answers do not open.*ids stand above/s);
	assert.ok(got.stdout.includes(`do not open (survey/response):\n${made.survey.id}/${broken}\n`), got.stdout);
	assert.ok(!got.stdout.includes(whole));
	assert.deepEqual(await query(`select result -> 'unreadable_responses' from job_records where type = 'responses.reseal' order by created_at desc limit 1`), [[`["${made.survey.id}/${broken}"]`]]);
	await bound(`delete from responses where id = '${broken}'`);
	assert.equal((await rotate()).code, 0);
});

test('an answer that came in clear behind the job\'s mark is sealed by a second pass', async () => {
	const [, , last] = made.ids, count = async (what) => Number((await query(`select count(*) from responses where tenant_id = '${server.tenant.id}' and ${what}`))[0][0]);
	await past(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, created_at)
		select tenant_id, survey_id, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, link_id, 1, 'completed', 'en', '{"why": "made"}', now()
		from responses, generate_series(100, 239) n where id = '${last}'`);
	const holder = psql(server.database.name, `set search_path = collect; begin; select id from responses where id = '${last}' for update; select pg_sleep(4); rollback`);
	await asleep(4);
	const job = await sealing(true);
	await until('the first batch', async () => await count('answers_sealed is not null') >= 100);
	await past(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, created_at)
		select tenant_id, survey_id, '00000000-0000-7000-8000-000000000001', link_id, 1, 'completed', 'en', '{"why": "late"}', now() from responses where id = '${last}'`);
	await holder;
	assert.equal((await untilJob(server.api, job, ended, 60)).status, 'succeeded');
	assert.equal(await count("answers <> '{}' or answers_sealed is null"), 0);
	const off = await sealing(false);
	assert.equal((await untilJob(server.api, off, ended, 60)).status, 'succeeded');
	assert.equal(await count("answers = '{}' or answers_sealed is not null"), 0);
});

test('an answer that stays in clear: the job fails and says so', async () => {
	await query(`create function keep_it() returns trigger language plpgsql as $$ begin return old; end $$;
		create trigger a_keep_it before update on responses for each row when (new.id = '00000000-0000-7000-8000-000000000001') execute function keep_it()`);
	const job = await sealing(true);
	const why = async () => (await query(`select error_message, status from job_records where id = '${job}'`))[0];
	await until('the job to fail', async () => /answers are left that are not sealed/.test((await why())[0]), 60);
	assert.notEqual((await why())[1], 'succeeded');
	await query(`drop trigger a_keep_it on responses; drop function keep_it(); update jobs set due_at = now() where id = '${job}'`);
	assert.equal((await untilJob(server.api, job, ended, 60)).status, 'succeeded');
});

test('a key-encryption key from the environment is not left there', async () => {
	for (const { pid } of [server.child, worker.child]) {
		const text = readFileSync(`/proc/${pid}/environ`, 'latin1');
		assert.ok(text.includes('COLLECT_KEY=') && !text.includes(server.key), 'the environment of the process');
	}
	// nor does a reload miss it
	server.child.kill('SIGHUP');
	await answer(99);
	assert.ok(!readFileSync(server.logFile, 'utf8').includes('next start only'));
});
