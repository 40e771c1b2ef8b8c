// Retention: answers, their personal part and their paradata go when they reach the age that their survey says, and nothing else does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, round } from '../harness/worker.mjs';

const server = withServer();
const workers = [];
const start = async () => workers[workers.push(await new Worker(server).start()) - 1];
const stopAll = async () => { for (const w of workers.splice(0)) await w.stop(); };
after(stopAll);

const SETTINGS = '/api/v1/privacy/settings';
const survey = (s) => `/api/v1/surveys/${s.survey.id}`;
const query = (sql) => rows(server.database.name, sql);
const run = async (sql) => { const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}';\n${sql}`); assert.equal(got.code, 0, got.stderr); };
const change = async (s, retention, api = server.api) => {
	const { version } = expect(await server.api.get(survey(s)), 200).body;
	return api.patch(survey(s), { retention }, version);
};
const read = async (s) => expect(await server.api.get(survey(s), { query: { include: 'counts,retention' } }), 200).body;

const people = () => definition('People', [{ name: 'p', questions: [
	{ type: 'single', name: 'city', title: 'City', choices: [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }] },
	{ type: 'text', name: 'email', title: 'E-mail', input: 'email', pii: true },
	{ type: 'consent', name: 'agrees', title: 'Data', text: 'I agree.' },
] }], { quotas: [{ name: 'city', cells: [{ name: 'a', when: "{city} = 'a'", limit: 100 }] }] });

/** Answers of these ages in days; their ids. */
async function answered(s, ages) {
	const ids = [];
	for (const age of ages) {
		const sent = await submit(server.anyone, s.slug, { answers: { city: 'a', email: `p${age}@example.com`, agrees: true } }, { headers: { 'Idempotency-Key': `key-${age}` } });
		ids.push(expect(sent, 201).body.id);
		await run(`update responses set created_at = now() - interval '${age} days', started_at = now(), duration_ms = 1000 where id = '${ids.at(-1)}'`);
	}
	return ids;
}

const again = () => round(server, 'privacy.retention');

test('settings: what new surveys begin with; a survey keeps what it has', async () => {
	const none = { answers_days: null, personal_days: null, paradata_days: null };
	const old = await publish(server.api, people());
	const first = expect(await server.api.get(SETTINGS), 200);
	assert.deepEqual([first.body.purge_days, first.body.retention, first.headers.etag], [30, none, '"0"']);
	expect(await server.api.patch(SETTINGS, { retention: { answers_days: 0 } }, 0), 422);
	const set = expect(await server.api.patch(SETTINGS, { purge_days: 7, retention: { answers_days: 365, paradata_days: 30 } }, 0), 200);
	assert.deepEqual([set.body.purge_days, set.body.retention, set.body.version], [7, { ...none, answers_days: 365, paradata_days: 30 }, 1]);
	expect(await server.api.patch(SETTINGS, { purge_days: 8 }, 0), 412);
	const made = await publish(server.api, people());
	assert.deepEqual(expect(await server.api.get(survey(made)), 200).body.retention, { ...none, answers_days: 365, paradata_days: 30 });
	assert.deepEqual(expect(await server.api.get(survey(old)), 200).body.retention, none);
	const back = expect(await server.api.patch(SETTINGS, { purge_days: 30, retention: none }, 1), 200);
	assert.deepEqual([back.body.retention, back.body.version], [none, 2]);
	assert.deepEqual(expect(await server.api.get(survey(made)), 200).body.retention.answers_days, 365, 'a survey\'s own days do not follow');
	assert.deepEqual(await query("select type, sequence from events where aggregate_type = 'privacy_settings' and type = 'updated' order by sequence"), [['updated', '2']]);
});

test('days of a survey: set one by one, null keeps; only by who may delete surveys', async () => {
	const s = await publish(server.api, people());
	expect(await change(s, { answers_days: 30, personal_days: 10 }), 200);
	const two = expect(await change(s, { personal_days: null }), 200).body;
	assert.deepEqual(two.retention, { answers_days: 30, personal_days: null, paradata_days: null });
	assert.deepEqual(pointers(expect(await change(s, { answers_days: 36501 }), 422)), ['/retention/answers_days']);
	assert.deepEqual(pointers(expect(await change(s, { days: 1 }), 422)), ['/retention/days']);
	const key = expect(await server.api.post('/api/v1/api-keys', { name: 'w', permissions: ['surveys:read', 'surveys:write'] }), 201).body.key;
	expect(await change(s, { answers_days: 1 }, server.anyone.as(key)), 403);
});

