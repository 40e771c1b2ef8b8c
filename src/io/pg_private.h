/* pg_private.h - what the files pg_*.c share and nobody else sees. */
#ifndef IO_PG_PRIVATE_H
#define IO_PG_PRIVATE_H

#include "io/pg_conn.h"

int64_t pg_conn_born_ns(const struct pg_conn *c);
bool pg_conn_quiet(struct pg_conn *c);    /* idle, and the server has not hung up; asks only the kernel */
enum err pg_prepare(struct pg_conn *c, const struct pg_statement *s);    /* nothing when it is prepared already */
enum err pg_describe(struct pg_conn *c, const struct pg_statement *s);   /* the reply's result tells parameters and columns */
int pg_described_params(const struct pg_result *r);
/* What an SQLSTATE means for the caller; "" (no answer from the server) is ERR_UNAVAILABLE. */
enum err pg_error_of_state(const char *sqlstate, bool *retry);

#endif
