// Random surveys, random events, natively and in WebAssembly: the state hash after every event must be the same bytes, and for a share of the
// interviews, taken page by page without a session, every verdict, every list of visible questions, form, outcome and page of HTML.
//
//     COTEST_BUILD=build node tests/engine/compare.mjs --pairs 1000000 --seed 1 [--html 50000]
//
// Under ./test it runs a few thousand pairs; engine_native has the sanitizers there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpusFiles, corpusLines, surveyOf } from '../harness/corpus.mjs';
import { Compiler, Engine, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';
import { Random, generateDefinition, questionsByPage, randomAnswer, randomEvents, randomParameters, randomQuotas } from '../harness/generate.mjs';

const options = readOptions(process.argv.slice(2));
const PAIRS_PER_PROGRAM = 25, PROGRAMS_PER_BATCH = 30;

const HASHES = 20; // CALL_HASHES of web/engine/calls.h: a host of surveys has no use for it
const start = (r, program, definition) => ({ seed: ((BigInt(r.next()) << 32n) | BigInt(r.next())).toString(), now: 1.6e12 + r.next(), language: r.of(program.languages),
	parameters: randomParameters(r), ...randomQuotas(r, definition) });

/** A pair: a program, and an interview in it by its events. Gives how many there were. */
function session(r, program, definition, pages) {
	const events = randomEvents(r, pages, definition.survey.choice_lists, program.languages);
	const { now, ...options } = start(r, program, definition);
	program.text(HASHES, { ...options, now_ms: now, events });
	return events.length;
}

/** An interview from page to page, everything that is said and shown of it. Gives how many pages were shown. */
function interview(r, program, definition, pages) {
	const lists = definition.survey.choice_lists, it = program.interview(start(r, program, definition));
	let verdict = it.run(-1), rendered = 0;
	for (; verdict.next_page >= 0 && rendered < 12; rendered++) {
		const page = verdict.next_page;
		for (const q of pages[page] ?? []) {
			const answer = randomAnswer(r, q, lists);
			if (answer === undefined)
				delete it.answers[q.name];
			else
				it.answers[q.name] = answer;
		}
		if (r.chance(5))
			it.language = r.of(program.languages);
		const shown = it.visible(page);
		verdict = it.run(page);
		const html = it.render(page, { errors: verdict.errors, shown: r.chance(30) ? shown : undefined });
		if (r.chance(30))
			it.answers = it.form(page, [...html.matchAll(/ name="([^"]*)"/g)].filter(() => r.chance(70)).map(([, name]) => [name, r.of(['1', 'c0', 'x', '2.5', '', 'true', '"c1"'])]));
	}
	const last = it.run();
	it.outcome(last.outcome);
	return rendered;
}

/** Every survey of the corpus that compiles, in turn with generated ones. */
function corpusDefinitions(compiler) {
	const texts = corpusFiles().flatMap((path) => corpusLines(path).map(surveyOf).filter((text) => text !== null));
	return [...new Set(texts)].filter((text) => compiler.compile(text).valid).map((text) => JSON.parse(text));
}

async function compareAll({ pairs, html, seed }) {
	const compiler = await Compiler.load(wasm.compiler), keeper = await Engine.load(wasm.session);
	const known = corpusDefinitions(compiler), recorders = [new Recorder(compiler), new Recorder(keeper)];
	const done = { pairs: 0, events: 0, html: 0, pages: 0, calls: 0, programs: 0, refused: 0 }, started = Date.now();
	let outstanding = Promise.resolve([]);
	const add = (calls) => calls.forEach((n) => { done.calls += n; });
	for (let batch = 0; done.pairs < pairs; batch++) {
		const r = new Random(seed * 1000003 + batch), open = [];
		for (let i = 0; i < PROGRAMS_PER_BATCH && done.pairs < pairs; i++) {
			const definition = r.chance(15) ? r.of(known) : generateDefinition(r), pages = questionsByPage(definition);
			const { program: bytes } = compiler.compile(definition);
			if (!bytes) {
				done.refused++;
				continue;
			}
			const [stateless, kept] = [compiler, keeper].map((engine) => engine.open(bytes));
			open.push(stateless, kept);
			done.programs++;
			for (let k = 0; k < PAIRS_PER_PROGRAM && done.pairs < pairs; k++, done.pairs++) {
				done.events += session(r, kept, definition, pages);
				if (done.html * pairs <= done.pairs * html) {
					done.pages += interview(r, stateless, definition, pages);
					done.html++;
				}
			}
		}
		open.forEach((program) => program.close());
		const took = recorders.map((recorder) => recorder.take());
		add(await outstanding);
		outstanding = Promise.all(took.map((calls) => compareWithNative(calls)));
		outstanding.catch(() => {});
		if (options.loud && batch % 10 === 9)
			console.error(`${done.pairs} pairs, ${done.events} events, ${done.html} with ${done.pages} pages of HTML, ${done.calls} calls, ${((Date.now() - started) / 1000).toFixed(0)} s: no difference`);
	}
	add(await outstanding);
	return done;
}

test(`${options.pairs} interviews give the same natively and in WebAssembly`, async (t) => {
	const done = await compareAll(options);
	t.diagnostic(`${done.programs} programs (${done.refused} definitions refused), ${done.pairs} interviews, ${done.events} events, ` +
		`${done.html} interviews with ${done.pages} pages of HTML, ${done.calls} calls: no difference`);
	assert.ok(done.pairs === options.pairs && done.html >= Math.min(options.html, options.pairs));
	assert.ok(done.refused * 5 < done.programs, `${done.refused} of the generated definitions are refused`);
});

test('a difference of one byte is seen', async () => {
	const compiler = await Compiler.load(wasm.compiler), recorder = new Recorder(compiler);
	compiler.evaluate('1 + 1');
	const took = recorder.take();
	assert.equal(await compareWithNative(took), 1);
	took.answered[took.answered.length - 1] ^= 1;
	await assert.rejects(compareWithNative(took), /call 0 differs/);
});

function readOptions(args) {
	const got = { pairs: 10000, html: 1000, seed: 1, loud: args.length > 0 };
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!['pairs', 'html', 'seed'].includes(name) || !Number.isSafeInteger(Number(args[i + 1]))) {
			console.error('usage: node tests/engine/compare.mjs [--pairs N] [--html INTERVIEWS] [--seed N]');
			process.exit(2);
		}
		got[name] = Number(args[i + 1]);
	}
	return got;
}
