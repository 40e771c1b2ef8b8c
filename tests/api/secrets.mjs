// Canaries: secrets and personal answers that are sent in must never come out in logs, metrics or errors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { psql } from '../harness/database.mjs';
import { exchange } from '../harness/raw.mjs';
import { PASSWORD, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: { COLLECT_LOG_LEVEL: 'debug' } });
const CANARIES = { password: 'canary-password-81c4', phone: '+84 909 811 811', remark: 'canary-remark-77d2', token: 'canary.token.5e6f', key: 'canary-idempotency-9a', query: 'canary-query-3b3b', cookie: 'canary-cookie-0c0c',
	parameter: 'canary-parameter-4d4d' };
let f;
before(async () => { f = await publish(server.api, csat()); });

test('a day of use with canaries in every field', async () => {
	const anyone = server.anyone;
	await anyone.post('/api/v1/auth/login', { email: 'ana@acme.example', password: CANARIES.password });
	await anyone.as(CANARIES.token).get('/api/v1/me');
	await submit(anyone, f.slug, { answers: { nps: 1, why_low: CANARIES.remark, call_back: true, phone: CANARIES.phone }, parameters: { store: CANARIES.parameter } },
		{ headers: { 'Idempotency-Key': CANARIES.key, Cookie: `x=${CANARIES.cookie}` } });
	await submit(anyone, f.slug, { answers: { nps: CANARIES.remark, phone: CANARIES.phone, why_low: 7 } });
	await anyone.request('POST', `/api/public/v1/links/${f.slug}/responses`, { raw: `{"answers": {"why_low": "${CANARIES.remark}`, type: 'application/json' });
	await server.api.get('/api/v1/projects', { query: { q: CANARIES.query } });
	await anyone.get(`/s/${f.slug}`, { query: { token: CANARIES.query } });
	await anyone.get(`/api/v1/${CANARIES.query}`);
	await exchange(server.port, [`GET /${CANARIES.query} HTTP/1.1\r\nHost: a\r\nX-Bad : ${CANARIES.token}\r\n\r\n`], { timeout: 2000 });
	// and when the database fails under it
	await psql(server.database.name, 'alter table collect.responses rename to responses_away');
	const failed = await submit(anyone, f.slug, { answers: { nps: 1, why_low: CANARIES.remark } }, { unchecked: true });
	assert.equal(failed.headers['content-type'], 'application/problem+json');
	assert.ok([500, 503].includes(failed.status));
	assert.ok(!/relation|responses_away|42P01|insert/i.test(failed.text), failed.text);
	await psql(server.database.name, 'alter table collect.responses_away rename to responses');
});

test('none of them stands in the log or the metrics', async () => {
	const log = readFileSync(server.logFile, 'utf8');
	const { text: metrics } = await server.internal.get('/internal/metrics');
	for (const [what, value] of Object.entries({ ...CANARIES, realPassword: PASSWORD, signature: server.api.token.split('.')[2], key: server.key })) {
		assert.ok(!log.includes(value), `${what} stands in the log: ${log.split('\n').find((line) => line.includes(value))}`);
		assert.ok(!metrics.includes(value), `${what} stands in the metrics`);
	}
});

test('a line is JSON with known fields; a request names id, route, status and duration', () => {
	const text = readFileSync(server.logFile, 'utf8').trim().split('\n');
	const known = ['time', 'level', 'event', 'request_id', 'client_request_id', 'tenant_id', 'user_id', 'method', 'route', 'status', 'duration_us', 'bytes', 'client', 'code', 'message',
		'sqlstate', 'statement', 'setting', 'port', 'pid', 'count', 'survey_id', 'component', 'migration', 'signal'];
	for (const line of text) {
		const fields = JSON.parse(line);
		assert.ok(Object.keys(fields).every((name) => known.includes(name)), line);
		assert.match(fields.time, /^\d{4}-\d\d-\d\dT.*Z$/);
	}
	const request = server.log().find((l) => l.event === 'request' && l.status === 201 && l.route.includes('{slug}'));
	assert.ok(request, 'a line for the stored answer');
	for (const name of ['request_id', 'tenant_id', 'method', 'duration_us'])
		assert.ok(request[name] !== undefined, `${name} in ${JSON.stringify(request)}`);
});

test('settings are printed with secrets masked', async () => {
	const { stdout } = await server.collect('config');
	assert.ok(!stdout.includes(server.key));
	assert.ok(!stdout.includes(server.database.url));
	assert.match(stdout, /port/);
});
