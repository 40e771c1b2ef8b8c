/* auth_backoff.h - who guesses passwords waits: longer each time, per account and per address. Room-internal.
 *
 * After BACKOFF_ACCOUNT_FREE failures of an account (known or not: what counts is the address typed in) each further attempt has to wait 1,
 * 2, 4 ... seconds, at most BACKOFF_MAX_S; likewise after BACKOFF_ADDRESS_FREE from one client address, unless rate limits are off. A success
 * clears the account, an hour without a failure clears either. Nothing is locked for good: a stranger can only slow the owner down.
 * Counted in Redis (keys begin with "-", which is no tenant: none is known yet); ERR_UNAVAILABLE without it. */
#ifndef AUTH_AUTH_BACKOFF_H
#define AUTH_AUTH_BACKOFF_H

#include "auth/auth_state.h"

#define BACKOFF_ACCOUNT_FREE 5
#define BACKOFF_ADDRESS_FREE 30
#define BACKOFF_MAX_S 900
#define BACKOFF_FORGET_S 3600

/* ERR_RATE, with the seconds in rq->retry_after_s, while this account or address has to wait. Nothing is counted. */
enum err backoff_wait(struct req *rq, struct str account);
enum err backoff_failed(struct req *rq, struct str account);
/* The same; answers how many failures of the account these were. Its user is told at BACKOFF_TOLD of them, when he waits for a minute and more. */
#define BACKOFF_TOLD (BACKOFF_ACCOUNT_FREE + 6)
#define BACKOFF_TOLD_MINUTES "2"
enum err backoff_count(struct req *rq, struct str account, int64_t *failures);
enum err backoff_clear(struct req *rq, struct str account);

#endif
