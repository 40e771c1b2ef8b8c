/* loose_ops.c - arithmetic, variables, and the table of loose.def. */
#include "engine/loose.h"
#include "engine/fold.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/shim.h"
#include "base/time.h"

/* ---- arithmetic ---- */

/* Nothing beside a number is 0, beside a text '', beside a list []. */
static struct value filled(const struct value *v, const struct value *beside)
{
	if (!loose_is_empty(v))
		return *v;
	if (beside->kind == V_NUM)
		return value_num(0);
	if (v->kind == V_TEXT || beside->kind == V_TEXT)
		return value_text(S(""));
	return beside->kind == V_LIST ? (struct value){.kind = V_LIST} : value_num(0);
}

static struct value list(struct run *r, const struct value *from, uint32_t n)
{
	struct value *items = run_burn(r, n) ? run_alloc(r, n, sizeof(*items)) : NULL;

	if (!items)
		return value_empty;
	mem_copy(items, from, n * sizeof(*items));
	return (struct value){.kind = V_LIST, .count = n, .items = items};
}

static struct value both_lists(struct run *r, const struct value *a, const struct value *b)
{
	uint32_t n = a->count + b->count;
	struct value *items = run_burn(r, n) ? run_alloc(r, n, sizeof(*items)) : NULL;

	if (!items)
		return value_empty;
	mem_copy(items, a->items, a->count * sizeof(*items));
	mem_copy(items + a->count, b->items, b->count * sizeof(*items));
	return (struct value){.kind = V_LIST, .count = n, .items = items};
}

/* A list beside a text is joined, beside a number summed. */
static struct value list_beside(struct run *r, const struct value *a, const struct value *b)
{
	const struct value *list = a->kind == V_LIST ? a : b, *other = a->kind == V_LIST ? b : a;
	struct value sum = value_num(0);
	struct buf text;

	if (other->kind == V_NUM) {
		for (uint32_t i = 0; i < list->count && run_burn(r, 1); i++)
			if (list->items[i].kind == V_NUM)
				sum = loose_sum(r, &sum, &list->items[i]);
		return loose_sum(r, &sum, other);
	}
	buf_init(&text, r->a, VALUE_TEXT_MAX_BYTES);
	for (uint32_t i = 0; i < list->count; i++) {
		if (i)
			buf_add(&text, S(", "));
		loose_show(r, &text, &list->items[i]);
	}
	return list == a ? loose_joined(r, loose_done(r, &text), other->s)
			 : loose_joined(r, other->s, loose_done(r, &text));
}

static struct value plus(struct run *r, const struct value *a, const struct value *b)
{
	bool numbers = !is_nan(loose_read(r, a)) && !is_nan(loose_read(r, b));
	const struct value *other = a->kind == V_LIST ? b : a;

	if (numbers)
		return a->kind == V_TEXT || b->kind == V_TEXT ? loose_add(r, a, b) : loose_sum(r, a, b);
	if (a->kind == V_LIST && b->kind == V_LIST)
		return both_lists(r, a, b);
	if ((a->kind == V_LIST || b->kind == V_LIST) && (other->kind == V_TEXT || other->kind == V_NUM))
		return list_beside(r, a, b);
	return loose_add(r, a, b);
}

static double power(double base, double exponent)
{
	double size = base < 0 ? -base : base, v;

	if (exponent == 0)
		return 1;
	if (is_nan(base) || is_nan(exponent) || (size == 1 && !number_finite(exponent)) ||
	    (base < 0 && exponent != number_trunc(exponent)))
		return NOT_A_NUMBER;
	if (number_pow(base, exponent, &v))
		return v;
	v = (size > 1) == (exponent > 0) ? __builtin_inf() : 0;
	return base < 0 && number_finite(exponent) && number_mod(exponent, 2) != 0 ? -v : v;
}

static double rest(double a, double b)
{
	if (!number_finite(a) || is_nan(b) || b == 0)
		return NOT_A_NUMBER;
	return number_finite(b) ? number_mod(a, b) : a;
}

static struct value arithmetic(struct run *r, enum loose row, const struct value *x, const struct value *y)
{
	struct value a = filled(x, y), b = filled(y, &a);
	int x_digits, y_digits;
	double v;

	switch (row) {
	case LOOSE_or:
		return loose_truthy(&a) ? a : b;
	case LOOSE_and:
		return loose_truthy(&a) ? b : a;
	case LOOSE_plus:
		return plus(r, &a, &b);
	case LOOSE_minus:
	case LOOSE_mul:
		x_digits = loose_decimals_of(r, &a);
		y_digits = loose_decimals_of(r, &b);
		v = loose_number(r, &b);
		if (row == LOOSE_mul)
			return loose_cleaned(loose_number(r, &a) * v, x_digits + y_digits);
		return loose_cleaned(loose_number(r, &a) - v, x_digits > y_digits ? x_digits : y_digits);
	case LOOSE_power:
		v = loose_number(r, &b);
		return value_num(power(loose_number(r, &a), v));
	default:
		if (!loose_truthy(&b))
			return value_empty;
		v = loose_number(r, &b);
		return value_num(row == LOOSE_div ? loose_number(r, &a) / v : rest(loose_number(r, &a), v));
	}
}

