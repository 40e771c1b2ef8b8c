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
	assert_int_equal(ratelimit_new(&p->app, &p->arena), OK);
}

static void process_end(struct process *p)
{
	redis_close(p->app.redis);
	arena_free(&p->arena);
}

typedef void (*taker)(struct app *app, int klass, struct str key, struct rate_verdict *out);

/* A burst at once, then one more each time a step is over; the same by Redis and without it. */
static void check_burst(struct process *p, taker take)
{
	struct rate_verdict v;
	int64_t start = 0;
	int i;

	for (i = 1; i <= LOGIN_BURST; i++) {
		take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
		if (i == 1)
			start = clock_mono_ns();
		assert_true(v.allowed);
		assert_int_equal(v.limit, LOGIN_BURST);
		assert_int_equal(v.remaining, LOGIN_BURST - i);
		assert_in_range(v.reset_s, 3 * i - 1, 3 * i);
		assert_int_equal(v.retry_after_s, 0);
	}
	take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
	assert_true(ms_since(start) < 1000); /* or the figures below do not follow */
	assert_false(v.allowed);
	assert_int_equal(v.limit, LOGIN_BURST);
	assert_int_equal(v.remaining, 0);
	assert_in_range(v.reset_s, 59, 60);
	assert_in_range(v.retry_after_s, 2, 3);
	/* A refused one costs nothing; others are not touched by it. */
	usleep((unsigned)(LOGIN_STEP_MS + 50 - ms_since(start)) * 1000);
	take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, 0);
	take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
	assert_false(v.allowed);
	take(&p->app, RATE_LOGIN, S("192.0.2.2"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	take(&p->app, RATE_EXPORT, S("192.0.2.1"), &v);
	assert_true(v.allowed);
	assert_int_equal(v.limit, 20);
	assert_int_equal(v.remaining, 19);
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
		ratelimit_take(i % 2 ? &a.app : &b.app, RATE_LOGIN, S("192.0.2.1"), &v);
		assert_true(v.allowed);
	}
	ratelimit_take(&a.app, RATE_LOGIN, S("192.0.2.1"), &v);
	assert_false(v.allowed);
	ratelimit_take(&b.app, RATE_LOGIN, S("192.0.2.1"), &v);
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
	ratelimit_take(&p.app, RATE_LOGIN, S("192.0.2.1"), &v);
	ratelimit_take(&p.app, RATE_LOGIN, S("192.0.2.1"), &v);
	redis_test_tell(*state, "PTTL collect:rate:login:192.0.2.1", reply);
	assert_true(str_to_int(str_from(reply), &ttl));
	assert_in_range(ttl, 2 * LOGIN_STEP_MS - SLACK_MS, 2 * LOGIN_STEP_MS + 2);
	process_end(&p);
}

static void odd_keys(void **state)
{
	char long_key[3 * RATE_KEY_MAX_BYTES];
	struct rate_verdict v;
	struct process p;

	process_start(&p, state);
	ratelimit_take(&p.app, RATE_LOGIN, S(""), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	ratelimit_take(&p.app, RATE_LOGIN, S("a\0b"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	ratelimit_take(&p.app, RATE_LOGIN, S("a"), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	memset(long_key, 'k', sizeof long_key);
	ratelimit_take(&p.app, RATE_LOGIN, str_make(long_key, sizeof long_key), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 1);
	ratelimit_take(&p.app, RATE_LOGIN, str_make(long_key, RATE_KEY_MAX_BYTES), &v);
	assert_int_equal(v.remaining, LOGIN_BURST - 2);
	process_end(&p);
}

/* ---- who is not counted ---- */

static bool counted(struct process *p, int klass, struct str key)
{
	struct rate_verdict v, local;

	ratelimit_take(&p->app, klass, key, &v);
	ratelimit_take_local(&p->app, klass, key, &local);
	assert_true(v.allowed && local.allowed);
	assert_int_equal(v.limit, local.limit);
	return v.limit > 0;
}

static void loopback_is_exempt(void **state)
{
	static const struct str loopback[] = {S("127.0.0.1"), S("127.8.9.1"), S("::1"), S("::ffff:127.0.0.1")};
	static const struct str others[] = {
	    S("192.0.2.1"), S("::2"), S("::ffff:192.0.2.1"), S("12.7.0.1"), S("0195f3d2-7c1a-7e31-9d3b-127000000001")};
	struct process p;
	size_t i;

	process_start(&p, state);
	for (i = 0; i < countof(loopback); i++) {
		assert_false(counted(&p, RATE_SUBMIT, loopback[i]));
		assert_false(counted(&p, RATE_PUBLIC_READ, loopback[i]));
		assert_false(counted(&p, RATE_CONSOLE, loopback[i]));
		assert_true(counted(&p, RATE_LOGIN, loopback[i]));
		assert_false(counted(&p, RATE_NONE, loopback[i]));
	}
	for (i = 0; i < countof(others); i++) {
		assert_true(counted(&p, RATE_SUBMIT, others[i]));
		assert_true(counted(&p, RATE_CONSOLE, others[i]));
		assert_false(counted(&p, RATE_NONE, others[i]));
	}
	process_end(&p);
}

static void settings_turn_it_on_and_off(void **state)
{
	struct process p;

	process_start(&p, state);
	set(&p, CFG_rate_limit_loopback, "true");
	assert_true(counted(&p, RATE_SUBMIT, S("127.0.0.1")));
	set(&p, CFG_rate_limits, "false");
	assert_false(counted(&p, RATE_SUBMIT, S("127.0.0.1")));
	assert_false(counted(&p, RATE_SUBMIT, S("192.0.2.1")));
	assert_false(counted(&p, RATE_LOGIN, S("192.0.2.1")));
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
		ratelimit_take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
		assert_true(ms_since(start) < TIMEOUT_MS + SLACK_MS);
		assert_true(v.allowed);
		assert_int_equal(v.limit, LOGIN_BURST);
	}
	ratelimit_take(&p->app, RATE_LOGIN, S("192.0.2.1"), &v);
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
		ratelimit_take(&p.app, RATE_LOGIN, S("192.0.2.1"), &v);
	assert_false(v.allowed);
	redis_test_kill(*state);
	check_fallback(&p);
	redis_test_start(*state);
	wait_until((ratelimit_take(&p.app, RATE_LOGIN, S("192.0.2.1"), &v), v.allowed));
	assert_redis(*state, "EXISTS collect:rate:login:192.0.2.1", "1");
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
	    cmocka_unit_test_setup(odd_keys, redis_test_fresh),
	    cmocka_unit_test_setup(loopback_is_exempt, redis_test_fresh),
	    cmocka_unit_test_setup(settings_turn_it_on_and_off, redis_test_fresh),
	    cmocka_unit_test_setup(it_falls_back_when_redis_is_killed, redis_test_fresh),
	    cmocka_unit_test_setup(it_falls_back_when_redis_is_full, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("ratelimit", tests, redis_test_open, redis_test_close);
}
