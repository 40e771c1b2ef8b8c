// `collect worker` beside a server of a scenario, and jobs put into its database the way job_add() does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, expect } from './client.mjs';
import { psql, rows } from './database.mjs';
import { command, run, SLOW, until } from './run.mjs';

/** The program with the types of job of src/main/job_double.c besides the real ones. */
export const TEST_WORKER = join(dirname(run.collect), 'test_worker');
const SANITIZER = /ERROR: (Address|Leak)Sanitizer|runtime error:|SUMMARY: /;
let started = 0;

export class Worker {
	/** args: further arguments of `collect worker`. */
	constructor(server, { args = [], env = {}, binary = TEST_WORKER } = {}) {
		Object.assign(this, { server, args, env, binary });
	}

	async start() {
		this.logFile = join(this.server.dir, `worker-${++started}.log`);
		const log = openSync(this.logFile, 'a');
		this.child = spawn(this.binary, ['worker', ...this.args], { env: { ...this.server.environment(), ...this.env }, stdio: ['ignore', log, log] });
		closeSync(log);
		this.child.unref(); // one that a failed test left running must not keep the file from ending
		this.gone = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(code ?? signal)));
		let died = false;
		this.gone.then(() => { died = true; });
		const line = await until('a worker', () => {
			// one that worked and is gone already did begin
			const begun = this.log().find((l) => l.event === 'working');
			assert.ok(begun || !died, `the worker ended: ${readFileSync(this.logFile, 'utf8').slice(-3000)}`);
			return begun;
		});
		this.internal = new Client(line.port);
		return this;
	}

	kill() {
		this.internal?.close();
		this.child.kill('SIGKILL');
		return this.gone;
	}

	/** TERM; it must end with 0, and no sanitizer may have spoken. */
	async stop(seconds = 30) {
		this.internal?.close();
		this.child.kill('SIGTERM');
		const timer = setTimeout(() => this.child.kill('SIGKILL'), seconds * SLOW * 1000);
		const how = await this.gone;
		clearTimeout(timer);
		const log = readFileSync(this.logFile, 'utf8');
		assert.ok(!SANITIZER.test(log), log.slice(Math.max(0, log.search(SANITIZER) - 500)).slice(0, 6000));
		assert.equal(how, 0, log.slice(-2000));
	}

	log() {
		return readFileSync(this.logFile, 'utf8').split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
	}

	async metrics() {
		return expect(await this.internal.get('/internal/metrics'), 200).text;
	}
}

/** Jobs for a tenant as its server adds them: [{type, payload, ref, user}]; answers their ids. */
export async function addJobs(server, jobs, { tenant = server.tenant.id, attempts = 3, delayMs = 0 } = {}) {
	const made = jobs.map((j) => ({ id: randomUUID(), payload: {}, ...j }));
	const sql = made.map((j) => `with q as materialized (select job_enqueue('${j.id}', '${j.type}', '${j.ref ?? j.id}', 0, ${delayMs}) as id)
		insert into job_records (tenant_id, id, type, ref, payload, max_attempts, created_by, updated_by)
		select current_tenant_id(), id, '${j.type}', '${j.ref ?? j.id}', '${JSON.stringify(j.payload)}', ${attempts},
			${j.user ? `'${j.user}'` : 'null'}, null from q where id = '${j.id}';`).join('\n');
	const got = await psql(server.database.name, `set search_path = collect; begin; select set_config('app.current_tenant_id', '${tenant}', true);\n${sql}\ncommit`,
		{ host: server.database.host, user: 'collect_app' });
	assert.equal(got.code, 0, got.stderr);
	return made.map((j) => j.id);
}

/** The job once `check` holds for it. */
export function untilJob(api, id, check, seconds = 30) {
	let last;
	return until(`job ${id}`, async () => {
		last = expect(await api.get(`/api/v1/jobs/${id}`), 200).body;
		return check(last) && last;
	}, seconds).catch((e) => { throw new Error(`${e.message}: ${JSON.stringify(last)}`); });
}
export const ended = (job) => job.finished_at !== null;

/** Has a job that comes round in every tenant come round now; the one of this server's first tenant, when it ended. */
export async function round(server, type) {
	const of = `select id from collect.job_records where type = '${type}' and tenant_id = '${server.tenant.id}'`;
	const known = (await rows(server.database.name, of)).flat();
	const due = await psql(server.database.name, `update collect.jobs set due_at = now() where type = '${type}' and tenant_id is null`);
	assert.equal(due.code, 0, due.stderr);
	await command(['redis-cli', '-s', server.redis.socket, 'publish', 'collect:jobs', 'new']);
	const id = await until('the tenant\'s job', async () => (await rows(server.database.name, of)).flat().find((j) => !known.includes(j)));
	return untilJob(server.api, id, ended);
}
