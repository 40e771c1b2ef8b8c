/* order.h - between order.c, order_personal.c, order_sort.c and order_view.c: what looks at what.
 *
 * Nodes are the questions, then the calculated values. What they look at is noted in the order of the nodes, then graph_settle()
 * sorts it by node and by what is looked at; everything after that takes time in proportion to the notes. */
#ifndef ENGINE_ORDER_H
#define ENGINE_ORDER_H

#include "engine/check.h"

struct graph {
	struct def *d;
	uint32_t count;
	uint32_t at;  /* whose dependencies are being collected */
	bool records; /* inside the records of rosters; else a roster stands for all that is asked in it */
	bool firsts;  /* which first values hang on which */
	struct dependency {
		uint32_t at, on;
	} * notes;
	uint32_t note_count, note_room;
	uint32_t *seen;		      /* by node: for whom it was noted last, + 1 */
	uint32_t *dep_first, *deps;   /* what node n looks at: deps[dep_first[n]] up to dep_first[n + 1] */
	uint32_t *user_first, *users; /* what looks at node n, likewise */
	uint32_t *touches,
	    touch_words;      /* by calculated value a bit for each page: it looks at a question there, at any remove */
	unsigned char *taken; /* in the set that is sorted: 1, done: 2 */
	uint32_t *waits,
	    *ready;	   /* of a sort: how many of the set are still to come first; those with none, as a heap */
	uint32_t *members; /* room for a set */
};

bool graph_make(struct graph *g, struct def *d, uint32_t count);
bool graph_init(struct graph *g, struct def *d, bool records);
void graph_note(struct graph *g, uint32_t at, uint32_t on);
bool graph_settle(struct graph *g);
/* The n members of the set in an order in which each comes after what it looks at, the earliest of the definition first where there is a
 * choice. A circle is said, once. */
void graph_sort(struct graph *g, uint32_t n, struct def_step **steps, uint32_t *count);

/* order_view.c: which answers change something else on their page. */
void mark_refresh(struct def *d);
/* order_personal.c: which consents and calculated values tell of personal answers. Only memory can be wrong. */
enum err mark_personal(struct def *d);
/* order.c: whether it may have to keep its first value: read-only, enabled on a condition, or inside something that is. */
bool def_may_lock(const struct def_question *q);

#endif
