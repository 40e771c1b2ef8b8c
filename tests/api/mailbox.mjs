// Whose an account is: the one who reads the mailbox of its address. Who made an account without that loses it, and everything he left in it, to who does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { mailsOf, mailsWhen, tokenIn } from '../harness/mailbox.mjs';
import { command, run, sleep, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { totp } from '../harness/totp.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer({ env: { COLLECT_PUBLIC_URL: 'https://collect.example' } });
let worker;
before(async () => { worker = await new Worker(server, { binary: run.collect }).start(); });
after(() => worker?.stop());

let people = 0;
const someone = () => `person${++people}@bank.example`;
const auth = (what, body) => server.anyone.post(`/api/v1/auth/${what}`, body);
const query = (text) => rows(server.database.name, text);
const verified = async (email) => (await query(`select email_verified_at is not null from users where email = '${email}'`))[0]?.[0];
const invite = async (email, api = server.api, role = 'viewer') => expect(await api.post('/api/v1/invitations', { email, role }), 201).body;
const shown = async (i, api = server.api) => expect(await api.post(`/api/v1/invitations/${i.id}/link`), 200).body.token;
const accept = (token, password, name = 'N') => auth('accept-invitation', { token, password, name });
const add = (slug, email, ...more) => command([server.binary, 'tenant', 'add', '--slug', slug, '--email', email, '--password-file', '-', ...more],
	{ env: server.environment(), input: 'of the operator' });
const reset = async (email, count, new_password) => {
	expect(await auth('password-reset', { email }), 202);
	const mails = await mailsWhen(server, 'password_reset', email, count);
	expect(await auth('password-reset/confirm', { token: tokenIn(mails.at(-1)), new_password }), 204);
};

test('the token of the mail shows the mailbox, the one that the inviter sees does not', async () => {
	const [first, second] = [someone(), someone()];
	const token = await shown(await invite(first));
	assert.notEqual(token, tokenIn((await mailsWhen(server, 'invitation', first))[0]));
	expect(await accept(token, PASSWORD), 200);
	assert.equal(await verified(first), 'f');
	await invite(second);
	expect(await accept(tokenIn((await mailsWhen(server, 'invitation', second))[0]), PASSWORD), 200);
	assert.equal(await verified(second), 't');
	assert.equal(await verified('ana@acme.example'), 't', 'the operator made it');
	// who has the account and then brings what only the mailbox had
	const { id } = await server.addTenant('elsewhere', 'els@elsewhere.example');
	const els = await server.login('els@elsewhere.example');
	await invite(first, els);
	expect(await accept(tokenIn((await mailsWhen(server, 'invitation', first, 2))[1]), PASSWORD), 200);
	assert.deepEqual([await verified(first), id.length], ['t', 36]);
});

test('neither kind of token passes for the other when its bytes are changed', async () => {
	const email = someone();
	const token = Buffer.from((await shown(await invite(email))).slice(4), 'base64url');
	const mailed = Buffer.from(tokenIn((await mailsWhen(server, 'invitation', email))[0]).slice(4), 'base64url');
	assert.deepEqual(token.subarray(0, 36), mailed.subarray(0, 36));
	for (const mac of [token, mailed]) {
		const forged = Buffer.from(mac);
		forged[67] ^= 1;
		expect(await accept(`cci_${forged.toString('base64url')}`, PASSWORD), 404);
	}
});

test('no tenant is made for an account whose mailbox nobody showed, whatever the operator says', async () => {
	const email = someone();
	expect(await accept(await shown(await invite(email)), 'of the squatter'), 200);
	for (const more of [[], ['--known-user']]) {
		const refused = await add('squatted', email, ...more);
		assert.equal(refused.code, 1);
		assert.match(refused.stderr, /nobody has shown that the mailbox is his.*forgotten password.*--known-user.*collect user erase/);
	}
	assert.deepEqual(await query("select slug from tenants where slug = 'squatted'"), []);
	await assert.rejects(query(`select provision_member('${server.tenant.id}', gen_random_uuid(), '${email}', 'x', '', 'en', 'owner')`), /nobody has shown/);
	await reset(email, 1, 'of the real one');
	assert.match((await add('squatted', email)).stderr, /account with this address already.*--known-user/);
	const made = await add('squatted', email, '--known-user');
	assert.equal(made.code, 0, made.stderr);
	assert.match(made.stdout, /password +as before/);
	expect(await auth('login', { email, password: 'of the squatter', tenant: 'squatted' }), 401);
	expect(await auth('login', { email, password: 'of the operator', tenant: 'squatted' }), 401);
	assert.equal(expect(await auth('login', { email, password: 'of the real one', tenant: 'squatted' }), 200).body.role, 'owner');
});

/** Everything that lets somebody in or acts for him, made by who has `session`. */
async function leaveBehind(session, password) {
	const api = server.anyone.as(session.access_token);
	const { secret } = expect(await api.post('/api/v1/me/second-factor', { password }), 200).body;
	expect(await api.post('/api/v1/me/second-factor/confirm', { code: totp(secret) }), 200);
	const key = expect(await api.post('/api/v1/api-keys', { name: 'k', permissions: ['surveys:read'] }), 201).body.key;
	const client = expect(await api.post('/api/v1/clients', { name: 'c', permissions: ['surveys:read'] }), 201).body;
	return { api, key, client, secret };
}
const grant = (client) => server.anyone.request('POST', '/api/v1/oauth/token', { type: 'application/x-www-form-urlencoded', raw: new URLSearchParams(
	{ grant_type: 'client_credentials', client_id: client.client.client_id, client_secret: client.client_secret }).toString() });

test('who reads the mailbox takes an account over that was made without it, in all tenants', async () => {
	const email = someone();
	await server.addTenant('second', 'sec@second.example');
	const sec = await server.login('sec@second.example');
	const one = expect(await accept(await shown(await invite(email, server.api, 'admin')), 'of the squatter'), 200).body;
	const two = expect(await accept(await shown(await invite(email, sec, 'admin'), sec), 'of the squatter'), 200).body;
	const other = server.anyone.as(two.access_token);
	const { key } = expect(await other.post('/api/v1/api-keys', { name: 'k2', permissions: ['surveys:read'] }), 201).body;
	const friend = await invite(someone(), other);
	const open = await shown(friend, other);
	const left = await leaveBehind(one, 'of the squatter'); // ends his other sessions
	await query(`insert into identities (tenant_id, id, user_id, issuer, subject, confirmed) values ('${server.tenant.id}', gen_random_uuid(), '${one.user.id}', 'https://idp.example', 's', true) returning 1`);
	expect(await grant(left.client), 200);
	await reset(email, 1, 'of the real one');
	expect(await left.api.get('/api/v1/me'), 401);
	expect(await auth('refresh', { refresh_token: two.refresh_token }), 401);
	await sleep(5100); // keys are believed for five seconds
	expect(await server.anyone.as(left.key).get('/api/v1/surveys'), 401);
	expect(await server.anyone.as(key).get('/api/v1/surveys'), 401);
	expect(await accept(open, PASSWORD), 404);
	assert.equal((await grant(left.client)).status, 401);
	assert.deepEqual(await query(`select 1 from identities where user_id = '${one.user.id}' and deleted_at is null`), []);
	assert.deepEqual(await query(`select 1 from user_devices where user_id = '${one.user.id}'`), []);
	for (const tenant of ['acme', 'second']) {
		const back = expect(await auth('login', { email, password: 'of the real one', tenant }), 200).body;
		assert.equal(back.second_factor, undefined, 'no code of the squatter is asked for');
		assert.equal(back.tenant.slug, tenant);
	}
	const told = await query(`select slug, data ->> 'second_factor_removed', actor_id = '${one.user.id}' from events join tenants on tenants.id = tenant_id
		where aggregate_id = '${one.user.id}' and type = 'taken_over' order by slug`);
	assert.deepEqual(told, [['acme', 'true', 't'], ['second', 'true', 't']]);
	// the request was made in neither tenant, so neither reads its id, nor finds the other's events by it
	assert.deepEqual(await query(`select slug, e.type, aggregate_type, e.request_id is null from events e join tenants on tenants.id = tenant_id
		where actor_id = '${one.user.id}' and slug in ('acme', 'second') and (e.type in ('password_changed', 'taken_over') or e.type = 'deleted' and aggregate_type <> 'role')
		order by slug, aggregate_type, e.type`), [['acme', 'deleted', 'api_key', 't'], ['acme', 'deleted', 'client', 't'], ['acme', 'deleted', 'identity', 't'],
		['acme', 'password_changed', 'user', 't'], ['acme', 'taken_over', 'user', 't'], ['second', 'deleted', 'api_key', 't'], ['second', 'deleted', 'invitation', 't'],
		['second', 'password_changed', 'user', 't'], ['second', 'taken_over', 'user', 't']]);
});

test('of an account whose mailbox was shown before, a reset takes nothing', async () => {
	const email = someone();
	await invite(email, server.api, 'admin');
	const session = expect(await accept(tokenIn((await mailsWhen(server, 'invitation', email))[0]), PASSWORD), 200).body;
	const left = await leaveBehind(session, PASSWORD);
	await reset(email, 1, 'another one of mine');
	expect(await left.api.get('/api/v1/me'), 401);
	expect(await server.anyone.as(left.key).get('/api/v1/surveys'), 200);
	assert.equal((await grant(left.client)).status, 200);
	assert.equal(expect(await auth('login', { email, password: 'another one of mine' }), 200).body.second_factor, 'required');
	assert.deepEqual(await query(`select 1 from events where aggregate_id = '${session.user.id}' and type = 'taken_over'`), []);
});

test('mails about an account are no tenant\'s: its managers neither see them nor end them', async () => {
	const email = 'max@mails.example', system = '00000000-0000-7000-8000-000000000000';
	const { id } = await server.addTenant('mails', email);
	const max = await server.login(email);
	await worker.stop();
	const before = (await query('select id from job_records')).flat();
	expect(await auth('password-reset', { email }), 202);
	expect(await server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD }, { headers: { 'User-Agent': 'Firefox/1 (Windows)' } }), 200);
	const made = (await query('select tenant_id, id, type, created_by from job_records')).filter((j) => !before.includes(j[1]));
	assert.deepEqual(made.map(([tenant, , type, by]) => [tenant, type, by]), Array(2).fill([system, 'mail.send', '']));
	assert.deepEqual(await query(`select 1 from job_records where tenant_id = '${id}'`), []);
	assert.equal(expect(await max.get('/api/v1/jobs', { query: { count: true } }), 200).body.total, 0);
	for (const [, job] of made) {
		expect(await max.get(`/api/v1/jobs/${job}`), 404);
		expect(await max.post(`/api/v1/jobs/${job}/cancel`), 404);
		expect(await max.post(`/api/v1/jobs/${job}/retry`), 404);
	}
	assert.deepEqual(await query(`select 1 from memberships where tenant_id = '${system}'`), []);
	expect(await server.anyone.get(`/api/v1/oidc/${system}`), 200);
	assert.equal((await add(system, someone())).code, 1);
	worker = await new Worker(server, { binary: run.collect }).start();
	assert.equal((await mailsWhen(server, 'password_reset', email)).length, 1);
	assert.equal((await mailsWhen(server, 'new_device', email)).length, 1);
});

