/* order.c - what depends on what, and the order to work it out in.
 *
 * An interview walks the pages in order; on each it takes the steps of the page: its questions (visible or not, then their
 * value) and the calculated values that look at one of them, everything after what it depends on. So nothing is worked
 * out twice on a page, and nothing by recursion. Calculated values are worked out once before the first page too, when
 * all answers are empty. Circles are found here. */
#include "engine/check.h"
#include "base/shim.h"

/* Whether it may have to keep its first value: read-only, enabled on a condition, or inside something that is. */
static bool def_may_lock(const struct def_question *q)
{
	while (q && !q->read_only && !q->enable_if.tree)
		q = q->parent;
	return q != NULL;
}

struct graph {
	struct def *d;
	uint32_t count;	 /* questions, then calculated values */
	uint32_t **deps; /* of each: what it looks at */
	uint32_t *dep_counts;
	unsigned char *touches; /* calc * pages + page: it looks at a question there, at any remove */
	unsigned char *taken;	/* in this page's set: 1, done: 2 */
	uint32_t at;		/* whose dependencies are being collected */
	bool records;		/* inside the records of rosters; else a roster stands for all that is asked in it */
};

static const struct def_question *stand_in(const struct def_question *q)
{
	return q->roster ? q->roster : q;
}

static void add_dep(struct graph *g, uint32_t on)
{
	uint32_t at = g->at, n;
	uint32_t *grown;

	if (!g->records && at < g->d->question_count)
		at = stand_in(&g->d->questions[at])->index;
	n = g->dep_counts[at];
	for (uint32_t i = 0; i < n; i++)
		if (g->deps[at][i] == on)
			return;
	grown = arena_grow(g->d->a, g->deps[at], n * sizeof(*grown), (n + 1) * sizeof(*grown));
	if (!grown) {
		g->d->diags.memory = true;
		return;
	}
	g->deps[at] = grown;
	grown[n] = on;
	g->dep_counts[at]++;
}

static void add_question(struct graph *g, const struct def_question *on, bool own_record)
{
	const struct def_question *q = g->at < g->d->question_count ? &g->d->questions[g->at] : NULL;

	if (g->records) {
		if (q && q->roster && on->roster == q->roster)
			add_dep(g, on->index);
		return;
	}
	/* a record is not made from the whole that it is a part of */
	if (q && stand_in(q) == stand_in(on) && (q->roster || q->type == Q_roster)) {
		if (!own_record || on->type == Q_roster)
			diag(&g->d->diags, D_CYCLE, q->at, q->name, stand_in(on)->name);
		return;
	}
	add_dep(g, stand_in(on)->index);
}

static void see(void *ctx, const struct node *n)
{
	struct graph *g = ctx;

	if (n->reference == R_ANSWER || n->reference == R_OTHER)
		add_question(g, n->question, true);
	else if (n->reference == R_RECORD || n->reference == R_COLLECT)
		add_question(g, n->question, false);
	else if (n->reference == R_CALC && !g->records)
		add_dep(g, g->d->question_count + n->calc->index);
}

static void see_list(struct graph *g, const struct def_choices *list)
{
	const struct def_choices *own = list->shared ? list->shared : list;

	for (uint32_t i = 0; i < own->count; i++)
		node_references(own->list[i].visible_if.tree, see, g);
	for (uint32_t i = 0; i < own->count; i++)
		node_references(own->list[i].enable_if.tree, see, g);
}

static void collect(struct graph *g)
{
	for (uint32_t i = 0; i < g->d->question_count; i++) {
		const struct def_question *q = &g->d->questions[i];

		g->at = i;
		node_references(q->visible_if.tree, see, g);
		see_list(g, &q->choices);
		see_list(g, &q->rows);
		node_references(q->choice_filter.tree, see, g);
		node_references(q->enable_if.tree, see, g);
		if (def_may_lock(q))
			node_references(q->first_tree, see, g);
		node_references(q->over.tree, see, g);
		if (q->over_from)
			add_question(g, q->over_from, true);
		if (q->from)
			add_question(g, q->from, true);
		if (q->parent && q->parent != q->roster)
			add_question(g, q->parent, true);
	}
	for (uint32_t i = 0; i < g->d->calc_count && !g->records; i++) {
		g->at = g->d->question_count + i;
		node_references(g->d->calcs[i].expression.tree, see, g);
	}
}

/* A calculated value is to be worked out again on each page where something changes that it looks at, through others too. */
static void spread(struct graph *g)
{
	uint32_t questions = g->d->question_count, pages = g->d->page_count;
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t c = 0; c < g->d->calc_count; c++) {
			unsigned char *mine = g->touches + (size_t)c * pages;
			uint32_t at = questions + c;

			for (uint32_t i = 0; i < g->dep_counts[at]; i++) {
				uint32_t on = g->deps[at][i];

				if (on < questions) {
					uint32_t page = g->d->questions[on].page->index;

					again |= !mine[page];
					mine[page] = 1;
					continue;
				}
				for (uint32_t p = 0; p < pages; p++) {
					bool news = g->touches[(size_t)(on - questions) * pages + p] && !mine[p];

					again |= news;
					mine[p] |= news;
				}
			}
		}
	}
}

