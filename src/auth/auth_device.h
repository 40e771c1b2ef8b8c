/* auth_device.h - cookies, and the token by which a device is known again. Room-internal.
 *
 * Who signs in by password, or sets a new one by mail, gets a device token: browsers as a cookie that no script can read, other programs as
 * device_token, which they show in the header X-Device-Token. It lets nobody in and saves no second factor. It says that this device signed in to this
 * account before, so that attempts of strangers make it wait for nothing (auth_backoff.h). It is a random id and an instant with a MAC of both and of
 * the account's address, good for 400 days from the last sign-in; nothing of it is stored but, while attempts are counted, its id. A second MAC
 * binds it to the account's password, second factor and to how often its user signed out everywhere (device_stamp() in the database): when one
 * of these changes it is nobody's any more. */
#ifndef AUTH_AUTH_DEVICE_H
#define AUTH_AUTH_DEVICE_H

#include "auth/auth_state.h"

#define DEVICE_TOKEN_HEADER "X-Device-Token"

/* In small letters: however it is written it is the same account. */
void email_put(struct buf *b, struct str email);

/* `id` names the device, in the request's arena; empty without a token that is good for this account. Only one that we made asks the database. */
enum err device_shown(struct req *rq, struct str email, struct str *id);
/* A new one, for the device that it was when that is known already. ERR_UNAUTHENTICATED when there is no such account. */
enum err device_token(struct req *rq, struct str email, struct str *token);
void reply_device_cookie(struct req *rq, struct str token);
/* For who has just changed his password or second factor, and so made strangers of all devices: a browser that he did it with stays known. */
enum err device_stays_known(struct req *rq, struct str email);
/* All of the caller's devices are strangers from now on. */
enum err devices_forget(struct req *rq);

/* A cookie's value; empty when there is none. */
struct str auth_cookie(struct req *rq, struct str name);
/* The refresh token as a cookie; reply_without_cookie() tells the browser to forget it. */
#define REFRESH_COOKIE "collect_refresh"
void reply_refresh_cookie(struct req *rq, struct str value, int64_t life_s);
void reply_without_cookie(struct req *rq);

#endif
