/* check_quota.c - quota cells: their conditions, when those are known, and which of them overlap. */
#include "engine/check.h"
#include "base/limits.h"

/* One comparison of a cell's condition: an answer or calculated value with a literal. */
struct term {
	const void *what;
	const struct node *literal;
};
#define TERMS_MAX 16

/* The comparisons that a condition is made of; false when it is made of anything else. */
static bool terms_of(const struct node *n, struct term *terms, uint32_t *count)
{
	const struct node *a, *b;

	if (!n || n->kind != N_BINARY || *count >= TERMS_MAX)
		return false;
	a = n->args[0];
	b = n->args[1];
	if (n->op == O_AND)
		return terms_of(a, terms, count) && terms_of(b, terms, count);
	if (n->op != O_EQ || a->kind != N_REFERENCE || a->field.p || (b->kind != N_TEXT && b->kind != N_NUM))
		return false;
	if (a->reference != R_CALC && (a->reference != R_ANSWER || a->question->type != Q_single))
		return false;
	terms[(*count)++] = (struct term){a->reference == R_CALC ? (const void *)a->calc : a->question, b};
	return true;
}

static bool differ(const struct node *a, const struct node *b)
{
	return a->kind != b->kind || (a->kind == N_TEXT ? !str_eq(a->text, b->text) : a->num != b->num);
}

/* Two cells whose comparisons exclude each other nowhere can both be taken by one interview. */
static bool overlap(const struct def_cell *a, const struct def_cell *b)
{
	struct term mine[TERMS_MAX], theirs[TERMS_MAX];
	uint32_t n = 0, m = 0;

	if (!terms_of(a->when.tree, mine, &n) || !terms_of(b->when.tree, theirs, &m))
		return false;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < m; k++)
			if (mine[i].what == theirs[k].what && differ(mine[i].literal, theirs[k].literal))
				return false;
	return true;
}

static void check_cells(struct def *d, struct def_quota *q)
{
	const struct scope any = {.def = d, .pages = PAGES_ALL};

	for (uint32_t i = 0; i < q->cell_count; i++) {
		struct def_cell *c = &q->cells[i];

		check_formula(d, &c->when, &any, K(V_BOOL));
		if (c->limit == 0)
			diag(&d->diags, D_CELL_NEVER, where_key(&d->diags, c->at, S("limit")), c->name, S(""));
		for (uint32_t k = 0; k < i; k++) {
			if (c->name.n && str_eq(q->cells[k].name, c->name))
				diag(&d->diags, D_DUPLICATE_NAME, where_key(&d->diags, c->at, S("name")), c->name,
				    S("cell of the quota"));
			else if (overlap(&q->cells[k], c))
				diag(&d->diags, D_CELLS_OVERLAP, c->at, c->name, q->cells[k].name);
		}
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

/* ---- when a condition is known ---- */

struct latest {
	struct def *d;
	unsigned char *seen; /* calculated values */
	const struct def_page *page;
};

static void look(void *ctx, const struct node *n)
{
	struct latest *l = ctx;

	if (n->question && n->reference != R_GONE && (!l->page || n->question->page->index > l->page->index))
		l->page = n->question->page;
	if (n->reference == R_CALC && !l->seen[n->calc->index]) {
		l->seen[n->calc->index] = 1;
		node_references(n->calc->expression.tree, look, l);
	}
}

void order_quotas(struct def *d)
{
	for (uint32_t i = 0; i < d->quota_count; i++)
		for (uint32_t k = 0; k < d->quotas[i].cell_count; k++) {
			struct latest l = {.d = d, .seen = arena_alloc(d->a, d->calc_count + 1)};

			if (!l.seen) {
				d->diags.memory = true;
				return;
			}
			node_references(d->quotas[i].cells[k].when.tree, look, &l);
			d->quotas[i].cells[k].known = l.page;
		}
}
