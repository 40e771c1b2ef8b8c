// A tenant that asks for a second factor, and people who come by its identity provider.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { Browser, fragment, LOOPBACK, ScriptedProvider } from '../harness/identity.mjs';
import { sleep } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { totp } from '../harness/totp.mjs';

const idp = new ScriptedProvider();
const server = withServer({ env: LOOPBACK });
const AGE_MS = 5200; // what a process believes of members and sessions
let row, owner;

before(async () => {
	await idp.begin();
	row = expect(await server.api.post('/api/v1/identity-providers', { name: 'Acme', issuer: idp.issuer, client_id: 'collect', client_secret: 's',
		email_domains: ['acme.example'], role: 'analyst' }), 201).body;
	const { secret } = expect(await server.api.post('/api/v1/me/second-factor', { password: PASSWORD }), 200).body;
	expect(await server.api.post('/api/v1/me/second-factor/confirm', { code: totp(secret) }), 200);
	owner = server.api;
	expect(await owner.patch('/api/v1/security/settings', { require_second_factor: true }, 0), 200);
});
after(() => idp.end());

const change = async (second_factor) => {
	row = expect(await owner.get(`/api/v1/identity-providers/${row.id}`), 200).body;
	row = expect(await owner.patch(`/api/v1/identity-providers/${row.id}`, { second_factor }, row.version), 200).body;
};

/** What the browser is sent back with, behind '#'. */
async function come(sub, browser = new Browser(server)) {
	idp.reset();
	idp.claims = { sub, email: `${sub}@acme.example`, email_verified: true, name: sub };
	const begun = await browser.get('/api/v1/oidc/acme/start?return=/console');
	const back = await browser.get(idp.authorize(begun.location));
	assert.equal(back.status, 303, back.text);
	return { ...fragment(back.location), browser };
}
async function session({ browser, forgery_token }) {
	const { body } = expect(await server.anyone.post('/api/v1/auth/refresh', {}, { headers: { Cookie: `collect_refresh=${browser.cookie('collect_refresh')}`, 'X-Forgery-Token': forgery_token } }), 200);
	return { body, api: server.anyone.as(body.access_token) };
}

test('ours: whoever comes by the provider and has none here can do nothing', async () => {
	assert.equal(row.second_factor, 'ours');
	const { api } = await session(await come('nora'));
	const refused = expect(await api.get('/api/v1/surveys'), 403);
	assert.match(refused.body.detail, /second factor first.*signed in by password/);
	assert.equal(expect(await api.get('/api/v1/me'), 200).body.second_factor, 'missing');
	expect(await api.post('/api/v1/me/second-factor', { password: PASSWORD }), 403);
	assert.deepEqual(pointers(expect(await owner.post('/api/v1/identity-providers', { name: 'x', issuer: idp.issuer, client_id: 'x', second_factor: 'none' }), 422)), ['/second_factor']);
});

test('provider: its sign-in counts, in its sessions only, and within seconds of the change', async () => {
	const nora = await session(await come('nora'));
	expect(await nora.api.get('/api/v1/surveys'), 403);
	await change('provider');
	assert.equal(row.second_factor, 'provider');
	await sleep(AGE_MS);
	expect(await nora.api.get('/api/v1/surveys'), 200);
	expect(await nora.api.post('/api/v1/projects', { name: 'p' }), 403); // the role's own limit: an analyst makes none
	assert.equal(expect(await nora.api.get('/api/v1/me'), 200).body.second_factor, 'off');
	const late = await session(await come('lea'));
	expect(await late.api.get('/api/v1/surveys'), 200);
	// the same person by password is held as before
	await rows(server.database.name, "update users set password_hash = (select password_hash from users where email = 'ana@acme.example') where email = 'nora@acme.example' returning 1");
	const own = server.anyone.as(expect(await server.anyone.post('/api/v1/auth/login', { email: 'nora@acme.example', password: PASSWORD }), 200).body.access_token);
	expect(await own.get('/api/v1/surveys'), 403);
	assert.equal(expect(await own.get('/api/v1/me'), 200).body.second_factor, 'missing');
	expect(await nora.api.get('/api/v1/surveys'), 200);
	await change('ours');
	await sleep(AGE_MS);
	for (const { api } of [nora, late])
		expect(await api.get('/api/v1/surveys'), 403);
});

test('ours: who has one here shows a code of it each time, and no password', async () => {
	const own = server.anyone.as(expect(await server.anyone.post('/api/v1/auth/login', { email: 'nora@acme.example', password: PASSWORD }), 200).body.access_token);
	const { secret } = expect(await own.post('/api/v1/me/second-factor', { password: PASSWORD }), 200).body;
	const { recovery_codes } = expect(await own.post('/api/v1/me/second-factor/confirm', { code: totp(secret) }), 200).body;
	const got = await come('nora');
	assert.ok(got.oidc_code && !got.forgery_token && !got.oidc_confirm && !got.browser.cookie('collect_refresh'));
	const confirm = (more, browser = got.browser) => server.anyone.post('/api/v1/auth/oidc/confirm', { ticket: got.oidc_code, ...more },
		{ headers: { Cookie: `__Host-collect_oidc=${browser.cookie('__Host-collect_oidc')}` } });
	assert.deepEqual(pointers(expect(await confirm({ password: PASSWORD }), 422)), ['/code']);
	expect(await confirm({ code: 'AAAA-AAAA-AAAA-AAAA' }), 401);
	expect(await confirm({ code: recovery_codes[0] }, (await come('nora')).browser), 404);
	const { body } = expect(await confirm({ code: recovery_codes[0] }), 200);
	const api = server.anyone.as(body.access_token);
	expect(await api.get('/api/v1/surveys'), 200);
	expect(await api.post('/api/v1/me/password', { password: PASSWORD, new_password: 'a long enough one' }), 403);
	expect(await confirm({ code: recovery_codes[1] }), 404);
	await change('provider');
	assert.ok((await come('nora')).forgery_token, 'what the provider asks for is enough');
	await change('ours');
	expect(await owner.patch('/api/v1/security/settings', { require_second_factor: false }, 1), 200);
	assert.ok((await come('nora')).forgery_token, 'nobody asks for one');
});

test('a sign-in at the provider from a device that was not seen before is told, too', async () => {
	const told = async () => (await rows(server.database.name, "select count(*) from job_records where payload ->> 'kind' = 'new_device'"))[0][0];
	const from = async (agent) => {
		const browser = new Browser(server), get = browser.get.bind(browser);
		browser.get = (path, headers = {}) => get(path, { ...headers, 'User-Agent': agent });
		assert.ok((await come('dan', browser)).forgery_token);
	};
	const before = Number(await told());
	await from('Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0');
	assert.equal(Number(await told()), before, 'the first of all');
	await from('Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36');
	assert.equal(Number(await told()), before + 1);
	await from('Mozilla/5.0 (Windows NT 10.0) Chrome/133.0.0.0 Safari/537.36');
	assert.equal(Number(await told()), before + 1);
});
