#include "core/job_worker.h"

#include <errno.h>
#include <pthread.h>
#include "core/job_private.h"
#include "sql.h"

#define NS_PER_MS 1000000LL
#define SCRATCH_MAX_BYTES (16 * MB)
#define CLAIMS_MAX_BYTES (JOB_THREADS_MAX * (UUID_TEXT_BYTES + 1))
#define JOIN_STEP_MS 20
#define BUSY_MS 50 /* something is due, but others are just at it */

struct job_worker {
	struct app *app;
	struct job_worker_config config;
	struct str names, leases; /* of what it runs, parted by spaces */
	struct redis_listener listener;
	pthread_t threads[JOB_THREADS_MAX], heart;
	int thread_count;
	bool heart_started;
	struct job_outside outside;
	pthread_mutex_t lock;	/* everything below */
	pthread_cond_t changed; /* on the monotonic clock */
	uint64_t calls;		/* grows with each reason to look for work */
	bool stopping, heart_stop, deaf;
	bool entered; /* the periodic jobs are */
	int alive;
	struct job_run *runs;
	struct uuid turn; /* the tenant that was looked at last */
};

static void call(struct job_worker *w, bool all)
{
	pthread_mutex_lock(&w->lock);
	w->calls++;
	if (all)
		pthread_cond_broadcast(&w->changed);
	else
		pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* ---- hearing of new jobs ---- */

static void heard(void *ctx, struct str message)
{
	(void)message;
	call(ctx, false);
}

static void set_deaf(struct job_worker *w, bool deaf)
{
	pthread_mutex_lock(&w->lock);
	w->deaf = deaf;
	pthread_mutex_unlock(&w->lock);
	call(w, true);
}

static void lost(void *ctx)
{
	set_deaf(ctx, true);
}

static void joined(void *ctx)
{
	set_deaf(ctx, false);
}

/* Waits until somebody calls (`seen`: the calls before the last look), or for so long. False when the worker stops. */
static bool wait_for_call(struct job_worker *w, uint64_t seen, int64_t ms)
{
	struct timespec until;
	bool go_on;

	pthread_mutex_lock(&w->lock);
	if (ms > (w->deaf ? JOB_POLL_BLIND_MS : JOB_POLL_MS))
		ms = w->deaf ? JOB_POLL_BLIND_MS : JOB_POLL_MS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000 * NS_PER_MS);
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!w->stopping && w->calls == seen)
		if (pthread_cond_timedwait(&w->changed, &w->lock, &until) == ETIMEDOUT)
			break;
	go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

/* ---- taking a job ---- */

struct claimed {
	struct uuid id, tenant_id, turn;
	struct str type, ref;
	int64_t attempt;
};

struct taking {
	struct job_worker *w;
	struct job_run *run;
	struct claimed job;
	struct uuid turn;
	struct str names, leases; /* of what may be taken now, as the worker's */
	bool enter;
	int64_t next_ms; /* when there was none to take */
};

static enum err enter_periodic(struct tx *tx, struct taking *t)
{
	const struct job_type *const *type;

	for (type = t->w->config.types; *type; type++) {
		struct uuid id = uuid_new();
		const struct pg_param in[] = {P_UUID(&id), P_TEXT(str_from((*type)->name))};
		enum err e;

		if ((*type)->every_s > 0 && (e = tx_queue(tx, &Q_NO_OUT(SQL_job_periodic, in))))
			return e;
	}
	return OK;
}

static enum err take_in(struct tx *tx, void *ctx)
{
	struct next_row {
		int64_t ms;
	} next;
	static const struct pg_col next_cols[] = {COL(struct next_row, ms, PGT_INT)};
	static const struct pg_col cols[] = {COL(struct claimed, id, PGT_UUID),
	    COL(struct claimed, tenant_id, PGT_UUID), COL(struct claimed, type, PGT_TEXT),
	    COL(struct claimed, ref, PGT_TEXT), COL(struct claimed, attempt, PGT_INT),
	    COL(struct claimed, turn, PGT_UUID)};
	struct taking *t = ctx;
	const struct pg_param in[] = {P_TEXT(t->names), P_TEXT(t->leases), P_UUID(&t->run->claim), P_UUID(&t->turn)};
	const struct pg_param names[] = {in[0]};
	enum err e;

