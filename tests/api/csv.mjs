// The CSV of a survey's answers: complete, in order, safe to open in a spreadsheet, and streamed.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { before } from '../harness/hooks.mjs';
import { expect } from '../harness/client.mjs';
import { psql } from '../harness/database.mjs';
import { SMALL_QUARANTINE, withServer } from '../harness/server.mjs';
import { csat, definition, publish, submit } from '../harness/surveys.mjs';

const server = withServer({ env: SMALL_QUARANTINE });
let f;
before(async () => { f = await publish(server.api, csat()); });
const path = (survey = f.survey) => `/api/v1/surveys/${survey.id}/responses.csv`;

/** RFC 4180 into rows of fields. */
function parse(text) {
	const table = [];
	let row = [], field = '', quoted = false;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quoted) {
			if (c !== '"')
				field += c;
			else if (text[i + 1] === '"')
				field += text[++i];
			else
				quoted = false;
		} else if (c === '"') {
			quoted = true;
		} else if (c === ',') {
			row.push(field);
			field = '';
		} else if (c === '\n') {
			row.push(field.replace(/\r$/, ''));
			table.push(row);
			row = [];
			field = '';
		} else {
			field += c;
		}
	}
	assert.equal(field, '', 'the last line ends with a line feed');
	return table;
}
const records = ([head, ...lines]) => lines.map((line) => Object.fromEntries(head.map((name, i) => [name, line[i]])));

test('a survey without answers gives the header line', async () => {
	const reply = expect(await server.api.get(path()), 200);
	assert.match(reply.headers['content-type'], /^text\/csv/);
	assert.match(reply.headers['content-disposition'] ?? '', /attachment/);
	const table = parse(reply.text);
	assert.equal(table.length, 1);
	for (const name of ['nps', 'why_low', 'store', 'id', 'status', 'completed_at', 'language'])
		assert.ok(table[0].includes(name), `${name} in ${table[0]}`);
});

test('HEAD has the headers and no body, and the connection goes on', async () => {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	const ask = (method, url) => new Promise((resolve, reject) => {
		const headers = { Authorization: `Bearer ${server.api.token}` };
		http.request(`http://127.0.0.1:${server.api.port}${url}`, { method, agent, headers }, (reply) => {
			reply.resume();
			reply.on('end', () => resolve(reply));
		}).on('error', reject).end();
	});
	const head = await ask('HEAD', path());
	assert.equal(head.statusCode, 200);
	assert.match(head.headers['content-type'], /^text\/csv/);
	for (const status of [200, 200])
		assert.equal((await ask('GET', '/api/v1/me')).statusCode, status);
	agent.destroy();
});

test('each answer is a line with its values', async () => {
	expect(await submit(server.anyone, f.slug, { answers: { nps: 3, why_low: 'Line one\nline "two", three' }, parameters: { store: '=7' } }), 201);
	expect(await submit(server.anyone, f.slug, { answers: { nps: 10, liked: ['price', 'staff'] }, language: 'vi' }), 201);
	const reply = expect(await server.api.get(path()), 200);
	const [a, b] = records(parse(reply.text)).sort((x, y) => x.nps - y.nps);
	assert.equal(a.nps, '3');
	assert.equal(a.why_low, 'Line one\nline "two", three');
	assert.equal(a.store, "'=7");
	assert.equal(b.nps, '10');
	assert.equal(b.language, 'vi');
	assert.ok(JSON.stringify(b).includes('price') || Object.entries(b).some(([k, v]) => k.includes('price') && v === '1'), JSON.stringify(b));
});

