// One person's data: all of it handed out, or all of it gone; and nobody else's touched.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
const ERASURES = '/api/v1/privacy/erasures', EXPORTS = '/api/v1/privacy/exports';
const logs = [];
let worker, other, otherApi;
const start = async () => { worker = await new Worker(server).start(); logs.push(worker.logFile); };
before(async () => {
	await start();
	other = await server.addTenant('other', 'olga@other.example');
	otherApi = await server.login(other.email);
});
after(() => worker?.stop());

const query = (sql) => rows(server.database.name, sql);
const run = async (sql) => { const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}';\n${sql}`); assert.equal(got.code, 0, got.stderr); };
const done = async (reply, api = server.api) => untilJob(api, expect(reply, 202).body.id, ended);
const erase = async (body, api = server.api) => done(await api.post(ERASURES, body), api);
const gather = async (body, api = server.api) => done(await api.post(EXPORTS, body), api);

const document = () => definition('Visit', [{ name: 'p', questions: [
	{ type: 'single', name: 'city', title: 'Which city?', choices: [{ value: 'hn', label: 'Hanoi' }, { value: 'hcm', label: 'Saigon' }] },
	{ type: 'text', name: 'remark', title: 'Remark' },
	{ type: 'text', name: 'email', title: 'Your e-mail', input: 'email', pii: true },
	{ type: 'text', name: 'phone', title: 'Your phone', input: 'tel', pii: true },
	{ type: 'consent', name: 'agrees', title: 'Data', text: 'I, {email}, agree to be asked again.' },
	{ type: 'consent', name: 'terms', title: 'Terms', text: 'I have read the terms.' },
] }], { parameters: [{ name: 'panel', type: 'text', export: true }] });

async function answer(s, answers, options = {}) {
	return expect(await submit(server.anyone, s.slug, { answers: { agrees: true, terms: true, ...answers }, ...options }), 201).body.id;
}

/** A checksum of everything that a tenant has, table by table; what grows by itself left out. */
async function sums(tenant) {
	const tables = (await query(`select c.relname from pg_class c where c.relnamespace = 'collect'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
		and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') and c.relname not in ('jobs', 'job_records', 'response_search', 'search_marks') order by 1`)).flat();
	return query(tables.map((t) => `select '${t}', md5(coalesce(string_agg(x::text, '|' order by x::text), '')) from ${t} x where tenant_id = '${tenant}'`).join(' union all ') + ' order by 1');
}

/** Where one of these texts stands: in any table, in Redis, in any log. */
async function traces(texts) {
	const found = [];
	const look = (where, text) => {
		for (const t of texts)
			for (const form of [t, Buffer.from(t).toString('hex'), Buffer.from(t).toString('base64').replace(/=+$/, '').slice(0, -2)])
				if (text.toLowerCase().includes(form.toLowerCase()))
					found.push(`${where}: ${form}`);
	};
	const dump = await command(['pg_dump', '-h', server.database.host, '-U', 'postgres', '--data-only', '-d', server.database.name]);
	assert.equal(dump.code, 0, dump.stderr);
	assert.ok(dump.stdout.includes('acme'), 'the dump has the tenants');
	for (const block of dump.stdout.split(/^COPY /m))
		look(block.slice(0, 40), block);
	const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout;
	const keys = (await redis('keys', '*')).split('\n').filter(Boolean);
	for (const key of keys) {
		const type = (await redis('type', key)).trim();
		look(key, key + await redis(...{ string: ['get', key], hash: ['hgetall', key], set: ['smembers', key], zset: ['zrange', key, '0', '-1'],
			list: ['lrange', key, '0', '-1'], stream: ['xrange', key, '-', '+'] }[type]));
	}
	for (const file of [server.logFile, ...logs])
		look(file, readFileSync(file, 'utf8'));
	return found;
}