	if (t->enter && (e = enter_periodic(tx, t)))
		return e;
	e = tx_one(tx, &t->run->arena, &Q(SQL_job_claim, in, cols), &t->job);
	if (e != ERR_NOT_FOUND)
		return e;
	t->next_ms = INT64_MAX;
	e = tx_one(tx, &t->run->arena, &Q(SQL_job_next, names, next_cols), &next);
	if (!e)
		t->next_ms = next.ms > BUSY_MS ? next.ms : BUSY_MS;
	return e == ERR_NOT_FOUND ? OK : e;
}

/* OK: run->job is taken and on the list. ERR_NOT_FOUND: nothing is due; the next in *next_ms. */
static enum err take(struct job_worker *w, struct job_run *run, int64_t *next_ms)
{
	struct taking t = {.w = w, .run = run, .names = w->names, .leases = w->leases};
	enum err e;

	if (!run->outside && (e = job_types_inside(w->config.types, &run->arena, &t.names, &t.leases)))
		return e;
	pthread_mutex_lock(&w->lock);
	t.turn = w->turn;
	t.enter = !w->entered;
	pthread_mutex_unlock(&w->lock);
	run->claim = uuid_new();
	if ((e = tx_run(w->app, PG_WORKER, NULL, &run->scratch, take_in, &t)))
		return e;
	*next_ms = t.next_ms;
	run->job = (struct job){.app = w->app,
	    .arena = &run->arena,
	    .type = job_type_find(w->config.types, t.job.type),
	    .id = t.job.id,
	    .tenant_id = t.job.tenant_id,
	    .ref = t.job.ref,
	    .attempt = (int)t.job.attempt,
	    .run = run};
	pthread_mutex_lock(&w->lock);
	w->entered = true;
	if (run->job.type) {
		w->turn = t.job.turn;
		run->next = w->runs;
		w->runs = run;
	}
	pthread_mutex_unlock(&w->lock);
	return run->job.type ? OK : ERR_NOT_FOUND;
}

/* ---- running it ---- */

static void unlist(struct job_worker *w, struct job_run *run)
{
	struct job_run **at;

	pthread_mutex_lock(&w->lock);
	for (at = &w->runs; *at && *at != run; at = &(*at)->next)
		;
	if (*at)
		*at = run->next;
	pthread_mutex_unlock(&w->lock);
}

static void reset(struct job_run *run)
{
	arena_reset(&run->arena);
	arena_reset(&run->scratch);
	atomic_store(&run->cancel, false);
	atomic_store(&run->stop, false);
	atomic_store(&run->lost, false);
	atomic_store(&run->done, 0);
	atomic_store(&run->total, 0);
	run->told_ns = 0;
	run->completed = run->give_up = false;
	run->retry_ms = -1;
	run->failed = OK;
	run->message[0] = 0;
}

static void work(struct job_worker *w, struct job_run *run)
{
	for (;;) {
		uint64_t seen;
		int64_t next_ms = JOB_POLL_BLIND_MS, started; /* when the database does not answer */
		enum job_outcome outcome;
		bool stopping;
		enum err failed;

		pthread_mutex_lock(&w->lock);
		seen = w->calls;
		stopping = w->stopping;
		pthread_mutex_unlock(&w->lock);
		if (stopping)
			return;
		reset(run);
		run->outside = job_outside_take(&w->outside);
		failed = take(w, run, &next_ms);
		if (run->outside && (failed || !run->job.type->outside)) {
			job_outside_end(&w->outside);
			run->outside = false;
		}
		if (failed) {
			if (!wait_for_call(w, seen, next_ms))
				return;
			continue;
		}
		call(w, false); /* where one was, there may be more */
		started = clock_mono_ns();
		outcome = job_run_do(run);
		unlist(w, run);
		if (run->outside)
			job_outside_end(&w->outside);
		job_run_report(run, outcome, clock_mono_ns() - started);
	}
}

