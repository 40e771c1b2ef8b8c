/* Group commit against the real database: what fails, and who is told so. */
#include "core/app.h"
#include "core/batch.h"
#include "io/pg_test.h"

#define MANY 200

struct one {
	struct batch_item item;
	struct uuid id;
	struct str name;
	int seats;
	_Atomic int told; /* how often */
	enum err error;
};

struct row {
	struct uuid id;
};
struct seat_row {
	int64_t used;
};

static struct uuid tenant_a, tenant_b;
static struct app app;
static _Atomic int alone_calls;

/* ---- the room: projects, and seats that they take ---- */

static struct one *one_of(const struct batch_item *item)
{
	return (struct one *)(uintptr_t)item;
}

static enum err add_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	static const struct pg_col cols[] = {COL(struct row, id, PGT_UUID)};
	struct pg_param *in = arena_array(a, struct pg_param, 2), *ids = arena_array(a, struct pg_param, g->n),
			*names = arena_array(a, struct pg_param, g->n);

	(void)ctx;
	for (size_t i = 0; i < g->n; i++) {
		ids[i] = P_UUID(&one_of(g->items[i])->id);
		names[i] = P_TEXT(one_of(g->items[i])->name);
	}
	in[0] = P_ARRAY(PGT_UUID, ids, g->n);
	in[1] = P_ARRAY(PGT_TEXT, names, g->n);
	*q = (struct query){&SQL_test_projects_add_many, in, 2, cols, countof(cols)};
	return OK;
}

static enum err add_take(void *ctx, const struct batch_group *g, const void *rows, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < g->n; i++) {
		g->items[i]->outcome = ERR_CONFLICT;
		for (size_t k = 0; k < n; k++)
			if (uuid_eq(&((const struct row *)rows)[k].id, &one_of(g->items[i])->id))
				g->items[i]->outcome = OK;
	}
	return OK;
}

static bool seats_wanted(void *ctx, const struct batch_group *g)
{
	bool wanted = false;

	(void)ctx;
	for (size_t i = 0; i < g->n; i++)
		wanted |= one_of(g->items[i])->seats > 0;
	return wanted;
}

static enum err seats_make(void *ctx, const struct batch_group *g, struct arena *a, struct query *q)
{
	static const struct pg_col cols[] = {COL(struct seat_row, used, PGT_INT)};
	struct pg_param *in = arena_array(a, struct pg_param, 1);
	int seats = 0;

	(void)ctx;
	for (size_t i = 0; i < g->n; i++)
		seats += one_of(g->items[i])->seats;
	in[0] = P_INT(seats);
	if (seats > 0)
		*q = (struct query){&SQL_test_seats_take, in, 1, cols, countof(cols)};
	return OK;
}

static enum err seats_take(void *ctx, const struct batch_group *g, const void *rows, size_t n)
{
	(void)ctx;
	(void)g;
	(void)rows;
	return n == 1 ? OK : ERR_LIMIT;
}

static void alone(void *ctx, const struct batch_group *g, struct arena *a)
{
	(void)ctx;
	(void)a;
	alone_calls++;
	for (size_t i = 0; i < g->n; i++)
		g->items[i]->outcome = ERR_LIMIT;
}

static void done(void *ctx, struct batch_item *item, enum err e)
{
	(void)ctx;
	one_of(item)->error = e;
	one_of(item)->told++;
}

static const struct batch_room room = {
    .name = "test",
    .steps = {{add_make, add_take, sizeof(struct row)}, {seats_make, seats_take, sizeof(struct seat_row)}},
    .counts = seats_wanted,
    .alone = alone,
    .done = done,
};

/* ---- help ---- */

static int atoi_of(const char *text)
{
	int64_t n;

	assert_true(str_to_int(str_from(text), &n));
	return (int)n;
}

