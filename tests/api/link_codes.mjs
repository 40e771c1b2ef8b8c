// Single-use links: codes made by number and from files, each of which lets one interview in, whoever asks and on however many servers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect, pointers } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { Worker, ended, untilJob } from '../harness/worker.mjs';

const server = withServer();
let other, worker;
before(async () => {
	other = await server.twin();
	worker = await new Worker(server).start();
});
after(async () => {
	await worker.stop();
	await other.end();
});

const survey = () => definition('Sample', [{ name: 'p', questions: [
	{ type: 'text', name: 'why', title: 'Why, {@name}?' },
] }], { parameters: [{ name: 'name', type: 'text', export: true }, { name: 'wave', type: 'number', export: true }] });
const field = async () => {
	const f = await publish(server.api, survey(), { link: { kind: 'single_use' } });
	return { ...f, codes: `/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, responses: `/api/v1/surveys/${f.survey.id}/responses` };
};
const make = (f, body) => server.api.post(f.codes, body);
const list = async (f, query) => expect(await server.api.get(f.codes, { query: { sort: 'created_at', limit: 200, ...query } }), 200).body;
const send = (f, body, port = server.port, headers = {}) => {
	const client = new Client(port);
	return submit(client, f.slug, body, { headers }).finally(() => client.close());
};
const leave = async (f) => {
	const set = `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; update responses set status = 'partial' where survey_id = '${f.survey.id}'`;
	assert.equal((await psql(server.database.name, set, { user: 'collect_worker' })).code, 0);
};

test('codes by number: made at once, listed in pages, and no two alike', async () => {
	const f = await field();
	assert.deepEqual(expect(await make(f, { count: 1000 }), 202).body, { made: 1000, job_id: null });
	const seen = [];
	for (let page = await list(f, { count: true }); ; page = await list(f, { cursor: page.next })) {
		seen.push(...page.items);
		if (!page.next)
			break;
	}
	assert.equal(new Set(seen.map((c) => c.code)).size, 1000);
	assert.ok(seen.every((c) => /^[a-z0-9]{12}$/.test(c.code) && c.url === `${server.url}/s/${f.slug}?code=${c.code}` && c.used_at === null && c.response_id === null));
	const [[told]] = await rows(server.database.name, `select data ->> 'codes' from events where type = 'codes_made' and aggregate_id = '${f.link.id}'`);
	assert.equal(told, '1000');
});

test('more than a thousand are made by a job that tells how far it is', async () => {
	const f = await field();
	const { made, job_id } = expect(await make(f, { count: 2500 }), 202).body;
	assert.equal(made, 0);
	const job = await untilJob(server.api, job_id, ended);
	assert.equal(job.status, 'succeeded');
	assert.deepEqual(job.result, { made: 2500 });
	assert.equal((await list(f, { count: true, limit: 1 })).total, 2500);
});

test('a code lets one interview in, and brings its parameters', async () => {
	const f = await field();
	const csv = '\ufeffname,wave,code\r\n"Lan ""L"", Hà Nội",3,panel-0001\r\n=1+1,4,panel-0002\r\n,,\r\n';
	assert.equal(expect(await make(f, { csv }), 202).body.made, 3);
	const body = { code: 'panel-0001', answers: { why: 'x' } };
	const first = expect(await send(f, body, server.port, { 'Idempotency-Key': 'mine' }), 201).body;
	const again = expect(await send(f, body, other.port), 201);
	assert.equal(again.body.id, first.id, 'the same answer sent again');
	assert.equal(again.headers['idempotency-replayed'], 'true');
	expect(await send(f, { ...body, answers: { why: 'y' } }), 410, 'gone');
	assert.deepEqual(pointers(expect(await send(f, { answers: {} }), 422)), ['/code']);
	assert.deepEqual(pointers(expect(await send(f, { code: 'panel-0002', answers: {}, parameters: { wave: 9 } }), 422)), ['/parameters']);
	expect(await send(f, { code: 'panel-9999', answers: {} }), 404);
	expect(await send(f, { code: '../etc', answers: {} }), 404);
	const answer = expect(await server.api.get(`${f.responses}/${first.id}`), 200).body;
	assert.deepEqual(answer.parameters, { name: 'Lan "L", Hà Nội', wave: 3 });
	const { items } = await list(f);
	assert.deepEqual(items.map((c) => c.response_id), [first.id, null, null]);
	assert.equal(items[0].status, 'completed');
	assert.ok(items[0].used_at);
	assert.deepEqual((await list(f, { used: true, count: true })).total, 1);
	assert.deepEqual((await list(f, { used: false })).items.map((c) => c.id), items.slice(1).map((c) => c.id));
	const file = expect(await server.api.get(`${f.codes}.csv`), 200);
	assert.equal(file.headers['content-type'], 'text/csv; charset=utf-8; header=present');
	const lines = file.text.trimEnd().split('\r\n');
	assert.equal(lines[0], 'code,url,status,used_at,state,name,wave');
	assert.match(lines[1], /^panel-0001,[^,]+\?code=panel-0001,completed,20[^,]+,used,"Lan ""L"", Hà Nội",3$/);
	assert.match(lines[2], /^panel-0002,[^,]+,,,open,'=1\+1,4$/);
});

test('an open link takes no code, and nobody takes a code\'s place by a key of his own', async () => {
	const f = await field();
	const open = expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, {}), 201).body;
	expect(await make(f, { csv: 'code\nmine-000001\n' }), 202);
	assert.deepEqual(pointers(expect(await send(open, { code: 'mine-000001', answers: {} }), 422)), ['/code']);
	expect(await send(open, { answers: {} }, server.port, { 'Idempotency-Key': `code:${f.link.id}:mine-000001` }), 201);
	expect(await send(open, { answers: {} }, server.port, { 'Idempotency-Key': Buffer.from(`§code:${f.link.id}:mine-000001`).toString('latin1') }), 422);
	expect(await send(f, { code: 'mine-000001', answers: {} }), 201);
	assert.equal(expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${open.id}/codes`, { count: 1 }), 409).body.code, 'conflict');
});