static void *work_thread(void *ctx)
{
	struct job_worker *w = ctx;
	struct job_run run = {0};

	arena_init(&run.arena, &arena_malloc, JOB_ARENA_MAX_BYTES);
	arena_init(&run.scratch, &arena_malloc, SCRATCH_MAX_BYTES);
	work(w, &run);
	arena_free(&run.scratch);
	arena_free(&run.arena);
	pthread_mutex_lock(&w->lock);
	w->alive--;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- the heartbeat ---- */

struct beat_row {
	struct uuid claim;
	bool cancel;
};

struct beat {
	struct arena *arena;
	struct str claims;
	struct uuid asked[JOB_THREADS_MAX];
	int asked_count;
	struct beat_row *rows;
	size_t n;
};

static enum err beat_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {
	    COL(struct beat_row, claim, PGT_UUID), COL(struct beat_row, cancel, PGT_BOOL)};
	struct beat *b = ctx;
	const struct pg_param in[] = {P_TEXT(b->claims)};
	void *rows;
	enum err e = tx_rows(tx, b->arena, &Q(SQL_job_beat, in, cols), sizeof(*b->rows), &rows, &b->n);

	b->rows = rows;
	return e;
}

static const struct beat_row *answer_for(const struct beat *b, const struct uuid *claim)
{
	for (size_t i = 0; i < b->n; i++)
		if (uuid_eq(&b->rows[i].claim, claim))
			return &b->rows[i];
	return NULL;
}

static void list_claims(struct job_worker *w, struct beat *b, struct buf *text)
{
	struct job_run *run;
	char id[UUID_TEXT_BYTES];

	pthread_mutex_lock(&w->lock);
	for (run = w->runs; run && b->asked_count < JOB_THREADS_MAX; run = run->next) {
		uuid_text(&run->claim, id);
		if (b->asked_count)
			buf_char(text, ' ');
		buf_add(text, str_make(id, sizeof(id)));
		b->asked[b->asked_count++] = run->claim;
	}
	pthread_mutex_unlock(&w->lock);
}

/* Of a run that has just ended the answer may come too late or say "lost": nobody asks it any more. */
static void tell_runs(struct job_worker *w, const struct beat *b)
{
	pthread_mutex_lock(&w->lock);
	for (struct job_run *run = w->runs; run; run = run->next)
		for (int i = 0; i < b->asked_count; i++) {
			const struct beat_row *row = answer_for(b, &b->asked[i]);

			if (!uuid_eq(&b->asked[i], &run->claim))
				continue;
			if (!row)
				atomic_store(&run->lost, true);
			else if (row->cancel)
				atomic_store(&run->cancel, true);
		}
	pthread_mutex_unlock(&w->lock);
}

static void beat_once(struct job_worker *w, struct arena *a)
{
	struct beat b = {.arena = a};
	struct buf text;

	buf_init(&text, a, CLAIMS_MAX_BYTES);
	list_claims(w, &b, &text);
	if (b.asked_count > 0 && !buf_done(&text, &b.claims) && !tx_run(w->app, PG_WORKER, NULL, a, beat_in, &b))
		tell_runs(w, &b);
	arena_reset(a);
}

static void *heart_thread(void *ctx)
{
	struct job_worker *w = ctx;
	struct timespec pause = {JOB_BEAT_MS / 1000, JOB_BEAT_MS % 1000 * NS_PER_MS};
	struct arena a;
	bool stop = false;

	arena_init(&a, &arena_malloc, SCRATCH_MAX_BYTES);
	while (!stop) {
		beat_once(w, &a);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&w->lock);
		stop = w->heart_stop;
		pthread_mutex_unlock(&w->lock);
	}
	arena_free(&a);
	return NULL;
}

