/* router_headers.h - what every reply carries, whatever answers. Inside core only.
 *
 * Defaults: handlers that know better replace them by reply_header(). A reply that is not a page may not be shown in one, run anything, or be read
 * by another origin that was not told of; pages bring their own Content-Security-Policy. Strict-Transport-Security only where public_url is
 * https: else it would lock people out of a server without TLS. */
#ifndef CORE_ROUTER_HEADERS_H
#define CORE_ROUTER_HEADERS_H

#include "core/router.h"

/* Takes away what was staged before. x->user is the router's visit. */
void headers_stage(struct app *app, struct http_exchange *x);
/* The answer to OPTIONS. */
void headers_preflight(struct app *app, struct http_exchange *x);

#endif
