// Members who are forgotten take their address along, wherever it was kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { mailsWhen, tokenIn } from '../harness/mailbox.mjs';
import { withPrivacy } from '../harness/privacy.mjs';
import { until } from '../harness/run.mjs';

const { server, query, run, erase, traces } = withPrivacy();
let other, otherApi;
before(async () => {
	other = await server.addTenant('other', 'olga@other.example');
	otherApi = await server.login(other.email);
});

const invite = async (email, api = server.api, key = crypto.randomUUID()) => expect(await api.post('/api/v1/invitations', { email, role: 'analyst' }, { headers: { 'Idempotency-Key': key } }), 201).body;
async function join(email, name) {
	await invite(email);
	const [mail] = await mailsWhen(server, 'invitation', email);
	expect(await server.anyone.post('/api/v1/auth/accept-invitation', { token: tokenIn(mail), password: 'a password of mine', name }), 200);
	const [[user]] = await query(`select id from users where email = '${email}'`);
	return user;
}
const leave = async (user) => expect(await server.api.delete(`/api/v1/members/${user}`, expect(await server.api.get(`/api/v1/members/${user}`), 200).body.version), 204);
const unsent = async () => until('mails to be sent', async () => (await query("select 1 from jobs where type = 'mail.send'")).length === 0);

test('erased by id, a member who came by an invitation leaves no address', async () => {
	const EMAIL = 'nga.9911@acme.example', NEAR = 'o.nga.9911@acme.example';
	const user = await join(EMAIL, 'Canary Nga');
	await invite(NEAR);
	await invite(NEAR.replace('example', 'example.org'));
	await unsent();
	await leave(user);
	assert.equal((await query(`select 1 from invitations where accepted_by = '${user}'`)).length, 1);
	const { status, result } = await erase({ user_id: user });
	assert.deepEqual([status, result.member, result.invitations, result.stored_replies], ['succeeded', 'forgotten', 1, 1]);
	assert.deepEqual(await query(`select email from users where id = '${user}'`), [[`erased-${user}@invalid`]]);
	assert.deepEqual((await query("select email from invitations where email like '%nga%' order by 1")).flat(), [NEAR, NEAR.replace('example', 'example.org')].sort(), 'addresses that only contain it');
	assert.equal((await query("select 1 from idempotency where body like '%o.nga%'")).length, 2);
	await run("delete from invitations where email like '%nga%'; delete from idempotency where body like '%o.nga%'");
	assert.deepEqual(await traces([` ${EMAIL}`, `"${EMAIL}`, `\t${EMAIL}`, 'Canary Nga']), []);
});

test('a member who stays keeps his account, and loses invitations and replies', async () => {
	const EMAIL = 'stays.9913@acme.example', user = await join(EMAIL, 'Canary Stays');
	const { result } = await erase({ user_id: user });
	assert.deepEqual([result.member, result.invitations, result.stored_replies], ['kept', 1, 1]);
	assert.deepEqual(await query(`select email from users where id = '${user}'`), [[EMAIL]]);
});

test('collect user erase takes the address out of every tenant', async () => {
	const EMAIL = 'oto.9912@acme.example', user = await join(EMAIL, 'Canary Oto');
	await leave(user);
	await invite(EMAIL, otherApi);
	const theirs = await invite(`x${EMAIL}`, otherApi);
	await unsent();
	const erased = await server.collect('user', 'erase', EMAIL.toUpperCase());
	assert.equal(erased.code, 0, erased.stderr);
	assert.deepEqual(await query(`select id from invitations where email like '%${EMAIL}'`), [[theirs.id]]);
	await run("delete from invitations; delete from idempotency", other.id);
	assert.deepEqual(await traces([EMAIL, 'Canary Oto']), []);
});

test('which texts name an address', async () => {
	const names = async (text) => (await query(`select names_address('${text}', 'a+b@acme.example')`))[0][0];
	for (const text of ['{"email": "a+b@acme.example"}', 'a+b@acme.example', 'write to a+b@acme.example.', '<a+b@acme.example>, x', 'mailto:a+b@acme.example?x=1'])
		assert.equal(await names(text), 't', text);
	for (const text of ['nga+b@acme.example', 'x.a+b@acme.example', 'x-a+b@acme.example', 'a+b@acme.example.org', 'a+b@acme.examples', 'aab@acme.example', 'a+b@acme-example', ''])
		assert.equal(await names(text), 'f', text);
});
