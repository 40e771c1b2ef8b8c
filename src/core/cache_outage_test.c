/* cache_outage_test.c - the cache while Redis refuses, is full or gone; and many threads that change what others read. */
#include <pthread.h>
#include <stdatomic.h>
#include "core/cache_test.h"

/* ---- drops that Redis does not take ---- */

static void a_drop_that_redis_refused_is_told_later(void **state)
{
	struct source s = {S("v1")};
	struct process a, b;

	process_start(&a, state, ENTRIES, BYTES);
	process_start(&b, state, ENTRIES, BYTES);
	wait_for_listeners(state, "2");
	assert_get(&a, S("k"), &s, "v1");
	assert_get(&b, S("k"), &s, "v1");
	assert_redis(*state, "REPLICAOF 127.0.0.1 1", "OK");
	s.value = S("v2");
	cache_drop(a.app.cache, &thing, S("k"));
	assert_redis(*state, "GET collect:cache:thing:k", "v1");
	assert_get(&a, S("k"), &s, "v2"); /* not what Redis still has */
	assert_redis(*state, "REPLICAOF NO ONE", "OK");
	assert_get(&a, S("another"), &s, "v2");
	assert_redis(*state, "GET collect:cache:thing:k", "");
	wait_until(!holds(&b, S("k")));
	assert_get(&b, S("k"), &s, "v2");
	process_end(&a);
	process_end(&b);
}

