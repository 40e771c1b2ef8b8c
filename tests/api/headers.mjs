// What every reply carries, page or not, good or bad; and who may show a survey's pages in a frame.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { newFolder } from '../harness/run.mjs';
import { exchange } from '../harness/raw.mjs';
import { Server, withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: { COLLECT_CORS_ORIGINS: 'https://console.example' } });
const HTML = { Accept: 'text/html' };
let f;
before(async () => { f = await publish(server.api, csat()); });
const page = (path, options = {}) => server.anyone.get(path, { unchecked: true, ...options, headers: { ...HTML, ...options.headers } });
const policy = (reply) => new Map((reply.headers['content-security-policy'] ?? '').split(';').map((d) => d.trim().split(/\s+(.*)/s)).map(([name, value]) => [name, value ?? '']));

/** Of every reply. */
function checkCommon(reply) {
	const { headers } = reply;
	assert.equal(headers['x-content-type-options'], 'nosniff', reply.where);
	assert.equal(headers['referrer-policy'], 'no-referrer', reply.where);
	assert.equal(headers['cross-origin-opener-policy'], 'same-origin', reply.where);
	assert.match(headers['cross-origin-resource-policy'], /^(same|cross)-origin$/, reply.where);
	assert.match(headers['permissions-policy'], /microphone=\(\).*camera=\((self)?\), geolocation=\((self)?\)$/, reply.where);
	assert.equal(headers['strict-transport-security'], undefined, `${reply.where}: there is no TLS`);
	const csp = policy(reply);
	assert.equal(csp.get('default-src'), '\'none\'', reply.where);
	assert.equal(csp.get('frame-ancestors'), '\'none\'', reply.where);
	for (const [name, value] of csp) {
		if (name.startsWith('script'))
			assert.ok(!/unsafe|https?:|\*/.test(value), `${reply.where}: ${name} ${value}`);
	}
	return csp;
}

test('replies of the API: nothing of them may run, be framed, or be read elsewhere', async () => {
	const replies = [await server.api.get('/api/v1/me'), await server.api.get('/api/v1/surveys'), await server.anyone.get('/api/v1/me'),
		await server.api.get(`/api/v1/surveys/${f.link.id}`), await server.api.post('/api/v1/projects', { name: '' }), await server.api.delete('/api/v1/me/sessions/x'),
		await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), await server.anyone.get('/api/v1/nothing-here', { unchecked: true }),
		await server.anyone.request('PUT', '/api/v1/surveys', { unchecked: true }), await server.anyone.options('/api/v1/surveys', { unchecked: true }),
		await server.api.get(`/api/v1/surveys/${f.survey.id}`, { headers: { 'If-None-Match': '*' } }), await server.anyone.get('/openapi.json', { unchecked: true }),
		await server.internal.get('/internal/healthz')];
	assert.deepEqual(replies.map((r) => r.status), [200, 200, 401, 404, 422, 404, 200, 404, 405, 204, 304, 200, 200]);
	for (const reply of replies) {
		const csp = checkCommon(reply);
		assert.deepEqual([...csp.keys()].sort(), ['base-uri', 'default-src', 'form-action', 'frame-ancestors'], reply.where);
		assert.ok([...csp.values()].every((v) => v === '\'none\''), reply.where);
		assert.equal(reply.headers['cross-origin-resource-policy'], 'same-origin', reply.where);
		assert.match(reply.headers['permissions-policy'], /camera=\(\), geolocation=\(\)$/);
	}
	assert.equal(replies[0].headers['cache-control'], 'no-store');
});

test('the public tree may be read by any page, and still runs nothing', async () => {
	for (const reply of [await server.anyone.get(`/api/public/v1/links/${f.slug}`), await submit(server.anyone, f.slug, { answers: {} }),
		await submit(server.anyone, f.slug, { answers: { nps: 9, liked: ['staff'] } }), await server.anyone.get('/api/public/v1/links/no-such-link')]) {
		checkCommon(reply);
		assert.equal(reply.headers['cross-origin-resource-policy'], 'cross-origin', reply.where);
	}
});

test('pages: scripts and styles of this origin only, none in the page', async () => {
	for (const [path, status] of [[`/s/${f.slug}`, 200], ['/s/no-such-link', 404], ['/', 200], ['/docs/errors', 200], ['/docs', 200]]) {
		const reply = await page(path);
		expect(reply, status);
		assert.match(reply.headers['content-type'], /^text\/html/);
		checkCommon(reply);
		assert.ok(!/<script(?![^>]*\ssrc=)[^>]*>|\son\w+=|javascript:/i.test(reply.text), `${path} has a script in it`);
		assert.match(reply.headers['permissions-policy'], path.startsWith('/s/') ? /geolocation=\(self\)$/ : /geolocation=\(\)$/);
	}
	const csp = policy(await page(`/s/${f.slug}`));
	assert.deepEqual([csp.get('script-src'), csp.get('style-src'), csp.get('form-action'), csp.get('base-uri')], ['\'self\'', '\'self\'', '\'self\'', '\'none\'']);
	const file = expect(await page('/static/respondent.js'), 200);
	checkCommon(file);
});