static int start_all(void **state)
{
	struct pg_pool_config config;

	if (database_start(state))
		return -1;
	app.log = test_log;
	(void)admin("create table if not exists collect.test_seats (used bigint, lim bigint); insert into "
		    "collect.test_seats values (0, 5);"
		    "create sequence if not exists collect.test_again; grant all on collect.test_seats, "
		    "collect.test_again to collect_app;"
		    "create or replace function collect.test_hinder() returns trigger language plpgsql as $$ begin "
		    "if new.name like 'slow%' then perform pg_sleep(0.6); end if;"
		    "if new.name like 'again%' and nextval('collect.test_again') < 2 then raise exception 'again' "
		    "using errcode = '40001'; end if;"
		    "return new; end $$;"
		    "create or replace function collect.test_late() returns trigger language plpgsql as $$ begin "
		    "if new.name like 'late%' then perform pg_sleep(0.6); end if; return null; end $$;"
		    "create trigger test_hinder before insert on collect.projects for each row execute function "
		    "collect.test_hinder();"
		    "create constraint trigger test_late after insert on collect.projects deferrable initially "
		    "deferred for each row "
		    "execute function collect.test_late()");
	config = pool_config(PG_APP);
	app.pools[PG_APP] = pool_of(&config);
	make_tenant(&tenant_a);
	make_tenant(&tenant_b);
	return 0;
}

static int stop_all(void **state)
{
	pg_pool_close(app.pools[PG_APP]);
	(void)admin("drop function collect.test_hinder, collect.test_late cascade; drop table collect.test_seats; drop "
		    "sequence collect.test_again");
	return database_stop(state);
}

static struct batch *open_batch(void)
{
	struct batch *b;

	assert_int_equal(batch_open(&app, PG_APP, &room, NULL, &b), OK);
	return b;
}

static void fill(struct one *all, size_t n, const struct uuid *tenant, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct one){.item = {.tenant = *tenant, .bytes = 100}, .id = uuid_new(), .name = name};
	}
}

static void put_all(struct batch *b, struct one *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(batch_put(b, &all[i].item), OK);
}

static void wait_told(const struct one *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int ms = 0; all[i].told == 0; ms++) {
			assert_true(ms < 10000);
			usleep(1000);
		}
		assert_int_equal(all[i].told, 1);
	}
}

static int stored(const struct one *all, size_t n)
{
	char sql[1200], id[UUID_TEXT_BYTES];
	int at = snprintf(sql, sizeof sql, "select count(*) from collect.projects where id in ('%.36s'",
	    "00000000-0000-0000-0000-000000000000");

	assert_true(n <= 20);
	for (size_t i = 0; i < n; i++) {
		uuid_text(&all[i].id, id);
		at += snprintf(sql + at, sizeof sql - (size_t)at, ", '%.36s'", id);
	}
	snprintf(sql + at, sizeof sql - (size_t)at, ")");
	return atoi_of(admin(sql));
}

/* ---- tests ---- */

