// Rosters by the pages without JavaScript, and personal answers in their records.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
const household = () => definition('Household', [
	{ name: 'p1', questions: [{ type: 'roster', name: 'person', title: 'Who lives with you?', min: 1, max: 3, item_title: 'Person {@index}', questions: [
		{ type: 'text', name: 'name', title: 'Name', pii: true, required: true }, { type: 'number', name: 'age', title: 'Age of {row.name}', min: 0 }] }] },
	{ name: 'p2', questions: [{ type: 'text', name: 'last', title: 'Together {sum({person[].age})} years' }] },
]);

test('records are added and taken away by buttons; what is personal in them is sealed', async () => {
	const f = await publish(server.api, household());
	const page = async (fields) => {
		const reply = await fetch(`${server.url}/s/${f.slug}`, fields ? { method: 'POST', body: new URLSearchParams(fields) } : {});
		const text = await reply.text();
		return { text, state: /name="state" value="([^"]*)"/.exec(text)?.[1], records: [...text.matchAll(/cc-record-title">([^<]*)</g)].map((m) => m[1]) };
	};
	const first = await page();
	assert.deepEqual(first.records, ['Person 1']);
	const two = await page({ state: first.state, 'q-person-1-name': 'Lan', 'q-person-1-age': '30', record: 'add person' });
	assert.deepEqual(two.records, ['Person 1', 'Person 2']);
	assert.doesNotMatch(two.text, /cc-error/, 'what has only just appeared is not complained about');
	const three = await page({ state: two.state, 'q-person-1-name': 'Lan', 'q-person-1-age': '30', 'q-person-2-name': 'Mai', 'q-person-2-age': '4', record: 'add person' });
	assert.deepEqual(three.records, ['Person 1', 'Person 2', 'Person 3']);
	assert.doesNotMatch(three.text, /value="add person"/, 'three are the most');
	const left = await page({ state: three.state, 'q-person-1-name': 'Lan', 'q-person-1-age': '30', 'q-person-2-name': 'Mai', 'q-person-2-age': '4', record: 'remove person 1' });
	assert.deepEqual(left.records, ['Person 1', 'Person 2']);
	assert.match(left.text, /value="Mai"/);
	assert.doesNotMatch(left.text, /value="Lan"/);
	const wrong = await page({ state: left.state, 'q-person-1-name': 'Mai', 'q-person-1-age': '4', 'q-person-2-age': '60' });
	assert.match(wrong.text, /href="#q-person-2-name">Person 2: Name</);
	const next = await page({ state: wrong.state, 'q-person-1-name': 'Mai', 'q-person-1-age': '4', 'q-person-2-name': 'Nam', 'q-person-2-age': '60' });
	assert.match(next.text, /Together 64 years/);
	await page({ state: next.state, 'q-last': 'x' });
	const { items } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses`), 200).body;
	assert.deepEqual(items[0].answers, { person: [{ _item: 1, age: 4 }, { _item: 2, age: 60 }], last: 'x' });
	const { body } = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${items[0].id}`), 200);
	assert.deepEqual(body.personal, { person: [{ _item: 1, name: 'Mai' }, { _item: 2, name: 'Nam' }] });
	const raw = await rows(server.database.name, `select answers::text, encode(sealed, 'escape') from responses where id = '${items[0].id}'`);
	assert.doesNotMatch(JSON.stringify(raw), /Mai|Nam/);
});
