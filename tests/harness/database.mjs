// Databases and Redis of a scenario file: a fresh copy of the migrated template, and a Redis of its own on a socket.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { command, newFolder, run, unprivileged, until } from './run.mjs';

let databases = 0;

/** Makes a database from the migrated template (or an empty one; COTEST_TEMPLATE names another one); answers {name, url}. */
export async function newDatabase({ template = process.env.COTEST_TEMPLATE ?? 'collect_template', host = run.pg } = {}) {
	const name = `t_${process.pid}_${++databases}`;
	// two files may copy the template at the same moment; the second waits its turn
	await until(`a copy of ${template}`, async () => {
		const got = await psql('postgres', `create database ${name} template ${template}`, { host });
		if (got.code !== 0 && !/being accessed by other users|already exists/.test(got.stderr))
			throw new Error(got.stderr);
		return got.code === 0 || /already exists/.test(got.stderr);
	});
	return { name, host, url: databaseUrl(name, host) };
}

export function databaseUrl(name, host = run.pg, user = 'postgres') {
	return `postgresql:///${name}?host=${encodeURIComponent(host)}&user=${user}`;
}

/** Runs SQL text by psql, as the cluster's superuser unless told otherwise. */
export async function psql(database, sql, { host = run.pg, user = 'postgres' } = {}) {
	return command(['psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-h', host, '-U', user, '-d', database], { input: sql });
}

/** The rows of one query as arrays of text. A superuser is not held by row security, so this sees every tenant. */
export async function rows(database, sql, options = {}) {
	const got = await psql(database, `set search_path = collect, public;\n${sql}`, options);
	if (got.code !== 0)
		throw new Error(`${sql}: ${got.stderr}`);
	return got.stdout.split('\n').filter((line) => line !== '').map((line) => line.split('|'));
}

/** A Redis of its own: {url, pid, stop(), start()}; started again it is empty and listens at the same place. */
export async function startRedis() {
	const dir = await newFolder('redis');
	const socket = join(dir, 'redis.sock');
	const argv = unprivileged(['redis-server', '--port', '0', '--unixsocket', socket, '--unixsocketperm', '777', '--dir', dir,
		'--save', '', '--appendonly', 'no', '--daemonize', 'no']);
	let child;
	const redis = {
		url: `unix://${socket}?db=0`,
		socket,
		start: async () => {
			child = spawn(argv[0], argv.slice(1), { stdio: 'ignore' });
			redis.pid = child.pid;
			await until('Redis', async () => (await command(['redis-cli', '-s', socket, 'ping'])).stdout.startsWith('PONG'));
		},
		stop: (signal = 'SIGTERM') => new Promise((resolve) => {
			if (child.exitCode !== null || child.signalCode !== null)
				return resolve();
			child.on('exit', resolve);
			child.kill(signal);
		}),
	};
	await redis.start();
	return redis;
}
