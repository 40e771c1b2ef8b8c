/* auth_backoff.h - who guesses waits: longer each time. Room-internal.
 *
 *     struct backoff b;
 *     if ((e = backoff_begin(rq, BACKOFF_PASSWORD, email, &b)))
 *             return e;                                                 ERR_RATE: he has to wait; nothing was counted
 *     return backoff_end(rq, &b, check(...), ERR_UNAUTHENTICATED);      right: forgotten; wrong: stays counted; else: taken back
 *
 * An attempt is counted before it is looked at, in the script that asks whether it has to wait, so of a hundred at once no more are looked at than
 * are free. Beyond those each has to wait 1, 2, 4 ... seconds, at most BACKOFF_MAX_S; an hour without an attempt forgets all. Counted are,
 * known account or not (what counts is the address typed in):
 *
 *   a device that signed in to the account before (auth_device.h): its own attempts, and those of all such devices together. So a stranger, wherever
 *     he is, keeps nobody from signing in who has done so before.
 *   all other devices: by account and client address together, by account (more are free: a stranger at one address must not get there soon), and by
 *     client address over all accounts, unless rate limits are off
 *   who shows his password while signed in: by session and by user; who is not signed in has no part in it
 *   who asks for a mail: by account, apart from sign-ins, and by client address
 *   who guesses at something else (auth_guess_begin()): by that thing and client address together, and by client address over all such things, apart from sign-ins. By
 *     the thing and the provider's network (/48, IPv4 /24) and by the thing as a whole far more are free, and one waits there for BACKOFF_WIDE_MAX_S and BACKOFF_WHOLE_MAX_S at
 *     most: who has many networks guesses slowly, and keeps nobody out for long
 *
 * In Redis; keys begin with "-", which is no tenant: none is known yet. ERR_UNAVAILABLE without it. */
#ifndef AUTH_AUTH_BACKOFF_H
#define AUTH_AUTH_BACKOFF_H

#include "auth/auth_state.h"

#define BACKOFF_FREE 5
#define BACKOFF_SHARED_FREE                                                                                            \
	20 /* of an account's password, by all whose device is not known; of a user's, by all his sessions */
#define BACKOFF_ADDRESS_FREE 30
#define BACKOFF_WIDE_FREE 50
#define BACKOFF_WIDE_MAX_S 60
#define BACKOFF_WHOLE_FREE 1000
#define BACKOFF_WHOLE_MAX_S 2
#define BACKOFF_MAX_S 900
#define BACKOFF_FORGET_S 3600

/* Codes have a million values, so all devices that are not known have BACKOFF_FREE of them together. */
enum backoff_kind { BACKOFF_PASSWORD, BACKOFF_CODE, BACKOFF_MAIL, BACKOFF_SELF, BACKOFF_THING };

#define BACKOFF_KEYS 4
struct backoff {
	enum backoff_kind kind;
	size_t n, own; /* counts; of them this user's, forgotten by a success */
	size_t whole;  /* so many, from the first, are of this account: the last of them counts what all devices of a kind do */
	struct str keys[BACKOFF_KEYS];
	int64_t free[BACKOFF_KEYS];
	int64_t most_s[BACKOFF_KEYS]; /* longest pause; 0: BACKOFF_MAX_S */
	int64_t pauses[BACKOFF_KEYS]; /* that this attempt began: their ends, 0: none */
	int64_t failures;	      /* with this one, in the last count of this account */
	bool is_long;		      /* this account has to wait for BACKOFF_TOLD_S and more because of this attempt, if it is wrong */
};

/* ERR_RATE, with the seconds in rq->retry_after_s. Of BACKOFF_SELF `email` is the caller's. */
enum err backoff_begin(struct req *rq, enum backoff_kind kind, struct str email, struct backoff *b);
/* Answers e, or why a success could not be written down. */
enum err backoff_end(struct req *rq, const struct backoff *b, enum err e, enum err wrong);
/* A new password was set: what was counted of the old one is over. */
enum err backoff_forget(struct req *rq, struct str email);

/* Its user is told when a pause is first so long, whichever count made it: one device's, or that which many have together. */
#define BACKOFF_TOLD_S 60
#define BACKOFF_TOLD_MINUTES "2"
/* Of an attempt that was wrong: whether it is this one that he is told of. Once, until a success or an hour without an attempt. */
enum err backoff_tells(struct req *rq, const struct backoff *b, bool *tells);

#endif
