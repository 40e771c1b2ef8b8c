// The command line: every subcommand has its help, wrong use is told with how to mend it, the engine's commands work on files.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before } from '../harness/hooks.mjs';
import { command, newFolder, run } from '../harness/run.mjs';
import { csat } from '../harness/surveys.mjs';

// a command that ends at once leaves its arena to the kernel, so leaks are not looked for here
const collect = (args, { env, ...options } = {}) =>
	command([run.collect, ...args], { env: { ...env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS}:detect_leaks=0` }, ...options });
const survey = fileURLToPath(new URL('../../src/engine/corpus/surveys/csat.json', import.meta.url));
let dir;
before(async () => { dir = await newFolder('cli'); });

test('help lists the subcommands, and each has its own', async () => {
	const { code, stdout } = await collect(['help']);
	assert.equal((await collect(['--help'])).stdout, stdout);
	assert.equal((await collect(['--version'])).code, 0);
	assert.equal(code, 0);
	const names = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map((m) => m[1]);
	for (const wanted of ['up', 'serve', 'worker', 'migrate', 'check', 'eval', 'compile', 'version', 'help', 'config', 'doctor', 'print'])
		assert.ok(names.includes(wanted), wanted);
	for (const name of names) {
		const help = await collect([name, '--help']);
		assert.equal(help.code, 0, name);
		assert.ok(help.stdout.length > 40, name);
	}
});

test('wrong use is exit status 2 with a sentence', async () => {
	for (const args of [[], ['frobnicate'], ['serve', '--frobnicate'], ['serve', '--port'], ['serve', '--port', 'x'], ['check'], ['check', 'a', 'b', 'c'], ['print', 'nonsense']]) {
		const got = await collect(args, { env: { COLLECT_DATABASE_URL: 'postgresql:///x', COLLECT_REDIS_URL: 'unix:///x' } });
		assert.equal(got.code, 2, `${args.join(' ')}: ${got.stdout}${got.stderr}`);
		assert.ok(got.stderr.length > 10, args.join(' '));
	}
});

test('an unknown or bad setting stops the start with the line at fault', async () => {
	const file = join(dir, 'collect.conf');
	const withFile = async (text) => {
		writeFileSync(file, text);
		return collect(['config', '--config', file]);
	};
	assert.equal((await withFile('# fine\nport = 8081\n')).code, 0);
	for (const [text, line] of [['port = 8081\nprot = 1\n', 2], ['\n\nport = many\n', 3], ['port = 70000\n', 1], ['port\n', 1], ['workers = 0\n', 1]]) {
		const got = await withFile(text);
		assert.equal(got.code, 1, text);
		assert.match(got.stderr, new RegExp(`collect\\.conf:${line}: `), text);
	}
	const unknown = await collect(['config'], { env: { COLLECT_PROT: '1' } });
	assert.equal(unknown.code, 1);
	assert.match(unknown.stderr, /COLLECT_PROT/);
	const bad = await collect(['config'], { env: { COLLECT_PORT: 'x' } });
	assert.match(bad.stderr, /COLLECT_PORT/);
	const shown = await collect(['config'], { env: { COLLECT_PORT: '9999', COLLECT_KEY: 'canary-key-material' } });
	assert.match(shown.stdout, /port.*9999/);
	assert.ok(!shown.stdout.includes('canary-key-material'));
});

test('check: sound questionnaires pass, broken ones are told where', async () => {
	assert.equal((await collect(['check', survey])).code, 0);
	const broken = csat();
	broken.survey.pages[0].questions[1].visible_if = '{nsp} <= 6';
	writeFileSync(join(dir, 'broken.json'), JSON.stringify(broken));
	const got = await collect(['check', join(dir, 'broken.json'), '--json']);
	assert.equal(got.code, 1);
	const told = JSON.parse(got.stdout);
	assert.equal(told.valid, false);
	assert.ok(told.diagnostics.some((d) => d.pointer === '/survey/pages/0/questions/1/visible_if'));
	writeFileSync(join(dir, 'cut.json'), '{"schema_version": "1.0", "survey": {');
	const cut = await collect(['check', join(dir, 'cut.json')]);
	assert.equal(cut.code, 1);
	assert.match(cut.stdout + cut.stderr, /E0001/);
	writeFileSync(join(dir, 'root.json'), '[]');
	assert.match((await collect(['check', join(dir, 'root.json')])).stdout, /root\.json: error E0/);
	await collect(['compile', survey, '-o', join(dir, 'done.program')]);
	for (const command of ['check', 'simulate']) {
		const compiled = await collect([command, join(dir, 'done.program')]);
		assert.equal(compiled.code, 2);
		assert.match(compiled.stderr, /done\.program: this is a compiled program/);
	}
	const gone = await collect(['check', join(dir, 'no-such-file.json')]);
	assert.notEqual(gone.code, 0);
	assert.match(gone.stderr, /no-such-file/);
});

test('compile is deterministic and independent of key order and white space', async () => {
	const reversed = (value) => (Array.isArray(value) ? value.map(reversed)
		: value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).reverse().map(([k, v]) => [k, reversed(v)])) : value);
	writeFileSync(join(dir, 'reversed.json'), JSON.stringify(reversed(csat()), null, 7));
	for (const [from, to] of [[survey, 'a.bin'], [survey, 'b.bin'], [join(dir, 'reversed.json'), 'c.bin']]) {
		const got = await collect(['compile', from, '-o', join(dir, to)]);
		assert.equal(got.code, 0, got.stderr);
	}
	const [a, b, c] = ['a.bin', 'b.bin', 'c.bin'].map((name) => readFileSync(join(dir, name)));
	assert.ok(a.equals(b) && a.equals(c));
});

test('simulate: the seed decides, not the threads; what is wrong with it is said', async () => {
	const run = (...args) => collect(['simulate', survey, '-n', '700', '--json', ...args]);
	const read = (text) => ({ ...JSON.parse(text), threads: 0, per_second: 0 });
	const [one, three, other] = [await run('--threads', '1', '--seed', '5'), await run('--threads', '3', '--seed', '5'), await run('--seed', '6')];
	assert.equal(one.code, 0, one.stderr);
	assert.deepEqual(read(one.stdout), read(three.stdout));
	assert.notDeepEqual(read(one.stdout).choices, read(other.stdout).choices);
	const report = read(one.stdout);
	assert.deepEqual(report.stuck, []);
	assert.equal(report.choices.find((row) => row.name === 'nps = 10').of, 700);
	const shown = report.conditions.find((row) => row.name === 'contact visible_if');
	assert.equal(shown.yes + shown.no, 700);
	const most = await run('--seed', '9223372036854775808');
	assert.equal(most.code, 2);
	assert.match(most.stderr, /--seed is a whole number from 0 to 9223372036854775807/);
	const full = await run('--out', '/dev/full');
	assert.equal(full.code, 2);
	assert.equal(full.stderr, 'collect simulate: /dev/full: No space left on device\n');
});

test('simulate: a page that nobody gets past was seen', async () => {
	const definition = csat();
	definition.survey.pages = [{ name: 'wall', questions: [{ type: 'number', name: 'q', title: 'Q', required: true, validators: [{ expression: '{.} != {.}' }] }] }];
	writeFileSync(join(dir, 'wall.json'), JSON.stringify(definition));
	const got = await collect(['simulate', join(dir, 'wall.json'), '-n', '20']);
	assert.equal(got.code, 1, got.stderr);
	assert.match(got.stdout, /no way on, at page\n +20 +100\.0 % +wall\n/);
	assert.match(got.stdout, /never let an answer through: q validator 1/);
	assert.doesNotMatch(got.stdout, /never (seen|asked|answered|false)/);
});

test('replay: what does not belong to the program is said', async () => {
	const definition = csat();
	definition.survey.parameters = [{ name: 'pid', type: 'text' }];
	definition.survey.quotas = [{ name: 'low', cells: [{ name: 'few', when: '{nps} <= 6', limit: 100 }, { name: 'many', when: '{nps} > 6', limit: 100 }], on_full: { outcome: 'completed' } }];
	writeFileSync(join(dir, 'quota.json'), JSON.stringify(definition));
	const made = await collect(['compile', join(dir, 'quota.json'), '-o', join(dir, 'quota.program')]);
	assert.equal(made.code, 0, made.stderr);
	const replay = (line) => collect(['replay', join(dir, 'quota.program'), '-'], { input: `${JSON.stringify({ seed: 1, now_ms: 1795000000000, events: [], ...line })}\n` });
	const fine = await replay({ parameters: { pid: 'x' }, full: [['low', 'few']], filled: [3, 4] });
	assert.equal(fine.code, 0, fine.stderr);
	for (const [line, why] of [[{ parameters: { pdi: 'x' } }, /line 1: among the parameters is one that the survey does not have/], [{ full: [['low', 'fwe']] }, /line 1: full names a quota cell/],
		[{ filled: [3] }, /line 1: filled has one number for each quota cell/], [{ filled: [1, 2, 3] }, /line 1: filled has one number/]]) {
		const got = await replay(line);
		assert.equal(got.code, 1);
		assert.match(got.stderr, why);
	}
	for (const [file, why] of [[join(dir, 'no-such.jsonl'), /no-such\.jsonl: No such file/], [dir, /Is a directory/]]) {
		const got = await collect(['replay', join(dir, 'quota.program'), file]);
		assert.equal(got.code, 2);
		assert.match(got.stderr, why);
	}
});

test('eval answers a line for a line, and one bad line does not end it', async () => {
	const lines = ['{"expression": "{q} + 1", "values": {"q": 2}}', 'nonsense', '{"expression": "{q} <", "values": {}}', '{"expression": "\'a\' = \'a\'", "values": {}}'];
	const got = await collect(['eval'], { input: `${lines.join('\n')}\n` });
	const out = got.stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.equal(out.length, 4, got.stdout + got.stderr);
	assert.equal(out[0].value, 3);
	assert.ok(out[1].error && out[2].error.column >= 1);
	assert.equal(out[3].value, true);
	const seeded = (seed) => JSON.stringify({ expression: '{@seed}', seed });
	const seeds = await collect(['eval'], { input: `${[-1, 0, 7, '0000000000000007', '7', 'x', null].map(seeded).join('\n')}\n` });
	const read = seeds.stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.deepEqual(read.map((line) => line.error?.code ?? 'fine'), ['E0101', 'fine', 'fine', 'fine', 'E0101', 'E0101', 'E0101']);
	assert.deepEqual(read[2], read[3]);
});

test('migrate says what it did, and repeating it does nothing', async () => {
	const { newDatabase } = await import('../harness/database.mjs');
	const database = await newDatabase();
	const env = { COLLECT_DATABASE_URL: database.url };
	const again = await collect(['migrate'], { env });
	assert.equal(again.code, 0, again.stderr);
	const status = await collect(['migrate', '--status'], { env });
	assert.equal(status.code, 0);
	assert.match(status.stdout, /0001_/);
});