test('what is refused before anything is read carries them too', async () => {
	for (const head of ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
		`POST /s/${f.slug} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept: text/html\r\nContent-Length: 99999999\r\n\r\n`]) {
		const { text } = await exchange(server.port, [head]);
		for (const line of ['X-Content-Type-Options: nosniff', 'Referrer-Policy: no-referrer', 'Cross-Origin-Opener-Policy: same-origin', 'frame-ancestors \'none\''])
			assert.ok(text.toLowerCase().includes(line.toLowerCase()), `${head.slice(0, 40)}: ${line} is missing in ${text.slice(0, 600)}`);
	}
});

test('a link may be shown in frames of the origins it names, and of no others', async () => {
	const g = await publish(server.api, csat(), { link: { embed: ['https://client.example', 'https://*.panel.example:8443'] } });
	assert.deepEqual(g.link.embed, ['https://client.example', 'https://*.panel.example:8443']);
	for (const reply of [await page(`/s/${g.slug}`), await page(`/s/${g.slug}`),
		await server.anyone.request('POST', `/s/${g.slug}`, { raw: 'state=x', type: 'application/x-www-form-urlencoded', headers: HTML, unchecked: true }),
		await server.anyone.request('POST', `/s/${g.slug}`, { raw: '<', type: 'text/xml', headers: HTML, unchecked: true })]) {
		assert.equal(policy(reply).get('frame-ancestors'), 'https://client.example https://*.panel.example:8443', `${reply.where} ${reply.status}`);
		assert.equal(reply.headers['cross-origin-resource-policy'], 'cross-origin');
		assert.equal(policy(reply).get('script-src'), '\'self\'');
	}
	checkCommon(await page(`/s/${f.slug}`));
	// closed, it says so in the frame; changed, it is another's at once; emptied, nobody's
	const path = `/api/v1/surveys/${g.survey.id}/links/${g.link.id}`;
	let link = expect(await server.api.patch(path, { status: 'closed' }, g.link.version), 200).body;
	const closed = await page(`/s/${g.slug}`);
	assert.deepEqual([closed.status, policy(closed).get('frame-ancestors')], [410, 'https://client.example https://*.panel.example:8443']);
	link = expect(await server.api.patch(path, { status: 'open', embed: ['http://localhost:3000'] }, link.version), 200).body;
	assert.equal(policy(await page(`/s/${g.slug}`)).get('frame-ancestors'), 'http://localhost:3000');
	link = expect(await server.api.patch(path, { embed: [] }, link.version), 200).body;
	assert.deepEqual(link.embed, []);
	checkCommon(await page(`/s/${g.slug}`));
	const { items } = expect(await server.api.get(`/api/v1/surveys/${g.survey.id}/links`), 200).body;
	assert.deepEqual(items.map((l) => l.embed), [[]]);
});

test('what is no origin does not come into a header', async () => {
	const bad = ['*', 'https://*', 'https:', 'https://', 'client.example', 'http://client.example', 'https://client.example/', 'https://client.example/x', 'https://a b', '\'self\'',
		'https://a; script-src *', 'https://a, https://b', 'https://a\r\nX: 1', 'https://a:', 'https://a:0', 'https://a:65536', 'https://a:123456', 'https://A.example', 'data:',
		'https://u@a', 'https://[::1]', 'https://*.*.a', 'https://a.*', 'http://*.localhost', 'https://ａ.example', 'https://-a', 'https://.a'];
	for (const origin of bad) {
		const reply = await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, { embed: [origin] });
		expect(reply, 422);
		assert.ok(pointers(reply)[0].startsWith('/embed'), JSON.stringify(reply.body));
	}
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, { embed: Array.from({ length: 11 }, (_, i) => `https://a${i}.example`) }), 422);
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, { embed: 'https://a.example' }), 422);
});

test('behind TLS every reply asks for TLS', async () => {
	const s = new Server({ env: { COLLECT_PUBLIC_URL: 'https://collect.example' }, database: server.database });
	Object.assign(s, { dir: await newFolder('server'), database: server.database, redis: server.redis, contract: server.contract });
	s.makeKeys();
	after(async () => { s.anyone?.close(); s.internal?.close(); assert.equal(await s.stop(), 0); });
	await s.start();
	for (const reply of [await s.anyone.get(`/s/${f.slug}`, { unchecked: true, headers: HTML }), await s.anyone.get('/api/v1/me'), await s.anyone.get('/static/respondent.css', { unchecked: true })])
		assert.equal(reply.headers['strict-transport-security'], 'max-age=31536000', reply.where);
});
