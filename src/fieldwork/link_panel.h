/* link_panel.h - panel links: a panel sends its people with parameters that have to be there, each of them answers once, and goes back by a signed address.
 * Room-internal.
 *
 *     if ((e = panel_enter(rq, &link, parameters, &use)))      ERR_INVALID: what is missing or does not fit is recorded; ERR_GONE: that panelist has answered
 *             return e;
 *     response.key = use.key;                                   so the writers store one answer for each panelist, on any number of servers (as link_code.h)
 *     panel_exit_load(rq, &link, &exit);                       before the transaction ends
 *     ... stored ...
 *     panel_return(rq, &exit, &receipt, parameters, &url);     where he goes now; empty: the panel named no address for this end
 *
 * A panelist is known by one parameter. Parameters that a panel's addresses and postbacks name are those that the survey exports: the others are not stored with an
 * answer, so nobody could be told them later. */
#ifndef FIELDWORK_LINK_PANEL_H
#define FIELDWORK_LINK_PANEL_H

#include "fieldwork/intake.h"

#define PANEL_REQUIRED_MAX 10
#define PANEL_URL_MAX_CHARS 2000
#define PANEL_PATTERN_MAX_CHARS 200

/* What links.panel holds. */
enum panel_end { PANEL_COMPLETED, PANEL_SCREENED_OUT, PANEL_QUOTA_FULL, PANEL_CLOSED, PANEL_ENDS };
struct panel {
	struct str panelist; /* parameter that says who it is */
	struct {
		struct str name, pattern;   /* pattern empty: any text */
	} required[PANEL_REQUIRED_MAX + 1]; /* the panelist's among them */
	size_t required_count;
	struct str urls[PANEL_ENDS], postback; /* empty: none */
};
enum err panel_read(struct arena *a, struct str json, struct panel *out);

/* parameters: object of those that came, or NULL. Faults are recorded under /parameters/NAME. ERR_AGAIN where rq->tx is wanted and not there. */
struct panel_use {
	struct str key; /* set with ERR_GONE too */
	bool open;	/* an interview of this panelist is under way */
};
enum err panel_enter(
    struct req *rq, const struct link_view *link, const struct json *parameters, struct panel_use *out);

/* What of the key says who he is, whatever panel link of the survey he came by; empty: no panelist's. */
struct str panelist_of(const struct link_view *link, struct str key);

struct panel_exit {
	struct panel panel;
	struct str slug, secret; /* secret empty: there is none to sign with, so there is no way back */
};
/* Reads the link's secret; out is empty for links of other kinds. */
enum err panel_exit_load(struct req *rq, const struct link_view *link, struct panel_exit *out);
/* parameters: as they came, or NULL. r->status may be "closed", of nobody's interview (r->id nil): he came too late, and goes where quota_full leads if no address is
 * named for that. */
enum err panel_return(struct req *rq, const struct panel_exit *x, const struct receipt *r,
    const struct json *parameters, struct str *url);

/* The browser in which a panelist's interview was begun goes on with it: it has the interview's token (keeping.h) in a cookie, which his id alone does not replace. */
enum err panel_cookie_set(struct req *rq, const struct resolved *r, const struct uuid *id);
/* Of which interview by this link the browser has the token; nil: of none. */
enum err panel_cookie_read(struct req *rq, const struct link_view *link, struct uuid *id);

/* The address with `sig=` and the HMAC-SHA-256 (hex) under `secret` of all before it; a fragment is no part of that, it is never sent. */
enum err redirect_sign(struct arena *a, struct str secret, struct str *redirect);

/* Whether browsers leave this path as it is: it begins with a slash and has no segments of dots. */
bool panel_path_ok(struct str path);

/* A secret for the link, sealed; *secret is shown once. rq->tx writes, and has the link's row locked. */
enum err panel_secret_make(struct req *rq, const struct uuid ids[2], struct str *secret);

#endif
