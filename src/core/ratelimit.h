/* ratelimit.h - GCRA in one Redis script on Redis time; without Redis a per-process bound of the same numbers.
 * Loopback clients are exempt from address-based classes except RATE_LOGIN unless the setting rate_limit_loopback is on. */
#ifndef CORE_RATELIMIT_H
#define CORE_RATELIMIT_H

#include "core/app.h"

struct rate_verdict { bool allowed; int limit, remaining, reset_s, retry_after_s; };
/* `klass` is an enum rate_class; `key` names whom it counts for (client address or user id). */
void ratelimit_take(struct app *app, int klass, struct str key, struct rate_verdict *out);
/* The per-process bound alone; never blocks. For routes answered on an I/O thread (ROUTE_INLINE). */
void ratelimit_take_local(struct app *app, int klass, struct str key, struct rate_verdict *out);

#endif
