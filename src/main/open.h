/* open.h - builds the one struct app of a process from its settings, and takes it down again.
 *
 *     struct app *app;
 *     if (app_open(&arena, config, OPEN_SERVER, &app, &why)) ...
 *     app_close(app);
 *
 * Opening connects to nothing by itself; app_check() does, and says whether the database fits this program. */
#ifndef MAIN_OPEN_H
#define MAIN_OPEN_H

#include "core/config.h"
#include "core/router.h"

enum open_part {
	OPEN_SERVER,                 /* pools of collect_app and collect_public, the replica's, cache, vault, tokens, routes */
	OPEN_WORKER,                 /* the pool of collect_worker, vault */
	OPEN_SEED                    /* the pool of collect_app, cache, vault: for making demonstration data */
};

/* ERR_SETTING and others with *why for people. The app lives in `a`, which must outlive it. */
enum err app_open(struct arena *a, const struct config *config, enum open_part part, struct app **out, struct str *why);
/* Routes, without anything that could answer them: what `collect print openapi` needs. */
enum err app_describe(struct arena *a, struct app **out, struct str *why);
/* Connects, prepares every statement of every open pool; *why names the first that does not fit. */
enum err app_check(struct app *app, struct arena *a, struct str *why);
void app_close(struct app *app);

/* app->mailer by the settings, which the worker has; app needs only its log. ERR_SETTING with *why. */
enum err open_mailer(struct app *app, struct arena *a, const struct config *config, struct str *why);

/* FILE as set, else DATA/keys/NAME. */
const char *key_path(struct arena *a, const struct config *c, enum setting_id id, const char *name);

#endif
