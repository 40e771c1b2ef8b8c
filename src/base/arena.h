/* arena.h - memory by lifetime.
 *
 * Every allocation names an arena (app, request, job or engine); nothing is freed singly, an arena is dropped whole. Memory
 * comes in blocks from a `struct arena_source` so that the engine needs no libc: the server's source is malloc, the
 * browser's is the WebAssembly memory, a test's fails the n-th request.
 *
 *     struct arena a;
 *     arena_init(&a, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
 *     struct cell *cells = arena_array(&a, struct cell, count);      zeroed; NULL when exhausted
 *     arena_free(&a);
 *
 * Not thread-safe: one thread at a time uses an arena. Results are aligned to 16 bytes and zeroed. A refused allocation
 * returns NULL and leaves the arena usable; callers answer ERR_MEMORY. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_source {
	void *(*get)(void *ctx, size_t bytes);            /* aligned to 16; NULL when there is no more */
	void (*put)(void *ctx, void *block, size_t bytes);
	void *ctx;
};

#if __STDC_HOSTED__
extern const struct arena_source arena_malloc;            /* the C library's heap; thread-safe, shared by all arenas */
#endif

struct arena_block;

struct arena {
	const struct arena_source *source;
	struct arena_block *blocks;                       /* newest first */
	size_t used_bytes, max_bytes;                     /* max counts what was asked from the source */
	char *at, *end, *last;                            /* in the newest block; last = newest allocation (it may grow) */
};

void arena_init(struct arena *a, const struct arena_source *source, size_t max_bytes);
void *arena_alloc(struct arena *a, size_t bytes);
/* n * size checked for overflow */
void *arena_alloc_array(struct arena *a, size_t n, size_t size);
/* Grows the newest allocation in place when it can, else copies. Old contents kept, the rest zeroed. Like realloc, p must
 * not be used any more: its block may have gone back to the source. */
void *arena_grow(struct arena *a, void *p, size_t old_bytes, size_t new_bytes);
void *arena_copy(struct arena *a, const void *p, size_t bytes);
/* Everything is dropped; the newest block up to ARENA_KEEP_BYTES is kept for the next use. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc_array((a), (n), sizeof(type)))

#endif
