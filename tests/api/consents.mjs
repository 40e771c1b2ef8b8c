// What respondents agreed to: kept with the answer in the words that they were shown, and handed on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const trial = () => definition('Trial', [
	{ name: 'p1', questions: [
		{ type: 'text', name: 'product', title: 'Which product?' },
		{ type: 'boolean', name: 'adult', title: 'Are you 18?' },
		{ type: 'consent', name: 'agrees', title: { en: 'Test of {product}', vi: 'Dùng thử {product}' }, text: { en: '<p>I take <b>part</b>.</p>', vi: '<p>Tôi tham gia.</p>' } },
		{ type: 'consent', name: 'photos', title: 'Photos', text: '=Photos, too', visible_if: '{adult} = true' }] },
	{ name: 'p2', questions: [
		{ type: 'text', name: 'name', title: 'Your name', pii: true },
		{ type: 'text', name: 'last', title: 'Anything else?' }] },
	{ name: 'p3', questions: [{ type: 'consent', name: 'signed', title: 'I, {name}, agree', text: 'To all of it.' }] },
], { languages: ['en', 'vi'] });

const read = async (f, id) => expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${id}`), 200).body;
const near = (at) => assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000, `${at} is now`);
/** The entries without their times, which are looked at. */
const words = (consents) => Object.fromEntries(Object.entries(consents).map(([name, { text, language, at, ...more }]) => {
	near(at);
	assert.deepEqual(more, {});
	return [name, { text, language }];
}));

test('answers that come whole: text, language and time of each consent given', async () => {
	const f = await publish(server.api, trial());
	const send = async (answers, language) => read(f, expect(await submit(server.anyone, f.slug, { answers, language }), 201).body.id);
	const one = await send({ product: 'tea', adult: true, agrees: true, photos: true, name: 'Lan', signed: true }, 'vi');
	assert.deepEqual(words(one.consents), { agrees: { text: 'Dùng thử tea\nTôi tham gia.', language: 'vi' }, photos: { text: 'Photos\n=Photos, too', language: 'vi' } });
	assert.deepEqual(one.answers, { product: 'tea', adult: true, agrees: true, photos: true });
	const { '@consents': apart, ...personal } = one.personal;
	assert.deepEqual(personal, { name: 'Lan', signed: true });
	assert.deepEqual(words(apart), { signed: { text: 'I, Lan, agree\nTo all of it.', language: 'vi' } });
	const raw = await rows(server.database.name, `select consents::text, answers::text from responses where id = '${one.id}'`);
	assert.doesNotMatch(JSON.stringify(raw), /Lan/, 'words with a personal answer are sealed');

	const two = await send({ product: 'tea', adult: false, agrees: false, photos: true });
	assert.deepEqual(two.consents, {}, 'not given, and hidden');
	assert.equal(two.has_personal, false);
	const list = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200).body.items;
	assert.deepEqual(list.map((r) => Object.keys(r.consents).length).sort(), [0, 2]);

	const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text.split('\r\n');
	assert.match(csv[0], /,agrees,agrees_text,agrees_language,agrees_at,photos,photos_text,photos_language,photos_at,/);
	assert.match(csv.join('\n'), new RegExp(`,true,"Dùng thử tea\nTôi tham gia.",vi,${one.consents.agrees.at},true,"Photos\n=Photos, too",vi,`));
	assert.doesNotMatch(csv.join('\n'), /signed/);
	const apartCsv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`, { query: { personal: true } }), 200).text;
	assert.match(apartCsv, /true,"I, Lan, agree\nTo all of it\.",vi,2/);
});

