/* cache.h - two levels: L1 in the process, L2 in Redis, invalidation by pub/sub.
 *
 * Values are immutable objects with a reference count (L1) made from bytes (L2). The L1 holds at most a number of entries and bytes (least
 * recently used goes first). Keys begin with the tenant, or with "slug:" for links. While Redis is away L1 entries live only for
 * CACHE_BLIND_TTL_MS, because an invalidation may be missed. Thread-safe; cache_peek never blocks on I/O.
 *
 * A stale value cannot be put back: who loaded while the key was dropped here keeps his copy out of L1, and a drop leaves an empty mark in
 * Redis for CACHE_MARK_S, longer than any statement runs, which a late writer cannot overwrite. */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include "base/arena.h"
#include "base/str.h"

struct app;
struct cache;
struct cache_entry;                      /* pinned until cache_release */

#define CACHE_BLIND_TTL_MS 2000
#define CACHE_MARK_S 30
#define CACHE_KEY_MAX_BYTES 200          /* a longer key is refused: ERR_LIMIT */

struct cache_kind {
	const char *name;                    /* "link": part of the key in Redis */
	int ttl_ms;                          /* in L1 */
	int shared_ttl_s;                    /* in L2; 0: never written to Redis */
	/* Makes the object from its bytes (which live in `a` too), in the entry's own arena. */
	enum err (*make)(struct arena *a, struct str bytes, void **object);
};

enum err cache_new(struct app *app, size_t max_entries, size_t max_bytes, struct cache **out);
void cache_close(struct cache *c);       /* after redis_close: the subscriber calls into it */
/* L1 only. NULL when it is not there or too old. */
struct cache_entry *cache_peek(struct cache *c, const struct cache_kind *kind, struct str key);
/* L1, then L2, then `load` (which fills bytes in the arena given; its error, e.g. ERR_NOT_FOUND, is handed back and not cached). */
enum err cache_get(struct cache *c, const struct cache_kind *kind, struct str key, struct arena *a,
    enum err (*load)(void *ctx, struct arena *a, struct str *bytes), void *ctx, struct cache_entry **out);
void *cache_object(const struct cache_entry *e);
void cache_release(struct cache *c, struct cache_entry *e);
/* Drops it here and in Redis and tells the other processes. Call after the commit that made it stale. */
void cache_drop(struct cache *c, const struct cache_kind *kind, struct str key);
struct cache_counts { size_t entries, bytes; uint64_t hits, misses; };
void cache_counts(struct cache *c, struct cache_counts *out);

#endif
