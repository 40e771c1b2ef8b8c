/* cache.c - L1 is a chained hash table with a list by use, behind one mutex that is held for a look-up and a few pointers. */
#include "core/cache.h"

#include <assert.h>
#include <pthread.h>
#include "base/hash.h"
#include "base/shim.h"
#include "core/app.h"

#define CHANNEL "collect:drop"
#define SHARED_PREFIX "collect:cache:"
#define FULL_KEY_MAX_BYTES (CACHE_KIND_MAX_BYTES + 1 + CACHE_KEY_MAX_BYTES)
#define EPOCHS 1024
#define NS_PER_MS 1000000LL

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
	struct redis_listener listener;
	struct metric_series *l1_hit, *l1_miss, *l2_hit, *l2_miss;
};

/* "KIND:KEY", the name of an entry here and in the channel. Keys may hold any bytes, so nothing here is printf's. */
struct full_key {
	char text[FULL_KEY_MAX_BYTES];
	struct str s;
	uint64_t hash;
};

static bool full_key_make(const struct cache_kind *kind, struct str key, struct full_key *out)
{
	size_t n = strlen(kind->name);

	assert(n <= CACHE_KIND_MAX_BYTES);
	if (key.n > CACHE_KEY_MAX_BYTES)
		return false;
	memcpy(out->text, kind->name, n);
	out->text[n++] = ':';
	mem_copy(out->text + n, key.p, key.n);
	out->s = str_make(out->text, n + key.n);
	out->hash = hash64(out->s, 0);
	return true;
}

struct shared_key {
	char text[sizeof SHARED_PREFIX - 1 + FULL_KEY_MAX_BYTES];
};

/* The entry's name in Redis; borrows `room`. */
static struct str shared_key(struct str full, struct shared_key *room)
{
	const size_t n = sizeof SHARED_PREFIX - 1;

	memcpy(room->text, SHARED_PREFIX, n);
	memcpy(room->text + n, full.p, full.n);
	return str_make(room->text, n + full.n);
}

/* ---- L1; the lock is held ---- */

static void entry_free(struct cache_entry *e)
{
	arena_free(&e->arena);
	free(e);
}

