// The engine's corpus, line by line, over the JavaScript binding. src/engine/corpus/README.md says what the lines mean;
// src/engine/corpus_verbs.c is the other reader of them, and a new keyword belongs into both.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const corpus = fileURLToPath(new URL('../../src/engine/corpus', import.meta.url));
const NOW = 1795000000000;

export function corpusFiles(folder = corpus) {
	return readdirSync(folder, { withFileTypes: true, recursive: false }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
		const path = join(folder, entry.name);
		return entry.isDirectory() ? corpusFiles(path) : entry.name.endsWith('.test') ? [path] : [];
	});
}

/** [{ line, word, rest }]: a line that begins with blanks goes on with the one before. */
export function corpusLines(path) {
	const lines = [];
	let at = 0;
	for (const text of readFileSync(path, 'utf8').split('\n')) {
		at++;
		if (/^[ \t]/.test(text) && lines.at(-1)?.text)
			lines.at(-1).text += `\n${text}`;
		else
			lines.push({ at, text: text.startsWith('#') ? '' : text });
	}
	return lines.filter(({ text }) => text.trim()).map(({ at: line, text }) => ({ line, ...cutWord(text) }));
}

function cutWord(text) {
	const trimmed = text.trim(), space = trimmed.indexOf(' ');
	return space < 0 ? { word: trimmed, rest: '' } : { word: trimmed.slice(0, space), rest: trimmed.slice(space).trim() };
}

/** The survey that a line writes down, as text; null when it is no such line. */
export function surveyOf({ word, rest }) {
	switch (word) {
	case 'survey':
		return readFileSync(join(corpus, 'surveys', rest), 'utf8');
	case 'define':
		return rest;
	case 'questions':
		return `{"schema_version":"1.0","survey":{"language":"en","languages":["en","vi"],"pages":[{"name":"p","questions":${rest}}]}}`;
	default:
		return null;
	}
}

/** Runs a file; throws where something is not as it says. `sessions` is an engine of session.wasm. */
export function runCorpusFile(compiler, path, sessions) {
	const script = new Script(compiler, sessions);
	for (const line of corpusLines(path)) {
		try {
			script.run(line);
		} catch (e) {
			e.message = `${path}:${line.line}: ${e.message}`;
			throw e;
		}
	}
	script.settle();
	script.close();
}

class Script {
	constructor(compiler, sessions) {
		this.compiler = compiler;
		this.sessions = sessions;
		this.leaveOutUnbuilt = this.noMedia = false;
		this.expected = null; // diagnostics listed so far; null: none were asked about
		this.errors = 0;
	}

	run(line) {
		const survey = surveyOf(line);
		if (survey !== null)
			return this.compile(survey);
		const verb = verbs[line.word];
		assert.ok(verb, `no such line: ${line.word}; it belongs into tests/harness/corpus.mjs too`);
		return verb(this, line.rest);
	}

	compile(text) {
		this.settle();
		this.close();
		this.compiled = this.compiler.compile(text, { leaveOutUnbuilt: this.leaveOutUnbuilt, noMedia: this.noMedia });
		this.verdict = null;
		this.interview = null;
		if (!this.compiled.valid)
			return;
		this.program = this.compiler.open(this.compiled.program);
		this.interview = this.program.interview({ seed: 1, now: NOW });
	}

	/** Everything that is listed must have come, and nothing else: looked at when a section ends. */
	settle() {
		if (this.expected !== null)
			assert.deepEqual(this.expected, this.compiled.diagnostics.length, 'as many diagnostics as listed');
		else if (this.compiled)
			assert.ok(this.compiled.valid, `the survey has errors: ${JSON.stringify(this.compiled.diagnostics)}`);
		if (this.errors)
			assert.equal(this.errors, this.judged.errors.length, 'as many errors as listed');
		if (this.columns)
			assert.equal(this.columnsSeen, this.columns.length, 'as many columns as listed');
		this.expected = this.columns = null;
		this.errors = 0;
	}

	close() {
		this.program?.close();
		this.program = null;
	}

	complete() {
		return (this.judged = this.verdict ??= this.interview.run());
	}

	agreed() {
		const { seed, now, language, parameters, answers, full, filled } = this.interview;
		const program = this.sessions.open(this.compiled.program);
		const got = program.interview({ seed, now, language, parameters, answers, full, filled }).consents();
		program.close();
		return got;
	}

	page(number) {
		const view = this.verdict ? { errors: this.verdict.errors } : {};
		return this.interview.render(Number(number) - 1, view);
	}

	/** A setting of the interview: what was run before no longer counts. */
	set(change) {
		Object.assign(this.interview, change);
		this.verdict = null;
	}

	restart(options) {
		const { seed, now, language, parameters, answers, full, filled, drawn } = this.interview;
		this.interview = this.program.interview({ seed, now, language, parameters, answers, full, filled, drawn, ...options });
		this.verdict = null;
	}
}

const json = (text) => JSON.parse(text);
const words = (text) => text.split(' ').filter(Boolean);
const rest = (text, n) => {
	let left = text;
	for (let i = 0; i < n; i++)
		left = cutWord(left).rest;
	return left;
};

