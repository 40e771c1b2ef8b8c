/* job.h - work that no request waits for: durable, done by `collect worker`, once.
 *
 * A type of job is a row that its room exports and main/domains.c lists:
 *
 *     const struct job_type purge_job = {.name = "survey.purge", .run = purge_run, .max_attempts = 5, .lease_s = 60, .backoff_s = 10,
 *         .about = "Deletes the answers of a deleted survey"};
 *
 * Asking for one is a row in the caller's transaction: job and change are there together or not at all, and workers are woken
 * after the commit. The reply of its route is 202 with Location and the job:
 *
 *     if ((e = job_add(rq->tx, rq->arena, &(struct job_new){.type = &purge_job, .ref = survey_text, .payload = json}, &id)))
 *         return e;
 *     return job_reply(rq, 202, &id);
 *
 * The worker calls run. Its effects count once when its last write and its completion are one transaction:
 *
 *     static enum err purge_run(struct job *job)
 *     {
 *         do {
 *             if ((e = job_step(job, purge_batch, &work, S(""))))      a transaction each: lost claims are refused, so nothing is
 *                 return e;                                            done twice by two workers
 *             if ((e = job_progress(job, work.done, work.total)))      ERR_AGAIN: end now, somebody wants it
 *                 return e;
 *         } while (work.more);
 *         return job_complete(job, purge_last, &work, S("{\"purged\": 12}"));
 *     }
 *
 * A run that ends in an error is repeated after backoff_s, then twice that and so on (at most JOB_BACKOFF_MAX_S; each shortened by up
 * to a half at random); the max_attempts-th makes it dead: it stays, with its error, until somebody repeats it. A worker that is killed, or
 * cut off from the database, loses its claim when the lease runs out; another one takes the job from its last step, and a run of
 * which that happened is an attempt too. TERM gives jobs that do not end in time back, without counting.
 *
 * What a type's run leaves outside of the database (an e-mail, a request) may happen twice: send the job's id along as a key. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "core/req.h"
#include "core/router.h"

struct job;
struct job_run;                          /* core/job_private.h: the claim */

struct job_type {
	const char *name;                    /* "room.verb": a-z 0-9 _ and '.', at most JOB_NAME_MAX_BYTES */
	enum err (*run)(struct job *job);    /* on a worker's thread */
	int max_attempts;
	int lease_s;                         /* at least JOB_LEASE_MIN_S. The heartbeat renews it: only death and silence let it run out */
	int backoff_s;
	int every_s;                         /* 0: when asked for. Else the installation's own: comes round so often, in all workers together; it
					      * has no tenant, no payload, no record, and is never dead. Below a minute the log tells of its
					      * failures only */
	bool each_tenant;                    /* with every_s: what comes round makes a job of this type, ref "periodic", for each live tenant, and
					      * those run is called for */
	enum permission needs;               /* what its route asks of who begins one; who repeats a dead one needs it too, in the whole tenant. 0: as nobody
					      * begins it by himself, who repeats it needs jobs:write */
	bool outside;                        /* it waits for a server that somebody else chose: of one worker's threads at most half (at least one) run such types at
					      * once, so who does not answer holds up nobody's other work */
	int priority;                        /* within its tenant the lowest number goes first; 0 is usual */
	const char *about;
};

/* ---- asking for work ---- */

struct job_new {
	const struct job_type *type;
	struct str ref;                      /* what it is about: while a job of this type and ref lives a second one is not made. Ids and
					      * hashes only, at most JOB_REF_MAX_BYTES. Empty: every job is made. */
	struct str payload;                  /* JSON object for run, at most JOB_PAYLOAD_MAX_BYTES; ids, never answers or secrets. Empty: {} */
	int64_t total;                       /* steps to come; 0: not known yet */
	int64_t delay_ms;                    /* not before */
};
/* The tenant of work that is no tenant's, for the mails about people's accounts: it has no members, so nobody sees its jobs. */
extern const struct uuid system_tenant;
/* For the transaction's tenant (PG_APP or PG_WORKER); its actor is whose job it is. *id is the job's, or that of the live one with the same type and ref (which
 * may be running: what it has read already it does not read again). */
enum err job_add(struct tx *tx, struct arena *a, const struct job_new *in, struct uuid *id);
/* Whose jobs may be touched: everybody's, or only those that the transaction's actor asked for. Others are ERR_NOT_FOUND. */
enum job_reach { JOB_OWN, JOB_ALL };
/* A waiting job ends at once; of one that is run the worker is told, and it ends at its next job_check(). ERR_CONFLICT when it has ended. */
enum err job_cancel(struct tx *tx, struct arena *a, const struct uuid *id, enum job_reach reach);
/* From its last step, with all its attempts. ERR_CONFLICT when it is not dead, or when another one is at its work. */
enum err job_again(struct tx *tx, struct arena *a, const struct uuid *id, enum job_reach reach);
/* Stages the job with its ETag; with 202 its Location too. For the routes of other rooms: .out = &job_out, .status = 202, ROUTE_LOCATION. */
enum err job_reply(struct req *rq, int status, const struct uuid *id, enum job_reach reach);
extern const struct shape job_out;

/* ---- doing it: what run gets ---- */

struct job {
	struct app *app;
	struct arena *arena;                 /* of this run */
	const struct job_type *type;
	struct uuid id;
	struct uuid tenant_id, actor;        /* nil: the installation's own; nobody's */
	struct str ref;
	const struct json *payload, *state;  /* objects; state: what the last step of an earlier run left, NULL: nothing */
	int attempt;                         /* 1 at first */
	struct job_run *run;
};

/* OK, or ERR_AGAIN when the run shall end: it was cancelled, the worker stops, or the claim is lost. Return that. Costs nothing. */
enum err job_check(const struct job *job);
/* Tells how far it is (total 0: unknown) and answers as job_check. May be called for every row: it writes at most every JOB_PROGRESS_MS, in a
 * transaction of its own. */
enum err job_progress(struct job *job, int64_t done, int64_t total);
/* Runs `write` (NULL: nothing) in a transaction of the job's tenant and keeps `state` (a JSON object; empty: the old one) with it, provided that
 * the claim still holds; else ERR_AGAIN and nothing is written. Its events have the actor who asked for the job, and the job's id as request id.
 * Repeats it on serialisation failures, so what ctx counts is reset in `write`. */
enum err job_step(struct job *job, enum err (*write)(struct tx *tx, void *ctx), void *ctx, struct str state);
/* The same, and the job has succeeded; result is a JSON object (empty: none) that the job's readers see. Nothing more may be written. */
enum err job_complete(struct job *job, enum err (*write)(struct tx *tx, void *ctx), void *ctx, struct str result);
/* Returns e, and keeps the sentence for the job's readers: no personal data, no internals. job_give_up: repeating it is no use, dead at once. */
enum err job_fail(struct job *job, enum err e, const char *why);
enum err job_give_up(struct job *job, enum err e, const char *why);
/* If this run fails: the next one after so long, instead of the back-off. */
void job_retry_in(struct job *job, int64_t ms);

#endif
