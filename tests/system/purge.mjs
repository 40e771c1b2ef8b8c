// What was deleted long enough ago is removed for good: children first, and nothing that is young, in use or another tenant's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, round } from '../harness/worker.mjs';

const server = withServer();
let worker;
after(() => worker?.stop());
const query = (sql) => rows(server.database.name, sql);
const run = async (sql) => { const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}';\n${sql}`); assert.equal(got.code, 0, got.stderr); };
const count = async (table, where) => Number((await query(`select count(*) from ${table} where ${where}`))[0][0]);
const document = () => definition('Visit', [{ name: 'p', questions: [{ type: 'single', name: 'city', title: 'City', choices: [{ value: 'a', label: 'A' }] },
	{ type: 'text', name: 'email', title: 'E-mail', input: 'email', pii: true }] }],
{ quotas: [{ name: 'q', cells: [{ name: 'a', when: "{city} = 'a'", limit: 100 }] }] });

async function furnished(api) {
	const s = await publish(api, document());
	for (let i = 0; i < 3; i++)
		s.response = expect(await submit(server.anyone, s.slug, { answers: { city: 'a', email: `p${i}@example.com` } }), 201).body.id;
	return s;
}
async function remove(api, path) {
	expect(await api.delete(path, expect(await api.get(path), 200).body.version), 204);
}
/** Has the job come round now; what it removed of this server's first tenant. */
async function again() {
	const job = await round(server, 'privacy.purge');
	assert.equal(job.status, 'succeeded', JSON.stringify(job));
	return job.result;
}