/* What is worked out from personal answers is personal too, or they would be stored in the clear under another name. */
static void taint(struct graph *g)
{
	uint32_t questions = g->d->question_count;
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t c = 0; c < g->d->calc_count; c++) {
			struct def_calc *calc = &g->d->calcs[c];

			for (uint32_t i = 0; i < g->dep_counts[questions + c] && !calc->personal; i++) {
				uint32_t on = g->deps[questions + c][i];

				calc->personal = on < questions
						     ? g->d->questions[on].pii || g->d->questions[on].encrypted
						     : g->d->calcs[on - questions].personal;
				again |= calc->personal;
			}
		}
	}
}

/* Conditions of enable_if that no answer has a part in hold or fail for the whole interview. */
static void look_outside(void *ctx, const struct node *n)
{
	struct graph *g = ctx;
	struct def_question *q = &g->d->questions[g->at];

	q->outside = q->outside && (n->reference == R_PARAM || n->reference == R_LANG || n->reference == R_NOW ||
				       n->reference == R_SEED || n->reference == R_CALC);
	for (uint32_t p = 0; n->reference == R_CALC && p < g->d->page_count; p++)
		q->outside = q->outside && !g->touches[(size_t)n->calc->index * g->d->page_count + p];
}

static void mark_outside(struct graph *g)
{
	for (g->at = 0; g->at < g->d->question_count; g->at++) {
		g->d->questions[g->at].outside = g->d->questions[g->at].enable_if.tree != NULL;
		node_references(g->d->questions[g->at].enable_if.tree, look_outside, g);
	}
}

static struct def_step step_of(const struct graph *g, uint32_t at)
{
	if (at < g->d->question_count)
		return (struct def_step){&g->d->questions[at], NULL};
	return (struct def_step){NULL, &g->d->calcs[at - g->d->question_count]};
}

static bool is_ready(const struct graph *g, uint32_t at)
{
	for (uint32_t i = 0; i < g->dep_counts[at]; i++)
		if (g->taken[g->deps[at][i]] == 1)
			return false;
	return true;
}

/* All that is left depends on something left: follow it until a place comes round again. */
static void complain(struct graph *g)
{
	uint32_t at = 0, next = 0;
	struct def_step step, via;

	while (g->taken[at] != 1)
		at++;
	for (uint32_t n = 0; n <= g->count; n++) {
		for (uint32_t i = 0; i < g->dep_counts[at]; i++)
			if (g->taken[g->deps[at][i]] == 1)
				next = g->deps[at][i];
		at = next;
	}
	for (uint32_t i = 0; i < g->dep_counts[at]; i++)
		if (g->taken[g->deps[at][i]] == 1)
			next = g->deps[at][i];
	step = step_of(g, at);
	via = step_of(g, next);
	diag(&g->d->diags, D_CYCLE,
	    step.question ? step.question->at : where_key(&g->d->diags, step.calc->at, S("expression")),
	    step.question ? step.question->name : step.calc->name, via.question ? via.question->name : via.calc->name);
}

/* The members of the set in an order in which each comes after what it looks at; definition order where that is free. */
static void sort(struct graph *g, struct def_step **steps, uint32_t *count)
{
	uint32_t wanted = 0, before;

	for (uint32_t i = 0; i < g->count; i++)
		wanted += g->taken[i] == 1;
	*count = 0;
	if (!wanted)
		return;
	if (!(*steps = arena_array(g->d->a, struct def_step, wanted))) {
		g->d->diags.memory = true;
		return;
	}
	do {
		before = *count;
		for (uint32_t i = 0; i < g->count; i++)
			if (g->taken[i] == 1 && is_ready(g, i)) {
				g->taken[i] = 2;
				(*steps)[(*count)++] = step_of(g, i);
			}
	} while (*count<wanted && * count> before);
	if (*count < wanted)
		complain(g);
}

/* ---- which answers change something else on their page ---- */

struct viewer {
	struct def *d;
	const struct def_question *of; /* NULL: the page itself */
	uint32_t page;
	unsigned char *wanted; /* calculated values that the page shows or depends on */
};

static void view(void *ctx, const struct node *n)
{
	struct viewer *v = ctx;

	if (n->question && n->reference != R_GONE && n->question != v->of && n->question->page->index == v->page)
		n->question->refresh = true;
	else if (n->reference == R_CALC)
		v->wanted[n->calc->index] |= 1;
}

static void view_text(struct viewer *v, const struct text *t)
{
	for (uint32_t l = 0; t->pieces && l < v->d->language_count; l++)
		for (uint32_t i = 0; i < t->pieces[l].count; i++)
			node_references(t->pieces[l].parts[i].value, view, v);
}

