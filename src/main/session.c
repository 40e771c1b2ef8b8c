#include "main/session.h"

#include "base/limits.h"

#define SESSION_STATEMENT_TIMEOUT_MS 3600000 /* a migration may rewrite a large table */
#define SESSION_LOCK_TIMEOUT_MS 10000	     /* ... but must not make the whole service queue behind its lock */

enum err session_open(
    struct session *s, const char *conninfo, enum pg_role role, const char *application_name, struct log *log)
{
	const struct pg_pool_config config = {.conninfo = conninfo,
	    .application_name = application_name,
	    .role = role,
	    .log = log,
	    .statement_timeout_ms = SESSION_STATEMENT_TIMEOUT_MS,
	    .lock_timeout_ms = SESSION_LOCK_TIMEOUT_MS};

	return pg_session_open(&config, &s->conn, NULL);
}

void session_close(struct session *s)
{
	pg_session_close(s->conn);
	s->conn = NULL;
}

const char *session_fault(const struct session *s)
{
	const char *message = pg_fault(s->conn)->message;

	return message[0] ? message : "the connection was lost";
}

void session_fault_clear(struct session *s)
{
	pg_fault_clear(s->conn);
}

/* One segment; the result of its one statement. */
static enum err ask(struct session *s, const struct query *q, struct pg_result **out)
{
	int64_t deadline = pg_reply_deadline(s->conn);
	struct pg_reply reply = {0};
	enum err e;

	*out = NULL;
	pg_fault_clear(s->conn);
	if ((e = pg_send(s->conn, q->sql, q->in, q->in_count)) || (e = pg_send_sync(s->conn)))
		return e;
	while (!reply.sync) {
		if ((e = pg_next(s->conn, deadline, &reply)))
			break;
		if (reply.result)
			*out = reply.result;
	}
	if (!e)
		e = pg_fault(s->conn)->error;
	if (e && *out)
		pg_result_clear(*out);
	return e;
}

enum err session_rows(struct session *s, const struct query *q, size_t row_size, void **rows, size_t *n)
{
	struct pg_layout layout;
	struct pg_result *r;
	const char *bad;
	enum err e;
	int count;

	if ((e = ask(s, q, &r)))
		return e;
	count = pg_result_rows(r);
	e = pg_layout(r, q, &layout, &bad);
	*rows = arena_alloc_array(s->arena, (size_t)count + 1, row_size);
	if (!e && !*rows)
		e = ERR_MEMORY;
	for (int i = 0; i < count && !e; i++)
		e = pg_row(r, i, &layout, s->arena, (char *)*rows + (size_t)i * row_size);
	*n = e ? 0 : (size_t)count;
	pg_result_clear(r);
	return e;
}

enum err session_one(struct session *s, const struct query *q, void *row)
{
	struct pg_layout layout;
	struct pg_result *r;
	const char *bad;
	enum err e;

	if ((e = ask(s, q, &r)))
		return e;
	e = pg_layout(r, q, &layout, &bad);
	if (!e && pg_result_rows(r) != 1)
		e = ERR_NOT_FOUND;
	if (!e)
		e = pg_row(r, 0, &layout, s->arena, row);
	pg_result_clear(r);
	return e;
}

enum err session_exec(struct session *s, const struct query *q)
{
	struct pg_result *r;
	enum err e = ask(s, q, &r);

	if (!e)
		pg_result_clear(r);
	return e;
}
