// A tenant's identity providers as rows: who may set one up, what is refused, and that the client's secret is neither shown nor stored.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';

const server = withServer();
const GOOD = { name: 'Acme', issuer: 'https://id.example.com/realm', client_id: 'collect', client_secret: 'canary-secret-9f2' };
const post = (body, api = server.api) => api.post('/api/v1/identity-providers', body);
const path = (p) => `/api/v1/identity-providers/${p.id}`;
let hash;

async function member(role) {
	const email = `${role}-${randomUUID().slice(0, 8)}@acme.example`;
	await psql(server.database.name, `set search_path = collect;
		select provision_member('${server.tenant.id}', '${randomUUID()}', '${email}', '${role}', '${hash}', 'en', '${role}')`);
	return server.login(email);
}

before(async () => {
	hash = (await rows(server.database.name, 'select password_hash from users'))[0][0];
});

test('made, read, changed, removed', async () => {
	const made = expect(await post(GOOD), 201);
	const p = made.body;
	assert.equal(made.headers.location, path(p));
	assert.deepEqual(p.scopes, ['openid', 'email', 'profile']);
	assert.deepEqual([p.role, p.role_id, p.enabled, p.has_secret, p.email_domains], [null, null, true, true, []]);
	assert.equal(p.redirect_uri, `${server.url}/api/v1/oidc-callback/${p.id}`);
	assert.ok(!made.text.includes('canary'), 'the secret is not shown');
	const [[sealed]] = await rows(server.database.name, `select encode(client_secret, 'hex') from identity_providers where id = '${p.id}'`);
	assert.ok(sealed.length > 20 && !sealed.includes(Buffer.from('canary').toString('hex')), 'nor stored as it is');
	expect(await post({ ...GOOD, name: 'Again' }), 409);

	const role = expect(await server.api.post('/api/v1/roles', { name: 'Guests', permissions: ['surveys:read'] }), 201).body;
	const wider = expect(await server.api.patch(path(p), { role_id: role.id, email_domains: ['Example.COM'], scopes: ['email', 'openid'], enabled: false }, p.version), 200).body;
	assert.deepEqual([wider.role, wider.role_id, wider.email_domains, wider.scopes, wider.enabled, wider.has_secret],
		['Guests', role.id, ['example.com'], ['openid', 'email'], false, true]);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, role.version), 409);
	assert.deepEqual(pointers(expect(await server.api.patch(path(p), { email_domains: [] }, wider.version), 422)), ['/email_domains']);
	const none = expect(await server.api.patch(path(p), { role: null, email_domains: [] }, wider.version), 200).body;
	assert.deepEqual([none.role, none.role_id], [null, null]);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, role.version), 204);
	expect(await server.api.patch(path(p), { name: 'x' }, p.version), 412);
	expect(await server.api.patch(path(p), { name: 'x' }), 428);
	assert.deepEqual(expect(await server.api.get('/api/v1/identity-providers'), 200).body.items, [none]);
	assert.deepEqual(expect(await server.api.get(path(p)), 200).body, none);
	expect(await server.api.delete(path(p), none.version), 204);
	expect(await server.api.get(path(p)), 404);
	const events = await rows(server.database.name, `select type from events where aggregate_id = '${p.id}' order by sequence`);
	assert.deepEqual(events.map(([t]) => t), ['created', 'updated', 'updated', 'deleted']);
});

test('another issuer does not get the secret of the old one', async () => {
	const p = expect(await post({ ...GOOD, issuer: 'https://first.example.com' }), 201).body;
	assert.deepEqual(pointers(expect(await server.api.patch(path(p), { issuer: 'https://evil.example.com' }, p.version), 422)), ['/client_secret']);
	const moved = expect(await server.api.patch(path(p), { issuer: 'https://second.example.com', client_secret: null }, p.version), 200).body;
	assert.equal(moved.has_secret, false);
	expect(await server.api.patch(path(p), { issuer: 'https://third.example.com' }, moved.version), 200);
});

