// Fifty tenants over eight database connections, while requests fail, clients go away, statements are cancelled and backends killed: nobody
// ever gets a byte of another tenant. Everything that a tenant owns carries its marker, and every reply is searched for markers.
// Without COTEST_LONG: 4,000 requests of ten tenants, with the sanitizers. time limit: 40 min
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { expect } from '../harness/client.mjs';
import { rows } from '../harness/database.mjs';
import { run, sleep } from '../harness/run.mjs';
import { Server } from '../harness/server.mjs';
import { definition, publish } from '../harness/surveys.mjs';

const LONG = Boolean(process.env.COTEST_LONG);
const REQUESTS = Number(process.env.COTEST_LEAK_REQUESTS ?? (LONG ? 200000 : 4000));
const TENANTS = LONG ? 50 : 10;
const CLIENTS = LONG ? 48 : 24;
const MARKER = /mk[0-9a-f]{16}zz/g;
/** Of 1,000 requests: so many are wrong, given up by the client, accompanied by a cancelled statement, by a killed backend. */
const SHARE = { wrong: 10, abort: 10, cancel: 10, kill: 5 };

const tenants = [];
const seen = { requests: 0, replies: 0, markers: 0, bytes: 0, wrong: 0, aborts: 0, cancels: 0, kills: 0, status: {} };
const foreign = [];
const acknowledged = new Map(); // response id -> tenant
let server, agent, admin;

/** The part of `many` that each of n hands does. */
async function handInHand(n, many, work) {
	let next = 0;
	await Promise.all(Array.from({ length: n }, async () => {
		while (next < many)
			await work(next++);
	}));
}

function document(marker) {
	return definition(`Survey ${marker}`, [{ name: 'one', questions: [
		{ type: 'text', name: 'remark', title: `Remark ${marker}`, max_length: 200 },
		{ type: 'text', name: 'phone', title: 'Phone', pii: true, max_length: 100 },
		{ type: 'rating', name: 'nps', title: 'Rating', min: 0, max: 10 }] }]);
}

async function furnish(i) {
	const marker = `mk${randomBytes(8).toString('hex')}zz`;
	const made = await server.addTenant(`leak-${i}`, `u${i}@leak.example`);
	const api = await server.login(made.email);
	const f = await publish(api, document(marker), { slug: `leak-${i}`, link: { title: `Link ${marker}` } });
	expect(await api.patch(`/api/v1/projects/${f.project.id}`, { name: `Project ${marker}` }, f.project.version), 200);
	const role = expect(await api.post('/api/v1/roles', { name: `Role ${marker}`, permissions: ['surveys:read'] }), 201).body;
	const t = { ...made, marker, token: api.token, survey: f.survey.id, project: f.project.id, link: f.link.id, slug: f.slug, role: role.id };
	const sent = expect(await api.post(`/api/public/v1/links/${t.slug}/responses`, answer(t)), 201).body;
	t.response = sent.id;
	acknowledged.set(sent.id, t);
	tenants[i] = t;
	api.close();
}

const answer = (t) => ({ answers: { remark: `said ${t.marker}`, phone: `call ${t.marker}`, nps: 7 } });
const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** What a tenant does: [method, path, body, headers, whether its marker has to be in a 200]. */
const KINDS = [
	(t) => ['GET', '/api/v1/projects', null, {}, true],
	(t) => ['GET', '/api/v1/surveys', null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}`, null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/versions/1`, null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/links`, null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/responses?limit=20`, null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/responses/${t.response}`, null, {}, true],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/responses.csv?personal=true`, null, {}, true],
	(t) => ['GET', '/api/v1/roles', null, {}, true],
	(t) => ['GET', '/api/v1/members', null, {}, false],
	(t) => ['GET', '/api/v1/events?limit=20', null, {}, false],
	(t) => ['GET', '/api/v1/me', null, {}, false],
	(t) => ['GET', `/api/public/v1/links/${t.slug}`, null, {}, true],
	(t) => ['GET', `/s/${t.slug}`, null, {}, true],
	(t) => ['POST', `/api/public/v1/links/${t.slug}/responses`, answer(t), {}, false],
	(t) => ['POST', `/api/public/v1/links/${t.slug}/responses`, answer(t), { 'Idempotency-Key': `${t.marker}-${Math.floor(Math.random() * 200)}` }, false],
	// the same key at everybody's: a replay must be of one's own
	(t) => ['POST', '/api/v1/projects', { name: `Replayed ${t.marker}` }, { 'Idempotency-Key': `shared-${Math.floor(Math.random() * 20)}` }, false],
	(t) => ['PATCH', `/api/v1/projects/${t.project}`, { name: `Project ${t.marker} ${Math.floor(Math.random() * 9)}` }, { 'If-Match': '"3"' }, false],
];

