/* auth_cache.h - two small tables that save a request its signature check and its look at the membership. Room-internal, thread-safe.
 *
 * Tokens: SHA-256 of the token -> its claims, until it expires. Members: tenant and user -> role and e-mail, for 5 s. Sessions:
 * seen alive in Redis, for 3 s. All are sets of a few ways; a new entry takes the place of the oldest of its set. Only good tokens, live members
 * and live sessions are kept. Members that change are dropped in all processes
 * (auth_member_changed()); while Redis does not answer these two times are how long somebody who was removed, or whose session was ended elsewhere, is still let in. */
#ifndef AUTH_AUTH_CACHE_H
#define AUTH_AUTH_CACHE_H

#include "auth/auth_token.h"
#include "base/str.h"
#include "core/router.h"

#define MEMBER_AGE_MS 5000
#define SESSION_AGE_MS 3000
#define EMAIL_MAX_BYTES 254
#define ROLE_NAME_MAX_CHARS 60 /* of a tenant's own */
#define ROLE_NAME_MAX_BYTES (4 * ROLE_NAME_MAX_CHARS)

struct auth_cache;
struct member {
	struct uuid tenant_id, user_id;
	uint64_t permissions;
	bool second_factor_missing; /* although the tenant asks for one */
	bool guest, project_roles;  /* core/req.h */
	unsigned char role_n, email_n;
	char role[ROLE_NAME_MAX_BYTES];
	char email[EMAIL_MAX_BYTES];
};

struct auth_cache *auth_cache_new(void); /* NULL: no memory */
void auth_cache_free(struct auth_cache *c);
bool auth_token_find(struct auth_cache *c, const unsigned char digest[32], int64_t now_ms, struct token_claims *out);
void auth_token_keep(struct auth_cache *c, const unsigned char digest[32], const struct token_claims *claims);
bool auth_member_find(struct auth_cache *c, const struct uuid *tenant, const struct uuid *user, struct member *out);
/* How often one was forgotten. Asked before a member is looked up, because what was looked up while one was forgotten may be old, and is not kept. */
uint64_t auth_member_drops(struct auth_cache *c);
void auth_member_keep(struct auth_cache *c, const struct member *m, uint64_t drops);
/* Forgets a member here; who changes one calls auth_member_changed() (auth_state.h), which tells the other processes too. */
void auth_member_drop(struct auth_cache *c, const struct uuid *tenant, const struct uuid *user);
/* factor: the session has a second factor by its identity provider's word. *factor is also what was last known of a session that was seen too long ago. */
bool auth_session_seen(struct auth_cache *c, const struct uuid *session, bool *factor);
void auth_session_keep(struct auth_cache *c, const struct uuid *session, bool factor);
void auth_session_drop(struct auth_cache *c, const struct uuid *session);

#endif
