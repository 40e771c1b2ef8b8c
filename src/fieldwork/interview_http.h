/* interview_http.h - what the routes of whole answers and of kept interviews share. Room-internal. */
#ifndef FIELDWORK_INTERVIEW_HTTP_H
#define FIELDWORK_INTERVIEW_HTTP_H

#include "core/router.h"
#include "fieldwork/intake.h"

extern const struct shape receipt_shape;

struct interview_patch {
	const struct json *answers, *paradata;
	struct str language;
	int64_t page;
};

struct interview_end {
	const struct json *answers, *paradata;
};
extern const struct shape interview_patch_shape, interview_end_shape;

/* What a respondent's program is told of an interview. */
struct interview_reply {
	const struct receipt *receipt;
	struct str token; /* empty: it has it, or needs none */
	bool placed;	  /* with page and progress */
	int32_t page;	  /* -1: none is left */
	double progress;
	const struct json *answers; /* NULL: not told */
	const struct json *drawn;   /* NULL: its survey draws nothing */
	struct str return_url;	    /* empty: there is none */
};
enum err interview_reply(struct req *rq, int status, const struct interview_reply *in);

/* What POST .../responses brought. */
struct response_new {
	const struct json *answers, *parameters, *paradata;
	struct str language, code, proof, device_id;
	bool complete;
	bool unproved; /* it came without the work, and is taken nevertheless */
};
/* With {"complete": false}: an interview begins, and is kept. `hash`: of the body. */
enum err interview_begin(
    struct req *rq, const struct resolved *link, const struct response_new *in, const unsigned char hash[32]);
/* It had begun before, by the same key (receipt->replayed). ERR_CONFLICT: it came by another link, or has gone on since; ERR_GONE: its code was used. */
enum err interview_begun(struct req *rq, const struct link_view *link, const struct receipt *receipt);

/* By which a beginning is known again. Of a panelist everybody may know what is sent: it is the same with the client's own Idempotency-Key only. */
void begun_hash(struct req *rq, const struct link_view *link, const unsigned char body[32], unsigned char hash[32]);

/* A client's object of paradata as text; ERR_INVALID when it is larger than PARADATA_MAX_BYTES. Empty for none. */
enum err paradata_text(struct req *rq, const struct json *object, struct str *text);

#endif
