// Members and roles: who may give what, the last owner, roles of a tenant's own, and how soon a removal holds.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before } from '../harness/hooks.mjs';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';

const server = withServer();
let hash;

/** A member of acme with this role, signed in. */
async function member(role, email = `${role}-${randomUUID().slice(0, 8)}@acme.example`) {
	const id = randomUUID();
	const made = await psql(server.database.name, `set search_path = collect;
		select provision_member('${server.tenant.id}', '${id}', '${email}', '${role}', '${hash}', 'en', '${role}')`);
	assert.equal(made.code, 0, made.stderr);
	return { id, email, api: await server.login(email) };
}

const path = (m) => `/api/v1/members/${m.id}`;
const permissionsOf = async (api) => expect(await api.get('/api/v1/me'), 200).body.permissions;
const events = async (type, id) => (await rows(server.database.name,
	`select type from events where aggregate_type = '${type}' and aggregate_id = '${id}' order by sequence`)).map(([t]) => t);

before(async () => {
	hash = (await rows(server.database.name, 'select password_hash from users'))[0][0];
});

test('built-in roles: what each may do is the table that the server prints', async () => {
	const { items } = expect(await server.api.get('/api/v1/permissions'), 200).body;
	assert.ok(items.length > 20);
	for (const role of ['guest', 'interviewer', 'viewer', 'analyst', 'manager', 'admin']) {
		const { api } = await member(role);
		assert.deepEqual(await permissionsOf(api), items.filter((p) => p.roles.includes(role)).map((p) => p.slug), role);
	}
	assert.deepEqual(await permissionsOf(server.api), items.map((p) => p.slug));
});

test('an interviewer enters answers and reads none', async () => {
	const { api } = await member('interviewer');
	expect(await api.get('/api/v1/surveys'), 200);
	expect(await api.get('/api/v1/members'), 403);
	expect(await api.post('/api/v1/projects', { name: 'x' }), 403);
});

test('a role of the tenant\'s own is made, given, changed and deleted', async () => {
	const made = expect(await server.api.post('/api/v1/roles', { name: 'Data entry', description: 'By phone', permissions: ['responses:write', 'surveys:read', 'surveys:read'] }), 201);
	const role = made.body;
	assert.deepEqual(role.permissions, ['surveys:read', 'responses:write']);
	assert.equal(made.headers.location, `/api/v1/roles/${role.id}`);
	const who = await member('viewer');
	const before = expect(await server.api.get(path(who)), 200).body;
	assert.equal(before.role, 'viewer');
	const given = expect(await server.api.patch(path(who), { role_id: role.id }, before.version), 200).body;
	assert.deepEqual([given.role, given.role_id], ['Data entry', role.id]);
	assert.deepEqual(await permissionsOf(who.api), ['surveys:read', 'responses:write']);
	assert.equal(expect(await server.anyone.post('/api/v1/auth/login', { email: who.email, password: PASSWORD }), 200).body.role, 'Data entry');
	expect(await who.api.get('/api/v1/projects'), 403);

	const wider = expect(await server.api.patch(`/api/v1/roles/${role.id}`, { permissions: ['surveys:read', 'projects:read'] }, role.version), 200).body;
	assert.equal(wider.version, role.version + 1);
	await until('the wider role', async () => (await who.api.get('/api/v1/projects')).status === 200);
	expect(await server.api.patch(`/api/v1/roles/${role.id}`, { name: 'x' }, role.version), 412);
	expect(await server.api.patch(`/api/v1/roles/${role.id}`, { name: 'x' }), 428);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, wider.version), 409);
	expect(await server.api.patch(path(who), { role: 'analyst' }, given.version), 200);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, wider.version), 204);
	expect(await server.api.get(`/api/v1/roles/${role.id}`), 404);
	expect(await server.api.patch(path(who), { role_id: role.id }, given.version + 1), 404);
	assert.deepEqual(await events('role', role.id), ['created', 'updated', 'deleted']);
	assert.deepEqual(await events('member', who.id), ['created', 'updated', 'updated']);
});

