// kill -9 of the server during 200 submissions: every 201 is in the database exactly once, and nothing that was not sent.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { rows } from '../harness/database.mjs';
import { Server } from '../harness/server.mjs';
import { sleep } from '../harness/run.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

let cluster, server, f;
before(async () => {
	cluster = await startCluster();
	server = new Server({ database: { name: 'collect', host: cluster.host, url: cluster.url('collect') } });
	await server.begin();
	f = await publish(server.api, csat());
});
after(async () => {
	await server?.end();
	await cluster?.stop();
});

const stored = () => rows('collect', `select idempotency_key, id, answers->>'nps' from responses where survey_id = '${f.survey.id}'`, { host: cluster.host });

/** Sends until there is a reply that ends it, as a client that lost its connection does. */
async function insist(key, body, journal) {
	for (let attempt = 0; attempt < 200; attempt++) {
		const client = new Client(server.port);
		try {
			const reply = await submit(client, f.slug, body, { headers: { 'Idempotency-Key': key } });
			journal.push({ key, status: reply.status, id: reply.body?.id });
			if (reply.status === 201)
				return;
			assert.ok([409, 503].includes(reply.status), reply.text);
		} catch (e) {
			if (e.code === 'ERR_ASSERTION')
				throw e;
		} finally {
			client.close();
		}
		await sleep(50);
	}
	assert.fail(`${key} was never taken`);
}

test('three kills during 200 submissions', async () => {
	const journal = [];
	const work = Array.from({ length: 200 }, (_, i) => ({ key: randomUUID(), body: { answers: { nps: i % 11 } } }));
	let next = 0;
	const clients = Array.from({ length: 8 }, async () => {
		while (next < work.length) {
			const { key, body } = work[next++];
			await insist(key, body, journal);
			await sleep(5);
		}
	});
	for (const at of [40, 100, 160]) {
		while (next < at)
			await sleep(2);
		server.child.kill('SIGKILL');
		assert.equal(await server.gone, 'SIGKILL');
		await server.start();
	}
	await Promise.all(clients);

	const inDatabase = await stored();
	const byKey = new Map(inDatabase.map(([key, id, nps]) => [key, { id, nps }]));
	assert.equal(inDatabase.length, byKey.size, 'an answer is stored twice');
	const acknowledged = journal.filter((j) => j.status === 201);
	assert.equal(acknowledged.length, 200);
	for (const { key, id } of acknowledged)
		assert.equal(byKey.get(key)?.id, id, `the answer ${id} was acknowledged`);
	for (const { key, body } of work)
		assert.equal(byKey.get(key).nps, String(body.answers.nps));
	assert.equal(byKey.size, 200, 'nothing that was not sent');
	const events = await rows('collect', `select count(*), count(distinct aggregate_id) from events where aggregate_type = 'response'`, { host: cluster.host });
	assert.deepEqual(events, [['200', '200']]);
});

test('PostgreSQL dies and comes back: 503 meanwhile, everything acknowledged is there', async () => {
	const before = (await stored()).length;
	await cluster.stop('immediate');
	const client = new Client(server.port, { contract: server.contract });
	const down = await submit(client, f.slug, { answers: { nps: 3 } });
	assert.equal(down.status, 503, down.text);
	assert.ok(down.headers['retry-after']);
	assert.equal((await server.internal.get('/internal/readyz')).status, 503);
	await cluster.start();
	const end = Date.now() + 5000;
	let reply;
	do
		reply = await submit(client, f.slug, { answers: { nps: 3 } });
	while (reply.status === 503 && Date.now() < end && (await sleep(50), true));
	expect(reply, 201);
	assert.equal((await stored()).length, before + 1);
	client.close();
});

test('a restart keeps everything: sign-in, surveys, links, answers', async () => {
	const before = await stored();
	assert.equal(await server.stop(), 0);
	await server.start();
	expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200);
	expect(await server.anyone.get(`/s/${f.slug}`), 200);
	assert.deepEqual(await stored(), before);
	const { body } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { limit: 1, count: true } }), 200);
	assert.equal(body.total, before.length);
});