test('page after page: what the page said when it was sent; taken back it is gone', async () => {
	const f = await publish(server.api, trial());
	const post = async (page, fields) => {
		const text = await (await fetch(`${server.url}/s/${f.slug}`, page ? { method: 'POST', body: new URLSearchParams({ state: page.state, ...fields }) } : {})).text();
		return { text, state: /name="state" value="([^"]*)"/.exec(text)?.[1] };
	};
	const finish = async (page) => {
		await post(await post(page, { 'q-name': 'Lan' }), { 'q-signed': 'true' });
		return read(f, expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`, { query: { limit: 1 } }), 200).body.items[0].id);
	};
	const answers = { 'q-product': 'tea', 'q-adult': 'false', 'q-agrees': 'true' };

	// the title did not say what for when the page was sent; a further question of the page is asked first, and then it does
	const blind = await finish(await post(await post(), answers));
	assert.deepEqual(words(blind.consents), { agrees: { text: 'Test of\nI take part.', language: 'en' } });
	const more = await post(await post(), { ...answers, 'q-adult': 'true' });
	assert.match(more.text, /Test of tea/);
	const second = await post(more, { ...answers, 'q-adult': 'true', 'q-photos': 'true' });
	const between = Date.now();
	await new Promise((resolve) => setTimeout(resolve, 20));
	const seen = await finish(second);
	assert.deepEqual(words(seen.consents), { agrees: { text: 'Test of tea\nI take part.', language: 'en' }, photos: { text: 'Photos\n=Photos, too', language: 'en' } });
	assert.ok(Date.parse(seen.consents.agrees.at) <= between, 'the time of its page');
	assert.ok(Date.parse(seen.personal['@consents'].signed.at) > between);

	// sent again as it was nothing changes; in another language it is another consent
	const was = await post(await post(), { ...answers, action: 'refresh' });
	const kept = await post(await post(was, answers), { action: 'back' });
	const after = Date.now();
	await new Promise((resolve) => setTimeout(resolve, 20));
	assert.ok(Date.parse((await finish(await post(kept, answers))).consents.agrees.at) <= after);
	const vietnamese = await post(await post(), { ...answers, language: 'vi' });
	assert.match(vietnamese.text, /Dùng thử tea/);
	assert.deepEqual(words((await finish(await post(vietnamese, answers))).consents), { agrees: { text: 'Dùng thử tea\nTôi tham gia.', language: 'vi' } });

	const back = await post(await post(await post(), answers), { action: 'back' });
	const without = await finish(await post(back, { ...answers, 'q-agrees': '' }));
	assert.deepEqual(without.consents, {});
	assert.deepEqual(without.answers, { product: 'tea', adult: false });
});

test('as many words as are let in come through page after page', async () => {
	const long = (n) => 'word '.repeat(n / 5), RECORDS = 45, ROSTERS = ['r', 's', 't', 'u'];
	const f = await publish(server.api, definition('Long', [
		{ name: 'p1', questions: [{ type: 'number', name: 'n', title: 'How many?' }, ...['a', 'b', 'c'].map((name) => ({ type: 'consent', name, title: name, text: long(15000) }))] },
		{ name: 'p2', questions: ROSTERS.map((name) => ({ type: 'roster', name, title: name, over: '{n}', questions: [{ type: 'consent', name: `${name}_yes`, title: 'Yes', text: long(1000) }] })) },
		{ name: 'p3', questions: [{ type: 'text', name: 'last', title: 'Anything else?' }] }]));
	const post = async (state, fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}`, state ? { method: 'POST', body: new URLSearchParams({ state, ...fields }) } : {});
		assert.equal(reply.status, 200);
		const text = await reply.text();
		return /name="state" value="([^"]*)"/.exec(text)?.[1];
	};
	const all = {};
	for (let i = 1; i <= RECORDS; i++)
		Object.assign(all, Object.fromEntries(ROSTERS.map((name) => [`q-${name}-${i}-${name}_yes`, 'true'])));
	const state = await post(await post(await post(), { 'q-n': RECORDS, 'q-a': 'true', 'q-b': 'true', 'q-c': 'true' }), all);
	assert.ok(state.length > 256 * 1024, `the state has ${state.length}`);
	await post(state, { 'q-last': 'no' });
	const [{ id }] = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200).body.items;
	assert.equal(Object.keys((await read(f, id)).consents).length, 3 + ROSTERS.length * RECORDS);
	assert.equal(expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text.match(/\nword /g).length, 3 + ROSTERS.length * RECORDS);
});

test('proofs of a version in which the consent was not personal yet stay in the table', async () => {
	const version = (title) => definition('Later', [
		{ name: 'p1', questions: [{ type: 'text', name: 'nm', title: 'Name', pii: true }] },
		{ name: 'p2', questions: [{ type: 'consent', name: 'c', title, text: 'Yes.' }] }]);
	const f = await publish(server.api, version('Plain'));
	expect(await submit(server.anyone, f.slug, { answers: { nm: 'Lan', c: true } }), 201);
	const { body: survey } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}`), 200);
	expect(await server.api.patch(`/api/v1/surveys/${f.survey.id}`, { definition: version('I {nm}') }, survey.version), 200);
	expect(await server.api.post(`/api/v1/surveys/${f.survey.id}/publish`), 200);
	expect(await submit(server.anyone, f.slug, { answers: { nm: 'Minh', c: true } }), 201);
	const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`, { query: { personal: true } }), 200).text;
	assert.match(csv, /Lan,true,"Plain\nYes\.",en,2/);
	assert.match(csv, /Minh,true,"I Minh\nYes\.",en,2/);
	assert.doesNotMatch(expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200).text, /Minh|Lan/);
});
