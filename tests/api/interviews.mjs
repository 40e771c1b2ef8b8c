// Interviews that are kept from page to page by the API: begun, saved, gone on with elsewhere, ended; and what of them is seen meanwhile.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const text = (name, more = {}) => ({ type: 'text', name, title: name, ...more });
const choice = (name, values) => ({ type: 'single', name, title: name, required: true, choices: values.map((value) => ({ value, label: value })) });
/** Three pages; who is under 18 ends after the first. */
const three = (more = {}) => definition('Three', [
	{ name: 'p1', questions: [{ type: 'number', name: 'age', title: 'Age', required: true, min: 0, max: 120 }, text('hidden', { visible_if: '{age} > 90' })] },
	{ name: 'p2', questions: [choice('city', ['hanoi', 'hue']), text('mail', { pii: true, input: 'email' })] },
	{ name: 'p3', questions: [text('why', { required: true })] },
], { rules: [{ when: '{age} < 18', do: 'end', outcome: 'screened_out' }], outcomes: { screened_out: {} }, ...more });

let other, f, anyone, elsewhere;
before(async () => {
	f = await publish(server.api, three());
	other = await server.twin();
	anyone = server.api.as(null);
	elsewhere = new Client(other.port, { contract: server.api.contract });
});
after(() => {
	elsewhere.close();
	return other.end();
});

const begin = async (slug, body = { answers: {} }, options = {}) => expect(await submit(options.client ?? anyone, slug, { ...body, complete: false }, options), 201).body;
const path = (i, slug = f.slug) => `/api/public/v1/links/${slug}/responses/${i.id}`;
const save = (i, body, { client = anyone, slug, token = i.token } = {}) => client.patch(path(i, slug), body, undefined, { token });
const complete = (i, body = {}, { client = anyone, slug, token = i.token } = {}) => client.post(`${path(i, slug)}/complete`, body, { token });
const stored = async (id, what) => (await rows(server.database.name, `select ${what} from responses where id = '${id}'`))[0];
const told = async (id) => (await rows(server.database.name, `select type, sequence from events where aggregate_id = '${id}' order by xid, id`)).map((r) => r[0]);

