// What the compiler claims of a survey without having seen an interview is held against interviews. Each claim that something never or always
// holds is written into a copy of the survey: a condition that is "always false" becomes `false and` itself, a page that "no interview comes to" gets it
// as its visible_if, a rule that never acts its condition. Valid interviews must then go the same way in both, page for page: same
// questions, same HTML, same errors, same cells, same outcome. Of claims that something can happen (cells that overlap, a gap) most must be
// seen to happen.
//
//     COTEST_BUILD=build node tests/engine/sound.mjs --surveys 20000 --seed 7 [--interviews 200]
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { corpus, corpusFiles, corpusLines, surveyOf } from '../harness/corpus.mjs';
import { Decidable } from '../harness/decidable.mjs';
import { Compiler, wasm } from '../harness/engine.mjs';
import { Random, questionsByPage } from '../harness/generate.mjs';

const NEVER = new Set(['W0320', 'W0403', 'W0404', 'W0704']), THERE_IS = new Set(['W0701', 'W0703']);
const STEPS_MAX = 40, WITNESSES = 20;
const options = readOptions(process.argv.slice(2));
const collect = join(process.env.COTEST_BUILD, 'src/main/collect');
const folder = mkdtempSync(join(tmpdir(), 'sound-'));
after(() => rmSync(folder, { recursive: true }));
const compiler = await Compiler.load(wasm.compiler);
const claimed = {}, count = { surveys: 0, refused: 0, interviews: 0, pages: 0, moved: 0, seen: 0, unseen: [] };

const keys = (pointer) => pointer.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
const lookUp = (document, pointer) => keys(pointer).reduce((at, key) => at?.[key], document);

function write(document, pointer, value) {
	const steps = keys(pointer), last = steps.pop();
	steps.reduce((at, key) => at[key], document)[last] = value;
}

/** The part that a span means: brackets around its first or last operand belong to it. */
function whole(points, from, to) {
	let open = 0, quote = '';
	const step = (sign) => {
		if (quote || sign === "'" || sign === '"')
			quote = quote === sign ? '' : quote || sign;
		else
			open += (sign === '(') - (sign === ')');
	};
	for (let i = from; i < to; i++) {
		step(points[i]);
		for (; open < 0; open += points[from] === '(')
			from--;
	}
	for (; open > 0; to++)
		step(points[to]);
	return [from, to];
}

/** The survey in which the claims are facts. Claims about one expression are written in from its end. */
function mutant(definition, claims) {
	const copy = structuredClone(definition);
	for (const c of [...claims].sort((a, b) => b.column - a.column)) {
		const at = lookUp(copy, c.pointer);
		if (c.code === 'W0320') {
			const points = [...at], word = /always (true|false)/.exec(c.message)[1];
			const [from, to] = whole(points, c.column - 1, c.end_column - 1);
			// what it depends on stays: when a cell is looked at goes by that
			points.splice(from, to - from, `(${word} ${word === 'true' ? 'or' : 'and'} (${points.slice(from, to).join('')}))`);
			write(copy, c.pointer, points.join(''));
		} else if (c.code === 'W0403') {
			write(copy, `${c.pointer.replace(/\/[^/]*$/, '')}/when`, 'false');
		} else if (typeof at === 'string') {
			write(copy, c.pointer, 'false');
		} else {
			at.visible_if = 'false';
		}
	}
	return copy;
}

/** Claims in rounds, so that none lies within another of its round. */
function rounds(claims) {
	const inside = (a, b) => a !== b && a.code === b.code && a.pointer === b.pointer && a.column >= b.column && a.end_column <= b.end_column;
	const inner = claims.filter((c, i) => claims.some((o, k) => inside(c, o) && !(inside(o, c) && i < k)));
	return inner.length ? [claims.filter((c) => !inner.includes(c)), ...rounds(inner)] : [claims];
}

