#include "core/app.h"
#include "core/tx.h"
#include "io/pg_test.h"

/* The tenants a and b, made once; a has a project. */
static struct uuid tenant_a, tenant_b, project_a;
static struct app app;

struct count {
	int64_t n;
};
static const struct pg_col count_cols[] = {COL(struct count, n, PGT_INT)};

static struct tx *open_tx(bool read_only, const struct uuid *tenant)
{
	struct tx *tx;

	assert_int_equal(tx_open(&app, PG_APP, read_only, tenant, &test_arena, &tx), OK);
	return tx;
}

static enum err add_project(struct tx *tx, const struct uuid *tenant, const struct uuid *id, struct str name)
{
	const struct pg_param in[] = {P_UUID_OR_NULL(tenant), P_UUID(id), P_TEXT(name)};

	return tx_exec(tx, &Q_NO_OUT(SQL_test_project_add, in), NULL);
}

static enum err queue_project(struct tx *tx, const struct uuid *id, struct str name)
{
	const struct pg_param in[] = {P_UUID_OR_NULL(NULL), P_UUID(id), P_TEXT(name)};

	return tx_queue(tx, &Q_NO_OUT(SQL_test_project_add, in));
}

static int64_t projects_of(const struct uuid *tenant)
{
	struct tx *tx = open_tx(true, tenant);
	struct count c = {-1};

	assert_int_equal(tx_one(tx, &test_arena, &Q_NO_IN(SQL_test_project_count, count_cols), &c), OK);
	assert_int_equal(tx_commit(tx), OK);
	return c.n;
}

static void use_pool(const struct pg_pool_config *config)
{
	pg_pool_close(app.pools[PG_APP]);
	app.pools[PG_APP] = app.read_pool = pool_of(config);
}

static int app_start(void **state)
{
	struct pg_pool_config config;
	struct tx *tx;

	if (database_start(state))
		return -1;
	app.log = test_log;
	(void)admin("create table if not exists collect.test_stale (a int); create table if not exists "
		    "collect.test_warn (a int);"
		    "grant all on collect.test_stale, collect.test_warn to collect_app;"
		    "create or replace function collect.test_warn() returns trigger language plpgsql as "
		    "$$ begin raise warning 'late'; return null; end $$;"
		    "create constraint trigger late after insert on collect.test_warn deferrable initially deferred "
		    "for each row execute function "
		    "collect.test_warn()");
	config = pool_config(PG_APP);
	use_pool(&config);
	make_tenant(&tenant_a);
	make_tenant(&tenant_b);
	project_a = uuid_new();
	tx = open_tx(false, &tenant_a);
	assert_int_equal(add_project(tx, NULL, &project_a, S("first")), OK);
	assert_int_equal(tx_commit(tx), OK);
	return 0;
}

static int app_stop(void **state)
{
	pg_pool_close(app.pools[PG_APP]);
	(void)admin("drop table collect.test_stale, collect.test_warn; drop function collect.test_warn");
	return database_stop(state);
}

/* ---- who sees what ---- */

static void a_tenant_sees_only_its_own(void **state)
{
	const struct pg_param in[] = {P_UUID(&project_a)};
	struct tx *tx = open_tx(true, &tenant_b);
	struct str json;

	(void)state;
	assert_int_equal(tx_json(tx, &test_arena, &Q_NO_OUT(SQL_test_project_json, in), &json), ERR_NOT_FOUND);
	assert_int_equal(tx_commit(tx), OK);
	tx = open_tx(true, &tenant_a);
	assert_int_equal(tx_json(tx, &test_arena, &Q_NO_OUT(SQL_test_project_json, in), &json), OK);
	assert_str(json, "{\"name\": \"first\"}");
	assert_int_equal(tx_commit(tx), OK);
	assert_int_equal(projects_of(&tenant_b), 0);
}