test('each code asked for from two servers at once: used once', async () => {
	const f = await field();
	expect(await make(f, { count: 20 }), 202);
	const { items } = await list(f);
	const replies = await Promise.all(items.flatMap(({ code }, i) => Array.from({ length: 6 }, async (_, k) =>
		({ code, reply: await send(f, { code, answers: { why: `${i}.${k}` } }, k % 2 ? server.port : other.port) }))));
	for (const { code } of items) {
		const of = replies.filter((r) => r.code === code).map((r) => r.reply);
		assert.equal(of.filter((r) => r.status === 201).length, 1, code);
		assert.ok(of.every((r) => [201, 409, 410, 422].includes(r.status)), of.map((r) => r.status).join());
	}
	const [[n]] = await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}'`);
	assert.equal(n, '20');
});

test('an interview that is kept begins with a code, and goes on with it', async () => {
	const f = await field();
	expect(await make(f, { csv: 'name,code\nLan,kept-000001\n' }), 202);
	const body = { code: 'kept-000001', answers: {}, complete: false };
	const begun = expect(await send(f, body), 201).body;
	assert.equal(begun.status, 'started');
	const again = expect(await send(f, body, other.port), 201).body;
	assert.deepEqual([again.id, again.token], [begun.id, begun.token], 'on another device');
	assert.equal((await list(f)).items[0].status, 'started');
	const path = `/api/public/v1/links/${f.slug}/responses/${begun.id}/complete`;
	const ended = expect(await server.anyone.post(path, { answers: { why: 'so' } }, { headers: { Authorization: `Bearer ${begun.token}` } }), 200).body;
	assert.equal(ended.status, 'completed');
	assert.deepEqual((await list(f)).items.map((c) => [c.status, c.response_id]), [['completed', begun.id]]);
	expect(await send(f, body), 410, 'gone');
	expect(await send(f, { code: 'kept-000001', answers: { why: 'other' } }), 410, 'gone');
	assert.equal(expect(await server.api.get(`${f.responses}/${begun.id}`), 200).body.parameters.name, 'Lan');
});

