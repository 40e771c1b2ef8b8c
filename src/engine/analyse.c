/* analyse.c - conditions of pages, questions and choices, in the order in which an interview meets them. */
#include "engine/analyse.h"

static void say(struct analysis *a, enum diag kind, const struct formula *f, const struct node *n, struct str what)
{
	diag_span(&a->d->diags, kind, f->at, (struct span){f->source, n->from, n->to},
	    (const struct str[3]){what, S(""), S("")});
}

static bool never(struct analysis *a, const struct node *n, bool want, struct place p)
{
	const struct goal goal = {p.given, n, want, p.pages};

	return solve(&a->solver, &goal, p.passed) == FOUND_NEVER;
}

/* Of the parts of an `or`, those that never hold: the others hide it. */
static void parts(struct analysis *a, const struct formula *f, const struct node *n, struct place alone)
{
	if (n->kind != N_BINARY || n->op != O_OR)
		return;
	for (uint32_t i = 0; i < 2; i++)
		if (never(a, n->args[i], true, alone))
			say(a, D_CONSTANT, f, n->args[i], S("false"));
		else
			parts(a, f, n->args[i], alone);
}

enum verdict_of_condition analyse_condition(struct analysis *a, const struct formula *f, struct place place)
{
	struct place alone = {NULL, place.pages, place.passed};
	bool free_self = a->solver.free_self, always;

	if (!f->tree)
		return CONDITION_OPEN;
	if (never(a, f->tree, true, alone)) {
		say(a, D_CONSTANT, f, f->tree, S("false"));
		return CONDITION_NEVER;
	}
	a->solver.free_self = true;
	always = never(a, f->tree, false, alone);
	a->solver.free_self = free_self;
	if (always) {
		say(a, D_CONSTANT, f, f->tree, S("true"));
		return CONDITION_ALWAYS;
	}
	parts(a, f, f->tree, alone);
	analyse_branches(a, f, place.passed);
	return place.given && never(a, f->tree, true, place) ? CONDITION_NEVER_HERE : CONDITION_OPEN;
}

/* ---- iif ---- */

struct branching {
	struct analysis *a;
	const struct formula *f;
	uint32_t passed; /* as solve() has it */
};

static void branches(const struct branching *b, const struct node *n, const struct goal *given)
{
	if (n->kind == N_IIF) {
		const struct node *c = n->args[0];
		const struct goal yes = {given, c, true, PAGES_ALL}, no = {given, c, false, PAGES_ALL};

		branches(b, c, given);
		if (solve(&b->a->solver, &yes, b->passed) == FOUND_NEVER)
			say(b->a, D_CONSTANT, b->f, c, S("false"));
		else if (!given && solve(&b->a->solver, &no, b->passed) == FOUND_NEVER)
			say(b->a, D_CONSTANT, b->f, c, S("true"));
		branches(b, n->args[1], &yes);
		branches(b, n->args[2], &no);
		return;
	}
	for (uint32_t i = 0; i < n->count; i++)
		branches(b, n->args[i], given);
}

void analyse_branches(struct analysis *a, const struct formula *f, uint32_t passed)
{
	const struct branching b = {a, f, passed};

	if (f->tree)
		branches(&b, f->tree, NULL);
}

/* ---- references that come too early ---- */

enum {
	PAGE_ANY = 1,		/* it looks at something that is there from the start: as early as the first page */
	PAGE_NONE = UINT32_MAX, /* at nothing */
	CALCS_DEEP = 64		/* values of values: further down nothing is said */
};

struct earliest {
	uint32_t first_page, depth;
};

static void look(void *ctx, const struct node *n)
{
	struct earliest *l = ctx;
	uint32_t page = PAGE_ANY;

	if (n->reference == R_CALC) {
		struct def_calc *c = n->calc;

		if (!c->first_page && l->depth < CALCS_DEEP) {
			struct earliest inside = {PAGE_NONE, l->depth + 1};

			node_references(c->expression.tree, look, &inside);
			c->first_page = inside.first_page;
		}
		page = c->first_page ? c->first_page : PAGE_ANY;
	} else if (n->question && n->reference != R_GONE) {
		page = n->question->page->index + 1;
	}
	l->first_page = page < l->first_page ? page : l->first_page;
}

struct early {
	struct analysis *a;
	const struct formula *f;
	uint32_t pages;
};

/* A calculated value that looks at nothing but later pages is always the same here. */
static void early(void *ctx, const struct node *n)
{
	const struct early *e = ctx;
	struct earliest l = {PAGE_NONE, 0};

	if (n->reference != R_CALC)
		return;
	look(&l, n);
	if (l.first_page != PAGE_NONE && l.first_page > e->pages && l.first_page > PAGE_ANY)
		say(e->a, D_LATER_PAGE, e->f, n, n->calc->name);
}

static bool too_early(struct analysis *a, const struct formula *f, uint32_t pages)
{
	struct early e = {a, f, pages};
	size_t errors = a->d->diags.errors;

	node_references(f->tree, early, &e);
	return a->d->diags.errors > errors;
}

/* ---- pages, questions, choices ---- */

static const struct goal *given(struct analysis *a, const struct goal *before, const struct node *n, struct place p)
{
	struct goal *g;

	if (!n)
		return before;
	if (!(g = arena_new(a->d->a, struct goal))) {
		a->d->diags.memory = true;
		return before;
	}
	*g = (struct goal){before, n, true, p.pages};
	return g;
}

