// Answers that do not open any more, shredded or damaged, stand in nobody's way: neither of sealing, nor of what removes, lists and rotates.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { sleep, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
let worker;
const query = (sql) => rows(server.database.name, sql);
const bound = (tenant, sql) => query(`select set_config('app.current_tenant_id', '${tenant.id}', false) \\g /dev/null\n${sql}`);
const form = () => definition('Keys', [{ name: 'all', questions: [
	{ type: 'text', name: 'mail', title: 'E-mail', input: 'email', pii: true }, { type: 'text', name: 'why', title: 'Why?' },
	{ type: 'consent', name: 'agrees', title: 'Consent', text: 'I agree, {why}' }] }]);
const answer = async (made, i, options = {}) => expect(await submit(server.anyone, made.slug, { answers: { mail: `p${i}@example.com`, why: `canary-${i}`, agrees: true }, ...options }), 201).body.id;

/** A tenant of its own for each test, since each of them breaks something. */
async function tenant(slug) {
	const made = await server.addTenant(slug, `olga@${slug}.example`);
	return Object.assign(made, { slug, api: await server.login(made.email) });
}
async function furnish(t, count) {
	const made = await publish(t.api, form());
	made.ids = [];
	for (let i = 0; i < count; i++)
		made.ids.push(await answer(made, i));
	return made;
}
async function sealing(t, on) {
	const now = expect(await t.api.get('/api/v1/sealing'), 200).body;
	const { job_id } = expect(await t.api.patch('/api/v1/sealing', { seal_answers: on }, now.version), 200).body;
	return untilJob(t.api, job_id, ended, 60);
}
async function shred(t) {
	const got = await server.collect('keys', 'shred', '--tenant', t.slug, '--yes', t.slug);
	assert.equal(got.code, 0, got.stderr);
	await sleep(3200); // servers forget within three seconds
}
const one = (t, made, id) => t.api.get(`/api/v1/surveys/${made.survey.id}/responses/${id}`, { unchecked: true });

before(async () => {
	worker = await new Worker(server, {}).start();
});
after(() => worker?.stop());

test('all answers sealed after a shred: what is left in clear is sealed, the dead piece stays', async () => {
	const t = await tenant('after-shred'), made = await furnish(t, 2);
	await shred(t);
	const dead = await query(`select encode(sealed, 'hex'), sealed_key_version from responses where survey_id = '${made.survey.id}' order by id`);
	const job = await sealing(t, true);
	assert.deepEqual([job.status, job.result.resealed, job.result.unreadable], ['succeeded', 2, 0]);
	assert.deepEqual(await query(`select distinct answers, consents, answers_sealed is null from responses where survey_id = '${made.survey.id}'`), [['{}', '{}', 'f']]);
	assert.deepEqual(await query(`select encode(sealed, 'hex'), sealed_key_version from responses where survey_id = '${made.survey.id}' order by id`), dead);
	const got = expect(await one(t, made, made.ids[0]), 200).body;
	assert.deepEqual([got.answers.why, got.shredded, got.personal], ['canary-0', true, undefined]);
});

test('all answers sealed beside a damaged one: its readable piece is sealed all the same, and it is counted', async () => {
	const t = await tenant('damaged'), made = await furnish(t, 3);
	await bound(t, `update responses a set sealed = b.sealed from responses b where a.id = '${made.ids[0]}' and b.id = '${made.ids[1]}'`);
	assert.equal((await server.collect('keys', 'rotate', '--tenant', t.slug, '--no-reseal')).code, 0);
	const job = await sealing(t, true);
	assert.deepEqual([job.status, job.result.unreadable], ['succeeded', 1]);
	const rotated = await server.collect('keys', 'rotate', '--tenant', t.slug);
	assert.equal(rotated.code, 1);
	assert.match(rotated.stderr, /1 answers do not open/);
	// only what that one needs is kept
	assert.deepEqual(await query(`select purpose, key_version from data_keys where tenant_id = '${t.id}' and retired_at is not null and destroyed_at is null order by 1, 2`),
		[['index', '1'], ['pii', '1']]);
	assert.deepEqual(await query(`select count(*) from responses where survey_id = '${made.survey.id}' and (answers <> '{}' or consents <> '{}' or answers_sealed is null)`), [['0']]);
	assert.equal(expect(await one(t, made, made.ids[2]), 200).body.personal.mail, 'p2@example.com');
});

