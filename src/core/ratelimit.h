/* ratelimit.h - GCRA in one Redis script on Redis time; without Redis a per-process bound of the same numbers.
 * Clients on loopback are exempt from the classes that count addresses, but for RATE_LOGIN, unless the setting rate_limit_loopback
 * is on; the setting rate_limits turns everything off. */
#ifndef CORE_RATELIMIT_H
#define CORE_RATELIMIT_H

#include "core/app.h"

struct rate_verdict {
	bool allowed;
	int limit;           /* requests at once; 0: nothing was counted */
	int remaining;       /* of those, now */
	int reset_s;         /* until all of them may come at once again */
	int retry_after_s;   /* when refused: at least 1 */
};

/* The per-process bounds, in app->ratelimit; lives in `a`. Called by router_new. */
enum err ratelimit_new(struct app *app, struct arena *a);
/* `klass` is an enum rate_class; `key` names whom it counts for (client address or user id). Asks Redis, and when that does not
 * answer in time (redis_timeout_ms) the per-process bound. */
void ratelimit_take(struct app *app, int klass, struct str key, struct rate_verdict *out);
/* The per-process bound alone; never blocks. For routes answered on an I/O thread (ROUTE_INLINE). */
void ratelimit_take_local(struct app *app, int klass, struct str key, struct rate_verdict *out);

#endif
