// Random surveys and random answers to them, from a seed. The surveys use what DEFINITION.md's types and expressions offer; the answers are
// mostly plausible, sometimes wrong, sometimes missing.

/** splitmix32: same seed, same draws. */
export class Random {
	constructor(seed) {
		this.state = seed | 0;
	}

	next() {
		this.state = (this.state + 0x9e3779b9) | 0;
		let z = this.state;
		z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
		z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
		return (z ^ (z >>> 15)) >>> 0;
	}

	below(n) {
		return this.next() % n;
	}

	chance(percent) {
		return this.below(100) < percent;
	}

	of(list) {
		return list[this.below(list.length)];
	}

	some(list, percent = 50) {
		return list.filter(() => this.chance(percent));
	}

	number() {
		const kind = this.below(6);
		if (kind < 3)
			return this.below(21) - 5;
		if (kind === 3)
			return (this.below(20001) - 10000) / 100;
		if (kind === 4)
			return (this.next() - 2 ** 31) * 2 ** (this.below(60) - 45);
		return this.of([0, -0.5, 1e15 + 0.3, 9007199254740993, 1e21, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 4294967296]);
	}
}

const WORDS = ['a', 'Ab', 'Đà Nẵng', 'straße', 'ÉCOLE', 'x<y & "z"', "it's", '  two  ', '日本', '10', '', 'Ωmega', '🙂 ok', 'مرحبا', 'm@x.vn', 'http://x.y/z?a=1'];
const DATES = ['2024-02-29', '1999-12-31', '2026-11-22', '1970-01-01', '2000-03-01'];
const PATTERNS = ['^[A-Z]', '\\\\d+', 'a|b', '^.{1,4}$', '(ab?)+', '\\\\w\\\\s'];

const text = (r) => r.of(WORDS);
const quoted = (word) => `'${word.replaceAll("'", '')}'`;

// ---- expressions over what was asked before ----

/** names by the kind of their value: { num, text, bool, date, choice: [{ name, values }], set: [...] } */
class Expressions {
	constructor(r, names) {
		this.r = r;
		this.names = names;
	}

	num(depth) {
		const { r, names } = this;
		if (depth <= 0 || r.chance(20))
			return names.num.length && r.chance(70) ? `{${r.of(names.num)}}` : this.literal();
		if (names.loose.length)
			return r.of([
				() => `(${this.num(depth - 1)} ${r.of(['+', '-', '*', '/', '%', '^'])} ${this.num(depth - 1)})`,
				() => `round(${this.num(depth - 1)}, ${r.below(4)})`,
				() => `iif(${this.bool(depth - 1)}, ${this.num(depth - 1)}, ${this.text(depth - 1)})`,
				() => `${r.of(['sum', 'avg', 'min', 'max'])}(${this.num(depth - 1)}, ${this.num(depth - 1)})`,
				() => `${r.of(['year', 'month', 'day', 'weekday', 'age'])}(${this.date(depth - 1)})`,
				() => `dateDiff(${this.date(depth - 1)}, ${this.date(depth - 1)}, '${r.of(['days', 'months', 'years'])}')`,
			])();
		return r.of([
			() => `(${this.num(depth - 1)} ${r.of(['+', '-', '*', '/', 'div', 'mod', '%', '^'])} ${this.num(depth - 1)})`,
			() => `round(${this.num(depth - 1)}${r.chance(50) ? `, ${r.below(4)}` : ''})`,
			() => `trunc(${this.num(depth - 1)}${r.chance(50) ? `, ${r.below(4)}` : ''})`,
			() => `abs(${this.num(depth - 1)})`,
			() => `pow(${this.num(depth - 1)}, ${r.of(['2', '0.5', '-1', '1.7', '3', '0.1'])})`,
			() => `sqrt(${this.num(depth - 1)})`,
			() => `length(${this.text(depth - 1)})`,
			() => `${r.of(['sum', 'avg', 'min', 'max'])}(${this.num(depth - 1)}, ${this.num(depth - 1)})`,
			() => `coalesce(${this.num(depth - 1)}, ${this.literal()})`,
			() => `iif(${this.bool(depth - 1)}, ${this.num(depth - 1)}, ${this.num(depth - 1)})`,
			() => `${r.of(['year', 'month', 'day', 'weekday', 'age'])}(${this.date(depth - 1)})`,
			() => `date_diff(${this.date(depth - 1)}, ${this.date(depth - 1)}, '${r.of(['days', 'weeks', 'months', 'years'])}')`,
			() => (names.set.length ? `count_selected({${r.of(names.set).name}})` : '1'),
			() => (names.records.length ? `${r.of(['sum', 'avg', 'min', 'max', 'count'])}({${r.of(names.records)}})` : `count(${this.text(depth - 1)}, ${this.num(depth - 1)})`),
			() => (names.counts.length ? `{${r.of(names.counts)}}` : '{@seed} mod 7'),
			() => r.of(['random()', `random(${r.below(4)}, ${4 + r.below(6)})`, `random(${this.num(depth - 1)}, ${this.num(depth - 1)})`]),
			() => (names.set.length ? `index({${r.of(names.set).name}}, ${r.of(r.of(names.set).values)})` : `index([1, ${this.num(depth - 1)}], 1)`),
		])();
	}

