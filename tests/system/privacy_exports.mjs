// A file with a person's data does not outlive that person's erasure, however the two were asked for and whichever came first.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql } from '../harness/database.mjs';
import { ERASURES, EXPORTS, visit, withPrivacy } from '../harness/privacy.mjs';
import { until } from '../harness/run.mjs';
import { publish } from '../harness/surveys.mjs';
import { ended, untilJob } from '../harness/worker.mjs';

const { server, query, run, erase, gather, answer } = withPrivacy();
const gone = async (job) => {
	expect(await server.api.get(`${job.result.export}/file`), 409);
	assert.deepEqual(await query(`select count(*) from privacy_parts where request_id = '${job.result.export.split('/').at(-1)}'`), [['0']]);
};

test('an erasure ends the files made by other handles of the same person, and no others', async () => {
	const EMAIL = 'four.4411@acme.example', PHONE = '0977 000 444';
	const [[hash]] = await query("select password_hash from users where email = 'ana@acme.example'");
	await run(`select provision_member('${server.tenant.id}', gen_random_uuid(), '${EMAIL}', 'Four', '${hash}', 'en', 'analyst')`);
	const [[user]] = await query(`select id from users where email = '${EMAIL}'`);
	const s = await publish(server.api, visit());
	const id = await answer(s, { email: EMAIL, phone: PHONE });
	await answer(s, { email: 'five@acme.example' });
	const files = [await gather({ user_id: user }), await gather({ phone: PHONE }), await gather({ survey_id: s.survey.id, response_id: id }), await gather({ email: EMAIL })];
	const theirs = await gather({ email: 'five@acme.example' });
	assert.deepEqual(files.map((f) => f.result.responses), [0, 1, 1, 1]);
	const { result } = await erase({ email: EMAIL });
	assert.deepEqual([result.responses, result.exports], [1, 4]);
	for (const file of files)
		await gone(file);
	expect(await server.api.get(`${theirs.result.export}/file`), 200);
	assert.deepEqual((await erase({ email: EMAIL })).result.exports, 0);
});

test('an erased part ends the file as well', async () => {
	const s = await publish(server.api, visit());
	await answer(s, { city: 'hn', email: 'six@acme.example', phone: '0977 000 666' });
	const file = await gather({ phone: '0977 000 666' });
	assert.equal((await erase({ email: 'six@acme.example', mode: 'personal' })).result.exports, 1);
	await gone(file);
});

test('an export under way while the person is erased ends without a file', async () => {
	const s = await publish(server.api, visit());
	await answer(s, { city: 'hn', email: 'race37@example.com', phone: '0977 000 037', remark: 'race words' });
	// the export has read the answer and waits to write its piece
	const holder = psql(server.database.name, 'set search_path = collect; begin; lock table privacy_parts in share row exclusive mode; select pg_sleep(3); commit');
	await until('the lock', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(3)%' and wait_event = 'PgSleep'")).length === 1);
	const gathering = expect(await server.api.post(EXPORTS, { phone: '0977 000 037' }), 202).body;
	await until('the export to wait', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%insert into privacy_parts%' and wait_event_type = 'Lock'")).length === 1);
	const erasing = expect(await server.api.post(ERASURES, { email: 'race37@example.com' }), 202).body;
	await holder;
	const exported = await untilJob(server.api, gathering.id, ended), erased = await untilJob(server.api, erasing.id, ended);
	assert.deepEqual([erased.status, erased.result.responses, erased.result.exports], ['succeeded', 1, 1]);
	if (exported.status === 'succeeded')
		await gone(exported);
	else
		assert.match(exported.error.message ?? exported.error, /erased meanwhile/);
	assert.deepEqual(await query('select count(*) from privacy_parts p join privacy_requests r on r.id = p.request_id where r.subject is null'), [['0']]);
});

test('the same key begins a job once, and what is kept of the request tells nobody whom it named', async () => {
	const body = { email: 'keyed@example.com' }, plain = (path, what) => createHash('sha256').update(`POST ${path}?\n${JSON.stringify(what)}`).digest('hex');
	const kept = async (key) => (await query(`select encode(payload_hash, 'hex'), body from idempotency where key = '${key}'`))[0];
	for (const path of [EXPORTS, ERASURES]) {
		const key = `once-${path}`, send = (what) => server.api.post(path, what, { headers: { 'Idempotency-Key': key } });
		const first = expect(await send(body), 202), again = expect(await send(body), 202);
		assert.deepEqual([again.headers['idempotency-replayed'], again.text, again.headers.location], ['true', first.text, first.headers.location]);
		expect(await send({ email: 'other@example.com' }), 422, 'idempotency-mismatch');
		const [hash, reply] = await kept(key);
		assert.notEqual(hash, plain(path, body));
		assert.ok(!reply.includes('example.com'));
		assert.equal((await query(`select 1 from privacy_requests where job_id = '${first.body.id}'`)).length, 1);
		await untilJob(server.api, first.body.id, ended);
	}
	// what an earlier release kept, of the key's day in which the upgrade came: the plain hash
	const early = (what) => server.api.post(EXPORTS, what, { headers: { 'Idempotency-Key': 'early' } }), begun = expect(await early(body), 202);
	await query(`update idempotency set payload_hash = '\\x${plain(EXPORTS, body)}' where key = 'early'`);
	const again = expect(await early(body), 202);
	assert.deepEqual([again.headers['idempotency-replayed'], again.body.id], ['true', begun.body.id], 'its first reply, and no second job');
	expect(await early({ email: 'other@example.com' }), 422, 'idempotency-mismatch');
	assert.equal((await query(`select 1 from privacy_requests where kind = 'export' and job_id in (select id from job_records where created_at >= '${begun.body.created_at}')`)).length, 1);
	await untilJob(server.api, begun.body.id, ended);
	const project = { name: 'Known' };
	expect(await server.api.post('/api/v1/projects', project, { headers: { 'Idempotency-Key': 'p' } }), 201);
	assert.equal((await kept('p'))[0], plain('/api/v1/projects', project), 'of what names nobody a plain one');
});
