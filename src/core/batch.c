/* batch.c - the queue and the writers. What one transaction does: batch_write.c. */
#include "core/batch_private.h"

#include <stdlib.h>
#include "core/app.h"

#define WRITER_STACK_BYTES (1 * MB)

static int writers_of(const struct batch *b)
{
	return b->room->writers ? b->room->writers : BATCH_WRITERS;
}

static struct batch_queue *queue_of(struct batch *b, const struct uuid *tenant)
{
	return &b->queues[tenant->b[sizeof tenant->b - 1] % writers_of(b)];
}

enum err batch_put(struct batch *b, struct batch_item *item)
{
	struct batch_queue *q = queue_of(b, &item->tenant);
	bool room;

	pthread_mutex_lock(&b->lock);
	room = b->length < BATCH_QUEUE_MAX && !b->closing;
	if (room) {
		item->next = NULL;
		item->turn = ++b->turn;
		*q->last = item;
		q->last = &item->next;
		b->length++;
		if (b->idle > 0)
			pthread_cond_signal(&b->work);
	}
	pthread_mutex_unlock(&b->lock);
	return room ? OK : ERR_BUSY;
}

/* The writer's own, or another's where somebody waits. */
static struct batch_queue *waiting(struct batch *b, int writer)
{
	for (int i = 0; i < BATCH_WRITERS; i++) {
		struct batch_queue *q = &b->queues[(writer + i) % BATCH_WRITERS];

		if (q->first)
			return q;
	}
	return NULL;
}

/* What has queued up, as far as one transaction should hold it; 0 when the batch is closed and empty. */
static size_t take(struct batch *b, int writer, struct batch_item **items)
{
	size_t n = 0, bytes = 0;
	struct batch_queue *q;

	pthread_mutex_lock(&b->lock);
	b->idle++;
	while (!(q = waiting(b, writer)) && !b->closing)
		pthread_cond_wait(&b->work, &b->lock);
	b->idle--;
	while (q && q->first && n < BATCH_ITEMS_MAX && (n == 0 || bytes + q->first->bytes <= BATCH_BYTES_MAX)) {
		struct batch_item *item = q->first;

		bytes += item->bytes;
		items[n++] = item;
		b->length--;
		if (!(q->first = item->next))
			q->last = &q->first;
	}
	if (b->length > 0 && b->idle > 0)
		pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
	return n;
}

static void *writer(void *arg)
{
	struct batch_item *items[BATCH_ITEMS_MAX];
	struct batch_writer *w = arg;
	struct arena a;
	size_t n;

	arena_init(&a, &arena_malloc, BATCH_ARENA_MAX_BYTES);
	while ((n = take(w->batch, w->number, items)) > 0) {
		batch_write(w->batch, items, n, &a);
		arena_reset(&a);
	}
	arena_free(&a);
	return NULL;
}

static bool start_writers(struct batch *b)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WRITER_STACK_BYTES);
	while (b->writer_count < writers_of(b)) {
		struct batch_writer *w = &b->writers[b->writer_count];

		*w = (struct batch_writer){.batch = b, .number = b->writer_count};
		if (pthread_create(&w->thread, &attr, writer, w))
			break;
		b->writer_count++;
	}
	pthread_attr_destroy(&attr);
	return b->writer_count == writers_of(b);
}

enum err batch_open(struct app *app, enum pg_role role, const struct batch_room *room, void *ctx, struct batch **out)
{
	struct batch *b = calloc(1, sizeof *b);

	if (!b)
		return ERR_MEMORY;
	b->app = app;
	b->role = role;
	b->room = room;
	b->ctx = ctx;
	for (int i = 0; i < BATCH_WRITERS; i++)
		b->queues[i].last = &b->queues[i].first;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, NULL);
	if (!start_writers(b)) {
		batch_close(b);
		return ERR_MEMORY;
	}
	*out = b;
	return OK;
}

void batch_close(struct batch *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->closing = true;
	pthread_cond_broadcast(&b->work);
	pthread_mutex_unlock(&b->lock);
	for (int i = 0; i < b->writer_count; i++)
		pthread_join(b->writers[i].thread, NULL);
	pthread_cond_destroy(&b->work);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void batch_counts(struct batch *b, struct batch_counts *out)
{
	*out = (struct batch_counts){b->items, b->commits, b->redone, b->alone, 0};
	pthread_mutex_lock(&b->lock);
	out->queued = b->length;
	pthread_mutex_unlock(&b->lock);
}
