// A second tenant sees nothing of the first. The matrix is made from the server's own description: every operation, every id in its path and
// body, every role, an id that lives at the neighbour's and one that never existed. Both must look the same: 404, same body.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { addJobs } from '../harness/worker.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const ROLES = ['viewer', 'analyst', 'manager', 'admin'];
const NEVER = '01890a5d-ac96-774b-bcce-b302099a8057';
const clients = {};
let ours, theirs;

/** Objects of one tenant by the kind of id. */
async function furnish(api) {
	const made = await publish(api, csat());
	const { body } = expect(await submit(server.anyone, made.slug, { answers: { nps: 3, why_low: 'canary-of-the-neighbour' } }), 201);
	const me = expect(await api.get('/api/v1/me'), 200).body;
	const [job] = await addJobs(server, [{ type: 'jobs.purge' }], { tenant: me.tenant.id, delayMs: 86400000 });
	const session = expect(await api.get('/api/v1/me/sessions'), 200).body.items[0].id;
	const role = expect(await api.post('/api/v1/roles', { name: 'Field', permissions: ['surveys:read'] }), 201).body.id;
	const invitation = expect(await api.post('/api/v1/invitations', { email: 'new@example.com', role: 'viewer' }), 201).body.id;
	const key = expect(await api.post('/api/v1/api-keys', { name: 'Key', permissions: ['surveys:read'] }), 201).body.api_key.id;
	const provider = expect(await api.post('/api/v1/identity-providers', { name: 'Ours', issuer: 'https://id.example.com', client_id: 'collect' }), 201).body.id;
	const client = expect(await api.post('/api/v1/clients', { name: 'Client', permissions: ['surveys:read'] }), 201).body.client.id;
	return { job, session, client, provider, role, invitation, key, member: me.user.id, project: made.project.id, survey: made.survey.id, link: made.link.id, response: body.id, slug: made.slug, number: 1 };
}

before(async () => {
	theirs = await furnish(server.api);
	await server.addTenant('second', 'sam@second.example');
	const admin = await server.login('sam@second.example');
	ours = await furnish(admin);
	clients.admin = admin; // its owner
	const hash = (await rows(server.database.name, "select password_hash from users where email = 'sam@second.example'"))[0][0];
	const tenant = (await rows(server.database.name, "select id from tenants where slug = 'second'"))[0][0];
	for (const role of ROLES.slice(0, 3)) {
		const made = await psql(server.database.name, `set search_path = collect;
			select provision_member('${tenant}', gen_random_uuid(), '${role}@second.example', '${role}', '${hash}', 'en', '${role}')`);
		assert.equal(made.code, 0, made.stderr);
		clients[role] = await server.login(`${role}@second.example`, PASSWORD);
	}
});

/** What an id in this place of this path names. */
function kindOf(path, name) {
	if (name !== 'id')
		return name.replace(/_id$/, '');
	return /([a-z]+)s\/\{id\}/.exec(path)[1];
}

const fill = (path, ids) => path.replace(/\{(\w+)\}/g, (_, name) => ids[name]);

/** A body that this operation would take, with our own ids in it. */
function bodyFor(method, path) {
	if (method === 'post' && path === '/api/v1/projects')
		return { name: 'x' };
	if (method === 'post' && path === '/api/v1/surveys')
		return { project_id: ours.project, title: 'x', definition: csat() };
	if (method === 'post' && path.endsWith('/validate'))
		return csat();
	if (method === 'post' && path.endsWith('/links'))
		return {};
	if (method === 'put')
		return path.endsWith('/definition') ? csat() : {};
	if (method === 'post' && path === '/api/v1/roles')
		return { name: 'x', permissions: ['surveys:read'] };
	if (method === 'post' && ['/api/v1/api-keys', '/api/v1/clients'].includes(path))
		return { name: 'x', permissions: ['surveys:read'] };
	if (method === 'post' && path === '/api/v1/identity-providers')
		return { name: 'x', issuer: 'https://id2.example.com', client_id: 'collect' };
	if (method === 'patch' && path.includes('/identity-providers/'))
		return { name: 'taken over' };
	if (method === 'post' && path === '/api/v1/invitations')
		return { email: 'newer@example.com', role: 'viewer' };
	if (method === 'patch' && path.includes('/members/'))
		return { role: 'viewer' };
	if (method === 'patch' && path.includes('/roles/'))
		return { name: 'taken over' };
	if (method === 'patch')
		return path.includes('/projects/') ? { name: 'taken over' } : { title: 'taken over' };
	return undefined;
}

