// `collect up --demo`: one command from nothing to a page, and back; what `./run` starts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chownSync, lchownSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { after, test } from 'node:test';
import { join } from 'node:path';
import { Client, expect } from '../harness/client.mjs';
import { Contract } from '../harness/contract.mjs';
import { databaseUrl, psql, startRedis } from '../harness/database.mjs';
import { command, freePort, newFolder, run, sleep, until } from '../harness/run.mjs';

const SECOND_START_MS = 3000;
const started = [];
after(() => { for (const child of started) child.kill('SIGKILL'); });

/** Runs `collect up --demo` until its demo.json is (again) there. */
async function up(data, { args = [], env = {}, port } = {}) {
	port ??= await freePort();
	const began = Date.now();
	const child = spawn(run.collect, ['up', '--demo', '--data', data, '--port', String(port), ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
	started.push(child);
	const it = { child, port, out: '', data };
	it.gone = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
	let ended;
	it.gone.then((how) => { ended = how; });
	child.stdout.on('data', (bytes) => { it.out += bytes; });
	child.stderr.on('data', (bytes) => { it.out += bytes; });
	await until('the demonstration', async () => {
		if (ended !== undefined)
			return true;
		const demo = it.out.includes('/s/csat') && JSON.parse(readFileSync(join(data, 'demo.json'), 'utf8'));
		return demo && (await new Client(port).get('/s/csat')).status === 200 && Object.assign(it, { demo });
	}, 90);
	assert.equal(ended, undefined, `it ended with ${ended}:\n${it.out}`);
	it.ms = Date.now() - began;
	return it;
}

async function down(it, signal = 'SIGINT') {
	it.child.kill(signal);
	const how = await it.gone;
	assert.equal(how, 0, it.out.slice(-3000));
	assert.deepEqual(processesOf(it.data), [], 'something is left running');
}

/** Processes that work in this folder or name it on their command line. */
function processesOf(folder) {
	return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).flatMap((pid) => {
		try {
			const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
			const cwd = readlinkSync(`/proc/${pid}/cwd`);
			return cwd.startsWith(folder) || (line.includes(folder) && !line.startsWith('node')) ? [`${pid} ${line}`] : [];
		} catch {
			return [];
		}
	});
}

/** "PID command line" of those that a process started. */
const childrenOf = (parent) => readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').map((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`);

async function signIn(it) {
	const anyone = new Client(it.port, { contract: new Contract((await new Client(it.port).get('/openapi.json')).body) });
	const { body } = expect(await anyone.post('/api/v1/auth/login', { email: it.demo.email, password: it.demo.password }), 200);
	return anyone.as(body.access_token);
}

const surveyOf = async (api, slug) => (await new Client(api.port).get(`/api/public/v1/links/${slug}`)).body.survey_id;
let data, first;

test('from nothing: a page, a demo.json, a readable block, a sign-in', async () => {
	data = join(await newFolder('up'), 'var');
	first = await up(data);
	const { demo } = first;
	for (const key of ['url', 'internal_url', 'email', 'password', 'tenant_id', 'links'])
		assert.ok(demo[key], `${key} in demo.json`);
	assert.equal(demo.url, `http://127.0.0.1:${first.port}`);
	for (const text of [demo.url, demo.email, demo.password, '/s/csat', '/s/brand-tracker', '/docs', 'Ctrl-C'])
		assert.ok(first.out.includes(text), `the block names ${text}:\n${first.out}`);
	expect(await new Client(first.port).get('/s/brand-tracker'), 200);
	expect(await new Client(first.port).get('/docs'), 200);
	const health = await new Client(Number(new URL(demo.internal_url).port)).get('/internal/readyz');
	assert.equal(health.status, 200);
	const api = await signIn(first);
	expect(await api.get('/api/v1/me'), 200);
});

/** The private cluster, with what a process that is not the operator's has: no password. */
const uninvited = (user) => command(['psql', '-qXAtw', '-h', join(data, 'run'), '-U', user, '-d', 'collect', '-c', 'select 1'], { env: { ...process.env, PGPASSFILE: '/dev/null' } });
const invited = () => command(['psql', '-qXAtw', '-d', /^database_url = (.*)$/m.exec(readFileSync(join(data, 'collect.conf'), 'utf8'))[1], '-c', 'select current_user']);

async function assertClosed() {
	for (const user of ['postgres', 'collect_app', 'collect_public', 'collect_worker']) {
		const got = await uninvited(user);
		assert.equal(got.code, 2, `${user}: ${got.stdout}${got.stderr}`);
		assert.match(got.stderr, /no password supplied/);
	}
	assert.equal((await invited()).stdout, 'postgres\n');
	for (const name of ['postgres.pgpass', 'app-password', 'public-password', 'worker-password'])
		assert.equal(statSync(join(data, 'keys', name)).mode & 0o777, 0o600, name);
}

test('nobody enters the private cluster without a password, and neither server nor worker knows the superuser', async () => {
	await assertClosed();
	const secret = (name) => readFileSync(join(data, 'keys', name), 'utf8').trim().split(':').pop();
	const others = { serve: ['postgres.pgpass', 'worker-password'], worker: ['postgres.pgpass', 'app-password', 'public-password'] };
	for (const [part, names] of Object.entries(others)) {
		const pid = childrenOf(first.child.pid).map((l) => l.split(' ')).find((l) => l[2] === part)[0];
		const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
		assert.match(environment, /COLLECT_DATABASE_URL=host=/);
		assert.doesNotMatch(environment, /user=|pgpass/);
		for (const name of names)
			assert.ok(!environment.includes(secret(name)), `${part} knows ${name}`);
	}
});

test('an answer given before a stop is there after the next start, which is quick', async () => {
	const api = await signIn(first);
	const sent = expect(await api.as(null).post('/api/public/v1/links/csat/responses', { answers: { nps: 2, why_low: 'queue', call_back: true, phone: '0901 234 567' } }), 201).body;
	await down(first);
	const second = await up(data);
	assert.ok(second.ms < SECOND_START_MS, `the second start took ${second.ms} ms`);
	for (const key of ['email', 'password', 'tenant_id'])
		assert.equal(second.demo[key], first.demo[key], key);
	const again = await signIn(second);
	const survey = await surveyOf(again, 'csat');
	const { body } = expect(await again.get(`/api/v1/surveys/${survey}/responses/${sent.id}`), 200);
	assert.deepEqual(body.answers, { nps: 2, why_low: 'queue', call_back: true });
	assert.deepEqual(body.personal, { phone: '0901 234 567' });
	first = second;
});

test('a second one in the same folder, and a port that is taken, are told plainly', async () => {
	const same = await command([run.collect, 'up', '--data', data, '--port', String(await freePort())]);
	assert.notEqual(same.code, 0);
	assert.match(same.stderr + same.stdout, /another `collect up`/);
	const blocker = net.createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => blocker.once('listening', resolve));
	const { port } = blocker.address();
	const other = join(await newFolder('up'), 'var');
	const began = Date.now();
	const taken = await command([run.collect, 'up', '--demo', '--data', other, '--port', String(port)]);
	blocker.close();
	assert.notEqual(taken.code, 0);
	assert.match(taken.stderr, new RegExp(`${port}.*taken`));
	assert.match(taken.stderr, /--port/);
	assert.ok(Date.now() - began < 3000);
	assert.deepEqual(processesOf(other), []);
	expect(await new Client(first.port).get('/s/csat'), 200);
});