test('each part goes at its age; counts and quota places stay', async () => {
	const s = await publish(server.api, people());
	const untouched = await publish(server.api, people());
	const [oldest, old, young, newest] = await answered(s, [40, 20, 10, 0]);
	const [kept] = await answered(untouched, [1000]);
	const before = (await query(`select r::text from responses r where survey_id = '${untouched.survey.id}'`))[0].join('|');
	await start();
	assert.equal((await again()).result.answers, 0); // the first worker's start was a round, too
	expect(await change(s, { answers_days: 30, personal_days: 15, paradata_days: 5 }), 200);
	const due = (await read(s)).retention;
	assert.ok(Date.parse(due.next_at) < Date.now() - 9 * 86400e3, due.next_at);
	const job = await again();
	assert.deepEqual([job.status, job.result], ['succeeded', { surveys: 1, answers: 1, personal: 1, paradata: 2 }]);

	const response = (id) => server.api.get(`${survey(s)}/responses/${id}`);
	expect(await response(oldest), 404);
	const stripped = expect(await response(old), 200).body;
	assert.deepEqual([stripped.has_personal, stripped.personal, stripped.started_at, stripped.duration_ms], [false, undefined, null, null]);
	assert.equal(stripped.answers.city, 'a');
	assert.equal(stripped.consents.agrees.text.endsWith('I agree.'), true, 'the proof of consent stays with the answer');
	const timeless = expect(await response(young), 200).body;
	assert.deepEqual([timeless.personal.email, timeless.started_at], ['p10@example.com', null]);
	const whole = expect(await response(newest), 200).body;
	assert.deepEqual([whole.personal.email, whole.duration_ms], ['p0@example.com', 1000]);

	const now = await read(s);
	assert.equal(now.counts.total, 3);
	assert.deepEqual([now.retention.answers_removed, now.retention.personal_removed, now.retention.paradata_removed], [1, 1, 2]);
	const days = (Date.parse(now.retention.next_at) - Date.now()) / 86400e3;
	assert.ok(days > 4.9 && days < 5.1, `the next is due in ${days} days: the newest one's paradata, the third one's personal part`);
	assert.deepEqual(await query(`select used from quota_cells where survey_id = '${s.survey.id}' and quota !~ '^@'`), [['4']]);
	assert.equal((await query(`select r::text from responses r where survey_id = '${untouched.survey.id}'`))[0].join('|'), before);
	assert.ok(kept);

	const events = await query(`select type, sequence, data ->> 'removed', data -> 'response_ids' from events where aggregate_type = 'survey_retention' and aggregate_id = '${s.survey.id}' order by sequence`);
	assert.deepEqual(events.map((e) => e.slice(0, 3)), [['answers_removed', '1', '1'], ['personal_removed', '2', '1'], ['paradata_removed', '3', '2']]);
	assert.deepEqual(JSON.parse(events[0][3]), [oldest]);
	assert.ok(!/example\.com|I agree/.test(JSON.stringify(events)));

	// once more: nothing is left to do, and nothing is told
	assert.deepEqual((await again()).result, { surveys: 0, answers: 0, personal: 0, paradata: 0 });
	await stopAll();
});

test('an answer without its personal part still answers to its key, with whatever payload', async () => {
	const s = await publish(server.api, people());
	const [id] = await answered(s, [20]);
	expect(await change(s, { personal_days: 15 }), 200);
	await start();
	await again();
	const second = expect(await submit(server.anyone, s.slug, { answers: { city: 'a', email: 'p20@example.com', agrees: true } }, { headers: { 'Idempotency-Key': 'key-20' } }), 201);
	assert.deepEqual([second.body.id, second.headers['idempotency-replayed']], [id, 'true']);
	await stopAll();
});

test('a worker killed in the middle: another one goes on, and nothing is counted twice', async () => {
	const s = await publish(server.api, people());
	const [id] = await answered(s, [50]);
	await run(`set app.current_tenant_id = '${server.tenant.id}'; insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, sealed, sealed_key_version, created_at)
		select tenant_id, survey_id, gen_random_uuid(), link_id, 1, 'completed', 'en', '{}', '\\x00', 1, created_at + n * interval '1 minute'
		from responses, generate_series(1, 699) n where id = '${id}'`);
	expect(await change(s, { answers_days: 30 }), 200);
	const first = await start();
	// somebody holds an answer of the third batch
	const [[victim]] = await query(`select id from responses where survey_id = '${s.survey.id}' order by created_at, id offset 450 limit 1`);
	const holder = psql(server.database.name, `set search_path = collect; begin; select id from responses where id = '${victim}' for update; select pg_sleep(4); rollback`);
	await until('the lock', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(4)%' and wait_event = 'PgSleep'")).length === 1);
	await run("update jobs set due_at = now() where type = 'privacy.retention' and tenant_id is null");
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	const left = async () => Number((await query(`select count(*) from responses where survey_id = '${s.survey.id}'`))[0][0]);
	await until('two batches', async () => await left() === 300);
	workers.pop();
	assert.equal(await first.kill(), 'SIGKILL');
	assert.equal(await left(), 300);
	await holder;
	await run("update jobs set due_at = now() where claim is not null"); // the lease is over
	await start();
	await until('the rest', async () => await left() === 0);
	await until('its end', async () => (await query("select 1 from jobs where type = 'privacy.retention' and tenant_id is not null")).length === 0);
	assert.equal((await read(s)).retention.answers_removed, 700);
	const [[told, ids]] = await query(`select sum((data ->> 'removed')::int), count(distinct x) from events, jsonb_array_elements(data -> 'response_ids') x
		where aggregate_type = 'survey_retention' and aggregate_id = '${s.survey.id}'`);
	assert.ok(Number(told) > 0);
	assert.equal(ids, '700');
	await stopAll();
});
