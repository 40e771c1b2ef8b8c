/* cache_test.c - both levels against a real Redis: what is kept, how long, and how a drop gets about. */
#include "core/cache_test.h"
#include <pthread.h>
#include <stdatomic.h>

/* ---- the two levels ---- */

static void the_first_level_keeps(void **state)
{
	struct source s = {S("v1")};
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_false(holds(&p, S("k")));
	assert_get(&p, S("k"), &s, "v1");
	assert_get(&p, S("k"), &s, "v1");
	assert_true(holds(&p, S("k")));
	assert_int_equal(s.loads, 1);
	assert_int_equal(counts(&p).entries, 1);
	assert_int_equal(counts(&p).misses, 1);
	assert_int_equal(counts(&p).hits, 2);
	process_end(&p);
}

static void the_second_level_is_shared(void **state)
{
	struct source s = {S("v1")}, unused = {S("not asked")};
	struct process a, b;

	process_start(&a, state, ENTRIES, BYTES);
	process_start(&b, state, ENTRIES, BYTES);
	wait_for_listeners(state, "2");
	assert_get(&a, S("k"), &s, "v1");
	assert_redis(*state, "TTL collect:cache:thing:k", "300");
	assert_get(&b, S("k"), &unused, "v1");
	assert_int_equal(unused.loads, 0);
	assert_true(holds(&b, S("k")));
	process_end(&a);
	process_end(&b);
}

static const struct cache_kind brief = {"brief", 200, 0, thing_make};

static void entries_age(void **state)
{
	struct source s = {S("v1")};
	struct cache_entry *e;
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_int_equal(cache_get(p.app.cache, &brief, S("k"), &p.arena, source_load, &s, &e), OK);
	cache_release(p.app.cache, e);
	assert_true(holds_kind(&p, &brief, S("k")));
	usleep(220000);
	assert_false(holds_kind(&p, &brief, S("k")));
	assert_int_equal(counts(&p).entries, 0);
	assert_redis(*state, "EXISTS collect:cache:brief:k", "0");
	process_end(&p);
}

static void keys_are_whole(void **state)
{
	struct source s = {S("v1")}, other = {S("v2")};
	char text[CACHE_KEY_MAX_BYTES + 1];
	struct cache_entry *e;
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_get(&p, S("k"), &s, "v1");
	assert_get(&p, S("k\0x"), &other, "v2");
	assert_get(&p, S(""), &other, "v2");
	memset(text, 'k', sizeof text);
	assert_get(&p, str_make(text, CACHE_KEY_MAX_BYTES), &other, "v2");
	assert_int_equal(get(&p, str_make(text, sizeof text), &other, &e), ERR_LIMIT);
	assert_null(e);
	assert_false(holds(&p, str_make(text, sizeof text)));
	cache_drop(p.app.cache, &thing, str_make(text, sizeof text));
	assert_int_equal(counts(&p).entries, 4);
	process_end(&p);
}

static void a_failed_load_is_not_kept(void **state)
{
	struct source s = {.value = S("v1"), .fails = ERR_NOT_FOUND};
	struct cache_entry *e;
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_int_equal(get(&p, S("k"), &s, &e), ERR_NOT_FOUND);
	assert_null(e);
	s.fails = OK;
	s.value = S("broken");
	assert_int_equal(get(&p, S("k"), &s, &e), ERR_INTERNAL);
	assert_null(e);
	assert_redis(*state, "EXISTS collect:cache:thing:k", "0");
	s.value = S("v2");
	assert_get(&p, S("k"), &s, "v2");
	assert_int_equal(s.loads, 3);
	process_end(&p);
}

static void broken_shared_bytes_are_loaded_anew(void **state)
{
	struct source s = {S("v1")};
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_redis(*state, "SET collect:cache:thing:k broken", "OK");
	assert_get(&p, S("k"), &s, "v1");
	assert_int_equal(s.loads, 1);
	assert_true(holds(&p, S("k")));
	process_end(&p);
}

/* ---- dropping ---- */

