/* loose_compare.c - what SurveyJS takes for equal, less and contained. */
#include "engine/loose.h"
#include "engine/fold.h"
#include "base/limits.h"

/* ---- equality ---- */

struct sorted {
	struct str key;
	const struct value *v;
};

/* Array.prototype.sort: by text, undefined last, stable. */
static struct sorted *sorted(struct run *r, const struct value *list)
{
	struct sorted *out = run_alloc(r, list->count, sizeof(*out));

	for (uint32_t i = 0; out && i < list->count && run_burn(r, 1 + i / 4); i++) {
		struct sorted one = {loose_text(r, &list->items[i]), &list->items[i]};
		uint32_t k = i;

		for (; k > 0 && !(one.v->kind == V_EMPTY && one.v->count); k--) {
			const struct sorted *before = &out[k - 1];

			if (!(before->v->kind == V_EMPTY && before->v->count) &&
			    loose_text_cmp(one.key, before->key) >= 0)
				break;
			out[k] = *before;
		}
		out[k] = one;
	}
	return out;
}

static bool equal(struct run *r, const struct value *x, const struct value *y);

static bool lists_equal(struct run *r, const struct value *x, const struct value *y)
{
	struct sorted *a, *b;

	if (x->count != y->count || !(a = sorted(r, x)) || !(b = sorted(r, y)))
		return false;
	for (uint32_t i = 0; i < x->count && !r->failed; i++)
		if (!equal(r, a[i].v, b[i].v))
			return false;
	return !r->failed;
}

static bool records_equal(struct run *r, const struct value *x, const struct value *y)
{
	if (!run_burn(r, (uint32_t)((uint64_t)x->count * y->count / 4)) || x->count != y->count)
		return false;
	for (uint32_t i = 0; i < x->count && !r->failed; i++) {
		const struct value *other = value_field(y, x->fields[i].name);

		if (!other || !equal(r, &x->fields[i].value, other))
			return false;
	}
	return !r->failed;
}

static struct str lowered(struct run *r, struct str s)
{
	struct buf b;

	buf_init(&b, r->a, VALUE_TEXT_MAX_BYTES);
	fold_put_lower(&b, s);
	return loose_done(r, &b);
}

static bool is_object(const struct value *v)
{
	return v->kind == V_LIST || v->kind == V_RECORD || v->kind == V_DATETIME;
}

/* x == y of two that are no objects. */
static bool scalars_equal(struct run *r, const struct value *x, const struct value *y)
{
	if (x->kind == V_EMPTY || y->kind == V_EMPTY)
		return x->kind == y->kind;
	return loose_number(r, x) == loose_number(r, y);
}

static bool is_undefined(const struct value *v)
{
	return v->kind == V_EMPTY && v->count;
}

static bool equal(struct run *r, const struct value *x, const struct value *y)
{
	bool x_empty = loose_is_empty(x), y_empty = loose_is_empty(y);

	if (!run_burn(r, 1))
		return false;
	if (x->kind == V_TEXT && y->kind == V_TEXT)
		return fold_cmp(loose_trim(x->s), loose_trim(y->s)) == 0;
	if (x->kind == V_DATETIME && y->kind == V_DATETIME)
		return x->t == y->t && x->t != LOOSE_NO_DATE;
	if ((x->kind == V_EMPTY && y->kind == V_TEXT) || (x->kind == V_TEXT && y->kind == V_EMPTY))
		return x_empty && y_empty;
	if (is_undefined(y))
		return x->kind == V_EMPTY || (x->kind == V_LIST && x_empty);
	if (is_undefined(x))
		return equal(r, y, x);
	if (x_empty != y_empty)
		return false;
	if (x->kind == V_BOOL && y->kind == V_TEXT)
		return str_eq_nocase(y->s, x->b ? S("true") : S("false"));
	if (y->kind == V_BOOL && x->kind == V_TEXT)
		return equal(r, y, x);
	if (!is_object(x) && !is_object(y))
		return scalars_equal(r, x, y);
	if (x->kind != y->kind) /* [] and {} have no items both */
		return is_object(x) && is_object(y) && !x->count && !y->count;
	return x->kind == V_LIST ? lists_equal(r, x, y) : records_equal(r, x, y);
}

