// The last places of interlocked quota cells, wanted by 64 at once from two servers, one of which is killed in the middle while Redis restarts: exactly as
// many completes as there are places, in every run. Half of them come page by page, whose places are kept from the first page on. Without COTEST_LONG: one run of 600 attempts for 60 places. time limit: 40 min
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { rows } from '../harness/database.mjs';
import { run, sleep } from '../harness/run.mjs';
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
	second = await first.twin();
	agent = new http.Agent({ keepAlive: true });
});
after(async () => {
	agent?.destroy();
	await second?.end();
	await first?.end();
	await cluster?.stop();
});

/** City and sex interlocked, the cities alone, and all together: three cells an answer, and the last places of all end together. */
function places() {
	const question = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
	const both = CITIES.flatMap((c) => SEXES.map((s) => ({ name: `${c}${s}`, when: `{city} = '${c}' and {sex} = '${s}'`, limit: PLACES / 4 })));
	return definition('Places', [{ name: 'p', questions: [question('city', CITIES), question('sex', SEXES)] }, { name: 'last', questions: [{ type: 'text', name: 'why', title: 'Why' }] }], { quotas: [
		{ name: 'both', cells: both }, { name: 'city', cells: CITIES.map((c) => ({ name: c, when: `{city} = '${c}'`, limit: PLACES / 2 })) },
		{ name: 'all', cells: [{ name: 'all', when: "{city} = 'a' or {city} = 'b'", limit: PLACES }] }] });
}

function send(method, slug, tail, headers, body) {
	return new Promise((resolve) => {
		const rq = http.request({ host: '127.0.0.1', port: (Math.random() < 0.5 ? first : second).port, method, path: `/api/public/v1/links/${slug}/responses${tail}`, agent,
			headers: { 'Content-Type': 'application/json', ...headers } }, (rs) => {
			let text = '';
			rs.on('data', (bytes) => { text += bytes; });
			rs.on('error', () => resolve(null));
			rs.on('aborted', () => resolve(null));
			rs.on('end', () => resolve({ status: rs.statusCode, body: JSON.parse(text) }));
		});
		rq.on('error', () => resolve(null));
		rq.end(body && JSON.stringify(body));
	});
}

/** Asks again, at either server, until it is told. */
async function insist(ask, enough) {
	for (const end = Date.now() + 120000; Date.now() < end; await sleep(10 + Math.random() * 20)) {
		const reply = await ask();
		if (reply && enough.includes(reply.status))
			return reply;
		assert.ok(!reply || reply.status === 409 || reply.status === 503, JSON.stringify(reply));
	}
	throw new Error('not answered');
}

/** One who wants a place, with all at once. */
async function wish(slug, answers) {
	const key = randomUUID();
	const { body } = await insist(() => send('POST', slug, '', { 'Idempotency-Key': key }, { answers }), [201]);
	return { key, ...body };
}

/** And page by page. What he is told of a page that got lost he reads; he never gives up, so each place that is kept is taken. */
async function walk(slug, answers) {
	const key = randomUUID();
	const { body: begun } = await insist(() => send('POST', slug, '', { 'Idempotency-Key': key }, { answers: {}, complete: false }), [201]);
	const tail = `/${begun.id}`, token = { Authorization: `Bearer ${begun.token}` };
	for (const step of [['PATCH', tail, { answers }], ['POST', `${tail}/complete`, { answers: { why: 'x' } }]]) {
		const { status } = await insist(() => send(step[0], slug, step[1], token, step[2]), [200, 409]);
		const { body } = await insist(() => send('GET', slug, tail, token), [200]);
		if (body.completed_at)
			return { key, ...body };
		assert.equal(status, 200, 'refused although it is under way');
	}
	throw new Error(`${key} did not end`);
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
		first.api = await first.login(first.tenant.email); // twenty runs outlive a session
		const f = await publish(first.api, places());
		const told = [];
		let next = 0, troubled;
		await Promise.all(Array.from({ length: WRITERS }, async () => {
			while (next < ATTEMPTS) {
				const mine = next++;
				if (told.length >= PLACES / 2)
					troubled ??= trouble();
				const answers = { city: CITIES[mine % 2], sex: SEXES[Math.floor(mine / 2) % 2] };
				told.push(await (Math.floor(mine / 4) % 2 ? walk : wish)(f.slug, answers));
			}
		}));
		await troubled;
		const where = { host: cluster.host };
		assert.equal(told.filter((t) => t.status === 'completed').length, PLACES, 'places that were told');
		assert.equal(told.filter((t) => t.status === 'quota_full').length, ATTEMPTS - PLACES);
		const stored = await rows('collect', `select status, count(*), count(distinct idempotency_key) from responses where survey_id = '${f.survey.id}' group by 1 order by 1`, where);
		assert.deepEqual(stored, [['completed', `${PLACES}`, `${PLACES}`], ['quota_full', `${ATTEMPTS - PLACES}`, `${ATTEMPTS - PLACES}`]]);
		const cells = await rows('collect', `select quota, cell, used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@' and leased = 0 order by 1, 2`, where);
		const quarter = `${PLACES / 4}`, half = `${PLACES / 2}`;
		assert.deepEqual(cells, [['all', 'all', `${PLACES}`], ['both', 'af', quarter], ['both', 'am', quarter], ['both', 'bf', quarter], ['both', 'bm', quarter],
			['city', 'a', half], ['city', 'b', half]]);
		const ids = new Map(await rows('collect', `select id, status from responses where survey_id = '${f.survey.id}'`, where));
		for (const t of told)
			assert.equal(ids.get(t.id), t.status, `${t.key} was told ${t.id}`);
		if (LONG)
			console.log(`# progress ${n}/${RUNS} runs, exactly ${PLACES} completes`);
	});
