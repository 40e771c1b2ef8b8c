/* fieldwork.h - links and the intake of answers: resolve the link, run the engine, write; one transaction.
 *
 * An answer is acknowledged only after its commit came back clean. The same idempotency key with the same payload
 * gets the first reply again, with another payload 422. All gates (status, dates) are enforced here, whatever the
 * page did. */
#ifndef FIELDWORK_FIELDWORK_H
#define FIELDWORK_FIELDWORK_H

#include "core/router.h"

extern const struct route link_routes[];     /* /api/v1/surveys/{id}/links */
extern const struct route response_routes[]; /* /api/v1/surveys/{id}/responses ... */
extern const struct route public_routes[];   /* /api/public/v1/links/{slug} ... */
extern const struct route page_routes[];     /* /s/{slug} */

/* For app->refuse_page. */
bool page_refuse(struct req *rq, enum err e);
/* For app->link_known. */
bool link_known(const struct app *app, struct str slug, struct uuid *tenant, struct uuid *link);

/* For seeding. slug empty: a random one is made (10 characters, base32 without look-alikes). ERR_CONFLICT: taken. */
struct link_new {
	struct str slug, title, language;
	int64_t opens_at, closes_at;
	struct str_list embed; /* origins as embed_text() takes them */
};
enum err link_create(struct tx *tx, struct arena *a, const struct uuid *survey_id, const struct link_new *in,
    struct uuid *id, struct str *slug);

#endif
