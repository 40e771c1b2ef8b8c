/* serve.h - what the internal routes do to the server. */
#ifndef MAIN_SERVE_H
#define MAIN_SERVE_H

#include "core/app.h"

/* From now on readyz says 503, so that a load balancer sends new clients elsewhere; requests are still answered. */
void app_drain(struct app *app);
bool app_draining(const struct app *app);

#endif
