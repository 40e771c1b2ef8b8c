#include "io/pg_conn.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_private.h"

#define CONN_ARENA_MAX_BYTES (4 * MB)
#define SERVER_VERSION_MIN 150000

enum sent_kind { SENT_PREPARE, SENT_STATEMENT, SENT_DESCRIBE, SENT_OTHER, SENT_SYNC };
struct sent {
	enum sent_kind kind;
	const struct pg_statement *statement;
};
enum prepared { PREPARED_NOT, PREPARED_SENT, PREPARED_READY };

struct pg_conn {
	struct arena arena, scratch;
	PGconn *pg;
	struct log *log;
	int64_t born_ns;
	int reply_ms;
	unsigned char *prepared; /* enum prepared, by statement index */
	struct sent *queue;	 /* what was sent and not yet answered: queue[head] ... queue[tail - 1] */
	size_t head, tail, cap;
	bool broken, warned, log_notices;
	bool stale; /* a prepared statement no longer fits the tables: prepare all anew */
	struct pg_fault fault;
};

static enum err fail_connection(struct pg_conn *c)
{
	c->broken = true;
	c->fault.error = ERR_UNAVAILABLE;
	return ERR_UNAVAILABLE;
}

/* Waits for the socket. ERR_UNAVAILABLE at the deadline. */
static enum err wait_socket(struct pg_conn *c, short events, int64_t deadline_ns, short *got)
{
	struct pollfd fd = {.fd = PQsocket(c->pg), .events = events};

	for (;;) {
		int64_t left_ns = deadline_ns - clock_mono_ns();
		int n;

		if (left_ns <= 0 || fd.fd < 0)
			return fail_connection(c);
		n = poll(&fd, 1, (int)(left_ns / 1000000) + 1);
		if (n > 0) {
			if (got)
				*got = fd.revents;
			return OK;
		}
		if (n < 0 && errno != EINTR)
			return fail_connection(c);
	}
}

/* ---- opening ---- */

static void on_notice(void *ctx, const PGresult *r)
{
	struct pg_conn *c = ctx;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (state && strncmp(state, "01", 2) == 0)
		c->warned = true;
	if (c->log_notices)
		log_message(c->log, LOG_INFO, "notice", str_from(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)));
}

static PGconn *connect_start(const struct pg_pool_config *config)
{
	char options[512];
	const char *names[] = {"dbname", "application_name", "client_encoding", "options", "keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL};
	const char *values[] = {
	    config->conninfo, config->application_name, "UTF8", options, "30", "10", "3", "20000", NULL};

	snprintf(options, sizeof(options),
	    "-c jit=off -c search_path=collect,pg_temp -c TimeZone=UTC -c DateStyle=ISO -c statement_timeout=%d -c "
	    "lock_timeout=%d"
	    " -c idle_in_transaction_session_timeout=%d -c default_transaction_read_only=%s",
	    config->statement_timeout_ms, config->lock_timeout_ms, PG_IN_TRANSACTION_IDLE_MS,
	    config->read_only ? "on" : "off");
	return PQconnectStartParams(names, values, 1);
}

static enum err connect_wait(struct pg_conn *c)
{
	int64_t deadline = clock_mono_ns() + (int64_t)PG_CONNECT_TIMEOUT_MS * 1000000;
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	enum err e;

	while (PQstatus(c->pg) != CONNECTION_BAD && want != PGRES_POLLING_OK) {
		if (want == PGRES_POLLING_FAILED)
			return ERR_UNAVAILABLE;
		if ((e = wait_socket(c, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, NULL)))
			return e;
		want = PQconnectPoll(c->pg);
	}
	return want == PGRES_POLLING_OK ? OK : ERR_UNAVAILABLE;
}

static const char *connect_check(const struct pg_conn *c, enum pg_role role)
{
	const char *super = PQparameterStatus(c->pg, "is_superuser");

	if (PQserverVersion(c->pg) < SERVER_VERSION_MIN)
		return "the server is older than PostgreSQL 15";
	if (role != PG_OWNER && (!super || strcmp(super, "off") != 0))
		return "the login is a superuser, whom row security does not bind";
	if (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg))
		return "the connection does not enter pipeline mode";
	return NULL;
}

enum err pg_conn_open(const struct pg_pool_config *config, struct pg_conn **out, const char **why)
{
	struct arena a;
	struct pg_conn *c;
	const char *bad = NULL;
	struct log_field line[2];

