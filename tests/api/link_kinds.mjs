// What links are for: test links, whose answers are marked and counted nowhere; and their addresses as QR pictures.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { readPng, readSvg } from '../harness/qr.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const city = (limit) => definition('Cities', [
	{ name: 'p1', questions: [{ type: 'single', name: 'city', title: 'City', required: true, choices: [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }] },
		{ type: 'text', name: 'mail', title: 'E-mail', pii: true }] },
], { quotas: [{ name: 'city', cells: [{ name: 'a', when: "{city} = 'a'", limit }, { name: 'b', when: "{city} = 'b'", limit: 1000 }] }] });
const both = async (limit) => {
	const f = await publish(server.api, city(limit));
	const trial = expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, { kind: 'test' }), 201).body;
	return { ...f, trial, links: `/api/v1/surveys/${f.survey.id}/links`, responses: `/api/v1/surveys/${f.survey.id}/responses` };
};
const ids = (reply) => expect(reply, 200).body.items.map((r) => r.id).sort();

test('a QR picture says the address, as SVG and PNG, in any size', async () => {
	const f = await both(10);
	const path = `${f.links}/${f.link.id}/qr`;
	const svg = expect(await server.api.get(`${path}.svg`), 200);
	assert.equal(svg.headers['content-type'], 'image/svg+xml');
	assert.match(svg.headers['content-disposition'], new RegExp(`^inline; filename="${f.slug}.svg"$`));
	assert.equal(readSvg(svg.text), f.link.url);
	for (const scale of [undefined, 3, 20]) {
		const png = expect(await server.api.get(`${path}.png`, { query: { scale, download: true } }), 200);
		assert.equal(png.headers['content-type'], 'image/png');
		assert.match(png.headers['content-disposition'], /^attachment; /);
		assert.equal(readPng(png.bytes), f.link.url);
	}
	assert.equal((await server.api.get(`${path}.svg`, { headers: { 'If-None-Match': svg.headers.etag } })).status, 304);
	assert.deepEqual(pointers(expect(await server.api.get(`${path}.png`, { query: { scale: 65 } }), 422)), ['/query/scale']);
	expect(await server.api.get(`${f.links}/${randomUUID()}/qr.svg`), 404);
});

test('a kind is chosen once, and lists can ask for it', async () => {
	const f = await both(10);
	assert.equal(f.link.kind, 'open');
	assert.equal(f.trial.kind, 'test');
	assert.deepEqual(pointers(expect(await server.api.post(f.links, { kind: 'other' }), 422)), ['/kind']);
	assert.deepEqual(pointers(expect(await server.api.patch(`${f.links}/${f.trial.id}`, { kind: 'open' }, f.trial.version), 422)), ['/kind']);
	assert.deepEqual(ids(await server.api.get(f.links, { query: { kind: 'test' } })), [f.trial.id]);
	assert.deepEqual(ids(await server.api.get(f.links, { query: { kind: 'open' } })), [f.link.id]);
	const { links } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`, { query: { include: 'links' } }), 200).body;
	assert.deepEqual(links.map((l) => l.kind).sort(), ['open', 'test']);
});

test('tests take no place in a quota, and stand apart in lists, counts, files and actions', async () => {
	const f = await both(1);
	const send = async (slug, answers) => expect(await submit(server.anyone, slug, { answers }), 201).body;
	const tried = [await send(f.trial.slug, { city: 'a', mail: 'try@example.com' }), await send(f.trial.slug, { city: 'a' })];
	assert.deepEqual(tried.map((r) => r.status), ['completed', 'completed'], 'the cell has room for one');
	assert.equal((await send(f.slug, { city: 'a' })).status, 'completed', 'the place was still there');
	assert.equal((await send(f.slug, { city: 'a' })).status, 'quota_full');
	assert.deepEqual(await rows(server.database.name, `select used from quota_cells where survey_id = '${f.survey.id}' and quota = 'city'`), [['1']]);
	const real = ids(await server.api.get(f.responses));
	assert.equal(real.length, 2);
	for (const query of [{ sort: 'created_at' }, { sort: '-completed_at' }, { sort: 'completed_at' }, { 'answer.city': 'a', status: 'completed,quota_full' }])
		assert.ok(ids(await server.api.get(f.responses, { query })).every((id) => real.includes(id)), JSON.stringify(query));
	const apart = expect(await server.api.get(f.responses, { query: { test: true, count: true } }), 200).body;
	assert.deepEqual(apart.items.map((r) => r.id).sort(), tried.map((r) => r.id).sort());
	assert.deepEqual([apart.total, ...apart.items.map((r) => r.test)], [2, true, true]);
	const whole = expect(await server.api.get(f.responses, { query: { count: true } }), 200).body;
	assert.deepEqual([whole.total, ...whole.items.map((r) => r.test)], [2, false, false]);
	assert.equal(expect(await server.api.get(`${f.responses}/${tried[0].id}`), 200).body.test, true);
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`, { query: { include: 'counts' } }), 200).body.counts.total, 2);
	const csv = async (query) => expect(await server.api.get(`${f.responses}.csv`, { query }), 200).text;
	const file = await csv({});
	assert.ok(real.every((id) => file.includes(id)) && tried.every(({ id }) => !file.includes(id)));
	const other = await csv({ test: true, personal: true });
	assert.ok(tried.every(({ id }) => other.includes(id)) && other.includes('try@example.com') && !other.includes(real[0]));
	const [[told]] = await rows(server.database.name, `select data ->> 'responses' from events where type = 'personal_data.read' and aggregate_id = '${f.survey.id}'`);
	assert.equal(told, '1');
});

test('an edited test still takes no place', async () => {
	const f = await both(1);
	const { id } = expect(await submit(server.anyone, f.trial.slug, { answers: { city: 'b' } }), 201).body;
	const { version } = expect(await server.api.get(`${f.responses}/${id}`), 200).body;
	expect(await server.api.patch(`${f.responses}/${id}`, { answers: { city: 'a' } }, version), 200);
	assert.deepEqual(await rows(server.database.name, `select quota from quota_cells where survey_id = '${f.survey.id}' and used > 0 and quota = 'city'`), []);
});

test('the page of a test link says what it is', async () => {
	const f = await both(10);
	const page = async (slug, language) => (await fetch(`${server.url}/s/${slug}?lang=${language}`)).text();
	assert.match(await page(f.trial.slug, 'en'), /class="cc-test">This is a test\./);
	assert.ok(!(await page(f.slug, 'en')).includes('cc-test'));
	assert.equal(expect(await server.anyone.get(`/api/public/v1/links/${f.trial.slug}`), 200).body.test, true);
	assert.equal(expect(await server.anyone.get(`/api/public/v1/links/${f.slug}`), 200).body.test, false);
});
