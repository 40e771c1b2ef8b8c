/* solve_eval.c - conditions worked out over sets of answers: true, not true, or either way. */
#include "engine/solve.h"

static enum tri unknown(struct solver *s)
{
	s->exact = false;
	return TRI_MAYBE;
}

static enum tri opposite(enum tri t)
{
	return t == TRI_MAYBE ? t : t == TRI_YES ? TRI_NO : TRI_YES;
}

static enum tri either(bool yes, bool no)
{
	return yes && no ? TRI_MAYBE : yes ? TRI_YES : TRI_NO;
}

/* ---- comparisons ---- */

static bool is_order(enum operator op)
{
	return op >= O_LT && op <= O_GE;
}

static bool order_holds(enum operator op, unsigned part)
{
	switch (op) {
	case O_EQ:
		return part == PART_IS;
	case O_NE:
		return part != PART_IS;
	case O_LT:
		return part == PART_BELOW;
	case O_LE:
		return part == PART_BELOW || part == PART_IS;
	case O_GT:
		return part == PART_ABOVE;
	default:
		return part == PART_ABOVE || part == PART_IS;
	}
}

/* A comparison of a fact with something written out; contains is O_EQ for sets. */
static enum tri compare_fact(struct solver *s, uint32_t at, enum operator op, const struct node *literal)
{
	const struct fact *f = &s->facts[at];
	struct split split = {true, at, false, is_order(op), literal};
	bool yes = false, no = false;
	struct fact part;

	if ((f->kind == FACT_ONE || f->kind == FACT_MANY) && fact_choice(f, literal) == UINT32_MAX) {
		if (f->kind == FACT_MANY || !is_order(op))
			return unknown(s);
	}
	if (is_order(op) && f->kind != FACT_NUM && f->kind != FACT_ONE)
		return unknown(s);
	for (uint32_t i = 0; is_order(op) && i < f->count; i++)
		if (!f->choices[i]->is_number)
			return unknown(s);
	for (unsigned i = 0; i < PARTS; i++)
		if (fact_cut(s, f, &split, i, &part)) {
			bool holds = order_holds(op, i);

			yes |= holds;
			no |= !holds;
		}
	if (yes && no)
		solve_propose(s, split);
	return either(yes, no);
}

static enum tri compare_literals(struct solver *s, enum operator op, const struct node *a, const struct node *b)
{
	int order;

	if (a->kind != b->kind)
		return unknown(s);
	if (a->kind == N_TEXT)
		order = str_cmp(a->text, b->text);
	else if (a->kind == N_BOOL)
		order = a->b - b->b;
	else
		order = (a->num > b->num) - (a->num < b->num);
	return order_holds(op, order < 0 ? PART_BELOW : order > 0 ? PART_ABOVE : PART_IS) ? TRI_YES : TRI_NO;
}

/* One side is empty for sure. */
static enum tri compare_empty(struct solver *s, enum operator op, const struct operand *other)
{
	if (is_order(op))
		return TRI_NO;
	if (other->empty && other->value) {
		if (other->fact == UINT32_MAX)
			return unknown(s);
		solve_propose(s, (struct split){true, other->fact, true, false, NULL});
		return TRI_MAYBE;
	}
	return other->empty == (op == O_EQ) ? TRI_YES : TRI_NO;
}

static enum tri compare_ranges(struct solver *s, enum operator op, const struct operand *a, const struct operand *b)
{
	bool below = a->high<b->low, above = a->low> b->high, empty = a->empty || b->empty;

	s->exact = false;
	if (!a->number || !b->number)
		return TRI_MAYBE;
	switch (op) {
	case O_EQ:
		return (below || above) && !(a->empty && b->empty) ? TRI_NO : TRI_MAYBE;
	case O_NE:
		return (below || above) && !(a->empty && b->empty) ? TRI_YES : TRI_MAYBE;
	case O_LT:
		return below && !empty ? TRI_YES : a->low >= b->high ? TRI_NO : TRI_MAYBE;
	case O_LE:
		return a->high <= b->low && !empty ? TRI_YES : above ? TRI_NO : TRI_MAYBE;
	case O_GT:
		return above && !empty ? TRI_YES : a->high <= b->low ? TRI_NO : TRI_MAYBE;
	default:
		return a->low >= b->high && !empty ? TRI_YES : below ? TRI_NO : TRI_MAYBE;
	}
}

static enum operator turned(enum operator op)
{
	return op == O_LT ? O_GT : op == O_LE ? O_GE : op == O_GT ? O_LT : op == O_GE ? O_LE : op;
}

static enum tri compare(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a = solve_operand(s, n->args[0], pages), b = solve_operand(s, n->args[1], pages);

	if (!a.value || !b.value)
		return compare_empty(s, n->op, a.value ? &a : &b);
	if (a.literal && b.literal)
		return compare_literals(s, n->op, a.literal, b.literal);
	if (a.fact != UINT32_MAX && b.literal && s->facts[a.fact].kind != FACT_MANY)
		return compare_fact(s, a.fact, n->op, b.literal);
	if (b.fact != UINT32_MAX && a.literal && s->facts[b.fact].kind != FACT_MANY)
		return compare_fact(s, b.fact, turned(n->op), a.literal);
	return compare_ranges(s, n->op, &a, &b);
}

/* Whether a thing is chosen in a set, or is the single answer. */
static enum tri member(struct solver *s, const struct operand *a, const struct node *item, bool set_only)
{
	const struct fact *f = a->fact == UINT32_MAX ? NULL : &s->facts[a->fact];