	literal() {
		return this.r.of(['0', '1', '2', '3.5', '10', '0.1', '18', '1.005', '100', '1e9'].slice(0, 9));
	}

	text(depth) {
		const { r, names } = this;
		if (depth <= 0 || r.chance(25))
			return names.text.length && r.chance(70) ? `{${r.of(names.text)}}` : quoted(text(r));
		if (names.loose.length)
			return r.chance(50) ? `iif(${this.bool(depth - 1)}, ${this.text(depth - 1)}, ${this.num(depth - 1)})` : `(${this.text(depth - 1)} + ${this.num(depth - 1)})`;
		return r.of([
			() => `concat(${this.text(depth - 1)}, ${this.num(depth - 1)})`,
			() => `${r.of(['upper', 'lower', 'trim'])}(${this.text(depth - 1)})`,
			() => `substring(${this.text(depth - 1)}, ${r.below(4)}${r.chance(60) ? `, ${r.below(5)}` : ''})`,
			() => `replace(${this.text(depth - 1)}, ${quoted(text(r) || 'a')}, ${quoted(text(r))})`,
			() => `join(', ', ${this.text(depth - 1)}, ${this.num(depth - 1)})`,
			() => `iif(${this.bool(depth - 1)}, ${this.text(depth - 1)}, ${this.text(depth - 1)})`,
			() => `coalesce(${this.text(depth - 1)}, ${quoted(text(r))})`,
			() => (names.choice.length ? `label({${r.of(names.choice).name}})` : names.set.length ? `label({${r.of(names.set).name}})` : '{@lang}'),
			() => r.of(['{@lang}', '{@pid}', 'concat({@seed}, {@wave})', 'concat(now())', 'concat({@since})']),
		])();
	}

	date(depth) {
		const { r, names } = this;
		if (names.loose.length)
			return names.date.length && r.chance(60) ? `{${r.of(names.date)}}` : r.chance(50) ? `'${r.of(DATES)}'` : 'today()';
		if (depth <= 0 || r.chance(40))
			return names.date.length && r.chance(60) ? `{${r.of(names.date)}}` : r.chance(50) ? `date('${r.of(DATES)}')` : 'today()';
		return `date_add(${this.date(depth - 1)}, ${r.of(['1', '-40', '400', '12'])}, '${r.of(['days', 'weeks', 'months', 'years'])}')`;
	}

