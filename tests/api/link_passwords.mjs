// Links that ask for a password: on the page, by the API, on two servers; what a pass is good for, and who guesses waits.
import assert from 'node:assert/strict';
import { createHmac, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const FREE = 5, RIGHT = 'mở cửa ra', WRONG = 'sesame';
const server = withServer({ env: { COLLECT_TRUSTED_HOPS: '1', COLLECT_RATE_LIMITS: 'true', COLLECT_RATE_LOGIN: 'address=6000/1000' } });
const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout.trim();
let other, addresses = 0;
const from = () => ({ 'X-Forwarded-For': `198.51.100.${++addresses}` });
before(async () => {
	other = await server.twin();
});
after(() => other.end());

const text = (name) => ({ type: 'text', name, title: name });
const survey = () => definition('Behind a password', [{ name: 'a', questions: [text('one')] }, { name: 'b', questions: [text('two')] }]);
const at = (f) => `/api/v1/surveys/${f.survey.id}/links/${f.link.id}`;
const set = async (f, password) => {
	const { version } = expect(await server.api.get(at(f)), 200).body;
	return expect(await server.api.request('PUT', `${at(f)}/password`, { body: { password }, headers: { 'If-Match': `"${version}"` } }), 200).body;
};
const field = async (password = RIGHT) => {
	const f = await publish(server.api, survey());
	assert.equal(f.link.password, false);
	assert.equal((await set(f, password)).password, true);
	await until('both servers to know', async () => (await server.anyone.get(open(f))).status === 401 && (await fetch(`http://127.0.0.1:${other.port}/s/${f.slug}`)).status === 401);
	return f;
};
const open = (f) => `/api/public/v1/links/${f.slug}`;
const show = (f, password, headers = from()) => server.anyone.post(`${open(f)}/pass`, { password }, { headers });
const passOf = async (f) => expect(await show(f, RIGHT), 200).body.pass;
const stored = async (f) => (await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`))[0][0];
const page = async (f, { cookie, fields, path = '', port = server.port, headers = {} } = {}) => {
	const reply = await fetch(`http://127.0.0.1:${port}/s/${f.slug}${path}`, { redirect: 'manual', headers: { ...headers, ...(cookie ? { Cookie: cookie } : {}) },
		...(fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}) });
	const body = await reply.text(), set = reply.headers.get('set-cookie');
	return { status: reply.status, body, set, cookie: set?.split(';')[0], location: reply.headers.get('location'), after: reply.headers.get('retry-after'),
		state: /name="state" value="([^"]*)"/.exec(body)?.[1] };
};
const enter = (f, password, { path = '', ...more } = {}) => page(f, { path: `/password${path}`, fields: { '@password': password }, headers: from(), ...more });

test('without a pass nothing is shown, begun, read, saved or ended', async () => {
	const f = await field();
	const pass = { 'X-Link-Pass': await passOf(f) };
	const begun = expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }, { headers: pass }), 201).body;
	const interview = `${open(f)}/responses/${begun.id}`;
	for (const headers of [{}, { 'X-Link-Pass': '' }, { 'X-Link-Pass': 'x' }, { Cookie: `collect_pass=${pass['X-Link-Pass']}` }]) {
		const token = { ...headers, Authorization: `Bearer ${begun.token}` };
		expect(await server.anyone.get(open(f), { headers }), 401, 'unauthenticated');
		expect(await submit(server.anyone, f.slug, { answers: { one: 'x' } }, { headers }), 401);
		expect(await submit(server.anyone, f.slug, { answers: {}, complete: false }, { headers }), 401);
		expect(await server.anyone.get(interview, { headers: token }), 401);
		expect(await server.anyone.patch(interview, { answers: { one: 'x' } }, undefined, { headers: token }), 401);
		expect(await server.anyone.post(`${interview}/complete`, {}, { headers: token }), 401);
	}
	assert.equal(await stored(f), '1');
	const token = { ...pass, Authorization: `Bearer ${begun.token}` };
	const shown = expect(await server.anyone.get(open(f), { headers: pass }), 200);
	assert.equal(shown.headers['cache-control'], 'private, no-cache');
	assert.equal(shown.body.definition.survey.title, 'Behind a password');
	expect(await server.anyone.get(open(f)), 401, 'unauthenticated');
	expect(await server.anyone.patch(interview, { answers: { one: 'x' } }, undefined, { headers: token }), 200);
	expect(await server.anyone.post(`${interview}/complete`, {}, { headers: token }), 200);
});

