/* order_personal.c - what the words of a consent and calculated values know of personal answers, at any remove.
 *
 * Three nodes to look from and at: the answer of a question, a calculated value, and what is shown for an answer: label({q}), the text of
 * its `other`, {item.label} of a roster. That tells more than the answer alone: choices may be called by a name that was given
 * elsewhere, or be carried forward from a question whose answer is sealed. What looks at something personal is personal. */
#include "engine/order.h"

static uint32_t words_of(const struct graph *g, const struct def_question *q)
{
	return g->d->question_count + g->d->calc_count + q->index;
}

/* `label`: inside of label(). */
static void look(struct graph *g, const struct node *n, const struct def_question *roster, bool label)
{
	if (!n)
		return;
	label |= n->kind == N_CALL && n->function == FN_LABEL;
	if (n->kind == N_REFERENCE && n->reference == R_CALC)
		graph_note(g, g->at, g->d->question_count + n->calc->index);
	else if (roster && n->kind == N_REFERENCE &&
		 (n->reference == R_ITEM || n->reference == R_ITEM_LABEL || n->reference == R_COUNT))
		graph_note(g, g->at, words_of(g, roster));
	else if (n->kind == N_REFERENCE && n->question)
		graph_note(g, g->at, label || n->reference == R_OTHER ? words_of(g, n->question) : n->question->index);
	for (uint32_t i = 0; i < n->count; i++)
		look(g, n->args[i], roster, label);
}

static void look_text(struct graph *g, const struct text *t, const struct def_question *roster)
{
	for (uint32_t l = 0; t->pieces && l < g->d->language_count; l++)
		for (uint32_t k = 0; k < t->pieces[l].count; k++)
			look(g, t->pieces[l].parts[k].value, roster, false);
}

static void look_question(struct graph *g, const struct def_question *q)
{
	const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;

	g->at = q->index;
	if (q->roster)
		graph_note(g, g->at, q->roster->index);
	if (q->type == Q_consent) {
		look_text(g, &q->title, q->roster);
		look_text(g, &q->description, q->roster);
		look_text(g, &q->html, q->roster);
	}
	g->at = words_of(g, q);
	graph_note(g, g->at, q->index);
	for (uint32_t i = 0; i < own->count; i++)
		look_text(g, &own->list[i].label, q->roster);
	look(g, q->over.tree, NULL, false);
	if (q->over_from)
		graph_note(g, g->at, words_of(g, q->over_from));
	if (q->from)
		graph_note(g, g->at, words_of(g, q->from));
}

/* From each personal answer to all that looks at it. */
static void follow(struct graph *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->d->question_count; i++)
		if (g->d->questions[i].pii || g->d->questions[i].encrypted) {
			g->taken[i] = 1;
			g->members[n++] = i;
		}
	while (n) {
		uint32_t at = g->members[--n];

		for (uint32_t i = g->user_first[at]; i < g->user_first[at + 1]; i++)
			if (!g->taken[g->users[i]]) {
				g->taken[g->users[i]] = 1;
				g->members[n++] = g->users[i];
			}
	}
}

enum err mark_personal(struct def *d)
{
	struct graph g;

	if (!graph_make(&g, d, 2 * d->question_count + d->calc_count))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < d->question_count; i++)
		look_question(&g, &d->questions[i]);
	for (uint32_t i = 0; i < d->calc_count; i++) {
		g.at = d->question_count + i;
		look(&g, d->calcs[i].expression.tree, NULL, false);
	}
	if (d->diags.memory || !graph_settle(&g))
		return ERR_MEMORY;
	follow(&g);
	for (uint32_t i = 0; i < d->question_count; i++)
		d->questions[i].pii |= d->questions[i].type == Q_consent && g.taken[i];
	for (uint32_t i = 0; i < d->calc_count; i++)
		d->calcs[i].personal = g.taken[d->question_count + i];
	return OK;
}