/* The text undefined is undefined. */
static bool same(struct run *r, const struct value *x, const struct value *y)
{
	if (x->kind == V_TEXT && str_eq(x->s, S("undefined")))
		x = &loose_undefined;
	if (y->kind == V_TEXT && str_eq(y->s, S("undefined")))
		y = &loose_undefined;
	return equal(r, x, y);
}

bool loose_compare(struct run *r, enum loose row, struct value x, struct value y)
{
	int order;

	if (row >= LOOSE_less && (x.kind == V_EMPTY || y.kind == V_EMPTY) &&
	    (row == LOOSE_less || row == LOOSE_greater))
		return false;
	loose_dates_align(r, &x, &y);
	if (row != LOOSE_less && row != LOOSE_greater && same(r, &x, &y))
		return row != LOOSE_notequal;
	if (row <= LOOSE_notequal || x.kind == V_EMPTY || y.kind == V_EMPTY)
		return row == LOOSE_notequal;
	order = loose_order(r, &x, &y);
	return order < 2 && (row == LOOSE_less || row == LOOSE_lessorequal ? order < 0 : order > 0);
}

/* ---- sets ---- */

static bool in_list(struct run *r, const struct value *list, const struct value *v)
{
	for (uint32_t i = 0; i < list->count && !r->failed; i++)
		if (same(r, &list->items[i], v))
			return true;
	return false;
}

static bool contains(struct run *r, const struct value *a, const struct value *b, bool wanted)
{
	const struct value *items = b->kind == V_LIST ? b->items : b;
	uint32_t count = b->kind == V_LIST ? b->count : 1;

	if (a->kind == V_LIST && !a->count)
		return !wanted;
	if (a->kind == V_EMPTY || (a->kind == V_TEXT && !a->s.n) || (a->kind == V_NUM && is_nan(a->num)))
		return false;
	if (a->kind != V_LIST) {
		if (!loose_truthy(b))
			return false;
		return str_find(lowered(r, loose_text(r, a)), lowered(r, loose_text(r, b)), NULL) == wanted;
	}
	for (uint32_t i = 0; i < count && !r->failed; i++)
		if (!in_list(r, a, &items[i]))
			return !wanted;
	return wanted;
}

static bool anyof(struct run *r, const struct value *a, const struct value *b)
{
	if (loose_is_empty(a))
		return loose_is_empty(b);
	if (loose_is_empty(b))
		return true;
	if (a->kind != V_LIST)
		return contains(r, b, a, true);
	if (b->kind != V_LIST)
		return contains(r, a, b, true);
	for (uint32_t i = 0; i < b->count && !r->failed; i++)
		if (contains(r, a, &b->items[i], true))
			return true;
	return false;
}

static bool allof(struct run *r, const struct value *a, const struct value *b)
{
	if (!loose_truthy(a) && !loose_is_empty(b))
		return false;
	if (b->kind != V_LIST)
		return contains(r, a, b, true);
	for (uint32_t i = 0; i < b->count && !r->failed; i++)
		if (!contains(r, a, &b->items[i], true))
			return false;
	return true;
}

bool loose_sets(struct run *r, enum loose row, const struct value *a, const struct value *b)
{
	switch (row) {
	case LOOSE_contains:
		return contains(r, a, b, true);
	case LOOSE_notcontains:
		return (!loose_truthy(a) && !loose_is_empty(b)) || contains(r, a, b, false);
	case LOOSE_allof:
		return allof(r, a, b);
	default:
		return anyof(r, a, b) == (row == LOOSE_anyof);
	}
}
