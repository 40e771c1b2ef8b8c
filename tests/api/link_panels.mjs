// Panel links: parameters that have to be there, each panelist once on however many servers, signed ways back, and the panel's server told of each end.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { LOOPBACK } from '../harness/identity.mjs';
import { command, newFolder, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { addJobs, ended, untilJob, Worker } from '../harness/worker.mjs';

const server = withServer({ env: LOOPBACK });
let other, worker, panel;
const told = []; // what the panel's server was sent
let answer = () => 204;
before(async () => {
	panel = http.createServer(async (rq, rs) => {
		let body = '';
		for await (const chunk of rq)
			body += chunk;
		told.push({ path: rq.url, headers: rq.headers, body });
		const status = await answer(rq, body);
		rs.writeHead(status, status === 429 ? { 'Retry-After': '1' } : {}).end();
	});
	await new Promise((resolve) => panel.listen(0, '127.0.0.1', resolve));
	other = await server.twin();
	worker = await new Worker(server).start();
});
after(async () => {
	panel.closeAllConnections();
	panel.close();
	await worker.stop();
	await other.end();
});

const at = (path) => `http://127.0.0.1:${panel.address().port}${path}`;
const parameters = [{ name: 'pid', type: 'text', export: true }, { name: 'src', type: 'text', export: true }, { name: 'wave', type: 'number', export: true }, { name: 'hush', type: 'text' }];
const survey = (more = {}) => definition('Panel', [
	{ name: 'a', questions: [{ type: 'number', name: 'age', title: 'Age, {@pid}?', min: 0, max: 120 }] },
	{ name: 'b', questions: [{ type: 'text', name: 'why', title: 'Why?' }] },
], { parameters, rules: [{ when: '{age} < 18', do: 'end', outcome: 'screened_out' }], outcomes: { screened_out: {} },
	quotas: [{ name: 'all', cells: [{ name: 'old', when: '{age} > 90', limit: 1 }] }], ...more });
const back = (word) => `https://panel.example/back?who={pid}&src={src}&r={response_id}&s={status}&x=${word}#top`;
const spec = (more = {}) => ({ panelist: 'pid', required: { pid: '^[A-Za-z0-9 /&-]{3,20}$', src: '' }, return_urls: { completed: back('c'), screened_out: back('s'), quota_full: back('q') }, ...more });
const links = (f) => `/api/v1/surveys/${f.survey.id}/links`;
const field = async (more) => {
	const f = await publish(server.api, survey(), { link: { kind: 'panel', panel: spec(more) } });
	const { secret } = expect(await server.api.post(`${links(f)}/${f.link.id}/secret`, undefined, { headers: { 'If-Match': `"${f.link.version}"` } }), 200).body;
	return { ...f, secret };
};
const send = (f, pid, body = {}, port = server.port) => {
	const client = new Client(port);
	return submit(client, f.slug, { answers: { age: 40 }, parameters: { pid, src: 'mail' }, ...body }).finally(() => client.close());
};
const stored = async (f) => rows(server.database.name, `select parameters ->> 'pid', status from responses where survey_id = '${f.survey.id}' order by 1`);
const leave = async (f) => {
	const set = `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; update responses set status = 'partial' where survey_id = '${f.survey.id}'`;
	assert.equal((await psql(server.database.name, set, { user: 'collect_worker' })).code, 0);
};
const page = async (f, { query = '', fields, port = server.port } = {}) => {
	const reply = await fetch(`http://127.0.0.1:${port}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
	const body = await reply.text(), go = /id="cc-continue"[^>]*/.test(body) ? /href="([^"]*)"[^>]*id="cc-continue"/.exec(body)?.[1].replaceAll('&amp;', '&') : undefined;
	return { status: reply.status, body, go, state: /name="state" value="([^"]*)"/.exec(body)?.[1] };
};
/** The way that docs/links.md shows. */
const genuine = (address, secret) => {
	const [head] = address.split('#'), [, before, sig] = /^(.*)[?&]sig=([0-9a-f]{64})$/.exec(head);
	return createHmac('sha256', secret).update(before).digest('hex') === sig;
};

test('what is missing or does not fit is named, on the page too', async () => {
	const f = await field();
	assert.deepEqual(pointers(expect(await send(f, 'abc', { parameters: undefined }), 422)), ['/parameters/pid', '/parameters/src']);
	assert.deepEqual(pointers(expect(await send(f, 'abc', { parameters: { pid: 'abc', src: '' } }), 422)), ['/parameters/src']);
	for (const pid of ['ab', 'x'.repeat(21), 'a_b_c', 'Ä'.repeat(5)])
		assert.deepEqual(pointers(expect(await send(f, pid), 422)), ['/parameters/pid'], pid);
	assert.deepEqual(pointers(expect(await send(f, 'x', { complete: false }), 422)), ['/parameters/pid']);
	for (const query of ['', '?pid=abc', '?src=mail', '?pid=a_b_c&src=mail']) {
		const shown = await page(f, { query });
		assert.equal(shown.status, 422, query);
		assert.match(shown.body, /This link is incomplete/);
	}
	assert.equal((await page(f, { query: '?pid=abc&src=mail' })).status, 200);
	assert.deepEqual(await stored(f), []);
});

test('each panelist once: whole answers, page by page and by the page, on two servers', async () => {
	const f = await field();
	const tries = await Promise.all(Array.from({ length: 24 }, (_, i) => send(f, `person ${i % 4}`, { answers: { age: 20 + i } }, i % 2 ? server.port : other.port)));
	for (let p = 0; p < 4; p++) {
		const of = tries.filter((_, i) => i % 4 === p);
		assert.equal(of.filter((r) => r.status === 201).length, 1, of.map((r) => r.status).join());
		assert.ok(of.every((r) => [201, 409, 410].includes(r.status)), of.map((r) => r.status).join());
	}
	assert.equal((await stored(f)).length, 4);
	const first = expect(await send(f, 'again'), 201), again = expect(await send(f, 'again', {}, other.port), 201);
	assert.equal(again.headers['idempotency-replayed'], 'true');
	assert.deepEqual(again.body, first.body, 'with the same way back');
	expect(await send(f, 'again', { answers: { age: 41 } }), 410, 'gone');
	expect(await send(f, 'again', { complete: false }), 410, 'gone');
	assert.equal((await page(f, { query: '?pid=again&src=mail' })).status, 410);
	const tabs = await Promise.all([server.port, other.port].map((port) => page(f, { query: '?pid=tabs&src=mail', port })));
	const seconds = await Promise.all(tabs.map(({ state }, i) => page(f, { fields: { state, action: 'next', 'q-age': 30 + i }, port: i ? other.port : server.port })));
	for (const { state } of seconds)
		assert.ok((await page(f, { fields: { state, action: 'next', 'q-why': 'x' } })).status < 500);
	assert.deepEqual((await stored(f)).filter(([pid]) => pid === 'tabs'), [['tabs', 'completed']]);
	// another link of the survey counts for itself
	const g = expect(await server.api.post(links(f), { kind: 'panel', panel: spec() }), 201).body;
	expect(await send(g, 'again'), 201);
});

test('an interview under way: a whole answer of its panelist is told so, and its address shows nobody its answers', async () => {
	const f = await field();
	const begun = expect(await send(f, 'begun', { answers: {}, complete: false }), 201).body;
	const at1 = `/api/public/v1/links/${f.slug}/responses/${begun.id}`, headers = { Authorization: `Bearer ${begun.token}` };
	expect(await server.anyone.patch(at1, { answers: { age: 33 } }, undefined, { headers }), 200);
	expect(await send(f, 'begun', { answers: { age: 34 } }), 409, 'conflict');
	expect(await send(f, 'begun', { answers: {}, complete: false }), 409, 'conflict');
	const shown = await page(f, { query: '?pid=begun&src=mail' });
	assert.equal(shown.status, 409);
	assert.match(shown.body, /was begun elsewhere/);
	assert.ok(!/["> ]33["< ]/.test(shown.body) && !shown.body.includes('resume='));
	const end = expect(await server.anyone.post(`${at1}/complete`, { answers: { why: 'x' } }, { headers }), 200).body;
	assert.ok(genuine(end.return_url, f.secret));
	assert.equal(expect(await server.anyone.post(`${at1}/complete`, {}, { headers }), 200).body.return_url, end.return_url);
});

test('what was left on the page is over: another whole answer of the panelist is not taken for it', async () => {
	const f = await field();
	const first = await page(f, { query: '?pid=leaver&src=mail' });
	assert.equal((await page(f, { fields: { state: first.state, action: 'next', 'q-age': '40' } })).status, 200);
	await leave(f);
	for (const answers of [{ age: 40 }, { age: 41, why: 'other' }]) {
		const reply = expect(await send(f, 'leaver', { answers }), 410, 'gone');
		assert.equal(reply.headers['idempotency-replayed'], undefined);
	}
	expect(await send(f, 'leaver', { answers: {}, complete: false }), 410, 'gone');
	assert.deepEqual(await stored(f), [['leaver', 'partial']]);
});

test('a panelist\'s id opens nothing that was begun with it: who begins for him hears nothing of his answers', async () => {
	const f = await field(), body = { answers: {}, complete: false };
	const begun = expect(await send(f, 'victim', body), 201).body;
	const again = expect(await send(f, 'victim', body, other.port), 409, 'conflict');
	assert.ok(!again.text.includes(begun.id) && !again.text.includes('token'));
	const tab = await page(f, { query: '?pid=victim&src=mail' });
	assert.equal(tab.status, 409);
	// his page was open before
	const open = await page(f, { query: '?pid=early&src=mail' });
	const thief = expect(await send(f, 'early', body), 201).body;
	const told = await page(f, { fields: { state: open.state, action: 'next', 'q-age': '77' } });
	assert.equal(told.status, 409);
	assert.match(told.body, /was begun elsewhere/);
	assert.ok(!told.body.includes('resume='));
	const read = expect(await server.anyone.get(`/api/public/v1/links/${f.slug}/responses/${thief.id}`, { headers: { Authorization: `Bearer ${thief.token}` } }), 200);
	assert.deepEqual(read.body.answers, {});
	// the same beginning, known by what only its client has sent
	const mine = { headers: { 'Idempotency-Key': 'f1d0f7d2-6a5e' } }, slug = f.slug, at1 = { ...body, parameters: { pid: 'retry', src: 'mail' } };
	const first = expect(await submit(server.anyone, slug, at1, mine), 201).body, second = expect(await submit(server.anyone, slug, at1, mine), 201);
	assert.deepEqual([second.body.id, second.body.token, second.headers['idempotency-replayed']], [first.id, first.token, 'true']);
	for (const headers of [{}, { 'Idempotency-Key': 'another-one' }])
		assert.equal(expect(await submit(server.anyone, slug, at1, { headers }), 409, 'conflict').body.token, undefined);
});

test('another page with a panelist\'s id changes nothing of what he saved and gets no way to it', async () => {
	const f = await field(), query = '?pid=victim&src=mail';
	const his = await page(f, { query }), thief = await page(f, { query: '?pid=victim&src=EVIL' }), short = await page(f, { query: '?pid=victim&src=EVIL' });
	const second = await page(f, { fields: { state: his.state, action: 'next', 'q-age': '40' } });
	assert.match(second.body, /resume=/);
	const refused = await page(f, { fields: { state: thief.state, action: 'next', 'q-age': '9' } });
	const joined = await page(f, { fields: { state: short.state, action: 'next', 'q-age': '66' } }, other.port);
	for (const told of [refused, joined]) {
		assert.equal(told.status, 409);
		assert.ok(!told.body.includes('resume=') && !told.state && !told.go, told.body);
	}
	const answers = async () => (await rows(server.database.name, `select answers from responses where survey_id = '${f.survey.id}'`)).map(([a]) => JSON.parse(a));
	assert.deepEqual(await answers(), [{ age: 40 }]);
	// his own: an older page sent again, the way for later
	const changed = await page(f, { fields: { state: his.state, action: 'next', 'q-age': '41' } });
	assert.equal(changed.status, 200);
	assert.deepEqual(await answers(), [{ age: 41 }]);
	const later = await page(f, { query: /\?resume=[\w-]+/.exec(changed.body)[0], port: other.port });
	const done = await page(f, { fields: { state: later.state, action: 'next', 'q-why': 'x' }, port: other.port });
	assert.match(done.go, /who=victim&src=mail&/);
	// the end is his, too
	for (const { state } of [thief, short]) {
		const late = await page(f, { fields: { state, action: 'next', 'q-age': '9' } });
		assert.deepEqual([late.status, late.go], [410, undefined], late.body);
	}
	assert.deepEqual(await answers(), [{ age: 41, why: 'x' }]);
});

test('ways back: by the end, percent-encoded and signed, by page and by API', async () => {
	const f = await field();
	const whole = expect(await send(f, 'a b/&-c', { parameters: { pid: 'a b/&-c', src: 'ü{status}' } }), 201).body;
	assert.ok(whole.return_url.startsWith(`https://panel.example/back?who=a%20b%2F%26-c&src=%C3%BC%7Bstatus%7D&r=${whole.id}&s=completed&x=c&sig=`), whole.return_url);
	assert.ok(whole.return_url.endsWith('#top'));
	assert.ok(genuine(whole.return_url, f.secret));
	assert.ok(!genuine(whole.return_url.replace('x=c', 'x=d'), f.secret));
	assert.ok(!genuine(whole.return_url, 'another'));
	assert.match(expect(await send(f, 'young', { answers: { age: 9 } }), 201).body.return_url, /s=screened_out&x=s&sig=/);
	expect(await send(f, 'old1', { answers: { age: 91 } }), 201);
	assert.match(expect(await send(f, 'old2', { answers: { age: 91 } }), 201).body.return_url, /s=quota_full&x=q&sig=/);
	const first = await page(f, { query: '?pid=by%20page&src=mail&wave=2' });
	const second = await page(f, { fields: { state: first.state, action: 'next', 'q-age': '50' } });
	const done = await page(f, { fields: { state: second.state, action: 'next', 'q-why': 'x' } });
	assert.ok(genuine(done.go, f.secret), done.body);
	assert.match(done.go, /who=by%20page&src=mail&r=[0-9a-f-]{36}&s=completed/);
	const young = await page(f, { query: '?pid=page2&src=mail' });
	assert.match((await page(f, { fields: { state: young.state, action: 'next', 'q-age': '9' } })).go, /s=screened_out&x=s/);
	const g = await field({ return_urls: { completed: 'https://panel.example/done' } });
	const plain = expect(await send(g, 'abc'), 201).body.return_url;
	assert.match(plain, /^https:\/\/panel\.example\/done\?sig=/);
	assert.ok(genuine(plain, g.secret));
	assert.equal(expect(await send(g, 'young', { answers: { age: 9 } }), 201).body.return_url, undefined);
});

test('answers that are changed after the end and sent again lead where the stored ones ended', async () => {
	const f = await field(), done = { completed: { html: 'Done', redirect: 'https://survey.example/done', sign: 'hmac-sha256' }, screened_out: { html: 'Out', redirect: 'https://survey.example/out', sign: 'hmac-sha256' } };
	const first = await page(f, { query: '?pid=turncoat&src=mail' });
	assert.match((await page(f, { fields: { state: first.state, action: 'next', 'q-age': '9' } })).go, /s=screened_out/);
	const second = await page(f, { fields: { state: first.state, action: 'next', 'q-age': '50' } });
	const end = await page(f, { fields: { state: second.state ?? first.state, action: 'next', 'q-age': '50', 'q-why': 'x' } });
	assert.ok(!/s=completed/.test(`${second.go} ${end.go}`), `${second.go} ${end.go}`);
	const g = await publish(server.api, survey({ outcomes: done }));
	const one = await page(g), short = { state: one.state, action: 'next' };
	assert.match((await page(g, { fields: { ...short, 'q-age': '9' } })).go, /survey\.example\/out\?sig=/);
	const two = await page(g, { fields: { ...short, 'q-age': '50' } });
	const three = two.state ? await page(g, { fields: { state: two.state, action: 'next', 'q-why': 'x' } }) : two;
	assert.match(three.body, /already been saved|is over/);
	assert.ok(!/survey\.example\/done/.test(three.body), three.go);
	assert.deepEqual((await stored(f)).concat(await stored(g)).map(([, status]) => status), ['screened_out', 'screened_out']);
});

test('a way on is signed from what was stored, not from what is sent after the end', async () => {
	const outcomes = { screened_out: {}, completed: { redirect: 'https://survey.example/done?w={age}&who={@pid}&from={@src}', sign: 'hmac-sha256' } };
	const open = await publish(server.api, survey({ outcomes })), first = await page(open, { query: '?pid=abc&src=mail' });
	const second = await page(open, { fields: { state: first.state, action: 'next', 'q-age': '40' } });
	const end = (state, why) => page(open, { fields: { state, action: 'next', 'q-why': why } });
	const done = await end(second.state, 'x');
	assert.match(done.go, /w=40&who=abc&from=mail&sig=/);
	assert.equal((await end(second.state, 'x')).go, done.go, 'the same again');
	const back = await page(open, { fields: { state: second.state, action: 'back' } });
	const changed = await page(open, { fields: { state: back.state, action: 'next', 'q-age': '99' } });
	const late = changed.state ? await end(changed.state, 'x') : changed;
	assert.match(late.body, /already been saved/);
	assert.equal(late.go, done.go);
	// two tabs of one browser that may answer once
	const once = await publish(server.api, survey({ outcomes }), { link: { once_per_device: true } });
	const tab = async (cookie, query, fields) => {
		const reply = await fetch(`${server.url}/s/${once.slug}${query}`, { headers: cookie ? { Cookie: cookie } : {}, ...(fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}) });
		const body = await reply.text();
		return { cookie: reply.headers.get('set-cookie')?.split(';')[0] ?? cookie, state: /name="state" value="([^"]*)"/.exec(body)?.[1], go: /href="([^"]*)"[^>]*id="cc-continue"/.exec(body)?.[1].replaceAll('&amp;', '&'), body };
	};
	const one = await tab(undefined, '?pid=abc&src=mail'), evil = await tab(one.cookie, '?pid=EVIL&src=EVIL');
	const next = await tab(one.cookie, '', { state: one.state, action: 'next', 'q-age': '40' });
	const good = await tab(one.cookie, '', { state: next.state, action: 'next', 'q-why': 'x' });
	assert.match(good.go, /w=40&who=abc&from=mail&sig=/);
	const bad = await tab(one.cookie, '', { state: evil.state, action: 'next', 'q-age': '99' });
	const worse = bad.state ? await tab(one.cookie, '', { state: bad.state, action: 'next', 'q-why': 'x' }) : bad;
	assert.equal(worse.go, good.go, worse.body);
});

