/* slow.h - requests that are slow on purpose (ROUTE_SLOW: they hash passwords) go on here, on a few threads of their own.
 *
 * Rate, permission and input have been looked at by a worker; then the request waits in this queue and holds no worker, so that who sends many
 * sign-ins keeps sign-ins waiting and nothing else. Full (SLOW_QUEUE_MAX), waited for SLOW_WAIT_MAX_MS, or stopping: ERR_BUSY, which is 503
 * with Retry-After. */
#ifndef CORE_SLOW_H
#define CORE_SLOW_H

#include "core/req.h"

struct slow;

enum err slow_open(int threads, struct slow **out);
/* By a worker, whose last act it is: the route's handler is called later, and must not hand the request over once more. */
void slow_put(struct slow *s, struct req *rq);
int slow_queued(struct slow *s);
/* Who waits, and who comes from here on, is refused; what is under way ends. The threads stay until slow_close(). */
void slow_stop(struct slow *s);
/* Once no listener is left. NULL does nothing. */
void slow_close(struct slow *s);

#endif
