// A hostile identity provider: forged tokens, broken and slow publications, and a tenant's administrator who says that somebody else's people are his.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto';
import { test } from 'node:test';
import * as jose from 'jose';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, sleep } from '../harness/run.mjs';
import { Browser, fragment, LOOPBACK, ScriptedProvider } from '../harness/identity.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { totp } from '../harness/totp.mjs';

const evil = new ScriptedProvider();
const server = withServer({ env: LOOPBACK });
const VICTIM = 'vera@victim.example';
let row, mallory, victimTenant;

before(async () => {
	await evil.begin();
	await server.addTenant('evil', 'mallory@evil.example');
	mallory = await server.login('mallory@evil.example');
	victimTenant = await server.addTenant('victim', VICTIM);
	row = expect(await mallory.post('/api/v1/identity-providers', { name: 'Evil', issuer: evil.issuer, client_id: 'collect', client_secret: 's',
		email_domains: ['evil.example', 'victim.example', 'acme.example'], role: 'admin' }), 201).body;
});
after(() => evil.end());

/** One sign-in in which the provider says `says`; answers the callback's reply. */
async function attempt(says = {}, { browser = new Browser(server), more, query = '' } = {}) {
	evil.reset();
	Object.assign(evil, says);
	const begun = await browser.get(`/api/v1/oidc/evil/start?return=/console${query}`);
	if (begun.status !== 303)
		return begun;
	return browser.get(evil.authorize(begun.location, { more }));
}
const person = (name, claims = {}) => ({ claims: { sub: name, email: `${name}@evil.example`, email_verified: true, ...claims } });
async function sessionOf(reply, browser) {
	const { forgery_token } = fragment(reply.location);
	const { body } = expect(await server.anyone.post('/api/v1/auth/refresh', {}, { headers: { Cookie: `collect_refresh=${browser.cookie('collect_refresh')}`, 'X-Forgery-Token': forgery_token } }), 200);
	return { body, api: server.anyone.as(body.access_token) };
}
/** Another version of the row: what is remembered of the provider is then asked for anew. */
async function renewRow(change = { name: `Evil ${randomUUID()}` }) {
	row = expect(await mallory.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	row = expect(await mallory.patch(`/api/v1/identity-providers/${row.id}`, change, row.version), 200).body;
}

test('a good token lets in', async () => {
	assert.equal((await attempt(person('good'))).status, 303);
	assert.equal(Buffer.from(evil.lastToken.authorization.slice(6), 'base64').toString(), 'collect:s');
	const q = new URLSearchParams(evil.lastToken.body);
	assert.deepEqual([q.get('grant_type'), q.get('client_id'), q.get('client_secret')], ['authorization_code', null, null]);
	assert.match(q.get('code_verifier'), /^[\w-]{43}$/);
});

test('forged and foreign ID tokens let nobody in', async () => {
	const now = Math.floor(Date.now() / 1000);
	const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const pem = await jose.exportSPKI(await jose.importJWK(evil.key.jwk, 'RS256'));
	const signed = (key, more = {}) => (claims, header) => new jose.SignJWT(claims).setProtectedHeader({ ...header, ...more }).sign(key);
	const hmac = (secret, more = {}) => signed(new TextEncoder().encode(secret), { alg: 'HS256', ...more });
	const says = (claims) => ({ claims: { ...person('forged').claims, ...claims } });
	const signs = (sign) => ({ ...person('forged'), sign });
	const good = (claims, header) => new jose.SignJWT(claims).setProtectedHeader(header).sign(evil.key.privateKey);
	const cases = {
		'alg none': signs((claims) => new jose.UnsecuredJWT(claims).encode()),
		'alg none, signature kept': signs(async (claims, header) => {
			const [, payload, signature] = (await good(claims, header)).split('.');
			return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.${signature}`;
		}),
		'HS256 with the public key (PEM)': signs(hmac(pem)),
		'HS256 with the public key (JWK)': signs(hmac(JSON.stringify(evil.key.jwk))),
		'HS256 with the client\'s secret': signs(hmac('s')),
		'RS512': signs(signed(evil.key.privateKey, { alg: 'RS512' })),
		'PS256': signs((claims, header) => new jose.SignJWT(claims).setProtectedHeader({ ...header, alg: 'PS256' }).sign(evil.key.privateKey)),
		'another key under the same name': signs(signed(own.privateKey)),
		'a key in the header (jwk)': signs(signed(own.privateKey, { jwk: own.publicKey.export({ format: 'jwk' }) })),
		'a key set in the header (jku)': signs(signed(own.privateKey, { jku: `${evil.issuer}/other`, kid: 'other' })),
		'an EC key that calls itself the RSA one': signs(signed(ec.privateKey, { alg: 'ES256' })),
		'critical extension': signs((claims, header) => new jose.SignJWT(claims).setProtectedHeader({ ...header, crit: ['b64'], b64: true }).sign(evil.key.privateKey)),
		'no signature': signs(async (claims, header) => (await good(claims, header)).replace(/[^.]+$/, '')),
		'broken signature': signs(async (claims, header) => (await good(claims, header)).replace(/\.(.)([^.]+)$/, (_, a, rest) => `.${a === 'A' ? 'B' : 'A'}${rest}`)),
		'changed claims': signs(async (claims, header) => {
			const [head, , signature] = (await good(claims, header)).split('.');
			return `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url')}.${signature}`;
		}),
		'four parts': signs(async (claims, header) => `${await good(claims, header)}.x`),
		'no token at all': signs(() => 'x'),
		'another issuer': says({ iss: 'https://other.example' }),
		'the issuer with a slash': says({ iss: `${evil.issuer}/` }),
		'no issuer': says({ iss: undefined }),
		'another audience': says({ aud: 'someone-else' }),
		'several audiences without azp': says({ aud: ['collect', 'other'] }),
		'several audiences, azp of another': says({ aud: ['collect', 'other'], azp: 'other' }),
		'azp of another': says({ azp: 'other' }),
		'an empty list of audiences': says({ aud: [] }),
		'expired': says({ exp: now - 1 }),
		'no expiry': says({ exp: undefined }),
		'expiry as text': says({ exp: `${now + 300}` }),
		'not yet good': says({ nbf: now + 600 }),
		'made in the future': says({ iat: now + 600 }),
		'made long ago': says({ iat: now - 3600 }),
		'no time of making': says({ iat: undefined }),
		'another nonce': says({ nonce: 'A'.repeat(43) }),
		'no nonce': says({ nonce: undefined }),
		'at_hash of another token': says({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
		'no subject': says({ sub: undefined }),
		'an empty subject': says({ sub: '' }),
		'a subject that is a number': says({ sub: 7 }),
		'a subject too long': says({ sub: 'x'.repeat(256) }),
	};
	for (const [what, how] of Object.entries(cases)) {
		const browser = new Browser(server);
		const reply = await attempt(how, { browser });
		assert.equal(reply.status, 401, `${what}: ${reply.status} ${reply.text}`);
		assert.equal(browser.cookie('collect_refresh'), undefined, what);
	}
	assert.equal((await rows(server.database.name, "select 1 from identities where subject in ('forged', 'root')")).length, 0);
	const digest = createHash('sha256').update('at-1').digest().subarray(0, 16).toString('base64url');
	assert.equal((await attempt(person('good', { at_hash: digest, aud: ['collect'], azp: 'collect' }))).status, 303, 'and the right one is right');
});

test('keys: a new one is fetched, an unknown one asks once a minute, weak and foreign kinds are not used', async () => {
	await renewRow();
	assert.equal((await attempt(person('good'))).status, 303);
	await evil.newKey('second');
	const before = evil.hits['/jwks'];
	assert.equal((await attempt(person('good'))).status, 303, 'rotated');
	assert.equal(evil.hits['/jwks'], before + 1);
	for (let i = 0; i < 3; i++)
		assert.equal((await attempt({ ...person('good'), header: { kid: `unknown-${i}` } })).status, 401);
	assert.equal(evil.hits['/jwks'], before + 1, 'not fetched again within the minute');
	await renewRow();
	assert.equal((await attempt({ ...person('good'), header: { kid: undefined } })).status, 303, 'the only key needs no name');
	await renewRow();
	const decoy = { ...(await evil.newKey('decoy')).jwk };
	await evil.newKey('third');
	assert.equal((await attempt({ ...person('good'), header: { kid: undefined }, published: [decoy, evil.key.jwk] })).status, 401, 'of two it does');
	await renewRow();
	assert.equal((await attempt({ ...person('good'), published: [{ kty: 'oct', k: 'AAAA', kid: 'third' }, decoy, { ...evil.key.jwk, alg: undefined, use: undefined }] })).status, 303);
	await renewRow();
	assert.equal((await attempt({ ...person('good'), published: [{ ...evil.key.jwk, use: 'enc' }] })).status, 401, 'a key for something else');
	await renewRow();
	assert.equal((await attempt({ ...person('good'), published: [{ ...evil.key.jwk, alg: 'RS512' }] })).status, 401, 'a key for another algorithm');
	await renewRow();
	assert.equal((await attempt({ ...person('good'), published: ['x', null, {}, { kty: 'RSA', kid: 'third', n: 'AQAB', e: 'AQAB' }] })).status, 401, 'a short key');
	await renewRow();
	const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
	const sign = async (claims, header) => {
		const head = Buffer.from(JSON.stringify(header)).toString('base64url'), body = Buffer.from(JSON.stringify(claims)).toString('base64url');
		return `${head}.${body}.${signBytes('sha256', Buffer.from(`${head}.${body}`), weak.privateKey).toString('base64url')}`;
	};
	assert.equal((await attempt({ ...person('good'), sign, published: [{ ...weak.publicKey.export({ format: 'jwk' }), kid: 'third' }] })).status, 401, '1024 bits');
	await renewRow();
	await evil.newKey('curve', 'ES256');
	assert.equal((await attempt(person('good'))).status, 303, 'ES256');
	await renewRow();
	const jwk = evil.key.jwk;
	assert.equal((await attempt({ ...person('good'), published: [{ ...jwk, x: jwk.y, y: jwk.x }] })).status, 401, 'not on the curve');
	await evil.newKey('first');
	await renewRow();
});

test('answers that are mixed up (RFC 9207)', async () => {
	const supported = { discovery: { authorization_response_iss_parameter_supported: true } };
	assert.equal((await attempt(person('good'), { more: { iss: 'https://honest.example' } })).status, 403);
	assert.equal((await attempt(person('good'), { more: { iss: evil.issuer } })).status, 303);
	await renewRow();
	assert.equal((await attempt({ ...person('good'), ...supported })).status, 403, 'who says that he names himself has to');
	assert.equal((await attempt({ ...person('good'), ...supported }, { more: { iss: evil.issuer } })).status, 303);
	await renewRow();
});

test('publications that are wrong, large, slow, elsewhere or not there', async () => {
	const at = '/.well-known/openid-configuration';
	const text = (status, body, headers = {}) => ({ raw: { [at]: (rq, rs) => { rs.writeHead(status, headers); rs.end(body); } } });
	const good = JSON.stringify({ issuer: evil.issuer, authorization_endpoint: `${evil.issuer}/a`, token_endpoint: `${evil.issuer}/t`, jwks_uri: `${evil.issuer}/jwks` });
	const cases = {
		'another issuer': { discovery: { issuer: 'https://honest.example' } },
		'the issuer with a slash': { discovery: { issuer: `${evil.issuer}/` } },
		'no issuer': { discovery: { issuer: undefined } },
		'a list': text(200, '[]'), 'no JSON': text(200, '<html>canary</html>'), 'a key twice': text(200, good.replace('{', `{"issuer":"${evil.issuer}",`)),
		'not there': text(404, '{}'), 'an error': text(500, good), 'elsewhere': text(302, '', { Location: 'http://10.0.0.1/' }),
		'too large': text(200, `{"x": "${'x'.repeat(70000)}"}`),
		'cut off': { raw: { [at]: (rq, rs) => { rs.writeHead(200, { 'Content-Length': 1000 }); rs.write('{'); setTimeout(() => rs.destroy(), 20); } } },
		'keys at a private address': { discovery: { jwks_uri: 'https://10.0.0.1/keys' } },
		'keys on the metadata service': { discovery: { jwks_uri: 'http://169.254.169.254/latest/meta-data' } },
		'tokens over another scheme': { discovery: { token_endpoint: 'file:///etc/passwd' } },
		'browsers sent to a script': { discovery: { authorization_endpoint: 'javascript:alert(1)' } },
		'no place for browsers': { discovery: { authorization_endpoint: undefined } },
		'a place with line ends': { discovery: { authorization_endpoint: `${evil.issuer}/a\r\nSet-Cookie: x=y` } },
		'an address that is a number': { discovery: { token_endpoint: 7 } },
	};
	for (const [what, how] of Object.entries(cases)) {
		await renewRow();
		const reply = await attempt(how);
		assert.equal(reply.status, 503, `${what}: ${reply.status} ${reply.text}`);
		assert.ok(!reply.text.includes('canary'), what);
	}
	await renewRow();
	const began = Date.now();
	const slow = await attempt({ raw: { [at]: () => {} } });
	assert.equal(slow.status, 503);
	assert.ok(Date.now() - began < 9000, 'five seconds, not thirty');
	assert.equal((await attempt(person('good'))).status, 503, 'who failed a moment ago is not asked at once');
	await sleep(2100);
	assert.equal((await attempt(person('good'))).status, 303, 'but soon');
});

test('keys and codes: what the provider answers instead', async () => {
	const keys = (status, body) => ({ ...person('good'), raw: { '/jwks': (rq, rs) => { rs.writeHead(status); rs.end(body); } } });
	for (const [what, how] of Object.entries({ 'no JSON': keys(200, 'x'), 'an error': keys(500, '{}'), 'too large': keys(200, `{"keys": ["${'x'.repeat(70000)}"]}`) })) {
		await renewRow();
		assert.equal((await attempt(how)).status, 503, what);
	}
	await renewRow();
	for (const [what, how] of Object.entries({ 'no keys': keys(200, '{}'), 'keys that are no list': keys(200, '{"keys": 7}') })) {
		await renewRow();
		assert.equal((await attempt(how)).status, 401, what);
	}
	await renewRow();
	for (const [reply, status] of [[[400, { error: 'invalid_grant', error_description: 'canary' }], 401], [[500, {}], 503], [[200, {}], 503], [[200, { id_token: 7 }], 503], [[302, {}], 503]]) {
		const got = await attempt({ ...person('good'), reply });
		assert.equal(got.status, status, JSON.stringify(reply));
		assert.ok(!got.text.includes('canary'));
	}
	const browser = new Browser(server);
	evil.reset();
	const begun = await browser.get('/api/v1/oidc/evil/start');
	const first = evil.authorize(begun.location);
	const other = await browser.get('/api/v1/oidc/evil/start');
	const code = new URL(evil.authorize(other.location), server.url).searchParams.get('code');
	assert.equal((await browser.get(first.replace(/code=[^&]+/, `code=${code}`))).status, 401, 'a code of another sign-in: PKCE');
});

test('the userinfo endpoint is believed of the same subject only', async () => {
	const says = (userinfo) => ({ claims: { sub: 'uma' }, userinfo });
	await renewRow();
	assert.equal((await attempt(says({ sub: 'other', email: 'uma@evil.example', email_verified: true }))).status, 503);
	assert.equal((await attempt(says({ email: 'uma@evil.example', email_verified: true }))).status, 503);
	assert.equal((await attempt(says({ sub: 'uma', email: 'uma@evil.example', email_verified: 'true' }))).status, 403, 'a text is not true');
	assert.equal((await attempt(says({ sub: 'uma', email: 'uma@evil.example', email_verified: true, name: 'U\u0007ma\u001b[31m <b>' }))).status, 303);
	assert.deepEqual(await rows(server.database.name, "select name from users where email = 'uma@evil.example'"), [['Uma[31m <b>']]);
	await renewRow();
});

test('addresses that are none, or none of its domains', async () => {
	for (const email of ['', 'x', '@evil.example', 'a@b@evil.example', 'a b@evil.example', 'a@evil.example\n', '"a"@evil.example', 'a@evil', 'é@evil.example', 'a@evil.example.', 7, null, ['a@evil.example'],
		'a@evil.example.com', 'a@xevil.example', 'a@sub.evil.example', `${'a'.repeat(250)}@evil.example`]) {
		const reply = await attempt(person('odd', { email }));
		assert.equal(reply.status, 403, `${JSON.stringify(email)}: ${reply.status} ${reply.text}`);
	}
	for (const email_verified of [false, undefined, null, 'true', 1])
		assert.equal((await attempt(person('odd', { email_verified }))).status, 403);
});

test('a person of another tenant: nothing is bound, made or shown before he gave his password, and then it is this tenant\'s only', async () => {
	const vera = { claims: { sub: 'vera', email: VICTIM.toUpperCase(), email_verified: true, name: 'Not Vera' } };
	const facts = () => rows(server.database.name, `select email, name, version from users where email = '${VICTIM}'
		union all select tenant_id::text, user_id::text, version from memberships where user_id = (select id from users where email = '${VICTIM}')`);
	const before = await facts();
	const browser = new Browser(server);
	const reply = await attempt(vera, { browser });
	assert.equal(reply.status, 303);
	const { oidc_confirm, forgery_token } = fragment(reply.location);
	assert.ok(oidc_confirm && !forgery_token);
	assert.equal(browser.cookie('collect_refresh'), undefined, 'no session');
	assert.deepEqual(await facts(), before);
	assert.equal((await rows(server.database.name, "select 1 from identities where subject = 'vera'")).length, 0);

	const cookie = { Cookie: `__Host-collect_oidc=${browser.cookie('__Host-collect_oidc')}` };
	const confirm = (password, headers = cookie, ticket = oidc_confirm) => server.anyone.post('/api/v1/auth/oidc/confirm', { ticket, password }, { headers });
	expect(await confirm('wrong'), 401);
	expect(await confirm(PASSWORD, {}), 404);
	expect(await confirm(PASSWORD, { Cookie: '__Host-collect_oidc=' + 'A'.repeat(43) }), 404);
	expect(await confirm(PASSWORD, cookie, 'A'.repeat(64)), 404);
	assert.deepEqual(await facts(), before);
	for (let i = 0; i < 4; i++)
		expect(await confirm('wrong'), 401);
	const told = await rows(server.database.name, `select tenant_id::text, data ->> 'what', data ->> 'failures', actor_kind from events where type = 'sign_in_failed'
		and aggregate_id = (select id from users where email = '${VICTIM}')`);
	assert.deepEqual(told, [[victimTenant.id, 'password', '5', 'nobody']], 'who guesses here is told there, when waiting begins');
	for (const key of (await command(['redis-cli', '-s', server.redis.socket, 'keys', '-:backoff:*'])).stdout.split('\n').filter(Boolean))
		await command(['redis-cli', '-s', server.redis.socket, 'del', key]);
	const own = expect(await server.anyone.post('/api/v1/auth/login', { email: VICTIM, password: PASSWORD, tenant: 'victim' }), 200).body;

	const { body } = expect(await confirm(PASSWORD), 200);
	assert.deepEqual([body.tenant.slug, body.role, body.user.name], ['evil', 'admin', before[0][1]]);
	expect(await confirm(PASSWORD), 404); // once
	const api = server.anyone.as(body.access_token);
	expect(await api.post('/api/v1/auth/switch', { tenant: 'victim' }), 403);
	expect(await api.post('/api/v1/me/password', { password: PASSWORD, new_password: 'another long password' }), 403);
	expect(await api.delete('/api/v1/me/sessions'), 204);
	expect(await server.anyone.as(own.access_token).get('/api/v1/surveys'), 200);
	await sleep(3200); // what a process believed of a session it may believe for three seconds
	expect(await server.anyone.as(own.access_token).get('/api/v1/surveys'), 200);
	expect(await server.anyone.post('/api/v1/auth/refresh', { refresh_token: own.refresh_token }), 200);
	assert.deepEqual((await facts()).filter((f) => f[0] === victimTenant.id), before.filter((f) => f[0] === victimTenant.id));

	const again = new Browser(server);
	const later = await sessionOf(await attempt(vera, { browser: again }), again);
	assert.deepEqual([later.body.user.id, later.body.tenant.slug], [body.user.id, 'evil'], 'known by its subject from now on');
	expect(await later.api.post('/api/v1/auth/switch', { tenant: 'victim' }), 403);
	const renewed = expect(await server.anyone.post('/api/v1/auth/refresh', { refresh_token: body.refresh_token }), 401); // ended above
	assert.equal(renewed.body.code, 'unauthenticated');
});

test('an account with a second factor shows that too', async () => {
	const tenant = await server.addTenant('factor', 'fay@victim.example');
	const fay = await server.login('fay@victim.example');
	const { secret } = expect(await fay.post('/api/v1/me/second-factor', { password: PASSWORD }), 200).body;
	const { recovery_codes } = expect(await fay.post('/api/v1/me/second-factor/confirm', { code: totp(secret) }), 200).body;
	const browser = new Browser(server);
	const { oidc_confirm: ticket } = fragment((await attempt({ claims: { sub: 'fay', email: 'fay@victim.example', email_verified: true } }, { browser })).location);
	const headers = { Cookie: `__Host-collect_oidc=${browser.cookie('__Host-collect_oidc')}` };
	const confirm = (more) => server.anyone.post('/api/v1/auth/oidc/confirm', { ticket, password: PASSWORD, ...more }, { headers });
	assert.deepEqual(pointers(expect(await confirm({}), 422)), ['/code']);
	expect(await confirm({ code: 'AAAA-AAAA-AAAA-AAAA' }), 401);
	assert.equal((await rows(server.database.name, "select 1 from identities where subject = 'fay'")).length, 0);
	assert.equal(expect(await confirm({ code: recovery_codes[0] }), 200).body.tenant.slug, 'evil');
	assert.ok(tenant.id);
});

test('a renewed session is still a provider\'s', async () => {
	const browser = new Browser(server);
	const { body } = await sessionOf(await attempt({ claims: { sub: 'vera' } }, { browser }), browser);
	const claims = jose.decodeJwt(body.access_token);
	assert.equal(claims.idp, true);
	const api = server.anyone.as(body.access_token);
	expect(await api.post('/api/v1/auth/switch', { tenant: 'victim' }), 403);
	assert.ok(!expect(await api.get('/api/v1/me'), 200).body.permissions.includes('owners:write'));
});

test('the tenant\'s own people who are of use elsewhere as well are asked, whoever they are', async () => {
	const id = (await rows(server.database.name, "select id from users where email = 'ana@acme.example'"))[0][0];
	const evilTenant = (await rows(server.database.name, "select id from tenants where slug = 'evil'"))[0][0];
	await psql(server.database.name, `set search_path = collect; select provision_member('${evilTenant}', '${id}', 'ana@acme.example', 'x', '', 'en', 'viewer')`);
	const reply = await attempt({ claims: { sub: 'ana', email: 'ana@acme.example', email_verified: true } });
	assert.ok(fragment(reply.location).oidc_confirm);
	await psql(server.database.name, `set search_path = collect; update memberships set deleted_at = now() where user_id = '${id}' and tenant_id <> '${evilTenant}'`);
	const later = await attempt({ claims: { sub: 'ana', email: 'ana@acme.example', email_verified: true } });
	assert.ok(fragment(later.location).oidc_confirm, 'also when they were it once');
});

test('whom nothing lets in is not asked for a password', async () => {
	await renewRow({ role: null });
	const victim = await attempt({ claims: { sub: 'vera2', email: VICTIM, email_verified: true } });
	const quiet = await server.addTenant('quiet', 'quinn@victim.example');
	assert.ok(quiet.id);
	const reply = await attempt({ claims: { sub: 'quinn', email: 'quinn@victim.example', email_verified: true } });
	assert.equal(reply.status, 403);
	assert.equal(reply.location, undefined);
	assert.ok([303, 403].includes(victim.status));
	await renewRow({ role: 'admin' });
});

test('an address that went over to another person does not take the account along, until somebody undoes it', async () => {
	assert.equal((await attempt(person('gina'))).status, 303);
	const browser = new Browser(server);
	const { api } = await sessionOf(await attempt(person('gina'), { browser }), browser);
	const second = await attempt(person('gina', { sub: 'gina-the-second' }));
	assert.equal(second.status, 403);
	assert.match(second.body.detail, /belongs to somebody else/);
	const [[id]] = await rows(server.database.name, "select id from users where email = 'gina@evil.example'");
	const path = `/api/v1/members/${id}/identities`;
	const { items } = expect(await mallory.get(path), 200).body;
	assert.deepEqual(items.map((i) => [i.issuer, i.subject, i.confirmed]), [[evil.issuer, 'gina', false]]);
	expect(await mallory.delete(`${path}/${items[0].id}`, 7), 412);
	expect(await mallory.delete(`${path}/${items[0].id}`, items[0].version), 204);
	expect(await mallory.delete(`${path}/${items[0].id}`, 2), 404);
	assert.deepEqual(expect(await mallory.get(path), 200).body.items, []);
	await sleep(3200); // what a process believed of a session it may believe for three seconds
	expect(await api.get('/api/v1/surveys'), 401);
	assert.equal((await attempt(person('gina', { sub: 'gina-the-second' }))).status, 303);
	const events = await rows(server.database.name, `select type from events where aggregate_id = '${items[0].id}' order by sequence`);
	assert.deepEqual(events.map(([t]) => t), ['created', 'deleted']);
});

test('a disabled account stays out', async () => {
	assert.equal((await attempt(person('dora'))).status, 303);
	await psql(server.database.name, "set search_path = collect; update users set status = 'disabled' where email = 'dora@evil.example'");
	assert.equal((await attempt(person('dora'))).status, 403);
	assert.equal((await attempt(person('dora', { sub: 'dora-again' }))).status, 403);
});

test('many slow sign-ins of one tenant leave workers for the others', async () => {
	await renewRow();
	evil.reset();
	evil.raw['/.well-known/openid-configuration'] = () => {};
	const began = Date.now();
	const slow = Array.from({ length: 12 }, () => new Browser(server).get('/api/v1/oidc/evil/start'));
	await sleep(300);
	const at = Date.now();
	expect(await mallory.get('/api/v1/surveys'), 200);
	assert.ok(Date.now() - at < 2000);
	const replies = await Promise.all(slow);
	assert.ok(replies.every((r) => r.status === 503));
	assert.ok(Date.now() - began < 15000);
	assert.ok(replies.filter((r) => /Many people/.test(r.text)).length >= 8, 'most were told at once');
});
