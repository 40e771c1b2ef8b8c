// The log of signing in and out: who came and went, and who guesses, in the tenants that it concerns and in no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { roomInStep, totp } from '../harness/totp.mjs';

const server = withServer();
const OWN = '/api/v1/me/second-factor', WRONG = 'hunter2 hunter2';
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const calm = async () => { for (const key of (await redis('keys', '-:backoff:*')).split('\n').filter(Boolean)) await redis('del', key); };
const auth = (what, body, options) => server.anyone.post(`/api/v1/auth/${what}`, body, options);
const signIn = async (email, more = {}) => {
	const reply = expect(await auth('login', { email, password: PASSWORD, ...more }, { headers: { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0' } }), 200);
	return { ...reply.body, request: reply.headers['x-request-id'], api: server.anyone.as(reply.body.access_token) };
};
/** As the tables have it, in the order of their making: [tenant's slug, type, data, kind of actor, request]. */
const told = async (where) => (await rows(server.database.name, `select t.slug, e.type, e.data::text, e.actor_kind, coalesce(e.request_id, '-') from events e
	join tenants t on t.id = e.tenant_id where ${where} order by e.xid, e.id`)).map(([slug, type, data, ...rest]) => [slug, type, JSON.parse(data), ...rest]);
const ofUser = (id) => told(`e.aggregate_type = 'user' and e.aggregate_id = '${id}' and e.type <> 'updated'`);
const ofSession = (id) => told(`e.aggregate_type = 'session' and e.aggregate_id = '${id}'`);
let made = 0;
/** Somebody who is a member of two tenants, the first of which is his own. */
async function twice() {
	const name = `t${++made}`, email = `${name}@two.example`;
	const one = await server.addTenant(name, email), two = await server.addTenant(`${name}b`, email);
	const [[id]] = await rows(server.database.name, `select id from users where email = '${email}'`);
	return { id, email, one, two };
}

test('a session that begins and ends: by what, who, in which request; in the API, too', async () => {
	const before = await signIn('ana@acme.example');
	assert.deepEqual(await ofSession(before.session_id), [['acme', 'signed_in', { by: 'password', device: 'Firefox, Linux' }, 'user', before.request]]);
	const out = expect(await before.api.post('/api/v1/auth/logout'), 204);
	assert.deepEqual((await ofSession(before.session_id))[1], ['acme', 'signed_out', { by: 'user' }, 'user', out.headers['x-request-id']]);
	expect(await before.api.post('/api/v1/auth/logout'), 401);
	const other = await signIn('ana@acme.example'), own = await signIn('ana@acme.example');
	expect(await own.api.delete(`/api/v1/me/sessions/${other.session_id}`), 204);
	expect(await own.api.delete(`/api/v1/me/sessions/${other.session_id}`), 404);
	assert.deepEqual((await ofSession(other.session_id)).map((e) => e[1]), ['signed_in', 'signed_out']);
	const { items } = expect(await own.api.get('/api/v1/events', { query: { aggregate_type: 'session', type: 'signed_out', actor_id: own.user.id } }), 200).body;
	assert.deepEqual(items.map((e) => [e.aggregate_id, e.sequence]), [[other.session_id, 2], [before.session_id, 2]]);
});

test('switching tells each tenant its half, and neither of the other one', async () => {
	const { email, one, two } = await twice(), first = await signIn(email, { tenant: one.slug });
	const there = expect(await first.api.post('/api/v1/auth/switch', { tenant: two.slug }), 200);
	assert.deepEqual(await ofSession(first.session_id), [[one.slug, 'signed_in', { by: 'password', device: 'Firefox, Linux' }, 'user', first.request],
		[one.slug, 'signed_out', { by: 'switch' }, 'user', there.headers['x-request-id']]]);
	const [[slug, type, data, kind, request], ...more] = await ofSession(there.body.session_id);
	assert.deepEqual([slug, type, data.by, kind, request, more], [two.slug, 'signed_in', 'switch', 'user', '-', []]);
});

test('everywhere: each tenant is told, the request only where it was made', async () => {
	const { id, email, one, two } = await twice(), here = await signIn(email, { tenant: one.slug });
	await signIn(email, { tenant: two.slug });
	const out = expect(await here.api.delete('/api/v1/me/sessions'), 204);
	assert.deepEqual((await ofUser(id)).filter((e) => e[1] === 'signed_out_everywhere').sort(),
		[[one.slug, 'signed_out_everywhere', {}, 'user', out.headers['x-request-id']], [two.slug, 'signed_out_everywhere', {}, 'user', '-']]);
});

test('a refresh token that was used before ends its session, which is told', async () => {
	const s = await signIn('ana@acme.example');
	const second = expect(await auth('refresh', { refresh_token: s.refresh_token }), 200).body;
	expect(await auth('refresh', { refresh_token: second.refresh_token }), 200);
	expect(await auth('refresh', { refresh_token: s.refresh_token }), 401);
	assert.deepEqual((await ofSession(s.session_id)).map((e) => [e[1], e[2].by]), [['signed_in', 'password'], ['signed_out', 'reuse']]);
});

const failures = async (id) => (await ofUser(id)).filter((e) => e[1] === 'sign_in_failed').map(([slug, , data, ...rest]) => [slug, data.what, data.failures, ...rest]);
const ofNobody = async () => Number((await rows(server.database.name, "select count(*) from events where type = 'sign_in_failed' and aggregate_id = '00000000-0000-0000-0000-000000000000'"))[0][0]);

test('guessing is told when waiting begins and each time it has doubled, in all tenants of the account', async () => {
	const { id, email, one, two } = await twice();
	const fail = async (times) => {
		for (let i = 0; i < times; i++) {
			expect(await auth('login', { email, password: WRONG }), 401);
			for (const key of (await redis('keys', '-:backoff:*')).split('\n'))
				await redis('hdel', key, 'until');
		}
	};
	await fail(4);
	assert.deepEqual(await failures(id), []);
	await fail(1);
	assert.deepEqual(await failures(id), [one, two].map((t) => [t.slug, 'password', 5, 'nobody', '-']));
	await fail(15);
	assert.deepEqual((await failures(id)).map((e) => e[2]), [5, 5, 10, 10, 20, 20]);
	await calm();
});

test('guessing by an invitation is told in the tenants of the account, and not in the one that invites', async () => {
	const { id, email, one, two } = await twice(), stranger = 'nobody@two.example', nobody = await ofNobody();
	for (const [whom, more] of [[email, {}], [email, { name: 'Not he' }], [stranger, {}]]) {
		const { body: invitation } = await server.api.post('/api/v1/invitations', { email: whom, role: 'analyst' });
		const { items } = expect(await server.api.get('/api/v1/invitations'), 200).body;
		const { token } = expect(await server.api.post(`/api/v1/invitations/${invitation.id ?? items.find((i) => i.email === whom).id}/link`), 200).body;
		for (let i = 0; i < 5; i++)
			expect(await auth('accept-invitation', { token, password: WRONG, ...more }), 401);
		await calm();
	}
	const five = [one, two].map((t) => [t.slug, 'password', 5, 'nobody', '-']);
	assert.deepEqual(await failures(id), [...five, ...five]);
	assert.equal(await ofNobody(), nobody + 1, 'of who has no account no tenant hears');
});

test('an address that no account has is told to nobody and stands nowhere; neither does a password', async () => {
	const email = 'stranger@nowhere.example';
	const events = async () => (await rows(server.database.name, "select e::text from events e join tenants t on t.id = e.tenant_id where t.slug <> t.id::text")).length;
	const before = await events(), nobody = await ofNobody();
	for (let i = 0; i < 5; i++)
		expect(await auth('login', { email, password: WRONG }), 401);
	assert.equal(await events(), before, 'no tenant hears of it');
	assert.equal(await ofNobody(), nobody + 1, 'as much is written as for an account');
	const all = (await rows(server.database.name, 'select e::text from events e')).flat().join('\n');
	for (const canary of [email, WRONG, PASSWORD, '127.0.0.1'])
		assert.ok(!all.includes(canary), canary);
	await calm();
});

test('a code, a recovery code, and wrong ones', async () => {
	const tenant = await server.addTenant('second', 'sam@second.example'), api = await server.login(tenant.email);
	await roomInStep();
	const { secret } = expect(await api.post(OWN, { password: PASSWORD }), 200).body;
	const { recovery_codes: [spare] } = expect(await api.post(`${OWN}/confirm`, { code: totp(secret, -1) }), 200).body;
	const halfway = async () => expect(await auth('login', { email: tenant.email, password: PASSWORD }), 200).body.second_factor_token;
	const { user } = expect(await auth('second-factor', { token: await halfway(), code: totp(secret) }), 200).body;
	expect(await auth('second-factor', { token: await halfway(), code: spare }), 200);
	const token = await halfway();
	for (let i = 0; i < 5; i++)
		expect(await auth('second-factor', { token, code: '000000' }), 401);
	assert.deepEqual((await ofUser(user.id)).map((e) => [e[0], e[1], e[2].what]), [['second', 'second_factor_enabled', undefined],
		['second', 'second_factor_used', undefined], ['second', 'recovery_code_used', undefined], ['second', 'sign_in_failed', 'code']]);
	await calm();
});

test('who cannot be told of gets no session', async () => {
	const block = "create function collect.no_sessions() returns trigger language plpgsql as $$ begin raise exception 'full' using errcode = '55P03'; end $$";
	const on = await psql(server.database.name, `${block}; create trigger no_sessions before insert on collect.events for each row when (new.aggregate_type = 'session') execute function collect.no_sessions()`);
	assert.equal(on.code, 0, on.stderr);
	const before = await redis('keys', '*:session:*');
	const reply = await auth('login', { email: 'ana@acme.example', password: PASSWORD });
	expect(reply, 503);
	assert.equal((await redis('keys', '*:session:*')).split('\n').length, before.split('\n').length);
	await psql(server.database.name, 'drop trigger no_sessions on collect.events; drop function collect.no_sessions()');
	expect(await auth('login', { email: 'ana@acme.example', password: PASSWORD }), 200);
});

/** While `work` runs each event for which `when` holds does `body` in the database: before it is written, or at its commit. */
async function disturbed(when, body, late, work) {
	const trigger = late ? 'create constraint trigger disturbed after insert on collect.events deferrable initially deferred' : 'create trigger disturbed before insert on collect.events';
	const on = await psql(server.database.name, `create function collect.disturb() returns trigger language plpgsql as $$ begin ${body}; return new; end $$;
		${trigger} for each row when (${when}) execute function collect.disturb()`);
	assert.equal(on.code, 0, on.stderr);
	await work();
	await psql(server.database.name, 'drop trigger disturbed on collect.events; drop function collect.disturb()');
}

const FULL = "raise exception 'full' using errcode = '55P03'", LOST = "raise warning 'late'";
for (const [what, type, body, late, wanted] of [
	['the new session cannot be told', 'signed_in', FULL, false, { old: ['signed_in password', 'signed_out switch'], new: [] }],
	['the end of the old one cannot be told', 'signed_out', FULL, false, { old: ['signed_in password'], new: ['signed_in switch', 'signed_out fault'] }],
	['the commit of the new one is lost', 'signed_in', LOST, true, { old: ['signed_in password', 'signed_out switch'], new: ['signed_in switch', 'signed_out fault'] }],
	['the commit of the old one is lost', 'signed_out', LOST, true, { old: ['signed_in password', 'signed_out switch'], new: ['signed_in switch', 'signed_out fault'] }],
])
	test(`switching where ${what}: no success, and neither session`, async () => {
		const { id, email, one, two } = await twice(), first = await signIn(email, { tenant: one.slug });
		await disturbed(`new.aggregate_type = 'session' and new.type = '${type}' and new.data ->> 'by' = 'switch'`, body, late, async () => {
			const reply = await first.api.post('/api/v1/auth/switch', { tenant: two.slug });
			expect(reply, 503);
			assert.equal(reply.text.includes('access_token'), false);
		});
		expect(await first.api.post('/api/v1/auth/switch', { tenant: two.slug }), 401);
		expect(await auth('refresh', { refresh_token: first.refresh_token }), 401);
		for (const tenant of [one, two])
			assert.equal(await redis('zcard', `${tenant.id}:sessions:${id}`), '0', tenant.slug);
		const log = (await told(`e.aggregate_type = 'session' and e.actor_id = '${id}'`)).map(([slug, event, data]) => [slug, `${event} ${data.by}`]);
		assert.deepEqual(log.filter((e) => e[0] === one.slug).map((e) => e[1]), wanted.old);
		assert.deepEqual(log.filter((e) => e[0] === two.slug).map((e) => e[1]), wanted.new);
		expect(await auth('login', { email, password: PASSWORD, tenant: two.slug }), 200);
	});
