// Every type in every way of display, in each state it can be in, in a left-to-right and a right-to-left language: the page is valid HTML with
// no script or style in it, every id is there once, what describes a field exists; and the native engine makes the same bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HtmlValidate } from 'html-validate';
import { Compiler, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';

const LANGUAGES = ['en', 'vi', 'ar'];
const text = (en, ar) => ({ en, vi: `${en} (vi)`, ar: ar ?? 'سؤال' });
const choices = [{ value: 'a', label: text('First', 'أول') }, { value: 2, label: text('Second & <third>') }, { value: 'none', label: text('None'), exclusive: true, role: 'none' }, { value: 'o', label: text('Other'), role: 'other' }];
const rows = [{ value: 'hint', label: text('Hint') }, { value: 'error', label: text('Error') }, { value: 'input', label: text('Input') }];
const columns = choices.slice(0, 3), labels = { 1: text('Least'), 5: text('Most') };
const items = [{ name: 'description', title: text('Text') }, { name: 'n', title: text('Number'), type: 'number', unit: text('kg'), required: true }, { name: 'd', title: text('Date'), type: 'date' }, { name: 'm', title: text('Mail'), type: 'email' }];
const file = [{ id: 'f1', name: 'a"b<c>.png', type: 'image/png', size_bytes: 12345 }];

/** [type and ways of display, an answer, a wrong answer] */
const KINDS = [
	...['radio', 'dropdown', 'buttons', 'likert'].map((display) => [{ type: 'single', choices, display }, 'a', 'zz']),
	[{ type: 'multi', choices }, ['a', 2], ['none', 'a']], [{ type: 'multi', choices, order: 'random', max_selected: 1 }, ['o'], ['a', 2]],
	[{ type: 'rank', choices: choices.slice(0, 2) }, [2, 'a'], ['a', 'a']],
	[{ type: 'boolean' }, true, 'x'], [{ type: 'consent', text: text('<p>I <b>agree</b></p>') }, true, 'x'],
	[{ type: 'text', max_length: 20 }, 'a "quoted" <text>', 7], [{ type: 'text', multiline: true, rows: 3 }, '\n two\nlines ', 7],
	...Object.entries({ email: 'an@example.com', url: 'https://example.com', tel: '+84 901 234 567' }).map(([input, right]) => [{ type: 'text', input }, right, 'x']),
	[{ type: 'number', unit: text('kg'), min: 1 }, 5, 0], [{ type: 'number', subtype: 'integer' }, 5, 1.5],
	[{ type: 'date', min: '2026-01-01', max: 'today()' }, '2026-05-05', 'x'], [{ type: 'time' }, '10:00', 'x'], [{ type: 'datetime', min: '2026-01-01', max: 'now()' }, '2026-05-05T10:00:30Z', 'x'],
	...['numbers', 'stars', 'nps'].map((display) => [{ type: 'rating', display, ...(display !== 'nps' && { labels }) }, 3, 99]),
	[{ type: 'slider' }, 50, 101],
	[{ type: 'matrix', rows, columns }, { hint: 'a', input: 2 }, { hint: 'zz' }], [{ type: 'matrix', rows, columns, cell: 'multi', row_order: 'rotate' }, { hint: ['a', 2] }, { hint: ['a', 'none'] }],
	[{ type: 'matrix', rows, cell: 'text', each_row_required: true }, { hint: 'x', error: 'y', input: 'z' }, { hint: 5 }], [{ type: 'matrix', rows, cell: 'number' }, { hint: 1 }, { hint: 'x' }],
	[{ type: 'multi_text', items }, { n: 5, d: '2026-01-01' }, { n: 'x' }], [{ type: 'allocation', total: 10, items: items.map(({ name, title }) => ({ name, title })) }, { n: 10 }, { n: 3 }],
	[{ type: 'barcode' }, '893', 5], [{ type: 'geopoint', accuracy_m: 10 }, { lat: 10.5, lon: 106, accuracy_m: 5 }, { lat: 95, lon: 1 }],
	...['file', 'photo', 'audio', 'video', 'signature'].map((type) => [{ type, max_files: 2, max_size_bytes: 1000000, accept: 'image/*' }, file, [{ ...file[0], type: 'text/csv' }]]),
	[{ type: 'note', html: text('<p>Read <em>this</em>.</p>') }],
];
const STATES = ['empty', 'required', 'answered', 'wrong', 'disabled', 'read_only', 'described'];

function asked([kind, right], name, state) {
	const note = kind.type === 'note', first = !note && right !== undefined && ['disabled', 'read_only'].includes(state) && typeof right !== 'object';
	return { ...kind, name, title: text(`Title of ${name}`), ...(state === 'required' && !note && { required: true }), ...(state === 'disabled' && { enable_if: '{off}' }),
		...(state === 'read_only' && { read_only: true }), ...(state === 'described' && { description: text('What this is about') }),
		...(first && { default: right }) };
}

/** One page for each state; on it every type, by itself, in a group, and in a roster. */
function definition(state) {
	const all = (head) => KINDS.map((kind, i) => asked(kind, `${head}${i}`, state));
	return { schema_version: '1.0', survey: { title: text('All of it'), language: 'en', languages: LANGUAGES, pages: [{ name: 'p', title: text('Page'), description: text('About'), questions: [
		{ type: 'boolean', name: 'off', title: text('Off') }, ...all('q'),
		{ type: 'group', name: 'g', title: text('Group'), description: text('Of them'), questions: all('g') },
		{ type: 'roster', name: 'r', title: text('Roster'), min: 2, max: 3, item_title: text('Number {@index}'), questions: all('r') }] }] } };
}

function answersOf(state) {
	const at = { answered: 1, wrong: 2, read_only: 1 }[state];
	if (!at)
		return {};
	const given = (head) => Object.fromEntries(KINDS.map((kind, i) => [`${head}${i}`, kind[at]]).filter(([, value]) => value !== undefined));
	return { ...given('q'), ...given('g'), r: [given('r'), given('r')] };
}

const validator = new HtmlValidate({ root: true, extends: ['html-validate:standard'], rules: {
	'no-inline-style': 'error', 'no-unknown-elements': 'error', 'no-dup-id': 'error', 'valid-id': ['error', { relaxed: false }], 'no-missing-references': 'error', 'input-missing-label': 'error', 'wcag/h71': 'error',
	// what the engine writes and why: void elements as HTML has them; a fieldset as radiogroup keeps its legend
	'void-style': ['error', { style: 'omit' }], 'attribute-boolean-style': ['error', { style: 'omit' }], 'no-trailing-whitespace': 'off', 'long-title': 'off', 'prefer-native-element': 'off',
	'require-sri': 'off', 'no-raw-characters': ['error', { relaxed: false }] } });

function document(html, language) {
	return `<!DOCTYPE html>\n<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">\n<head><meta charset="utf-8"><title>All of it</title></head>\n<body><main><form method="post" action="/s/x">${html}<button type="submit">Next</button></form></main></body>\n</html>\n`;
}

function sound(html, language, what) {
	const report = validator.validateStringSync(document(html, language));
	const faults = report.results.flatMap((result) => result.messages.map((m) => `${m.ruleId}: ${m.message} ${document(html, language).slice(Math.max(0, m.offset - 60), m.offset + 120)}`));
	assert.deepEqual([...new Set(faults)].slice(0, 5), [], what);
	assert.doesNotMatch(html, /<script|<style|\sstyle=|\son\w+=|javascript:/i, what);
	const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
	const known = new Set(ids);
	assert.equal(known.size, ids.length, `${what}: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
	for (const [, list] of html.matchAll(/ (?:aria-describedby|aria-labelledby|for)="([^"]*)"/g))
		for (const id of list.split(' '))
			assert.ok(known.has(id), `${what}: there is no ${id}`);
	for (const [fieldset] of html.matchAll(/<fieldset[^>]*>(?!<legend)/g))
		assert.fail(`${what}: no legend in ${fieldset}`);
}

test('every type in every state and language is valid HTML, the same natively', async (t) => {
	const compiler = await Compiler.load(wasm.compiler), recorder = new Recorder(compiler);
	let pages = 0;
	for (const state of STATES) {
		const { valid, diagnostics, program } = compiler.compile(definition(state));
		assert.ok(valid, JSON.stringify(diagnostics.filter((d) => d.severity === 'error')));
		const survey = compiler.open(program);
		for (const language of LANGUAGES) {
			const it = survey.interview({ seed: 7, now: Date.UTC(2026, 10, 22), language, parameters: {} });
			it.answers = answersOf(state);
			const verdict = it.run(0), html = it.render(0, ['wrong', 'required'].includes(state) ? { errors: verdict.errors } : {});
			if (state === 'wrong' || state === 'required') {
				assert.ok(verdict.errors.length > KINDS.length, `${state}: ${verdict.errors.length} errors`);
				assert.match(html, /<div class="cc-errors" id="cc-errors" role="alert" tabindex="-1">/);
			}
			sound(html, language, `${state}, ${language}`);
			pages++;
		}
		survey.close();
	}
	t.diagnostic(`${pages} pages with ${KINDS.length} questions by themselves, in a group and in two records, ${await compareWithNative(recorder.take())} calls the same natively`);
});

test('what is wrong with a page is seen', () => {
	for (const html of ['<p id="a"></p><p id="a"></p>', '<input type="text" name="x">', '<p style="color: red">x</p>', '<p onclick="x">x</p>', '<div aria-describedby="b"></div>', '<fieldset><p>x</p></fieldset>', '<p>x</div>', '<blink>x</blink>'])
		assert.throws(() => sound(html, 'en', 'page'), { name: 'AssertionError' }, html);
});