static void arrays_arrive(void **state)
{
	struct arrays {
		struct uuid u;
		struct str t, j, y;
		int64_t i, first, at, none;
		double n;
		bool b, missing;
	} got = {0};
	static const struct pg_col cols[] = {COL(struct arrays, u, PGT_UUID), COL(struct arrays, t, PGT_TEXT),
	    COL(struct arrays, i, PGT_INT), COL(struct arrays, first, PGT_INT), COL(struct arrays, n, PGT_NUM),
	    COL(struct arrays, b, PGT_BOOL), COL(struct arrays, at, PGT_TIME), COL(struct arrays, j, PGT_JSON),
	    COL(struct arrays, y, PGT_BYTES), COL(struct arrays, none, PGT_INT), COL(struct arrays, missing, PGT_BOOL)};
	struct uuid id = uuid_new();
	const struct pg_param u[] = {P_UUID(&id)}, t[] = {P_NULL(PGT_TEXT), P_TEXT(S("hai"))},
			      i[] = {P_INT(-7), P_NULL(PGT_INT), P_INT(INT64_MAX)}, n[] = {P_NUM(-1.5)},
			      b[] = {P_BOOL(true)}, at[] = {P_TIME(1234567890123)}, j[] = {P_JSON(S("{\"a\": 1}"))},
			      y[] = {P_BYTES(str_make("\0\377", 2))}, nul[] = {P_TEXT(str_make("a\0b", 3))};
	struct pg_param in[] = {P_ARRAY(PGT_UUID, u, 1), P_ARRAY(PGT_TEXT, t, 2), P_ARRAY(PGT_INT, i, 3),
	    P_ARRAY(PGT_NUM, n, 1), P_ARRAY(PGT_BOOL, b, 1), P_ARRAY(PGT_TIME, at, 1), P_ARRAY(PGT_JSON, j, 1),
	    P_ARRAY(PGT_BYTES, y, 1), P_ARRAY(PGT_TEXT, NULL, 0)};
	struct tx *tx;

	(void)state;
	assert_int_equal(tx_open(&app, PG_APP, true, &tenant_a, &test_arena, &tx), OK);
	assert_int_equal(tx_one(tx, &test_arena, &Q(SQL_test_arrays, in, cols), &got), OK);
	tx_rollback(tx);
	assert_true(uuid_eq(&got.u, &id) && got.b && got.missing);
	assert_str(got.t, "hai");
	assert_int_equal(got.i, 3);
	assert_int_equal(got.first, -7);
	assert_true(got.n == -1.5);
	assert_int_equal(got.at, 1234567890123);
	assert_str(got.j, "{\"a\": 1}");
	assert_true(str_eq(got.y, y[0].v.s));
	assert_int_equal(got.none, 0);
	in[8] = P_ARRAY(PGT_TEXT, nul, 1);
	assert_int_equal(tx_open(&app, PG_APP, true, &tenant_a, &test_arena, &tx), OK);
	assert_int_equal(tx_one(tx, &test_arena, &Q(SQL_test_arrays, in, cols), &got), ERR_INVALID);
	tx_rollback(tx);
}

static void many_of_two_tenants(void **state)
{
	static struct one all[MANY];
	struct batch *b = open_batch();
	struct batch_counts c;

	(void)state;
	fill(all, MANY, &tenant_a, S("many"));
	for (size_t i = 0; i < MANY; i += 3)
		all[i].item.tenant = tenant_b;
	put_all(b, all, MANY);
	wait_told(all, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(all[i].error, OK);
	batch_counts(b, &c);
	assert_int_equal(c.items, MANY);
	assert_true(c.commits < MANY / 4);
	batch_close(b);
	assert_int_equal(atoi_of(admin("select count(*) from collect.projects where name = 'many'")), MANY);
	/* each under its own tenant */
	assert_int_equal(
	    atoi_of(admin("select count(distinct tenant_id) from collect.projects where name = 'many'")), 2);
}

/* The writers are busy with these, so that what comes next is one batch. */
static void hold_writers(struct batch *b, struct one slow[4])
{
	fill(slow, 4, &tenant_a, S("slow"));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(batch_put(b, &slow[i].item), OK);
		usleep(50000);
	}
}

static void the_bad_one_alone_is_refused(void **state)
{
	struct one all[60], slow[4];
	struct batch *b = open_batch();

	(void)state;
	hold_writers(b, slow);
	fill(all, 60, &tenant_a, S("sound"));
	for (int i = 30; i < 60; i++)
		all[i].item.tenant = tenant_b;
	all[17].name = S(""); /* what the table's check refuses */
	all[41].name = str_make("a\0b", 3);
	all[42].id = all[43].id; /* twice: the second is known */
	put_all(b, all, 60);
	wait_told(all, 60);
	wait_told(slow, 4);
	for (int i = 0; i < 60; i++)
		assert_int_equal(all[i].error, i == 17 || i == 41 ? ERR_INVALID : i == 43 ? ERR_CONFLICT : OK);
	batch_close(b);
}

