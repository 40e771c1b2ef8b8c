// First pages that are kept as bytes: the same for everybody but for the state in the form, and none that is anybody's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import http from 'node:http';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
const STATE = /name="state" value="([^"]*)"/;
const choices = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((value) => ({ value, label: `Choice ${value}` }));
const plain = (more = {}) => definition('Plain', [
	{ name: 'p1', questions: [{ type: 'single', name: 'pick', title: 'Pick', choices, ...more }] },
	{ name: 'p2', questions: [{ type: 'text', name: 'why', title: 'Why {pick}?' }] },
]);

// fetch() hides what came over the wire
const get = (path, headers = {}) => new Promise((resolve, reject) => {
	http.get(server.url + path, { headers }, (reply) => {
		const pieces = [];
		reply.on('data', (p) => pieces.push(p)).on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, raw: Buffer.concat(pieces) }));
	}).on('error', reject);
});
const split = (raw) => {
	const text = raw.toString(), state = STATE.exec(text)[1];
	return { state, rest: text.replace(state, '') };
};
const post = async (slug, fields) => (await fetch(`${server.url}/s/${slug}`, { method: 'POST', body: new URLSearchParams(fields) })).text();
const hits = async () => {
	const { text } = await server.internal.get('/internal/metrics');
	return Number(/^cache_requests_total\{level="l1",result="hit"\} (\d+)$/m.exec(text)?.[1]);
};

test('a page without anything of its own: the same bytes but for the state, plain and compressed', async () => {
	const f = await publish(server.api, plain());
	const made = split((await get(`/s/${f.slug}`)).raw);
	const kept = [];
	for (let i = 0; i < 5; i++)
		kept.push(split((await get(`/s/${f.slug}`)).raw));
	for (const k of kept)
		assert.equal(k.rest, made.rest);
	assert.equal(new Set([made, ...kept].map((k) => k.state)).size, 6, 'everybody has a state of his own');
	for (const accept of ['gzip', 'gzip, deflate, br', 'br;q=0.5, gzip']) {
		const packed = await get(`/s/${f.slug}`, { 'Accept-Encoding': accept });
		assert.equal(packed.headers['content-encoding'], 'gzip');
		const opened = split(gunzipSync(packed.raw));
		assert.equal(opened.rest, made.rest);
		assert.ok(packed.raw.length < made.rest.length / 2, `${packed.raw.length} of ${made.rest.length}`);
	}
	const br = await get(`/s/${f.slug}`, { 'Accept-Encoding': 'br' });
	assert.equal(split(br.headers['content-encoding'] === 'br' ? brotliDecompressSync(br.raw) : br.raw).rest, made.rest);
	const { headers } = await get(`/s/${f.slug}`);
	assert.deepEqual([headers['cache-control'], headers.etag, headers['x-robots-tag']], ['private, no-cache', undefined, 'noindex, nofollow']);
	assert.match(headers['content-security-policy'], /default-src 'none'/);
});

test('interviews begun on a kept page go their own ways, and each is stored once', async () => {
	const f = await publish(server.api, plain());
	await get(`/s/${f.slug}`);
	const states = [];
	for (let i = 0; i < 3; i++)
		states.push(split((await get(`/s/${f.slug}`)).raw).state);
	for (const [i, state] of states.entries()) {
		const second = await post(f.slug, { state, 'q-pick': choices[i].value });
		assert.match(second, new RegExp(`Why Choice ${choices[i].value}`));
		const last = { state: STATE.exec(second)[1], 'q-why': `because ${i}` };
		await post(f.slug, last);
		await post(f.slug, last);
	}
	const stored = await rows(server.database.name, `select answers ->> 'pick', answers ->> 'why', count(*), count(distinct seed) from responses where survey_id = '${f.survey.id}' group by 1, 2 order by 1`);
	assert.deepEqual(stored, [0, 1, 2].map((i) => [choices[i].value, `because ${i}`, '1', '1']));
	const [[seeds]] = await rows(server.database.name, `select count(distinct seed) from responses where survey_id = '${f.survey.id}'`);
	assert.equal(seeds, '3');
});

test('what is drawn, dated or brought along by the address is each one\'s own', async () => {
	const order = (raw) => [...raw.toString().matchAll(/Choice ([a-h])</g)].map((m) => m[1]).join('');
	const random = await publish(server.api, plain({ order: 'random' }));
	const seen = new Set();
	for (let i = 0; i < 12; i++)
		seen.add(order((await get(`/s/${random.slug}`)).raw));
	assert.ok(seen.size > 6, `${seen.size} of 12 orders: ${[...seen]}`);

	const dated = await publish(server.api, definition('Dated', [{ name: 'p1', questions: [{ type: 'text', name: 'a', title: 'At {@now}' }] }]));
	const at = async () => /At ([^<]+)</.exec((await get(`/s/${dated.slug}`)).raw.toString())[1];
	const first = await at();
	await new Promise((r) => setTimeout(r, 1100));
	assert.notEqual(await at(), first);

	const named = await publish(server.api, definition('Named', [{ name: 'p1', questions: [{ type: 'text', name: 'a', title: 'Hello {@panel}.' }] }],
		{ parameters: [{ name: 'panel', type: 'text' }] }));
	for (const panel of ['', 'An', 'Binh', '', 'An'])
		assert.match((await get(`/s/${named.slug}${panel ? `?panel=${panel}` : ''}`)).raw.toString(), new RegExp(`Hello ${panel || '[^A-Za-z]*'}\\.`));
});

test('another version, language or wording of the link is another page at once', async () => {
	const f = await publish(server.api, plain());
	await get(`/s/${f.slug}`);
	const before = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200);
	const draft = plain();
	draft.survey.pages[0].questions[0].title = 'Choose';
	expect(await server.api.request('PUT', `/api/v1/surveys/${f.survey.id}/definition`, { body: draft, headers: { 'If-Match': before.headers.etag } }), 200);
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/publish`), 200);
	assert.match((await get(`/s/${f.slug}`)).raw.toString(), /Choose/);
});

test('a kept page is counted among the hits of the cache', async () => {
	const f = await publish(server.api, plain());
	await get(`/s/${f.slug}`);
	const before = await hits();
	await get(`/s/${f.slug}`);
	assert.ok(await hits() > before);
});