test('who comes to a link that is full or closed is sent back, signed', async () => {
	const f = await field(), query = '?pid=late&src=mail';
	const change = async (to) => expect(await server.api.patch(`${links(f)}/${f.link.id}`, to, expect(await server.api.get(`${links(f)}/${f.link.id}`), 200).body.version), 200);
	await change({ max_completes: 1 });
	const early = await page(f, { query: '?pid=early&src=mail' });
	expect(await send(f, 'first'), 201);
	const full = await page(f, { query });
	assert.equal(full.status, 410);
	assert.match(full.go, /^https:\/\/panel\.example\/back\?who=late&src=mail&r=&s=quota_full&x=q&sig=[0-9a-f]{64}#top$/);
	assert.ok(genuine(full.go, f.secret));
	for (const without of ['', '?pid=late', '?pid=first&src=mail', '?pid=a_b&src=mail']) {
		const told = await page(f, { query: without });
		assert.deepEqual([told.status, told.go], [410, undefined], without);
	}
	await change({ status: 'closed', max_completes: null });
	const closed = await page(f, { query, port: other.port });
	assert.match(closed.go, /&s=closed&x=q&sig=/, 'where it names no address of its own');
	assert.ok(genuine(closed.go, f.secret));
	const open = await page(f, { fields: { state: early.state, action: 'next', 'q-age': '30' } });
	assert.match(open.go, /who=early&.*&s=closed&/, 'who was on a page as well');
	await change({ panel: spec({ return_urls: { ...spec().return_urls, closed: back('z') } }) });
	assert.match((await page(f, { query })).go, /&s=closed&x=z&sig=/);
	await change({ panel: spec({ return_urls: {} }) });
	assert.deepEqual([(await page(f, { query })).go, (await page(f, { query })).status], [undefined, 410]);
	const g = await field();
	expect(await server.api.patch(`${links(g)}/${g.link.id}`, { opens_at: '2099-01-01T00:00:00.000Z' }, expect(await server.api.get(`${links(g)}/${g.link.id}`), 200).body.version), 200);
	assert.deepEqual([(await page(g, { query })).status, (await page(g, { query })).go], [404, undefined]);
});

test('the same browser goes on with its interview, another one does not', async () => {
	const f = await field(), query = '?pid=twice&src=mail';
	const browser = () => {
		let cookie = '';
		return async (search, fields) => {
			const reply = await fetch(`${server.url}/s/${f.slug}${search}`, { headers: cookie ? { Cookie: cookie } : {}, redirect: 'manual', ...fields && { method: 'POST', body: new URLSearchParams(fields) } });
			for (const set of reply.headers.getSetCookie()) {
				assert.match(set, new RegExp(`; Path=/s/${f.slug}; HttpOnly; Max-Age=\\d+; SameSite=Lax$`));
				cookie = set.split(';')[0];
			}
			const body = await reply.text();
			return { status: reply.status, body, cookie, location: reply.headers.get('location'), state: /name="state" value="([^"]*)"/.exec(body)?.[1] };
		};
	};
	const mine = browser(), theirs = browser();
	const first = await mine(query), tab = await mine(query);
	assert.equal(first.cookie, '', 'nothing is stored yet');
	const second = await mine('', { state: first.state, action: 'next', 'q-age': '40' });
	assert.match(second.cookie, /^collect_panel=/);
	const again = await mine(query);
	assert.equal(again.status, 200);
	assert.match(again.body, /name="q-why"/, 'where it was left');
	const elsewhere = await theirs(query);
	assert.equal(elsewhere.status, 409);
	assert.ok(!elsewhere.body.includes('resume='));
	// another panelist in the same browser
	assert.match((await mine('?pid=brother&src=mail')).body, /Age, brother/);
	const begun = expect(await send(f, 'sister', { answers: {}, complete: false }), 201).body;
	assert.ok(begun.token);
	assert.equal((await mine('?pid=sister&src=mail')).status, 409, 'its cookie is not hers');
	// the tab that was opened before anything was stored is led there, too
	const led = await mine('', { state: tab.state, action: 'next', 'q-age': '99' });
	assert.equal(led.status, 303);
	assert.match(led.location, new RegExp(`^/s/${f.slug}\\?resume=`));
	assert.deepEqual(await rows(server.database.name, `select answers ->> 'age' from responses where survey_id = '${f.survey.id}' and parameters ->> 'pid' = 'twice'`), [['40']]);
	const done = await mine('', { state: again.state, action: 'next', 'q-why': 'x' });
	assert.equal(done.status, 200);
	assert.equal((await mine(query)).status, 410);
	// a cookie that somebody made up
	const forged = await fetch(`${server.url}/s/${f.slug}?pid=sister&src=mail`, { headers: { Cookie: `collect_panel=${Buffer.from(begun.id.replaceAll('-', ''), 'hex').toString('base64url')}${'x'.repeat(43)}` } });
	assert.equal(forged.status, 409);
});

