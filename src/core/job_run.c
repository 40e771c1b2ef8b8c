/* job_run.c - one run of a job: what its function may call, and how its end is written down. */
#include "core/job_private.h"

#include "sql.h"

#define NS_PER_MS 1000000LL
#define SCRATCH_MAX_BYTES (16 * MB)
#define END_ATTEMPTS 5 /* of writing down how a run ended */
#define END_PAUSE_MS 200
#define LOG_EVERY_S 60 /* what comes round more often is told of when it fails */

struct id_row {
	struct uuid id;
};
static const struct pg_col id_cols[] = {COL(struct id_row, id, PGT_UUID)};

static bool has_tenant(const struct job *job)
{
	return !uuid_is_nil(&job->tenant_id);
}

static enum err in_tx(struct job_run *run, struct arena *a, enum err (*fn)(struct tx *tx, void *ctx), void *ctx)
{
	const struct job *job = &run->job;

	arena_reset(a);
	return tx_run(job->app, PG_WORKER, has_tenant(job) ? &job->tenant_id : NULL, a, fn, ctx);
}

/* ---- what a job's function calls ---- */

enum err job_check(const struct job *job)
{
	const struct job_run *run = job->run;

	return atomic_load(&run->cancel) || atomic_load(&run->stop) || atomic_load(&run->lost) ? ERR_AGAIN : OK;
}

static enum err tell(struct tx *tx, void *ctx)
{
	const struct job_run *run = ctx;
	const struct pg_param in[] = {P_UUID(&run->job.id), P_INT(run->job.attempt), P_INT(atomic_load(&run->done)),
	    P_INT(atomic_load(&run->total))};

	return tx_queue(tx, &Q_NO_OUT(SQL_job_progress, in));
}

enum err job_progress(struct job *job, int64_t done, int64_t total)
{
	struct job_run *run = job->run;
	int64_t now = clock_mono_ns();
	struct arena a;

	atomic_store(&run->done, done > 0 ? done : 0);
	atomic_store(&run->total, total > 0 ? total : 0);
	if (has_tenant(job) && now - run->told_ns >= JOB_PROGRESS_MS * NS_PER_MS) {
		run->told_ns = now;
		/* An arena of its own: it may be called from within a step. What cannot be told now is told with the next step. */
		arena_init(&a, &arena_malloc, SCRATCH_MAX_BYTES);
		(void)in_tx(run, &a, tell, run);
		arena_free(&a);
	}
	return job_check(job);
}

struct step {
	struct job_run *run;
	enum err (*write)(struct tx *tx, void *ctx);
	void *ctx;
	struct str text; /* the state, or the result */
	bool last;
};

/* Job first, record second: so does everybody. */
static enum err complete(struct tx *tx, const struct step *s)
{
	const struct job_run *run = s->run;
	const struct job *job = &run->job;
	const struct pg_param end[] = {P_UUID(&job->id), P_UUID(&run->claim), P_TEXT(S("done")),
	    has_tenant(job) ? P_NULL(PGT_INT) : P_INT(job->type->every_s * 1000LL), P_NULL(PGT_TEXT)};
	const struct pg_param record[] = {P_UUID(&job->id), s->text.n > 0 ? P_JSON(s->text) : P_NULL(PGT_JSON),
	    P_INT(atomic_load(&run->done)), P_INT(atomic_load(&run->total))};
	struct id_row row;
	enum err e;

	if ((e = tx_one(tx, &s->run->scratch, &Q(SQL_job_end, end, id_cols), &row)))
		return e;
	return has_tenant(job) ? tx_queue(tx, &Q_NO_OUT(SQL_job_succeeded, record)) : OK;
}

static enum err step_in(struct tx *tx, void *ctx)
{
	const struct step *s = ctx;
	struct job_run *run = s->run;
	const struct job *job = &run->job;
	const struct pg_param hold[] = {P_UUID(&job->id), P_UUID(&run->claim)};
	const struct pg_param record[] = {P_UUID(&job->id), s->text.n > 0 ? P_JSON(s->text) : P_NULL(PGT_JSON),
	    P_INT(atomic_load(&run->done)), P_INT(atomic_load(&run->total))};
	struct id_row row;
	enum err e;

	/* What it changes says who asked for it, and which job did it. */
	tx_set_actor(tx, uuid_is_nil(&job->actor) ? NULL : &job->actor, uuid_str(&run->scratch, &job->id));
	if ((e = tx_one(tx, &run->scratch, &Q(SQL_job_hold, hold, id_cols), &row))) {
		atomic_store(&run->lost, e == ERR_NOT_FOUND);
		return e == ERR_NOT_FOUND ? ERR_AGAIN : e;
	}
	if (s->write && (e = s->write(tx, s->ctx)))
		return e;
	if (s->last)
		return complete(tx, s);
	return has_tenant(job) ? tx_queue(tx, &Q_NO_OUT(SQL_job_stepped, record)) : OK;
}

