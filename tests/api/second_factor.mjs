// Second factors: codes are taken once, in two steps, counted, and nothing goes around them.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { test } from 'node:test';
import * as jose from 'jose';
import { simpleParser } from 'mailparser';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { readSvg } from '../harness/qr.mjs';
import { command, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { Worker } from '../harness/worker.mjs';
import { roomInStep, totp } from '../harness/totp.mjs';

const server = withServer();
const OWN = '/api/v1/me/second-factor';
const auth = (what, body) => server.anyone.post(`/api/v1/auth/${what}`, body);
const me = (token) => server.anyone.as(token).get('/api/v1/me');
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const sql = (text) => rows(server.database.name, text);
/** Codes of this user that were taken may be taken again. */
const forget = (email) => psql(server.database.name, `update collect.second_factors set last_step = 0 where user_id = (select id from collect.users where email = '${email}')`);
/** As if he had not failed before. */
const calm = async () => { for (const key of (await redis('keys', '-:backoff:*')).split('\n').filter(Boolean)) await redis('del', key); };
let made = 0;

/** Somebody with a tenant of his own and a second factor. */
async function someone() {
	const n = ++made;
	const tenant = await server.addTenant(`t${n}`, `u${n}@second.example`);
	const api = await server.login(tenant.email);
	await roomInStep();
	const { secret, uri } = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	const codes = expect(await api.post(`${OWN}/confirm`, { code: totp(secret, -1) }), 200).body.recovery_codes;
	return { tenant, email: tenant.email, api, secret, uri, codes, login: () => auth('login', { email: tenant.email, password: PASSWORD }) };
}
const halfway = async (u) => expect(await u.login(), 200).body.second_factor_token;
const show = (token, code, more = {}) => auth('second-factor', { token, code, ...more });

test('it is begun with the password, confirmed with a code, and asked for from then on', async () => {
	const tenant = await server.addTenant('begin', 'bea@second.example');
	const api = await server.login(tenant.email);
	assert.deepEqual(expect(await api.get(OWN), 200).body, { enabled: false, enabled_at: null, recovery_codes_left: 0 });
	assert.equal(expect(await api.get('/api/v1/me'), 200).body.second_factor, 'off');
	assert.deepEqual(pointers(expect(await api.post(OWN, { password: 'not this' }), 422)), ['/password']);
	expect(await api.post(`${OWN}/confirm`, { code: '123456' }), 409);
	await roomInStep();
	const first = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	const { secret, uri, qr_svg: picture } = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	assert.match(secret, /^[A-Z2-7]{32}$/);
	assert.notEqual(secret, first.secret);
	assert.equal(new URL(uri).searchParams.get('secret'), secret);
	assert.equal(readSvg(picture), uri);
	assert.match(uri, /^otpauth:\/\/totp\/Cimigo%20Collect:bea%40second\.example\?/);
	expect(await auth('login', { email: tenant.email, password: PASSWORD }), 200).body.access_token.length; // not yet
	for (const code of ['000000', totp(first.secret), totp(secret, 5), '12345', 'abcdef'])
		assert.deepEqual(pointers(expect(await api.post(`${OWN}/confirm`, { code }), 422)), ['/code'], code);
	await calm();
	const { recovery_codes } = expect(await api.post(`${OWN}/confirm`, { code: totp(secret) }), 200).body;
	assert.equal(new Set(recovery_codes).size, 10);
	for (const code of recovery_codes)
		assert.match(code, /^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
	expect(await api.post(OWN, { password: PASSWORD }), 409);
	expect(await api.post(`${OWN}/confirm`, { code: totp(secret, 1) }), 409);
	const state = expect(await api.get(OWN), 200).body;
	assert.equal(state.enabled, true);
	assert.equal(state.recovery_codes_left, 10);
	assert.equal(expect(await api.get('/api/v1/me'), 200).body.second_factor, 'on');
	const half = expect(await auth('login', { email: tenant.email, password: PASSWORD }), 200).body;
	assert.deepEqual(Object.keys(half).sort(), ['expires_in', 'second_factor', 'second_factor_token']);
	assert.equal(half.second_factor, 'required');
	const whole = expect(await show(half.second_factor_token, totp(secret, 1)), 200).body;
	assert.equal(whole.user.email, tenant.email);
	expect(await me(whole.access_token), 200);
	const types = (await sql(`select type from events where aggregate_type = 'user' and tenant_id = '${tenant.id}' order by id`)).flat();
	assert.deepEqual(types, ['sign_in_failed', 'second_factor_enabled', 'second_factor_used']);
});

test('sessions that began without it end, but for the one that set it up', async () => {
	const tenant = await server.addTenant('others', 'oto@second.example');
	await server.addTenant('others2', 'oto@second.example');
	const here = await server.login(tenant.email), there = await server.login(tenant.email);
	const elsewhere = expect(await auth('login', { email: tenant.email, password: PASSWORD, tenant: 'others2' }), 200).body;
	await roomInStep();
	const { secret } = expect(await here.post(OWN, { password: PASSWORD }), 200).body;
	expect(await here.post(`${OWN}/confirm`, { code: totp(secret) }), 200);
	expect(await here.get('/api/v1/me'), 200);
	await until('the other session to end', async () => (await there.get('/api/v1/me')).status === 401);
	await until('that of the other tenant', async () => (await me(elsewhere.access_token)).status === 401);
});

test('a code is taken once, and none of an earlier step after it; of two at once one gets in', async () => {
	const u = await someone();
	await roomInStep();
	const code = totp(u.secret);
	const tokens = await Promise.all([1, 2, 3, 4].map(() => halfway(u)));
	const replies = await Promise.all(tokens.map((t) => show(t, code)));
	assert.deepEqual(replies.map((r) => r.status).sort(), [200, 401, 401, 401]);
	expect(await show(await halfway(u), code), 401);
	expect(await show(await halfway(u), totp(u.secret, -1)), 401);
	await calm();
	expect(await show(await halfway(u), totp(u.secret, 1)), 200);
	for (const off of [-3, -2, 2, 3]) {
		await calm();
		await forget(u.email);
		expect(await show(await halfway(u), totp(u.secret, off)), 401);
	}
});

test('a recovery code is good once, in any case, with or without dashes; of two at once one gets in', async () => {
	const u = await someone();
	const [a, b, c] = u.codes;
	expect(await show(await halfway(u), a), 200);
	expect(await show(await halfway(u), a), 401);
	expect(await show(await halfway(u), ` ${b.replaceAll('-', ' ').toLowerCase()}`), 200);
	const tokens = await Promise.all([1, 2, 3].map(() => halfway(u)));
	const replies = await Promise.all(tokens.map((t) => show(t, c)));
	assert.deepEqual(replies.map((r) => r.status).sort(), [200, 401, 401]);
	assert.equal(expect(await u.api.get(OWN), 200).body.recovery_codes_left, 7);
	await calm();
	for (const code of u.codes.slice(3)) {
		expect(await show(await halfway(u), code), 200);
	}
	expect(await show(await halfway(u), u.codes[9]), 401);
	assert.equal(expect(await u.api.get(OWN), 200).body.recovery_codes_left, 0);
	await forget(u.email);
	await calm();
	await roomInStep();
	expect(await u.api.post(`${OWN}/recovery-codes`, { password: 'not this', code: totp(u.secret) }), 422);
	expect(await u.api.post(`${OWN}/recovery-codes`, { password: PASSWORD, code: '000000' }), 422);
	const fresh = expect(await u.api.post(`${OWN}/recovery-codes`, { password: PASSWORD, code: totp(u.secret) }), 200).body.recovery_codes;
	assert.equal(fresh.length, 10);
	assert.ok(fresh.every((code) => !u.codes.includes(code)));
	expect(await show(await halfway(u), fresh[0]), 200);
});

test('another\'s codes and tokens are not taken', async () => {
	const [u, v] = [await someone(), await someone()];
	await roomInStep();
	expect(await show(await halfway(u), totp(v.secret)), 401);
	expect(await show(await halfway(u), v.codes[0]), 401);
	expect(await show(await halfway(v), v.codes[0]), 200);
});

test('the token between password and code is good for nothing else, and a while', async () => {
	const u = await someone();
	const token = await halfway(u);
	const keys = jose.createLocalJWKSet(expect(await server.anyone.get('/.well-known/jwks.json'), 200).body);
	const { payload } = await jose.jwtVerify(token, keys, { algorithms: ['ES256'], audience: 'collect-second-factor', issuer: 'collect', typ: 'second-factor+jwt' });
	assert.equal(payload.exp - payload.iat, 300);
	assert.equal(payload.sid, undefined);
	expect(await me(token), 401);
	expect(await auth('refresh', { refresh_token: token }), 401);
	expect(await server.anyone.as(token).post(`${OWN}/remove`, { password: PASSWORD, code: u.codes[0] }), 401);
	const session = expect(await show(token, u.codes[0]), 200).body;
	await roomInStep();
	const key = createPrivateKey({ key: JSON.parse(readFileSync(server.tokenKey, 'utf8')), format: 'jwk' });
	const claims = jose.decodeJwt(await halfway(u)), now = Math.floor(Date.now() / 1000);
	const make = (more = {}, header = {}) => new jose.SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'ES256', typ: 'second-factor+jwt', ...header }).sign(key);
	const bad = {
		'an access token': session.access_token,
		'a refresh token': session.refresh_token,
		'expired': await make({ exp: now - 1 }),
		'not yet valid': await make({ nbf: now + 3600 }),
		'the type of access tokens': await make({}, { typ: 'at+jwt' }),
		'the audience of access tokens': await make({ aud: 'collect-api' }),
		'another issuer': await make({ iss: 'elsewhere' }),
		'no version': await make({ ver: undefined }),
		'an older version': await make({ ver: claims.ver - 1 }),
		'another tenant': await make({ tenant_id: server.tenant.id }),
		'none-algorithm': new jose.UnsecuredJWT(claims).encode(),
	};
	for (const [what, forged] of Object.entries(bad))
		assert.equal((await show(forged, totp(u.secret))).status, 401, what);
	// and the other way round: what is signed for one use is no access token when its type is changed by whoever has no key
	expect(await me(await make({ sid: session.session_id }, { typ: 'at+jwt' })), 401);
	expect(await me(await make({ sid: session.session_id, aud: 'collect-api' }, { typ: 'at+jwt' })), 401);
	expect(await show(await make(), totp(u.secret)), 200);
});

