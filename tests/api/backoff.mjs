// Who guesses waits, and keeps nobody else waiting who has signed in before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { command } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const FREE = 5, SHARED_FREE = 20, WRONG = 'not this one';
const server = withServer({ env: { COLLECT_TRUSTED_HOPS: '1' } });
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
let addresses = 0, people = 0;
/** Headers of a client that nobody has seen before. */
const from = (more) => ({ 'X-Forwarded-For': `198.51.100.${++addresses}`, ...more });
const login = (email, password, headers = from(), more = {}) => server.anyone.post('/api/v1/auth/login', { email, password, ...more }, { headers });
const count = (replies, status) => replies.filter((reply) => reply.status === status).length;

async function someone() {
	const name = `p${++people}`, email = `${name}@people.example`;
	return { email, ...await server.addTenant(name, email), token: expect(await login(email, PASSWORD), 200).body.device_token };
}

/** As if strangers had tried from many addresses: no device that is not known may try, for longer than a test takes. */
async function lockedOut(email) {
	expect(await login(email, WRONG), 401);
	await redis('hset', await redis('keys', '-:backoff:account:*'), 'n', '30', 'until', String(Date.now() + 600000));
	expect(await login(email, PASSWORD), 429);
}

const calm = async () => { for (const key of (await redis('keys', '-:backoff:*')).split('\n').filter(Boolean)) await redis('del', key); };

before(calm);

test('of many attempts at once no more are looked at than are free', async () => {
	const { email, token } = await someone();
	for (const headers of [from(), from({ 'X-Device-Token': token })]) {
		const replies = await Promise.all(Array.from({ length: 28 }, () => login(email, WRONG, headers)));
		assert.equal(count(replies, 401), FREE, replies.map((reply) => reply.status).join());
		assert.equal(count(replies, 429), 28 - FREE);
	}
	await calm();
});

test('from many addresses at once: as many as an account has free', async () => {
	const { email } = await someone();
	const replies = await Promise.all(Array.from({ length: 30 }, () => login(email, WRONG)));
	assert.equal(count(replies, 401), SHARED_FREE);
	assert.equal(count(replies, 429), 10);
	await calm();
});

test('a right password gives back what it counted, and nobody is paused by those who sign in', async () => {
	const { email } = await someone(), headers = from();
	for (const reply of await Promise.all(Array.from({ length: 4 }, () => login(email, PASSWORD, headers))))
		expect(reply, 200);
	for (let round = 0; round < 3; round++) {
		for (let i = 0; i < FREE - 1; i++)
			expect(await login(email, WRONG, headers), 401);
		expect(await login(email, PASSWORD, headers), 200); // the fifth: counted, right, given back
	}
	assert.equal(await redis('keys', '-:backoff:*'), '');
});

test('a stranger locks nobody out of a device that he has signed in with', async () => {
	const { email, token } = await someone();
	const stranger = from();
	for (let i = 0; i < FREE; i++)
		expect(await login(email, WRONG, stranger), 401);
	expect(await login(email, PASSWORD, stranger), 429); // he waits, and another address does not
	expect(await login(email, PASSWORD), 200);
	await calm();
	await lockedOut(email);
	const again = expect(await login(email, PASSWORD, from({ 'X-Device-Token': token })), 200).body.device_token;
	expect(await login(email.toUpperCase(), PASSWORD, from({ 'X-Device-Token': again })), 200);
	expect(await login(email, PASSWORD, from({ Cookie: `a=b; collect_device=${again}` })), 200);
	expect(await login(email, PASSWORD), 429);
	await calm();
});

test('a known device has tries of its own, and no more of them', async () => {
	const { email, token } = await someone(), headers = () => from({ 'X-Device-Token': token });
	for (let i = 0; i < FREE; i++)
		expect(await login(email, WRONG, headers()), 401);
	expect(await login(email, PASSWORD, headers()), 429);
	expect(await login(email, PASSWORD), 200); // it keeps others from nothing either
	await calm();
});

