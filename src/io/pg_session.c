#include "io/pg_session.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_private.h"

enum err pg_fail(struct pg_session *c)
{
	c->broken = true;
	c->fault.error = ERR_UNAVAILABLE;
	return ERR_UNAVAILABLE;
}

/* Waits for the socket. ERR_UNAVAILABLE at the deadline, or when the whole server is silent. */
enum err pg_wait(struct pg_session *c, short events, int64_t deadline_ns, short *got)
{
	struct pollfd fd = {.fd = PQsocket(c->pg), .events = events};
	int64_t from_ns = clock_mono_ns();

	for (;;) {
		int64_t left_ns = deadline_ns - clock_mono_ns();
		int n;

		if (left_ns <= 0 || fd.fd < 0)
			return pg_fail(c);
		if (c->pool && left_ns > (int64_t)PG_SILENCE_STEP_MS * 1000000)
			left_ns = (int64_t)PG_SILENCE_STEP_MS * 1000000;
		n = poll(&fd, 1, (int)(left_ns / 1000000) + 1);
		if (n > 0) {
			if (c->pool && (fd.revents & POLLIN))
				pg_pool_heard(c->pool);
			if (got)
				*got = fd.revents;
			return OK;
		}
		if ((n < 0 && errno != EINTR) || (n == 0 && c->pool && pg_pool_silent(c->pool, from_ns)))
			return pg_fail(c);
	}
}

int64_t pg_session_born_ns(const struct pg_session *c)
{
	return c->born_ns;
}

bool pg_broken(const struct pg_session *c)
{
	return c->broken || PQstatus(c->pg) != CONNECTION_OK;
}

bool pg_idle(const struct pg_session *c)
{
	return !pg_broken(c) && !c->stale && c->head == c->tail && PQtransactionStatus(c->pg) == PQTRANS_IDLE;
}

bool pg_warned(const struct pg_session *c)
{
	return c->warned;
}

const struct pg_fault *pg_fault(const struct pg_session *c)
{
	return &c->fault;
}

void pg_fault_clear(struct pg_session *c)
{
	memset(&c->fault, 0, sizeof(c->fault));
}

int64_t pg_reply_deadline(const struct pg_session *c)
{
	return clock_mono_ns() + (int64_t)c->reply_ms * 1000000;
}

bool pg_session_quiet(struct pg_session *c)
{
	struct pollfd fd = {.fd = PQsocket(c->pg), .events = POLLIN};

	if (!pg_idle(c))
		return false;
	/* Nothing is expected: what is there is an end of file, or the server's farewell. */
	return poll(&fd, 1, 0) == 0;
}

/* ---- sending ---- */

static enum err expect(struct pg_session *c, enum sent_kind kind, const struct pg_statement *s)
{
	if (c->tail == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct sent *bigger = arena_grow(&c->arena, c->queue, c->cap * sizeof(*bigger), cap * sizeof(*bigger));

		if (!bigger)
			return pg_fail(c);
		c->queue = bigger;
		c->cap = cap;
	}
	c->queue[c->tail++] = (struct sent){.kind = kind, .statement = s};
	return OK;
}

/* Called after the head was answered. */
static void answered(struct pg_session *c)
{
	if (++c->head == c->tail)
		c->head = c->tail = 0;
}

/* Writes what libpq holds back; reads meanwhile, because a server whose replies nobody takes stops reading. */
static enum err push(struct pg_session *c)
{
	int64_t deadline = pg_reply_deadline(c);

	for (;;) {
		int left = PQflush(c->pg);
		short got = 0;
		enum err e;

		if (left == 0)
			return OK;
		if (left < 0)
			return pg_fail(c);
		if ((e = pg_wait(c, POLLIN | POLLOUT, deadline, &got)))
			return e;
		if ((got & (POLLIN | POLLHUP | POLLERR)) && !PQconsumeInput(c->pg))
			return pg_fail(c);
	}
}