/** Requests that end in an error: refused before the database, by it, and in the middle of a transaction. */
const WRONG = [
	(t) => ['POST', `/api/public/v1/links/${t.slug}/responses`, { answers: { nps: 'x', remark: t.marker } }],
	(t) => ['GET', `/api/v1/surveys/${pick(tenants).survey}`],
	(t) => ['GET', `/api/v1/surveys/${t.survey}/responses/${pick(tenants).response}`],
	(t) => ['POST', `/api/v1/surveys/${t.survey}/links`, { slug: pick(tenants).slug }],
	(t) => ['POST', '/api/v1/surveys', { project_id: pick(tenants).project, title: t.marker, definition: { schema_version: '1.0' } }],
	(t) => ['DELETE', `/api/v1/roles/${pick(tenants).role}`, null, { 'If-Match': '"99"' }],
];

/** One request; answers the status, or 0 when there was no reply. */
function send(t, [method, path, body, headers = {}, wanted], abortMs) {
	const text = body ? JSON.stringify(body) : undefined;
	const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
	const all = { Authorization: `Bearer ${t.token}`, ...headers, ...(text ? { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) } : {}) };
	return new Promise((resolve) => {
		const rq = http.request({ host: '127.0.0.1', port: server.port, method, path, headers: all, agent }, (rs) => {
			const parts = [];
			rs.on('data', (bytes) => parts.push(bytes));
			rs.on('error', () => resolve(0));
			rs.on('close', () => {
				judge(t, method, path, wanted, rs, Buffer.concat(parts));
				resolve(rs.statusCode);
			});
		});
		rq.on('error', () => resolve(0));
		rq.setTimeout(60000, () => rq.destroy());
		rq.end(text);
		if (abortMs !== undefined)
			setTimeout(() => rq.destroy(), abortMs);
	});
}

/** Looks at what came, also of a reply that broke off: head and body. */
function judge(t, method, path, wanted, rs, bytes) {
	const text = JSON.stringify(rs.headers) + bytes.toString('latin1');
	const markers = text.match(MARKER) ?? [];
	seen.replies++;
	seen.bytes += bytes.length;
	seen.markers += markers.length;
	seen.status[rs.statusCode] = (seen.status[rs.statusCode] ?? 0) + 1;
	if (markers.some((m) => m !== t.marker) || tenants.some((other) => other !== t && text.includes(other.id)))
		foreign.push(`${method} ${path} as ${t.slug}: ${rs.statusCode} ${text.slice(0, 500)}`);
	// an empty list where there must be something is the other way of seeing the wrong tenant
	if (wanted && rs.statusCode === 200 && rs.complete && !markers.length)
		foreign.push(`${method} ${path} as ${t.slug} shows nothing of its own: ${text.slice(0, 300)}`);
	if (method === 'POST' && rs.statusCode === 201 && rs.complete && path.startsWith('/api/public/'))
		acknowledged.set(JSON.parse(bytes).id, t);
}

/** Cancels the statement, or kills the backend, of somebody at work for the server. */
function disturb(what) {
	const call = what === 'kill' ? 'pg_terminate_backend' : 'pg_cancel_backend';
	admin.stdin.write(`select '${what}', ${call}(pid) from pg_stat_activity where datname = '${server.database.name}' and usename in ('collect_app', 'collect_public')
		order by state = 'active' desc, random() limit 1;\n`);
}