test('whether there is an account is found out by the worker: asking does the same for every address', async () => {
	const known = 'ana@acme.example', nobody = someone();
	await worker.stop();
	const jobs = async () => Number((await query("select count(*) from job_records where type = 'mail.send'"))[0][0]);
	const size = async () => Number((await query("select max(length(payload ->> 'sealed')) from job_records where id = (select id from job_records where type = 'mail.send' order by created_at desc limit 1)"))[0][0]);
	const seen = [];
	for (const email of [known, nobody]) {
		const count = await jobs();
		const reply = expect(await auth('password-reset', { email }), 202);
		seen.push([reply.text, (await jobs()) - count, (await size()) - Math.ceil(email.length * 8 / 3)]);
	}
	assert.ok(Math.abs(seen[0][2] - seen[1][2]) < 8, 'the same, but for the length of the address');
	assert.deepEqual(seen.map((s) => s.slice(0, 2)), [['', 1], ['', 1]]);
	worker = await new Worker(server, { binary: run.collect }).start();
	await until('all mails to be done', async () => (await query("select 1 from jobs where type = 'mail.send'")).length === 0);
	assert.deepEqual(await mailsOf(server, 'password_reset', nobody), []);
	assert.deepEqual(await query("select status from job_records where type = 'mail.send' and status <> 'succeeded'"), []);
	assert.equal((await mailsOf(server, 'password_reset', known)).length, 1);
});

