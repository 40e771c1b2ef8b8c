#include "vault/vault_shelf.h"
#include <openssl/crypto.h>
#include "base/hash.h"
#include "io/clock.h"

static size_t set_of(const struct uuid *tenant)
{
	return hash64(str_make((const char *)tenant->b, sizeof tenant->b), SHELF_SETS) % SHELF_SETS;
}

static bool is_of(const struct shelf_key *k, const struct uuid *tenant, int32_t purpose)
{
	return k->version != 0 && k->purpose == purpose && uuid_eq(&k->tenant, tenant);
}

bool shelf_find(struct vault *v, const struct uuid *tenant, int32_t purpose, int64_t version, struct shelf_key *out)
{
	int64_t oldest = clock_mono_ns() / 1000000 - KEY_AGE_MS;
	struct shelf_key *set = v->shelf->rows[set_of(tenant)];
	bool found = false;

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < SHELF_WAYS && !found; i++) {
		const struct shelf_key *k = &set[i];

		found = is_of(k, tenant, purpose) && k->loaded_ms >= oldest &&
			(version == 0 ? k->newest : k->version == version);
		if (found)
			*out = *k;
	}
	pthread_mutex_unlock(&v->mutex);
	return found;
}

void shelf_keep(struct vault *v, const struct shelf_key *key)
{
	size_t at = set_of(&key->tenant);
	struct shelf_key *set = v->shelf->rows[at], *slot = &set[0];

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < SHELF_WAYS; i++) {
		struct shelf_key *k = &set[i];
		bool mine = is_of(k, &key->tenant, key->purpose);

		if (mine && key->newest)
			k->newest = false;
		if (mine && k->version == key->version) {
			slot = k;
			break;
		}
		if (k->loaded_ms < slot->loaded_ms) /* free ones have 0 */
			slot = k;
	}
	*slot = *key;
	v->shelf->used[at] = true;
	ring_sweep_start(v);
	pthread_mutex_unlock(&v->mutex);
}

void shelf_forget(struct shelf *s, const struct uuid *tenant)
{
	struct shelf_key *set = s->rows[set_of(tenant)];

	for (size_t i = 0; i < SHELF_WAYS; i++)
		if (set[i].version != 0 && uuid_eq(&set[i].tenant, tenant))
			OPENSSL_cleanse(&set[i], sizeof set[i]);
}

void shelf_sweep(struct shelf *s, int64_t oldest_ms)
{
	for (size_t i = 0; i < SHELF_SETS; i++) {
		struct shelf_key *set = s->rows[i];
		bool left = false;

		if (!s->used[i])
			continue;
		for (size_t k = 0; k < SHELF_WAYS; k++) {
			if (set[k].version != 0 && set[k].loaded_ms < oldest_ms)
				OPENSSL_cleanse(&set[k], sizeof set[k]);
			left = left || set[k].version != 0;
		}
		s->used[i] = left;
	}
}
