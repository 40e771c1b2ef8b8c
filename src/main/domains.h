/* domains.h - the one list of what the rooms bring along. Main knows all of them; they do not know each other through it. */
#ifndef MAIN_DOMAINS_H
#define MAIN_DOMAINS_H

#include "core/job.h"
#include "core/router.h"

/* Sets app->routes and app->route_arrays: the rooms' arrays, main's own, and a row for each embedded file (made in `a`). */
enum err domains_routes(struct app *app, struct arena *a);

extern const struct route internal_routes[];      /* internal.c */
extern const struct route document_routes[];      /* document.c: the start page, /openapi.json, /docs/errors ... */
extern const struct route job_routes[];           /* job_http.c */
/* domain_jobs.c: every type of job, ended by NULL. What `collect worker` runs. */
extern const struct job_type *const domains_jobs[];
extern const struct job_type partitions_job, purge_job;   /* jobs.c: the installation's own upkeep */
/* jobs.c. This month's and the next one's partition of the event log, made where no worker has made them, which the log tells; so does a failure. */
void event_months_begin(struct app *app, enum pg_role role, struct arena *a);
/* static.c: as many rows as there are embedded files, ended by ROUTE_END. */
enum err static_routes(struct arena *a, const struct route **out);

#endif
