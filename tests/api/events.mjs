// The event log through the API: every change with what was before and after it, who did it, and nothing that is secret.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const list = async (query, api = server.api) => expect(await api.get('/api/v1/events', { query }), 200).body;
/** What is told of one thing, oldest first. Events show as soon as nothing can be committed before them any more, so this waits. */
async function told(aggregate_id, count) {
	for (let i = 0; ; i++) {
		const { items } = await list({ aggregate_id, sort: 'created_at' });
		if (items.length >= count || i === 100) {
			assert.equal(items.length, count, JSON.stringify(items));
			return items;
		}
		await new Promise((done) => setTimeout(done, 50));
	}
}
const changes = (events) => events.map((e) => [e.type, e.sequence, e.before, e.after]);

test('a project: created, changed, deleted; who, and in which request', async () => {
	const made = expect(await server.api.post('/api/v1/projects', { name: 'One', description: 'first' }), 201);
	const p = made.body;
	const two = expect(await server.api.patch(`/api/v1/projects/${p.id}`, { name: 'Two' }, p.version), 200).body;
	expect(await server.api.patch(`/api/v1/projects/${p.id}`, { name: 'Three' }, p.version), 412);
	expect(await server.api.delete(`/api/v1/projects/${p.id}`, two.version), 204);
	const events = await told(p.id, 3);
	assert.deepEqual(changes(events), [['created', 1, null, { name: 'One', description: 'first' }], ['updated', 2, { name: 'One' }, { name: 'Two' }], ['deleted', 3, {}, {}]]);
	const me = expect(await server.api.get('/api/v1/me'), 200).body;
	for (const e of events)
		assert.deepEqual([e.aggregate_type, e.aggregate_id, e.actor_kind, e.actor_id, e.credential_id], ['project', p.id, 'user', me.user.id, null]);
	assert.equal(events[0].request_id, made.headers['x-request-id']);
	assert.deepEqual((await list({ request_id: events[0].request_id })).items.map((e) => e.id), [events[0].id]);
	assert.deepEqual(expect(await server.api.get(`/api/v1/events/${events[1].id}`), 200).body, events[1]);
	expect(await server.api.get(`/api/v1/events/${randomUUID()}`), 404);
});

test('what a key does says the key; the key itself, links\' secrets and answers are never shown', async () => {
	const { key, api_key } = expect(await server.api.post('/api/v1/api-keys', { name: 'K', permissions: ['projects:read', 'projects:write', 'surveys:read'] }), 201).body;
	const p = expect(await server.anyone.as(key).post('/api/v1/projects', { name: 'By key' }), 201).body;
	const [e] = await told(p.id, 1);
	assert.deepEqual((await list({ credential_id: api_key.id })).items.map((i) => i.id), [e.id]);
	assert.deepEqual((await list({ actor_kind: 'key', aggregate_id: p.id })).items.map((i) => i.id), [e.id]);
	assert.deepEqual((await list({ actor_kind: 'user', aggregate_id: p.id })).items, []);
	expect(await server.api.get('/api/v1/events', { query: { actor_kind: 'ghost' } }), 422);
	assert.deepEqual([e.actor_kind, e.credential_id, e.actor_id], ['key', api_key.id, api_key.user_id]);
	assert.deepEqual((await told(api_key.id, 1))[0].data, { hidden: ['sha256'] });
	const s = await publish(server.api, csat());
	const { body } = expect(await submit(server.anyone, s.slug, { answers: { nps: 3, why_low: 'canary-answer' } }), 201);
	const [answer] = await told(body.id, 1);
	assert.deepEqual([answer.type, answer.actor_kind, answer.actor_id], ['completed', 'respondent', null]);
	const all = (await rows(server.database.name, 'select e::text from events e')).flat().join('\n');
	const [[secret]] = await rows(server.database.name, "select encode(secret, 'hex') from links limit 1");
	const [[hash]] = await rows(server.database.name, 'select password_hash from users limit 1');
	for (const canary of [key, 'canary-answer', secret, hash])
		assert.ok(!all.includes(canary));
});

test('who reads personal answers by a key is told with the key, in a page and in a file', async () => {
	const { key, api_key } = expect(await server.api.post('/api/v1/api-keys', { name: 'Reader', permissions: ['responses:read', 'responses:read_pii', 'responses:export'] }), 201).body;
	const s = await publish(server.api, csat()), reader = server.anyone.as(key);
	const { body } = expect(await submit(server.anyone, s.slug, { answers: { nps: 1, call_back: true, phone: '0901 222 333' } }), 201);
	const path = `/api/v1/surveys/${s.survey.id}/responses`;
	const one = expect(await reader.get(`${path}/${body.id}`), 200), file = expect(await reader.get(`${path}.csv`, { query: { personal: true } }), 200);
	assert.ok(file.text.includes('0901 222 333'));
	const read = (await told(s.survey.id, 5)).filter((e) => e.type === 'personal_data.read');
	assert.deepEqual(read.map((e) => [e.data.route, e.actor_kind, e.credential_id, e.actor_id, e.request_id]), [one, file].map((reply, i) =>
		[`/api/v1/surveys/{id}/responses${['/{response_id}', '.csv'][i]}`, 'key', api_key.id, api_key.user_id, reply.headers['x-request-id']]));
});

