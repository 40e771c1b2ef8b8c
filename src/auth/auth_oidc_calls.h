/* auth_oidc_calls.h - calls to identity providers under way. Room-internal, thread-safe.
 *
 * Signing in waits for the provider on a worker's thread, and whoever runs a slow provider could hold all of them: so there are few calls at once, and
 * fewer of one tenant. */
#ifndef AUTH_AUTH_OIDC_CALLS_H
#define AUTH_AUTH_OIDC_CALLS_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/uuid.h"

#define OIDC_CALLS_MAX 8
#define OIDC_CALLS_OF_TENANT 3
#define OIDC_SERIALS 256

struct oidc_calls {
	pthread_mutex_t mutex;
	struct uuid tenants[OIDC_CALLS_MAX]; /* nil: free */
	/* By hash of the provider: part of what its keys are remembered under, so that one more forgets them. Providers that share one
	 * fetch theirs once more than they need. */
	_Atomic unsigned key_serials[OIDC_SERIALS];
};
void oidc_calls_init(struct oidc_calls *c);
void oidc_calls_free(struct oidc_calls *c);
/* ERR_BUSY when there are enough. *slot is given back by oidc_call_end(). */
enum err oidc_call_begin(struct oidc_calls *c, const struct uuid *tenant, size_t *slot);
void oidc_call_end(struct oidc_calls *c, size_t slot);

#endif
