// To repeat a dead job is to begin it: who may not do that any more, or only in some projects, is refused.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { expect } from '../harness/client.mjs';
import { psql, rows } from '../harness/database.mjs';
import { before } from '../harness/hooks.mjs';
import { withServer } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const server = withServer();
const sql = async (text) => { const made = await psql(server.database.name, `set search_path = collect; ${text}`); assert.equal(made.code, 0, made.stderr); };
const die = (job) => sql(`update jobs set dead_at = now() where id = '${job}'; update job_records set status = 'dead', finished_at = now() where id = '${job}'`);
const status = async (job) => (await rows(server.database.name, `select status, (select count(*) from jobs where id = '${job}' and dead_at is null) from job_records where id = '${job}'`))[0];
const again = (api, job) => api.post(`/api/v1/jobs/${job}/retry`);
const become = async (who, role) => {
	const { version } = expect(await server.api.get(`/api/v1/members/${who.id}`), 200).body;
	expect(await server.api.patch(`/api/v1/members/${who.id}`, { role }, version), 200);
};
let hash;

async function member(role) {
	const id = randomUUID(), email = `${role}-${id.slice(0, 8)}@acme.example`;
	await sql(`select provision_member('${server.tenant.id}', '${id}', '${email}', '${role}', '${hash}', 'en', '${role}')`);
	return { id, api: await server.login(email) };
}

before(async () => { hash = (await rows(server.database.name, 'select password_hash from users'))[0][0]; });

test('whose role was taken back repeats nothing that it let him begin', async () => {
	const who = await member('admin');
	const { id: job } = expect(await who.api.post('/api/v1/privacy/erasures', { email: 'person@example.com' }), 202).body;
	await die(job);
	for (const role of ['guest', 'viewer', 'manager']) {
		await become(who, role);
		expect(await again(who.api, job), 403, 'forbidden');
		assert.deepEqual(await status(job), ['dead', '0']);
	}
	assert.deepEqual(await rows(server.database.name, `select 1 from events where aggregate_id = '${job}' and type = 'retried'`), []);
	await become(who, 'admin');
	expect(await again(who.api, job), 202);
	assert.deepEqual(await status(job), ['queued', '1']);
});

test('nor who had it in one project', async () => {
	const field = await publish(server.api, definition('Small', [{ name: 'p', questions: [{ type: 'text', name: 'q', title: 'Q' }] }]), { link: { kind: 'single_use' } });
	const who = await member('guest'), members = `/api/v1/projects/${field.project.id}/members`;
	const { version } = expect(await server.api.request('PUT', members, { body: { user_id: who.id, role: 'manager' } }), 200).body;
	const { job_id: job } = expect(await who.api.post(`/api/v1/surveys/${field.survey.id}/links/${field.link.id}/codes`, { count: 2000 }), 202).body;
	await die(job);
	expect(await again(who.api, job), 403, 'forbidden');
	expect(await server.api.delete(`${members}/${who.id}`, version), 204);
	expect(await again(who.api, job), 403, 'forbidden');
	assert.deepEqual(await status(job), ['dead', '0']);
	expect(await again(server.api, job), 202); // somebody else's, with jobs:write and links:write
});

test('what nobody begins by himself is repeated with jobs:write', async () => {
	const who = await member('manager');
	const { id: job } = expect(await server.api.post('/api/v1/privacy/exports', { email: 'person@example.com' }), 202).body;
	await sql(`update job_records set type = 'mail.send', created_by = '${who.id}' where id = '${job}'`);
	await die(job);
	const may = expect(await who.api.get('/api/v1/me'), 200).body.permissions.includes('jobs:write');
	expect(await again(who.api, job), may ? 202 : 403);
	await become(who, 'viewer');
	await die(job);
	expect(await again(who.api, job), 403, 'forbidden');
});