	bool(depth) {
		const { r, names } = this;
		const compare = () => r.of(['=', '!=', '<', '<=', '>', '>=']);
		const choice = () => {
			const q = r.of(names.choice);
			return r.chance(80) ? `{${q.name}} ${r.of(['=', '!='])} ${r.of(q.values)}` : `{${q.name}} in [${r.some(q.values, 60).concat(q.values[0]).join(', ')}]`;
		};
		const set = () => {
			const q = r.of(names.set), values = `[${r.some(q.values, 60).concat(q.values[0]).join(', ')}]`;
			return r.of([() => `{${q.name}} ${r.of(['contains', 'notcontains'])} ${r.of(q.values)}`, () => `{${q.name}} ${r.of(['anyof', 'allof', 'noneof'])} ${values}`,
				...(names.loose.length ? [] : [() => `selected({${q.name}}, ${r.of(q.values)})`, () => `${r.of(['any_of', 'all_of', 'none_of'])}({${q.name}}, ${r.some(q.values, 60).concat(q.values[0]).join(', ')})`])])();
		};
		if (depth <= 0 || r.chance(30)) {
			if (names.choice.length && r.chance(40))
				return choice();
			if (names.set.length && r.chance(40))
				return set();
			if (names.bool.length && r.chance(40))
				return `{${r.of(names.bool)}}`;
			return names.num.length ? `{${r.of(names.num)}} ${compare()} ${this.literal()}` : `${this.num(1)} ${compare()} ${this.num(1)}`;
		}
		if (names.loose.length)
			return r.of([
				() => `(${this.bool(depth - 1)} ${r.of(['and', 'or', '&&', '||'])} ${this.bool(depth - 1)})`,
				() => `!(${this.bool(depth - 1)})`,
				() => `${this.num(depth - 1)} ${r.of(['=', '<>', 'notequal', 'greater', 'lessorequal', '>='])} ${this.text(depth - 1)}`,
				() => `${this.text(depth - 1)} ${r.of(['contains', 'notcontains', 'anyof', 'allof'])} ${quoted(text(r))}`,
				() => `${this.date(depth - 1)} ${compare()} ${this.date(depth - 1)}`,
				() => (names.any.length ? `{${r.of(names.any)}} ${r.of(['empty', 'notempty'])}` : 'true'),
			])();
		return r.of([
			() => `(${this.bool(depth - 1)} ${r.of(['and', 'or', '&&', '||'])} ${this.bool(depth - 1)})`,
			() => `!(${this.bool(depth - 1)})`,
			() => `${this.num(depth - 1)} ${compare()} ${this.num(depth - 1)}`,
			() => `${this.text(depth - 1)} ${compare()} ${this.text(depth - 1)}`,
			() => `${this.text(depth - 1)} ${r.of(['contains', 'icontains', 'notcontains'])} ${quoted(text(r))}`,
			() => `${this.date(depth - 1)} ${compare()} ${this.date(depth - 1)}`,
			() => `${r.of(['starts_with', 'ends_with'])}(${this.text(depth - 1)}, ${quoted(text(r))})`,
			() => `matches(${this.text(depth - 1)}, '${r.of(PATTERNS).replaceAll('\\\\', '\\')}')`,
			() => `${r.of([this.num(1), this.text(1)])} ${r.of(['empty', 'notempty'])}`,
			() => (names.any.length ? `{${r.of(names.any)}} ${r.of(['empty', 'notempty'])}` : 'true'),
		])();
	}
}

// ---- questions ----

function label(r, names) {
	const plain = `${text(r)} ${r.below(100)}`.trim();
	const piped = names.any.length && r.chance(25) ? `${plain} {${r.of(names.any)}}` : plain;
	return r.chance(30) ? { en: piped, vi: `Câu ${piped}`, ar: `سؤال ${piped}` } : piped;
}

function choices(r, names, expressions) {
	const n = 2 + r.below(5), whole = r.chance(30);
	const list = Array.from({ length: n }, (_, i) => {
		const choice = { value: whole ? i + 1 : `c${i}`, label: label(r, { any: [] }) };
		if (r.chance(15))
			choice.visible_if = expressions.bool(1);
		if (r.chance(10))
			choice.image = r.of(['https://cdn.example/a.png?x=1&y=2', '/media/b.png']);
		if (r.chance(8))
			choice.enable_if = expressions.bool(1);
		if (r.chance(20))
			choice.code = i + 11;
		return choice;
	});
	if (r.chance(20))
		Object.assign(list.at(-1), { exclusive: true, fixed: true, role: r.of(['none', 'refused', 'dont_know', 'na']) });
	else if (r.chance(20))
		list.push({ value: whole ? 99 : 'oth', label: 'Other', role: 'other', fixed: true });
	return list;
}

