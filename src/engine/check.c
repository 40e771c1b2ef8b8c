/* check.c - names, references between parts, and every formula and text of the survey. check_question.c does the questions. */
#include "engine/check.h"
#include "base/hash.h"
#include "base/limits.h"

void check_formula(struct def *d, struct formula *f, const struct scope *scope, uint32_t wanted)
{
	if (!f->at)
		return;
	if (d->compat == COMPAT_SURVEYJS) {
		f->tree = expr_loose(&d->diags, f->at, f->source, scope, wanted);
		return;
	}
	f->tree = expr_parse(&d->diags, f->at, f->source);
	if (f->tree && !expr_check(&d->diags, f->at, f->source, f->tree, scope, wanted))
		f->tree = NULL;
}

/* ---- names ---- */

struct names {
	struct def *d;
	struct str *table;
	uint32_t size;
};

static bool names_init(struct names *n, struct def *d, uint32_t count)
{
	*n = (struct names){.d = d, .size = 16};
	while (n->size < 4 * count)
		n->size *= 2;
	n->table = arena_array(d->a, struct str, n->size);
	d->diags.memory |= !n->table;
	return n->table != NULL;
}

static void names_add(struct names *n, struct str name, const struct where *at, const char *what)
{
	uint32_t slot = 0;

	if (!name.n)
		return;
	for (size_t i = 0; i < name.n; i++)
		slot = slot * 31 + (uint32_t)(name.p[i] | 32);
	slot = slot * 0x9e3779b9u >> 7 & (n->size - 1);
	for (; n->table[slot].n; slot = (slot + 1) & (n->size - 1)) {
		if (!str_eq_nocase(n->table[slot], name))
			continue;
		at = where_key(&n->d->diags, at, S("name"));
		if (str_eq(n->table[slot], name))
			diag(&n->d->diags, D_DUPLICATE_NAME, at, name, str_from(what));
		else
			diag(&n->d->diags, D_CASE_NAME, at, name, n->table[slot]);
		return;
	}
	n->table[slot] = name;
}

bool def_has_other(const struct def_choices *list)
{
	const struct def_choices *own = list->shared ? list->shared : list;

	for (uint32_t i = 0; i < own->count; i++)
		if (own->list[i].role == ROLE_OTHER)
			return true;
	return false;
}

static struct str other_name(struct def *d, struct str name)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, d->a, 128);
	buf_add(&b, name);
	buf_add(&b, S("_other"));
	d->diags.memory |= buf_done(&b, &out) == ERR_MEMORY;
	return out;
}

static void names_of(struct names *n, const struct def_question *roster)
{
	const struct def *d = n->d;

	for (uint32_t i = 0; i < d->question_count; i++)
		if (d->questions[i].roster == roster)
			names_add(n, d->questions[i].name, d->questions[i].at, "question or calculated value");
}

static void other_names_of(struct names *n, const struct def_question *roster)
{
	struct def *d = n->d;

	for (uint32_t i = 0; i < d->question_count; i++)
		if (d->questions[i].roster == roster && def_has_other(&d->questions[i].choices) &&
		    (type_rows[d->questions[i].type].groups & P_CHOICES))
			names_add(n, other_name(d, d->questions[i].name), d->questions[i].at,
			    "question: the text of `other` is stored under it");
}

/* Questions, texts of their `other` choices and calculated values share one scope: the keys of the stored answers. The
 * records of a roster are a scope of their own. */
static void check_names(struct def *d)
{
	struct names variables, params, pages;

	if (!names_init(&variables, d, 2 * d->question_count + d->calc_count) ||
	    !names_init(&params, d, d->param_count) || !names_init(&pages, d, d->page_count))
		return;
	names_of(&variables, NULL);
	for (uint32_t i = 0; i < d->calc_count; i++)
		names_add(&variables, d->calcs[i].name, d->calcs[i].at, "question or calculated value");
	other_names_of(&variables, NULL);
	for (uint32_t i = 0; i < d->question_count; i++)
		if (d->questions[i].type == Q_roster && names_init(&variables, d, 2 * d->questions[i].span + 1)) {
			names_add(&variables, S("_item"), NULL, "");
			names_of(&variables, &d->questions[i]);
			other_names_of(&variables, &d->questions[i]);
		}
	for (uint32_t i = 0; i < d->param_count; i++)
		names_add(&params, d->params[i].name, d->params[i].at, "parameter");
	for (uint32_t i = 0; i < d->page_count; i++)
		names_add(&pages, d->pages[i].name, d->pages[i].at, "page");
}

