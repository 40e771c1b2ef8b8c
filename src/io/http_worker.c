#include "io/http_impl.h"

#define WORKER_STACK_BYTES (2 * MB)
#define STOP_STEP_MS 2
#define STOP_STARTED_MS 10000 /* workers that were just started have nothing to do */

struct worker_start {
	struct http_server *server;
	int number;
};

/* Whether one is to be woken, by the caller, once he has let go of the lock. One at a time: whoever wakes up sees to the next, and the workers that are awake may have taken
 * it all by then. Where none is at work everybody wakes one, so nothing depends on a single signal. Called with the lock held. */
static bool wakes(struct queue *q)
{
	const bool one = (q->first || q->again) && q->asleep > 0 && (q->waking == 0 || q->busy == 0);

	q->waking |= one;
	return one;
}

bool worker_submit(struct exchange *ex)
{
	struct queue *q = &ex->server->queue;
	bool room, wake;

	pthread_mutex_lock(&q->lock);
	room = q->length < q->max && !q->stop;
	if (room) {
		ex->phase = PHASE_WAITING;
		MHD_suspend_connection(ex->mhd);
		ex->next = NULL;
		ex->queued_ns = clock_mono_ns();
		*q->last = ex;
		q->last = &ex->next;
		q->length++;
	}
	wake = wakes(q);
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->work);
	return room;
}

static struct exchange *take_again(struct queue *q)
{
	struct exchange *ex = q->again;

	if (ex && !(q->again = ex->next))
		q->again_last = &q->again;
	return ex;
}

static struct exchange *take(struct queue *q)
{
	struct exchange *ex = q->first;

	if (!ex)
		return NULL;
	if (!(q->first = ex->next))
		q->last = &q->first;
	q->length--;
	return ex;
}

static struct exchange *next_work(struct queue *q)
{
	struct exchange *ex;
	bool wake;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->again && (!q->stop || q->away > 0)) {
		q->asleep++;
		pthread_cond_wait(&q->work, &q->lock);
		q->asleep--;
		q->waking = 0;
	}
	if ((ex = take_again(q)) || (ex = take(q)))
		q->busy++;
	else
		q->alive--;
	wake = wakes(q);
	pthread_mutex_unlock(&q->lock);
	if (wake)
		pthread_cond_signal(&q->work);
	return ex;
}

/* Nobody waits for it any more, or nobody should: the time is better spent on the next one. */
static bool is_late(const struct exchange *ex)
{
	return clock_mono_ns() - ex->queued_ns > HTTP_QUEUE_WAIT_MAX_MS * INT64_C(1000000);
}

static void refuse_late(struct exchange *ex)
{
	exchange_refuse(ex, ERR_BUSY, "the server is stopping, or the request waited too long");
}

static void run_handler(struct http_server *s, struct exchange *ex, int number)
{
	void (*again)(void *ctx, struct http_exchange *x, int worker) = ex->again;

	ex->again = NULL;
	if (again)
		again(s->config.ctx, &ex->x, number);
	else if (s->stopping || is_late(ex))
		refuse_late(ex);
	else
		s->config.handler(s->config.ctx, &ex->x, number);
}

static void send_off(struct exchange *ex)
{
	reply_pack(ex);
	loop_resume(ex);
}

/* ---- handed over ---- */

/* Workers of a stopping server wait for the last one. Called with the lock held. */
static void came_back(struct queue *q)
{
	if (--q->away == 0 && q->stop)
		pthread_cond_broadcast(&q->work);
}

static void work_again(struct exchange *ex)
{
	struct queue *q = &ex->server->queue;
	bool wake;

	pthread_mutex_lock(&q->lock);
	ex->next = NULL;
	*q->again_last = ex;
	q->again_last = &ex->next;
	wake = wakes(q);
	/* while it holds the lock: the last one away may be what a stopping server waits for */
	if (wake)
		pthread_cond_signal(&q->work);
	came_back(q);
	pthread_mutex_unlock(&q->lock);
}

static void go_on(struct exchange *ex)
{
	struct queue *q = &ex->server->queue;

	atomic_store(&ex->away, AWAY_NOT);
	if (ex->again) {
		work_again(ex);
		return;
	}
	/* It is gone once it was sent off, and the server, too, once nobody is away. */
	send_off(ex);
	pthread_mutex_lock(&q->lock);
	came_back(q);
	pthread_mutex_unlock(&q->lock);
}

