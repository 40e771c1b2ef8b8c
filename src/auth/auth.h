/* auth.h - who is asking: users, memberships, roles, passwords, access tokens.
 *
 * Access tokens are JWTs, ES256 only, one pinned key (JWK file), typ "at+jwt"; iss aud exp nbf iat sub tenant_id sid jti are checked; nothing in
 * the header chooses a key or an algorithm. A token names user, tenant and session; role and permissions are read from the membership (cached for 5 s, dropped when it changes),
 * whether the session lives from Redis (for 3 s), so that who was removed or signed out is out within seconds. Passwords: Argon2id (19 MiB, t=2); unknown e-mails cost the same time. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "core/req.h"
#include "core/router.h"

struct auth;
enum err auth_open(
    struct app *app, const char *token_key_file, const char *issuer, struct auth **out, const char **why);
void auth_close(struct auth *auth);
void auth_hear_members(struct auth *auth); /* of changes in other processes, once app->cache is there */
enum err auth_make_key_file(const char *path); /* EC P-256 JWK, 0600, unless it is there */
enum err auth_authenticate(struct req *rq);    /* for app->authenticate */
bool auth_caller_known(struct req *rq, struct uuid *tenant, struct uuid *caller); /* for app->caller_known */
int auth_hashes_at_once(const struct auth *auth); /* of passwords, in a process: a core in two, at most PASSWORD_HASHES_MAX */
enum err auth_project_grants(struct req *rq, struct project_grants *out);	  /* for app->project_grants */
enum err auth_survey_project(struct req *rq, const struct uuid *survey, struct uuid *project); /* for app->survey_project */
enum err auth_password_hash(struct str password, struct arena *a, struct str *hash);
/* Accepts anything when hash is empty only to burn the same time; then answers false. */
bool auth_password_ok(struct str password, struct str hash);
/* auth_password_ok() and auth_password_hash() when it is their turn; ERR_BUSY when that takes too long. */
enum err auth_password_hash_turn(struct auth *auth, struct str password, struct arena *a, struct str *hash);
enum err auth_password_turn(struct auth *auth, struct str password, struct str hash, bool *same);
/* Guessing at what is no account, such as a link's password: counted as auth_backoff.h does it, by `what` (an id) and the client's network together, and by the network over
 * all that is guessed at. Nobody elsewhere has to wait for it.
 *
 *     if ((e = auth_guess_begin(rq, what, &b)))                    ERR_RATE with the seconds in rq->retry_after_s; ERR_UNAVAILABLE without Redis
 *             return e;
 *     return auth_guess_end(rq, b, check(...), ERR_UNAUTHENTICATED);     the error that a wrong guess is */
struct backoff;
enum err auth_guess_begin(struct req *rq, struct str what, struct backoff **out);
enum err auth_guess_end(struct req *rq, const struct backoff *b, enum err e, enum err wrong);
/* For somebody who has no account here, to keep: the claims (texts) and who says so ("iss"), for the audience "collect-device", as a JWS (ES256, typ
 * "receipt+jwt", by the key of /.well-known/jwks.json). It says nothing of time, and lets nobody in. Thread-safe. */
struct claim {
	struct str name, value;
};
enum err auth_receipt(const struct app *app, const struct claim *claims, size_t n, struct arena *a, struct str *receipt);
/* As owner (its conninfo), outside of any request: for somebody who lost his second factor. ERR_NOT_FOUND when nobody with this address has one; *why has
 * a sentence when the database cannot be reached. */
enum err auth_second_factor_take(const char *owner_conninfo, struct str email, struct arena *a, struct str *why);
extern const struct route profile_routes[]; /* PATCH /api/v1/me, /api/v1/me/tenants */
extern const struct route auth_routes[];	  /* /api/v1/auth, /api/v1/me, /.well-known/jwks.json */
extern const struct route role_routes[];	  /* /api/v1/roles, /api/v1/permissions */
extern const struct route member_routes[];	  /* /api/v1/members */
extern const struct route project_member_routes[]; /* /api/v1/projects/{id}/members */
extern const struct route invitation_routes[];	  /* /api/v1/invitations, /api/v1/auth/accept-invitation */
extern const struct route key_routes[];		  /* /api/v1/api-keys */
extern const struct route provider_routes[];	  /* /api/v1/identity-providers */
extern const struct route identity_routes[];	  /* /api/v1/members/{id}/identities */
extern const struct route oidc_routes[];	  /* /api/v1/oidc: signing in at those */
extern const struct route client_routes[];	  /* /api/v1/clients */
extern const struct route oauth_routes[];	  /* /api/v1/oauth/token */
extern const struct route second_factor_routes[]; /* /api/v1/me/second-factor, /api/v1/security/settings */
extern const struct route password_routes[];	  /* /api/v1/me/password, /api/v1/auth/password-reset */

#endif