enum err job_step(struct job *job, enum err (*write)(struct tx *tx, void *ctx), void *ctx, struct str state)
{
	struct step s = {job->run, write, ctx, state, false};

	if (job->run->completed)
		return ERR_INTERNAL;
	return in_tx(job->run, &job->run->scratch, step_in, &s);
}

enum err job_complete(struct job *job, enum err (*write)(struct tx *tx, void *ctx), void *ctx, struct str result)
{
	struct step s = {job->run, write, ctx, result, true};
	enum err e;

	if (job->run->completed)
		return ERR_INTERNAL;
	e = in_tx(job->run, &job->run->scratch, step_in, &s);
	job->run->completed = e == OK;
	return e;
}

enum err job_fail(struct job *job, enum err e, const char *why)
{
	snprintf(job->run->message, sizeof(job->run->message), "%s", why);
	return e;
}

enum err job_give_up(struct job *job, enum err e, const char *why)
{
	job->run->give_up = true;
	return job_fail(job, e, why);
}

void job_retry_in(struct job *job, int64_t ms)
{
	job->run->retry_ms = ms > 0 ? ms : 0;
}

/* ---- how a run begins ---- */

struct record {
	struct str payload, state;
	int64_t done, total;
	struct uuid actor;
	bool cancelled;
};

struct beginning {
	struct job_run *run;
	struct record record;
};

static enum err begin(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct record, payload, PGT_TEXT), COL(struct record, state, PGT_TEXT),
	    COL(struct record, done, PGT_INT), COL(struct record, total, PGT_INT), COL(struct record, actor, PGT_UUID),
	    COL(struct record, cancelled, PGT_BOOL)};
	struct beginning *b = ctx;
	const struct pg_param in[] = {P_UUID(&b->run->job.id), P_INT(b->run->job.attempt)};

	return tx_one(tx, &b->run->arena, &Q(SQL_job_begin, in, cols), &b->record);
}

static enum err read_record(struct job_run *run)
{
	struct beginning b = {.run = run};
	struct json_error why;
	struct json *doc;
	enum err e;

	if ((e = in_tx(run, &run->scratch, begin, &b)))
		return e;
	run->job.actor = b.record.actor;
	atomic_store(&run->done, b.record.done);
	atomic_store(&run->total, b.record.total);
	if (b.record.cancelled)
		atomic_store(&run->cancel, true);
	if ((e = json_read(&run->arena, b.record.payload, &json_limits_default, &doc, &why)))
		return e;
	run->job.payload = doc;
	if (b.record.state.n == 0)
		return OK;
	if ((e = json_read(&run->arena, b.record.state, &json_limits_default, &doc, &why)))
		return e;
	run->job.state = doc;
	return OK;
}

/* ---- how a run ends that did not complete ---- */

int64_t job_backoff_ms(const struct job_type *type, int attempt, uint64_t random)
{
	int64_t ms = type->backoff_s * 1000LL;
	int64_t most =
	    (type->every_s > 0 && type->every_s < JOB_BACKOFF_MAX_S ? type->every_s : JOB_BACKOFF_MAX_S) * 1000LL;

	for (int i = 1; i < attempt && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	return ms - (int64_t)(random % ((uint64_t)ms / 2 + 1));
}

struct ending {
	struct job_run *run;
	struct arena *arena;
	enum job_outcome outcome;
	int64_t delay_ms;
	int attempts;
	struct str code, message; /* empty: no error */
};

static enum err end_in(struct tx *tx, void *ctx)
{
	static const char *const hows[] = {
	    [JOB_FAILED] = "later", [JOB_DEAD] = "dead", [JOB_CANCELLED] = "done", [JOB_GIVEN_BACK] = "back"};
	static const char *const statuses[] = {
	    [JOB_FAILED] = "queued", [JOB_DEAD] = "dead", [JOB_CANCELLED] = "cancelled", [JOB_GIVEN_BACK] = "queued"};
	const struct ending *n = ctx;
	const struct job *job = &n->run->job;
	const struct pg_param end[] = {P_UUID(&job->id), P_UUID(&n->run->claim), P_TEXT(str_from(hows[n->outcome])),
	    n->outcome == JOB_CANCELLED ? P_NULL(PGT_INT) : P_INT(n->delay_ms), P_TEXT_OR_NULL(n->message)};
	const struct pg_param record[] = {P_UUID(&job->id), P_TEXT(str_from(statuses[n->outcome])), P_INT(n->attempts),
	    P_INT(atomic_load(&n->run->done)), P_INT(atomic_load(&n->run->total)), P_INT(n->delay_ms),
	    P_TEXT_OR_NULL(n->code), P_TEXT_OR_NULL(n->message)};
	struct id_row row;
	enum err e;

	if ((e = tx_one(tx, n->arena, &Q(SQL_job_end, end, id_cols), &row)))
		return e;
	return has_tenant(job) ? tx_queue(tx, &Q_NO_OUT(SQL_job_ended, record)) : OK;
}

enum err job_run_give_back(struct job_run *run, struct arena *a)
{
	struct ending n = {.run = run, .arena = a, .outcome = JOB_GIVEN_BACK, .attempts = run->job.attempt - 1};

	return in_tx(run, a, end_in, &n);
}

static void pause_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * NS_PER_MS};

	nanosleep(&t, NULL);
}