test('how a panel checks a signature, as the manual shows it', async () => {
	const f = await field(), url = expect(await send(f, 'abc'), 201).body.return_url;
	const [, example] = /```js\n(\/\/ check\.mjs[\s\S]*?)```/.exec(readFileSync(new URL('../../docs/links.md', import.meta.url), 'utf8'));
	const file = join(await newFolder('check'), 'check.mjs');
	writeFileSync(file, example);
	assert.equal((await command([process.execPath, file, url, f.secret])).stdout.trim(), 'genuine');
	assert.equal((await command([process.execPath, file, url.replace('who=abc', 'who=abd'), f.secret])).stdout.trim(), 'forged');
});

test('the panel\'s server is told of each end, once, signed, and of nothing that was answered', async () => {
	const f = await field({ postback_url: at('/ends?x=1') });
	told.length = 0;
	const done = expect(await send(f, 'abc', { answers: { age: 44, why: 'my secret' }, parameters: { pid: 'abc', src: 'mail', wave: 3, hush: 'quiet' } }), 201).body;
	expect(await send(f, 'young', { answers: { age: 9 } }), 201);
	const first = await page(f, { query: '?pid=paged&src=mail' });
	const second = await page(f, { fields: { state: first.state, action: 'next', 'q-age': '50' } });
	await page(f, { fields: { state: second.state, action: 'next', 'q-why': 'x' } });
	await until('three to be told', () => told.length >= 3);
	expect(await send(f, 'abc', { answers: { age: 44, why: 'my secret' }, parameters: { pid: 'abc', src: 'mail', wave: 3, hush: 'quiet' } }), 201);
	const bodies = told.map((t) => JSON.parse(t.body)), mine = told[bodies.findIndex((b) => b.data.response_id === done.id)];
	assert.deepEqual(bodies.map((b) => [b.data.parameters.pid, b.data.status]).sort(), [['abc', 'completed'], ['paged', 'completed'], ['young', 'screened_out']]);
	assert.deepEqual(JSON.parse(mine.body), { type: 'interview.ended', timestamp: done.completed_at,
		data: { link: f.slug, response_id: done.id, status: 'completed', parameters: { pid: 'abc', src: 'mail' } } });
	assert.equal(mine.path, '/ends?x=1');
	const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': sig } = mine.headers;
	assert.equal(sig, `sha256=${createHmac('sha256', f.secret).update(`${id}.${time}.${mine.body}`).digest('hex')}`);
	assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60);
	assert.equal(told.length, 3);
});

