// SQL injection, looked for by sqlmap in every field of the API: ids in paths, parameters, members of bodies, headers. The same command line has to
// find the hole in a small server of this file that builds its SQL by concatenation.
// COTEST_SQLMAP='surveys/' asks only at the routes whose name the pattern fits.
// Without COTEST_LONG: a few of sqlmap's own payloads in every field, without sqlmap. time limit: 15 min
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { after, before } from '../harness/hooks.mjs';
import { build } from '../harness/build.mjs';
import { calls } from '../harness/fields.mjs';
import { databaseUrl, psql } from '../harness/database.mjs';
import { Tenant } from '../harness/matrix_world.mjs';
import { command, newFolder, run } from '../harness/run.mjs';
import { Server } from '../harness/server.mjs';

const LONG = Boolean(process.env.COTEST_LONG), ONLY = new RegExp(process.env.COTEST_SQLMAP ?? '.');
const MINUTES = 10; // for all of the API
const HANDS = 2;
/** What it thinks at first and takes back after a second look ("appears to be injectable") is no finding. */
const FOUND = /identified the following injection point|heuristic \(.*\) test shows that .* might be (injectable|vulnerable)/;
const BODIES = { 'POST /api/v1/me/password': { password: 'wrong and long', new_password: 'another battery staple' }, 'POST /api/v1/auth/switch': { tenant: 'nowhere' } };

let server, tenant, api, front, folder, asked = 0;

// ---- the front: it knows the versions that writing needs, and has the hole ----

function ask(method, path, headers, body) {
	return new Promise((resolve, reject) => {
		const rq = http.request({ host: '127.0.0.1', port: server.port, method, path, headers, agent }, (rs) => {
			const parts = [];
			rs.on('data', (bytes) => parts.push(bytes));
			rs.on('end', () => resolve({ status: rs.statusCode, headers: rs.headers, body: Buffer.concat(parts) }));
			rs.on('error', reject);
		});
		rq.on('error', reject);
		rq.end(body);
	});
}
const agent = new http.Agent({ keepAlive: true });

/** What must never be written: the value becomes part of the statement. */
async function seeded(value) {
	const got = await psql(server.database.name, `select name from (values ('abc'), ('def')) people (name) where name = '${value}'`);
	return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ people: got.stdout.trim().split('\n'), error: got.code ? got.stderr : null }) };
}

async function handle(rq, body) {
	asked++;
	const url = new URL(rq.url, 'http://x');
	if (url.pathname === '/seeded')
		return seeded(rq.method === 'POST' ? JSON.parse(body).name : url.searchParams.get('name'));
	const headers = { ...rq.headers, host: '127.0.0.1', 'accept-encoding': 'identity' };
	delete headers.connection;
	if (['PATCH', 'PUT', 'DELETE'].includes(rq.method)) {
		const now = await ask('GET', rq.url.replace(/\/definition$/, ''), { authorization: rq.headers.authorization ?? '' });
		headers['if-match'] ??= rq.method === 'DELETE' ? '"999"' : now.headers.etag ?? '"1"';
	}
	return ask(rq.method, rq.url, headers, body);
}

async function startFront() {
	front = http.createServer((rq, rs) => {
		const parts = [];
		rq.on('data', (bytes) => parts.push(bytes));
		rq.on('end', () => handle(rq, Buffer.concat(parts)).catch((e) => ({ status: 502, headers: {}, body: e.message })).then((reply) => {
			// ids of requests differ from reply to reply and would only be in sqlmap's way
			const text = reply.body.toString('latin1').replaceAll(reply.headers['x-request-id'] ?? '\0', 'ID');
			rs.writeHead(reply.status, { 'content-type': reply.headers['content-type'] ?? 'text/plain' });
			rs.end(Buffer.from(text, 'latin1'));
		}));
	});
	await new Promise((resolve) => { front.listen(0, '127.0.0.1', resolve); });
}

