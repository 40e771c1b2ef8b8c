// Mail: what a real mail server receives, what stands in files without one, and that nothing else gets out.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { MailServer, certificate } from '../harness/mail.mjs';
import { command, newFolder, run, unprivileged, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { Worker, addJobs, ended, untilJob } from '../harness/worker.mjs';

const PASSWORD = 'canary-smtp-password';
const JOINER = '\u2060';
const server = withServer();
let own;
const servers = [];
before(async () => { own = await certificate(); });
after(async () => { for (const s of servers) await s.stop(); });

const listen = async (options) => {
	const s = await new MailServer(options).start();
	servers.push(s);
	return s;
};
const settings = (mail, more = {}) => ({ COLLECT_SMTP_URL: `smtp://localhost:${mail.port}`, COLLECT_CA_FILE: own.file,
	COLLECT_MAIL_FROM: 'Cimigo "Collect" ệ <collect@mail.example>', COLLECT_PUBLIC_URL: 'https://collect.example/', ...more });
const collect = (args, env) => command(unprivileged([run.collect, ...args]), { env: { ...env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS}:detect_leaks=0` } });

const SUBJECTS = {
	password_reset: ['Set a new password', 'Đặt mật khẩu mới'],
	invitation: [`Invitation to An organisation`, `Lời mời tham gia An organisation`],
	new_device: ['New sign-in to your account', 'Đăng nhập mới vào tài khoản của bạn'],
	locked: ['Sign-in to your account is paused', 'Tạm dừng đăng nhập vào tài khoản của bạn'],
};

/** The words of an HTML text, as a reader sees them. */
const visible = (html) => html.replace(/<title>.*?<\/title>/s, '').replace(/<[^>]*>/g, ' ').replace(/&amp;/g, '&').replace(/&quot;/g, '"')
	.replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/\s+/g, ' ').trim();

test('without a mail server each mail is a file', async () => {
	const data = await newFolder('mail-files');
	for (const [kind, subjects] of Object.entries(SUBJECTS))
		for (const [i, language] of ['en', 'vi'].entries()) {
			const got = await collect(['mail', 'ana@acme.example', '--kind', kind, '--language', language],
				{ COLLECT_DATA: data, COLLECT_PUBLIC_URL: 'https://collect.example' });
			assert.equal(got.code, 0, got.stderr);
			assert.match(got.stdout, /written into .*\/mail/);
			const files = readdirSync(join(data, 'mail')).filter((f) => f.includes(`-${kind}-`)).sort();
			assert.equal(files.length, i + 1);
			const all = await Promise.all(files.map((f) => simpleParser(readFileSync(join(data, 'mail', f)))));
			const mail = all.find((m) => m.headers.get('content-language') === language);
			assert.equal(mail.subject, subjects[i]);
			assert.equal(mail.to.text, 'ana@acme.example');
			assert.equal(mail.from.text, '"Cimigo Collect" <collect@localhost>');
			const linked = ['password_reset', 'invitation'].includes(kind);
			const links = [...mail.html.matchAll(/<a href="([^"]*)"/g)].map((m) => m[1]);
			assert.deepEqual(links, linked ? ['https://collect.example/sample-link-that-opens-nothing'] : []);
			assert.equal(mail.text.includes('https://collect.example/sample-link-that-opens-nothing\n'), linked);
			assert.equal((mail.text.match(/https?:/g) ?? []).length, linked ? 1 : 0);
			assert.ok(!mail.text.includes('{{') && !mail.html.includes('{{'));
			// the same words both ways, the link aside
			const paragraphs = mail.text.split('\n\n').map((p) => p.trim()).filter((p) => p && !p.startsWith('https:'));
			for (const p of paragraphs)
				assert.ok(visible(mail.html).includes(p), `${kind}.${language}: ${p}`);
		}
	for (const file of readdirSync(join(data, 'mail'))) {
		assert.match(file, /^\d{4}-\d\d-\d\dT\d{6}Z-[a-z_]+-[0-9a-f-]{36}\.eml$/);
		assert.equal(statSync(join(data, 'mail', file)).mode & 0o777, 0o600);
	}
	assert.equal(statSync(join(data, 'mail')).mode & 0o777, 0o700);
});

test('a mail server gets it by STARTTLS, signed in', async () => {
	const mail = await listen({ certificate: own, user: 'collect', password: PASSWORD });
	const got = await collect(['mail', 'ana@acme.example', '--kind', 'invitation', '--language', 'vi'],
		settings(mail, { COLLECT_SMTP_USER: 'collect', COLLECT_SMTP_PASSWORD: PASSWORD }));
	assert.equal(got.code, 0, got.stderr);
	assert.equal(mail.mails.length, 1);
	const [one] = mail.mails;
	assert.deepEqual([one.from, one.to, one.user, one.secure], ['collect@mail.example', ['ana@acme.example'], 'collect', true]);
	const { parsed } = one;
	assert.equal(parsed.subject, SUBJECTS.invitation[1]);
	assert.deepEqual(parsed.from.value, [{ address: 'collect@mail.example', name: 'Cimigo "Collect" ệ' }]);
	assert.ok(parsed.text.includes('A colleague mời bạn làm việc cùng An organisation trên Cimigo Collect.'), parsed.text);
	assert.ok(parsed.html.includes('<html lang="vi">'));
	assert.ok(parsed.html.includes('<a href="https://collect.example/sample-link-that-opens-nothing">Nhận lời mời</a>'));
	assert.match(parsed.messageId, /^<[0-9a-f-]{36}@mail\.example>$/);
	assert.ok(Math.abs(parsed.date - Date.now()) < 60000);
	assert.equal(parsed.headers.get('auto-submitted'), 'auto-generated');
	assert.deepEqual(parsed.attachments, []);
	assert.ok(!/[^\r]\n/.test(one.raw.toString('latin1')) && !/[\x80-\xff]/.test(one.raw.toString('latin1')));
	assert.ok(!`${got.stdout}${got.stderr}`.includes(PASSWORD) && !got.stderr.includes('acme'), got.stderr);
});

test('a mail server that speaks TLS at once', async () => {
	const mail = await listen({ certificate: own, secure: true });
	const got = await collect(['mail', 'ana@acme.example'], settings(mail, { COLLECT_SMTP_URL: `smtps://localhost:${mail.port}` }));
	assert.equal(got.code, 0, got.stderr);
	assert.deepEqual(mail.mails.map((m) => [m.to, m.secure, m.parsed.subject]), [[['ana@acme.example'], true, SUBJECTS.locked[0]]]);
});

test('no TLS, no mail, unless the operator says so', async () => {
	const plain = await listen({ certificate: own, starttls: false });
	assert.equal((await collect(['mail', 'ana@acme.example'], settings(plain))).code, 1);
	assert.ok(plain.connections > 0 && plain.mails.length === 0);
	assert.equal((await collect(['mail', 'ana@acme.example'], settings(plain, { COLLECT_SMTP_STARTTLS: 'off' }))).code, 0);
	assert.deepEqual(plain.mails.map((m) => m.secure), [false]);
	// a certificate that nobody vouches for, and one for another name
	const strange = await listen({ certificate: own });
	assert.equal((await collect(['mail', 'ana@acme.example'], settings(strange, { COLLECT_CA_FILE: '' }))).code, 1);
	assert.equal((await collect(['mail', 'ana@acme.example'], settings(strange, { COLLECT_SMTP_URL: `smtp://127.0.0.1:${strange.port}` }))).code, 1);
	assert.equal(strange.mails.length, 0);
});

test('what the server refuses, for good or for a while', async () => {
	const mail = await listen({ certificate: own });
	mail.refuse = () => 550;
	const never = await collect(['mail', 'nobody@acme.example'], settings(mail));
	assert.deepEqual([never.code, /refuses it or the mail for good/.test(never.stderr)], [1, true], never.stderr);
	mail.refuse = () => 451;
	const later = await collect(['mail', 'nobody@acme.example'], settings(mail));
	assert.deepEqual([later.code, /does not take the mail now/.test(later.stderr)], [1, true], later.stderr);
	const signed = await listen({ certificate: own, user: 'collect', password: PASSWORD });
	const wrong = await collect(['mail', 'ana@acme.example'], settings(signed, { COLLECT_SMTP_USER: 'collect', COLLECT_SMTP_PASSWORD: 'wrong' }));
	assert.deepEqual([wrong.code, /does not take the mail now/.test(wrong.stderr)], [1, true], wrong.stderr);
	const gone = await listen({ certificate: own });
	await gone.stop();
	servers.pop();
	assert.equal((await collect(['mail', 'ana@acme.example'], settings(gone))).code, 1);
});

test('an address is an address and nothing more', async () => {
	const mail = await listen({ certificate: own });
	for (const address of ['a@b\r\nRCPT TO:<x@y.example>', 'a@b>\r\nDATA', '<a@b>', 'a@b,c@d', 'a@b c', 'ana', '', '"a b"@c.example', 'a@b SIZE=1', 'é@x.example']) {
		const got = await collect(['mail', address], settings(mail));
		assert.equal(got.code, 1, address);
	}
	assert.equal(mail.connections, 0);
});

test('settings that cannot work are told at the start', async () => {
	for (const [env, words] of [[{ COLLECT_SMTP_URL: 'http://localhost' }, /smtp_url must begin with/], [{ COLLECT_SMTP_URL: 'smtp://u:p@localhost' }, /smtp_user and smtp_password/],
		[{ COLLECT_SMTP_URL: 'smtp://localhost' }, /mail_from is needed/], [{ COLLECT_MAIL_FROM: 'Collect' }, /mail_from is no address/], [{ COLLECT_PUBLIC_URL: 'collect.example' }, /public_url must begin/]]) {
		const got = await collect(['mail', 'ana@acme.example'], { COLLECT_DATA: await newFolder('mail-wrong'), ...env });
		assert.equal(got.code, 1);
		assert.match(got.stderr, words);
	}
	const unknown = await collect(['mail', 'ana@acme.example', '--kind', 'invitation'], { COLLECT_DATA: await newFolder('mail-wrong') });
	assert.deepEqual([unknown.code, /set public_url/.test(unknown.stderr)], [1, true], unknown.stderr);
});

const mailJobs = (status) => rows(server.database.name, `select id, payload from job_records where type = 'mail.send' and status = '${status}' order by created_at`);

test('a room asks in its transaction, the worker sends; until then it is sealed', async () => {
	const mail = await listen({ certificate: own });
	const secret = 'canary-link-token';
	const ask = { to: 'canary-addressee@acme.example', language: 'vi', path: `/accept?token=${secret}`, by: 'Nguyễn Ánh <b>evil.example</b>', tenant: 'Acme\nBcc: x@y.example' };
	// only test.mail: what it asked for lies there
	const first = await new Worker(server, { args: ['--types', 'test.mail'], env: settings(mail) }).start();
	const [id] = await addJobs(server, [{ type: 'test.mail', payload: ask }]);
	await untilJob(server.api, id, ended);
	await first.stop();
	const [[jobId, payload]] = await mailJobs('queued');
	assert.deepEqual(Object.keys(JSON.parse(payload)).sort(), ['key_purpose', 'key_version', 'kind', 'mail', 'sealed']);
	assert.ok(!payload.includes(secret) && !payload.includes('canary') && !payload.includes('acme'), payload);
	const worker = await new Worker(server, { env: settings(mail) }).start();
	const done = await untilJob(server.api, jobId, ended);
	assert.equal(done.status, 'succeeded', JSON.stringify(done));
	const [one] = mail.mails;
	assert.deepEqual([mail.mails.length, one.to, one.parsed.messageId], [1, ['canary-addressee@acme.example'], `<${jobId}@mail.example>`]);
	assert.equal(one.parsed.subject.replaceAll(JOINER, ''), 'Lời mời tham gia Acme Bcc: x@y.example');
	assert.deepEqual([...one.parsed.html.matchAll(/<a href="([^"]*)"/g)].map((m) => m[1]), [`https://collect.example/accept?token=${secret}`]);
	assert.ok(!one.parsed.html.includes('<b>') && !one.parsed.text.includes('evil.example') && one.parsed.text.includes(`evil.${JOINER}example`));
	assert.ok(!one.parsed.headers.has('bcc'));
	assert.match(await worker.metrics(), /mails_total\{kind="invitation",outcome="sent"\} 1/);
	await worker.stop();
	const log = readFileSync(worker.logFile, 'utf8');
	assert.ok(log.includes('"mail"') && !log.includes(secret) && !log.includes('canary'), log);
});

test('a mail that is refused for good is a dead job that says why; one asked for wrongly is refused at once', async () => {
	const mail = await listen({ certificate: own });
	mail.refuse = () => 550;
	const worker = await new Worker(server, { env: settings(mail) }).start();
	const [id, wrong] = await addJobs(server, [{ type: 'test.mail', payload: { to: 'nobody@acme.example' } }, { type: 'test.mail', payload: { to: 'no address' } }], { attempts: 1 });
	assert.equal((await untilJob(server.api, id, ended)).status, 'succeeded');
	assert.equal((await untilJob(server.api, wrong, ended)).status, 'dead');
	const dead = await until('the mail to be given up', async () => (await mailJobs('dead'))[0]);
	const told = await untilJob(server.api, dead[0], ended);
	assert.match(JSON.stringify(told.error), /refuses the mail or its addressee/);
	assert.ok(!JSON.stringify(told).includes('nobody@'));
	await worker.stop();
});

test('without public_url links lead to the server of the data folder', async () => {
	const worker = await new Worker(server).start();
	const [id] = await addJobs(server, [{ type: 'test.mail', payload: { to: 'ana@acme.example' } }]);
	await untilJob(server.api, id, ended);
	const folder = join(server.dir, 'mail');
	const file = await until('a file', () => readdirSync(folder).find((f) => f.endsWith('.eml')));
	const parsed = await simpleParser(readFileSync(join(folder, file)));
	assert.ok(parsed.html.includes(`<a href="${server.url}/x">`), parsed.html);
	await worker.stop();
});

test('a worker that is told to stop does not wait for a mail server that hangs, and gives the mail back', async () => {
	const held = [];
	const silent = net.createServer((socket) => { held.push(socket); socket.on('error', () => {}); });
	servers.push({ stop: () => { silent.close(); held.forEach((socket) => socket.destroy()); } });
	await new Promise((resolve) => { silent.listen(0, '127.0.0.1', resolve); });
	const worker = await new Worker(server, { env: settings({ port: silent.address().port }, { COLLECT_DRAIN_MS: '300' }) }).start();
	const [id] = await addJobs(server, [{ type: 'test.mail', payload: { to: 'ana@acme.example' } }]);
	await untilJob(server.api, id, ended);
	const [[jobId]] = await until('the mail to be on its way', async () => { const r = await mailJobs('running'); return r.length > 0 && held.length > 0 && r; });
	const started = Date.now();
	await worker.stop(20);
	assert.ok(Date.now() - started < 8000, `${Date.now() - started} ms`);
	const back = expect(await server.api.get(`/api/v1/jobs/${jobId}`), 200).body;
	assert.deepEqual([back.status, back.attempts], ['queued', 0], JSON.stringify(back));
	// whoever comes next sends it
	const mail = await listen({ certificate: own });
	const next = await new Worker(server, { env: settings(mail) }).start();
	assert.equal((await untilJob(server.api, jobId, ended)).status, 'succeeded');
	assert.equal(mail.mails.length, 1);
	await next.stop();
});