test('panels\' servers that answer nothing hold up nobody else\'s work', async () => {
	const f = await field({ postback_url: at('/hangs') }), lasted = [];
	let open = 0, most = 0;
	answer = (rq) => new Promise((resolve) => {
		const began = Date.now();
		most = Math.max(most, ++open);
		rq.socket.on('close', () => {
			open--;
			lasted.push(Date.now() - began);
			resolve(204);
		});
	});
	told.length = 0;
	for (let i = 0; i < 6; i++)
		expect(await send(f, `hangs ${i}`), 201);
	await until('some to hang', () => open > 0);
	const [id] = await addJobs(server, [{ type: 'test.once', payload: {} }]), began = Date.now();
	await untilJob(server.api, id, ended);
	assert.ok(Date.now() - began < 4000, `another job waited for ${Date.now() - began} ms`);
	await until('one to be hung up on', () => lasted.length > 0);
	assert.ok(most <= 2, `${most} of four threads wait at once`);
	assert.ok(lasted[0] < 7000, `it waited for ${lasted[0]} ms`);
	answer = () => 204;
	panel.closeAllConnections();
	await until('all to be told', async () => (await rows(server.database.name, `update jobs set due_at = now() where type = 'links.postback' and claim is null;
		select count(*) from job_records where type = 'links.postback' and status <> 'succeeded' and payload ->> 'survey_id' = '${f.survey.id}'`))[0][0] === '0', 60);
});

