// Devices without a network come home: each holds interviews by a clock of its own that is wrong, sends them in batches over connections that end before
// and after the commit, while the server is killed, and sends everything a second time. Without COTEST_LONG: 8 devices with 20 interviews each, one kill; with it
// 200 with 500. time limit: 60 min
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { checkReceipt, Device, digest, programOf } from '../harness/device.mjs';
import { counted, Journal } from '../harness/journal.mjs';
import { sleep } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { publish } from '../harness/surveys.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const DEVICES = Number(process.env.COTEST_SYNC_DEVICES ?? (LONG ? 200 : 8)), EACH = LONG ? 500 : 20, KILLS = LONG ? 20 : 1, HANDS = 8;
const DAY = 86400000;
const total = DEVICES * EACH, places = Math.floor(total / 4);

const server = withServer();
let f, program, keys, journal, agent;
const told = { accepted: 0, replayed: 0, retry: 0, cut: 0, lost: 0, kills: 0 };
const receipts = new Map(); // by id: what the first one said
before(async () => {
	const document = counted(places);
	f = await publish(server.api, document);
	program = await programOf(document);
	keys = expect(await server.api.get('/.well-known/jwks.json'), 200).body;
	journal = await new Journal().begin();
	agent = new http.Agent({ keepAlive: true });
});

/** A device with all of its interviews held, at any time of its own in the last month. */
function equip(n) {
	const wrong_ms = Math.round((Math.random() - 0.5) * 2 * [0, 5000, DAY, 400 * DAY, 20000 * DAY][n % 5]);
	const device = new Device({ program, slug: f.slug, wrong_ms });
	for (let i = 0; i < EACH; i++)
		device.hold([['serial', `d${n}i${i}`], ['variant', 'v'], ['area', i % 2 ? 'a' : 'b'], 'next'], { ago_ms: Math.round(Math.random() * 30 * DAY), pace_ms: 1000, seed: n * EACH + i });
	device.all = new Map(device.kept);
	return device;
}

/** The reply's items, or null when the connection ended. */
function post(body, cut) {
	return new Promise((resolve) => {
		const bytes = Buffer.from(JSON.stringify(body));
		const rq = http.request({ host: '127.0.0.1', port: server.port, method: 'POST', path: '/api/public/v1/sync', agent,
			headers: { 'Content-Type': 'application/json', 'Content-Length': bytes.length } });
		const lose = (why) => {
			told[why]++;
			resolve(null);
			rq.destroy();
		};
		rq.on('error', () => lose('lost'));
		rq.setTimeout(60000, () => lose('lost'));
		rq.on('response', (rs) => {
			if (cut === 'after')
				return lose('cut');
			const chunks = [];
			rs.on('data', (chunk) => chunks.push(chunk));
			rs.on('error', () => lose('lost'));
			rs.on('aborted', () => lose('lost'));
			rs.on('end', () => {
				const text = Buffer.concat(chunks).toString('utf8');
				assert.ok(rs.statusCode === 200 || rs.statusCode === 503, `${rs.statusCode} ${text.slice(0, 500)}`);
				resolve(rs.statusCode === 200 ? JSON.parse(text).items : null);
			});
		});
		rq.end(bytes);
		if (cut === 'during')
			setTimeout(() => lose('cut'), Math.random() * 60);
	});
}

/** Sends what is kept until nothing is. */
async function empty(device, cuts) {
	for (const end = Date.now() + (LONG ? 3000000 : 60000); device.kept.size > 0;) {
		assert.ok(Date.now() < end, `${device.kept.size} are left`);
		const some = [...device.kept.values()].slice(0, 1 + Math.floor(Math.random() * (LONG ? 500 : 50)));
		for (const { id } of some)
			journal.note({ id, serial: device.all.get(id).journal.events[0].value });
		await journal.note({ sent: some.length });
		const items = await post(device.batch(some), Math.random() < cuts ? ['during', 'after'][Math.floor(Math.random() * 2)] : undefined);
		if (!items) {
			await sleep(50);
			continue;
		}
		assert.deepEqual(items.map((i) => i.id), some.map((i) => i.id));
		for (const item of items) {
			assert.ok(item.result in told, JSON.stringify(item));
			told[item.result]++;
			if (item.receipt)
				await keep(device, item);
		}
		await device.settle(items, keys);
	}
}

