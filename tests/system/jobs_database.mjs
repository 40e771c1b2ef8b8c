// PostgreSQL dies under the workers and comes back: every step once, and nobody has to do anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { rows } from '../harness/database.mjs';
import { Server } from '../harness/server.mjs';
import { sleep, until } from '../harness/run.mjs';
import { Worker, addJobs, ended, untilJob } from '../harness/worker.mjs';

let cluster, server;
before(async () => {
	cluster = await startCluster();
	server = new Server({ database: { name: 'collect', host: cluster.host, url: cluster.url('collect') } });
	await server.begin();
});
after(async () => {
	await server?.end();
	await cluster?.stop();
});
const query = (sql) => rows('collect', sql, { host: cluster.host });
const steps = () => query(`select aggregate_id, count(*), count(distinct sequence) from events where aggregate_type = 'test' group by 1`);

test('two deaths of the database while two workers count', async () => {
	const workers = [await new Worker(server).start(), await new Worker(server).start()];
	const ids = await addJobs(server, Array.from({ length: 8 }, () => ({ type: 'test.count', payload: { n: 80, ms: 50 } })));
	for (const least of [5, 25]) {
		await until('steps', async () => (await steps()).some(([, n]) => Number(n) >= least));
		await cluster.stop('immediate');
		await sleep(1500);
		await cluster.start();
	}
	for (const id of ids) {
		const done = await untilJob(server.api, id, (j) => ended(j), 90);
		assert.equal(done.status, 'succeeded', JSON.stringify(done));
	}
	assert.deepEqual((await steps()).map((s) => s.slice(1)), ids.map(() => ['80', '80']));
	for (const w of workers)
		await w.stop();
});