test('the page: by its code, once, without a code not at all', async () => {
	const f = await field();
	expect(await make(f, { csv: 'name,code\nLan,page-000001\n' }), 202);
	const page = async (query, fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
		const text = await reply.text();
		return { status: reply.status, text, state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
	};
	assert.equal((await page('')).status, 404);
	assert.equal((await page('?code=page-000002')).status, 404);
	const [one, two] = [await page('?code=page-000001&name=Mallory'), await page('?code=page-000001')];
	assert.match(one.text, /Why, Lan\?/, 'the address changes nothing of what the code brings');
	assert.equal((await page('', { state: one.state, action: 'next', 'q-why': 'first' })).status, 200);
	assert.match((await page('', { state: two.state, action: 'next', 'q-why': 'second' })).text, /already been saved/);
	const late = await page('?code=page-000001');
	assert.equal(late.status, 410);
	assert.match(late.text, /This link has been used/);
	const stored = await rows(server.database.name, `select answers ->> 'why', parameters ->> 'name' from responses where survey_id = '${f.survey.id}'`);
	assert.deepEqual(stored, [['first', 'Lan']]);
});

test('files that cannot be read are refused whole, with the line', async () => {
	const f = await field();
	for (const [csv, about] of [['name,wrong\nx,y\n', /Line 1/], ['name,name\nx,y\n', /Line 1/], ['name\n"x\n', /Line 2/], ['name\nx,y\n', /Line 2/], ['code\nab\n', /Line 2/],
		['code\nab cd efg\n', /Line 2/], ['name\n', /no line/], [`name\n${'x'.repeat(1001)}\n`, /Line 2/], ['name\n"x"y\n', /Line 2/], [`code\n${'\n'.repeat(10010)}`, /10,000/]]) {
		const reply = expect(await make(f, { csv }), 422);
		assert.match(JSON.stringify(reply.body.errors), about, csv.slice(0, 40));
	}
	expect(await make(f, { csv: 'code\nsame-000001\nsame-000001\n' }), 409, 'conflict');
	for (const body of [{}, { count: 1, csv: 'name\nx\n' }])
		assert.deepEqual(pointers(expect(await make(f, body), 422)), ['/count']);
	assert.deepEqual(pointers(expect(await make(f, { count: 1000001 }), 422)), ['/count']);
	assert.deepEqual((await list(f, { count: true })).total, 0, 'nothing was made');
});

test('two pages with one code are one interview, whichever is saved first', async () => {
	const doc = definition('Two', ['a', 'b', 'c'].map((name) => ({ name: `page_${name}`, questions: [{ type: 'text', name, title: name }] })));
	for (const order of ['ABB', 'ABA', 'ABAB', 'ABBA']) {
		const f = await publish(server.api, doc, { link: { kind: 'single_use' } });
		expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'code\ntabs-000001\n' }), 202);
		const page = async (query, fields) => {
			const reply = await fetch(`${server.url}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
			const text = await reply.text();
			return { status: reply.status, text, state: /name="state" value="([^"]*)"/.exec(text)?.[1], asks: /name="q-([abc])"/.exec(text)?.[1] };
		};
		const tabs = { A: await page('?code=tabs-000001'), B: await page('?code=tabs-000001') };
		for (const tab of order) {
			const { asks, state } = tabs[tab];
			tabs[tab] = await page('', { state, action: 'next', [`q-${asks}`]: `${tab}${asks}` });
			assert.equal(tabs[tab].status, 200, `${order} ${tab} ${asks}`);
		}
		const last = order.at(-1), late = last === 'A' ? 'B' : 'A';
		const back = await page('?code=tabs-000001');
		assert.deepEqual([back.status, back.asks], [200, 'c'], order);
		assert.equal((await page('', { state: back.state, action: 'next', 'q-c': 'resumed' })).status, 200);
		const stored = await rows(server.database.name, `select status, answers ->> 'a', answers ->> 'b', answers ->> 'c' from responses where survey_id = '${f.survey.id}'`);
		assert.deepEqual(stored, [['completed', `${last}a`, `${last}b`, 'resumed']], order);
		assert.ok([200, 410].includes((await page('', { state: tabs[late].state, action: 'next', [`q-${tabs[late].asks}`]: 'late' })).status));
		assert.equal((await page('?code=tabs-000001')).status, 410);
	}
});

test('the tab that came second ends the interview, too', async () => {
	const doc = definition('Two', ['a', 'b'].map((name) => ({ name: `page_${name}`, questions: [{ type: 'text', name, title: name }] })));
	const f = await publish(server.api, doc, { link: { kind: 'single_use' } });
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'code\ntabs-000001\n' }), 202);
	const page = async (query, fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
		const text = await reply.text();
		return { status: reply.status, text, state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
	};
	const [one, two] = [await page('?code=tabs-000001'), await page('?code=tabs-000001')];
	const first = await page('', { state: one.state, action: 'next', 'q-a': 'one' });
	const second = await page('', { state: two.state, action: 'next', 'q-a': 'two' });
	assert.equal((await page('', { state: second.state, action: 'next', 'q-b': 'last' })).status, 200);
	assert.match((await page('', { state: first.state, action: 'next', 'q-b': 'late' })).text, /already been saved/);
	const stored = await rows(server.database.name, `select status, answers ->> 'a', answers ->> 'b' from responses where survey_id = '${f.survey.id}'`);
	assert.deepEqual(stored, [['completed', 'two', 'last']]);
});

test('the code of an interview is shown only to who may read and change its personal answers', async () => {
	const f = await field();
	expect(await make(f, { csv: 'name,code\nLan,sees-000001\nMinh,sees-000002\nHoa,sees-000003\n' }), 202);
	const begun = expect(await send(f, { code: 'sees-000001', answers: {}, complete: false }), 201).body;
	const done = expect(await send(f, { code: 'sees-000002', answers: { why: 'x' } }), 201).body;
	const may = async (...permissions) => {
		const { key } = expect(await server.api.post('/api/v1/api-keys', { name: 'codes', permissions: ['surveys:read', 'links:read', ...permissions] }), 201).body;
		return server.anyone.as(key);
	};
	for (const api of [await may(), await may('responses:read', 'responses:read_pii'), await may('responses:read', 'responses:write')]) {
		const reply = expect(await api.get(f.codes, { query: { sort: 'created_at' } }), 200);
		assert.deepEqual(reply.body.items.map((c) => [c.code, c.url, c.response_id, c.status, c.parameters.name]).sort(), [
			[null, null, begun.id, 'started', 'Lan'], [null, null, done.id, 'completed', 'Minh'],
			['sees-000003', `${server.url}/s/${f.slug}?code=sees-000003`, null, null, 'Hoa']].sort());
		const file = expect(await api.get(`${f.codes}.csv`), 200).text;
		assert.match(file, /\r\n,,started,20/);
		assert.match(file, /\r\n,,completed,20/);
		for (const text of [reply.text, file])
			assert.ok(!/sees-00000[12]/.test(text) && text.includes('sees-000003'));
	}
	const all = await may('responses:read', 'responses:read_pii', 'responses:write');
	for (const path of [f.codes, `${f.codes}.csv`])
		assert.equal(new Set(expect(await all.get(path), 200).text.match(/sees-00000\d/g)).size, 3);
});

test('what was left on the page is over: another whole answer with its code is not taken for it', async () => {
	const doc = definition('Two', ['a', 'b'].map((name) => ({ name: `page_${name}`, questions: [{ type: 'text', name, title: name }] })));
	const f = await publish(server.api, doc, { link: { kind: 'single_use' } });
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'code\nleft-000001\n' }), 202);
	const state = (text) => /name="state" value="([^"]*)"/.exec(text)?.[1];
	const first = await (await fetch(`${server.url}/s/${f.slug}?code=left-000001`)).text();
	assert.equal((await fetch(`${server.url}/s/${f.slug}`, { method: 'POST', body: new URLSearchParams({ state: state(first), action: 'next', 'q-a': 'one' }) })).status, 200);
	await leave(f);
	for (const answers of [{ a: 'one' }, { a: 'other', b: 'more' }])
		expect(await send(f, { code: 'left-000001', answers }), 410, 'gone');
	const kept = await rows(server.database.name, `select status, answers ->> 'a' from responses where survey_id = '${f.survey.id}'`);
	assert.deepEqual(kept, [['partial', 'one']]);
});

test('a code that is revoked lets nobody in: not by the page, a program or a device; the list says so', async () => {
	const f = await field();
	expect(await make(f, { csv: 'name,code\nLan,gone-000001\nMinh,gone-000002\nHoa,gone-000003\n' }), 202);
	const code = async (text) => (await list(f)).items.find((c) => c.code === text);
	const one = await code('gone-000001');
	expect(await server.api.delete(`${f.codes}/${one.id}`), 204);
	expect(await server.api.delete(`${f.codes}/${one.id}`), 204);
	expect(await server.api.delete(`${f.codes}/${f.link.id}`), 404);
	const told = await rows(server.database.name, `select data ->> 'code_id' from events where type = 'code_revoked' and aggregate_id = '${f.link.id}'`);
	assert.deepEqual(told, [[one.id]], 'told once');
	for (const body of [{ answers: { why: 'x' } }, { answers: {}, complete: false }])
		assert.match(expect(await send(f, { code: 'gone-000001', ...body }, other.port), 410, 'gone').text, /this code was revoked/);
	const page = await fetch(`${server.url}/s/${f.slug}?code=gone-000001`);
	assert.equal(page.status, 410);
	assert.match(await page.text(), /This survey is closed/);
	const used = expect(await send(f, { code: 'gone-000002', answers: { why: 'x' } }), 201).body;
	expect(await server.api.delete(`${f.codes}/${(await code('gone-000002')).id}`), 409, 'conflict');
	const states = Object.fromEntries((await list(f)).items.map((c) => [c.code, [c.state, c.revoked_at !== null, c.response_id]]));
	assert.deepEqual(states, { 'gone-000001': ['revoked', true, null], 'gone-000002': ['used', false, used.id], 'gone-000003': ['open', false, null] });
	for (const [state, codes] of [['open', ['gone-000003']], ['used', ['gone-000002']], ['revoked', ['gone-000001']]]) {
		const found = await list(f, { state, count: true });
		assert.deepEqual([found.items.map((c) => c.code), found.total], [codes, 1], state);
	}
	const lines = expect(await server.api.get(`${f.codes}.csv`), 200).text.trimEnd().split('\r\n');
	assert.equal(lines[1], 'gone-000001,,,,revoked,Lan,', 'nobody is sent its address');
	expect(await send(f, { code: 'gone-000003', answers: { why: 'x' } }), 201);
});

test('what was begun by a code before it was revoked may be finished, by whoever is in it; a page that stored nothing is not', async () => {
	const doc = definition('Two', ['a', 'b'].map((name) => ({ name: `page_${name}`, questions: [{ type: 'text', name, title: name }] })));
	const f = await publish(server.api, doc, { link: { kind: 'single_use' } }), codes = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`;
	expect(await server.api.post(codes, { csv: 'code\nturn-000001\nturn-000002\nturn-000003\n' }), 202);
	const page = async (query, fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}${query}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
		const text = await reply.text();
		return { status: reply.status, text, state: /name="state" value="([^"]*)"/.exec(text)?.[1], later: /\?resume=[\w-]+/.exec(text)?.[0] };
	};
	const first = await page('?code=turn-000001'), early = await page('?code=turn-000002');
	const second = await page('', { state: first.state, action: 'next', 'q-a': 'one' });
	const begun = expect(await send(f, { code: 'turn-000003', answers: {}, complete: false }), 201).body;
	for (const { id } of expect(await server.api.get(codes), 200).body.items)
		expect(await server.api.delete(`${codes}/${id}`), 204);
	const late = await page('', { state: early.state, action: 'next', 'q-a': 'late' });
	assert.equal(late.status, 410);
	assert.match(late.text, /This survey is closed/);
	for (const n of [1, 2, 3])
		assert.equal((await page(`?code=turn-00000${n}`)).status, 410, 'the code itself opens nothing');
	const again = expect(await send(f, { code: 'turn-000003', answers: {}, complete: false }), 410, 'gone');
	assert.ok(!again.text.includes(begun.id), 'nor is its token said again');
	const back = await page(second.later);
	assert.equal((await page('', { state: back.state, action: 'next', 'q-b': 'two' })).status, 200);
	const path = `/api/public/v1/links/${f.slug}/responses/${begun.id}/complete`;
	expect(await server.anyone.post(path, { answers: { a: 'so' } }, { headers: { Authorization: `Bearer ${begun.token}` } }), 200);
	const stored = await rows(server.database.name, `select status, answers ->> 'a' from responses where survey_id = '${f.survey.id}' order by 2`);
	assert.deepEqual(stored, [['completed', 'one'], ['completed', 'so']]);
});

