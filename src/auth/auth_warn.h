/* auth_warn.h - mails that warn a user: of a sign-in from a device that he was not seen with before, and of many wrong passwords or codes. Room-internal.
 *
 * A device is a kind of program, "Firefox, Linux", as the User-Agent header says; what is kept of it is a MAC of that and the user, for 400
 * days after its last use. It is a hint for the user, not a check: who says the same passes for known. The first device of a user is known. */
#ifndef AUTH_AUTH_WARN_H
#define AUTH_AUTH_WARN_H

#include "auth/auth_backoff.h"
#include "auth/auth_http.h"
#include "core/mail.h"

/* Before a session begins. Does nothing but remember a device that is the user's first. */
enum err warn_new_device(struct req *rq, const struct login_row *row);
/* After a failure, which the log is told as told_failed() says. When a pause of this account first reaches a minute its user, if there is one with this e-mail
 * address, gets a mail, once (backoff_tells()). */
enum err warn_failed(struct req *rq, const struct backoff *b, struct str email);
/* The same, and then ERR_UNAUTHENTICATED with these words. */
enum err warn_refused(struct req *rq, const struct backoff *b, struct str email, const char *words);

/* A mail for whoever has an account with an address (m->account), asked for in a transaction of its own; OK, too, when no mail can be sent to such an address.
 * The same work whether there is one or not. */
enum err warn_account(struct req *rq, const struct mail *m);

/* The kind of program, in words of ours or, of one that we do not know, the name that it has for itself in plain letters; "?" without one. */
struct str device_name(struct arena *a, struct str user_agent);

#endif