/* ---- the survey around the questions ---- */

static void check_choices_texts(struct def *d, struct def_choices *list)
{
	const struct scope scope = {.def = d, .pages = PAGES_ALL};

	for (uint32_t i = 0; i < list->count; i++) {
		struct def_choice *c = &list->list[i];

		if (!c->label.at)
			diag(&d->diags, D_LABEL_MISSING, c->at, S(""), S(""));
		check_text(d, &c->label, &scope);
		check_text(d, &c->image, &scope);
		check_formula(d, &c->visible_if, &scope, K(V_BOOL));
		check_formula(d, &c->enable_if, &scope, K(V_BOOL));
		expr_loose_choice(c->visible_if.tree);
		expr_loose_choice(c->enable_if.tree);
	}
}

static void check_rule(struct def *d, struct def_rule *r)
{
	const struct scope scope = {.def = d, .pages = PAGES_ALL};

	check_formula(d, &r->when, &scope, K(V_BOOL));
	for (uint32_t i = 0; r->outcome_name.p && i < d->outcome_count; i++)
		if (str_eq(d->outcomes[i].name, r->outcome_name))
			r->outcome = &d->outcomes[i];
	for (uint32_t i = 0; r->target_name.p && i < d->page_count; i++)
		if (str_eq(d->pages[i].name, r->target_name))
			r->target = &d->pages[i];
	if (r->outcome_name.p && !r->outcome)
		diag(&d->diags, D_UNKNOWN_OUTCOME, where_key(&d->diags, r->at, S("outcome")), r->outcome_name, S(""));
	if (r->target_name.p && !r->target)
		diag(&d->diags, D_UNKNOWN_PAGE, where_key(&d->diags, r->at, S("target")), r->target_name, S(""));
	if (r->target && r->target->index == 0)
		diag(&d->diags, D_BAD_TARGET, where_key(&d->diags, r->at, S("target")), r->target_name, S(""));
}

static void check_around(struct def *d)
{
	const struct scope any = {.def = d, .pages = PAGES_ALL};

	check_text(d, &d->title, &any);
	check_text(d, &d->description, &any);
	for (uint32_t i = 0; i < d->list_count; i++)
		check_choices_texts(d, &d->lists[i].choices);
	for (uint32_t i = 0; i < d->calc_count; i++)
		check_formula(d, &d->calcs[i].expression, &any, K(d->calcs[i].kind));
	for (uint32_t i = 0; i < d->page_count; i++) {
		struct def_page *p = &d->pages[i];
		const struct scope before = {.def = d, .pages = i}, here = {.def = d, .pages = i + 1};

		check_formula(d, &p->visible_if, &before, K(V_BOOL));
		check_text(d, &p->title, &here);
		check_text(d, &p->description, &here);
	}
	for (uint32_t i = 0; i < d->rule_count; i++)
		check_rule(d, &d->rules[i]);
	check_quotas(d);
	for (uint32_t i = 0; i < d->outcome_count; i++) {
		check_text(d, &d->outcomes[i].html, &any);
		check_text(d, &d->outcomes[i].redirect, &any);
	}
}

enum err def_check(struct def *d)
{
	uint32_t answered = 0;

	if (!def_index(d))
		return ERR_MEMORY;
	check_names(d);
	check_sources(d);
	for (uint32_t i = 0; i < d->question_count; i++) {
		answered += !d->questions[i].left_out;
		check_question(d, &d->questions[i]);
	}
	check_around(d);
	check_exports(d);
	if (!answered && !d->diags.errors)
		diag(&d->diags, D_NO_QUESTIONS, d->at, S(""), S(""));
	return d->diags.memory ? ERR_MEMORY : OK;
}
