// What may break under load, breaks: the server is killed, PostgreSQL stops at once, one of its backends dies inside a commit, Redis dies, the disk is full.
// Everything that was acknowledged is there once, nothing else is, nothing is there by half, and it goes on by itself.
// Without COTEST_LONG: two of each. time limit: 40 min
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { psql, rows } from '../harness/database.mjs';
import { counted, holdAgainst, Journal, Sender } from '../harness/journal.mjs';
import { command, newFolder, run, sleep, until } from '../harness/run.mjs';
import { Server } from '../harness/server.mjs';
import { publish } from '../harness/surveys.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const times = (many) => (LONG ? many : 2);
const HANDS = 12;
/** Ready again after a fault, by the issue; a machine that builds beside it may take longer, so that the median counts and only in the long run. */
const SERVER_READY_MS = 1000, DATABASE_READY_MS = 5000;

let binary, cluster, f;
before(async () => {
	binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	cluster = await startCluster();
	f = await inTheField(cluster);
});
after(async () => {
	await f?.end();
	await cluster?.stop();
});

/** A server on a cluster with a survey in the field, and a load of submissions upon it. */
async function inTheField(on) {
	const server = new Server({ binary, database: { name: 'collect', host: on.host, url: on.url('collect') } });
	await server.begin();
	const { survey, slug } = await publish(server.api, counted());
	const journal = await new Journal().begin();
	const sender = new Sender(slug, journal);
	const field = { server, survey, journal, sender, where: { name: 'collect', host: on.host }, acknowledged: 0, on: false, hands: [] };
	field.begin = () => {
		field.on = true;
		field.hands = Array.from({ length: HANDS }, async () => {
			while (field.on) {
				await sender.insist(() => server.port, sender.next());
				field.acknowledged++;
			}
		});
	};
	field.stop = async () => {
		field.on = false;
		await Promise.all(field.hands);
	};
	/** Waits for so many more. */
	field.more = async (n) => {
		const most = field.acknowledged + n;
		await Promise.race([until(`${n} more answers`, () => field.acknowledged >= most, 120), ...field.hands]);
	};
	field.hold = async () => {
		await field.stop();
		const found = await holdAgainst(journal, survey.id, field.where);
		assert.equal(found.acknowledged, field.acknowledged);
		return found;
	};
	field.end = async () => {
		field.on = false;
		await Promise.allSettled(field.hands);
		sender.close();
		await server.end();
	};
	return field;
}

/** Under load, so many times: `fault` answers how long it took, in ms, until all was well again. */
async function again(t, many, bound, fault) {
	const took = [];
	f.begin();
	for (let n = 1; n <= many; n++) {
		await f.more(15);
		await sleep(Math.random() * 60);
		took.push(await fault(n));
		if (LONG && n % 10 === 0)
			console.log(`# progress ${n}/${many} ${t.name}`);
	}
	await f.more(15);
	const found = await f.hold();
	took.sort((a, b) => a - b);
	const median = took[Math.floor(took.length / 2)];
	console.log(`# ${t.name}: ${many} times, ready after ${median.toFixed(0)} ms (median), ${took.at(-1).toFixed(0)} at most; ${found.acknowledged} acknowledged so far`);
	if (LONG)
		assert.ok(median <= bound, `ready after ${median} ms`);
}

const since = (start) => performance.now() - start;

async function firstAnswer(start) {
	await f.more(1);
	return since(start);
}

test('the server is killed', (t) => again(t, times(100), SERVER_READY_MS, async () => {
	f.server.child.kill('SIGKILL');
	assert.equal(await f.server.gone, 'SIGKILL');
	const start = performance.now();
	await f.server.start();
	return since(start);
}));

test('PostgreSQL stops at once', (t) => again(t, times(30), DATABASE_READY_MS, async () => {
	await cluster.stop('immediate');
	await sleep(Math.random() * 300);
	await cluster.start();
	return firstAnswer(performance.now());
}));