test('a link takes as many codes as it may and no more, whoever adds them at once', async () => {
	const f = await field();
	const fill = (n) => rows(server.database.name, `insert into link_code_counts (tenant_id, survey_id, link_id, codes) values ('${server.tenant.id}', '${f.survey.id}', '${f.link.id}', ${n})
		on conflict (tenant_id, link_id) do update set codes = excluded.codes`);
	const count = async () => Number((await rows(server.database.name, `select count(*) from link_codes where link_id = '${f.link.id}'`))[0][0]);
	const elsewhere = new Client(other.port).as(server.api.token);
	await fill(999300);
	const made = await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 ? elsewhere : server.api).post(f.codes, { count: 100 })));
	assert.deepEqual(made.map((r) => r.status).sort(), [...Array(7).fill(202), ...Array(5).fill(409)]);
	assert.equal(await count(), 700);
	expect(await make(f, { count: 1 }), 409, 'conflict');
	// what a job was promised may be gone when its turn comes
	await fill(998000);
	const jobs = (await Promise.all([server.api, elsewhere].map((api) => api.post(f.codes, { count: 1500 })))).filter((r) => r.status === 202).map((r) => r.body.job_id), ends = [];
	for (const id of jobs)
		ends.push((await untilJob(server.api, id, ended)).status);
	assert.ok(ends.includes('succeeded') || ends.length === 2, ends.join());
	const [[counted]] = await rows(server.database.name, `select codes from link_code_counts where link_id = '${f.link.id}'`);
	assert.equal(Number(counted), 998000 + await count() - 700);
	assert.ok(Number(counted) <= 1000000, counted);
	elsewhere.close();
});

