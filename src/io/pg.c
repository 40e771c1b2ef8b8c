#include "io/pg.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_private.h"

/* The pool is a stack of idle connections: the one given back last goes out first, so that spare ones grow old at the bottom
 * and are closed there. Connections are made and closed outside the lock. */

struct idle {
	struct pg_session *conn;
	int64_t since_ns;
};

struct pg_pool {
	struct arena arena;
	struct pg_pool_config config;
	pthread_mutex_t lock;
	pthread_cond_t given; /* a connection came back, or a place is free */
	struct idle *idle;    /* config.max places */
	int idle_count, open, waiting;
	bool down;			   /* the server is away, or hangs; until one caller got through to it */
	int64_t down_until_ns;		   /* while down nobody tries before this */
	_Atomic int64_t heard_ns, dead_ns; /* when bytes last came; when it was last found silent */
	atomic_bool asking;
};

#define POOL_ARENA_MAX_BYTES (1 * MB)

enum err pg_pool_open(const struct pg_pool_config *config, struct pg_pool **out, const char **why)
{
	struct arena a;
	struct pg_pool *p;
	pthread_condattr_t attr;

	if (config->keep < 1 || config->max < config->keep) {
		*why = "database_pool_max is smaller than database_pool_size";
		return ERR_SETTING;
	}
	arena_init(&a, &arena_malloc, POOL_ARENA_MAX_BYTES);
	p = arena_new(&a, struct pg_pool);
	if (p) {
		p->config = *config;
		p->config.conninfo = str_cstr(&a, str_from(config->conninfo));
		p->config.application_name = str_cstr(&a, str_from(config->application_name));
		p->idle = arena_array(&a, struct idle, (size_t)config->max);
	}
	if (!p || !p->config.conninfo || !p->config.application_name || !p->idle) {
		arena_free(&a);
		*why = "out of memory";
		return ERR_MEMORY;
	}
	p->arena = a;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->given, &attr);
	pthread_condattr_destroy(&attr);
	*out = p;
	return OK;
}

void pg_pool_close(struct pg_pool *p)
{
	struct arena a;

	if (!p)
		return;
	for (int i = 0; i < p->idle_count; i++)
		pg_session_close(p->idle[i].conn);
	pthread_cond_destroy(&p->given);
	pthread_mutex_destroy(&p->lock);
	a = p->arena; /* holds p itself */
	arena_free(&a);
}

/* Takes the longest idle connection out when there are more than `keep` and it has waited for long. Called with the lock held. */
static struct pg_session *spare(struct pg_pool *p, int64_t now_ns)
{
	struct pg_session *c;

	if (p->open <= p->config.keep || p->idle_count == 0 ||
	    now_ns - p->idle[0].since_ns < (int64_t)PG_IDLE_CHECK_MS * 1000000)
		return NULL;
	c = p->idle[0].conn;
	p->idle_count--;
	memmove(p->idle, p->idle + 1, (size_t)p->idle_count * sizeof(*p->idle));
	p->open--;
	return c;
}

void pg_pool_counts(struct pg_pool *p, struct pg_pool_counts *out)
{
	struct pg_session *old;

	pthread_mutex_lock(&p->lock);
	old = spare(p, clock_mono_ns());
	*out = (struct pg_pool_counts){.open = p->open,
	    .idle = p->idle_count,
	    .used = p->open - p->idle_count,
	    .waiting = p->waiting,
	    .max = p->config.max};
	pthread_mutex_unlock(&p->lock);
	pg_session_close(old);
}

static void forget(struct pg_pool *p, struct pg_session *c)
{
	pg_session_close(c);
	pthread_mutex_lock(&p->lock);
	p->open--;
	pthread_cond_signal(&p->given);
	pthread_mutex_unlock(&p->lock);
}

/* A round trip that does nothing. */
static bool answers(struct pg_session *c, int timeout_ms)
{
	int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;

	return !pg_send_sync(c) && !pg_drain(c, deadline) && pg_idle(c);
}

