// What a server gives up: that it is gone for good, that a server works without it, and that a kernel without these means is no reason not to start.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before } from '../harness/hooks.mjs';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { command, newFolder, run, until } from '../harness/run.mjs';
import { Server, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const PROGRAM = join(dirname(run.collect), 'test_confine');
const server = withServer();
const root = process.getuid() === 0;
let folder, kernel;

before(async () => {
	folder = `${await newFolder('confine')}/`;
	for (const name of ['open', 'made'])
		mkdirSync(join(folder, name));
	for (const name of ['secret', 'open/file', 'made/file'])
		writeFileSync(join(folder, name), 'x');
	const { stderr } = await attempt('read-open');
	kernel = { landlock: Number(/landlock (\d+)/.exec(stderr)[1]), seccomp: /seccomp 1/.test(stderr) };
});
const attempt = (what) => command([PROGRAM, 'try', what, folder], { env: process.env });
const status = (pid, name) => new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];

test('what is needed still works', async () => {
	for (const what of ['read-open', 'make-inside', 'listen-any', 'signal-self', 'thread']) {
		const got = await attempt(what);
		assert.equal(got.stdout, 'done\n', `${what}: ${got.stdout} ${got.stderr} ${got.code}`);
	}
});

test('files: nothing else is read, written, made, cut or moved', async (t) => {
	if (!kernel.landlock)
		return t.skip('this kernel has no Landlock');
	const tries = ['read-shadow', 'read-home', 'read-secret', 'read-up', 'write-open', 'make-outside', 'move-out', 'link-inside'];
	for (const what of [...tries, ...(kernel.landlock >= 3 ? ['cut-open'] : []), ...(kernel.landlock >= 4 ? ['listen-other'] : [])]) {
		const got = await attempt(what);
		assert.match(got.stdout, /^refused: (Permission denied|Invalid cross-device link|Function not implemented)/, `${what}: ${got.stdout}${got.stderr}`);
	}
	assert.equal(readFileSync(join(folder, 'open/file'), 'utf8'), 'x');
	assert.deepEqual(readdirSync(folder).sort(), ['made', 'open', 'secret']);
});

test('programs, other processes, the kernel: who tries is ended', async (t) => {
	if (!kernel.seccomp)
		return t.skip('this kernel has no seccomp');
	for (const what of ['run', 'run-by-descriptor', 'trace', 'trace-me', 'read-memory', 'mount', 'unshare', 'bpf', 'io-uring', 'keys']) {
		const got = await attempt(what);
		assert.equal(got.signal ?? got.code, 'SIGSYS', `${what}: ${got.stdout} ${got.code}`);
		assert.equal(got.stdout, '');
	}
});

test('what else is not needed is not there', async (t) => {
	if (!kernel.seccomp)
		return t.skip('this kernel has no seccomp');
	for (const what of ['fork', 'fork-by-hand', 'signal-other', 'socket-packet', 'socket-raw', 'socket-crypto', 'socket-vsock', 'become-root',
		'dumpable', 'core-limit', 'privileges', 'unknown-call']) {
		const got = await attempt(what);
		assert.equal(got.stdout, 'refused: Function not implemented\n', `${what}: ${got.stdout} ${got.code} ${got.signal}`);
	}
});

test('no core file', async () => {
	assert.equal((await attempt('core-seen')).stdout, 'refused: Operation not permitted\n');
	const got = await command(['sh', '-c', `cd ${folder}made && ulimit -c unlimited && exec ${PROGRAM} try core-written ${folder}`], { env: process.env });
	assert.equal(got.signal ?? got.code, 'SIGABRT');
	assert.deepEqual(readdirSync(join(folder, 'made')).filter((n) => n.includes('core')), []);
});

test('root becomes somebody else for good', async (t) => {
	if (!root)
		return t.skip('not root');
	writeFileSync(join(folder, 'secret'), 'x', { mode: 0o600 });
	chmodSync(join(folder, 'secret'), 0o600);
	const got = await command([PROGRAM, 'user', 'nobody', join(folder, 'secret')], { env: process.env });
	assert.match(got.stdout, /^refused: Permission denied\nrefused: Operation not permitted\n[1-9]\d* [1-9]\d* 0\n$/);
	assert.equal((await command([PROGRAM, 'user', 'nobody-of-that-name', '/'], { env: process.env })).stdout, 'no: there is no such user\n');
	assert.equal((await command([PROGRAM, 'user', 'root', '/'], { env: process.env })).stdout, 'no: that user is root\n');
});

test('a server says what it has given up: log, metrics, doctor, and the kernel agrees', async () => {
	const line = server.log().find((l) => l.event === 'confined');
	assert.equal(line.level, kernel.landlock && kernel.seccomp ? 'info' : 'warn');
	assert.match(line.message, /^core files: none/);
	assert.equal(status(server.pid, 'NoNewPrivs'), '1');
	assert.equal(status(server.pid, 'Seccomp'), kernel.seccomp ? '2' : '0');
	const { text } = expect(await server.internal.get('/internal/metrics'), 200);
	assert.match(text, new RegExp(`^process_confined\\{part="landlock"\\} ${kernel.landlock}$`, 'm'));
	assert.match(text, new RegExp(`^process_confined\\{part="seccomp"\\} ${Number(kernel.seccomp)}$`, 'm'));
	assert.match(text, /^process_confined\{part="no_new_privileges"\} 1$/m);
	const { stdout } = await server.collect('doctor');
	assert.match(stdout, new RegExp(`^ok +confinement: Landlock: ABI ${kernel.landlock}; filter of system calls: yes; the setting confine is on$`, 'm'));
	assert.match(stdout, new RegExp(`^${root ? 'WRONG' : 'ok'} +running server: process ${server.pid}, ${root ? 'as root' : 'not as root'}.*: no; system calls: filtered$`, 'm'));
	assert.equal(readlinkSync(join(server.dir, 'serve.json')), 'place/serve.json');
});

