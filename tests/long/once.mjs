// Exactly once: submissions are sent 1 to 20 times, up to 8 at a time, to two servers of one database; connections end before, during and after the
// commit, some attempts carry another payload, and now and then a server is killed. Without COTEST_LONG: 150 submissions. time limit: 60 min
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { counted, CUTS, holdAgainst, Journal, Sender } from '../harness/journal.mjs';
import { run } from '../harness/run.mjs';
import { Server } from '../harness/server.mjs';
import { publish } from '../harness/surveys.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const SUBMISSIONS = Number(process.env.COTEST_ONCE_SUBMISSIONS ?? (LONG ? 100000 : 150));
const KILLS = LONG ? 20 : 2;
const HANDS = 24;
const SHARE_CUT = 0.3, SHARE_OTHER_PAYLOAD = 0.03;

let cluster, servers = [], f, journal, sender;
before(async () => {
	cluster = await startCluster();
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	const first = new Server({ binary, database: { name: 'collect', host: cluster.host, url: cluster.url('collect') } });
	await first.begin();
	servers = [first];
	servers.push(await first.twin());
	f = await publish(first.api, counted());
	journal = await new Journal().begin();
	sender = new Sender(f.slug, journal);
});
after(async () => {
	sender?.close();
	for (const server of servers.toReversed())
		await server.end();
	await cluster?.stop();
});

const anyPort = () => servers[Math.random() < 0.5 ? 0 : 1].port;

/** All attempts of one submission; at the end somebody insists, as a client does that wants to be rid of its copy. */
async function submitOften() {
	const submission = sender.next();
	let left = 1 + Math.floor(Math.random() * 20);
	const other = Math.random() < 10 * SHARE_OTHER_PAYLOAD;
	const attempt = async () => {
		while (left-- > 0) {
			const got = await sender.attempt(anyPort(), submission, {
				variant: other && Math.random() < 0.1 ? 'w' : 'v', cut: Math.random() < SHARE_CUT ? CUTS[Math.floor(Math.random() * 3)] : undefined });
			if (!got.lost && ![201, 409, 503].includes(got.status))
				assert.ok(got.status === 422 && other && JSON.parse(got.text).code === 'idempotency-mismatch', `${got.status} ${got.text}`);
		}
	};
	await Promise.all(Array.from({ length: 1 + Math.floor(Math.random() * 8) }, attempt));
	if (!other)
		await sender.insist(anyPort, submission);
}

async function killNow(n) {
	const server = servers[n % 2];
	server.child.kill('SIGKILL');
	await server.gone;
	await server.start();
}

test(`${SUBMISSIONS} submissions, up to 20 times each`, async () => {
	let next = 0, kills = 0, killing = Promise.resolve();
	await Promise.all(Array.from({ length: HANDS }, async () => {
		while (next < SUBMISSIONS) {
			next++;
			if (kills < KILLS && next > (kills + 0.5) * SUBMISSIONS / KILLS) {
				const n = kills++;
				killing = killing.then(() => killNow(n));
			}
			if (LONG && next % 5000 === 0)
				console.log(`# progress ${next}/${SUBMISSIONS} submissions, ${sender.attempts} attempts`);
			await submitOften();
		}
	}));
	await killing;
	assert.equal(kills, KILLS);
});

test('every one that was acknowledged is there once, as it was sent, and nothing else', async () => {
	const found = await holdAgainst(journal, f.survey.id, { name: 'collect', host: cluster.host });
	console.log(`# ${sender.attempts} attempts, ${sender.cuts} cut, ${sender.lost} lost to kills, by status ${JSON.stringify(sender.status)}; ${found.acknowledged} acknowledged, ${found.stored} stored`);
	assert.ok(found.acknowledged > 0.65 * SUBMISSIONS && found.stored <= SUBMISSIONS);
	for (const status of [201, 409, 422])
		assert.ok(sender.status[status] > 0, `nothing was answered ${status}`);
	assert.ok(sender.cuts > SUBMISSIONS && sender.lost > 0);
});
