// What the look-up finds an erasure finds, and what stands within other words as well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { ERASURES, EXPORTS, visit, withPrivacy } from '../harness/privacy.mjs';
import { publish } from '../harness/surveys.mjs';

const { server, run, erase, gather, answer, traces } = withPrivacy();
const found = async (body) => expect(await server.api.post('/api/v1/responses/lookup', body), 200).body.items.length;

test('an address or number in any spelling is gathered and erased', async () => {
	const s = await publish(server.api, visit());
	const mails = ['person.1@bücher.example', 'PERSON.1@xn--bcher-kva.example', ' Person.1@BÜCHER.example '], phones = ['+84 912345101', '0912 345 101', '0084-912-345-101', '+84 (0)912 345 101'];
	for (const email of mails) {
		await answer(s, { city: 'hn', email: 'Person.1@Bücher.example' });
		assert.equal(await found({ email }), 1, email);
		assert.equal((await gather({ email })).result.responses, 1, email);
		assert.equal((await erase({ email })).result.responses, 1, email);
		assert.equal(await found({ email }), 0, email);
	}
	for (const phone of phones) {
		await answer(s, { city: 'hn', phone: '0912 345 101' });
		assert.equal((await gather({ phone })).result.responses, 1, phone);
		assert.equal((await erase({ phone })).result.responses, 1, phone);
		assert.equal(await found({ phone }), 0, phone);
	}
	for (const body of [{ email: 'nobody' }, { email: '@b.example' }, { email: 'a@' }, { phone: 'none at all' }, { phone: '12345' }, { phone: '+1234567890123456' }])
		for (const path of [ERASURES, EXPORTS])
			expect(await server.api.post(path, body), 422);
});

test('what the index names is found though it does not open, and counted apart from what only the walk finds', async () => {
	const EMAIL = 'damaged.77@example.com', s = await publish(server.api, visit());
	const [broken, whole] = [await answer(s, { email: EMAIL }), await answer(s, { email: 'whole.77@example.com' })];
	await answer(s, { email: EMAIL });
	await answer(s, { remark: `write to ${EMAIL}` });
	await run(`update responses a set sealed = b.sealed from responses b where a.id = '${broken}' and b.id = '${whole}'`);
	const { result } = await erase({ email: EMAIL });
	assert.deepEqual([result.responses, result.by_index], [3, 2]);
	expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${broken}`), 404);
	expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${whole}`), 200);
	assert.equal(await found({ email: EMAIL }), 0);
});

test('within a text', async () => {
	const s = await publish(server.api, visit());
	for (const remark of ['please write to canary.free@example.com.', 'I am <Canary.Free@Example.com>, thanks', 'mailto:canary.free@example.com', 'canary.free@example.com、bitte', '(canary.free@example.com)'])
		await answer(s, { remark });
	const others = [];
	for (const remark of ['a.canary.free@example.com', 'canary.free@example.com.vn', 'canary.free@example.comm', 'canary.free at example.com'])
		others.push(await answer(s, { remark }));
	assert.equal((await erase({ email: 'canary.free@example.com' })).result.responses, 5);
	for (const remark of ['call 0977 123 456, evenings', 'my number is +84 977-123-456', '2 children, 0977.123.456', '0977123456/0977000111'])
		await answer(s, { remark });
	for (const remark of ['10977123456', '09771234567', '0977 123 45'])
		others.push(await answer(s, { remark }));
	assert.equal((await erase({ phone: '0977123456' })).result.responses, 4);
	for (const id of others)
		expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${id}`), 200);
	assert.deepEqual(await traces(['write to canary.free', '0977 123 456', '977-123-456']), []);
});

test('in a tenant that has all answers sealed, in both modes', async () => {
	const EMAIL = 'canary.six.6611@example.com', WORDS = 'the violet umbrella';
	const s = await publish(server.api, visit());
	expect(await server.api.patch('/api/v1/sealing', { seal_answers: true }, expect(await server.api.get('/api/v1/sealing'), 200).body.version), 200);
	const a = await answer(s, { city: 'hn', email: EMAIL, remark: WORDS }), b = await answer(s, { city: 'hcm', remark: `write to ${EMAIL}` });
	const other = await answer(s, { city: 'hcm', remark: 'stays', email: 'else@example.com' });
	assert.equal((await erase({ email: EMAIL, mode: 'personal' })).result.responses, 2);
	const left = async (id) => expect(await server.api.get(`/api/v1/surveys/${s.survey.id}/responses/${id}`), 200).body;
	assert.deepEqual([(await left(a)).answers, (await left(a)).has_personal], [{ city: 'hn', remark: WORDS, terms: true }, false]);
	assert.deepEqual((await left(b)).answers, { city: 'hcm', terms: true });
	assert.equal((await erase({ email: EMAIL, mode: 'personal' })).result.responses, 0, 'nothing of it is left');
	await answer(s, { city: 'hn', email: EMAIL });
	assert.equal((await erase({ email: EMAIL })).result.responses, 1);
	assert.equal(await found({ email: EMAIL }), 0);
	assert.deepEqual(await traces([EMAIL]), []);
	assert.equal((await left(other)).personal.email, 'else@example.com');
});
