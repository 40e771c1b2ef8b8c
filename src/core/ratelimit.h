/* ratelimit.h - GCRA in one Redis script on Redis time; without Redis a per-process bound of the same numbers.
 *
 * Every route has a class (core/router.h). A class has up to four rules, one for each key that a request may be counted for: the client's
 * address (an IPv6 one by its /64), the caller (user, API key or client), the link, the tenant. All that are known of a request are looked at
 * in one round trip: when one of them has no room the request is refused and counted for none, else for all. What is reported is the
 * tightest.
 *
 * Rules are settings, read again by HUP: `rate_console = address=3600/900 caller=1200/300 tenant=12000/3000`: so many a minute in the long
 * run / so many at once. A key without a rule is not counted. The setting rate_limits turns everything off.
 *
 * Clients on loopback (and not behind a proxy: trusted_hops) are not counted by address, but by RATE_LOGIN, unless the setting
 * rate_limit_loopback is on: they are this machine's own programs. Callers, links and tenants count wherever they come from.
 *
 * Keys in Redis: TENANT:rate:CLASS:caller:ID, TENANT:rate:CLASS:link:ID, TENANT:rate:CLASS:tenant; -:rate:CLASS:address:NETWORK, which
 * belongs to no tenant. Each lives until its bound is whole again. */
#ifndef CORE_RATELIMIT_H
#define CORE_RATELIMIT_H

#include "core/app.h"

enum rate_key { RATE_BY_ADDRESS, RATE_BY_CALLER, RATE_BY_LINK, RATE_BY_TENANT, RATE_KEYS };

/* Whom a request counts for; what is not known is left out, and link and caller need the tenant. Borrowed. */
struct rate_subject {
	struct str address; /* x->client_net */
	bool loopback;	    /* x->client_loopback */
	const struct uuid *tenant, *caller, *link;
};

struct rate_verdict {
	bool allowed;
	int limit;	   /* requests at once; 0: nothing was counted */
	int remaining;	   /* of those, now */
	int reset_s;	   /* until all of them may come at once again */
	int retry_after_s; /* when refused: at least 1 */
	enum rate_key
	    key; /* whose numbers these are: of those that refused the one to wait longest for, else the one with least left */
};

/* The per-process bounds and the rules, in app->ratelimit; lives in `a`. Called by router_new. ERR_SETTING with *why for rules that
 * cannot be read. */
enum err ratelimit_new(struct app *app, struct arena *a, const char **why);
/* Reads the settings again: all rules or, with ERR_SETTING and *why (static), none. By one thread; others may ask meanwhile. */
enum err ratelimit_reload(struct app *app, const char **why);
/* `klass` is an enum rate_class. Asks Redis, and when that does not answer in time (redis_timeout_ms) the per-process bound. */
void ratelimit_take(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out);
/* The per-process bound alone; never blocks. For routes answered on an I/O thread (ROUTE_INLINE). */
void ratelimit_take_local(struct app *app, int klass, const struct rate_subject *who, struct rate_verdict *out);

#endif
