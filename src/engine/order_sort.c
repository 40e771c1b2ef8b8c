/* order_sort.c - the graph of what looks at what, and orders in it. */
#include "engine/order.h"
#include "base/shim.h"

bool graph_make(struct graph *g, struct def *d, uint32_t count)
{
	size_t n = (size_t)count + 2;

	*g = (struct graph){.d = d, .count = count};
	g->seen = arena_array(d->a, uint32_t, n);
	g->dep_first = arena_array(d->a, uint32_t, n);
	g->user_first = arena_array(d->a, uint32_t, n);
	g->waits = arena_array(d->a, uint32_t, n);
	g->ready = arena_array(d->a, uint32_t, n);
	g->members = arena_array(d->a, uint32_t, n);
	g->taken = arena_alloc(d->a, n);
	return g->seen && g->dep_first && g->user_first && g->waits && g->ready && g->members && g->taken;
}

bool graph_init(struct graph *g, struct def *d, bool records)
{
	bool made = graph_make(g, d, d->question_count + (records ? 0 : d->calc_count));

	g->records = records;
	return made;
}

void graph_note(struct graph *g, uint32_t at, uint32_t on)
{
	if (g->seen[on] == at + 1)
		return;
	g->seen[on] = at + 1;
	if (g->note_count == g->note_room) {
		uint32_t room = g->note_room ? 2 * g->note_room : 256;
		struct dependency *grown =
		    arena_grow(g->d->a, g->notes, g->note_room * sizeof(*grown), room * sizeof(*grown));

		if (!grown) {
			g->d->diags.memory = true;
			return;
		}
		g->notes = grown;
		g->note_room = room;
	}
	g->notes[g->note_count++] = (struct dependency){at, on};
}

/* Counted two places on, so that after filling, each node's run begins at its own place. */
static uint32_t *by_node(const struct graph *g, uint32_t *first, bool users)
{
	uint32_t *list = arena_array(g->d->a, uint32_t, (size_t)g->note_count + 1);

	for (uint32_t i = 0; i < g->note_count; i++)
		first[(users ? g->notes[i].on : g->notes[i].at) + 2]++;
	for (uint32_t i = 2; i < g->count + 2; i++)
		first[i] += first[i - 1];
	for (uint32_t i = 0; list && i < g->note_count; i++)
		list[first[(users ? g->notes[i].on : g->notes[i].at) + 1]++] = users ? g->notes[i].at : g->notes[i].on;
	return list;
}

bool graph_settle(struct graph *g)
{
	g->deps = by_node(g, g->dep_first, false);
	g->users = by_node(g, g->user_first, true);
	return g->deps && g->users;
}

static struct def_step step_of(const struct graph *g, uint32_t at)
{
	if (at < g->d->question_count)
		return (struct def_step){&g->d->questions[at], NULL};
	return (struct def_step){NULL, &g->d->calcs[at - g->d->question_count]};
}

/* The last thing that is left among what `at` looks at; `next` when there is none. */
static uint32_t left_of(const struct graph *g, uint32_t at, uint32_t next)
{
	for (uint32_t i = g->dep_first[at]; i < g->dep_first[at + 1]; i++)
		if (g->taken[g->deps[i]] == 1)
			next = g->deps[i];
	return next;
}

/* All that is left depends on something left: follow it until a place comes round again. */
static void complain(struct graph *g)
{
	uint32_t at = 0, next;
	struct def_step step, via;

	while (g->taken[at] != 1)
		at++;
	for (uint32_t n = 0; n <= g->count; n++)
		at = left_of(g, at, at);
	/* of first values the question is named, not what is calculated on the way: circles of that alone were told before */
	for (uint32_t n = 0; g->firsts && at >= g->d->question_count && n <= g->count; n++)
		at = left_of(g, at, at);
	next = left_of(g, at, at);
	step = step_of(g, at);
	via = step_of(g, next);
	diag(&g->d->diags, D_CYCLE,
	    step.question && g->firsts ? step.question->first_expression.at
	    : step.question	       ? step.question->at
				       : where_key(&g->d->diags, step.calc->at, S("expression")),
	    step.question ? step.question->name : step.calc->name, via.question ? via.question->name : via.calc->name);
}

/* ---- a heap, the smallest on top ---- */

static void heap_add(uint32_t *heap, uint32_t *n, uint32_t v)
{
	uint32_t i = (*n)++;

	for (; i && heap[(i - 1) / 2] > v; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = v;
}

static uint32_t heap_take(uint32_t *heap, uint32_t *n)
{
	uint32_t top = heap[0], v = heap[--*n], i = 0, child;

	while ((child = 2 * i + 1) < *n) {
		child += child + 1 < *n && heap[child + 1] < heap[child];
		if (heap[child] >= v)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = v;
	return top;
}

void graph_sort(struct graph *g, uint32_t n, struct def_step **steps, uint32_t *count)
{
	uint32_t ready = 0;

	*count = 0;
	if (!n)
		return;
	if (!(*steps = arena_array(g->d->a, struct def_step, n))) {
		g->d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		g->taken[g->members[i]] = 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = g->members[i];

		g->waits[at] = 0;
		for (uint32_t k = g->dep_first[at]; k < g->dep_first[at + 1]; k++)
			g->waits[at] += g->taken[g->deps[k]];
		if (!g->waits[at])
			heap_add(g->ready, &ready, at);
	}
	while (ready) {
		uint32_t at = heap_take(g->ready, &ready);

		g->taken[at] = 2;
		(*steps)[(*count)++] = step_of(g, at);
		for (uint32_t k = g->user_first[at]; k < g->user_first[at + 1]; k++)
			if (g->taken[g->users[k]] == 1 && --g->waits[g->users[k]] == 0)
				heap_add(g->ready, &ready, g->users[k]);
	}
	if (*count < n)
		complain(g);
	for (uint32_t i = 0; i < n; i++)
		g->taken[g->members[i]] = 0;
}
