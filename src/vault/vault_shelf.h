/* vault_shelf.h - what the database said lately of the keys of many tenants, as it said it: wrapped. Room-internal.
 *
 * The ring (vault_key.h) has room for a few hundred keys, because an unprivileged process may lock no more memory. Installations with more tenants than
 * that would ask the database for keys with nearly every answer. Wrapped keys are in the database as well and need no locked memory, so there is room for
 * SHELF_SETS * SHELF_WAYS of them, of as many as 8,000 tenants; one is unwrapped in a microsecond or two. They are as old as those of the ring may be, KEY_AGE_MS since
 * the database said so, and are overwritten then: together with the key-encryption key in the same process they are as good as the keys themselves. The
 * vault's mutex guards them. */
#ifndef VAULT_VAULT_SHELF_H
#define VAULT_VAULT_SHELF_H

#include "vault/vault_key.h"

#define SHELF_SETS 2048 /* by tenant: all of a tenant's stand in one */
#define SHELF_WAYS 16
#define SHELF_MODE 100 /* as a purpose: what tenant_seals_answers() said, in wrapped[0] */

struct shelf_key {
	struct uuid tenant;
	int32_t purpose, version; /* version 0: free */
	bool newest;
	int64_t loaded_ms; /* monotonic */
	char kek_id[KEK_ID_CHARS];
	unsigned char wrapped[WRAPPED_BYTES];
};
struct shelf {
	struct shelf_key rows[SHELF_SETS][SHELF_WAYS];
	bool used[SHELF_SETS]; /* has held something since it was last swept */
};

/* version 0 asks for the live one. */
bool shelf_find(struct vault *v, const struct uuid *tenant, int32_t purpose, int64_t version, struct shelf_key *out);
void shelf_keep(struct vault *v, const struct shelf_key *key);
/* The mutex is held by the caller: */
void shelf_forget(struct shelf *s, const struct uuid *tenant);
void shelf_sweep(struct shelf *s, int64_t oldest_ms); /* overwrites what is older */

#endif
