/* auth_state.h - what the room keeps while the process lives. Room-internal. */
#ifndef AUTH_AUTH_STATE_H
#define AUTH_AUTH_STATE_H

#include <semaphore.h>
#include "auth/auth.h"
#include "auth/auth_cache.h"
#include "auth/auth_oidc_calls.h"
#include "auth/auth_token.h"
#include "core/cache.h"

/* Hashing a password takes 19 MiB and a core for 28 ms: a flood of sign-ins must not take all of both. Routes that hash are ROUTE_SLOW, whose few
 * threads hardly wait here. */
#define HASH_WAIT_S 5

/* What nobody has but who signed in himself: no key and no client. */
#define PERMS_OF_ONESELF (UINT64_C(1) << PERM_SESSION | UINT64_C(1) << PERM_ACCOUNT)

struct auth {
	struct app *app;
	struct str issuer;
	struct token_key *key;
	struct auth_cache *cache;
	sem_t hashes;
	int hashes_at_once;
	struct oidc_calls calls;
	struct cache_ear members; /* hears which of them change in other processes */
};

/* After the commit that changed a membership, its role, a role in a project or a second factor: all processes look it up anew, within milliseconds, or, when Redis
 * does not answer, within MEMBER_AGE_MS. */
void auth_member_changed(struct auth *auth, const struct uuid *tenant, const struct uuid *user);

/* Of a built-in role by its name; of one of the tenant's own by its slugs, parted by spaces (never empty for those). */
uint64_t auth_permissions(struct str role, struct str own);

#endif
