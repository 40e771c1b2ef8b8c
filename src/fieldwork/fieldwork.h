/* fieldwork.h - links and the intake of answers: resolve the link, run the engine, write; one transaction.
 *
 * An answer is acknowledged only after its commit came back clean. The same idempotency key with the same payload
 * gets the first reply again, with another payload 422. All gates (status, dates) are enforced here, whatever the
 * page did. */
#ifndef FIELDWORK_FIELDWORK_H
#define FIELDWORK_FIELDWORK_H

#include "core/job.h"
#include "core/router.h"

extern const struct route link_routes[];      /* /api/v1/surveys/{id}/links */
extern const struct route link_qr_routes[];   /* .../links/{link_id}/qr.svg, qr.png */
extern const struct route link_code_routes[]; /* .../links/{link_id}/codes */
extern const struct job_type link_codes_job;
extern const struct route link_panel_routes[]; /* .../links/{link_id}/secret */
extern const struct job_type link_postback_job;
extern const struct route
    link_password_routes[]; /* .../links/{link_id}/password; /api/public/v1/links/{slug}/pass, /s/{slug}/password */
extern const struct route quota_routes[];	    /* /api/v1/surveys/{id}/quotas */
extern const struct route response_routes[];	    /* /api/v1/surveys/{id}/responses ... */
extern const struct route response_change_routes[]; /* edit, reject, restore, delete, history */
extern const struct route response_action_routes[]; /* one action on many */
extern const struct job_type response_action_job;
extern const struct route lookup_routes[];    /* /api/v1/responses/lookup */
extern const struct route sealing_routes[];   /* /api/v1/sealing */
extern const struct route public_routes[];    /* /api/public/v1/links/{slug} ... */
extern const struct route interview_routes[]; /* /api/public/v1/links/{slug}/responses/{response_id} ... */
extern const struct route sync_routes[];      /* /api/public/v1/sync */
extern const struct route page_routes[];      /* /s/{slug} */

/* ---- sealed answers ---- */

extern const struct job_type reseal_job;
/* Asks for every answer of the tenant to be sealed as it is to be now: after vault_rotate() or another rule, in the same transaction. reindex: the blind
 * index is made anew as well. rotated: what the rotation that asks for it was asked to rotate, kept in the job's payload; empty: it is none. */
enum err reseal_add(struct tx *tx, struct arena *a, bool reindex, struct str rotated, struct uuid *job);
/* Takes the blind index away, and plain hashes of sealed answers, as a tenant's keys are destroyed. */
enum err lookups_clear(struct tx *tx);
/* An event of the tenant's keys; data is a JSON object. The caller holds vault_alone(), so that its number is the next. */
enum err keys_event(struct tx *tx, struct arena *a, struct str type, struct str data);

extern const struct job_type abandon_job; /* interviews that were left become partial ones */
extern const struct job_type lease_job;	  /* places kept for those are given back */

/* ---- finding answers ---- */

extern const struct job_type search_job; /* keeps response_search up with the event log */
/* Has everything that the transaction's tenant's answers are found by made anew, by search_job, a batch a call: begin with nil ids in *after (which is moved
 * on) and call until *marked is 0. What is there is found until then. PG_WORKER. */
struct search_place {
	struct uuid survey_id, id;
};
enum err search_renew(struct tx *tx, struct arena *a, struct search_place *after, int64_t *marked);

/* Answers that hold this e-mail address or phone number among their personal ones, newest first, at most LOOKUP_FOUND_MAX; deleted ones are not found.
 * By exact look-up in the blind index (response_lookups), whatever way it was written. PG_APP or PG_WORKER. ERR_INVALID when the text is neither. */
#define LOOKUP_FOUND_MAX 1000
struct contact_ask {
	struct str text;
	bool phone; /* else e-mail */
};
struct response_ref {
	struct uuid survey_id, response_id;
	struct str question; /* ROSTER/QUESTION/ITEM, the first and last where there are such */
	struct str json;     /* as POST /api/v1/responses/lookup shows it */
};
enum err response_lookup(struct app *app, struct tx *tx, struct arena *a, const struct contact_ask *ask,
    struct response_ref **out, size_t *n);

/* The writers of answers, app->intake: once the pools are open, closed before them. Closing writes what is queued. */
enum err intake_open(struct app *app, struct intake **out);
void intake_close(struct intake *in);
struct batch_counts;
void intake_counts(struct intake *in, struct batch_counts *out);

/* For app->refuse_page. */
bool page_refuse(struct req *rq, enum err e);
/* For app->link_known. */
bool link_known(const struct app *app, struct str slug, struct uuid *tenant, struct uuid *link);

/* Of a panel link, as it comes in: link_panel.h. */
struct panel_urls {
	struct str completed, screened_out, quota_full, closed;
};
struct panel_in {
	struct str panelist, postback_url;
	const struct json *required; /* parameter: pattern */
	struct panel_urls return_urls;
};

/* For seeding. slug empty: a random one is made (10 characters, base32 without look-alikes). ERR_CONFLICT: taken. */
struct link_new {
	struct str slug, title, language;
	struct str kind;       /* open (also when empty), test, single_use, panel */
	struct panel_in panel; /* as it came, and */
	struct str panel_json; /* as it is kept, link_panel_text(); empty but for panel links */
	int64_t opens_at, closes_at;
	int64_t max_completes; /* 0: no bound */
	int64_t proof_bits;    /* 0: none */
	struct str proof_mode; /* require (also when empty), flag */
	bool once_per_device;
	struct str_list embed; /* origins as embed_text() takes them */
};
enum err link_create(struct tx *tx, struct arena *a, const struct uuid *survey_id, const struct link_new *in,
    struct uuid *id, struct str *slug);

#endif