const items = (r, names) => Array.from({ length: 1 + r.below(4) }, (_, i) => ({ name: `i${i}`, title: label(r, names) }));
const literalOf = (value) => (typeof value === 'string' ? `'${value}'` : String(value));

/** What an item of a multi_text may be besides a text. */
const typed = (r) => r.of([{}, { type: 'email' }, { max_length: 6 }, { pattern: '^[a-z]+$' }, { type: 'number', min: 0, max: 50, unit: 'kg' }, { type: 'number', subtype: 'integer' }, { type: 'date', min: '1980-01-01', max: 'today()' }, { type: 'time' }]);

const types = {
	single: (r, names, x) => ({ choices: choices(r, names, x), ...(r.chance(40) && { order: r.of(['random', 'rotate', 'reverse', 'asc', 'desc', 'least_filled']) }), ...(r.chance(30) && { display: r.of(['radio', 'dropdown', 'buttons', 'images', 'likert']) }) }),
	multi: (r, names, x) => ({ choices: choices(r, names, x), ...(r.chance(40) && { order: r.of(['random', 'rotate', 'asc', 'least_filled']) }), ...(r.chance(20) && { min_selected: 1 + r.below(2) }), ...(r.chance(30) && { max_selected: 2 + r.below(2) }), ...(r.chance(30) && { select_all: true }), ...(r.chance(30) && { display: r.of(['dropdown', 'buttons', 'images']) }) }),
	rank: (r, names, x) => ({ choices: choices(r, names, x), ...(r.chance(30) && { max_ranked: 2 }), ...(r.chance(20) && { order: 'random' }) }),
	boolean: (r, names) => (r.chance(50) ? { label_true: label(r, names), label_false: 'No' } : {}),
	consent: (r, names) => ({ text: `I agree to <b>${r.below(9)}</b> things` }),
	text: (r) => ({ ...(r.chance(20) && { multiline: true, rows: 2 + r.below(5) }), ...(r.chance(25) && { max_length: 1 + r.below(12) }), ...(r.chance(20) && { pattern: r.of(['^[a-z]+$', '[0-9]']) }), ...(r.chance(20) && { input: r.of(['email', 'url', 'tel']) }) }),
	number: (r) => ({ ...(r.chance(30) && { subtype: 'integer' }), ...(r.chance(40) && { min: -3, max: 50 + r.below(50) }), ...(r.chance(20) && { step: 0.5 }), ...(r.chance(20) && { unit: 'kg' }), ...(r.chance(15) && { decimals: r.below(4) }) }),
	date: (r) => (r.chance(40) ? { min: '1980-01-01', max: r.of(['2030-12-31', 'today()', "date_add(today(), 1, 'years')"]) } : {}),
	time: (r) => (r.chance(30) ? { min: '06:00', max: '22:30' } : {}),
	datetime: (r) => (r.chance(40) ? { min: '1980-01-01', max: r.of(['2030-12-31T12:00', 'now()']) } : {}),
	barcode: () => ({}),
	geopoint: (r) => (r.chance(40) ? { accuracy_m: 20 } : {}),
	file: (r) => ({ ...(r.chance(50) && { accept: r.of(['image/*', '.csv, application/pdf']) }), ...(r.chance(50) && { max_size_bytes: 5000 }), ...(r.chance(50) && { max_files: 2 }) }),
	photo: (r) => (r.chance(30) ? { max_files: 3 } : {}),
	audio: () => ({}),
	video: () => ({}),
	signature: () => ({}),
	rating: (r) => ({ ...(r.chance(20) ? { min: 0, max: 10, display: 'nps' } : { min: r.below(2), max: 5 + r.below(6), ...(r.chance(40) && { display: r.of(['numbers', 'stars', 'smileys']) }) }), ...(r.chance(30) && { labels: { 5: label(r, { any: [] }), 2: 'Two' } }) }),
	slider: (r) => ({ min: 0, max: 100, step: r.of([1, 5, 10]), ...(r.chance(30) && { labels: { 100: 'Much', 0: 'None', 12.5: label(r, { any: [] }) } }) }),
	matrix: (r, names, x) => {
		const cell = r.of(['single', 'single', 'multi', 'text', 'number']);
		const columns = Array.from({ length: 2 + r.below(3) }, (_, i) => ({ value: i + 1, label: label(r, { any: [] }), ...(i && r.chance(15) && { visible_if: x.bool(1) }), ...(r.chance(10) && { exclusive: true, role: 'none' }) }));
		return { rows: Array.from({ length: 1 + r.below(4) }, (_, i) => ({ value: `r${i}`, label: label(r, names), ...(r.chance(10) && { visible_if: x.bool(1) }) })), cell, ...(r.chance(15) && { rows: 'things' }),
			...(['single', 'multi'].includes(cell) && { columns }), ...(r.chance(40) && { row_order: r.of(['random', 'asc', 'rotate']) }), ...(r.chance(40) && { each_row_required: true }) };
	},
	multi_text: (r, names) => ({ items: items(r, names).map((item) => ({ ...item, ...typed(r), ...(r.chance(20) && { required: true }) })) }),
	allocation: (r, names) => ({ items: items(r, names), total: 100 }),
	note: (r, names) => ({ html: `<p>Note <em>${r.below(9)}</em>${names.any.length ? ` {${r.of(names.any)}}` : ''}</p>`, ...(r.chance(30) && { image: '/n.png' }) }),
};

