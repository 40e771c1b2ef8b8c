/* analyse_rules.c - rules that never act, and quota cells: never filled, overlapping, leaving a gap. */
#include "engine/analyse.h"

static void dead(struct analysis *a, const struct where *at, const char *why)
{
	diag(&a->d->diags, D_UNREACHABLE, at, str_from(why), S(""));
}

/* Whether the rule can hold where it would jump: `pages` pages have been seen then at the most. */
static bool acts(struct analysis *a, const struct def_rule *r, uint32_t pages)
{
	const struct goal goal = {NULL, r->when.tree, true, pages};

	return solve(&a->solver, &goal, 0) != FOUND_NEVER;
}

/* The rules before it that act whenever they hold while this one could. */
static bool hidden(struct analysis *a, uint32_t rule)
{
	const struct def_rule *mine = &a->d->rules[rule];
	struct goal *list = a->rules;
	const struct goal *next = NULL;

	for (uint32_t i = 0; i <= rule; i++) {
		const struct def_rule *r = &a->d->rules[i];

		if (!r->when.tree ||
		    (i < rule && r->target && (!mine->target || r->target->index < mine->target->index)))
			continue;
		list[i] = (struct goal){next, r->when.tree, i == rule, PAGES_ALL};
		next = &list[i];
	}
	return next && next->next && solve(&a->solver, next, 1) == FOUND_NEVER;
}

static void analyse_rule(struct analysis *a, uint32_t rule)
{
	const struct place place = {NULL, PAGES_ALL, 1};
	const struct def_rule *r = &a->d->rules[rule];
	struct diags *d = &a->d->diags;

	if (!r->when.tree || analyse_condition(a, &r->when, place) == CONDITION_NEVER)
		return;
	if (r->target && !acts(a, r, r->target->index))
		diag(d, D_BAD_TARGET, where_key(d, r->at, S("target")), r->target_name, S(""));
	else if (hidden(a, rule))
		dead(a, where_key(d, r->at, S("when")), "a rule before it always acts first");
	else if (r->target && rule + 1 == a->d->rule_count &&
		 (r->target->index == 1 || !acts(a, r, r->target->index - 1)))
		dead(a, where_key(d, r->at, S("target")), "its target is the page that comes next anyway");
}

void analyse_rules(struct analysis *a)
{
	for (uint32_t i = 0; i < a->d->rule_count; i++)
		analyse_rule(a, i);
}

/* ---- quotas ---- */

struct last_page {
	uint32_t page, depth;
};

static void look(void *ctx, const struct node *n)
{
	struct last_page *l = ctx;

	if (n->reference == R_CALC && l->depth++ < 64)
		node_references(n->calc->expression.tree, look, l);
	else if (n->question && n->reference != R_GONE && n->question->page->index > l->page)
		l->page = n->question->page->index;
}

static bool looks_beyond(const struct node *n, uint32_t page)
{
	struct last_page l = {0, 0};

	node_references(n, look, &l);
	return l.page > page || l.depth > 64;
}

/* Who is counted when the page is left was not screened out by a rule that looks at no later page. For a proof that there is somebody
 * (`sure`) no rule at all may have ended the interview. */
static const struct goal *not_screened(struct analysis *a, uint32_t page, bool sure)
{
	static const struct goal nobody; /* stands for an empty list in the notes */
	const struct goal *list = NULL, **note = &a->screen[2 * page + sure];

	if (*note)
		return *note == &nobody ? NULL : *note;
	for (uint32_t i = 0; (sure || analyse_left(a, page + 1)) && i < a->d->rule_count; i++) {
		const struct def_rule *r = &a->d->rules[i];
		bool beyond = r->when.tree && looks_beyond(r->when.tree, page);
		struct goal *g;

		if (!sure && (!r->outcome || str_eq(r->outcome->name, S("completed"))))
			break;
		if (!r->when.tree || r->target || (beyond && !sure))
			continue;
		if (!(g = arena_new(a->d->a, struct goal))) {
			a->d->diags.memory = true;
			break;
		}
		*g = (struct goal){list, r->when.tree, false, beyond ? page + 1 : PAGES_ALL};
		list = g;
	}
	*note = list ? list : &nobody;
	return list;
}

/* How many pages have been left for sure when the cell is looked at. A rule that completes the interview has all cells looked at. */
static uint32_t passed(const struct analysis *a, const struct def_page *known)
{
	for (uint32_t i = 0; i < a->d->rule_count; i++) {
		const struct def_rule *r = &a->d->rules[i];

		if (!r->target && (!r->outcome || str_eq(r->outcome->name, S("completed"))))
			return known && analyse_left(a, known->index + 1);
	}
	return known ? known->index + 1 : 0;
}

static enum found fill(struct analysis *a, const struct def_cell *one, const struct def_cell *two)
{
	const struct def_page *known =
	    two && two->known && (!one->known || two->known->index > one->known->index) ? two->known : one->known;
	struct goal goals[2];
	enum found found;

	goals[0] =
	    (struct goal){known ? not_screened(a, known->index, two != NULL) : NULL, one->when.tree, true, PAGES_ALL};
	if (!two)
		return solve(&a->solver, goals, passed(a, known));
	goals[1] = (struct goal){goals, two->when.tree, true, PAGES_ALL};
	a->solver.sure = true;
	found = solve(&a->solver, goals + 1, known ? known->index + 1 : 0);
	a->solver.sure = false;
	return found;
}

static void analyse_gap(struct analysis *a, const struct def_quota *q)
{
	struct goal *list = arena_array(a->d->a, struct goal, q->cell_count + 1);
	const struct goal *next;
	uint32_t page = 0;

	a->d->diags.memory |= !list;
	/* one cell is a limit for one group: that the others are not counted is meant */
	if (!list || q->cell_count < 2)
		return;
	for (uint32_t i = 0; i < q->cell_count; i++)
		if (q->cells[i].known && q->cells[i].known->index > page)
			page = q->cells[i].known->index;
	next = not_screened(a, page, true);
	for (uint32_t i = 0; i < q->cell_count; i++) {
		list[i] = (struct goal){next, q->cells[i].when.tree, false, PAGES_ALL};
		next = &list[i];
	}
	a->solver.given = a->solver.sure = true;
	if (solve(&a->solver, next, page + 1) == FOUND_SURELY)
		diag(&a->d->diags, D_CELLS_GAP, where_key(&a->d->diags, q->at, S("cells")), q->name, S(""));
	a->solver.given = a->solver.sure = false;
}

static void analyse_quota(struct analysis *a, const struct def_quota *q)
{
	struct diags *d = &a->d->diags;
	bool whole = true;

	for (uint32_t i = 0; i < q->cell_count; i++) {
		const struct def_cell *c = &q->cells[i];

		if (!c->when.tree)
			return;
		analyse_branches(a, &c->when, 0);
		if (fill(a, c, NULL) == FOUND_NEVER) {
			diag_span(d, D_CELL_EMPTY, c->when.at,
			    (struct span){c->when.source, c->when.tree->from, c->when.tree->to},
			    (const struct str[3]){c->name, S(""), S("")});
			whole = false;
			continue;
		}
		for (uint32_t k = 0; k < i; k++)
			if (fill(a, &q->cells[k], c) == FOUND_SURELY) {
				diag(d, D_CELLS_OVERLAP, c->at, c->name, q->cells[k].name);
				break;
			}
	}
	if (whole)
		analyse_gap(a, q);
}

void analyse_quotas(struct analysis *a)
{
	for (uint32_t i = 0; i < a->d->quota_count; i++)
		analyse_quota(a, &a->d->quotas[i]);
}
