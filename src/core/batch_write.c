/* batch_write.c - one transaction of many groups, and what is done when it fails. */
#include "core/batch_private.h"

#include <stdlib.h>
#include "core/app.h"
#include "core/tx_who.h"
#include "io/pg_session.h"
#include "sql.h"

#define STEPS 2
#define NOBODY (-1) /* at fault */
/* One tenant's rows may be locked for long: for others' cells that are locked meanwhile, no longer than this. By itself it waits as everybody does. */
#define LOCK_TOGETHER "300ms"

/* How an attempt ended. */
struct ending {
	enum err error;	  /* OK: committed */
	long group;	  /* that is at fault, or NOBODY */
	bool refused;	  /* by its own reading of the rows, not by the database */
	bool retry, sent; /* may succeed next time; the Sync was sent */
	char constraint[64];
};

struct attempt {
	struct batch *b;
	struct pg_session *c;
	struct arena *a;
	const struct batch_group *groups;
	size_t n;
	struct query *queries[STEPS]; /* by group */
	size_t *expected;	      /* the group of each reply that is due: step * n + group; n * STEPS: a binding */
	size_t due, read;
	size_t bound; /* the group whose tenant the transaction is bound to, from 1 */
	struct ending *end;
};

/* ---- sending ---- */

static enum err fault(struct attempt *t, enum err e, long group)
{
	if (!t->end->error)
		*t->end = (struct ending){.error = e, .group = group, .sent = t->end->sent};
	return t->end->error;
}

/* The connection's own failure is nobody's fault. */
static enum err fault_of(struct attempt *t, enum err e, size_t group)
{
	return fault(t, e, pg_broken(t->c) ? NOBODY : (long)group);
}

/* Who is at work is said once: the tenant alone changes. */
static enum err bind(struct attempt *t, size_t group)
{
	const struct tx_who who = {.role = t->b->role};
	const bool first = t->due == 0;
	char text[UUID_TEXT_BYTES];
	struct str origin = {0};
	enum err e;

	if (t->bound == group + 1)
		return OK;
	if (first && (e = tx_who_text(&who, t->a, &origin)))
		return e;
	uuid_text(t->groups[group].tenant, text);
	const struct pg_param in[] = {P_TEXT(str_make(text, sizeof text)), P_TEXT(origin),
	    P_TEXT_OR_NULL(t->n > 1 ? S(LOCK_TOGETHER) : (struct str){0})};

	t->expected[t->due++] = t->n * STEPS;
	t->bound = group + 1;
	return pg_send(t->c, first ? &SQL_tx_bind_many : &SQL_tx_bind_read, in, first ? 3 : 1);
}

static enum err send_step(struct attempt *t, size_t step)
{
	const struct batch_step *s = &t->b->room->steps[step];
	enum err e;

	for (size_t i = 0; i < t->n; i++) {
		struct query *q = &t->queries[step][i];

		if ((e = s->make(t->b->ctx, &t->groups[i], t->a, q)))
			return fault(t, e, (long)i);
		if (!q->sql)
			continue;
		if ((e = bind(t, i)) || (e = pg_send(t->c, q->sql, q->in, q->in_count)))
			return fault_of(t, e, i);
		t->expected[t->due++] = step * t->n + i;
	}
	return OK;
}

/* ---- reading ---- */

static enum err take_rows(struct attempt *t, size_t at, const struct pg_result *r)
{
	size_t step = at / t->n, group = at % t->n;
	const struct batch_step *s = &t->b->room->steps[step];
	const struct query *q = &t->queries[step][group];
	size_t n = (size_t)pg_result_rows(r);
	struct pg_layout layout;
	const char *bad;
	char *rows;
	enum err e;

	if ((e = pg_layout(r, q, &layout, &bad)))
		return fault(t, e, (long)group);
	if (!(rows = arena_alloc_array(t->a, n + 1, s->row_size)))
		return fault(t, ERR_MEMORY, (long)group);
	for (size_t i = 0; i < n; i++)
		if ((e = pg_row(r, (int)i, &layout, t->a, rows + i * s->row_size)))
			return fault(t, e, (long)group);
	if ((e = s->take(t->b->ctx, &t->groups[group], rows, n))) {
		fault(t, e, (long)group);
		t->end->refused = true;
	}
	return e;
}

/* A statement that failed, or was skipped because of one: the first is at fault. */
static void note_fault(struct attempt *t, size_t at)
{
	const struct pg_fault *f = pg_fault(t->c);

	if (t->end->error)
		return;
	/* a server that shuts down, or whose disk is full, says so to whoever comes first */
	fault(t, f->error ? f->error : ERR_INTERNAL,
	    at < t->n * STEPS && f->error != ERR_UNAVAILABLE ? (long)(at % t->n) : NOBODY);
	t->end->retry = f->retry;
	memcpy(t->end->constraint, f->constraint, sizeof f->constraint);
}