void http_later(struct http_exchange *x)
{
	struct exchange *ex = x->internal;
	struct queue *q = &ex->server->queue;

	pthread_mutex_lock(&q->lock);
	q->away++;
	pthread_mutex_unlock(&q->lock);
	atomic_store(&ex->away, AWAY_HANDLER);
}

static void come_back(struct exchange *ex)
{
	int with_handler = AWAY_HANDLER;

	if (!atomic_compare_exchange_strong(&ex->away, &with_handler, AWAY_BACK))
		go_on(ex);
}

void http_finish(struct http_exchange *x)
{
	come_back(x->internal);
}

void http_again(struct http_exchange *x, void (*fn)(void *ctx, struct http_exchange *x, int worker))
{
	struct exchange *ex = x->internal;

	ex->again = fn;
	come_back(ex);
}

/* Whether the handler has handed it over; then it may be gone already. */
static bool let_go(struct exchange *ex)
{
	int with_handler = AWAY_HANDLER;

	if (atomic_load(&ex->away) == AWAY_NOT)
		return false;
	if (!atomic_compare_exchange_strong(&ex->away, &with_handler, AWAY_OTHERS))
		go_on(ex);
	return true;
}

/* ---- a worker ---- */

static void work(struct http_server *s, struct exchange *ex, int number)
{
	run_handler(s, ex, number);
	if (let_go(ex))
		return;
	if (ex->x.stream)
		stream_end(ex);
	else
		send_off(ex);
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
	q->again_last = &q->again;
	q->max = s->config.queue_max > 0 ? s->config.queue_max : HTTP_QUEUE_MAX;
	s->workers = calloc(n, sizeof(*s->workers));
	s->worker_starts = calloc(n, sizeof(*s->worker_starts));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	pthread_mutex_lock(&q->lock);
	while (s->workers && s->worker_starts && s->worker_count < n) {
		int i = s->worker_count;

		s->worker_starts[i] = (struct worker_start){s, i};
		if (pthread_create(&s->workers[i], &attr, worker, &s->worker_starts[i]))
			break;
		s->worker_count++;
	}
	q->alive = s->worker_count;
	pthread_mutex_unlock(&q->lock);
	pthread_attr_destroy(&attr);
	if (s->worker_count == n)
		return true;
	workers_stop(s, STOP_STARTED_MS);
	return false;
}

/* Whom no worker has taken yet is told so, even when all of them are busy with something endless. */
static void refuse_waiting(struct http_server *s, bool all)
{
	struct queue *q = &s->queue;
	struct exchange *ex;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		ex = q->first && (all || is_late(q->first)) ? take(q) : NULL;
		pthread_mutex_unlock(&q->lock);
		if (!ex)
			return;
		refuse_late(ex);
		loop_resume(ex);
	}
}

/* Some versions of the C library lose a signal once in a great while. */
static void wake_again(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->waking = 0;
	if (wakes(q))
		pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
}

void workers_refuse_late(struct http_server *s)
{
	refuse_waiting(s, false);
	wake_again(&s->queue);
}

static bool wait_for_workers(struct queue *q, int ms)
{
	int64_t until = clock_mono_ns() + (int64_t)ms * 1000000;
	int alive;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		alive = q->alive;
		pthread_mutex_unlock(&q->lock);
		if (alive == 0 || clock_mono_ns() >= until)
			return alive == 0;
		nanosleep(&(struct timespec){.tv_nsec = STOP_STEP_MS * 1000000L}, NULL);
	}
}

bool workers_stop(struct http_server *s, int ms)
{
	pthread_mutex_lock(&s->queue.lock);
	s->queue.stop = true;
	pthread_cond_broadcast(&s->queue.work);
	pthread_mutex_unlock(&s->queue.lock);
	refuse_waiting(s, true);
	if (!wait_for_workers(&s->queue, ms))
		return false;
	for (int i = 0; i < s->worker_count; i++)
		pthread_join(s->workers[i], NULL);
	free(s->workers);
	free(s->worker_starts);
	s->workers = NULL;
	s->worker_starts = NULL;
	s->worker_count = 0;
	return true;
}
