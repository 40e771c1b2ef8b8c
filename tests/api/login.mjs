// Signing in, and what a token is worth.
import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { psql } from '../harness/database.mjs';
import { command } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const server = withServer();
const login = (body) => server.anyone.post('/api/v1/auth/login', body);
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());

test('the right password gives a token that names user and tenant', async () => {
	const { body } = expect(await login({ email: 'ana@acme.example', password: PASSWORD }), 200);
	assert.equal(body.token_type, 'Bearer');
	assert.equal(body.tenant.slug, 'acme');
	assert.equal(body.role, 'owner');
	const [head, claims] = body.access_token.split('.').slice(0, 2).map(decode);
	assert.equal(head.alg, 'ES256');
	for (const claim of ['iss', 'aud', 'exp', 'iat', 'sub', 'jti'])
		assert.ok(claims[claim] !== undefined, claim);
	assert.equal(claims.exp - claims.iat, body.expires_in);
});

test('the address may be written in capitals', async () => {
	expect(await login({ email: 'Ana@Acme.Example', password: PASSWORD }), 200);
});

test('letters that fold to those of an address sign nobody in, and make no account', async () => {
	await server.addTenant('kim', 'kim@kim.example');
	for (const email of ['\u212aim@kim.example', 'k\u0130m@kim.example', 'kim@\u212aim.example'])
		assert.deepEqual(pointers(expect(await login({ email, password: PASSWORD }), 422)), ['/email']);
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/invitations', { email: '\u212aim@kim.example', role: 'viewer' }), 422)), ['/email']);
	const made = await command([server.binary, 'tenant', 'add', '--slug', 'kelvin', '--name', 'K', '--email', '\u212aelvin@kim.example', '--password-file', '-'],
		{ env: server.environment(), input: `${PASSWORD}\n` });
	assert.notEqual(made.code, 0);
	assert.match(made.stderr, /not an e-mail address/);
	assert.equal(expect(await login({ email: 'KIM@kim.example', password: PASSWORD }), 200).body.user.email, 'kim@kim.example');
});

test('a wrong password and an unknown address look the same', async () => {
	const wrong = expect(await login({ email: 'ana@acme.example', password: 'not this one' }), 401);
	const unknown = expect(await login({ email: 'nobody@acme.example', password: 'not this one' }), 401);
	const strip = ({ request_id: _, ...rest }) => rest;
	assert.deepEqual(strip(wrong.body), strip(unknown.body));
});

test('faults in the body are named by pointers', async () => {
	assert.deepEqual(pointers(expect(await login({ email: 'ana@acme.example' }), 422)), ['/password']);
	assert.deepEqual(pointers(expect(await login({ email: 7, password: 'x' }), 422)), ['/email']);
	assert.deepEqual(pointers(expect(await login({ email: 'ana@acme.example', password: 'x', admin: true }), 422)), ['/admin']);
});

test('me tells who is signed in', async () => {
	const { body } = expect(await server.api.get('/api/v1/me'), 200);
	assert.equal(body.user.email, 'ana@acme.example');
	assert.equal(body.tenant.id, server.tenant.id);
	assert.ok(body.permissions.includes('surveys:publish'));
});

test('without a token, or with something else, me is 401', async () => {
	expect(await server.anyone.get('/api/v1/me'), 401, 'unauthenticated');
	for (const Authorization of ['Bearer', 'Bearer ', 'Bearer x', 'Basic YTpi', 'Bearer a.b.c', `bearer${server.api.token}`,
		`Bearer ${server.api.token} x`])
		expect(await server.anyone.get('/api/v1/me', { headers: { Authorization } }), 401, 'unauthenticated');
});

test('forged, changed and outworn tokens are refused', async () => {
	const jwk = JSON.parse(readFileSync(server.tokenKey, 'utf8'));
	const key = createPrivateKey({ key: jwk, format: 'jwk' });
	const [head, claims] = server.api.token.split('.').slice(0, 2).map(decode);
	const make = (changedHead, changedClaims, by = key) => {
		const text = [{ ...head, ...changedHead }, { ...claims, ...changedClaims }]
			.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
		return `${text}.${by ? sign('sha256', Buffer.from(text), { key: by, dsaEncoding: 'ieee-p1363' }).toString('base64url') : ''}`;
	};
	expect(await server.anyone.as(make({}, {})).get('/api/v1/me'), 200); // the way of making them is right
	const now = Math.floor(Date.now() / 1000);
	const forged = {
		'alg none': make({ alg: 'none' }, {}, null),
		'alg HS256': make({ alg: 'HS256' }, {}),
		'another type': make({ typ: 'JWT' }, {}),
		'no signature': server.api.token.replace(/\.[^.]*$/, '.'),
		'cut signature': server.api.token.slice(0, -4),
		'changed user': server.api.token.replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...claims, sub: claims.jti })).toString('base64url')}.`),
		'expired': make({}, { exp: now - 120, iat: now - 4000, nbf: now - 4000 }),
		'not yet': make({}, { nbf: now + 3600 }),
		'another audience': make({}, { aud: 'elsewhere' }),
		'another issuer': make({}, { iss: 'elsewhere' }),
		'no expiry': make({}, { exp: undefined }),
		'no such user': make({}, { sub: '01890a5d-ac96-774b-bcce-b302099a8057' }),
		'key by header': make({ jwk: { ...jwk, d: undefined } }, { aud: 'elsewhere' }),
		'another tenant': make({}, { tenant_id: '01890a5d-ac96-774b-bcce-b302099a8057' }),
	};
	for (const [what, token] of Object.entries(forged)) {
		const reply = await server.anyone.as(token).get('/api/v1/me');
		assert.equal(reply.status, 401, `${what}: ${reply.text}`);
	}
});

test('passwords are stored as Argon2id, never as they are', async () => {
	const { stdout } = await psql(server.database.name, 'select password_hash from collect.users');
	assert.match(stdout, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
	assert.ok(!stdout.includes(PASSWORD));
});

test('a disabled user cannot sign in', async () => {
	await server.addTenant('leavers', 'leo@leavers.example');
	const before = await server.login('leo@leavers.example');
	expect(await before.get('/api/v1/me'), 200);
	await psql(server.database.name, "update collect.users set status = 'disabled' where email = 'leo@leavers.example'");
	expect(await login({ email: 'leo@leavers.example', password: PASSWORD }), 401);
});
