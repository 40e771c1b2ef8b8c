// Rate limits: who is counted for what, what the replies say, that nobody gets around them by a header, and that no answer is lost.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, run, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

// One a minute in the long run: within a test nothing comes back. Requests come from a proxy, which the tests are.
const server = withServer({ env: { COLLECT_RATE_LIMITS: 'true', COLLECT_TRUSTED_HOPS: '1', COLLECT_DATABASE_LOCK_TIMEOUT_MS: '14000', COLLECT_RATE_LOGIN: 'address=1/6',
	COLLECT_RATE_CONSOLE: 'caller=1/40 tenant=1/70 address=60000/1000', COLLECT_RATE_READ: 'address=1/5', COLLECT_RATE_EXPORT: 'address=1/3', COLLECT_RATE_INTAKE: 'address=1/8 link=1/12' } });
let addresses = 0, other, f, g, key;
/** Headers of a client that nobody has seen before. */
const somebody = () => ({ 'X-Forwarded-For': `198.51.${Math.floor(++addresses / 250)}.${addresses % 250 + 1}` });
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
/** Everybody has all of it again; sessions stay. */
const forget = () => redis('eval', "for _, k in ipairs(redis.call('keys', '*:rate:*')) do redis.call('del', k) end return 1", '0');
const numbers = (reply) => ['limit', 'remaining', 'reset'].map((name) => Number(reply.headers[`ratelimit-${name}`]));
/** Until it is refused, at most `max` times: the replies. */
async function exhaust(ask, max = 100) {
	const replies = [];
	while (replies.length < max && replies.at(-1)?.status !== 429)
		replies.push(await ask());
	return replies;
}

before(async () => {
	f = await publish(server.api, csat());
	key = expect(await server.api.post('/api/v1/api-keys', { name: 'Machine', permissions: ['surveys:read'] }), 201).body.key;
	await forget();
	other = await server.addTenant('globex', 'gil@globex.example');
	Object.assign(other, { api: await signIn(other) });
	g = await publish(other.api, csat());
	server.api = await signIn(server.tenant);
	await forget();
});

async function signIn({ email }) {
	const reply = expect(await server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD }, { headers: somebody() }), 200);
	return server.anyone.as(reply.body.access_token);
}

test('signing in: every reply says what is left, the one too many when to come back', async () => {
	const headers = somebody();
	const replies = await exhaust(() => server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD }, { headers }));
	assert.equal(replies.length, 7);
	replies.slice(0, 6).forEach((reply, i) => {
		expect(reply, 200);
		const [limit, remaining, reset] = numbers(reply);
		assert.deepEqual([limit, remaining], [6, 5 - i]);
		assert.ok(reset > 60 * i && reset <= 60 * (i + 1), reset);
		assert.equal(reply.headers['retry-after'], undefined);
	});
	const refused = expect(replies[6], 429, 'too-many-requests');
	assert.match(refused.headers['content-type'], /^application\/problem\+json/);
	assert.deepEqual(numbers(refused).slice(0, 2), [6, 0]);
	assert.ok(Number(refused.headers['retry-after']) >= 50 && Number(refused.headers['retry-after']) <= 60);
	// somebody else is not touched, and a refusal costs nothing
	expect(await server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD }, { headers: somebody() }), 200);
	await exhaust(() => server.anyone.post('/api/v1/auth/login', {}, { headers }), 3);
	assert.ok(Number(await redis('pttl', `-:rate:login:address:${headers['X-Forwarded-For']}`)) <= 360001);
});

test('a forged X-Forwarded-For is no other client; an IPv6 client is its /64', async () => {
	const email = server.tenant.email, real = somebody()['X-Forwarded-For'];
	const forged = await exhaust(() => server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD },
		{ headers: { 'X-Forwarded-For': `203.0.113.${++addresses % 250}, ${real}` } }), 10);
	assert.equal(forged.length, 7);
	const wide = await exhaust(() => server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD },
		{ headers: { 'X-Forwarded-For': `2001:db8:0:7::${(++addresses).toString(16)}` } }), 10);
	assert.equal(wide.length, 7);
	assert.equal(await redis('exists', '-:rate:login:address:2001:db8:0:7::/64'), '1');
	expect(await server.anyone.post('/api/v1/auth/login', { email, password: PASSWORD }, { headers: { 'X-Forwarded-For': '2001:db8:0:8::1' } }), 200);
});

