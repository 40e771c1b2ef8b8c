// Simulated interviews again, by builds that share nothing but the source: as the build folder was set up (under ./test with the
// sanitizers), at -O0, at -O3, and in WebAssembly. Each is replayed whole, and once more in two halves: what is written after the first is read
// back for the second. Hashes, states and written bytes must be the same everywhere, and the halves must end where the whole does.
//
//     COTEST_BUILD=build node tests/engine/replay.mjs --interviews 100000 --seed 1
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Engine, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';
import { Random, generateDefinition } from '../harness/generate.mjs';

const NATIVE = ['engine_native', 'engine_native_O0', 'engine_native_O3'];
const LINES_PER_BATCH = 500;
const options = readOptions(process.argv.slice(2));
const build = process.env.COTEST_BUILD, collect = join(build, 'src/main/collect');
const surveys = fileURLToPath(new URL('../../src/engine/corpus/surveys/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'replay-'));
const done = { interviews: 0, events: 0, calls: 0, hashes: new Set() };
after(() => rmSync(folder, { recursive: true }));

// a command that ends at once leaves its arena to the kernel, so leaks are not looked for here
const run = (command, args) => spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28,
	env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` } });
const at = (name) => join(folder, name);

/** Program and lines of an events file; null when the definition is refused. */
function simulate(definition, interviews, seed, threads = 2) {
	if (run(collect, ['compile', definition, '-o', at('program')]).status !== 0)
		return null;
	// 1: some found no way on, which is fine here
	const { status, stderr } = run(collect, ['simulate', definition, '-n', interviews, '--seed', seed, '--threads', threads, '--out', at('events.jsonl')]);
	assert.ok(status === 0 || status === 1, stderr);
	return { program: readFileSync(at('program')), lines: readFileSync(at('events.jsonl'), 'utf8').trim().split('\n') };
}

/** Whole, and in two halves. */
function replay(program, line) {
	const hash = program.replay(line), { seed, now_ms, language, parameters, events } = JSON.parse(line);
	const half = Math.floor(events.length / 2);
	const options = { seed: typeof seed === 'string' ? `0x${seed}` : seed, now: now_ms, language, parameters };
	let session = program.session(options);
	session.events(events.slice(0, half));
	session.state();
	const bytes = session.write();
	session.end();
	session = program.resume(bytes);
	session.events(events.slice(half));
	assert.equal(session.hash(), hash, `another state than that of ${line}`);
	session.end();
	done.interviews++;
	done.events += events.length;
	done.hashes.add(hash);
}

async function everywhere({ program: bytes, lines }) {
	const engine = await Engine.load(wasm.session), recorder = new Recorder(engine);
	for (let first = 0; first < lines.length; first += LINES_PER_BATCH) {
		const program = engine.open(bytes);
		lines.slice(first, first + LINES_PER_BATCH).forEach((line) => replay(program, line));
		program.close();
		const took = recorder.take();
		const calls = await Promise.all(NATIVE.map((name) => compareWithNative(took, name)));
		done.calls += calls[0];
	}
}

before(() => {
	const { status, stdout } = run('ninja', ['-C', build, 'web/engine/engine_native_O0', 'web/engine/engine_native_O3']);
	assert.equal(status, 0, stdout);
});

for (const name of ['brand-tracker.json', 'csat.json']) {
	test(`${options.interviews / 4} interviews of ${name}`, async () => {
		const simulated = simulate(join(surveys, name), options.interviews / 4, options.seed), { size } = done.hashes;
		assert.equal(simulated.lines.length, options.interviews / 4);
		assert.deepEqual(simulate(join(surveys, name), options.interviews / 4, options.seed, 1), simulated, 'the number of threads changes the interviews');
		await everywhere(simulated);
		assert.ok(done.hashes.size - size > options.interviews / 5, 'they are not all the same');
	});
}

test(`${options.interviews / 2} interviews of random surveys`, async () => {
	const wanted = done.interviews + options.interviews / 2, each = Math.min(100, options.interviews / 40);
	for (let i = 0; done.interviews < wanted; i++) {
		writeFileSync(at('survey.json'), JSON.stringify(generateDefinition(new Random(options.seed * 1000003 + i))));
		const simulated = simulate(at('survey.json'), each, i);
		if (simulated)
			await everywhere(simulated);
		assert.ok(i < 20 + (20 * wanted) / each, 'most of the generated surveys are refused');
	}
});

test('hashes, states and bytes are the same everywhere', (t) => {
	t.diagnostic(`${done.interviews} interviews, ${done.events} events, ${done.hashes.size} different states, ${done.calls} calls each: the same by ${NATIVE.join(', ')} and WebAssembly`);
	assert.ok(done.interviews >= options.interviews);
});

function readOptions(args) {
	const got = { interviews: 800, seed: 1 };
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!(name in got) || !Number.isSafeInteger(Number(args[i + 1]))) {
			console.error('usage: node tests/engine/replay.mjs [--interviews N] [--seed N]');
			process.exit(2);
		}
		got[name] = Number(args[i + 1]);
	}
	return got;
}
