/* loose_functions.c - the functions of loose.def on numbers, lists and texts. */
#include "engine/loose.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/utf8.h"

struct flat {
	struct value *v;
	uint32_t n, room;
};

/* All arguments in a row, lists spread out, nothing left out but null; what looks like a number is one. */
static void flatten(struct run *r, const struct value *v, struct flat *out)
{
	double d;

	if (v->kind == V_EMPTY || !run_burn(r, 1))
		return;
	if (v->kind == V_LIST) {
		for (uint32_t i = 0; i < v->count; i++)
			flatten(r, &v->items[i], out);
		return;
	}
	if (out->n == out->room) {
		uint32_t room = 2 * out->room + 8;
		struct value *grown = arena_grow(r->a, out->v, out->room * sizeof(*grown), room * sizeof(*grown));

		if (!grown) {
			r->failed = ERR_MEMORY;
			return;
		}
		out->v = grown;
		out->room = room;
	}
	d = loose_read(r, v);
	out->v[out->n++] = is_nan(d) ? *v : value_num(d);
}

static struct flat flat_of(const struct loose_call *c)
{
	struct flat out = {NULL, 0, 0};

	for (uint32_t i = 0; i < c->count; i++)
		flatten(c->r, &c->args[i], &out);
	return out;
}

struct value loose_sums(const struct loose_call *c)
{
	struct flat all = flat_of(c);
	struct value sum = value_num(0);

	if (c->row == LOOSE_count)
		return value_num(all.n);
	for (uint32_t i = 0; i < all.n; i++)
		sum = loose_sum(c->r, &sum, &all.v[i]);
	if (c->row == LOOSE_sum)
		return sum;
	return value_num(all.n ? loose_number(c->r, &sum) / all.n : 0);
}

struct value loose_best(const struct loose_call *c)
{
	struct flat all = flat_of(c);
	struct value best = all.n ? all.v[0] : loose_undefined;

	for (uint32_t i = 1; i < all.n; i++)
		if (loose_order(c->r, &all.v[i], &best) == (c->row == LOOSE_min ? -1 : 1))
			best = all.v[i];
	return best;
}

/* The digits before the point, and so many signs after them: what comes between may be an e, and then it is no number. */
static struct value truncated(struct run *r, const struct value *v, double decimals)
{
	struct str s = loose_text(r, v);
	struct value cut;
	size_t n = s.n && s.p[0] == '-';

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (decimals >= 1 && decimals == number_trunc(decimals) && n < s.n)
		for (n++; decimals >= 1 && n < s.n && s.p[n] >= '0' && s.p[n] <= '9'; decimals--)
			n++;
	cut = value_text(str_sub(s, 0, n));
	return value_num(loose_number(r, &cut));
}

struct value loose_rounded(const struct loose_call *c)
{
	struct flat all = flat_of(c);
	double decimals = 0, scale, v;

	if (!all.n || is_nan(loose_read(c->r, &all.v[0])))
		return value_num(NOT_A_NUMBER);
	if (all.n > 1 && loose_truthy(&all.v[1])) {
		if (is_nan(loose_read(c->r, &all.v[1])))
			return value_num(NOT_A_NUMBER);
		decimals = all.v[1].num;
	}
	if (c->row == LOOSE_trunc)
		return truncated(c->r, &all.v[0], decimals);
	if (!number_pow(10, decimals, &scale))
		return value_num(NOT_A_NUMBER);
	v = all.v[0].num * scale * (1 + 2.220446049250313e-16);
	/* Math.round: halves up; above 2^52 there are none */
	if (v < 4503599627370496.0 && v > -4503599627370496.0)
		v = v - number_floor(v) >= 0.5 ? number_floor(v) + 1 : number_floor(v);
	return value_num(v / scale);
}

/* ---- lists of records ---- */

struct tally {
	struct run *r;
	struct str name, other;
	enum loose row;
	struct value sum, best, given;
	uint32_t count;
};