test('who is meant has to be said, in one way', async () => {
	for (const body of [{}, { email: 'a@example.com', phone: '0901222333' }, { phone: 'none at all' }, { response_id: crypto.randomUUID() }, { survey_id: crypto.randomUUID() }, { email: 'nobody' }])
		expect(await server.api.post(ERASURES, body), 422);
	const key = expect(await server.api.post('/api/v1/api-keys', { name: 'k', permissions: ['responses:read_pii', 'responses:write', 'surveys:delete'] }), 201).body.key;
	expect(await server.anyone.as(key).post(ERASURES, { email: 'a@example.com' }), 403);
	expect(await server.anyone.as(key).post(EXPORTS, { email: 'a@example.com' }), 403);
});

test('an export has everything of the person and nothing of others, for its maker alone', async () => {
	const s = await publish(server.api, document());
	const mine = await answer(s, { city: 'hn', remark: 'The queue was long.', email: 'Binh@Example.com', phone: '+84 901 222 333' }, { parameters: { panel: 'P7' } });
	await answer(s, { city: 'hcm', remark: 'somebody else', email: 'chi@example.com' });
	const typed = await answer(s, { city: 'hcm', remark: ' binh@example.COM ' });
	const job = await gather({ email: 'binh@example.com' });
	assert.deepEqual([job.status, job.result.responses], ['succeeded', 2], JSON.stringify(job));
	assert.ok(!JSON.stringify(await query(`select payload, ref, state from job_records where id = '${job.id}'`)).includes('binh'));
	const status = expect(await server.api.get(job.result.export), 200).body;
	assert.deepEqual([status.status, status.responses, status.downloads, status.subject], ['ready', 2, 0, 'email']);
	assert.ok(Math.abs(Date.parse(status.expires_at) - Date.now() - 7 * 86400e3) < 60e3);

	const reply = expect(await server.api.get(`${job.result.export}/file`), 200);
	assert.equal(reply.headers['cache-control'], 'no-store');
	const file = reply.body;
	assert.deepEqual([file.format, file.named_by, file.person, file.responses.length], ['collect-person-1', 'email', { member: null, invitations: [], codes: [] }, 2]);
	const one = file.responses.find((r) => r.response_id === mine);
	assert.deepEqual([one.survey, one.status, one.language, one.link, one.parameters], ['Visit', 'completed', 'en', s.slug, { panel: 'P7' }]);
	assert.deepEqual(one.answers.find((a) => a.name === 'city'), { name: 'city', question: 'Which city?', answer: 'hn', words: 'Hanoi' });
	assert.deepEqual(one.answers.find((a) => a.name === 'email'), { name: 'email', question: 'Your e-mail', answer: 'Binh@Example.com' });
	assert.match(one.consents.agrees.text, /I, Binh@Example.com, agree/);
	assert.match(one.consents.terms.text, /I have read the terms/);
	assert.ok(one.consents.terms.at && one.stored_at && one.completed_at);
	assert.ok(file.responses.find((r) => r.response_id === typed), 'typed where nobody asked for it');
	assert.ok(!reply.text.includes('somebody else') && !reply.text.includes('chi@'));
	const text = expect(await server.api.get(`${job.result.export}/text`), 200).text;
	assert.match(text, /Which city\?: Hanoi\n/);
	assert.match(text, /Your e-mail: Binh@Example.com\n/);

	// at rest it is sealed; each download was written down first
	assert.deepEqual((await traces(['chi@example.com', 'The queue was long. binh'])), []);
	assert.ok(!(await query('select p::text from privacy_parts p')).join().includes('Hanoi'));
	assert.deepEqual(await query(`select type from events where aggregate_type = 'privacy_request' and aggregate_id = '${status.id}' and type <> 'created' and type <> 'updated' order by sequence, type`),
		[['export_requested'], ['answers_gathered'], ['exported'], ['personal_data.read'], ['personal_data.read']]);
	assert.deepEqual(await query(`select data ->> 'route', data ->> 'responses', data -> 'response_ids' @> '["${mine}", "${typed}"]' from events
		where aggregate_type = 'survey' and aggregate_id = '${s.survey.id}' and type = 'personal_data.read' order by 1`),
	[['/api/v1/privacy/exports/{id}/file', '2', 't'], ['/api/v1/privacy/exports/{id}/text', '2', 't']]);
	assert.equal(expect(await server.api.get(job.result.export), 200).body.downloads, 2);
	// a piece of one file does not open in another's place
	const second = await gather({ email: 'chi@example.com' });
	const id = second.result.export.split('/').at(-1);
	await run(`update privacy_parts set sealed = (select sealed from privacy_parts where request_id = '${status.id}' and part = 1) where request_id = '${id}' and part = 1`);
	await assert.rejects(async () => assert.ok((await server.api.get(`${second.result.export}/file`)).text.endsWith(']}\n')));

	// another administrator, another tenant
	const hash = (await query("select password_hash from users where email = 'ana@acme.example'"))[0][0];
	await run(`select provision_member('${server.tenant.id}', gen_random_uuid(), 'adam@acme.example', 'Adam', '${hash}', 'en', 'admin')`);
	const adam = await server.login('adam@acme.example');
	for (const api of [adam, otherApi]) {
		expect(await api.get(job.result.export), 404);
		expect(await api.get(`${job.result.export}/file`), 404);
	}
	await run(`update privacy_requests set expires_at = now() - interval '1 second' where id = '${status.id}'`);
	assert.equal(expect(await server.api.get(job.result.export), 200).body.status, 'expired');
	expect(await server.api.get(`${job.result.export}/file`), 409);
	// the job that comes round takes it away
	await run("update jobs set due_at = now() where type = 'privacy.retention' and tenant_id is null");
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	await until('the file to be gone', async () => (await query(`select 1 from privacy_parts where request_id = '${status.id}' union all
		select 1 from privacy_requests where id = '${status.id}' and subject is not null`)).length === 0);
	assert.equal((await query(`select count(*) from privacy_parts where request_id = '${id}'`))[0][0], '2', 'another one stays');
	assert.equal(expect(await server.api.get(job.result.export), 200).body.status, 'expired');
});