test('the server is started again when it dies', async () => {
	const { pid } = JSON.parse(readFileSync(join(data, 'serve.json'), 'utf8'));
	process.kill(pid, 'SIGKILL');
	await until('the page to be back', async () => (await new Client(first.port).get('/s/csat')).status === 200 &&
		JSON.parse(readFileSync(join(data, 'serve.json'), 'utf8')).pid !== pid);
});

test('a log that grows too long is put aside, and goes on', async () => {
	const log = join(first.data, 'log', 'serve.log'), old = `${log}.old`;
	const marker = `before-${process.pid}`;
	expect(await new Client(first.port).get('/robots.txt', { headers: { 'X-Request-Id': marker } }), 200);
	await until('the line', () => readFileSync(log, 'utf8').includes(marker));
	truncateSync(log, 33 * 1024 * 1024);
	await until('the log put aside', () => statSync(log).size < 1024 * 1024 && statSync(old).size >= 33 * 1024 * 1024);
	assert.ok(readFileSync(old, 'latin1').includes(marker));
	expect(await new Client(first.port).get('/robots.txt', { headers: { 'X-Request-Id': `after-${process.pid}` } }), 200);
	const line = await until('a line at the new beginning', () => readFileSync(log, 'utf8').split('\n').find((l) => l.includes(`after-${process.pid}`)));
	assert.equal(JSON.parse(line).status, 200);
	assert.ok(!readFileSync(log).includes(0), 'a hole where the old lines were');
});

