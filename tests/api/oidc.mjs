// Signing in at a tenant's own identity provider, which is a real one here (npm oidc-provider).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { Browser, fragment, LOOPBACK, RealProvider } from '../harness/identity.mjs';
import { withServer } from '../harness/server.mjs';

const idp = new RealProvider({
	nora: { email: 'Nora@Acme.Example', email_verified: true, name: 'Nora New' },
	ivan: { email: 'ivan@acme.example', email_verified: true, name: 'Ivan Invited' },
	ana: { email: 'ana@acme.example', email_verified: true, name: 'Not Ana' },
	odd: { email: 'odd@elsewhere.example', email_verified: true, name: 'Odd' },
	una: { email: 'una@acme.example', email_verified: false, name: 'Una' },
	...Object.fromEntries(['pam', 'kay', 'pia', 'lin', 'moe', 'ned'].map((n) => [n, { email: `${n}@acme.example`, email_verified: true, name: n }])),
});
const server = withServer({ env: LOOPBACK });
const client = { client_id: 'collect', client_secret: 'a secret: 50%+1', grant_types: ['authorization_code'], response_types: ['code'] };
let row;

before(async () => {
	await idp.begin();
	row = expect(await server.api.post('/api/v1/identity-providers', { name: 'Acme accounts', issuer: idp.issuer, client_id: client.client_id,
		client_secret: client.client_secret, email_domains: ['acme.example'], role: 'viewer' }), 201).body;
	idp.connect([{ ...client, redirect_uris: [row.redirect_uri] }]);
});
after(() => idp.end());

/** Signs `user` in with a browser of his own: {browser, reply, api, session}. */
async function signIn(user, { query = 'return=/console', browser = new Browser(server) } = {}) {
	idp.user = user;
	const reply = await browser.follow(`/api/v1/oidc/acme/start?${query}`);
	return { browser, reply };
}

async function session({ browser, reply }) {
	assert.equal(reply.status, 303, reply.text);
	const { forgery_token } = fragment(reply.location);
	const renewed = expect(await server.anyone.post('/api/v1/auth/refresh', {}, { headers: { Cookie: `collect_refresh=${browser.cookie('collect_refresh')}`, 'X-Forgery-Token': forgery_token } }), 200);
	for (const line of renewed.headers['set-cookie'])
		browser.keep(new URL(server.url).host, line);
	return { body: renewed.body, api: server.anyone.as(renewed.body.access_token), forgery_token };
}

test('what one can sign in with is listed, and of a tenant that is not there nothing', async () => {
	assert.deepEqual(expect(await server.anyone.get('/api/v1/oidc/acme'), 200).body.items, [{ id: row.id, name: 'Acme accounts' }]);
	assert.deepEqual(expect(await server.anyone.get('/api/v1/oidc/nobody'), 200).body.items, []);
});

test('somebody new comes in with the role that the provider\'s row names, and is the same person the next time', async () => {
	const first = await signIn('nora');
	const one = await session(first);
	assert.deepEqual([one.body.user.email, one.body.user.name, one.body.role, one.body.tenant.slug], ['nora@acme.example', 'Nora New', 'viewer', 'acme']);
	expect(await one.api.get('/api/v1/surveys'), 200);
	const two = await session(await signIn('nora'));
	assert.equal(two.body.user.id, one.body.user.id);
	assert.ok(idp.asked.includes('POST /token') && idp.asked.includes('GET /me'), 'codes are redeemed by the server, the address is asked for');
	assert.equal(idp.asked.filter((a) => a === 'GET /.well-known/openid-configuration').length, 1, 'discovery is remembered');
	assert.equal(idp.asked.filter((a) => a === 'GET /jwks').length, 1, 'and so are keys');
	const events = await rows(server.database.name, `select aggregate_type, type, actor_id from events where actor_id = '${one.body.user.id}' order by id`);
	for (const event of ['identity created', 'member joined'])
		assert.ok(events.some(([a, what]) => `${a} ${what}` === event), event);
	const kept = await rows(server.database.name, `select issuer, subject, confirmed from identities where user_id = '${one.body.user.id}'`);
	assert.deepEqual(kept, [[idp.issuer, 'nora', 'f']]);
});

