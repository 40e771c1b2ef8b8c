#include "auth/auth_cache.h"
#include <openssl/crypto.h>
#include <pthread.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"

#define SETS 512
#define WAYS 4

struct token_slot {
	unsigned char digest[32];
	struct token_claims claims;
	uint64_t turn;
};
struct member_slot {
	struct member m;
	int64_t loaded_ms;
};

struct session_slot {
	struct uuid id;
	int64_t seen_ms;
	bool factor;
};

struct auth_cache {
	pthread_mutex_t mutex;
	uint64_t turn; /* counts what was kept: the smallest of a set is the oldest */
	uint64_t drops;
	struct token_slot tokens[SETS][WAYS];
	struct member_slot members[SETS][WAYS];
	struct session_slot sessions[SETS][WAYS];
};

struct auth_cache *auth_cache_new(void)
{
	struct auth_cache *c = calloc(1, sizeof *c); /* untouched pages cost nothing */

	if (c != NULL)
		pthread_mutex_init(&c->mutex, NULL);
	return c;
}

void auth_cache_free(struct auth_cache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static struct token_slot *token_set(struct auth_cache *c, const unsigned char digest[32])
{
	return c->tokens[(digest[0] | digest[1] << 8) % SETS];
}

bool auth_token_find(struct auth_cache *c, const unsigned char digest[32], int64_t now_ms, struct token_claims *out)
{
	struct token_slot *set = token_set(c, digest);
	bool found = false;

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS && !found; i++) {
		if (set[i].turn == 0 || CRYPTO_memcmp(set[i].digest, digest, 32) != 0)
			continue;
		*out = set[i].claims;
		found = now_ms < out->expires_at_ms;
	}
	pthread_mutex_unlock(&c->mutex);
	return found;
}

void auth_token_keep(struct auth_cache *c, const unsigned char digest[32], const struct token_claims *claims)
{
	struct token_slot *set = token_set(c, digest), *slot = &set[0];

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 1; i < WAYS; i++) {
		if (set[i].turn < slot->turn)
			slot = &set[i];
	}
	mem_copy(slot->digest, digest, 32);
	slot->claims = *claims;
	slot->turn = ++c->turn;
	pthread_mutex_unlock(&c->mutex);
}

static struct member_slot *member_set(struct auth_cache *c, const struct uuid *tenant, const struct uuid *user)
{
	uint64_t h = hash64(str_make((const char *)tenant->b, sizeof tenant->b), 0);

	return c->members[hash64(str_make((const char *)user->b, sizeof user->b), h) % SETS];
}

static bool member_is(const struct member_slot *s, const struct uuid *tenant, const struct uuid *user)
{
	return s->loaded_ms != 0 && uuid_eq(&s->m.tenant_id, tenant) && uuid_eq(&s->m.user_id, user);
}

bool auth_member_find(struct auth_cache *c, const struct uuid *tenant, const struct uuid *user, struct member *out)
{
	struct member_slot *set = member_set(c, tenant, user);
	int64_t oldest = clock_mono_ns() / 1000000 - MEMBER_AGE_MS;
	bool found = false;

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS && !found; i++) {
		found = member_is(&set[i], tenant, user) && set[i].loaded_ms > oldest;
		if (found)
			*out = set[i].m;
	}
	pthread_mutex_unlock(&c->mutex);
	return found;
}

uint64_t auth_member_drops(struct auth_cache *c)
{
	uint64_t drops;

	pthread_mutex_lock(&c->mutex);
	drops = c->drops;
	pthread_mutex_unlock(&c->mutex);
	return drops;
}

void auth_member_keep(struct auth_cache *c, const struct member *m, uint64_t drops)
{
	struct member_slot *set = member_set(c, &m->tenant_id, &m->user_id), *slot = &set[0];

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS; i++) {
		if (member_is(&set[i], &m->tenant_id, &m->user_id)) {
			slot = &set[i];
			break;
		}
		if (set[i].loaded_ms < slot->loaded_ms)
			slot = &set[i];
	}
	if (c->drops == drops) {
		slot->m = *m;
		slot->loaded_ms = clock_mono_ns() / 1000000;
	}
	pthread_mutex_unlock(&c->mutex);
}

void auth_member_drop(struct auth_cache *c, const struct uuid *tenant, const struct uuid *user)
{
	struct member_slot *set = member_set(c, tenant, user);

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS; i++) {
		if (member_is(&set[i], tenant, user))
			set[i].loaded_ms = 0;
	}
	c->drops++;
	pthread_mutex_unlock(&c->mutex);
}

/* The last bytes of an id are random, the first are its time. */
static struct session_slot *session_set(struct auth_cache *c, const struct uuid *session)
{
	return c->sessions[(session->b[15] | session->b[14] << 8) % SETS];
}

bool auth_session_seen(struct auth_cache *c, const struct uuid *session, bool *factor)
{
	struct session_slot *set = session_set(c, session);
	int64_t oldest = clock_mono_ns() / 1000000 - SESSION_AGE_MS;
	bool found = false;

	*factor = false;
	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS && !found; i++) {
		if (set[i].seen_ms <= 0 || !uuid_eq(&set[i].id, session))
			continue;
		*factor = set[i].factor;
		found = set[i].seen_ms > oldest;
	}
	pthread_mutex_unlock(&c->mutex);
	return found;
}

void auth_session_keep(struct auth_cache *c, const struct uuid *session, bool factor)
{
	struct session_slot *set = session_set(c, session), *slot = &set[0];

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS; i++) {
		if (uuid_eq(&set[i].id, session)) {
			slot = &set[i];
			break;
		}
		if (set[i].seen_ms < slot->seen_ms)
			slot = &set[i];
	}
	*slot = (struct session_slot){*session, clock_mono_ns() / 1000000, factor};
	pthread_mutex_unlock(&c->mutex);
}

void auth_session_drop(struct auth_cache *c, const struct uuid *session)
{
	struct session_slot *set = session_set(c, session);

	pthread_mutex_lock(&c->mutex);
	for (size_t i = 0; i < WAYS; i++) {
		if (uuid_eq(&set[i].id, session))
			set[i].seen_ms = 0;
	}
	pthread_mutex_unlock(&c->mutex);
}
