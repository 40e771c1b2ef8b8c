/* functions.c - the functions of functions.def on numbers, lists and any values. Arguments have the kinds of their row, or are
 * empty. functions_text.c and functions_date.c have the others. */
#include "engine/vm.h"
#include "engine/number.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/shim.h"

/* Calls `each` for every single value in the arguments, into lists and records; the records of a roster are one each. */
typedef void each_value(void *ctx, const struct value *v);

static void walk(const struct value *v, each_value *each, void *ctx)
{
	if (v->kind == V_LIST) {
		for (uint32_t i = 0; i < v->count; i++)
			if (v->items[i].kind == V_RECORD)
				each(ctx, &v->items[i]);
			else
				walk(&v->items[i], each, ctx);
	} else if (v->kind == V_RECORD) {
		for (uint32_t i = 0; i < v->count; i++)
			walk(&v->fields[i].value, each, ctx);
	} else if (!value_is_empty(v)) {
		each(ctx, v);
	}
}

static void walk_all(struct call *c, each_value *each, void *ctx)
{
	for (uint32_t i = 0; i < c->count && run_burn_value(c->r, &c->args[i]); i++)
		walk(&c->args[i], each, ctx);
}

struct tally {
	double sum;
	uint32_t numbers, values;
	const struct value *best;
	int sign; /* of the order that is better */
};

static void tally_value(void *ctx, const struct value *v)
{
	struct tally *t = ctx;
	int order;

	t->values++;
	if (v->kind == V_NUM) {
		t->sum += v->num;
		t->numbers++;
	}
	if (!t->best || (value_order(v, t->best, &order) && order * t->sign > 0))
		t->best = v;
}

static struct value finite_value(double v)
{
	return number_finite(v) ? value_num(v) : value_empty;
}

void function_count(struct call *c)
{
	struct tally t = {.sign = 1};

	walk_all(c, tally_value, &t);
	*c->out = value_num(t.values);
}

void function_count_selected(struct call *c)
{
	function_count(c);
}

void function_sum(struct call *c)
{
	struct tally t = {.sign = 1};

	walk_all(c, tally_value, &t);
	*c->out = finite_value(t.sum);
}

void function_avg(struct call *c)
{
	struct tally t = {.sign = 1};

	walk_all(c, tally_value, &t);
	if (t.numbers)
		*c->out = finite_value(t.sum / t.numbers);
}

static void best(struct call *c, int sign)
{
	struct tally t = {.sign = sign};

	walk_all(c, tally_value, &t);
	if (t.best)
		*c->out = *t.best;
}

void function_min(struct call *c)
{
	best(c, -1);
}

void function_max(struct call *c)
{
	best(c, 1);
}

static int decimals(const struct call *c)
{
	double n = c->count > 1 && c->args[1].kind == V_NUM ? c->args[1].num : 0;

	return n > 400 ? 400 : n < -400 ? -400 : (int)n;
}

void function_round(struct call *c)
{
	if (c->args[0].kind == V_NUM)
		*c->out = value_num(number_round(c->args[0].num, decimals(c)));
}

void function_trunc(struct call *c)
{
	if (c->args[0].kind == V_NUM)
		*c->out = value_num(number_cut(c->args[0].num, decimals(c)));
}

void function_abs(struct call *c)
{
	if (c->args[0].kind == V_NUM)
		*c->out = value_num(c->args[0].num < 0 ? -c->args[0].num : c->args[0].num);
}

void function_pow(struct call *c)
{
	double v;

	if (c->args[0].kind == V_NUM && c->args[1].kind == V_NUM &&
	    run_burn_far(c->r, c->args[0].num, c->args[1].num) && number_pow(c->args[0].num, c->args[1].num, &v))
		*c->out = finite_value(v);
}

void function_sqrt(struct call *c)
{
	if (c->args[0].kind == V_NUM && c->args[0].num >= 0)
		*c->out = finite_value(number_sqrt(c->args[0].num));
}

void function_coalesce(struct call *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (!value_is_empty(&c->args[i])) {
			*c->out = c->args[i];
			return;
		}
}

