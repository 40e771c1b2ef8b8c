/* display.c - the orders in which questions, choices and rows are shown, drawn from the seed. One draw each, whoever asks: the
 * page that shows them and the state that a replay compares. */
#include "engine/run.h"

static bool by_label(enum order order)
{
	return order == ORDER_ASC || order == ORDER_DESC;
}

static double filled(struct run *r, uint32_t question, const struct p_choice *c)
{
	const struct p_question *q = &r->p->question[question];

	return quota_filled(r, &(struct fills){q->fills, q->fills_count, false}, c->text);
}

uint16_t *display_choices(struct run *r, uint32_t question, struct str path)
{
	const struct state *s = &r->states[question];
	struct order_item *items = run_alloc(r, s->choice_count, sizeof(*items));
	enum order order = (enum order)r->p->question[question].order;

	for (uint32_t i = 0; items && i < s->choice_count; i++) {
		items[i].fixed = s->choices[i].choice->flags & CHOICE_FIXED;
		if (by_label(order))
			items[i].label = choice_label(r, &s->choices[i]);
		if (order == ORDER_LEAST_FILLED)
			items[i].filled = filled(r, question, s->choices[i].choice);
	}
	return items ? order_draw(r, order, path, 1, items, s->choice_count) : NULL;
}

uint16_t *display_rows(struct run *r, uint32_t question, struct str path)
{
	const struct state *s = &r->states[question];
	struct order_item *items = run_alloc(r, s->row_count, sizeof(*items));
	enum order order = (enum order)r->p->question[question].row_order;

	for (uint32_t i = 0; items && i < s->row_count; i++) {
		items[i].fixed = s->rows[i]->flags & CHOICE_FIXED;
		if (by_label(order))
			items[i].label = row_label(r, s->rows[i]);
		if (order == ORDER_LEAST_FILLED)
			items[i].filled = filled(r, question, s->rows[i]);
	}
	return items ? order_draw(r, order, path, 3, items, s->row_count) : NULL;
}

uint16_t *display_questions(struct run *r, const struct p_page *page, uint32_t parent, uint32_t *count)
{
	const struct p_question *holder = parent ? &r->p->question[parent - 1] : NULL;
	uint16_t *all = run_alloc(r, page->questions_count, sizeof(*all)), *order;
	struct order_item *items = run_alloc(r, page->questions_count, sizeof(*items));
	/* the order of a roster is that of its records */
	uint32_t kind = !holder ? page->order : holder->type == Q_roster ? ORDER_FIXED : holder->order;

	const struct fills fills = {
	    holder ? holder->fills : page->fills, holder ? holder->fills_count : page->fills_count, false};

	*count = 0;
	if (!all || !items)
		return NULL;
	for (uint32_t i = page->questions; i < page->questions + page->questions_count; i++)
		if (r->p->question[i].parent == parent)
			all[(*count)++] = (uint16_t)i;
	for (uint32_t i = 0; kind == ORDER_LEAST_FILLED && i < *count; i++)
		items[i].filled = quota_filled(r, &fills, all[i]);
	order =
	    order_draw(r, (enum order)kind, program_str(r->p, holder ? holder->name : page->name), 2, items, *count);
	for (uint32_t i = 0; order && i < *count; i++)
		order[i] = all[order[i]];
	return order;
}
