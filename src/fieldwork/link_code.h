/* link_code.h - single-use links: a code in the address lets one interview in, and brings its parameters. Room-internal.
 *
 *     struct code_use use;
 *     if ((e = code_take(rq, &link, code, &use))) ...    ERR_NOT_FOUND: no such code; ERR_GONE: it was used, or revoked
 *     response.key = use.key;                            so the writers store one answer with it, whoever asks and how often
 *     ... use.parameters ...
 *
 * The key is the idempotency key of the interview, which is unique in the database for as long as the answer lives; that it begins with a sign which
 * clients' keys cannot have keeps others from taking it. That a code is used outlasts its answer: a trigger notes it where the answer or its key goes (code_used()). */
#ifndef FIELDWORK_LINK_CODE_H
#define FIELDWORK_LINK_CODE_H

#include "base/limits.h"
#include "fieldwork/link.h"

#define LINK_CODE_BYTES 12 /* of those made here: 60 random bits */
#define LINK_CODE_MIN_BYTES 6
#define LINK_CODE_MAX_BYTES 64

struct code_use {
	struct str key;
	const struct json *parameters; /* object */
	struct uuid open;	       /* the interview that is under way with it; nil: none is */
	bool revoked; /* with ERR_GONE: that is why. What was begun by it before goes on by its page or token */
};
/* rq->tx is bound to the link's tenant; without it ERR_AGAIN. out->key is set with ERR_GONE too: the same answer sent again gets its receipt. */
enum err code_take(struct req *rq, const struct link_view *link, struct str code, struct code_use *out);
/* ERR_GONE as the caller's reply, with the reason recorded under /code. */
enum err code_refuse(struct req *rq, const struct code_use *use);
/* Before a page that has stored nothing does: key is that of code_take(), as the page kept it. ERR_GONE: the code lets nobody in any more. */
enum err code_check(struct req *rq, const struct link_view *link, struct str key);

/* A code for a link: one that was brought along, or `code` empty: a random one. */
struct code_new {
	struct str code, parameters; /* parameters: JSON object */
};
/* In one statement. ERR_CONFLICT: one of them is there already; ERR_LIMIT: the link would have more than LINK_CODES_MAX, and none were added. PG_APP or PG_WORKER. */
enum err codes_add(struct tx *tx, struct arena *a, const struct uuid ids[2], const struct code_new *codes, size_t n);

bool code_ok(struct str code); /* 6 to 64 of a-z, A-Z, 0-9, - and _ */

/* link_code_csv.c. Lines of a CSV with a first line of names: parameters of the survey, and `code` where codes are brought along. Faults are recorded
 * under /csv with their line. */
enum err codes_read_csv(struct req *rq, struct str text, const struct json *names, struct code_new **out, size_t *n);

#endif
