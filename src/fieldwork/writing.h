/* writing.h - an answer on its way through the writers. Room-internal.
 *
 * One thread at a time has it: the worker that prepares it, then (from batch_put) a writer, then whoever `told` gives it to. It lives in the
 * arena of its request, which waits meanwhile. */
#ifndef FIELDWORK_WRITING_H
#define FIELDWORK_WRITING_H

#include <pthread.h>
#include "core/batch.h"
#include "fieldwork/intake.h"
#include "fieldwork/link_proof.h"

/* What an answer puts into responses, events, response_lookups and response_prints; as the statement response_insert_many counts its parameters. */
enum column {
	C_SURVEY,
	C_ID,
	C_LINK,
	C_VERSION,
	C_STATUS,
	C_OUTCOME,
	C_LANGUAGE,
	C_ANSWERS,
	C_SEALED,
	C_SEALED_KEY,
	C_PARAMETERS,
	C_SEED,
	C_KEY,
	C_HASH,
	C_STARTED,
	C_COMPLETED,
	C_DURATION,
	C_CELLS,
	C_CONSENTS,
	C_REST,
	C_REST_KEY,
	C_HASH_KEY,
	C_EVENT,
	C_DATA,
	C_REQUEST,
	C_DEVICE,
	C_PARADATA,
	C_FLAGS,
	C_LOOKUPS, /* from here on not of response_insert_plain and _one */
	C_LOOKUPS_KEY,
	C_PRINTS,
	C_STORED, /* from here on of response_save_many only */
	C_READ,
	C_LAST,
	C_PAGE_MS,
	C_STATE,
	C_STATE_KEY,
	C_LEASE,
	COLUMNS
};

struct key_claim {
	struct key_claim *next;
	struct uuid survey;
	struct str key;
	bool held;
};

/* A request that waits for what it will be sealed with (intake_ahead.c). */
struct ahead {
	struct batch_item item; /* first */
	struct req *rq;
	enum err (*then)(struct req *rq); /* by a worker */
	int64_t asked_ms;
};

struct writing {
	struct batch_item item; /* first */
	struct ahead ahead;
	struct req *rq;
	struct cache_entry *pin;
	const struct response *response;
	struct receipt receipt;
	struct pg_param columns[COLUMNS];
	struct quota_list places, full; /* that it takes, or keeps open while it goes on; that had no room for it */
	struct quota_list draws;	/* cells that its records are drawn by, and which of the program's they are */
	size_t *draw_at;
	const struct response *undrawn; /* response, before what was drawn; NULL: nothing was yet */
	struct str held;		/* by its row from pages before, as in responses.quota_cells; empty: none */
	struct key_claim claim;
	int sealed; /* how often */
	enum err error;
	enum err (*reply)(struct req *rq, const struct receipt *receipt);
	void (*told)(struct writing *w, enum err e); /* by a writer, once for each batch_put() */
	/* intake_write() */
	pthread_mutex_t lock;
	pthread_cond_t back;
	bool is_back;
};

#define LINK_QUOTA '@' /* begins the names of a link's own numbers among the quotas, which no quota's does */
#define LINK_STARTED "@started"

/* An interview that is under way. */
static inline bool status_open(struct str status)
{
	return str_eq(status, S("started")) || str_eq(status, S("in_progress"));
}

/* Sealed and put into columns, with a transaction of its own that is over afterwards (intake_words.c). Each time it is called the answer has a new id,
 * unless it is kept. */
enum err writing_prepare(struct writing *w);
/* The same in the transaction of w->rq, which goes on. */
enum err writing_words(struct writing *w);

/* ---- the steps of intake_send() and intake_write(), for who writes several at once (intake_write.c) ----
 *
 *     w.told = ...;
 *     if (!(e = writing_begin(&w, rq, &response, false)))     claims the key and prepares
 *             e = writing_queue(&w);                          told() comes once, unless this fails
 *     ... once told: while (writing_has_more(&w, w.error)) { e = writing_go_on(&w, &again); ... queue again ... }      on a worker
 *     e = writing_end(&w, e);                                 whatever came out; w.receipt is what to tell */
enum err writing_begin(struct writing *w, struct req *rq, const struct response *r, bool wait);
enum err writing_queue(struct writing *w);
bool writing_has_more(const struct writing *w, enum err e);
/* OK with *queue: it is to be queued once more. */
enum err writing_go_on(struct writing *w, bool *queue);
/* The reply still reads the program, in which the outcome's name stands, so the pin is left alone. */
enum err writing_end(struct writing *w, enum err e);

#define KEY_BUCKETS 1024
#define FULL_HINTS 256
#define FULL_HINT_MS 1000 /* for so long a survey whose cell was full is written under locks at once */

struct intake {
	struct app *app;
	struct batch *batch, *ahead;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t freed;
	struct key_claim *keys[KEY_BUCKETS];
	struct {
		struct uuid survey;
		int64_t until_ns;
	} full[FULL_HINTS];
	struct proofs_spent proofs;
};

static inline struct writing *writing_of(const struct batch_item *item)
{
	return (struct writing *)(uintptr_t)item;
}

/* ---- keys under way in this process (intake_keys.c) ---- */
/* ERR_IN_PROGRESS; with `wait` only after KEY_WAIT_MS. */
enum err key_claim(struct intake *in, struct key_claim *c, bool wait);
void key_release(struct intake *in, struct key_claim *c);

/* ---- keys asked for ahead (intake_ahead.c) ---- */
extern const struct batch_room ahead_room;
/* After req_later(x->rq); x->then comes once. False: nothing was done. */
bool ahead_send(struct intake *in, struct ahead *x, const struct uuid *tenant);

/* ---- places (intake_places.c) ---- */
/* What a group that was stored changes in quota cells, by what each of its items held before and has now. */
struct place_move {
	const struct writing *w; /* whose it is */
	struct quota_cell cell;
	int64_t used, leased; /* 1, 0, -1 */
};
/* Of one item; w->held is known. */
enum err place_moves_of(const struct writing *w, struct arena *a, struct place_move **out, size_t *n);

/* ---- records that are drawn (intake_draw.c) ---- */
static inline bool draws(const struct writing *w)
{
	return w->response->draw && w->response->keep.open;
}
/* Which cells are to be locked: w->draws, when draws(w). */
enum err draw_cells(struct writing *w);
/* Draws by the places in w->draws, and puts w into words again, in `tx`, which holds the row and the cells. `state`: the row's, opened here; empty: it has none. ERR_LIMIT:
 * the interview ends by it, at a cell that was known to be full. */
struct kept_state {
	struct str sealed;
	int64_t key_version;
};
enum err draw_records(
    struct writing *w, struct tx *tx, const struct kept_state *state, const int64_t *places, const int64_t *limits);

/* ---- statements (intake_batch.c, intake_alone.c) ---- */
extern const struct batch_room intake_room;
enum err insert_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q);
enum err insert_take(void *ctx, const struct batch_group *g, const void *rows, size_t n);
enum err places_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q);
struct stored_row {
	int64_t
	    place; /* in what was sent, from 1: ids and keys may come twice in a group, and mean nothing without their survey */
	struct str held; /* the quota cells that its row held before */
	int64_t refused; /* how many cells had too little room; only of statements that count */
};
/* Of two items of a group: whether they are to have the same row, by key or by id, so that one has to come after the other. */
bool same_row(const struct writing *a, const struct writing *b);
void full_note(struct intake *in, const struct batch_group *g);
enum err seal_blame(void *ctx, enum err e, const char *constraint);
void write_alone(void *ctx, const struct batch_group *g, struct arena *a);

#endif
