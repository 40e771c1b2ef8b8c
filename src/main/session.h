/* session.h - one connection of a command (migrate, doctor), one statement at a time.
 *
 *     session_open(&s, conninfo, role, "collect migrate", log)      ERR_UNAVAILABLE: the log says why
 *     session_rows(&s, &Q_NO_IN(SQL_migrate_applied, cols), sizeof(struct applied), &rows, &n)
 *     session_close(&s)
 *
 * Each call is a segment of its own, and so a transaction of its own unless the statements BEGIN one. Results live in s->arena. */
#ifndef MAIN_SESSION_H
#define MAIN_SESSION_H

#include "io/pg_session.h"

struct session {
	struct arena *arena;
	struct pg_session *conn;
};

enum err session_open(struct session *s, const char *conninfo, enum pg_role role, const char *application_name, struct log *log);
void session_close(struct session *s);
/* Fails with the statement's error; session_fault() has the server's sentence. */
enum err session_rows(struct session *s, const struct query *q, size_t row_size, void **rows, size_t *n);
enum err session_one(struct session *s, const struct query *q, void *row);   /* ERR_NOT_FOUND unless exactly one */
enum err session_exec(struct session *s, const struct query *q);
const char *session_fault(const struct session *s);
void session_fault_clear(struct session *s);

#endif
