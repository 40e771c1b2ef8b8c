// Random surveys about which much can be proved: those of generate.mjs with small ranges, and conditions over answers and literals that often
// never or always hold, alone or after what stands before them.
import { generateDefinition } from './generate.mjs';

const quoted = (value) => (typeof value === 'string' ? `'${value}'` : String(value));

export class Decidable {
	constructor(r) {
		this.r = r;
		this.asked = []; // questions that conditions may look at
	}

	// ---- conditions ----

	atom() {
		const { r } = this, q = r.of(this.asked);
		if (!q || r.chance(8))
			return r.of(["{@pid} = 'x'", '{@wave} > 2', '{@wave} <= 2', '{@pid} notempty', 'true']);
		const name = `{${q.name}}`;
		if (r.chance(12))
			return `${name} ${r.of(['empty', 'notempty'])}`;
		const values = (q.choices ?? []).map((c) => quoted(c.value)), list = () => `[${[r.of(values), ...r.some(values, 40)].join(', ')}]`;
		switch (q.type) {
		case 'single':
			return r.of([() => `${name} ${r.of(['=', '!='])} ${r.of(values)}`, () => `${name} in ${list()}`, () => `${name} ${r.of(['anyof', 'noneof'])} ${list()}`,
				...(typeof q.choices[0].value === 'number' ? [() => `${name} ${r.of(['<', '<=', '>', '>='])} ${r.below(8)}`] : [])])();
		case 'multi':
			return r.of([() => `${name} ${r.of(['contains', 'notcontains'])} ${r.of(values)}`, () => `${name} ${r.of(['anyof', 'allof', 'noneof'])} ${list()}`,
				() => `count_selected(${name}) ${this.order()} ${r.below(5)}`])();
		case 'boolean': case 'consent':
			return r.of([name, `!${name}`, `${name} = false`, `${name} != true`]);
		case 'text':
			return `${name} ${r.of(['=', '!='])} ${r.of(["'a'", "'the'", "'price'"])}`;
		case 'date':
			return `${name} ${this.order()} '${r.of(['1979-12-31', '1980-01-01', '2000-06-15', '2030-12-31', '2031-01-01'])}'`;
		default:
			return r.of([() => `${name} ${this.order()} ${this.near(q)}`, () => `${this.near(q)} ${this.order()} ${name}`, () => `${name} + 1 ${this.order()} ${this.near(q)}`,
				() => `coalesce(${name}, 0) ${this.order()} ${this.near(q)}`, () => `-${name} < ${this.near(q)}`, () => `${name} * 2 - 1 ${this.order()} ${this.near(q)}`])();
		}
	}

	order() {
		return this.r.of(['=', '!=', '<', '<=', '>', '>=']);
	}

	/** A number at, in or beyond the question's limits. */
	near(q) {
		const low = q.min ?? (q.type === 'rating' ? 1 : 0), high = q.max ?? low + 10;
		return String(this.r.of([low - 1, low, low + 1, low + 0.5, high, high + 1, high - 1, this.r.below(10)]));
	}

	condition(depth = 2) {
		const { r } = this;
		if (depth <= 0 || r.chance(40))
			return this.atom();
		return r.of([
			() => `(${this.condition(depth - 1)} ${r.of(['and', 'or', 'and'])} ${this.condition(depth - 1)})`,
			() => `!(${this.condition(depth - 1)})`,
			() => `iif(${this.condition(depth - 1)}, ${this.condition(depth - 1)}, ${this.condition(depth - 1)})`,
			() => { const a = this.atom(); return `(${a} and ${r.of([`!(${a})`, a, this.atom()])})`; },
			() => { const a = this.atom(); return `(${a} or ${r.of([`!(${a})`, a, this.atom()])})`; },
		])();
	}

	// ---- surveys ----

