/* page_state.h - what a respondent's page carries from step to step, so that the server need keep nothing.
 *
 * It travels in a hidden field, sealed (vault_token_*): unreadable and unchangeable for the client, bound to the link
 * by its id. It is no proof of freshness: a respondent may send an older page again (the browser's back button),
 * which is wanted; that the end is stored once is the business of `key`. */
#ifndef FIELDWORK_PAGE_STATE_H
#define FIELDWORK_PAGE_STATE_H

#include "base/json.h"
#include "base/uuid.h"

struct vault;

struct page_state {
	struct uuid link_id;
	int64_t survey_version; /* the interview stays on the version it began with */
	uint64_t seed;
	int64_t started_ms;
	struct str language;
	int32_t page;			/* the page being shown */
	const struct json *answers;	/* object or NULL */
	const struct json *parameters;	/* object or NULL */
	const struct json *consents[2]; /* noted so far, as consent_note.kept has them */
	struct str *shown;		/* questions of `page` that were shown */
	size_t shown_count;
	int64_t *filled; /* places taken in quota cells when it began; interview.filled */
	size_t filled_count;
	const struct json *drawn; /* interview.drawn; NULL: of a survey that draws nothing, or begun when none did */
	struct str key;		  /* idempotency key of the submission */
	struct uuid id;		  /* that its row has or will have, when it is kept; nil in pages of before */
	int32_t percent;	  /* progress shown on `page` */
	bool back;		  /* there is a page before it */
	bool saved;		  /* its row is there */
	bool proved;		  /* the work that its link asks for was done */
	bool trapped;		  /* a field was filled that people do not see */
	struct str device_id;	  /* as a program called its device; empty: it did not, or is a browser */
	int64_t shown_ms;	  /* since when `page` lies open; 0: not known */
	struct page_time *times;  /* how long those before it did */
	size_t time_count;
};

struct page_time {
	int32_t page;
	int64_t ms;
};

/* The page that was open is left at now_ms: its time is counted, and `page_ms` is all of them, {"0": 5300, "2": 12000}. */
enum err page_state_leave(struct page_state *s, int64_t now_ms, struct arena *a, struct str *page_ms);

/* Plain JSON, for sealing and for tests. */
enum err page_state_write(const struct page_state *s, struct arena *a, struct str *json);
enum err page_state_read(struct str json, struct arena *a, struct page_state *out); /* ERR_INVALID */

enum err page_state_seal(struct vault *v, const struct page_state *s, struct arena *a, struct str *token);
/* When its page was shown, or it began. */
int64_t page_state_at(const struct page_state *s);
/* ERR_INVALID: changed, not ours, of another link, or shown more than PAGE_STATE_MAX_AGE_MS ago; what its survey says is the caller's to see to. */
enum err page_state_open(struct vault *v, struct str token, const struct uuid *link_id, int64_t now_ms, struct arena *a,
    struct page_state *out);

#endif
