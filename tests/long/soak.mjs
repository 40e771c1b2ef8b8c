// Half an hour at half of what this machine can do, everything mixed: answers whole and page by page, pages, lists, searches, exports. Memory of each process,
// descriptors and connections have to stay as they are; what grows by a little each minute fills a server within weeks.
// Without COTEST_LONG: 12 seconds, with bounds that only a gross leak passes. time limit: 45 min
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { command, run, sleep } from '../harness/run.mjs';
import { Server, SMALL_QUARANTINE } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';
import { Worker } from '../harness/worker.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const MEASURE_S = Number(process.env.COTEST_SOAK_S ?? (LONG ? 1800 : 9)), WARM_S = LONG ? Math.min(300, MEASURE_S / 4) : 3, CAPACITY_S = LONG ? 20 : 3;
const SAMPLE_MS = LONG ? 5000 : 500;
const HANDS = 24;
/** What may come on top within MEASURE_S, by the straight line through the samples: of memory 0.2 MB a minute, of what is counted nothing that would not be noise. */
const MEMORY_MB = LONG ? Math.max(4, 0.2 * MEASURE_S / 60) : 64, COUNTED = LONG ? 4 : 12;

let cluster, server, worker, agent, field, paged, small;
before(async () => {
	cluster = await startCluster({ settings: 'shared_buffers = 128MB\n' });
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	server = new Server({ binary, database: { name: 'collect', host: cluster.host, url: cluster.url('collect') }, env: { COLLECT_ACCESS_TOKEN_S: '7200', COLLECT_LOG_LEVEL: 'warn', ...SMALL_QUARANTINE } });
	await server.begin();
	worker = await new Worker(server, { env: { COLLECT_LOG_LEVEL: 'info' }, ...(LONG ? { binary } : {}) }).start();
	agent = new http.Agent({ keepAlive: true, maxSockets: HANDS });
	const choices = ['a', 'b'].map((value) => ({ value, label: value }));
	const questions = [{ type: 'single', name: 'area', title: 'Area', choices }, { type: 'text', name: 'why', title: 'Why?' }, { type: 'text', name: 'mail', title: 'E-mail', input: 'email', pii: true }];
	const quotas = [{ name: 'areas', cells: choices.map(({ value }) => ({ name: value, when: `{area} = '${value}'`, limit: 1000000 })) }];
	field = await publish(server.api, definition('Soak', [{ name: 'p', questions }], { quotas }));
	paged = await publish(server.api, definition('Pages', questions.map((q) => ({ name: q.name, questions: [q] }))));
	small = await publish(server.api, definition('Export', [{ name: 'p', questions }]));
	for (let i = 0; i < 200; i++)
		expect(await server.anyone.post(`/api/public/v1/links/${small.slug}/responses`, { answers: answers(i) }), 201);
});
after(async () => {
	agent?.destroy();
	await worker?.stop();
	await server?.end();
	await cluster?.stop();
});

const answers = (i) => ({ area: i % 2 ? 'a' : 'b', why: `because of ${i % 97} things and ${i}`, mail: `p${i}@example.com` });

// ---- what is done ----

function send(method, path, { body, headers = {} } = {}) {
	return new Promise((resolve, reject) => {
		const rq = http.request({ host: '127.0.0.1', port: server.port, method, path, agent, headers }, (rs) => {
			const parts = [];
			rs.on('data', (bytes) => parts.push(bytes));
			rs.on('error', reject);
			rs.on('end', () => resolve({ status: rs.statusCode, text: Buffer.concat(parts).toString() }));
		});
		rq.on('error', reject);
		rq.end(body);
	});
}
const must = async (wanted, method, path, options) => {
	const got = await send(method, path, options);
	const said = () => server.log().filter((line) => line.level !== 'info').slice(-10).map((line) => JSON.stringify(line)).join('\n');
	assert.ok(got.status === wanted, `${method} ${path}: ${got.status}, not ${wanted}: ${got.text.slice(0, 500)}${got.status < 500 ? '' : `\n${said()}`}`);
	return got.text;
};
const json = (body, headers = {}) => ({ body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } });
const ours = () => ({ headers: { Authorization: `Bearer ${server.api.token}` } });
const form = (fields) => ({ body: new URLSearchParams(fields).toString(), headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
const stateOf = (html) => /name="state" value="([^"]+)"/.exec(html)[1];
let serial = 0;