test('what is personal goes from answers that are sealed by another rule, or dead', async () => {
	const t = await tenant('removed'), made = await furnish(t, 1), by = (id) => `survey_id = '${made.survey.id}' and id = '${id}'`;
	assert.equal((await sealing(t, true)).status, 'succeeded');
	const [dead] = [await answer(made, 7)];
	await shred(t);
	const off = await sealing(t, false);
	assert.deepEqual([off.status, off.result.unreadable], ['succeeded', 0]);
	// its bytes are gone, and why there is nothing to read is still told
	assert.deepEqual(await query(`select answers_sealed is null, answers_key_version is null from responses where ${by(dead)}`), [['t', 'f']]);
	assert.deepEqual([expect(await one(t, made, dead), 200).body.shredded, (await one(t, made, dead)).body.answers], [true, {}]);
	const alive = await answer(made, 8);
	const erased = expect(await t.api.post('/api/v1/privacy/erasures', { survey_id: made.survey.id, response_id: dead, mode: 'personal' }), 202).body;
	assert.equal((await untilJob(t.api, erased.id, ended, 60)).status, 'succeeded');
	// while answers wait to be sealed by a new rule: the worker is away, so they do
	await worker.stop();
	const now = expect(await t.api.get('/api/v1/sealing'), 200).body;
	expect(await t.api.patch('/api/v1/sealing', { seal_answers: true }, now.version), 200);
	await bound(t, `update responses set sealed = null, sealed_key_version = null, answers = answers - 'why' where ${by(alive)}`);
	await assert.rejects(bound(t, `update responses set answers = '{"why": "again"}' where ${by(dead)}`), /out of date/);
	await assert.rejects(bound(t, `update responses set consents = '{"agrees": {}}' where ${by(dead)}`), /out of date/);
	worker = await new Worker(server, {}).start();
});

test('retention of one survey fails: the others are gone through, and the job says that it failed', async () => {
	const t = await tenant('aged'), surveys = [await furnish(t, 1), await furnish(t, 1)];
	for (const made of surveys) {
		const { version } = expect(await t.api.get(`/api/v1/surveys/${made.survey.id}`), 200).body;
		expect(await t.api.patch(`/api/v1/surveys/${made.survey.id}`, { retention: { personal_days: 10 } }, version), 200);
		await bound(t, `update responses set created_at = now() - interval '100 days' where survey_id = '${made.survey.id}'`);
	}
	const [first] = surveys.map((made) => made.survey.id).sort();
	await query(`create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken' using errcode = '23000'; end $$;
		create trigger broken before update on responses for each row when (new.survey_id = '${first}') execute function broken();
		update jobs set due_at = now() where type = 'privacy.retention' and tenant_id is null`);
	await until('the other survey to be done', async () => (await query(`select count(*) from responses where tenant_id = '${t.id}' and sealed is not null`))[0][0] === '1', 60);
	await until('the job to fail', async () => (await query(`select error_message from job_records where tenant_id = '${t.id}' and type = 'privacy.retention'`))
		.some(([why]) => /some surveys/.test(why)), 60);
	await query('drop trigger broken on responses; drop function broken()');
});

test('an erasure after a rotation is a change of the answer: its version and ETag say so', async () => {
	const t = await tenant('touched'), made = await furnish(t, 0);
	assert.equal((await sealing(t, true)).status, 'succeeded');
	const id = expect(await submit(server.anyone, made.slug, { answers: { why: 'find@example.com', agrees: true } }), 201).body.id;
	assert.equal((await server.collect('keys', 'rotate', '--tenant', t.slug, '--no-reseal')).code, 0);
	await sleep(3200);
	const was = expect(await one(t, made, id), 200);
	const erased = expect(await t.api.post('/api/v1/privacy/erasures', { email: 'find@example.com', mode: 'personal' }), 202).body;
	assert.equal((await untilJob(t.api, erased.id, ended, 60)).result.responses, 1);
	const now = expect(await one(t, made, id), 200);
	assert.deepEqual([was.body.version, now.body.version, now.body.answers.why], [1, 2, undefined]);
	assert.notEqual(was.headers.etag, now.headers.etag);
});