static void a_drop_reaches_the_other(void **state)
{
	struct source s = {S("v1")};
	struct process a, b;
	int64_t start;

	process_start(&a, state, ENTRIES, BYTES);
	process_start(&b, state, ENTRIES, BYTES);
	wait_for_listeners(state, "2");
	assert_get(&a, S("k"), &s, "v1");
	assert_get(&b, S("k"), &s, "v1");
	assert_get(&b, S("l"), &s, "v1");
	s.value = S("v2");
	cache_drop(a.app.cache, &(struct cache_kind){.name = "thing"}, S("k"));
	start = clock_mono_ns();
	assert_false(holds(&a, S("k")));
	assert_get(&a, S("k"), &s, "v2");
	wait_until(!holds(&b, S("k")));
	assert_true(ms_since(start) < 1000);
	assert_true(holds(&b, S("l")));
	assert_get(&b, S("k"), &s, "v2");
	process_end(&a);
	process_end(&b);
}

static void drop_meanwhile(struct source *s)
{
	s->value = S("v2");
	cache_drop(s->other->app.cache, &thing, S("k"));
	s->meanwhile = NULL;
}

static void dropped_while_loaded_is_not_kept(void **state)
{
	struct process p;
	struct source s = {.value = S("v1"), .meanwhile = drop_meanwhile, .other = &p};

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_get(&p, S("k"), &s, "v1"); /* it was asked for before the drop */
	assert_false(holds(&p, S("k")));
	assert_get(&p, S("k"), &s, "v2");
	assert_int_equal(s.loads, 2);
	process_end(&p);
}

/* A reads, B changes and drops, A writes late: Redis must not get the old bytes, and A must not keep them. */
static void a_late_writer_is_kept_out(void **state)
{
	struct process a, b;
	struct source s = {.value = S("v1"), .meanwhile = drop_meanwhile, .other = &b}, unused = {S("not asked")};

	process_start(&a, state, ENTRIES, BYTES);
	process_start(&b, state, ENTRIES, BYTES);
	wait_for_listeners(state, "2");
	assert_get(&a, S("k"), &s, "v1");
	assert_redis(*state, "GET collect:cache:thing:k", "");
	assert_redis(*state, "TTL collect:cache:thing:k", "30");
	wait_until(!holds(&a, S("k")));
	assert_get(&b, S("k"), &s, "v2");
	assert_get(&a, S("k"), &s, "v2");
	/* Later the bytes are shared again. */
	assert_redis(*state, "DEL collect:cache:thing:k", "1");
	cache_drop(a.app.cache, &thing, S("k"));
	assert_redis(*state, "DEL collect:cache:thing:k", "1");
	wait_until(!holds(&b, S("k")));
	assert_get(&a, S("k"), &s, "v2");
	assert_get(&b, S("k"), &unused, "v2");
	process_end(&a);
	process_end(&b);
}

/* ---- limits of the first level ---- */

static void the_least_used_goes_first(void **state)
{
	struct source s = {S("v1")};
	struct cache_entry *pinned;
	struct process p;

	process_start(&p, state, 3, BYTES);
	wait_for_listeners(state, "1");
	assert_int_equal(get(&p, S("a"), &s, &pinned), OK);
	assert_get(&p, S("b"), &s, "v1");
	assert_get(&p, S("c"), &s, "v1");
	assert_true(holds(&p, S("b")));
	assert_get(&p, S("d"), &s, "v1");
	assert_get(&p, S("e"), &s, "v1");
	assert_int_equal(counts(&p).entries, 3);
	assert_false(holds(&p, S("a")));
	assert_true(holds(&p, S("b")));
	assert_false(holds(&p, S("c")));
	/* Out of the table, but in someone's hands. */
	assert_str(((struct thing *)cache_object(pinned))->text, "v1");
	cache_release(p.app.cache, pinned);
	process_end(&p);
}

static void bytes_are_bounded(void **state)
{
	const size_t max = 10 * (ARENA_BLOCK_BYTES + KB);
	char key[16], *big = calloc(1, max);
	struct source s = {S("v1")};
	struct process p;
	int i;

	process_start(&p, state, ENTRIES, max);
	wait_for_listeners(state, "1");
	for (i = 0; i < 30; i++) {
		assert_get(&p, str_make(key, (size_t)snprintf(key, sizeof key, "k%d", i)), &s, "v1");
		assert_true(counts(&p).bytes <= max);
	}
	assert_true(counts(&p).entries >= 8 && counts(&p).entries < 30);
	assert_true(holds(&p, S("k29")));
	memset(big, 'x', max - 1);
	s.value = str_make(big, max / 3);
	assert_get(&p, S("big"), &s, (big[max / 3] = 0, big));
	assert_false(holds(&p, S("big")));
	assert_true(holds(&p, S("k29")));
	for (i = 0; i < 30; i++)
		cache_drop(p.app.cache, &thing, str_make(key, (size_t)snprintf(key, sizeof key, "k%d", i)));
	assert_int_equal(counts(&p).bytes, 0);
	assert_int_equal(counts(&p).entries, 0);
	process_end(&p);
	free(big);
}

