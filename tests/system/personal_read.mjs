// Who reads personal answers is written down before anything is shown: also for a download that breaks off, and nothing is shown when it cannot be written.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { visit, withPrivacy } from '../harness/privacy.mjs';
import { command, until } from '../harness/run.mjs';
import { publish } from '../harness/surveys.mjs';

const it = withPrivacy(), { server } = it;
const MAIL = 'dung@canary.example', PHONE = '0912 777 333';
let s, id, csv;
before(async () => {
	s = await publish(server.api, visit());
	csv = `/api/v1/surveys/${s.survey.id}/responses.csv`;
	id = await it.answer(s, { city: 'hn', email: MAIL, phone: PHONE });
});
const told = async (survey = s) => (await it.query(`select data::text from events where type = 'personal_data.read' and aggregate_id = '${survey.survey.id}' order by xid, id`)).map(([data]) => JSON.parse(data));

/** Asks by itself: `read` gets the reply when its head is there; answers what it answers. */
const ask = (method, path, read) => new Promise((resolve, reject) => {
	const rq = http.request({ host: '127.0.0.1', port: server.port, method, path, headers: { Authorization: `Bearer ${server.api.token}` } }, (reply) => read(reply, rq, resolve));
	rq.on('error', reject);
	rq.end();
});

test('a table with personal answers is told once, with how many and which; without them, and its head alone, not at all', async () => {
	assert.ok(!expect(await server.api.get(csv), 200).text.includes(MAIL));
	assert.equal(await ask('HEAD', `${csv}?personal=true`, (reply, rq, resolve) => { reply.resume(); reply.on('end', () => resolve(reply.statusCode)); }), 200);
	assert.deepEqual(await told(), []);
	assert.ok(expect(await server.api.get(csv, { query: { personal: true } }), 200).text.includes(MAIL));
	const all = [{ route: '/api/v1/surveys/{id}/responses.csv', responses: 1, response_ids: [id] }];
	assert.deepEqual(await told(), all);
	expect(await server.api.get(csv, { query: { personal: true, status: 'quota_full' } }), 200);
	assert.deepEqual(await told(), all, 'none was in it');
});

test('a download that breaks off was told before its first line', async () => {
	const long = await publish(server.api, visit()), ids = [];
	for (let i = 0; i < 60; i++)
		ids.push(await it.answer(long, { remark: 'x'.repeat(60000), email: `p${i}@canary.example` }));
	const seen = await ask('GET', `/api/v1/surveys/${long.survey.id}/responses.csv?personal=true`, (reply, rq, resolve) => {
		let text = '';
		reply.on('error', () => {});
		reply.on('data', (chunk) => {
			text += chunk;
			if (!text.includes('@canary.example'))
				return;
			reply.pause();
			// at this moment, while the server still holds most of it
			told(long).then((events) => { rq.on('error', () => {}); rq.destroy(); resolve({ text, events }); });
		});
	});
	assert.ok(seen.text.length < 60 * 60000, `${seen.text.length} bytes: it did not break off`);
	assert.deepEqual(seen.events.map((e) => [e.route, e.responses]), [['/api/v1/surveys/{id}/responses.csv', 60]]);
	assert.deepEqual([...seen.events[0].response_ids].sort(), [...ids].sort());
	await until('the server to notice', async () => (await server.anyone.get('/')).status < 500);
	assert.equal((await told(long)).length, 1);
});

test('when it cannot be written nothing is shown, on no way', async () => {
	const job = await it.gather({ email: MAIL });
	assert.equal(job.status, 'succeeded');
	const one = `/api/v1/surveys/${s.survey.id}/responses/${id}`, file = job.result.export;
	const ways = [
		['GET', csv, { query: { personal: true } }], ['GET', one, {}], ['PATCH', one, { body: { answers: { city: 'hcm' } }, headers: { 'If-Match': '"1"' } }],
		['POST', '/api/v1/responses/lookup', { body: { email: MAIL } }], ['GET', `${file}/file`, {}], ['GET', `${file}/text`, {}]];
	await it.run(`create function no_event() returns trigger language plpgsql as $$begin if new.type = 'personal_data.read' then raise exception 'the log is full'; end if; return new; end$$;
		create trigger no_event before insert on events for each row execute function no_event()`);
	for (const [method, path, options] of ways) {
		const reply = await server.api.request(method, path, { ...options, unchecked: true });
		assert.ok(reply.status >= 500, `${method} ${path}: ${reply.status}`);
		assert.match(reply.headers['content-type'], /^application\/problem\+json/, path);
		for (const text of [MAIL, 'canary', PHONE, '777 333'])
			assert.ok(!reply.text.includes(text) && !JSON.stringify(reply.headers).includes(text), `${method} ${path}: ${reply.text}`);
	}
	await it.run('drop trigger no_event on events; drop function no_event()');
	for (const [method, path, options] of ways)
		assert.ok(expect(await server.api.request(method, path, options), 200).text.includes(path.endsWith('lookup') ? id : MAIL), `${method} ${path}`);
	assert.equal((await command(['grep', '-c', 'canary', server.logFile])).stdout.trim(), '0');
});
