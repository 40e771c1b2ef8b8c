// What tests/api/matrix.mjs does not see of two tenants: members of answers, roles that end, and SQL as the server's own role.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const ROLES = ['viewer', 'analyst', 'manager', 'admin'];
const clients = {};
let ours, theirs;

/** A survey of one tenant with an answer. */
async function furnish(api) {
	const made = await publish(api, csat());
	expect(await submit(server.anyone, made.slug, { answers: { nps: 3, why_low: 'The queue was long.' } }), 201);
	return { survey: made.survey.id, slug: made.slug };
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