/* ---- at the same moment ---- */

#define CALLERS 8

/* A source that takes its time, and who asks it. */
struct slow_source {
	_Atomic int loads;
	int takes_ms;
	enum err fails;
};
struct caller {
	pthread_t thread;
	struct process *p;
	struct slow_source *s;
	struct arena arena;
	enum err error;
	bool found;
};

static enum err slow_load(void *ctx, struct arena *a, struct str *bytes)
{
	struct slow_source *s = ctx;

	atomic_fetch_add(&s->loads, 1);
	usleep((useconds_t)s->takes_ms * 1000);
	*bytes = str_dup(a, S("v1"));
	return s->fails;
}

static void *call(void *ctx)
{
	struct caller *x = ctx;
	struct cache_entry *e;

	x->error = cache_get(x->p->app.cache, &thing, S("k"), &x->arena, slow_load, x->s, &e);
	if (e) {
		x->found = str_eq(((struct thing *)cache_object(e))->text, S("v1"));
		cache_release(x->p->app.cache, e);
	}
	return NULL;
}

/* All at once; how many were given the value. */
static int call_all(struct process *p, struct slow_source *s)
{
	struct caller all[CALLERS];
	int found = 0;

	for (int i = 0; i < CALLERS; i++) {
		all[i] = (struct caller){.p = p, .s = s};
		arena_init(&all[i].arena, &arena_malloc, MB);
		assert_int_equal(pthread_create(&all[i].thread, NULL, call, &all[i]), 0);
	}
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(all[i].thread, NULL);
		found += all[i].found;
		assert_int_equal(all[i].error, s->fails);
		arena_free(&all[i].arena);
	}
	return found;
}

static void one_of_many_loads(void **state)
{
	struct slow_source s = {.takes_ms = 150}, failing = {.takes_ms = 50, .fails = ERR_UNAVAILABLE};
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_int_equal(call_all(&p, &failing), 0);
	assert_int_equal(failing.loads, CALLERS);
	assert_int_equal(call_all(&p, &s), CALLERS);
	assert_int_equal(s.loads, 1);
	assert_int_equal(counts(&p).entries, 1);
	process_end(&p);
}

static void nobody_waits_for_ever(void **state)
{
	struct slow_source s = {.takes_ms = FLIGHT_WAIT_MS + 500};
	int64_t start = clock_mono_ns();
	struct process p;

	process_start(&p, state, ENTRIES, BYTES);
	wait_for_listeners(state, "1");
	assert_int_equal(call_all(&p, &s), CALLERS);
	assert_int_equal(s.loads, CALLERS);
	assert_true(ms_since(start) < 2 * (FLIGHT_WAIT_MS + 500) + 1000);
	process_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_first_level_keeps, redis_test_fresh),
	    cmocka_unit_test_setup(the_second_level_is_shared, redis_test_fresh),
	    cmocka_unit_test_setup(entries_age, redis_test_fresh),
	    cmocka_unit_test_setup(keys_are_whole, redis_test_fresh),
	    cmocka_unit_test_setup(a_failed_load_is_not_kept, redis_test_fresh),
	    cmocka_unit_test_setup(broken_shared_bytes_are_loaded_anew, redis_test_fresh),
	    cmocka_unit_test_setup(a_drop_reaches_the_other, redis_test_fresh),
	    cmocka_unit_test_setup(dropped_while_loaded_is_not_kept, redis_test_fresh),
	    cmocka_unit_test_setup(a_late_writer_is_kept_out, redis_test_fresh),
	    cmocka_unit_test_setup(the_least_used_goes_first, redis_test_fresh),
	    cmocka_unit_test_setup(bytes_are_bounded, redis_test_fresh),
	    cmocka_unit_test_setup(one_of_many_loads, redis_test_fresh),
	    cmocka_unit_test_setup(nobody_waits_for_ever, redis_test_fresh),
	};

	return cmocka_run_group_tests_name("cache", tests, redis_test_open, redis_test_close);
}
