/* job_spread.c - periodic work of each tenant: one job for each, made by one that comes round. */
#include "core/job_private.h"

#include "sql.h"

#define PAGE 200

struct tenant_row {
	struct uuid id;
};

struct page {
	struct job_run *run;
	struct uuid after;
	struct tenant_row *rows;
	size_t n;
};

static enum err page_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct tenant_row, id, PGT_UUID)};
	struct page *p = ctx;
	const struct pg_param in[] = {P_UUID(&p->after), P_INT(PAGE)};
	void *rows;
	enum err e;

	arena_reset(&p->run->arena);
	e = tx_rows(tx, &p->run->arena, &Q(SQL_job_tenants, in, cols), sizeof(*p->rows), &rows, &p->n);
	p->rows = rows;
	return e;
}

static enum err add_in(struct tx *tx, void *ctx)
{
	const struct job *job = ctx;
	struct uuid id;

	/* Of whom the last one still waits, or is run, gets no second one. */
	return job_add(tx, &job->run->scratch, &(struct job_new){.type = job->type, .ref = S("periodic")}, &id);
}

enum err job_spread(struct job *job)
{
	struct page p = {.run = job->run};
	enum err e;

	do {
		if ((e = tx_run(job->app, PG_WORKER, NULL, &job->run->scratch, page_in, &p)))
			return e;
		for (size_t i = 0; i < p.n; i++) {
			arena_reset(&job->run->scratch);
			if ((e = job_check(job)) ||
			    (e = tx_run(job->app, PG_WORKER, &p.rows[i].id, &job->run->scratch, add_in, job)))
				return e;
			p.after = p.rows[i].id;
		}
	} while (p.n == PAGE);
	return OK;
}
