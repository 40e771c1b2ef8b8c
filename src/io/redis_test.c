/* redis_test.c - commands and the pool, against a real Redis that is killed, stopped and filled up. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include "io/log.h"
#include "io/redis_private.h"
#include "io/redis_test.h"

#define TIMEOUT_MS 400

static struct redis *client_of(const char *url, int connections, struct log *log)
{
	struct redis_config config = {.url = url, .connections = connections, .timeout_ms = TIMEOUT_MS, .log = log};
	const char *why = NULL;
	struct redis *r = NULL;

	if (redis_open(&config, &r, &why))
		fail_msg("%s: %s", url, why);
	return r;
}

static struct redis *client(void **state, int connections)
{
	const struct redis_test *t = *state;

	return client_of(t->url, connections, NULL);
}

static enum err get(struct redis *r, struct str key, struct arena *a, struct str *value)
{
	*value = S("untouched");
	return redis_get(r, key, a, value);
}

/* ---- addresses ---- */

static void addresses_are_read(void **state)
{
	static const struct {
		const char *url, *host;
		int port, db;
		const char *user, *password;
	} good[] = {
	    {"redis://db", "db", 6379, 0, "", ""},
	    {"redis://db/", "db", 6379, 0, "", ""},
	    {"redis://db:6380/3", "db", 6380, 3, "", ""},
	    {"redis://:secret@10.0.0.1:1/15", "10.0.0.1", 1, 15, "", "secret"},
	    {"redis://me:a:b@db", "db", 6379, 0, "me", "a:b"},
	    {"redis://:p@ss@db", "db", 6379, 0, "", "p@ss"},
	    {"redis://m%65:a%2Fb%40%25@db", "db", 6379, 0, "me", "a/b@%"},
	    {"redis://[::1]", "::1", 6379, 0, "", ""},
	    {"redis://:x@[fe80::1]:7/2", "fe80::1", 7, 2, "", "x"},
	    {"unix:///run/redis.sock", "/run/redis.sock", 0, 0, "", ""},
	    {"unix:///run/redis.sock?db=4", "/run/redis.sock", 0, 4, "", ""},
	};
	struct redis_address at;
	size_t i;

	(void)state;
	for (i = 0; i < countof(good); i++) {
		if (!redis_address_read(str_from(good[i].url), &at))
			fail_msg("not read: %s", good[i].url);
		assert_string_equal(at.host, good[i].host);
		assert_int_equal(at.port, good[i].port);
		assert_int_equal(at.db, good[i].db);
		assert_string_equal(at.user, good[i].user);
		assert_string_equal(at.password, good[i].password);
	}
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {"", "db", "redis:/db", "redis://", "redis://:0",
	    "redis://db:", "redis://db:0", "redis://db:65536", "redis://db:x", "redis://db/x", "redis://db/-1",
	    "redis://db/1/2", "redis://me@db", "redis://me:@db", "redis://:%4@db", "redis://:%zz@db",
	    "redis://:a%00b@db", "redis://:x@", "redis://[::1", "redis://[]", "redis://[::1]x", "rediss://db",
	    "http://db", "unix://", "unix://run/redis.sock", "unix:///s?", "unix:///s?db=", "unix:///s?db=x",
	    "unix:///s?x=1",
	    "unix:///a-path-that-is-longer-than-the-address-of-a-socket-can-be/"
	    "and-would-be-cut-off-so-that-it-named-another/s.sock"};
	struct redis_config config = {.connections = 1, .timeout_ms = 1};
	const char *why;
	struct redis *r;
	size_t i;

	(void)state;
	for (i = 0; i < countof(bad); i++) {
		config.url = bad[i];
		why = NULL;
		if (redis_open(&config, &r, &why) != ERR_SETTING)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(why);
	}
}

/* ---- commands ---- */

