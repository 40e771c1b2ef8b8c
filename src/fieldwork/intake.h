/* intake.h - an answer's way in: judged by the engine, then written. Two steps that know nothing of each other's means.
 *
 *     struct submission s = { ... };                   what came in
 *     intake_judge(a, program, &s, &verdict);          pure: no database, no clock; errors are in the verdict
 *     intake_write(rq, &response, &receipt);           one round trip; OK only after a clean commit
 *
 * The same key with the same payload gets the first receipt again (replayed), with another payload ERR_KEY_MISMATCH. */
#ifndef FIELDWORK_INTAKE_H
#define FIELDWORK_INTAKE_H

#include "engine/engine.h"
#include "fieldwork/link.h"
#include "fieldwork/quota.h"

struct submission {
	struct str language;			 /* a wish; the nearest of the survey's is taken */
	const struct json *answers, *parameters; /* objects or NULL */
	uint64_t seed;
	int64_t now_ms;		    /* the interview's time */
	struct quota_list full;	    /* quota cells known to be full */
	struct quota_counts filled; /* as they were when the interview began */
	/* what was agreed to page by page (consent_note.kept); NULL: the answers came whole, at now_ms */
	const struct json *consents[2];
};

/* OK whether or not verdict->error_count is 0. Results live in `a` and borrow from the program. *language: the one
 * taken. */
enum err intake_judge(struct arena *a, const struct program *program, const struct submission *s,
    struct verdict *verdict, struct str *language);

/* Language and parameters as they were sent, against what the survey has: ERR_INVALID with each fault recorded. */
enum err intake_check(struct req *rq, const struct program *program, const struct live_view *live, struct str language,
    const struct json *parameters);

/* A judged answer, ready to be written. */
struct response {
	const struct link_view *link;
	int64_t survey_version;
	const struct verdict *verdict;	     /* without errors */
	const struct program *program;	     /* what judged it, and */
	const struct submission *submission; /* of what: judged once more where a quota turns out to be full */
	struct str language;
	uint64_t seed;
	int64_t started_ms; /* 0: not known */
	struct str key;	    /* empty: the response's own id serves */
	unsigned char payload_hash[32];
};

struct receipt {
	struct uuid id;
	struct str status, outcome;
	int64_t survey_version, completed_ms;
	bool replayed;
};

/* Undoes rq's transaction and takes it away from the router, which would else answer with its failure. */
void intake_abandon(struct req *rq);
/* Ends rq's transaction, whatever comes out. ERR_KEY_MISMATCH; ERR_OUTCOME_UNKNOWN and its like: retry with the same
 * key. What was written is in *out: where a quota cell had no room any more, an interview that ended there. */
enum err intake_write(struct req *rq, const struct response *r, struct receipt *out);
/* Whether this key was used before: OK with *out, ERR_KEY_MISMATCH for another payload, ERR_NOT_FOUND. Ends rq's
 * transaction and reads in one of its own. */
enum err intake_replay(struct req *rq, const struct link_view *link, struct str key,
    const unsigned char payload_hash[32], struct receipt *out);

#endif