/* Whether `what` is chosen in a list, or is the single value. */
static bool chosen(struct call *c, const struct value *what)
{
	const struct value *in = &c->args[0];

	if (value_is_empty(in) || value_is_empty(what))
		return false;
	if (in->kind == V_LIST)
		return run_burn_pairs(c->r, in, what) && value_in(what, in);
	return run_burn_pairs(c->r, in, what) && value_same(in, what);
}

void function_selected(struct call *c)
{
	*c->out = value_bool(chosen(c, &c->args[1]));
}

static uint32_t chosen_count(struct call *c)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < c->count; i++)
		n += chosen(c, &c->args[i]);
	return n;
}

void function_any_of(struct call *c)
{
	*c->out = value_bool(chosen_count(c) > 0);
}

void function_all_of(struct call *c)
{
	*c->out = value_bool(chosen_count(c) == c->count - 1);
}

void function_none_of(struct call *c)
{
	*c->out = value_bool(chosen_count(c) == 0);
}

void function_index(struct call *c)
{
	const struct value *in = &c->args[0], *what = &c->args[1];

	if (value_is_empty(what) || !run_burn_pairs(c->r, in, what))
		return;
	for (uint32_t i = 0; i < in->count; i++)
		if (value_same(&in->items[i], what)) {
			*c->out = value_num(i + 1);
			return;
		}
}

/* ---- random numbers ---- */

#define DRAW_BITS 53 /* as many as a double holds */
#define DRAWS ((uint64_t)1 << DRAW_BITS)

/* The same for the same call of one interview whenever it is worked out: by the place of the call in the program, the record that
 * is open and the choice that is being filtered. */
static struct rng drawing(const struct run *r)
{
	uint64_t seed = hash64(r->choice ? program_str(r->p, r->choice->choice->text) : S(""), run_individual(r)->seed);
	struct rng g;

	rng_init_purpose(&g, seed, hash64(r->record ? r->record->key : S(""), r->place));
	return g;
}

static uint64_t draw(struct rng *g)
{
	uint64_t high = rng_next(g);

	return (high << 32 | rng_next(g)) >> (64 - DRAW_BITS);
}

void function_random(struct call *c)
{
	struct rng g = drawing(c->r);
	uint64_t x, n;
	double low;

	if (!c->count) {
		*c->out = value_num((double)draw(&g) / (double)DRAWS);
		return;
	}
	if (c->count < 2 || c->args[0].kind != V_NUM || c->args[1].kind != V_NUM)
		return;
	low = -number_floor(-c->args[0].num);
	if (low < -(double)DRAWS || c->args[1].num > (double)DRAWS || c->args[1].num - low >= (double)DRAWS ||
	    c->args[1].num < low)
		return;
	n = (uint64_t)(c->args[1].num - low) + 1;
	/* the last, incomplete round would favour the lowest numbers */
	do {
		x = draw(&g);
	} while (x >= DRAWS - DRAWS % n && run_burn(c->r, 1));
	*c->out = value_num(low + (double)(x % n));
}

/* ---- values made of others ---- */

struct value vm_list(struct run *r, const struct value *items, uint32_t n)
{
	struct value *copy = run_alloc(r, n, sizeof(*copy));

	if (!copy || !run_burn(r, n))
		return value_empty;
	mem_copy(copy, items, n * sizeof(*copy));
	/* lists that hold one list many times, which holds another many times, would be larger than all memory */
	for (uint32_t i = 0; i < n; i++)
		if (copy[i].kind == V_RECORD || copy[i].kind == V_LIST) {
			vm_problem(r, "A list is made of single values. Change the expression.");
			copy[i] = value_empty;
		}
	return (struct value){.kind = V_LIST, .count = n, .items = copy};
}

struct value vm_record(struct run *r, const struct value *pairs, uint32_t n)
{
	struct value_field *fields = run_alloc(r, n, sizeof(*fields));
	uint32_t made = 0;

	if (!fields || !run_burn(r, n))
		return value_empty;
	for (uint32_t i = 0; i < n; i++, pairs += 2) {
		const struct value so_far = {.kind = V_RECORD, .count = made, .fields = fields};

		if (pairs[0].kind == V_TEXT && !value_field(&so_far, pairs[0].s))
			fields[made++] = (struct value_field){pairs[0].s, pairs[1]};
	}
	return (struct value){.kind = V_RECORD, .count = made, .fields = fields};
}