static void values_come_back(void **state)
{
	struct redis *r = client(state, 1);
	struct arena a, tiny;
	struct str v;

	arena_init(&a, &arena_malloc, 1 * MB);
	arena_init(&tiny, &arena_malloc, 40);
	assert_int_equal(redis_ping(r), OK);
	assert_int_equal(get(r, S("k"), &a, &v), ERR_NOT_FOUND);
	assert_int_equal(redis_set(r, S("k"), S("a\0b\r\n"), 100), OK);
	assert_int_equal(get(r, S("k"), &a, &v), OK);
	assert_true(str_eq(v, S("a\0b\r\n")));
	assert_redis(*state, "TTL k", "100");
	assert_int_equal(redis_set(r, S("a\0k"), S(""), 100), OK);
	assert_int_equal(get(r, S("a\0k"), &a, &v), OK);
	assert_int_equal(v.n, 0);
	assert_int_equal(get(r, S("a"), &a, &v), ERR_NOT_FOUND);
	assert_int_equal(redis_set(r, S("long"), S("0123456789012345678901234567890123456789"), 9), OK);
	assert_int_equal(get(r, S("long"), &tiny, &v), ERR_MEMORY);
	assert_int_equal(redis_del(r, S("k")), OK);
	assert_int_equal(redis_del(r, S("k")), OK);
	assert_int_equal(get(r, S("k"), &a, &v), ERR_NOT_FOUND);
	arena_free(&a);
	arena_free(&tiny);
	redis_close(r);
}

static void set_new_leaves_what_is_there(void **state)
{
	struct redis *r = client(state, 1);

	assert_int_equal(redis_set_new(r, S("k"), S("first"), 100), OK);
	assert_int_equal(redis_set_new(r, S("k"), S("second"), 50), OK);
	assert_redis(*state, "GET k", "first");
	assert_redis(*state, "TTL k", "100");
	redis_close(r);
}

static void scripts_answer_integers_or_text(void **state)
{
	const struct str args[] = {S("k"), S("20"), S("22")};
	struct redis_script script = {"return {ARGV[1] + ARGV[2], #KEYS}", args, 1, 3};
	struct redis *r = client(state, 1);
	int64_t n[2] = {0};
	struct arena a;
	struct str text;

	arena_init(&a, &arena_malloc, MB);
	assert_int_equal(redis_run(r, &script, n, 2), OK);
	assert_int_equal(n[0], 42);
	assert_int_equal(n[1], 1);
	assert_int_equal(redis_run(r, &script, n, 1), ERR_IO);
	script.text = "return {1, 'x'}";
	assert_int_equal(redis_run(r, &script, n, 2), ERR_IO);
	script.text = "return 1";
	assert_int_equal(redis_run(r, &script, n, 1), ERR_IO);
	assert_int_equal(redis_run_text(r, &script, &a, &text), ERR_IO);
	script.text = "return 'a\\0b'";
	assert_int_equal(redis_run_text(r, &script, &a, &text), OK);
	assert_true(str_eq(text, S("a\0b")));
	arena_free(&a);
	script.text = "return nonsense(1)";
	assert_int_equal(redis_run(r, &script, n, 1), ERR_UNAVAILABLE);
	assert_int_equal(redis_ping(r), OK);
	redis_close(r);
}

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* Connects there and asks for a key. */
static enum err get_at(const char *format, int port)
{
	struct redis *r;
	struct arena a;
	struct str v;
	char url[100];
	enum err e;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* each is a literal with one %d */
	snprintf(url, sizeof url, format, port);
#pragma GCC diagnostic pop
	arena_init(&a, &arena_malloc, 1 * MB);
	r = client_of(url, 1, NULL);
	e = get(r, S("k"), &a, &v);
	redis_close(r);
	arena_free(&a);
	return e;
}

static void it_signs_in_and_selects(void **state)
{
	char command[60];
	int port = free_port();

	snprintf(command, sizeof command, "CONFIG SET port %d", port);
	assert_redis(*state, command, "OK");
	assert_redis(*state, "SET k v", "OK");
	assert_redis(*state, "SWAPDB 0 3", "OK");
	assert_redis(*state, "ACL SETUSER me on >b%c +@all ~*", "OK");
	assert_redis(*state, "CONFIG SET requirepass a@b", "OK");
	assert_int_equal(get_at("redis://:a%%40b@127.0.0.1:%d/3", port), OK);
	assert_int_equal(get_at("redis://:a@b@127.0.0.1:%d", port), ERR_NOT_FOUND);
	assert_int_equal(get_at("redis://me:b%%25c@localhost:%d/3", port), OK);
	assert_int_equal(get_at("redis://:wrong@127.0.0.1:%d/3", port), ERR_UNAVAILABLE);
	assert_int_equal(get_at("redis://127.0.0.1:%d/3", port), ERR_UNAVAILABLE);
	assert_int_equal(get_at("redis://:a@b@127.0.0.1:%d/999", port), ERR_UNAVAILABLE);
}

/* ---- what Redis refuses ---- */

