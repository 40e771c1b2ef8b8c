// What is kept in memory: asked of the database once, by one of all who want it at the same moment; dropped everywhere when it changes; done without when Redis is away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { Client, expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { command, until } from '../harness/run.mjs';
import { withServer } from '../harness/server.mjs';
import { csat, publish, submit } from '../harness/surveys.mjs';

const server = withServer();
let other, f;
before(async () => {
	other = await server.twin();
	f = await publish(server.api, csat());
});
after(() => other.end());

const path = () => `/api/public/v1/links/${f.slug}`;
/** How often these were asked of the database so far: who a link belongs to, the link, what is in the field. */
const asked = async () => Number((await rows(server.database.name, `select coalesce(sum(calls), 0) from public.pg_stat_statements
	where dbid = (select oid from pg_database where datname = current_database()) and query ~ 'from slug_lookup|survey_versions v on v.tenant_id' and query !~ 'pg_stat_statements'`))[0][0]);
const ratio = async (on, level) => Number(new RegExp(`^cache_hit_ratio\\{level="${level}"\\} (\\S+)$`, 'm').exec(expect(await on.internal.get('/internal/metrics'), 200).text)[1]);
/** Everybody at once, each by a connection of his own. */
const all = (on, n, at) => Promise.all(Array.from({ length: n }, async () => {
	const client = new Client(on.port);
	const got = await client.get(at);
	client.close();
	return got.status;
}));

test('of forty who want a link at once that nobody has, one asks the database', async () => {
	await server.stop();
	await server.start();
	await command(['redis-cli', '-s', server.redis.socket, 'flushall']);
	server.api = await server.login(server.tenant.email);
	const before = await asked();
	assert.ok((await all(server, 40, path())).every((status) => status === 200));
	assert.equal(await asked() - before, 2, 'the link and its survey, once each');
	assert.ok((await all(server, 200, `/s/${f.slug}`)).every((status) => status === 200));
	assert.ok((await all(server, 200, path())).every((status) => status === 200));
	assert.equal(await asked() - before, 2, 'and never again');
	assert.ok(await ratio(server, 'l1') > 0.8);
});

test('another server finds it in Redis', async () => {
	const before = await asked(), shared = await ratio(other, 'l2').catch(() => 0);
	assert.equal((await other.anyone.get(path())).status, 200);
	assert.equal(await asked() - before, 0);
	assert.ok(await ratio(other, 'l2') > shared);
});

test('a change is seen everywhere within a moment', async () => {
	const at = `/api/v1/surveys/${f.survey.id}`, { version } = expect(await server.api.get(at), 200).body;
	expect(await server.api.patch(at, { status: 'closed' }, version), 200);
	expect(await server.anyone.get(path()), 410);
	await until('the other one', async () => (await other.anyone.get(path())).status === 410, 2);
	expect(await server.api.patch(at, { status: 'published' }, version + 1), 200);
	await until('it to open again', async () => (await other.anyone.get(path())).status === 200, 2);
});

test('the document for programs has a tag, may be shown while it is asked for anew, and by a page of whatever origin', async () => {
	const { headers } = expect(await server.anyone.get(path()), 200);
	assert.deepEqual([headers['cache-control'], headers['access-control-allow-origin'], headers.vary], ['max-age=0, stale-while-revalidate=60', '*', 'Accept-Encoding']);
	assert.equal(expect(await server.anyone.get(path(), { headers: { 'If-None-Match': headers.etag } }), 304).headers['cache-control'], headers['cache-control']);
});

test('without Redis all of it goes on', async () => {
	await server.redis.stop('SIGKILL');
	const before = await asked();
	for (let i = 0; i < 20; i++) {
		assert.ok((await all(server, 5, path())).every((status) => status === 200));
		expect(await submit(server.anyone, f.slug, { answers: { nps: 7 } }), 201);
	}
	assert.ok(await asked() - before <= 20, 'the process still keeps what it asked for, for two seconds');
	await server.redis.start();
});