test('what was begun before the password or the factor was changed is void', async () => {
	const u = await someone();
	const before = await halfway(u);
	expect(await u.api.post('/api/v1/me/password', { password: PASSWORD, new_password: 'another password' }), 204);
	expect(await show(before, u.codes[0]), 401);
});

test('wrong codes wait longer and longer, also for who knows the password and signs in anew', async () => {
	const u = await someone();
	for (let i = 0; i < 5; i++)
		expect(await show(await halfway(u), '000000'), 401);
	const late = await show(await halfway(u), u.codes[0]);
	assert.equal(expect(late, 429).headers['retry-after'], '1');
	expect(await u.login(), 200);
	await new Promise((resolve) => setTimeout(resolve, 1100));
	expect(await show(await halfway(u), '000000'), 401);
	assert.equal(expect(await u.api.post(`${OWN}/remove`, { password: PASSWORD, code: u.codes[0] }), 429).headers['retry-after'], '2');
	await new Promise((resolve) => setTimeout(resolve, 2100));
	expect(await show(await halfway(u), u.codes[0]), 200);
	expect(await show(await halfway(u), '000000'), 401);
	expect(await show(await halfway(u), u.codes[1]), 200);
});

test('a new password by mail, and an invitation, do not step around it', async () => {
	const u = await someone();
	expect(await auth('password-reset', { email: u.email }), 202);
	const reset = await resetToken(u.email);
	expect(await auth('password-reset/confirm', { token: reset, new_password: 'by mail, anew' }), 204);
	const half = expect(await auth('login', { email: u.email, password: 'by mail, anew' }), 200).body;
	assert.equal(half.second_factor, 'required');
	assert.equal(half.access_token, undefined);
	expect(await show(half.second_factor_token, u.codes[0]), 200);
	const invitation = expect(await server.api.post('/api/v1/invitations', { email: u.email, role: 'viewer' }), 201).body;
	const { token } = expect(await server.api.post(`/api/v1/invitations/${invitation.id}/link`), 200).body;
	const accepted = expect(await auth('accept-invitation', { token, password: 'by mail, anew' }), 200).body;
	assert.equal(accepted.second_factor, 'required');
	assert.equal(accepted.access_token, undefined);
	const there = expect(await show(accepted.second_factor_token, u.codes[1]), 200).body;
	assert.equal(there.tenant.slug, 'acme');
});

