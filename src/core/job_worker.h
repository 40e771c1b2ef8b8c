/* job_worker.h - the threads that take jobs and run them: all of `collect worker` but its command line.
 *
 * Each of `threads` takes a job, runs it, takes the next. With nothing to take it waits until Redis says that there is something, or the next
 * one is due, or JOB_POLL_MS are over (JOB_POLL_BLIND_MS while Redis is away). One more thread is the heartbeat of all runs. As many workers
 * as one likes may stand on one database. */
#ifndef CORE_JOB_WORKER_H
#define CORE_JOB_WORKER_H

#include "core/job.h"

struct job_worker;

struct job_worker_config {
	const struct job_type *const *types;     /* ended by NULL */
	struct str only;                         /* names, parted by spaces: nothing else is run. Empty: all of them */
	int threads;                             /* 1 to JOB_THREADS_MAX */
	struct redis *wake;                      /* one of its own, for listening; NULL: it only looks */
};

/* ERR_SETTING with *why when a type is wrong or `only` names none. Uses app->pools[PG_WORKER], app->log, app->metrics; the periodic jobs are
 * entered as soon as the database answers. The struct lives in `a`, with all that `config` points to. */
enum err job_worker_start(struct app *app, const struct job_worker_config *config, struct arena *a, struct job_worker **out, struct str *why);
/* Takes no more jobs; what runs may end within grace_ms, is then told to end (job_check), and JOB_STOP_MS later is given back. True: all
 * threads ended. False: some still run; they use `app` and `a`, so end the process without freeing anything. */
bool job_worker_stop(struct job_worker *w, int grace_ms);

#endif
