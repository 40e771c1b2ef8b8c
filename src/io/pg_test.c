#include "io/pg_test.h"

#include <math.h>

#define Q_COLS(columns) ((struct query){.cols = (columns), .col_count = countof(columns)})

/* Sends one statement in a segment of its own; the caller clears the result. */
static enum err ask(
    struct pg_session *c, const struct pg_statement *s, const struct pg_param *in, size_t n, struct pg_result **out)
{
	struct pg_reply reply = {0};
	enum err e;

	*out = NULL;
	pg_fault_clear(c);
	if ((e = pg_send(c, s, in, n)) || (e = pg_send_sync(c)))
		return e;
	while (!reply.sync) {
		if ((e = pg_next(c, pg_reply_deadline(c), &reply)))
			return e;
		if (reply.result)
			*out = reply.result;
	}
	return pg_fault(c)->error;
}

struct all {
	struct str t;
	struct uuid u;
	int64_t i;
	double n;
	bool b;
	int64_t at;
	struct str j, y;
};
static const struct pg_col all_cols[] = {COL(struct all, t, PGT_TEXT), COL(struct all, u, PGT_UUID),
    COL(struct all, i, PGT_INT), COL(struct all, n, PGT_NUM), COL(struct all, b, PGT_BOOL),
    COL(struct all, at, PGT_TIME), COL(struct all, j, PGT_JSON), COL(struct all, y, PGT_BYTES)};

static void round_trip(struct pg_session *c, const struct pg_param *in, struct all *out)
{
	struct pg_layout layout;
	struct pg_result *r;
	const char *bad;

	assert_int_equal(ask(c, &SQL_test_types, in, 8, &r), OK);
	assert_int_equal(pg_layout(r, &Q_COLS(all_cols), &layout, &bad), OK);
	assert_int_equal(pg_row(r, 0, &layout, &test_arena, out), OK);
	pg_result_clear(r);
}

static void values_come_back_as_they_went(void **state)
{
	static const double numbers[] = {0, 0.1, -1e300, 5e-324, 123456789.123456789, INFINITY, -INFINITY};
	static const int64_t integers[] = {0, -1, INT64_MAX, INT64_MIN};
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct pg_session *c;
	struct uuid id = uuid_new();
	struct all out;

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	for (size_t i = 0; i < countof(numbers); i++) {
		const struct pg_param in[] = {P_TEXT(S("tiếng Việt 'quoted\\\n")), P_UUID(&id),
		    P_INT(integers[i % countof(integers)]), P_NUM(numbers[i]), P_BOOL(i % 2), P_TIME(1795375865123),
		    P_JSON(S("{\"a\": [1, \"b\"]}")), P_BYTES(S("\0\1\377"))};

		round_trip(c, in, &out);
		assert_str(out.t, "tiếng Việt 'quoted\\\n");
		assert_true(uuid_eq(&out.u, &id));
		assert_int_equal(out.i, integers[i % countof(integers)]);
		assert_true(out.n == numbers[i]);
		assert_int_equal(out.b, i % 2);
		assert_int_equal(out.at, 1795375865123);
		assert_str(out.j, "{\"a\": [1, \"b\"]}");
		assert_true(str_eq(out.y, S("\0\1\377")));
	}
	pg_give(p, c);
	pg_pool_close(p);
}

static void null_leaves_zeroes(void **state)
{
	static const struct pg_param in[] = {P_NULL(PGT_TEXT), P_NULL(PGT_UUID), P_NULL(PGT_INT), P_NULL(PGT_NUM),
	    P_NULL(PGT_BOOL), P_NULL(PGT_TIME), P_NULL(PGT_JSON), P_NULL(PGT_BYTES)};
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct pg_session *c;
	struct all out;

	(void)state;
	memset(&out, 0xff, sizeof(out));
	assert_int_equal(pg_take(p, &c), OK);
	round_trip(c, in, &out);
	assert_true(out.t.n == 0 && uuid_is_nil(&out.u) && out.i == 0 && out.n == 0 && !out.b && out.at == 0 &&
		    out.j.n == 0 && out.y.n == 0);
	pg_give(p, c);
	pg_pool_close(p);
}

struct small {
	int64_t i2, i4, o;
	double f4;
	struct str nm, js;
};

