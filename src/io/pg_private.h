/* pg_private.h - what the files pg_*.c share and nobody else sees. */
#ifndef IO_PG_PRIVATE_H
#define IO_PG_PRIVATE_H

#include "io/pg_session.h"

struct pg_conn;   /* libpq's */

enum sent_kind { SENT_PREPARE, SENT_STATEMENT, SENT_DESCRIBE, SENT_OTHER, SENT_SYNC };
struct sent {
	enum sent_kind kind;
	const struct pg_statement *statement;
	bool scan; /* row by row */
};
enum prepared { PREPARED_NOT, PREPARED_SENT, PREPARED_READY };

struct pg_session {
	struct arena arena, scratch;
	struct pg_conn *pg;         /* libpq's PGconn */
	struct pg_pool *pool;       /* whose server is asked when replies stay out; NULL outside a pool */
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

/* Marks the connection broken; answers ERR_UNAVAILABLE. */
enum err pg_fail(struct pg_session *c);
/* Waits for the socket; ERR_UNAVAILABLE at the deadline. `got` (may be NULL) is what poll(2) found. */
enum err pg_wait(struct pg_session *c, short events, int64_t deadline_ns, short *got);
/* Connects anew: does the server say anything, be it a refusal? False when it is silent for so long. */
bool pg_server_answers(const struct pg_pool_config *config, int timeout_ms);
/* A reply is waited for since `from_ns`: was the whole server found silent since then? When nothing has come over any connection for
 * PG_SILENCE_MS, one of those who wait asks it, which takes PG_ASK_TIMEOUT_MS at most. A statement that merely runs long, or waits for
 * a lock, is not disturbed: the server answers others. */
bool pg_pool_silent(struct pg_pool *p, int64_t from_ns);
void pg_pool_heard(struct pg_pool *p);          /* bytes came from the server */
int64_t pg_session_born_ns(const struct pg_session *c);
bool pg_session_quiet(struct pg_session *c);    /* idle, and the server has not hung up; asks only the kernel */
enum err pg_prepare(struct pg_session *c, const struct pg_statement *s);    /* nothing when it is prepared already */
enum err pg_describe(struct pg_session *c, const struct pg_statement *s);   /* the reply's result tells parameters and columns */
int pg_described_params(const struct pg_result *r);
/* A parameter with `array` set, in binary. ERR_INVALID: a text with NUL; ERR_INTERNAL: an element of another type. */
enum err pg_array_encode(const struct pg_param *p, struct arena *scratch, struct str *out);
/* What an SQLSTATE means for the caller; "" (no answer from the server) is ERR_UNAVAILABLE. `constraint`: the one it names, or "". */
enum err pg_error_of_state(const char *sqlstate, const char *constraint, bool *retry);

#endif
