// Answers on their way through the writers: the same key many times at once, other payloads, several tenants, and the last places of quotas with two servers.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let other, f;
before(async () => {
	f = await publish(server.api, csat());
	other = await server.twin();
});
after(() => other.end());

const send = (port, slug, body, key) => {
	const client = new Client(port);
	return submit(client, slug, body, { headers: key ? { 'Idempotency-Key': key } : {} }).finally(() => client.close());
};

test('a key many times at once, some with another payload, on two servers: one answer', async () => {
	for (let round = 0; round < 5; round++) {
		const key = randomUUID();
		const attempts = Array.from({ length: 24 }, (_, i) => ({ nps: i % 4 === 3 ? 9 : 5, port: i % 2 ? server.port : other.port }));
		const replies = await Promise.all(attempts.map(async (a) => ({ ...a, reply: await send(a.port, f.slug, { answers: { nps: a.nps } }, key) })));
		const [[nps, id, ...none]] = await rows(server.database.name, `select answers->>'nps', id from responses where idempotency_key = '${key}'`);
		assert.deepEqual(none, []);
		for (const { reply, nps: sent } of replies) {
			assert.ok([201, 409, 422].includes(reply.status), reply.text);
			if (reply.status === 201)
				assert.equal(reply.body.id, id);
			if (reply.status === 422)
				assert.notEqual(String(sent), nps, 'the payload that was stored is no mismatch');
		}
		assert.equal(replies.filter((r) => r.reply.status === 201 && r.reply.headers['idempotency-replayed'] === undefined).length, 1);
		const again = expect(await send(other.port, f.slug, { answers: { nps: Number(nps) } }, key), 201);
		assert.equal(again.headers['idempotency-replayed'], 'true');
		expect(await send(server.port, f.slug, { answers: { nps: nps === '5' ? 9 : 5 } }, key), 422, 'idempotency-mismatch');
	}
});

test('two hundred at once are all stored, each with its event', async () => {
	const g = await publish(server.api, csat());
	const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => send(server.port, g.slug, { answers: { nps: i % 11 } }, randomUUID())));
	const ids = new Set(replies.map((r) => expect(r, 201).body.id));
	assert.equal(ids.size, 200);
	const stored = await rows(server.database.name, `select count(*), count(e.id), count(distinct e.request_id) from responses r
		left join events e on e.tenant_id = r.tenant_id and e.aggregate_id = r.id and e.type = 'completed' where r.survey_id = '${g.survey.id}'`);
	assert.deepEqual(stored, [['200', '200', '200']]);
});

test('the last places, wanted by two servers at once: exactly as many as there are', async () => {
	const LIMIT = 40;
	const cells = ['a', 'b'].flatMap((c) => ['m', 'f'].map((s) => ({ name: `${c}${s}`, when: `{city} = '${c}' and {sex} = '${s}'`, limit: LIMIT })));
	const question = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
	const g = await publish(server.api, definition('Places', [{ name: 'p', questions: [question('city', ['a', 'b']), question('sex', ['m', 'f'])] }],
		{ quotas: [{ name: 'both', cells }, { name: 'city', cells: [{ name: 'a', when: "{city} = 'a'", limit: 2 * LIMIT }] }] }));
	const work = Array.from({ length: 280 }, (_, i) => ({ city: i % 2 ? 'a' : 'b', sex: i % 4 < 2 ? 'm' : 'f', port: i % 3 ? server.port : other.port }));
	const replies = [];
	await Promise.all(Array.from({ length: 16 }, async () => {
		for (let w = work.pop(); w; w = work.pop())
			replies.push(expect(await send(w.port, g.slug, { answers: { city: w.city, sex: w.sex } }, randomUUID()), 201).body);
	}));
	assert.equal(replies.filter((r) => r.status === 'completed').length, 4 * LIMIT);
	assert.equal(replies.filter((r) => r.status === 'quota_full').length, 280 - 4 * LIMIT);
	const used = await rows(server.database.name, `select quota, cell, used from quota_cells where survey_id = '${g.survey.id}' and quota !~ '^@' order by 1, 2`);
	assert.deepEqual(used, [['both', 'af', '40'], ['both', 'am', '40'], ['both', 'bf', '40'], ['both', 'bm', '40'], ['city', 'a', '80']]);
});

test('keys of before among new ones, all at once: each is stored and counted once', async () => {
	const quotas = [{ name: 'all', cells: [{ name: 'any', when: '{nps} >= 0', limit: 1000 }] }];
	const g = await publish(server.api, definition('Again', [{ name: 'p', questions: [{ type: 'rating', name: 'nps', title: 'How likely?', min: 0, max: 10, required: true }] }], { quotas }));
	const keys = Array.from({ length: 60 }, () => randomUUID()), more = Array.from({ length: 60 }, () => randomUUID());
	const all = (list) => Promise.all(list.map((key) => send(server.port, g.slug, { answers: { nps: 7 } }, key).then((r) => expect(r, 201))));
	await all(keys);
	const replies = await all(more.flatMap((key, i) => [key, keys[i]]));
	assert.equal(replies.filter((r) => r.headers['idempotency-replayed'] === 'true').length, 60);
	const counted = await rows(server.database.name, `select quota, cell = 'any', used from quota_cells where survey_id = '${g.survey.id}' order by 1`);
	assert.deepEqual(counted, [['@completed', 'f', '120'], ['@started', 'f', '120'], ['all', 't', '120']]);
});
