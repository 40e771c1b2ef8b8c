// Random surveys, random answers, natively and in WebAssembly: every verdict, every list of visible questions, every outcome and a share of
// the pages' HTML must be the same bytes.
//
//     COTEST_BUILD=build node tests/engine/compare.mjs --pairs 1000000 --seed 1 [--html 50000]
//
// Under ./test it runs a few thousand pairs; engine_native has the sanitizers there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corpusFiles, corpusLines, surveyOf } from '../harness/corpus.mjs';
import { Compiler, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';
import { Random, generateDefinition, questionsByPage, randomAnswer } from '../harness/generate.mjs';

const options = readOptions(process.argv.slice(2));
const PAIRS_PER_PROGRAM = 20, PROGRAMS_PER_BATCH = 10;

/** A pair: a program, and an interview in it from page to page. */
function interview(r, program, definition, html) {
	const pages = questionsByPage(definition), lists = definition.survey.choice_lists;
	const it = program.interview({ seed: (BigInt(r.next()) << 32n) | BigInt(r.next()), now: 1.6e12 + r.next(), language: r.of(program.languages),
		parameters: r.chance(50) ? { pid: 'A<7' } : {},
		full: r.some((definition.survey.quotas ?? []).flatMap(({ name, cells }) => cells.map((cell) => ({ quota: name, cell: cell.name }))), 20), filled: Array.from({ length: r.below(8) }, () => r.below(10)) });
	let verdict = it.run(-1), rendered = 0;
	for (let steps = 0; verdict.next_page >= 0 && steps < 12; steps++) {
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
		it.visible(page);
		verdict = it.run(page);
		if (html) {
			const page_html = it.render(page, { errors: verdict.errors, shown: r.chance(30) ? it.visible(page) : undefined });
			rendered++;
			if (r.chance(30))
				it.answers = it.form(page, [...page_html.matchAll(/ name="([^"]*)"/g)].filter(() => r.chance(70)).map(([, name]) => [name, r.of(['1', 'c0', 'x', '2.5', '', 'true', '"c1"'])]));
		}
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
	const compiler = await Compiler.load(wasm.compiler);
	const known = corpusDefinitions(compiler), recorder = new Recorder(compiler), done = { pairs: 0, pages: 0, calls: 0, programs: 0, refused: 0 };
	const started = Date.now();
	let outstanding = Promise.resolve(0);
	for (let batch = 0; done.pairs < pairs; batch++) {
		const r = new Random(seed * 1000003 + batch);
		const open = [];
		for (let i = 0; i < PROGRAMS_PER_BATCH && done.pairs < pairs; i++) {
			const definition = r.chance(15) ? r.of(known) : generateDefinition(r);
			const { program: bytes } = compiler.compile(definition);
			if (!bytes) {
				done.refused++;
				continue;
			}
			const program = compiler.open(bytes);
			open.push(program);
			done.programs++;
			for (let k = 0; k < PAIRS_PER_PROGRAM && done.pairs < pairs; k++, done.pairs++)
				done.pages += interview(r, program, definition, done.pages < html && r.chance(Math.ceil((60 * html) / pairs)));
		}
		open.forEach((program) => program.close());
		const took = recorder.take();
		done.calls += await outstanding;
		outstanding = compareWithNative(took);
		outstanding.catch(() => {});
		if (options.loud && batch % 50 === 49)
			console.error(`${done.pairs} pairs, ${done.pages} pages of HTML, ${done.calls} calls, ${((Date.now() - started) / 1000).toFixed(0)} s: no difference`);
	}
	done.calls += await outstanding;
	return done;
}

test(`${options.pairs} interviews give the same natively and in WebAssembly`, async (t) => {
	const done = await compareAll(options);
	t.diagnostic(`${done.programs} programs (${done.refused} definitions refused), ${done.pairs} interviews, ${done.pages} pages of HTML, ${done.calls} calls: no difference`);
	assert.ok(done.pairs === options.pairs && done.pages >= options.html / 2);
	assert.ok(done.refused < done.programs, `${done.refused} of the generated definitions are refused`);
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
	const got = { pairs: 10000, html: 2000, seed: 1, loud: args.length > 0 };
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!['pairs', 'html', 'seed'].includes(name) || !Number.isSafeInteger(Number(args[i + 1]))) {
			console.error('usage: node tests/engine/compare.mjs [--pairs N] [--html PAGES] [--seed N]');
			process.exit(2);
		}
		got[name] = Number(args[i + 1]);
	}
	return got;
}