function remember(names, q) {
	const values = (q.choices_from ? q.choices : LISTS[q.choice_list] ?? q.choices)?.map((c) => literalOf(c.value)) ?? [];
	const kind = { number: 'num', rating: 'num', slider: 'num', text: 'text', boolean: 'bool', consent: 'bool', date: 'date', datetime: 'date', barcode: 'text' }[q.type];
	if (kind)
		names[kind].push(q.name);
	if (q.type === 'single' && values.length)
		names.choice.push({ name: q.name, values });
	if (q.type === 'geopoint')
		names.num.push(`${q.name}.lat`, `${q.name}.accuracy_m`);
	if (q.type === 'matrix')
		(q.rows === 'things' ? LISTS.things : q.rows).forEach((row) => (q.cell === 'number' ? names.num : q.cell === 'text' ? names.text : q.cell === 'multi' ? [] : names.any).push(`${q.name}.${row.value}`));
	if (q.type === 'multi_text')
		q.items.forEach((item) => ({ number: names.num, date: names.date, time: names.any }[item.type] ?? names.text).push(`${q.name}.${item.name}`));
	if (q.type === 'multi' && values.length)
		names.set.push({ name: q.name, values });
	if (kind || ['single', 'multi', 'rank'].includes(q.type))
		names.any.push(q.name);
}

/** Lists that questions share; values of one are numbers. */
const LISTS = {
	things: [{ value: 't1', label: { en: 'One', vi: 'Một', ar: 'واحد' } }, { value: 't2', label: 'Two' }, { value: 't3', label: 'three', code: 7 }],
	scale: [{ value: 1, label: 'Low' }, { value: 2, label: 'Middle', image: '/m.png' }, { value: 3, label: 'High' }, { value: 9, label: 'No answer', role: 'refused', fixed: true, exclusive: true }],
};

/** Choices of a shared list, or those of an earlier question. */
function chooseElsewhere(r, q, names) {
	if (names.set.length && r.chance(60)) {
		Object.assign(q, { choices_from: r.of(names.set).name, ...(r.chance(70) && { choices_from_mode: r.of(['selected', 'unselected', 'all']) }) });
		q.choices = r.chance(50) ? [{ value: 'more', label: 'Something more' }] : undefined;
	} else {
		q.choice_list = r.of(['things', 'scale']);
	}
	if (!q.choices || q.choice_list)
		delete q.choices;
}

/** What a question takes whatever its type. */
function common(r, q, x, plain) {
	if (r.chance(8))
		q.description = label(r, x.names);
	if (r.chance(10))
		q.export = r.of([{ name: `X_${q.name}` }, { label: 'Exported' }, { skip: true }]);
	if (r.chance(5))
		q.tags = ['a tag'];
	if (q.required && r.chance(20))
		q.required_message = label(r, { any: [] });
	if (r.chance(15) && plain !== undefined)
		q.default = plain;
}

