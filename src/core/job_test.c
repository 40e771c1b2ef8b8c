#include "core/job_private.h"

#include <unistd.h>
#include "io/pg_test.h"

static struct app app;
static struct uuid tenant;
static atomic_int runs, more_runs; /* workers have threads */

/* ---- types ---- */

static enum err never_run(struct job *job)
{
	(void)job;
	runs++;
	return OK;
}

/* Fails once after its first step, and goes on from there. */
static enum err resuming_run(struct job *job)
{
	enum err e;

	runs++;
	if (job->state)
		return job_complete(job, NULL, NULL, S("{\"resumed\": true}"));
	if ((e = job_step(job, NULL, NULL, S("{\"step\": 1}"))))
		return e;
	job_retry_in(job, 1);
	return job_fail(job, ERR_IO, "later");
}

static enum err silent_run(struct job *job)
{
	(void)job;
	more_runs++;
	return OK;
}

static const struct job_type never_job = {
    .name = "unit.never", .run = never_run, .max_attempts = 2, .lease_s = 5, .backoff_s = 1};
static const struct job_type resuming_job = {
    .name = "unit.resuming", .run = resuming_run, .max_attempts = 2, .lease_s = 5, .backoff_s = 100};
static const struct job_type spread_job = {
    .name = "unit.spread", .run = never_run, .max_attempts = 1, .lease_s = 5, .every_s = 3600, .each_tenant = true};
static const struct job_type round_job = {
    .name = "unit.round", .run = silent_run, .max_attempts = 1, .lease_s = 5, .every_s = 3600};

static int app_start(void **state)
{
	struct pg_pool_config config;

	if (database_start(state))
		return -1;
	app.log = test_log;
	app.metrics = metrics_new();
	config = pool_config(PG_APP);
	app.pools[PG_APP] = pool_of(&config);
	config = pool_config(PG_WORKER);
	app.pools[PG_WORKER] = pool_of(&config);
	make_tenant(&tenant);
	return 0;
}

static int app_stop(void **state)
{
	pg_pool_close(app.pools[PG_APP]);
	pg_pool_close(app.pools[PG_WORKER]);
	metrics_free(app.metrics);
	return database_stop(state);
}

static struct tx *open_tx(void)
{
	struct tx *tx;

	assert_int_equal(tx_open(&app, PG_APP, false, &tenant, &test_arena, &tx), OK);
	return tx;
}

static struct uuid add(const struct job_type *type, struct str ref)
{
	struct tx *tx = open_tx();
	struct uuid id;

	assert_int_equal(
	    job_add(tx, &test_arena, &(struct job_new){.type = type, .ref = ref, .payload = S("{\"n\": 1}")}, &id), OK);
	assert_int_equal(tx_commit(tx), OK);
	return id;
}

/* A value of a job's row, or of its record's. */
static const char *of(const char *table, const struct uuid *id, const char *value)
{
	char sql[512], text[UUID_TEXT_BYTES + 1] = {0};

	uuid_text(id, text);
	snprintf(sql, sizeof(sql), "select %s from collect.%s where id = '%s'", value, table, text);
	return admin(sql);
}

#define RECORD(id, value) of("job_records", (id), (value))
#define JOB(id, value) of("jobs", (id), (value))
#define STATUS "status || ' ' || attempts || ' ' || coalesce(error_code, '-')"

/* ---- tests ---- */

static void the_back_off_doubles_up_to_an_hour(void **state)
{
	const struct job_type t = {.backoff_s = 10}, often = {.backoff_s = 10, .every_s = 30};

	(void)state;
	assert_int_equal(job_backoff_ms(&t, 1, 0), 10000);
	assert_int_equal(job_backoff_ms(&t, 2, 0), 20000);
	assert_int_equal(job_backoff_ms(&t, 5, 0), 160000);
	assert_int_equal(job_backoff_ms(&t, 1000, 0), JOB_BACKOFF_MAX_S * 1000);
	assert_int_equal(job_backoff_ms(&often, 9, 0), 30000);
	for (uint64_t i = 0; i < 1000; i++) {
		int64_t ms = job_backoff_ms(&t, 1, random_u64());

		assert_true(ms >= 5000 && ms <= 10000);
	}
	assert_int_equal(job_backoff_ms(&(struct job_type){0}, 3, 77), 0);
}