static void view_list(struct viewer *v, const struct def_choices *list)
{
	const struct def_choices *own = list->shared ? list->shared : list;

	for (uint32_t i = 0; i < own->count; i++) {
		node_references(own->list[i].visible_if.tree, view, v);
		node_references(own->list[i].enable_if.tree, view, v);
		view_text(v, &own->list[i].label);
		if (own->list[i].item) {
			node_references(own->list[i].item->min_tree, view, v);
			node_references(own->list[i].item->max_tree, view, v);
			view_text(v, &own->list[i].item->unit);
		}
	}
}

static void view_question(struct viewer *v, const struct def_question *q)
{
	v->of = q;
	node_references(q->visible_if.tree, view, v);
	node_references(q->required_if.tree, view, v);
	node_references(q->enable_if.tree, view, v);
	node_references(q->choice_filter.tree, view, v);
	if (def_may_lock(q))
		node_references(q->first_tree, view, v);
	node_references(q->min_tree, view, v);
	node_references(q->max_tree, view, v);
	view_text(v, &q->title);
	view_text(v, &q->description);
	view_text(v, &q->html);
	view_text(v, &q->item_title);
	node_references(q->over.tree, view, v);
	if (q->over_from && q->over_from->page == q->page)
		q->over_from->refresh = true;
	view_list(v, &q->choices);
	view_list(v, &q->rows);
	if (q->from && q->from->page == q->page)
		q->from->refresh = true;
}

static void mark_refresh(struct def *d, struct def_page *p, unsigned char *wanted)
{
	struct viewer v = {.d = d, .page = p->index, .wanted = wanted};
	bool again = true;

	for (uint32_t i = 0; i < d->calc_count; i++)
		wanted[i] = 0;
	view_text(&v, &p->title);
	view_text(&v, &p->description);
	for (uint32_t i = p->first; i < p->first + p->count; i++)
		view_question(&v, &d->questions[i]);
	v.of = NULL;
	while (again) {
		again = false;
		for (uint32_t i = 0; i < d->calc_count; i++)
			if (wanted[i] == 1) {
				wanted[i] = 3;
				again = true;
				node_references(d->calcs[i].expression.tree, view, &v);
			}
	}
}

static void order_page(struct graph *g, struct def_page *p)
{
	uint32_t questions = g->d->question_count;

	for (uint32_t i = 0; i < g->count; i++)
		g->taken[i] = 0;
	for (uint32_t i = p->first; i < p->first + p->count; i++)
		g->taken[i] = !g->d->questions[i].left_out && !g->d->questions[i].roster;
	for (uint32_t c = 0; c < g->d->calc_count; c++)
		g->taken[questions + c] = g->touches[(size_t)c * g->d->page_count + p->index];
	sort(g, &p->steps, &p->step_count);
}

/* What a record of each roster takes, one after the other. */
static void order_records(struct graph *g)
{
	collect(g);
	for (uint32_t i = 0; i < g->d->question_count; i++) {
		struct def_question *roster = &g->d->questions[i];

		if (roster->type != Q_roster || roster->left_out)
			continue;
		for (uint32_t k = 0; k < g->count; k++)
			g->taken[k] = g->d->questions[k].roster == roster && !g->d->questions[k].left_out;
		sort(g, &roster->steps, &roster->step_count);
	}
}

static bool graph_init(struct graph *g, struct def *d, bool records)
{
	*g = (struct graph){.d = d, .records = records, .count = d->question_count + (records ? 0 : d->calc_count)};
	g->deps = arena_array(d->a, uint32_t *, g->count + 1);
	g->dep_counts = arena_array(d->a, uint32_t, g->count + 1);
	g->taken = arena_alloc(d->a, g->count + 1);
	return g->deps && g->dep_counts && g->taken;
}

enum err def_order(struct def *d)
{
	struct graph g, records;
	unsigned char *wanted = arena_alloc(d->a, d->calc_count + 1);

	if (!graph_init(&g, d, false) || !graph_init(&records, d, true))
		return ERR_MEMORY;
	g.touches = arena_alloc_array(d->a, d->calc_count + 1, d->page_count + 1);
	if (!wanted || !g.touches)
		return ERR_MEMORY;
	order_records(&records);
	collect(&g);
	spread(&g);
	taint(&g);
	mark_outside(&g);
	for (uint32_t i = d->question_count; i < g.count; i++)
		g.taken[i] = 1;
	sort(&g, &d->steps, &d->step_count);
	if (d->diags.errors)
		return d->diags.memory ? ERR_MEMORY : OK;
	order_quotas(d);
	for (uint32_t i = 0; i < d->page_count; i++) {
		order_page(&g, &d->pages[i]);
		mark_refresh(d, &d->pages[i], wanted);
	}
	return d->diags.memory ? ERR_MEMORY : OK;
}
