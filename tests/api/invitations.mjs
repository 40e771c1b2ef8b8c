// Coming in by invitation, and passwords: changed, forgotten, and never told apart from accounts that do not exist.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { run, until } from '../harness/run.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { Worker } from '../harness/worker.mjs';

const server = withServer({ env: { COLLECT_PUBLIC_URL: 'https://collect.example' } });
let worker;
before(async () => { worker = await new Worker(server, { binary: run.collect }).start(); });
after(async () => { await worker.stop(); });

let people = 0;
const someone = () => `new${++people}@clients.example`;
const auth = (what, body) => server.anyone.post(`/api/v1/auth/${what}`, body);
const invite = async (email, more = { role: 'analyst' }) => expect(await server.api.post('/api/v1/invitations', { email, ...more }), 201).body;
const linkOf = async (i) => expect(await server.api.post(`/api/v1/invitations/${i.id}/link`), 200).body;
const accept = (token, more) => auth('accept-invitation', { token, password: 'a password of mine', ...more });
const signIn = (email, password) => auth('login', { email, password });

/** The mails of a kind to this address, oldest first; waits until there are so many. */
async function mails(kind, email, count) {
	const folder = join(server.dir, 'mail');
	return until(`${count} mails to ${email}`, async () => {
		const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.includes(`-${kind}-`) && f.endsWith('.eml')).sort() : [];
		const all = (await Promise.all(files.map((f) => simpleParser(readFileSync(join(folder, f)))))).filter((m) => m.to.text === email);
		return all.length >= count && all;
	});
}
const tokenIn = (mail) => /#token=([\w.-]+)/.exec(mail.text.replaceAll('\u2060', ''))[1];

test('an invitation goes out by mail; who accepts is signed in, with the role', async () => {
	const email = someone();
	const invitation = await invite(email, { role: 'analyst', language: 'vi' });
	assert.deepEqual([invitation.status, invitation.role, invitation.email], ['open', 'analyst', email]);
	const [mail] = await mails('invitation', email, 1);
	assert.equal(mail.headers.get('content-language'), 'vi');
	assert.ok(mail.text.replaceAll('\u2060', '').includes('https://collect.example/invitation#token=cci_'));
	const link = await linkOf(invitation);
	const mailed = tokenIn(mail);
	assert.notEqual(link.token, mailed, 'the one in the mail shows whose the mailbox is (mailbox.mjs)');
	assert.equal(link.link, `https://collect.example/invitation#token=${link.token}`);
	assert.deepEqual(pointers(expect(await accept(mailed), 422)), ['/name'], 'who reads the mailbox may know that there is no account');
	assert.deepEqual(pointers(expect(await accept(mailed, { name: 'Nga', password: 'short' }), 422)), ['/password']);
	const { body } = expect(await accept(link.token, { name: 'Nga' }), 200);
	assert.deepEqual([body.user.email, body.user.name, body.user.locale, body.role, body.tenant.slug], [email, 'Nga', 'vi', 'analyst', 'acme']);
	expect(await server.anyone.as(body.access_token).get('/api/v1/surveys'), 200);
	expect(await signIn(email, 'a password of mine'), 200);
	for (const token of [link.token, mailed])
		expect(await accept(token, { name: 'Nga' }), 404);
	expect(await server.api.post(`/api/v1/invitations/${invitation.id}/link`), 409);
	assert.equal(expect(await server.api.get(`/api/v1/invitations/${invitation.id}`), 200).body.status, 'accepted');
	const told = await rows(server.database.name, `select aggregate_type, type, actor_id from events where aggregate_id in ('${invitation.id}', '${body.user.id}') order by xid, id`);
	const [me, he] = [invitation.created_by, body.user.id];
	assert.deepEqual(told.map((t) => t.join(' ')).sort(), [`invitation created ${me}`, `invitation updated ${he}`, `member created ${he}`, `member joined ${he}`]);
});