test('what was deleted purge_days ago goes, with its children; the rest stays', async () => {
	const other = await server.addTenant('other', 'olga@other.example');
	const theirs = await server.login(other.email);
	const gone = await furnished(server.api), young = await furnished(server.api), live = await furnished(server.api), foreign = await furnished(theirs);
	for (const [api, s] of [[server.api, gone], [server.api, young], [theirs, foreign]]) {
		await remove(api, `/api/v1/surveys/${s.survey.id}`);
		await remove(api, `/api/v1/projects/${s.project.id}`);
	}
	const unused = expect(await server.api.post(`/api/v1/surveys/${live.survey.id}/links`, {}), 201).body;
	for (const link of [unused, live.link])
		await remove(server.api, `/api/v1/surveys/${live.survey.id}/links/${link.id}`);
	const role = expect(await server.api.post('/api/v1/roles', { name: 'Gone', permissions: ['surveys:read'] }), 201).body;
	await remove(server.api, `/api/v1/roles/${role.id}`);
	expect(await server.api.post('/api/v1/invitations', { email: 'never@example.com', role: 'viewer' }), 201);
	const key = expect(await server.api.post('/api/v1/api-keys', { name: 'k', permissions: ['surveys:read'] }), 201).body.api_key;
	expect(await server.api.delete(`/api/v1/api-keys/${key.id}`, key.version), 204);
	await run(`update responses set deleted_at = now() where id = '${live.response}'`);

	// all of it was deleted 31 days ago but what is `young`; the other tenant keeps what it deleted for a year
	for (const table of ['surveys', 'projects', 'links', 'roles', 'api_keys', 'responses'])
		await run(`update ${table} set deleted_at = now() - interval '31 days' where deleted_at is not null and tenant_id <> '${other.id}'`);
	await run(`update surveys set deleted_at = now() - interval '29 days' where id = '${young.survey.id}'; update projects set deleted_at = now() - interval '29 days' where id = '${young.project.id}'`);
	await run("update invitations set expires_at = now() - interval '31 days' where email = 'never@example.com'");
	expect(await theirs.patch('/api/v1/privacy/settings', { purge_days: 365 }, 0), 200);
	await run(`update surveys set deleted_at = now() - interval '31 days' where id = '${foreign.survey.id}'`);

	worker = await new Worker(server).start();
	await until('the first round, at the worker\'s start', async () => (await query("select 1 from job_records where type = 'privacy.purge' and status = 'succeeded'")).length === 2);
	const [[first]] = await query(`select result from job_records where type = 'privacy.purge' and tenant_id = '${server.tenant.id}'`);
	assert.deepEqual(JSON.parse(first), { responses: 4, links: 2, versions: 1, surveys: 1, projects: 1, invitations: 1, api_keys: 1, roles: 1 });

	const of = (s) => `survey_id = '${s.survey.id}'`;
	for (const table of ['responses', 'survey_versions', 'links', 'quota_cells'])
		assert.equal(await count(table, of(gone)), 0, table);
	assert.equal(await count('surveys', `id = '${gone.survey.id}'`) + await count('projects', `id = '${gone.project.id}'`), 0);
	assert.equal(await count('slugs', `slug = '${gone.slug}'`), 1, 'nobody else gets the address');
	expect(await server.anyone.get(`/api/public/v1/links/${gone.slug}`), 404);
	expect(await theirs.post(`/api/v1/surveys/${(await publish(theirs, document())).survey.id}/links`, { slug: gone.slug }), 409);
	for (const s of [young, foreign]) {
		assert.deepEqual([await count('responses', of(s)), await count('survey_versions', of(s)), await count('links', of(s)), await count('quota_cells', of(s))], [3, 1, 1, 3]);
		assert.equal(await count('projects', `id = '${s.project.id}'`), 1);
	}
	assert.equal(await count('links', `id = '${live.link.id}'`), 1, 'answers came by it');
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${live.survey.id}/responses`), 200).body.items.length, 2);
	assert.deepEqual(await query(`select data ->> 'surveys' from events where type = 'purged' and aggregate_type = 'job' and tenant_id = '${server.tenant.id}'`), [['1']]);

	assert.deepEqual(await again(), {}, 'a second round finds nothing, and tells nothing');
	assert.equal(await count('events', "type = 'purged' and aggregate_type = 'job'"), 1);
});

test('clients, identities, providers and stored replies go when their time is over; what is young, in use or another tenant\'s stays', async () => {
	const kept = await server.addTenant('kept', 'karl@kept.example');
	const tenants = [{ id: server.tenant.id, api: server.api, email: server.tenant.email }, { id: kept.id, api: await server.login(kept.email), email: kept.email }];
	expect(await tenants[1].api.patch('/api/v1/privacy/settings', { purge_days: 365 }, 0), 200);
	const earlier = await again(); // what the tests before left
	assert.ok(!('clients' in earlier), JSON.stringify(earlier));
	const TABLES = ['clients', 'identities', 'identity_providers'];
	for (const t of tenants) {
		t.ids = { clients: [], identities: [], identity_providers: [] };
		for (const which of ['old', 'young', 'live']) {
			t.ids.clients.push(expect(await t.api.post('/api/v1/clients', { name: which, permissions: ['surveys:read'] }), 201).body.client.id);
			t.ids.identity_providers.push(expect(await t.api.post('/api/v1/identity-providers', { name: which, issuer: `https://${which}.example.com`, client_id: 'c' }), 201).body.id);
			const [[id]] = await query('select gen_random_uuid()');
			await run(`insert into identities (tenant_id, id, user_id, issuer, subject, confirmed) select '${t.id}', '${id}', id, 'https://${which}.example.com', 's', true from users where email = '${t.email}'`);
			t.ids.identities.push(id);
			for (const key of [`${which}-1`, `${which}-2`])
				expect(await t.api.post('/api/v1/projects', { name: key }, { headers: { 'Idempotency-Key': key } }), 201);
		}
		for (const table of TABLES)
			await run(`update ${table} set deleted_at = now() - interval '31 days' where id = '${t.ids[table][0]}'; update ${table} set deleted_at = now() - interval '29 days' where id = '${t.ids[table][1]}'`);
		await run(`update idempotency set created_at = now() - interval '25 hours' where key like 'old-%' and tenant_id = '${t.id}'; update idempotency set created_at = now() - interval '23 hours' where key like 'young-%'`);
	}
	assert.deepEqual(await again(), { clients: 1, identities: 1, identity_providers: 1, stored_replies: 2 });
	const theirs = `select id from job_records where type = 'privacy.purge' and tenant_id = '${kept.id}' and status = 'succeeded' and result::text like '%stored_replies%'`;
	await until('the other tenant\'s round', async () => (await query(theirs)).length === 1);
	for (const [i, t] of tenants.entries()) {
		for (const table of TABLES)
			assert.deepEqual((await query(`select id from ${table} where tenant_id = '${t.id}' and id in (${t.ids[table].map((id) => `'${id}'`)}) order by created_at, id`)).flat().sort(),
				t.ids[table].slice(i ? 0 : 1).sort(), `${table} of tenant ${i}`);
		assert.deepEqual((await query(`select key from idempotency where tenant_id = '${t.id}' and key ~ '-[12]$' order by 1`)).flat(), ['live-1', 'live-2', 'young-1', 'young-2'], 'replies have a day, whatever a tenant says');
	}
	const project = expect(await server.api.post('/api/v1/projects', { name: 'young-1' }, { headers: { 'Idempotency-Key': 'young-1' } }), 201);
	assert.equal(project.headers['idempotency-replayed'], 'true');
	assert.deepEqual(await again(), {});
});