test('an erasure leaves no trace of the person anywhere, and everything of everybody else', async () => {
	const EMAIL = 'canary.kim.7731@example.com', PHONE = '0977 314 159', WORDS = 'canary answer: the blue umbrella';
	const s = await publish(server.api, document()), t = await publish(server.api, document()), theirs = await publish(otherApi, document());
	await answer(theirs, { city: 'hn', email: EMAIL, phone: PHONE });
	await answer(s, { city: 'hn', email: EMAIL.toUpperCase(), remark: WORDS });
	await answer(s, { city: 'hcm', email: EMAIL, phone: PHONE, remark: WORDS });
	await answer(t, { city: 'hcm', remark: `${EMAIL} ` });
	const neighbour = await answer(t, { city: 'hcm', remark: 'stays', email: 'neighbour@example.com' });
	const deleted = await answer(t, { city: 'hn', email: EMAIL, remark: WORDS });
	await run(`update responses set deleted_at = now() where id = '${deleted}'`);
	expect(await server.api.post('/api/v1/invitations', { email: EMAIL, role: 'viewer' }, { headers: { 'Idempotency-Key': 'invite-kim' } }), 201);
	const copy = await gather({ email: EMAIL });
	assert.equal(copy.result.responses, 4);
	expect(await server.api.get(`${copy.result.export}/file`), 200);
	await until('the mail to be sent', async () => (await query("select 1 from jobs where type = 'mail.send'")).length === 0);
	assert.notDeepEqual(await traces([EMAIL, WORDS]), [], 'before, there are traces: the search can find them');

	const before = await sums(other.id);
	const job = await erase({ email: EMAIL });
	assert.deepEqual([job.status, job.error], ['succeeded', null]);
	assert.deepEqual(job.result, { responses: 4, by_index: 3, invitations: 1, stored_replies: 1, exports: 1, codes: 0, member: 'none' });
	assert.deepEqual(await query(`select e.actor_kind, jsonb_array_length(e.data -> 'response_ids'), e.data -> 'response_ids' ? '${deleted}' from events e
		join privacy_requests r on r.id = e.aggregate_id where r.job_id = '${job.id}' and e.type = 'answers_erased'`), [['job', '4', 't']], 'which answers went is told');
	assert.deepEqual(await traces([EMAIL, WORDS, PHONE]), []);
	assert.deepEqual(await sums(other.id), before, 'the other tenant\'s same address');
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${t.survey.id}/responses/${neighbour}`), 200).body.personal.email, 'neighbour@example.com');
	expect(await server.api.get(`${copy.result.export}/file`), 409);
	assert.deepEqual(await query(`select subject is null, status from privacy_requests where job_id = '${job.id}'`), [['t', 'done']]);

	const again = await erase({ email: EMAIL });
	assert.deepEqual([again.status, again.result], ['succeeded', { responses: 0, by_index: 0, invitations: 0, stored_replies: 0, exports: 0, codes: 0, member: 'none' }]);
	assert.deepEqual((await erase({ email: EMAIL }, otherApi)).result.responses, 1, 'theirs is theirs to erase');
});

test('only the personal part: the rest of the answer stays, without what names the person', async () => {
	const s = await publish(server.api, document());
	const id = await answer(s, { city: 'hn', remark: 'dung@example.com', email: 'dung@example.com', phone: '0901 000 111' }, { parameters: { panel: 'P9' } });
	const job = await erase({ email: 'dung@example.com', mode: 'personal' });
	assert.equal(job.result.responses, 1);
	const left = expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${id}`), 200).body;
	assert.deepEqual([left.answers, left.has_personal, left.parameters, left.started_at, left.duration_ms], [{ city: 'hn', terms: true }, false, {}, null, null]);
	assert.deepEqual(Object.keys(left.consents), ['terms'], 'words that name nobody are the proof of what was agreed to');
	assert.deepEqual(await query(`select idempotency_key is null, payload_hash is null from responses where id = '${id}'`), [['t', 't']]);
});

