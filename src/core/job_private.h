/* job_private.h - one run of a job, from its claim to its end: shared by job_run.c and job_worker.c. Inside core only. */
#ifndef CORE_JOB_PRIVATE_H
#define CORE_JOB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include "core/job_worker.h"

#define JOB_CHANNEL "collect:jobs"       /* a message, whatever it says: there is something to be taken */
void job_wake(struct app *app);

/* Who has the run's fields: its thread. The atomic ones and what is set before the run is listed are read by the heartbeat, and by whoever stops
 * the worker. */
struct job_run {
	struct job_run *next;                /* in the worker's list */
	struct job job;
	struct arena arena, scratch;         /* of the job; of one transaction */
	struct uuid claim;
	atomic_bool cancel, stop, lost;
	_Atomic int64_t done, total;
	int64_t told_ns;                     /* when progress was last written */
	bool completed;
	bool outside;                        /* it is among the threads that may wait for others */
	/* how it fails */
	bool give_up;
	int64_t retry_ms;                    /* -1: by the type's back-off */
	enum err failed;                     /* as which it ended; OK: it did not */
	char message[JOB_MESSAGE_MAX_BYTES];
};

enum job_outcome { JOB_SUCCEEDED, JOB_FAILED, JOB_DEAD, JOB_CANCELLED, JOB_GIVEN_BACK, JOB_LOST };

/* For a job that was just claimed (job's app, type, id, tenant_id, ref, attempt and run->claim are set): reads what it needs,
 * runs it, and writes down how it ended. */
enum job_outcome job_run_do(struct job_run *run);
/* By whoever stops the worker, while its thread hangs: the claim goes back, and what the thread still does is refused. Takes `a`. */
enum err job_run_give_back(struct job_run *run, struct arena *a);
/* Its log line and its metrics. */
void job_run_report(const struct job_run *run, enum job_outcome outcome, int64_t ns);
/* Milliseconds before the next attempt: backoff_s, doubled for each attempt before, shortened by up to a half by `random`. */
int64_t job_backoff_ms(const struct job_type *type, int attempt, uint64_t random);

/* job_spread.c: the run of an each_tenant type's periodic job. */
enum err job_spread(struct job *job);

/* ---- job_outside.c: what waits for others (job_type.outside) never has all the threads of a worker ---- */

struct job_outside {
	pthread_mutex_t lock;
	int n, most; /* threads that run such a type, or may be about to take one */
};
void job_outside_init(struct job_outside *o, int threads);
/* Whether one more may; then until job_outside_end(). */
bool job_outside_take(struct job_outside *o);
void job_outside_end(struct job_outside *o);
/* The lists without such types; as they are where there are no others. */
enum err job_types_inside(const struct job_type *const *types, struct arena *a, struct str *names, struct str *leases);

/* ---- job_types.c ---- */

const struct job_type *job_type_find(const struct job_type *const *types, struct str name);   /* NULL: there is none */
/* Names and leases (milliseconds) of the types that the configuration wants, parted by spaces, as the statements take them. */
enum err job_types_list(const struct job_worker_config *config, struct arena *a, struct str *names, struct str *leases, struct str *why);

#endif
