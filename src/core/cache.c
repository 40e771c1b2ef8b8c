/* cache.c - L1 is a chained hash table with a list by use, behind one mutex that is held for a look-up and a few pointers. */
#include "core/cache_private.h"

#include <assert.h>
#include <stdatomic.h>
#include "base/hash.h"
#include "base/shim.h"

#define NS_PER_MS 1000000LL

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
	int64_t now = clock_coarse_ms() * NS_PER_MS;
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

/* ---- getting ---- */

static void count_miss(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	c->counts.misses++;
	pthread_mutex_unlock(&c->lock);
	metric_add(c->l1_miss, 1);
}

/* What a miss is fetched by. */
struct fetch {
	const struct cache_kind *kind;
	const struct full_key *key;
	uint64_t epoch;
	struct arena *a;
	enum err (*load)(void *ctx, struct arena *a, struct str *bytes);
	void *ctx;
};

static enum err fetch(struct cache *c, const struct fetch *f, struct cache_entry **out)
{
	struct str bytes = {0};
	bool shared = f->kind->shared_ttl_s && cache_read_shared(c, f->key, f->a, &bytes);
	enum err e;

	/* Bytes of another release may not make an object any more: then the source decides. */
	if (!shared || entry_make(f->kind, f->key, bytes, out)) {
		if ((e = f->load(f->ctx, f->a, &bytes)) || (e = entry_make(f->kind, f->key, bytes, out)))
			return e;
		if (f->kind->shared_ttl_s && !shared)
			cache_write_shared(c, f->key, bytes, f->kind->shared_ttl_s);
	}
	keep(c, f->key, f->epoch, *out);
	return OK;
}

enum err cache_get(struct cache *c, const struct cache_kind *kind, struct str key, struct arena *a,
    enum err (*load)(void *ctx, struct arena *a, struct str *bytes), void *ctx, struct cache_entry **out)
{
	struct full_key full;
	struct fetch f = {.kind = kind, .key = &full, .a = a, .load = load, .ctx = ctx};
	enum flight flight;
	enum err e = OK;

	*out = NULL;
	if (!full_key_make(kind, key, &full))
		return ERR_LIMIT;
	if ((*out = peek(c, &full, &f.epoch))) {
		metric_add(c->l1_hit, 1);
		return OK;
	}
	count_miss(c);
	flight = flight_take(&c->flights, full.hash);
	/* whoever was at it may have put it there */
	if (!(*out = peek(c, &full, &f.epoch)))
		e = fetch(c, &f, out);
	flight_land(&c->flights, full.hash, flight);
	return e;
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
	cache_tell(c, full.s);
	/* Once more: meanwhile someone may have found the old bytes in Redis. */
	forget(c, &full);
}

void cache_hear(struct cache *c, const struct cache_ear *ear)
{
	atomic_store(&c->ear, ear);
}

static void hear_drop(void *ctx, struct str message)
{
	const struct full_key key = {.s = message, .hash = hash64(message, 0)};
	struct cache *c = ctx;
	const struct cache_ear *ear = atomic_load(&c->ear);
	bool more;

	forget(c, &key);
	if (ear && str_eq(str_cut(&message, ':', &more), str_from(ear->kind)))
		ear->dropped(ear->ctx, message);
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
	cache_settle(c);
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
	flights_init(&c->flights);
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
	flights_destroy(&c->flights);
	pthread_mutex_destroy(&c->lock);
	cache_free(c);
}

void cache_counts(struct cache *c, struct cache_counts *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->counts;
	pthread_mutex_unlock(&c->lock);
}
