/* ratelimit_test.c - the numbers of GCRA, by a real Redis and without one. */
#include <unistd.h>
#include "core/config.h"
#include "core/ratelimit.h"
#include "core/router.h"
#include "io/redis_test.h"

#define TIMEOUT_MS 400
#define LOGIN_BURST 20
#define LOGIN_STEP_MS 3000 /* 20 a minute */

struct process {
	struct app app;
	struct arena arena;
};

static void set(struct process *p, enum setting_id id, const char *value)
{
	struct str why;

	assert_int_equal(config_override((struct config *)p->app.config, id, value, "test", &why), OK);
}

static void process_start(struct process *p, void **state)
{
	const struct redis_test *t = *state;
	struct redis_config config = {.url = t->url, .connections = 4, .timeout_ms = TIMEOUT_MS};
	struct config *settings;
	const char *why;
	struct str said;

	*p = (struct process){0};
	arena_init(&p->arena, &arena_malloc, 8 * MB);
	assert_int_equal(config_load(&p->arena, NULL, &settings, &said), OK);
	p->app.config = settings;
	assert_int_equal(redis_open(&config, &p->app.redis, &why), OK);
	set(p, CFG_rate_login, "address=20/20");
	assert_int_equal(ratelimit_new(&p->app, &p->arena, &why), OK);
}

static void process_end(struct process *p)
{
	redis_close(p->app.redis);
	arena_free(&p->arena);
}

typedef void (*taker)(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out);

static const struct uuid acme = {{0xac}}, globex = {{0x61}}, ana = {{0xa7}}, bob = {{0xb0}}, csat = {{0xc5}};
#define ACME "ac000000-0000-0000-0000-000000000000"
#define CSAT "c5000000-0000-0000-0000-000000000000"

#define FROM(text) (&(struct rate_subject){.address = S(text)})
static struct rate_subject from_address(struct str address)
{
	return (struct rate_subject){.address = address};
}

