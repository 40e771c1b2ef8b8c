/* check_roster.c - a roster: what it runs over, how many records it may have, its key and the title of a record. */
#include "engine/check.h"
#include "base/limits.h"

/* As many records as the choices of a question can make. */
static int64_t choices_most(const struct def_question *q)
{
	int64_t n = 0;

	for (uint32_t hops = 0; q && hops < CARRIED_QUESTIONS_MAX; hops++, q = q->from) {
		const struct def_choices *list = q->choices.shared ? q->choices.shared : &q->choices;

		for (uint32_t i = 0; i < list->count; i++)
			n += list->list[i].role <= ROLE_OTHER;
	}
	return n;
}

static void check_over(struct def *d, struct def_question *q)
{
	const struct scope scope = {.def = d, .of = q, .pages = q->page->index + 1};
	const struct node *n;

	check_formula(d, &q->over, &scope, 0);
	if (!(n = q->over.tree))
		return;
	if (n->kind == N_REFERENCE && n->reference == R_ANSWER && !n->field.p &&
	    (n->question->type == Q_multi || n->question->type == Q_rank)) {
		q->over_from = n->question;
		q->over.tree = NULL;
	} else if (n->kinds && (d->compat ? !(n->kinds & K(V_NUM)) : n->kinds != K(V_NUM))) {
		diag(&d->diags, D_BAD_OVER, q->over.at, S(""), S(""));
	}
}

/* The most records: what the definition says, else what can be, else what the engine takes. */
static void check_most(struct def *d, struct def_question *q)
{
	const struct node *n = q->over.tree;
	int64_t most = ROSTER_RECORDS_MAX;

	if (q->at_least >= 0 && q->at_most >= 0 && q->at_least > q->at_most)
		diag(&d->diags, D_BOUNDS, q->at, S("min"), S("max"));
	if (q->at_most > ROSTER_RECORDS_MAX || q->at_least > ROSTER_RECORDS_MAX)
		diag(&d->diags, D_TOO_MANY, q->at, S("records"), diag_int(&d->diags, ROSTER_RECORDS_MAX));
	if (q->at_most >= 0)
		return;
	if (q->over_from)
		most = choices_most(q->over_from);
	else if (n && n->kind == N_REFERENCE && n->reference == R_ANSWER && n->question->type == Q_number &&
		 n->question->has_high && n->question->high >= 0 && n->question->high < ROSTER_RECORDS_MAX)
		most = (int64_t)n->question->high;
	q->at_most = most < ROSTER_RECORDS_MAX ? most : ROSTER_RECORDS_MAX;
}

static void check_key(struct def *d, struct def_question *q)
{
	struct def_question *key = q->key_name.p ? def_question_in(d, q, q->key_name) : NULL;

	if (!q->key_name.p)
		return;
	if (key && !key->left_out && (type_rows[key->type].groups & P_ANSWER) &&
	    !(type_rows[key->type].kinds & (K(V_LIST) | K(V_RECORD))))
		q->key = key;
	else
		diag(&d->diags, D_BAD_KEY, q->key_at, q->key_name, S(""));
}

void check_roster(struct def *d, struct def_question *q)
{
	const struct scope record = {.def = d, .of = q, .roster = q, .pages = q->page->index + 1};

	check_over(d, q);
	check_most(d, q);
	check_key(d, q);
	check_text(d, &q->item_title, &record);
}
