/* app.h - what a process has: one struct, built in main, passed down; read-only after start but for what locks itself. */
#ifndef CORE_APP_H
#define CORE_APP_H

#include "base/arena.h"
#include "base/uuid.h"
#include "core/mail.h"
#include "io/clock.h"
#include "io/egress.h"
#include "io/log.h"
#include "io/metrics.h"
#include "io/pg.h"
#include "io/redis.h"

struct cache;
struct config;
struct ratelimit; /* core/ratelimit.h: per-process bounds */
struct req;
struct route;
struct vault; /* vault/vault.h: keys; main opens it */
struct intake; /* fieldwork/fieldwork.h: the writers of answers; main opens it */
struct auth;  /* auth/auth.h: signing keys; main opens it */
struct http_server;
struct mailer; /* mail/mail.h: the worker's; main opens it */
struct openapi;
struct project_grants;
struct slow; /* core/slow.h: main opens it */
struct tx;

struct app {
	const struct config *config;
	struct log *log;
	struct metrics *metrics;
	struct pg_pool *pools[PG_ROLE_COUNT]; /* PG_OWNER is never open in serve */
	struct pg_pool *read_pool;	      /* replica; equals pools[PG_APP] when there is none */
	struct redis *redis;
	struct egress *egress; /* the one way out: server and worker */
	struct cache *cache;
	struct ratelimit *ratelimit;
	struct vault *vault;
	struct auth *auth;
	struct intake *intake; /* server only */
	struct slow *slow;     /* server only; NULL: ROUTE_SLOW is like any other */
	const struct route *const
	    *routes; /* arrays of routes of every room, see main/domains.c; each ends with a row without path */
	size_t route_arrays;
	struct router *router;
	struct http_server *http; /* the public listener, once it runs: for its counts */
	struct openapi *openapi;  /* main/document.h: the API's description, printed once */
	/* Fills rq->who from the request's credentials; ERR_UNAUTHENTICATED when they are missing or bad. Set by main to auth's. */
	enum err (*authenticate)(struct req *rq);
	/* Whose token the request shows, when this process looked it up before: false otherwise, and nothing is asked. For rate limits: he may have been
	 * removed since. NULL: nobody is known. Set by main. */
	bool (*caller_known)(struct req *rq, struct uuid *tenant, struct uuid *caller);
	/* The caller's roles in projects, as they are now; and the project of a survey of his tenant, ERR_NOT_FOUND. For core/router_scope.h; set by main to
	 * auth's. */
	enum err (*project_grants)(struct req *rq, struct project_grants *out);
	enum err (*survey_project)(struct req *rq, const struct uuid *survey, struct uuid *project);
	/* HMAC of `text` under a key of the caller's tenant that only shredding ends, in rq->tx; for core/idempotency.h. Set by main to the vault's. */
	enum err (*payload_mac)(struct req *rq, struct str text, unsigned char mac[32]);
	/* Whose link this slug is, from memory alone: false when that is not at hand. For rate limits; NULL: there are none. Set by main. */
	bool (*link_known)(const struct app *app, struct str slug, struct uuid *tenant, struct uuid *link);
	/* Stages an error as a page of ROUTE_PAGE; false when there is no memory for one. NULL: there are no pages. Set by main. */
	bool (*refuse_page)(struct req *rq, enum err e);
	struct mailer *mailer; /* NULL but in the worker */
	/* Asks for a mail, as core/mail.h says. Set by main to the mail room's. */
	enum err (*mail_add)(
	    struct app *app, struct tx *tx, struct arena *a, const struct mail *mail, struct uuid *job);
	const char *public_url; /* configured origin, for links; never taken from a Host header */
	_Atomic bool draining;	/* readyz says 503 */
};

#endif