test('a new password is told in every tenant, and the request only where it was made', async () => {
	const email = 'everywhere@example.com', user = randomUUID(), before = PASSWORD, other = 'another battery staple';
	const { id: second } = await server.addTenant('elder', 'elder@elder.example');
	// the other tenant is the older one, which sign-in lists first
	const made = await psql(server.database.name, `update collect.tenants set created_at = '2020-01-01' where id = '${second}';
		insert into collect.users (id, email, name, password_hash, locale, email_verified_at) select '${user}', '${email}', 'E', password_hash, 'en', now() from collect.users limit 1;
		insert into collect.memberships (tenant_id, user_id, role) values ('${second}', '${user}', 'admin'), ('${server.tenant.id}', '${user}', 'admin')`);
	assert.equal(made.code, 0, made.stderr);
	const { access_token } = expect(await server.anyone.post('/api/v1/auth/login', { email, password: before, tenant: server.tenant.slug }), 200).body;
	const there = expect(await server.anyone.post('/api/v1/auth/login', { email, password: before, tenant: 'elder' }), 200).body;
	expect(await server.anyone.as(access_token).post('/api/v1/api-keys', { name: 'here', permissions: ['surveys:read'] }), 201);
	expect(await server.anyone.as(there.access_token).post('/api/v1/api-keys', { name: 'there', permissions: ['surveys:read'] }), 201);
	const changed = expect(await server.anyone.as(access_token).post('/api/v1/me/password', { password: before, new_password: other, end_keys: true }), 204);
	const got = await rows(server.database.name, `select t.slug, e.aggregate_type, e.type, e.actor_id = '${user}', coalesce(e.request_id, '-') from events e join tenants t on t.id = e.tenant_id
		where e.actor_id = '${user}' and (e.type = 'password_changed' or e.aggregate_type = 'api_key' and e.type = 'deleted' or e.aggregate_type = 'user' and e.type = 'updated')
		order by 1, 2, 3`), id = changed.headers['x-request-id'];
	assert.deepEqual(got, [['acme', 'api_key', 'deleted', 't', id], ['acme', 'user', 'password_changed', 't', id], ['acme', 'user', 'updated', 't', id],
		['elder', 'api_key', 'deleted', 't', '-'], ['elder', 'user', 'password_changed', 't', '-']]);
});

test('pages go on from a cursor in the order of commits; times are bounds; only for who may', async () => {
	const ids = [];
	for (let i = 0; i < 5; i++)
		ids.push(expect(await server.api.post('/api/v1/projects', { name: `P${i}` }), 201).body.id);
	await told(ids[4], 1);
	const seen = [], query = { aggregate_type: 'project', type: 'created', limit: 2 };
	for (let cursor = null; ;) {
		const page = await list(cursor ? { ...query, cursor } : query);
		seen.push(...page.items);
		if (!(cursor = page.next))
			break;
	}
	assert.deepEqual(seen.slice(0, 5).map((e) => e.aggregate_id), [...ids].reverse());
	assert.equal(new Set(seen.map((e) => e.id)).size, seen.length);
	assert.equal((await list({ ...query, count: true })).total, seen.length);
	assert.deepEqual((await list({ created_from: seen[0].created_at, aggregate_id: ids[4] })).items.length, 1);
	assert.deepEqual((await list({ created_to: seen[0].created_at, aggregate_id: ids[4] })).items, []);
	assert.deepEqual((await list({ created_to: '2020-01-01T00:00:00Z' })).items, []);
	for (const early of ['0001-01-01T00:00:00Z', '1960-01-01T00:00:00Z', '1970-01-01T00:00:00Z'])
		assert.equal((await list({ created_from: early, aggregate_id: ids[4] })).items.length, 1, early);
	const plan = await psql(server.database.name, `set search_path = collect; select set_config('app.current_tenant_id', '${randomUUID()}', false);
		explain select * from events where tenant_id = current_tenant_id() and id >= uuid_floor(now()) and id <= uuid_floor(now() + interval '1 minute')`);
	assert.equal(plan.stdout.match(/on events_\d{4}_\d{2}/g).length, 1, 'only the month that is asked for is looked at');
});

test('without a beginning the list goes back a month, but for one thing', async () => {
	const thing = randomUUID();
	const old = await psql(server.database.name, `insert into collect.events (tenant_id, id, aggregate_type, aggregate_id, type, data, sequence, actor_kind, created_at)
		values ('${server.tenant.id}', collect.event_id(), 'fossil', '${thing}', 'found', '{}', 1, 'nobody', now() - interval '32 days')`);
	assert.equal(old.code, 0, old.stderr);
	const day = (n) => new Date(Date.now() - n * 86400000).toISOString(), type = 'found';
	await told(thing, 0);
	const seen = async (query) => (await list(query)).items.length;
	assert.deepEqual(await Promise.all([{ type }, { aggregate_id: thing }, { aggregate_type: 'fossil' }].map(seen)), [0, 0, 0]);
	assert.deepEqual(await Promise.all([{ type, created_from: day(33) }, { aggregate_type: 'fossil', aggregate_id: thing }].map(seen)), [1, 1]);
});

test('a setting of the tenant itself: before and after, and by whom', async () => {
	const now = expect(await server.api.get('/api/v1/sealing'), 200).body;
	const reply = expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, now.version), 200);
	const seen = () => list({ aggregate_type: 'tenant', aggregate_id: server.tenant.id, type: 'updated' });
	await until('the event', async () => (await seen()).items.length > 0);
	const { items: [e, ...more] } = await seen();
	assert.deepEqual([more, e.actor_kind, e.request_id], [[], 'user', reply.headers['x-request-id']]);
	assert.deepEqual([e.before.settings.seal_answers ?? false, e.after.settings.seal_answers], [false, true]);
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: false }, reply.body.version), 200);
});