static void unbound_raises_before_and_after_others(void **state)
{
	struct count c;
	struct tx *tx;

	(void)state;
	for (int i = 0; i < 3; i++) { /* a new connection first, then one that somebody was bound on */
		for (int read_only = 0; read_only < 2; read_only++) {
			tx = open_tx(read_only, NULL);
			assert_int_equal(
			    tx_one(tx, &test_arena, &Q_NO_IN(SQL_test_project_count, count_cols), &c), ERR_INTERNAL);
			tx_rollback(tx);
		}
		(void)projects_of(&tenant_a);
	}
}

static void binding_comes_late_but_only_once(void **state)
{
	struct slug_row {
		struct uuid tenant_id, link_id;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct slug_row, tenant_id, PGT_UUID), COL(struct slug_row, link_id, PGT_UUID)};
	const struct pg_param in[] = {P_TEXT(S("no-such-slug"))};
	struct count c;

	(void)state;
	for (int read_only = 0; read_only < 2; read_only++) {
		struct tx *tx = open_tx(read_only, NULL);

		assert_null(tx_tenant(tx));
		assert_int_equal(tx_one(tx, &test_arena, &Q(SQL_test_slug_lookup, in, cols), &row), ERR_NOT_FOUND);
		assert_int_equal(tx_bind(tx, &tenant_a), OK);
		assert_int_equal(tx_one(tx, &test_arena, &Q_NO_IN(SQL_test_project_count, count_cols), &c), OK);
		assert_true(c.n > 0);
		assert_int_equal(tx_bind(tx, &tenant_b), ERR_INTERNAL);
		assert_int_equal(tx_commit(tx), OK);
	}
}

static void writing_for_another_tenant_is_refused(void **state)
{
	struct uuid id = uuid_new();
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(add_project(tx, &tenant_b, &id, S("intruder")), ERR_INTERNAL);
	assert_int_equal(tx_commit(tx), ERR_INTERNAL);
	assert_int_equal(projects_of(&tenant_b), 0);
}

static void a_foreign_parent_is_not_found(void **state)
{
	struct uuid id = uuid_new();
	const struct pg_param in[] = {P_UUID(&id), P_UUID(&project_a), P_JSON(S("{}"))};
	struct tx *tx = open_tx(false, &tenant_b);

	(void)state;
	assert_int_equal(tx_exec(tx, &Q_NO_OUT(SQL_test_survey_add, in), NULL), ERR_NOT_FOUND);
	assert_string_equal(tx_constraint(tx), "surveys_tenant_id_project_id_fkey");
	tx_rollback(tx);
}

/* ---- errors ---- */

static void errors_have_a_meaning(void **state)
{
	struct uuid id = uuid_new();
	const struct pg_param twice[] = {P_UUID_OR_NULL(NULL), P_UUID(&project_a), P_TEXT(S("x"))};
	const struct pg_param not_object[] = {P_UUID(&id), P_UUID(&project_a), P_JSON(S("[]"))};
	const struct pg_param not_json[] = {P_UUID(&id), P_UUID(&project_a), P_JSON(S("{"))};
	const struct pg_param long_sleep[] = {P_NUM(10)};
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(tx_exec(tx, &Q_NO_OUT(SQL_test_project_add, twice), NULL), ERR_CONFLICT);
	assert_string_equal(tx_constraint(tx), "projects_pkey");
	assert_int_equal(add_project(tx, NULL, &id, S("after an error")), ERR_CONFLICT);
	tx_rollback(tx);
	tx = open_tx(false, &tenant_a);
	assert_int_equal(tx_exec(tx, &Q_NO_OUT(SQL_test_survey_add, not_object), NULL), ERR_INVALID);
	assert_string_equal(tx_constraint(tx), "valid_definition");
	tx_rollback(tx);
	tx = open_tx(false, &tenant_a);
	assert_int_equal(tx_exec(tx, &Q_NO_OUT(SQL_test_survey_add, not_json), NULL), ERR_INVALID);
	tx_rollback(tx);
	tx = open_tx(true, &tenant_a);
	assert_int_equal(tx_exec(tx, &Q_NO_OUT(SQL_test_sleep, long_sleep), NULL), ERR_BUSY);
	tx_rollback(tx);
	tx_rollback(tx);
}