/* ---- variables ---- */

/* A property of a record or list, or the length of a list or text; names without regard to case. */
static bool property(struct run *r, const struct value *v, struct str name, struct value *out)
{
	int64_t i;

	if (!run_burn(r, 1) || !name.n)
		return false;
	if (v->kind == V_TEXT || v->kind == V_LIST) {
		if (str_eq(name, S("length")))
			*out = value_num(v->kind == V_LIST ? v->count : loose_units(v->s));
		else if (v->kind == V_LIST && str_to_int(name, &i) && i >= 0 && i < v->count)
			*out = v->items[i];
		else
			return false;
		return true;
	}
	for (uint32_t k = 0; v->kind == V_RECORD && k < v->count; k++)
		if (fold_cmp(v->fields[k].name, name) == 0) {
			*out = v->fields[k].value;
			return true;
		}
	return false;
}

/* "name[2]": the name alone, and the item when there is a number. */
static bool place(struct run *r, struct str *name, double *at)
{
	size_t open = name->n;
	struct value digits;

	if (!name->n || name->p[name->n - 1] != ']')
		return false;
	while (open && name->p[open - 1] != '[')
		open--;
	digits = value_text(open ? str_sub(*name, open, name->n - open - 1) : S(""));
	*at = loose_read(r, &digits);
	if (is_nan(*at))
		return false;
	*name = str_sub(*name, 0, open - 1);
	return true;
}

/* The longest run of parts that is a name, up to the first with a place: {a.b} is "a.b", then "b" of "a". */
static bool step(struct run *r, struct str *path, struct value *v)
{
	size_t limit = path->n;
	struct value found;
	double at;

	for (size_t i = 0; i <= path->n; i++)
		if ((i == path->n || path->p[i] == '.') && i && path->p[i - 1] == ']') {
			limit = i;
			break;
		}
	for (size_t to = limit; run_burn(r, 1); to--) {
		struct str name = str_sub(*path, 0, to);
		bool placed;

		if (to < path->n && path->p[to] != '.' && to)
			continue;
		placed = place(r, &name, &at);
		if ((placed && !name.n) || property(r, v, name, &found)) {
			*v = placed && !name.n ? *v : found;
			*path = str_sub(*path, to + 1, path->n);
			if (!placed)
				return true;
			at += at < 0 ? v->count : 0;
			if (v->kind != V_LIST || at < 0 || at >= v->count)
				return false;
			*v = v->items[(uint32_t)at];
			return true;
		}
		if (!to)
			return false;
	}
	return false;
}

bool loose_path(struct run *r, const struct value *root, struct str path, struct value *out)
{
	struct value v = *root;
	bool length = str_ends(path, S(".length"));

	path = str_sub(path, str_starts(path, S(".")), path.n);
	do {
		if (step(r, &path, &v))
			continue;
		*out = length ? value_num(0) : value_empty;
		return length;
	} while (path.n && !r->failed);
	*out = v;
	return true;
}

/* Names in `values` of collect eval. */
static struct value variable(struct run *r, struct str path)
{
	struct value root, v = value_empty;
	enum err e;

	if (!r->vars)
		return v;
	if ((e = value_from_json(r->a, r->vars, &root)))
		r->failed = e;
	else if (run_burn(r, root.count))
		loose_path(r, &root, path, &v);
	return v;
}

/* Nothing instead of what is no number or date; a date beyond four digits of the year is a text. */
static struct value given(struct run *r, const struct value *v)
{
	struct value out = *v;
	struct value *items;
	struct buf text;

	if (v->kind == V_NUM && !number_finite(v->num))
		return value_empty;
	if (v->kind == V_DATETIME &&
	    (v->t < DATE_FIRST * (int64_t)86400000 || v->t >= (DATE_LAST + 1) * (int64_t)86400000)) {
		buf_init(&text, r->a, 64);
		loose_date_iso(&text, v->t);
		return v->t == LOOSE_NO_DATE ? value_empty : value_text(loose_done(r, &text));
	}
	if (v->kind != V_LIST || !run_burn(r, v->count) || !(items = run_alloc(r, v->count, sizeof(*items))))
		return out;
	for (uint32_t i = 0; i < v->count; i++)
		items[i] = given(r, &v->items[i]);
	out.items = items;
	return out;
}

/* As the kind that is wanted; what is no value of it is none. */
static struct value cast(struct run *r, const struct value *v, enum value_kind kind)
{
	struct value *one;
	int32_t t;
	double d;

