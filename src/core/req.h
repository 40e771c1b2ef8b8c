/* req.h - a request as a handler sees it, and how it answers.
 *
 *     static enum err survey_get_http(struct req *rq)
 *     {
 *         struct str json;
 *         enum err e;
 *         if ((e = survey_get(rq->tx, rq->arena, &rq->ids[0], &json)))
 *             return e;                                  ERR_NOT_FOUND becomes a 404 problem
 *         return reply_json(rq, 200, json);
 *     }
 *
 * A handler owns nothing: memory is the request's arena, the transaction is committed or rolled back by the router after it returns, and only
 * then do the bytes go out. `reply_*` stage; the last one wins. */
#ifndef CORE_REQ_H
#define CORE_REQ_H

#include "base/json.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "core/app.h"
#include "core/tx.h"

struct route;
struct http_exchange;

struct principal {
	bool known;
	struct uuid tenant_id, user_id;
	struct uuid session_id; /* of the access token */
	struct uuid caller_id;	/* of the key or client that is used, else the user: whom rates count for */
	const char *credential; /* "key", "client": what was shown, its id is caller_id; NULL: an access token of his session */
	uint64_t permissions;	/* a bit per enum permission; in a project's routes with those of his role there */
	uint64_t everywhere;	/* those of his tenant-wide role alone */
	uint64_t held;		/* the same whatever he shows: what a session of his would have */
	uint64_t scopes;	/* what he shows allows at most: his role's permissions are cut down to it */
	bool guest;		/* sees nothing but the projects in which he has a role */
	bool project_roles;	/* has a role in some project, by what is known for some seconds */
	bool enrolling;		/* signed in without the second factor that the tenant asks for: ROUTE_ENROL only */
	struct str email, role;
};

/* Somebody's role in a project: what it allows him by what he shows, and whatever he shows. */
struct project_grant {
	struct uuid project_id;
	uint64_t permissions, held;
};
struct project_grants {
	const struct project_grant *items;
	size_t n;
};

struct problem_error {
	struct str pointer, code, message;
};

struct list_query {	   /* ROUTE_LIST */
	int64_t limit;	   /* 1..200, default 50 */
	struct str cursor; /* opaque, checked by cursor_read */
	struct str sort;   /* one of route->filters, without '-' ; first one when not given */
	bool descending;   /* default: true */
	bool count;
};

struct req {
	struct app *app;
	struct arena *arena;
	const struct route *route;
	struct http_exchange *x;
	struct str request_id;
	struct principal who;
	struct project_grants grants;	 /* core/router_scope.h, where it applies: and the project of the address */
	struct uuid project;
	struct str scope; /* the projects that his transactions see; empty: all. req_tx_open() */
	struct tx *tx;			 /* NULL with ROUTE_NO_TX */
	struct str args[ROUTE_ARGS_MAX]; /* {segments} in order, decoded */
	struct uuid ids[ROUTE_ARGS_MAX]; /* those named {id} or {..._id}, read as UUID (a bad one is 404) */
	size_t arg_count;
	void *in; /* filled struct of route->in */
	uint64_t in_present;
	const struct json *body; /* parsed body, when route->in */
	void *query;		 /* filled struct of route->query */
	uint64_t query_present;
	struct list_query list;
	int64_t if_match_version;   /* ROUTE_IF_MATCH */
	struct str idempotency_key; /* ROUTE_IDEMPOTENT; empty when not sent */
	/* Set by the handler, with what it needs: runs once the commit came back clean, or when it is unknown whether it did. For what does no
	 * harm when nothing was changed, such as dropping what caches hold. */
	void (*after_commit)(struct req *rq);
	struct str changed;
	bool later; /* handed over: req_later() */
	enum err (*again)(struct req *rq);
	void *own; /* the handler's, for what goes on later */
	/* problem under way */
	struct str detail;
	struct problem_error *errors;
	size_t error_count;
	int retry_after_s;	 /* with ERR_RATE from a handler: goes out as Retry-After when it is not 0 */
	struct str survey_label; /* for metrics: set by handlers that know it; may stay empty */
};

/* Records one fault and returns e. Pointers are JSON pointers into the body ("/title") or "/query/limit". */
enum err req_fail(struct req *rq, enum err e, const char *pointer, const char *why);
enum err req_fail_str(struct req *rq, enum err e, struct str pointer, struct str code, struct str why);
/* Adds one of several faults (at most PROBLEM_ERRORS_MAX are kept); the caller returns ERR_INVALID at the end. */
void req_error(struct req *rq, struct str pointer, struct str code, struct str message);
/* Writes the problem that e and what was recorded make: for replies about many things, of which each may fail by itself. */
void req_problem(const struct req *rq, enum err e, struct json_out *w);
enum err req_bind_tenant(
    struct req *rq, const struct uuid *tenant_id); /* ROUTE_PUBLIC_DB, before the first statement */
/* Another transaction of the caller's, in `a`: bound to his tenant and to the projects that he sees, and told who he is. Handlers take this one, not
 * tx_open(), for whatever belongs to projects. */
enum err req_tx_open(struct req *rq, bool read_only, struct arena *a, struct tx **out);
/* A handler may leave its answer to somebody who gives many at once; it holds no transaction then, and returns OK at once:
 *
 *     if ((e = req_end_tx(rq)))
 *             return e;
 *     req_later(rq);
 *     queue(rq);                     from here on it is another's
 *     return OK;
 *
 * The other, on any thread and once: req_finish() with the reply staged or an error, or req_again(), and a worker runs `fn` as the rest of the
 * handler, with rq->tx when it opens one. */
enum err req_end_tx(struct req *rq); /* commits what there is; rq->tx is NULL then */
void req_later(struct req *rq);
void req_finish(struct req *rq, enum err e);
void req_again(struct req *rq, enum err (*fn)(struct req *rq));
bool req_can(const struct req *rq, int permission);
struct str req_header(const struct req *rq, struct str name);

enum err reply_json(struct req *rq, int status, struct str json);
enum err reply_text(struct req *rq, int status, struct str media_type, struct str text);
enum err reply_html(
    struct req *rq, int status, struct str html); /* adds charset; the caller sets its CSP by reply_header */
enum err reply_empty(struct req *rq, int status);
/* Text that outlives the reply (static files, cached bytes); the compressed forms may be empty. */
enum err reply_static(
    struct req *rq, struct str media_type, struct str identity, struct str gzip, struct str br, struct str etag);
void reply_header(struct req *rq, struct str name, struct str value);
void reply_etag_version(struct req *rq, int64_t version); /* ETag: "7" */
/* Sets ETag; when If-None-Match has it, stages 304 and returns true: the handler returns OK at once. */
bool reply_not_modified(struct req *rq, struct str etag);
bool reply_version_known(struct req *rq, int64_t version); /* the same for ETag: "7" */
void reply_location(struct req *rq, const char *prefix, struct str id);

/* Cursors: the sort value and id of the last item, opaque to the client, and the tag of their list: tenant, route, arguments, order and filters. The
 * list's SQL appends cursor_tag() to each "next" it makes; a cursor with another tag is ERR_INVALID. Empty cursor: *present false. */
enum err cursor_tag(struct req *rq, struct str *tag);
enum err cursor_read(struct req *rq, struct str *sort_value, struct uuid *id, bool *present);

#endif
