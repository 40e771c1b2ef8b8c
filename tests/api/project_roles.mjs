// Roles in single projects: who has none sees nothing of a project, who has one may do there what it says, and that holds in every route below it, in
// lists, for surveys that are moved, for stored replies, for keys, and at once when the role is taken back.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { before } from '../harness/hooks.mjs';
import { ROUTES } from '../harness/matrix_routes.mjs';
import { command, run, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const NEVER = '01890a5d-ac96-774b-bcce-b302099a8057';
const draft = () => definition('Small', [{ name: 'p', questions: [{ type: 'text', name: 'q', title: 'Q' }, { type: 'text', name: 'mail', title: 'Mail', pii: true }] }]);
let hash, alpha, beta;

async function member(role) {
	const id = randomUUID(), email = `${role}-${id.slice(0, 8)}@acme.example`;
	const made = await psql(server.database.name, `set search_path = collect;
		select provision_member('${server.tenant.id}', '${id}', '${email}', '${role}', '${hash}', 'en', '${role}')`);
	assert.equal(made.code, 0, made.stderr);
	return { id, email, role, api: await server.login(email) };
}

const put = (api, path, body) => api.request('PUT', path, { body });
const members = (project) => `/api/v1/projects/${project.id}/members`;
const give = async (who, where, role, api = server.api) => expect(await put(api, members(where.project), { user_id: who.id, ...(typeof role === 'string' ? { role } : role) }), 200).body;
const take = async (who, where, version = 1) => expect(await server.api.delete(`${members(where.project)}/${who.id}`, version), 204);
const survey = (where) => `/api/v1/surveys/${where.survey.id}`;
const ids = (reply) => expect(reply, 200).body.items.map((i) => i.id);
const same = (reply, id) => `${reply.status} ${reply.text.replaceAll(reply.headers['x-request-id'] ?? '-', 'REQUEST').replaceAll(id, 'ID')}`;

before(async () => {
	hash = (await rows(server.database.name, 'select password_hash from users'))[0][0];
	alpha = await publish(server.api, draft());
	beta = await publish(server.api, draft());
	for (const p of [alpha, beta]) {
		p.single = expect(await server.api.post(`${survey(p)}/links`, { kind: 'single_use' }), 201).body;
		const codes = `${survey(p)}/links/${p.single.id}/codes`;
		expect(await server.api.post(codes, { count: 1 }), 202);
		p.code = expect(await server.api.get(codes), 200).body.items[0].id;
		p.response = expect(await submit(server.anyone, p.slug, { answers: { q: `of ${p.slug}`, mail: 'someone@example.com' } }), 201).body;
	}
});

test('a guest sees nothing, and in a project what was given to him there', async () => {
	const who = await member('guest');
	assert.deepEqual(expect(await who.api.get('/api/v1/me'), 200).body.permissions, []);
	expect(await who.api.get('/api/v1/projects'), 403);
	expect(await who.api.get('/api/v1/surveys'), 403);
	expect(await who.api.get(survey(alpha)), 404);
	const given = await give(who, alpha, 'viewer');
	assert.deepEqual([given.id, given.email, given.role, given.version], [who.id, who.email, 'viewer', 1]);
	assert.deepEqual(ids(await who.api.get('/api/v1/projects')), [alpha.project.id]);
	assert.deepEqual(ids(await who.api.get('/api/v1/surveys')), [alpha.survey.id]);
	assert.deepEqual(ids(await who.api.get('/api/v1/surveys', { query: { project_id: beta.project.id } })), []);
	assert.equal(expect(await who.api.get('/api/v1/projects', { query: { count: true, limit: 1 } }), 200).body.total, 1);
	assert.equal(expect(await who.api.get('/api/v1/surveys', { query: { count: true, q: 'Small' } }), 200).body.total, 1);
	assert.equal(expect(await who.api.get(`${survey(alpha)}/responses`), 200).body.items.length, 1);
	expect(await who.api.get(`${survey(beta)}/responses`), 404);
	expect(await who.api.patch(survey(alpha), { title: 'x' }, 1), 403); // he sees it and may not
	expect(await who.api.patch(survey(beta), { title: 'x' }, 1), 404);
	expect(await who.api.post('/api/v1/projects', { name: 'x' }), 403);
	assert.ok(!ids(await server.api.get(members(beta.project))).includes(who.id));
	assert.ok(ids(await server.api.get(members(alpha.project))).includes(who.id));
});

/** Every route of the program below a project or a survey, with our ids filled in. */
async function below(where) {
	const routes = JSON.parse((await command([run.collect, 'print', 'routes'])).stdout).filter((r) => /^\/api\/v1\/(projects|surveys)\/\{id\}/.test(r.path));
	assert.ok(routes.length > 25);
	const values = { link_id: where.link.id, response_id: where.response.id, number: 1, member_id: where.member, code_id: where.code };
	return routes.map((r) => {
		const first = r.path.startsWith('/api/v1/projects') ? where.project.id : where.survey.id;
		const path = r.path.replace('{id}', first).replace(/\{(\w+)\}/g, (_, name) => {
			const value = name === 'link_id' && r.path.includes('{code_id}') ? where.single.id : values[name];
			assert.ok(value, `${r.path} names a {${name}} that this test does not know`);
			return value;
		});
		const body = r.body ? ROUTES[`${r.method} ${r.path}`].body({ project: where.project, survey: where.survey, member: { id: where.member } }, {}) : undefined;
		return { ...r, filled: path, first, body, headers: r.flags.includes('if-match') ? { 'If-Match': '"999"' } : {} };
	});
}

test('every route below a project: hidden is not there, visible and not permitted is 403, permitted is neither', async () => {
	const who = await member('guest'), other = await member('viewer');
	await give(other, alpha, 'viewer');
	await give(other, beta, 'viewer');
	const viewer = await member('guest'), owner = await member('guest');
	await give(viewer, alpha, 'viewer');
	await give(owner, alpha, 'owner');
	await give(who, beta, 'owner');
	const routes = await below({ ...alpha, member: other.id }), allowed = new Set();
	for (const { permission } of routes)
		allowed.add(permission);
	const viewers = new Set(expect(await viewer.api.get('/api/v1/permissions'), 200).body.items.filter((p) => p.roles.includes('viewer')).map((p) => p.slug));
	for (const r of routes) {
		const name = `${r.method} ${r.path}`, ask = (m, path = r.filled) => m.api.request(r.method, path, { body: r.body, headers: r.headers });
		const hidden = await ask(who), never = await ask(who, r.filled.replace(r.first, NEVER));
		assert.equal(hidden.status, 404, `${name}, hidden: ${hidden.text}`);
		assert.equal(same(hidden, r.first), same(never, NEVER), `${name}: a hidden one does not look like one that never was`);
		if (!viewers.has(r.permission))
			assert.equal((await ask(viewer)).status, 403, `${name}, as a viewer`);
		else
			assert.ok(![403, 404].includes((await ask(viewer)).status), `${name}, as a viewer who may`);
		const status = (await ask(owner)).status; // 412 where a version is asked for
		assert.ok(![401, 403, 404, 500].includes(status), `${name}, as the project's owner: ${status}`);
	}
});

test('a role that is taken back holds no longer, at once', async () => {
	const who = await member('guest');
	const given = await give(who, alpha, 'manager');
	expect(await who.api.get(survey(alpha)), 200);
	const page = expect(await who.api.get(`${survey(alpha)}/responses/${alpha.response.id}`), 200).body;
	assert.equal(page.answers.mail ?? page.personal?.mail, 'someone@example.com'); // read_pii, given there
	const lower = await give(who, alpha, 'viewer');
	assert.equal(lower.version, given.version + 1);
	expect(await who.api.post(`${survey(alpha)}/links`, {}), 403);
	assert.ok(!expect(await who.api.get(`${survey(alpha)}/responses/${alpha.response.id}`), 200).text.includes('someone@example.com'));
	expect(await server.api.delete(`${members(alpha.project)}/${who.id}`, 1), 412);
	await take(who, alpha, lower.version);
	expect(await server.api.delete(`${members(alpha.project)}/${who.id}`, lower.version + 1), 404);
	expect(await who.api.get(survey(alpha)), 404);
	expect(await who.api.get('/api/v1/surveys'), 403);
	assert.equal((await give(who, alpha, 'viewer')).version, lower.version + 2); // and given anew
	expect(await who.api.get(survey(alpha)), 200);
});

test('a tenant-wide role is raised in one project and nowhere else', async () => {
	const who = await member('viewer');
	await give(who, alpha, 'manager');
	expect(await who.api.post(`${survey(alpha)}/links`, {}), 201);
	expect(await who.api.post(`${survey(beta)}/links`, {}), 403);
	expect(await who.api.get(survey(beta)), 200);
	assert.equal(ids(await who.api.get('/api/v1/projects')).length >= 2, true);
	assert.ok(expect(await who.api.get(`${survey(alpha)}/responses/${alpha.response.id}`), 200).text.includes('someone@example.com'));
	assert.ok(!expect(await who.api.get(`${survey(beta)}/responses/${beta.response.id}`), 200).text.includes('someone@example.com'));
	expect(await who.api.get(`${survey(alpha)}/responses.csv`, { query: { personal: true } }), 200);
	expect(await who.api.get(`${survey(beta)}/responses.csv`), 403);
	// what is the tenant's stays the tenant-wide role's
	expect(await who.api.post('/api/v1/projects', { name: 'x' }), 403);
	expect(await who.api.get('/api/v1/members'), 403);
	expect(await who.api.post('/api/v1/responses/lookup', { email: 'someone@example.com' }), 403);
	expect(await who.api.post('/api/v1/surveys', { project_id: beta.project.id, title: 'x' }), 403);
	expect(await who.api.post('/api/v1/surveys', { project_id: alpha.project.id, title: 'x' }), 201);
});

test('surveys are made in and moved between projects where both allow it', async () => {
	const who = await member('guest');
	await give(who, alpha, 'manager');
	const make = (project_id, key) => who.api.post('/api/v1/surveys', { project_id, title: 'Moved' }, { headers: key ? { 'Idempotency-Key': key } : {} });
	const hidden = await make(beta.project.id), never = await make(NEVER);
	assert.deepEqual(pointers(expect(hidden, 422)), ['/project_id']);
	assert.equal(same(hidden, beta.project.id), same(never, NEVER));
	const made = expect(await make(alpha.project.id, 'once'), 201).body, path = `/api/v1/surveys/${made.id}`;
	assert.deepEqual(pointers(expect(await who.api.patch(path, { project_id: beta.project.id }, 1), 422)), ['/project_id']);
	await give(who, beta, 'viewer');
	expect(await make(beta.project.id), 403);
	expect(await who.api.patch(path, { project_id: beta.project.id }, 1), 403);
	await give(who, beta, 'manager');
	assert.equal(expect(await who.api.patch(path, { project_id: beta.project.id }, 1), 200).body.project_id, beta.project.id);
	const [last] = await rows(server.database.name, `select version from project_members where user_id = '${who.id}' and project_id = '${beta.project.id}'`);
	await take(who, beta, Number(last[0]));
	expect(await who.api.get(path), 404); // moved out of his sight
	assert.ok(!ids(await who.api.get('/api/v1/surveys')).includes(made.id));
	assert.equal(expect(await make(alpha.project.id, 'once'), 201).headers['idempotency-replayed'], 'true');
	await take(who, alpha);
	const late = await make(alpha.project.id, 'once'); // a stored reply is no way round
	assert.equal(late.status, 403);
	expect(await server.api.patch(path, { project_id: alpha.project.id }, 2), 200);
});

test('who may write in two projects moves a survey from the one to the other: out of the sight of whose role is in the first alone', async () => {
	const x = await publish(server.api, draft()), owner = await member('guest'), mover = await member('guest'), near = await member('guest');
	await give(owner, x, 'owner');
	await give(near, beta, 'owner');
	for (const where of [x, beta])
		await give(mover, where, 'manager');
	const move = async (api, to) => api.patch(survey(x), { project_id: to.project.id }, expect(await server.api.get(survey(x)), 200).body.version);
	expect(await move(near.api, beta), 404); // nobody takes what he does not see
	assert.deepEqual(pointers(expect(await move(owner.api, beta), 422)), ['/project_id']); // nor gives to where he has no part
	expect(await move(mover.api, beta), 200);
	expect(await owner.api.get(survey(x)), 404);
	expect(await owner.api.get(`${survey(x)}/responses`), 404);
	assert.deepEqual(ids(await owner.api.get('/api/v1/surveys')), []);
	expect(await near.api.get(survey(x)), 200);
	assert.deepEqual(await rows(server.database.name, `select before ->> 'project_id', after ->> 'project_id' from events
		where aggregate_id = '${x.survey.id}' and before ->> 'project_id' <> after ->> 'project_id'`), [[x.project.id, beta.project.id]]);
	expect(await move(mover.api, x), 200);
	expect(await owner.api.get(survey(x)), 200);
	expect(await near.api.get(survey(x)), 404);
});

test('nobody moves a survey to where he may do more with it', async () => {
	const x = await publish(server.api, draft()), editor = async (...more) => expect(await server.api.post('/api/v1/roles', { name: `E ${randomUUID()}`, permissions: ['surveys:read', 'surveys:write', 'projects:read', ...more] }), 201).body;
	const r = expect(await submit(server.anyone, x.slug, { answers: { q: 'a', mail: 'canary@pii.example' } }), 201).body, one = `${survey(x)}/responses/${r.id}`;
	const move = async (api) => api.patch(survey(x), { project_id: beta.project.id }, expect(await api.get(survey(x)), 200).body.version);
	const refused = async (who, api = who.api) => {
		assert.deepEqual(pointers(expect(await move(api), 403)), ['/project_id']);
		assert.equal(expect(await server.api.get(survey(x)), 200).body.project_id, x.project.id);
		expect(await who.api.get(one), 403);
		expect(await who.api.get(`${survey(x)}/responses.csv`, { query: { personal: true } }), 403);
	};
	const guest = await member('guest');
	await give(guest, x, { role_id: (await editor()).id });
	await give(guest, beta, 'manager');
	await refused(guest);
	// with a role in the whole tenant that has nothing of answers, by a session and by a key that has as little in both
	const wide = await member('guest'), { version } = expect(await server.api.get(`/api/v1/members/${wide.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/members/${wide.id}`, { role_id: (await editor('keys:write')).id }, version), 200);
	await give(wide, beta, 'manager');
	await refused(wide);
	const { key } = expect(await wide.api.post('/api/v1/api-keys', { name: 'K', permissions: ['surveys:read', 'surveys:write'] }), 201).body;
	await refused(wide, server.anyone.as(key));
	// to where he may do as much he moves it
	await give(guest, beta, { role_id: (await editor()).id });
	assert.equal(expect(await move(guest.api), 200).body.project_id, beta.project.id);
	expect(await guest.api.get(one), 403);
});

test('who gives roles in a project holds them there', async () => {
	const boss = await member('guest'), who = await member('guest'), viewer = await member('guest');
	await give(boss, alpha, 'admin');
	await give(who, alpha, 'analyst', boss.api);
	expect(await put(boss.api, members(alpha.project), { user_id: who.id, role: 'owner' }), 403);
	expect(await put(boss.api, members(beta.project), { user_id: who.id, role: 'viewer' }), 404);
	expect(await boss.api.get(members(beta.project)), 404);
	await give(viewer, alpha, 'viewer');
	expect(await viewer.api.get(members(alpha.project)), 403);
	expect(await put(viewer.api, members(alpha.project), { user_id: viewer.id, role: 'manager' }), 403);
	await give(who, alpha, 'owner');
	expect(await put(boss.api, members(alpha.project), { user_id: who.id, role: 'viewer' }), 403);
	expect(await boss.api.delete(`${members(alpha.project)}/${who.id}`, 2), 403);
	// what he holds there he holds nowhere else
	expect(await boss.api.post('/api/v1/invitations', { email: 'x@example.com', role: 'guest' }), 403);
	expect(await boss.api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 403);
	expect(await boss.api.get('/api/v1/events'), 403);
	for (const [body, pointer] of [[{ role: 'guest' }, '/role'], [{ role: 'nobody' }, '/role'], [{}, '/role'], [{ role: 'viewer', role_id: NEVER }, '/role']])
		assert.deepEqual(pointers(expect(await put(server.api, members(alpha.project), { user_id: who.id, ...body }), 422)), [pointer]);
	assert.deepEqual(pointers(expect(await put(server.api, members(alpha.project), { user_id: NEVER, role: 'viewer' }), 422)), ['/user_id']);
	expect(await put(server.api, members(alpha.project), { user_id: who.id, role_id: NEVER }), 404);
});

test('who is removed from the tenant holds nowhere more than who removes him', async () => {
	const clerk = await member('guest'), boss = await member('guest'), viewer = await member('guest');
	const role = expect(await server.api.post('/api/v1/roles', { name: `C ${randomUUID()}`, permissions: ['members:read', 'members:write'] }), 201).body;
	const { version } = expect(await server.api.get(`/api/v1/members/${clerk.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/members/${clerk.id}`, { role_id: role.id }, version), 200);
	const remove = async (api, who) => api.delete(`/api/v1/members/${who.id}`, expect(await server.api.get(`/api/v1/members/${who.id}`), 200).body.version);
	await give(boss, alpha, 'owner');
	expect(await remove(clerk.api, boss), 403);
	expect(await boss.api.get(survey(alpha)), 200);
	expect(await remove(clerk.api, viewer), 204); // a guest without any
	expect(await remove(server.api, boss), 204);
});

test('a role of the tenant\'s own in a project, which cannot be deleted meanwhile', async () => {
	const role = expect(await server.api.post('/api/v1/roles', { name: `R ${randomUUID()}`, permissions: ['surveys:read'] }), 201).body, who = await member('guest');
	expect(await server.api.post('/api/v1/roles', { name: 'Guest', permissions: ['surveys:read'] }), 422);
	assert.deepEqual((await give(who, alpha, { role_id: role.id })).role_id, role.id);
	expect(await who.api.get(survey(alpha)), 200);
	expect(await who.api.get(`/api/v1/projects/${alpha.project.id}`), 403);
	expect(await who.api.get('/api/v1/projects'), 403);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, 1), 409);
	await take(who, alpha);
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, 1), 204);
});

