/* intake.h - an answer's way in: judged by the engine, then written. Two steps that know nothing of each other's means.
 *
 *     struct submission s = { ... };                   what came in
 *     intake_judge(a, program, &s, &verdict);          pure: no database, no clock; errors are in the verdict
 *     intake_send(rq, &response, pin, reply);          to the writers, which store many at once; `reply` after a clean commit
 *     intake_write(rq, &response, &receipt);           or waiting for it
 *
 * Writing: what has to be sealed is sealed and everything is put into words before it is queued (intake_write.c). The writers (core/batch) store a
 * tenant's answers, their events and their look-ups by one statement, then take their quota places by another, in the order of the cells; whole answers
 * by one that does both (intake_batch.c). Where a cell has less room than they ask for, that tenant's are written apart, under the cells' locks, as they came
 * (intake_alone.c); who finds no place is judged again by a worker and queued once more, as an interview that ended at the quota.
 *
 * The same key with the same payload gets the first receipt again (replayed), with another payload ERR_KEY_MISMATCH.
 *
 * An interview that is kept goes the same way each time a page of it is saved, and once more at its end: only then is anything of it counted. */
#ifndef FIELDWORK_INTAKE_H
#define FIELDWORK_INTAKE_H

#include "core/cache.h"
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
	const struct json *drawn;  /* interview.drawn */
	const int64_t *filled_now; /* while a writer draws */
};

/* OK whether or not verdict->error_count is 0. Results live in `a` and borrow from the program. *language: the one
 * taken. */
enum err intake_judge(struct arena *a, const struct program *program, const struct submission *s,
    struct verdict *verdict, struct str *language);

/* Language and parameters as they were sent, against what the survey has: ERR_INVALID with each fault recorded. */
enum err intake_check(struct req *rq, const struct program *program, const struct live_view *live, struct str language,
    const struct json *parameters);

/* An interview that is kept from page to page, so that it is not lost when it is left and can be gone on with elsewhere (keeping.h). All zero: the
 * answers came whole. */
struct keeping {
	struct uuid id;	   /* of its row; nil: it gets one as it is written */
	bool stored;	   /* the row is there and is changed, unless the interview is over: ERR_CONFLICT */
	bool open;	   /* it goes on after this: no end, no event but the first, and its state with it */
	int64_t version;   /* of the row as it was read: ERR_CONFLICT when somebody saved it since; 0: whatever it is */
	struct str status; /* when open: started, in_progress */
	struct str state;  /* when open: page_state_write() */
	struct page_state *page; /* what `state` was written from; gets the id of the row that it joins. May be NULL */
	struct str page_ms;	 /* {"0": 5300}; empty: not known */
	bool
	    joins; /* a row with its key is its own, even when it is not `stored` as far as the caller knows: an older page was sent again */
};

/* Records that are to be drawn as a page is saved (verdict.draws_at): by a writer, under the locks of the cells that they are drawn by, in the transaction that keeps
 * places in the cells that come of it. What is stored then is the interview with what was drawn. */
struct draw {
	int32_t page;		/* that is left; keep.open */
	struct verdict verdict; /* once it is written */
	/* Then, too: keep.page as it goes on, with what was drawn. keep.page itself is left alone, because what was undone was not drawn. */
	const struct page_state *state;
	bool done;
};

/* What is doubtful about how it came: flags of its row, once it is completed. */
#define MARK_HONEYPOT 1u /* a field was filled that people do not see */
#define MARK_NO_PROOF 2u /* without the work that its link asks for */

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
	int64_t ended_ms;   /* 0: now, as it is written */
	bool offline;	/* answered to its end without a server: where a quota turns out to be full all of it stays */
	struct str key; /* empty: the response's own id serves */
	unsigned char payload_hash[32];
	unsigned marks;	      /* MARK_* */
	struct str device_id; /* by which a device is known again; empty: it is not told apart */
	int64_t text_chars;   /* texts of so many characters are compared; 0: none */
	bool unhashed;	      /* there is none: the key alone says which one it is */
	struct str device;    /* desktop, mobile, tablet, other; empty: not known */
	struct str paradata;  /* JSON object as a client sent it; empty: none */
	struct keeping keep;
	int64_t lease_ms;  /* when keep.open: for how long its places in quota cells are kept for it; 0: none is */
	struct draw *draw; /* NULL: nothing is to be drawn */
	void *about;	   /* the caller's, for `reply` */
};

struct receipt {
	struct uuid id;
	struct str status, outcome;
	int64_t survey_version, completed_ms; /* 0: it is under way */
	bool replayed;
	bool paged;	     /* when replayed: it was kept and saved, not stored as it was sent first */
	bool unhashed;	     /* when replayed: nothing is stored by which its payload would be known again */
	struct uuid link_id; /* when replayed: that it came by */
	int64_t started_ms;
	uint64_t seed;
	struct str language;
	void *about; /* response.about */
};

/* Undoes rq's transaction and takes it away from the router, which would else answer with its failure. */
void intake_abandon(struct req *rq);
/* The respondent's interview, as the engine wants it. */
struct interview intake_interview(const struct program *program, const struct submission *s);
/* Hands the request over to the writers; the router answers with what `reply` stages once it is stored, or with an error: ERR_KEY_MISMATCH;
 * ERR_IN_PROGRESS: this process is writing an answer with this key; ERR_BUSY: too many wait; ERR_OUTCOME_UNKNOWN and its like: retry with
 * the same key. What was written may be an interview that ended at a quota. `r` and what it points to lives in rq->arena; `pin` (of its program,
 * may be NULL) is released in any case. Ends rq's transaction. */
enum err intake_send(struct req *rq, const struct response *r, struct cache_entry *pin,
    enum err (*reply)(struct req *rq, const struct receipt *receipt));
/* The same, waiting: for pages, which say more than the receipt. Waits also for another request with the same key. */
enum err intake_write(struct req *rq, const struct response *r, struct receipt *out);
/* Whether this key was used before: OK with *out, ERR_KEY_MISMATCH with *out for another payload (NULL: any), or where the answer was saved page by page and has none;
 * ERR_NOT_FOUND. Ends rq's transaction and reads in one of its own. */
enum err intake_replay(struct req *rq, const struct link_view *link, struct str key, const unsigned char *payload_hash,
    struct receipt *out);

/* This key, which is a code's or a panelist's and not a client's own, is there with another payload: ERR_CONFLICT while that interview is under way, else ERR_GONE, recorded.
 * Ends rq's transaction. */
enum err intake_used(struct req *rq, const struct link_view *link, struct str key);

#endif
