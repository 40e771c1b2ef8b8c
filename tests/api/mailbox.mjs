// Whose an account is: the one who reads the mailbox of its address. Who made an account without that loses it, and everything he left in it, to who does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { mailsWhen, tokenIn } from '../harness/mailbox.mjs';
import { command, run, sleep } from '../harness/run.mjs';
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
