/* cache_private.h - what the two files of the cache share: cache.c is its first level and what callers see, cache_shared.c the second one, and how drops get
 * about. */
#ifndef CORE_CACHE_PRIVATE_H
#define CORE_CACHE_PRIVATE_H

#include <pthread.h>
#include "core/app.h"
#include "core/cache.h"
#include "core/flight.h"

#define CHANNEL "collect:drop"
#define FULL_KEY_MAX_BYTES (CACHE_KIND_MAX_BYTES + 1 + CACHE_KEY_MAX_BYTES)
#define EPOCHS 1024

struct cache_entry {
	struct cache_entry *chain;	   /* same bucket */
	struct cache_entry *newer, *older; /* by last use */
	struct arena arena;
	struct str key; /* "KIND:KEY" */
	uint64_t hash;
	void *object;
	int64_t loaded_ns, expires_ns;
	size_t bytes;
	int pins;
	bool listed; /* findable; else it goes with its last pin */
};

/* A drop that Redis, and so every other process, does not know of yet. */
struct untold {
	size_t n;
	char key[FULL_KEY_MAX_BYTES];
};

struct cache {
	struct app *app;
	pthread_mutex_t lock;
	struct cache_entry **buckets;
	size_t bucket_count, max_entries, max_bytes;
	struct cache_entry *newest, *oldest;
	struct cache_counts counts;
	bool blind;		 /* nobody tells us of drops now */
	uint64_t epochs[EPOCHS]; /* by hash of the key: one more at each drop */
	struct untold *untold;
	size_t untold_count;
	const struct cache_ear *_Atomic ear;
	struct redis_listener listener;
	struct flights flights; /* of those who miss */
	struct metric_series *l1_hit, *l1_miss, *l2_hit, *l2_miss;
};

/* "KIND:KEY", the name of an entry here and in the channel. Keys may hold any bytes, so nothing here is printf's. */
struct full_key {
	char text[FULL_KEY_MAX_BYTES];
	struct str s;
	uint64_t hash;
};

/* cache_shared.c: in Redis. The lock isn't held. */
/* Tells what could not be told before. False while Redis does not take it; until then its bytes may be older than our own drops. */
bool cache_settle(struct cache *c);
/* Takes it out of Redis and tells the other processes, now or, when Redis does not take it, with the next cache_settle(). */
void cache_tell(struct cache *c, struct str full_key);
bool cache_read_shared(struct cache *c, const struct full_key *key, struct arena *a, struct str *bytes);
/* Does nothing where a drop left its mark. */
void cache_write_shared(struct cache *c, const struct full_key *key, struct str bytes, int ttl_s);

#endif