test('what was sent is known again after a rotation, and cannot be tried out without the tenant\'s key', async () => {
	const t = await tenant('replay'), made = await furnish(t, 0);
	const answers = { mail: 'p1@example.com', why: 'once', agrees: true }, text = '{"answers":{"agrees":true,"mail":"p1@example.com","why":"once"}}';
	const send = (changes = {}) => submit(server.anyone, made.slug, { answers: { ...answers, ...changes } }, { headers: { 'Idempotency-Key': 'one-and-only' } });
	const { id } = expect(await send(), 201).body;
	const kept = () => query(`select encode(payload_hash, 'hex'), payload_key_version from responses where id = '${id}'`);
	const [[hash, version]] = await kept();
	assert.match(hash, /^[0-9a-f]{64}$/);
	assert.equal(version, '1');
	assert.notEqual(hash, createHash('sha256').update(text).digest('hex'));
	assert.equal((await server.collect('keys', 'rotate', '--tenant', t.slug)).code, 0);
	assert.deepEqual(await kept(), [[hash, version]]);
	assert.equal(expect(await send(), 201).body.id, id);
	expect(await send({ why: 'otherwise' }), 422);
	// a plain hash of before is compared as it is, and goes when the answer is sealed
	await bound(t, `update responses set payload_hash = '\\x${createHash('sha256').update(text).digest('hex')}', payload_key_version = null where id = '${id}'`);
	assert.equal(expect(await send(), 201).body.id, id);
	expect(await send({ why: 'otherwise' }), 422);
	assert.equal((await sealing(t, true)).status, 'succeeded');
	assert.deepEqual(await kept(), [['', '']]);
	assert.equal(expect(await send(), 201).body.id, id);
	// the key goes with the others
	await shred(t);
	assert.deepEqual(await query(`select distinct destroyed_at is null from data_keys where tenant_id = '${t.id}' and purpose = 'replay'`), [['f']]);
	assert.equal(expect(await send({ why: 'otherwise' }), 201).body.id, id);
	assert.equal((await server.collect('keys', 'rotate', '--tenant', t.slug, '--purpose', 'replay')).code, 2);
});

test('a damaged answer takes no list and no file away', async () => {
	const t = await tenant('listed'), made = await furnish(t, 0), at = `/api/v1/surveys/${made.survey.id}/responses`;
	assert.equal((await sealing(t, true)).status, 'succeeded');
	for (let i = 0; i < 3; i++)
		made.ids.push(await answer(made, i));
	const [broken, mixed, whole] = made.ids;
	await bound(t, `update responses a set answers_sealed = b.answers_sealed from responses b where a.id = '${broken}' and b.id = '${whole}';
		update responses a set sealed = b.sealed from responses b where a.id = '${mixed}' and b.id = '${whole}'`);
	const { items } = expect(await t.api.get(at, { query: { sort: 'created_at' } }), 200).body;
	assert.deepEqual(items.map((r) => [r.id, r.unreadable, r.answers.why, r.shredded]),
		[[broken, true, undefined, false], [mixed, undefined, 'canary-1', false], [whole, undefined, 'canary-2', false]]);
	const lines = expect(await t.api.get(`${at}.csv`, { query: { personal: true } }), 200).text.trim().split('\r\n').slice(1);
	assert.deepEqual(lines.map((line) => [line.includes('canary-'), /p\d@example.com/.test(line)]), [[false, true], [true, false], [true, true]]);
	for (const id of [broken, mixed])
		assert.match(expect(await t.api.get(`${at}/${id}`), 409).body.detail ?? JSON.stringify((await t.api.get(`${at}/${id}`)).body), /damaged/);
	expect(await t.api.get(`${at}/${whole}`), 200);
	const log = readFileSync(server.logFile, 'utf8');
	assert.ok([broken, mixed].every((id) => log.split('\n').some((line) => line.includes('a sealed answer does not open') && line.includes(id))));
});

test('another job that seals answers anew: keys are rotated after it, or not and that is told', async () => {
	const t = await tenant('waiting');
	await furnish(t, 1);
	await worker.stop();
	const newest = async (purpose) => (await query(`select max(key_version) from data_keys where tenant_id = '${t.id}' and purpose = '${purpose}'`))[0][0];
	assert.equal((await server.collect('keys', 'reindex', '--tenant', t.slug, '--no-wait')).code, 0);
	const refused = await server.collect('keys', 'rotate', '--tenant', t.slug, '--no-wait');
	assert.deepEqual([refused.code, await newest('pii')], [3, '1']);
	assert.match(refused.stderr, /not every tenant/);
	assert.equal((await server.collect('keys', 'rotate', '--tenant', t.slug, '--purpose', 'secret', '--no-wait')).code, 0);
	const waits = spawn(server.binary, ['keys', 'rotate', '--tenant', t.slug], { env: server.environment(), stdio: ['ignore', 'pipe', 'inherit'] });
	const ending = once(waits, 'close');
	let said = '';
	waits.stdout.on('data', (text) => { said += text; });
	await until('it to wait', () => /rotates after that/.test(said), 30);
	worker = await new Worker(server, {}).start();
	assert.deepEqual(await ending, [0, null], said);
	assert.deepEqual([await newest('pii'), await newest('index')], ['2', '2']);
});