/* A burst at once, then one more each time a step is over; the same by Redis and without it. */
static void check_burst(struct process *p, taker take)
{
	struct rate_verdict v;
	int64_t start = 0;
	int i;

	for (i = 1; i <= LOGIN_BURST; i++) {
		take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
		if (i == 1)
			start = clock_mono_ns();
		assert_true(v.allowed);
		assert_int_equal(v.limit, LOGIN_BURST);
		assert_int_equal(v.remaining, LOGIN_BURST - i);
		assert_in_range(v.reset_s, 3 * i - 1, 3 * i);
		assert_int_equal(v.retry_after_s, 0);
	}
	take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_true(ms_since(start) < 1000); /* or the figures below do not follow */
	assert_false(v.allowed);
	assert_int_equal(v.limit, LOGIN_BURST);
	assert_int_equal(v.remaining, 0);
	assert_in_range(v.reset_s, 59, 60);
	assert_in_range(v.retry_after_s, 2, 3);
	/* A refused one costs nothing; others are not touched by it. */
	usleep((unsigned)(LOGIN_STEP_MS + 50 - ms_since(start)) * 1000);
	take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, 0);
	take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	take(&p->app, RATE_LOGIN, FROM("192.0.2.2"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	take(&p->app, RATE_EXPORT, FROM("192.0.2.1"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.limit, 60);
	assert_int_equal(v.remaining, 59);
}

static void numbers_by_redis(void **state)
{
	struct process p;

	process_start(&p, state);
	check_burst(&p, ratelimit_take);
	assert_redis(*state, "DBSIZE", "3");
	process_end(&p);
}

static void numbers_without_redis(void **state)
{
	struct process p;

	process_start(&p, state);
	check_burst(&p, ratelimit_take_local);
	assert_redis(*state, "DBSIZE", "0");
	process_end(&p);
}

static void processes_share_a_bound(void **state)
{
	struct process a, b;
	struct rate_verdict v;
	int i;

	process_start(&a, state);
	process_start(&b, state);
	for (i = 0; i < LOGIN_BURST; i++) {
		ratelimit_take(i % 2 ? &a.app : &b.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
		assert_true(v.allowed);
	}
	ratelimit_take(&a.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	ratelimit_take(&b.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	process_end(&a);
	process_end(&b);
}

/* The key lives until the bound is whole again, and not longer. */
static void keys_expire(void **state)
{
	char reply[REDIS_TEST_REPLY_BYTES];
	struct rate_verdict v;
	struct process p;
	int64_t ttl;

	process_start(&p, state);
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	redis_test_tell(*state, "PTTL -:rate:login:address:192.0.2.1", reply);
	assert_true(str_to_int(str_from(reply), &ttl));
	assert_in_range(ttl, 2 * LOGIN_STEP_MS - SLACK_MS, 2 * LOGIN_STEP_MS + 2);
	process_end(&p);
}

static void take_from(struct process *p, struct str address, struct rate_verdict *v)
{
	struct rate_subject who = from_address(address);

	ratelimit_take(&p->app, RATE_LOGIN, &who, v);
}

static void odd_addresses(void **state)
{
	char longest[3 * RATE_ADDRESS_MAX_BYTES];
	struct rate_verdict v;
	struct process p;

	process_start(&p, state);
	take_from(&p, S(""), &v);
	assert_true(v.allowed && v.limit == 0);
	take_from(&p, S("a\0b"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	take_from(&p, S("a"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	memset(longest, 'k', sizeof longest);
	take_from(&p, str_make(longest, sizeof longest), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	take_from(&p, str_make(longest, RATE_ADDRESS_MAX_BYTES), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 2);
	process_end(&p);
}

/* ---- several keys at once ---- */

static void check_tightest(struct process *p, taker take)
{
	const struct rate_subject by_ana = {.address = S("192.0.2.1"), .tenant = &acme, .caller = &ana},
				  by_bob = {.address = S("192.0.2.1"), .tenant = &acme, .caller = &bob},
				  elsewhere = {.address = S("192.0.2.9"), .tenant = &globex, .caller = &ana};
	struct rate_verdict v;
	const char *why;
	int i;

	set(p, CFG_rate_console, "address=1/7  caller=1/3 tenant=1/5");
	assert_int_equal(ratelimit_reload(&p->app, &why), OK);
	for (i = 1; i <= 3; i++) {
		take(&p->app, RATE_CONSOLE, &by_ana, &v);
		assert_true(v.allowed);
		assert_int_equal(v.key, RATE_BY_CALLER);
		assert_int_equal(v.limit, 3);
		assert_int_equal(v.remaining, 3 - i);
	}
	/* Refused by one, counted by none: the tenant has two left whatever she tries. */
	for (i = 0; i < 5; i++) {
		take(&p->app, RATE_CONSOLE, &by_ana, &v);
		assert_false(v.allowed);
		assert_int_equal(v.key, RATE_BY_CALLER);
		assert_in_range(v.retry_after_s, 30, 60);
	}
	take(&p->app, RATE_CONSOLE, &by_bob, &v);
	assert_true(v.allowed);
	assert_int_equal(v.key, RATE_BY_TENANT);
	assert_int_equal(v.remaining, 1);
	take(&p->app, RATE_CONSOLE, &by_bob, &v);
	assert_true(v.allowed);
	take(&p->app, RATE_CONSOLE, &by_bob, &v);
	assert_false(v.allowed);
	assert_int_equal(v.key, RATE_BY_TENANT);
	assert_int_equal(v.limit, 5);
	/* The same user in another tenant is another caller. */
	take(&p->app, RATE_CONSOLE, &elsewhere, &v);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, 2);
}

static void tightest_by_redis(void **state)
{
	struct process p;

	process_start(&p, state);
	check_tightest(&p, ratelimit_take);
	assert_redis(*state, "EXISTS " ACME ":rate:console:tenant", "1");
	assert_redis(*state, "EXISTS " ACME ":rate:console:caller:a7000000-0000-0000-0000-000000000000", "1");
	assert_redis(*state, "EXISTS -:rate:console:address:192.0.2.1", "1");
	assert_redis(*state, "DBSIZE", "7");
	process_end(&p);
}

static void tightest_without_redis(void **state)
{
	struct process p;

	process_start(&p, state);
	check_tightest(&p, ratelimit_take_local);
	process_end(&p);
}

static void links(void **state)
{
	const struct rate_subject who = {.address = S("192.0.2.1"), .tenant = &acme, .link = &csat};
	struct rate_verdict v;
	const char *why;
	struct process p;

	process_start(&p, state);
	/* the usual bound of a link is whole again, and its key gone, after a millisecond */
	set(&p, CFG_rate_intake, "address=60/1000 link=60/20000 tenant=60/40000");
	assert_int_equal(ratelimit_reload(&p.app, &why), OK);
	ratelimit_take(&p.app, RATE_INTAKE, &who, &v);
	assert_true(v.allowed);
	assert_int_equal(v.key, RATE_BY_ADDRESS);
	assert_redis(*state, "EXISTS " ACME ":rate:intake:link:" CSAT, "1");
	assert_redis(*state, "EXISTS " ACME ":rate:intake:tenant", "1");
	process_end(&p);
}

/* What lies further ahead than the burst was set by another rule, or before a clock was set back: it is no longer than the burst. */
static void bounds_that_shrink(void **state)
{
	struct rate_verdict v;
	struct process p;
	const char *why;
	int i;

	process_start(&p, state);
	for (i = 0; i < LOGIN_BURST; i++)
		ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	set(&p, CFG_rate_login, "address=6/2");
	assert_int_equal(ratelimit_reload(&p.app, &why), OK);
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	assert_in_range(v.reset_s, 18, 20);
	assert_in_range(v.retry_after_s, 8, 10);
	process_end(&p);
}

static void rules_are_read(void **state)
{
	static const char *const bad[] = {"caller", "caller=1", "caller=/2", "caller=0/1", "caller=1/0",
	    "caller=1/1000001", "caller=60000001/1", "nobody=1/1", "caller=1/1 caller=2/2", "caller=-1/1",
	    "caller=1/1/1", "caller = 1/1"};
	const struct rate_subject who = {.tenant = &acme, .caller = &ana};
	struct rate_verdict v;
	struct process p;
	const char *why;

	process_start(&p, state);
	for (size_t i = 0; i < countof(bad); i++) {
		why = "";
		set(&p, CFG_rate_console, bad[i]);
		assert_int_equal(ratelimit_reload(&p.app, &why), ERR_SETTING);
		assert_true(strstr(why, "PER_MINUTE/BURST"));
	}
	/* Refused ones change nothing; none at all counts nobody. */
	ratelimit_take(&p.app, RATE_CONSOLE, &who, &v);
	assert_int_equal(v.limit, 300);
	set(&p, CFG_rate_console, "");
	assert_int_equal(ratelimit_reload(&p.app, &why), OK);
	ratelimit_take(&p.app, RATE_CONSOLE, &who, &v);
	assert_true(v.allowed);
	assert_int_equal(v.limit, 0);
	process_end(&p);
}

static void a_flushed_redis_is_sent_the_script_again(void **state)
{
	struct rate_verdict v;
	struct process p;

	process_start(&p, state);
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_redis(*state, "SCRIPT FLUSH", "OK");
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 2);
	assert_redis(*state, "FLUSHALL", "OK");
	ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	process_end(&p);
}

/* ---- who is not counted ---- */

static bool counted(struct process *p, int klass, const struct rate_subject *who)
{
	struct rate_verdict v, local;

	ratelimit_take(&p->app, klass, who, &v);
	ratelimit_take_local(&p->app, klass, who, &local);
	assert_true(v.allowed && local.allowed);
	assert_int_equal(v.limit, local.limit);
	return v.limit > 0;
}

/* Only by their address, and not when they sign in. */
static void loopback_is_exempt(void **state)
{
	const struct rate_subject near = {.address = S("127.0.0.1"), .loopback = true},
				  user = {.address = S("::/64"), .loopback = true, .tenant = &acme, .caller = &ana},
				  visitor = {.address = S("127.0.0.1"),
				      .loopback = true,
				      .tenant = &acme,
				      .link = &csat},
				  far = {.address = S("192.0.2.1")};
	struct process p;

	process_start(&p, state);
	assert_false(counted(&p, RATE_INTAKE, &near));
	assert_false(counted(&p, RATE_PUBLIC_READ, &near));
	assert_false(counted(&p, RATE_CONSOLE, &near));
	assert_true(counted(&p, RATE_LOGIN, &near));
	assert_false(counted(&p, RATE_NONE, &near));
	assert_true(counted(&p, RATE_CONSOLE, &user));
	assert_true(counted(&p, RATE_INTAKE, &visitor));
	assert_true(counted(&p, RATE_INTAKE, &far));
	assert_true(counted(&p, RATE_CONSOLE, &far));
	assert_false(counted(&p, RATE_NONE, &far));
	process_end(&p);
}

static void settings_turn_it_on_and_off(void **state)
{
	const struct rate_subject near = {.address = S("127.0.0.1"), .loopback = true};
	struct process p;

	process_start(&p, state);
	set(&p, CFG_rate_limit_loopback, "true");
	assert_true(counted(&p, RATE_INTAKE, &near));
	set(&p, CFG_rate_limits, "false");
	assert_false(counted(&p, RATE_INTAKE, &near));
	assert_false(counted(&p, RATE_INTAKE, FROM("192.0.2.1")));
	assert_false(counted(&p, RATE_LOGIN, FROM("192.0.2.1")));
	process_end(&p);
}

/* ---- without Redis ---- */

/* Every call is answered within the deadline, and someone still counts. */
static void check_fallback(struct process *p)
{
	struct rate_verdict v;
	int64_t start;
	int i;

	for (i = 0; i < LOGIN_BURST; i++) {
		start = clock_mono_ns();
		ratelimit_take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
		assert_true(ms_since(start) < TIMEOUT_MS + SLACK_MS);
		assert_true(v.allowed);
		assert_int_equal(v.limit, LOGIN_BURST);
	}
	ratelimit_take(&p->app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	assert_in_range(v.retry_after_s, 1, 3);
}

static void it_falls_back_when_redis_is_killed(void **state)
{
	struct rate_verdict v;
	struct process p;
	int i;

	process_start(&p, state);
	for (i = 0; i <= LOGIN_BURST; i++)
		ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v);
	assert_false(v.allowed);
	redis_test_kill(*state);
	check_fallback(&p);
	redis_test_start(*state);
	wait_until((ratelimit_take(&p.app, RATE_LOGIN, FROM("192.0.2.1"), &v), v.allowed));
	assert_redis(*state, "EXISTS -:rate:login:address:192.0.2.1", "1");
	process_end(&p);
}

static void it_falls_back_when_redis_is_full(void **state)
{
	struct process p;

	process_start(&p, state);
	assert_redis(*state, "CONFIG SET maxmemory 1", "OK");
	check_fallback(&p);
	process_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(numbers_by_redis, redis_test_fresh),
	    cmocka_unit_test_setup(numbers_without_redis, redis_test_fresh),
	    cmocka_unit_test_setup(processes_share_a_bound, redis_test_fresh),
	    cmocka_unit_test_setup(keys_expire, redis_test_fresh),
	    cmocka_unit_test_setup(odd_addresses, redis_test_fresh),
	    cmocka_unit_test_setup(tightest_by_redis, redis_test_fresh),
	    cmocka_unit_test_setup(tightest_without_redis, redis_test_fresh),
	    cmocka_unit_test_setup(links, redis_test_fresh),
	    cmocka_unit_test_setup(bounds_that_shrink, redis_test_fresh),
	    cmocka_unit_test_setup(rules_are_read, redis_test_fresh),
	    cmocka_unit_test_setup(a_flushed_redis_is_sent_the_script_again, redis_test_fresh),
	    cmocka_unit_test_setup(loopback_is_exempt, redis_test_fresh),
	    cmocka_unit_test_setup(settings_turn_it_on_and_off, redis_test_fresh),
	    cmocka_unit_test_setup(it_falls_back_when_redis_is_killed, redis_test_fresh),
	    cmocka_unit_test_setup(it_falls_back_when_redis_is_full, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("ratelimit", tests, redis_test_open, redis_test_close);
}