test('faults of a role', async () => {
	const post = (body) => server.api.post('/api/v1/roles', body);
	assert.deepEqual(pointers(expect(await post({ name: 'Odd', permissions: ['surveys:read', 'surveys:burn'] }), 422)), ['/permissions/1']);
	assert.deepEqual(pointers(expect(await post({ name: 'Odd', permissions: ['signed-in'] }), 422)), ['/permissions/0']);
	expect(await post({ name: 'Odd', permissions: [] }), 422);
	for (const name of ['admin', 'Owner', 'OWN'])
		assert.deepEqual(pointers(expect(await post({ name, permissions: ['surveys:read'] }), 422)), ['/name'], name);
	expect(await post({ name: 'Twice', permissions: ['surveys:read'] }), 201);
	expect(await post({ name: 'twice', permissions: ['surveys:read'] }), 409);
	const key = { headers: { 'Idempotency-Key': randomUUID() } };
	const first = expect(await server.api.post('/api/v1/roles', { name: 'Once', permissions: ['surveys:read'] }, key), 201);
	assert.equal(expect(await server.api.post('/api/v1/roles', { name: 'Once', permissions: ['surveys:read'] }, key), 201).body.id, first.body.id);
	const list = expect(await server.api.get('/api/v1/roles', { query: { limit: 1, count: true } }), 200).body;
	assert.ok(list.items.length === 1 && list.next && list.total >= 2);
	const second = expect(await server.api.get('/api/v1/roles', { query: { limit: 1, count: true, cursor: list.next } }), 200).body;
	assert.notEqual(second.items[0].id, list.items[0].id);
});

test('nobody gives what he does not have, and nobody touches who has more', async () => {
	const admin = await member('admin'), other = await member('viewer');
	const owner = expect(await server.api.get('/api/v1/me'), 200).body.user;
	const version = async (m) => expect(await server.api.get(path(m)), 200).body.version;
	expect(await admin.api.patch(path(other), { role: 'manager' }, await version(other)), 200);
	assert.deepEqual(pointers(expect(await admin.api.patch(path(other), { role: 'owner' }, await version(other)), 403)), ['/role']);
	expect(await admin.api.patch(path(admin), { role: 'owner' }, await version(admin)), 403);
	expect(await admin.api.patch(path(owner), { role: 'viewer' }, await version(owner)), 403);
	expect(await admin.api.delete(path(owner), await version(owner)), 403);
	expect(await admin.api.post('/api/v1/roles', { name: 'Crown', permissions: ['owners:write'] }), 403);
	const crown = expect(await server.api.post('/api/v1/roles', { name: 'Crown', permissions: ['owners:write'] }), 201).body;
	expect(await admin.api.patch(path(other), { role_id: crown.id }, await version(other)), 403);
	expect(await admin.api.patch(`/api/v1/roles/${crown.id}`, { permissions: ['surveys:read'] }, crown.version), 403);
	expect(await admin.api.delete(`/api/v1/roles/${crown.id}`, crown.version), 403);

	// the same through a role of one's own: members:write alone makes nobody an analyst
	const role = expect(await server.api.post('/api/v1/roles', { name: 'Front desk', permissions: ['members:read', 'members:write', 'surveys:read'] }), 201).body;
	const desk = await member('viewer');
	expect(await server.api.patch(path(desk), { role_id: role.id }, await version(desk)), 200);
	const guest = await member('viewer');
	expect(await desk.api.patch(path(guest), { role: 'analyst' }, await version(guest)), 403);
	expect(await desk.api.delete(path(guest), await version(guest)), 403);
	expect(await desk.api.patch(path(desk), { role: 'admin' }, await version(desk)), 403);
	expect(await desk.api.post('/api/v1/roles', { name: 'Small', permissions: ['surveys:read'] }), 201);
	expect(await desk.api.post('/api/v1/roles', { name: 'Large', permissions: ['surveys:read', 'responses:read'] }), 403);
	expect(await (await member('manager')).api.patch(path(guest), { role: 'viewer' }, await version(guest)), 403);
});

