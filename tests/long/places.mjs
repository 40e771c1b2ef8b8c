// The last places of interlocked quota cells, wanted by 64 at once from two servers, one of which is killed in the middle while Redis restarts: exactly as
// many completes as there are places, in every run. Without COTEST_LONG: one run of 600 attempts for 60 places. time limit: 40 min
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { rows } from '../harness/database.mjs';
import { newFolder, run, sleep } from '../harness/run.mjs';
import { Server } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const RUNS = Number(process.env.COTEST_PLACES_RUNS ?? (LONG ? 20 : 1));
const ATTEMPTS = LONG ? 10000 : 600, PLACES = LONG ? 1000 : 60, WRITERS = 64;
const CITIES = ['a', 'b'], SEXES = ['m', 'f'];

let cluster, first, second, agent;
before(async () => {
	cluster = await startCluster();
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	first = new Server({ binary, database: { name: 'collect', host: cluster.host, url: cluster.url('collect') } });
	await first.begin();
	second = Object.assign(Object.create(Object.getPrototypeOf(first)), first, { child: undefined, dir: await newFolder('second') });
	await second.start();
	agent = new http.Agent({ keepAlive: true });
});
after(async () => {
	agent?.destroy();
	if (second)
		second.redis = undefined; // the first one's
	await second?.end();
	await first?.end();
	await cluster?.stop();
});

/** City and sex interlocked, the cities alone, and all together: three cells an answer, and the last places of all end together. */
function places() {
	const question = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
	const both = CITIES.flatMap((c) => SEXES.map((s) => ({ name: `${c}${s}`, when: `{city} = '${c}' and {sex} = '${s}'`, limit: PLACES / 4 })));
	return definition('Places', [{ name: 'p', questions: [question('city', CITIES), question('sex', SEXES)] }], { quotas: [
		{ name: 'both', cells: both }, { name: 'city', cells: CITIES.map((c) => ({ name: c, when: `{city} = '${c}'`, limit: PLACES / 2 })) },
		{ name: 'all', cells: [{ name: 'all', when: "{city} = 'a' or {city} = 'b'", limit: PLACES }] }] });
}

function send(port, slug, key, body) {
	return new Promise((resolve) => {
		const rq = http.request({ host: '127.0.0.1', port, method: 'POST', path: `/api/public/v1/links/${slug}/responses`, agent,
			headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key } }, (rs) => {
			let text = '';
			rs.on('data', (bytes) => { text += bytes; });
			rs.on('error', () => resolve(null));
			rs.on('aborted', () => resolve(null));
			rs.on('end', () => resolve({ status: rs.statusCode, body: JSON.parse(text) }));
		});
		rq.on('error', () => resolve(null));
		rq.end(JSON.stringify(body));
	});
}

/** One who wants a place; asks again with his key, at either server, until he is told. */
async function wish(slug, n) {
	const key = randomUUID(), body = { answers: { city: CITIES[n % 2], sex: SEXES[Math.floor(n / 2) % 2] } };
	for (const end = Date.now() + 120000; Date.now() < end; await sleep(10 + Math.random() * 20)) {
		const reply = await send((Math.random() < 0.5 ? first : second).port, slug, key, body);
		if (reply?.status === 201)
			return { key, ...reply.body };
		assert.ok(!reply || reply.status === 409 || reply.status === 503, JSON.stringify(reply));
	}
	throw new Error(`${key} was not answered`);
}

async function trouble() {
	second.child.kill('SIGKILL');
	await second.gone;
	await first.redis.stop('SIGKILL');
	await first.redis.start();
	await second.start();
}

for (let n = 1; n <= RUNS; n++)
	test(`run ${n}: ${ATTEMPTS} attempts for ${PLACES} places`, async () => {
		const f = await publish(first.api, places());
		const told = [];
		let next = 0, troubled;
		await Promise.all(Array.from({ length: WRITERS }, async () => {
			while (next < ATTEMPTS) {
				const mine = next++;
				if (told.length >= PLACES / 2)
					troubled ??= trouble();
				told.push(await wish(f.slug, mine));
			}
		}));
		await troubled;
		const where = { host: cluster.host };
		assert.equal(told.filter((t) => t.status === 'completed').length, PLACES, 'places that were told');
		assert.equal(told.filter((t) => t.status === 'quota_full').length, ATTEMPTS - PLACES);
		const stored = await rows('collect', `select status, count(*), count(distinct idempotency_key) from responses where survey_id = '${f.survey.id}' group by 1 order by 1`, where);
		assert.deepEqual(stored, [['completed', `${PLACES}`, `${PLACES}`], ['quota_full', `${ATTEMPTS - PLACES}`, `${ATTEMPTS - PLACES}`]]);
		const cells = await rows('collect', `select quota, cell, used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@' order by 1, 2`, where);
		const quarter = `${PLACES / 4}`, half = `${PLACES / 2}`;
		assert.deepEqual(cells, [['all', 'all', `${PLACES}`], ['both', 'af', quarter], ['both', 'am', quarter], ['both', 'bf', quarter], ['both', 'bm', quarter],
			['city', 'a', half], ['city', 'b', half]]);
		const ids = new Map(await rows('collect', `select id, status from responses where survey_id = '${f.survey.id}'`, where));
		for (const t of told)
			assert.equal(ids.get(t.id), t.status, `${t.key} was told ${t.id}`);
		if (LONG)
			console.log(`# progress ${n}/${RUNS} runs, exactly ${PLACES} completes`);
	});
