// PostgreSQL that hangs (stopped, not dead: it accepts connections and says nothing): 503 in seconds, and back in seconds.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { expect } from '../harness/client.mjs';
import { Server } from '../harness/server.mjs';
import { sleep, until } from '../harness/run.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

let cluster, server, f;
before(async () => {
	cluster = await startCluster();
	server = new Server({ database: { name: 'collect', host: cluster.host, url: cluster.url('collect') } });
	await server.begin();
	f = await publish(server.api, csat());
});
after(async () => {
	signal('SIGCONT');
	await server?.end();
	await cluster?.stop();
});

/** To the postmaster and every process of its own. */
function signal(name) {
	const postmaster = Number(readFileSync(join(cluster.host, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
	const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
		try {
			return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) === postmaster;
		} catch {
			return false;
		}
	});
	for (const pid of [postmaster, ...children.map(Number)])
		process.kill(pid, name);
}

const answer = () => submit(server.anyone, f.slug, { answers: { nps: 7 } });
const list = () => server.api.get(`/api/v1/surveys/${f.survey.id}/responses`);

test('requests under way and new ones get 503 within three seconds, later ones at once; health still answers', async () => {
	expect(await answer(), 201);
	expect(await list(), 200);
	signal('SIGSTOP');
	const first = await Promise.all([...Array.from({ length: 20 }, answer), ...Array.from({ length: 5 }, list)]);
	for (const reply of first) {
		expect(reply, 503);
		assert.match(reply.headers['retry-after'] ?? '', /^\d+$/);
		assert.ok(reply.ms < 3500, `${reply.where} took ${Math.round(reply.ms)} ms`);
	}
	const later = await Promise.all(Array.from({ length: 40 }, answer));
	assert.ok(later.every((r) => r.status === 503));
	assert.ok(later.filter((r) => r.ms < 500).length >= 38, later.map((r) => Math.round(r.ms)).join());
	assert.equal((await server.internal.get('/internal/healthz')).status, 200);
	const ready = await server.internal.get('/internal/readyz');
	assert.equal(ready.body.database, 'unavailable');
	await sleep(1000);
});

test('when it goes on, so do we', async () => {
	signal('SIGCONT');
	const from = Date.now();
	await until('an answer taken', async () => (await answer()).status === 201);
	await until('answers read', async () => (await list()).status === 200);
	await until('readiness', async () => (await server.internal.get('/internal/readyz')).status === 200);
	assert.ok(Date.now() - from < 4000, `${Date.now() - from} ms`);
	for (let i = 0; i < 20; i++)
		expect(await answer(), 201);
});