enum err pg_prepare(struct pg_session *c, const struct pg_statement *s)
{
	if (c->prepared[s->index] != PREPARED_NOT)
		return OK;
	if (!PQsendPrepare(c->pg, s->name, s->text, 0, NULL))
		return pg_fail(c);
	c->prepared[s->index] = PREPARED_SENT;
	return expect(c, SENT_PREPARE, s);
}

enum err pg_describe(struct pg_session *c, const struct pg_statement *s)
{
	if (!PQsendDescribePrepared(c->pg, s->name))
		return pg_fail(c);
	return expect(c, SENT_DESCRIBE, s);
}

enum err pg_send(struct pg_session *c, const struct pg_statement *s, const struct pg_param *in, size_t n)
{
	struct pg_wire wire;
	enum err e;

	if (pg_broken(c))
		return pg_fail(c);
	if (n != s->params)
		return ERR_INTERNAL;
	arena_reset(&c->scratch);
	if ((e = pg_params_encode(in, n, &c->scratch, &wire)) || (e = pg_prepare(c, s)))
		return e;
	if (!PQsendQueryPrepared(c->pg, s->name, (int)n, wire.values, wire.lengths, wire.formats, 1))
		return pg_fail(c);
	return expect(c, SENT_STATEMENT, s);
}

enum err pg_send_flush(struct pg_session *c)
{
	if (pg_broken(c) || !PQsendFlushRequest(c->pg))
		return pg_fail(c);
	return push(c);
}

enum err pg_send_sync(struct pg_session *c)
{
	enum err e;

	/* From here on a warning may be the commit's. It cannot be told from one of a statement still unread, because libpq hands it
	 * out before that statement's result. */
	c->warned = false;
	if (pg_broken(c) || !PQpipelineSync(c->pg))
		return pg_fail(c);
	if ((e = expect(c, SENT_SYNC, NULL)))
		return e;
	return push(c);
}

static enum err send_plain(struct pg_session *c, const char *command)
{
	if (pg_broken(c) || !PQsendQueryParams(c->pg, command, 0, NULL, NULL, NULL, NULL, 1))
		return pg_fail(c);
	return expect(c, SENT_OTHER, NULL);
}

enum err pg_send_rollback(struct pg_session *c)
{
	enum err e;

	/* ROLLBACK alone would undo an implicit transaction too, but with a warning in the server's log each time.
	 * BEGIN first turns what has happened so far into an explicit one. */
	if ((e = send_plain(c, "begin")))
		return e;
	return send_plain(c, "rollback");
}

void pg_scan(struct pg_session *c)
{
	if (c->tail > c->head)
		c->queue[c->tail - 1].scan = true;
}

/* ---- replies ---- */

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* The first failure of a segment is kept: the later ones follow from it. */
static void record_fault(struct pg_session *c, const PGresult *r, const struct pg_statement *s)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (c->fault.error)
		return;
	copy_text(c->fault.sqlstate, sizeof(c->fault.sqlstate), state);
	copy_text(c->fault.constraint, sizeof(c->fault.constraint), PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME));
	copy_text(c->fault.message, sizeof(c->fault.message), PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
	c->fault.statement = s;
	c->fault.error = pg_error_of_state(c->fault.sqlstate, c->fault.constraint, &c->fault.retry);
	c->stale = strcmp(c->fault.sqlstate, "0A000") == 0 || strcmp(c->fault.sqlstate, "26000") == 0;
}

/* The next result, or NULL when the connection is lost. */
static PGresult *wait_result(struct pg_session *c, int64_t deadline_ns)
{
	/* libpq takes this only when it has come to the statement and has read nothing of its reply. */
	if (c->queue[c->head].scan) {
		c->queue[c->head].scan = false;
		(void)PQsetSingleRowMode(c->pg);
	}
	/* NULL ends a round; libpq may give one more between an error and its Sync, never more than that. */
	for (int empty = 0; empty < 4; empty++) {
		PGresult *r;

		while (PQisBusy(c->pg)) {
			if (pg_wait(c, POLLIN, deadline_ns, NULL))
				return NULL;
			if (!PQconsumeInput(c->pg)) {
				pg_fail(c);
				return NULL;
			}
		}
		r = PQgetResult(c->pg);
		if (r)
			return r;
	}
	pg_fail(c);
	return NULL;
}