async function keep(device, item) {
	const { payload } = await checkReceipt(item.receipt, keys);
	assert.equal(payload.sha256, digest(device.all.get(item.id)));
	if (receipts.has(item.id))
		assert.deepEqual(payload, receipts.get(item.id), 'a receipt that says something else');
	receipts.set(item.id, payload);
	journal.note({ id: item.id, receipt: payload.sha256 });
}

async function kill() {
	server.child.kill('SIGKILL');
	await server.gone;
	await server.start();
	told.kills++;
}

test(`${DEVICES} devices with ${EACH} interviews each, cut off and killed, then all of it once more`, async () => {
	const end = Date.now() + (LONG ? 3000000 : 60000);
	let next = 0, done = 0;
	const killing = (async () => {
		while (told.kills < KILLS && Date.now() < end) {
			if (receipts.size > (told.kills + 0.4) * total / (KILLS + 1))
				await kill();
			await sleep(20);
		}
	})();
	await Promise.all(Array.from({ length: HANDS }, async () => {
		while (next < DEVICES) {
			const device = equip(next++);
			await empty(device, 0.3);
			for (const [id, held] of device.all)
				device.kept.set(id, held);
			const before = told.accepted;
			await empty(device, 0.1);
			assert.ok(HANDS > 1 || told.accepted === before, 'something was stored a second time');
			if (LONG && ++done % 10 === 0)
				console.log(`# progress ${done}/${DEVICES} devices, ${JSON.stringify(told)}`);
		}
	}));
	await killing;
	agent.destroy();
	console.log(`# ${JSON.stringify(told)}`);
	assert.equal(told.kills, KILLS);
	assert.equal(receipts.size, total);
	assert.ok(told.cut > 0 && told.replayed >= total);
});

test('everything acknowledged is there once, as it was sent, and nothing else', async () => {
	const sent = new Map(journal.records().filter((r) => r.serial).map((r) => [r.id, r.serial]));
	const stored = await rows(server.database.name, `select id, idempotency_key, answers->>'serial', status, extract(epoch from completed_at) * 1000 <= extract(epoch from now()) * 1000
		from responses where survey_id = '${f.survey.id}'`);
	assert.equal(stored.length, total);
	assert.equal(new Set(stored.map(([id]) => id)).size, total);
	for (const [id, key, serial, , past] of stored) {
		assert.equal(key, id);
		assert.equal(sent.get(id), serial, 'nobody sent this');
		assert.ok(receipts.has(id));
		assert.equal(past, 't', 'an interview that has not ended yet');
	}
	assert.deepEqual(await rows(server.database.name, `select count(*), count(distinct aggregate_id) from events where aggregate_type = 'response' and data->>'survey_id' = '${f.survey.id}'`),
		[[String(total), String(total)]]);
});

test('as many completed as there are places, all others are kept as quota_full', async () => {
	const by = Object.fromEntries(await rows(server.database.name, `select status, count(*) from responses where survey_id = '${f.survey.id}' group by 1`));
	assert.deepEqual(by, { completed: String(2 * places), quota_full: String(total - 2 * places) });
	assert.deepEqual(await rows(server.database.name, `select cell, used from quota_cells where survey_id = '${f.survey.id}' and quota !~ '^@' order by 1`), [['a', String(places)], ['b', String(places)]]);
	assert.deepEqual(await rows(server.database.name, `select count(*) from responses where survey_id = '${f.survey.id}' and answers->>'variant' is distinct from 'v'`), [['0']]);
});