test('keys are cut down with who made them', async () => {
	const who = await member('admin');
	const { key } = expect(await who.api.post('/api/v1/api-keys', { name: 'K', permissions: ['surveys:read', 'links:read'] }), 201).body, api = server.anyone.as(key);
	expect(await api.get(survey(beta)), 200);
	const { version } = expect(await server.api.get(`/api/v1/members/${who.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/members/${who.id}`, { role: 'guest' }, version), 200);
	await give(who, alpha, 'manager');
	expect(await api.get(survey(beta)), 404);
	expect(await api.get(survey(alpha)), 200);
	expect(await api.get(`${survey(alpha)}/links`), 200);
	expect(await api.get(`${survey(alpha)}/responses`), 403); // not the key's
	expect(await api.post(`${survey(alpha)}/links`, {}), 403);
	assert.deepEqual(ids(await api.get('/api/v1/surveys')).filter((id) => id === beta.survey.id), []);
});

test('who is removed from the tenant has no roles when he comes back', async () => {
	const who = await member('guest');
	await give(who, alpha, 'viewer');
	const { version } = expect(await server.api.get(`/api/v1/members/${who.id}`), 200).body;
	expect(await server.api.delete(`/api/v1/members/${who.id}`, version), 204);
	expect(await who.api.get(survey(alpha)), 401);
	assert.deepEqual(pointers(expect(await put(server.api, members(alpha.project), { user_id: who.id, role: 'viewer' }), 422)), ['/user_id']);
	await psql(server.database.name, `update collect.memberships set deleted_at = null where user_id = '${who.id}'`);
	const again = await server.login(who.email);
	await until('the new membership', async () => (await again.get('/api/v1/me')).status === 200);
	expect(await again.get(survey(alpha)), 404);
});

