// Keys beside running servers: rotated, wrapped anew, destroyed; answers sealed as a whole; and found by e-mail address and phone number.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { sleep, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
let worker, other, ours, theirs;
const query = (sql) => rows(server.database.name, sql);
const bound = (sql, tenant = server.tenant.id) => query(`select set_config('app.current_tenant_id', '${tenant}', false) \\g /dev/null\n${sql}`);
const form = () => definition('Keys', [{ name: 'all', questions: [
	{ type: 'text', name: 'mail', title: 'E-mail', input: 'email', pii: true },
	{ type: 'multi_text', name: 'reach', title: 'Reach you', pii: true, items: [{ name: 'phone', title: 'Phone', type: 'tel' }] },
	{ type: 'text', name: 'why', title: 'Why?' }, { type: 'rating', name: 'nps', title: 'How likely?', min: 0, max: 10 },
	{ type: 'consent', name: 'agrees', title: 'Consent', text: 'I agree, {why}' }] }],
{ calculated: [{ name: 'high', type: 'boolean', expression: '{nps} > 8', export: true }] });
const answers = (i) => ({ mail: `Person.${i}@Bücher.example`, reach: { phone: `0912 345 ${100 + i}` }, agrees: true, why: `canary-reason-${i}`, nps: i % 11 });

async function furnish(api, count) {
	const made = await publish(api, form());
	made.api = api;
	made.ids = [];
	for (let i = 0; i < count; i++)
		made.ids.push(expect(await submit(server.anyone, made.slug, { answers: answers(i) }), 201).body.id);
	return made;
}
const one = (made, i, options) => made.api.get(`/api/v1/surveys/${made.survey.id}/responses/${made.ids[i]}`, options);
const list = (made) => made.api.get(`/api/v1/surveys/${made.survey.id}/responses`, { query: { limit: 200, sort: 'created_at' } });
const csv = (made, personal = true) => made.api.get(`/api/v1/surveys/${made.survey.id}/responses.csv`, { query: { personal } });
const versions = async (purpose, tenant = server.tenant.id) => (await query(`select key_version, retired_at is not null, destroyed_at is not null from data_keys
	where tenant_id = '${tenant}' and purpose = '${purpose}' order by 1`)).map((r) => r.join(' '));

async function readable(made, n) {
	for (const i of [0, n >> 1, n - 1]) {
		const got = expect(await one(made, i), 200).body;
		assert.deepEqual([got.personal.mail, got.answers.why, got.answers.high ?? false, got.shredded, got.has_personal],
			[answers(i).mail, `canary-reason-${i}`, i % 11 > 8, false, true]);
	}
	const listed = expect(await list(made), 200).body.items;
	assert.deepEqual(listed.slice(0, n).map((r) => r.answers.nps), Array.from({ length: n }, (_, i) => i % 11));
	const file = expect(await csv(made), 200).text;
	assert.ok(file.includes(`canary-reason-${n - 1}`) && file.includes(answers(n - 1).mail), file.slice(0, 500));
}

/** Answers and readers until `stop()`: every reply has to be a good one. Answers what was stored. */
function load(made) {
	let going = true;
	const stored = [];
	const writers = Array.from({ length: 3 }, async () => {
		while (going) {
			const i = stored.length;
			stored.push(expect(await submit(server.anyone, made.slug, { answers: { mail: `load${i}@example.com`, nps: 5 } }), 201).body.id);
			await sleep(15);
		}
	});
	const reader = (async () => {
		while (going) {
			assert.equal(expect(await one(made, 0), 200).body.personal.mail, answers(0).mail);
			expect(await csv(made), 200);
			expect(await list(made), 200);
		}
	})();
	const all = Promise.all([...writers, reader]);
	return { stop: async () => { going = false; await all; return stored; }, all };
}

/** Runs it beside the load; when the load fails, so does this. */
async function beside(made, work) {
	const l = load(made);
	const got = await Promise.race([work(), l.all.then(() => assert.fail('the load ended'))]);
	const stored = await l.stop();
	assert.ok(stored.length > 3, `${stored.length} answers`);
	return got;
}