/* ---- beginning and end ---- */

static enum err start_threads(struct job_worker *w)
{
	for (; w->thread_count < w->config.threads && w->thread_count < JOB_THREADS_MAX; w->thread_count++) {
		pthread_mutex_lock(&w->lock);
		w->alive++;
		pthread_mutex_unlock(&w->lock);
		if (pthread_create(&w->threads[w->thread_count], NULL, work_thread, w) == 0)
			continue;
		pthread_mutex_lock(&w->lock);
		w->alive--;
		pthread_mutex_unlock(&w->lock);
		return ERR_MEMORY;
	}
	w->heart_started = pthread_create(&w->heart, NULL, heart_thread, w) == 0;
	return w->heart_started ? OK : ERR_MEMORY;
}

enum err job_worker_start(
    struct app *app, const struct job_worker_config *config, struct arena *a, struct job_worker **out, struct str *why)
{
	struct job_worker *w = arena_new(a, struct job_worker);
	pthread_condattr_t attr;
	enum err e;

	*why = S("out of memory");
	if (!w)
		return ERR_MEMORY;
	w->app = app;
	w->config = *config;
	w->deaf = true;
	w->listener = (struct redis_listener){w, heard, lost, joined};
	if ((e = job_types_list(config, a, &w->names, &w->leases, why)))
		return e;
	pthread_mutex_init(&w->lock, NULL);
	job_outside_init(&w->outside, config->threads);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (config->wake && (e = redis_subscribe(config->wake, JOB_CHANNEL, &w->listener)))
		return e;
	if ((e = start_threads(w))) {
		(void)job_worker_stop(w, 0);
		return e;
	}
	*out = w;
	return OK;
}

/* Until every thread has ended, or so long. */
static bool all_ended(struct job_worker *w, int64_t ms)
{
	int64_t until = clock_mono_ns() + ms * NS_PER_MS;
	struct timespec pause = {0, JOIN_STEP_MS * NS_PER_MS};
	bool ended;

	for (;;) {
		pthread_mutex_lock(&w->lock);
		ended = w->alive == 0;
		pthread_mutex_unlock(&w->lock);
		if (ended || clock_mono_ns() >= until)
			return ended;
		nanosleep(&pause, NULL);
	}
}

static void tell_to_end(struct job_worker *w)
{
	pthread_mutex_lock(&w->lock);
	for (struct job_run *run = w->runs; run; run = run->next)
		atomic_store(&run->stop, true);
	pthread_mutex_unlock(&w->lock);
}

/* Under the lock, so that none of them ends and is taken apart meanwhile. */
static void give_back(struct job_worker *w)
{
	struct arena a;

	arena_init(&a, &arena_malloc, SCRATCH_MAX_BYTES);
	pthread_mutex_lock(&w->lock);
	for (struct job_run *run = w->runs; run; run = run->next)
		if (!job_run_give_back(run, &a))
			job_run_report(run, JOB_GIVEN_BACK, 0);
	pthread_mutex_unlock(&w->lock);
	arena_free(&a);
}

/* Those that have ended, or all of them. */
static void join_threads(struct job_worker *w, bool all)
{
	for (int i = 0; i < w->thread_count; i++) {
		if (all)
			pthread_join(w->threads[i], NULL);
		else
			(void)pthread_tryjoin_np(w->threads[i], NULL);
	}
	pthread_mutex_lock(&w->lock);
	w->heart_stop = true;
	pthread_mutex_unlock(&w->lock);
	if (w->heart_started)
		pthread_join(w->heart, NULL);
}

bool job_worker_stop(struct job_worker *w, int grace_ms)
{
	bool ended;

	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	ended = all_ended(w, grace_ms);
	if (!ended) {
		tell_to_end(w);
		ended = all_ended(w, JOB_STOP_MS);
	}
	if (!ended)
		give_back(w);
	join_threads(w, ended);
	return ended;
}
