// A canary in every secret setting, password, key and token, and in every personal answer; then a day of use, with mistakes, a database that
// fails, a worker that sends mails, and a crash. None of them stands in a log, metric, error, list of processes, statistic of the database, dump of it
// or of Redis, or core file.
// What a process is given in its environment is for whoever runs it to read (/proc/PID/environ, of the same user and root); settings with _file keep secrets
// out of it. Mails hold the links that they bring, wherever they go.
// Without COTEST_LONG: the same with the sanitizers; core files are for a program without. time limit: 10 min
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { Client, expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { certificate, MailServer } from '../harness/mail.mjs';
import { exchange } from '../harness/raw.mjs';
import { command, newFolder, run, until } from '../harness/run.mjs';
import { PASSWORD, Server } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { roomInStep, totp } from '../harness/totp.mjs';
import { Worker } from '../harness/worker.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const fresh = (what) => `cnry-${what}-${randomBytes(9).toString('hex')}`;
/** name -> value of what must stay where it is; those of settings first, the program's own are added as they are made. */
const secret = Object.fromEntries(['smtp', 'app', 'public', 'worker', 'url', 'first', 'second', 'wrong', 'provider', 'phone', 'mail', 'consent', 'number'].map((what) => [what, fresh(what)]));
const errors = []; // replies of 400 and more, heads and bodies
let server, worker, mail, cores, survey;

const keep = (what, value) => { assert.ok(typeof value === 'string' && value.length >= 6, `${what}: ${value}`); secret[what] = value; return value; };

/** A client whose refusals are kept. */
function watched(client) {
	const send = client.send.bind(client);
	client.send = async (method, target, options) => {
		const reply = await send(method, target, options);
		if (reply.status >= 400)
			errors.push(`${method} ${target.split('?')[0]} ${reply.status} ${JSON.stringify(reply.headers)} ${reply.bytes.toString('utf8')}`);
		return reply;
	};
	return client;
}
const as = (token) => watched(server.anyone.as(token));

before(async () => {
	cores = await newFolder('cores');
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	const under = join(cores, 'collect');
	writeFileSync(under, `#!/bin/sh\ncd ${cores} && ulimit -c unlimited; exec ${binary} "$@"\n`, { mode: 0o755 });
	const own = await certificate();
	mail = await new MailServer({ certificate: own, user: 'collect', password: secret.smtp }).start();
	server = new Server({ binary: under, env: { COLLECT_LOG_LEVEL: 'debug', COLLECT_DATABASE_APP_PASSWORD: secret.app, COLLECT_DATABASE_PUBLIC_PASSWORD: secret.public,
		COLLECT_DATABASE_WORKER_PASSWORD: secret.worker, COLLECT_SMTP_URL: `smtp://localhost:${mail.port}`, COLLECT_SMTP_USER: 'collect', COLLECT_SMTP_PASSWORD: secret.smtp,
		COLLECT_MAIL_FROM: 'collect@mail.example', COLLECT_CA_FILE: own.file, COLLECT_PUBLIC_URL: 'https://collect.example' } });
	const environment = server.environment.bind(server);
	server.environment = () => ({ ...environment(), COLLECT_DATABASE_URL: `${server.database.url}&password=${secret.url}` });
	await server.begin();
	worker = await new Worker(server, { binary: under }).start();
	secret.kek = server.key;
	const token = JSON.parse(readFileSync(server.tokenKey, 'utf8'));
	secret.tokenKey = token.d;
	const question = (name, more) => ({ type: 'text', name, title: name, ...more });
	survey = await publish(server.api, definition('Canaries', [{ name: 'one', questions: [question('phone', { pii: true }), question('number', { encrypted: true }), question('mail', { pii: true, input: 'email' }),
		question('open', {})] }]));
});
after(async () => {
	await worker?.stop();
	server?.api?.close();
	await server?.end();
	await mail?.stop();
});

// ---- a day of use ----

test('people sign in, wrongly too, change passwords, come in by invitation', async () => {
	const { email } = server.tenant, anyone = watched(server.anyone);
	await anyone.post('/api/v1/auth/login', { email, password: secret.wrong });
	const me = expect(await anyone.post('/api/v1/auth/login', { email, password: PASSWORD }), 200).body;
	keep('accessSignature', me.access_token.split('.')[2]);
	keep('refresh', me.refresh_token);
	const next = expect(await anyone.post('/api/v1/auth/refresh', { refresh_token: me.refresh_token }), 200).body;
	keep('refreshed', next.refresh_token);
	await anyone.post('/api/v1/auth/refresh', { refresh_token: `${next.refresh_token}x` });
	await as(`${next.access_token}x`).get('/api/v1/me');
	const cookie = expect(await anyone.post('/api/v1/auth/login', { email, password: PASSWORD, cookie: true }), 200);
	keep('cookie', /=([^;]+)/.exec([cookie.headers['set-cookie']].flat()[0])[1]);
	keep('forgery', cookie.body.forgery_token);
	const api = as(next.access_token);
	expect(await api.post('/api/v1/invitations', { email: 'guest@example.com', role: 'viewer' }), 201);
	const sent = await until('the invitation', () => mail.mails.find((m) => m.to[0] === 'guest@example.com'));
	const token = keep('invitation', /#token=([\w.-]+)/.exec(sent.parsed.text.replaceAll('\u2060', ''))[1]);
	await anyone.post('/api/v1/auth/accept-invitation', { token: `${token}x`, name: 'Guest', password: secret.first });
	expect(await anyone.post('/api/v1/auth/accept-invitation', { token, name: 'Guest', password: secret.first }), 200);
	expect(await anyone.post('/api/v1/auth/password-reset', { email: 'guest@example.com' }), 202);
	const reset = await until('the reset', () => mail.mails.find((m) => m.to[0] === 'guest@example.com' && m !== sent && /#token=/.test(m.parsed.text)));
	const resetToken = keep('reset', /#token=([\w.-]+)/.exec(reset.parsed.text.replaceAll('\u2060', ''))[1]);
	await anyone.post('/api/v1/auth/password-reset/confirm', { token: resetToken, new_password: 'short' });
	const done = await anyone.post('/api/v1/auth/password-reset/confirm', { token: resetToken, new_password: secret.second });
	assert.ok(done.status < 300, done.text);
});

test('second factors, keys, clients, identity providers', async () => {
	const guest = expect(await server.anyone.post('/api/v1/auth/login', { email: 'guest@example.com', password: secret.second }), 200).body;
	const own = as(guest.access_token), at = '/api/v1/me/second-factor';
	await roomInStep();
	keep('totp', expect(await own.post(at, { password: secret.second }), 200).body.secret);
	const codes = expect(await own.post(`${at}/confirm`, { code: totp(secret.totp, -1) }), 200).body.recovery_codes;
	codes.forEach((code, i) => keep(`recovery${i}`, code));
	const half = expect(await server.anyone.post('/api/v1/auth/login', { email: 'guest@example.com', password: secret.second }), 200).body;
	keep('halfway', half.second_factor_token);
	await watched(server.anyone).post('/api/v1/auth/second-factor', { token: secret.halfway, code: 'ABCD-ABCD-ABCD-ABCD' });
	expect(await server.anyone.post('/api/v1/auth/second-factor', { token: secret.halfway, code: codes[0] }), 200);
	const api = as(server.api.token);
	keep('apiKey', expect(await api.post('/api/v1/api-keys', { name: 'Key', permissions: ['surveys:read'] }), 201).body.key);
	expect(await as(secret.apiKey).get('/api/v1/surveys'), 200);
	await as(`${secret.apiKey}x`).get('/api/v1/surveys');
	await as(secret.apiKey).post('/api/v1/projects', { name: 'not allowed' });
	const client = expect(await api.post('/api/v1/clients', { name: 'Client', permissions: ['surveys:read'] }), 201).body;
	keep('client', client.client_secret);
	const ask = (given) => watched(server.anyone).request('POST', '/api/v1/oauth/token', { raw: new URLSearchParams({ grant_type: 'client_credentials', client_id: client.client.client_id, client_secret: given }).toString(),
		type: 'application/x-www-form-urlencoded', unchecked: true });
	await ask(`${secret.client}x`);
	keep('clientToken', expect(await ask(secret.client), 200).body.access_token.split('.')[2]);
	expect(await api.post('/api/v1/identity-providers', { name: 'Provider', issuer: 'https://id.example.com', client_id: 'collect', client_secret: secret.provider }), 201);
	await api.post('/api/v1/identity-providers', { name: 'Provider', issuer: 'not an address', client_id: 'collect', client_secret: secret.provider });
});

test('respondents give personal answers, also wrong ones, and while the database fails', async () => {
	const anyone = watched(server.anyone);
	const answers = { phone: secret.phone, number: secret.number, mail: `${secret.mail}@example.com`, open: 'nothing' };
	const stored = expect(await submit(anyone, survey.slug, { answers }, { headers: { 'Idempotency-Key': 'one' } }), 201).body;
	await submit(anyone, survey.slug, { answers: { ...answers, mail: secret.mail } });
	await submit(anyone, survey.slug, { answers: { ...answers, open: 7 } });
	await submit(anyone, survey.slug, { answers: { ...answers, phone: { x: secret.phone } } }, { headers: { 'Idempotency-Key': 'one' } });
	await anyone.request('POST', `/api/public/v1/links/${survey.slug}/responses`, { raw: `{"answers": {"phone": "${secret.phone}`, type: 'application/json' });
	await anyone.get(`/s/${survey.slug}?phone=${secret.phone}`);
	await exchange(server.port, [`GET /${secret.phone} HTTP/1.1\r\nHost: a\r\nX-Bad : ${secret.apiKey}\r\n\r\n`], { timeout: 2000 });
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${survey.survey.id}/responses/${stored.id}`), 200).body.personal.phone, secret.phone);
	for (const [away, path] of [['responses', null], ['api_keys', '/api/v1/surveys']]) {
		await psql(server.database.name, `alter table collect.${away} rename to ${away}_away`);
		if (path)
			await watched(server.anyone.as(secret.apiKey)).get(path, { unchecked: true });
		else
			await submit(anyone, survey.slug, { answers }, { unchecked: true });
		await psql(server.database.name, `alter table collect.${away}_away rename to ${away}`);
	}
});

// ---- where they must not be ----

/** The canaries as they could stand somewhere: as they are, in hexadecimal digits, in base64 of either alphabet. */
function forms(value) {
	const bytes = Buffer.from(value), hex = bytes.toString('hex');
	return [value, hex, hex.toUpperCase(), ...[0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').slice(shift ? 4 : 0, -4)).flatMap((b) => [b, b.replaceAll('+', '-').replaceAll('/', '_')])]
		.filter((form) => form.length >= 8);
}

function search(where, text, except = []) {
	assert.ok(text.length > 0, `${where} is empty`);
	const found = Object.entries(secret).filter(([what, value]) => !except.includes(what) && forms(value).some((form) => text.includes(form)))
		.map(([what, value]) => { const at = text.indexOf(forms(value).find((form) => text.includes(form))); return `${what} in ${where}: …${JSON.stringify(text.slice(Math.max(0, at - 200), at + 80))}…`; });
	assert.deepEqual(found, []);
}

test('not in logs, metrics and errors', async () => {
	search('the server\'s log', readFileSync(server.logFile, 'utf8'));
	search('the worker\'s log', readFileSync(worker.logFile, 'utf8'));
	search('the server\'s metrics', (await server.internal.get('/internal/metrics')).text);
	search('the worker\'s metrics', await worker.metrics());
	assert.ok(errors.length >= 15, `${errors.length} refusals`);
	search('errors', errors.join('\n'));
	search('`collect config`', (await server.collect('config')).stdout);
});

test('not in the list of processes', async () => {
	const { stdout } = await command(['ps', '-eo', 'args', '-ww']);
	search('ps', stdout.split('\n').filter((line) => !line.includes('node')).join('\n'));
	for (const pid of [server.pid, worker.child.pid])
		for (const file of ['cmdline', 'comm', 'status'])
			search(`/proc/PID/${file}`, readFileSync(`/proc/${pid}/${file}`, 'latin1'));
});

test('not in the database: dump, log, statistics; not in Redis', async () => {
	const dump = await command(['pg_dump', '-h', server.database.host, '-U', 'postgres', '-d', server.database.name]);
	assert.equal(dump.code, 0, dump.stderr);
	assert.ok(dump.stdout.includes('guest@example.com'), 'the dump holds what is there');
	search('the dump of the database', dump.stdout);
	search('the statistics of the database', (await rows(server.database.name, `select query from pg_stat_activity where datname = current_database()
		union all select query from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())`).catch(() => [['none']])).join('\n'));
	search('the log of the database', readFileSync(join(server.database.host, 'log'), 'latin1'));
	const file = join(cores, 'dump.rdb');
	const saved = await command(['redis-cli', '-s', server.redis.socket, '--rdb', file]);
	assert.ok(existsSync(file), saved.stderr);
	const all = (await command(['redis-cli', '-s', server.redis.socket, 'eval', `local out = {} for _, k in ipairs(redis.call('keys', '*')) do out[#out + 1] = k
		local t = redis.call('type', k).ok if t == 'string' then out[#out + 1] = redis.call('get', k) elseif t == 'hash' then for _, v in ipairs(redis.call('hgetall', k)) do out[#out + 1] = v end
		elseif t == 'set' then for _, v in ipairs(redis.call('smembers', k)) do out[#out + 1] = v end elseif t == 'zset' then for _, v in ipairs(redis.call('zrange', k, 0, -1)) do out[#out + 1] = v end end end return out`, '0'])).stdout;
	search('Redis', all);
	search('the dump of Redis', readFileSync(file, 'latin1'));
	rmSync(file);
});

test('not in files that the server writes, but for mails', () => {
	const look = (folder) => readdirSync(folder, { withFileTypes: true }).forEach((f) => {
		const path = join(folder, f.name);
		if (f.isDirectory() && !['mail', 'keys'].includes(f.name))
			look(path);
		else if (f.isFile() && readFileSync(path).length)
			search(path, readFileSync(path, 'latin1'));
	});
	look(server.dir);
});

test('a crash leaves no core file', async () => {
	const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
	assert.match(readFileSync(`/proc/${worker.child.pid}/limits`, 'latin1'), /Max core file size +0 +0 /);
	server.child.kill('SIGABRT');
	await server.gone;
	server.logFile = null; // it did not end as servers do
	const files = readdirSync(cores).filter((f) => f.startsWith('core'));
	assert.deepEqual(files, [], `core files of the server (pattern ${pattern.trim()})`);
});