test('what goes to the provider: PKCE by S256, a nonce, a state, its own address to come back to', async () => {
	const reply = await new Browser(server).get('/api/v1/oidc/acme/start?return=/console');
	assert.equal(reply.status, 303);
	const url = new URL(reply.location);
	assert.equal(url.origin + url.pathname, `${idp.issuer}/auth`);
	const q = Object.fromEntries(url.searchParams);
	assert.deepEqual([q.response_type, q.client_id, q.scope, q.code_challenge_method, q.redirect_uri],
		['code', 'collect', 'openid email profile', 'S256', row.redirect_uri]);
	for (const name of ['code_challenge', 'nonce'])
		assert.match(q[name], /^[\w-]{43}$/, name);
	assert.match(q.state, /^[\w-]{64}$/);
	const cookie = reply.headers['set-cookie'][0];
	for (const part of ['__Host-collect_oidc=', 'HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/'])
		assert.ok(cookie.includes(part), cookie);
	assert.ok(!/domain/i.test(cookie));
	const again = new URL((await new Browser(server).get('/api/v1/oidc/acme/start')).location).searchParams;
	for (const name of ['code_challenge', 'nonce', 'state'])
		assert.notEqual(again.get(name), q[name], name);
});

test('Redis has nothing to read of it, under keys that begin with the tenant, for ten minutes', async () => {
	const browser = new Browser(server);
	const { location } = await browser.get('/api/v1/oidc/acme/start');
	const state = new URL(location).searchParams.get('state');
	const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
	const keys = (await redis('keys', '*:oidc*')).split('\n');
	assert.ok(keys.length > 0);
	for (const key of keys) {
		assert.match(key, new RegExp(`^${server.tenant.id}:oidc(_ticket)?:[0-9a-f]{64}$`));
		const ttl = Number(await redis('ttl', key));
		assert.ok(ttl > 0 && ttl <= 600, `${key} ${ttl}`);
		assert.ok(!key.includes(state));
		assert.match(await redis('get', key), /^[\w-]+$/, 'sealed');
	}
});

test('a session from a provider is good for its tenant only', async () => {
	const { api, body } = await session(await signIn('nora'));
	const other = await server.addTenant('north', 'nils@north.example');
	const refused = await psql(server.database.name, `set search_path = collect; select provision_member('${other.id}', '${body.user.id}', 'nora@acme.example', 'x', '', 'en', 'admin')`);
	assert.match(refused.stderr, /nobody has shown/, 'a provider\'s word is no mailbox');
	await rows(server.database.name, `update users set email_verified_at = now() where id = '${body.user.id}';
		select provision_member('${other.id}', '${body.user.id}', 'nora@acme.example', 'x', '', 'en', 'admin')`);
	expect(await api.post('/api/v1/auth/switch', { tenant: 'north' }), 403);
	expect(await api.post('/api/v1/me/password', { password: 'x', new_password: 'a long enough one' }), 403);
	expect(await server.anyone.post('/api/v1/auth/login', { email: 'nora@acme.example', password: 'x' }), 401);
	expect(await api.get('/api/v1/me/sessions'), 200);
	expect(await api.delete('/api/v1/me/sessions'), 204);
});

test('who was invited comes in as the invitation says', async () => {
	const invitation = expect(await server.api.post('/api/v1/invitations', { email: 'ivan@acme.example', role: 'viewer' }), 201).body;
	const { body } = await session(await signIn('ivan'));
	assert.equal(body.role, 'viewer');
	assert.equal(expect(await server.api.get(`/api/v1/invitations/${invitation.id}`), 200).body.status, 'accepted');
	const events = await rows(server.database.name, `select type from events where aggregate_id = '${invitation.id}' order by sequence`);
	assert.ok(events.some(([what]) => what === 'accepted'), JSON.stringify(events));
});

/** What there is once the row has this role: [whom the provider lets in, his role, what becomes of the invitation]. */
async function comes(user, { role, invited, by = server.api, meanwhile = () => {} }) {
	const now = expect(await server.api.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { role }, now.version), 200);
	const invitation = expect(await by.post('/api/v1/invitations', { email: `${user}@acme.example`, role: invited }), 201).body;
	await meanwhile();
	const came = await signIn(user);
	const got = came.reply.status === 303 ? (await session(came)).body.role : came.reply.status;
	const state = (await rows(server.database.name, `select accepted_at is not null from invitations where id = '${invitation.id}'`))[0][0];
	return [got, state === 't' ? 'accepted' : 'left'];
}