	question(q) {
		const { r } = this;
		delete q.default; // made for the limits of before
		if (['number', 'slider'].includes(q.type) && r.chance(60)) {
			Object.assign(q, { type: 'number', min: r.below(4) - 1, max: 3 + r.below(5), ...(r.chance(70) && { subtype: 'integer' }) });
			delete q.step;
			delete q.labels;
			if (r.chance(15))
				q.step = r.of([1, 2, 0.5]);
		}
		if (q.type === 'text' && r.chance(50))
			q.max_length = 1 + r.below(6);
		if (q.type !== 'note' && r.chance(40))
			q.required = true;
		for (const key of ['visible_if', 'enable_if', 'required_if'])
			if (key in q ? r.chance(70) : r.chance({ visible_if: 20, enable_if: 6, required_if: 6 }[key]) && !(q.required && key === 'required_if') && (q.type !== 'note' || key === 'visible_if'))
				q[key] = this.condition();
		for (const c of q.choices ?? (Array.isArray(q.rows) ? q.rows : []))
			if (r.chance(12))
				c.visible_if = this.condition(1);
		if (['number', 'rating'].includes(q.type) && r.chance(10))
			q.validators = [{ expression: `{.} ${this.order()} ${this.near(q)}`, message: 'x' }];
		if (q.type === 'multi' && r.chance(15))
			q.min_selected = 2;
		if (q.min_selected > q.max_selected)
			delete q.max_selected;
		if (['number', 'boolean', 'consent', 'text', 'date', 'rating', 'slider'].includes(q.type) || (['single', 'multi'].includes(q.type) && q.choices?.length))
			this.asked.push(q);
	}

	carriesForward(page) {
		const { r } = this, from = r.of(this.asked.filter((q) => q.type === 'multi'));
		if (from && !page.order && r.chance(25)) {
			const q = { type: r.of(['single', 'multi']), name: `f_${page.name}`, title: 'Forward', choices_from: from.name, choices_from_mode: r.of(['selected', 'unselected', 'all']), ...(r.chance(50) && { required: true }) };
			page.questions.push(q);
			this.asked.push({ ...q, choices: from.choices });
		}
	}

	quota(i) {
		const { r } = this;
		const cells = Array.from({ length: 1 + r.below(4) }, (_, k) => ({ name: `c${k}`, when: this.condition(r.below(2)), limit: 1000000 }));
		return { name: `w${i}`, cells, on_full: { outcome: 'full' } };
	}

	definition() {
		const { r } = this;
		let definition;
		do
			definition = generateDefinition(r);
		while (definition.survey.settings.compat || JSON.stringify(definition).includes('random(')); // nothing is claimed of those; a draw goes by its place in the program, and twins differ
		const { survey } = definition;
		const names = survey.pages.map((p) => p.name);
		const rules = [], quotas = [];
		survey.pages.forEach((page, at) => {
			if (r.chance(25))
				page.visible_if = this.condition();
			for (const q of page.questions) {
				if (q.type === 'group') {
					if (r.chance(25))
						q.visible_if = this.condition(1);
					if (r.chance(15))
						q.enable_if = this.condition(1);
				}
				if (q.type !== 'roster')
					(q.questions ?? [q]).forEach((inner) => !page.order && this.question(inner));
			}
			this.carriesForward(page);
			if (r.chance(30)) {
				const k = { name: `d${at}`, type: 'boolean', expression: this.condition() };
				survey.calculated.push(k);
				this.asked.push({ type: 'boolean', name: k.name });
			}
			if (r.chance(35) && at < names.length - 1)
				rules.push(r.chance(50) ? { when: this.condition(1), do: 'end', outcome: r.of(['screened_out', 'screened_out', 'completed']) } : { when: this.condition(1), do: 'skip_to', target: r.of(names.slice(at + 1)) });
			if (r.chance(35))
				quotas.push(this.quota(at));
		});
		survey.rules = r.chance(70) ? rules : [...rules, ...survey.rules];
		survey.quotas = [...(r.chance(30) ? (survey.quotas ?? []).map((q) => ({ ...q, cells: q.cells.map((c) => ({ ...c, limit: 1000000 })) })) : []), ...quotas];
		survey.outcomes.full ??= { html: '<p>Full</p>' };
		return definition;
	}
}
