/* order.c - what depends on what, and the order to work it out in.
 *
 * An interview walks the pages in order; on each it takes the steps of the page: its questions (visible or not, then their
 * value) and the calculated values that look at one of them, everything after what it depends on. So nothing is worked
 * out twice on a page, and nothing by recursion. Calculated values are worked out once before the first page too, when
 * all answers are empty. Circles are found here. */
#include "engine/order.h"
#include "base/limits.h"

bool def_may_lock(const struct def_question *q)
{
	while (q && !q->read_only && !q->enable_if.tree)
		q = q->parent;
	return q != NULL;
}

static const struct def_question *stand_in(const struct def_question *q)
{
	return q->roster ? q->roster : q;
}

static void add_dep(struct graph *g, uint32_t on)
{
	bool question = g->at < g->d->question_count;

	graph_note(g, question && !g->records ? stand_in(&g->d->questions[g->at])->index : g->at, on);
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

static void see_first(void *ctx, const struct node *n)
{
	struct graph *g = ctx;

	if (n->reference == R_ANSWER)
		graph_note(g, g->at, n->question->index);
	else if (n->reference == R_CALC)
		graph_note(g, g->at, g->d->question_count + n->calc->index);
}

/* First values that name each other in a circle would all stay empty. */
static enum err order_firsts(struct def *d)
{
	struct graph g;
	struct def_step *steps;
	uint32_t count;

	if (!graph_init(&g, d, false))
		return ERR_MEMORY;
	g.firsts = true;
	for (g.at = 0; g.at < g.count; g.at++) {
		uint32_t calc = g.at - d->question_count;

		g.members[g.at] = g.at;
		node_references(g.at < d->question_count ? d->questions[g.at].first_expression.tree
							 : d->calcs[calc].expression.tree,
		    see_first, &g);
	}
	if (d->diags.memory || !graph_settle(&g))
		return ERR_MEMORY;
	graph_sort(&g, g.count, &steps, &count);
	return d->diags.memory ? ERR_MEMORY : OK;
}

/* A calculated value is to be worked out again on each page where something changes that it looks at, through others too. They come
 * in an order in which each is after what it looks at. */
static void spread(struct graph *g, const struct def_calc *calc)
{
	uint32_t questions = g->d->question_count, at = questions + calc->index;
	uint32_t *mine = g->touches + (size_t)calc->index * g->touch_words;

	for (uint32_t i = g->dep_first[at]; i < g->dep_first[at + 1]; i++) {
		uint32_t on = g->deps[i];

		if (on < questions) {
			uint32_t page = g->d->questions[on].page->index;

			mine[page / 32] |= 1u << page % 32;
			continue;
		}
		for (uint32_t w = 0; w < g->touch_words; w++)
			mine[w] |= g->touches[(size_t)(on - questions) * g->touch_words + w];
	}
}

/* Conditions of enable_if that no answer has a part in hold or fail for the whole interview. */
static void look_outside(void *ctx, const struct node *n)
{
	struct graph *g = ctx;
	struct def_question *q = &g->d->questions[g->at];

	q->outside = q->outside && (n->reference == R_PARAM || n->reference == R_LANG || n->reference == R_NOW ||
				       n->reference == R_SEED || n->reference == R_CALC);
	for (uint32_t w = 0; n->reference == R_CALC && w < g->touch_words; w++)
		q->outside = q->outside && !g->touches[(size_t)n->calc->index * g->touch_words + w];
}

static void mark_outside(struct graph *g)
{
	for (g->at = 0; g->at < g->d->question_count; g->at++) {
		g->d->questions[g->at].outside = g->d->questions[g->at].enable_if.tree != NULL;
		node_references(g->d->questions[g->at].enable_if.tree, look_outside, g);
	}
}

/* ---- pages ---- */

/* The calculated values of page p: list[first[p]] up to first[p + 1]. */
struct on_pages {
	uint32_t *first, *list;
};

/* Calls for each page that a calculated value changes on: counting (list NULL), then noting. */
static void pages_of(const struct graph *g, struct on_pages *o)
{
	for (uint32_t c = 0; c < g->d->calc_count; c++)
		for (uint32_t w = 0; w < g->touch_words; w++) {
			uint32_t bits = g->touches[(size_t)c * g->touch_words + w];

			for (uint32_t page = 32 * w; bits; page++, bits >>= 1)
				if ((bits & 1) && o->list)
					o->list[o->first[page + 1]++] = c;
				else if (bits & 1)
					o->first[page + 2]++;
		}
}

static enum err calcs_by_page(struct graph *g, struct on_pages *o)
{
	uint32_t pages = g->d->page_count;

	*o = (struct on_pages){.first = arena_array(g->d->a, uint32_t, (size_t)pages + 3)};
	if (!o->first)
		return ERR_MEMORY;
	pages_of(g, o);
	for (uint32_t i = 2; i < pages + 2; i++)
		o->first[i] += o->first[i - 1];
	if (o->first[pages + 1] > SURVEY_STEPS_MAX) {
		diag(&g->d->diags, D_TOO_MANY, g->d->at, S("calculated values on pages where they change"),
		    diag_int(&g->d->diags, SURVEY_STEPS_MAX));
		return OK;
	}
	if (!(o->list = arena_array(g->d->a, uint32_t, (size_t)o->first[pages + 1] + 1)))
		return ERR_MEMORY;
	pages_of(g, o);
	return OK;
}

static void order_page(struct graph *g, struct def_page *p, const struct on_pages *o)
{
	uint32_t n = 0;

	for (uint32_t i = p->first; i < p->first + p->count; i++)
		if (!g->d->questions[i].left_out && !g->d->questions[i].roster)
			g->members[n++] = i;
	for (uint32_t i = o->first[p->index]; i < o->first[p->index + 1]; i++)
		g->members[n++] = g->d->question_count + o->list[i];
	graph_sort(g, n, &p->steps, &p->step_count);
}

/* What a record of each roster takes, one after the other. */
static void order_records(struct graph *g)
{
	for (uint32_t i = 0; i < g->d->question_count; i++) {
		struct def_question *roster = &g->d->questions[i];
		uint32_t n = 0;

		if (roster->type != Q_roster || roster->left_out)
			continue;
		for (uint32_t k = i + 1; k <= i + roster->span; k++)
			if (g->d->questions[k].roster == roster && !g->d->questions[k].left_out)
				g->members[n++] = k;
		graph_sort(g, n, &roster->steps, &roster->step_count);
	}
}

/* All calculated values before the first page, and from their order which pages they belong to. */
static void order_calcs(struct graph *g)
{
	for (uint32_t i = 0; i < g->d->calc_count; i++)
		g->members[i] = g->d->question_count + i;
	graph_sort(g, g->d->calc_count, &g->d->steps, &g->d->step_count);
	for (uint32_t i = 0; i < g->d->step_count; i++)
		spread(g, g->d->steps[i].calc);
	mark_outside(g);
}

enum err def_order(struct def *d)
{
	struct graph g, records;
	struct on_pages o;
	enum err e;

	if (!graph_init(&g, d, false) || !graph_init(&records, d, true))
		return ERR_MEMORY;
	collect(&records);
	collect(&g);
	g.touch_words = d->page_count / 32 + 1;
	g.touches = arena_alloc_array(d->a, (size_t)(d->calc_count + 1) * g.touch_words, sizeof(*g.touches));
	if (d->diags.memory || !graph_settle(&g) || !graph_settle(&records) || !g.touches)
		return ERR_MEMORY;
	order_records(&records);
	order_calcs(&g);
	if (d->diags.memory)
		return ERR_MEMORY;
	if ((e = mark_personal(d)))
		return e;
	if (!d->diags.errors && ((e = order_firsts(d)) || (e = calcs_by_page(&g, &o))))
		return e;
	if (d->diags.errors)
		return d->diags.memory ? ERR_MEMORY : OK;
	order_quotas(d);
	for (uint32_t i = 0; i < d->page_count; i++)
		order_page(&g, &d->pages[i], &o);
	mark_refresh(d);
	return d->diags.memory ? ERR_MEMORY : OK;
}