/** A server beside the first, on its database, with other settings; ended with the file. */
async function another(env, binary = run.collect) {
	const s = new Server({ env, binary, database: server.database });
	Object.assign(s, { dir: await newFolder('server'), database: server.database, redis: server.redis, contract: server.contract });
	s.makeKeys();
	s.key = server.key;
	s.tokenKey = server.tokenKey;
	after(async () => {
		s.anyone?.close();
		s.internal?.close();
		assert.equal(await s.stop(), 0, readFileSync(s.logFile, 'utf8').slice(-2000));
	});
	return s;
}

test('a kernel without Landlock and seccomp: it starts, works and says so', async () => {
	const wrapper = join(folder, 'open/collect');
	writeFileSync(wrapper, `#!/bin/sh\nexec ${PROGRAM} without ${run.collect} "$@"\n`);
	chmodSync(wrapper, 0o755);
	const s = await another({}, wrapper);
	await s.start();
	const line = s.log().find((l) => l.event === 'confined');
	assert.equal(line.level, 'warn');
	assert.match(line.message, /files: not confined.*no Landlock.*system calls: not filtered/);
	const { text } = expect(await s.internal.get('/internal/metrics'), 200);
	assert.match(text, /^process_confined\{part="landlock"\} 0$/m);
	assert.match(text, /^process_confined\{part="seccomp"\} 0$/m);
	const { stdout } = await command([wrapper, 'doctor'], { env: s.environment() });
	assert.match(stdout, /^ok +confinement: Landlock: not in this kernel, files are not confined; filter of system calls: not in this kernel/m);
	expect(await s.anyone.get('/openapi.json'), 200);
});

test('the setting confine turns it off, and the log says so', async () => {
	const s = await another({ COLLECT_CONFINE: 'false' });
	await s.start();
	assert.ok(s.log().some((l) => l.event === 'not confined' && l.level === 'warn'));
	assert.equal(status(s.pid, 'NoNewPrivs'), '0');
	const { stdout } = await s.collect('doctor');
	assert.match(stdout, /the setting confine is off/);
});

test('started by root for a user it answers as that user, with keys that only root may read', async (t) => {
	if (!root)
		return t.skip('not root');
	const s = await another({ COLLECT_USER: 'nobody' });
	writeFileSync(join(s.dir, 'kek'), server.key, { mode: 0o600 });
	s.env = { COLLECT_USER: 'nobody', COLLECT_KEY: '', COLLECT_KEY_FILE: join(s.dir, 'kek') };
	await s.start();
	assert.notEqual(status(s.pid, 'Uid'), '0');
	const f = await publish(server.api, csat());
	expect(await submit(s.anyone, f.slug, { answers: { nps: 3, why_low: 'The queue' } }), 201);
	assert.ok(!s.log().some((l) => l.event === 'runs as root'));
	const none = await command([run.collect, 'serve'], { env: { ...s.environment(), COLLECT_USER: 'nobody-of-that-name' } });
	assert.equal(none.code, 1);
	assert.match(none.stderr, /nobody-of-that-name.*there is no such user/);
});

test('HUP reads settings that an editor has replaced', async () => {
	const s = await another({});
	const settings = await newFolder('settings'), file = join(settings, 'collect.conf');
	writeFileSync(file, 'log_level = info\n');
	const wrapper = join(folder, 'open/with');
	writeFileSync(wrapper, `#!/bin/sh\nexec ${run.collect} "$@" --config ${file}\n`);
	chmodSync(wrapper, 0o755);
	s.binary = wrapper;
	await s.start();
	writeFileSync(`${file}.new`, 'log_level = debug\nrate_login = address=1/2\n');
	renameSync(`${file}.new`, file);
	s.child.kill('SIGHUP');
	const said = await until('the reload', () => s.log().find((l) => l.event.startsWith('reload')));
	assert.equal(said.event, 'reloaded', JSON.stringify(said));
	assert.ok(existsSync(join(s.dir, 'serve.json')));
});

test('a settings file in the data folder does not open the keys beside it', async (t) => {
	if (!kernel.landlock)
		return t.skip('this kernel has no Landlock');
	const s = await another({});
	const file = join(s.dir, 'collect.conf');
	mkdirSync(join(s.dir, 'keys'), { recursive: true });
	for (const name of ['given', 'other'])
		writeFileSync(join(s.dir, 'keys', name), 'a secret of many letters\n', { mode: 0o600 });
	writeFileSync(file, `smtp_password_file = ${join(s.dir, 'keys/given')}\n`);
	const wrapper = join(folder, 'open/inside');
	writeFileSync(wrapper, `#!/bin/sh\nexec ${run.collect} "$@" --config ${file}\n`);
	chmodSync(wrapper, 0o755);
	s.binary = wrapper;
	await s.start();
	const hup = async (n) => {
		s.child.kill('SIGHUP');
		return until('the reload', () => s.log().filter((l) => l.event.startsWith('reload'))[n]);
	};
	writeFileSync(file, `log_level = debug\nsmtp_password_file = ${join(s.dir, 'keys/given')}\n`);
	assert.equal((await hup(0)).event, 'reloaded');
	writeFileSync(file, `smtp_password_file = ${join(s.dir, 'keys/other')}\n`);
	const said = await hup(1);
	assert.notEqual(said.event, 'reloaded', JSON.stringify(said));
	assert.match(said.message, /Permission denied|cannot be read/);
});
