/* intake_keys.c - idempotency keys of answers that this process is writing just now. Other processes' meet in the unique index. */
#include "fieldwork/writing.h"

#include "base/hash.h"
#include "base/limits.h"

static struct key_claim **bucket(struct intake *in, const struct key_claim *c)
{
	uint64_t seed;

	memcpy(&seed, &c->survey.b[8], sizeof seed);
	return &in->keys[hash64(c->key, seed) % KEY_BUCKETS];
}

static bool is_held(struct intake *in, const struct key_claim *c)
{
	for (const struct key_claim *at = *bucket(in, c); at; at = at->next)
		if (uuid_eq(&at->survey, &c->survey) && str_eq(at->key, c->key))
			return true;
	return false;
}

static struct timespec in_a_while(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += INTAKE_KEY_WAIT_MS / 1000;
	return t;
}

enum err key_claim(struct intake *in, struct key_claim *c, bool wait)
{
	struct timespec until = in_a_while();
	struct key_claim **at;
	enum err e = OK;

	if (c->key.n == 0)
		return OK;
	pthread_mutex_lock(&in->lock);
	while (is_held(in, c) && !e)
		e = wait && pthread_cond_timedwait(&in->freed, &in->lock, &until) == 0 ? OK : ERR_IN_PROGRESS;
	if (!e) {
		at = bucket(in, c);
		c->next = *at;
		c->held = true;
		*at = c;
	}
	pthread_mutex_unlock(&in->lock);
	return e;
}

void key_release(struct intake *in, struct key_claim *c)
{
	struct key_claim **at;

	if (!c->held)
		return;
	pthread_mutex_lock(&in->lock);
	for (at = bucket(in, c); *at != c; at = &(*at)->next)
		;
	*at = c->next;
	c->held = false;
	pthread_cond_broadcast(&in->freed);
	pthread_mutex_unlock(&in->lock);
}