static void what_it_refuses_is_unavailable(void **state)
{
	struct redis *r;
	struct log *log;
	struct arena a;
	struct str v;
	char line[600];
	ssize_t n;
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	log = log_open(ends[1], LOG_INFO);
	r = client_of(((struct redis_test *)*state)->url, 1, log);
	arena_init(&a, &arena_malloc, 1 * MB);
	assert_int_equal(redis_set(r, S("k"), S("v"), 100), OK);
	assert_redis(*state, "CONFIG SET maxmemory 1", "OK");
	assert_int_equal(redis_set(r, S("secret-key"), S("w"), 100), ERR_UNAVAILABLE);
	assert_int_equal(get(r, S("k"), &a, &v), OK);
	assert_int_equal(redis_del(r, S("k")), OK);
	assert_redis(*state, "CONFIG SET maxmemory 0", "OK");
	assert_redis(*state, "REPLICAOF 127.0.0.1 1", "OK");
	assert_int_equal(redis_set(r, S("k"), S("w"), 100), ERR_UNAVAILABLE);
	assert_redis(*state, "REPLICAOF NO ONE", "OK");
	assert_int_equal(redis_set(r, S("k"), S("w"), 100), OK);
	assert_redis(*state, "LPUSH list x", "1");
	assert_int_equal(get(r, S("list"), &a, &v), ERR_UNAVAILABLE);
	n = read(ends[0], line, sizeof line);
	assert_true(n > 0);
	assert_true(str_find(str_make(line, (size_t)n), S("Redis refuses a command: OOM"), NULL));
	assert_false(str_find(str_make(line, (size_t)n), S("READONLY"), NULL)); /* one line a minute */
	arena_free(&a);
	redis_close(r);
	log_close(log);
	close(ends[0]);
	close(ends[1]);
}

/* ---- when it is away ---- */

static void dead_at_start(void **state)
{
	struct redis *r = client(state, 2);
	int64_t start;

	redis_test_kill(*state);
	start = clock_mono_ns();
	assert_int_equal(redis_ping(r), ERR_UNAVAILABLE);
	assert_true(ms_since(start) < TIMEOUT_MS + SLACK_MS);
	redis_test_start(*state);
	start = clock_mono_ns();
	wait_until(redis_ping(r) == OK);
	assert_true(ms_since(start) < REDIS_RETRY_MS + SLACK_MS);
	redis_close(r);
}

static void killed_and_restarted(void **state)
{
	char lines[1000];
	struct redis *r;
	struct log *log;
	int64_t start;
	ssize_t n;
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	log = log_open(ends[1], LOG_INFO);
	r = client_of(((struct redis_test *)*state)->url, 2, log);
	assert_int_equal(redis_ping(r), OK);
	redis_test_kill(*state);
	start = clock_mono_ns();
	assert_int_equal(redis_set(r, S("k"), S("v"), 10), ERR_UNAVAILABLE);
	assert_true(ms_since(start) < TIMEOUT_MS + SLACK_MS);
	start = clock_mono_ns();
	assert_int_equal(redis_set(r, S("k"), S("v"), 10), ERR_UNAVAILABLE);
	assert_true(ms_since(start) < SLACK_MS);
	redis_test_start(*state);
	start = clock_mono_ns();
	wait_until(redis_set(r, S("k"), S("v"), 10) == OK);
	assert_true(ms_since(start) < REDIS_RETRY_MS + SLACK_MS);
	n = read(ends[0], lines, sizeof lines);
	assert_true(n > 0);
	assert_true(str_find(str_make(lines, (size_t)n), S("Redis does not answer, working without it: "), NULL));
	assert_true(str_find(str_make(lines, (size_t)n), S("Redis answers again"), NULL));
	redis_close(r);
	log_close(log);
	close(ends[0]);
	close(ends[1]);
}

/* Nobody asked while it was away, so nobody shall notice. */
static void a_restart_between_two_calls_goes_unseen(void **state)
{
	struct redis *r = client(state, 1);

	assert_int_equal(redis_ping(r), OK);
	redis_test_kill(*state);
	redis_test_start(*state);
	assert_int_equal(redis_ping(r), OK);
	redis_close(r);
}

struct caller {
	pthread_t thread;
	struct redis *r;
	int number, calls, failures, slow;
	int64_t worst_ms;
};

static void start_callers(struct caller *callers, int n, struct redis *r, void *(*run)(void *))
{
	int i;

	for (i = 0; i < n; i++) {
		callers[i] = (struct caller){.r = r, .number = i};
		assert_int_equal(pthread_create(&callers[i].thread, NULL, run, &callers[i]), 0);
	}
}

static void join_callers(struct caller *callers, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pthread_join(callers[i].thread, NULL);
}

