/* order_view.c - which answers change something else on their page: the page is asked for again when they do. */
#include "engine/order.h"

struct viewer {
	struct def *d;
	const struct def_question *of; /* NULL: the page itself */
	uint32_t page;
	uint32_t *wanted; /* calculated values that the page shows or depends on: by each the last page that did, + 1 */
	uint32_t *queue, queued;
};

static void view(void *ctx, const struct node *n)
{
	struct viewer *v = ctx;

	if (n->question && n->reference != R_GONE && n->question != v->of && n->question->page->index == v->page)
		n->question->refresh = true;
	else if (n->reference == R_CALC && v->wanted[n->calc->index] != v->page + 1) {
		v->wanted[n->calc->index] = v->page + 1;
		v->queue[v->queued++] = n->calc->index;
	}
}

static void view_text(struct viewer *v, const struct text *t)
{
	for (uint32_t l = 0; t->pieces && l < v->d->language_count; l++)
		for (uint32_t i = 0; i < t->pieces[l].count; i++)
			node_references(t->pieces[l].parts[i].value, view, v);
}

static void view_list(struct viewer *v, const struct def_choices *list)
{
	const struct def_choices *own = list->shared ? list->shared : list;

	for (uint32_t i = 0; i < own->count; i++) {
		node_references(own->list[i].visible_if.tree, view, v);
		node_references(own->list[i].enable_if.tree, view, v);
		view_text(v, &own->list[i].label);
		view_text(v, &own->list[i].image);
		if (own->list[i].item) {
			node_references(own->list[i].item->min_tree, view, v);
			node_references(own->list[i].item->max_tree, view, v);
			view_text(v, &own->list[i].item->unit);
		}
	}
}

static void view_question(struct viewer *v, const struct def_question *q)
{
	v->of = q;
	node_references(q->visible_if.tree, view, v);
	node_references(q->required_if.tree, view, v);
	node_references(q->enable_if.tree, view, v);
	node_references(q->choice_filter.tree, view, v);
	if (def_may_lock(q))
		node_references(q->first_tree, view, v);
	node_references(q->min_tree, view, v);
	node_references(q->max_tree, view, v);
	view_text(v, &q->title);
	view_text(v, &q->description);
	view_text(v, &q->html);
	for (size_t i = 0; i < countof(q->media); i++)
		view_text(v, &q->media[i]);
	view_text(v, &q->item_title);
	node_references(q->over.tree, view, v);
	if (q->over_from && q->over_from->page == q->page)
		q->over_from->refresh = true;
	view_list(v, &q->choices);
	view_list(v, &q->rows);
	if (q->from && q->from->page == q->page)
		q->from->refresh = true;
}

static void view_page(struct viewer *v, const struct def_page *p)
{
	v->of = NULL;
	v->page = p->index;
	v->queued = 0;
	view_text(v, &p->title);
	view_text(v, &p->description);
	for (uint32_t i = p->first; i < p->first + p->count; i++)
		view_question(v, &v->d->questions[i]);
	v->of = NULL;
	for (uint32_t i = 0; i < v->queued; i++)
		node_references(v->d->calcs[v->queue[i]].expression.tree, view, v);
}

void mark_refresh(struct def *d)
{
	struct viewer v = {.d = d};

	v.wanted = arena_array(d->a, uint32_t, (size_t)d->calc_count + 1);
	v.queue = arena_array(d->a, uint32_t, (size_t)d->calc_count + 1);
	d->diags.memory |= !v.wanted || !v.queue;
	for (uint32_t i = 0; i < d->page_count && !d->diags.memory; i++)
		view_page(&v, &d->pages[i]);
}