test('by number, and by one answer; another tenant\'s looks like none', async () => {
	const s = await publish(server.api, document()), theirs = await publish(otherApi, document());
	await answer(s, { phone: '00 84 (0)9.0 1-555 666' });
	const kept = await answer(s, { phone: '0901 555 666' });
	assert.equal((await erase({ phone: '+84 0901 555666' })).result.responses, 1);
	const foreign = await answer(theirs, { email: 'x@example.com' });
	for (const path of [ERASURES, EXPORTS])
		for (const body of [{ survey_id: theirs.survey.id, response_id: foreign }, { survey_id: s.survey.id, response_id: foreign },
			{ survey_id: s.survey.id, response_id: crypto.randomUUID() }, { user_id: (await query("select id from users where email = 'olga@other.example'"))[0][0] }])
			expect(await server.api.post(path, body), 422);
	expect(await otherApi.get(`/api/v1/surveys/${theirs.survey.id}/responses/${foreign}`), 200);
	assert.equal((await erase({ survey_id: s.survey.id, response_id: kept })).result.responses, 1);
	expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${kept}`), 404);
});

test('a worker killed in the middle of an erasure: another one ends it', async () => {
	const s = await publish(server.api, document());
	const id = await answer(s, { remark: 'mai@example.com' });
	await run(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers, created_at)
		select tenant_id, survey_id, gen_random_uuid(), link_id, 1, 'completed', 'en', case when n % 2 = 0 then answers else '{"remark": "not me"}' end, now()
		from responses, generate_series(1, 1999) n where id = '${id}'`);
	const mine = async () => Number((await query(`select count(*) from responses where survey_id = '${s.survey.id}' and answers ->> 'remark' = 'mai@example.com'`))[0][0]);
	const all = await mine();
	assert.equal(all, 1000);
	// somebody holds the last one
	const holder = psql(server.database.name, `set search_path = collect; begin; select id from responses where survey_id = '${s.survey.id}' and answers ->> 'remark' = 'mai@example.com'
		order by id desc limit 1 for update; select pg_sleep(4); rollback`);
	await until('the lock', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(4)%' and wait_event = 'PgSleep'")).length === 1);
	const { id: job } = expect(await server.api.post(ERASURES, { email: 'mai@example.com' }), 202).body;
	await until('it to be in the middle', async () => { const n = await mine(); return n > 0 && n < 300; });
	await worker.kill();
	const then = await mine();
	assert.ok(then > 0 && then < all);
	await holder;
	await run('update jobs set due_at = now() where claim is not null'); // the lease is over
	await start();
	const end = await untilJob(server.api, job, ended);
	assert.deepEqual([end.status, end.attempts, end.result.responses], ['succeeded', 2, 1000]);
	assert.equal(await mine(), 0);
	assert.equal(Number((await query(`select count(*) from responses where survey_id = '${s.survey.id}'`))[0][0]), 1000, 'the others are all there');
});

