// Sessions: what a refresh token is good for, how often, and how soon everything that hangs on it ends.
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as jose from 'jose';
import { expect } from '../harness/client.mjs';
import { command, until } from '../harness/run.mjs';
import { psql, rows } from '../harness/database.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const server = withServer();
const ANA = { email: 'ana@acme.example', password: PASSWORD };
const post = (what, body, options) => server.anyone.post(`/api/v1/auth/${what}`, body, options);
const signIn = async (more = {}) => expect(await post('login', { ...ANA, ...more }), 200).body;
const renew = (refresh_token) => post('refresh', { refresh_token });
const me = (token) => server.anyone.as(token).get('/api/v1/me');
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** What a process believed a moment ago it may believe for three seconds. */
const endsSoon = (token) => until('the access token to end', async () => (await me(token)).status === 401);

test('access tokens are verified with the published keys, by somebody else\'s library', async () => {
	const body = await signIn();
	const set = expect(await server.anyone.get('/.well-known/jwks.json'), 200);
	assert.match(set.headers['cache-control'], /public/);
	assert.equal(set.body.keys.length, 1);
	assert.ok(!('d' in set.body.keys[0]), 'the private half stays');
	assert.equal(set.body.keys[0].kid, await jose.calculateJwkThumbprint(set.body.keys[0]));
	const keys = jose.createLocalJWKSet(set.body);
	const options = { algorithms: ['ES256'], audience: 'collect-api', issuer: 'collect', typ: 'at+jwt' };
	const { payload, protectedHeader } = await jose.jwtVerify(body.access_token, keys, options);
	assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'at+jwt' });
	assert.equal(payload.tenant_id, body.tenant.id);
	assert.equal(payload.sub, body.user.id);
	assert.equal(payload.sid, body.session_id);
	await assert.rejects(jose.jwtVerify(body.access_token, keys, { ...options, audience: 'elsewhere' }), jose.errors.JWTClaimValidationFailed);
});

test('what jose makes is taken only when everything is right', async () => {
	const jwk = JSON.parse(readFileSync(server.tokenKey, 'utf8'));
	const key = createPrivateKey({ key: jwk, format: 'jwk' });
	const body = await signIn();
	const good = jose.decodeJwt(body.access_token);
	const make = (claims = {}, header = {}, by = key) => new jose.SignJWT({ ...good, ...claims })
		.setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header }).sign(by);
	const now = Math.floor(Date.now() / 1000);
	const secret = new TextEncoder().encode(JSON.stringify({ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }));
	expect(await me(await make()), 200);
	const other = await server.addTenant(`other${Math.floor(Math.random() * 1e6)}`, 'olga@other.example');
	const elsewhere = expect(await post('login', { email: other.email, password: PASSWORD }), 200).body;
	const bad = {
		'alg none': new jose.UnsecuredJWT(good).encode(),
		'swapped keys: HS256 with the public key': await make({}, { alg: 'HS256' }, secret),
		'another EC key': await make({}, {}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
		'an RSA key': await make({}, { alg: 'RS256' }, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
		'wrong type': await make({}, { typ: 'JWT' }),
		'named key': await make({}, { kid: 'test' }),
		'another tenant': await make({ tenant_id: other.id }),
		'another tenant\'s session': await make({ sid: elsewhere.session_id }),
		'no session': await make({ sid: undefined }),
		'another audience': await make({ aud: 'mail' }),
		'another issuer': await make({ iss: 'elsewhere' }),
		'expired': await make({ exp: now - 1 }),
		'not yet valid': await make({ nbf: now + 3600 }),
		'issued in the future': await make({ iat: now + 3600 }),
		'no expiry': await make({ exp: undefined }),
		'a list of audiences': await make({ aud: ['collect-api'] }),
		'its own key in the header': await make({}, { jwk: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y } }),
		'an unencoded payload': await make({}, { b64: true, crit: ['b64'] }),
		'the type of the second factor': await make({}, { typ: 'second-factor+jwt' }),
		'the audience of the second factor': await make({ aud: 'collect-second-factor' }),
		'for the second factor': await make({ sid: undefined, ver: 1 }),
		'for the second factor, in all': await make({ sid: undefined, ver: 1, aud: 'collect-second-factor' }, { typ: 'second-factor+jwt' }),
		'a session and a version': await make({ ver: 1 }),
		'a session and a client': await make({ client_id: body.session_id, scope: 'surveys:read' }),
		'a session with a scope': await make({ scope: 'surveys:read' }),
		'a client that is none': await make({ sid: undefined, client_id: body.session_id, scope: 'surveys:read' }),
		'a client without a scope': await make({ sid: undefined, client_id: body.session_id }),
		'no payload': `${body.access_token.split('.')[0]}..${body.access_token.split('.')[2]}`,
		'two of them': `${body.access_token}.${body.access_token}`,
		'a refresh token': body.refresh_token,
	};
	const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
	for (const [what, swapped] of Object.entries({ PEM: pem, 'PEM without its last line': pem.trim(), JWK: JSON.stringify(jwk), x: jwk.x, 'x and y': jwk.x + jwk.y }))
		bad[`swapped keys: HS256 with ${what}`] = await make({}, { alg: 'HS256' }, new TextEncoder().encode(swapped.padEnd(32, ' ')));
	for (const [what, token] of Object.entries(bad))
		assert.equal((await me(token)).status, 401, what);
});

