// API keys: what they may do, for whom, how long, and what they never may.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const server = withServer();
const path = (k) => `/api/v1/api-keys/${k.id}`;
const make = async (more = {}, api = server.api) => {
	const { body } = expect(await api.post('/api/v1/api-keys', { name: 'Import', permissions: ['surveys:read', 'projects:read'], ...more }), 201);
	return { ...body.api_key, text: body.key, api: server.anyone.as(body.key) };
};
const ends = (api) => until('the key to end', async () => (await api.get('/api/v1/me')).status === 401);

test('a key does what its permissions say, as the member who made it', async () => {
	const key = await make();
	assert.match(key.text, /^cck_[\w-]{86}$/);
	const me = expect(await key.api.get('/api/v1/me'), 200).body;
	assert.equal(me.user.email, 'ana@acme.example');
	assert.deepEqual(me.permissions, ['projects:read', 'surveys:read']);
	expect(await key.api.get('/api/v1/surveys'), 200);
	expect(await key.api.post('/api/v1/projects', { name: 'x' }), 403);
	const { items } = expect(await server.api.get('/api/v1/api-keys'), 200).body;
	assert.ok(items.find((k) => k.id === key.id).last_used_at);
	assert.ok(!JSON.stringify(items).includes(key.text));
});

test('only its hash is stored', async () => {
	const key = await make();
	const [[row]] = await rows(server.database.name, `select t::text from api_keys t where id = '${key.id}'`);
	assert.ok(row.includes(createHash('sha256').update(key.text).digest('hex')));
	const secret = Buffer.from(key.text.slice(4), 'base64url').subarray(32);
	for (const form of [key.text, secret.toString('hex')])
		assert.ok(!row.includes(form));
});

test('a key makes no session, ends none, and changes no password', async () => {
	const { api } = await make({ permissions: ['members:read', 'members:write', 'keys:write'] });
	for (const [method, where, body] of [['POST', '/api/v1/auth/switch', { tenant: 'acme' }], ['POST', '/api/v1/auth/logout'], ['GET', '/api/v1/me/sessions'],
		['DELETE', '/api/v1/me/sessions'], ['POST', '/api/v1/me/password', { password: PASSWORD, new_password: 'another one' }]])
		expect(await api.request(method, where, { body }), 403);
	// nor does it make a wider key, role or member
	expect(await api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 403);
	expect(await api.post('/api/v1/roles', { name: 'Wide', permissions: ['surveys:read'] }), 403);
	expect(await api.post('/api/v1/invitations', { email: 'x@example.com', role: 'viewer' }), 403);
	assert.deepEqual((await make({ permissions: ['keys:write'] }, api)).permissions, ['keys:write']);
});

test('changed keys are refused', async () => {
	const key = await make();
	const bytes = Buffer.from(key.text.slice(4), 'base64url');
	for (let i = 0; i < bytes.length; i += 3) {
		const forged = Buffer.from(bytes);
		forged[i] ^= 1;
		expect(await server.anyone.as(`cck_${forged.toString('base64url')}`).get('/api/v1/me'), 401);
	}
	for (const text of ['cck_', 'cck_x', `${key.text}A`, key.text.slice(0, -1), key.text.slice(4)])
		expect(await server.anyone.as(text).get('/api/v1/me'), 401);
});

test('it ends when it is taken back, when its time is over, and with its member', async () => {
	const taken = await make(), timed = await make({ expires_at: new Date(Date.now() + 2500).toISOString() });
	expect(await taken.api.get('/api/v1/me'), 200);
	expect(await timed.api.get('/api/v1/me'), 200);
	expect(await server.api.delete(path(taken), taken.version + 1), 412);
	expect(await server.api.delete(path(taken)), 428);
	expect(await server.api.delete(path(taken), taken.version), 204);
	expect(await server.api.delete(path(taken), taken.version), 404);
	await ends(taken.api);
	await ends(timed.api);
	const tenant = await server.addTenant('leaving', 'lia@leaving.example');
	const lias = await make({}, await server.login('lia@leaving.example'));
	expect(await lias.api.get('/api/v1/me'), 200);
	await psql(server.database.name, `update collect.memberships set role = 'interviewer' where tenant_id = '${tenant.id}'`);
	await until('the narrower role', async () => (await lias.api.get('/api/v1/me')).body.role === 'interviewer');
	await psql(server.database.name, `update collect.memberships set deleted_at = now() where tenant_id = '${tenant.id}'`);
	await ends(lias.api);
});

test('a key is shown once, and no stored reply keeps it: Idempotency-Key is refused', async () => {
	const count = async () => (await rows(server.database.name, 'select count(*) from api_keys'))[0][0];
	const before = await count();
	for (const key of ['a-key', '']) {
		const refused = expect(await server.api.post('/api/v1/api-keys', { name: 'Import', permissions: ['surveys:read'] }, { headers: { 'Idempotency-Key': key } }), 422);
		assert.match(refused.body.detail, /takes no Idempotency-Key/);
	}
	expect(await server.api.post('/api/v1/clients', { name: 'Import', permissions: ['surveys:read'] }, { headers: { 'Idempotency-Key': 'a-key' } }), 422);
	assert.equal(await count(), before);
	assert.deepEqual(await rows(server.database.name, 'select 1 from idempotency'), []);
});

test('faults', async () => {
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/api-keys', { name: 'x', permissions: ['session'] }), 422)), ['/permissions/0']);
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/api-keys', { permissions: ['surveys:read'] }), 422)), ['/name']);
	expect(await server.api.post('/api/v1/api-keys', { name: 'x', permissions: [] }), 422);
});

test('a key invites and changes whom its permissions reach, and sets up no identity provider', async () => {
	const { permissions } = expect(await server.api.get('/api/v1/me'), 200).body;
	const { api } = await make({ permissions: permissions.filter((p) => p !== 'owners:write') });
	const invitation = expect(await api.post('/api/v1/invitations', { email: 'vera@acme.example', role: 'viewer' }), 201).body;
	expect(await api.delete(`/api/v1/invitations/${invitation.id}`, invitation.version), 204);
	expect(await api.post('/api/v1/invitations', { email: 'vera@acme.example', role: 'owner' }), 403);
	const role = expect(await api.post('/api/v1/roles', { name: 'By key', permissions: ['surveys:read'] }), 201).body;
	expect(await api.delete(`/api/v1/roles/${role.id}`, role.version), 204);
	const body = { name: 'Acme', issuer: 'https://id.example.com', client_id: 'collect' };
	expect(await api.post('/api/v1/identity-providers', body), 403);
	const p = expect(await server.api.post('/api/v1/identity-providers', body), 201).body;
	expect(await api.patch(`/api/v1/identity-providers/${p.id}`, { name: 'Mine' }, p.version), 403);
	expect(await api.delete(`/api/v1/identity-providers/${p.id}`, p.version), 403);
});