test('wrong passwords: the pause of the account and the rate of the address each hold, and are not mixed up', async () => {
	const headers = somebody(), wrong = { email: 'nobody@acme.example', password: 'wrong wrong wrong' };
	const replies = await exhaust(() => server.anyone.post('/api/v1/auth/login', wrong, { headers }));
	// five are free, the sixth makes no pause longer than two seconds
	assert.deepEqual(replies.map((r) => r.status), [401, 401, 401, 401, 401, 429]);
	assert.ok(Number(replies[5].headers['retry-after']) <= 2, 'the account\'s pause');
	// the address had one left when the account had to wait; it is used up by now
	const next = await server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD }, { headers });
	expect(next, 429);
	assert.ok(Number(next.headers['retry-after']) > 10, 'the address\'s rate');
	expect(await server.anyone.post('/api/v1/auth/login', { email: server.tenant.email, password: PASSWORD }, { headers: somebody() }), 200);
});

test('a caller, a key of his, and the tenant are counted apart; another tenant is not touched', async () => {
	await forget();
	server.api = await signIn(server.tenant);
	other.api = await signIn(other);
	const mine = await exhaust(() => server.api.get('/api/v1/me'));
	assert.equal(mine.length, 41);
	assert.deepEqual(numbers(mine[0]).slice(0, 2), [40, 39]);
	const machine = server.anyone.as(key);
	const its = await exhaust(() => machine.get('/api/v1/surveys'));
	// what the tenant has left is less than what the key has
	assert.equal(its.length, 31);
	assert.deepEqual(numbers(its.at(-1)).slice(0, 2), [70, 0]);
	expect(await other.api.get('/api/v1/me'), 200);
	const keys = (await redis('keys', '*:rate:*')).split('\n').filter(Boolean);
	assert.ok(keys.length > 5);
	for (const name of keys)
		assert.match(name, /^([0-9a-f]{8}-[0-9a-f-]{27}:rate:(console|export|intake):(caller:[0-9a-f-]{36}|link:[0-9a-f-]{36}|tenant)|-:rate:\w+:address:[0-9a-f.:/]+)$/);
});

test('tokens that are guessed count for the address', async () => {
	const bad = server.anyone.as('cck_no-such-key');
	const reply = expect(await bad.get('/api/v1/me', { headers: somebody() }), 401);
	assert.deepEqual(numbers(reply).slice(0, 2), [1000, 999]);
});

test('who guesses keys asks the database nothing once the address has used up its share', async () => {
	const path = `/api/v1/surveys/${f.survey.id}/responses.csv`, headers = somebody();
	const guess = (from) => server.anyone.as(`cck_${Buffer.concat([Buffer.from(server.tenant.id.replaceAll('-', ''), 'hex'), randomBytes(48)]).toString('base64url')}`)
		.get(path, { headers: from });
	const locks = async (mode, granted) => Number((await rows(server.database.name, `select count(*) from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'api_keys' and mode = '${mode}' and granted = ${granted}`))[0][0]);
	// held until a table called go_on is there
	const holder = psql(server.database.name, `set search_path = collect; begin; lock table api_keys in access exclusive mode;
		do $$ begin for i in 1..200 loop perform pg_sleep(0.05); exit when to_regclass('public.go_on') is not null; end loop; end $$; commit`);
	await until('the lock', async () => await locks('AccessExclusiveLock', true) === 1);
	// three look a key up, and wait for the table; the address' other requests are told without waiting
	const slow = Array.from({ length: 3 }, () => guess(headers));
	await until('three that wait', async () => await locks('AccessShareLock', false) === 3);
	const refused = await Promise.all(Array.from({ length: 30 }, () => guess(headers)));
	refused.forEach((reply) => expect(reply, 429, 'too-many-requests'));
	assert.equal(await locks('AccessShareLock', false), 3, 'the three still wait');
	await psql(server.database.name, 'create table public.go_on ()');
	for (const reply of await Promise.all(slow))
		expect(reply, 401);
	await holder;
	await psql(server.database.name, 'drop table public.go_on');
});

test('answers: by address and by link, another link of another tenant goes on', async () => {
	await forget();
	const answer = (slug, headers) => submit(server.anyone, slug, { answers: { nps: 9, liked: ['staff'] } }, { headers });
	const here = somebody();
	const first = await exhaust(() => answer(f.slug, here));
	assert.equal(first.length, 9);
	assert.deepEqual(numbers(first[0]).slice(0, 2), [8, 7]);
	const there = await exhaust(() => answer(f.slug, somebody()));
	assert.ok(there.length >= 5 && there.length <= 6, `${there.length}: twelve for the link`);
	assert.deepEqual(numbers(there.at(-1)).slice(0, 2), [12, 0]);
	expect(await answer(g.slug, somebody()), 201);
});