test('a provider gives no more than its row says, whoever was invited to more', async () => {
	const owners = () => rows(server.database.name, "select count(*) from memberships where role = 'owner' and deleted_at is null");
	const before = await owners();
	assert.deepEqual(await comes('pam', { role: 'viewer', invited: 'admin' }), ['viewer', 'left']);
	assert.deepEqual(await comes('kay', { role: 'admin', invited: 'owner' }), ['admin', 'left']);
	assert.deepEqual(await comes('pia', { role: null, invited: 'owner' }), [403, 'left']);
	assert.deepEqual(await comes('lin', { role: null, invited: 'manager' }), ['manager', 'accepted']);
	assert.deepEqual(await comes('moe', { role: 'admin', invited: 'viewer' }), ['viewer', 'accepted']);
	assert.deepEqual(await owners(), before);
	// who sent it got less, without the invitation being ended: as if his role had lost something
	const id = (await rows(server.database.name, "select user_id from memberships join users on users.id = user_id where email = 'kay@acme.example'"))[0][0];
	const lose = () => rows(server.database.name, `update invitations set updated_by = '${id}' where email = 'ned@acme.example'; update memberships set role = 'analyst' where user_id = '${id}' returning 1`);
	assert.deepEqual(await comes('ned', { role: null, invited: 'viewer', meanwhile: lose }), [403, 'left']);
	const now = expect(await server.api.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	row = expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { role: 'viewer' }, now.version), 200).body;
});

test('who was removed stays out until he is invited again', async () => {
	const { body, api } = await session(await signIn('ivan'));
	const member = expect(await server.api.get(`/api/v1/members/${body.user.id}`), 200).body;
	expect(await server.api.delete(`/api/v1/members/${body.user.id}`, member.version), 204);
	const out = await signIn('ivan');
	assert.equal(out.reply.status, 403);
	assert.match(out.reply.body.detail, /not a member here/);
	assert.equal((await api.get('/api/v1/surveys')).status, 401);
	expect(await server.api.post('/api/v1/invitations', { email: 'ivan@acme.example', role: 'viewer' }), 201);
	const back = await session(await signIn('ivan'));
	assert.deepEqual([back.body.user.id, back.body.role], [body.user.id, 'viewer']);
});

test('an owner who comes by the provider makes no owners', async () => {
	const { body, api } = await session(await signIn('ana'));
	assert.equal(body.role, 'owner');
	assert.notEqual(body.user.name, 'Not Ana', 'what is known of an account stays');
	const mine = expect(await api.get('/api/v1/me'), 200).body.permissions;
	assert.ok(mine.includes('members:write') && !mine.includes('owners:write'));
	const nora = (await rows(server.database.name, "select id from users where email = 'nora@acme.example'"))[0][0];
	const member = expect(await api.get(`/api/v1/members/${nora}`), 200).body;
	expect(await api.patch(`/api/v1/members/${nora}`, { role: 'owner' }, member.version), 403);
	expect(await api.post('/api/v1/api-keys', { name: 'x', permissions: ['owners:write'] }), 403);
	const guest = expect(await api.post('/api/v1/invitations', { email: 'gus@acme.example', role: 'viewer' }), 201).body;
	expect(await api.delete(`/api/v1/invitations/${guest.id}`, guest.version), 204);
	expect(await api.post('/api/v1/identity-providers', { name: 'x', issuer: 'https://id.example.com', client_id: 'x' }), 403);
	expect(await api.delete(`/api/v1/identity-providers/${row.id}`, expect(await api.get(`/api/v1/identity-providers/${row.id}`), 200).body.version), 403);
});

test('addresses that the provider may not speak for, or does not vouch for', async () => {
	for (const [user, words] of [['odd', /may not speak for/], ['una', /does not vouch/]]) {
		const { reply } = await signIn(user);
		assert.equal(reply.status, 403);
		assert.match(reply.body.detail, words);
	}
	assert.equal((await rows(server.database.name, "select 1 from users where email in ('odd@elsewhere.example', 'una@acme.example')")).length, 0);
});

