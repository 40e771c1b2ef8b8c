// What a run of ./test hands to every scenario file, and small processes started under it.
import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const need = (name) => {
	if (!process.env[name])
		throw new Error(`${name} is not set: run scenarios by ./test, for example ./test api/login`);
	return process.env[name];
};

export const run = {
	dir: need('COTEST_RUN'), // throw-away folder of this run
	pg: need('COTEST_PG'), // socket folder of the run's PostgreSQL
	collect: need('COTEST_BIN'),
	user: process.env.COTEST_USER ?? '', // the unprivileged user when we are root
};

const execFileAsync = promisify(execFile);
/** How much longer than usual things may take: more than 1 when the program runs under valgrind. */
export const SLOW = Number(process.env.COTEST_SLOW ?? 1);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A new folder of this run, owned by the unprivileged user. */
export async function newFolder(name) {
	const path = mkdtempSync(join(run.dir, `${name}-`)); // numbers of processes come again in a long run
	chmodSync(path, 0o755);
	if (run.user) {
		const { stdout } = await execFileAsync('id', ['-u', run.user]);
		chownSync(path, Number(stdout), -1);
	}
	return path;
}

/** The command line that runs `argv` as the unprivileged user when we are root. */
export function unprivileged(argv) {
	return run.user ? ['setpriv', `--reuid=${run.user}`, `--regid=${run.user}`, '--clear-groups', '--', ...argv] : argv;
}

/** Runs a program to its end: {code, stdout, stderr}; never throws for an exit status. */
export async function command(argv, { env = {}, cwd, input, timeout = 60000 * SLOW } = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...env }, cwd, timeout });
		let stdout = '', stderr = '';
		child.stdout.on('data', (bytes) => { stdout += bytes; });
		child.stderr.on('data', (bytes) => { stderr += bytes; });
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({ code: code ?? signal, stdout, stderr }));
		child.stdin.on('error', () => {});
		child.stdin.end(input ?? '');
	});
}

/** Polls until `check` answers something truthy; says what it waited for when it never does. */
export async function until(what, check, seconds = 20) {
	const end = Date.now() + seconds * SLOW * 1000;
	let last;
	while (Date.now() < end) {
		try {
			const got = await check();
			if (got)
				return got;
		} catch (e) {
			last = e;
		}
		await sleep(30);
	}
	throw new Error(`waited ${seconds} s for ${what}${last ? `; at last: ${last.message}` : ''}`);
}

export function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		server.on('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}