const ask = (client, method, path, body) => client.request(method.toUpperCase(), path, { body, headers: ['patch', 'put', 'delete'].includes(method) ? { 'If-Match': '"1"' } : {} });
const shape = (reply) => ({ status: reply.status, body: reply.text.replaceAll(reply.headers['x-request-id'], 'ID') });

test('every id of every path: the neighbour\'s looks like one that never existed', async () => {
	let cases = 0;
	for (const [path, item] of Object.entries(server.contract.document.paths)) {
		const slots = [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
		if (!path.startsWith('/api/v1/') || slots.length === 0)
			continue;
		for (const method of Object.keys(item).filter((m) => ['get', 'post', 'patch', 'put', 'delete'].includes(m))) {
			for (const slot of slots.filter((s) => s.endsWith('id'))) {
				for (const role of ROLES) {
					const own = Object.fromEntries(slots.map((s) => [s, ours[kindOf(path, s)]]));
					const kind = kindOf(path, slot);
					assert.ok(theirs[kind], `${path}: this test has no ${kind} to try with; teach it`);
					const foreign = shape(await ask(clients[role], method, fill(path, { ...own, [slot]: theirs[kind] }), bodyFor(method, path)));
					const never = shape(await ask(clients[role], method, fill(path, { ...own, [slot]: NEVER }), bodyFor(method, path)));
					const where = `${role}: ${method} ${path} with another tenant's ${kind}`;
					assert.deepEqual(foreign, never, where);
					assert.ok([403, 404].includes(foreign.status), `${where}: ${foreign.status} ${foreign.body}`);
					if (role === 'admin')
						assert.equal(foreign.status, 404, `${where}: ${foreign.body}`);
					cases++;
				}
			}
		}
	}
	assert.ok(cases >= 40, `${cases} cases`);
});

test('every id in a body', async () => {
	for (const role of ['analyst', 'manager', 'admin']) {
		if (role === 'admin') {
			const invite = (role_id) => clients.admin.post('/api/v1/invitations', { email: 'third@example.com', role_id });
			assert.deepEqual(shape(await invite(theirs.role)), shape(await invite(NEVER)));
			expect(await invite(theirs.role), 404);
			const someone = expect(await clients.admin.get('/api/v1/members', { query: { role: 'viewer' } }), 200).body.items[0];
			const give = (role_id) => clients.admin.patch(`/api/v1/members/${someone.id}`, { role_id }, someone.version);
			assert.deepEqual(shape(await give(theirs.role)), shape(await give(NEVER)));
			expect(await give(theirs.role), 404);
		}
		const post = (project_id) => clients[role].post('/api/v1/surveys', { project_id, title: 'x', definition: csat() });
		const foreign = shape(await post(theirs.project));
		const never = shape(await post(NEVER));
		assert.deepEqual(foreign, never);
		assert.ok(role === 'analyst' ? foreign.status === 403 : [404, 422].includes(foreign.status), foreign.body);
		const mine = expect(await clients[role].get(`/api/v1/surveys/${ours.survey}`), 200).body;
		const patch = (project_id) => clients[role].patch(`/api/v1/surveys/${ours.survey}`, { project_id }, mine.version);
		const patched = shape(await patch(theirs.project));
		assert.deepEqual(patched, shape(await patch(NEVER)));
		assert.ok(role === 'analyst' ? patched.status === 403 : [404, 422].includes(patched.status), patched.body);
	}
});

test('every id in a query gives an empty list or the same answer', async () => {
	for (const id of [theirs.project, NEVER]) {
		const reply = await clients.admin.get('/api/v1/surveys', { query: { project_id: id } });
		assert.ok(reply.status === 404 || (reply.status === 200 && reply.body.items.length === 0), reply.text);
	}
	for (const id of [theirs.link, NEVER])
		assert.deepEqual(expect(await clients.admin.get(`/api/v1/surveys/${ours.survey}/responses`, { query: { link_id: id } }), 200).body.items, []);
});

test('lists, counts and files hold nothing of the neighbour', async () => {
	for (const [path, item] of Object.entries(server.contract.document.paths)) {
		if (!item.get || !path.startsWith('/api/v1/'))
			continue;
		const own = Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map((m) => [m[1], ours[kindOf(path, m[1])]]));
		const reply = expect(await clients.admin.get(fill(path, own)), 200);
		for (const value of Object.values(theirs).filter((v) => typeof v === 'string'))
			assert.ok(!reply.text.includes(value), `${path} shows ${value}`);
		assert.ok(!path.includes('responses.csv') || reply.text.includes('canary-of-the-neighbour'), 'our own answer is there');
		assert.equal((reply.text.match(/canary-of-the-neighbour/g) ?? []).length, path.includes('responses') ? 1 : 0, path);
	}
});

