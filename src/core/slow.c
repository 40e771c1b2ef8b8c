/* slow.c - a queue and its threads. */
#include "core/slow.h"

#include <pthread.h>
#include <stdlib.h>
#include "core/router.h"

#define THREAD_STACK_BYTES (2 * MB)

/* In the request's arena. */
struct waiting {
	struct waiting *next;
	struct req *rq;
	int64_t since_ns;
};

struct slow {
	pthread_mutex_t lock; /* all below but threads */
	pthread_cond_t work;
	struct waiting *first, **last;
	int length;
	bool stopped, closing;
	int thread_count;
	pthread_t threads[];
};

static bool put(struct slow *s, struct waiting *w)
{
	bool room;

	pthread_mutex_lock(&s->lock);
	room = s->length < SLOW_QUEUE_MAX && !s->stopped;
	if (room) {
		*s->last = w;
		s->last = &w->next;
		s->length++;
		pthread_cond_signal(&s->work);
	}
	pthread_mutex_unlock(&s->lock);
	return room;
}

void slow_put(struct slow *s, struct req *rq)
{
	struct waiting *w = arena_new(rq->arena, struct waiting);

	req_later(rq);
	if (w)
		*w = (struct waiting){.rq = rq, .since_ns = clock_mono_ns()};
	if (!w)
		req_finish(rq, ERR_MEMORY);
	else if (!put(s, w))
		req_finish(rq, req_fail(rq, ERR_BUSY, NULL, "Too many sign-ins and the like are waiting."));
}

static struct waiting *take_locked(struct slow *s)
{
	struct waiting *w = s->first;

	if (w && !(s->first = w->next))
		s->last = &s->first;
	s->length -= w != NULL;
	return w;
}

static void refuse(struct waiting *w)
{
	req_finish(w->rq, req_fail(w->rq, ERR_BUSY, NULL, "The server is stopping, or the request waited too long."));
}

static bool is_late(const struct waiting *w)
{
	return clock_mono_ns() - w->since_ns > SLOW_WAIT_MAX_MS * INT64_C(1000000);
}

static void *slow_thread(void *arg)
{
	struct slow *s = arg;
	struct waiting *w;

	for (;;) {
		pthread_mutex_lock(&s->lock);
		while (!s->first && !s->closing)
			pthread_cond_wait(&s->work, &s->lock);
		w = take_locked(s);
		pthread_mutex_unlock(&s->lock);
		if (!w)
			return NULL;
		if (is_late(w))
			refuse(w);
		else
			req_finish(w->rq, w->rq->route->handler(w->rq));
	}
}

enum err slow_open(int threads, struct slow **out)
{
	struct slow *s = calloc(1, sizeof *s + (size_t)threads * sizeof s->threads[0]);
	pthread_attr_t attr;

	if (!s)
		return ERR_MEMORY;
	s->last = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	while (s->thread_count < threads && !pthread_create(&s->threads[s->thread_count], &attr, slow_thread, s))
		s->thread_count++;
	pthread_attr_destroy(&attr);
	if (s->thread_count < threads) {
		slow_close(s);
		return ERR_MEMORY;
	}
	*out = s;
	return OK;
}

int slow_queued(struct slow *s)
{
	int n;

	pthread_mutex_lock(&s->lock);
	n = s->length;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void slow_stop(struct slow *s)
{
	struct waiting *w;

	do {
		pthread_mutex_lock(&s->lock);
		s->stopped = true;
		w = take_locked(s);
		pthread_mutex_unlock(&s->lock);
		if (w)
			refuse(w);
	} while (w);
}

void slow_close(struct slow *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < s->thread_count; i++)
		pthread_join(s->threads[i], NULL);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
