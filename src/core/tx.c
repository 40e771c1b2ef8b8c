#include "core/tx.h"

#include "base/limits.h"
#include "core/app.h"
#include "core/tx_private.h"
#include "core/tx_who.h"
#include "io/pg_session.h"
#include "sql.h"

struct tx {
	struct app *app;
	struct pg_pool *pool;
	struct pg_session *conn; /* from the first statement to the end */
	struct arena *arena;
	bool read_only, closed;
	bool has_tenant, bound; /* bound: the binding was sent in this transaction */
	bool retry;
	enum err failed; /* first failure: only rollback is left */
	struct uuid tenant;
	struct tx_who who;
	struct str scope; /* empty: the whole tenant */
	void (*after_commit)(struct app *app);
	char constraint[64];
};

/* ---- a transaction and who it is for ---- */

enum err tx_open(
    struct app *app, enum pg_role role, bool read_only, const struct uuid *tenant, struct arena *a, struct tx **out)
{
	struct tx *tx = arena_new(a, struct tx);

	if (!tx)
		return ERR_MEMORY;
	tx->app = app;
	tx->arena = a;
	tx->read_only = read_only;
	tx->who.role = role;
	tx->pool = read_only && role == PG_APP && app->read_pool ? app->read_pool : app->pools[role];
	if (!tx->pool)
		return ERR_UNAVAILABLE;
	*out = tx;
	return tenant ? tx_bind(tx, tenant) : OK;
}

enum err tx_bind(struct tx *tx, const struct uuid *tenant)
{
	/* A second tenant in one transaction could write one's row under the other's name. */
	if (tx->has_tenant && !uuid_eq(&tx->tenant, tenant))
		return ERR_INTERNAL;
	tx->has_tenant = true;
	tx->tenant = *tenant;
	return OK;
}

void tx_set_actor(struct tx *tx, const struct uuid *user_id, struct str request_id)
{
	tx->who.has_user = user_id != NULL;
	if (user_id)
		tx->who.user = *user_id;
	tx->who.request_id = request_id;
	tx->bound = false; /* told again */
}

void tx_set_credential(struct tx *tx, const char *kind, const struct uuid *id)
{
	tx->who.kind = kind;
	tx->who.has_credential = id != NULL;
	if (id)
		tx->who.credential = *id;
	tx->bound = false;
}

void tx_set_scope(struct tx *tx, struct str projects)
{
	tx->scope = projects;
	tx->bound = false;
}

struct str tx_actor_kind(const struct tx *tx)
{
	return tx_who_kind(&tx->who);
}

const struct uuid *tx_credential(const struct tx *tx)
{
	return tx->who.has_credential ? &tx->who.credential : NULL;
}

const struct uuid *tx_actor(const struct tx *tx)
{
	return tx->who.has_user ? &tx->who.user : NULL;
}

struct str tx_request_id(const struct tx *tx)
{
	return tx->who.request_id;
}

const struct uuid *tx_tenant(const struct tx *tx)
{
	return tx->has_tenant ? &tx->tenant : NULL;
}

void tx_after_commit(struct tx *tx, void (*fn)(struct app *app))
{
	tx->after_commit = fn;
}

const char *tx_constraint(const struct tx *tx)
{
	return tx->constraint;
}

bool tx_lost_race(const struct tx *tx)
{
	return tx->retry;
}

/* ---- failing ---- */

/* Messages of these classes speak of our statements and the server's state, never of a value that somebody sent. */
static bool message_is_harmless(const char *sqlstate)
{
	static const char *const classes[] = {"08", "25", "40", "42", "53", "55", "57", "58", "XX"};

	for (size_t i = 0; i < countof(classes); i++) {
		if (strncmp(sqlstate, classes[i], 2) == 0)
			return true;
	}
	return false;
}

static void log_failure(const struct tx *tx, enum err e, const struct pg_fault *f, struct str detail)
{
	struct log_field line[5] = {LF_STR(REQUEST_ID, tx->who.request_id), LF_STR(CODE, str_from(err_slug(e))),
	    LF_STR(STATEMENT, str_from(f->statement ? f->statement->name : "")),
	    LF_STR(SQLSTATE, str_from(f->sqlstate)), LF_STR(MESSAGE, detail)};

	log_event(tx->app->log, e == ERR_INTERNAL ? LOG_ERROR : LOG_WARN, "database_error", line, countof(line));
}

