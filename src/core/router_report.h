/* router_report.h - what the router remembers of a request besides struct req, and how it is told: log line and
 * metrics. Inside core only. */
#ifndef CORE_ROUTER_REPORT_H
#define CORE_ROUTER_REPORT_H

#include "core/ratelimit.h"
#include "core/router.h"

struct endpoint;

/* Hangs on x->user from router_admit on. */
struct visit {
	struct endpoint *end;        /* never NULL: the router's `unmatched` when no path fits */
	const struct route *row;     /* NULL: no such method */
	struct str args[ROUTE_ARGS_MAX];
	struct req *rq;              /* the latest, once one was made */
	struct rate_verdict rate;
	enum err outcome;
};

void report_request(struct app *app, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes);

#endif
