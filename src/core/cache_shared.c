/* cache_shared.c - the second level, in Redis; and drops that it could not be told of wait here. */
#include "core/cache_private.h"

#define SHARED_PREFIX "collect:cache:"

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

bool cache_settle(struct cache *c)
{
	struct untold u;

	while (last_untold(c, &u)) {
		if (tell_drop(c, str_make(u.key, u.n)))
			return false;
		forget_untold(c, &u);
	}
	return true;
}

bool cache_read_shared(struct cache *c, const struct full_key *key, struct arena *a, struct str *bytes)
{
	struct shared_key room;
	bool there = cache_settle(c) && redis_get(c->app->redis, shared_key(key->s, &room), a, bytes) == OK && bytes->n;

	metric_add(there ? c->l2_hit : c->l2_miss, 1);
	pthread_mutex_lock(&c->lock);
	c->counts.shared_hits += there;
	c->counts.shared_misses += !there;
	pthread_mutex_unlock(&c->lock);
	return there;
}

void cache_write_shared(struct cache *c, const struct full_key *key, struct str bytes, int ttl_s)
{
	struct shared_key room;

	redis_set_new(c->app->redis, shared_key(key->s, &room), bytes, ttl_s);
}

void cache_tell(struct cache *c, struct str full_key)
{
	if (!cache_settle(c) || tell_drop(c, full_key))
		remember_untold(c, full_key);
}