	arena_init(&a, &arena_malloc, CONN_ARENA_MAX_BYTES);
	c = arena_new(&a, struct pg_conn);
	if (c)
		c->prepared = arena_alloc(&a, sql_count + 1);
	if (!c || !c->prepared) {
		arena_free(&a);
		return ERR_MEMORY;
	}
	c->arena = a;
	arena_init(&c->scratch, &arena_malloc, PG_SCRATCH_MAX_BYTES);
	c->log = config->log;
	c->born_ns = clock_mono_ns();
	c->reply_ms = config->statement_timeout_ms + PG_REPLY_MARGIN_MS;
	c->pg = connect_start(config);
	if (c->pg)
		PQsetNoticeReceiver(c->pg, on_notice, c);
	if (!c->pg || connect_wait(c))
		bad = c->pg && PQerrorMessage(c->pg)[0] ? PQerrorMessage(c->pg) : "the server does not answer";
	else
		bad = connect_check(c, config->role);
	if (bad) {
		line[0] = (struct log_field)LF_STR(MESSAGE, str_trim(str_from(bad)));
		line[1] = (struct log_field)LF_STR(COMPONENT, str_from(config->application_name));
		log_event(config->log, LOG_WARN, "database_connect_failed", line, 2);
		if (why)
			*why = "the database does not answer, or refuses the login; the log says more";
		pg_conn_close(c);
		return ERR_UNAVAILABLE;
	}
	*out = c;
	return OK;
}

void pg_conn_close(struct pg_conn *c)
{
	struct arena a;

	if (!c)
		return;
	PQfinish(c->pg);
	arena_free(&c->scratch);
	a = c->arena; /* holds c itself */
	arena_free(&a);
}

int64_t pg_conn_born_ns(const struct pg_conn *c)
{
	return c->born_ns;
}

bool pg_broken(const struct pg_conn *c)
{
	return c->broken || PQstatus(c->pg) != CONNECTION_OK;
}

bool pg_idle(const struct pg_conn *c)
{
	return !pg_broken(c) && !c->stale && c->head == c->tail && PQtransactionStatus(c->pg) == PQTRANS_IDLE;
}

bool pg_warned(const struct pg_conn *c)
{
	return c->warned;
}

const struct pg_fault *pg_fault(const struct pg_conn *c)
{
	return &c->fault;
}

void pg_fault_clear(struct pg_conn *c)
{
	memset(&c->fault, 0, sizeof(c->fault));
}

int64_t pg_reply_deadline(const struct pg_conn *c)
{
	return clock_mono_ns() + (int64_t)c->reply_ms * 1000000;
}

bool pg_conn_quiet(struct pg_conn *c)
{
	struct pollfd fd = {.fd = PQsocket(c->pg), .events = POLLIN};

	if (!pg_idle(c))
		return false;
	/* Nothing is expected: what is there is an end of file, or the server's farewell. */
	return poll(&fd, 1, 0) == 0;
}

/* ---- sending ---- */

static enum err expect(struct pg_conn *c, enum sent_kind kind, const struct pg_statement *s)
{
	if (c->tail == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct sent *bigger = arena_grow(&c->arena, c->queue, c->cap * sizeof(*bigger), cap * sizeof(*bigger));

		if (!bigger)
			return fail_connection(c);
		c->queue = bigger;
		c->cap = cap;
	}
	c->queue[c->tail++] = (struct sent){kind, s};
	return OK;
}

/* Called after the head was answered. */
static void answered(struct pg_conn *c)
{
	if (++c->head == c->tail)
		c->head = c->tail = 0;
}

/* Writes what libpq holds back; reads meanwhile, because a server whose replies nobody takes stops reading. */
static enum err push(struct pg_conn *c)
{
	int64_t deadline = pg_reply_deadline(c);

	for (;;) {
		int left = PQflush(c->pg);
		short got = 0;
		enum err e;

		if (left == 0)
			return OK;
		if (left < 0)
			return fail_connection(c);
		if ((e = wait_socket(c, POLLIN | POLLOUT, deadline, &got)))
			return e;
		if ((got & (POLLIN | POLLHUP | POLLERR)) && !PQconsumeInput(c->pg))
			return fail_connection(c);
	}
}

enum err pg_prepare(struct pg_conn *c, const struct pg_statement *s)
{
	if (c->prepared[s->index] != PREPARED_NOT)
		return OK;
	if (!PQsendPrepare(c->pg, s->name, s->text, 0, NULL))
		return fail_connection(c);
	c->prepared[s->index] = PREPARED_SENT;
	return expect(c, SENT_PREPARE, s);
}

enum err pg_describe(struct pg_conn *c, const struct pg_statement *s)
{
	if (!PQsendDescribePrepared(c->pg, s->name))
		return fail_connection(c);
	return expect(c, SENT_DESCRIBE, s);
}

enum err pg_send(struct pg_conn *c, const struct pg_statement *s, const struct pg_param *in, size_t n)
{
	struct pg_wire wire;
	enum err e;

	if (pg_broken(c))
		return fail_connection(c);
	if (n != s->params)
		return ERR_INTERNAL;
	arena_reset(&c->scratch);
	if ((e = pg_params_encode(in, n, &c->scratch, &wire)) || (e = pg_prepare(c, s)))
		return e;
	if (!PQsendQueryPrepared(c->pg, s->name, (int)n, wire.values, wire.lengths, wire.formats, 1))
		return fail_connection(c);
	return expect(c, SENT_STATEMENT, s);
}

enum err pg_send_flush(struct pg_conn *c)
{
	if (pg_broken(c) || !PQsendFlushRequest(c->pg))
		return fail_connection(c);
	return push(c);
}

enum err pg_send_sync(struct pg_conn *c)
{
	enum err e;