/** First values, by type. */
const firsts = (r, q) => ({ single: q.choices?.[0].value, multi: q.choices && !q.choices_from && !q.min_selected ? [q.choices[0].value] : undefined, boolean: r.chance(50), text: q.pattern || q.max_length || q.input ? undefined : 'first',
	number: q.decimals === undefined ? 12 : undefined, date: '2024-02-29', time: '08:30', rating: 3, slider: 50 })[q.type];

function question(r, name, names) {
	const x = new Expressions(r, names), type = r.of(Object.keys(types));
	const q = { type, name, ...types[type](r, names, x) };
	if (q.choices && r.chance(25))
		chooseElsewhere(r, q, names);
	if (type !== 'note')
		q.title = label(r, names);
	if (r.chance(10))
		q.media = q.image ? undefined : r.of([{ image: 'a.png' }, { audio: '/a.mp3', video: 'https://cdn.example/v.mp4' }]);
	if (r.chance(30))
		q.visible_if = x.bool(2);
	if (type === 'note')
		return q;
	if (r.chance(40))
		q.required = true;
	else if (r.chance(15))
		q.required_if = x.bool(1);
	if (r.chance(10))
		q[r.of(['pii', 'encrypted'])] = true;
	const first = { number: 'num', text: 'text' }[type];
	if (first && r.chance(25))
		q.default_expression = x[first](1);
	common(r, q, x, q.default_expression ? undefined : firsts(r, q));
	if (r.chance(q.default_expression ? 25 : 2))
		q.read_only = true;
	if (r.chance(12))
		q.enable_if = x.bool(1);
	if (q.choices && !q.choices_from && r.chance(20))
		q.choice_filter = r.of(typeof q.choices[0].value === 'number' ? ['{choice.value} > 1', '{choice.value} != 2', `{choice.value} <= ${x.num(1)}`, '{choice.code} empty'] : ["{choice.value} != 'c1'", '{choice.code} empty or {choice.code} > 11', x.bool(1)]);
	if (['number', 'slider'].includes(type) && r.chance(20))
		q.validators = [{ expression: `{.} ${r.of(['<', '!='])} ${x.num(1)}`, message: label(r, names) }];
	return q;
}

const noNames = () => ({ num: [], text: [], bool: [], date: [], choice: [], set: [], any: [], records: [], counts: [], loose: [] });

/** Records: over what was chosen, over a number, or as many as the respondent adds. */
function roster(r, name, names) {
	const over = r.below(3), q = { type: 'roster', name, title: label(r, names), max: 1 + r.below(4), questions: [] };
	const inner = Object.fromEntries(Object.entries(names).map(([kind, list]) => [kind, [...list]]));
	if (over === 0 && names.set.length) {
		Object.assign(q, { over: `{${r.of(names.set).name}}`, item_title: 'About {item.label}', ...(r.chance(50) && { order: r.of(['random', 'least_filled']) }) });
		inner.text.push('item.label');
		inner.any.push('item.label');
	} else if (over === 1 && names.num.length) {
		q.over = `{${r.of(names.num)}}`;
	} else {
		Object.assign(q, { min: r.below(2), ...(r.chance(50) && { item_title: 'Record {@index} of {@count}' }), ...(r.chance(30) && { key: 'x0' }) });
	}
	inner.counts.push('@index', '@count');
	for (let i = 0, many = 1 + r.below(3); i < many; i++) {
		const record = noNames(), asked = question(r, `x${i}`, inner);
		delete asked.pii;
		delete asked.encrypted;
		remember(record, { ...asked, name: `row.x${i}` });
		Object.entries(record).forEach(([kind, list]) => inner[kind].push(...list));
		q.questions.push(asked);
		if (['number', 'rating', 'slider'].includes(asked.type))
			names.num.push(`${name}[0].x${i}`), names.records.push(`${name}[].x${i}`);
	}
	if (q.key && q.questions[0].type !== 'text')
		delete q.key;
	return q;
}

