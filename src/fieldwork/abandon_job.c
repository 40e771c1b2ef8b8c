/* abandon_job.c - interviews that were left: after as long as the survey says, or INTERVIEW_LEFT_MS, without a page nobody can go on with them, and what they hold is all there will be. They are
 * partial then, listed and exported as what is over. A job that is done twice finds nothing to do the second time. */
#include "base/limits.h"
#include "event/event.h"
#include "fieldwork/fieldwork.h"
#include "sql.h"

#define BATCH 200
#define ATTEMPTS 10
#define LEASE_S 30
#define BACKOFF_S 10
#define EVERY_S 3600

struct left_row {
	struct uuid id;
	int64_t version;
	struct str data;
};

struct abandon {
	struct job *job;
	size_t n; /* of the last batch */
	int64_t all;
};

static enum err tell(struct tx *tx, const struct left_row *row)
{
	return event_append(tx, &(struct event){S("response"), &row->id, S("partial"), row->data, row->version});
}

static enum err batch_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct left_row, id, PGT_UUID), COL(struct left_row, version, PGT_INT),
	    COL(struct left_row, data, PGT_JSON)};
	static const struct pg_param in[] = {P_INT(INTERVIEW_LEFT_MS), P_INT(BATCH)};
	struct abandon *x = ctx;
	struct left_row *rows;
	struct arena a;
	enum err e;

	arena_init(&a, &arena_malloc, MB);
	x->n = 0;
	e = tx_rows(tx, &a, &Q(SQL_interviews_abandon, in, cols), sizeof *rows, (void **)&rows, &x->n);
	for (size_t i = 0; !e && i < x->n; i++)
		e = tell(tx, &rows[i]);
	arena_free(&a);
	return e;
}

static enum err abandon_run(struct job *job)
{
	struct abandon x = {.job = job};
	struct str result;
	struct buf b;
	enum err e;

	do {
		if ((e = job_step(job, batch_in, &x, S(""))))
			return e;
		x.all += (int64_t)x.n;
		if ((e = job_progress(job, x.all, 0)))
			return e;
	} while (x.n == BATCH);
	buf_init(&b, job->arena, 64);
	buf_add(&b, S("{\"partial\": "));
	buf_int(&b, x.all);
	buf_char(&b, '}');
	if ((e = buf_done(&b, &result)))
		return e;
	return job_complete(job, NULL, NULL, result);
}

const struct job_type abandon_job = {.name = "interviews.abandon",
    .run = abandon_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .every_s = EVERY_S,
    .each_tenant = true,
    .about = "Makes interviews that nobody went on with for as long as their survey says partial ones"};
