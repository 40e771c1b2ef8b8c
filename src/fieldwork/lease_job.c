/* lease_job.c - leases on quota places that ran out while nobody wanted the places. Whoever finds a cell full ends those himself (intake_alone.c), so nobody is turned
 * away because this job has not been there yet: it only keeps the counts near what is live. Done twice it finds nothing to do the second time. */
#include "base/limits.h"
#include "fieldwork/fieldwork.h"
#include "sql.h"

#define BATCH 500
#define ATTEMPTS 10
#define LEASE_S 30
#define BACKOFF_S 10
#define EVERY_S 600

struct lapse {
	int64_t n, all; /* of the last batch, and of all */
};

static enum err batch_in(struct tx *tx, void *ctx)
{
	struct count_row {
		int64_t n;
	} row;
	static const struct pg_col cols[] = {COL(struct count_row, n, PGT_INT)};
	static const struct pg_param in[] = {P_INT(BATCH)};
	struct lapse *x = ctx;
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, 64 * KB);
	if (!(e = tx_one(tx, &a, &Q(SQL_leases_lapse, in, cols), &row)))
		x->n = row.n;
	arena_free(&a);
	return e;
}

static enum err lapse_run(struct job *job)
{
	struct lapse x = {0, 0};
	struct str result;
	struct buf b;
	enum err e;

	do {
		if ((e = job_step(job, batch_in, &x, S(""))))
			return e;
		x.all += x.n;
		if ((e = job_progress(job, x.all, 0)))
			return e;
	} while (x.n == BATCH);
	buf_init(&b, job->arena, 64);
	buf_add(&b, S("{\"leases\": "));
	buf_int(&b, x.all);
	buf_char(&b, '}');
	if ((e = buf_done(&b, &result)))
		return e;
	return job_complete(job, NULL, NULL, result);
}

const struct job_type lease_job = {.name = "quotas.lapse",
    .run = lapse_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .every_s = EVERY_S,
    .each_tenant = true,
    .about = "Gives back places in quotas that were kept for interviews which nobody went on with"};