/** A definition: pages, calculated values, rules, an outcome or two. */
export function generateDefinition(r) {
	const names = noNames(), x = new Expressions(r, names), loose = r.chance(12);
	if (loose)
		names.loose.push('yes');
	names.num.push('@wave');
	const pages = [], calculated = [], rules = [], quotas = [];
	let n = 0;
	for (let p = 0, last = 1 + r.below(5); p < last; p++) {
		const page = { name: `p${p}`, questions: [], ...(p && r.chance(20) && { visible_if: x.bool(2) }), ...(r.chance(15) && { order: r.of(['random', 'rotate', 'reverse', 'least_filled']) }) };
		const asked = [], before = structuredClone(names);
		for (let i = 0, many = 1 + r.below(6); i < many; i++) {
			asked.push(question(r, `q${n++}`, names));
			if (!page.order)
				remember(names, asked.at(-1));
		}
		if (page.order)
			asked.forEach((q) => remember(names, q));
		page.questions = r.chance(15) ? [{ type: 'group', name: `g${p}`, title: label(r, names), ...(page.order && { order: 'random' }), ...(r.chance(20) && { visible_if: new Expressions(r, before).bool(1) }), questions: asked }] : asked;
		if (r.chance(20))
			page.questions.push(roster(r, `r${p}`, names));
		pages.push(page);
		if (r.chance(40)) {
			const kind = r.of(['num', 'text', 'bool']);
			calculated.push({ name: `k${p}`, type: { num: 'number', text: 'text', bool: 'boolean' }[kind], expression: x[kind](3), export: r.chance(70) });
			names[kind].push(`k${p}`);
		}
		if (r.chance(20))
			rules.push(p + 2 < last && r.chance(40) ? { when: x.bool(2), do: 'skip_to', target: `p${p + 2}` } : { when: x.bool(2), do: 'end', outcome: 'screened_out' });
		if (r.chance(20))
			quotas.push({ name: `u${p}`, cells: Array.from({ length: 1 + r.below(3) }, (_, i) => ({ name: `c${i}`, when: x.bool(1), limit: 1 + r.below(9) })), ...(r.chance(50) && { on_full: { outcome: 'full' } }) });
	}
	const piped = names.any.length ? `{${r.of(names.any)}}` : 'x';
	return { schema_version: '1.0', survey: {
		title: 'Generated', language: r.chance(90) ? 'en' : 'ar', languages: ['en', 'vi', 'ar'], settings: { progress: r.of(['pages', 'questions', 'none']), show_back: r.chance(60), ...(loose && { compat: 'surveyjs' }) },
		parameters: [{ name: 'pid', type: 'text', export: true }, { name: 'wave', type: 'number' }, { name: 'since', type: 'date', export: true }, { name: 'vip', type: 'boolean' }], choice_lists: LISTS, calculated, pages, rules, ...(quotas.length && { quotas }),
		outcomes: { ...(quotas.length && { full: { html: '<p>Full</p>' } }), completed: { html: `<p>Thanks ${piped}</p>` }, screened_out: { redirect: `https://panel.example/done?st=2&pid={@pid}&v=${piped}` } } } };
}

// ---- answers to any definition, whoever wrote it ----

/** All questions of a definition by page, those of groups among them. */
export function questionsByPage(definition) {
	const flat = (list) => (Array.isArray(list) ? list : []).flatMap((q) => (q.type === 'group' ? flat(q.questions) : [q]));
	return (definition.survey?.pages ?? []).map((page) => flat(page.questions));
}