test('a refresh token gives the next one, once', async () => {
	const first = await signIn();
	assert.match(first.refresh_token, /^ccr_[\w-]{128}$/);
	const second = expect(await renew(first.refresh_token), 200).body;
	assert.notEqual(second.refresh_token, first.refresh_token);
	assert.equal(second.session_id, first.session_id);
	expect(await me(second.access_token), 200);
	const third = expect(await renew(second.refresh_token), 200).body;
	assert.equal(third.session_id, first.session_id);
});

test('a reply that got lost may be asked for again within ten seconds: the same successor', async () => {
	const first = await signIn();
	const second = expect(await renew(first.refresh_token), 200).body;
	const again = expect(await renew(first.refresh_token), 200).body;
	assert.equal(again.refresh_token, second.refresh_token);
	const both = await Promise.all([renew(second.refresh_token), renew(second.refresh_token)]);
	assert.equal(expect(both[0], 200).body.refresh_token, expect(both[1], 200).body.refresh_token);
});

test('later it is a copy, and the whole session ends', async () => {
	const first = await signIn();
	const second = expect(await renew(first.refresh_token), 200).body;
	const key = `${first.tenant.id}:session:${first.session_id}`;
	await redis('hincrby', key, 'at', '-10001'); // as if it had been renewed ten seconds ago
	expect(await renew(first.refresh_token), 401, 'unauthenticated');
	expect(await renew(second.refresh_token), 401);
	await endsSoon(second.access_token);
	await endsSoon(first.access_token);
});

test('a token from before the last one ends the session at once', async () => {
	const first = await signIn();
	const second = expect(await renew(first.refresh_token), 200).body;
	const third = expect(await renew(second.refresh_token), 200).body;
	expect(await renew(first.refresh_token), 401);
	expect(await renew(third.refresh_token), 401);
	await endsSoon(third.access_token);
});

test('forged and foreign refresh tokens', async () => {
	const { refresh_token: good, access_token } = await signIn();
	const bytes = Buffer.from(good.slice(4), 'base64url');
	const foreign = Buffer.from(bytes);
	foreign[0] ^= 1; // another tenant
	// the ids stand in the log: with a secret made up they are nobody's token, and end nothing
	const made = Buffer.concat([bytes.subarray(0, 48), randomBytes(bytes.length - 48)]);
	expect(await renew(`ccr_${made.toString('base64url')}`), 401);
	for (const token of ['x', 'ccr_', `ccr_${'A'.repeat(107)}`, `ccr_${'A'.repeat(128)}`, good.slice(0, -1), `${good}A`, access_token, `ccr_${foreign.toString('base64url')}`])
		expect(await renew(token), 401);
	expect(await renew(good), 200);
	expect(await post('refresh', {}), 401);
});

