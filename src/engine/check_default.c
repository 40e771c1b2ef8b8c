/* check_default.c - first values: `default` is held against what an answer has to be, `default_expression` against its type. */
#include "engine/check.h"
#include "engine/format.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/utf8.h"

/* Each of these gives what is wrong, or NULL. */
static const char *number_fault(const struct def_question *q, double v)
{
	double steps = (v - (q->has_low ? q->low : 0)) / (q->has_step ? q->step : 1);
	double off = steps - number_floor(steps + 0.5);

	if ((q->integer || q->type == Q_rating) && v != number_trunc(v))
		return "it is no whole number";
	if (q->has_low && v < q->low)
		return "it is less than min";
	if (q->has_high && v > q->high)
		return "it is more than max";
	if (q->has_step && (off > 1e-6 || off < -1e-6))
		return "it is not in steps of step";
	return q->decimals >= 0 && q->decimals <= 42 && number_decimals(v, (int)q->decimals) != v
		   ? "it has more decimals"
		   : NULL;
}

static const char *text_fault(struct def *d, const struct def_question *q, struct str s)
{
	int64_t length = (int64_t)utf8_length(s), fuel = RUN_STEPS_MAX;
	struct pattern *p;
	const char *why;
	bool found = true;
	enum err e = OK;
	uint32_t at;

	if (!str_trim(s).n)
		return "a text of blanks is no answer";
	if (length < q->at_least)
		return "it is shorter than min_length";
	if (q->at_most >= 0 && length > q->at_most)
		return "it is longer than max_length";
	if (!format_fits(q->input, s))
		return "it has not the form that input asks for";
	/* a pattern that is none is reported where it stands */
	if (q->pattern.p && !(e = pattern_compile(d->a, q->pattern, &p, &why, &at)))
		e = pattern_find(p, s, d->a, &fuel, &found);
	if (e == ERR_MEMORY)
		d->diags.memory = true;
	return !e && !found ? "the pattern finds nothing in it" : NULL;
}

static bool is_value(const struct def_choice *c, const struct json *v)
{
	return c->is_number ? json_is_num(v) && json_num(v) == (double)c->number
			    : v->type == JSON_STR && str_eq(v->s, c->text);
}

static const struct def_choice *choice_of(const struct def_question *q, const struct json *v)
{
	for (; q; q = q->from) {
		const struct def_choices *list = q->choices.shared ? q->choices.shared : &q->choices;

		for (uint32_t i = 0; i < list->count; i++)
			if (is_value(&list->list[i], v))
				return &list->list[i];
	}
	return NULL;
}

static const char *choices_fault(const struct def_question *q, const struct json *v)
{
	if (v->type != JSON_ARRAY)
		return "it must be a list of values";
	for (uint32_t i = 0; i < v->count; i++) {
		const struct def_choice *c = choice_of(q, &v->items[i]);

		if (!c)
			return "a value is none of the choices";
		if (c->exclusive && v->count > 1)
			return "an exclusive choice stands beside others";
		for (uint32_t k = 0; k < i; k++)
			if (json_same(&v->items[k], &v->items[i]))
				return "a value is given twice";
	}
	/* fewer than min_selected are a beginning */
	return q->at_most >= 0 && (int64_t)v->count > q->at_most ? "it chooses too many" : NULL;
}

static const char *fault_of(struct def *d, const struct def_question *q, const struct json *v)
{
	switch (q->type) {
	case Q_single:
		return choice_of(q, v) ? NULL : "it is none of the choices";
	case Q_multi:
	case Q_rank:
		return choices_fault(q, v);
	case Q_number:
	case Q_rating:
	case Q_slider:
		return json_is_num(v) ? number_fault(q, json_num(v)) : "it must be a number";
	case Q_text:
		return v->type == JSON_STR ? text_fault(d, q, v->s) : "it must be a text";
	default:
		return NULL; /* by its kind alone */
	}
}

/* ---- of rows and items ---- */

static const char *cell_fault(
    struct def *d, const struct def_question *q, const struct def_choice *row, const struct json *v)
{
	if (q->type == Q_allocation || (q->type == Q_matrix && q->cell == CELL_NUMBER))
		return json_is_num(v) ? number_fault(q, json_num(v)) : "it must have numbers";
	if (q->type == Q_matrix && q->cell == CELL_MULTI)
		return choices_fault(q, v);
	if (q->type == Q_matrix && q->cell == CELL_SINGLE)
		return choice_of(q, v) ? NULL : "a value is none of the columns";
	if (row->item && row->item->type != Q_text)
		return fault_of(d, row->item, v);
	if (v->type != JSON_STR)
		return "it must have texts";
	return row->item ? text_fault(d, row->item, v->s) : NULL;
}

