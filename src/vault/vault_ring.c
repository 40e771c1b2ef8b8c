/* vault_ring.c - unwrapped keys in locked memory, for three seconds. */
#include <openssl/crypto.h>
#include <signal.h>
#include "base/hash.h"
#include "base/shim.h"
#include "io/clock.h"
#include "vault/vault_shelf.h"

static struct data_key *ring_set(struct vault *v, const struct uuid *tenant, enum vault_purpose purpose)
{
	uint64_t h = hash64(str_make((const char *)tenant->b, sizeof tenant->b), (uint64_t)purpose);

	return v->secrets->ring[h % RING_SETS];
}

static bool same_owner(const struct data_key *k, const struct uuid *tenant, enum vault_purpose purpose)
{
	return k->version != 0 && k->purpose == (int32_t)purpose && uuid_eq(&k->tenant, tenant);
}

/* version 0 asks for the newest. */
bool ring_find(
    struct vault *v, const struct uuid *tenant, enum vault_purpose purpose, int64_t version, struct data_key *out)
{
	int64_t oldest = clock_mono_ns() / 1000000 - KEY_AGE_MS;
	struct data_key *set = ring_set(v, tenant, purpose);
	bool found = false;

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < RING_WAYS && !found; i++) {
		struct data_key *k = &set[i];

		if (!same_owner(k, tenant, purpose))
			continue;
		if (k->loaded_ms < oldest) {
			OPENSSL_cleanse(k, sizeof *k);
		} else if (version == 0 ? k->newest : k->version == version) {
			*out = *k;
			found = true;
		}
	}
	pthread_mutex_unlock(&v->mutex);
	return found;
}

void ring_keep(struct vault *v, const struct data_key *key)
{
	struct data_key *set = ring_set(v, &key->tenant, (enum vault_purpose)key->purpose);
	struct data_key *slot = &set[0];

	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < RING_WAYS; i++) {
		struct data_key *k = &set[i];
		bool mine = same_owner(k, &key->tenant, (enum vault_purpose)key->purpose);

		if (mine && key->newest)
			k->newest = false;
		if (mine && k->version == key->version) {
			slot = k;
			break;
		}
		if (k->loaded_ms < slot->loaded_ms) /* free slots have 0 */
			slot = k;
	}
	*slot = *key;
	ring_sweep_start(v);
	pthread_mutex_unlock(&v->mutex);
}

void vault_forget(struct vault *v, const struct uuid *tenant)
{
	pthread_mutex_lock(&v->mutex);
	for (size_t i = 0; i < RING_SETS; i++)
		for (size_t k = 0; k < RING_WAYS; k++)
			if (uuid_eq(&v->secrets->ring[i][k].tenant, tenant))
				OPENSSL_cleanse(&v->secrets->ring[i][k], sizeof(struct data_key));
	shelf_forget(v->shelf, tenant);
	pthread_mutex_unlock(&v->mutex);
}

/* ---- the sweeper ---- */

static void sweep(struct vault *v)
{
	int64_t oldest = clock_mono_ns() / 1000000 - KEY_AGE_MS;

	for (size_t i = 0; i < RING_SETS; i++)
		for (size_t k = 0; k < RING_WAYS; k++) {
			struct data_key *key = &v->secrets->ring[i][k];

			if (key->version != 0 && key->loaded_ms < oldest)
				OPENSSL_cleanse(key, sizeof *key);
		}
	shelf_sweep(v->shelf, oldest);
}

static void *sweeper(void *arg)
{
	struct vault *v = arg;
	struct timespec at;

	pthread_mutex_lock(&v->mutex);
	while (!v->closing) {
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_sec += 1;
		pthread_cond_timedwait(&v->wake, &v->mutex, &at);
		sweep(v);
	}
	pthread_mutex_unlock(&v->mutex);
	return NULL;
}

/* With the first key that is kept, not when the vault is opened: threads that are there before the process gives up its rights would keep theirs. Where
 * there can be no thread, what is too old goes when it is next looked at. */
void ring_sweep_start(struct vault *v)
{
	sigset_t all, before;

	if (v->sweeping)
		return;

	/* Signals are for the threads that wait for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	v->sweeping = pthread_create(&v->sweeper, NULL, sweeper, v) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void ring_sweep_stop(struct vault *v)
{
	if (!v->sweeping)
		return;
	pthread_mutex_lock(&v->mutex);
	v->closing = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->mutex);
	pthread_join(v->sweeper, NULL);
	v->sweeping = false;
}