static enum job_outcome outcome_of(const struct job_run *run, enum err e)
{
	const struct job *job = &run->job;

	if (atomic_load(&run->lost))
		return JOB_LOST;
	if (atomic_load(&run->cancel) && has_tenant(job))
		return JOB_CANCELLED;
	if (e == ERR_AGAIN && atomic_load(&run->stop))
		return JOB_GIVEN_BACK;
	if (has_tenant(job) && (run->give_up || job->attempt >= job->type->max_attempts))
		return JOB_DEAD;
	return JOB_FAILED;
}

static enum job_outcome end_run(struct job_run *run, enum err failed)
{
	struct ending n = {
	    .run = run, .arena = &run->scratch, .outcome = outcome_of(run, failed), .attempts = run->job.attempt};
	enum err e = OK;

	run->failed = failed;
	if (n.outcome == JOB_LOST)
		return JOB_LOST;
	if (n.outcome == JOB_FAILED)
		n.delay_ms =
		    run->retry_ms >= 0 ? run->retry_ms : job_backoff_ms(run->job.type, run->job.attempt, random_u64());
	if (n.outcome == JOB_GIVEN_BACK)
		n.attempts--;
	if (n.outcome == JOB_FAILED || n.outcome == JOB_DEAD) {
		n.code = str_from(err_slug(failed));
		n.message = str_from(run->message[0] ? run->message : err_meaning(failed));
	}
	for (int i = 0; i < END_ATTEMPTS; i++) {
		e = in_tx(run, &run->scratch, end_in, &n);
		if (!e)
			return n.outcome;
		if (e == ERR_NOT_FOUND)
			return JOB_LOST;
		pause_ms(END_PAUSE_MS << i);
	}
	/* The lease runs out, and whoever takes the job then counts this attempt. */
	return JOB_LOST;
}

enum job_outcome job_run_do(struct job_run *run)
{
	struct job *job = &run->job;
	enum err e = has_tenant(job) ? read_record(run) : OK;

	/* It ended, or was purged, without its claim: there is nothing to be done. */
	if (e == ERR_NOT_FOUND) {
		atomic_store(&run->cancel, true);
		return end_run(run, e);
	}
	if (!e && has_tenant(job) && job->attempt > job->type->max_attempts) {
		e = job_give_up(job, ERR_INTERNAL, "The worker ended while it ran, more often than it is repeated.");
		return end_run(run, e);
	}
	if (!e)
		e = job_check(job);
	if (!e)
		e = job->type->each_tenant && !has_tenant(job) ? job_spread(job) : job->type->run(job);
	if (!e && !run->completed)
		e = job_complete(job, NULL, NULL, S(""));
	return run->completed ? JOB_SUCCEEDED : end_run(run, e);
}

void job_run_report(const struct job_run *run, enum job_outcome outcome, int64_t ns)
{
	static const char *const outcomes[] = {[JOB_SUCCEEDED] = "succeeded",
	    [JOB_FAILED] = "failed",
	    [JOB_DEAD] = "dead",
	    [JOB_CANCELLED] = "cancelled",
	    [JOB_GIVEN_BACK] = "given_back",
	    [JOB_LOST] = "lost"};
	const struct job *job = &run->job;
	const bool wrong = outcome == JOB_FAILED || outcome == JOB_DEAD || outcome == JOB_LOST;
	const bool often = job->type->every_s > 0 && job->type->every_s < LOG_EVERY_S;
	const struct str labels[] = {str_from(job->type->name), str_from(outcomes[outcome])};
	char id[UUID_TEXT_BYTES], tenant[UUID_TEXT_BYTES];
	struct log_field line[8] = {LF_STR(JOB_TYPE, labels[0]), LF_STR(OUTCOME, labels[1]),
	    LF_STR(JOB, str_make(id, sizeof(id))), LF_INT(ATTEMPT, job->attempt), LF_INT(DURATION_US, ns / 1000)};
	size_t n = 5;

	uuid_text(&job->id, id);
	uuid_text(&job->tenant_id, tenant);
	if (!uuid_is_nil(&job->tenant_id))
		line[n++] = (struct log_field)LF_STR(TENANT, str_make(tenant, sizeof(tenant)));
	if (wrong) {
		line[n++] = (struct log_field)LF_STR(CODE, str_from(err_slug(run->failed)));
		line[n++] = (struct log_field)LF_STR(MESSAGE, str_from(run->message));
	}
	log_event(job->app->log, wrong ? LOG_WARN : often ? LOG_DEBUG : LOG_INFO, "job", line, n);
	metric_add(metrics_series(job->app->metrics, M_JOB_RUNS, labels), 1);
	metric_observe(metrics_series(job->app->metrics, M_JOB_DURATION, labels), (double)ns / 1e9);
}
