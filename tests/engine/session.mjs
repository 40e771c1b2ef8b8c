// Random surveys, random events: after every event a session's verdict must be that of a run from the beginning, and its state, written
// and read back, the same state (`collect replay --check`).
//
//     COTEST_BUILD=build node tests/engine/session.mjs --surveys 2000 --seed 1
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Random, generateDefinition, questionsByPage, randomAnswer } from '../harness/generate.mjs';

const INTERVIEWS_PER_SURVEY = 12;
const options = readOptions(process.argv.slice(2));
if (!process.env.COTEST_BUILD)
	throw new Error('COTEST_BUILD (a build folder of meson) is not set: run this by ./test engine, or set it');
const collect = join(process.env.COTEST_BUILD, 'src/main/collect');

// a command that ends at once leaves its arena to the kernel, so leaks are not looked for here
const run = (args, input) => {
	const { status, stdout, stderr } = spawnSync(collect, args, { input, encoding: 'utf8', maxBuffer: 1 << 28,
		env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` } });
	return { status, stdout, stderr };
};

function randomEvent(r, questions) {
	const draw = r.below(20), q = r.of(questions);
	if (draw < 13)
		return { answer: q.name, value: randomAnswer(r, q) ?? null };
	if (draw < 14) {
		const other = questions.find((x) => x.choices?.some((choice) => choice.role === 'other'));
		return other ? { answer: `${other.name}_other`, value: r.of(['something', '', 7]) } : { page: 'next' };
	}
	if (draw < 19)
		return { page: r.chance(65) ? 'next' : 'back' };
	return { language: r.of(['en', 'vi']) };
}

function randomInterview(r, definition) {
	const questions = questionsByPage(definition).flat();
	const cells = (definition.survey.quotas ?? []).flatMap(({ name, cells: list }) => list.map((cell) => [name, cell.name]));
	return { seed: r.next(), now_ms: 1600000000000 + r.next(), language: r.of(['en', 'vi']), parameters: r.chance(50) ? { pid: 'A<7' } : {},
		full: r.some(cells, 20), filled: cells.map(() => r.below(10)), events: Array.from({ length: 5 + r.below(50) }, () => randomEvent(r, questions)) };
}

/** What comes after the end is cut off, line by line, until all are interviews. */
function replay(program, interviews, t) {
	for (;;) {
		const { status, stdout, stderr } = run(['replay', '--check', program, '-'], interviews.map((line) => JSON.stringify(line)).join('\n'));
		const over = /line (\d+), event (\d+): the interview is over/.exec(stderr);
		if (status === 0)
			return stdout.trim().split('\n');
		if (!over) {
			t.diagnostic(stderr);
			throw new Error(stderr);
		}
		interviews[over[1] - 1].events.length = over[2] - 1;
	}
}

test(`sessions in ${options.surveys} surveys agree with runs from the beginning`, (t) => {
	const folder = mkdtempSync(join(tmpdir(), 'session-')), program = join(folder, 'program');
	const done = { surveys: 0, refused: 0, interviews: 0, events: 0 };
	try {
		for (let i = 0; done.surveys < options.surveys; i++) {
			const r = new Random(options.seed * 1000003 + i), definition = generateDefinition(r);
			definition.survey.settings.show_back = true;
			writeFileSync(join(folder, 'survey.json'), JSON.stringify(definition));
			if (run(['compile', join(folder, 'survey.json'), '-o', program]).status !== 0) {
				done.refused++;
				assert.ok(done.refused <= 10 + done.surveys, 'most of the generated surveys are refused');
				continue;
			}
			const interviews = Array.from({ length: INTERVIEWS_PER_SURVEY }, () => randomInterview(r, definition));
			const hashes = replay(program, interviews, t);
			assert.equal(hashes.length, interviews.length);
			assert.ok(hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)), `survey ${i}`);
			done.surveys++;
			done.interviews += interviews.length;
			done.events += interviews.reduce((n, { events }) => n + events.length, 0);
		}
	} finally {
		rmSync(folder, { recursive: true });
	}
	t.diagnostic(`${done.surveys} surveys (${done.refused} refused), ${done.interviews} interviews, ${done.events} events: no difference`);
});

function readOptions(args) {
	const got = { surveys: 30, seed: 1 };
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!(name in got) || !Number.isSafeInteger(Number(args[i + 1]))) {
			console.error('usage: node tests/engine/session.mjs [--surveys N] [--seed N]');
			process.exit(2);
		}
		got[name] = Number(args[i + 1]);
	}
	return got;
}