static void unlink_use(struct cache *c, struct cache_entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct cache *c, struct cache_entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void remove_entry(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **at = &c->buckets[e->hash % c->bucket_count];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	unlink_use(c, e);
	c->counts.entries--;
	c->counts.bytes -= e->bytes;
	e->listed = false;
	if (!e->pins)
		entry_free(e);
}

static struct cache_entry *find(const struct cache *c, const struct full_key *key)
{
	struct cache_entry *e = c->buckets[key->hash % c->bucket_count];

	while (e && (e->hash != key->hash || !str_eq(e->key, key->s)))
		e = e->chain;
	return e;
}

static void remove_key(struct cache *c, const struct full_key *key)
{
	struct cache_entry *e = find(c, key);

	c->epochs[key->hash % EPOCHS]++;
	if (e)
		remove_entry(c, e);
}

static void add_entry(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **at = &c->buckets[e->hash % c->bucket_count];

	while (c->oldest && (c->counts.entries >= c->max_entries || c->counts.bytes + e->bytes > c->max_bytes))
		remove_entry(c, c->oldest);
	e->chain = *at;
	*at = e;
	link_newest(c, e);
	c->counts.entries++;
	c->counts.bytes += e->bytes;
	e->listed = true;
}

static bool fresh(const struct cache *c, const struct cache_entry *e, int64_t now)
{
	return now < e->expires_ns && (!c->blind || now < e->loaded_ns + CACHE_BLIND_TTL_MS * NS_PER_MS);
}

static struct cache_entry *peek(struct cache *c, const struct full_key *key, uint64_t *epoch)
{
	int64_t now = clock_mono_ns();
	struct cache_entry *e;

	pthread_mutex_lock(&c->lock);
	e = find(c, key);
	if (e && !fresh(c, e, now)) {
		remove_entry(c, e);
		e = NULL;
	}
	if (e) {
		e->pins++;
		if (c->newest != e) {
			unlink_use(c, e);
			link_newest(c, e);
		}
		c->counts.hits++;
	}
	*epoch = c->epochs[key->hash % EPOCHS];
	pthread_mutex_unlock(&c->lock);
	return e;
}

struct cache_entry *cache_peek(struct cache *c, const struct cache_kind *kind, struct str key)
{
	struct cache_entry *e = NULL;
	struct full_key full;
	uint64_t epoch;

	if (full_key_make(kind, key, &full))
		e = peek(c, &full, &epoch);
	if (e)
		metric_add(c->l1_hit, 1);
	return e;
}

/* ---- filling ---- */

static enum err entry_make(
    const struct cache_kind *kind, const struct full_key *key, struct str bytes, struct cache_entry **out)
{
	struct cache_entry *e = calloc(1, sizeof *e);
	struct str copy;
	enum err err = ERR_MEMORY;

	if (!e)
		return ERR_MEMORY;
	arena_init(&e->arena, &arena_malloc, CACHE_ENTRY_MAX_BYTES);
	e->key = str_dup(&e->arena, key->s);
	copy = str_dup(&e->arena, bytes);
	if (e->key.p && (copy.p || !bytes.n))
		err = kind->make(&e->arena, copy, &e->object);
	if (err) {
		entry_free(e);
		return err;
	}
	e->hash = key->hash;
	e->bytes = sizeof *e + e->arena.used_bytes;
	e->loaded_ns = clock_mono_ns();
	e->expires_ns = e->loaded_ns + kind->ttl_ms * NS_PER_MS;
	e->pins = 1;
	*out = e;
	return OK;
}

/* Someone may have made the same entry meanwhile; the newer one stays. One that was dropped while it was loaded serves its loader alone. */
static void keep(struct cache *c, const struct full_key *key, uint64_t epoch, struct cache_entry *e)
{
	struct cache_entry *other;

	pthread_mutex_lock(&c->lock);
	if (c->epochs[key->hash % EPOCHS] == epoch && e->bytes <= c->max_bytes / 4) {
		if ((other = find(c, key)))
			remove_entry(c, other);
		add_entry(c, e);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- Redis ---- */

/* The mark first: who hears of the drop must not find the old bytes any more. A Redis that is full takes no mark but still deletes,
 * and then takes no late writer's bytes either. */
static enum err tell_drop(struct cache *c, struct str full)
{
	struct shared_key room;
	struct str key = shared_key(full, &room);
	enum err e = redis_set(c->app->redis, key, S(""), CACHE_MARK_S);

	if (e && (e = redis_del(c->app->redis, key)))
		return e;
	return redis_publish(c->app->redis, S(CHANNEL), full);
}

static void remember_untold(struct cache *c, struct str full)
{
	bool room;

	pthread_mutex_lock(&c->lock);
	room = c->untold_count < CACHE_UNTOLD_MAX;
	if (room) {
		struct untold *u = &c->untold[c->untold_count++];

		u->n = full.n;
		memcpy(u->key, full.p, full.n);
	}
	pthread_mutex_unlock(&c->lock);
	if (!room)
		log_message(c->app->log, LOG_ERROR, "cache",
		    S("too many changes while Redis does not answer; other processes may show old data for minutes"));
}

static bool last_untold(struct cache *c, struct untold *out)
{
	bool any;

	pthread_mutex_lock(&c->lock);
	any = c->untold_count;
	if (any)
		*out = c->untold[c->untold_count - 1];
	pthread_mutex_unlock(&c->lock);
	return any;
}

/* Takes out one that is equal: the same key may have been dropped again meanwhile, and that drop is yet to be told. */
static void forget_untold(struct cache *c, const struct untold *told)
{
	size_t i;

	pthread_mutex_lock(&c->lock);
	for (i = 0; i < c->untold_count; i++)
		if (str_eq(str_make(c->untold[i].key, c->untold[i].n), str_make(told->key, told->n))) {
			c->untold[i] = c->untold[--c->untold_count];
			break;
		}
	pthread_mutex_unlock(&c->lock);
}

/* Tells what could not be told before. False while Redis does not take it; until then its bytes may be older than our own drops. */
static bool settle(struct cache *c)
{
	struct untold u;

	while (last_untold(c, &u)) {
		if (tell_drop(c, str_make(u.key, u.n)))
			return false;
		forget_untold(c, &u);
	}
	return true;
}

static bool read_shared(struct cache *c, const struct full_key *key, struct arena *a, struct str *bytes)
{
	struct shared_key room;
	bool there = settle(c) && redis_get(c->app->redis, shared_key(key->s, &room), a, bytes) == OK && bytes->n;

	metric_add(there ? c->l2_hit : c->l2_miss, 1);
	return there;
}

static void count_miss(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	c->counts.misses++;
	pthread_mutex_unlock(&c->lock);
	metric_add(c->l1_miss, 1);
}

enum err cache_get(struct cache *c, const struct cache_kind *kind, struct str key, struct arena *a,
    enum err (*load)(void *ctx, struct arena *a, struct str *bytes), void *ctx, struct cache_entry **out)
{
	struct str bytes = {0};
	struct shared_key room;
	struct full_key full;
	uint64_t epoch;
	bool shared;
	enum err e;

	*out = NULL;
	if (!full_key_make(kind, key, &full))
		return ERR_LIMIT;
	if ((*out = peek(c, &full, &epoch))) {
		metric_add(c->l1_hit, 1);
		return OK;
	}
	count_miss(c);
	shared = kind->shared_ttl_s && read_shared(c, &full, a, &bytes);
	/* Bytes of another release may not make an object any more: then the source decides. */
	if (shared && entry_make(kind, &full, bytes, out) == OK) {
		keep(c, &full, epoch, *out);
		return OK;
	}
	if ((e = load(ctx, a, &bytes)) || (e = entry_make(kind, &full, bytes, out)))
		return e;
	if (kind->shared_ttl_s && !shared)
		redis_set_new(c->app->redis, shared_key(full.s, &room), bytes, kind->shared_ttl_s);
	keep(c, &full, epoch, *out);
	return OK;
}

void *cache_object(const struct cache_entry *e)
{
	return e->object;
}

void cache_release(struct cache *c, struct cache_entry *e)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = --e->pins == 0 && !e->listed;
	pthread_mutex_unlock(&c->lock);
	if (last)
		entry_free(e);
}

/* ---- dropping ---- */

static void forget(struct cache *c, const struct full_key *key)
{
	pthread_mutex_lock(&c->lock);
	remove_key(c, key);
	pthread_mutex_unlock(&c->lock);
}

void cache_drop(struct cache *c, const struct cache_kind *kind, struct str key)
{
	struct full_key full;

	if (!full_key_make(kind, key, &full))
		return; /* it was never kept */
	forget(c, &full);
	if (!settle(c) || tell_drop(c, full.s))
		remember_untold(c, full.s);
	/* Once more: meanwhile someone may have found the old bytes in Redis. */
	forget(c, &full);
}

static void hear_drop(void *ctx, struct str message)
{
	const struct full_key key = {.s = message, .hash = hash64(message, 0)};

	forget(ctx, &key);
}

static void hear_lost(void *ctx)
{
	struct cache *c = ctx;

	pthread_mutex_lock(&c->lock);
	c->blind = true;
	pthread_mutex_unlock(&c->lock);
}

/* What was dropped while we were deaf is unknown, so all goes. */
static void hear_joined(void *ctx)
{
	struct cache *c = ctx;
	size_t i;

	pthread_mutex_lock(&c->lock);
	c->blind = false;
	for (i = 0; i < EPOCHS; i++)
		c->epochs[i]++;
	while (c->oldest)
		remove_entry(c, c->oldest);
	pthread_mutex_unlock(&c->lock);
	settle(c);
}

/* ---- life ---- */

static struct metric_series *counter(struct app *app, struct str level, struct str result)
{
	const struct str labels[] = {level, result};

	return metrics_series(app->metrics, M_CACHE, labels);
}

static void cache_free(struct cache *c)
{
	free(c->untold);
	free(c->buckets);
	free(c);
}

enum err cache_new(struct app *app, size_t max_entries, size_t max_bytes, struct cache **out)
{
	struct cache *c = calloc(1, sizeof *c);

	assert(max_entries > 0);
	if (!c)
		return ERR_MEMORY;
	c->buckets = calloc(max_entries, sizeof(struct cache_entry *));
	c->untold = calloc(CACHE_UNTOLD_MAX, sizeof *c->untold);
	if (!c->buckets || !c->untold) {
		cache_free(c);
		return ERR_MEMORY;
	}
	c->app = app;
	c->bucket_count = c->max_entries = max_entries;
	c->max_bytes = max_bytes;
	c->blind = true; /* until the subscriber has joined */
	pthread_mutex_init(&c->lock, NULL);
	c->l1_hit = counter(app, S("l1"), S("hit"));
	c->l1_miss = counter(app, S("l1"), S("miss"));
	c->l2_hit = counter(app, S("l2"), S("hit"));
	c->l2_miss = counter(app, S("l2"), S("miss"));
	c->listener = (struct redis_listener){c, hear_drop, hear_lost, hear_joined};
	*out = c;
	return redis_subscribe(app->redis, CHANNEL, &c->listener);
}

void cache_close(struct cache *c)
{
	while (c->oldest)
		remove_entry(c, c->oldest);
	pthread_mutex_destroy(&c->lock);
	cache_free(c);
}

void cache_counts(struct cache *c, struct cache_counts *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->counts;
	pthread_mutex_unlock(&c->lock);
}
