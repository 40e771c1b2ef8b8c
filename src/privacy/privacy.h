/* privacy.h - how long things are kept, and what happens when somebody asks for his data or wants it gone.
 *
 * Retention: a survey says after how many days its answers, their personal part and their paradata (times, seed, the sender's key) are
 * removed; a job that comes round does it in batches. New surveys begin with what the tenant's settings say; a setting that is changed
 * later changes no survey, or it would delete answers behind the back of who looks after them.
 *
 * One person's data: named by an address, a number, an answer or a membership, gathered into a file (sealed, for seven days, for who asked for it) or
 * erased. Whom it is about stands sealed in the request and nowhere else: not in the job, not in the log, not in events.
 *
 * Each table is written by the room that owns it, and this room is the one exception: it removes, in all of them. Where a person's data lies
 * has to be known in one place. It writes nothing else there. Places in quota cells stay taken whatever is removed: the interview took
 * place. */
#ifndef PRIVACY_PRIVACY_H
#define PRIVACY_PRIVACY_H

#include "core/job.h"
#include "core/router.h"

extern const struct route privacy_settings_routes[]; /* /api/v1/privacy/settings */
extern const struct route privacy_request_routes[];  /* /api/v1/privacy/erasures, /exports */
extern const struct job_type erase_job, export_job;  /* of one person, when asked for */
extern const struct job_type privacy_purge_job;	     /* each tenant's, daily: what was deleted purge_days ago */
extern const struct job_type retention_job;	     /* each tenant's, four times a day */

/* As owner (its conninfo), outside of any request: forgets somebody in every tenant that he left, and scrubs the account. ERR_NOT_FOUND: nobody has
 * the address. ERR_CONFLICT: he still is a member of the tenants in *held. *why: a sentence, when there is one. */
enum err privacy_user_erase(
    const char *owner_conninfo, struct str email, struct arena *a, struct str *held, struct str *why);

#endif