test('collect doctor finds the installation sound', async () => {
	const got = await command([run.collect, 'doctor', '--config', join(data, 'collect.conf')]);
	assert.equal(got.code, 0, got.stdout + got.stderr);
});

test('a cluster of an older release, which let everybody in, is closed at the next start', async () => {
	await down(first);
	writeFileSync(join(data, 'postgres', 'pg_hba.conf'), 'local all all trust\n');
	for (const name of ['postgres.pgpass', 'app-password', 'public-password', 'worker-password'])
		rmSync(join(data, 'keys', name));
	const { tenant_id: tenant } = first.demo;
	first = await up(data);
	assert.equal(first.demo.tenant_id, tenant);
	await assertClosed();
});

test('when the supervisor itself is killed, nothing is left', async () => {
	first.child.kill('SIGKILL');
	await first.gone;
	await until('everything to end', () => processesOf(data).length === 0, 15);
	first = await up(data);
	await down(first, 'SIGTERM');
});

test('--fresh begins anew, but never in a folder that is not its own', async () => {
	const fresh = await up(data, { args: ['--fresh'] });
	assert.notEqual(fresh.demo.tenant_id, first.demo.tenant_id);
	await down(fresh);
	const alien = await newFolder('alien');
	writeFileSync(join(alien, 'diary.txt'), 'not ours');
	const got = await command([run.collect, 'up', '--demo', '--fresh', '--data', alien, '--port', String(await freePort())], { timeout: 20000 });
	assert.equal(got.code, 1, got.stdout + got.stderr);
	assert.match(got.stderr, /alien/);
	assert.deepEqual(readdirSync(alien), ['diary.txt']);
});

test('root gives nothing away: neither through a link inside the folder nor through one on the way to it', { skip: process.getuid() !== 0 }, async () => {
	const place = await newFolder('links');
	const victim = join(place, 'victim');
	mkdirSync(victim, { mode: 0o755 });
	const { uid, gid } = statSync(data);
	// what the unprivileged user could do to its own folder, and root's next start
	rmSync(join(data, 'log'), { recursive: true });
	symlinkSync(victim, join(data, 'log'));
	lchownSync(join(data, 'log'), uid, gid);
	const refused = async (folder, ...more) => {
		const got = await command([run.collect, 'up', '--data', folder, '--port', String(await freePort()), ...more], { timeout: 20000 });
		assert.equal(got.code, 1, got.stdout + got.stderr);
		return got.stderr;
	};
	await refused(data);
	assert.equal(statSync(victim).uid, 0);
	assert.deepEqual(readdirSync(victim), []);
	// a link that the user put where root was told to make the folder
	chownSync(place, uid, gid);
	symlinkSync(victim, join(place, 'var'));
	lchownSync(join(place, 'var'), uid, gid);
	for (const folder of ['var', 'var/below'])
		assert.match(await refused(join(place, folder), '--fresh'), /var/);
	assert.equal(statSync(victim).uid, 0);
	assert.deepEqual(readdirSync(victim), []);
});

test('with a database and a Redis given, those are used and none is started', async () => {
	const name = `up_${process.pid}`;
	assert.equal((await psql('postgres', `create database ${name}`)).code, 0);
	const redis = await startRedis();
	const folder = join(await newFolder('up'), 'var');
	const it = await up(folder, { env: { COLLECT_DATABASE_URL: databaseUrl(name), COLLECT_REDIS_URL: redis.url } });
	const running = processesOf(folder).join('\n');
	assert.doesNotMatch(running, /postgres -D|redis-server/);
	assert.equal((await psql(name, 'select count(*) from collect.tenants where id <> collect.system_tenant()')).stdout.trim(), '1');
	const api = await signIn(it);
	expect(await api.get('/api/v1/surveys'), 200);
	await down(it);
	await redis.stop();
	await sleep(100);
});