test('what was stored is not said again without a pass', async () => {
	const f = await field(), key = { 'Idempotency-Key': 'stored-before' }, pass = await passOf(f);
	expect(await submit(server.anyone, f.slug, { answers: { one: 'x' } }, { headers: { ...key, 'X-Link-Pass': pass } }), 201);
	expect(await submit(server.anyone, f.slug, { answers: { one: 'x' } }, { headers: key }), 401);
	assert.equal(expect(await submit(server.anyone, f.slug, { answers: { one: 'x' } }, { headers: { ...key, 'X-Link-Pass': pass } }), 201).headers['idempotency-replayed'], 'true');
});

test('a pass is its link\'s, the password\'s and not for ever', async () => {
	const f = await field(), g = await field(), pass = await passOf(f);
	const tried = async (p, on = f) => (await server.anyone.get(open(on), { headers: { 'X-Link-Pass': p } })).status;
	assert.equal(await tried(pass), 200);
	assert.equal(await tried(pass, g), 401, 'another link with the same password');
	const [ends, mac] = pass.split('.');
	for (const p of [`${Number(ends) + 1}.${mac}`, `${ends}.${mac[0] === 'A' ? 'B' : 'A'}${mac.slice(1)}`, `${ends}.`, `.${mac}`, `0.${mac}`, `${'9'.repeat(40)}.${mac}`])
		assert.equal(await tried(p), 401, p);
	const left = Number(ends) - Date.now() / 1000;
	assert.ok(left > 86000 && left < 86500, `${left}`);
	// made as the server makes them: the link, a mark of its password and the end, under a key of the installation's
	const [[mark]] = await rows(server.database.name, `select left(encode(sha256(convert_to(password_hash, 'UTF8')), 'hex'), 24) from collect.links where id = '${f.link.id}'`);
	const key = Buffer.from(hkdfSync('sha256', Buffer.from(server.key, 'base64url'), '', 'collect sign 1|fieldwork/pass/1', 32));
	const made = (end, link = f) => `${end}.${createHmac('sha256', key).update(`${link.link.id}/${mark}/${end}`).digest('base64url')}`;
	assert.equal(made(Number(ends)), pass);
	const now = Math.floor(Date.now() / 1000);
	assert.deepEqual([await tried(made(now + 60)), await tried(made(now - 1)), await tried(made(now + 60, g))], [200, 401, 401]);
	await set(f, RIGHT);
	await until('the new password to hold', async () => await tried(pass) === 401);
	assert.equal(await tried(await passOf(f)), 200);
});

test('the page asks for it, and goes where the address wanted', async () => {
	const f = await field(), query = '?lang=en&x=%3Cb%3E%22';
	const asked = await page(f, { path: query });
	assert.equal(asked.status, 401);
	assert.match(asked.body, /type="password"/);
	assert.match(asked.body, /action="\/s\/[^"?]+\/password\?lang=en&amp;x=%3Cb%3E%22"/);
	assert.ok(!/q-one|name="state"/.test(asked.body));
	assert.match((await enter(f, WRONG)).body, /That was not the password/);
	assert.equal((await enter(f, '')).status, 401);
	const right = await enter(f, RIGHT, { path: query });
	assert.equal(right.status, 303);
	assert.equal(right.location, `/s/${f.slug}${query}`);
	assert.match(right.set, new RegExp(`^collect_pass=\\d+\\.[\\w-]{43}; Path=/s/${f.slug}; HttpOnly; Max-Age=86400; SameSite=Lax$`));
	for (const port of [server.port, other.port, server.port])
		assert.match((await page(f, { cookie: right.cookie, port })).body, /q-one/);
	assert.equal((await page(f)).status, 401, 'a first page that is kept is shown to nobody without a pass');
	assert.equal((await page(f, { cookie: 'collect_pass=1.x' })).status, 401);
	const typed = await page(f, { path: '/password' });
	assert.deepEqual([typed.status, typed.location], [303, `/s/${f.slug}`]);
});