static void a_job_is_there_with_its_transaction_or_not_at_all(void **state)
{
	static const char big[JOB_PAYLOAD_MAX_BYTES + 1], ref[JOB_REF_MAX_BYTES + 1];
	struct tx *tx = open_tx();
	struct uuid id, again;

	(void)state;
	assert_int_equal(job_add(tx, &test_arena, &(struct job_new){.type = &never_job, .ref = S("gone")}, &id), OK);
	tx_rollback(tx);
	assert_string_equal(JOB(&id, "count(*)"), "0");
	tx = open_tx();
	assert_int_equal(
	    job_add(tx, &test_arena, &(struct job_new){.type = &never_job, .payload = {big, sizeof(big)}}, &id),
	    ERR_LIMIT);
	assert_int_equal(
	    job_add(tx, &test_arena, &(struct job_new){.type = &never_job, .ref = {ref, sizeof(ref)}}, &id), ERR_LIMIT);
	tx_rollback(tx);
	id = add(&never_job, S("r"));
	again = add(&never_job, S("r"));
	assert_true(uuid_eq(&id, &again));
	again = add(&never_job, S(""));
	assert_false(uuid_eq(&id, &again));
	tx = open_tx();
	assert_int_equal(job_again(tx, &test_arena, &id, JOB_ALL), ERR_CONFLICT);
	assert_int_equal(job_cancel(tx, &test_arena, &id, JOB_OWN), ERR_NOT_FOUND); /* nobody acts, so nothing is his */
	assert_int_equal(job_cancel(tx, &test_arena, &id, JOB_ALL), OK);
	assert_int_equal(job_cancel(tx, &test_arena, &again, JOB_ALL), OK);
	assert_int_equal(tx_commit(tx), OK);
	assert_string_equal(RECORD(&id, STATUS), "cancelled 0 -");
	tx = open_tx();
	assert_int_equal(job_cancel(tx, &test_arena, &id, JOB_ALL), ERR_CONFLICT);
	tx_rollback(tx);
}

/* A run as a worker has it that took the job; another one takes it by `steal`. */
static void hold(struct job_run *run, const struct uuid *id)
{
	char sql[512], claim[UUID_TEXT_BYTES + 1] = {0}, text[UUID_TEXT_BYTES + 1] = {0};

	*run = (struct job_run){.claim = uuid_new(), .retry_ms = -1};
	run->job = (struct job){.app = &app,
	    .arena = &run->arena,
	    .type = &never_job,
	    .id = *id,
	    .tenant_id = tenant,
	    .attempt = 1,
	    .run = run};
	arena_init(&run->arena, &arena_malloc, MB);
	arena_init(&run->scratch, &arena_malloc, MB);
	uuid_text(&run->claim, claim);
	uuid_text(id, text);
	snprintf(sql, sizeof(sql),
	    "update collect.jobs set claim = '%s', attempt = attempt + 1, lease_ms = 5000, due_at = now() + interval "
	    "'5 s' where id = '%s'",
	    claim, text);
	(void)admin(sql);
}

static void drop(struct job_run *run)
{
	arena_free(&run->arena);
	arena_free(&run->scratch);
}

static enum err count(struct tx *tx, void *ctx)
{
	(void)tx;
	++*(int *)ctx;
	return OK;
}

static void a_lost_claim_writes_nothing(void **state)
{
	struct uuid id = add(&never_job, S("stolen"));
	struct job_run mine, theirs;
	int written = 0;

	(void)state;
	hold(&mine, &id);
	assert_int_equal(job_step(&mine.job, count, &written, S("{\"at\": 1}")), OK);
	assert_int_equal(written, 1);
	hold(&theirs, &id);
	assert_int_equal(job_step(&mine.job, count, &written, S("{\"at\": 2}")), ERR_AGAIN);
	assert_int_equal(job_complete(&mine.job, count, &written, S("")), ERR_AGAIN);
	assert_int_equal(written, 1);
	assert_int_equal(job_check(&mine.job), ERR_AGAIN);
	assert_int_equal(job_run_give_back(&mine, &mine.scratch), ERR_NOT_FOUND);
	assert_int_equal(job_check(&theirs.job), OK);
	assert_string_equal(RECORD(&id, "state->>'at'"), "1");
	assert_int_equal(job_complete(&theirs.job, count, &written, S("{\"ok\": 1}")), OK);
	assert_int_equal(job_complete(&theirs.job, count, &written, S("{\"ok\": 2}")), ERR_INTERNAL);
	assert_int_equal(written, 2);
	assert_string_equal(RECORD(&id, "status || ' ' || (result->>'ok')"), "succeeded 1");
	assert_string_equal(JOB(&id, "count(*)"), "0");
	drop(&mine);
	drop(&theirs);
}