before(async () => {
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	server = new Server({ binary, env: { COLLECT_DATABASE_POOL_SIZE: '4', COLLECT_DATABASE_POOL_MAX: '4', COLLECT_DATABASE_POOL_WAIT_MS: '20000',
		COLLECT_ACCESS_TOKEN_S: '7200', COLLECT_LOG_LEVEL: 'warn' } });
	await server.begin();
	await handInHand(4, TENANTS, furnish);
	agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
	admin = spawn('psql', ['-qXAt', '-h', server.database.host, '-U', 'postgres', '-d', server.database.name], { stdio: ['pipe', 'pipe', 'ignore'] });
	admin.stdout.on('data', (bytes) => {
		seen.cancels += (bytes.toString().match(/cancel\|t/g) ?? []).length;
		seen.kills += (bytes.toString().match(/kill\|t/g) ?? []).length;
	});
});
after(async () => {
	admin?.stdin.end();
	agent?.destroy();
	await server?.end();
});

test(`${REQUESTS} requests of ${TENANTS} tenants over 8 connections: no foreign marker in any reply`, async () => {
	const connections = [];
	const watch = setInterval(async () => {
		const [[n]] = await rows(server.database.name, "select count(*) from pg_stat_activity where datname = current_database() and usename in ('collect_app', 'collect_public')");
		connections.push(Number(n));
	}, 1000);
	await handInHand(CLIENTS, REQUESTS, async (i) => {
		if (i % (REQUESTS / 20) === 0)
			console.log(`# progress ${i}/${REQUESTS} ${foreign.length} foreign`);
		seen.requests++;
		const t = pick(tenants);
		const dice = Math.random() * 1000;
		if (dice < SHARE.wrong) {
			const status = await send(t, pick(WRONG)(t));
			seen.wrong += status >= 400;
		} else if (dice < SHARE.wrong + SHARE.abort) {
			seen.aborts++;
			await send(t, pick(KINDS)(t), Math.random() * 8);
		} else {
			if (dice < SHARE.wrong + SHARE.abort + SHARE.cancel)
				disturb('cancel');
			else if (dice < SHARE.wrong + SHARE.abort + SHARE.cancel + SHARE.kill)
				disturb('kill');
			await send(t, pick(KINDS)(t));
		}
		assert.ok(foreign.length < 5, foreign.join('\n'));
	});
	clearInterval(watch);
	await sleep(300);
	console.log(`# ${JSON.stringify(seen)}; connections at most ${Math.max(...connections, 0)}`);
	assert.deepEqual(foreign, []);
	// what was to happen did happen
	assert.ok(Math.max(...connections, 0) <= 8, `${Math.max(...connections)} connections`);
	assert.ok(seen.replies > REQUESTS * 0.97 && seen.markers > REQUESTS, JSON.stringify(seen));
	for (const [what, share] of [['wrong', SHARE.wrong], ['aborts', SHARE.abort], ['cancels', SHARE.cancel], ['kills', SHARE.kill]])
		assert.ok(seen[what] > REQUESTS * share / 1000 / 3, `${seen[what]} ${what}`);
	const good = Object.entries(seen.status).reduce((n, [status, count]) => n + ([200, 201, 202, 409, 412].includes(Number(status)) ? count : 0), 0);
	assert.ok(good > REQUESTS * 0.9, `the server has to work meanwhile: ${JSON.stringify(seen.status)}`);
	assert.ok(!seen.status[500], `${seen.status[500]} replies 500`);
});

test('every row lies with the tenant whose marker it carries, and what was acknowledged is there', async () => {
	const owners = tenants.map((t) => `('${t.id}'::uuid, '${t.marker}')`).join(', ');
	for (const [table, text] of [['responses', 'answers::text'], ['projects', 'name'], ['surveys', 'title'], ['links', 'title'], ['roles', 'name'], ['events', 'data::text']]) {
		const [[wrong, right]] = await rows(server.database.name, `with owners (tenant, marker) as (values ${owners})
			select count(*) filter (where o.tenant <> x.tenant_id), count(*) filter (where o.tenant = x.tenant_id)
			from ${table} x join owners o on position(o.marker in x.${text}) > 0`);
		assert.equal(wrong, '0', `${table}: ${wrong} rows with another tenant's marker`);
		assert.ok(Number(right) > 0 || table === 'events', table);
	}
	const stored = new Map(await rows(server.database.name, 'select id, tenant_id from responses'));
	const lost = [...acknowledged].filter(([id, t]) => stored.get(id) !== t.id);
	assert.equal(lost.length, 0, `${lost.length} of ${acknowledged.size} acknowledged answers are not where they belong`);
});
