/* pg.h - PostgreSQL by libpq in pipeline mode: connections, pools, statements. No SQL text outside *.sql.
 *
 * A pool keeps `keep` connections and opens up to `max` under load; each is recycled after an hour and checked before use
 * when it was idle for long. Waiting for a connection is bounded (acquire_ms; then ERR_BUSY). Statements are
 * prepared on a connection when it first needs them, in the same round trip. A connection that is not idle when it comes back
 * (transaction open, pipeline not drained) is closed, never handed out again.
 *
 * Sessions are set up with jit=off, application_name, statement_timeout, lock_timeout, idle_in_transaction_session_timeout,
 * client_encoding UTF8, TimeZone UTC. Thread-safe: pools. One thread at a time: a connection. What goes over a
 * connection is pg_session.h's, for core/tx only. */
#ifndef IO_PG_H
#define IO_PG_H

#include "base/arena.h"
#include "base/str.h"
#include "base/uuid.h"

struct log;
struct pg_pool;
struct pg_session;

/* ---- statements: rows generated from src/ROOM/x.sql by tools/sqlgen.py as SQL_name in "sql.h" ----
 * In the file:   -- name: survey_by_id            (required, first line)
 *                -- role: app public worker       (who runs it; default app; start-up prepares it for each of them)
 *                select ... where id = $1 and ...
 * A statement ends at the next "-- name:" or the end of the file. */
enum pg_role { PG_APP, PG_PUBLIC, PG_WORKER, PG_OWNER, PG_ROLE_COUNT };
struct pg_statement {
	const char *name;
	const char *text;
	unsigned roles;              /* bit per pg_role */
	unsigned index;              /* position in sql_all[] */
	unsigned params;             /* how many $n the text has */
};
/* Every statement of the program, made by tools/sqlgen.py; what start-up prepares. Ends with NULL. */
extern const struct pg_statement *const sql_all[];
extern const unsigned sql_count;

enum pg_type { PGT_TEXT, PGT_UUID, PGT_INT, PGT_NUM, PGT_BOOL, PGT_TIME, PGT_JSON, PGT_BYTES };

struct pg_param {
	enum pg_type type;
	bool null;
	bool array;
	union { struct str s; struct uuid uuid; int64_t i; double num; bool b; struct { const struct pg_param *p; size_t n; } list; } v;
};
#define P_TEXT(x) ((struct pg_param){ .type = PGT_TEXT, .v.s = (x) })
#define P_TEXT_OR_NULL(x) pg_param_text_or_null(x)                          /* NULL when empty */
#define P_UUID(ptr) ((struct pg_param){ .type = PGT_UUID, .v.uuid = *(ptr) })
#define P_UUID_OR_NULL(ptr) pg_param_uuid_or_null(ptr)                      /* NULL for a NULL pointer or the nil id */
#define P_INT(x) ((struct pg_param){ .type = PGT_INT, .v.i = (x) })
#define P_NUM(x) ((struct pg_param){ .type = PGT_NUM, .v.num = (x) })
#define P_BOOL(x) ((struct pg_param){ .type = PGT_BOOL, .v.b = (x) })
#define P_TIME(ms) ((struct pg_param){ .type = PGT_TIME, .v.i = (ms) })     /* timestamptz from milliseconds */
#define P_JSON(x) ((struct pg_param){ .type = PGT_JSON, .v.s = (x) })
#define P_BYTES(x) ((struct pg_param){ .type = PGT_BYTES, .v.s = (x) })
/* An array of `count` elements of type `t`, each a pg_param of that type or NULL. It travels in binary, so the statement says which type it takes: uuid[], text[],
 * bigint[], float8[], boolean[], timestamptz[], jsonb[], bytea[]. */
#define P_ARRAY(t, ptr, count) ((struct pg_param){ .type = (t), .array = true, .v.list = { (ptr), (count) } })
#define P_NULL(t) ((struct pg_param){ .type = (t), .null = true })
struct pg_param pg_param_text_or_null(struct str s);
struct pg_param pg_param_uuid_or_null(const struct uuid *id);

/* Where a result column lands in a C struct: struct str for TEXT/JSON/BYTES (copied into the arena), struct uuid, int64_t for
 * INT and TIME (ms), double, bool. SQL NULL leaves zeroes (empty str, nil id). Columns are matched by name; a missing one or
 * another type fails at start-up. */
struct pg_col { const char *name; enum pg_type type; size_t offset; };
#define COL(strct, member, pgtype) { #member, (pgtype), offsetof(strct, member) }

struct query {
	const struct pg_statement *sql;
	const struct pg_param *in;
	size_t in_count;
	const struct pg_col *cols;
	size_t col_count;
};

/* ---- pools ---- */
struct pg_pool_config {
	const char *conninfo;        /* complete, with user */
	const char *application_name;
	int keep, max, recycle_s, acquire_ms, statement_timeout_ms, lock_timeout_ms;
	enum pg_role role;
	bool read_only;
	struct log *log;
};
enum err pg_pool_open(const struct pg_pool_config *config, struct pg_pool **out, const char **why);   /* does not connect yet */
void pg_pool_close(struct pg_pool *p);
struct pg_pool_counts { int open, idle, used, waiting, max; };
void pg_pool_counts(struct pg_pool *p, struct pg_pool_counts *out);
/* It was away or silent when somebody last tried: one caller tries again, and what waits behind him waits for that. */
bool pg_pool_down(struct pg_pool *p);
enum err pg_pool_ping(struct pg_pool *p, int timeout_ms);             /* connects if need be; ERR_UNAVAILABLE */
/* Prepares every statement of the pool's role and checks it; *why names the first that fails. */
enum err pg_pool_check(struct pg_pool *p, struct arena *a, struct str *why);

#endif