/* Within a step: the lease runs out, and another worker looks for work. */
static enum err be_slow(struct tx *tx, void *ctx)
{
	const struct uuid *id = ctx;
	char sql[256], text[UUID_TEXT_BYTES + 1] = {0};

	(void)tx;
	uuid_text(id, text);
	snprintf(sql, sizeof(sql), "update collect.jobs set due_at = now() - interval '1 s' where id = '%s'", text);
	(void)admin(sql);
	assert_string_equal(admin("set search_path = collect; select count(*) from job_claim('{unit.never}', '{5000}', "
				  "gen_random_uuid(), gen_random_uuid())"),
	    "0");
	return OK;
}

static void a_job_is_not_taken_in_the_middle_of_a_step(void **state)
{
	struct uuid id = add(&never_job, S("slow"));
	struct job_run run;

	(void)state;
	hold(&run, &id);
	assert_int_equal(job_step(&run.job, be_slow, &id, S("")), OK);
	assert_string_equal(admin("set search_path = collect; select count(*) from job_claim('{unit.never}', '{5000}', "
				  "gen_random_uuid(), gen_random_uuid())"),
	    "1");
	assert_int_equal(job_complete(&run.job, NULL, NULL, S("")), ERR_AGAIN);
	(void)admin("delete from collect.jobs where type = 'unit.never'");
	drop(&run);
}

static enum err refuse(struct tx *tx, void *ctx)
{
	(void)tx;
	(void)ctx;
	return ERR_CONFLICT;
}

static void a_step_that_fails_leaves_the_job_as_it_was(void **state)
{
	struct uuid id = add(&never_job, S("step"));
	struct job_run run;

	(void)state;
	hold(&run, &id);
	assert_int_equal(job_complete(&run.job, refuse, NULL, S("{}")), ERR_CONFLICT);
	assert_int_equal(job_step(&run.job, NULL, NULL, S("{")), ERR_INVALID);
	assert_int_equal(job_check(&run.job), OK);
	assert_string_equal(JOB(&id, "count(*)"), "1");
	assert_int_equal(job_run_give_back(&run, &run.scratch), OK);
	assert_string_equal(JOB(&id, "attempt || ' ' || (claim is null)"), "0 true");
	drop(&run);
}

/* A worker of this process until `done` holds. */
static void with_worker(const struct job_type *const *types, const char *only, bool (*done)(void *ctx), void *ctx)
{
	const struct job_worker_config config = {.types = types, .only = str_from(only), .threads = 3};
	struct job_worker *w;
	struct str why;
	int64_t end = clock_mono_ns() + 20000000000LL;

	assert_int_equal(job_worker_start(&app, &config, &test_arena, &w, &why), OK);
	while (!done(ctx) && clock_mono_ns() < end)
		usleep(20000);
	assert_true(done(ctx));
	assert_true(job_worker_stop(w, 1000));
}

static bool is_succeeded(void *id)
{
	return strcmp(RECORD(id, "status"), "succeeded") == 0;
}

static void a_run_goes_on_from_the_last_step(void **state)
{
	static const struct job_type *const types[] = {&resuming_job, &never_job, NULL};
	struct uuid id = add(&resuming_job, S(""));

	(void)state;
	runs = 0;
	with_worker(types, "unit.resuming", is_succeeded, &id);
	assert_int_equal(runs, 2);
	assert_string_equal(RECORD(&id, STATUS), "succeeded 2 -");
	assert_string_equal(RECORD(&id, "result->>'resumed'"), "true");
}

static bool went_round(void *ctx)
{
	(void)ctx;
	return *admin("select 'yes' from collect.jobs where type = 'unit.round' and done_at is not null and due_at > "
		      "now() + interval '50 minutes'");
}

static void what_comes_round_runs_once_for_all_workers(void **state)
{
	static const struct job_type *const types[] = {&round_job, NULL};

	(void)state;
	more_runs = 0;
	with_worker(types, "", went_round, NULL);
	with_worker(types, "", went_round, NULL);
	assert_int_equal(more_runs, 1);
}

