/* jobs.c - the installation's own upkeep, as jobs that come round again. */
#include "base/limits.h"
#include "core/config.h"
#include "main/domains.h"
#include "sql.h"

#define HOUR_S 3600
#define LEASE_S 60
#define BACKOFF_S 10
#define ATTEMPTS 5 /* of jobs that are never dead it only says when the back-off is longest */
#define PARTITION_MONTHS_AHEAD 3
#define PURGE_BATCH 1000

struct counted {
	struct arena *arena;
	int64_t limit, days, n;
};

static enum err partitions_in(struct tx *tx, void *ctx)
{
	struct made_row {
		int64_t made;
	} row;
	static const struct pg_col cols[] = {COL(struct made_row, made, PGT_INT)};
	const struct pg_param in[] = {P_INT(PARTITION_MONTHS_AHEAD)};
	struct counted *c = ctx;
	enum err e = tx_one(tx, c->arena, &Q(SQL_event_partitions_ensure, in, cols), &row);

	c->n = e ? 0 : row.made;
	return e;
}

/* ---- months that are over ---- */

struct detached {
	struct arena *arena;
	int64_t months;
	struct str name; /* empty: none is left */
	bool busy, unread;
};

static enum err detach_in(struct tx *tx, void *ctx)
{
	struct month_row {
		struct str name;
		bool busy, unread;
	} row;
	static const struct pg_col cols[] = {COL(struct month_row, name, PGT_TEXT),
	    COL(struct month_row, busy, PGT_BOOL), COL(struct month_row, unread, PGT_BOOL)};
	struct detached *d = ctx;
	const struct pg_param in[] = {P_INT(d->months)};
	enum err e = tx_one(tx, d->arena, &Q(SQL_event_month_detach, in, cols), &row);

	d->name = e ? S("") : row.name;
	d->busy = !e && row.busy;
	d->unread = !e && row.unread;
	return e;
}

static void tell_month(struct app *app, const struct detached *d)
{
	metric_set(metrics_series(app->metrics, M_EVENT_UNREAD, NULL), d->unread);
	if (d->unread)
		log_message(
		    app->log, LOG_WARN, "a month of the event log stays: the search has not read all of it", d->name);
	else if (d->name.n > 0)
		log_message(app->log, LOG_INFO,
		    d->busy ? "a month of the event log is in use and stays" : "a month of the event log was detached",
		    d->name);
}

/* A month a transaction. One that somebody reads just now, or that the search has still to read, has time until the next round. */
static enum err detach_old(struct job *job)
{
	struct detached d = {.arena = job->arena, .months = config_int(job->app->config, CFG_events_keep_months)};
	enum err e;

	if (!d.months)
		return OK;
	do {
		if ((e = job_step(job, detach_in, &d, S(""))) || (e = job_check(job)))
			return e;
		tell_month(job->app, &d);
	} while (d.name.n > 0 && !d.busy && !d.unread);
	return OK;
}

static enum err partitions_run(struct job *job)
{
	struct counted c = {.arena = job->arena};
	enum err e = detach_old(job);
	struct log_field fields[1];

	if (e || (e = job_complete(job, partitions_in, &c, S(""))))
		return e;
	fields[0] = (struct log_field)LF_INT(COUNT, c.n);
	if (c.n)
		log_event(job->app->log, LOG_INFO, "event partitions made", fields, countof(fields));
	return OK;
}

/* ---- at a start ---- */

static enum err begin_in(struct tx *tx, void *ctx)
{
	struct made_row {
		int64_t made;
	} row;
	static const struct pg_col cols[] = {COL(struct made_row, made, PGT_INT)};
	struct counted *c = ctx;
	enum err e = tx_one(tx, c->arena, &Q_NO_IN(SQL_event_months_begin, cols), &row);

	c->n = e ? 0 : row.made;
	return e;
}

void event_months_begin(struct app *app, enum pg_role role, struct arena *a)
{
	struct counted c = {.arena = a};
	enum err e = tx_run(app, role, NULL, a, begin_in, &c);

	if (e)
		log_message(app->log, LOG_ERROR, "event partitions could not be looked after",
		    S("without this month's no change is stored: run `collect doctor`"));
	else if (c.n)
		log_message(app->log, LOG_WARN, "event partitions were missing",
		    S("they were made now; no worker had made them: does one run?"));
}

/* ---- records of jobs ---- */

static enum err purge_in(struct tx *tx, void *ctx)
{
	struct purged_row {
		int64_t purged;
	} row;
	static const struct pg_col cols[] = {COL(struct purged_row, purged, PGT_INT)};
	struct counted *c = ctx;
	const struct pg_param in[] = {P_INT(c->days), P_INT(PURGE_BATCH)};
	enum err e = tx_one(tx, c->arena, &Q(SQL_job_purge, in, cols), &row);

	c->n = e ? 0 : row.purged;
	return e;
}

static enum err purge_run(struct job *job)
{
	struct counted c = {.arena = job->arena, .days = config_int(job->app->config, CFG_job_keep_days)};
	enum err e;

	do {
		if ((e = job_step(job, purge_in, &c, S(""))) || (e = job_check(job)))
			return e;
	} while (c.n == PURGE_BATCH);
	return job_complete(job, NULL, NULL, S(""));
}

const struct job_type partitions_job = {.name = "events.partitions",
    .run = partitions_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .every_s = HOUR_S,
    .about = "Keeps the event log's monthly partitions ahead of the calendar, and detaches old ones"};

const struct job_type purge_job = {.name = "jobs.purge",
    .run = purge_run,
    .max_attempts = ATTEMPTS,
    .lease_s = LEASE_S,
    .backoff_s = BACKOFF_S,
    .every_s = HOUR_S,
    .about = "Deletes the records of jobs that ended job_keep_days ago"};