	if (kind == V_EMPTY)
		return given(r, v);
	if (loose_is_empty(v))
		return value_empty;
	switch (kind) {
	case V_NUM:
		d = loose_read(r, v);
		return is_nan(d) ? value_empty : value_num(d);
	case V_BOOL:
		return value_bool(loose_truthy(v));
	case V_TEXT:
		return value_text(v->kind == V_DATETIME ? run_show(r, v) : loose_text(r, v));
	case V_DATE:
		if (v->kind == V_DATETIME)
			return given(r, v).kind == V_DATETIME ? value_time(V_DATE, value_day(v)) : value_empty;
		return v->kind == V_TEXT && date_read(v->s, &t) ? value_time(V_DATE, t) : value_empty;
	case V_TIME:
		return v->kind == V_TEXT && clock_read(v->s, &t) ? value_time(V_TIME, t) : value_empty;
	case V_LIST:
		if (v->kind == V_LIST || !(one = run_alloc(r, 1, sizeof(*one))))
			return *v;
		*one = *v;
		return (struct value){.kind = V_LIST, .count = 1, .items = one};
	default:
		return v->kind == kind ? *v : value_empty;
	}
}

/* ---- the table ---- */

static bool holds(struct run *r, const struct value *v)
{
	if (v->kind == V_RECORD || v->kind == V_DATETIME || v->kind == V_EMPTY)
		return false;
	return v->kind == V_BOOL ? v->b : loose_number(r, v) == 1;
}

/* A third argument is the matrix whose row this is. */
static struct value answer(const struct loose_call *c, const struct value *v, uint32_t mode)
{
	const struct value *whole = loose_arg(c, 2);

	if (v->kind != V_EMPTY)
		return mode >= LOOSE_RAW && v->kind == V_TEXT ? *v : loose_corrected(c->r, v);
	mode %= LOOSE_RAW;
	if (mode == LOOSE_NO_ITEMS)
		return (struct value){.kind = V_LIST};
	return mode == LOOSE_UNDEFINED || (c->count > 2 && value_is_empty(whole)) ? loose_undefined : value_empty;
}

static struct value internal(struct loose_call *c)
{
	struct run *r = c->r;
	const struct value *a = loose_arg(c, 0), *b = loose_arg(c, 1);
	struct value v = value_empty;

	switch (c->row) {
	case LOOSE_value:
		return answer(c, a, b->kind == V_NUM ? (uint32_t)number_int(b->num) : LOOSE_NULL);
	case LOOSE_variable:
		return variable(r, a->kind == V_TEXT ? a->s : S(""));
	case LOOSE_path:
		loose_path(r, a, b->kind == V_TEXT ? b->s : S(""), &v);
		return v;
	case LOOSE_item:
		return r->item && a->kind == V_TEXT && loose_path(r, r->item, a->s, &v) ? v : *b;
	case LOOSE_list:
		return list(r, c->args, c->count);
	case LOOSE_cast:
		return cast(r, a, b->kind == V_NUM ? (enum value_kind)number_int(b->num) : V_EMPTY);
	case LOOSE_condition:
		return value_bool(holds(r, a));
	case LOOSE_strictly:
		return value_bool(value_is_true(a));
	case LOOSE_negate:
		return value_bool(!loose_truthy(a));
	default:
		return value_bool(loose_is_empty(a) == (c->row == LOOSE_empty));
	}
}

static struct value iif(const struct loose_call *c)
{
	return c->count < 2 ? value_empty : *loose_arg(c, loose_truthy(&c->args[0]) ? 1 : 2);
}

/* What an author may call, from `sum` on. */
static loose_function *const functions[] = {loose_sums, loose_sums, loose_sums, loose_best, loose_best, loose_rounded,
    loose_rounded, iif, loose_in_array, loose_in_array, loose_in_array, loose_in_array, loose_in_array, loose_getDate,
    loose_age, loose_dateDiff, loose_dateAdd, loose_today, loose_today, loose_diffDays, loose_part, loose_part,
    loose_part, loose_part, loose_part, loose_part, loose_substring};
_Static_assert(countof(functions) == LOOSE_ROWS - LOOSE_FUNCTIONS, "one for each row");

struct value loose_run(struct run *r, enum loose row, const struct value *args, uint32_t count)
{
	struct loose_call c = {r, args, count, row};
	const struct value *a = loose_arg(&c, 0), *b = loose_arg(&c, 1);

	if (!run_burn(r, count))
		return value_empty;
	if (row >= LOOSE_FUNCTIONS)
		return functions[row - LOOSE_FUNCTIONS](&c);
	if (row >= LOOSE_contains)
		return value_bool(loose_sets(r, row, a, b));
	if (row >= LOOSE_plus || row == LOOSE_or || row == LOOSE_and)
		return arithmetic(r, row, a, b);
	if (row >= LOOSE_equal)
		return value_bool(loose_compare(r, row, *a, *b));
	return internal(&c);
}