test('members: kept while they are one, forgotten afterwards; the account when nobody remembers it', async () => {
	const EMAIL = 'former.canary.42@acme.example';
	const [[hash]] = await query("select password_hash from users where email = 'ana@acme.example'");
	for (const tenant of [server.tenant.id, other.id])
		await run(`select provision_member('${tenant}', gen_random_uuid(), '${EMAIL}', 'Former Canary', '${hash}', 'en', 'analyst')`);
	const [[user]] = await query(`select id from users where email = '${EMAIL}'`);
	const gone = async (api) => expect(await api.delete(`/api/v1/members/${user}`, expect(await api.get(`/api/v1/members/${user}`), 200).body.version), 204);
	assert.equal((await erase({ user_id: user })).result.member, 'kept');
	const got = await gather({ user_id: user });
	const { person } = expect(await server.api.get(`${got.result.export}/file`), 200).body;
	assert.deepEqual([person.member.email, person.member.name, person.member.role, person.member.left_at], [EMAIL, 'Former Canary', 'analyst', null]);

	await gone(server.api);
	assert.equal((await erase({ email: EMAIL })).result.member, 'forgotten');
	assert.equal((await erase({ user_id: user })).result.member, 'none');
	assert.equal((await gather({ email: EMAIL })).result.responses, 0);
	assert.deepEqual(await query(`select email from users where id = '${user}'`), [[EMAIL]], 'the other tenant still has him');
	expect(await otherApi.get(`/api/v1/members/${user}`), 200);
	await gone(otherApi);
	assert.equal((await erase({ email: EMAIL }, otherApi)).result.member, 'forgotten');
	assert.deepEqual(await query(`select email, name, password_hash, status from users where id = '${user}'`), [[`erased-${user}@invalid`, '', '', 'disabled']]);
	assert.deepEqual(await traces([EMAIL, 'Former Canary']), []);
	expect(await server.anyone.post('/api/v1/auth/login', { email: EMAIL, password: server.tenant.password }), 401);
});

test('collect user erase: the operator\'s way, for accounts that are nobody\'s member', async () => {
	const EMAIL = 'leaver.canary.43@acme.example';
	const [[hash]] = await query("select password_hash from users where email = 'ana@acme.example'");
	await run(`select provision_member('${server.tenant.id}', gen_random_uuid(), '${EMAIL}', 'Leaver Canary', '${hash}', 'en', 'viewer')`);
	const [[user]] = await query(`select id from users where email = '${EMAIL}'`);
	const held = await server.collect('user', 'erase', EMAIL);
	assert.equal(held.code, 1);
	assert.match(held.stderr, /member of acme/);
	expect(await server.api.delete(`/api/v1/members/${user}`, 1), 204);
	const erased = await server.collect('user', 'erase', EMAIL.toUpperCase());
	assert.equal(erased.code, 0, erased.stderr);
	assert.deepEqual(await traces([EMAIL, 'Leaver Canary']), []);
	const again = await server.collect('user', 'erase', EMAIL);
	assert.equal(again.code, 1);
	assert.match(again.stderr, /nobody has/i);
});