test('a project that is deleted gives nothing more, and what happened stands in the log', async () => {
	const who = await member('guest'), project = expect(await server.api.post('/api/v1/projects', { name: 'Short' }), 201).body;
	await give(who, { project }, 'owner');
	expect(await server.api.delete(`/api/v1/projects/${project.id}`, 1), 204);
	expect(await who.api.get(`/api/v1/projects/${project.id}`), 404);
	expect(await who.api.get('/api/v1/projects'), 403);
	expect(await server.api.get(members(project)), 404);
	const got = await rows(server.database.name, `select type, data ->> 'project_id' from events where aggregate_type = 'project_member' and aggregate_id = '${who.id}'`);
	assert.deepEqual(got, [['created', project.id]]);
});

test('lists are shown to who has roles in more projects than are given to anybody now', async () => {
	const who = await member('guest');
	const made = await psql(server.database.name, `set search_path = collect; select set_config('app.current_tenant_id', '${server.tenant.id}', false);
		insert into projects (tenant_id, id, name) select '${server.tenant.id}', gen_random_uuid(), 'many ' || g from generate_series(1, 510) g;
		insert into project_members (tenant_id, project_id, user_id, role) select tenant_id, id, '${who.id}', 'viewer' from projects where name like 'many %'`);
	assert.equal(made.code, 0, made.stderr);
	assert.equal(expect(await who.api.get('/api/v1/projects', { query: { count: true, limit: 1 } }), 200).body.total, 510);
	expect(await put(server.api, members(beta.project), { user_id: who.id, role: 'viewer' }), 409);
	const gone = await psql(server.database.name, `update collect.projects set deleted_at = now() where name like 'many %'`);
	assert.equal(gone.code, 0, gone.stderr);
	await give(who, beta, 'viewer'); // those of deleted projects do not count
});