test('the last owner stays; two who remove each other leave one', async () => {
	const me = expect(await server.api.get('/api/v1/me'), 200).body.user;
	const mine = expect(await server.api.get(path(me)), 200).body;
	expect(await server.api.delete(path(me), mine.version), 409);
	expect(await server.api.patch(path(me), { role: 'admin' }, mine.version), 409);
	assert.equal(expect(await server.api.patch(path(me), { role: 'owner' }, mine.version), 200).body.role, 'owner');
	const slug = `pair${Math.floor(Math.random() * 1e6)}`;
	const pair = await server.addTenant(slug, `ola@${slug}.example`);
	const ola = await server.login(`ola@${slug}.example`);
	await psql(server.database.name, `set search_path = collect;
		select provision_member('${pair.id}', '${randomUUID()}', 'oda@${slug}.example', 'Oda', '${hash}', 'en', 'owner')`);
	const oda = await server.login(`oda@${slug}.example`);
	const [a, b] = expect(await ola.get('/api/v1/members', { query: { sort: 'created_at' } }), 200).body.items;
	const both = await Promise.all([ola.delete(path(b), b.version), oda.delete(path(a), a.version)]);
	const codes = both.map((r) => r.status).sort();
	assert.ok([204, 409].every((c, i) => c === codes[i]) || (codes[0] === 204 && codes[1] === 401), codes.join());
	const left = await rows(server.database.name, `select count(*) from memberships where tenant_id = '${pair.id}' and deleted_at is null`);
	assert.equal(left[0][0], '1');
});

test('who is removed is out at once, from every device', async () => {
	const who = await member('manager');
	const again = await server.login(who.email);
	const now = expect(await server.api.get(path(who)), 200).body;
	expect(await server.api.delete(path(who), now.version - 1), 412);
	expect(await server.api.delete(path(who), now.version), 204);
	expect(await who.api.get('/api/v1/me'), 401);
	expect(await again.get('/api/v1/me'), 401);
	expect(await server.anyone.post('/api/v1/auth/login', { email: who.email, password: PASSWORD }), 401);
	expect(await server.api.get(path(who)), 404);
	expect(await server.api.delete(path(who), now.version), 404);
	assert.deepEqual(await events('member', who.id), ['created', 'deleted']);
});

test('who is removed and comes back has none of his keys and clients', async () => {
	const who = await member('admin');
	const { key } = expect(await who.api.post('/api/v1/api-keys', { name: 'k', permissions: ['surveys:read'] }), 201).body;
	const made = expect(await who.api.post('/api/v1/clients', { name: 'c', permissions: ['surveys:read'] }), 201).body;
	const token = () => server.anyone.request('POST', '/api/v1/oauth/token', { type: 'application/x-www-form-urlencoded',
		raw: new URLSearchParams({ grant_type: 'client_credentials', client_id: made.client.client_id, client_secret: made.client_secret }).toString() });
	expect(await server.anyone.as(key).get('/api/v1/surveys'), 200);
	expect(await token(), 200);
	expect(await server.api.delete(path(who), expect(await server.api.get(path(who)), 200).body.version), 204);
	const i = expect(await server.api.post('/api/v1/invitations', { email: who.email, role: 'admin' }), 201).body;
	const link = expect(await server.api.post(`/api/v1/invitations/${i.id}/link`), 200).body;
	expect(await server.anyone.post('/api/v1/auth/accept-invitation', { token: link.token, password: PASSWORD }), 200);
	await until('the old key to be refused', async () => (await server.anyone.as(key).get('/api/v1/surveys', { unchecked: true })).status === 401);
	assert.equal((await token()).status, 401);
	const left = await rows(server.database.name, `select count(*) from api_keys where user_id = '${who.id}' and deleted_at is null`);
	assert.equal(left[0][0], '0');
});