static void small_types_fit_and_wrong_ones_do_not(void **state)
{
	static const struct pg_col cols[] = {COL(struct small, i2, PGT_INT), COL(struct small, i4, PGT_INT),
	    COL(struct small, o, PGT_INT), COL(struct small, f4, PGT_NUM), COL(struct small, nm, PGT_TEXT),
	    COL(struct small, js, PGT_JSON)};
	static const struct pg_col wrong[] = {{"i2", PGT_TEXT, 0}}, missing[] = {{"nobody", PGT_INT, 0}};
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct pg_result *r;
	struct pg_session *c;
	struct small out;
	const char *bad;
	struct pg_layout layout;

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_equal(ask(c, &SQL_test_small_types, NULL, 0, &r), OK);
	assert_int_equal(pg_layout(r, &Q_COLS(cols), &layout, &bad), OK);
	assert_int_equal(pg_row(r, 0, &layout, &test_arena, &out), OK);
	assert_true(out.i2 == 7 && out.i4 == -5 && out.o == 4000000000 && out.f4 == 1.5);
	assert_str(out.nm, "x");
	assert_str(out.js, "{\"a\":1}");
	assert_int_equal(pg_layout(r, &Q_COLS(wrong), &layout, &bad), ERR_INTERNAL);
	assert_string_equal(bad, "i2");
	assert_int_equal(pg_layout(r, &Q_COLS(missing), &layout, &bad), ERR_INTERNAL);
	assert_string_equal(bad, "nobody");
	pg_result_clear(r);
	pg_give(p, c);
	pg_pool_close(p);
}

static void parameters_are_checked_before_they_are_sent(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	const struct pg_param nul[] = {P_TEXT(S("a\0b"))};
	struct pg_session *c;

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_equal(pg_send(c, &SQL_test_text_length, nul, 1), ERR_INVALID);
	assert_int_equal(pg_send(c, &SQL_test_text_length, nul, 0), ERR_INTERNAL);
	assert_true(pg_idle(c));
	pg_give(p, c);
	pg_pool_close(p);
}

struct backend {
	int64_t pid;
	struct str jit, zone, path, application;
};

static int64_t backend_of(struct pg_session *c, struct backend *out)
{
	static const struct pg_col cols[] = {COL(struct backend, pid, PGT_INT), COL(struct backend, jit, PGT_TEXT),
	    COL(struct backend, zone, PGT_TEXT), COL(struct backend, path, PGT_TEXT),
	    COL(struct backend, application, PGT_TEXT)};
	struct pg_layout layout;
	struct pg_result *r;
	const char *bad;

	assert_int_equal(ask(c, &SQL_test_backend, NULL, 0, &r), OK);
	assert_int_equal(pg_layout(r, &Q_COLS(cols), &layout, &bad), OK);
	assert_int_equal(pg_row(r, 0, &layout, &test_arena, out), OK);
	pg_result_clear(r);
	return out->pid;
}

static void sessions_are_set_up(void **state)
{
	struct pg_pool_config config = pool_config(PG_PUBLIC);
	struct pg_pool *p = pool_of(&config);
	struct backend b;
	struct pg_session *c;

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	backend_of(c, &b);
	assert_str(b.jit, "off");
	assert_str(b.zone, "UTC");
	assert_str(b.path, "collect,pg_temp");
	assert_str(b.application, "collect test");
	pg_give(p, c);
	pg_pool_close(p);
}

static void a_superuser_is_refused(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p;
	struct pg_session *c;

	(void)state;
	config.conninfo = test_url;
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), ERR_UNAVAILABLE);
	pg_pool_close(p);
}

static void connections_are_kept_and_bounded(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct pg_pool_counts n;
	struct pg_session *c[5];
	struct backend b;
	int64_t first, started;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pg_take(p, &c[i]), OK);
	started = clock_mono_ns();
	assert_int_equal(pg_take(p, &c[4]), ERR_BUSY);
	assert_in_range((clock_mono_ns() - started) / 1000000, 190, 2000);
	pg_pool_counts(p, &n);
	assert_true(n.open == 4 && n.used == 4 && n.idle == 0 && n.max == 4);
	first = backend_of(c[0], &b);
	pg_give(p, c[0]);
	assert_int_equal(pg_take(p, &c[0]), OK);
	assert_int_equal(backend_of(c[0], &b), first);
	for (int i = 0; i < 4; i++)
		pg_give(p, c[i]);
	pg_pool_counts(p, &n);
	assert_true(n.open == 4 && n.idle == 4);
	pg_pool_close(p);
}

static void a_dead_connection_is_replaced(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct backend b;
	struct pg_session *c;
	int64_t pid;
	char sql[128];

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	pid = backend_of(c, &b);
	pg_give(p, c);
	snprintf(sql, sizeof(sql), "select pg_terminate_backend(%lld, 5000)", (long long)pid);
	assert_string_equal(admin(sql), "t");
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_not_equal(backend_of(c, &b), pid);
	pg_give(p, c);
	pg_pool_close(p);
}