static void a_lock_is_not_waited_for_long(void **state)
{
	struct project_name {
		struct str name;
	} row;
	static const struct pg_col cols[] = {COL(struct project_name, name, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&project_a)};
	struct tx *holder = open_tx(false, &tenant_a), *waiter = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(tx_one(holder, &test_arena, &Q(SQL_test_project_lock, in, cols), &row), OK);
	assert_int_equal(tx_one(waiter, &test_arena, &Q(SQL_test_project_lock, in, cols), &row), ERR_BUSY);
	tx_rollback(waiter);
	tx_rollback(holder);
}

static void a_plan_that_a_migration_outdated_is_made_anew(void **state)
{
	struct tx *tx = open_tx(true, &tenant_a);

	(void)state;
	assert_int_equal(tx_exec(tx, &(struct query){.sql = &SQL_test_stale}, NULL), OK);
	assert_int_equal(tx_commit(tx), OK);
	(void)admin("alter table collect.test_stale add column b int");
	tx = open_tx(true, &tenant_a);
	assert_int_equal(tx_exec(tx, &(struct query){.sql = &SQL_test_stale}, NULL), ERR_BUSY);
	tx_rollback(tx);
	tx = open_tx(true, &tenant_a);
	assert_int_equal(tx_exec(tx, &(struct query){.sql = &SQL_test_stale}, NULL), OK);
	assert_int_equal(tx_commit(tx), OK);
}

/* ---- commit and rollback ---- */

static void a_queued_error_shows_at_the_commit(void **state)
{
	struct uuid id = uuid_new();
	int64_t before = projects_of(&tenant_a);
	struct count c;
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(queue_project(tx, &id, S("one")), OK);
	assert_int_equal(queue_project(tx, &id, S("the same")), OK);
	assert_int_equal(tx_commit(tx), ERR_CONFLICT);
	assert_int_equal(projects_of(&tenant_a), before);
	tx = open_tx(false, &tenant_a);
	assert_int_equal(queue_project(tx, &project_a, S("the same")), OK);
	assert_int_equal(tx_one(tx, &test_arena, &Q_NO_IN(SQL_test_project_count, count_cols), &c), ERR_CONFLICT);
	tx_rollback(tx);
	assert_int_equal(projects_of(&tenant_a), before);
}

static void rollback_undoes_and_keeps_the_connection(void **state)
{
	struct uuid id = uuid_new();
	int64_t before = projects_of(&tenant_a);
	struct pg_pool_counts n;
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(add_project(tx, NULL, &id, S("gone")), OK);
	tx_rollback(tx);
	assert_int_equal(projects_of(&tenant_a), before);
	pg_pool_counts(app.pools[PG_APP], &n);
	assert_true(n.open >= 1 && n.used == 0);
}

static void a_failure_that_only_we_saw_undoes_too(void **state)
{
	struct uuid id = uuid_new(), other = uuid_new();
	int64_t before = projects_of(&tenant_a);
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(add_project(tx, NULL, &id, S("fine")), OK);
	assert_int_equal(add_project(tx, NULL, &other, S("a\0b")), ERR_INVALID);
	assert_int_equal(tx_commit(tx), ERR_INVALID);
	assert_int_equal(projects_of(&tenant_a), before);
}

static void a_warning_at_the_commit_is_no_success(void **state)
{
	struct tx *tx = open_tx(false, &tenant_a);

	(void)state;
	assert_int_equal(tx_queue(tx, &(struct query){.sql = &SQL_test_warn_insert}), OK);
	assert_int_equal(tx_commit(tx), ERR_OUTCOME_UNKNOWN);
}

