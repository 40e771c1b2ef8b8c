/* keeping.h - interviews that are kept from page to page: the respondent's token, and what the row of one holds. Room-internal.
 *
 *     struct kept k;
 *     resume_read(rq, &link.link_id, token, &id);             who shows it may go on
 *     if ((e = kept_load(rq, &link, &id, &k))) ...            k.over: it has ended, and nothing can be gone on with
 *     ... k.state ...                                         as the page would carry it
 *     kept_put(rq, &k.state, now, &response);                 into the answer that intake_send() or intake_write() stores
 *
 * The row holds what was answered so far where it holds it of every answer (personal ones sealed apart), so retention, erasure, search by contact and
 * keys go by it; and the page's state, sealed with the tenant's key VAULT_SECRET, which is gone when the interview is over. */
#ifndef FIELDWORK_KEEPING_H
#define FIELDWORK_KEEPING_H

#include "fieldwork/intake.h"
#include "fieldwork/page_state.h"

/* What proves that its bearer is the respondent: the interview's id, signed together with its link's. The same each time. */
enum err resume_token(struct req *rq, const struct uuid *link_id, const struct uuid *id, struct str *token);
/* ERR_INVALID: changed, not ours, or of another link. */
enum err resume_read(struct req *rq, const struct uuid *link_id, struct str token, struct uuid *id);

struct kept {
	struct uuid id;
	struct str status, outcome, key;
	int64_t survey_version, version, started_at, last_at, completed_at;
	bool over;
	struct str parameters;	 /* JSON, those that are exported */
	struct page_state state; /* unless over */
};
/* ERR_NOT_FOUND: there is none, or it came by another link. What lies for longer than its survey allows is over. */
enum err kept_load(struct req *rq, const struct resolved *r, const struct uuid *id, struct kept *out);

/* The page that state stands at is left now: notes how long it lay open, writes state as the row is to keep it (with `next`, the page to go on at), and puts
 * both into r->keep. */
enum err kept_put(struct req *rq, struct page_state *state, int32_t next, struct response *r);

/* The answers with those of a page; null takes one back. */
enum err kept_merge(struct arena *a, const struct json *before, const struct json *patch, const struct json **out);
/* What a verdict says was drawn by now, into the state; not where some is still to be drawn (verdict.draws_at). */
enum err kept_drawn(const struct verdict *v, struct arena *a, struct page_state *s);

/* Consents as they stand now, into kept[2], beside those of before; see interview_consents(). */
enum err kept_consents(const struct interview *in, int32_t page, const struct interview *shown, struct arena *a,
    const struct json *kept[2]);

/* desktop, mobile, tablet or other, by what a browser says of itself; nothing more of that is stored. Empty: it says nothing. */
struct str device_of(struct str user_agent);

#endif