test('from the first page to the end', async () => {
	const i = await begin(f.slug);
	assert.deepEqual([i.status, i.outcome, i.completed_at, i.page, i.progress], ['started', null, null, 0, 0]);
	assert.deepEqual(await stored(i.id, 'status, answers, completed_at is null, state is not null'), ['started', '{}', 't', 't']);
	const a = expect(await save(i, { answers: { age: 30 } }), 200).body;
	assert.deepEqual([a.id, a.status, a.page, a.token], [i.id, 'in_progress', 1, undefined]);
	assert.ok(a.progress > 0 && a.progress < 1);
	const b = expect(await save(i, { answers: { city: 'hue', mail: 'a@example.com' } }, { client: elsewhere }), 200).body;
	assert.equal(b.page, 2);
	// what is personal is sealed here too, and found by contact
	const [answers, sealed, lookups] = await stored(i.id, `answers, sealed is not null, (select count(*) from response_lookups l where l.response_id = responses.id)`);
	assert.deepEqual([JSON.parse(answers), sealed, lookups], [{ age: 30, city: 'hue' }, 't', '1']);
	expect(await save(i, { answers: { why: 'so' } }), 200);
	const end = expect(await complete(i), 200).body;
	assert.deepEqual([end.id, end.status, end.outcome, end.page], [i.id, 'completed', 'completed', null]);
	assert.deepEqual(await stored(i.id, 'status, state is null, started_at < completed_at, last_at = completed_at, duration_ms > 0'), ['completed', 't', 't', 't', 't']);
	assert.deepEqual(Object.keys(JSON.parse((await stored(i.id, 'page_ms'))[0])), ['0', '1', '2']);
	assert.deepEqual(await told(i.id), ['started', 'in_progress', 'completed']);
	const shown = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${i.id}`), 200).body;
	assert.deepEqual(shown.answers, { age: 30, city: 'hue', why: 'so' });
	assert.equal(shown.personal.mail, 'a@example.com');
});

test('an interview that was deleted is gone for its token too', async () => {
	const i = await begin(f.slug);
	expect(await save(i, { answers: { age: 50 } }), 200);
	const kept = `/api/v1/surveys/${f.survey.id}/responses/${i.id}`;
	const { version } = expect(await server.api.get(kept), 200).body;
	expect(await server.api.delete(kept, version), 204);
	const replies = [await anyone.get(path(i), { token: i.token }), await save(i, { answers: { city: 'hue' } }), await complete(i)];
	assert.ok(replies.every((r) => r.status >= 400 && r.status < 500 && !/"age"|\b50\b/.test(r.text)), replies.map((r) => r.text).join('\n'));
	assert.deepEqual(await stored(i.id, 'status, answers, deleted_at is not null'), ['in_progress', '{"age": 50}', 't']);
});

test('read and gone on with on another device, by the token alone', async () => {
	const i = await begin(f.slug, { answers: { hidden: 'kept' }, language: 'en' });
	expect(await save(i, { answers: { age: 40 } }), 200);
	const there = expect(await elsewhere.get(path(i), { token: i.token }), 200).body;
	assert.deepEqual([there.status, there.page, there.language], ['in_progress', 1, 'en']);
	assert.deepEqual(there.answers, { hidden: 'kept', age: 40 }, 'hidden answers stay in the interview');
	assert.deepEqual(JSON.parse((await stored(i.id, 'answers'))[0]), { age: 40 }, 'and are not stored as answers');
	// back on the first page, where it is asked now
	expect(await save(i, { page: 0, answers: { age: 95 } }, { client: elsewhere }), 200);
	assert.deepEqual(JSON.parse((await stored(i.id, 'answers'))[0]), { age: 95, hidden: 'kept' });
	expect(await save(i, { page: 0, answers: { hidden: null } }), 200);
	assert.deepEqual(JSON.parse((await stored(i.id, 'answers'))[0]), { age: 95 });
});

test('the verdicts are those of the page: what is wrong is said, and nothing is saved', async () => {
	const i = await begin(f.slug);
	const bad = expect(await save(i, { answers: { age: 300 } }), 422, 'invalid').body;
	assert.deepEqual(bad.errors.map((x) => [x.pointer, x.code]), [['/answers/age', 'max']]);
	assert.equal(expect(await save(i, { answers: {} }), 422).body.errors[0].code, 'required');
	assert.equal(expect(await save(i, { answers: { nobody: 1 } }), 422).body.errors[0].pointer, '/answers/nobody');
	expect(await save(i, { page: 7, answers: {} }), 422);
	expect(await save(i, { unknown: 1 }), 422);
	expect(await save(i, { answers: { age: 20 }, paradata: { long: 'x'.repeat(9000) } }), 422);
	assert.deepEqual(await stored(i.id, 'status, answers'), ['started', '{}']);
	expect(await save(i, { answers: { age: 20 } }), 200);
	// to be complete takes all pages
	const early = expect(await complete(i), 422).body;
	assert.deepEqual(early.errors.map((x) => x.pointer).sort(), ['/answers/city', '/answers/why']);
	assert.equal((await stored(i.id, 'status'))[0], 'in_progress');
	// with the last answers at once
	expect(await complete(i, { answers: { city: 'hanoi', why: 'w' }, paradata: { blurs: 2 } }), 200);
	assert.deepEqual(await stored(i.id, 'status, paradata'), ['completed', '{"blurs": 2}']);
});

test('a rule ends it on its page', async () => {
	const i = await begin(f.slug);
	const end = expect(await save(i, { answers: { age: 12 } }), 200).body;
	assert.deepEqual([end.status, end.outcome, end.page], ['screened_out', 'screened_out', null]);
	assert.ok(end.completed_at);
	assert.deepEqual(await told(i.id), ['started', 'screened_out']);
	expect(await save(i, { answers: { age: 40 } }), 409, 'conflict');
	assert.equal(expect(await complete(i), 200).body.status, 'screened_out');
});

test('the end once more is the same end; nothing is changed after it', async () => {
	const i = await begin(f.slug);
	const [first, ...more] = await Promise.all(Array.from({ length: 6 }, (_, n) => complete(i, { answers: { age: 33, city: 'hue', why: 'x' } }, { client: n % 2 ? elsewhere : anyone })));
	const all = [first, ...more].map((r) => (assert.ok([200, 409].includes(r.status), r.text), r)).filter((r) => r.status === 200);
	assert.equal(new Set(all.map((r) => r.body.completed_at)).size, 1);
	assert.deepEqual(await told(i.id), ['started', 'completed']);
	assert.equal(expect(await complete(i, { answers: { age: 50 } }), 200).body.completed_at, all[0].body.completed_at);
	expect(await save(i, { answers: { age: 50 } }), 409);
	assert.equal(JSON.parse((await stored(i.id, 'answers'))[0]).age, 33);
	const now = expect(await anyone.get(path(i), { token: i.token }), 200).body;
	assert.deepEqual([now.status, now.answers], ['completed', undefined]);
});

test('two devices at once: no page is lost unnoticed', async () => {
	const i = await begin(f.slug, { answers: { age: 30 } });
	for (let round = 0; round < 5; round++) {
		const words = [`a${round}`, `b${round}`];
		const replies = await Promise.all([save(i, { page: 0, answers: { why: words[0] } }), save(i, { page: 0, answers: { mail: `${words[1]}@example.com` } }, { client: elsewhere })]);
		for (const r of replies)
			assert.ok([200, 409].includes(r.status), r.text);
		const { answers } = expect(await anyone.get(path(i), { token: i.token }), 200).body;
		if (replies[0].status === 200)
			assert.equal(answers.why, words[0]);
		if (replies[1].status === 200)
			assert.equal(answers.mail, `${words[1]}@example.com`);
		assert.ok(replies.some((r) => r.status === 200));
	}
});

test('a beginning is sent once: the same key gives the same interview', async () => {
	const key = { headers: { 'Idempotency-Key': randomUUID() } };
	const replies = await Promise.all(Array.from({ length: 8 }, (_, n) => submit(n % 2 ? elsewhere : anyone, f.slug, { answers: { age: 30 }, complete: false }, key)));
	const ids = new Set(replies.filter((r) => r.status === 201).map((r) => r.body.id));
	assert.equal(ids.size, 1);
	assert.ok(replies.every((r) => [201, 409].includes(r.status)));
	const again = expect(await submit(anyone, f.slug, { answers: { age: 30 }, complete: false }, key), 201);
	assert.equal(again.headers['idempotency-replayed'], 'true');
	expect(await save(again.body, { answers: {} }), 200);
	const g = expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/links`, {}), 201).body;
	const refused = async (slug = f.slug) => {
		const reply = expect(await submit(elsewhere, slug, { answers: { age: 30 }, complete: false }, key), 409, 'conflict');
		assert.ok(!reply.text.includes(again.body.token) && !reply.text.includes(again.body.id), 'nothing of it');
	};
	await refused();
	await refused(g.slug);
	expect(await submit(anyone, f.slug, { answers: { age: 31 }, complete: false }, key), 422, 'idempotency-mismatch');
	expect(await submit(anyone, f.slug, { answers: { age: 30 } }, key), 422, 'idempotency-mismatch');
	expect(await complete(again.body, { answers: { city: 'hue', why: 'so' } }), 200);
	await refused();
	await refused(g.slug);
	const fresh = { headers: { 'Idempotency-Key': randomUUID() } }, body = { answers: { age: 40 }, complete: false };
	const i = expect(await submit(anyone, f.slug, body, fresh), 201).body;
	expect(await submit(anyone, g.slug, body, fresh), 409, 'conflict');
	assert.equal(expect(await submit(anyone, f.slug, body, fresh), 201).body.token, i.token, 'nothing was saved yet');
	expect(await complete(i, { answers: { city: 'hue', why: 'so' } }), 200);
	expect(await submit(anyone, f.slug, body, fresh), 409, 'conflict');
});

