// HTTP itself: methods, CORS, validators, compression, request ids, deadlines that concern every route.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { exchange } from '../harness/raw.mjs';
import { until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const ORIGIN = 'https://console.acme.example';
const server = withServer({ env: { COLLECT_CORS_ORIGINS: `https://other.example ${ORIGIN}` } });
let f;
before(async () => { f = await publish(server.api, csat()); });

test('HEAD answers as GET without a body', async () => {
	for (const path of ['/openapi.json', `/api/public/v1/links/${f.slug}`, `/s/${f.slug}`, '/docs', '/static/docs/docs.js']) {
		const get = expect(await server.anyone.get(path), 200);
		const head = expect(await server.anyone.head(path), 200);
		assert.equal(head.headers['content-type'], get.headers['content-type'], path);
		assert.equal(head.headers.etag, get.headers.etag, path);
		assert.equal(head.bytes.length, 0);
	}
	expect(await server.anyone.head('/api/v1/me'), 401);
	expect(await server.anyone.head('/nowhere'), 404);
});

test('OPTIONS tells the methods', async () => {
	const reply = await server.anyone.options('/api/v1/projects');
	assert.ok([200, 204].includes(reply.status));
	const allow = reply.headers.allow.split(/,\s*/).sort();
	assert.deepEqual(allow, ['GET', 'HEAD', 'OPTIONS', 'POST']);
	expect(await server.anyone.options('/nowhere'), 404);
});

test('CORS: the public tree is open to every page, the API to those named', async () => {
	const preflight = (path, origin, method = 'POST') => server.anyone.options(path, { headers: { Origin: origin, 'Access-Control-Request-Method': method,
		'Access-Control-Request-Headers': 'content-type, idempotency-key' } });
	const open = await preflight(`/api/public/v1/links/${f.slug}/responses`, 'https://anywhere.example');
	assert.equal(open.headers['access-control-allow-origin'], '*');
	assert.match(open.headers['access-control-allow-methods'], /POST/);
	assert.match(open.headers['access-control-allow-headers'], /Idempotency-Key/i);
	const named = await preflight('/api/v1/projects', ORIGIN);
	assert.equal(named.headers['access-control-allow-origin'], ORIGIN);
	assert.match(named.headers.vary, /Origin/);
	const stranger = await preflight('/api/v1/projects', 'https://evil.example');
	assert.equal(stranger.headers['access-control-allow-origin'], undefined);
	const simple = await server.api.get('/api/v1/projects', { headers: { Origin: 'https://evil.example' } });
	assert.equal(simple.headers['access-control-allow-origin'], undefined);
	const read = await server.anyone.get(`/api/public/v1/links/${f.slug}`, { headers: { Origin: 'https://anywhere.example' } });
	assert.equal(read.headers['access-control-allow-origin'], '*');
	assert.equal(read.headers['access-control-allow-credentials'], undefined);
});

test('an unknown address is 404, a method that it does not answer 405 with Allow', async () => {
	for (const path of ['/nowhere', '/api', '/api/v1', '/api/v2/projects', '/api/v1/projects/', '/API/v1/projects', '/api/v1//projects', '/internal/metrics'])
		expect(await server.api.get(path), 404, 'not-found');
	for (const [method, path] of [['DELETE', '/api/v1/projects'], ['PUT', '/api/v1/projects'], ['POST', '/api/v1/me'], ['GET', '/api/v1/auth/login'],
		['PATCH', `/api/public/v1/links/${f.slug}`], ['POST', '/openapi.json'], ['FROBNICATE', '/api/v1/projects']]) {
		const reply = method === 'FROBNICATE'
			? await exchange(server.port, [`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`])
			: await server.api.request(method, path);
		assert.equal(reply.status, 405, `${method} ${path}`);
		assert.ok(reply.headers.allow, `${method} ${path}`);
	}
});

test('ETag and If-None-Match: what has not changed is not sent again', async () => {
	for (const path of ['/openapi.json', `/api/public/v1/links/${f.slug}`, '/docs', '/static/docs/docs.css', '/static/docs/swagger-ui-bundle.js']) {
		const { headers } = expect(await server.anyone.get(path), 200);
		assert.match(headers.etag, /^(W\/)?"[^"]+"$/, path);
		for (const tag of [headers.etag, `"x", ${headers.etag}`, '*', `W/${headers.etag.replace(/^W\//, '')}`]) {
			const reply = expect(await server.anyone.get(path, { headers: { 'If-None-Match': tag } }), 304);
			assert.equal(reply.received, 0);
			assert.equal(reply.headers.etag, headers.etag);
		}
		expect(await server.anyone.get(path, { headers: { 'If-None-Match': '"something-else"' } }), 200);
	}
});

test('text is compressed when asked for, and is the same text', async () => {
	for (const path of ['/openapi.json', '/docs', '/static/docs/swagger-ui.css', `/s/${f.slug}`, `/api/public/v1/links/${f.slug}`]) {
		const plain = expect(await server.anyone.get(path), 200);
		assert.equal(plain.encoding, '', path);
		for (const coding of ['gzip', 'br']) {
			const packed = expect(await server.anyone.get(path, { headers: { 'Accept-Encoding': coding } }), 200);
			if (plain.bytes.length >= 1024) {
				assert.equal(packed.encoding, coding, path);
				assert.ok(packed.received < plain.bytes.length, path);
			}
			assert.match(packed.headers.vary ?? '', /Accept-Encoding/i, path);
			// a page may hold a fresh token in each copy; its length stays
			assert.ok(packed.bytes.equals(plain.bytes) || path.startsWith('/s/'), path);
		}
		const refused = expect(await server.anyone.get(path, { headers: { 'Accept-Encoding': 'gzip;q=0, br;q=0, identity' } }), 200);
		assert.equal(refused.encoding, '', path);
	}
	const best = expect(await server.anyone.get('/openapi.json', { headers: { 'Accept-Encoding': 'gzip, deflate, br, zstd' } }), 200);
	assert.equal(best.encoding, 'br');
});

test('the request id is made here and stands in reply, problem and log; the client\'s stands beside it when it is sound', async () => {
	const first = expect(await server.anyone.get('/api/v1/me', { headers: { 'X-Request-Id': 'trace-7.A_b' } }), 401);
	const good = expect(await server.anyone.get('/api/v1/me', { headers: { 'X-Request-Id': first.body.request_id } }), 401);
	assert.notEqual(good.headers['x-request-id'], first.headers['x-request-id'], 'another request\'s id');
	assert.equal(good.body.request_id, good.headers['x-request-id']);
	for (const bad of ['x'.repeat(65), 'a b', 'a"b', '<script>', 'ü'.normalize()]) {
		const reply = await server.anyone.get('/api/v1/me', { headers: { 'X-Request-Id': Buffer.from(bad).toString('latin1') } });
		assert.notEqual(reply.headers['x-request-id'], bad);
		assert.match(reply.headers['x-request-id'], /^[0-9a-f]{16}-[0-9a-f]{8}$/);
	}
	const ids = await Promise.all(Array.from({ length: 20 }, async () => (await server.anyone.get('/openapi.json')).headers['x-request-id']));
	assert.equal(new Set(ids).size, 20);
	const lines = server.log();
	assert.ok(lines.some((l) => l.request_id === first.body.request_id && l.client_request_id === 'trace-7.A_b' && l.status === 401 && l.route));
	assert.ok(lines.some((l) => l.request_id === good.body.request_id && l.client_request_id === first.body.request_id));
	assert.ok(!lines.some((l) => /[^A-Za-z0-9._-]|.{65}/.test(l.client_request_id ?? '')));
});

test('another media type is 415, and what a client accepts is not its problem', async () => {
	for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])
		expect(await server.api.request('POST', '/api/v1/projects', { raw: '{"name":"x"}', type }), 415, 'unsupported-media-type');
	expect(await server.api.request('POST', '/api/v1/projects', { raw: '{"name":"x"}', type: 'application/json; charset=utf-8' }), 201);
	const reply = await server.api.get('/api/v1/me', { headers: { Accept: 'application/xml' } });
	assert.ok([200, 406].includes(reply.status));
});