static void *ping_for_a_while(void *arg)
{
	struct caller *c = arg;
	int64_t start = clock_mono_ns();

	while (ms_since(start) < 2500) {
		int64_t one = clock_mono_ns();

		c->failures += redis_ping(c->r) != OK;
		c->slow += ms_since(one) > TIMEOUT_MS / 2;
		if (ms_since(one) > c->worst_ms)
			c->worst_ms = ms_since(one);
		usleep(1000);
	}
	return NULL;
}

/* The worst way to be away: connections are accepted, nothing answers. One caller at a time pays for finding out. */
static void stopped(void **state)
{
	struct redis *r = client(state, 8);
	struct caller callers[8];
	int64_t start;
	int i, slow = 0;

	start_callers(callers, 8, r, ping_for_a_while);
	usleep(300000);
	redis_test_signal(*state, SIGSTOP);
	join_callers(callers, 8);
	for (i = 0; i < 8; i++) {
		assert_true(callers[i].worst_ms < TIMEOUT_MS + SLACK_MS);
		assert_true(callers[i].failures > 0);
		slow += callers[i].slow;
	}
	/* Those under way when it stopped, then one in TIMEOUT_MS + REDIS_RETRY_MS; each for himself would make more than 40. */
	assert_in_range(slow, 1, 8 + 8);
	usleep((REDIS_RETRY_MS + 20) * 1000);
	start = clock_mono_ns();
	assert_int_equal(redis_ping(r), ERR_UNAVAILABLE);
	assert_in_range(ms_since(start), TIMEOUT_MS - 20, TIMEOUT_MS + SLACK_MS);
	start = clock_mono_ns();
	assert_int_equal(redis_ping(r), ERR_UNAVAILABLE);
	assert_true(ms_since(start) < SLACK_MS);
	redis_test_signal(*state, SIGCONT);
	start = clock_mono_ns();
	wait_until(redis_ping(r) == OK);
	assert_true(ms_since(start) < REDIS_RETRY_MS + 2 * SLACK_MS);
	redis_close(r);
}

/* ---- the pool ---- */

static void *set_and_get(void *arg)
{
	struct caller *c = arg;
	struct arena a;
	char key[20], text[20];
	struct str k, v, back;

	arena_init(&a, &arena_malloc, 1 * MB);
	k = str_make(key, (size_t)snprintf(key, sizeof key, "key-%d", c->number));
	for (c->calls = 0; c->calls < 300; c->calls++) {
		v = str_make(text, (size_t)snprintf(text, sizeof text, "%d.%d", c->number, c->calls));
		if (redis_set(c->r, k, v, 100) || redis_get(c->r, k, &a, &back) || !str_eq(v, back))
			c->failures++;
		arena_reset(&a);
	}
	arena_free(&a);
	return NULL;
}

static void more_callers_than_connections(void **state)
{
	const struct redis_test *t = *state;
	/* Waiting for a connection counts, and on a busy machine there is much of it. */
	struct redis_config config = {.url = t->url, .connections = 3, .timeout_ms = 10000};
	struct caller callers[12];
	struct redis *r;
	const char *why;
	int i;

	assert_int_equal(redis_open(&config, &r, &why), OK);
	start_callers(callers, 12, r, set_and_get);
	join_callers(callers, 12);
	for (i = 0; i < 12; i++)
		assert_int_equal(callers[i].failures, 0);
	assert_true(r->idle_count <= 3);
	assert_int_equal(r->busy_count, 0);
	redis_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_read),
	    cmocka_unit_test(bad_addresses_are_refused),
	    cmocka_unit_test_setup(values_come_back, redis_test_fresh),
	    cmocka_unit_test_setup(set_new_leaves_what_is_there, redis_test_fresh),
	    cmocka_unit_test_setup(scripts_answer_integers_or_text, redis_test_fresh),
	    cmocka_unit_test_setup(it_signs_in_and_selects, redis_test_fresh),
	    cmocka_unit_test_setup(what_it_refuses_is_unavailable, redis_test_fresh),
	    cmocka_unit_test_setup(dead_at_start, redis_test_fresh),
	    cmocka_unit_test_setup(killed_and_restarted, redis_test_fresh),
	    cmocka_unit_test_setup(a_restart_between_two_calls_goes_unseen, redis_test_fresh),
	    cmocka_unit_test_setup(stopped, redis_test_fresh),
	    cmocka_unit_test_setup(more_callers_than_connections, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("redis", tests, redis_test_open, redis_test_close);
}