test('where to go in the end: paths on this server only', async () => {
	const bad = ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/\t/evil.example', '/a\nLocation: x', '\\\\evil.example', 'console',
		'/x#y', '/x y', '/%0a'.replace('%0a', '\u000a'), '/é', '/"x'];
	for (const path of bad) {
		const reply = await new Browser(server).get(`/api/v1/oidc/acme/start?return=${encodeURIComponent(path)}`);
		assert.equal(reply.status, 422, `${JSON.stringify(path)}: ${reply.text}`);
	}
	const { reply } = await signIn('nora', { query: `return=${encodeURIComponent('/console/s?a=b&c=%2F%2Fevil')}` });
	assert.match(reply.location, /^http:\/\/127\.0\.0\.1:\d+\/console\/s\?a=b&c=%2F%2Fevil#forgery_token=[\w-]+$/);
	assert.ok(reply.location.startsWith(server.url));
});

test('a state is good once, in the browser it began in, for its provider', async () => {
	idp.user = 'nora';
	const browser = new Browser(server);
	const callbackOf = async (b) => (await b.follow('/api/v1/oidc/acme/start', '/api/v1/oidc-callback')).location;
	const url = await callbackOf(browser);
	const stranger = await new Browser(server).get(url);
	assert.equal(stranger.status, 404, 'without its cookie');
	assert.equal((await browser.get(url)).status, 404, 'and it is used up by that');
	const next = await callbackOf(browser);
	assert.equal((await browser.get(next)).status, 303);
	assert.equal((await browser.get(next)).status, 404, 'once');
	const two = await callbackOf(browser);
	const elsewhere = two.replace(row.id, '01890a5d-ac96-774b-bcce-b302099a8057');
	assert.equal((await browser.get(elsewhere)).status, 404, 'another provider\'s address');
	for (const state of ['', 'x', 'A'.repeat(64), '%00', `${'A'.repeat(63)}%2B`]) {
		const reply = await browser.get(`/api/v1/oidc-callback/${row.id}?code=x&state=${state}`);
		assert.ok([400, 404].includes(reply.status), `${state}: ${reply.status}`);
	}
	assert.equal((await browser.get(`/api/v1/oidc-callback/${row.id}`)).status, 404);
	const three = await callbackOf(browser);
	assert.equal((await browser.get(`${three}&state=x`)).status, 400, 'a parameter twice');
});

test('who comes by a link on another site is asked first', async () => {
	const path = '/api/v1/oidc/acme/start?return=/console&provider=' + row.id;
	for (const site of ['cross-site', 'same-site']) {
		const reply = await new Browser(server).get(path, { 'Sec-Fetch-Site': site });
		assert.equal(reply.status, 200);
		assert.equal(reply.headers['set-cookie'], undefined);
		assert.match(reply.headers['content-security-policy'], /frame-ancestors 'none'/);
		assert.match(reply.text, /acme with Acme accounts/);
		assert.ok(reply.text.includes(`href="${path.replaceAll('&', '&amp;')}"`), reply.text);
	}
	for (const site of ['none', 'same-origin'])
		assert.equal((await new Browser(server).get(path, { 'Sec-Fetch-Site': site })).status, 303, site);
	const now = expect(await server.api.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	const odd = expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { name: '<script>alert(1)</script>' }, now.version), 200).body;
	const page = await new Browser(server).get(path, { 'Sec-Fetch-Site': 'cross-site' });
	assert.ok(!page.text.includes('<script>') && page.text.includes('&lt;script&gt;'), page.text);
	expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { name: 'Acme accounts' }, odd.version), 200);
});

test('two windows of one browser do not end each other', async () => {
	const browser = new Browser(server);
	const first = (await browser.follow('/api/v1/oidc/acme/start', '/api/v1/oidc-callback')).location;
	const second = (await browser.follow('/api/v1/oidc/acme/start', '/api/v1/oidc-callback')).location;
	assert.equal((await browser.get(first)).status, 303);
	assert.equal((await browser.get(second)).status, 303);
});

