// A PostgreSQL cluster of a scenario's own, durable (fsync on), for tests in which things die.
import { join } from 'node:path';
import { command, newFolder, run, unprivileged as asUser } from './run.mjs';
import { databaseUrl, psql } from './database.mjs';

const BIN = '/usr/lib/postgresql/15/bin';

/**
 * {host, url(database), stop(mode), start()}; the database "collect" is migrated. `inside` is a command before every one of the cluster's own, such as
 * nsenter; `data` a folder that those see; `settings` further lines of postgresql.conf.
 */
export async function startCluster({ inside = [], data, initdb = [], settings = '' } = {}) {
	const dir = await newFolder('cluster');
	data ??= join(dir, 'data');
	const unprivileged = (argv) => [...inside, ...asUser(argv)];
	const must = async (argv, options) => {
		const got = await command(argv, options);
		if (got.code !== 0)
			throw new Error(`${argv.join(' ')}: ${got.stdout}${got.stderr}`);
	};
	await must(unprivileged([`${BIN}/initdb`, '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', ...initdb]), { cwd: dir });
	const conf = `listen_addresses = ''\nfsync = on\nmax_connections = 200\njit = off\nshared_preload_libraries = 'pg_stat_statements'\n${settings}`;
	await must(unprivileged(['sh', '-c', 'cat >>"$0/postgresql.conf"', data]), { cwd: dir, input: conf });
	const cluster = {
		host: dir,
		url: (name) => databaseUrl(name, dir),
		start: () => must(unprivileged([`${BIN}/pg_ctl`, '-D', data, '-o', `-k ${dir}`, '-l', join(dir, 'log'), '-w', 'start']), { cwd: dir }),
		stop: (mode = 'fast') => must(unprivileged([`${BIN}/pg_ctl`, '-D', data, '-m', mode, '-w', 'stop']), { cwd: dir }),
	};
	await cluster.start();
	await psql('postgres', 'create database collect', { host: dir });
	await must([run.collect, 'migrate'], { env: { COLLECT_DATABASE_URL: cluster.url('collect') } });
	return cluster;
}
