// What tells duplicates goes with what it was made of: with the answer, with its personal part, with its paradata.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { withPrivacy } from '../harness/privacy.mjs';
import { until } from '../harness/run.mjs';
import { definition, publish, submit } from '../harness/surveys.mjs';
import { round } from '../harness/worker.mjs';

const { server, query, run, erase } = withPrivacy();
const LONG = 'Because the service at the counter was slow and nobody could tell us when the next one would come.';
const survey = () => definition('Prints', [{ name: 'p', questions: [{ type: 'text', name: 'why', title: 'Why' }, { type: 'text', name: 'email', title: 'E-mail', input: 'email', pii: true }] }]);
const kinds = async (id) => (await query(`select distinct kind from response_prints where response_id = '${id}' order by 1`)).flat();

/** A survey that tells devices apart, and its answers, each with a device and a text. */
async function field(count) {
	const f = await publish(server.api, survey()), path = `/api/v1/surveys/${f.survey.id}`, ids = [];
	expect(await server.api.patch(path, { device_answers: 1 }, expect(await server.api.get(path), 200).body.version), 200);
	const send = async (n) => expect(await submit(server.anyone, f.slug, { answers: { why: `${LONG} ${n}`, email: `p${n}@example.com` }, device_id: `d${n}` }), 201).body.id;
	await until('the setting to hold', async () => (await kinds(await send('x'))).length === 2);
	for (let n = 0; n < count; n++)
		ids.push(await send(n));
	return { path, ids };
}

test('an erasure takes all of them, and one of the personal part those of device and text too', async () => {
	const { ids: [whole, part, other] } = await field(3);
	assert.equal((await erase({ email: 'p0@example.com' })).result.responses, 1);
	assert.equal((await erase({ email: 'p1@example.com', mode: 'personal' })).result.responses, 1);
	assert.deepEqual([await kinds(whole), await kinds(part), await kinds(other)], [[], [], ['device', 'text']]);
	assert.deepEqual(await query(`select answers ->> 'why' from responses where id in ('${whole}', '${part}')`), [[`${LONG} 1`]]);
});

test('retention takes those of answers with them, and those of devices with the paradata', async () => {
	const { path, ids: [old, aged, young] } = await field(3);
	await run(`update responses set created_at = now() - interval '40 days' where id = '${old}'; update responses set created_at = now() - interval '10 days' where id = '${aged}'`);
	expect(await server.api.patch(path, { retention: { answers_days: 30, paradata_days: 5 } }, expect(await server.api.get(path), 200).body.version), 200);
	assert.deepEqual((await round(server, 'privacy.retention')).result, { surveys: 1, answers: 1, personal: 0, paradata: 1 });
	assert.deepEqual([await kinds(old), await kinds(aged), await kinds(young)], [[], ['text'], ['device', 'text']]);
});

test('a purge takes those of deleted answers', async () => {
	const { path, ids: [gone, kept] } = await field(2);
	expect(await server.api.delete(`${path}/responses/${gone}`, expect(await server.api.get(`${path}/responses/${gone}`), 200).body.version), 204);
	assert.deepEqual(await kinds(gone), ['device', 'text'], 'who deletes may restore');
	await run(`update responses set deleted_at = now() - interval '40 days' where id = '${gone}'`);
	assert.equal((await round(server, 'privacy.purge')).status, 'succeeded');
	assert.deepEqual([await query(`select id from responses where id = '${gone}'`), await kinds(gone), await kinds(kept)], [[], [], ['device', 'text']]);
});