static void what_is_full_is_written_alone(void **state)
{
	struct one all[20], slow[4];
	struct batch *b = open_batch();

	(void)state;
	alone_calls = 0;
	hold_writers(b, slow);
	fill(all, 20, &tenant_a, S("seated"));
	for (int i = 10; i < 20; i++)
		all[i].item.tenant = tenant_b;
	for (int i = 0; i < 10; i++)
		all[i].seats = 1; /* ten want one of five */
	for (int i = 10; i < 14; i++)
		all[i].seats = 1;
	put_all(b, all, 20);
	wait_told(all, 20);
	wait_told(slow, 4);
	batch_close(b);
	assert_true(alone_calls >= 1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(all[i].error, ERR_LIMIT);
	for (int i = 10; i < 20; i++)
		assert_int_equal(all[i].error, OK);
	assert_int_equal(stored(all, 10), 0);
	assert_int_equal(atoi_of(admin("select used from collect.test_seats")), 4);
	(void)admin("update collect.test_seats set used = 0");
}

static void a_deadlock_is_tried_again(void **state)
{
	struct one all[3];
	struct batch *b = open_batch();

	(void)state;
	fill(all, 3, &tenant_a, S("again"));
	put_all(b, all, 3);
	wait_told(all, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(all[i].error, OK);
	batch_close(b);
}

static void kill_busy(void)
{
	usleep(200000);
	assert_int_equal(
	    atoi_of(admin("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = "
			  "'collect test' and state = 'active' and datname = current_database()")),
	    1);
}

static void a_lost_connection(void **state)
{
	struct batch *b = open_batch();
	struct one all[2];

	(void)state;
	/* before the Sync, which waits for what is counted */
	fill(all, 1, &tenant_a, S("slow one"));
	all[0].seats = 1;
	put_all(b, all, 1);
	kill_busy();
	wait_told(all, 1);
	assert_int_equal(all[0].error, OK);
	assert_int_equal(stored(all, 1), 1);
	/* within the commit */
	fill(all, 2, &tenant_a, S("late one"));
	all[0].seats = 1;
	for (int i = 0; i < 2; i++) {
		put_all(b, &all[i], 1);
		kill_busy();
		wait_told(&all[i], 1);
		assert_int_equal(all[i].error, ERR_OUTCOME_UNKNOWN);
		assert_int_equal(stored(&all[i], 1), 0);
	}
	batch_close(b);
	(void)admin("update collect.test_seats set used = 0");
}

static void no_database(void **state)
{
	struct pg_pool_config config = pool_config(PG_APP);
	struct pg_pool *own = app.pools[PG_APP];
	struct batch *b = open_batch();
	struct one all[3];

	(void)state;
	config.conninfo = "host=/nonexistent user=collect_app dbname=x";
	app.pools[PG_APP] = pool_of(&config);
	fill(all, 3, &tenant_a, S("nowhere"));
	put_all(b, all, 3);
	wait_told(all, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(all[i].error, ERR_UNAVAILABLE);
	batch_close(b);
	pg_pool_close(app.pools[PG_APP]);
	app.pools[PG_APP] = own;
}

/* A full queue refuses; a closing batch refuses and writes what it has taken. */
static void full_and_closed(void **state)
{
	static struct one all[BATCH_QUEUE_MAX + 1];
	struct batch *b = open_batch();
	struct one slow[4];
	size_t put = 0;

	(void)state;
	hold_writers(b, slow);
	fill(all, countof(all), &tenant_a, S("queued"));
	while (put < countof(all) && !batch_put(b, &all[put].item))
		put++;
	assert_int_equal(put, BATCH_QUEUE_MAX - 2); /* two of the slow ones wait as well */
	batch_close(b);
	wait_told(slow, 4);
	wait_told(all, put);
	for (size_t i = 0; i < put; i++)
		assert_int_equal(all[i].error, OK);
	assert_int_equal(atoi_of(admin("select count(*) from collect.projects where name = 'queued'")), (int)put);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arrays_arrive),
	    cmocka_unit_test(many_of_two_tenants),
	    cmocka_unit_test(the_bad_one_alone_is_refused),
	    cmocka_unit_test(what_is_full_is_written_alone),
	    cmocka_unit_test(a_deadlock_is_tried_again),
	    cmocka_unit_test(a_lost_connection),
	    cmocka_unit_test(no_database),
	    cmocka_unit_test(full_and_closed),
	};

	return cmocka_run_group_tests(tests, start_all, stop_all);
}