before(async () => {
	const binary = LONG ? await build('release', ['-Dbuildtype=release']) : run.collect;
	server = new Server({ binary, env: { COLLECT_ACCESS_TOKEN_S: '7200', COLLECT_LOG_LEVEL: 'warn' } });
	await server.begin();
	tenant = new Tenant(server, server.tenant);
	await tenant.begin();
	api = (await calls(tenant)).filter((c) => c.fields.length && ONLY.test(c.name));
	folder = await newFolder('sqlmap');
	await startFront();
});
after(async () => {
	front?.close();
	front?.closeAllConnections?.();
	agent.destroy();
	await server?.end();
});

// ---- sqlmap ----

function requestFile(name, { method, path, query = {}, body, headers = {} }) {
	const text = body === undefined ? '' : JSON.stringify(body);
	const file = join(folder, `${name}.txt`);
	const search = new URLSearchParams(query).toString();
	const all = { Host: `127.0.0.1:${front.address().port}`, Authorization: `Bearer ${tenant.api.token}`, ...headers,
		...(text ? { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' } : {}) };
	writeFileSync(file, `${method} ${path}${search && `?${search}`} HTTP/1.1\r\n${Object.entries(all).map(([k, v]) => `${k}: ${v}`).join('\r\n')}\r\n\r\n${text}`);
	return file;
}

/** Runs sqlmap on a request; answers what it said. */
function sqlmap(file, seconds) {
	const log = `${file}.log`;
	return new Promise((resolve) => {
		const argv = ['-r', file, '--batch', '--ignore-stdin', '--level', '1', '--risk', '1', '--dbms', 'PostgreSQL', '--ignore-code', '400,401,403,404,409,410,412,422,428', '--time-sec', '2',
			'--timeout', '10', '--retries', '0', '--skip-waf', '--flush-session', '--disable-coloring', '--output-dir', join(folder, 'out')];
		const child = spawn('sqlmap', argv, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TERM: 'dumb' } });
		let text = '';
		child.stdout.on('data', (bytes) => { text += bytes; });
		child.stderr.on('data', (bytes) => { text += bytes; });
		const timer = setTimeout(() => child.kill('SIGTERM'), seconds * 1000);
		child.on('error', (e) => resolve({ text: e.message, whole: false }));
		child.on('close', (code) => {
			clearTimeout(timer);
			writeFileSync(log, text);
			resolve({ text, whole: code === 0 && /ending @/.test(text) });
		});
	});
}

/** What it says it tried. */
const tried = (text) => new Set([...text.matchAll(/parameter '([^']+)' (?:does not seem to be injectable|is vulnerable)/g)].map((m) => m[1]));

/** The places that it names, with what it sent there. */
const points = (text) => (text.match(/^(Parameter|    (Type|Title|Payload)): .*/gm) ?? []).map((line) => line.trim().slice(0, 300)).join('; ');

const star = (path) => path.replace(/([0-9a-f-]{36}|s\d+x\d+|\/\d+)(?=\/|\.|$)/g, '$1*');

if (LONG) {
	test('sqlmap finds the hole of a server that has one, in a parameter and in a member of a body', async () => {
		for (const [name, request] of [['seeded-query', { method: 'GET', path: '/seeded', query: { name: 'abc' } }], ['seeded-body', { method: 'POST', path: '/seeded', body: { name: 'abc' } }]]) {
			const { text } = await sqlmap(requestFile(name, request), 180);
			assert.match(text, FOUND, text.slice(-2000));
			assert.match(text, /identified the following injection point/, text.slice(-2000));
		}
	});

	test(`sqlmap finds nothing in the fields of the API, in ${MINUTES} minutes`, async () => {
		const end = Date.now() + MINUTES * 60000, found = [], cut = [], fields = new Set();
		const work = api.map((c, i) => ({ name: c.name, file: requestFile(`${i}`, { ...c, path: star(c.path), body: c.body && { ...c.body, ...BODIES[c.name] } }) }));
		work.push({ name: 'headers', file: requestFile('headers', { method: 'POST', path: '/api/v1/projects', body: { name: 'x' },
			headers: { 'Idempotency-Key': 'abc*', 'X-Request-Id': 'abc*', 'User-Agent': 'abc*', 'Accept-Language': 'en*', Cookie: 'refresh=abc*', 'X-Forwarded-For': '127.0.0.1*' } }) });
		let next = 0;
		await Promise.all(Array.from({ length: HANDS }, async () => {
			while (next < work.length) {
				const one = work[next++];
				console.log(`# progress ${next}/${work.length} ${one.name} (${asked} requests so far)`);
				const { text, whole } = await sqlmap(one.file, Math.max(1, (end - Date.now()) / 1000));
				tried(text).forEach((name) => fields.add(`${one.name} ${name}`));
				// a busy machine makes differences in time that are none: what is a hole is found twice
				if (FOUND.test(text)) {
					const again = await sqlmap(one.file, 120);
					console.log(`# found at ${one.name}: ${points(text)}\n# and again: ${points(again.text) || 'nothing'}`);
					if (FOUND.test(again.text))
						found.push(`${one.name}: ${points(again.text)}`);
				}
				if (!whole)
					cut.push(one.name);
			}
		}));
		console.log(`# ${fields.size} fields of ${work.length} requests tried, ${asked} requests sent; not to the end: ${cut.join(', ') || 'none'}`);
		assert.deepEqual(found, []);
		assert.deepEqual(cut, [], 'sqlmap did not come to its end');
		assert.ok(fields.size > (process.env.COTEST_SQLMAP ? 0 : 100), `${fields.size} fields`);
	});
} else {
	/** What ends in an error or a delay where it becomes SQL. */
	const PAYLOADS = ["abc'\"().,,(", "abc' AND 4711=CAST('x' AS int)-- x", "abc'||(SELECT 'x' FROM pg_sleep(2))||'", 'abc); SELECT pg_sleep(2)-- x'];
	const ERROR = /syntax error|unterminated|SQLSTATE|relation "|psql|pg_|invalid input syntax|42601|22P02/i;

	/** What speaks for a hole in a field; '' when nothing does. */
	async function judge(send) {
		for (const payload of PAYLOADS) {
			const started = Date.now(), reply = await send(payload);
			if (reply.status >= 500 || ERROR.test(String(reply.body).replaceAll('pg_sleep', 'echo')))
				return `${payload}: ${reply.status} ${reply.body.slice(0, 200)}`;
			if (Date.now() - started > 2000)
				return `${payload}: ${Date.now() - started} ms`;
		}
		return '';
	}

	test('a few payloads in every field find nothing', async () => {
		const wrong = [];
		let count = 0;
		for (const c of api) {
			for (const field of c.fields.filter((f) => !['json', 'object'].includes(f.type))) {
				count++;
				const found = await judge((payload) => {
					const put = (given) => ({ ...given, [field.name]: payload });
					const path = field.in === 'path' ? c.template.replace(/\{(\w+)\*?\}/g, (_, name) => encodeURIComponent(name === field.name ? payload : c.ids[name])) : c.path;
					const search = new URLSearchParams(field.in === 'query' ? put(c.query) : {}).toString();
					const body = c.body && JSON.stringify(field.in === 'body' ? put({ ...c.body, ...BODIES[c.name] }) : { ...c.body, ...BODIES[c.name] });
					return ask(c.method, `${path}${search && `?${search}`}`, { authorization: `Bearer ${tenant.api.token}`, 'if-match': '"1"',
						...(body ? { 'content-type': c.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' } : {}) }, body);
				});
				if (found)
					wrong.push(`${c.name}, ${field.in} ${field.name}: ${found}`);
			}
		}
		console.log(`# ${count} fields`);
		assert.deepEqual(wrong, []);
		assert.ok(count > 100, `${count} fields`);
	});

	test('and they find a hole where there is one', async () => {
		assert.notEqual(await judge(seeded), '');
	});
}
