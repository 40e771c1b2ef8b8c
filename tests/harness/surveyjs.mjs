// SurveyJS as the oracle for `compat: surveyjs`: random expressions and values from a seed, what survey-core makes of them, and the kinds of
// difference that docs/surveyjs.md lists. Nothing is left out of the draws because it differs.
import { createRequire } from 'node:module';

process.env.TZ = 'UTC'; // the engine's time is UTC; survey-core takes that of the machine
const core = createRequire(new URL('../../web/package.json', import.meta.url))('survey-core');
export const { Model, settings } = core;
export const NOW = Date.parse('2026-11-22T19:04:05.123Z');

/** { value } | { refused } by its grammar | { thrown } by its code */
export function ask(expression, values) {
	const warn = console.warn;
	console.warn = () => {};
	try {
		const runner = new core.ExpressionRunner(expression);
		if (!runner.canRun())
			return { refused: true };
		const value = runner.runValues(values, {});
		return { value: value === undefined ? null : JSON.parse(JSON.stringify(value) ?? 'null') };
	} catch (e) {
		return { thrown: e.message };
	} finally {
		console.warn = warn;
	}
}

const NAMES = ['a', 'b', 'c', 'age', 'q1', 'Brand', 'multi', 'm', 'panel', 'when', 'flag', 'long name', 'none', 'a.b'];
const WORDS = ['red', 'Red', 'RED', 'blue', 'item 1', 'item1', '', ' ', 'x', 'abc', 'ABC', 'true', 'False', 'yes', 'null', 'undefined', 'straße', 'ÉCOLE', 'école', 'Đà Nẵng', '日本', '🙂 ok', 'a,b',
	"'quoted'", '"', ' two  ', '\u00a0x', 'it is', 'equals', 'a=>b'];
const NUMERIC = ['5', '05', '0', '00', '5.0', '0.5', '.5', '5.', '1,5', ' 7 ', '-3', '+4', '1e3', '1e400', '0x1F', '0x', '12abc', '1-2', '1234567890123456', '007.5', '1.10', 'Infinity', '-0', '3 4', '1,2,3', '50%'];
const DATES = ['2024-02-29', '2024-03-01', '1999-12-31', '2026-11-22', '2020-06-15T10:30', '2020-06-15T10:30:45', '2020-06-15T10:30:45.678Z', '2020-06-15T23:30:00+07:00', '2023-02-29', '2024-13-01', '2020-06',
	'1970-01-01', 'not a date'];
const UNITS = ['days', 'months', 'years', 'hours', 'minutes', 'seconds', 'weeks', ''];
const COLUMNS = ['x', 'y', 'z', 'name'];

export class Draw {
	constructor(r) {
		this.r = r;
	}

	/* ---- values ---- */

	text() {
		return this.r.of(this.r.of([WORDS, WORDS, NUMERIC, DATES]));
	}

	num() {
		const { r } = this;
		return r.of([() => r.below(12) - 3, () => r.below(2000) / 100, () => (r.below(20001) - 10000) / 100, () => r.of([0, -0, 0.1, 0.2, 1.005, 1e15 + 0.3, 1e21, 1.5e-7, 5e-324, 123456.789, 2 ** 53, -2.5, 2.5])])();
	}

	record() {
		const { r } = this, out = {};
		for (const key of r.some(COLUMNS, 70))
			out[key] = r.of([() => this.num(), () => this.num(), () => this.text(), () => null, () => r.chance(50)])();
		return out;
	}

	value(depth = 2) {
		const { r } = this;
		return r.of([() => this.num(), () => this.num(), () => this.text(), () => this.text(), () => r.of(DATES), () => r.chance(50), () => null, () => '', () => r.of(WORDS),
			() => (depth ? Array.from({ length: r.below(4) }, () => r.of([() => r.of(WORDS), () => r.below(6), () => this.value(depth - 1)])()) : 1),
			() => (depth ? Array.from({ length: r.below(4) }, () => this.record()) : 2), () => (depth ? this.record() : 3)])();
	}

