/* tx.h - one request, one transaction: the tenant is bound first, then the statements, one Sync.
 *
 * A transaction takes a pooled connection at its first statement and gives it back at commit or rollback. Binding travels in the same
 * round trip as the first statement. Statements of a writing transaction: tx_one and its like wait for their result (pipeline flush);
 * tx_queue does not: it goes out with the next flush or the commit, and its error shows there. tx_commit sends the Sync and answers OK only
 * when the commit came back clean; otherwise ERR_OUTCOME_UNKNOWN (connection lost after the Sync was sent) or the statement's error.
 * A read-only transaction sends each statement as a segment of its own (bind, statement, Sync): one round trip each.
 *
 * Errors: ERR_NOT_FOUND (tx_one: no row) · ERR_CONFLICT (unique violation; tx_constraint() names it) · ERR_NOT_FOUND (foreign key violation: the thing
 * referred to is not there or not yours) · ERR_INVALID (check violation, bad text for a type) · ERR_BUSY (no connection in time, lock timeout, statement
 * timeout) · ERR_UNAVAILABLE (no database) · ERR_INTERNAL (anything else; logged with SQLSTATE and statement name). After an error only rollback is left.
 *
 * Serialisation failures and deadlocks: tx_run() repeats the whole function (at most 3 times); nothing else retries. */
#ifndef CORE_TX_H
#define CORE_TX_H

#include "base/arena.h"
#include "io/pg.h"

struct app;
struct tx;

/* `tenant` may be NULL: then nothing is bound and only the statements of core/tx_unbound.sql's kind (definer functions: login, link
 * lookup) work; tx_bind() binds later, before any tenant table is touched. The struct lives in `a`. */
enum err tx_open(struct app *app, enum pg_role role, bool read_only, const struct uuid *tenant, struct arena *a, struct tx **out);
enum err tx_bind(struct tx *tx, const struct uuid *tenant);
/* Who acts, for created_by and updated_by, the audit trigger and events; NULL for respondents. Set by the router, before the first change. */
void tx_set_actor(struct tx *tx, const struct uuid *user_id, struct str request_id);
/* By what he acts, when it is not his own session: "key", "client" (id: the key or client), "operator" (NULL). */
void tx_set_credential(struct tx *tx, const char *kind, const struct uuid *id);
/* The projects that it sees, "{id,id}"; all of the tenant's when it isn't set. Set by the router before the first statement. */
void tx_set_scope(struct tx *tx, struct str projects);
const struct uuid *tx_actor(const struct tx *tx);
/* As set, or by the transaction's login: "respondent" (PG_PUBLIC), "job" (PG_WORKER), "operator" (PG_OWNER), "user" or, without one, "nobody". */
struct str tx_actor_kind(const struct tx *tx);
const struct uuid *tx_credential(const struct tx *tx);   /* NULL: none */
struct str tx_request_id(const struct tx *tx);
const struct uuid *tx_tenant(const struct tx *tx);       /* NULL when unbound */

enum err tx_one(struct tx *tx, struct arena *a, const struct query *q, void *out);           /* exactly one row */
enum err tx_json(struct tx *tx, struct arena *a, const struct query *q, struct str *json);   /* one row, first column's text as it is; SQL NULL: ERR_NOT_FOUND */
enum err tx_rows(struct tx *tx, struct arena *a, const struct query *q, size_t row_size, void **rows, size_t *n);
enum err tx_exec(struct tx *tx, const struct query *q, int64_t *affected);                   /* affected may be NULL */
enum err tx_queue(struct tx *tx, const struct query *q);                                     /* parameters are copied out at once */
/* Row by row, without holding the result: `row` (of row_size bytes, strings valid during the call) per row. Stops at the first error of fn. Read-only tx. */
enum err tx_each(struct tx *tx, const struct query *q, size_t row_size, enum err (*fn)(void *ctx, const void *row), void *ctx);
const char *tx_constraint(const struct tx *tx);          /* of the last ERR_CONFLICT / NOT_FOUND / INVALID; "" when unknown */

enum err tx_commit(struct tx *tx);                       /* also closes; nothing to do when no statement ran */
/* Runs once the commit came back clean, or when it is unknown whether it did: for telling others, e.g. workers. One a transaction. */
void tx_after_commit(struct tx *tx, void (*fn)(struct app *app));
void tx_rollback(struct tx *tx);                         /* also closes; safe to call twice and after commit */

/* Opens, runs fn, commits; repeats on serialisation failure or deadlock. For jobs and for work outside the router. */
enum err tx_run(struct app *app, enum pg_role role, const struct uuid *tenant, struct arena *a, enum err (*fn)(struct tx *tx, void *ctx), void *ctx);

/* Sets up a query in place:  tx_one(tx, a, &Q(SQL_survey_by_id, in, cols), &s) */
#define Q(statement, params, columns) ((struct query){ &(statement), (params), countof(params), (columns), countof(columns) })
#define Q_NO_IN(statement, columns) ((struct query){ &(statement), NULL, 0, (columns), countof(columns) })
#define Q_NO_OUT(statement, params) ((struct query){ &(statement), (params), countof(params), NULL, 0 })

#endif
