#include "io/http_impl.h"

#define WORKER_STACK_BYTES (2 * MB)

struct worker_start {
	struct http_server *server;
	int number;
};

bool worker_submit(struct exchange *ex)
{
	struct queue *q = &ex->server->queue;
	bool room;

	pthread_mutex_lock(&q->lock);
	room = q->length < q->max && !q->stop;
	if (room) {
		ex->phase = PHASE_WAITING;
		MHD_suspend_connection(ex->mhd);
		ex->next = NULL;
		*q->last = ex;
		q->last = &ex->next;
		q->length++;
		pthread_cond_signal(&q->work);
	}
	pthread_mutex_unlock(&q->lock);
	return room;
}

static struct exchange *next_work(struct queue *q)
{
	struct exchange *ex;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->stop)
		pthread_cond_wait(&q->work, &q->lock);
	if ((ex = q->first)) {
		if (!(q->first = ex->next))
			q->last = &q->first;
		q->length--;
		q->busy++;
	}
	pthread_mutex_unlock(&q->lock);
	return ex;
}

static void work(struct http_server *s, struct exchange *ex, int number)
{
	int64_t age_ms = (clock_mono_ns() - ex->x.started_ns) / 1000000;

	/* Nobody waits for it any more, or nobody should: the time is better spent on the next one. */
	if (s->stopping || age_ms > HTTP_REQUEST_TIMEOUT_MS)
		exchange_refuse(ex, ERR_BUSY, "the server is stopping, or the request waited too long");
	else
		s->config.handler(s->config.ctx, &ex->x, number);
	if (ex->x.stream)
		stream_end(ex);
	else
		MHD_resume_connection(ex->mhd);
}

static void *worker(void *arg)
{
	const struct worker_start *start = arg;
	struct http_server *s = start->server;
	struct exchange *ex;

	while ((ex = next_work(&s->queue))) {
		work(s, ex, start->number);
		pthread_mutex_lock(&s->queue.lock);
		s->queue.busy--;
		pthread_mutex_unlock(&s->queue.lock);
	}
	return NULL;
}

bool workers_start(struct http_server *s)
{
	int n = s->config.workers > 0 ? s->config.workers : HTTP_WORKERS_DEFAULT;
	struct queue *q = &s->queue;
	pthread_attr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->work, NULL);
	q->last = &q->first;
	q->max = s->config.queue_max > 0 ? s->config.queue_max : HTTP_QUEUE_MAX;
	s->workers = calloc(n, sizeof(*s->workers));
	s->worker_starts = calloc(n, sizeof(*s->worker_starts));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	while (s->workers && s->worker_starts && s->worker_count < n) {
		int i = s->worker_count;

		s->worker_starts[i] = (struct worker_start){s, i};
		if (pthread_create(&s->workers[i], &attr, worker, &s->worker_starts[i]))
			break;
		s->worker_count++;
	}
	pthread_attr_destroy(&attr);
	if (s->worker_count == n)
		return true;
	workers_stop(s);
	return false;
}

void workers_stop(struct http_server *s)
{
	pthread_mutex_lock(&s->queue.lock);
	s->queue.stop = true;
	pthread_cond_broadcast(&s->queue.work);
	pthread_mutex_unlock(&s->queue.lock);
	for (int i = 0; i < s->worker_count; i++)
		pthread_join(s->workers[i], NULL);
	free(s->workers);
	free(s->worker_starts);
	s->workers = NULL;
	s->worker_starts = NULL;
	s->worker_count = 0;
}
