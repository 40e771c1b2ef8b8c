/* batch_private.h - what the files batch*.c share and nobody else sees. */
#ifndef CORE_BATCH_PRIVATE_H
#define CORE_BATCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/limits.h"
#include "core/batch.h"

struct batch_queue {
	struct batch_item *first, **last;
};

struct batch;
struct batch_writer {
	struct batch *batch;
	int number;
	pthread_t thread;
};

struct batch {
	struct app *app;
	enum pg_role role;
	const struct batch_room *room;
	void *ctx;

	pthread_mutex_t lock;
	pthread_cond_t work;
	/* By tenant: a writer takes its own first and another's when it has none, so with many tenants each batch holds more rows of fewer. */
	struct batch_queue queues[BATCH_WRITERS];
	int length, idle; /* idle: writers that wait */
	uint64_t turn;
	bool closing;

	struct batch_writer writers[BATCH_WRITERS];
	int writer_count;
	_Atomic uint64_t items, commits, redone, alone;
};

/* Writes all of them, whatever it takes, and tells each. */
void batch_write(struct batch *b, struct batch_item **items, size_t n, struct arena *a);

#endif