static enum err read_reply(struct attempt *t, bool *sync)
{
	struct pg_reply reply;
	size_t at;
	enum err e;

	if ((e = pg_next(t->c, pg_reply_deadline(t->c), &reply)))
		return fault(t, e, NOBODY);
	*sync = reply.sync;
	if (reply.sync)
		return OK;
	at = t->read < t->due ? t->expected[t->read++] : t->n * STEPS;
	if (reply.error)
		note_fault(t, at);
	else if (at < t->n * STEPS && !t->end->error)
		(void)take_rows(t, at, reply.result);
	if (reply.result)
		pg_result_clear(reply.result);
	return OK;
}

/* Everything that was sent so far. */
static enum err read_due(struct attempt *t)
{
	bool sync = false;
	enum err e = OK;

	for (size_t due = pg_due(t->c); due > 0 && !e; due--)
		e = read_reply(t, &sync);
	return e ? e : t->end->error;
}

/* Up to the Sync; without it nobody knows whether the server committed. */
static void read_all(struct attempt *t)
{
	bool sync = false;

	while (!sync && !read_reply(t, &sync))
		;
	if (!sync) {
		*t->end = (struct ending){.error = ERR_OUTCOME_UNKNOWN, .group = NOBODY, .sent = true};
		return;
	}
	if (!t->end->error && pg_fault(t->c)->error) /* the commit itself */
		note_fault(t, t->n * STEPS);
	/* The server committed here but gave up waiting for its standby. */
	if (!t->end->error && pg_warned(t->c))
		fault(t, ERR_OUTCOME_UNKNOWN, NOBODY);
}

/* ---- one attempt ---- */

static void undo(struct attempt *t)
{
	int64_t deadline = clock_mono_ns() + (int64_t)PG_ROLLBACK_TIMEOUT_MS * 1000000;

	if (!pg_broken(t->c) && !pg_send_rollback(t->c) && !pg_send_sync(t->c))
		(void)pg_drain(t->c, deadline);
}

static bool counts(const struct attempt *t)
{
	const struct batch_room *r = t->b->room;

	for (size_t i = 0; r->counts && i < t->n; i++)
		if (r->counts(t->b->ctx, &t->groups[i]))
			return true;
	return false;
}

static enum err step_and_read(struct attempt *t, size_t step)
{
	const size_t before = t->due;
	enum err e;

	if ((e = send_step(t, step)))
		return e;
	if (t->due == before)
		return OK;
	if (pg_send_flush(t->c))
		return fault(t, ERR_UNAVAILABLE, NOBODY);
	return read_due(t);
}

/* What is counted depends on what was stored, and its answer decides, so both are read before the Sync is sent. */
static void converse(struct attempt *t)
{
	if (counts(t) ? step_and_read(t, 0) || step_and_read(t, 1) : send_step(t, 0)) {
		undo(t);
		return;
	}
	t->end->sent = true;
	if (pg_send_sync(t->c))
		*t->end = (struct ending){.error = ERR_OUTCOME_UNKNOWN, .group = NOBODY, .sent = true};
	else
		read_all(t);
}

static void attempt(struct batch *b, const struct batch_group *groups, size_t n, struct arena *a, struct ending *end)
{
	struct attempt t = {.b = b, .a = a, .groups = groups, .n = n, .end = end};
	struct pg_pool *pool = b->app->pools[b->role];
	enum err e;

	*end = (struct ending){.group = NOBODY};
	for (size_t i = 0; i < STEPS; i++)
		t.queries[i] = arena_array(a, struct query, n);
	t.expected = arena_array(a, size_t, 2 * STEPS * n);
	if (!t.queries[0] || !t.queries[1] || !t.expected) {
		end->error = ERR_MEMORY;
		return;
	}
	if ((e = pg_take(pool, &t.c))) {
		end->error = e;
		return;
	}
	converse(&t);
	if (!end->error)
		b->commits++;
	pg_give(pool, t.c);
}

/* ---- until all are told ---- */

static void tell(struct batch *b, const struct batch_group *g, enum err e)
{
	for (size_t i = 0; i < g->n; i++) {
		enum err own = e ? e : g->items[i]->outcome;

		b->items += !own;
		b->room->done(b->ctx, g->items[i], own);
	}
}

static void tell_all(struct batch *b, const struct batch_group *groups, size_t n, enum err e)
{
	for (size_t i = 0; i < n; i++)
		tell(b, &groups[i], e);
}

