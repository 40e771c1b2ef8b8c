/* batch.h - group commit: what many requests want stored goes out in one transaction, and each is told what became of its own.
 *
 * A few writer threads take what has queued up while the last commit was under way, at most BATCH_ITEMS_MAX, sort it by tenant and send it in one
 * pipelined transaction: per tenant the binding and one statement for all its rows (step 0), then, tenant by tenant once more, what is counted
 * (step 1: rows that others want too, locked for the end of the transaction only), then one Sync. A group whose counting does not depend on what is stored
 * already may leave step 0 out and store and count in step 1: so all that is counted is locked in the order of the tenants, and in a transaction of several a statement
 * waits for a lock a moment only; whom it waited for is written by himself afterwards. The more there is to do the larger the
 * batches become. This is the only place where tenants share a transaction; therefore any error undoes all of it:
 *
 *   a group whose statement failed is left out, the others are written again without it, then its halves, until the item that is at fault stands
 *   alone and is told so; a deadlock or its like: all once more, at most TX_ATTEMPTS_MAX times
 *   a group that step 1 refused (ERR_LIMIT) is written by room->alone, in a transaction of its own, row by row if need be
 *   connection lost before the Sync was sent: once more over another one; after it: ERR_OUTCOME_UNKNOWN for all of them
 *
 * An item is told OK only after the Sync came back clean. The room provides the statements:
 *
 *     static const struct batch_room room = { .name = "answers", .compare = ..., .steps = { { make, take, ... } }, .alone = ..., .done = ... };
 *     batch_open(app, &room, ctx, &b);
 *     batch_put(b, &mine->item);           later room->done(ctx, &mine->item, e), by a writer thread */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include "core/tx.h"

struct batch;

/* Stands in the room's own struct, which is the batch's from batch_put() until done(). */
struct batch_item {
	struct batch_item *next;
	struct uuid tenant;  /* set by the room, like bytes: about how much it sends */
	size_t bytes;
	uint64_t turn;	     /* order of arrival */
	enum err outcome;    /* set by take() and alone(); counts once the commit is clean */
};

/* Items of one tenant, in the room's order. */
struct batch_group {
	const struct uuid *tenant;
	struct batch_item **items;
	size_t n;
};

struct batch_step {
	/* The statement for a group, its parameters in `a`; q->sql NULL: there is nothing to do. Needs no tenant: it is bound. */
	enum err (*make)(void *ctx, const struct batch_group *g, struct arena *a, struct query *q);
	/* Its rows, each of row_size as q->cols says: sets the items' outcomes. Of a batch without step 1 the transaction has been committed when it
	 * is called. */
	enum err (*take)(void *ctx, const struct batch_group *g, const void *rows, size_t n);
	size_t row_size;
};

struct batch_room {
	const char *name;
	int writers; /* 0: BATCH_WRITERS, which is the most. One: the more there is in each transaction */
	/* Of two items of one tenant: everybody who writes such rows does it in this order, so that none waits in a circle. */
	int (*compare)(const struct batch_item *a, const struct batch_item *b);
	/* Whether a group had better be written by alone() at once. NULL: never. */
	bool (*prefers_alone)(void *ctx, const struct batch_group *g);
	struct batch_step steps[2];
	/* Whether a group may have something to count: then step 0 is read before step 1 is made, and that before the Sync. NULL: never. */
	bool (*counts)(void *ctx, const struct batch_group *g);
	/* Writes a group in transactions of its own and sets all outcomes. NULL: nothing refuses. */
	void (*alone)(void *ctx, const struct batch_group *g, struct arena *a);
	/* What a group's failure means for all its items; OK: it is to be found out which is at fault. NULL: always that. */
	enum err (*blame)(void *ctx, enum err e, const char *constraint);
	void (*done)(void *ctx, struct batch_item *item, enum err e);
};

/* Starts the writers: `role`'s pool. The room lives as long as the batch. */
enum err batch_open(struct app *app, enum pg_role role, const struct batch_room *room, void *ctx, struct batch **out);
/* Takes no more, writes what is queued, ends the writers. */
void batch_close(struct batch *b);
/* ERR_BUSY: BATCH_QUEUE_MAX wait already, or it is closing; then nothing was done. */
enum err batch_put(struct batch *b, struct batch_item *item);

struct batch_counts {
	uint64_t items, commits, redone, alone; /* since the start: items told OK, transactions, those undone, groups written alone */
	int queued;
};
void batch_counts(struct batch *b, struct batch_counts *out);

#endif
