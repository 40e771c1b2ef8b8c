/* sync.h - interviews that were held without a server, sent in later. Room-internal.
 *
 * POST /api/public/v1/sync brings a batch of them, by one link. Each is a journal: how it began and what happened then, event by event, as the engine's
 * session took it on the device. The same code takes it again here (engine.h, journal_read), so what follows from the events is worked out and not believed,
 * and what comes out is judged and written as any answer is. Each is told what became of it by itself:
 *
 *     accepted, replayed    it is stored, once, and a receipt says so that the device may delete its copy against
 *     refused               it never will be as it is; `problem` says why
 *     retry                 not now; send it again
 *
 * A device's clock may be wrong. It tells its time as it sends; what it measured is moved by the difference, and both are kept (struct sync_clock).
 *
 * Work goes in slices of SYNC_SLICE interviews: a worker replays and prepares them, they go to the writers all at once (writing.h), and when the last has come
 * back some worker goes on with the next. Nobody waits meanwhile, and each slice counts as a request of the link and the address. */
#ifndef FIELDWORK_SYNC_H
#define FIELDWORK_SYNC_H

#include <stdatomic.h>
#include "fieldwork/writing.h"

/* The device's times as it told them, and what they are taken for. Milliseconds since 1970; offset_ms is what was added. */
struct sync_clock {
	int64_t sent_ms, began_ms, ended_ms; /* by the device */
	int64_t started_ms, completed_ms;    /* by the server */
	int64_t offset_ms;
	bool
	    astray; /* even so it would have ended before its survey was published, or has not ended yet: taken as ended now */
	bool turned; /* it went backwards during the interview */
};
/* Of sent_ms, began_ms and ended_ms; since_ms: when the survey's version was published. A difference below SYNC_CLOCK_EXACT_MS is the way of the message, not
 * the clock's. */
void sync_clock_read(struct sync_clock *c, int64_t since_ms, int64_t now_ms);

struct sync_new {
	struct str link;
	int64_t sent_at;
	const struct json *interviews;
};

struct sync_item {
	struct sync *sync;
	struct arena arena; /* of its own: writers use those of several at once */
	struct req rq;	    /* the request, with this arena, a transaction of its own and this interview's faults */
	const struct json *in;
	struct uuid id;
	const struct json *parameters; /* that its code brings; NULL: its own */
	struct sync_clock clock;
	unsigned char hash[32]; /* of it as it was sent */
	struct writing writing;
	struct response response;
	struct submission submission;
	struct verdict verdict;
	bool begun; /* writing_begin() was called: writing_end() is due */
	bool over;  /* the writers have nothing more to do with it */
	enum err error;
};

struct sync {
	struct req *rq;
	struct resolved link;
	int64_t sent_ms, now_ms; /* now_ms: as it came, so that how long it takes counts for no clock */
	const struct json *interviews;
	uint32_t next;	 /* the first that no slice has had */
	int64_t fuel;	 /* for all of them together */
	atomic_int away; /* of the slice's: with the writers; one more while they are handed over */
	struct sync_item items[SYNC_SLICE];
	size_t count;
	struct buf text; /* the reply */
	struct json_out reply;
};

/* sync_item.c: from what was sent to a writing that is ready to be queued; x->error is what came of that, and x->rq says why. Holds no connection afterwards. */
void sync_item_begin(struct sync_item *x);
/* It is over, whatever came out: x->error and x->writing.receipt are to be told. What was stored before and is no longer let in is known again. */
void sync_item_end(struct sync_item *x);

/* sync_journal.c: the events taken once more. OK with x->submission, the pages' times and x->clock as far as the device tells it; ERR_INVALID with a
 * pointer into the interview. `fuel` goes down. */
enum err sync_replay(struct sync_item *x, const struct program *program, const struct json *journal, int64_t *fuel);
/* Once x->clock is whole: x->response.paradata. */
enum err sync_paradata(struct sync_item *x, const struct json *journal);

/* sync_reply.c */
extern const struct shape sync_reply_shape;
enum err sync_tell(struct sync_item *x);

#endif