test('the code of an answer that is gone for good, or has lost its key, stays used and brings nothing along', async () => {
	const f = await field();
	expect(await make(f, { csv: 'name,code\nLan,erased-0001\nMinh,erased-0002\n' }), 202);
	const [one, two] = [await send(f, { code: 'erased-0001', answers: { why: 'x' } }), await send(f, { code: 'erased-0002', answers: { why: 'y' } })].map((r) => expect(r, 201).body.id);
	const open = await fetch(`${server.url}/s/${f.slug}?code=erased-0001`);
	assert.equal(open.status, 410);
	const as = async (sql) => assert.equal((await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; ${sql}`, { user: 'collect_worker' })).code, 0);
	await as(`delete from responses where id = '${one}'`);
	await as(`update responses set idempotency_key = null, payload_hash = null where id = '${two}'`);
	const { items } = await list(f, { used: true });
	assert.deepEqual(items.map((c) => [c.state, c.response_id, c.used_at !== null, c.parameters]), [['used', null, true, {}], ['used', null, true, {}]]);
	for (const code of ['erased-0001', 'erased-0002']) {
		expect(await send(f, { code, answers: { why: 'again' } }), 410, 'gone');
		expect(await send(f, { code, answers: {}, complete: false }), 410, 'gone');
		assert.equal((await fetch(`${server.url}/s/${f.slug}?code=${code}`)).status, 410);
	}
	assert.equal((await list(f, { state: 'open', count: true })).total, 0);
});