static enum err fail(struct tx *tx, enum err e, struct str detail)
{
	static const struct pg_fault none;
	const struct pg_fault *f = tx->conn ? pg_fault(tx->conn) : &none;

	if (tx->failed)
		return tx->failed;
	/* Nothing was bound: a tenant's table was touched too early. That is a bug of ours, not bad input. */
	if (e == ERR_INVALID && !tx->has_tenant && strcmp(f->sqlstate, "22P02") == 0)
		e = ERR_INTERNAL;
	tx->failed = e;
	tx->retry = f->retry;
	memcpy(tx->constraint, f->constraint, sizeof(tx->constraint));
	if (detail.n == 0 && message_is_harmless(f->sqlstate))
		detail = str_from(f->message);
	if (e == ERR_INTERNAL || e == ERR_UNAVAILABLE || e == ERR_BUSY || e == ERR_OUTCOME_UNKNOWN)
		log_failure(tx, e, f, detail);
	return e;
}

/* The connection failed, or a statement on it: its own word wins over ours. */
static enum err fail_conn(struct tx *tx, enum err e)
{
	const struct pg_fault *f = pg_fault(tx->conn);

	return fail(tx, f->error ? f->error : e, (struct str){NULL, 0});
}

/* ---- sending a statement and reading its result ---- */

static enum err bind_scope(struct tx *tx)
{
	struct pg_param in[] = {P_TEXT(tx->scope)};

	return tx->scope.n > 0 ? pg_send(tx->conn, &SQL_tx_bind_scope, in, 1) : OK;
}

static enum err bind(struct tx *tx)
{
	char text[UUID_TEXT_BYTES];
	struct pg_param in[2];
	struct str who;
	enum err e;

	if (!tx->has_tenant || (tx->bound && !tx->read_only))
		return OK;
	uuid_text(&tx->tenant, text);
	in[0] = P_TEXT(str_make(text, sizeof(text)));
	tx->bound = true;
	if (tx->read_only)
		return (e = pg_send(tx->conn, &SQL_tx_bind_read, in, 1)) ? e : bind_scope(tx);
	if ((e = tx_who_text(&tx->who, tx->arena, &who)))
		return e;
	in[1] = P_TEXT(who);
	return (e = pg_send(tx->conn, &SQL_tx_bind, in, 2)) ? e : bind_scope(tx);
}

static enum err start(struct tx *tx)
{
	enum err e;

	if (tx->failed || tx->closed)
		return tx->failed ? tx->failed : ERR_INTERNAL;
	if (!tx->conn && (e = pg_take(tx->pool, &tx->conn)))
		return fail(tx, e, (struct str){NULL, 0});
	return OK;
}

static enum err send(struct tx *tx, const struct query *q)
{
	enum err e;

	if ((e = start(tx)))
		return e;
	if (!(e = bind(tx)))
		e = pg_send(tx->conn, q->sql, q->in, q->in_count);
	if (e == ERR_INTERNAL)
		return fail(tx, e, S("the statement takes another number of parameters"));
	return e ? fail_conn(tx, e) : OK;
}

/* Reads every reply that is due; the one wanted is the last statement's. */
static enum err receive(struct tx *tx, struct pg_result **out)
{
	int64_t deadline = pg_reply_deadline(tx->conn);
	struct pg_reply reply;
	enum err e = OK;

	*out = NULL;
	for (size_t due = pg_due(tx->conn); due > 0; due--) {
		if ((e = pg_next(tx->conn, deadline, &reply)))
			break;
		if (reply.sync)
			continue;
		if (*out)
			pg_result_clear(*out);
		*out = reply.result;
	}
	if (!e && pg_fault(tx->conn)->error)
		e = pg_fault(tx->conn)->error;
	if (!e && !*out)
		e = ERR_INTERNAL;
	if (!e)
		return OK;
	if (*out)
		pg_result_clear(*out);
	return fail_conn(tx, e);
}