const setting = async (sql) => {
	for (const one of [sql, 'select pg_reload_conf()'])
		assert.equal((await psql('collect', one, { host: cluster.host })).code, 0);
};

test('a backend dies inside a commit', async (t) => {
	// a commit waits a while before it flushes, so that nearly all of a writer's time with a transaction's number is inside of one
	await setting('alter system set commit_delay = 30000');
	await setting('alter system set commit_siblings = 0');
	await again(t, times(100), DATABASE_READY_MS, async (n) => {
		const kill = n % 2 ? 'pid' : 'pg_terminate_backend(pid)';
		const pid = await until('a commit', async () => {
			const [one] = await rows('collect', `select pid, ${kill} from pg_stat_activity where usename = 'collect_public' and state = 'active' and backend_xid is not null
				and wait_event is null limit 1`, f.where);
			return one?.[0];
		});
		const start = performance.now();
		if (n % 2)
			try {
				process.kill(Number(pid), 'SIGKILL');
			} catch (e) {
				assert.equal(e.code, 'ESRCH');
			}
		return firstAnswer(start);
	});
	await setting('alter system reset all');
});

test('Redis is killed; answers are taken meanwhile', (t) => again(t, times(20), SERVER_READY_MS, async () => {
	await f.server.redis.stop('SIGKILL');
	const start = performance.now();
	const took = await firstAnswer(start);
	await f.more(20);
	await f.server.redis.start();
	return took;
}));

/** A mount namespace with a small tmpfs, kept by a process that sleeps: {inside, folder, end()}. */
async function smallDisk(megabytes) {
	const folder = await newFolder('disk');
	const holder = spawn('unshare', ['-m', 'sh', '-c', `mount -t tmpfs -o size=${megabytes}m,mode=777 tmpfs "$0" && echo ready && exec sleep 3600`, folder],
		{ stdio: ['ignore', 'pipe', 'inherit'] });
	const ready = await new Promise((resolve) => {
		holder.stdout.once('data', () => resolve(true));
		holder.once('exit', () => resolve(false));
	});
	return { ready, folder, inside: ['nsenter', '-t', String(holder.pid), '-m'], end: () => holder.kill('SIGKILL') };
}

test('the disk is full', { skip: process.getuid() === 0 ? false : 'only root may mount a small disk' }, async (t) => {
	const disk = await smallDisk(160);
	assert.ok(disk.ready, 'a tmpfs in a namespace of its own');
	const small = await startCluster({ inside: disk.inside, data: `${disk.folder}/data`, initdb: ['--wal-segsize=1'],
		settings: 'max_wal_size = 16MB\nmin_wal_size = 2MB\nshared_buffers = 16MB\n' });
	const field = await inTheField(small);
	const ballast = `${disk.folder}/ballast`, within = (...argv) => command([...disk.inside, ...argv]);
	const refused = () => Object.entries(field.sender.status).reduce((n, [status, many]) => n + (Number(status) >= 500 ? many : 0), 0) + field.sender.lost;
	for (let n = 1; n <= times(10); n++) {
		field.begin();
		await field.more(20);
		await within('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=1M');
		const before = refused();
		await until('answers to be refused', () => refused() > before + 20, 60);
		assert.equal((await field.server.anyone.get('/')).status < 500, true);
		await within('rm', ballast);
		const up = await within('test', '-e', `${disk.folder}/data/postmaster.pid`);
		if (up.code !== 0)
			await small.start();
		const start = performance.now();
		await field.more(1);
		console.log(`# progress ${n}/${times(10)} ${t.name}: taken again after ${since(start).toFixed(0)} ms${up.code ? ', PostgreSQL had ended' : ''}`);
		await field.hold();
	}
	for (const status of Object.keys(field.sender.status))
		assert.ok(['201', '409', '503'].includes(status), `answered ${status}`);
	await field.end();
	await small.stop();
	disk.end();
});