/** The token of the latest mail to this address, as a worker would send it. */
async function resetToken(email) {
	const worker = await new Worker(server).start();
	const folder = `${server.dir}/mail`;
	try {
		return await until('the mail', async () => {
			for (const name of existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith('.eml')) : []) {
				const mail = await simpleParser(readFileSync(`${folder}/${name}`));
				const found = mail.to.value[0].address === email && /token=(ccp_[\w.-]+)/.exec(mail.text);
				if (found)
					return found[1];
			}
			return false;
		}, 60);
	} finally {
		await worker.stop();
	}
}

test('removed with password and code, by oneself or by an operator', async () => {
	const u = await someone();
	expect(await u.api.post(`${OWN}/remove`, { password: 'not this', code: u.codes[0] }), 422);
	expect(await u.api.post(`${OWN}/remove`, { password: PASSWORD, code: '000000' }), 422);
	expect(await u.api.post(`${OWN}/remove`, { password: PASSWORD, code: u.codes[0] }), 204);
	expect(await u.api.post(`${OWN}/remove`, { password: PASSWORD, code: u.codes[1] }), 422);
	await server.login(u.email);
	const v = await someone();
	const done = await server.collect('user', 'second-factor', 'remove', v.email.toUpperCase());
	assert.equal(done.code, 0, done.stderr);
	await server.login(v.email);
	assert.notEqual((await server.collect('user', 'second-factor', 'remove', v.email)).code, 0);
	assert.notEqual((await server.collect('user', 'second-factor', 'remove', 'nobody@second.example')).code, 0);
	const [[data]] = await sql(`select data::text from events where tenant_id = '${v.tenant.id}' and type = 'second_factor_removed'`);
	assert.match(data, /operator/);
});

