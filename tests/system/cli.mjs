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

test('eval answers a line for a line, and one bad line does not end it', async () => {
	const lines = ['{"expression": "{q} + 1", "values": {"q": 2}}', 'nonsense', '{"expression": "{q} <", "values": {}}', '{"expression": "\'a\' = \'a\'", "values": {}}'];
	const got = await collect(['eval'], { input: `${lines.join('\n')}\n` });
	const out = got.stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.equal(out.length, 4, got.stdout + got.stderr);
	assert.equal(out[0].value, 3);
	assert.ok(out[1].error && out[2].error.column >= 1);
	assert.equal(out[3].value, true);
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
