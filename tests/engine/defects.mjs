// Surveys that are all right, of which the compiler must say nothing, and surveys in each of which one thing was spoilt, which it must
// find at the right place. The files of src/engine/corpus/defects are lists of such things, one kind a file:
//
//     survey FILE                 from surveys/ or surveys/clean/, for what follows
//     : what somebody did wrong
//     set POINTER JSON · add POINTER JSON (to the list there) · drop POINTER · text "OLD" "NEW" (in the file itself)
//     expect CODE POINTER [COLUMN]     what must be found
//     also CODE POINTER                what follows from it
//
// Pointers may name pages, questions, choices, rows, cells ... by their name or value. Every call goes to the native compiler too.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { corpus } from '../harness/corpus.mjs';
import { Compiler, Recorder, compareWithNative, wasm } from '../harness/engine.mjs';

const compiler = await Compiler.load(await WebAssembly.compile(wasm.compiler));
const recorder = new Recorder(compiler);
const folders = ['surveys', 'surveys/clean'];
const texts = new Map(
	folders.flatMap((folder) =>
		readdirSync(join(corpus, folder))
			.filter((name) => name.endsWith('.json'))
			.map((name) => [name, readFileSync(join(corpus, folder, name), 'utf8')])
	)
);

const show = (d) => `${d.code} ${d.pointer} ${d.column || ''} ${d.message}`;

test('clean surveys: not a word', async () => {
	const said = [...texts].flatMap(([name, text]) => compiler.compile(text).diagnostics.map((d) => `${name}: ${show(d)}`));
	console.log(`${texts.size} clean surveys, ${said.length} diagnostics`);
	assert.deepEqual(said, []);
	assert.ok(texts.size >= 50, `${texts.size} surveys`);
	await compareWithNative(recorder.take());
});

/** Where a step leads: a key, a number, or the name or value of what stands in the list. */
function step(at, key) {
	if (!Array.isArray(at))
		return key;
	const named = at.findIndex((item) => item.name === key || String(item.value) === key);
	return named >= 0 ? named : /^\d+$/.test(key) ? Number(key) : key;
}

/** The pointer with every name turned into its place. */
function place(document, pointer) {
	let at = document;
	return pointer
		.split('/')
		.slice(1)
		.map((key) => {
			const found = step(at ?? {}, key);
			at = at?.[found];
			return found;
		});
}

function edit(document, verb, pointer, value) {
	const steps = place(document, pointer);
	const last = steps.pop();
	const holder = steps.reduce((at, key) => at[key], document);
	assert.ok(holder && typeof holder === 'object', `nothing at ${pointer}`);
	if (verb === 'set') {
		holder[last] = value;
	} else if (verb === 'add') {
		holder[last].push(value);
	} else {
		assert.ok(last in holder, `nothing at ${pointer}`);
		if (Array.isArray(holder))
			holder.splice(last, 1);
		else
			delete holder[last];
	}
}

function* defects(file) {
	let survey, defect;
	for (const line of readFileSync(file, 'utf8').split('\n')) {
		const [verb, rest] = /^(\S*) ?(.*)$/.exec(line).slice(1);
		if (verb === 'survey') {
			survey = rest;
		} else if (verb === ':') {
			if (defect)
				yield defect;
			defect = { what: rest, survey, edits: [], expect: [], also: [] };
		} else if (verb === 'expect' || verb === 'also') {
			const [code, pointer, column] = rest.split(' ');
			defect[verb].push({ code, pointer, column: Number(column ?? 0) });
		} else if (verb && verb !== '#') {
			defect.edits.push([verb, rest]);
		}
	}
	yield defect;
}

function spoil(defect) {
	let text = texts.get(defect.survey);
	assert.ok(text, `no survey ${defect.survey}`);
	const document = JSON.parse(text);
	for (const [verb, rest] of defect.edits) {
		if (verb === 'text') {
			const [from, to] = JSON.parse(`[${rest.replace(/" "/, '", "')}]`);
			assert.ok(text.includes(from), `${from} is not in ${defect.survey}`);
			return { text: text.replace(from, to), document };
		}
		const space = rest.indexOf(' ');
		edit(document, verb, space < 0 ? rest : rest.slice(0, space), space < 0 ? undefined : JSON.parse(rest.slice(space)));
	}
	return { text: JSON.stringify(document), document };
}

const kinds = readdirSync(join(corpus, 'defects')).filter((name) => name.endsWith('.txt'));
let found = 0, total = 0, astray = 0, besides = 0;

for (const kind of kinds)
	test(`defects: ${kind.slice(0, -4)}`, async () => {
		const missed = [];
		let mine = 0;
		for (const defect of defects(join(corpus, 'defects', kind))) {
			const { text, document } = spoil(defect);
			const { diagnostics } = compiler.compile(text);
			const at = (e) => (e.pointer ? '/' + place(document, e.pointer).join('/') : '');
			const said = (e) => diagnostics.some((d) => d.code === e.code && d.pointer === at(e) && (!e.column || d.column === e.column));
			const wrong = defect.expect.some((e) => !said(e) && diagnostics.some((d) => d.code === e.code));
			const listed = [...defect.expect, ...defect.also];
			const more = diagnostics.filter((d) => !listed.some((e) => e.code === d.code && at(e) === d.pointer));
			total++;
			mine++;
			besides += more.length;
			if (defect.expect.every(said))
				found++;
			else {
				astray += wrong;
				missed.push(`${wrong ? 'at another place' : 'missed'}: ${defect.what}\n    ${diagnostics.map(show).join('\n    ')}`);
			}
			if (more.length && process.env.DEFECTS_VERBOSE)
				console.log(`besides, ${kind}: ${defect.what}\n    ${more.map(show).join('\n    ')}`);
		}
		console.log(`${kind.slice(0, -4)}: ${mine - missed.length} of ${mine} found${missed.map((m) => `\n  ${m}`).join('')}`);
		await compareWithNative(recorder.take());
	});

test('at least 95 % of the defects are found, each at its place', () => {
	console.log(`${found} of ${total} defects of ${kinds.length} kinds found, ${astray} at another place, ${besides} diagnostics besides`);
	assert.ok(total >= 150 && kinds.length >= 12, `${total} defects of ${kinds.length} kinds`);
	assert.ok(found >= 0.95 * total, `${found} of ${total}`);
	assert.equal(astray, 0);
});