/* One statement, its result wanted now. Replies of what was queued before it come first. */
static enum err run(struct tx *tx, const struct query *q, struct pg_result **out)
{
	enum err e;

	if ((e = send(tx, q)))
		return e;
	if ((e = tx->read_only ? pg_send_sync(tx->conn) : pg_send_flush(tx->conn)))
		return fail_conn(tx, e);
	return receive(tx, out);
}

static enum err columns(struct tx *tx, const struct query *q, const struct pg_result *r, struct pg_layout *out)
{
	const char *bad = "";

	return pg_layout(r, q, out, &bad) ? fail(tx, ERR_INTERNAL, str_from(bad)) : OK;
}

enum err tx_one(struct tx *tx, struct arena *a, const struct query *q, void *out)
{
	struct pg_layout layout;
	struct pg_result *r;
	enum err e;

	if ((e = run(tx, q, &r)))
		return e;
	if (!(e = columns(tx, q, r, &layout))) {
		int rows = pg_result_rows(r);

		if (rows == 0)
			e = ERR_NOT_FOUND;
		else if (rows > 1)
			e = fail(tx, ERR_INTERNAL, S("one row was expected"));
		else
			e = pg_row(r, 0, &layout, a, out);
	}
	pg_result_clear(r);
	return e;
}

enum err tx_json(struct tx *tx, struct arena *a, const struct query *q, struct str *json)
{
	struct pg_result *r;
	enum err e;

	if ((e = run(tx, q, &r)))
		return e;
	e = pg_text(r, a, json);
	if (e == ERR_INTERNAL)
		e = fail(tx, e, S("the first column is neither json nor text"));
	pg_result_clear(r);
	return e;
}

enum err tx_rows(struct tx *tx, struct arena *a, const struct query *q, size_t row_size, void **rows, size_t *n)
{
	struct pg_layout layout;
	struct pg_result *r;
	enum err e;
	int count;

	*rows = NULL;
	*n = 0;
	if ((e = run(tx, q, &r)))
		return e;
	count = pg_result_rows(r);
	e = columns(tx, q, r, &layout);
	if (!e && count > PG_RESULT_ROWS_MAX)
		e = ERR_LIMIT;
	if (!e && count > 0 && !(*rows = arena_alloc_array(a, (size_t)count, row_size)))
		e = ERR_MEMORY;
	for (int i = 0; i < count && !e; i++)
		e = pg_row(r, i, &layout, a, (char *)*rows + (size_t)i * row_size);
	if (!e)
		*n = (size_t)count;
	pg_result_clear(r);
	return e;
}

enum err tx_exec(struct tx *tx, const struct query *q, int64_t *affected)
{
	struct pg_result *r;
	enum err e;

	if ((e = run(tx, q, &r)))
		return e;
	if (affected)
		*affected = pg_result_affected(r);
	pg_result_clear(r);
	return OK;
}

enum err tx_queue(struct tx *tx, const struct query *q)
{
	if (tx->read_only)
		return fail(tx, ERR_INTERNAL, S("a read-only transaction queues nothing"));
	return send(tx, q);
}

/* ---- scans ---- */

static enum err scan_send(struct tx *tx, const struct query *q)
{
	char text[UUID_TEXT_BYTES], timeout[16];
	struct pg_param in[2];
	enum err e;

	if ((e = start(tx)))
		return e;
	snprintf(timeout, sizeof(timeout), "%d", PG_SCAN_TIMEOUT_MS);
	uuid_text(&tx->tenant, text);
	in[0] = P_TEXT(tx->has_tenant ? str_make(text, sizeof(text)) : S(""));
	in[1] = P_TEXT(str_from(timeout));
	if ((e = pg_send(tx->conn, &SQL_tx_bind_scan, in, 2)) || (e = bind_scope(tx)) ||
	    (e = pg_send(tx->conn, q->sql, q->in, q->in_count)))
		return fail_conn(tx, e);
	pg_scan(tx->conn);
	if ((e = pg_send_sync(tx->conn)))
		return fail_conn(tx, e);
	return OK;
}

