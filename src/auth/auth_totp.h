/* auth_totp.h - time-based one-time passwords (RFC 6238: HMAC-SHA-1, six digits, 30 s), as authenticator programs make them. Room-internal; knows
 * no database, no request and no clock. */
#ifndef AUTH_AUTH_TOTP_H
#define AUTH_AUTH_TOTP_H

#include "base/arena.h"
#include "base/str.h"

#define TOTP_SECRET_BYTES 20
#define TOTP_DIGITS 6
#define TOTP_STEP_S 30
#define TOTP_WINDOW 1 /* steps before and after the present one: clocks differ, and people type slowly */

/* The code of a step (seconds since 1970 / TOTP_STEP_S). */
enum err totp_code(struct str secret, int64_t step, char out[TOTP_DIGITS]);
/* The step within the window around `now_s` whose code this is, found in the same time whichever it is; 0 when there is none. */
int64_t totp_find(struct str secret, int64_t now_s, struct str code);

/* RFC 4648 base32, upper case, without padding. */
void base32_put(struct buf *b, const unsigned char *p, size_t n);
/* What authenticator programs read, mostly from a picture: otpauth://totp/... */
enum err totp_uri(struct arena *a, struct str secret, struct str account, struct str *uri);

#endif
