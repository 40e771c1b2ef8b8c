/* cache_test.h - what the tests of the cache share: an `app` with Redis and a cache, which stands for a process (two of them are two
 * processes), and a source of truth that counts how often it is asked. */
#ifndef CORE_CACHE_TEST_H
#define CORE_CACHE_TEST_H

#include <unistd.h>
#include "core/app.h"
#include "core/cache.h"
#include "io/redis_test.h"

#define TIMEOUT_MS 400
#define ENTRIES 100
#define BYTES (4 * MB)

struct thing {
	struct str text;
};

static inline enum err thing_make(struct arena *a, struct str bytes, void **object)
{
	struct thing *t = arena_new(a, struct thing);

	if (!t)
		return ERR_MEMORY;
	t->text = bytes;
	*object = t;
	return str_starts(bytes, S("broken")) ? ERR_INTERNAL : OK;
}

static const struct cache_kind thing = {"thing", 60000, 300, thing_make};

struct process {
	struct app app;
	struct arena arena;
};

static inline void process_start(struct process *p, void **state, size_t max_entries, size_t max_bytes)
{
	const struct redis_test *t = *state;
	struct redis_config config = {.url = t->url, .connections = 4, .timeout_ms = TIMEOUT_MS};
	const char *why;

	*p = (struct process){.app = {.metrics = metrics_new()}};
	arena_init(&p->arena, &arena_malloc, 64 * MB);
	assert_int_equal(redis_open(&config, &p->app.redis, &why), OK);
	assert_int_equal(cache_new(&p->app, max_entries, max_bytes, &p->app.cache), OK);
}

static inline void process_end(struct process *p)
{
	redis_close(p->app.redis);
	cache_close(p->app.cache);
	metrics_free(p->app.metrics);
	arena_free(&p->arena);
}

static inline void wait_for_listeners(void **state, const char *n)
{
	redis_test_await(*state, "EVAL return(redis.call('pubsub','numsub','collect:drop')[2]) 0", n);
	usleep(50000); /* the last one has been answered, but has to hear it */
}

/* What the truth is, and how often it was asked. */
struct source {
	struct str value;
	int loads;
	enum err fails;
	void (*meanwhile)(struct source *s); /* runs after the value was read */
	struct process *other;
};

static inline enum err source_load(void *ctx, struct arena *a, struct str *bytes)
{
	struct source *s = ctx;

	s->loads++;
	*bytes = str_dup(a, s->value);
	if (s->meanwhile)
		s->meanwhile(s);
	return s->fails;
}

static inline enum err get(struct process *p, struct str key, struct source *s, struct cache_entry **out)
{
	return cache_get(p->app.cache, &thing, key, &p->arena, source_load, s, out);
}

#define assert_get(p, key, source, expected)                                                                           \
	do {                                                                                                           \
		struct cache_entry *entry_;                                                                            \
		assert_int_equal(get((p), (key), (source), &entry_), OK);                                              \
		assert_str(((struct thing *)cache_object(entry_))->text, (expected));                                  \
		cache_release((p)->app.cache, entry_);                                                                 \
	} while (0)

static inline bool holds_kind(struct process *p, const struct cache_kind *kind, struct str key)
{
	struct cache_entry *e = cache_peek(p->app.cache, kind, key);

	if (e)
		cache_release(p->app.cache, e);
	return e != NULL;
}

static inline bool holds(struct process *p, struct str key)
{
	return holds_kind(p, &thing, key);
}

static inline struct cache_counts counts(struct process *p)
{
	struct cache_counts n;

	cache_counts(p->app.cache, &n);
	return n;
}

#endif