test('only its token opens it', async () => {
	const i = await begin(f.slug), j = await begin(f.slug), g = await publish(server.api, three());
	const changed = [...i.token].map((c, at) => [...i.token].with(at, c === 'A' ? 'B' : 'A').join('')).filter((_, at) => at % 5 === 0);
	for (const token of [null, 'x', '', j.token, i.token.slice(1), `${i.token}A`, server.api.token, ...changed]) {
		expect(await anyone.get(path(i), { token }), 401);
		expect(await save(i, { answers: { age: 30 } }, { token }), 401);
		expect(await complete(i, {}, { token }), 401);
	}
	expect(await anyone.get(path(i, g.slug), { token: i.token }), 401);
	expect(await anyone.get(path({ id: randomUUID() }), { token: i.token }), 401);
	assert.equal((await stored(i.id, 'status'))[0], 'started');
});

test('what comes in is stored with it: device, language, link, version, seed', async () => {
	const agent = (headers) => ({ headers: { 'User-Agent': headers } });
	const phone = await begin(f.slug, { answers: {} }, agent('Mozilla/5.0 (Linux; Android 14; Pixel) AppleWebKit Mobile Safari'));
	const whole = expect(await submit(anyone, f.slug, { answers: { age: 44, city: 'hue', why: 'y' }, paradata: { s: 1 } }, agent('Mozilla/5.0 (Windows NT 10.0; Win64)')), 201).body;
	assert.deepEqual(await stored(phone.id, 'device, language, link_id, survey_version'), ['mobile', 'en', f.link.id, '1']);
	assert.deepEqual(await stored(whole.id, 'device, paradata, last_at = completed_at'), ['desktop', '{"s": 1}', 't']);
});

