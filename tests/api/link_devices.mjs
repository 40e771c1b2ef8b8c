// Links that let each browser answer once: by its cookie, in two tabs, on two servers; and what the cookie says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect, pointers } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
let other;
before(async () => {
	other = await server.twin();
});
after(() => other.end());

const survey = () => definition('Once', [{ name: 'p', questions: [{ type: 'text', name: 'why', title: 'Why?' }] }]);
const links = (f) => `/api/v1/surveys/${f.survey.id}/links`;
const stored = async (f) => (await rows(server.database.name, `select answers ->> 'why' from responses where survey_id = '${f.survey.id}' order by 1`)).map(([why]) => why);
const page = async (f, { cookie, fields, port = server.port, query = '' } = {}) => {
	const reply = await fetch(`http://127.0.0.1:${port}/s/${f.slug}${query}`, { headers: cookie ? { Cookie: `other=1; ${cookie}` } : {}, ...(fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}) });
	const text = await reply.text(), set = reply.headers.get('set-cookie');
	return { status: reply.status, text, set, cookie: set?.split(';')[0], state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
};
const finish = (f, state, why, more = {}) => page(f, { fields: { state, action: 'next', 'q-why': why }, ...more });

test('a browser answers once; another one too', async () => {
	const f = await publish(server.api, survey(), { link: { once_per_device: true } });
	const first = await page(f);
	assert.match(first.set, new RegExp(`^collect_once=[0-9a-f-]{36}; Path=/s/${f.slug}; HttpOnly; Max-Age=34560000; SameSite=Lax$`));
	const again = await page(f, { cookie: first.cookie, port: other.port });
	assert.equal(again.status, 200, 'nothing was answered yet');
	assert.equal(again.cookie, first.cookie);
	assert.equal((await finish(f, first.state, 'one')).status, 200);
	for (const port of [server.port, other.port]) {
		const late = await page(f, { cookie: first.cookie, port });
		assert.equal(late.status, 410);
		assert.match(late.text, /This link has been used/);
	}
	assert.match((await finish(f, again.state, 'two')).text, /already been saved/, 'the other tab');
	const somebody = await page(f);
	assert.notEqual(somebody.cookie, first.cookie);
	assert.equal((await finish(f, somebody.state, 'three')).status, 200);
	assert.deepEqual(await stored(f), ['one', 'three']);
});

test('two tabs at once, on two servers: one answer', async () => {
	const f = await publish(server.api, survey(), { link: { once_per_device: true } });
	const { cookie } = await page(f);
	const tabs = await Promise.all([server.port, other.port, server.port, other.port].map((port) => page(f, { cookie, port })));
	const ends = await Promise.all(tabs.map(({ state }, i) => finish(f, state, String(i), { port: i % 2 ? other.port : server.port })));
	assert.equal(ends.filter((e) => /Your answers have been saved/.test(e.text)).length, 1);
	assert.equal((await stored(f)).length, 1);
});

test('a cookie that says nothing is replaced, one of another link does not count, and links without the bound set none', async () => {
	const f = await publish(server.api, survey(), { link: { once_per_device: true } });
	for (const cookie of ['collect_once=', 'collect_once=x', `collect_once=${'0'.repeat(400)}`])
		assert.match((await page(f, { cookie })).cookie, /^collect_once=[0-9a-f-]{36}$/);
	const first = await page(f);
	await finish(f, first.state, 'x');
	const g = { survey: f.survey, slug: expect(await server.api.post(links(f), { once_per_device: true }), 201).body.slug };
	assert.equal((await page(g, { cookie: first.cookie })).status, 200);
	const open = await publish(server.api, survey());
	assert.equal((await page(open)).set, null);
});

test('the bound is set and lifted while the link is open, for open links only', async () => {
	const f = await publish(server.api, survey());
	for (const kind of ['test', 'single_use']) {
		assert.deepEqual(pointers(expect(await server.api.post(links(f), { kind, once_per_device: true }), 422)), ['/once_per_device']);
		const made = expect(await server.api.post(links(f), { kind }), 201).body;
		assert.deepEqual(pointers(expect(await server.api.patch(`${links(f)}/${made.id}`, { once_per_device: true }, made.version), 422)), ['/once_per_device']);
	}
	const bound = expect(await server.api.patch(`${links(f)}/${f.link.id}`, { once_per_device: true }, f.link.version), 200).body;
	assert.equal(bound.once_per_device, true);
	const first = await page(f);
	await finish(f, first.state, 'x');
	assert.equal((await page(f, { cookie: first.cookie })).status, 410);
	expect(await server.api.patch(`${links(f)}/${f.link.id}`, { once_per_device: false }, bound.version), 200);
	assert.equal((await page(f, { cookie: first.cookie })).status, 200);
});