	values() {
		const { r } = this, out = {};
		for (const name of NAMES)
			if (name !== 'none' && r.chance(75))
				out[name] = this.value();
		if (r.chance(70))
			out.age = r.below(90);
		if (r.chance(70))
			out.multi = r.some(['red', 'blue', 'green', 'Item 1', 3, 5]);
		if (r.chance(70))
			out.panel = Array.from({ length: r.below(4) }, () => this.record());
		if (r.chance(50))
			out.when = r.of(DATES);
		return out;
	}

	/* ---- expressions ---- */

	quoted(s) {
		const { r } = this, quote = r.chance(85) ? "'" : '"';
		return quote + (r.chance(98) ? s.replaceAll(/['"]/g, (c) => `\\${c}`) : s) + quote;
	}

	name() {
		const { r } = this, name = r.of(NAMES);
		return r.of([() => name, () => name, () => name, () => name, () => name, () => name.toUpperCase(), () => `#${name}`, () => `${name}.${r.of(COLUMNS)}`, () => `panel[${r.below(4) - 1}].${r.of(COLUMNS)}`,
			() => `${name}[${r.below(3)}]`, () => `${name}.length`])();
	}

	/** A reference whose value is likely to be of the kind. */
	reference(kind) {
		const { r } = this;
		if (r.chance(70))
			return `{${{ num: 'age', list: r.of(['multi', 'panel']), date: 'when', bool: 'flag', text: 'Brand' }[kind] ?? r.of(NAMES)}}`;
		return r.chance(1) ? `{ ${r.of(NAMES)} }` : `{${this.name()}}`;
	}

	literal(kind) {
		const { r } = this;
		switch (kind) {
			case 'num':
				return r.of([() => String(Math.abs(r.below(20))), () => String(r.below(1000) / 10), () => String(-r.below(9) - 1), () => '0x10', () => '100.05', () => this.quoted(r.of(NUMERIC))])();
			case 'date':
				return this.quoted(r.of(DATES));
			case 'bool':
				return r.of(['true', 'false', 'True', 'FALSE']);
			case 'list':
				return `[${Array.from({ length: r.below(4) }, () => this.literal(r.of(['num', 'text', 'text', 'bool']))).join(r.of([', ', ',']))}]`;
			default:
				return r.of([() => this.quoted(this.text()), () => this.quoted(r.of(WORDS)), () => r.of(['red', 'blue', 'item1', 'x', 'abc'])])();
		}
	}

	any(depth) {
		return this.of(this.r.of(['num', 'text', 'bool', 'date', 'list']), depth);
	}

	/** Mostly of the kind; one time in twelve whatever comes. */
	of(kind, depth) {
		const { r } = this;
		if (r.chance(8))
			return r.chance(4) ? r.of(['null', 'undefined', '[]', "''"]) : this.any(depth);
		if (depth <= 0 || r.chance(25))
			return r.chance(65) ? this.reference(kind) : this.literal(kind);
		return { num: () => this.number(depth - 1), text: () => this.string(depth - 1), bool: () => this.truth(depth - 1), date: () => this.date(depth - 1), list: () => this.list(depth - 1) }[kind]();
	}

	bracket(s) {
		return this.r.chance(60) ? `(${s})` : s;
	}

	number(d) {
		const { r } = this, n = () => this.of('num', d);
		return r.of([() => this.bracket(`${n()} ${r.of(['+', '-', '*', '/', '%'])} ${n()}`), () => this.bracket(`${n()} ${r.of(['+', '-', '*', '/', '%'])} ${n()}`),
			() => this.bracket(`${n()} ${r.of(['^', 'power'])} ${r.of(['2', '3', '0.5', '-1', '0', n()])}`), () => `${r.of(['sum', 'avg', 'min', 'max', 'count'])}(${Array.from({ length: r.below(4) }, () => this.of(r.of(['num', 'list', 'num']), d)).join(', ')})`,
			() => `${r.of(['round', 'trunc'])}(${n()}${r.chance(60) ? `, ${r.of(['0', '1', '2', '3', n()])}` : ''})`, () => this.inArray(d), () => this.inArray(d),
			() => `${r.of(['year', 'month', 'day', 'weekday', 'getYear', 'age'])}(${r.chance(90) ? this.of('date', d) : ''})`, () => `age(${this.of('date', d)}, ${this.quoted(r.of(UNITS))})`,
			() => `dateDiff(${this.of('date', d)}, ${this.of('date', d)}${r.chance(80) ? `, ${this.quoted(r.of(UNITS))}` : ''})`, () => `diffDays(${this.of('date', d)}, ${this.of('date', d)})`, () => 'currentYear()',
			() => `iif(${this.of('bool', d)}, ${n()}${r.chance(90) ? `, ${n()}` : ''})`])();
	}

	inArray(d) {
		const { r } = this, name = r.of(['sumInArray', 'minInArray', 'maxInArray', 'avgInArray', 'countInArray']);
		const condition = () => r.of([() => `{${r.of(COLUMNS)}} ${r.of(['>', '<', '=', '<>', 'notequal', '>='])} ${this.literal('num')}`, () => `{${r.of(COLUMNS)}} ${r.of(['empty', 'notempty'])}`,
			() => `{${r.of(COLUMNS)}} = red or {${r.of(COLUMNS)}} contains 5`, () => this.of('bool', d)])();
		return `${name}(${r.chance(85) ? '{panel}' : this.any(d)}, ${this.quoted(r.of(COLUMNS))}${r.chance(20) ? `, ${this.quoted(r.of(COLUMNS))}` : ''}${r.chance(60) ? `, ${r.chance(50) ? condition() : `'${condition().replaceAll("'", '')}'`}` : ''})`;
	}

	string(d) {
		const { r } = this, t = () => this.of('text', d);
		return r.of([() => this.bracket(`${t()} + ${this.any(d)}`), () => this.bracket(`${this.any(d)} + ${t()}`), () => `substring(${t()}, ${this.of('num', d)}${r.chance(60) ? `, ${this.of('num', d)}` : ''})`,
			() => `iif(${this.of('bool', d)}, ${t()}, ${t()})`, () => t()])();
	}

	date(d) {
		const { r } = this;
		return r.of([() => `today(${r.chance(30) ? this.of('num', d) : ''})`, () => 'currentDate()', () => `getDate(${this.of('date', d)})`, () => `dateAdd(${this.of('date', d)}, ${this.of('num', d)}${r.chance(80) ? `, ${this.quoted(r.of(UNITS))}` : ''})`,
			() => `iif(${this.of('bool', d)}, ${this.of('date', d)}, ${this.of('date', d)})`])();
	}

	list(d) {
		const { r } = this;
		return r.of([() => `[${Array.from({ length: r.below(4) }, () => this.any(d)).join(', ')}]`, () => this.bracket(`${this.of('list', d)} + ${this.of('list', d)}`), () => `iif(${this.of('bool', d)}, ${this.of('list', d)}, ${this.of('list', d)})`])();
	}

	truth(d) {
		const { r } = this, kind = r.of(['num', 'num', 'text', 'text', 'date', 'list', 'bool']), x = () => this.of(kind, d);
		const compare = ['=', '==', '!=', '<>', '<', '<=', '>', '>=', '=<', '=>', 'equal', 'equals', 'notequal', 'less', 'lessorequal', 'greater', 'greaterorequal', 'Equal', 'GREATER'];
		const sets = ['contains', 'contain', '*=', 'notcontains', 'notcontain', 'anyof', 'allof', 'noneof', 'Contains', 'ANYOF'];
		return r.of([() => this.bracket(`${x()} ${r.of(compare)} ${x()}`), () => this.bracket(`${x()} ${r.of(compare)} ${x()}`), () => this.bracket(`${x()} ${r.of(compare)} ${this.any(d)}`),
			() => this.bracket(`${this.of('list', d)} ${r.of(sets)} ${this.of(r.of(['text', 'list', 'num']), d)}`), () => this.bracket(`${this.of('text', d)} ${r.of(sets)} ${this.of(r.of(['text', 'list', 'num']), d)}`),
			() => this.bracket(`${this.of('bool', d)} ${r.of(['and', 'or', '&&', '||', 'AND', 'Or'])} ${this.of('bool', d)}`), () => this.bracket(`${this.of('bool', d)} ${r.of(['and', 'or', '&&', '||'])} ${this.of('bool', d)}`),
			() => `${r.of(['!', '! ', 'negate '])}${this.of('bool', d)}`, () => `${this.reference(kind)} ${r.of(['empty', 'notempty', 'Empty', 'notEmpty'])}`, () => `${this.literal(kind)} ${r.of(['empty', 'notempty'])}`,
			() => `iif(${this.of('bool', d)}, ${this.of('bool', d)}, ${this.of('bool', d)})`])();
	}

	/** Now and then something is wrong with it. */
	expression() {
		const { r } = this, s = this.any(1 + r.below(3));
		if (r.chance(98))
			return s;
		const at = r.below(s.length + 1);
		return r.of([() => s.slice(0, at), () => s.slice(0, at) + s.slice(at + 1), () => `${s.slice(0, at)}${r.of([')', '(', '}', "'", ',', ' ', 'x', '=', 'or'])}${s.slice(at)}`, () => `unknownFunction(${s})`, () => `isContainerReady(${this.quoted('page1')})`,
			() => `propertyValue('a', 'visible') = ${s}`, () => `{$a.visible} or ${s}`])();
	}
}

// ---- kinds of difference: docs/surveyjs.md lists them under these names ----

const ISO = /^\d{4}(-\d\d(-\d\d)?)?(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
/* survey-core asks the clock of the machine when an expression stands alone; this is its own hook to say otherwise. */
let dates = [];
settings.onDateCreated = (date, reason, value) => {
	const made = value ? date : new Date(NOW);
	dates.push({ made, value });
	return made;
};

const madeOfText = () => dates.some(({ made, value }) => !Number.isNaN(made.getTime()) && ((typeof value === 'string' && !ISO.test(value.replace(/T00:00:00$/, ''))) || Array.isArray(value)));
const NUMBER = /-?\d+(\.\d+)?(e[+-]?\d+)?/g;
/* The same but for numbers in it that differ behind the ninth digit. */
const close = (a, b) => {
	const [x, y] = [a, b].map((v) => JSON.stringify(v)), [m, n] = [x, y].map((s) => s.match(NUMBER) ?? []);
	return x.replace(NUMBER, '') === y.replace(NUMBER, '') && m.every((v, i) => Math.abs(v - n[i]) <= 1e-9 * Math.max(Math.abs(v), Math.abs(n[i])));
};

/** 'equal', or the name of the difference; 'unknown' is for those that no rule explains. `ours` is a line of `collect eval`. */
export function compare({ expression, values }, ours) {
	dates = [];
	const theirs = ask(expression, values);
	if (/^E03(06|4[01])$/.test(ours.error?.code))
		return 'refused';
	if (theirs.thrown)
		return 'thrown';
	if (theirs.refused || ours.error)
		return theirs.refused && ours.error ? 'equal' : 'unknown';
	if (JSON.stringify(theirs.value) === JSON.stringify(ours.value))
		return 'equal';
	if (madeOfText())
		return 'date text';
	if (typeof theirs.value === 'string' && !theirs.value.isWellFormed())
		return 'half character';
	if (close(theirs.value, ours.value) && /\^|power|round/i.test(expression))
		return 'last digit';
	return 'unknown';
}

// ---- whole surveys ----

const TYPES = ['number', 'text', 'boolean', 'single', 'multi', 'rating', 'matrix', 'single', 'multi'];
const KINDS = { number: 'num', rating: 'num', text: 'text', single: 'text', boolean: 'bool', multi: 'list', matrix: 'list' };

function readable(expression) {
	try {
		return new core.ExpressionRunner(expression).canRun();
	} catch {
		return false;
	}
}

/** Conditions on the questions asked before. */
class SurveyDraw extends Draw {
	asked = [];

	reference(kind) {
		const { r } = this, fitting = this.asked.filter((q) => KINDS[q.type] === kind), q = r.of(fitting.length && r.chance(75) ? fitting : this.asked);
		const name = r.chance(5) ? q.name.toUpperCase() : q.name;
		return q.type === 'matrix' && r.chance(80) ? `{${q.name}.r${r.below(2)}}` : q.type === 'multi' && r.chance(20) ? `{${name}.length}` : r.chance(3) ? `{#${name}}` : `{${name}}`;
	}

	inArray(d) {
		return super.inArray(d).replaceAll('{panel}', () => this.reference('list'));
	}

	/** What survey-core cannot read it passes over in silence; the engine refuses it. */
	condition() {
		let s = this.asked.length ? this.truth(this.r.below(3)) : undefined;
		while (s && !readable(s))
			s = this.truth(this.r.below(3));
		return s;
	}
}

const VALUES = ['red', 'Blue', 'item 1', '5', 'x', 7, 12, 'no'];

/** The same survey for both: { native, surveyjs, questions }. */
export function drawSurvey(r) {
	const draw = new SurveyDraw(r), native = [], foreign = [], questions = [];
	for (let p = 0, n = 0; p < 2 + r.below(3); p++) {
		const asked = [], theirs = [], condition = p && r.chance(40) ? draw.condition() : undefined;
		for (let k = 1 + r.below(5); k > 0; k--) {
			const type = r.of(TYPES), name = `q${n++}`, visible = r.chance(60) ? draw.condition() : undefined, q = { type, name, title: name, visible_if: visible };
			const j = { type: { number: 'text', text: 'text', boolean: 'boolean', single: 'radiogroup', multi: 'checkbox', rating: 'rating', matrix: 'matrix' }[type], name, visibleIf: visible };
			if (type === 'number')
				j.inputType = 'number';
			if (type === 'single' || type === 'multi') {
				q.choices = r.some(VALUES, 60).concat(['last']).map((value) => ({ value, label: String(value), visible_if: r.chance(15) ? draw.condition() : undefined }));
				j.choices = q.choices.map(({ value, visible_if }) => ({ value, visibleIf: visible_if }));
			} else if (type === 'rating') {
				Object.assign(q, { min: 1, max: 5 });
				Object.assign(j, { rateMin: 1, rateMax: 5 });
			} else if (type === 'matrix') {
				q.rows = ['r0', 'r1'].map((value) => ({ value, label: value }));
				q.columns = [1, 2, 3].map((value) => ({ value, label: String(value) }));
				Object.assign(j, { rows: ['r0', 'r1'], columns: [1, 2, 3] });
			}
			asked.push(q);
			theirs.push(j);
			questions.push(q);
			draw.asked.push(q);
		}
		native.push({ name: `p${p}`, visible_if: condition, questions: asked });
		foreign.push({ name: `p${p}`, visibleIf: condition, elements: theirs });
	}
	return { native: { schema_version: '1.0', survey: { language: 'en', settings: { compat: 'surveyjs' }, pages: native } }, surveyjs: { clearInvisibleValues: 'onHidden', pages: foreign }, questions };
}

/** 'equal', or the name of the difference; pages as answerSurvey gives them. */
export function compareSurvey({ pages, dateText }, ours) {
	if (JSON.stringify(ours) === JSON.stringify(pages))
		return 'equal';
	return dateText ? 'date text' : 'unknown';
}

/** Somebody answers what survey-core shows, question by question; gives the answers and what is shown in the end, or { thrown }. */
export function answerSurvey(r, survey) {
	try {
		return answer(r, survey);
	} catch (e) {
		return { thrown: e.message };
	}
}

function answer(r, { surveyjs, questions }) {
	const model = new Model(surveyjs), draw = new Draw(r);
	for (const { name, type } of questions) {
		const q = model.getQuestionByName(name);
		if (!q.isVisible || !q.page.isVisible || r.chance(30))
			continue;
		const choices = q.visibleChoices?.map(({ value }) => value) ?? [];
		q.value = { number: () => draw.num(), text: () => draw.text().trim() || 'red', boolean: () => r.chance(50), rating: () => 1 + r.below(5), single: () => (choices.length ? r.of(choices) : undefined),
			multi: () => r.some(choices), matrix: () => Object.fromEntries(r.some(['r0', 'r1'], 70).map((row) => [row, 1 + r.below(3)])) }[type]();
	}
	const pages = model.visiblePages.map((page) => `${page.name}: ${page.questions.filter((q) => q.isVisible).map((q) => q.name + (/radiogroup|checkbox/.test(q.getType()) ? `[${q.visibleChoices.map(({ value }) => value)}]` : '')).join(' ')}`);
	dates = [];
	model.runConditions();
	return { answers: model.data, pages, dateText: madeOfText() };
}
