// A mail server of the test's own (the npm package smtp-server), and certificates for it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { simpleParser } from 'mailparser';
import { command, newFolder } from './run.mjs';

/** A certificate for localhost that vouches for itself: {key, cert, file}. */
export async function certificate() {
	const dir = await newFolder('certificate');
	const [key, file] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
	const made = await command(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', file]);
	assert.equal(made.code, 0, made.stderr);
	return { key: readFileSync(key), cert: readFileSync(file), file };
}

/**
 * Listens on loopback. mails: what was taken, {from, to, user, secure, raw, parsed}; connections: how many there were. `refuse` may be set to
 * (address) => a status code to refuse an addressee with.
 */
export class MailServer {
	constructor({ certificate: { key, cert } = {}, secure = false, starttls = true, user, password } = {}) {
		Object.assign(this, { mails: [], connections: 0, refuse: null });
		this.server = new SMTPServer({
			key, cert, secure, logger: false, authOptional: !user,
			disabledCommands: [...(starttls || secure ? [] : ['STARTTLS']), ...(user ? [] : ['AUTH'])],
			onConnect: (session, done) => { this.connections++; done(); },
			onAuth: (auth, session, done) => {
				if (auth.username === user && auth.password === password)
					return done(null, { user });
				return done(new Error('no such user or password'));
			},
			onRcptTo: (address, session, done) => {
				const code = this.refuse?.(address.address);
				return done(code ? Object.assign(new Error('not now'), { responseCode: code }) : null);
			},
			onData: (stream, session, done) => {
				const parts = [];
				stream.on('data', (bytes) => parts.push(bytes));
				stream.on('end', () => {
					const raw = Buffer.concat(parts);
					simpleParser(raw).then((parsed) => {
						this.mails.push({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map((r) => r.address), user: session.user,
							secure: session.secure, raw, parsed });
						done();
					}, done);
				});
			},
		});
		this.server.on('error', () => {}); // a client that turns away from the certificate
	}

	async start() {
		await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
		this.port = this.server.server.address().port;
		return this;
	}

	stop() {
		return new Promise((resolve) => { this.server.close(resolve); });
	}
}
