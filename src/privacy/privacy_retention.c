/* Retention: what has reached the age that its survey says is removed, a batch a transaction; so are files of exports. Marks and counts stand in the database, so a run that
 * was cut off is simply begun again. */
#include "base/limits.h"
#include "event/event.h"
#include "privacy/privacy.h"
#include "sql.h"

#define REQUESTS 10
#define BATCH 200 /* its event names each answer */
#define EVENT_MAX_BYTES (32 * KB)
#define SCRATCH_MAX_BYTES (4 * MB)

struct survey_row {
	struct uuid id;
	int64_t answers_days, personal_days, paradata_days;
};

enum { PASSES = 3 };
static const struct pass {
	const struct pg_statement *sql;
	const char *event;
	size_t days;
} passes[PASSES] = {
    {&SQL_retention_answers, "answers_removed", offsetof(struct survey_row, answers_days)},
    {&SQL_retention_personal, "personal_removed", offsetof(struct survey_row, personal_days)},
    {&SQL_retention_paradata, "paradata_removed", offsetof(struct survey_row, paradata_days)},
};

struct batch_row {
	int64_t looked, removed, sequence;
	struct str ids;
};

struct retention {
	struct job *job;
	struct arena scratch; /* of one batch */
	struct survey_row *surveys;
	size_t n;
	const struct survey_row *survey;
	const struct pass *pass;
	struct batch_row batch;
	int64_t surveys_touched, removed[PASSES];
};

static enum err surveys_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct survey_row, id, PGT_UUID),
	    COL(struct survey_row, answers_days, PGT_INT), COL(struct survey_row, personal_days, PGT_INT),
	    COL(struct survey_row, paradata_days, PGT_INT)};
	struct retention *r = ctx;
	void *rows;
	enum err e =
	    tx_rows(tx, r->job->arena, &Q_NO_IN(SQL_retention_surveys, cols), sizeof(*r->surveys), &rows, &r->n);

	r->surveys = rows;
	return e;
}

static enum err tell(struct tx *tx, struct retention *r)
{
	struct json_out w;
	struct str data;
	struct buf b;
	enum err e;

	buf_init(&b, &r->scratch, EVENT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("removed"), r->batch.removed);
	json_field_raw(&w, S("response_ids"), r->batch.ids);
	json_close(&w, '}');
	if ((e = buf_done(&b, &data)))
		return e;
	return event_append(tx,
	    &(struct event){S("survey_retention"), &r->survey->id, str_from(r->pass->event), data, r->batch.sequence});
}

static enum err requests_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct batch_row, removed, PGT_INT)};
	static const struct pg_param in[] = {P_INT(REQUESTS)};
	struct retention *r = ctx;

	arena_reset(&r->scratch);
	return tx_one(tx, &r->scratch, &Q(SQL_retention_requests, in, cols), &r->batch);
}

/* Exports that are over. That a request lost its subject is told by the audit. */
static enum err end_requests(struct retention *r)
{
	enum err e;

	do {
		r->batch = (struct batch_row){0};
		if ((e = job_step(r->job, requests_in, r, S(""))))
			return e;
	} while (r->batch.removed == REQUESTS);
	return OK;
}

static int64_t days_of(const struct survey_row *survey, const struct pass *pass)
{
	return *(const int64_t *)((const char *)survey + pass->days);
}

static enum err batch_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct batch_row, looked, PGT_INT),
	    COL(struct batch_row, removed, PGT_INT), COL(struct batch_row, sequence, PGT_INT),
	    COL(struct batch_row, ids, PGT_JSON)};
	struct retention *r = ctx;
	const struct pg_param in[] = {P_UUID(&r->survey->id), P_INT(days_of(r->survey, r->pass)), P_INT(BATCH)};
	enum err e;

	arena_reset(&r->scratch);
	r->batch = (struct batch_row){0};
	if ((e = tx_one(tx, &r->scratch, &Q(*r->pass->sql, in, cols), &r->batch)))
		return e;
	return r->batch.removed > 0 ? tell(tx, r) : OK;
}

static enum err run_pass(struct retention *r, size_t k, bool *touched)
{
	enum err e;

	r->pass = &passes[k];
	if (days_of(r->survey, r->pass) == 0)
		return OK;
	do {
		if ((e = job_step(r->job, batch_in, r, S(""))))
			return e;
		r->removed[k] += r->batch.removed;
		*touched |= r->batch.removed > 0;
		if ((e = job_progress(r->job, r->survey - r->surveys, (int64_t)r->n)))
			return e;
	} while (r->batch.looked == BATCH);
	return OK;
}

static enum err result_of(const struct retention *r, struct str *json)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, r->job->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("surveys"), r->surveys_touched);
	json_field_int(&w, S("answers"), r->removed[0]);
	json_field_int(&w, S("personal"), r->removed[1]);
	json_field_int(&w, S("paradata"), r->removed[2]);
	json_close(&w, '}');
	return buf_done(&b, json);
}

/* What no other survey is spared either: the run was ended, or what it stands on is away. */
static bool ends_all(enum err e)
{
	return e == ERR_AGAIN || e == ERR_UNAVAILABLE || e == ERR_OUTCOME_UNKNOWN || e == ERR_MEMORY;
}

static enum err run_survey(struct retention *r)
{
	enum err e, failed = OK;
	bool touched = false;

	for (size_t k = 0; k < PASSES; k++) {
		if (!(e = run_pass(r, k, &touched)))
			continue;
		if (ends_all(e))
			return e;
		log_message(r->job->app->log, LOG_ERROR, "retention failed", uuid_str(r->job->arena, &r->survey->id));
		failed = e;
	}
	r->surveys_touched += touched;
	return failed;
}

/* One survey's trouble is not the others': each is gone through, and then the job fails all the same, so that it is seen and done again. */
static enum err run_surveys(struct retention *r)
{
	enum err e, failed = OK;

	for (size_t i = 0; i < r->n; i++) {
		r->survey = &r->surveys[i];
		if (!(e = run_survey(r)))
			continue;
		if (ends_all(e))
			return e;
		failed = e;
	}
	return failed ? job_fail(r->job, failed, "what some surveys have to remove could not be removed") : OK;
}

static enum err retention_run(struct job *job)
{
	struct retention r = {.job = job};
	struct str result;
	enum err e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, surveys_in, &r);

	if (e)
		return e;
	arena_init(&r.scratch, &arena_malloc, SCRATCH_MAX_BYTES);
	if (!(e = end_requests(&r)))
		e = run_surveys(&r);
	arena_free(&r.scratch);
	if (e || (e = result_of(&r, &result)))
		return e;
	return job_complete(job, NULL, NULL, result);
}

const struct job_type retention_job = {.name = "privacy.retention",
    .run = retention_run,
    .max_attempts = 5,
    .lease_s = 30,
    .backoff_s = 60,
    .every_s = 6 * 3600,
    .each_tenant = true,
    .priority = 10,
    .about = "Removes answers, personal data and paradata that have reached the age which their survey says"};
