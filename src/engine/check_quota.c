/* check_quota.c - quota cells: their conditions, and when those are known. */
#include "engine/check.h"
#include "base/limits.h"

static void check_cells(struct def *d, struct def_quota *q)
{
	const struct scope any = {.def = d, .pages = PAGES_ALL};

	for (uint32_t i = 0; i < q->cell_count; i++) {
		struct def_cell *c = &q->cells[i];

		check_formula(d, &c->when, &any, K(V_BOOL));
		if (c->limit == 0)
			diag(&d->diags, D_CELL_NEVER, where_key(&d->diags, c->at, S("limit")), c->name, S(""));
		for (uint32_t k = 0; k < i; k++)
			if (c->name.n && str_eq(q->cells[k].name, c->name))
				diag(&d->diags, D_DUPLICATE_NAME, where_key(&d->diags, c->at, S("name")), c->name,
				    S("cell of the quota"));
	}
}

void check_quotas(struct def *d)
{
	for (uint32_t i = 0; i < d->quota_count; i++) {
		struct def_quota *q = &d->quotas[i];

		for (uint32_t k = 0; k < i; k++)
			if (q->name.n && str_eq(d->quotas[k].name, q->name))
				diag(&d->diags, D_DUPLICATE_NAME, where_key(&d->diags, q->at, S("name")), q->name,
				    S("quota"));
		for (uint32_t k = 0; k < d->outcome_count; k++)
			if (str_eq(d->outcomes[k].name, q->outcome_name))
				q->outcome = &d->outcomes[k];
		if (!q->outcome)
			diag(&d->diags, D_UNKNOWN_OUTCOME, q->outcome_at, q->outcome_name, S(""));
		check_cells(d, q);
	}
}

/* ---- rosters that draw ---- */

static void look_at_page(void *ctx, const struct node *n)
{
	struct def_question **own = ctx;

	if (n->question && n->reference != R_GONE && n->question->page == own[0]->page)
		own[1] = n->question;
}

/* Which records are asked about has to be known before the page is shown: then they can be drawn as the page before it is saved. Calculated values may look at
 * answers of the page as well; they are rare here, and count as if they did not. */
static void mark_drawn(struct def *d)
{
	for (uint32_t i = 0; i < d->question_count && d->quota_count; i++) {
		struct def_question *q = &d->questions[i], *own[2] = {q, NULL};

		if (q->type != Q_roster || q->left_out || q->order != ORDER_LEAST_FILLED || !q->over_from ||
		    q->at_most < 0)
			continue;
		for (const struct def_question *at = q; at; at = at->parent)
			node_references(at->visible_if.tree, look_at_page, own);
		if (q->over_from->page == q->page)
			own[1] = q->over_from;
		if (own[1])
			diag(&d->diags, D_DRAWN_TOO_LATE, q->at, q->name, own[1]->name);
		q->drawn = !own[1];
	}
}

/* ---- when a condition is known ---- */

struct latest {
	struct def *d;
	uint32_t *seen; /* by calculated value: the last cell that looked at it */
	uint32_t cell;	/* from 1 */
	const struct def_page *page;
	bool drawn; /* of that page it looks at nothing but which records were drawn */
};

static void look(void *ctx, const struct node *n)
{
	struct latest *l = ctx;

	if (n->question && n->reference != R_GONE) {
		const bool drawn = n->reference == R_COLLECT && n->question->drawn;

		if (!l->page || n->question->page->index > l->page->index) {
			l->page = n->question->page;
			l->drawn = drawn;
		}
		l->drawn = l->drawn && (drawn || n->question->page != l->page);
	}
	if (n->reference == R_CALC && l->seen[n->calc->index] != l->cell) {
		l->seen[n->calc->index] = l->cell;
		node_references(n->calc->expression.tree, look, l);
	}
}

void order_quotas(struct def *d)
{
	struct latest l = {.d = d, .seen = arena_array(d->a, uint32_t, (size_t)d->calc_count + 1)};

	mark_drawn(d);
	d->diags.memory |= !l.seen;
	for (uint32_t i = 0; i < d->quota_count && l.seen; i++)
		for (uint32_t k = 0; k < d->quotas[i].cell_count; k++) {
			l.page = NULL;
			l.drawn = false;
			l.cell++;
			node_references(d->quotas[i].cells[k].when.tree, look, &l);
			d->quotas[i].cells[k].known = l.page;
			d->quotas[i].cells[k].entered = l.page && l.drawn;
		}
}
