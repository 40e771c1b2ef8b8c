// What makes a known device a stranger again: another password, a second factor more or less, signing out everywhere; and nothing else. And who is told of tries on
// many of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { mailsOf, mailsWhen, tokenIn } from '../harness/mailbox.mjs';
import { command, run, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { roomInStep, totp } from '../harness/totp.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer({ env: { COLLECT_TRUSTED_HOPS: '1', COLLECT_PUBLIC_URL: 'https://collect.example' } });
let worker;
before(async () => { worker = await new Worker(server, { binary: run.collect }).start(); });
after(() => worker?.stop());

const WRONG = 'not this one', OWN = '/api/v1/me/second-factor';
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const keys = async (pattern) => (await redis('keys', pattern)).split('\n').filter(Boolean);
const calm = async () => { for (const key of await keys('-:backoff:*')) await redis('del', key); };
let addresses = 0, people = 0;
const from = (more) => ({ 'X-Forwarded-For': `198.51.100.${++addresses}`, ...more });
const login = (email, password, headers = from()) => server.anyone.post('/api/v1/auth/login', { email, password }, { headers });
const cookieOf = (reply) => reply.headers['set-cookie'].find((text) => text.startsWith('collect_device=')).split(';')[0];

async function someone() {
	const name = `d${++people}`, email = `${name}@known.example`;
	await server.addTenant(name, email);
	return { email, ...await signed(email) };
}
async function signed(email, password = PASSWORD) {
	const { access_token, device_token } = expect(await login(email, password), 200).body;
	return { api: server.anyone.as(access_token), token: device_token };
}

/** Whether a device with these headers is known: strangers have tried from everywhere, and wait for longer than a test takes. */
async function known(email, headers, password = PASSWORD) {
	await calm();
	expect(await login(email, WRONG), 401);
	const [account] = await keys('-:backoff:account:*');
	await redis('hset', account, 'n', '30', 'until', String(Date.now() + 600000));
	const { status } = await login(email, password, from(headers));
	await calm();
	assert.ok(status === 200 || status === 429, `${status}`);
	return status === 200;
}
const knows = (email, token, password) => known(email, { 'X-Device-Token': token }, password);

test('with another password all devices are strangers, but for the browser that set it', async () => {
	const { email, api, token } = await someone(), other = (await signed(email)).token, later = 'quite another one', last = 'and the one by mail';
	assert.deepEqual([await knows(email, token), await knows(email, other)], [true, true]);
	const set = expect(await api.post('/api/v1/me/password', { password: PASSWORD, new_password: later }), 204);
	assert.deepEqual([await knows(email, token, later), await knows(email, other, later)], [false, false]);
	assert.equal(await known(email, { Cookie: cookieOf(set) }, later), true);
	const again = (await signed(email, later)).token;
	assert.equal(await knows(email, again, later), true);
	expect(await server.anyone.post('/api/v1/auth/password-reset', { email }), 202);
	const [mail] = await mailsWhen(server, 'password_reset', email, 1);
	const reset = expect(await server.anyone.post('/api/v1/auth/password-reset/confirm', { token: tokenIn(mail), new_password: last }), 204);
	assert.equal(await knows(email, again, last), false);
	assert.equal(await known(email, { Cookie: cookieOf(reset) }, last), true);
	// the same password again is another one: what is compared is its hash
	const back = (await signed(email, last));
	expect(await back.api.post('/api/v1/me/password', { password: last, new_password: last }), 204);
	assert.equal(await knows(email, back.token, last), false);
});

test('a second factor more or less makes strangers of them; a recovery code and another name do not', async () => {
	const { email, api, token } = await someone();
	expect(await api.patch('/api/v1/me', { name: 'Another' }), 200);
	assert.equal(await knows(email, token), true);
	await roomInStep();
	const { secret } = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	assert.equal(await knows(email, token), true, 'one that is not confirmed is none');
	const confirmed = expect(await api.post(`${OWN}/confirm`, { code: totp(secret, -1) }), 200);
	assert.equal(await knows(email, token), false);
	assert.equal(await known(email, { Cookie: cookieOf(confirmed) }), true);
	const half = expect(await login(email, PASSWORD), 200).body.second_factor_token;
	const whole = expect(await server.anyone.post('/api/v1/auth/second-factor', { token: half, code: confirmed.body.recovery_codes[0] }), 200).body;
	assert.equal(await knows(email, whole.device_token), true);
	const removed = expect(await server.anyone.as(whole.access_token).post(`${OWN}/remove`, { password: PASSWORD, code: confirmed.body.recovery_codes[1] }), 204);
	assert.equal(await knows(email, whole.device_token), false);
	assert.equal(await knows(email, token), false, 'nor those of before');
	assert.equal(await known(email, { Cookie: cookieOf(removed) }), true);
});

test('signing out everywhere makes strangers of them, of one device does not', async () => {
	const { email, api, token } = await someone(), other = await signed(email);
	expect(await other.api.post('/api/v1/auth/logout'), 204);
	assert.deepEqual([await knows(email, token), await knows(email, other.token)], [true, true]);
	expect(await api.delete('/api/v1/me/sessions'), 204);
	assert.deepEqual([await knows(email, token), await knows(email, other.token)], [false, false]);
	assert.equal(await knows(email, (await signed(email)).token), true);
	assert.deepEqual(await rows(server.database.name, `select devices_ended from users where email = '${email}'`), [['1']]);
});

test('tries on many known devices are counted together, and their owner is told once', async () => {
	const { email, token } = await someone(), tokens = [token];
	for (let i = 0; i < 5; i++)
		tokens.push((await signed(email)).token);
	const fail = async (device) => {
		for (const key of await keys('-:backoff:*'))
			await redis('hdel', key, 'until'); // as if the pause were over
		expect(await login(email, WRONG, from({ 'X-Device-Token': device })), 401);
	};
	const told = async () => {
		await until('the jobs to be done', async () => (await rows(server.database.name, "select 1 from jobs where type = 'mail.send'")).length === 0);
		return (await mailsOf(server, 'locked', email)).length;
	};
	for (let i = 0; i < 25; i++)
		await fail(tokens[i % 6]);
	assert.equal(await told(), 0);
	await fail(tokens[1]); // none of them has more than five
	assert.equal((await mailsWhen(server, 'locked', email, 1)).length, 1);
	for (const device of tokens)
		await fail(device);
	assert.equal(await told(), 1);
	// who sets a new password has a clean slate
	expect(await server.anyone.post('/api/v1/auth/password-reset', { email }), 202);
	const [mail] = await mailsWhen(server, 'password_reset', email, 1);
	expect(await server.anyone.post('/api/v1/auth/password-reset/confirm', { token: tokenIn(mail), new_password: 'quite another one' }), 204);
	assert.deepEqual(await keys('-:backoff:devices:*'), []);
	await calm();
});