static void a_transaction_left_open_is_no_success(void **state)
{
	struct pg_pool_counts before, after;
	struct uuid id = uuid_new();
	int64_t projects = projects_of(&tenant_a);
	struct tx *tx;

	(void)state;
	pg_pool_counts(app.pools[PG_APP], &before);
	tx = open_tx(false, &tenant_a);
	assert_int_equal(add_project(tx, NULL, &id, S("held")), OK);
	assert_int_equal(tx_queue(tx, &(struct query){.sql = &SQL_test_begin}), OK);
	assert_int_equal(tx_commit(tx), ERR_INTERNAL);
	pg_pool_counts(app.pools[PG_APP], &after);
	assert_true(after.open < before.open || before.open == 0);
	assert_int_equal(projects_of(&tenant_a), projects);
}

static void a_commit_without_an_answer_is_unknown(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct proxy proxy = {.silent = false};
	struct uuid id = uuid_new();
	int64_t before = projects_of(&tenant_a);
	struct tx *tx;

	(void)state;
	config.conninfo = proxy_start(&proxy);
	config.statement_timeout_ms = 100;
	use_pool(&config);
	tx = open_tx(false, &tenant_a);
	assert_int_equal(add_project(tx, NULL, &id, S("unknown")), OK);
	atomic_store(&proxy.silent, true);
	assert_int_equal(tx_commit(tx), ERR_OUTCOME_UNKNOWN);
	proxy_stop(&proxy);
	config = pool_config(PG_APP);
	use_pool(&config);
	assert_int_equal(projects_of(&tenant_a), before + 1);
}

/* ---- retries ---- */

static enum err fail_twice(struct tx *tx, void *ctx)
{
	int *calls = ctx;
	struct uuid id = uuid_new();
	enum err e;

	if ((e = add_project(tx, NULL, &id, S("retried"))))
		return e;
	if (++*calls < 3)
		return tx_exec(tx, &(struct query){.sql = &SQL_test_fail_serialization}, NULL);
	return OK;
}

static enum err fail_always(struct tx *tx, void *ctx)
{
	++*(int *)ctx;
	return tx_exec(tx, &(struct query){.sql = &SQL_test_fail_serialization}, NULL);
}

static void losers_try_again_three_times(void **state)
{
	int64_t before = projects_of(&tenant_a);
	int calls = 0;

	(void)state;
	assert_int_equal(tx_run(&app, PG_APP, &tenant_a, &test_arena, fail_twice, &calls), OK);
	assert_int_equal(calls, 3);
	assert_int_equal(projects_of(&tenant_a), before + 1);
	calls = 0;
	assert_int_equal(tx_run(&app, PG_APP, &tenant_a, &test_arena, fail_always, &calls), ERR_BUSY);
	assert_int_equal(calls, TX_ATTEMPTS_MAX);
}

/* ---- many rows ---- */

struct number {
	int64_t i;
	struct str t;
};
static const struct pg_col number_cols[] = {COL(struct number, i, PGT_INT), COL(struct number, t, PGT_TEXT)};

struct summing {
	int64_t sum, rows, stop_at;
};

static enum err add_number(void *ctx, const void *row)
{
	struct summing *s = ctx;
	const struct number *n = row;

	assert_int_equal(n->t.n, 100);
	s->sum += n->i;
	return ++s->rows == s->stop_at ? ERR_IO : OK;
}

static void a_scan_goes_row_by_row(void **state)
{
	const struct pg_param in[] = {P_INT(50000)};
	struct summing s = {0};
	struct number *rows;
	struct tx *tx = open_tx(true, &tenant_a);
	void *found;
	size_t n;

	(void)state;
	assert_int_equal(tx_each(tx, &Q(SQL_test_numbers, in, number_cols), sizeof(struct number), add_number, &s), OK);
	assert_int_equal(s.sum, INT64_C(50000) * 50001 / 2);
	assert_int_equal(
	    tx_rows(tx, &test_arena, &Q(SQL_test_numbers, in, number_cols), sizeof(struct number), &found, &n), OK);
	rows = found;
	assert_true(n == 50000 && rows[n - 1].i == 50000);
	s = (struct summing){.stop_at = 10};
	assert_int_equal(
	    tx_each(tx, &Q(SQL_test_numbers, in, number_cols), sizeof(struct number), add_number, &s), ERR_IO);
	assert_int_equal(s.rows, 10);
	tx_rollback(tx);
	assert_true(projects_of(&tenant_a) > 0);
}