test('what was answered when the pass ended waits on the page that asks again', async () => {
	const f = await field();
	const { cookie } = await enter(f, RIGHT), first = await page(f, { cookie });
	const fields = { state: first.state, action: 'next', 'q-one': 'kept <b>' };
	const asked = await page(f, { fields });
	assert.equal(asked.status, 401);
	assert.match(asked.body, /name="q-one" value="kept &lt;b&gt;"/);
	assert.equal(await stored(f), '0');
	const wrong = await page(f, { path: '/password', fields: { ...fields, '@password': WRONG }, headers: from() });
	assert.match(wrong.body, /name="q-one" value="kept &lt;b&gt;"/);
	const right = await page(f, { path: '/password', fields: { ...fields, '@password': RIGHT }, headers: from() });
	assert.equal(right.status, 200);
	assert.match(right.body, /id="cc-again"[^>]*action="\/s\/[^"/]+"/);
	assert.ok(!right.body.includes(RIGHT), 'the password goes no further');
	const second = await page(f, { cookie: right.cookie, fields });
	assert.match(second.body, /q-two/);
	assert.equal(await stored(f), '1');
	const later = /href="\/s\/[^"?]+(\?resume=[^"]*)"/.exec(second.body)[1];
	assert.equal((await page(f, { path: later })).status, 401);
	assert.match((await page(f, { path: later, cookie: right.cookie })).body, /q-two/);
});

test('who guesses waits, and nobody elsewhere', async () => {
	const f = await field(), here = from();
	const guesses = await Promise.all(Array.from({ length: 16 }, () => show(f, WRONG, here)));
	assert.equal(guesses.filter((r) => r.status === 401).length, FREE, guesses.map((r) => r.status).join());
	assert.equal(guesses.filter((r) => r.status === 429).length, 16 - FREE);
	const waits = await show(f, RIGHT, here);
	assert.match(expect(waits, 429).headers['retry-after'], /^\d+$/);
	const byPage = await page(f, { path: '/password', fields: { '@password': RIGHT }, headers: here });
	assert.equal(byPage.status, 429, 'the page counts as the API does');
	assert.match(byPage.body, /wrong too often/);
	assert.match(byPage.after, /^\d+$/);
	expect(await show(f, RIGHT, from()), 200);
	const g = await field();
	expect(await show(g, RIGHT, here), 200);
	const third = from();
	for (let round = 0; round < 2; round++) {
		for (let i = 0; i < FREE - 1; i++)
			expect(await show(f, WRONG, third), 401);
		expect(await show(f, RIGHT, third), 200);
	}
});

test('from one address at many links: so many guesses and no more', async () => {
	const here = from(), f = await field();
	expect(await show(f, WRONG, here), 401);
	const key = (await redis('keys', `-:backoff:things:*${here['X-Forwarded-For']}*`)).split('\n');
	assert.equal(key.filter(Boolean).length, 1);
	await redis('hset', key[0], 'n', '30', 'until', String(Date.now() + 600000));
	expect(await show(f, RIGHT, here), 429);
	await redis('del', key[0]);
});

test('who has many networks of one provider, or of many, guesses slowly, and keeps nobody out for long', async () => {
	const f = await field(), net = (site, n) => ({ 'X-Forwarded-For': `2001:db8:${site}:${n}::1` });
	const keys = async (what) => (await redis('keys', `-:backoff:${what}:*${f.link.id}*`)).split('\n').filter(Boolean);
	for (let n = 1; n <= 3; n++)
		expect(await show(f, WRONG, net(7, n)), 401);
	const [wide, ...more] = await keys('thing_wide');
	assert.deepEqual(more, []);
	assert.match(wide, /2001:db8:7::\/48$/);
	assert.equal(await redis('hget', wide, 'n'), '3');
	await redis('hset', wide, 'n', '60');
	expect(await show(f, WRONG, net(7, 4)), 401);
	const waits = Number(expect(await show(f, RIGHT, net(7, 5)), 429).headers['retry-after']);
	assert.ok(waits > 50 && waits <= 60, `${waits}`);
	expect(await show(f, RIGHT, net(8, 1)), 200);
	const [whole] = await keys('thing_whole');
	assert.equal(await redis('hget', whole, 'n'), '4', 'what was right is not counted');
	await redis('hset', whole, 'n', '1100');
	expect(await show(f, WRONG, net(9, 1)), 401);
	const shortly = Number(expect(await show(f, RIGHT, net(10, 1)), 429).headers['retry-after']);
	assert.ok(shortly >= 1 && shortly <= 2, `${shortly}`);
	await until('it to be over', async () => (await show(f, RIGHT, net(10, 1))).status === 200, 5);
	const ipv4 = await field();
	expect(await show(ipv4, WRONG, { 'X-Forwarded-For': '203.0.113.9' }), 401);
	assert.match((await redis('keys', `-:backoff:thing_wide:*${ipv4.link.id}*`)), /:203\.0\.113\.$/);
});

test('set, kept from readers, and removed', async () => {
	const f = await field();
	const [[hash]] = await rows(server.database.name, `select password_hash from links where id = '${f.link.id}'`);
	assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
	const put = (body, version) => server.api.request('PUT', `${at(f)}/password`, { body, headers: version ? { 'If-Match': `"${version}"` } : {} });
	const { version } = expect(await server.api.get(at(f)), 200).body;
	expect(await put({ password: 'another one' }), 428);
	expect(await put({ password: 'another one' }, version + 1), 412);
	assert.deepEqual(pointers(expect(await put({ password: '7 chars' }, version), 422)), ['/password']);
	assert.deepEqual(pointers(expect(await put({ password: 'x'.repeat(201) }, version), 422)), ['/password']);
	assert.equal((await passOf(f)).length > 40, true, 'a refused change changes nothing');
	const told = await rows(server.database.name, `select data ->> 'hidden', coalesce(after::text, '') || coalesce(before::text, '') from events where aggregate_id = '${f.link.id}' and type = 'updated'`);
	assert.ok(told.some(([hidden]) => hidden.includes('password_hash')));
	assert.ok(told.every(([, shown]) => !shown.includes('argon2')));
	const removed = expect(await server.api.delete(`${at(f)}/password`, version), 200).body;
	assert.equal(removed.password, false);
	await until('it to be open', async () => (await server.anyone.get(open(f))).status === 200);
	assert.deepEqual(expect(await show(f, 'anything'), 200).body, { pass: null, expires_at: null });
	assert.equal((await enter(f, 'anything')).status, 303);
	expect(await server.anyone.post(`/api/public/v1/links/nowhere-${process.pid}/pass`, { password: 'x' }, { headers: from() }), 404);
});

test('a link that is closed says so, whoever asks', async () => {
	const f = await field();
	const { version } = expect(await server.api.get(at(f)), 200).body;
	expect(await server.api.patch(at(f), { status: 'closed' }, version), 200);
	await until('it to be closed', async () => (await page(f)).status === 410);
	expect(await show(f, RIGHT), 410);
	assert.equal((await enter(f, RIGHT)).status, 410);
});
