// What tests of one person's data share: asking, and looking for what is left of somebody.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before } from './hooks.mjs';
import { expect } from './client.mjs';
import { psql, rows } from './database.mjs';
import { command } from './run.mjs';
import { withServer } from './server.mjs';
import { definition, submit } from './surveys.mjs';
import { Worker, ended, untilJob } from './worker.mjs';

export const ERASURES = '/api/v1/privacy/erasures', EXPORTS = '/api/v1/privacy/exports';

/** A server with a worker, and the ways to ask them. */
export function withPrivacy() {
	const server = withServer(), logs = [];
	const it = { server, worker: null };
	it.start = async () => { it.worker = await new Worker(server).start(); logs.push(it.worker.logFile); };
	before(it.start);
	after(() => it.worker?.stop());
	it.query = (sql) => rows(server.database.name, sql);
	it.run = async (sql, tenant = server.tenant.id) => {
		const got = await psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${tenant}';\n${sql}`);
		assert.equal(got.code, 0, got.stderr);
	};
	it.done = async (reply, api = server.api) => untilJob(api, expect(reply, 202).body.id, ended);
	it.erase = async (body, api = server.api) => it.done(await api.post(ERASURES, body), api);
	it.gather = async (body, api = server.api) => it.done(await api.post(EXPORTS, body), api);
	it.answer = async (s, answers, options = {}) =>
		expect(await submit(server.anyone, s.slug, { answers: { terms: true, ...answers }, ...options }), 201).body.id;
	it.redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout;
	it.traces = (texts) => traces(server, [server.logFile, ...logs], texts);
	return it;
}

/** Where one of these texts stands: in any table, in Redis, in one of the logs. */
export async function traces(server, logs, texts) {
	const found = [];
	const look = (where, text) => {
		for (const t of texts)
			for (const form of [t, Buffer.from(t).toString('hex'), Buffer.from(t).toString('base64').replace(/=+$/, '').slice(0, -2)])
				if (text.toLowerCase().includes(form.toLowerCase()))
					found.push(`${where.split('\n')[0]}: ${form}`);
	};
	const dump = await command(['pg_dump', '-h', server.database.host, '-U', 'postgres', '--data-only', '-d', server.database.name]);
	assert.equal(dump.code, 0, dump.stderr);
	assert.ok(dump.stdout.includes('acme'), 'the dump has the tenants');
	for (const block of dump.stdout.split(/^COPY /m))
		look(block.slice(0, 40), block);
	const redis = async (...args) => (await command(['redis-cli', '-s', server.redis.socket, ...args])).stdout;
	const keys = (await redis('keys', '*')).split('\n').filter(Boolean);
	for (const key of keys) {
		const type = (await redis('type', key)).trim();
		look(key, key + await redis(...{ string: ['get', key], hash: ['hgetall', key], set: ['smembers', key], zset: ['zrange', key, '0', '-1'],
			list: ['lrange', key, '0', '-1'], stream: ['xrange', key, '-', '+'] }[type]));
	}
	for (const file of logs)
		look(file, readFileSync(file, 'utf8'));
	return found;
}

/** Two personal questions and three others. */
export const visit = () => definition('Visit', [{ name: 'p', questions: [
	{ type: 'single', name: 'city', title: 'Which city?', choices: [{ value: 'hn', label: 'Hanoi' }, { value: 'hcm', label: 'Saigon' }] },
	{ type: 'text', name: 'remark', title: 'Remark' },
	{ type: 'text', name: 'email', title: 'Your e-mail', input: 'email', pii: true },
	{ type: 'text', name: 'phone', title: 'Your phone', input: 'tel', pii: true },
	{ type: 'consent', name: 'terms', title: 'Terms', text: 'I have read the terms.' },
] }], { parameters: [{ name: 'panel', type: 'text', export: true }] });
