/* link.h - links as the rest of the room sees them: from a slug to what may be answered now.
 *
 *     struct resolved r;
 *     if ((e = resolve(rq, slug, RESOLVE_MAY_WAIT, &r))) ...      404 unknown, not published, not open yet; 410 closed
 *     ... r.link, r.live ...
 *
 * Two cached objects stand behind it: the link (key "slug:SLUG") and what runs of its survey (SURVEY_LIVE_KIND, key
 * "TENANT:SURVEY"), each dropped by whoever changes it. What `resolved` holds is copied into the request's arena, so
 * nothing stays pinned. */
#ifndef FIELDWORK_LINK_H
#define FIELDWORK_LINK_H

#include "core/cache.h"
#include "core/req.h"
#include "core/schema.h"
#include "fieldwork/fieldwork.h"

struct link_view {
	struct uuid tenant_id, link_id, survey_id;
	struct str slug, title, language;     /* language: what the link asks for; may be empty */
	struct str embed;		      /* origins that may show it in a frame, parted by a space; empty: none */
	struct str status;		      /* open, closed */
	struct str password;		      /* a mark of the one that is asked for (link_pass.h); empty: none is */
	bool test;			      /* what comes by it is marked and counts nowhere */
	bool once_per_device;		      /* link_device.h */
	struct str panel;		      /* JSON, link_panel.h; empty: it is no panel's */
	bool single_use;		      /* asks for a code: link_code.h */
	int64_t version, opens_ms, closes_ms; /* 0: no bound */
	int64_t max_completes;		      /* 0: no bound */
	int64_t proof_bits;		      /* link_proof.h; 0: none */
	bool proof_flags;		      /* an answer without the work is taken, and marked */
};

struct live_parameter {
	struct str name, type;
};

struct live_view {
	struct uuid version_id;
	int64_t number;
	struct str status; /* of the survey: published, closed, archived */
	struct str title, language;
	struct str languages;  /* JSON array */
	struct str definition; /* JSON, without what a client must not know; only with RESOLVE_DEFINITION */
	struct live_parameter parameters[PAGE_PARAMETERS_MAX];
	size_t parameter_count;
	int64_t abandon_ms;	 /* an interview that nobody went on with for so long is over */
	int64_t device_answers;	 /* how many one device may give unmarked; 0: devices are not told apart */
	int64_t duplicate_chars; /* texts of so many characters are compared; 0: none */
	int64_t lease_ms;	 /* how long a saved page keeps a place in a quota cell open; 0: not at all */
};

enum link_gate { GATE_OPEN, GATE_UNKNOWN, GATE_NOT_YET, GATE_CLOSED };

struct resolved {
	struct link_view link;
	struct live_view live;
	enum link_gate gate;
};

#define RESOLVE_MAY_WAIT 1u   /* may ask Redis and the database; without it ERR_AGAIN when it is not at hand */
#define RESOLVE_DEFINITION 2u /* copy the definition too */

extern const struct cache_kind link_cache;

/* Fills *out and binds the request to the link's tenant. OK with out->gate for links that exist but do not let in
 * now; ERR_NOT_FOUND (gate GATE_UNKNOWN) for those that do not exist or whose survey was never published. */
enum err resolve(struct req *rq, struct str slug, unsigned flags, struct resolved *out);
/* Whether as many interviews were completed as may be; reads nothing where there is no bound. Only so that nobody answers in vain: the last places are given by
 * the writers. Needs rq->tx where there is one: ERR_AGAIN without. */
enum err link_full(struct req *rq, const struct link_view *link, bool *full);
/* The gates as a reply: OK, ERR_NOT_FOUND or ERR_GONE with the detail recorded. */
enum err resolve_gate(struct req *rq, const struct resolved *r);

/* ERR_INVALID with the languages that may be chosen named. */
enum err language_refused(struct req *rq, struct str pointer, const struct str *offered, size_t n);

/* link_embed.c. Origins, each https://HOST or https://HOST:PORT, a host also with "*." before it, http:// for this machine only: joined by spaces.
 * ERR_INVALID for any other text, which would be somebody's way into a header. */
enum err embed_text(struct arena *a, const struct str_list *origins, struct str *text);
/* Lets these origins show the page that is staged; empty: nobody, as before. */
void embed_allow(struct req *rq, struct str embed);
/* What the link at hand allows, copied; empty when it is not in memory. */
struct str embed_known(const struct app *app, struct arena *a, struct str slug);

bool slug_ok(struct str slug);
/* 10 characters of base32 without look-alikes, 50 random bits. */
enum err slug_random(struct arena *a, struct str *slug);

#endif