const verbs = {
	'leaving-out': (s) => { s.leaveOutUnbuilt = true; },
	'no-media': (s) => { s.noMedia = true; },
	diagnostic: (s, text) => {
		const [code, pointer = ''] = words(text);
		assert.ok(s.compiled.diagnostics.some((d) => d.code === code && d.pointer === pointer), `${code} ${pointer} was not said`);
		s.expected = (s.expected ?? 0) + 1;
	},
	clean: (s) => { s.expected ??= 0; },
	language: (s, text) => s.set({ language: text }),
	seed: (s, text) => s.restart({ seed: text }),
	time: (s, text) => s.restart({ now: Date.parse(text) }),
	parameters: (s, text) => s.set({ parameters: json(text) }),
	answers: (s, text) => {
		s.settle();
		s.set({ answers: json(text) });
	},
	filled: (s, text) => {
		s.settle();
		s.set({ filled: words(text).map(Number) });
	},
	full: (s, text) => {
		s.settle();
		s.set({ full: words(text).map((name) => ({ quota: name.split('/')[0], cell: name.split('/')[1] })) });
	},
	drawn: (s, text) => {
		s.settle();
		s.set({ drawn: json(text) });
	},
	draws: (s, text) => {
		s.settle();
		const verdict = s.interview.run(Number(words(text)[0]) - 1);
		const cells = verdict.cells.map((c) => ` ${c.quota}/${c.cell}`).join('');
		assert.equal(`${verdict.draws_at + 1}${cells} ${JSON.stringify(verdict.drawn)}`, rest(text, 1));
	},
	cells: (s, text) => assert.equal(s.complete().cells.map((c) => `${c.quota}/${c.cell}`).join(' '), text),
	path: (s, wanted) => {
		const way = [];
		for (let page = -1, i = 0; i < 1000; i++) {
			const verdict = s.interview.run(page);
			if (verdict.errors.length) {
				way[way.length - 1] = `${way.at(-1) ?? ''}!`;
				break;
			}
			way.push(verdict.next_page < 0 ? verdict.outcome : String(verdict.next_page + 1));
			if ((page = verdict.next_page) < 0)
				break;
		}
		assert.equal(way.join(' '), wanted);
	},
	progress: (s, text) => {
		const [page, share] = words(text);
		assert.equal(s.interview.run(Number(page) - 1).progress, Number(share));
	},
	back: (s, text) => {
		const [page, before] = words(text), { previous_page: found } = s.interview.run(Number(page) - 1);
		assert.equal(found < 0 ? '-' : String(found + 1), before);
	},
	events: (s, text) => {
		s.settle();
		const { seed, now, language, parameters, full } = s.interview, events = json(text), half = Math.floor(events.length / 2);
		const program = s.sessions.open(s.compiled.program);
		const first = program.session({ seed, now, language, parameters, full });
		first.events(events.slice(0, half));
		const written = first.write();
		first.end();
		const second = program.resume(written);
		second.events(events.slice(half));
		s.verdict = second.verdict(true);
		s.stands = second.over ? second.outcome : String(second.page + 1);
		second.end();
		program.close();
	},
	stands: (s, text) => assert.equal(s.stands, text),
	error: (s, text) => {
		const [code, pointer] = words(text), message = rest(text, 2);
		const error = s.complete().errors.find((e) => e.code === code && e.pointer === pointer);
		s.errors++;
		assert.ok(error, `no error ${code} ${pointer} among ${JSON.stringify(s.verdict.errors)}`);
		if (message)
			assert.equal(error.message, message);
	},
	valid: (s) => assert.deepEqual(s.complete().errors, []),
	result: (s, text) => assert.deepEqual(s.complete().answers, json(text)),
	personal: (s, text) => assert.deepEqual(s.complete().personal, json(text)),
	exported: (s, text) => assert.deepEqual(s.complete().parameters, json(text)),
	consents: (s, text) => assert.deepEqual(s.agreed().consents, json(text)),
	'personal-consents': (s, text) => assert.deepEqual(s.agreed().personal, json(text)),
	outcome: (s, text) => assert.equal(s.complete().outcome, text),
	status: (s, text) => assert.equal(s.complete().status, text),
	visible: (s, text) => {
		const [page, ...names] = words(text);
		assert.deepEqual(s.interview.visible(Number(page) - 1), names);
	},
	shows: (s, text) => {
		const html = s.page(words(text)[0]), part = rest(text, 1);
		assert.ok(html.includes(part), `not in the page: ${part}\n${html}`);
	},
	hides: (s, text) => {
		const part = rest(text, 1);
		assert.ok(!s.page(words(text)[0]).includes(part), `in the page: ${part}`);
	},
	form: (s, text) => {
		s.settle();
		const fields = [...new URLSearchParams(rest(text, 1))];
		s.set({ answers: s.interview.form(Number(words(text)[0]) - 1, fields) });
	},
	becomes: (s, text) => assert.deepEqual(s.interview.answers, json(text)),
	thanks: (s, text) => assert.equal(s.interview.outcome(words(text)[0]).html, rest(text, 1)),
	redirect: (s, text) => assert.equal(s.interview.outcome(words(text)[0]).redirect, rest(text, 1)),
	column: (s, text) => {
		const [name, type] = words(text);
		if (!s.columns) {
			const program = s.sessions.open(s.compiled.program);
			s.columns = program.columns(s.interview.language);
			program.close();
			s.columnsSeen = 0;
		}
		const column = s.columns[s.columnsSeen++];
		assert.deepEqual([column?.name, column?.type], [name, type]);
	},
	values: (s, text) => { s.values = json(text); },
	value: (s, text) => { s.evaluated = s.compiler.evaluate(text, s.values ?? {}, { now: NOW }); },
	loosely: (s, text) => { s.evaluated = s.compiler.evaluate(text, s.values ?? {}, { now: NOW, compat: 'surveyjs' }); },
	gives: (s, text) => assert.deepEqual(s.evaluated, { value: json(text) }),
	fails: (s, text) => {
		const [code, column] = words(text);
		assert.equal(s.evaluated.error?.code, code, JSON.stringify(s.evaluated));
		if (column)
			assert.equal(s.evaluated.error.column, Number(column));
	},
};