static void tally_item(struct tally *t, const struct value *item)
{
	const struct value *v = value_field(item, t->name), *given = value_field(item, t->other);
	struct value number;
	int wanted = t->row == LOOSE_minInArray ? -1 : 1;

	if (!v || loose_is_empty(v) || !run_burn(t->r, 1))
		return;
	t->count++;
	number = *v;
	if (v->kind == V_TEXT)
		number = value_num(loose_read(t->r, v));
	if (number.kind == V_NUM && is_nan(number.num))
		return;
	t->sum = loose_sum(t->r, &t->sum, &number);
	if (t->best.kind != V_EMPTY && loose_order(t->r, &number, &t->best) != wanted)
		return;
	t->best = number;
	t->given = given ? *given : loose_undefined;
}

struct value loose_in_array(const struct loose_call *c)
{
	const struct value *list = loose_arg(c, 0), *name = loose_arg(c, 1), *other = loose_arg(c, 2);
	struct tally t = {.r = c->r, .row = c->row, .sum = value_num(0), .best = loose_undefined};
	bool sound = loose_truthy(list) && name->kind == V_TEXT;

	t.name = name->s;
	t.other = other->kind == V_TEXT ? other->s : name->s;
	t.given = loose_undefined;
	for (uint32_t i = 0; sound && list->kind == V_LIST && i < list->count; i++)
		tally_item(&t, &list->items[i]);
	for (uint32_t i = 0; sound && list->kind == V_RECORD && i < list->count; i++)
		tally_item(&t, &list->fields[i].value);
	switch (c->row) {
	case LOOSE_sumInArray:
		return t.sum;
	case LOOSE_countInArray:
		return value_num(t.count);
	case LOOSE_avgInArray:
		return value_num(t.count ? loose_number(c->r, &t.sum) / t.count : 0);
	default:
		return str_eq(t.name, t.other) ? t.best : t.given;
	}
}

/* The items of a list, or the fields of a record, for which an expression holds, which works above what is on the stack. */
struct value loose_filter(struct run *r, uint32_t expression, const struct value *v, struct value *top)
{
	const struct value *item = r->item;
	struct value *stack = r->stack, *items = run_alloc(r, v->count, sizeof(*items));
	uint32_t n = 0;

	r->stack = top;
	r->nested++;
	for (uint32_t i = 0; items && i < v->count && (v->kind == V_LIST || v->kind == V_RECORD) && !r->failed; i++) {
		struct value holds;

		r->item = v->kind == V_LIST ? &v->items[i] : &v->fields[i].value;
		holds = vm_run(r, expression);
		if (value_is_true(&holds))
			items[n++] = *r->item;
	}
	r->item = item;
	r->nested--;
	r->stack = stack;
	return n ? (struct value){.kind = V_LIST, .count = n, .items = items} : value_empty;
}

/* ---- texts ---- */

/* From and to are units of UTF-16; a code point of two is kept whole. */
static size_t byte_of(struct str s, double unit)
{
	size_t at = 0;

	for (double i = 0; i < unit && at < s.n;)
		i += utf8_next(s, &at) > 0xffff ? 2 : 1;
	return at;
}

struct value loose_substring(const struct loose_call *c)
{
	const struct value *text = loose_arg(c, 0);
	double from = loose_read(c->r, loose_arg(c, 1)), to = loose_read(c->r, loose_arg(c, 2)), swap;

	if (text->kind != V_TEXT || !text->s.n || is_nan(from) || !run_burn(c->r, (uint32_t)(text->s.n / 16)))
		return value_text(S(""));
	from = number_trunc(loose_number(c->r, loose_arg(c, 1)));
	to = is_nan(to) ? (double)text->s.n : number_trunc(loose_number(c->r, loose_arg(c, 2)));
	if (is_nan(from))
		from = 0;
	if (is_nan(to))
		to = 0;
	if (from > to) {
		swap = from;
		from = to;
		to = swap;
	}
	from = (double)byte_of(text->s, from);
	return value_text(str_sub(text->s, (size_t)from, byte_of(text->s, to) - (size_t)from));
}