test('closing the link stops it; the end that was stored is told all the same', async () => {
	const g = await publish(server.api, three());
	const i = await begin(g.slug), j = await begin(g.slug);
	expect(await complete(j, { answers: { age: 33, city: 'hue', why: 'x' } }, { slug: g.slug }), 200);
	expect(await server.api.patch(`/api/v1/surveys/${g.survey.id}/links/${g.link.id}`, { status: 'closed' }, 1), 200);
	for (let n = 0; n < 50 && (await save(i, { answers: { age: 30 } }, { slug: g.slug })).status !== 410; n++)
		await new Promise((done) => setTimeout(done, 100));
	expect(await save(i, { answers: { age: 30 } }, { slug: g.slug }), 410);
	expect(await complete(i, {}, { slug: g.slug }), 410);
	assert.equal(expect(await complete(j, {}, { slug: g.slug }), 200).body.status, 'completed');
});

test('one that was begun on a version goes on with it', async () => {
	const g = await publish(server.api, three());
	const i = await begin(g.slug);
	expect(await save(i, { answers: { age: 30 } }, { slug: g.slug }), 200);
	const next = three();
	next.survey.pages[1].questions.push(text('more', { required: true }));
	const { version } = expect(await server.api.get(`/api/v1/surveys/${g.survey.id}`), 200).body;
	expect(await server.api.request('PUT', `/api/v1/surveys/${g.survey.id}/definition`, { body: next, headers: { 'If-Match': `"${version}"` } }), 200);
	expect(await server.api.post(`/api/v1/surveys/${g.survey.id}/publish`), 200);
	expect(await save(i, { answers: { city: 'hue' } }, { slug: g.slug, client: elsewhere }), 200);
	expect(await save(i, { answers: { more: 'no' } }, { slug: g.slug }), 422);
	const end = expect(await complete(i, { answers: { why: 'w' } }, { slug: g.slug }), 200).body;
	assert.deepEqual([end.status, end.survey_version], ['completed', 1]);
	let j = await begin(g.slug);
	for (let n = 0; n < 50 && j.survey_version === 1; n++, j = await begin(g.slug))
		await new Promise((done) => setTimeout(done, 100));
	assert.equal(j.survey_version, 2);
	assert.equal(expect(await complete(j, { answers: { age: 30, city: 'hue', why: 'w' } }, { slug: g.slug }), 422).body.errors[0].pointer, '/answers/more');
});

test('respondents\' statements change no answer that is over; what somebody takes out is not brought back', async () => {
	const i = await begin(f.slug, { answers: { age: 30 } }), j = await begin(f.slug, { answers: { age: 30 } });
	const as = (user, sql) => psql(server.database.name, `set search_path = collect; set app.current_tenant_id = '${server.tenant.id}'; ${sql}`, { user });
	expect(await complete(i, { answers: { city: 'hue', why: 'x' } }), 200);
	for (const set of ["status = 'in_progress'", "answers = '{}'", 'state = null', 'last_at = now()']) {
		const got = await as('collect_public', `update responses set ${set} where id = '${i.id}'`);
		assert.match(got.stderr, /the interview is over/, set);
	}
	expect(await save(j, { answers: { mail: 'gone@example.com' }, page: 0 }), 200);
	const taken = await as('collect_worker', `update responses set sealed = null, sealed_key_version = null, answers = '{}' where id = '${j.id}'`);
	assert.equal(taken.code, 0, taken.stderr);
	assert.deepEqual(await stored(j.id, 'status, state is null'), ['in_progress', 't']);
	expect(await save(j, { answers: { city: 'hue' } }), 409, 'conflict');
	assert.equal(expect(await anyone.get(path(j), { token: j.token }), 200).body.answers, undefined);
});
