// What the process tells its operators: health, readiness, metrics; on the internal listener only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let f;
before(async () => { f = await publish(server.api, csat()); });

/** "name{a="b"} 7" lines as {name, labels, value}. */
function parse(text) {
	return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
		const [, name, labels, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line);
		return { name, value: Number(value), labels: Object.fromEntries([...(labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]])) };
	});
}
const metrics = async () => parse(expect(await server.internal.get('/internal/metrics'), 200).text);

test('health and readiness', async () => {
	assert.equal(expect(await server.internal.get('/internal/healthz'), 200).body.status, 'ok');
	const { body } = expect(await server.internal.get('/internal/readyz'), 200);
	assert.deepEqual([body.database, body.redis], ['ok', 'ok']);
});

test('the public listener knows nothing of it, the internal one nothing else', async () => {
	for (const path of ['/internal/healthz', '/internal/readyz', '/internal/metrics', '/internal/drain', '/internal/reload']) {
		expect(await server.anyone.get(path), 404);
		expect(await server.anyone.post(path), 404);
	}
	for (const path of ['/api/v1/me', `/s/${f.slug}`, '/openapi.json'])
		assert.equal((await server.internal.get(path)).status, 404);
});

test('the metrics have their names and labels', async () => {
	expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }), 201);
	expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200);
	const all = await metrics();
	const of = (name) => all.filter((m) => m.name === name);
	const tenant = server.tenant.id;
	assert.ok(of('http_requests_total').some((m) => m.labels.method === 'GET' && m.labels.endpoint === '/api/v1/surveys/{id}' && m.labels.status_code === '200'
		&& m.labels.tenant_id === tenant && m.value >= 1));
	assert.ok(of('http_request_duration_seconds_bucket').some((m) => m.labels.le === '+Inf'));
	assert.ok(of('http_request_duration_seconds_count').length && of('http_request_duration_seconds_sum').length);
	assert.deepEqual(of('survey_responses_total').map((m) => [m.labels.tenant_id, m.labels.survey_id, m.labels.status, m.value]),
		[[tenant, f.survey.id, 'completed', 1]]);
	assert.ok(of('active_surveys_count').some((m) => m.labels.tenant_id === tenant && m.value === 1));
	const ratios = of('cache_hit_ratio');
	assert.deepEqual(ratios.map((m) => m.labels.level).sort(), ['l1', 'l2']);
	assert.ok(ratios.every((m) => m.value >= 0 && m.value <= 1) && of('cache_entries')[0].value >= 2 && of('cache_bytes')[0].value > 1000);
	assert.ok(of('database_connection_pool_size').some((m) => m.labels.pool_type && m.value >= 1));
});

test('endpoints are patterns, so their number is bounded', async () => {
	for (let i = 0; i < 50; i++)
		await server.anyone.get(`/nowhere/${i}`);
	for (let i = 0; i < 5; i++)
		await server.anyone.get(`/s/no-such-${i}`);
	const endpoints = new Set((await metrics()).filter((m) => m.name === 'http_requests_total').map((m) => m.labels.endpoint));
	for (const endpoint of endpoints)
		assert.ok(!/nowhere\/\d|no-such|[0-9a-f]{8}-/.test(endpoint), endpoint);
	assert.ok(endpoints.size < 60);
});

test('help and type stand before each metric', async () => {
	const { text } = await server.internal.get('/internal/metrics');
	for (const name of ['http_requests_total', 'http_request_duration_seconds', 'survey_responses_total', 'active_surveys_count', 'database_connection_pool_size']) {
		assert.match(text, new RegExp(`^# HELP ${name} .+`, 'm'));
		assert.match(text, new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'));
	}
});

test('reload takes a new log level and says what it did', async () => {
	const reply = await server.internal.post('/internal/reload');
	assert.ok([200, 202].includes(reply.status), reply.text);
});
