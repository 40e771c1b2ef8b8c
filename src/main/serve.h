/* serve.h - listeners around an app, and what the internal routes do to the server. */
#ifndef MAIN_SERVE_H
#define MAIN_SERVE_H

#include "core/config.h"
#include "core/router.h"

/* From now on readyz says 503, so that a load balancer sends new clients elsewhere; requests are still answered. */
void app_drain(struct app *app);
bool app_draining(const struct app *app);

/* Starts an HTTP server that answers l->app's routes: l->app and l->internal are set by the caller; the rest of *l lives in `a`, and l itself until the
 * server was drained. `http` brings address, port and numbers. */
enum err listener_start(struct listener *l, struct arena *a, struct http_config *http, struct http_server **out, struct str *why);
/* Address and numbers of an internal listener (health, metrics) on that setting's port. */
struct http_config listener_internal(const struct config *c, enum setting_id port);

#endif
