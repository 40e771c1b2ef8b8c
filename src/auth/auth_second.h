/* auth_second.h - second factors: codes of an authenticator program, and recovery codes for the day it is lost. Room-internal.
 *
 * A user has one, in all tenants; what signs in by his password has to show it too. It begins with a secret, which is worth nothing until a first code
 * of it was shown. The secret is sealed with the installation's key. Each step's code is taken once, also when two send it at once; each
 * of the RECOVERY_CODES recovery codes is 80 random bits, kept as a hash and taken once.
 *
 * The functions work in a transaction that is bound to a tenant of the user, and append the events of what they change. */
#ifndef AUTH_AUTH_SECOND_H
#define AUTH_AUTH_SECOND_H

#include "auth/auth_backoff.h"
#include "auth/auth_http.h"

#define RECOVERY_CODES 10
#define SECOND_CODE_MAX 40 /* characters of a code as somebody may write it */

/* Begins, or begins anew what was not confirmed. ERR_CONFLICT when he has one. */
enum err second_factor_start(struct req *rq, struct tx *tx, const struct uuid *user, struct str *secret);
/* Takes a code of what was begun. ERR_CONFLICT when nothing was, ERR_UNAUTHENTICATED when the code is not right. */
enum err second_factor_first(struct req *rq, struct tx *tx, const struct uuid *user, struct str code);
/* Takes a code, of the program or for recovery, in whatever case and with blanks or dashes. ERR_UNAUTHENTICATED when it is not right, was used before, or
 * he has no second factor. */
enum err second_factor_check(struct req *rq, struct tx *tx, const struct uuid *user, struct str code);
/* Makes recovery codes in the place of all others, as a JSON list of texts. `first`: and so confirms what was begun. */
enum err second_factor_codes(struct req *rq, struct tx *tx, const struct uuid *user, bool first, struct str *json);
/* Wrong codes of an account are counted apart from wrong passwords (BACKOFF_CODE), and only a right one clears the count: who knows the password, or
 * can set a new one, must not have as many tries at the code as he likes. backoff_end() with `e`, what taking a code came to; a wrong one answers
 * `refused` at /code, and is told to the user when it is one too many. */
enum err second_factor_end(struct req *rq, const struct backoff *b, struct str email, enum err e, enum err refused);
/* {"enabled", "enabled_at", "recovery_codes_left"} */
enum err second_factor_json(struct req *rq, struct tx *tx, const struct uuid *user, struct str *json);
enum err second_factor_remove(struct tx *tx, struct arena *a, const struct uuid *user);

#endif
