// What codes of single-use links bring along is somebody's too: handed out with the person's data, erased with them, whether the code was used or not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { withPrivacy } from '../harness/privacy.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';

const { server, query, run, erase, gather, traces } = withPrivacy();
const survey = () => definition('Sample', [{ name: 'p', questions: [{ type: 'text', name: 'why', title: 'Why?' }] }],
	{ parameters: [{ name: 'name', type: 'text' }, { name: 'mail', type: 'text' }, { name: 'tel', type: 'text', export: true }] });
const field = async (csv) => {
	const f = await publish(server.api, survey(), { link: { kind: 'single_use' } }), codes = `/api/v1/surveys/${f.survey.id}/links/${f.link.id}/codes`;
	expect(await server.api.post(codes, { csv }), 202);
	const list = async () => Object.fromEntries(expect(await server.api.get(codes), 200).body.items.map((c) => [c.code, c]));
	return { ...f, list, answer: async (code, why = 'x') => expect(await submit(server.anyone, f.slug, { code, answers: { why } }), 201).body.id };
};
const file = async (body) => {
	const { result } = await gather(body);
	return { result, at: result.export, file: expect(await server.api.get(`${result.export}/file`), 200).body };
};

test('an export has what codes bring along, used or not', async () => {
	const f = await field('code,name,mail,tel\nexport-0001,Lan,lan.7@example.com,0912 345 701\nexport-0002,Lan,LAN.7@example.com,\nexport-0003,Minh,minh.7@example.com,0912 345 702\n');
	const id = await f.answer('export-0001');
	const { result, file: got } = await file({ email: 'lan.7@example.com' });
	assert.equal(result.responses, 1, 'the answer is found by what its code brought along');
	assert.deepEqual(got.responses.map((r) => [r.response_id, r.parameters.name, r.parameters.mail]), [[id, 'Lan', 'lan.7@example.com']]);
	const brought = got.person.codes.sort((x, y) => (x.parameters.mail < y.parameters.mail ? -1 : 1));
	assert.deepEqual(brought.map((c) => [c.survey, c.link, c.parameters]), [['Sample', f.slug, { name: 'Lan', mail: 'LAN.7@example.com' }],
		['Sample', f.slug, { name: 'Lan', mail: 'lan.7@example.com', tel: '0912 345 701' }]]);
	assert.match(expect(await server.api.get(`${result.export}/text`), 200).text, /codes:\n(.*\n)*.*LAN\.7@example\.com/);
	assert.ok(!JSON.stringify(got).includes('minh.7'));
});

test('an erasure takes them, revokes what was not used, and ends every export that has them', async () => {
	const f = await field('code,name,mail,tel\nerase-00001,Hoa,hoa.8@example.com,0912 345 801\nerase-00002,Hoa,hoa.8@example.com,0912 345 801\nerase-00003,Mai,mai.8@example.com,0912 345 802\n');
	await f.answer('erase-00001');
	const byPhone = await file({ phone: '0912 345 801' }), other = await file({ phone: '0912 345 802' });
	const { result } = await erase({ email: 'hoa.8@example.com' });
	assert.deepEqual([result.responses, result.codes], [1, 1]);
	const codes = await f.list();
	assert.deepEqual(Object.values(codes).map((c) => [c.code, c.state, c.parameters, c.response_id]).sort(), [['erase-00001', 'used', {}, null], ['erase-00002', 'revoked', {}, null],
		['erase-00003', 'open', { name: 'Mai', mail: 'mai.8@example.com', tel: '0912 345 802' }, null]]);
	for (const code of ['erase-00001', 'erase-00002'])
		expect(await submit(server.anyone, f.slug, { code, answers: { why: 'again' } }), 410, 'gone');
	expect(await server.api.get(`${byPhone.at}/file`), 409);
	expect(await server.api.get(`${other.at}/file`), 200);
	assert.deepEqual(await traces(['hoa.8@', '345 801']), []);
	assert.deepEqual((await erase({ email: 'hoa.8@example.com' })).result.codes, 0, 'done again it finds nothing');
});

test('an answer that is stripped loses what its code brought along, and the code stays used', async () => {
	const f = await field('code,name,mail\nstrip-00001,Thu,thu.9@example.com\n'), id = await f.answer('strip-00001', 'because');
	const { result } = await erase({ email: 'thu.9@example.com', mode: 'personal' });
	assert.equal(result.responses, 1);
	assert.deepEqual(await query(`select answers ->> 'why', idempotency_key is null from responses where id = '${id}'`), [['because', 't']]);
	const { 'strip-00001': code } = await f.list();
	assert.deepEqual([code.state, code.parameters, code.response_id], ['used', {}, null]);
	expect(await submit(server.anyone, f.slug, { code: 'strip-00001', answers: { why: 'again' } }), 410, 'gone');
	assert.deepEqual(await traces(['thu.9@']), []);
});

test('more codes than are taken at once: erased, but too many for an export', async () => {
	const f = await field('code,mail\nmany-000000,many.10@example.com\n');
	await run(`insert into link_codes (tenant_id, survey_id, link_id, id, code, parameters)
		select tenant_id, survey_id, link_id, gen_random_uuid(), 'many-' || lpad(n::text, 6, '0'), parameters from link_codes, generate_series(1, 1500) n where link_id = '${f.link.id}'`);
	assert.equal((await gather({ email: 'many.10@example.com' })).status, 'dead');
	assert.equal((await erase({ email: 'many.10@example.com' })).status, 'succeeded');
	assert.deepEqual(await query(`select count(*) filter (where parameters <> '{}' or revoked_at is null) from link_codes where link_id = '${f.link.id}'`), [['0']]);
});
