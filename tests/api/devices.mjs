// Datetimes, barcodes, places and the cells of a matrix by the way in and out; and files, for which there is no storage yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
const label = (value) => ({ value, label: value.toUpperCase() });

test('a survey that asks for files is not published, and is told why', async () => {
	const document = definition('Receipts', [{ name: 'p', questions: [{ type: 'text', name: 't', title: 'T' }, { type: 'photo', name: 'receipt', title: 'Your receipt?' }] }]);
	const project = expect(await server.api.post('/api/v1/projects', { name: 'Files' }), 201).body;
	const survey = expect(await server.api.post('/api/v1/surveys', { project_id: project.id, title: 'Receipts', definition: document }), 201).body;
	const refused = expect(await server.api.post(`/api/v1/surveys/${survey.id}/publish`), 422).body;
	assert.deepEqual(refused.errors.map(({ pointer, code }) => [pointer, code]), [['/definition/survey/pages/0/questions/1/type', 'E0911']]);
	assert.match(refused.errors[0].message, /no storage/);
});

test('what devices and matrices answer is stored in one form, and has its columns', async () => {
	const f = await publish(server.api, definition('Devices', [{ name: 'p', questions: [
		{ type: 'datetime', name: 'at', title: 'When?', max: '2026-12-31' }, { type: 'barcode', name: 'code', title: 'Code' }, { type: 'geopoint', name: 'place', title: 'Where?', accuracy_m: 50 },
		{ type: 'matrix', name: 'm', title: 'M', cell: 'multi', rows: ['a', 'b'].map(label), columns: ['x', 'y'].map(label) },
		{ type: 'multi_text', name: 'who', title: 'Who?', items: [{ name: 'age', title: 'Age', type: 'number', max: 120 }, { name: 'mail', title: 'Mail', type: 'email' }] }] }]));
	const answers = { at: '2026-11-22T19:04:00+07:00', code: '8934563138165', place: { lon: 105.84, lat: 21.03, accuracy_m: 12 }, m: { a: ['y', 'x'] }, who: { age: 40 } };
	const { id } = expect(await submit(server.anyone, f.slug, { answers }), 201).body;
	const stored = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses/${id}`), 200).body;
	assert.deepEqual(stored.answers, { at: '2026-11-22T12:04:00.000Z', code: '8934563138165', place: { lat: 21.03, lon: 105.84, accuracy_m: 12 }, m: { a: ['x', 'y'] }, who: { age: 40 } });
	const wrong = expect(await submit(server.anyone, f.slug, { answers: { at: '2027-01-01T00:00:00Z', place: { lat: 95, lon: 1 }, m: { a: 'x' }, who: { age: 121 } } }), 422).body;
	assert.deepEqual(wrong.errors.map((e) => `${e.pointer} ${e.code}`), ['/answers/at max', '/answers/place/lat max', '/answers/m/a type', '/answers/who/age max']);
	const csv = expect(await server.api.get(`/api/v1/surveys/${f.survey.id}/responses.csv`), 200);
	const [head, row] = csv.text.replace(/^\uFEFF/, '').split(/\r?\n/);
	for (const name of ['at', 'code', 'place_lat', 'place_lon', 'place_accuracy_m', 'm_a_x', 'm_a_y', 'm_b_x', 'm_b_y', 'who_age', 'who_mail'])
		assert.ok(head.split(',').includes(name), `${name} in ${head}`);
	assert.ok(row.endsWith(',2026-11-22T12:04:00.000Z,8934563138165,21.03,105.84,12,1,1,,,40,'), row);
});