static void thousands_may_queue(void **state)
{
	int64_t before = projects_of(&tenant_b);
	struct tx *tx = open_tx(false, &tenant_b);
	char *name = arena_alloc(&test_arena, 2000);

	(void)state;
	memset(name, 'n', 2000);
	for (int i = 0; i < 3000; i++) {
		struct uuid id = uuid_new();

		assert_int_equal(queue_project(tx, &id, str_make(name, 2000)), OK);
	}
	assert_int_equal(tx_commit(tx), OK);
	assert_int_equal(projects_of(&tenant_b), before + 3000);
}

/* ---- many threads: no one ever meets another's tenant ---- */

static void *alternate(void *ctx)
{
	struct {
		struct uuid id;
	} row;
	const struct pg_col cols[] = {{"id", PGT_UUID, 0}};
	struct arena a;
	int *wrong = ctx;

	arena_init(&a, &arena_malloc, 16 * MB);
	for (int i = 0; i < 300; i++) {
		const struct uuid *tenant = i % 2 ? &tenant_a : &tenant_b;
		struct tx *tx;

		if (tx_open(&app, PG_APP, i % 3 == 0, tenant, &a, &tx) ||
		    tx_one(tx, &a, &Q_NO_IN(SQL_test_tenant, cols), &row) || !uuid_eq(&row.id, tenant))
			++*wrong;
		if (i % 7 == 0)
			tx_rollback(tx);
		else if (tx_commit(tx))
			++*wrong;
		arena_reset(&a);
	}
	arena_free(&a);
	return NULL;
}

static void threads_share_few_connections(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	pthread_t threads[8];
	int wrong[8] = {0};
	struct pg_pool_counts n;

	(void)state;
	config.acquire_ms = 10000;
	use_pool(&config);
	for (size_t i = 0; i < countof(threads); i++)
		pthread_create(&threads[i], NULL, alternate, &wrong[i]);
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	pg_pool_counts(app.pools[PG_APP], &n);
	assert_true(n.open <= 4 && n.used == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unbound_raises_before_and_after_others),
	    cmocka_unit_test(a_tenant_sees_only_its_own),
	    cmocka_unit_test(binding_comes_late_but_only_once),
	    cmocka_unit_test(writing_for_another_tenant_is_refused),
	    cmocka_unit_test(a_foreign_parent_is_not_found),
	    cmocka_unit_test(errors_have_a_meaning),
	    cmocka_unit_test(a_lock_is_not_waited_for_long),
	    cmocka_unit_test(a_plan_that_a_migration_outdated_is_made_anew),
	    cmocka_unit_test(a_queued_error_shows_at_the_commit),
	    cmocka_unit_test(rollback_undoes_and_keeps_the_connection),
	    cmocka_unit_test(a_failure_that_only_we_saw_undoes_too),
	    cmocka_unit_test(a_warning_at_the_commit_is_no_success),
	    cmocka_unit_test(a_transaction_left_open_is_no_success),
	    cmocka_unit_test(a_commit_without_an_answer_is_unknown),
	    cmocka_unit_test(losers_try_again_three_times),
	    cmocka_unit_test(a_scan_goes_row_by_row),
	    cmocka_unit_test(thousands_may_queue),
	    cmocka_unit_test(threads_share_few_connections),
	};

	return cmocka_run_group_tests(tests, app_start, app_stop);
}
