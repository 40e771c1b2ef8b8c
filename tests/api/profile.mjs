// Oneself: name and language, one's tenants; and the mails that warn of sign-ins from elsewhere and of many wrong passwords.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { after, before } from '../harness/hooks.mjs';
import { command, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer();
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0';
const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
const login = (email, agent, password = PASSWORD) => server.anyone.post('/api/v1/auth/login', { email, password }, { headers: agent ? { 'User-Agent': agent } : {} });
let worker;
before(async () => { worker = await new Worker(server).start(); });
after(() => worker?.stop());

/** The mails to this address so far, of a kind. */
async function mails(email, kind) {
	const folder = join(server.dir, 'mail');
	const names = existsSync(folder) ? readdirSync(folder).filter((n) => n.includes(`-${kind}-`)).sort() : [];
	const all = await Promise.all(names.map((n) => simpleParser(readFileSync(join(folder, n)))));
	return all.filter((m) => m.to.value[0].address === email);
}
/** All jobs are done, so no mail is under way. */
const settled = () => until('the jobs to be done', async () => (await rows(server.database.name, "select 1 from jobs where type = 'mail.send'")).length === 0);
const anEvent = (id) => rows(server.database.name, `select type, data::text from events where aggregate_id = '${id}' and type = 'profile_changed'`);

test('name and language are one\'s own to change', async () => {
	const { id } = await server.addTenant('profile', 'pia@profile.example');
	const api = await server.login('pia@profile.example');
	const was = expect(await api.get('/api/v1/me'), 200).body;
	const named = expect(await api.patch('/api/v1/me', { name: 'Pia Nguyễn' }), 200).body;
	assert.deepEqual(named, { ...was, user: { ...was.user, name: 'Pia Nguyễn' } });
	const both = expect(await api.patch('/api/v1/me', { name: 'Pia', locale: 'vi' }), 200).body;
	assert.deepEqual([both.user.name, both.user.locale], ['Pia', 'vi']);
	assert.deepEqual(expect(await api.patch('/api/v1/me', {}), 200).body, both);
	const bad = { name: ['', 'x'.repeat(201), null, 7], locale: ['', 'not a language', null], email: ['x@example.com'], role: ['owner'] };
	for (const [member, values] of Object.entries(bad)) {
		for (const value of values)
			assert.deepEqual(pointers(expect(await api.patch('/api/v1/me', { [member]: value }), 422)), [`/${member}`]);
	}
	assert.deepEqual((await anEvent(was.user.id)).map(([, data]) => JSON.parse(data).changed), [['name'], ['name', 'locale']]);
	const key = expect(await api.post('/api/v1/api-keys', { name: 'x', permissions: ['surveys:read'] }), 201).body.key;
	expect(await server.anyone.as(key).patch('/api/v1/me', { name: 'x' }), 403);
	expect(await server.anyone.as(key).get('/api/v1/me/tenants'), 403);
	expect(await server.anyone.patch('/api/v1/me', { name: 'x' }), 401);
	assert.ok(id);
});

test('one\'s tenants, and no others', async () => {
	await server.addTenant('mine1', 'mo@mine.example');
	await server.addTenant('mine2', 'mo@mine.example');
	const api = server.anyone.as(expect(await server.anyone.post('/api/v1/auth/login', { email: 'mo@mine.example', password: PASSWORD, tenant: 'mine2' }), 200).body.access_token);
	const { items } = expect(await api.get('/api/v1/me/tenants'), 200).body;
	assert.deepEqual(items.map((t) => [t.slug, t.name, t.role, t.current]), [['mine1', 'Tenant mine1', 'owner', false], ['mine2', 'Tenant mine2', 'owner', true]]);
});

test('a sign-in from a device that was not seen before is told by mail, once', async () => {
	const email = 'dan@devices.example';
	await server.addTenant('devices', email);
	expect(await login(email, FIREFOX), 200); // the first of all
	expect(await login(email, FIREFOX.replace('132.0', '140.0')), 200);
	expect(await login(email, CHROME, 'not this one'), 401);
	await settled();
	assert.deepEqual(await mails(email, 'new_device'), []);
	const began = expect(await login(email, CHROME), 200).body;
	const [mail] = await until('the mail', async () => { const m = await mails(email, 'new_device'); return m.length && m; });
	assert.match(mail.text, /Chrome, Windows/);
	assert.match(mail.text, /127\.0\.0\.1/);
	assert.match(mail.text, /\d{4}-\d\d-\d\d \d\d:\d\d UTC/);
	assert.ok(!mail.text.includes(began.access_token));
	expect(await login(email, CHROME), 200);
	expect(await login(email, FIREFOX), 200);
	expect(await login(email, 'curl/8.5.0 http://evil.example'), 200);
	const all = await until('the second mail', async () => { const m = await mails(email, 'new_device'); return m.length === 2 && m; });
	assert.ok(all.some((m) => /Device: curl\s/.test(m.text)) && all.every((m) => !m.text.includes('evil')));
	expect(await login(email, 'curl/9'), 200);
	await settled();
	assert.equal((await mails(email, 'new_device')).length, 2);
});

test('what is kept of a device cannot be read, and is forgotten', async () => {
	const email = 'fay@forget.example';
	const { id } = await server.addTenant('forget', email);
	expect(await login(email, FIREFOX), 200);
	const text = JSON.stringify(await rows(server.database.name, "select encode(device, 'escape'), created_at from user_devices"));
	assert.ok(!/Firefox|Linux|127\.0/.test(text));
	assert.equal((await redis('keys', '*device*')), '');
	await rows(server.database.name, `update user_devices set last_seen_at = now() - interval '401 days' where user_id = (select id from users where email = '${email}') returning 1`);
	expect(await login(email, CHROME), 200);
	await until('the mail', async () => (await mails(email, 'new_device')).length === 1);
	const left = await rows(server.database.name, `select 1 from user_devices where user_id = (select id from users where email = '${email}')`);
	assert.equal(left.length, 1);
	for (let i = 0; i < 60; i++)
		await rows(server.database.name, `insert into user_devices (user_id, device) select id, sha256('${i}') from users where email = '${email}' returning 1`);
	expect(await login(email, 'program-x'), 200);
	assert.equal((await rows(server.database.name, `select 1 from user_devices where user_id = (select id from users where email = '${email}')`)).length, 50);
	assert.ok(id);
});

test('when a pause gets long its owner is told, once; nobody is told of who is not there', async () => {
	const email = 'lou@locked.example';
	await server.addTenant('locked', email);
	await (await server.login(email)).patch('/api/v1/me', { locale: 'vi' });
	const fail = async (whom) => {
		for (const key of (await redis('keys', '-:backoff:*')).split('\n').filter(Boolean))
			await redis('hdel', key, 'until'); // as if the pause were over
		expect(await login(whom, null, 'not this one'), 401);
	};
	for (let i = 0; i < 10; i++)
		await fail(email);
	await settled();
	assert.deepEqual(await mails(email, 'locked'), []);
	await fail(email);
	const [mail] = await until('the mail', async () => { const m = await mails(email, 'locked'); return m.length && m; });
	assert.match(mail.text, /127\.0\.0\.1/);
	assert.match(mail.text, /2 phút/);
	await fail(email);
	for (let i = 0; i < 12; i++)
		await fail('nobody@locked.example');
	await settled();
	assert.equal((await mails(email, 'locked')).length, 1);
	assert.deepEqual(await mails('nobody@locked.example', 'locked'), []);
});