/** [share, name, what]: of a hundred. */
const MIX = [
	[52, 'answer', () => must(201, 'POST', `/api/public/v1/links/${field.slug}/responses`, json({ answers: answers(++serial) }, { 'Idempotency-Key': randomUUID() }))],
	[10, 'page', () => must(200, 'GET', `/s/${field.slug}`)],
	[8, 'link', () => must(200, 'GET', `/api/public/v1/links/${field.slug}`)],
	[6, 'interview by pages', async () => {
		const a = answers(++serial);
		let html = await must(200, 'GET', `/s/${paged.slug}`);
		for (const name of ['area', 'why', 'mail'])
			html = await must(200, 'POST', `/s/${paged.slug}`, form({ state: stateOf(html), [`q-${name}`]: a[name] }));
	}],
	[6, 'interview by API', async () => {
		const a = answers(++serial), path = `/api/public/v1/links/${paged.slug}/responses`;
		const begun = JSON.parse(await must(201, 'POST', path, json({ answers: {}, complete: false })));
		const bearer = { Authorization: `Bearer ${begun.token}` };
		await must(200, 'PATCH', `${path}/${begun.id}`, json({ answers: { area: a.area } }, bearer));
		await must(200, 'POST', `${path}/${begun.id}/complete`, json({ answers: { why: a.why, mail: a.mail } }, bearer));
	}],
	[8, 'list', () => must(200, 'GET', `/api/v1/surveys/${field.survey.id}/responses?limit=20`, ours())],
	[3, 'search', () => must(200, 'GET', `/api/v1/surveys/${small.survey.id}/responses?q=things`, ours())],
	[3, 'surveys', () => must(200, 'GET', '/api/v1/surveys', ours())],
	[2, 'export', () => must(200, 'GET', `/api/v1/surveys/${small.survey.id}/responses.csv`, ours())],
	[2, 'events', () => must(200, 'GET', '/api/v1/events?limit=20', ours())],
];
const took = new Map(MIX.map(([, name]) => [name, []]));

async function one() {
	let at = Math.random() * 100;
	const [, name, what] = MIX.find(([share]) => (at -= share) < 0) ?? MIX[0];
	const from = performance.now();
	await what();
	took.get(name).push(performance.now() - from);
}

/** So many a second, or as many as go (Infinity), by HANDS; answers how many were done. */
async function load(seconds, perSecond) {
	const start = performance.now(), end = start + seconds * 1000;
	let next = 0, done = 0;
	await Promise.all(Array.from({ length: HANDS }, async () => {
		for (;;) {
			const due = perSecond === Infinity ? 0 : start + 1000 * next++ / perSecond;
			if (due > performance.now())
				await sleep(due - performance.now());
			if (performance.now() >= end)
				return;
			await one();
			done++;
		}
	}));
	return done;
}

// ---- what is looked at ----

const memory = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
const redis = async (what, pattern) => Number(pattern.exec((await command(['redis-cli', '-s', server.redis.socket, ...what])).stdout)[1]);

async function sample() {
	const [[connections]] = await rows('collect', "select count(*) from pg_stat_activity where datname = 'collect' and usename like 'collect%'", { host: cluster.host });
	return {
		'memory of the server': memory(server.pid), 'memory of the worker': memory(worker.child.pid), 'memory of Redis': memory(server.redis.pid),
		'descriptors of the server': descriptors(server.pid), 'descriptors of the worker': descriptors(worker.child.pid),
		'connections of the database': Number(connections),
		'connections of Redis': await redis(['info', 'clients'], /connected_clients:(\d+)/), 'keys in Redis': await redis(['dbsize'], /(\d+)/),
	};
}

/** By how much a straight line through the values rises from the first to the last. */
function growth(values) {
	const n = values.length, x = (n - 1) / 2, y = values.reduce((a, b) => a + b, 0) / n;
	let up = 0, across = 0;
	values.forEach((v, i) => { up += (i - x) * (v - y); across += (i - x) ** 2; });
	return up / across * (n - 1);
}

const quantile = (list, q) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? 0;

test(`${MEASURE_S} s at half capacity: nothing grows`, async () => {
	await load(LONG ? 5 : 1, Infinity);
	const capacity = await load(CAPACITY_S, Infinity) / CAPACITY_S;
	await load(WARM_S, capacity / 2);
	for (const list of took.values())
		list.length = 0;
	const samples = [], began = performance.now();
	let over = false;
	const watching = (async () => {
		while (!over) {
			samples.push(await sample());
			if (LONG && samples.length % 12 === 0)
				console.log(`# progress ${Math.round((performance.now() - began) / 1000)}/${MEASURE_S} s ${JSON.stringify(samples.at(-1))}`);
			await sleep(SAMPLE_MS);
		}
	})();
	const done = await load(MEASURE_S, capacity / 2);
	over = true;
	await watching;
	console.log(`# capacity ${capacity.toFixed(0)} a second of this mix; ${done} done at ${(done / MEASURE_S).toFixed(0)} a second; ${samples.length} samples`);
	for (const [name, list] of took)
		console.log(`# ${name}: ${list.length}, median ${quantile(list, 0.5).toFixed(1)} ms, p99 ${quantile(list, 0.99).toFixed(1)} ms`);
	const grown = [];
	for (const what of Object.keys(samples[0])) {
		const values = samples.map((s) => s[what]), by = growth(values), bound = what.startsWith('memory') ? MEMORY_MB : COUNTED;
		console.log(`# ${what}: ${values[0].toFixed(1)} at first, ${values.at(-1).toFixed(1)} at last, grows by ${by.toFixed(2)} (at most ${bound})`);
		if (by > bound)
			grown.push(`${what} grows by ${by.toFixed(2)}`);
	}
	assert.deepEqual(grown, []);
	assert.ok(done > 0.3 * capacity * MEASURE_S, `${done} of ${capacity * MEASURE_S / 2} were done`);
});