test('keys and clients have nothing to do with it', async () => {
	const u = await someone();
	const key = expect(await u.api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 201).body.key;
	const api = server.anyone.as(key);
	expect(await api.get('/api/v1/surveys'), 200);
	expect(await api.get(OWN), 403);
	for (const [path, body] of [['', { password: PASSWORD }], ['/confirm', { code: '123456' }], ['/recovery-codes', { password: PASSWORD, code: '123456' }],
		['/remove', { password: PASSWORD, code: u.codes[0] }]])
		expect(await api.post(OWN + path, body), 403);
});

test('a tenant that asks for one lets in who has none only to set it up', async () => {
	const tenant = await server.addTenant('strict', 'sol@second.example');
	const api = await server.login(tenant.email);
	const key = expect(await api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 201).body.key;
	const settings = '/api/v1/security/settings';
	assert.deepEqual(expect(await api.get(settings), 200).body, { require_second_factor: false, updated_at: null, updated_by: null, version: 0 });
	expect(await api.patch(settings, { require_second_factor: true }), 428);
	expect(await api.patch(settings, { require_second_factor: true }, 3), 412);
	assert.equal(expect(await api.patch(settings, { require_second_factor: true }, 0), 200).body.version, 1);
	const refused = await until('the requirement', async () => { const r = await api.get('/api/v1/surveys'); return r.status === 403 && r; });
	assert.match(refused.body.detail, /second factor/);
	for (const path of ['/api/v1/jobs', '/api/v1/members', settings, '/api/v1/permissions'])
		expect(await api.get(path), 403);
	expect(await api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 403);
	assert.equal(expect(await api.get('/api/v1/me'), 200).body.second_factor, 'missing');
	const again = expect(await auth('login', { email: tenant.email, password: PASSWORD }), 200).body;
	expect(await server.anyone.as(again.access_token).get('/api/v1/surveys'), 403);
	expect(await server.anyone.as(key).get('/api/v1/surveys'), 200);
	await roomInStep();
	const { secret } = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	expect(await api.post(`${OWN}/confirm`, { code: totp(secret) }), 200);
	expect(await api.get('/api/v1/surveys'), 200);
	expect(await api.patch(settings, { require_second_factor: false }, 1), 200);
	expect(await (await server.login('ana@acme.example')).get('/api/v1/surveys'), 200);
});