test('a panel\'s server that is busy is told later, the same again; one that is gone is given up', async () => {
	const f = await field({ postback_url: at('/later') });
	told.length = 0;
	answer = () => (told.length < 2 ? 429 : 204);
	expect(await send(f, 'busy'), 201);
	await until('it to be taken', () => told.length >= 2, 40);
	assert.equal(told[0].headers['webhook-id'], told[1].headers['webhook-id']);
	assert.equal(told[0].body, told[1].body);
	const job = async (status) => (await rows(server.database.name, `select status, coalesce(error_code, '') from job_records where type = 'links.postback' order by created_at desc limit 1`))[0][0] === status;
	await until('the job to have succeeded', () => job('succeeded'));
	answer = () => 410;
	expect(await send(f, 'gone'), 201);
	await until('the job to be dead', () => job('dead'));
	answer = () => 204;
	const tests = expect(await server.api.post(links(f), { kind: 'panel', panel: spec() }), 201).body;
	const before = told.length;
	expect(await send(tests, 'quiet'), 201);
	assert.equal((await rows(server.database.name, `select count(*) from job_records where type = 'links.postback' and status = 'queued'`))[0][0], '0');
	assert.equal(told.length, before, 'a link without a postback tells nobody');
});

test('a postback that is sent again says what it said, though the answer was rejected meanwhile', async () => {
	const f = await field({ postback_url: at('/rejected') });
	told.length = 0;
	answer = () => 500;
	const { id } = expect(await send(f, 'rejected'), 201).body;
	await until('it to be told', () => told.length === 1);
	await rows(server.database.name, `update responses set rejected_from = status, status = 'rejected', reject_reason = 'Straight' where id = '${id}'`);
	answer = () => 204;
	await until('it to be told again', async () => {
		await rows(server.database.name, "update jobs set due_at = now() where type = 'links.postback' and claim is null");
		return told.length >= 2;
	}, 20);
	assert.equal(told[1].body, told[0].body);
	assert.equal(told[1].headers['webhook-id'], told[0].headers['webhook-id']);
});

