/* batch_private.h - what the files batch*.c share and nobody else sees. */
#ifndef CORE_BATCH_PRIVATE_H
#define CORE_BATCH_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/limits.h"
#include "core/batch.h"

struct batch {
	struct app *app;
	enum pg_role role;
	const struct batch_room *room;
	void *ctx;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct batch_item *first, **last;
	int length, idle; /* idle: writers that wait */
	uint64_t turn;
	bool closing;

	pthread_t writers[BATCH_WRITERS];
	int writer_count;
	_Atomic uint64_t items, commits, redone, alone;
};

/* Writes all of them, whatever it takes, and tells each. */
void batch_write(struct batch *b, struct batch_item **items, size_t n, struct arena *a);

#endif
