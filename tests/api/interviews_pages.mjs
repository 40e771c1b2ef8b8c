// Respondents' pages keep what was answered from page to page, so that an interview that is left is not lost and can be gone on with on another device.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
let other;
before(async () => {
	other = await server.twin();
});
after(() => other.end());

const text = (name, more = {}) => ({ type: 'text', name, title: name, ...more });
const pages = (...names) => names.map((name) => ({ name: `page_${name}`, questions: [text(name)] }));
const survey = () => definition('Pages', [...pages('one', 'two'), { name: 'last', questions: [text('three', { required: true }), text('mail', { pii: true, input: 'email' })] }]);
const unescaped = (s) => s.replaceAll('&amp;', '&');
const look = async (reply) => {
	const body = await reply.text();
	return { status: reply.status, body, state: /name="state" value="([^"]*)"/.exec(body)?.[1], later: unescaped(/href="([^"]*\?resume=[^"]*)"/.exec(body)?.[1] ?? '') };
};
const open = async (f, at = `/s/${f.slug}`, from = server) => look(await fetch(from.url + at));
const send = async (f, page, fields, from = server) => look(await fetch(`${from.url}/s/${f.slug}`, { method: 'POST', body: new URLSearchParams({ state: page.state, ...fields }) }));
const stored = (f) => rows(server.database.name, `select id, status, answers, survey_version, state is not null, completed_at is null, sealed is not null from responses where survey_id = '${f.survey.id}' order by created_at`);

test('one that is left is there as far as it went', async () => {
	const f = await publish(server.api, survey());
	const first = await open(f);
	assert.deepEqual([await stored(f), first.later], [[], ''], 'to look at a page is no interview');
	const second = await send(f, first, { 'q-one': 'a' });
	assert.deepEqual((await stored(f)).map(([, ...r]) => r), [['in_progress', '{"one": "a"}', '1', 't', 't', 'f']]);
	const third = await send(f, second, { 'q-two': 'b' });
	const again = await send(f, third, { 'q-mail': 'a@example.com' });
	assert.match(again.body, /cc-error|required/i, 'what is wrong keeps one on the page');
	assert.deepEqual((await stored(f)).map(([, ...r]) => r), [['in_progress', '{"one": "a", "two": "b"}', '1', 't', 't', 'f']]);
	const end = await send(f, again, { 'q-three': 'c', 'q-mail': 'a@example.com' });
	assert.equal(end.status, 200);
	const [[id, ...row]] = await stored(f);
	assert.deepEqual(row, ['completed', '{"one": "a", "two": "b", "three": "c"}', '1', 'f', 'f', 't']);
	const shown = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${id}`), 200).body;
	assert.deepEqual([Object.keys(shown.page_ms), shown.personal.mail], [['0', '1', '2'], 'a@example.com']);
	const events = await rows(server.database.name, `select type from events where aggregate_id = '${id}' order by sequence`);
	assert.deepEqual(events.flat(), ['in_progress', 'completed']);
});

test('gone on with on another device, by the link on the page', async () => {
	const f = await publish(server.api, survey());
	const second = await send(f, await open(f), { 'q-one': 'a' });
	assert.match(second.later, /^\/s\/[\w-]+\?resume=[\w-]{65}$/);
	const there = await open(f, second.later, other);
	assert.equal(there.status, 200);
	assert.match(there.body, /page_two|q-two/);
	const third = await send(f, there, { 'q-two': 'elsewhere' }, other);
	assert.equal((await send(f, third, { 'q-three': 'c' }, other)).status, 200);
	assert.deepEqual((await stored(f)).map((r) => [r[1], JSON.parse(r[2])]), [['completed', { one: 'a', two: 'elsewhere', three: 'c' }]]);
	// it is over: on the first device nothing is changed any more, and its link says so
	await send(f, second, { 'q-two': 'late' });
	assert.deepEqual((await stored(f)).map((r) => JSON.parse(r[2]).two), ['elsewhere']);
	assert.equal((await open(f, second.later)).status, 410);
	assert.equal((await open(f, `/s/${f.slug}?resume=${'x'.repeat(65)}`)).status, 400);
	const g = await publish(server.api, survey());
	assert.equal((await open(g, second.later.replace(f.slug, g.slug))).status, 400, 'of another link');
});

test('older pages sent again are the same interview', async () => {
	const f = await publish(server.api, survey());
	const first = await open(f);
	await Promise.all(Array.from({ length: 6 }, (_, i) => send(f, first, { 'q-one': `a${i}` }, i % 2 ? other : server)));
	assert.equal((await stored(f)).length, 1);
	const second = await send(f, first, { 'q-one': 'last' });
	const back = await send(f, second, { action: 'back' });
	const third = await send(f, await send(f, back, { 'q-one': 'changed' }), { 'q-two': 'b' });
	const ends = await Promise.all(Array.from({ length: 4 }, (_, i) => send(f, third, { 'q-three': 'c' }, i % 2 ? other : server)));
	assert.ok(ends.every((r) => r.status === 200));
	assert.deepEqual((await stored(f)).map((r) => [r[1], JSON.parse(r[2])]), [['completed', { one: 'changed', two: 'b', three: 'c' }]]);
});

test('a version that is published meanwhile changes nothing for it', async () => {
	const f = await publish(server.api, survey());
	const second = await send(f, await open(f), { 'q-one': 'a' });
	const { version } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200).body;
	const next = definition('Pages', [...pages('one', 'new'), ...pages('three')]);
	expect(await server.api.request('PUT', `/api/v1/surveys/${f.survey.id}/definition`, { body: next, headers: { 'If-Match': `"${version}"` } }), 200);
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/publish`), 200);
	const there = await open(f, second.later, other);
	assert.match(there.body, /q-two/);
	await send(f, await send(f, there, { 'q-two': 'b' }), { 'q-three': 'c' });
	assert.deepEqual((await stored(f)).map((r) => [r[1], r[3], JSON.parse(r[2])]), [['completed', '1', { one: 'a', two: 'b', three: 'c' }]]);
});

test('the code of a single-use link leads back to where it was left', async () => {
	const f = await publish(server.api, survey(), { link: { kind: 'single_use' } });
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`, { csv: 'code\nabcdef\n' }), 202);
	const at = `/s/${f.slug}?code=abcdef`;
	await send(f, await open(f, at), { 'q-one': 'a' });
	const there = await open(f, at, other);
	assert.match(there.body, /q-two/);
	await send(f, await send(f, there, { 'q-two': 'b' }, other), { 'q-three': 'c' });
	assert.deepEqual((await stored(f)).map((r) => [r[1], JSON.parse(r[2])]), [['completed', { one: 'a', two: 'b', three: 'c' }]]);
	assert.equal((await open(f, at)).status, 410);
});

test('a survey of one page writes once', async () => {
	const f = await publish(server.api, definition('One', pages('one')));
	await send(f, await open(f), { 'q-one': 'a' });
	const [[id, status]] = await stored(f);
	assert.equal(status, 'completed');
	assert.deepEqual((await rows(server.database.name, `select version from responses where id = '${id}'`)).flat(), ['1']);
});
