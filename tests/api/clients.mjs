// OAuth 2 clients: how a program gets a token (RFC 6749), what the token says and may do, and when it ends.
import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as jose from 'jose';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const server = withServer();
const FORM = 'application/x-www-form-urlencoded';
const make = async (more = {}, api = server.api) => {
	const { body } = expect(await api.post('/api/v1/clients', { name: 'Import', permissions: ['surveys:read', 'projects:read'], ...more }), 201);
	return { ...body.client, secret: body.client_secret };
};
const ask = (form, headers = {}, type = FORM) => server.anyone.request('POST', '/api/v1/oauth/token', { raw: typeof form === 'string' ? form : new URLSearchParams(form).toString(), type, headers });
const basic = (id, secret) => ({ Authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}` });
const grant = { grant_type: 'client_credentials' };
const tokenOf = async (c, more = {}) => expect(await ask({ ...grant, client_id: c.client_id, client_secret: c.secret, ...more }), 200).body;
const me = (token) => server.anyone.as(token).get('/api/v1/me');
const ends = (token) => until('the token to end', async () => (await me(token)).status === 401);
const refused = (reply, status, error) => {
	expect(reply, status);
	assert.equal(reply.body.error, error, reply.text);
	assert.equal(reply.headers['cache-control'], 'no-store');
	if (status === 401)
		assert.match(reply.headers['www-authenticate'], /^Basic realm=/);
};

test('a client gets a token by its secret, in the header or in the form', async () => {
	const c = await make();
	assert.match(c.client_id, /^ccc_[\w-]{43}$/);
	assert.match(c.secret, /^ccs_[\w-]{43}$/);
	const inHeader = expect(await ask(grant, basic(c.client_id, c.secret)), 200);
	assert.equal(inHeader.headers['cache-control'], 'no-store');
	assert.equal(inHeader.headers.pragma, 'no-cache');
	for (const body of [inHeader.body, await tokenOf(c)]) {
		assert.equal(body.token_type, 'Bearer');
		assert.equal(body.scope, 'projects:read surveys:read');
		const seen = expect(await me(body.access_token), 200).body;
		assert.equal(seen.user.email, 'ana@acme.example');
		assert.deepEqual(seen.permissions, ['projects:read', 'surveys:read']);
	}
	const { items } = expect(await server.api.get('/api/v1/clients'), 200).body;
	const listed = items.find((i) => i.id === c.id);
	assert.equal(listed.client_id, c.client_id);
	assert.ok(listed.last_used_at);
	assert.ok(!JSON.stringify(items).includes(c.secret));
});

test('the token is one that others\' libraries read: signed by the published key, with client and scope, without a session', async () => {
	const c = await make();
	const { access_token, expires_in } = await tokenOf(c);
	const keys = jose.createLocalJWKSet(expect(await server.anyone.get('/.well-known/jwks.json'), 200).body);
	const { payload } = await jose.jwtVerify(access_token, keys, { algorithms: ['ES256'], audience: 'collect-api', issuer: 'collect', typ: 'at+jwt' });
	assert.equal(payload.client_id, c.id);
	assert.equal(payload.sub, c.user_id);
	assert.equal(payload.scope, 'projects:read surveys:read');
	assert.equal(payload.tenant_id, server.tenant.id);
	assert.equal(payload.sid, undefined);
	assert.equal(payload.exp - payload.iat, expires_in);
});

test('a client\'s token that somebody changed is none', async () => {
	const c = await make(), { access_token } = await tokenOf(c);
	const key = createPrivateKey({ key: JSON.parse(readFileSync(server.tokenKey, 'utf8')), format: 'jwk' });
	const other = await server.addTenant('forged', 'fia@forged.example');
	const good = jose.decodeJwt(access_token), now = Math.floor(Date.now() / 1000);
	const sign = (claims, header = {}) => new jose.SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header }).sign(key);
	expect(await me(await sign({})), 200);
	const bad = {
		'none-algorithm': new jose.UnsecuredJWT(good).encode(),
		'wrong type': await sign({}, { typ: 'JWT' }),
		'another tenant': await sign({ tenant_id: other.id }),
		'another audience': await sign({ aud: 'elsewhere' }),
		'expired': await sign({ exp: now - 1 }),
		'not yet valid': await sign({ nbf: now + 3600 }),
		'another member': await sign({ sub: '01890a5d-ac96-774b-bcce-b302099a8057' }),
		'a client that never was': await sign({ client_id: '01890a5d-ac96-774b-bcce-b302099a8057' }),
		'no scope': await sign({ scope: undefined }),
		'an empty scope': await sign({ scope: '' }),
		'a session besides': await sign({ sid: good.client_id }),
	};
	for (const [what, token] of Object.entries(bad))
		assert.equal((await me(token)).status, 401, what);
	// what is no permission gives none, and what makes sessions cannot be had by a scope
	const odd = server.anyone.as(await sign({ scope: 'session account signed-in no-such:thing' }));
	assert.deepEqual(expect(await odd.get('/api/v1/me'), 200).body.permissions, []);
	for (const [method, path] of [['POST', '/api/v1/auth/logout'], ['GET', '/api/v1/me/sessions'], ['GET', '/api/v1/me/tenants']])
		expect(await odd.request(method, path), 403);
});

test('scope narrows the token, never more', async () => {
	const c = await make();
	const narrow = await tokenOf(c, { scope: 'surveys:read' });
	assert.equal(narrow.scope, 'surveys:read');
	const api = server.anyone.as(narrow.access_token);
	expect(await api.get('/api/v1/surveys'), 200);
	expect(await api.get('/api/v1/projects'), 403);
	for (const scope of ['surveys:write', 'surveys:read surveys:write', 'session', 'surveys:read  projects:read', 'no-such-thing'])
		refused(await ask({ ...grant, scope, client_id: c.client_id, client_secret: c.secret }), 400, 'invalid_scope');
});

test('refusals are those of RFC 6749', async () => {
	const c = await make(), id = c.client_id, secret = c.secret;
	refused(await ask({ client_id: id, client_secret: secret }), 400, 'invalid_request');
	refused(await ask(`grant_type=client_credentials&grant_type=client_credentials&client_id=${id}&client_secret=${secret}`), 400, 'invalid_request');
	refused(await ask({ ...grant, client_id: id, client_secret: secret }, basic(id, secret)), 400, 'invalid_request');
	refused(await ask('grant_type=%zz'), 400, 'invalid_request');
	refused(await ask(JSON.stringify(grant), {}, 'application/json'), 400, 'invalid_request');
	refused(await ask({ ...grant, client_id: id }), 401, 'invalid_client');
	refused(await ask(grant), 401, 'invalid_client');
	refused(await ask({ ...grant, client_id: id, client_secret: `${secret.slice(0, -2)}AA` }), 401, 'invalid_client');
	refused(await ask({ ...grant, client_id: `${id.slice(0, -2)}AA`, client_secret: secret }), 401, 'invalid_client');
	refused(await ask(grant, { Authorization: 'Basic %%%' }), 401, 'invalid_client');
	refused(await ask(grant, { Authorization: `Basic ${Buffer.from('no colon').toString('base64')}` }), 401, 'invalid_client');
	refused(await ask(grant, { Authorization: `Bearer ${server.api.token}` }), 401, 'invalid_client');
	for (const grant_type of ['password', 'authorization_code', 'refresh_token'])
		refused(await ask({ grant_type, client_id: id, client_secret: secret }), 400, 'unsupported_grant_type');
	expect(await ask({ ...grant, client_id: id, client_secret: secret, audience: 'ignored', empty: '' }), 200);
	const other = await server.addTenant('elsewhere', 'eli@elsewhere.example');
	const bytes = Buffer.from(id.slice(4), 'base64url');
	Buffer.from(other.id.replaceAll('-', ''), 'hex').copy(bytes);
	refused(await ask({ ...grant, client_id: `ccc_${bytes.toString('base64url')}`, client_secret: secret }), 401, 'invalid_client');
});

test('only the secret\'s hash is stored', async () => {
	const c = await make();
	const [[row]] = await rows(server.database.name, `select t::text from clients t where id = '${c.id}'`);
	assert.ok(row.includes(createHash('sha256').update(c.secret).digest('hex')));
	assert.ok(!row.includes(c.secret) && !row.includes(Buffer.from(c.secret.slice(4), 'base64url').toString('hex')));
});

test('a client\'s token is no session, and makes nothing wider than itself', async () => {
	const { access_token } = await tokenOf(await make({ permissions: ['members:read', 'members:write', 'keys:write'] }));
	const api = server.anyone.as(access_token);
	for (const [method, where, body] of [['POST', '/api/v1/auth/switch', { tenant: 'acme' }], ['POST', '/api/v1/auth/logout'], ['GET', '/api/v1/me/sessions'],
		['DELETE', '/api/v1/me/sessions'], ['POST', '/api/v1/me/password', { password: PASSWORD, new_password: 'another one' }]])
		expect(await api.request(method, where, { body }), 403);
	expect(await server.anyone.post('/api/v1/auth/refresh', { refresh_token: access_token }), 401);
	for (const where of ['/api/v1/clients', '/api/v1/api-keys'])
		expect(await api.post(where, { name: 'x', permissions: ['surveys:read'] }), 403);
	expect(await api.post('/api/v1/invitations', { email: 'x@example.com', role: 'viewer' }), 403);
	assert.deepEqual((await make({ permissions: ['keys:write'] }, api)).permissions, ['keys:write']);
});

test('tokens end with their client: taken back, over in time, or its member gone', async () => {
	const taken = await make(), timed = await make({ expires_at: new Date(Date.now() + 2500).toISOString() });
	const ofTaken = await tokenOf(taken), ofTimed = await tokenOf(timed);
	assert.ok(ofTimed.expires_in <= 3);
	expect(await me(ofTaken.access_token), 200);
	expect(await server.api.delete(`/api/v1/clients/${taken.id}`, taken.version + 1), 412);
	expect(await server.api.delete(`/api/v1/clients/${taken.id}`), 428);
	expect(await server.api.delete(`/api/v1/clients/${taken.id}`, taken.version), 204);
	expect(await server.api.delete(`/api/v1/clients/${taken.id}`, taken.version), 404);
	const began = Date.now();
	await ends(ofTaken.access_token);
	assert.ok(Date.now() - began < 8000);
	await ends(ofTimed.access_token);
	for (const c of [taken, timed])
		refused(await ask({ ...grant, client_id: c.client_id, client_secret: c.secret }), 401, 'invalid_client');
	const tenant = await server.addTenant('leaving', 'lia@leaving.example');
	const lias = await make({}, await server.login('lia@leaving.example'));
	const { access_token } = await tokenOf(lias);
	expect(await me(access_token), 200);
	await psql(server.database.name, `update collect.memberships set deleted_at = now() where tenant_id = '${tenant.id}'`);
	refused(await ask({ ...grant, client_id: lias.client_id, client_secret: lias.secret }), 401, 'invalid_client');
	await ends(access_token);
});

test('what its maker may no longer do, it does not either', async () => {
	const tenant = await server.addTenant('lesser', 'len@lesser.example');
	const { access_token } = await tokenOf(await make({ permissions: ['surveys:read', 'members:read'] }, await server.login('len@lesser.example')));
	const api = server.anyone.as(access_token);
	expect(await api.get('/api/v1/members'), 200);
	await psql(server.database.name, `update collect.memberships set role = 'viewer' where tenant_id = '${tenant.id}'`);
	await until('the narrower role', async () => (await api.get('/api/v1/members')).status === 403);
	expect(await api.get('/api/v1/surveys'), 200);
});

test('faults', async () => {
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/clients', { name: 'x', permissions: ['session'] }), 422)), ['/permissions/0']);
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/clients', { permissions: ['surveys:read'] }), 422)), ['/name']);
	expect(await server.api.post('/api/v1/clients', { name: 'x', permissions: [] }), 422);
});