test('a page that must wait keeps what was filled in, to be sent again', async () => {
	await forget();
	const headers = { ...somebody(), Accept: 'text/html' };
	const page = expect(await server.anyone.get(`/s/${g.slug}`, { headers, unchecked: true }), 200);
	const state = /name="state" value="([^"]+)"/.exec(page.text)[1];
	const body = () => new URLSearchParams({ state, 'q.nps': '9', note: '<b>"quoted"</b>' }).toString();
	const post = () => server.anyone.request('POST', `/s/${g.slug}`, { raw: body(), type: 'application/x-www-form-urlencoded', headers, unchecked: true });
	const replies = await exhaust(post);
	const refused = expect(replies.at(-1), 429);
	assert.match(refused.headers['content-type'], /^text\/html/);
	assert.match(refused.headers['content-security-policy'], /default-src 'none'/);
	assert.ok(Number(refused.headers['retry-after']) > 0);
	assert.ok(refused.text.includes(`action="/s/${g.slug}"`) && refused.text.includes(`name="state" value="${state}"`));
	assert.ok(refused.text.includes(`data-after-s="${refused.headers['retry-after']}"`));
	assert.ok(refused.text.includes('&lt;b&gt;&quot;quoted&quot;&lt;/b&gt;') || refused.text.includes('&lt;b>&quot;quoted&quot;&lt;/b>'), refused.text);
	assert.ok(!refused.text.includes('<b>"quoted"'));
	// who reads no pages is told in JSON
	expect(await server.anyone.request('POST', `/s/${g.slug}`, { raw: body(), type: 'application/x-www-form-urlencoded',
		headers: { ...headers, Accept: '*/*' }, unchecked: true }), 429, 'too-many-requests');
});

test('a first page that must wait says so, and one that is too large, in HTML', async () => {
	const headers = { ...somebody(), Accept: 'text/html' };
	const replies = await exhaust(() => server.anyone.get(`/s/${f.slug}`, { headers, unchecked: true }));
	assert.equal(replies.length, 6);
	assert.match(replies[5].headers['content-type'], /^text\/html/);
	assert.ok(Number(replies[5].headers['retry-after']) > 0);
	const large = await server.anyone.request('POST', `/s/${f.slug}`, { raw: 'a='.padEnd(700000, 'x'), type: 'application/x-www-form-urlencoded',
		headers: { ...somebody(), Accept: 'text/html' }, unchecked: true });
	expect(large, 413);
	assert.match(large.headers['content-type'], /^text\/html/);
});

test('refusals are counted by class and key', async () => {
	const { text } = expect(await server.internal.get('/internal/metrics'), 200);
	for (const labels of ['class="login",key="address"', 'class="console",key="caller"', 'class="console",key="tenant"', 'class="intake",key="link"',
		'class="intake",key="address"', 'class="read",key="address"'])
		assert.match(text, new RegExp(`^rate_limited_total\\{${labels}\\} [1-9]`, 'm'));
});

test('a flushed Redis is sent the script again', async () => {
	await redis('script', 'flush');
	const reply = await server.anyone.as('cck_no-such-key').get('/api/v1/me', { headers: somebody() });
	assert.equal(expect(reply, 401).headers['ratelimit-limit'], '1000');
});

test('rules that cannot be read stop the start and are named', async () => {
	const got = await command([run.collect, 'serve'], { env: { ...server.environment(), COLLECT_RATE_INTAKE: 'address=fast' } });
	assert.equal(got.code, 1);
	assert.match(got.stderr, /rate_intake.*KEY=PER_MINUTE\/BURST/);
});

test('without Redis this process counts alone, says so once, and answers are still taken', async () => {
	await server.redis.stop('SIGKILL');
	const headers = somebody();
	const replies = await exhaust(() => submit(server.anyone, g.slug, { answers: { nps: 9, liked: ['staff'] } }, { headers }));
	assert.equal(replies.length, 9);
	assert.ok(replies.slice(0, 8).every((r) => r.status === 201));
	assert.deepEqual(numbers(replies[8]).slice(0, 2), [8, 0]);
	const { text } = expect(await server.internal.get('/internal/metrics'), 200);
	assert.match(text, /^rate_limit_alone_total [1-9]/m);
	const said = await until('the line', () => server.log().filter((l) => l.event === 'rate limits'));
	assert.equal(said.length, 1);
});