test('all known devices of an account together have as many tries as all strangers', async () => {
	const { email, token } = await someone();
	const tokens = [token];
	for (let i = 0; i < 5; i++)
		tokens.push(expect(await login(email, PASSWORD), 200).body.device_token);
	assert.equal(new Set(tokens).size, 6);
	const replies = [];
	for (const one of tokens)
		for (let i = 0; i < FREE; i++)
			replies.push(await login(email, WRONG, from({ 'X-Device-Token': one })));
	assert.equal(count(replies, 401), SHARED_FREE, replies.map((reply) => reply.status).join());
	assert.equal(count(replies, 429), 30 - SHARED_FREE);
	await calm();
});

test('the token of another account, a changed one and an old one are worth nothing', async () => {
	const { email, token } = await someone(), other = await someone();
	await lockedOut(email);
	const changed = Buffer.from(token, 'base64url'), old = Buffer.from(token, 'base64url');
	changed[0] ^= 1;
	old[20] ^= 64; // another instant
	for (const shown of [other.token, changed.toString('base64url'), old.toString('base64url'), token.slice(0, -4), 'x', ''])
		expect(await login(email, PASSWORD, from({ 'X-Device-Token': shown })), 429);
	expect(await login(email, PASSWORD, from({ 'X-Device-Token': token })), 200);
	await calm();
});

test('browsers get it as a cookie that no script reads', async () => {
	const { email } = await someone();
	const reply = expect(await login(email, PASSWORD, from(), { cookie: true }), 200);
	assert.equal(reply.body.device_token, undefined);
	const cookie = reply.headers['set-cookie'].find((text) => text.startsWith('collect_device='));
	for (const attribute of [/; HttpOnly/, /; Secure/, /; SameSite=Lax/, /; Path=\/api\/v1\/auth/, /; Max-Age=34560000/])
		assert.match(cookie, attribute);
	await lockedOut(email);
	expect(await login(email, PASSWORD, from({ Cookie: cookie.split(';')[0] })), 200);
	await calm();
});

test('who is signed in changes his password whatever strangers try; his own tries are counted by session and user', async () => {
	const { email, slug } = await someone();
	const signed = async () => server.anyone.as(expect(await login(email, PASSWORD), 200).body.access_token);
	const me = await signed(), another = await signed();
	const change = (api, password, now = PASSWORD) => api.post('/api/v1/me/password', { password, new_password: now }, { headers: from() });
	await lockedOut(email);
	const replies = await Promise.all(Array.from({ length: 12 }, () => change(another, WRONG)));
	assert.equal(count(replies, 422), FREE);
	assert.equal(count(replies, 429), 12 - FREE);
	let api = me, tried; // a session that switches is a new one, but the user is the same
	await redis('hset', await redis('keys', '-:backoff:user:*'), 'n', String(tried = SHARED_FREE - FREE - 1));
	for (; tried < SHARED_FREE; tried++) {
		if (tried % (FREE - 1) === 0)
			api = server.anyone.as(expect(await api.post('/api/v1/auth/switch', { tenant: slug }), 200).body.access_token);
		expect(await change(api, WRONG), 422);
	}
	api = server.anyone.as(expect(await api.post('/api/v1/auth/switch', { tenant: slug }), 200).body.access_token);
	expect(await change(api, PASSWORD), 429);
	await redis('del', await redis('keys', '-:backoff:user:*'));
	expect(await change(api, PASSWORD), 204);
	expect(await login(email, PASSWORD), 200); // a new password ends the pause that others caused
	await calm();
});

test('asking for mails keeps nobody from signing in, nor signing in from asking', async () => {
	const { email } = await someone();
	const ask = () => server.anyone.post('/api/v1/auth/password-reset', { email }, { headers: from() });
	const replies = await Promise.all(Array.from({ length: 12 }, ask));
	assert.equal(count(replies, 202), FREE);
	assert.equal(count(replies, 429), 12 - FREE);
	expect(await login(email, WRONG), 401);
	expect(await login(email, PASSWORD), 200);
	await calm();
	await lockedOut(email);
	expect(await ask(), 202);
	await calm();
});
