// `compat: surveyjs` against SurveyJS: random expressions and values, then whole surveys, from a seed. docs/surveyjs.md says what may differ.
//
//     COTEST_BUILD=build node tests/engine/surveyjs.mjs --expressions 100000 --surveys 2000 --seed 1 [--show 20]
//
// Under ./test it draws some thousands; the native engine has the sanitizers there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { Random } from '../harness/generate.mjs';
import { Draw, NOW, answerSurvey, compare, compareSurvey, drawSurvey } from '../harness/surveyjs.mjs';

const { values: options } = parseArgs({ options: { expressions: { type: 'string', default: '5000' }, surveys: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' }, show: { type: 'string', default: '0' } } });
const collect = join(process.env.COTEST_BUILD ?? 'build', 'src/main/collect');

/** A line of answers for each line of questions. */
function evaluated(asked) {
	return new Promise((resolve, reject) => {
		const child = spawn(collect, ['eval', '--compat', 'surveyjs'], { stdio: ['pipe', 'pipe', 'inherit'] });
		const parts = [];
		child.stdout.on('data', (bytes) => parts.push(bytes));
		child.on('error', reject);
		child.on('close', (code) => (code === 0 ? resolve(Buffer.concat(parts).toString().trimEnd().split('\n').map((line) => JSON.parse(line))) : reject(new Error(`collect eval ended with ${code}`))));
		child.stdin.end(asked.map(({ expression, values }) => `${JSON.stringify({ expression, values, now_ms: NOW })}\n`).join(''));
	});
}

function report(t, what, counts, total) {
	const left_out = ['thrown', 'refused', 'date text'].reduce((n, kind) => n + (counts[kind] ?? 0), 0), compared = total - left_out, share = (100 * (counts.equal ?? 0)) / compared;
	t.diagnostic(`${total} ${what}, ${compared} compared, ${share.toFixed(3)} % equal: ${Object.entries(counts).sort().map(([kind, n]) => `${kind} ${n}`).join(', ')}`);
	return share;
}

test('expressions give what survey-core gives', async (t) => {
	const draw = new Draw(new Random(Number(options.seed))), counts = {}, total = Number(options.expressions);
	let shown = 0;
	for (let done = 0; done < total; done += 5000) {
		const asked = Array.from({ length: Math.min(5000, total - done) }, () => ({ expression: draw.expression(), values: draw.values() }));
		const answers = await evaluated(asked);
		asked.forEach((one, i) => {
			const kind = compare(one, answers[i]);
			counts[kind] = (counts[kind] ?? 0) + 1;
			if (kind === 'unknown' && shown++ < Number(options.show))
				t.diagnostic(`${one.expression} | ${JSON.stringify(one.values)} | ${JSON.stringify(answers[i])}`);
		});
	}
	const share = report(t, 'expressions', counts, total);
	assert.ok(share >= (total < 50000 ? 99.7 : 99.9), `${share} % are equal`);
	assert.ok((counts.unknown ?? 0) <= total / 2000, `${counts.unknown} differ in a way that docs/surveyjs.md does not list`);
});

/** What the engine shows, in the same words: pages, their questions, the choices of these. */
function shownNatively(program, definition, answers) {
	const it = program.interview({ seed: 1n, now: NOW, language: 'en' }), pages = [];
	it.answers = answers;
	for (let page = it.run(-1).next_page; page >= 0; page = it.run(page).next_page) {
		const html = it.render(page, { errors: [] }), questions = definition.survey.pages[page].questions;
		pages.push(`p${page}: ${it.visible(page).map((name) => {
			const { choices } = questions.find((q) => q.name === name);
			return name + (choices ? `[${choices.map(({ value }) => value).filter((value) => html.includes(` name="q-${name}" value="${value}"`))}]` : '');
		}).join(' ')}`);
	}
	return pages;
}

/** The first page that is not the same, with the conditions on it. */
function differing({ native }, answers, ours, theirs) {
	const at = theirs.findIndex((page, i) => page !== ours[i]), name = (theirs[at] ?? ours.at(-1)).split(':')[0], page = native.survey.pages.find((p) => p.name === name);
	const conditions = [page, ...page.questions, ...page.questions.flatMap((q) => q.choices ?? [])].filter((x) => x.visible_if).map((x) => `${x.name ?? x.value}: ${x.visible_if}`);
	return `${JSON.stringify(answers)} | ours ${ours[at]} | theirs ${theirs[at]} | ${conditions.join(' ; ')}`;
}

test('surveys show the pages, questions and choices that survey-core shows', async (t) => {
	const { Compiler, wasm } = await import('../harness/engine.mjs'), compiler = await Compiler.load(wasm.compiler);
	const r = new Random(Number(options.seed) + 1), counts = {}, total = Number(options.surveys);
	for (let i = 0, shown = 0; i < total; i++) {
		const survey = drawSurvey(r), answered = answerSurvey(r, survey), { program, diagnostics } = compiler.compile(survey.native);
		const refused = diagnostics.some(({ severity }) => severity === 'error');
		if (answered.thrown) {
			counts.thrown = (counts.thrown ?? 0) + 1;
			continue;
		}
		const { answers, pages } = answered;
		if (refused) {
			counts.unknown = (counts.unknown ?? 0) + 1;
			t.diagnostic(`refused: ${JSON.stringify(diagnostics[0])}`);
			continue;
		}
		const opened = compiler.open(program), ours = shownNatively(opened, survey.native, answers);
		opened.close();
		const kind = compareSurvey(answered, ours);
		counts[kind] = (counts[kind] ?? 0) + 1;
		if (kind === 'unknown' && shown++ < Number(options.show))
			t.diagnostic(differing(survey, answers, ours, pages));
	}
	const share = report(t, 'surveys', counts, total);
	assert.ok(share >= (total < 1000 ? 99 : 99.9), `${share} % are equal`);
});