async function keys(...args) {
	const got = await server.collect('keys', ...args);
	assert.equal(got.code, 0, `collect keys ${args.join(' ')}: ${got.stdout}${got.stderr}`);
	return got.stdout;
}

async function restart(env) {
	assert.equal(await server.stop(), 0);
	await worker.stop();
	Object.assign(server.env, env);
	await server.start();
	for (const made of [ours, theirs])
		made.api = server.anyone.as(made.api.token);
	worker = await new Worker(server, {}).start();
}

before(async () => {
	worker = await new Worker(server, {}).start();
	other = await server.addTenant('other', 'olga@other.example');
	ours = await furnish(server.api, 120);
	theirs = await furnish(await server.login('olga@other.example'), 3);
});
after(() => worker?.stop());

test('a key file is made once, for its owner only', async () => {
	const path = join(server.dir, 'made.kek');
	await keys('init', path);
	assert.equal(statSync(path).mode & 0o777, 0o600);
	const was = readFileSync(path, 'utf8');
	assert.match(was, /^[\w-]{43}\n$/);
	const again = await server.collect('keys', 'init', path);
	assert.deepEqual([again.code, readFileSync(path, 'utf8')], [1, was]);
	assert.match(again.stderr, /there already/);
	assert.ok(existsSync(path));
});

test('answers are found by e-mail address and phone number, however they are written', async () => {
	const find = async (body) => expect(await server.api.post('/api/v1/responses/lookup', body), 200).body.items.map((f) => [f.response_id, f.question]);
	assert.deepEqual(await find({ email: ' person.7@BÜCHER.example ' }), [[ours.ids[7], 'mail']]);
	assert.deepEqual(await find({ email: 'person.7@xn--bcher-kva.example' }), [[ours.ids[7], 'mail']]);
	for (const phone of ['0912345107', '+84 (0)912-345-107', '0084912345107'])
		assert.deepEqual(await find({ phone }), [[ours.ids[7], 'reach/phone']], phone);
	assert.deepEqual(await find({ email: 'nobody@example.com' }), []);
	expect(await server.api.post('/api/v1/responses/lookup', { email: 'nobody' }), 422);
	expect(await server.api.post('/api/v1/responses/lookup', {}), 422);
	expect(await server.api.post('/api/v1/responses/lookup', { email: 'a@b.example', phone: '0912345107' }), 422);
	const looked = await query(`select data->>'found' from events where aggregate_type = 'lookup' and tenant_id = '${server.tenant.id}' order by id`);
	assert.deepEqual(looked.map(([n]) => n), ['1', '1', '1', '1', '1', '0']);
	const told = await query(`select data->>'responses', data->'response_ids'->>0 from events where type = 'personal_data.read' and aggregate_id = '${ours.survey.id}'
		and data->>'route' = '/api/v1/responses/lookup'`);
	assert.deepEqual(told, Array(5).fill(['1', ours.ids[7]]));
	// the same text under another tenant's key is another hash
	const [[shared]] = await query('select count(*) from response_lookups a join response_lookups b on a.hash = b.hash and a.tenant_id <> b.tenant_id');
	assert.equal(shared, '0');
	const [[open]] = await query("select count(*) from responses r where r::text ~* 'person\\.[0-9]' or r::text ~ '0912 345'");
	assert.equal(open, '0');
});

test('what was moved to another row, column or tenant does not open', async () => {
	const id = (i) => `survey_id = '${ours.survey.id}' and id = '${ours.ids[i]}'`;
	const opens = async (i, status) => expect(await one(ours, i, { unchecked: true }), status);
	await bound(`update responses a set sealed = b.sealed from responses b where a.survey_id = b.survey_id and a.id = '${ours.ids[1]}' and b.id = '${ours.ids[2]}'`);
	await opens(1, 409);
	await opens(2, 200);
	expect(await csv(ours, false), 200);
	// back, through a copy: the row's own again
	await bound(`delete from response_lookups where response_id = '${ours.ids[1]}'; update responses set sealed = null, sealed_key_version = null where ${id(1)}`);
	assert.equal((await opens(1, 200)).body.personal, undefined);
	const [[bytes, version]] = await query(`select encode(sealed, 'hex'), sealed_key_version from responses where ${id(3)}`);
	await bound(`update responses set sealed = '\\x${bytes}', sealed_key_version = ${version} where survey_id = '${theirs.survey.id}' and id = '${theirs.ids[2]}'`, other.id);
	expect(await one(theirs, 2), 409);
	await bound(`update responses set sealed = null, sealed_key_version = null where survey_id = '${theirs.survey.id}' and id = '${theirs.ids[2]}'`, other.id);
	// what was found by it went with it
	assert.deepEqual(await query(`select count(*) from response_lookups where response_id = '${theirs.ids[2]}'`), [['0']]);
});