	if (pg_broken(c) || !PQpipelineSync(c->pg))
		return fail_connection(c);
	if ((e = expect(c, SENT_SYNC, NULL)))
		return e;
	return push(c);
}

static enum err send_plain(struct pg_conn *c, const char *command)
{
	if (pg_broken(c) || !PQsendQueryParams(c->pg, command, 0, NULL, NULL, NULL, NULL, 1))
		return fail_connection(c);
	return expect(c, SENT_OTHER, NULL);
}

enum err pg_send_rollback(struct pg_conn *c)
{
	enum err e;

	/* ROLLBACK alone would undo an implicit transaction too, but with a warning in the server's log each time.
	 * BEGIN first turns what has happened so far into an explicit one. */
	if ((e = send_plain(c, "begin")))
		return e;
	return send_plain(c, "rollback");
}

void pg_scan_next(struct pg_conn *c)
{
	PQsetSingleRowMode(c->pg);
}

/* ---- replies ---- */

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

/* The first failure of a segment is kept: the later ones follow from it. */
static void record_fault(struct pg_conn *c, const PGresult *r, const struct pg_statement *s)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (c->fault.error)
		return;
	copy_text(c->fault.sqlstate, sizeof(c->fault.sqlstate), state);
	copy_text(c->fault.constraint, sizeof(c->fault.constraint), PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME));
	copy_text(c->fault.message, sizeof(c->fault.message), PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
	c->fault.statement = s;
	c->fault.error = pg_error_of_state(c->fault.sqlstate, &c->fault.retry);
	c->stale = strcmp(c->fault.sqlstate, "0A000") == 0 || strcmp(c->fault.sqlstate, "26000") == 0;
}

/* The next result, or NULL when the connection is lost. */
static PGresult *wait_result(struct pg_conn *c, int64_t deadline_ns)
{
	/* NULL ends a round; libpq may give one more between an error and its Sync, never more than that. */
	for (int empty = 0; empty < 4; empty++) {
		PGresult *r;

		while (PQisBusy(c->pg)) {
			if (wait_socket(c, POLLIN, deadline_ns, NULL))
				return NULL;
			if (!PQconsumeInput(c->pg)) {
				fail_connection(c);
				return NULL;
			}
		}
		r = PQgetResult(c->pg);
		if (r)
			return r;
	}
	fail_connection(c);
	return NULL;
}

/* A command's result is followed by a NULL; without it the replies no longer match what was sent. */
static void end_round(struct pg_conn *c)
{
	PGresult *extra = PQgetResult(c->pg);

	if (extra) {
		PQclear(extra);
		fail_connection(c);
	}
}

/* Takes one result. *mine: the caller gets it through `out`. */
static enum err take_result(struct pg_conn *c, PGresult *r, struct pg_reply *out, bool *mine)
{
	struct sent head = c->queue[c->head];
	ExecStatusType status = PQresultStatus(r);
	bool worked = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	out->statement = head.statement;
	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		if (head.kind != SENT_SYNC)
			return fail_connection(c);
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
		fail_connection(c);
	if (head.kind == SENT_SYNC) { /* the commit itself failed; its Sync is still to come */
		PQclear(r);
		return c->broken ? ERR_UNAVAILABLE : OK;
	}
	c->warned = false; /* only what comes after the last statement belongs to the commit */
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

enum err pg_next(struct pg_conn *c, int64_t deadline_ns, struct pg_reply *out)
{
	bool mine = false;

	while (!mine) {
		PGresult *r;
		enum err e;

		memset(out, 0, sizeof(*out));
		if (c->broken || c->head == c->tail)
			return fail_connection(c);
		r = wait_result(c, deadline_ns);
		if (!r)
			return ERR_UNAVAILABLE;
		if ((e = take_result(c, r, out, &mine)))
			return e;
	}
	return OK;
}

size_t pg_due(const struct pg_conn *c)
{
	size_t n = 0;

	for (size_t i = c->head; i < c->tail; i++)
		n += c->queue[i].kind != SENT_PREPARE;
	return n;
}

enum err pg_drain(struct pg_conn *c, int64_t deadline_ns)
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

enum err pg_script(struct pg_conn *c, const char *text, int64_t timeout_ms)
{
	int64_t deadline = clock_mono_ns() + timeout_ms * 1000000;
	enum err e = OK;
	PGresult *r;

	if (pg_broken(c) || c->head != c->tail || !PQexitPipelineMode(c->pg) || !PQsendQuery(c->pg, text))
		return fail_connection(c);
	c->log_notices = true;
	e = push(c);
	while (!e) {
		while (PQisBusy(c->pg) && !e) {
			e = wait_socket(c, POLLIN, deadline, NULL);
			if (!e && !PQconsumeInput(c->pg))
				e = fail_connection(c);
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
		return fail_connection(c);
	return c->fault.error;
}

enum err pg_password_verifier(
    struct pg_conn *c, const char *login, const char *password, struct arena *a, struct str *out)
{
	char *text = PQencryptPasswordConn(c->pg, password, login, "scram-sha-256");

	if (!text)
		return ERR_INVALID;
	*out = str_dup(a, str_from(text));
	PQfreemem(text);
	return out->p ? OK : ERR_MEMORY;
}