static const char *record_fault(struct def *d, const struct def_question *q, const struct json *v)
{
	const struct def_choices *rows = q->rows.shared ? q->rows.shared : &q->rows;
	double sum = 0;

	for (uint32_t i = 0; i < v->count; i++) {
		const struct def_choice *row = NULL;
		const char *fault;

		for (uint32_t k = 0; k < rows->count && !row; k++)
			if (str_eq(rows->list[k].text, v->members[i].key))
				row = &rows->list[k];
		if (!row)
			return "it has a row or item that there is not";
		if ((fault = cell_fault(d, q, row, &v->members[i].value)))
			return fault;
		sum += json_is_num(&v->members[i].value) ? json_num(&v->members[i].value) : 0;
	}
	sum -= q->total;
	return q->type == Q_allocation && q->has_total && sum > 1e-6 ? "it adds up to more than total" : NULL;
}

/* ---- as if it were written as an expression ---- */

static struct node *node_of(struct def *d, const struct json *v)
{
	struct node *n = arena_new(d->a, struct node);
	uint32_t each = v->type == JSON_OBJECT ? 2 : 1, count = v->type >= JSON_ARRAY ? v->count : 0;
	bool complete = true;

	if (!n || (count && !(n->args = arena_array(d->a, struct node *, (size_t)each * count)))) {
		d->diags.memory = true;
		return NULL;
	}
	n->kind = v->type == JSON_BOOL	   ? N_BOOL
		  : v->type == JSON_STR	   ? N_TEXT
		  : v->type == JSON_ARRAY  ? N_LIST
		  : v->type == JSON_OBJECT ? N_RECORD
		  : v->type == JSON_NULL   ? N_EMPTY
					   : N_NUM;
	n->kinds = K(v->type == JSON_BOOL     ? V_BOOL
		     : v->type == JSON_STR    ? V_TEXT
		     : v->type == JSON_ARRAY  ? V_LIST
		     : v->type == JSON_OBJECT ? V_RECORD
		     : v->type == JSON_NULL   ? V_EMPTY
					      : V_NUM);
	n->b = v->type == JSON_BOOL && v->b;
	n->text = v->type == JSON_STR ? v->s : S("");
	n->num = json_is_num(v) ? json_num(v) : 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct json key = {.type = JSON_STR, .s = each == 2 ? v->members[i].key : S("")};

		if (each == 2)
			complete &= (n->args[n->count++] = node_of(d, &key)) != NULL;
		complete &= (n->args[n->count++] = node_of(d, each == 2 ? &v->members[i].value : &v->items[i])) != NULL;
	}
	return complete ? n : NULL;
}

/* Beyond a bound that is written out. */
static bool beyond(const struct node *n, const struct node *bound, int sign)
{
	return bound && bound->kind == n->kind && sign * (n->num - bound->num) > 0;
}

static struct node *moment_of(struct def *d, struct def_question *q, struct node *n)
{
	struct number_or written = {.at = q->first_at, .formula = {q->first_at, n->text, NULL, 0}};

	n = check_moment_node(d, q, &written);
	if (n && (beyond(n, q->min_tree, -1) || beyond(n, q->max_tree, 1)))
		diag(&d->diags, D_BAD_DEFAULT, q->first_at, q->name, S("it lies outside of min and max"));
	if (n && q->type == Q_datetime && n->kind == N_DATE) { /* at its beginning */
		n->kind = N_DATETIME;
		n->kinds = type_rows[q->type].kinds;
		n->num *= DAY_MS;
	}
	return n;
}

void check_default(struct def *d, struct def_question *q)
{
	const struct scope scope = {.def = d, .of = q, .pages = q->page->index + 1};
	uint32_t kinds = type_rows[q->type].kinds;
	bool record = q->type == Q_matrix || q->type == Q_multi_text || q->type == Q_allocation;
	const char *fault;
	struct node *n;

	check_formula(d, &q->first_expression, &scope, kinds);
	q->first_tree = q->first_expression.tree;
	if (!q->first)
		return;
	if ((q->first->type == JSON_OBJECT && !record) || q->type == Q_roster) {
		unbuilt(d, D_UNBUILT_KEY, D_LEFT_OUT_KEY, q->first_at, S("default"),
		    q->type == Q_roster ? S(", and give the questions inside first values") : S(""));
		return;
	}
	if (!(n = node_of(d, q->first)))
		return;
	if (!(n->kinds & kinds) && !(n->kind == N_TEXT && (kinds & K_TIMES))) {
		diag(&d->diags, D_BAD_DEFAULT, q->first_at, q->name, kinds_text(d->a, kinds));
		return;
	}
	fault = record ? record_fault(d, q, q->first) : fault_of(d, q, q->first);
	if (fault)
		diag(&d->diags, D_BAD_DEFAULT, q->first_at, q->name, str_from(fault));
	q->first_tree = kinds & K_TIMES ? moment_of(d, q, n) : n;
}