test('roles in projects go with their project, and when they were taken back; what is young or in use stays', async () => {
	const kept = await server.addTenant('keeps', 'kim@keeps.example');
	const tenants = [{ id: server.tenant.id, api: server.api }, { id: kept.id, api: await server.login(kept.email) }];
	expect(await tenants[1].api.patch('/api/v1/privacy/settings', { purge_days: 365 }, 0), 200);
	await again(); // what the tests before left
	for (const t of tenants) {
		const me = expect(await t.api.get('/api/v1/me'), 200).body.user.id;
		t.projects = {};
		for (const which of ['taken back', 'taken back lately', 'in use', 'of a deleted one', 'of one deleted lately']) {
			const project = expect(await t.api.post('/api/v1/projects', { name: which }), 201).body;
			t.projects[which] = project.id;
			const given = expect(await t.api.request('PUT', `/api/v1/projects/${project.id}/members`, { body: { user_id: me, role: 'viewer' } }), 200).body;
			if (which.startsWith('taken'))
				expect(await t.api.delete(`/api/v1/projects/${project.id}/members/${me}`, given.version), 204);
			if (which.startsWith('of'))
				expect(await t.api.delete(`/api/v1/projects/${project.id}`, project.version), 204);
		}
		const age = (table, key, which, days) => run(`update ${table} set deleted_at = now() - interval '${days} days' where ${key} = '${t.projects[which]}'`);
		await age('project_members', 'project_id', 'taken back', 31);
		await age('project_members', 'project_id', 'taken back lately', 29);
		await age('projects', 'id', 'of a deleted one', 31);
		await age('projects', 'id', 'of one deleted lately', 29);
	}
	assert.deepEqual(await again(), { projects: 1 });
	const left = async (t) => (await query(`select project_id from project_members where tenant_id = '${t.id}'`)).flat().sort();
	const of = (t, ...which) => which.map((w) => t.projects[w]).sort();
	assert.deepEqual(await left(tenants[0]), of(tenants[0], 'taken back lately', 'in use', 'of one deleted lately'));
	assert.deepEqual(await left(tenants[1]), Object.values(tenants[1].projects).sort());
	assert.equal(await count('projects', `id = '${tenants[0].projects['of a deleted one']}'`), 0);
	assert.equal(await count('projects', `id = '${tenants[1].projects['of a deleted one']}'`), 1);
	assert.deepEqual(await again(), {});
});

test('many answers, and a worker killed on the way', async () => {
	const s = await furnished(server.api);
	await run(`insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, language, answers)
		select tenant_id, survey_id, gen_random_uuid(), link_id, 1, 'completed', 'en', '{}' from responses, generate_series(1, 1497) where id = '${s.response}'`);
	await remove(server.api, `/api/v1/surveys/${s.survey.id}`);
	await run(`update surveys set deleted_at = now() - interval '31 days' where id = '${s.survey.id}'`);
	const left = () => count('responses', `survey_id = '${s.survey.id}'`);
	// somebody holds one: batches go until it is that one's turn
	const [[victim]] = await query(`select id from responses where survey_id = '${s.survey.id}' order by ctid desc limit 1`);
	const holder = psql(server.database.name, `set search_path = collect; begin; select id from responses where id = '${victim}' for update; select pg_sleep(4); rollback`);
	await until('the lock', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and query like '%pg_sleep(4)%' and wait_event = 'PgSleep'")).length === 1);
	await run("update jobs set due_at = now() where type = 'privacy.purge' and tenant_id is null");
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	await until('it to wait', async () => (await query("select 1 from pg_stat_activity where datname = current_database() and usename = 'collect_worker' and wait_event_type = 'Lock'")).length === 1);
	await worker.kill();
	assert.ok(await left() > 0);
	await holder;
	await run('update jobs set due_at = now() where claim is not null'); // the lease is over
	worker = await new Worker(server).start();
	await until('all to be gone', async () => await left() === 0 && await count('surveys', `id = '${s.survey.id}'`) === 0, 60);
});