static bool spread_and_done(void *ctx)
{
	(void)ctx;
	return *admin("select 'yes' from collect.jobs j where type = 'unit.spread' and done_at is not null and not "
		      "exists (select from "
		      "collect.jobs t where t.type = 'unit.spread' and t.tenant_id is not null)");
}

static void each_tenant_gets_its_own(void **state)
{
	static const struct job_type *const types[] = {&spread_job, NULL};
	struct uuid more[3];

	(void)state;
	for (size_t i = 0; i < countof(more); i++)
		make_tenant(&more[i]);
	(void)admin("update collect.tenants set deleted_at = now() where id = (select id from collect.tenants order by "
		    "id desc limit 1)");
	runs = 0;
	with_worker(types, "", spread_and_done, NULL);
	assert_int_equal(runs, 3);
	assert_string_equal(
	    admin("select string_agg(status || ' ' || ref, ',') from collect.job_records where type = 'unit.spread'"),
	    "succeeded periodic,succeeded periodic,succeeded periodic");
}

static void wrong_types_are_told(void **state)
{
	static const struct job_type bad[] = {{.name = "Big", .run = never_run, .max_attempts = 1, .lease_s = 5},
	    {.name = "unit.short", .run = never_run, .max_attempts = 1, .lease_s = 1},
	    {.name = "unit.none", .max_attempts = 1, .lease_s = 5},
	    {.name = "unit.zero", .run = never_run, .lease_s = 5}};
	const struct job_type *types[] = {&never_job, NULL};
	struct job_worker_config config = {.types = types, .only = S("unit.never  unit.nevr"), .threads = 1};
	struct job_worker *w;
	struct str why;

	(void)state;
	assert_int_equal(job_worker_start(&app, &config, &test_arena, &w, &why), ERR_SETTING);
	assert_str(why, "there is no type of job called unit.nevr");
	config.only = S("");
	for (size_t i = 0; i < countof(bad); i++) {
		types[0] = &bad[i];
		assert_int_equal(job_worker_start(&app, &config, &test_arena, &w, &why), ERR_SETTING);
	}
}

static int told;

static void tell(struct app *a)
{
	assert_ptr_equal(a, &app);
	told++;
}

static enum err add_in(struct tx *tx, const char *payload)
{
	struct uuid id;

	return job_add(tx, &test_arena,
	    &(struct job_new){.type = &never_job, .ref = S("told"), .payload = str_from(payload)}, &id);
}

static void workers_are_woken_after_the_commit_only(void **state)
{
	struct tx *tx = open_tx();

	(void)state;
	assert_int_equal(add_in(tx, "{}"), OK);
	tx_after_commit(tx, tell);
	tx_rollback(tx);
	assert_int_equal(tx_commit(tx), OK);
	assert_int_equal(told, 0);
	tx = open_tx();
	tx_after_commit(tx, tell);
	assert_int_equal(add_in(tx, "{"), ERR_INVALID);
	assert_int_equal(tx_commit(tx), ERR_INVALID);
	assert_int_equal(told, 0);
	tx = open_tx();
	assert_int_equal(add_in(tx, "{}"), OK);
	tx_after_commit(tx, tell);
	assert_int_equal(told, 0);
	assert_int_equal(tx_commit(tx), OK);
	assert_int_equal(told, 1);
	assert_int_equal(tx_commit(tx), OK);
	assert_int_equal(told, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_back_off_doubles_up_to_an_hour),
	    cmocka_unit_test(a_job_is_there_with_its_transaction_or_not_at_all),
	    cmocka_unit_test(a_lost_claim_writes_nothing),
	    cmocka_unit_test(a_job_is_not_taken_in_the_middle_of_a_step),
	    cmocka_unit_test(a_step_that_fails_leaves_the_job_as_it_was),
	    cmocka_unit_test(a_run_goes_on_from_the_last_step),
	    cmocka_unit_test(what_comes_round_runs_once_for_all_workers),
	    cmocka_unit_test(each_tenant_gets_its_own),
	    cmocka_unit_test(wrong_types_are_told),
	    cmocka_unit_test(workers_are_woken_after_the_commit_only),
	};

	return cmocka_run_group_tests(tests, app_start, app_stop);
}