test('nothing of the token is stored', async () => {
	const email = someone();
	const { token } = await linkOf(await invite(email));
	const raw = Buffer.from(token.slice(4), 'base64url').subarray(36);
	for (const table of ['invitations', 'idempotency', 'events', 'jobs', 'job_records']) {
		const all = (await rows(server.database.name, `select t::text from ${table} t`)).map((r) => r.join('|')).join('\n');
		for (const form of [token, raw.toString('hex'), raw.toString('base64'), raw.toString('base64url')])
			assert.ok(!all.includes(form), `${table} has the token`);
	}
});

test('who has an account comes in with its password, and with no other', async () => {
	const slug = `away${Math.floor(Math.random() * 1e6)}`;
	await server.addTenant(slug, `kim@${slug}.example`);
	const { token } = await linkOf(await invite(`Kim@${slug}.example`));
	expect(await accept(token, { name: 'Not Kim', password: 'a guess at it' }), 401);
	expect(await server.api.post('/api/v1/invitations', { email: `kim@${slug}.example`, role: 'viewer' }), 409);
	const { body } = expect(await accept(token, { password: PASSWORD }), 200);
	assert.deepEqual([body.tenant.slug, body.user.name === 'Not Kim'], ['acme', false]);
	expect(await auth('login', { email: `kim@${slug}.example`, password: PASSWORD, tenant: slug }), 200);
	expect(await server.api.post('/api/v1/invitations', { email: `KIM@${slug}.example`, role: 'viewer' }), 409);
});

test('what an inviter may try with the link that he is shown tells alike, whether there is an account or not', async () => {
	const slug = `known${Math.floor(Math.random() * 1e6)}`, password = 'a guess that is long';
	await server.addTenant(slug, `kim@${slug}.example`);
	const seen = [];
	for (const email of [`kim@${slug}.example`, `nobody@${slug}.example`]) {
		const invitation = await invite(email), { token } = await linkOf(invitation), told = [];
		for (const body of [{ password }, { password: 'short' }, { password: 'short', name: 'Kim' }, { password: '', name: 'Kim' }, { password, name: '' }, { password: 'x'.repeat(1025) }]) {
			const reply = await accept(token, body);
			told.push([reply.status, reply.body.detail, JSON.stringify(reply.body.errors), reply.headers['retry-after']]);
		}
		const after = expect(await server.api.get(`/api/v1/invitations/${invitation.id}`), 200).body;
		const events = await rows(server.database.name, `select type from events where aggregate_id = '${invitation.id}' order by xid, id`);
		seen.push({ made: Object.keys(invitation), status: [after.status, after.version], told, events });
	}
	assert.deepEqual(seen[0], seen[1]);
	assert.equal(seen[0].told[0][0], 401);
});

