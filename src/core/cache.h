/* cache.h - two levels: L1 in the process, L2 in Redis, invalidation by pub/sub.
 *
 * Values are immutable objects with a reference count (L1) made from bytes (L2). The L1 holds at most a number of entries and bytes (least
 * recently used goes first; an entry takes at least ARENA_BLOCK_BYTES, and one that takes more than a quarter of the bytes serves its
 * caller but is not kept). Keys begin with the tenant, or with "slug:" for links, and may hold any bytes. Thread-safe; cache_peek never
 * blocks on I/O.
 *
 *     if ((e = cache_get(c, &link_cache, key, rq->arena, link_load, &load, &entry)))
 *         return e;
 *     *out = *(const struct link_view *)cache_object(entry);          its strings live until ...
 *     cache_release(c, entry);
 *
 * How old a value can be: a drop reaches the other processes in milliseconds. While Redis does not answer a process knows it after
 * twice REDIS_SILENCE_MS at the latest, and from then on its L1 entries live only for CACHE_BLIND_TTL_MS. A drop that Redis did not take is
 * told as soon as it takes it again, and until then this process reads nothing from L2. Worst case, a process cut off from Redis drops
 * something that the others are still connected for: then they show the old value until it is told or ttl_ms and shared_ttl_s are over.
 *
 * A stale value cannot be put back: who loaded while the key was dropped here keeps his copy out of L1, and a drop leaves an empty mark in
 * Redis for CACHE_MARK_S, longer than any statement runs, which a late writer cannot overwrite. (A replica that lags behind the drop
 * can: load from the primary.) */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"

struct app;
struct cache;
struct cache_entry;                      /* pinned until cache_release */

#define CACHE_BLIND_TTL_MS 2000
#define CACHE_MARK_S 30

struct cache_kind {
	const char *name;                    /* "link": part of the key in Redis; no colon, at most CACHE_KIND_MAX_BYTES */
	int ttl_ms;                          /* in L1 */
	int shared_ttl_s;                    /* in L2; 0: never written to Redis */
	/* Makes the object from its bytes (which live in `a` too), in the entry's own arena. Bytes from Redis that it refuses, e.g. because
	 * another release wrote them, are loaded anew; a refusal of loaded bytes is handed back. */
	enum err (*make)(struct arena *a, struct str bytes, void **object);
};

/* Uses app->redis, app->metrics and app->log. One a process and Redis, which it subscribes. After ERR_IO *out is to be closed too. */
enum err cache_new(struct app *app, size_t max_entries, size_t max_bytes, struct cache **out);
/* After redis_close, because the subscriber calls into it, and after every entry was released. */
void cache_close(struct cache *c);
/* L1 only. NULL when it is not there or too old. */
struct cache_entry *cache_peek(struct cache *c, const struct cache_kind *kind, struct str key);
/* L1, then L2, then `load` (which fills bytes in the arena given; its error, e.g. ERR_NOT_FOUND, is handed back and not cached). Of callers
 * that miss at the same time one loads and the others wait for him, at most FLIGHT_WAIT_MS; who then finds nothing loads too. ERR_LIMIT for a key longer than CACHE_KEY_MAX_BYTES. *out is NULL after an error. */
enum err cache_get(struct cache *c, const struct cache_kind *kind, struct str key, struct arena *a,
    enum err (*load)(void *ctx, struct arena *a, struct str *bytes), void *ctx, struct cache_entry **out);
void *cache_object(const struct cache_entry *e);
void cache_release(struct cache *c, struct cache_entry *e);
/* Drops it here and in Redis and tells the other processes. Call after the commit that made it stale. Of the kind only the name counts. */
void cache_drop(struct cache *c, const struct cache_kind *kind, struct str key);
/* Somebody who keeps objects of a kind elsewhere, and only drops by cache_drop(): he is told of each key that any process drops, on the subscriber's thread.
 * What was dropped while Redis did not answer he is not told of. */
struct cache_ear {
	const char *kind;
	void *ctx;
	void (*dropped)(void *ctx, struct str key); /* borrowed */
};
/* One a cache; `ear` lives as long as the cache. */
void cache_hear(struct cache *c, const struct cache_ear *ear);
struct cache_counts { size_t entries, bytes; uint64_t hits, misses, shared_hits, shared_misses; };   /* misses: of cache_get, who waited for another's load among them; a peek that finds nothing is none */
void cache_counts(struct cache *c, struct cache_counts *out);

#endif