test('what is refused', async () => {
	const faults = [
		[{ issuer: 'http://id.example.com' }, '/issuer'], [{ issuer: 'https://127.0.0.1/x' }, '/issuer'], [{ issuer: 'https://10.0.0.7' }, '/issuer'],
		[{ issuer: 'https://[::ffff:127.0.0.1]/' }, '/issuer'], [{ issuer: 'https://id.example.com:22/' }, '/issuer'],
		[{ issuer: 'https://id.example.com/?a=b' }, '/issuer'], [{ issuer: 'https://id.example.com/#x' }, '/issuer'],
		[{ issuer: 'https://user@id.example.com/' }, '/issuer'], [{ issuer: 'javascript:alert(1)' }, '/issuer'],
		[{ email_domains: ['example.com', 'no domain'] }, '/email_domains/1'], [{ email_domains: ['localhost'] }, '/email_domains/0'],
		[{ scopes: ['a b'] }, '/scopes/0'], [{ scopes: ['"'] }, '/scopes/0'], [{ role: 'viewer' }, '/email_domains'],
		[{ role: 'owner', email_domains: ['example.com'] }, '/role'], [{ role: 'king', email_domains: ['example.com'] }, '/role'],
	];
	for (const [more, pointer] of faults)
		assert.deepEqual(pointers(expect(await post({ ...GOOD, issuer: 'https://id9.example.com', ...more }), 422)), [pointer], JSON.stringify(more));
	expect(await post({ ...GOOD, issuer: 'https://id9.example.com', email_domains: ['example.com'], role_id: randomUUID() }), 404);
});

test('who sets one up can do all that a session from it can', async () => {
	const settings = expect(await server.api.post('/api/v1/roles', { name: 'Settings', permissions: ['settings:read', 'settings:write'] }), 201).body;
	const email = `set-${randomUUID().slice(0, 8)}@acme.example`;
	const id = randomUUID();
	await psql(server.database.name, `set search_path = collect; select provision_member('${server.tenant.id}', '${id}', '${email}', 'S', '${hash}', 'en', 'viewer')`);
	expect(await server.api.patch(`/api/v1/members/${id}`, { role_id: settings.id }, 1), 200);
	const some = await server.login(email);
	expect(await post({ ...GOOD, issuer: 'https://id3.example.com' }, some), 403);
	expect(await some.get('/api/v1/identity-providers'), 200);
	const admin = await member('admin');
	const p = expect(await post({ ...GOOD, issuer: 'https://id3.example.com' }, admin), 201).body;
	expect(await some.patch(path(p), { issuer: 'https://id4.example.com', client_secret: 'x' }, p.version), 403);
	expect(await some.delete(path(p), p.version), 403);
	expect(await post({ ...GOOD, issuer: 'https://id5.example.com' }, await member('manager')), 403);
	expect(await (await member('viewer')).get('/api/v1/identity-providers'), 403);
});

test('a provider that gives a role is held by who has all of that role', async () => {
	const all = expect(await server.api.get('/api/v1/me'), 200).body.permissions;
	assert.ok(all.includes('owners:write'));
	const directors = expect(await server.api.post('/api/v1/roles', { name: 'Directors', permissions: all }), 201).body;
	const p = expect(await post({ ...GOOD, issuer: 'https://id6.example.com', email_domains: ['acme.example'], role_id: directors.id }), 201).body;
	const admin = await member('admin');
	for (const body of [{ issuer: 'https://evil.example.com', client_secret: 'x', email_domains: ['evil.example'] }, { name: 'Mine' }, { role: 'viewer' }, {}])
		expect(await admin.patch(path(p), body, p.version), 403);
	expect(await admin.delete(path(p), p.version), 403);
	assert.deepEqual(expect(await server.api.get(path(p)), 200).body, p);
	const less = expect(await server.api.patch(path(p), { role: 'admin', role_id: null }, p.version), 200).body;
	const named = expect(await admin.patch(path(p), { name: 'Mine' }, less.version), 200).body;
	expect(await admin.delete(path(p), named.version), 204);
});
