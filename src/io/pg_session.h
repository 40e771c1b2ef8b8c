/* pg_session.h - one connection: statements go out, replies come back in the same order. For core/tx, core/batch and main/migrate only.
 *
 * The connection stays in libpq's pipeline mode for its whole life and never blocks in libpq: every wait is a poll with a deadline, so a
 * server that has died costs at most that deadline. What is sent waits in the output buffer until pg_send_flush (replies wanted now) or pg_send_sync
 * (end of the segment: commit). Between two Syncs lies one implicit transaction.
 *
 *     pg_take(pool, &c);
 *     pg_send(c, &SQL_tx_bind, bind, 1);  pg_send(c, &SQL_survey_by_id, in, 1);  pg_send_sync(c);
 *     while (!pg_next(c, deadline, &reply) && !reply.sync)
 *             ... reply.error, reply.result ...
 *     pg_give(pool, c);
 *
 * A failure of the connection itself is returned (ERR_UNAVAILABLE) and makes it broken: pg_give then closes it. A statement's
 * failure is no failure of pg_next: it is in reply.error, with pg_fault() telling more. */
#ifndef IO_PG_SESSION_H
#define IO_PG_SESSION_H

#include "base/limits.h"
#include "io/pg.h"

struct pg_result;   /* libpq's PGresult */

struct pg_reply {
	const struct pg_statement *statement;
	struct pg_result *result;    /* of a statement that worked, in binary; the caller clears it */
	enum err error;              /* of the statement, or of the earlier one because of which it was skipped */
	bool sync;                   /* the segment is over; no statement, no result */
	bool row;                    /* one row of a scan; more follow */
};

/* What the server said about the last failed statement; texts are cut to size and end in NUL. */
struct pg_fault {
	enum err error;
	bool retry;                  /* serialisation failure or deadlock: the same work may succeed next time */
	char sqlstate[6];
	char constraint[64];
	char message[256];           /* the server's primary message; may quote values, so it is logged for some classes only */
	const struct pg_statement *statement;
};

/* Waits at most the pool's acquire_ms: ERR_BUSY. ERR_UNAVAILABLE when no connection can be made. */
enum err pg_take(struct pg_pool *p, struct pg_session **out);
void pg_give(struct pg_pool *p, struct pg_session *c);
/* Opens outside a pool, for migrations: one connection with the session settings of `config`. */
enum err pg_session_open(const struct pg_pool_config *config, struct pg_session **out, const char **why);
void pg_session_close(struct pg_session *c);
int64_t pg_reply_deadline(const struct pg_session *c);          /* now + statement timeout + margin, monotonic ns */

/* Parameters are copied. ERR_INVALID for a text with NUL, ERR_UNAVAILABLE when the connection is broken. */
enum err pg_send(struct pg_session *c, const struct pg_statement *s, const struct pg_param *in, size_t n);
enum err pg_send_flush(struct pg_session *c);
enum err pg_send_sync(struct pg_session *c);
/* Undoes the open implicit transaction without noise in the server's log; followed by pg_send_sync. Its replies have no statement. */
enum err pg_send_rollback(struct pg_session *c);
/* The reply to the statement just sent comes row by row. */
void pg_scan(struct pg_session *c);
enum err pg_next(struct pg_session *c, int64_t deadline_ns, struct pg_reply *out);
/* How many replies pg_next will give for what was sent so far. */
size_t pg_due(const struct pg_session *c);
/* Reads and drops everything up to the Sync; the first fault stays in pg_fault(). */
enum err pg_drain(struct pg_session *c, int64_t deadline_ns);
const struct pg_fault *pg_fault(const struct pg_session *c);
void pg_fault_clear(struct pg_session *c);
/* A warning 01000 came since the last Sync was sent: the commit may not have reached the standby. */
bool pg_warned(const struct pg_session *c);
bool pg_broken(const struct pg_session *c);
bool pg_idle(const struct pg_session *c);                       /* no transaction is open */

/* A text of several statements outside the pipeline (migrations); notices go to the log. Not within a segment. */
enum err pg_script(struct pg_session *c, const char *text, int64_t timeout_ms);

/* What ALTER ROLE takes in place of a plain password, which then never reaches the server or its log. */
enum err pg_password_verifier(struct pg_session *c, const char *login, const char *password, struct arena *a, struct str *out);

/* ---- values ---- */
int pg_result_rows(const struct pg_result *r);
int64_t pg_result_affected(const struct pg_result *r);
void pg_result_clear(struct pg_result *r);
/* Where each column that a query takes out is in a result. */
struct pg_layout {
	const struct pg_col *cols;
	size_t n;
	int at[PG_COLUMNS_MAX];
};
/* ERR_INTERNAL with *bad set when a column is missing or has a type that does not fit. */
enum err pg_layout(const struct pg_result *r, const struct query *q, struct pg_layout *out, const char **bad);
/* Fills the struct. Texts are copied into `a`, or point into the result when `a` is NULL. */
enum err pg_row(const struct pg_result *r, int row, const struct pg_layout *layout, struct arena *a, void *out);
/* First column of the first row as text (json, jsonb, text); ERR_NOT_FOUND for NULL. */
enum err pg_text(const struct pg_result *r, struct arena *a, struct str *out);

struct pg_wire {
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
};
enum err pg_params_encode(const struct pg_param *in, size_t n, struct arena *scratch, struct pg_wire *out);

#endif