export function randomAnswer(r, q, lists = {}) {
	if (r.chance(12))
		return undefined;
	if (r.chance(8))
		return r.of([null, true, 'nonsense', 3, -1.5, [], ['c0', 'c0'], { r0: 'zz' }, '', { '': 1 }, r.number(), text(r)]);
	const valuesOf = (list) => (typeof list === 'string' ? lists[list] ?? [] : Array.isArray(list) ? list : []).map((c) => c.value ?? c);
	const values = valuesOf(q.choices).concat(valuesOf(q.choice_list));
	const rows = valuesOf(q.rows), columns = valuesOf(q.columns);
	switch (q.type) {
	case 'single': return values.length ? r.of(values) : text(r);
	case 'multi': return r.some(values, 40);
	case 'rank': return r.some(values, 70).sort(() => r.below(3) - 1);
	case 'boolean': return r.chance(50);
	case 'consent': return true;
	case 'text': case 'barcode': return text(r);
	case 'number': return r.chance(60) ? r.below(60) : r.number();
	case 'rating': return (q.min ?? 1) + r.below((q.max ?? 5) - (q.min ?? 1) + 1);
	case 'slider': return r.below(11) * 10;
	case 'date': return r.of(DATES);
	case 'time': return r.of(['08:30', '23:59:59', '00:00']);
	case 'datetime': return `${r.of(DATES)}${r.of(['T10:00:00Z', 'T23:59', ' 00:00:30', 'T01:00:00.5+07:00'])}`;
	case 'geopoint': return { lat: r.chance(80) ? r.below(181) - 90 : r.number(), lon: r.below(361) - 180, ...(r.chance(50) && { accuracy_m: r.below(40) }) };
	case 'file': case 'photo': case 'audio': case 'video': case 'signature':
		return Array.from({ length: 1 + r.below(3) }, (_, i) => ({ id: `f${r.chance(90) ? i : 0}`, name: r.of(['a.CSV', 'photo.jpg', text(r)]), type: r.of(['image/png', 'text/csv', 'video/mp4', 'application/pdf']), size_bytes: r.below(9000) }));
	case 'matrix': return Object.fromEntries(r.some(typeof q.rows === 'string' && !rows.length ? ['t1'] : rows, 80).map((row) => [row, q.cell === 'multi' ? r.some(columns, 40) : q.cell === 'text' ? text(r) : q.cell === 'number' ? r.number() : r.of([...columns, 1])]));
	case 'multi_text': return Object.fromEntries((q.items ?? []).map((item) => [item.name, r.chance(10) ? text(r) : randomAnswer(r, { choices: [], ...item, type: ['number', 'date', 'time'].includes(item.type) ? item.type : 'text' }, lists)]).filter(([, value]) => value !== undefined));
	case 'allocation': {
		const shares = (q.items ?? []).map((item) => [item.name, 0]);
		for (let left = 100; shares.length && left > 0; left -= 25)
			r.of(shares)[1] += 25;
		return Object.fromEntries(shares);
	}
	case 'roster':
		return Array.from({ length: r.below(4) }, () => Object.fromEntries((q.questions ?? []).map((inner) => [inner.name, randomAnswer(r, inner, lists)])
			.concat(r.chance(70) ? [['_item', r.chance(60) ? `c${r.below(5)}` : r.below(5)]] : []).filter(([, value]) => value !== undefined)));
	default: return r.of([1, 'x', [], {}]);
	}
}

/** What comes from outside. */
export const randomParameters = (r) => ({ ...(r.chance(50) && { pid: 'A<7' }), ...(r.chance(50) && { wave: r.of([3, '4', -1.5]) }), ...(r.chance(30) && { since: r.of(DATES) }), ...(r.chance(20) && { vip: r.of([true, 'false', 'x']) }) });

/** Which cells of quotas are full, and how many each has. */
export function randomQuotas(r, definition) {
	const cells = (definition.survey.quotas ?? []).flatMap(({ name, cells: list }) => list.map((cell) => ({ quota: name, cell: cell.name })));
	return { full: r.some(cells, 20), filled: cells.map(() => r.below(10)) };
}

/** From page to page as respondents go, some of them back and forth, in other languages, with answers out of turn. */
export function randomEvents(r, pages, lists = {}, languages = ['en']) {
	const events = [], all = pages.flat();
	for (let page = 0; page < pages.length + 2 && page < 8; page++) {
		for (const q of pages[page] ?? []) {
			const value = randomAnswer(r, q, lists);
			if (value !== undefined && q.type !== 'note')
				events.push({ answer: q.name, value });
			if (r.chance(5) && q.choices?.some((choice) => choice.role === 'other'))
				events.push({ answer: `${q.name}_other`, value: r.of(['something', '', 7, null]) });
		}
		if (r.chance(10) && all.length)
			events.push({ answer: r.of(all).name, value: null });
		if (r.chance(8))
			events.push({ language: r.of(languages) });
		if (r.chance(10))
			events.push({ page: 'back' });
		events.push({ page: 'next' });
	}
	return events;
}
