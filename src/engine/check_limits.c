/* check_limits.c - limits that no answer can meet, and first values that do not meet them. */
#include "engine/check.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/utf8.h"

static void impossible(struct def *d, const struct def_question *q, struct str key, const char *why)
{
	diag(&d->diags, D_IMPOSSIBLE, where_key(&d->diags, q->at, key), key, str_from(why));
}

/* The most there can be to choose from. */
static int64_t choices_most(const struct def_question *q)
{
	int64_t n = 0;

	for (uint32_t hops = 0; q && hops < EXPRESSION_DEPTH_MAX; hops++, q = q->from)
		n += q->choices.shared ? q->choices.shared->count : q->choices.count;
	return n;
}

static void check_selected(struct def *d, const struct def_question *q)
{
	int64_t most = choices_most(q);

	if (most && q->at_least > most)
		impossible(d, q, S("min_selected"), "there are not so many choices");
	if (q->at_most == 0)
		impossible(d, q, q->type == Q_rank ? S("max_ranked") : S("max_selected"), "nothing could be chosen");
}

static void check_parts(struct def *d, const struct def_question *q)
{
	uint32_t parts = q->rows.shared ? q->rows.shared->count : q->rows.count;

	if (!q->has_total)
		return;
	if (q->has_high && q->total > q->high * parts)
		impossible(d, q, S("total"), "all parts at their max do not add up to it");
	else if (q->has_low && q->low > 0 && q->total < q->low)
		impossible(d, q, S("total"), "one part at its min is more already");
}

/* ---- the first value ---- */

static const struct def_choice *choice_of(const struct def_question *q, const struct node *n)
{
	for (uint32_t hops = 0; q && hops < EXPRESSION_DEPTH_MAX; hops++, q = q->from) {
		const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;

		for (uint32_t i = 0; i < own->count; i++) {
			const struct def_choice *c = &own->list[i];

			if (n->kind == N_TEXT ? !c->is_number && str_eq(c->text, n->text)
					      : c->is_number && (double)c->number == n->num)
				return c;
		}
	}
	return NULL;
}

static const char *choices_problem(const struct def_question *q, struct node *const *list, uint32_t count)
{
	bool alone = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct def_choice *c = choice_of(q, list[i]);

		if (!c)
			return "it is no choice";
		alone |= c->exclusive;
	}
	if (alone && count > 1)
		return "something stands beside a choice that stands alone";
	return q->at_most >= 0 && count > q->at_most ? "it chooses too many" : NULL;
}

static const char *first_problem(const struct def_question *q, struct node *n)
{
	const struct node *low = q->min_tree, *high = q->max_tree;

	if (type_rows[q->type].groups & P_CHOICES)
		return n->kind == N_LIST ? choices_problem(q, n->args, n->count) : choices_problem(q, &n, 1);
	if (n->kind == N_TEXT && q->type == Q_text) {
		int64_t length = (int64_t)utf8_length(n->text);

		return q->at_most >= 0 && length > q->at_most ? "it is too long"
		       : length < q->at_least		      ? "it is too short"
							      : NULL;
	}
	if (n->kind != N_NUM && n->kind != N_DATE && n->kind != N_TIME)
		return NULL;
	if (low && low->kind == n->kind && n->num < low->num)
		return "it is less than min";
	if (high && high->kind == n->kind && n->num > high->num)
		return "it is more than max";
	return q->integer && n->num != number_floor(n->num) ? "it is no whole number" : NULL;
}

static void check_first(struct def *d, const struct def_question *q)
{
	const char *why = q->first && q->first_tree ? first_problem(q, q->first_tree) : NULL;

	if (why)
		diag(&d->diags, D_BAD_DEFAULT, q->first_at, q->name, str_from(why));
}

void check_limits(struct def *d, const struct def_question *q)
{
	uint32_t groups = type_rows[q->type].groups;
	const struct json *most = json_get(q->json, S("max"));

	check_first(d, q);
	if (groups & P_CHOICES)
		check_selected(d, q);
	if (q->type == Q_text && q->at_most == 0)
		impossible(d, q, S("max_length"), "nothing could be typed");
	if (q->type == Q_roster && most && most->type == JSON_INT && most->i == 0)
		impossible(d, q, S("max"), "there would be no records");
	if (q->type == Q_allocation)
		check_parts(d, q);
	if (q->type == Q_number && q->integer && q->has_low && q->has_high && q->low <= q->high &&
	    number_floor(q->high) < q->low)
		diag(&d->diags, D_IMPOSSIBLE, q->at, S("subtype"), S("no whole number lies between min and max"));
}
