// What changes of a member is known to all servers at once, not after the seconds for which each remembers him; and what he himself is told of his projects.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const AT_ONCE_S = 3; // a server remembers a member for five
const server = withServer();
let other, hash;
const draft = () => definition('Small', [{ name: 'p', questions: [{ type: 'text', name: 'q', title: 'Q' }] }]);
before(async () => {
	// both with one key for tokens: what one gives out the other takes
	other = await server.twin();
	hash = (await rows(server.database.name, 'select password_hash from users'))[0][0];
});
after(() => other.end());

async function member(role) {
	const id = randomUUID(), email = `${role}-${id.slice(0, 8)}@acme.example`;
	const made = await psql(server.database.name, `set search_path = collect;
		select provision_member('${server.tenant.id}', '${id}', '${email}', '${role}', '${hash}', 'en', '${role}')`);
	assert.equal(made.code, 0, made.stderr);
	return { id, api: await server.login(email), there: await other.login(email) };
}
const members = (project) => `/api/v1/projects/${project.id}/members`;
const give = async (who, where, role) => expect(await server.api.request('PUT', members(where.project), { body: { user_id: who.id, role } }), 200).body;
const soon = (what, ask, status) => until(what, async () => (await ask()).status === status, AT_ONCE_S);
const version = async (who) => expect(await server.api.get(`/api/v1/members/${who.id}`), 200).body.version;

test('a first role in a project, another role, and none, at the other server', async () => {
	const s = await publish(server.api, draft()), who = await member('viewer'), links = `/api/v1/surveys/${s.survey.id}/links`;
	expect(await who.there.post(links, {}), 403); // and is remembered
	const given = await give(who, s, 'manager');
	await soon('the first role', () => who.there.post(links, {}), 201);
	expect(await server.api.delete(`${members(s.project)}/${who.id}`, given.version), 204);
	expect(await who.there.post(links, {}), 403);
	expect(await who.there.get(links), 200);
	expect(await server.api.patch(`/api/v1/members/${who.id}`, { role: 'guest' }, await version(who)), 200);
	await soon('the lower role', () => who.there.get(links), 404);
	expect(await server.api.patch(`/api/v1/members/${who.id}`, { role: 'manager' }, await version(who)), 200);
	await soon('the higher role', () => who.there.post(links, {}), 201);
});

test('one sees the projects in which one has a role, whatever one is in the tenant; keys do not', async () => {
	const [a, b, c] = [await publish(server.api, draft()), await publish(server.api, draft()), await publish(server.api, draft())];
	const project = async (s, name) => expect(await server.api.patch(`/api/v1/projects/${s.project.id}`, { name }, 1), 200).body;
	await project(a, 'Zebra');
	await project(b, 'apples');
	const own = expect(await server.api.post('/api/v1/roles', { name: 'Mine', permissions: ['surveys:read', 'keys:write'] }), 201).body;
	for (const role of ['guest', 'admin']) {
		const who = await member(role), mine = async (api = who.api) => expect(await api.get('/api/v1/me'), 200).body.projects;
		assert.deepEqual(await mine(), []);
		await give(who, a, 'viewer');
		expect(await server.api.request('PUT', members(b.project), { body: { user_id: who.id, role_id: own.id } }), 200);
		const given = await give(who, c, 'owner');
		expect(await server.api.delete(`${members(c.project)}/${who.id}`, given.version), 204);
		const listed = [{ id: b.project.id, name: 'apples', role: 'Mine', role_id: own.id }, { id: a.project.id, name: 'Zebra', role: 'viewer', role_id: null }];
		assert.deepEqual(await mine(), listed);
		assert.deepEqual(expect(await who.api.patch('/api/v1/me', { name: 'Another' }), 200).body.projects, listed);
		if (role === 'admin') {
			const { key } = expect(await who.api.post('/api/v1/api-keys', { name: 'k', permissions: ['surveys:read'] }), 201).body;
			assert.deepEqual(await mine(server.anyone.as(key)), []);
		}
	}
	const s = expect(await server.api.post('/api/v1/projects', { name: 'Short' }), 201).body, who = await member('guest');
	await give(who, { project: s }, 'viewer');
	expect(await server.api.delete(`/api/v1/projects/${s.id}`, 1), 204);
	assert.deepEqual(expect(await who.api.get('/api/v1/me'), 200).body.projects, []);
});

test('a survey is not moved to where its mover may do more, also by a server that has not heard yet that he may', async () => {
	const s = await publish(server.api, draft()), to = await publish(server.api, draft()), who = await member('guest');
	const editor = expect(await server.api.post('/api/v1/roles', { name: 'Editor', permissions: ['surveys:read', 'surveys:write', 'projects:read'] }), 201).body;
	expect(await server.api.patch(`/api/v1/members/${who.id}`, { role_id: editor.id }, await version(who)), 200);
	await soon('the role', () => who.there.get(`/api/v1/surveys/${s.survey.id}`), 200);
	const made = await psql(server.database.name, `set search_path = collect; select set_config('app.current_tenant_id', '${server.tenant.id}', false);
		insert into project_members (tenant_id, project_id, user_id, role) values ('${server.tenant.id}', '${to.project.id}', '${who.id}', 'manager')`);
	assert.equal(made.code, 0, made.stderr); // past the API, so that nobody is told
	const at = expect(await server.api.get(`/api/v1/surveys/${s.survey.id}`), 200).body.version;
	assert.deepEqual(pointers(expect(await who.there.patch(`/api/v1/surveys/${s.survey.id}`, { project_id: to.project.id }, at), 403)), ['/project_id']);
});