test('the secret is sealed and bound to its user, codes are hashes, and neither is in a log', async () => {
	const [u, v] = [await someone(), await someone()];
	const [[row]] = await sql(`select encode(sealed, 'hex') || recovery::text from second_factors where user_id = (select id from users where email = '${u.email}')`);
	assert.ok(!row.includes(u.secret) && u.codes.every((code) => !row.includes(code) && !row.includes(code.replaceAll('-', ''))));
	const log = readFileSync(server.logFile, 'utf8');
	for (const secret of [u.secret, ...u.codes])
		assert.ok(!log.includes(secret));
	await psql(server.database.name, `update collect.second_factors set sealed = (select sealed from collect.second_factors s join collect.users on users.id = s.user_id
		where email = '${u.email}') where user_id = (select id from collect.users where email = '${v.email}')`);
	await roomInStep();
	const moved = await server.anyone.post('/api/v1/auth/second-factor', { token: await halfway(v), code: totp(u.secret) }, { unchecked: true });
	expect(moved, 500);
});

test('a password that is changed ends a sign-in that is half done, also while its code is being looked at', async () => {
	const u = await someone(), next = 'a password of later', name = server.database.name;
	const [half, late] = [await halfway(u), await halfway(u)];
	const [[before]] = await sql(`select password_hash from users where email = '${u.email}'`);
	// the device of who signs in is noted between the code and the session: held until the password is another, and a second longer
	const held = psql(name, `begin; lock table collect.user_devices in exclusive mode; do $$ begin for i in 1..200 loop
		exit when (select password_hash from collect.users where email = '${u.email}') <> '${before}'; perform pg_sleep(0.1); end loop; perform pg_sleep(1); end $$; commit`);
	await until('the lock', async () => (await sql("select 1 from pg_locks where relation = 'collect.user_devices'::regclass and mode = 'ExclusiveLock' and granted")).length);
	const waiting = server.anyone.post('/api/v1/auth/second-factor', { token: late, code: u.codes[0] }, { unchecked: true });
	await until('the sign-in to wait', async () => (await sql("select 1 from pg_locks where relation = 'collect.user_devices'::regclass and not granted")).length);
	expect(await u.api.post('/api/v1/me/password', { password: PASSWORD, new_password: next }), 204);
	assert.equal((await held).code, 0);
	assert.equal((await waiting).status, 401);
	expect(await show(half, u.codes[1]), 401);
	const [[user]] = await sql(`select id from users where email = '${u.email}'`);
	assert.equal(await redis('zcard', `${u.tenant.id}:sessions:${user}`), '0');
	const anew = expect(await auth('login', { email: u.email, password: next }), 200).body.second_factor_token;
	expect(await show(anew, u.codes[2]), 200);
});