/** The tenant's data key, as who has the key-encryption key and the tables gets it. */
async function dataKey(tenant, purpose, version) {
	const [[wrapped]] = await query(`select encode(wrapped, 'hex') from data_keys where tenant_id = '${tenant}' and purpose = '${purpose}' and key_version = ${version}`);
	const wrap = Buffer.from(hkdfSync('sha256', Buffer.from(server.key, 'base64url'), '', 'collect wrap 1', 32)), bytes = Buffer.from(wrapped, 'hex');
	const open = createDecipheriv('aes-256-gcm', wrap, bytes.subarray(0, 12)).setAAD(Buffer.from(`wrap|${tenant}|${purpose}|${version}`)).setAuthTag(bytes.subarray(-16));
	return Buffer.concat([open.update(bytes.subarray(12, -16)), open.final()]);
}

test('sealed for one survey it does not open in another, under the same id; what older releases sealed opens', async () => {
	const second = await publish(server.api, form()), at = (made, i) => `survey_id = '${made.survey.id}' and id = '${ours.ids[i]}'`;
	await bound(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, seed)
		select tenant_id, '${second.survey.id}', id, null, 1, status, language, '{}', seed from responses where ${at(ours, 6)}`);
	const moved = { ...second, api: server.api, ids: ours.ids };
	expect(await one(moved, 6), 200);
	await bound(`update responses a set sealed = b.sealed, sealed_key_version = b.sealed_key_version from responses b
		where a.survey_id = '${second.survey.id}' and b.survey_id = '${ours.survey.id}' and a.id = b.id`);
	expect(await one(moved, 6), 409);
	await bound(`delete from responses where ${at(second, 6)}`);
	// as it was written before the survey was bound: nonce, ciphertext, tag
	const nonce = randomBytes(12), seal = createCipheriv('aes-256-gcm', await dataKey(server.tenant.id, 'pii', 1), nonce);
	seal.setAAD(Buffer.from(`${server.tenant.id}|responses|sealed|${ours.ids[6]}|1`));
	const old = Buffer.concat([nonce, seal.update(JSON.stringify({ mail: answers(6).mail, reach: answers(6).reach })), seal.final(), seal.getAuthTag()]);
	await bound(`update responses set sealed = '\\x${old.toString('hex')}' where ${at(ours, 6)}`);
	assert.equal(expect(await one(ours, 6), 200).body.personal.mail, answers(6).mail);
	assert.ok(expect(await csv(ours), 200).text.includes(answers(6).mail));
});

test('rotated beside answers and readers: not one error, and the old keys are gone', async () => {
	assert.deepEqual(await versions('pii'), ['1 f f']);
	const said = await beside(ours, () => keys('rotate', '--tenant', 'acme'));
	assert.match(said, /acme +\d+ of \d+\n(.*\n)*acme +succeeded/);
	assert.deepEqual(await versions('pii'), ['1 t t', '2 f f']);
	assert.deepEqual(await versions('index'), ['1 t t', '2 f f']);
	assert.deepEqual(await query(`select distinct sealed_key_version from responses where tenant_id = '${server.tenant.id}' and sealed is not null`), [['2']]);
	assert.deepEqual(await query(`select distinct key_version from response_lookups where tenant_id = '${server.tenant.id}'`), [['2']]);
	assert.deepEqual(await versions('pii', other.id), ['1 f f']);
	// all of them are of the newest form: a key for each seal, and its survey named
	assert.deepEqual(await query(`select distinct get_byte(sealed, 0) from responses where tenant_id = '${server.tenant.id}' and sealed is not null`), [['3']]);
	await readable(ours, 120);
	const found = expect(await server.api.post('/api/v1/responses/lookup', { email: 'person.9@bücher.example' }), 200).body.items;
	assert.deepEqual(found.map((f) => f.response_id), [ours.ids[9]]);
	const told = await query(`select type, data->>'purpose' from events where aggregate_type = 'keys' and tenant_id = '${server.tenant.id}' order by sequence`);
	assert.deepEqual(told.map((t) => t.join(' ').trim()), ['rotated pii', 'rotated index', 'resealed']);
	// a new key for the same text is no change of the answer
	assert.equal(expect(await one(ours, 0), 200).body.version, 1);
});

test('a worker killed in the middle of a rotation: the next one ends it', async () => {
	await keys('rotate', '--tenant', 'acme', '--no-wait');
	await until('the job to begin', async () => (await query("select 1 from job_records where type = 'responses.reseal' and status = 'running'")).length > 0);
	await worker.kill();
	await readable(ours, 120);
	worker = await new Worker(server, {}).start();
	await until('the rotation to end', async () => (await versions('pii')).join() === '1 t t,2 t t,3 f f', 60);
	await readable(ours, 120);
});

test('wrapped under a new key-encryption key beside answers and readers, killed on the way, and done again', async () => {
	const first = server.key, second = randomBytes(32).toString('base64url');
	// both know both: first as the one that is still in use, then as the one that was
	await restart({ COLLECT_KEY: first, COLLECT_KEY_PREVIOUS: second });
	await restart({ COLLECT_KEY: second, COLLECT_KEY_PREVIOUS: first });
	const killed = spawn(server.binary, ['keys', 'rewrap'], { env: server.environment(), stdio: 'ignore' });
	await sleep(150);
	killed.kill('SIGKILL');
	const said = await beside(ours, () => keys('rewrap'));
	assert.match(said, /key_file_previous may go/);
	await restart({ COLLECT_KEY: second, COLLECT_KEY_PREVIOUS: '' });
	assert.doesNotMatch(await keys('status'), /another key-encryption key/);
	await readable(ours, 120);
	const stray = await server.collect('keys', 'rewrap');
	assert.equal(stray.code, 0, stray.stderr);
	Object.assign(server.env, { COLLECT_KEY: first });
	const wrong = await server.collect('keys', 'rewrap');
	assert.equal(wrong.code, 1);
	assert.match(wrong.stderr, /key_file_previous/);
	Object.assign(server.env, { COLLECT_KEY: second });
});

test('a tenant has all its answers sealed, and opens them again', async () => {
	const before = expect(await server.api.get('/api/v1/sealing'), 200);
	assert.deepEqual([before.body.seal_answers, before.body.job_id], [false, null]);
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, 99), 412);
	const on = await beside(ours, async () => {
		const reply = expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, before.body.version), 200);
		assert.equal((await untilJob(server.api, reply.body.job_id, ended, 120)).status, 'succeeded');
		return reply;
	});
	assert.equal(on.body.seal_answers, true);
	const open = () => query(`select count(*) from responses where tenant_id = '${server.tenant.id}' and (answers <> '{}' or consents <> '{}')`);
	assert.deepEqual(await open(), [['0']]);
	assert.deepEqual(await query(`select count(*) from responses r where tenant_id = '${server.tenant.id}' and r::text ~ 'canary-reason'`), [['0']]);
	await readable(ours, 120);
	assert.match(expect(await one(ours, 5), 200).body.consents.agrees.text, /I agree, canary-reason-5/);
	const viewerSees = expect(await csv(ours, false), 200).text;
	assert.ok(viewerSees.includes('canary-reason-5') && !viewerSees.includes('Person.5'));
	expect(await submit(server.anyone, ours.slug, { answers: answers(120) }), 201);
	assert.deepEqual(await open(), [['0']]);
	const off = expect(await server.api.patch('/api/v1/sealing', { seal_answers: false }, on.body.version), 200).body;
	assert.equal((await untilJob(server.api, off.job_id, ended, 120)).status, 'succeeded');
	assert.deepEqual(await query(`select count(*) from responses where tenant_id = '${server.tenant.id}' and answers_sealed is not null`), [['0']]);
	await readable(ours, 120);
});

test('shredded: a tenant\'s sealed answers are gone within seconds, here and in a copy; the others\' are there', async () => {
	expect(await one(ours, 0), 200); // the key is in the server's memory
	await query(`create table copy_of_responses as select * from responses; create table copy_of_keys as select * from data_keys`);
	const no = await server.collect('keys', 'shred', '--tenant', 'acme', '--yes', 'other');
	assert.deepEqual([no.code, (await versions('pii')).at(-1).slice(2)], [1, 'f f']);
	await keys('shred', '--tenant', 'acme', '--yes', 'acme');
	await sleep(3500);
	const got = expect(await one(ours, 0), 200).body;
	assert.deepEqual([got.shredded, got.has_personal, got.personal, got.answers.why], [true, true, undefined, 'canary-reason-0']);
	assert.ok(expect(await list(ours), 200).body.items.every((r) => r.shredded === r.has_personal));
	const file = expect(await csv(ours), 200).text;
	assert.ok(!file.includes('Person') && file.includes('canary-reason-0'));
	assert.deepEqual(await query(`select count(*) from data_keys where tenant_id = '${server.tenant.id}' and wrapped is not null`), [['0']]);
	assert.deepEqual(await query(`select count(*) from response_lookups where tenant_id = '${server.tenant.id}'`), [['0']]);
	assert.deepEqual(expect(await server.api.post('/api/v1/responses/lookup', { email: 'person.9@bücher.example' }), 200).body.items, []);
	assert.equal(expect(await one(theirs, 0), 200).body.personal.mail, answers(0).mail);
	// rows from a copy of the table, put back: there is no key for them
	await bound(`update responses r set sealed = null, sealed_key_version = null where id = '${ours.ids[4]}'`);
	await bound(`alter table responses disable trigger seal_check; update responses r set sealed = c.sealed, sealed_key_version = c.sealed_key_version
		from copy_of_responses c where c.id = r.id and r.id = '${ours.ids[4]}'; alter table responses enable trigger seal_check`);
	assert.deepEqual([(await one(ours, 4)).body.shredded, (await one(ours, 4)).body.personal], [true, undefined]);
	// whoever goes on collecting gets new keys
	const fresh = expect(await submit(server.anyone, ours.slug, { answers: answers(7) }), 201).body.id;
	ours.ids.push(fresh);
	assert.equal(expect(await one(ours, ours.ids.length - 1), 200).body.personal.mail, answers(7).mail);
	assert.match(await keys('status', '--tenant', 'acme'), /pii +\d+ +live/);
	assert.deepEqual(await query(`select data->>'by' from events where aggregate_type = 'keys' and type = 'shredded'`), [['command line']]);
});

test('what happens to keys is numbered by a counter: two at once get two numbers, and none is given again when the log grows shorter', async () => {
	const { id: tenant } = await server.addTenant('counted', 'cora@counted.example');
	const next = (more = '') => query(`set app.current_tenant_id = '${tenant}'; begin; select next_key_event(); ${more} commit`);
	// one that stands in the log already, from before there was a counter
	await query(`set app.current_tenant_id = '${tenant}'; insert into events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind)
		values ('${tenant}', uuid_floor(now()), 'keys', '${tenant}', 'rotated', '{}', 7, 'operator')`);
	const both = await Promise.all([next('select pg_sleep(0.5);'), next('select pg_sleep(0.5);'), next()]);
	assert.deepEqual(both.map((r) => r[0][0]).sort(), ['10', '8', '9']);
	assert.deepEqual(await query(`set app.current_tenant_id = '${tenant}'; begin; select next_key_event(); rollback`), [['11']]);
	assert.deepEqual(await next(), [['11']], 'what was not committed leaves no gap');
	const ours = (await query(`select sequence from events where aggregate_type = 'keys' and tenant_id = '${server.tenant.id}' order by sequence`)).flat();
	assert.ok(ours.length > 3);
	assert.deepEqual(ours, ours.map((_, i) => `${i + 1}`), 'each of this file\'s once');
});