/** Interviews that somebody could have given: the lines of an events file. */
function simulate(definition, n, seed) {
	const file = join(folder, 'survey.json'), out = join(folder, 'events.jsonl');
	writeFileSync(file, JSON.stringify(definition));
	// a command that ends at once leaves its arena to the kernel, so leaks are not looked for here; 1: some found no way on
	const { status, stderr } = spawnSync(collect, ['simulate', file, '-n', n, '--seed', seed, '--threads', 1, '--out', out], { encoding: 'utf8',
		env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` } });
	assert.ok(status === 0 || status === 1, stderr);
	return readFileSync(out, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Without the mark of what others depend on, which nothing does any more where a condition is written out. */
const plain = (html) => html.replaceAll(' data-refresh', '');
/** What a verdict says; of an interview on its way not what was said on pages ahead, which it has to come past once more. */
function shape({ errors, answers, personal, outcome, status, cells, next_page, previous_page }, page, pages) {
	const passed = pages.slice(0, page + 1).flatMap((questions) => questions.map((q) => q.name));
	// what is personal goes by what a calculated value could look at
	const said = Object.entries({ ...answers, ...personal }).filter(([name]) => outcome || passed.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1));
	return JSON.stringify({ errors, said, outcome, status, cells, next_page, previous_page });
}

/** simulate draws from wide ranges; conditions look at few values. */
function outside(r, { parameters = {} }) {
	const drawn = { ...parameters };
	if ('wave' in drawn && 'pid' in drawn && r.chance(60))
		Object.assign(drawn, { wave: r.of([null, 1, 2, 3]), pid: r.of(['', 'x', 'y']) });
	return drawn;
}

/** Walks the events; `passed` hears of every page that was left, `refused` of those that something was wrong with. */
function walk(r, program, line, passed, refused = () => {}) {
	const it = program.interview({ seed: `0x${line.seed}`, now: line.now_ms, language: line.language, parameters: outside(r, line) });
	const lazy = r.chance(40) ? 10 + r.below(50) : 0;
	let verdict = it.run(-1), page = verdict.next_page;
	passed(it, -1, verdict);
	for (const event of line.events) {
		if (page < 0)
			break;
		if (event.answer !== undefined && !(lazy && r.chance(lazy))) {
			it.answers[event.answer] = event.value;
		} else if (event.page === 'next') {
			verdict = it.run(page);
			(verdict.errors.length ? refused : passed)(it, page, verdict);
			page = verdict.errors.length ? page : verdict.next_page;
		}
	}
	return { it, verdict };
}

/** Goes back to the beginning and on with somebody else's answers to some questions; what else was said stays. */
function goBack(r, { it }, line, passed) {
	for (const { answer, value } of r.some(line.events.filter((event) => event.answer in it.answers), 60))
		it.answers[answer] = value;
	for (let steps = 0, verdict = it.run(-1); verdict.next_page >= 0 && steps < STEPS_MAX; steps++) {
		const page = verdict.next_page;
		verdict = it.run(page);
		if (verdict.errors.length)
			return;
		passed(it, page, verdict);
	}
}

/** What differs between the survey and its mutant, or null. */
function difference(definition, claims, lines, seed) {
	const { program: bytes } = compiler.compile(definition), made = compiler.compile(mutant(definition, claims));
	assert.ok(made.program, `the mutant is refused: ${JSON.stringify(made.diagnostics.filter((d) => d.severity === 'error'))} of ${JSON.stringify(mutant(definition, claims))}`);
	const survey = compiler.open(bytes), other = compiler.open(made.program), r = new Random(seed);
	const pages = questionsByPage(definition);
	let found = null;
	const passed = (it, page, verdict) => {
		// nobody comes past a page with errors, so none of pages before are looked at
		if (found || verdict.errors.some((e) => !pages[page].some((q) => q.name === e.pointer.split('/')[2])))
			return;
		const twin = other.interview({ seed: it.seed, now: it.now, language: it.language, parameters: it.parameters, answers: it.answers });
		// who is held back is in no cell yet, but sees the page with what was typed
		const same = verdict.errors.length ? (v) => JSON.stringify(v.errors) : (v) => shape(v, page, pages);
		const views = [[same(verdict), same(twin.run(page))]];
		if (page >= 0)
			views.push([JSON.stringify(it.visible(page)), JSON.stringify(twin.visible(page))], [plain(it.render(page)), plain(twin.render(page))]);
		count.pages++;
		const differs = views.find(([a, b]) => a !== b);
		if (differs)
			found = `page ${page}, answers ${JSON.stringify(it.answers)}, parameters ${JSON.stringify(it.parameters)}\n  ${differs[0]}\n  ${differs[1]}`;
	};
	lines.forEach((line, i) => {
		if (found)
			return;
		const walked = walk(r, survey, line, passed, passed);
		count.interviews++;
		if (r.chance(30))
			goBack(r, walked, r.of(lines), passed);
	});
	survey.close();
	other.close();
	return found;
}

/** For each claim that something can happen: whether it did. */
function witnesses(definition, claims, lines) {
	const survey = compiler.open(compiler.compile(definition).program), r = new Random(1), left = new Set(claims);
	for (const line of lines) {
		if (!left.size)
			break;
		const ends = [];
		const { verdict } = walk(r, survey, line, (it, page, v) => v.outcome && ends.push(v));
		for (const claim of left) {
			const quota = definition.survey.quotas[keys(claim.pointer)[2]], mine = verdict.cells.filter((c) => c.quota === quota.name).map((c) => c.cell);
			const cell = claim.code === 'W0701' && quota.cells[keys(claim.pointer)[4]].name, twin = cell && /`([^`]+)` of the same/.exec(claim.message)[1];
			if (cell ? mine.includes(cell) && mine.includes(twin) : ends.length && ['completed'].includes(verdict.status) && !mine.length)
				left.delete(claim);
		}
	}
	survey.close();
	count.seen += claims.length - left.size;
	return [...left];
}

const show = (c) => `${c.code} ${c.pointer} ${c.column ? `${c.column}-${c.end_column} ` : ''}${c.message}`;

/** Throws at a claim that does not hold. */
function hold(name, definition, seed, interviews) {
	const { program, diagnostics } = compiler.compile(definition);
	count.surveys++;
	if (!program) {
		count.refused++;
		return;
	}
	const never = diagnostics.filter((d) => NEVER.has(d.code)), there = diagnostics.filter((d) => THERE_IS.has(d.code));
	for (const { code } of [...never, ...there])
		claimed[code] = (claimed[code] ?? 0) + 1;
	if (!never.length && !there.length)
		return;
	const lines = simulate(definition, interviews, seed);
	if (never.length && rounds(never).some((round) => difference(definition, round, lines, seed))) {
		const false_ones = never.map((c) => [c, difference(definition, [c], lines, seed)]).filter(([, d]) => d);
		throw new Error(`${name}: not so:\n${false_ones.map(([c, d]) => `${show(c)}\n  ${d}`).join('\n') || 'several at once'}\n${JSON.stringify(definition)}`);
	}
	if (there.length) {
		const unseen = witnesses(definition, there, lines);
		const still = unseen.length ? witnesses(definition, unseen, simulate(definition, interviews * WITNESSES, seed + 1)) : [];
		still.forEach((c) => count.unseen.push(`${name}: ${show(c)}${options.loud ? `\n${JSON.stringify(definition)}` : ''}`));
	}
}

test('the corpus: what is claimed of its surveys holds', () => {
	const files = ['surveys', 'surveys/clean'].flatMap((where) => readdirSync(join(corpus, where)).filter((name) => name.endsWith('.json')).map((name) => join(corpus, where, name)));
	const texts = new Set([...files.map((file) => readFileSync(file, 'utf8')), ...corpusFiles().flatMap((path) => corpusLines(path).map(surveyOf)).filter((text) => text !== null)]);
	for (const text of texts)
		if (compiler.compile(text).valid)
			hold('corpus', JSON.parse(text), options.seed, options.interviews);
	console.log(`${texts.size} surveys, ${count.interviews} interviews, claims: ${JSON.stringify(claimed)}`);
});

test(`${options.surveys} random surveys: what is claimed of them holds`, () => {
	const before = performance.now();
	for (let i = 0; i < options.surveys; i++) {
		const seed = options.seed * 1000003 + i;
		hold(`survey ${i}`, new Decidable(new Random(seed)).definition(), seed >>> 0, options.interviews);
		if (options.loud && i % 500 === 499)
			console.error(`${i + 1} surveys, ${count.interviews} interviews, ${count.pages} pages, ${((performance.now() - before) / 1000).toFixed(0)} s, ${JSON.stringify(claimed)}`);
	}
	console.log(`${count.surveys} surveys (${count.refused} refused), ${count.interviews} interviews, ${count.pages} pages, claims: ${JSON.stringify(claimed)}; ${count.seen} of what can happen seen, ${count.unseen.length} not`);
	// that something was not seen in so many interviews does not refute it
	if (options.loud)
		console.log(count.unseen.join('\n'));
	assert.ok(count.seen > 2 * count.unseen.length, `${count.seen} of what can happen seen, ${count.unseen.length} not`);
	assert.ok(count.refused < count.surveys / 4, `${count.refused} of ${count.surveys} surveys are refused`);
	for (const code of [...NEVER, ...THERE_IS])
		assert.ok(claimed[code] > 0, `nothing of ${code} was claimed`);
});

function readOptions(args) {
	const got = { surveys: 120, interviews: 40, seed: 1, loud: args.length > 0 };
	for (let i = 0; i < args.length; i += 2) {
		const name = args[i].replace(/^--/, '');
		if (!['surveys', 'interviews', 'seed'].includes(name) || !Number.isSafeInteger(Number(args[i + 1]))) {
			console.error('usage: node tests/engine/sound.mjs [--surveys N] [--interviews N] [--seed N]');
			process.exit(2);
		}
		got[name] = Number(args[i + 1]);
	}
	return got;
}