test('who is a member nowhere any more sets a new password all the same, and comes back by an invitation', async () => {
	const email = someone();
	const { user } = expect(await accept(await shown(await invite(email)), 'of the squatter'), 200).body;
	const member = expect(await server.api.get(`/api/v1/members/${user.id}`), 200).body;
	expect(await server.api.delete(`/api/v1/members/${user.id}`, member.version), 204);
	await reset(email, 1, 'of the real one');
	assert.equal(await verified(email), 't');
	expect(await auth('login', { email, password: 'of the real one' }), 401);
	const token = await shown(await invite(email));
	expect(await accept(token, 'of the squatter'), 401);
	expect(await accept(token, 'of the real one'), 200);
});

test('with a new password one\'s keys and clients end too, in all tenants, when asked to', async () => {
	const email = 'ken@keys.example';
	await server.addTenant('keys1', email);
	await server.addTenant('keys2', email);
	const api = async (tenant, password) => server.anyone.as(expect(await auth('login', { email, password, tenant }), 200).body.access_token);
	const key = async (a) => expect(await a.post('/api/v1/api-keys', { name: 'k', permissions: ['surveys:read'] }), 201).body.key;
	const live = async () => (await query(`select (select count(*) from api_keys k join users u on u.id = k.user_id where u.email = '${email}' and k.deleted_at is null),
		(select count(*) from clients c join users u on u.id = c.user_id where u.email = '${email}' and c.deleted_at is null)`))[0];
	const one = await api('keys1', PASSWORD), two = await api('keys2', PASSWORD);
	const keys = [await key(one), await key(two)];
	const client = expect(await two.post('/api/v1/clients', { name: 'c', permissions: ['surveys:read'] }), 201).body;
	expect(await one.post('/api/v1/me/password', { password: PASSWORD, new_password: 'a second password' }), 204);
	assert.deepEqual(await live(), ['2', '1'], 'a new password alone ends sessions');
	expect(await server.anyone.as(keys[1]).get('/api/v1/surveys'), 200);
	const again = await api('keys1', 'a second password');
	expect(await again.post('/api/v1/me/password', { password: 'not this one', new_password: 'a third password', end_keys: true }), 422);
	assert.deepEqual(await live(), ['2', '1']);
	expect(await again.post('/api/v1/me/password', { password: 'a second password', new_password: 'a third password', end_keys: true }), 204);
	assert.deepEqual(await live(), ['0', '0']);
	await sleep(5100);
	for (const k of keys)
		expect(await server.anyone.as(k).get('/api/v1/surveys'), 401);
	assert.equal((await grant(client)).status, 401);
	await key(await api('keys1', 'a third password'));
	expect(await auth('password-reset', { email }), 202);
	expect(await auth('password-reset/confirm', { token: tokenIn((await mailsWhen(server, 'password_reset', email)).at(-1)), new_password: 'a fourth password', end_keys: true }), 204);
	assert.deepEqual(await live(), ['0', '0']);
});