test('once somebody came nothing tells the inviter whether he had an account before', async () => {
	const slug = `before${Math.floor(Math.random() * 1e6)}`;
	await server.addTenant(slug, `kim@${slug}.example`);
	const came = [];
	for (const [email, body] of [[`kim@${slug}.example`, { password: PASSWORD }], [`new@${slug}.example`, { name: 'Administrator', password: 'a password of mine' }]]) {
		const invitation = await invite(email);
		const { user } = expect(await accept(tokenIn((await mails('invitation', email, 1))[0]), body), 200).body;
		const plain = (what) => JSON.stringify(what).replaceAll(`"name":${JSON.stringify(user.name)}`, 'NAME').replaceAll(user.id, 'USER').replaceAll(invitation.id, 'INVITATION').replaceAll(email, 'EMAIL')
			.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/g, 'ID');
		const items = await until('the events', async () => {
			const all = expect(await server.api.get('/api/v1/events', { query: { created_from: invitation.created_at, limit: 200 } }), 200).body.items;
			return all.some((e) => e.type === 'joined' && e.aggregate_id === user.id) && all;
		});
		came.push({ invitation: plain(expect(await server.api.get(`/api/v1/invitations/${invitation.id}`), 200).body),
			member: plain(expect(await server.api.get('/api/v1/members', { query: { q: email } }), 200).body),
			events: items.filter((e) => [user.id, invitation.id].includes(e.aggregate_id)).map(plain).map((e) => e.replace(/"request_id":"[^"]*"/, '')).sort() });
	}
	assert.deepEqual(came[0], came[1]);
	assert.ok(came[0].events.length >= 4, came[0].events.join('\n'));
});

test('sent again, taken back, too old, changed: the old link is void', async () => {
	const email = someone();
	const first = await invite(email);
	const old = await linkOf(first);
	const again = expect(await server.api.post(`/api/v1/invitations/${first.id}/resend`), 200).body;
	const [, mail] = await mails('invitation', email, 2);
	const now = await linkOf(first);
	assert.notEqual(now.token, old.token);
	assert.equal(tokenIn(mail).slice(0, 51), now.token.slice(0, 51), 'the same invitation and serial');
	expect(await accept(old.token, { name: 'x' }), 404);
	const bytes = Buffer.from(now.token.slice(4), 'base64url');
	for (let i = 0; i < bytes.length; i += 5) {
		const forged = Buffer.from(bytes);
		forged[i] ^= 1;
		expect(await accept(`cci_${forged.toString('base64url')}`, { name: 'x' }), 404);
	}
	await psql(server.database.name, `update collect.invitations set expires_at = now() - interval '1 second' where id = '${first.id}'`);
	expect(await accept(now.token, { name: 'x' }), 404);
	const expired = expect(await server.api.get(`/api/v1/invitations/${first.id}`), 200).body;
	assert.equal(expired.status, 'expired');
	expect(await server.api.delete(`/api/v1/invitations/${first.id}`, again.version), 412);
	expect(await server.api.delete(`/api/v1/invitations/${first.id}`, expired.version), 204);
	expect(await server.api.get(`/api/v1/invitations/${first.id}`), 404);
	const second = await invite(email);
	expect(await server.api.delete(`/api/v1/invitations/${second.id}`, second.version), 204);
});

test('invitations give no more than the inviter has, also by their links', async () => {
	const adminMail = someone();
	const admin = server.anyone.as(expect(await accept((await linkOf(await invite(adminMail, { role: 'admin' }))).token, { name: 'Admin' }), 200).body.access_token);
	assert.deepEqual(pointers(expect(await admin.post('/api/v1/invitations', { email: someone(), role: 'owner' }), 403)), ['/role']);
	const crown = await invite(someone(), { role: 'owner' });
	for (const verb of ['link', 'resend'])
		expect(await admin.post(`/api/v1/invitations/${crown.id}/${verb}`), 403);
	expect(await admin.delete(`/api/v1/invitations/${crown.id}`, crown.version), 403);
	const role = expect(await server.api.post('/api/v1/roles', { name: 'Visitor', permissions: ['surveys:read'] }), 201).body;
	const guest = await invite(someone(), { role_id: role.id });
	assert.equal(guest.role, 'Visitor');
	expect(await server.api.delete(`/api/v1/roles/${role.id}`, role.version), 409);
	assert.equal(expect(await accept((await linkOf(guest)).token, { name: 'G' }), 200).body.role, 'Visitor');
	assert.deepEqual(pointers(expect(await server.api.post('/api/v1/invitations', { email: someone(), role: 'king' }), 422)), ['/role']);
	const { items, total } = expect(await server.api.get('/api/v1/invitations', { query: { count: true } }), 200).body;
	assert.ok(total >= items.length && items.some((i) => i.id === crown.id));
});

test('who was removed comes back by a new invitation, with his old password', async () => {
	const email = someone();
	const { body } = expect(await accept((await linkOf(await invite(email))).token, { name: 'Back' }), 200);
	const member = expect(await server.api.get(`/api/v1/members/${body.user.id}`), 200).body;
	expect(await server.api.delete(`/api/v1/members/${body.user.id}`, member.version), 204);
	expect(await server.anyone.as(body.access_token).get('/api/v1/me'), 401);
	const again = expect(await accept((await linkOf(await invite(email, { role: 'viewer' }))).token), 200).body;
	assert.deepEqual([again.user.id, again.role], [body.user.id, 'viewer']);
	expect(await server.anyone.as(again.access_token).get('/api/v1/me'), 200);
});

test('a password is changed by who knows it, and every session ends', async () => {
	const email = someone();
	const { body } = expect(await accept((await linkOf(await invite(email))).token, { name: 'C' }), 200);
	const api = server.anyone.as(body.access_token);
	const change = (password, new_password) => api.post('/api/v1/me/password', { password, new_password });
	assert.deepEqual(pointers(expect(await change('not mine', 'another password'), 422)), ['/password']);
	assert.deepEqual(pointers(expect(await change('a password of mine', 'seven77'), 422)), ['/new_password']);
	expect(await change('a password of mine', 'mật khẩu của tôi'), 204);
	expect(await api.get('/api/v1/me'), 401);
	expect(await auth('refresh', { refresh_token: body.refresh_token }), 401);
	expect(await signIn(email, 'a password of mine'), 401);
	expect(await signIn(email, 'mật khẩu của tôi'), 200);
});

test('a forgotten password: a token by mail, good once and for half an hour', async () => {
	const email = someone();
	const { body } = expect(await accept((await linkOf(await invite(email))).token, { name: 'F' }), 200);
	const known = expect(await auth('password-reset', { email }), 202), unknown = expect(await auth('password-reset', { email: someone() }), 202);
	assert.equal(known.text, unknown.text);
	const token = tokenIn((await mails('password_reset', email, 1))[0]);
	const confirm = (t, new_password = 'quite another one') => auth('password-reset/confirm', { token: t, new_password });
	const [slip, address, stamp] = token.slice(4).split('.');
	const bytes = Buffer.from(slip, 'base64url');
	for (const at of [0, 3, 8, 39]) {
		const forged = Buffer.from(bytes);
		forged[at] ^= 4;
		expect(await confirm(`ccp_${forged.toString('base64url')}.${address}.${stamp}`), 404);
	}
	for (const other of [`${Buffer.from('ana@acme.example').toString('base64url')}.${stamp}`, address, `${address}.`, `${address}.${stamp.slice(1)}`, `${address}.${stamp}0`,
		`${address}.${stamp.replace(/^./, (c) => (c === '0' ? '1' : '0'))}`, `${address.slice(1)}.${stamp}`])
		expect(await confirm(`ccp_${slip}.${other}`), 404);
	for (const odd of ['x', 'ccp_', `ccp_${slip}`, `ccp_.${address}.${stamp}`, `ccp_${slip}.!.${stamp}`, body.refresh_token])
		expect(await confirm(odd), 404);
	// who has the signing key may date a token back, and then it has ended; so that nothing but the time is wrong with it, the same way makes the real one
	const dated = async (ends) => {
		const { kty, kid, crv, x, y, d } = JSON.parse(readFileSync(server.tokenKey, 'utf8'));
		const key = createHash('sha256').update('collect token mac').update(JSON.stringify({ kty, kid, crv, x, y, d })).digest();
		const [[user, hash]] = await rows(server.database.name, `select id, password_hash from users where email = '${email}'`);
		const end = Buffer.alloc(8);
		end.writeBigUInt64LE(ends);
		const mac = createHmac('sha256', key).update('password reset\0').update(end).update(email).digest();
		return `ccp_${Buffer.concat([end, mac]).toString('base64url')}.${address}.${createHash('sha256').update(user + hash).digest('hex').slice(0, 32)}`;
	};
	assert.equal(await dated(bytes.readBigUInt64LE(0)), token);
	expect(await confirm(await dated(BigInt(Math.floor(Date.now() / 1000) - 1))), 404);
	const left = Number(bytes.readBigUInt64LE(0)) - Date.now() / 1000;
	assert.ok(left > 1700 && left <= 1800, `${left} s`);
	assert.deepEqual(pointers(expect(await confirm(token, 'short'), 422)), ['/new_password']);
	expect(await confirm(token), 204);
	expect(await confirm(token, 'and a third one'), 404);
	expect(await auth('refresh', { refresh_token: body.refresh_token }), 401);
	expect(await signIn(email, 'a password of mine'), 401);
	expect(await signIn(email, 'quite another one'), 200);
});

test('asking again and again is slowed down, known or not', async () => {
	for (const email of ['ana@acme.example', someone()]) {
		const codes = [];
		for (let i = 0; i < 6; i++)
			codes.push((await auth('password-reset', { email })).status);
		assert.deepEqual(codes, [202, 202, 202, 202, 202, 429], email);
	}
});