/* A command's result is followed by a NULL; without it the replies no longer match what was sent. */
static void end_round(struct pg_session *c)
{
	PGresult *extra = PQgetResult(c->pg);

	if (extra) {
		PQclear(extra);
		pg_fail(c);
	}
}

/* Takes one result. *mine: the caller gets it through `out`. */
static enum err take_result(struct pg_session *c, PGresult *r, struct pg_reply *out, bool *mine)
{
	struct sent head = c->queue[c->head];
	ExecStatusType status = PQresultStatus(r);
	bool worked = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	out->statement = head.statement;
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		if (head.kind != SENT_SYNC)
			return pg_fail(c);
		answered(c);
		if (c->head == c->tail)
			end_round(c); /* only then libpq calls itself idle */
		out->sync = *mine = true;
		return OK;
	}
	if (status == PGRES_SINGLE_TUPLE) {
		out->row = *mine = true;
		out->result = r;
		return OK;
	}
	if (status == PGRES_FATAL_ERROR)
		record_fault(c, r, head.statement);
	else if (!worked && status != PGRES_PIPELINE_ABORTED)
		pg_fail(c);
	if (head.kind == SENT_SYNC) { /* the commit itself failed; its Sync is still to come */
		PQclear(r);
		return c->broken ? ERR_UNAVAILABLE : OK;
	}
	end_round(c);
	answered(c);
	if (head.kind == SENT_PREPARE)
		c->prepared[head.statement->index] = worked ? PREPARED_READY : PREPARED_NOT;
	*mine = head.kind != SENT_PREPARE;
	out->error = worked ? OK : c->fault.error ? c->fault.error : ERR_INTERNAL;
	out->result = worked && *mine ? r : NULL;
	if (!out->result)
		PQclear(r);
	return c->broken ? ERR_UNAVAILABLE : OK;
}

enum err pg_next(struct pg_session *c, int64_t deadline_ns, struct pg_reply *out)
{
	bool mine = false;

	while (!mine) {
		PGresult *r;
		enum err e;

		memset(out, 0, sizeof(*out));
		if (c->broken || c->head == c->tail)
			return pg_fail(c);
		r = wait_result(c, deadline_ns);
		if (!r)
			return ERR_UNAVAILABLE;
		if ((e = take_result(c, r, out, &mine)))
			return e;
	}
	return OK;
}

size_t pg_due(const struct pg_session *c)
{
	size_t n = 0;

	for (size_t i = c->head; i < c->tail; i++)
		n += c->queue[i].kind != SENT_PREPARE;
	return n;
}

enum err pg_drain(struct pg_session *c, int64_t deadline_ns)
{
	struct pg_reply reply;
	enum err e;

	do {
		if ((e = pg_next(c, deadline_ns, &reply)))
			return e;
		if (reply.result)
			PQclear(reply.result);
	} while (!reply.sync);
	return OK;
}

enum err pg_script(struct pg_session *c, const char *text, int64_t timeout_ms)
{
	int64_t deadline = clock_mono_ns() + timeout_ms * 1000000;
	enum err e = OK;
	PGresult *r;

	if (pg_broken(c) || c->head != c->tail || !PQexitPipelineMode(c->pg) || !PQsendQuery(c->pg, text))
		return pg_fail(c);
	c->log_notices = true;
	e = push(c);
	while (!e) {
		while (PQisBusy(c->pg) && !e) {
			e = pg_wait(c, POLLIN, deadline, NULL);
			if (!e && !PQconsumeInput(c->pg))
				e = pg_fail(c);
		}
		r = e ? NULL : PQgetResult(c->pg);
		if (!r)
			break;
		if (PQresultStatus(r) == PGRES_FATAL_ERROR)
			record_fault(c, r, NULL);
		PQclear(r);
	}
	c->log_notices = false;
	if (e || PQstatus(c->pg) != CONNECTION_OK || !PQenterPipelineMode(c->pg))
		return pg_fail(c);
	return c->fault.error;
}
