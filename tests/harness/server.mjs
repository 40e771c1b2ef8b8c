// `collect serve` on a fresh database and a Redis of its own, for one scenario file.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from './hooks.mjs';
import { Client, expect } from './client.mjs';
import { Contract } from './contract.mjs';
import { newDatabase, startRedis } from './database.mjs';
import { command, newFolder, run, SLOW, unprivileged, until } from './run.mjs';

export const PASSWORD = 'correct horse battery staple';
/** For files that watch the server's memory: AddressSanitizer otherwise keeps 256 MB of what was freed. */
export const SMALL_QUARANTINE = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1:thread_local_quarantine_size_kb=16` };
const SANITIZER = /ERROR: (Address|Leak)Sanitizer|runtime error:|SUMMARY: /;

/**
 * Registers hooks that start a server before the file's tests and stop it after them (with a look at its exit status and at what the sanitizers
 * said). Fields are filled in by then: api (a Client), internal, contract, database, redis, tenant.
 */
export function withServer(options = {}) {
	const server = new Server(options);
	before(() => server.begin());
	after(() => server.end());
	return server;
}

export class Server {
	constructor({ env = {}, binary = run.collect, database, template } = {}) {
		Object.assign(this, { env, binary, given: database, template });
	}

	async begin() {
		this.dir = await newFolder('server');
		this.database = this.given ?? await newDatabase({ template: this.template });
		this.redis = await startRedis();
		this.makeKeys();
		await this.start();
		this.tenant = await this.addTenant('acme', 'ana@acme.example');
		this.api = (await this.login(this.tenant.email));
	}

	makeKeys() {
		mkdirSync(join(this.dir, 'keys'));
		const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
		this.tokenKey = join(this.dir, 'keys', 'token.jwk');
		writeFileSync(this.tokenKey, JSON.stringify({ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'test' }));
		this.key = randomBytes(32).toString('base64url');
	}

	environment() {
		return { ...process.env, COLLECT_DATABASE_URL: this.database.url, COLLECT_REDIS_URL: this.redis.url, COLLECT_DATA: this.dir,
			COLLECT_PORT: '0', COLLECT_INTERNAL_PORT: '0', COLLECT_KEY: this.key, COLLECT_TOKEN_KEY_FILE: this.tokenKey,
			COLLECT_RATE_LIMITS: 'false', ...this.env };
	}

	/** Starts the process and waits until it is ready. */
	async start() {
		rmSync(join(this.dir, 'serve.json'), { force: true });
		this.logFile = join(this.dir, 'serve.log');
		const log = openSync(this.logFile, 'a');
		chmodSync(this.dir, 0o755);
		this.child = spawn(this.binary, ['serve'], { env: this.environment(), stdio: ['ignore', log, log] });
		closeSync(log);
		this.gone = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(code ?? signal)));
		let died = false;
		this.gone.then(() => { died = true; });
		const place = await until('collect serve to listen', () => {
			if (died)
				throw new Error(`collect serve ended: ${readFileSync(this.logFile, 'utf8').slice(-2000)}`);
			return existsSync(join(this.dir, 'serve.json')) && JSON.parse(readFileSync(join(this.dir, 'serve.json'), 'utf8'));
		}).catch((e) => { throw died ? new Error(readFileSync(this.logFile, 'utf8').slice(-4000)) : e; });
		Object.assign(this, { port: place.port, url: place.url, internalPort: place.internal_port, pid: place.pid });
		this.internal = new Client(this.internalPort);
		await until('readyz', async () => (await this.internal.get('/internal/readyz')).status === 200);
		if (!this.contract)
			this.contract = new Contract((await new Client(this.port).get('/openapi.json')).body);
		this.anyone = new Client(this.port, { contract: this.contract });
		if (this.api)
			this.api = this.anyone.as(this.api.token);
	}

	/** A second process on the same database, Redis and keys, with a folder and ports of its own; its end leaves Redis alone. */
	async twin() {
		const other = Object.assign(Object.create(Server.prototype), this, { first: this, child: undefined, logFile: undefined, dir: await newFolder('second') });
		await other.start();
		return other;
	}

	/** TERM, then the exit status and the sanitizers' word. */
	async stop(signal = 'SIGTERM') {
		if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null)
			return this.gone;
		this.child.kill(signal);
		const timer = setTimeout(() => this.child.kill('SIGKILL'), 30000 * SLOW);
		const how = await this.gone;
		clearTimeout(timer);
		return how;
	}

	async end() {
		for (const client of [this.api, this.anyone, this.internal])
			client?.close();
		const how = await this.stop();
		if (!this.first)
			await this.redis?.stop();
		if (!this.logFile)
			return;
		const log = readFileSync(this.logFile, 'utf8');
		assert.ok(!SANITIZER.test(log), `a sanitizer spoke:\n${log.slice(Math.max(0, log.search(SANITIZER) - 500)).slice(0, 6000)}`);
		assert.equal(how, 0, `collect serve ended with ${how}:\n${log.slice(-2000)}`);
	}

	/** The server's log so far, a parsed object a line. */
	log() {
		return readFileSync(this.logFile, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
	}

	/** Runs a subcommand of collect with this server's settings. */
	async collect(...args) {
		return command([this.binary, ...args], { env: this.environment() });
	}

	async addTenant(slug, email, password = PASSWORD) {
		const got = await command([this.binary, 'tenant', 'add', '--slug', slug, '--name', `Tenant ${slug}`, '--email', email,
			'--known-user', '--password-file', '-'], { env: this.environment(), input: password });
		assert.equal(got.code, 0, `collect tenant add: ${got.stderr}`);
		return { id: /^tenant\s+(\S+)/m.exec(got.stdout)[1], slug, email, password };
	}

	/** A client signed in as this address. */
	async login(email, password = PASSWORD) {
		const reply = expect(await this.anyone.post('/api/v1/auth/login', { email, password }), 200);
		return this.anyone.as(reply.body.access_token);
	}

	/** Resident memory in bytes. */
	rss() {
		return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) * 1024;
	}
}

export { unprivileged };