test('what went wrong is a page for people, with none of the provider\'s words', async () => {
	const browser = new Browser(server);
	const { location } = await browser.get('/api/v1/oidc/acme/start');
	const state = new URL(location).searchParams.get('state');
	const reply = await browser.get(`/api/v1/oidc-callback/${row.id}?state=${state}&iss=${encodeURIComponent(idp.issuer)}&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3Ecanary`, { Accept: 'text/html' });
	assert.equal(reply.status, 403);
	assert.match(reply.headers['content-type'], /text\/html/);
	assert.match(reply.headers['content-security-policy'], /default-src 'none'/);
	assert.match(reply.text, /did not sign you in/);
	assert.ok(!/canary|<script|access_denied/.test(reply.text), reply.text);
	const unknown = await browser.get('/api/v1/oidc/nobody/start', { Accept: 'text/html' });
	assert.equal(unknown.status, 404);
});

test('another tenant\'s provider looks like none', async () => {
	await server.addTenant('south', 'sam@south.example');
	const sam = await server.login('sam@south.example');
	const own = expect(await sam.post('/api/v1/identity-providers', { name: 'South', issuer: idp.issuer, client_id: 'collect', client_secret: client.client_secret }), 201).body;
	const ask = async (tenant, provider) => {
		const reply = await new Browser(server).get(`/api/v1/oidc/${tenant}/start?provider=${provider}`);
		return { status: reply.status, body: { ...reply.body, request_id: undefined } };
	};
	const never = await ask('acme', '01890a5d-ac96-774b-bcce-b302099a8057');
	assert.equal(never.status, 404);
	assert.deepEqual(await ask('acme', own.id), never);
	assert.deepEqual(await ask('nobody', own.id), never);
	assert.equal((await ask('south', own.id)).status, 303);
	const browser = new Browser(server);
	idp.user = 'nora';
	const url = (await browser.follow(`/api/v1/oidc/acme/start?provider=${row.id}`, '/api/v1/oidc-callback')).location;
	assert.equal((await browser.get(url.replace(row.id, own.id))).status, 404, 'a code for one tenant\'s provider at another\'s address');
});

test('a client without a secret, ES256, and the address in the ID token', async () => {
	await server.addTenant('west', 'wim@west.example');
	const wim = await server.login('wim@west.example');
	const own = expect(await wim.post('/api/v1/identity-providers', { name: 'West', issuer: idp.issuer, client_id: 'open', email_domains: ['acme.example'], role: 'manager' }), 201).body;
	idp.connect([{ ...client, redirect_uris: [row.redirect_uri] }, { client_id: 'open', token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256',
		redirect_uris: [own.redirect_uri], grant_types: ['authorization_code'], response_types: ['code'] }], { inToken: true });
	idp.accounts.wanda = { email: 'wanda@acme.example', email_verified: true };
	idp.user = 'wanda';
	idp.asked.length = 0;
	const browser = new Browser(server);
	const reply = await browser.follow('/api/v1/oidc/west/start?return=/console');
	const { body } = await session({ browser, reply });
	assert.deepEqual([body.user.email, body.user.name, body.role], ['wanda@acme.example', 'wanda', 'manager']);
	assert.ok(!idp.asked.includes('GET /me'));
});

test('a provider that is turned off lets nobody in, and its sessions end', async () => {
	const browser = new Browser(server);
	const one = await session(await signIn('nora', { browser }));
	const begun = (await browser.follow('/api/v1/oidc/acme/start', '/api/v1/oidc-callback')).location;
	const used = (await session(await signIn('nora'))).body;
	const me = () => server.anyone.as(used.access_token).get('/api/v1/me');
	expect(await me(), 200);
	const now = expect(await server.api.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	const off = expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { enabled: false }, now.version), 200).body;
	assert.equal((await browser.get('/api/v1/oidc/acme/start')).status, 404);
	assert.equal((await browser.get(begun)).status, 404, 'one that is under way too');
	assert.deepEqual(expect(await server.anyone.get('/api/v1/oidc/acme'), 200).body.items, []);
	const renew = () => server.anyone.post('/api/v1/auth/refresh', {}, { headers: { Cookie: `collect_refresh=${browser.cookie('collect_refresh')}`, 'X-Forgery-Token': one.forgery_token } });
	expect(await renew(), 401);
	await until('the access token to end', async () => (await me()).status === 401, 6);
	expect(await server.api.patch(`/api/v1/identity-providers/${row.id}`, { enabled: true }, off.version), 200);
	expect(await renew(), 401); // ended, not paused
	expect(await me(), 401);
	assert.equal((await signIn('nora')).reply.status, 303);
});