test('Redis has hashes only, under keys that begin with the tenant', async () => {
	const { refresh_token, tenant } = await signIn();
	const keys = (await redis('keys', '*')).split('\n');
	const sessions = keys.filter((k) => k.includes(':session'));
	assert.ok(sessions.length > 1);
	for (const key of sessions) {
		assert.match(key, /^[0-9a-f-]{36}:sessions?:[0-9a-f-]{36}$/);
		assert.ok(Number(await redis('ttl', key)) > 0, `${key} ends`);
	}
	const secret = Buffer.from(refresh_token.slice(4), 'base64url').subarray(48, 80);
	for (const key of sessions.filter((k) => k.startsWith(tenant.id) && k.includes(':session:'))) {
		const all = await redis('hgetall', key);
		assert.ok(!all.includes(refresh_token) && !all.includes(secret.toString('hex')) && !all.includes(secret.toString('base64url')));
	}
});

test('a browser: the cookie is out of reach of scripts, and not enough by itself', async () => {
	const reply = expect(await post('login', { ...ANA, cookie: true }), 200);
	const [set] = reply.headers['set-cookie'];
	for (const part of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/api/v1/auth'])
		assert.ok(set.includes(part), set);
	assert.equal(reply.body.refresh_token, undefined);
	const Cookie = `theme=dark; ${set.split(';')[0]}`;
	const guard = reply.body.forgery_token;
	expect(await post('refresh', {}, { headers: { Cookie } }), 403);
	expect(await post('refresh', {}, { headers: { Cookie, 'X-Forgery-Token': `${guard.slice(0, -2)}AA` } }), 403);
	const stranger = expect(await post('login', { ...ANA, cookie: true }), 200).body.forgery_token;
	expect(await post('refresh', {}, { headers: { Cookie, 'X-Forgery-Token': stranger } }), 403);
	const next = expect(await post('refresh', {}, { headers: { Cookie, 'X-Forgery-Token': guard } }), 200);
	assert.equal(next.body.refresh_token, undefined);
	assert.equal(next.body.forgery_token, guard);
	assert.notEqual(next.headers['set-cookie'][0], set);
	const out = expect(await server.anyone.as(next.body.access_token).post('/api/v1/auth/logout'), 204);
	assert.match(out.headers['set-cookie'][0], /^collect_refresh=;.*Max-Age=0/);
});

test('signing out ends this session at once, and no other', async () => {
	const here = await signIn(), there = await signIn();
	expect(await server.anyone.as(here.access_token).post('/api/v1/auth/logout'), 204);
	expect(await me(here.access_token), 401);
	expect(await renew(here.refresh_token), 401);
	expect(await me(there.access_token), 200);
	expect(await renew(there.refresh_token), 200);
});

test('one\'s sessions are listed and ended one by one; nobody ends another\'s', async () => {
	const here = await signIn(), there = await signIn();
	const api = server.anyone.as(here.access_token);
	const { items } = expect(await api.get('/api/v1/me/sessions'), 200).body;
	assert.deepEqual(items.filter((s) => s.current).map((s) => s.id), [here.session_id]);
	assert.ok(items.some((s) => s.id === there.session_id && s.address === '127.0.0.1'));
	expect(await api.delete(`/api/v1/me/sessions/${there.session_id}`), 204);
	expect(await renew(there.refresh_token), 401);
	await endsSoon(there.access_token);
	expect(await api.delete(`/api/v1/me/sessions/${there.session_id}`), 404);
	const other = await server.addTenant(`ends${Math.floor(Math.random() * 1e6)}`, 'eve@ends.example');
	const eve = expect(await post('login', { email: other.email, password: PASSWORD }), 200).body;
	expect(await server.anyone.as(eve.access_token).delete(`/api/v1/me/sessions/${here.session_id}`), 404);
	expect(await me(here.access_token), 200);
});

test('a member of two tenants goes from one to the other, and out of both', async () => {
	const slug = `both${Math.floor(Math.random() * 1e6)}`;
	await server.addTenant(slug, 'ana@acme.example');
	const here = await signIn({ tenant: 'acme' });
	expect(await server.anyone.as(here.access_token).post('/api/v1/auth/switch', { tenant: 'no-such-tenant' }), 404);
	const there = expect(await server.anyone.as(here.access_token).post('/api/v1/auth/switch', { tenant: slug }), 200).body;
	assert.equal(there.tenant.slug, slug);
	expect(await me(here.access_token), 401);
	const again = await signIn({ tenant: 'acme' });
	expect(await server.anyone.as(there.access_token).delete('/api/v1/me/sessions'), 204);
	for (const s of [there, again]) {
		await endsSoon(s.access_token);
		expect(await renew(s.refresh_token), 401);
	}
});

test('going from tenant to tenant does not make a session longer', async () => {
	const slug = `long${Math.floor(Math.random() * 1e6)}`;
	const other = await server.addTenant(slug, 'ana@acme.example');
	const here = await signIn({ tenant: 'acme' });
	const key = (s) => `${s.tenant.id}:session:${s.session_id}`;
	const end = async (s) => Number(await redis('hget', key(s), 'end'));
	const first = await end(here);
	assert.ok(Math.abs(first - Date.now() - 90 * 86400000) < 60000, 'session_max_s from now');
	const soon = Date.now() + 100000;
	await redis('hset', key(here), 'end', String(soon)); // as if he had signed in long ago
	const there = expect(await server.anyone.as(here.access_token).post('/api/v1/auth/switch', { tenant: slug }), 200).body;
	assert.deepEqual([there.tenant.id, await end(there)], [other.id, soon]);
	assert.ok(Number(await redis('pttl', key(there))) <= 100000);
	const back = expect(await server.anyone.as(there.access_token).post('/api/v1/auth/switch', { tenant: 'acme' }), 200).body;
	assert.equal(await end(back), soon);
	expect(await renew(back.refresh_token), 200);
	assert.ok(Number(await redis('pttl', key(back))) <= 100000);
});

test('a session that was ended makes nothing that outlasts it', async () => {
	const tenant = await server.addTenant(`ended${Math.floor(Math.random() * 1e6)}`, 'tess@ended.example');
	const tess = { email: tenant.email, password: PASSWORD };
	const own = expect(await post('login', tess), 200).body, copied = expect(await post('login', tess), 200).body;
	const copy = server.anyone.as(copied.access_token);
	expect(await copy.get('/api/v1/me'), 200); // this process has seen it alive
	await redis('del', `${tenant.id}:session:${copied.session_id}`); // as another process ends it
	expect(await copy.get('/api/v1/me'), 200);
	expect(await copy.post('/api/v1/auth/switch', { tenant: tenant.slug }), 401);
	expect(await copy.get('/api/v1/me'), 401);
	for (const make of [(api) => api.post('/api/v1/api-keys', { name: 'copy', permissions: ['members:read'] }), (api) => api.delete('/api/v1/me/sessions')]) {
		const one = expect(await post('login', tess), 200).body, api = server.anyone.as(one.access_token);
		expect(await api.get('/api/v1/me'), 200);
		await redis('del', `${tenant.id}:session:${one.session_id}`);
		expect(await make(api), 401);
	}
	const before = expect(await post('login', tess), 200).body;
	expect(await me(before.access_token), 200);
	expect(await server.anyone.as(own.access_token).delete('/api/v1/me/sessions'), 204);
	expect(await me(before.access_token), 401); // at once
});

test('of two who switch with one session, one gets the other', async () => {
	const { access_token } = await signIn();
	const both = await Promise.all(Array.from({ length: 6 }, () => server.anyone.as(access_token).post('/api/v1/auth/switch', { tenant: 'acme' })));
	assert.deepEqual(both.map((r) => r.status).sort(), [200, 401, 401, 401, 401, 401]);
});

test('a sign-in or a switch under way does not outlast the new password that ends all sessions', async () => {
	const email = 'ray@race.example', slugs = ['race1', 'race2', 'race3'];
	for (const slug of slugs)
		await server.addTenant(slug, email);
	let password = PASSWORD;
	for (let round = 0; round < 4; round++) {
		const begun = [], own = expect(await post('login', { email, password }), 200).body;
		const note = (r) => { if (r.status === 200) begun.push(r.body); return r; };
		const goes = async (session) => { // from tenant to tenant for as long as it is let
			for (let i = 0, now = session; now && i < 60; i++) {
				const r = note(await server.anyone.post('/api/v1/auth/switch', { tenant: slugs[i % 3] }, { headers: { Authorization: `Bearer ${now.access_token}` }, unchecked: true }));
				now = r.status === 200 ? r.body : null;
			}
		};
		const roaming = (await Promise.all([0, 1, 2].map(() => post('login', { email, password })))).map((r) => expect(r, 200).body);
		const logins = [0, 1, 2, 3, 4, 5].map(() => server.anyone.post('/api/v1/auth/login', { email, password }, { unchecked: true }).then(note));
		const next = `a password of round ${round}`;
		const changing = server.anyone.as(own.access_token).post('/api/v1/me/password', { password, new_password: next });
		await Promise.all([...roaming.map(goes), ...logins, changing]);
		expect(await changing, 204);
		password = next;
		for (const s of begun)
			expect(await renew(s.refresh_token), 401);
		for (const key of (await redis('keys', '-:backoff:*')).split('\n').filter(Boolean))
			await redis('del', key);
	}
});

test('a sign-in that waits between its password and its session does not outlast a new password', async () => {
	const email = 'late@race.example', next = 'a password of later', name = server.database.name;
	await server.addTenant('late', email);
	const own = expect(await post('login', { email, password: PASSWORD }), 200).body;
	const [[before]] = await rows(name, `select password_hash from users where email = '${email}'`);
	// the device of who signs in is noted just before the session: held until the password is another, and a second longer
	const held = psql(name, `begin; lock table collect.user_devices in exclusive mode; do $$ begin for i in 1..200 loop
		exit when (select password_hash from collect.users where email = '${email}') <> '${before}'; perform pg_sleep(0.1); end loop; perform pg_sleep(1); end $$; commit`);
	await until('the lock', async () => (await rows(name, "select 1 from pg_locks where relation = 'collect.user_devices'::regclass and mode = 'ExclusiveLock' and granted")).length);
	const late = server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD }, { unchecked: true });
	await until('the sign-in to wait', async () => (await rows(name, "select 1 from pg_locks where relation = 'collect.user_devices'::regclass and not granted")).length);
	expect(await server.anyone.as(own.access_token).post('/api/v1/me/password', { password: PASSWORD, new_password: next }), 204);
	assert.equal((await held).code, 0);
	assert.equal((await late).status, 401);
});