	if (!a->value)
		return TRI_NO;
	if ((item->kind != N_TEXT && item->kind != N_NUM) || (item->kind == N_TEXT && !item->text.n))
		return unknown(s);
	if (a->literal && !set_only)
		return compare_literals(s, O_EQ, a->literal, item);
	if (!f || (set_only && f->kind != FACT_MANY))
		return unknown(s);
	return compare_fact(s, a->fact, O_EQ, item);
}

static enum tri any_of(struct solver *s, const struct operand *a, struct node *const *items, uint32_t count, bool all)
{
	bool maybe = !count;

	for (uint32_t i = 0; i < count; i++) {
		enum tri t = member(s, a, items[i], false);

		if (t == (all ? TRI_NO : TRI_YES))
			return t;
		maybe |= t == TRI_MAYBE;
	}
	return maybe ? (count ? TRI_MAYBE : unknown(s)) : all ? TRI_YES : TRI_NO;
}

static enum tri set_holds(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a = solve_operand(s, n->args[0], pages);
	const struct node *b = n->args[1];
	enum tri t;

	switch (n->op) {
	case O_CONTAINS:
	case O_NOTCONTAINS:
		t = member(s, &a, b, true);
		return n->op == O_CONTAINS ? t : opposite(t);
	case O_ANYOF:
	case O_ALLOF:
	case O_NONEOF:
	case O_IN:
		if (b->kind != N_LIST)
			return unknown(s);
		t = any_of(s, &a, b->args, b->count, n->op == O_ALLOF);
		return n->op == O_NONEOF ? opposite(t) : t;
	default:
		return unknown(s);
	}
}

static enum tri call_holds(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a;
	enum tri t;

	if (n->function != F_selected && n->function != F_any_of && n->function != F_all_of && n->function != F_none_of)
		return unknown(s);
	a = solve_operand(s, n->args[0], pages);
	t = any_of(s, &a, n->args + 1, n->count - 1, n->function == F_all_of);
	return n->function == F_none_of ? opposite(t) : t;
}

static enum tri emptiness(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a = solve_operand(s, n->args[0], pages);

	if (a.empty && a.value && a.fact != UINT32_MAX)
		solve_propose(s, (struct split){true, a.fact, true, false, NULL});
	else if (a.empty && a.value)
		return unknown(s);
	return either(n->op == O_EMPTY ? a.empty : a.value, n->op == O_EMPTY ? a.value : a.empty);
}

/* An answer, calculated value or parameter that is true or false itself. */
static enum tri truth(struct solver *s, const struct node *n, uint32_t pages)
{
	static const struct node yes = {.kind = N_BOOL, .b = true};
	struct operand a;

	if (n->reference == R_CALC && n->calc->expression.tree)
		return solve_holds(s, n->calc->expression.tree, pages);
	a = solve_operand(s, n, pages);
	if (!a.value)
		return TRI_NO;
	if (a.fact == UINT32_MAX || s->facts[a.fact].kind != FACT_BOOL)
		return unknown(s);
	return compare_fact(s, a.fact, O_EQ, &yes);
}

static enum tri logic(struct solver *s, const struct node *n, uint32_t pages)
{
	enum tri a = solve_holds(s, n->args[0], pages), b, ends = n->op == O_AND ? TRI_NO : TRI_YES;

	if (a == ends)
		return a;
	b = solve_holds(s, n->args[1], pages);
	return b == ends || a != TRI_MAYBE ? b : a;
}

static enum tri choose(struct solver *s, const struct node *n, uint32_t pages)
{
	enum tri c = solve_holds(s, n->args[0], pages), a, b;

	if (c != TRI_MAYBE)
		return solve_holds(s, n->args[c == TRI_YES ? 1 : 2], pages);
	a = solve_holds(s, n->args[1], pages);
	b = solve_holds(s, n->args[2], pages);
	return a == b ? a : TRI_MAYBE;
}

static enum tri binary(struct solver *s, const struct node *n, uint32_t pages)
{
	if (n->op == O_AND || n->op == O_OR)
		return logic(s, n, pages);
	if (n->op >= O_EQ && n->op <= O_GE)
		return compare(s, n, pages);
	return n->op >= O_CONTAINS && n->op <= O_IN ? set_holds(s, n, pages) : unknown(s);
}

static enum tri holds(struct solver *s, const struct node *n, uint32_t pages)
{
	switch (n->kind) {
	case N_EMPTY:
		return TRI_NO;
	case N_BOOL:
		return n->b ? TRI_YES : TRI_NO;
	case N_REFERENCE:
		return truth(s, n, pages);
	case N_UNARY:
		if (n->op == O_NOT)
			return opposite(solve_holds(s, n->args[0], pages));
		return n->op == O_EMPTY || n->op == O_NOTEMPTY ? emptiness(s, n, pages) : unknown(s);
	case N_BINARY:
		return binary(s, n, pages);
	case N_IIF:
		return choose(s, n, pages);
	case N_CALL:
		return call_holds(s, n, pages);
	default:
		return unknown(s);
	}
}

enum tri solve_holds(struct solver *s, const struct node *n, uint32_t pages)
{
	struct split before = s->split;
	enum tri t;

	if (!s->left || s->depth >= SOLVE_NESTED_MAX)
		return unknown(s);
	s->left--;
	s->depth++;
	t = holds(s, n, pages);
	s->depth--;
	/* nothing is cut for the sake of what is decided already */
	if (t != TRI_MAYBE)
		s->split = before;
	return t;
}