test('roles: each may do what the table of permissions says', async () => {
	const may = {
		viewer: { read: 200, write: 403, publish: 403, remove: 403, file: 403 },
		analyst: { read: 200, write: 403, publish: 403, remove: 403, file: 200 },
		manager: { read: 200, write: 201, publish: 200, remove: 204, file: 200 },
		admin: { read: 200, write: 201, publish: 200, remove: 204, file: 200 },
	};
	for (const role of ROLES) {
		const api = clients[role];
		expect(await api.get('/api/v1/surveys'), may[role].read);
		expect(await api.get(`/api/v1/surveys/${ours.survey}/responses`), may[role].read);
		expect(await api.post('/api/v1/projects', { name: role }), may[role].write);
		const draft = expect(await clients.admin.post('/api/v1/surveys', { project_id: ours.project, title: role, definition: csat() }), 201).body;
		expect(await api.post(`/api/v1/surveys/${draft.id}/publish`), may[role].publish);
		const now = expect(await clients.admin.get(`/api/v1/surveys/${draft.id}`), 200).body;
		expect(await api.delete(`/api/v1/surveys/${draft.id}`, now.version), may[role].remove);
		expect(await api.get(`/api/v1/surveys/${ours.survey}/responses.csv`), may[role].file);
	}
});

test('personal answers: managers see them, others see that there are some', async () => {
	const { body } = expect(await submit(server.anyone, ours.slug, { answers: { nps: 1, call_back: true, phone: '0901 222 333' } }), 201);
	for (const role of ROLES) {
		const one = expect(await clients[role].get(`/api/v1/surveys/${ours.survey}/responses/${body.id}`), 200).body;
		assert.equal(one.has_personal, true);
		assert.deepEqual(one.personal, ['manager', 'admin'].includes(role) ? { phone: '0901 222 333' } : undefined, role);
		const file = await clients[role].get(`/api/v1/surveys/${ours.survey}/responses.csv`, { query: { personal: true } });
		assert.equal(file.status, ['manager', 'admin'].includes(role) ? 200 : 403, role);
	}
});

test('a role taken away ends soon', async () => {
	const guest = clients.viewer;
	expect(await guest.get('/api/v1/projects'), 200);
	await psql(server.database.name, "set search_path = collect; update memberships set deleted_at = now() from users where users.id = user_id and email = 'viewer@second.example'");
	await server.redis.stop(); // what a process remembers of the role is short-lived, with or without Redis
	const end = Date.now() + 40000;
	let status;
	do
		status = (await guest.get('/api/v1/projects')).status;
	while (status === 200 && Date.now() < end && (await new Promise((r) => setTimeout(r, 1000)), true));
	assert.ok([401, 403].includes(status), `${status}`);
});

test('in SQL as the server\'s own role a tenant sees its rows only, and nobody\'s without one', async () => {
	const tenant = (await rows(server.database.name, "select id from tenants where slug = 'second'"))[0][0];
	const as = (sql) => psql(server.database.name, `set search_path = collect;\n${sql}`, { user: 'collect_app' });
	const bound = await as(`begin; select set_config('app.current_tenant_id', '${tenant}', true); select count(*) from surveys where id = '${theirs.survey}';
		select count(*) from responses where survey_id = '${theirs.survey}'; select count(*) > 0 from responses; commit`);
	assert.deepEqual(bound.stdout.trim().split('\n').slice(1), ['0', '0', 't'], bound.stderr);
	for (const table of ['projects', 'surveys', 'survey_versions', 'links', 'responses', 'events', 'memberships']) {
		const unbound = await as(`select count(*) from ${table}`);
		assert.notEqual(unbound.code, 0, `${table} can be read without a tenant`);
	}
	for (const table of ['tenants', 'users', 'slugs', 'user_tenants', 'responses_00'])
		assert.match((await as(`begin; select set_config('app.current_tenant_id', '${tenant}', true); select * from ${table}; commit`)).stderr,
			/permission denied/, table);
});