test('replies are safe to show: type, sniffing, framing, caching', async () => {
	const api = expect(await server.api.get('/api/v1/me'), 200);
	assert.equal(api.headers['x-content-type-options'], 'nosniff');
	assert.match(api.headers['cache-control'], /no-store/);
	const page = expect(await server.anyone.get(`/s/${f.slug}`), 200);
	assert.match(page.headers['content-type'], /^text\/html; *charset=utf-8/i);
	const policy = page.headers['content-security-policy'];
	assert.match(policy, /default-src 'none'/);
	assert.match(policy, /frame-ancestors/);
	assert.doesNotMatch(policy, /unsafe-(inline|eval)/);
	for (const reply of [api, page])
		assert.ok(!/libmicrohttpd|nginx|PHP/i.test(reply.headers.server ?? ''));
});

test('keep-alive: a hundred requests on one connection', async () => {
	const one = `GET /api/public/v1/links/${f.slug} HTTP/1.1\r\nHost: x\r\n\r\n`;
	const reply = await exchange(server.port, [one.repeat(99), one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')], { untilClose: true });
	assert.equal(reply.text.match(/HTTP\/1\.1 200/g).length, 100);
});

test('HTTP/1.0 is answered and closed', async () => {
	const reply = await exchange(server.port, ['GET /openapi.json HTTP/1.0\r\n\r\n'], { untilClose: true });
	assert.equal(reply.status, 200);
	assert.ok(reply.closed);
});

test('Expect: 100-continue is honoured', async () => {
	const body = JSON.stringify({ answers: { nps: 7 } });
	const reply = await exchange(server.port, [`POST /api/public/v1/links/${f.slug}/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
		`Content-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`, 300, body], { untilClose: true });
	assert.match(reply.text, /^HTTP\/1\.1 100/);
	assert.match(reply.text, /HTTP\/1\.1 201/);
});

test('a chunked body is read like any other', async () => {
	const reply = await exchange(server.port, [`POST /api/public/v1/links/${f.slug}/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
		'Transfer-Encoding: chunked\r\n\r\n8\r\n{"answer\r\n', 20, 'e\r\ns":{"nps": 7}}\r\n0\r\n\r\n'], {});
	assert.ok([201, 400].includes(reply.status), reply.text);
});

test('links are made from the configured origin, never from the Host header', async () => {
	const raw = await exchange(server.port, [`GET /api/v1/surveys/${f.survey.id}/links HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n` +
		`Authorization: Bearer ${server.api.token}\r\n\r\n`]);
	assert.equal(raw.status, 200);
	assert.ok(!raw.text.includes('evil.example'));
	assert.ok(raw.body.includes(`${server.url}/s/${f.slug}`));
});

test('X-Forwarded-For is not believed without a trusted hop', async () => {
	const marker = '203.0.113.77';
	await server.anyone.get('/api/v1/me', { headers: { 'X-Forwarded-For': marker, 'X-Request-Id': 'forwarded-1' } });
	const line = await until('its line in the log', () => server.log().find((l) => l.client_request_id === 'forwarded-1'));
	assert.notEqual(line.client, marker, JSON.stringify(line));
});

test('two hundred clients at once all get their answer', async () => {
	const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => submit(server.anyone, f.slug, { answers: { nps: i % 11 } })));
	assert.ok(replies.every((r) => r.status === 201), JSON.stringify(replies.find((r) => r.status !== 201)?.body));
});