static void an_old_connection_is_replaced(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p;
	struct backend b;
	struct pg_session *c;
	int64_t pid;

	(void)state;
	config.recycle_s = 0;
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), OK);
	pid = backend_of(c, &b);
	pg_give(p, c);
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_not_equal(backend_of(c, &b), pid);
	pg_give(p, c);
	pg_pool_close(p);
}

static void an_open_transaction_never_goes_out_again(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct pg_pool_counts n;
	struct pg_result *r;
	struct pg_session *c;

	(void)state;
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_equal(ask(c, &SQL_test_begin, NULL, 0, &r), OK);
	pg_result_clear(r);
	assert_false(pg_idle(c));
	pg_give(p, c);
	pg_pool_counts(p, &n);
	assert_int_equal(n.open, 0);
	pg_pool_close(p);
}

static void nobody_there_is_told_quickly(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p;
	struct pg_session *c;
	int64_t started = clock_mono_ns();

	(void)state;
	config.conninfo = "host=/nonexistent user=collect_app dbname=none";
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), ERR_UNAVAILABLE);
	assert_int_equal(pg_pool_ping(p, 100), ERR_UNAVAILABLE);
	assert_in_range((clock_mono_ns() - started) / 1000000, 0, 1000);
	pg_pool_close(p);
}

static void a_silent_server_holds_nobody(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct proxy proxy = {.silent = false};
	struct pg_result *r;
	struct pg_pool *p;
	struct pg_session *c;
	struct backend b;
	int64_t started;

	(void)state;
	config.conninfo = proxy_start(&proxy);
	config.statement_timeout_ms = 200;
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), OK);
	backend_of(c, &b);
	atomic_store(&proxy.silent, true);
	started = clock_mono_ns();
	assert_int_equal(ask(c, &SQL_test_now, NULL, 0, &r), ERR_UNAVAILABLE);
	assert_in_range((clock_mono_ns() - started) / 1000000, 200, 200 + PG_REPLY_MARGIN_MS + 1000);
	assert_true(pg_broken(c));
	pg_give(p, c);
	pg_pool_close(p);
	proxy_stop(&proxy);
}

static void a_server_that_hangs_is_found_out(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct proxy proxy = {.silent = false};
	struct pg_session *c, *other;
	struct pg_result *r;
	struct pg_pool *p;
	int64_t started;

	(void)state;
	config.conninfo = proxy_start(&proxy);
	config.statement_timeout_ms = 15000;
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), OK);
	atomic_store(&proxy.silent, true);
	started = clock_mono_ns();
	assert_int_equal(ask(c, &SQL_test_now, NULL, 0, &r), ERR_UNAVAILABLE);
	assert_in_range((clock_mono_ns() - started) / 1000000, PG_SILENCE_MS, PG_SILENCE_MS + PG_ASK_TIMEOUT_MS + 1000);
	started = clock_mono_ns();
	assert_int_equal(pg_take(p, &other), ERR_UNAVAILABLE);
	assert_in_range((clock_mono_ns() - started) / 1000000, 0, 50);
	pg_give(p, c);
	pg_pool_close(p);
	proxy_stop(&proxy);
}

static void a_long_statement_is_no_silence(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	const struct pg_param long_s[] = {P_NUM((PG_SILENCE_MS + 500) / 1000.0)};
	struct pg_session *c;
	struct pg_result *r;
	struct pg_pool *p;

	(void)state;
	config.statement_timeout_ms = 15000;
	p = pool_of(&config);
	assert_int_equal(pg_take(p, &c), OK);
	assert_int_equal(ask(c, &SQL_test_sleep, long_s, 1, &r), OK);
	pg_result_clear(r);
	pg_give(p, c);
	pg_pool_close(p);
}

static void every_statement_fits_the_schema(void **state)
{
	struct str why = S("");

	(void)state;
	for (int role = PG_APP; role <= PG_WORKER; role++) {
		struct pg_pool_config config = pool_config((enum pg_role)role);
		struct pg_pool *p;

		if (role == PG_APP)
			(void)admin(
			    "create table if not exists collect.test_stale (a int); create table if not exists "
			    "collect.test_warn (a int); create table if not exists collect.test_seats (used bigint, "
			    "lim bigint);"
			    "grant all on collect.test_stale, collect.test_warn, collect.test_seats to collect_app");
		p = pool_of(&config);
		if (pg_pool_check(p, &test_arena, &why))
			fail_msg("%s: %.*s", pg_role_login((enum pg_role)role), STR_ARGS(why));
		pg_pool_close(p);
	}
	(void)admin("drop table collect.test_stale, collect.test_warn, collect.test_seats");
}

