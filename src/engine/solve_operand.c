/* solve_operand.c - what the operands of conditions can be: answers, calculated values, counts, sums. */
#include "engine/solve.h"
#include "engine/number.h"

#define FAR 1e300
#define NODE_UNITS 20
_Static_assert(sizeof(struct node) <= NODE_UNITS * 8, "a node is counted for what it takes");

/* A search that takes too much ends with "maybe": a part that is left out must not look like one that cannot be. When it is the
 * source that has no more, the compiler gives up: what it says must not hang on that. */
void *solve_keep(struct solver *s, size_t bytes, uint32_t units)
{
	void *kept = NULL;

	if (s->units >= units) {
		s->units -= units;
		kept = arena_alloc(&s->scratch, bytes);
		s->d->diags.memory |= !kept;
	}
	if (!kept)
		s->left = 0;
	return kept;
}

static struct operand nothing(void)
{
	return (struct operand){.empty = true, .fact = UINT32_MAX};
}

static struct operand anything(struct solver *s)
{
	s->exact = false;
	return (struct operand){true, true, true, -FAR, FAR, NULL, UINT32_MAX};
}

void solve_propose(struct solver *s, struct split split)
{
	if (!s->split.found)
		s->split = split;
}

static struct operand number(struct solver *s, double low, double high, bool empty)
{
	struct operand out = {empty, true, true, low, high, NULL, UINT32_MAX};
	struct node *n;

	if (low == high && !empty && (n = solve_keep(s, sizeof(*n), NODE_UNITS))) {
		n->kind = N_NUM;
		n->num = low;
		out.literal = n;
	} else {
		s->exact = false;
	}
	return out;
}

static struct operand of_fact(struct solver *s, const struct node *n)
{
	uint32_t at = solve_fact(s, n);
	const struct fact *f;

	if (at == UINT32_MAX)
		return anything(s);
	f = &s->facts[at];
	return (struct operand){f->empty, f->value, f->kind == FACT_NUM, f->low, f->high, NULL, at};
}

static struct operand of_reference(struct solver *s, const struct node *n, uint32_t pages)
{
	if (n->reference == R_CALC && n->calc->expression.tree)
		return solve_operand(s, n->calc->expression.tree, pages);
	if (n->question && n->reference != R_GONE && n->reference != R_SELF &&
	    (n->question->page->index >= pages || s->never[n->question->index]))
		return nothing();
	return of_fact(s, n);
}

static struct operand joined(struct solver *s, struct operand a, struct operand b)
{
	s->exact &= a.literal || b.literal || a.fact != UINT32_MAX || b.fact != UINT32_MAX;
	a.low = a.value && a.low < b.low ? a.low : b.value ? b.low : a.low;
	a.high = a.value && (!b.value || a.high > b.high) ? a.high : b.high;
	a.number = (a.number || !a.value) && (b.number || !b.value);
	if (a.value && b.value) {
		a.low = a.low < b.low ? a.low : b.low;
		a.high = a.high > b.high ? a.high : b.high;
	}
	a.empty |= b.empty;
	a.value |= b.value;
	a.literal = NULL;
	a.fact = UINT32_MAX;
	return a;
}

static struct operand of_iif(struct solver *s, const struct node *n, uint32_t pages)
{
	enum tri t = solve_holds(s, n->args[0], pages);

	if (t != TRI_MAYBE)
		return solve_operand(s, n->args[t == TRI_YES ? 1 : 2], pages);
	return joined(s, solve_operand(s, n->args[1], pages), solve_operand(s, n->args[2], pages));
}

static struct operand of_coalesce(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand out = nothing();

	for (uint32_t i = 0; i < n->count && out.empty; i++) {
		struct operand next = solve_operand(s, n->args[i], pages);

		if (out.value && out.fact != UINT32_MAX)
			solve_propose(s, (struct split){true, out.fact, true, false, NULL});
		out.empty = false;
		out = out.value ? joined(s, out, next) : next;
	}
	return out;
}

/* How many are chosen. */
static struct operand of_count(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a = solve_operand(s, n->args[0], pages);
	const struct fact *f = a.fact == UINT32_MAX ? NULL : &s->facts[a.fact];
	double low = 0, high = 0;

	if (!a.value)
		return number(s, 0, 0, false);
	if (!f || f->kind != FACT_MANY)
		return anything(s);
	for (uint32_t i = 0; i < f->count; i++) {
		low += f->must[i / 64] >> i % 64 & 1;
		high += f->may[i / 64] >> i % 64 & 1;
	}
	if (f->judged && f->question->at_most >= 0 && high > (double)f->question->at_most)
		high = (double)f->question->at_most;
	return number(s, f->empty ? 0 : low ? low : 1, high, false);
}

static struct operand of_call(struct solver *s, const struct node *n, uint32_t pages)
{
	if (n->function == F_coalesce)
		return of_coalesce(s, n, pages);
	if ((n->function == F_count || n->function == F_count_selected) && n->count == 1)
		return of_count(s, n, pages);
	return anything(s);
}

static struct operand of_arithmetic(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand a = solve_operand(s, n->args[0], pages),
		       b = n->kind == N_UNARY ? number(s, 0, 0, false) : solve_operand(s, n->args[1], pages);
	bool empty = a.empty || b.empty;
	double p, q;

	if (!a.value || !b.value)
		return nothing();
	if (!a.number || !b.number || a.low <= -FAR || b.low <= -FAR || a.high >= FAR || b.high >= FAR)
		return anything(s);
	switch (n->op) {
	case O_NEGATE:
		return number(s, -a.high, -a.low, empty);
	case O_ADD:
		return number(s, a.low + b.low, a.high + b.high, empty);
	case O_SUBTRACT:
		return number(s, a.low - b.high, a.high - b.low, empty);
	case O_MULTIPLY:
		if (a.low < 0 || b.low < 0)
			return anything(s);
		p = a.low * b.low;
		q = a.high * b.high;
		return number_finite(q) ? number(s, p, q, empty) : anything(s);
	default:
		return anything(s);
	}
}

static struct operand operand_of(struct solver *s, const struct node *n, uint32_t pages)
{
	switch (n->kind) {
	case N_EMPTY:
		return nothing();
	case N_TEXT:
		return n->text.n ? (struct operand){.value = true, .literal = n, .fact = UINT32_MAX} : nothing();
	case N_BOOL:
		return (struct operand){.value = true, .literal = n, .fact = UINT32_MAX};
	case N_NUM:
	case N_DATE:
	case N_TIME:
		return (struct operand){false, true, true, n->num, n->num, n, UINT32_MAX};
	case N_REFERENCE:
		return of_reference(s, n, pages);
	case N_IIF:
		return of_iif(s, n, pages);
	case N_CALL:
		return of_call(s, n, pages);
	case N_UNARY:
	case N_BINARY:
		return n->op >= O_ADD ? of_arithmetic(s, n, pages) : anything(s);
	default:
		return anything(s);
	}
}

struct operand solve_operand(struct solver *s, const struct node *n, uint32_t pages)
{
	struct operand out;

	if (!s->left || s->depth >= SOLVE_NESTED_MAX)
		return anything(s);
	s->left--;
	s->depth++;
	out = operand_of(s, n, pages);
	s->depth--;
	return out;
}