test('what is filled in leads nowhere else, and is as a browser writes it', async () => {
	const f = await field({ required: { pid: '', src: '' }, return_urls: { completed: 'https://panel.example/back/{pid}?s={src}' } });
	for (const pid of ['a.b', '...', 'ü/\'{}?#', '~ +%2e'] ) {
		const { return_url: url } = expect(await send(f, pid), 201).body;
		assert.equal(new URL(url).href, url);
		assert.ok(genuine(url, f.secret), url);
		assert.equal(decodeURIComponent(new URL(url).pathname), `/back/${pid}`);
	}
	for (const pid of ['.', '..'])
		assert.equal(expect(await send(f, pid), 201).body.return_url ?? null, null, 'no browser can be led there');
});

test('what a panel link may be made of', async () => {
	const f = await publish(server.api, survey());
	const faults = async (panel, kind = 'panel') => pointers(expect(await server.api.post(links(f), { kind, panel }), 422));
	assert.deepEqual(await faults(undefined), ['/panel']);
	assert.deepEqual(await faults(spec(), 'open'), ['/panel']);
	for (const panelist of ['wave', 'hush', 'nobody'])
		assert.deepEqual(await faults(spec({ panelist })), ['/panel/panelist'], panelist);
	assert.deepEqual(await faults(spec({ required: { hush: '' } })), ['/panel/required']);
	assert.deepEqual(await faults(spec({ required: { src: '(' } })), ['/panel/required']);
	for (const url of ['ftp://x.example/', 'javascript:alert(1)', '//x.example', 'https://', 'https://{pid}.example/', 'https://u@x.example/', 'https://x.example/{hush}', 'https://x.example/{pid', 'https://x.example/pid}',
		'https://x.example/ a', 'https://x.example/"', 'https://x.example/\n', 'https://x%2eexample/', 'data:text/html,x'])
		assert.deepEqual(await faults(spec({ return_urls: { completed: url } })), ['/panel/return_urls/completed'], url);
	// what a browser writes in another way, so that the signature would be of something else
	for (const url of ['https://x.example', 'https://x.example?p={pid}', 'https://X.example/', 'https://x.example:443/', 'http://x.example:80/', 'https://x.example:0443/', 'https://x.example:99999/', 'https://x.example:/',
		'https://[::1/', 'https://x.example/?a=\'', 'https://x.example/ü', 'https://xü.example/', 'https://x.example/a/../b', 'https://x.example/./', 'https://x.example/%2e%2E/', 'https://x.example/.%2e', 'https://x.example/..',
		'https://1.2.3/', 'https://01.2.3.4/', 'https://0x7f.1/', 'https://x..example/', 'https://x.example/?p=1#{pid}', 'https://x.example/#{status}', 'https://x.example/#}'])
		assert.deepEqual(await faults(spec({ return_urls: { completed: url } })), ['/panel/return_urls/completed'], url);
	for (const url of ['https://x.example/', 'https://x.example:444/?p={pid}#top', 'http://x.example:443/a/%41;b=c,d/...?q[]=%zz', 'http://127.0.0.1:8080/{pid}', 'https://xn--4ca.example/a.b/..c/?..']) {
		assert.equal(new URL(url).href.replaceAll('%7B', '{').replaceAll('%7D', '}'), url);
		expect(await server.api.post(links(f), { kind: 'panel', panel: spec({ return_urls: { completed: url } }) }), 201);
	}
	for (const url of ['ftp://x.example/', 'http://169.254.169.254/', 'https://10.0.0.1/', 'https://u:p@x.example/'])
		assert.deepEqual(await faults(spec({ postback_url: url })), ['/panel/postback_url'], url);
	const made = expect(await server.api.post(links(f), { kind: 'panel', panel: { panelist: 'pid' } }), 201).body;
	assert.deepEqual(made.panel, { panelist: 'pid', required: { pid: '' }, return_urls: {} });
	assert.equal(made.secret, undefined);
	const changed = expect(await server.api.patch(`${links(f)}/${made.id}`, { panel: spec() }, made.version), 200).body;
	assert.deepEqual(changed.panel, spec());
	assert.deepEqual(pointers(expect(await server.api.patch(`${links(f)}/${f.link.id}`, { panel: spec() }, f.link.version), 422)), ['/panel']);
	expect(await server.api.post(`${links(f)}/${f.link.id}/secret`, undefined, { headers: { 'If-Match': `"${f.link.version}"` } }), 409, 'conflict');
});

test('the secret is shown once, sealed, and another one takes its place', async () => {
	const f = await field();
	const [[sealed, plain]] = await rows(server.database.name, `select panel_secret is not null, coalesce(position('${f.secret}' in convert_from(secret, 'UTF8')), 0) from links where id = '${f.link.id}'`);
	assert.deepEqual([sealed, plain], ['t', '0']);
	const read = expect(await server.api.get(`${links(f)}/${f.link.id}`), 200);
	assert.equal(read.body.secret, undefined);
	assert.ok(!read.text.includes(f.secret));
	const { secret } = expect(await server.api.post(`${links(f)}/${f.link.id}/secret`, undefined, { headers: { 'If-Match': `"${read.body.version}"` } }), 200).body;
	assert.notEqual(secret, f.secret);
	assert.ok(genuine(expect(await send(f, 'abc'), 201).body.return_url, secret));
});