/* EXPLAIN starts the executor, which asks for the grants; preparing does not. Commands that cannot be explained need none. */
static void may_run(PGconn *c, const struct pg_statement *s)
{
	char sql[512], nulls[256] = "";
	PGresult *r = PQprepare(c, s->name, s->text, 0, NULL);

	PQclear(r);
	for (unsigned i = 0; i < s->params; i++)
		snprintf(nulls + strlen(nulls), sizeof(nulls) - strlen(nulls), "%snull", i ? ", " : "");
	snprintf(
	    sql, sizeof(sql), "explain execute %s%s%s%s", s->name, s->params ? "(" : "", nulls, s->params ? ")" : "");
	r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && strcmp(PQresultErrorField(r, PG_DIAG_SQLSTATE), "42501") == 0)
		fail_msg("%s as %s: %s", s->name, PQuser(c), PQresultErrorMessage(r));
	PQclear(r);
}

static void every_login_may_run_its_statements(void **state)
{
	(void)state;
	for (int role = PG_APP; role <= PG_WORKER; role++) {
		struct pg_pool_config config = pool_config((enum pg_role)role);
		PGconn *c = PQconnectdb(config.conninfo);

		assert_int_equal(PQstatus(c), CONNECTION_OK);
		PQclear(PQexec(c, "set search_path = collect, pg_temp; set app.current_tenant_id = "
				  "'00000000-0000-7000-8000-000000000001'"));
		for (unsigned i = 0; i < sql_count; i++) {
			if ((sql_all[i]->roles & (1u << role)) && strncmp(sql_all[i]->name, "test_", 5) != 0)
				may_run(c, sql_all[i]);
		}
		PQfinish(c);
	}
}

static void a_statement_that_does_not_fit_is_named(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *p = pool_of(&config);
	struct str why = S("");

	(void)state;
	assert_int_equal(pg_pool_check(p, &test_arena, &why), ERR_INTERNAL);
	assert_true(str_find(why, S("test_stale"), NULL) && str_find(why, S("does not exist"), NULL));
	pg_pool_close(p);
}

static void a_conninfo_takes_another_login(void **state)
{
	const char *out;
	struct str why;

	(void)state;
	assert_int_equal(pg_conninfo(&test_arena, "postgresql://boss:secret@db.example:6543/x?sslmode=require", PG_APP,
			     "p'q\\", &out, &why),
	    OK);
	assert_non_null(strstr(out, "user='collect_app'"));
	assert_non_null(strstr(out, "password='p\\'q\\\\'"));
	assert_non_null(strstr(out, "host='db.example'"));
	assert_non_null(strstr(out, "sslmode='require'"));
	assert_null(strstr(out, "secret"));
	assert_null(strstr(out, "boss"));
	assert_int_equal(pg_conninfo(&test_arena, "host=h user=boss password=secret", PG_PUBLIC, "", &out, &why), OK);
	assert_null(strstr(out, "password"));
	assert_int_equal(pg_conninfo(&test_arena, "host=h user=boss password=secret", PG_OWNER, "", &out, &why), OK);
	assert_non_null(strstr(out, "secret"));
	assert_int_equal(pg_conninfo(&test_arena, "postgresql://boss:secret@[", PG_APP, "", &out, &why), ERR_SETTING);
	assert_false(str_find(why, S("secret"), NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_come_back_as_they_went),
	    cmocka_unit_test(null_leaves_zeroes),
	    cmocka_unit_test(small_types_fit_and_wrong_ones_do_not),
	    cmocka_unit_test(parameters_are_checked_before_they_are_sent),
	    cmocka_unit_test(sessions_are_set_up),
	    cmocka_unit_test(a_superuser_is_refused),
	    cmocka_unit_test(connections_are_kept_and_bounded),
	    cmocka_unit_test(a_dead_connection_is_replaced),
	    cmocka_unit_test(an_old_connection_is_replaced),
	    cmocka_unit_test(an_open_transaction_never_goes_out_again),
	    cmocka_unit_test(nobody_there_is_told_quickly),
	    cmocka_unit_test(a_silent_server_holds_nobody),
	    cmocka_unit_test(a_server_that_hangs_is_found_out),
	    cmocka_unit_test(a_long_statement_is_no_silence),
	    cmocka_unit_test(a_statement_that_does_not_fit_is_named),
	    cmocka_unit_test(every_statement_fits_the_schema),
	    cmocka_unit_test(every_login_may_run_its_statements),
	    cmocka_unit_test(a_conninfo_takes_another_login),
	};

	return cmocka_run_group_tests(tests, database_start, database_stop);
}