static void log_failure(struct batch *b, const struct ending *end, size_t items)
{
	struct log_field line[] = {LF_STR(COMPONENT, str_from(b->room->name)),
	    LF_STR(CODE, str_from(err_slug(end->error))), LF_INT(COUNT, (int64_t)items)};

	if (b->app->log)
		log_event(b->app->log, LOG_WARN, "batch_undone", line, countof(line));
}

static void write_alone(struct batch *b, struct batch_group *g, struct arena *a)
{
	b->alone++;
	b->room->alone(b->ctx, g, a);
	tell(b, g, OK);
}

static void write_groups(struct batch *b, struct batch_group *groups, size_t n, struct arena *a);

static void write_halves(struct batch *b, struct batch_group *g, struct arena *a)
{
	size_t half = g->n / 2;
	struct batch_group first = {g->tenant, g->items, half};
	/* once the first are told their structs are gone */
	struct batch_group rest = {&g->items[half]->tenant, g->items + half, g->n - half};

	write_groups(b, &first, 1, a);
	write_groups(b, &rest, 1, a);
}

/* A group that could not be stored, with others or by itself, once the others have been. */
static void settle_group(struct batch *b, struct batch_group *g, const struct ending *end, bool others, struct arena *a)
{
	enum err e = b->room->blame ? b->room->blame(b->ctx, end->error, end->constraint) : OK;

	if (end->refused && end->error == ERR_LIMIT && b->room->alone)
		write_alone(b, g, a);
	else if (e)
		tell(b, g, e);
	else if (end->error == ERR_BUSY && others)
		write_groups(b, g, 1, a);
	/* a lock that others hold, or memory: none of the items is to blame more than another */
	else if (g->n == 1 || end->error == ERR_BUSY || end->error == ERR_MEMORY)
		tell(b, g, end->error);
	else
		write_halves(b, g, a);
}

static void remove_group(struct batch_group *groups, size_t *n, size_t at, struct batch_group *out)
{
	*out = groups[at];
	memmove(groups + at, groups + at + 1, (--*n - at) * sizeof *groups);
}

/* Failures that are no group's: true when another attempt is worth while, else all have been told. */
static bool once_more(struct batch *b, struct batch_group *groups, size_t n, const struct ending *end, int tries)
{
	bool lost = !end->sent && end->error == ERR_UNAVAILABLE;

	if (tries < TX_ATTEMPTS_MAX && (end->retry || (lost && tries < 2)))
		return true;
	if (end->group == NOBODY || end->error == ERR_UNAVAILABLE || end->retry) {
		tell_all(b, groups, n, end->error);
		return false;
	}
	return true;
}

static void write_groups(struct batch *b, struct batch_group *groups, size_t n, struct arena *a)
{
	struct batch_group culprit;
	struct ending end;
	bool others;
	int tries = 0;

	while (n > 0) {
		attempt(b, groups, n, a, &end);
		if (!end.error) {
			tell_all(b, groups, n, OK);
			return;
		}
		b->redone++;
		log_failure(b, &end, groups[0].n);
		if (!once_more(b, groups, n, &end, ++tries))
			return;
		if (end.group == NOBODY || end.retry)
			continue;
		others = n > 1;
		remove_group(groups, &n, (size_t)end.group, &culprit);
		write_groups(b, groups, n, a);
		settle_group(b, &culprit, &end, others, a);
		return;
	}
}

/* ---- what is taken at once ---- */

static int in_order(const void *x, const void *y, void *room)
{
	const struct batch_item *a = *(struct batch_item *const *)x, *b = *(struct batch_item *const *)y;
	const struct batch_room *r = room;
	int by_tenant = memcmp(&a->tenant, &b->tenant, sizeof a->tenant), own;

	if (by_tenant)
		return by_tenant;
	own = r->compare ? r->compare(a, b) : 0;
	return own ? own : (a->turn > b->turn) - (a->turn < b->turn);
}

static size_t group_up(struct batch_item **items, size_t n, struct batch_group *groups)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		items[i]->outcome = OK;
		if (i == 0 || !uuid_eq(&items[i]->tenant, &items[i - 1]->tenant))
			groups[count++] = (struct batch_group){&items[i]->tenant, &items[i], 0};
		groups[count - 1].n++;
	}
	return count;
}

void batch_write(struct batch *b, struct batch_item **items, size_t n, struct arena *a)
{
	struct batch_group groups[BATCH_ITEMS_MAX], own;
	size_t count;

	qsort_r(items, n, sizeof *items, in_order, (void *)(uintptr_t)b->room);
	count = group_up(items, n, groups);
	for (size_t i = count; i-- > 0;) {
		if (!b->room->prefers_alone || !b->room->prefers_alone(b->ctx, &groups[i]))
			continue;
		remove_group(groups, &count, i, &own);
		write_alone(b, &own, a);
	}
	write_groups(b, groups, count, a);
}