bool analyse_left(const struct analysis *a, uint32_t pages)
{
	static const uint32_t hollow = 1u << Q_group | 1u << Q_roster | 1u << Q_matrix | 1u << Q_multi_text |
				       1u << Q_allocation; /* they may have nothing to show */

	for (uint32_t i = 0; i < a->d->question_count; i++) {
		const struct def_question *q = &a->d->questions[i];

		if (q->page->index < pages && !(hollow >> q->type & 1) && question_always_shown(a->d, q))
			return true;
	}
	return false;
}

/* When a page is reached, no rule has ended the interview or jumped over the page. A jump to here or before hides what the rules
 * after it would have done. */
static const struct goal *rules_before(struct analysis *a, uint32_t page)
{
	const struct goal *list = NULL;

	for (uint32_t i = 0; analyse_left(a, page) && i < a->d->rule_count; i++) {
		const struct def_rule *r = &a->d->rules[i];

		if (r->target && r->target->index <= page)
			break;
		if (!r->when.tree)
			continue;
		a->before[i] = (struct goal){list, r->when.tree, false, page};
		list = &a->before[i];
	}
	return list;
}

static void unreached(struct analysis *a, const struct where *at, const struct formula *f, struct str what)
{
	const struct str args[3] = {what, S(""), S("")};

	if (f->tree)
		say(a, D_NEVER_SHOWN, f, f->tree, what);
	else
		diag_span(&a->d->diags, D_NEVER_SHOWN, at, (struct span){{NULL, 0}, 0, 0}, args);
}

static void analyse_list(struct analysis *a, const struct def_choices *list, struct place p, struct str what)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (analyse_condition(a, &list->list[i].visible_if, p) == CONDITION_NEVER_HERE)
			unreached(a, list->list[i].at, &list->list[i].visible_if, what);
}

static void analyse_validators(struct analysis *a, const struct def_question *q, struct place p)
{
	p.given = NULL;
	a->solver.self = q;
	for (uint32_t i = 0; i < q->validator_count; i++)
		analyse_condition(a, &q->validators[i].expression, p);
	a->solver.self = NULL;
}

/* What holds around a question: its page is shown, and all that it lies in. */
static const struct goal *around(struct analysis *a, const struct def_question *q, struct place p)
{
	for (const struct def_question *up = q->parent; up; up = up->parent)
		p.given = given(a, p.given, up->visible_if.tree, p);
	return p.given;
}

static void analyse_question(struct analysis *a, struct def_question *q, struct place p)
{
	enum verdict_of_condition v;

	if (q->left_out || too_early(a, &q->visible_if, p.pages) || too_early(a, &q->required_if, p.pages))
		return;
	p.given = around(a, q, p);
	v = q->parent && a->solver.never[q->parent->index] ? CONDITION_NEVER : analyse_condition(a, &q->visible_if, p);
	if (v == CONDITION_NEVER_HERE)
		unreached(a, q->at, &q->visible_if, S("question"));
	a->solver.never[q->index] = v == CONDITION_NEVER || v == CONDITION_NEVER_HERE;
	if (a->solver.never[q->index])
		return;
	p.given = given(a, p.given, q->visible_if.tree, p);
	if (analyse_condition(a, &q->required_if, p) == CONDITION_NEVER_HERE)
		say(a, D_CONSTANT, &q->required_if, q->required_if.tree, S("false"));
	analyse_validators(a, q, p);
	analyse_list(a, &q->choices, p, S("choice"));
	analyse_list(a, &q->rows, p, S("row"));
	analyse_branches(a, &q->first_expression, p.passed);
}

static void analyse_page(struct analysis *a, const struct def_page *page)
{
	struct place p = {rules_before(a, page->index), page->index, page->index};
	bool gone = false;

	if (too_early(a, &page->visible_if, page->index))
		return;
	if (page->visible_if.tree) {
		enum verdict_of_condition v = analyse_condition(a, &page->visible_if, p);

		gone = v == CONDITION_NEVER || v == CONDITION_NEVER_HERE;
		if (v == CONDITION_NEVER_HERE)
			unreached(a, page->at, &page->visible_if, S("page"));
		p.given = given(a, p.given, page->visible_if.tree, p);
	} else if (p.given && solve(&a->solver, p.given, p.passed) == FOUND_NEVER) {
		gone = true;
		unreached(a, page->at, &page->visible_if, S("page"));
	}
	p.pages++;
	for (uint32_t i = page->first; i < page->first + page->count; i++)
		if (gone)
			a->solver.never[i] = true;
		else
			analyse_question(a, &a->d->questions[i], p);
}

enum err def_analyse(struct def *d)
{
	static const struct place anywhere = {NULL, PAGES_ALL, 0};
	struct analysis a = {.d = d};

	a.rules = arena_array(d->a, struct goal, d->rule_count + 1);
	a.before = arena_array(d->a, struct goal, d->rule_count + 1);
	a.screen = arena_array(d->a, const struct goal *, 2 * (size_t)d->page_count + 2);
	if (!a.rules || !a.before || !a.screen || !solver_init(&a.solver, d))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < d->page_count; i++)
		analyse_page(&a, &d->pages[i]);
	for (uint32_t i = 0; i < d->list_count; i++)
		analyse_list(&a, &d->lists[i].choices, anywhere, S("choice"));
	for (uint32_t i = 0; i < d->calc_count; i++)
		analyse_branches(&a, &d->calcs[i].expression, 0);
	a.solver.leaving = true;
	analyse_rules(&a);
	analyse_quotas(&a);
	solver_free(&a.solver);
	return d->diags.memory ? ERR_MEMORY : OK;
}