test('invitations of who is removed or has less now let nobody in', async () => {
	const version = async (m) => expect(await server.api.get(path(m)), 200).body.version;
	const invited = async (by, role) => {
		const i = expect(await by.api.post('/api/v1/invitations', { email: `${randomUUID().slice(0, 8)}@acme.example`, role }), 201).body;
		return { id: i.id, token: expect(await by.api.post(`/api/v1/invitations/${i.id}/link`), 200).body.token };
	};
	const accept = (i) => server.anyone.post('/api/v1/auth/accept-invitation', { token: i.token, name: 'N', password: PASSWORD });
	const gone = await member('admin'), kept = await invited(gone, 'admin');
	expect(await server.api.delete(path(gone), await version(gone)), 204);
	expect(await accept(kept), 404);
	expect(await server.api.get(`/api/v1/invitations/${kept.id}`), 404);

	// of a role that got less itself, only what it cannot give any more; an owner sends it again, and stands for it
	const all = expect(await server.api.get('/api/v1/permissions'), 200).body.items;
	const may = (role) => all.filter((p) => p.slug === 'members:write' || p.roles.includes(role)).map((p) => p.slug);
	const desk = expect(await server.api.post('/api/v1/roles', { name: 'Reception', permissions: may('analyst') }), 201).body;
	const less = await member('admin');
	expect(await server.api.patch(path(less), { role_id: desk.id }, await version(less)), 200);
	const wide = await invited(less, 'analyst'), small = await invited(less, 'viewer');
	expect(await server.api.patch(`/api/v1/roles/${desk.id}`, { permissions: may('viewer') }, desk.version), 200);
	expect(await accept(wide), 404);
	expect(await accept(small), 200);
	expect(await server.api.post(`/api/v1/invitations/${wide.id}/resend`), 200);
	expect(await accept(wide), 404);
	wide.token = expect(await server.api.post(`/api/v1/invitations/${wide.id}/link`), 200).body.token;
	expect(await server.api.delete(path(less), await version(less)), 204);
	expect(await accept(wide), 200);

	const out = await member('admin'), last = await invited(out, 'viewer');
	expect(await server.api.patch(path(out), { role: 'viewer' }, await version(out)), 200);
	expect(await accept(last), 404);
	expect(await server.api.get(`/api/v1/invitations/${last.id}`), 404);
});

test('members are listed, found and filtered', async () => {
	const who = await member('analyst', 'thu.ha@acme.example');
	const list = async (query) => expect(await server.api.get('/api/v1/members', { query }), 200).body;
	assert.deepEqual((await list({ q: 'THU.HA' })).items.map((m) => m.id), [who.id]);
	assert.ok((await list({ role: 'analyst' })).items.every((m) => m.role === 'analyst'));
	const all = await list({ count: true });
	const seen = [];
	for (let next; next !== null;) {
		const page = await list({ limit: 3, ...(next ? { cursor: next } : {}) });
		seen.push(...page.items.map((m) => m.id));
		next = page.next;
	}
	assert.equal(new Set(seen).size, all.total);
	expect(await (await member('viewer')).api.get('/api/v1/members'), 403);
	assert.deepEqual(pointers(expect(await server.api.patch(path(who), { role: 'editor' }, 1), 422)), ['/role']);
	assert.deepEqual(pointers(expect(await server.api.patch(path(who), {}, 1), 422)), ['/role']);
});

test('an account that somebody made for an address owns no tenant that is made for it later', async () => {
	const email = `squat-${randomUUID().slice(0, 8)}@bank.example`, slug = `bank${Math.floor(Math.random() * 1e6)}`;
	const i = expect(await server.api.post('/api/v1/invitations', { email, role: 'viewer' }), 201).body;
	const { token } = expect(await server.api.post(`/api/v1/invitations/${i.id}/link`), 200).body;
	expect(await server.anyone.post('/api/v1/auth/accept-invitation', { token, name: 'N', password: PASSWORD }), 200);
	const add = (...more) => command([server.binary, 'tenant', 'add', '--slug', slug, '--email', email, '--password-file', '-', ...more],
		{ env: server.environment(), input: 'of the operator' });
	const refused = await add();
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /nobody has shown that the mailbox is his/);
	assert.deepEqual(await rows(server.database.name, `select slug from tenants where slug = '${slug}'`), []);
	expect(await server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD, tenant: slug }), 401);
	assert.equal((await add('--known-user')).code, 1);
});