/* Fit to go out? Too old ones are replaced; one that was idle for long is asked first. */
enum fitness { FIT, WORN, MUTE };

static enum fitness fitness(struct pg_pool *p, const struct idle *i, int64_t now_ns)
{
	if (now_ns - pg_session_born_ns(i->conn) > (int64_t)p->config.recycle_s * 1000000000 ||
	    !pg_session_quiet(i->conn))
		return WORN;
	if (now_ns - i->since_ns < (int64_t)PG_IDLE_CHECK_MS * 1000000 || answers(i->conn, PG_ASK_TIMEOUT_MS))
		return FIT;
	return MUTE;
}

/* ---- a server that is away, or hangs ---- */

/* Called with the lock held. */
static void mark_down(struct pg_pool *p)
{
	p->down = true;
	p->down_until_ns = clock_mono_ns() + (int64_t)PG_RECONNECT_PAUSE_MS * 1000000;
	pthread_cond_broadcast(&p->given); /* those who wait are told at once */
}

static void mark_up(struct pg_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->down = false;
	pthread_mutex_unlock(&p->lock);
}

bool pg_pool_down(struct pg_pool *p)
{
	bool down;

	pthread_mutex_lock(&p->lock);
	down = p->down;
	pthread_mutex_unlock(&p->lock);
	return down;
}

void pg_pool_heard(struct pg_pool *p)
{
	atomic_store_explicit(&p->heard_ns, clock_mono_ns(), memory_order_relaxed);
}

bool pg_pool_silent(struct pg_pool *p, int64_t from_ns)
{
	const int64_t long_ns = (int64_t)PG_SILENCE_MS * 1000000;
	int64_t now_ns = clock_mono_ns();
	bool spoke;

	if (atomic_load(&p->dead_ns) > from_ns)
		return true;
	if (now_ns - from_ns < long_ns || now_ns - atomic_load(&p->heard_ns) < long_ns ||
	    atomic_exchange(&p->asking, true))
		return false;
	spoke = pg_server_answers(&p->config, PG_ASK_TIMEOUT_MS);
	if (spoke) {
		pg_pool_heard(p);
	} else {
		atomic_store(&p->dead_ns, clock_mono_ns());
		log_message(p->config.log, LOG_ERROR, "database_silent", str_from(p->config.application_name));
		pthread_mutex_lock(&p->lock);
		mark_down(p);
		pthread_mutex_unlock(&p->lock);
	}
	atomic_store(&p->asking, false);
	return !spoke;
}

static enum err make(struct pg_pool *p, struct pg_session **out)
{
	const char *why;
	enum err e = pg_session_open(&p->config, out, &why);

	if (!e) {
		(*out)->pool = p;
		mark_up(p);
		return OK;
	}
	pthread_mutex_lock(&p->lock);
	p->open--;
	mark_down(p);
	pthread_mutex_unlock(&p->lock);
	return e;
}

/* What take() finds with the lock held. */
enum found { FOUND_IDLE, FOUND_PLACE, FOUND_NONE, FOUND_DOWN };

static enum found look(struct pg_pool *p, int64_t now_ns, struct idle *idle)
{
	if (p->down) {
		if (now_ns < p->down_until_ns)
			return FOUND_DOWN;
		/* This caller tries; the others are told at once as long as that may take. */
		p->down_until_ns = now_ns + (int64_t)(PG_ASK_TIMEOUT_MS + PG_CONNECT_TIMEOUT_MS) * 1000000;
	}
	if (p->idle_count > 0) {
		*idle = p->idle[--p->idle_count];
		if (p->down) /* asked before it goes out, however fresh it is */
			idle->since_ns = now_ns - (int64_t)PG_IDLE_CHECK_MS * 1000000;
		return FOUND_IDLE;
	}
	if (p->open < p->config.max) {
		p->open++;
		return FOUND_PLACE;
	}
	return FOUND_NONE;
}