static int64_t row_deadline(void)
{
	return clock_mono_ns() + (int64_t)PG_SCAN_ROW_TIMEOUT_MS * 1000000;
}

struct scan {
	const struct query *q;
	enum err (*fn)(void *ctx, const void *row);
	void *ctx, *row;
	struct pg_layout layout;
	bool known; /* the layout is */
};

static enum err scan_rows(struct tx *tx, struct scan *s, const struct pg_result *r)
{
	int n = pg_result_rows(r);
	enum err e = OK;

	if (!s->known && (e = columns(tx, s->q, r, &s->layout)))
		return e;
	s->known = true;
	for (int i = 0; i < n && !e; i++) {
		if (!(e = pg_row(r, i, &s->layout, NULL, s->row)))
			e = s->fn(s->ctx, s->row);
	}
	return e;
}

enum err tx_each(
    struct tx *tx, const struct query *q, size_t row_size, enum err (*fn)(void *ctx, const void *row), void *ctx)
{
	struct scan s = {.q = q, .fn = fn, .ctx = ctx, .row = arena_alloc(tx->arena, row_size)};
	struct pg_reply reply = {0};
	enum err e;

	if (!s.row)
		return ERR_MEMORY;
	if (!tx->read_only)
		return fail(tx, ERR_INTERNAL, S("a scan needs a read-only transaction"));
	if ((e = scan_send(tx, q)))
		return e;
	while (!e && !reply.sync) {
		if ((e = pg_next(tx->conn, row_deadline(), &reply)))
			break;
		if (reply.result && reply.statement == q->sql)
			e = scan_rows(tx, &s, reply.result);
		if (reply.result)
			pg_result_clear(reply.result);
	}
	if (!e && !pg_fault(tx->conn)->error)
		return OK;
	if (pg_fault(tx->conn)->error)
		return fail_conn(tx, ERR_UNAVAILABLE);
	/* The caller has had enough: what is still on its way is not worth reading, so the connection goes. */
	tx->failed = e;
	return e;
}

/* ---- the end ---- */

static void close_tx(struct tx *tx)
{
	if (tx->conn)
		pg_give(tx->pool, tx->conn);
	tx->conn = NULL;
	tx->closed = true;
}

void tx_rollback(struct tx *tx)
{
	int64_t deadline = clock_mono_ns() + (int64_t)PG_ROLLBACK_TIMEOUT_MS * 1000000;
	struct pg_session *c = tx->conn;

	if (tx->closed)
		return;
	/* Sent even when a statement failed (the server then skips it): a failure that only we saw has undone nothing there, and a
	 * Sync alone would commit. A connection that is still not idle is closed by pg_give. */
	if (c && !tx->read_only && !pg_broken(c) && !pg_send_rollback(c) && !pg_send_sync(c))
		(void)pg_drain(c, deadline);
	close_tx(tx);
}

/* Everything up to the Sync. Without a Sync nobody knows whether the server committed. */
static enum err finish(struct tx *tx)
{
	struct pg_session *c = tx->conn;
	enum err e;

	if (pg_broken(c))
		return fail(tx, ERR_UNAVAILABLE, S("the connection was lost before the commit"));
	if (pg_send_sync(c) || pg_drain(c, pg_reply_deadline(c)))
		return fail(tx, ERR_OUTCOME_UNKNOWN, S("the connection was lost during the commit"));
	if ((e = pg_fault(c)->error))
		return fail_conn(tx, e);
	/* The server committed here but gave up waiting for its standby. */
	if (pg_warned(c))
		return fail(tx, ERR_OUTCOME_UNKNOWN, S("the server committed with a warning"));
	if (!pg_idle(c))
		return fail(tx, ERR_INTERNAL, S("a transaction was left open"));
	return OK;
}

enum err tx_commit(struct tx *tx)
{
	enum err e = OK;

	if (tx->closed)
		return tx->failed;
	if (tx->failed) {
		tx_rollback(tx);
		return tx->failed;
	}
	if (tx->conn && !tx->read_only)
		e = finish(tx);
	close_tx(tx);
	if (tx->after_commit && (!e || e == ERR_OUTCOME_UNKNOWN))
		tx->after_commit(tx->app);
	return e;
}