/* Nobody asks A for anything: joining again is occasion enough. */
static void joining_again_tells_too(void **state)
{
	struct source s = {S("v1")};
	struct process a;

	process_start(&a, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_get(&a, S("k"), &s, "v1");
	assert_redis(*state, "REPLICAOF 127.0.0.1 1", "OK");
	cache_drop(a.app.cache, &thing, S("k"));
	cache_drop(a.app.cache, &thing, S("k"));
	assert_redis(*state, "REPLICAOF NO ONE", "OK");
	assert_redis(*state, "CLIENT KILL TYPE pubsub", "1");
	redis_test_await(*state, "GET collect:cache:thing:k", "");
	process_end(&a);
}

static void more_drops_than_can_be_kept(void **state)
{
	char text[16];
	struct source s = {S("v1")};
	struct process a;
	int i;

	process_start(&a, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	redis_test_kill(*state);
	for (i = 0; i < (int)CACHE_UNTOLD_MAX + 10; i++)
		cache_drop(a.app.cache, &thing, str_make(text, (size_t)snprintf(text, sizeof text, "k%d", i)));
	redis_test_start(*state);
	wait_for_listeners(state, "1");
	assert_get(&a, S("k1"), &s, "v1");
	redis_test_await(*state, "DBSIZE", "1024");
	process_end(&a);
}

static void a_full_redis_forgets_at_least(void **state)
{
	struct source s = {S("v1")};
	struct process a, b;

	process_start(&a, state, ENTRIES, BYTES);
	process_start(&b, state, ENTRIES, BYTES);
	wait_for_listeners(state, "2");
	assert_get(&a, S("k"), &s, "v1");
	assert_get(&b, S("k"), &s, "v1");
	assert_redis(*state, "CONFIG SET maxmemory 1", "OK");
	s.value = S("v2");
	cache_drop(a.app.cache, &thing, S("k"));
	assert_redis(*state, "EXISTS collect:cache:thing:k", "0");
	wait_until(!holds(&b, S("k")));
	assert_get(&b, S("k"), &s, "v2");
	process_end(&a);
	process_end(&b);
}

/* ---- without Redis ---- */

static void blind_entries_live_shortly(void **state)
{
	struct source s = {S("v1")};
	struct process p;
	int64_t start;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_get(&p, S("k"), &s, "v1");
	usleep(1000 * (CACHE_BLIND_TTL_MS + 100));
	assert_true(holds(&p, S("k")));
	start = clock_mono_ns();
	redis_test_kill(*state);
	wait_until(!holds(&p, S("k")));
	assert_true(ms_since(start) < 2 * SLACK_MS);
	start = clock_mono_ns();
	assert_get(&p, S("k"), &s, "v1");
	assert_true(holds(&p, S("k")));
	assert_int_equal(s.loads, 2);
	wait_until(!holds(&p, S("k")));
	assert_in_range(ms_since(start), CACHE_BLIND_TTL_MS - 1, 2 * CACHE_BLIND_TTL_MS);
	process_end(&p);
}

static void joining_again_forgets_all(void **state)
{
	struct source s = {S("v1")};
	struct process p;

	redis_test_kill(*state);
	process_start(&p, state, ENTRIES, BYTES);
	assert_get(&p, S("k"), &s, "v1");
	assert_true(holds(&p, S("k")));
	redis_test_start(*state);
	wait_for_listeners(state, "1");
	assert_int_equal(counts(&p).entries, 0);
	assert_get(&p, S("k"), &s, "v1");
	assert_redis(*state, "GET collect:cache:thing:k", "v1");
	process_end(&p);
}

/* ---- all at once ---- */

#define KEYS 20
#define THREADS 8
#define ROUNDS 400

struct world {
	struct process processes[2];
	_Atomic int versions[KEYS];
};

struct worker {
	pthread_t thread;
	struct world *w;
	int number, stale;
};

struct version_of {
	struct world *w;
	int key;
};

static enum err load_version(void *ctx, struct arena *a, struct str *bytes)
{
	const struct version_of *v = ctx;
	char text[16];
	int n = snprintf(text, sizeof text, "%d", atomic_load(&v->w->versions[v->key]));

	usleep(100);
	*bytes = str_dup(a, str_make(text, (size_t)n));
	return OK;
}

static int64_t version_seen(struct worker *me, struct arena *a, int key)
{
	struct cache *c = me->w->processes[me->number % 2].app.cache;
	struct version_of v = {me->w, key};
	struct cache_entry *e;
	char text[16];
	int64_t seen = -1;
	struct str name = str_make(text, (size_t)snprintf(text, sizeof text, "k%d", key));

	if (cache_get(c, &thing, name, a, load_version, &v, &e))
		return -1;
	str_to_int(((struct thing *)cache_object(e))->text, &seen);
	cache_release(c, e);
	arena_reset(a);
	return seen;
}

/* Whoever has changed and dropped something never sees what was before. */
static void *use_and_change(void *arg)
{
	struct worker *me = arg;
	struct cache *c = me->w->processes[me->number % 2].app.cache;
	struct arena a;
	char text[16];
	int i;

	arena_init(&a, &arena_malloc, 1 * MB);
	for (i = 0; i < ROUNDS; i++) {
		int key = (i * 7 + me->number * 3) % KEYS;

		if (i % 5 == 0) {
			int version = atomic_fetch_add(&me->w->versions[key], 1) + 1;

			cache_drop(c, &thing, str_make(text, (size_t)snprintf(text, sizeof text, "k%d", key)));
			me->stale += version_seen(me, &a, key) < version;
		} else {
			me->stale += version_seen(me, &a, key) < 0;
		}
	}
	arena_free(&a);
	return NULL;
}

static bool all_new(struct worker *me)
{
	struct arena a;
	int i, fresh = 0;

	arena_init(&a, &arena_malloc, 1 * MB);
	for (i = 0; i < KEYS; i++)
		fresh += version_seen(me, &a, i) == atomic_load(&me->w->versions[i]);
	arena_free(&a);
	return fresh == KEYS;
}

static void many_threads(void **state)
{
	struct worker workers[THREADS] = {0};
	struct world w = {0};
	int i;

	process_start(&w.processes[0], state, 8, BYTES);
	process_start(&w.processes[1], state, 8, BYTES);
	wait_for_listeners(state, "2");
	for (i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.w = &w, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, use_and_change, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].stale, 0);
	wait_until(all_new(&workers[0]));
	wait_until(all_new(&workers[1]));
	assert_true(counts(&w.processes[0]).entries <= 8);
	process_end(&w.processes[0]);
	process_end(&w.processes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_drop_that_redis_refused_is_told_later, redis_test_fresh),
	    cmocka_unit_test_setup(joining_again_tells_too, redis_test_fresh),
	    cmocka_unit_test_setup(more_drops_than_can_be_kept, redis_test_fresh),
	    cmocka_unit_test_setup(a_full_redis_forgets_at_least, redis_test_fresh),
	    cmocka_unit_test_setup(blind_entries_live_shortly, redis_test_fresh),
	    cmocka_unit_test_setup(joining_again_forgets_all, redis_test_fresh),
	    cmocka_unit_test_setup(many_threads, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("cache_outage", tests, redis_test_open, redis_test_close);
}