enum err pg_take(struct pg_pool *p, struct pg_session **out)
{
	int64_t deadline_ns = clock_mono_ns() + (int64_t)p->config.acquire_ms * 1000000;
	struct timespec until = {deadline_ns / 1000000000, deadline_ns % 1000000000};

	for (;;) {
		struct idle idle;
		enum found found;
		int late = 0;

		pthread_mutex_lock(&p->lock);
		while ((found = look(p, clock_mono_ns(), &idle)) == FOUND_NONE && !late) {
			p->waiting++;
			late = pthread_cond_timedwait(&p->given, &p->lock, &until);
			p->waiting--;
		}
		pthread_mutex_unlock(&p->lock);
		if (found == FOUND_NONE)
			return ERR_BUSY;
		if (found == FOUND_DOWN)
			return ERR_UNAVAILABLE;
		if (found == FOUND_PLACE)
			return make(p, out);
		switch (fitness(p, &idle, clock_mono_ns())) {
		case FIT:
			mark_up(p);
			*out = idle.conn;
			return OK;
		case MUTE: /* a new one takes its place: one more like it would cost as much time again */
			pg_session_close(idle.conn);
			return make(p, out);
		case WORN:
			forget(p, idle.conn);
		}
	}
}

void pg_give(struct pg_pool *p, struct pg_session *c)
{
	struct pg_session *old;
	int64_t now_ns = clock_mono_ns();

	if (!pg_idle(c)) {
		forget(p, c);
		return;
	}
	pg_fault_clear(c);
	pthread_mutex_lock(&p->lock);
	p->idle[p->idle_count++] = (struct idle){c, now_ns};
	old = spare(p, now_ns);
	pthread_cond_signal(&p->given);
	pthread_mutex_unlock(&p->lock);
	pg_session_close(old);
}

enum err pg_pool_ping(struct pg_pool *p, int timeout_ms)
{
	struct pg_session *c;
	enum err e;
	bool alive;

	if ((e = pg_take(p, &c)))
		return e == ERR_BUSY ? OK : e; /* all are at work: the database lives */
	alive = answers(c, timeout_ms);
	pg_give(p, c);
	return alive ? OK : ERR_UNAVAILABLE;
}

static enum err check_reply(struct pg_session *c, const struct pg_reply *reply, struct arena *a, struct str *why)
{
	const struct pg_fault *f = pg_fault(c);
	struct buf b;

	if (!reply->error &&
	    (!reply->result || (unsigned)pg_described_params(reply->result) == reply->statement->params))
		return OK;
	buf_init(&b, a, 1 * KB);
	buf_add(&b, S("statement "));
	buf_add(&b, str_from((reply->error && f->statement ? f->statement : reply->statement)->name));
	buf_add(&b, S(": "));
	buf_add(&b, reply->error ? str_from(f->message) : S("the server counts its parameters otherwise"));
	(void)buf_done(&b, why);
	return ERR_INTERNAL;
}

enum err pg_pool_check(struct pg_pool *p, struct arena *a, struct str *why)
{
	struct pg_reply reply;
	struct pg_session *c;
	enum err e, found = OK;

	*why = S("the database does not answer");
	if ((e = pg_take(p, &c)))
		return e;
	for (unsigned i = 0; i < sql_count && !e; i++) {
		if (!(sql_all[i]->roles & (1u << p->config.role)))
			continue;
		e = pg_prepare(c, sql_all[i]);
		if (!e)
			e = pg_describe(c, sql_all[i]);
	}
	if (!e)
		e = pg_send_sync(c);
	while (!e && !(e = pg_next(c, pg_reply_deadline(c), &reply)) && !reply.sync) {
		if (!found)
			found = check_reply(c, &reply, a, why);
		if (reply.result)
			pg_result_clear(reply.result);
	}
	pg_give(p, c);
	return e ? e : found;
}