test('cells that a spreadsheet would run are neutralised', async () => {
	const evil = ['=1+1', '+1+1', '-2+3', '@SUM(A1)', '\t=1', '＝1+1', '＋1', '－1', '＠SUM(1)', '=cmd|\' /C calc\'!A0', 'harmless'];
	const g = await publish(server.api, definition('Remarks', [{ name: 'p', questions: [{ type: 'text', name: 'remark', title: '=HYPERLINK("x")' }] }]));
	for (const remark of evil)
		expect(await submit(server.anyone, g.slug, { answers: { remark } }), 201);
	const values = records(parse(expect(await server.api.get(path(g.survey)), 200).text)).map((r) => r.remark);
	assert.equal(values.length, evil.length);
	for (const value of values)
		assert.doesNotMatch(value, /^[=+\-@\t\r＝＋－＠]/, value);
	const labelled = parse(expect(await server.api.get(path(g.survey), { query: { header: 'labels' } }), 200).text);
	assert.ok(labelled.slice(0, 2).flat().some((cell) => cell.includes('HYPERLINK')));
	for (const cell of labelled.slice(0, 2).flat())
		assert.doesNotMatch(cell, /^[=+\-@\t\r]/, cell);
});

test('personal answers are in the file only when asked for', async () => {
	expect(await submit(server.anyone, f.slug, { answers: { nps: 1, call_back: true, phone: '+84 901 555 777' } }), 201);
	assert.ok(!expect(await server.api.get(path()), 200).text.includes('555 777'));
	const reply = expect(await server.api.get(path(), { query: { personal: true } }), 200);
	assert.ok(records(parse(reply.text)).some((r) => r.phone === "'+84 901 555 777"), 'a telephone number begins as a formula does');
});

test('a byte order mark comes when asked for', async () => {
	assert.equal(expect(await server.api.get(path(), { query: { bom: true } }), 200).bytes.subarray(0, 3).toString('hex'), 'efbbbf');
	assert.notEqual(expect(await server.api.get(path()), 200).bytes.subarray(0, 3).toString('hex'), 'efbbbf');
});

test('labels come in the language asked for', async () => {
	const vi = expect(await server.api.get(path(), { query: { header: 'labels', language: 'vi' } }), 200).text;
	assert.ok(vi.includes('Điều gì khiến bạn chưa hài lòng?'));
	const en = expect(await server.api.get(path(), { query: { header: 'labels' } }), 200).text;
	assert.ok(en.includes('What went wrong?'));
});

test('ten thousand answers are streamed: all there, and memory stays flat', async () => {
	const g = await publish(server.api, csat());
	const filled = await psql(server.database.name, `
		set search_path = collect;
		select set_config('app.current_tenant_id', '${server.tenant.id}', false);
		insert into responses (tenant_id, survey_id, id, link_id, survey_version, status, outcome, language, answers, completed_at)
		select '${server.tenant.id}', '${g.survey.id}', gen_random_uuid(), '${g.link.id}', 1, 'completed', 'completed', 'en',
			jsonb_build_object('nps', n % 7, 'why_low', 'remark ' || n || repeat(' lorem ipsum', 40)), now() + n * interval '1 ms'
		from generate_series(1, 10000) n`);
	assert.equal(filled.code, 0, filled.stderr);
	await drain(path(g.survey)); // once before measuring: connections, buffers
	const before = server.rss();
	const { lines, bytes, chunked, peak } = await drain(path(g.survey));
	assert.equal(lines, 10001);
	assert.ok(bytes > 5e6, `${bytes} bytes`);
	assert.ok(chunked, 'sent in chunks');
	assert.ok(peak - before < 8e6, `memory grew by ${((peak - before) / 1e6).toFixed(1)} MB`);
});

/** Reads slowly enough that a server that gathers the whole reply would show it. */
function drain(target) {
	return new Promise((resolve, reject) => {
		let lines = 0, bytes = 0, peak = 0;
		http.get({ port: server.port, host: '127.0.0.1', path: target, headers: { Authorization: `Bearer ${server.api.token}` } }, (rs) => {
			rs.on('data', (chunk) => {
				bytes += chunk.length;
				for (const byte of chunk)
					lines += byte === 10;
				peak = Math.max(peak, server.rss());
			});
			rs.on('end', () => resolve({ lines, bytes, peak, chunked: rs.headers['transfer-encoding'] === 'chunked' }));
			rs.on('error', reject);
		}).on('error', reject);
	});
}
