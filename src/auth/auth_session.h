/* auth_session.h - sessions: families of refresh tokens in Redis. Room-internal.
 *
 * A session begins with a sign-in and has one refresh token at a time. A refresh token is opaque: ids of tenant, user and session and 32
 * secret bytes; Redis has its SHA-256 only. Using it makes its successor (a MAC of the token, so that it need not be stored) the good
 * one. The token used last may be repeated for SESSION_RETRY_MS, because a reply can get lost: it gets the same successor. Any
 * other token of a live session has been used before: somebody has a copy, and the session ends.
 *
 * Keys: TENANT:session:ID (a hash, which lives as long as the session) and TENANT:sessions:USER (its sessions by age). An access token is
 * good only while its session lives: to read, a process asks Redis again after SESSION_AGE_MS; whatever is not GET asks each time, since what it
 * makes may outlast the session. While Redis does not answer nobody signs in or renews
 * (ERR_UNAVAILABLE), and access tokens are believed until they expire. */
#ifndef AUTH_AUTH_SESSION_H
#define AUTH_AUTH_SESSION_H

#include "auth/auth_state.h"

#define SESSION_RETRY_MS 10000
#define SESSIONS_MAX 50 /* of one user in one tenant; the oldest ends when there is one more */

struct login_session {
	struct uuid tenant_id, user_id, id;
};

struct login_start {
	const struct uuid
	    *provider; /* the tenant's identity provider that let him in, or NULL for who showed his password */
	const struct login_session *
	    instead_of; /* a session that ends in the same step, or NULL; the new one ends when that would have at the latest */
};
/* Makes s->id. ERR_UNAUTHENTICATED when instead_of has ended: then nothing begins. */
enum err login_session_begin(
    struct req *rq, struct login_session *s, const struct login_start *how, struct str *refresh);
/* The provider of login_session_begin(), nil for none. ERR_UNAUTHENTICATED when the session has ended. */
enum err login_session_provider(
    struct auth *auth, const struct login_session *s, struct arena *a, struct uuid *provider);
/* ERR_UNAUTHENTICATED: no token of ours, or its session has ended, or it was used before (and the session ends now). */
enum err login_session_renew(struct req *rq, struct str refresh, struct login_session *s, struct str *next);
/* Whose a refresh token is, which may have been used or ended. ERR_UNAUTHENTICATED when it was not made here. */
enum err login_session_of(const struct auth *auth, struct str refresh, struct arena *a, struct login_session *s);
/* OK or ERR_UNAUTHENTICATED, for what rq's route does. *factor: it began at a provider whose sign-in counts as a second factor (while Redis is away: as
 * this process last knew it). */
enum err login_session_alive(struct req *rq, const struct token_claims *claims, bool *factor);
/* ERR_NOT_FOUND when this user has no such session. */
enum err login_session_end(struct auth *auth, const struct login_session *s);
/* All of a user's in one tenant. This process forgets them at once; others that saw one alive hear of it within SESSION_AGE_MS. */
enum err login_session_end_all(struct req *rq, const struct uuid *tenant, const struct uuid *user);
struct login_row;
/* All of stays->user_id in the tenants of these rows (and of no more than SESSION_TENANTS_MAX in one step: within a step nobody goes from one that was not
 * looked at to one that was), but for stays->id, which may be nil. */
#define SESSION_TENANTS_MAX 12
enum err login_session_end_rows(
    struct req *rq, const struct login_session *stays, const struct login_row *rows, size_t n);
/* All of a user's in one tenant but this one. */
enum err login_session_end_others(struct req *rq, const struct login_session *s);
/* {"items": [...]}, newest first; `s` is the one that asks. */
enum err login_session_list(struct auth *auth, const struct login_session *s, struct arena *a, struct str *json);
/* What a page has to send along when a cookie has the refresh token. Stays the same for a session. */
enum err login_session_guard(
    const struct auth *auth, const struct login_session *s, struct arena *a, struct str *guard);

#endif