test('who is removed is out within seconds', async () => {
	const tenant = await server.addTenant(`gone${Math.floor(Math.random() * 1e6)}`, 'gus@gone.example');
	const gus = expect(await post('login', { email: tenant.email, password: PASSWORD }), 200).body;
	expect(await me(gus.access_token), 200);
	const began = Date.now();
	await psql(server.database.name, `update collect.memberships set deleted_at = now() where tenant_id = '${tenant.id}'`);
	await endsSoon(gus.access_token);
	assert.ok(Date.now() - began < 8000, `${Date.now() - began} ms`);
	expect(await renew(gus.refresh_token), 401);
	assert.equal(await redis('exists', `${tenant.id}:session:${gus.session_id}`), '0');
});

test('guessing takes longer and longer, and an unknown account looks the same', async () => {
	const guess = async (email) => {
		const replies = [];
		for (let i = 0; i < 6; i++)
			replies.push(await post('login', { email, password: 'not this one' }));
		return replies.map((r) => [r.status, r.headers['retry-after'] ?? null]);
	};
	const tenant = await server.addTenant(`slow${Math.floor(Math.random() * 1e6)}`, 'sue@slow.example');
	const known = await guess(tenant.email), unknown = await guess('nobody@slow.example');
	assert.deepEqual(known, [...Array(5).fill([401, null]), [429, '1']]);
	assert.deepEqual(unknown, known);
	await sleep(1100);
	expect(await post('login', { email: tenant.email.toUpperCase(), password: 'nor this' }), 401);
	assert.equal((await post('login', { email: tenant.email, password: PASSWORD })).headers['retry-after'], '2');
	await sleep(2100);
	expect(await post('login', { email: tenant.email, password: PASSWORD }), 200);
	expect(await post('login', { email: tenant.email, password: 'not this one' }), 401);
	expect(await post('login', { email: tenant.email, password: PASSWORD }), 200);
});

test('without Redis nobody signs in or renews; who is in stays in', async () => {
	const ana = await signIn();
	expect(await me(ana.access_token), 200);
	assert.ok((await rows(server.database.name, 'select 1 from users')).length > 0);
	await server.redis.stop();
	expect(await post('login', ANA), 503);
	expect(await renew(ana.refresh_token), 503);
	await sleep(3500);
	expect(await me(ana.access_token), 200);
});