/** Roles in `n` projects that nobody else has to do with. */
async function furnish(who, n) {
	const name = randomUUID();
	const made = await psql(server.database.name, `set search_path = collect; select set_config('app.current_tenant_id', '${server.tenant.id}', false);
		insert into projects (tenant_id, id, name) select '${server.tenant.id}', gen_random_uuid(), '${name} ' || g from generate_series(1, ${n}) g;
		insert into project_members (tenant_id, project_id, user_id, role) select tenant_id, id, '${who.id}', 'viewer' from projects where name like '${name} %'`);
	assert.equal(made.code, 0, made.stderr);
}

test('who gives roles in one project only counts those in all others, too', async () => {
	const boss = await member('guest'), who = await member('guest');
	await give(boss, alpha, 'owner');
	await furnish(who, 500);
	assert.deepEqual(pointers(expect(await put(boss.api, members(alpha.project), { user_id: who.id, role: 'viewer' }), 409)), ['/user_id']);
	assert.deepEqual(ids(await boss.api.get('/api/v1/projects')), [alpha.project.id]); // and sees no more than before
});

test('of two who give somebody his last role at once one does', async () => {
	const who = await member('guest');
	await furnish(who, 499);
	// both wait for the membership before they count
	const holder = psql(server.database.name, `set search_path = collect; begin; select 1 from memberships where user_id = '${who.id}' for update;
		do $$ begin for i in 1..400 loop
			perform pg_stat_clear_snapshot();
			exit when (select count(*) from pg_stat_activity where usename = 'collect_app' and wait_event_type = 'Lock') >= 2;
			perform pg_sleep(0.02);
		end loop; end $$; rollback`);
	await until('the lock', async () => (await rows(server.database.name, "select 1 from pg_stat_activity where query like '%pg_stat_clear_snapshot%' and wait_event = 'PgSleep'")).length === 1);
	const replies = await Promise.all([alpha, beta].map((p) => put(server.api, members(p.project), { user_id: who.id, role: 'viewer' })));
	assert.equal((await holder).code, 0);
	assert.deepEqual(replies.map((r) => r.status).sort(), [200, 409]);
	assert.deepEqual(await rows(server.database.name, `select count(*) from project_members where user_id = '${who.id}' and deleted_at is null`), [['500']]);
});
