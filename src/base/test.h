/* test.h - what this room's unit tests share: cmocka, an arena on the heap, and one whose source fails the n-th request. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"

#define assert_str(s, literal)                                                                                         \
	do {                                                                                                           \
		struct str got_ = (s);                                                                                 \
		if (!str_eq(got_, str_from(literal)))                                                                  \
			fail_msg("got \"%.*s\", expected \"%s\"", STR_ARGS(got_), (literal));                          \
	} while (0)

/* A test whose state is an arena of its own. */
#define with_arena(test) cmocka_unit_test_setup_teardown(test, arena_start, arena_stop)

static inline int arena_start(void **state)
{
	struct arena *a = malloc(sizeof(*a));

	arena_init(a, &arena_malloc, 64 * MB);
	*state = a;
	return 0;
}

static inline int arena_stop(void **state)
{
	arena_free(*state);
	free(*state);
	return 0;
}

/* Hands out heap blocks and counts them; from the `fail_at`-th request on (from 1; 0 never) it has none. */
struct counting {
	struct arena_source source;
	unsigned requests, fail_at, open;
	size_t bytes;
};

static inline void *counting_get(void *ctx, size_t bytes)
{
	struct counting *c = ctx;
	void *block;

	c->requests++;
	if (c->fail_at > 0 && c->requests >= c->fail_at)
		return NULL;
	block = malloc(bytes);
	/* what an arena hands out has to be zero even when the source's memory is not */
	memset(block, 0xa5, bytes);
	c->open++;
	c->bytes += bytes;
	return block;
}

static inline void counting_put(void *ctx, void *block, size_t bytes)
{
	struct counting *c = ctx;

	c->open--;
	c->bytes -= bytes;
	free(block);
}

static inline void counting_init(struct counting *c, unsigned fail_at)
{
	*c = (struct counting){.source = {counting_get, counting_put, c}, .fail_at = fail_at};
}

/* A copy on the heap of exactly its length, so that reading past the end is seen by the address sanitizer. */
static inline struct str exact_copy(struct str s)
{
	char *p = malloc(s.n > 0 ? s.n : 1);

	memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

#endif
