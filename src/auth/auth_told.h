/* auth_told.h - what the event log says of signing in and out. Room-internal.
 *
 * Sessions are in Redis, where the database's audit trigger sees nothing, so each function here appends an event in a transaction of its own, bound to the tenant
 * whose log it is for. Of a "session" (by its id): signed_in, with the kind of program it began with ("device"), signed_out; `by` says how. Of a
 * "user": signed_out_everywhere, in each of his tenants; sign_in_failed, see told_failed(). The request's id is told in the tenant that the request was made in and in
 * no other's, and no tenant's log names another tenant. An address from which somebody came is never told: nobody can take it out of the log again.
 *
 * Who signs in gets no session when it cannot be told; who signs out has ended his before, whatever the answer. Who goes to another tenant and cannot be told of in both
 * has neither session any more and signs in anew: the old one's end was in the same step as the new one's beginning, and is not undone. */
#ifndef AUTH_AUTH_TOLD_H
#define AUTH_AUTH_TOLD_H

#include "auth/auth_backoff.h"
#include "auth/auth_http.h"

/* A session began. With how->instead_of that one's end is told too, by "switch", whether or not the beginning could be. When one of both cannot be told, or it is not known
 * whether it was, the session ends, by "fault" if its beginning may stand in the log, and the error is answered. */
enum err told_begun(struct req *rq, const struct login_session *s, const struct login_start *how);
/* by: "user", or "reuse" of a refresh token that was used before. */
enum err told_ended(struct req *rq, const struct login_session *s, const char *by);
/* The caller ended all his sessions: in all tenants, or only in the one he is in. */
enum err told_ended_all(struct req *rq, bool everywhere);
/* A wrong password or code of the account with this address. One event at BACKOFF_FREE failures, when waiting begins, and one each time that there are twice as
 * many: who guesses for ever does not fill the log. Each of the user's tenants is told; of an address that nobody has an event is written that no
 * tenant sees, so that it takes as long. */
enum err told_failed(struct req *rq, const struct backoff *b, struct str email);

#endif
