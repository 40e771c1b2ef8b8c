/* router.h - from an exchange to a handler: one row a route.
 *
 * The router matches the path (segments in braces are arguments), asks app->authenticate when the permission is not PERM_NONE, checks permission
 * and rate, reads query and body into the row's structs, opens a transaction bound to the caller's tenant, runs the handler, commits,
 * sends. Errors become problem+json. It answers OPTIONS (CORS) and HEAD, 404, 405 with Allow, 415, 428.
 *
 * A row:  { HTTP_POST, "/api/v1/surveys", PERM_SURVEYS_WRITE, RATE_CONSOLE, &survey_new, &survey_out, 201, survey_create_http, "Create a draft" }
 * Arrays of rows end with ROUTE_END. Segments in braces are arguments: {id} and {..._id} are UUIDs (anything else there is a 404), others any
 * text; a last segment {name*} takes the rest of the path, slashes included, in one argument. A literal segment wins over an argument. */
#ifndef CORE_ROUTER_H
#define CORE_ROUTER_H

#include "core/req.h"
#include "core/schema.h"
#include "io/http.h"

enum permission {
#define PERM(name, slug, role, meaning) PERM_##name,
#include "core/permissions.def"
#undef PERM
	PERM_COUNT
};
enum role {
#define ROLE(name, text) ROLE_##name,
#include "core/roles.def"
#undef ROLE
	ROLE_COUNT
};
/* The sets of permissions.def, a bit per role. */
#define ROLES_OWNER (1u << ROLE_OWNER)
#define ROLES_ADMIN (ROLES_OWNER | 1u << ROLE_ADMIN)
#define ROLES_MANAGER (ROLES_ADMIN | 1u << ROLE_MANAGER)
#define ROLES_ANALYST (ROLES_MANAGER | 1u << ROLE_ANALYST)
#define ROLES_VIEWER (ROLES_ANALYST | 1u << ROLE_VIEWER)
#define ROLES_FIELD (ROLES_VIEWER | 1u << ROLE_INTERVIEWER)
#define ROLES_ENTRY (ROLES_MANAGER | 1u << ROLE_INTERVIEWER)
#define ROLES_EVERYBODY ((1u << ROLE_COUNT) - 1)

uint64_t permissions_of(enum role r); /* a bit per permission */
/* The rows before this one cannot be given: every member has them. */
#define PERM_FIRST_GIVEN (PERM_ACCOUNT + 1)
/* "surveys:read" to its row; false for unknown ones and those that cannot be given. */
bool permission_read(struct str slug, enum permission *out);
bool role_read(struct str name, enum role *out);
struct str role_name(enum role r);
const char *permission_slug(enum permission p);

/* What a route counts as: core/ratelimit.h. Every row has one; RATE_NONE is for the internal listener, and for what costs no more than
 * refusing it would: constants that are answered on the I/O thread. */
enum rate_class {
	RATE_UNSET,
	RATE_NONE,
	RATE_LOGIN,
	RATE_CONSOLE,
	RATE_EXPORT,
	RATE_PUBLIC_READ,
	RATE_INTAKE,
	RATE_CLASSES
};

#define ROUTE_INLINE                                                                                                   \
	1u /* tried on the I/O thread first, without rq->tx: must not block; answers ERR_AGAIN to be run by a worker
				  * instead (then with rq->tx unless ROUTE_NO_TX). Only with PERM_NONE, because signing in may block. */
#define ROUTE_LIST                                                                                                     \
	2u /* takes limit, cursor, sort, count besides `query`; out is the item's shape, wrapped in {"items", "next"} */
#define ROUTE_IF_MATCH 4u /* needs If-Match: rq->if_match_version */
#define ROUTE_NO_TX 8u	  /* no transaction is opened */
#define ROUTE_PUBLIC_DB                                                                                                \
	16u /* the transaction uses the respondents' role; the handler binds its tenant itself: req_bind_tenant() */
#define ROUTE_READ 32u	       /* reads only: may use the replica; each statement is its own round trip with its Sync */
#define ROUTE_HIDDEN 64u       /* not in OpenAPI: pages, static files */
#define ROUTE_IDEMPOTENT 128u  /* takes Idempotency-Key: in rq->idempotency_key */
#define ROUTE_CORS_ANY 256u    /* any origin may call it (public tree) */
#define ROUTE_RAW_BODY 512u    /* the body is not JSON: the handler reads x->body */
#define ROUTE_INTERNAL 1024u   /* only on the internal listener; others only on the public one */
#define ROUTE_SMALL_BODY 2048u /* body at most HTTP_BODY_RESPONDENT_MAX_BYTES, of pages HTTP_BODY_PAGE_MAX_BYTES */
#define ROUTE_ETAG 4096u       /* the reply carries an ETag; of a GET: 304 when the client has it */
#define ROUTE_PAGE 16384u      /* read by people: errors are pages too, by app->refuse_page, for who accepts HTML */
#define ROUTE_ENROL 32768u     /* also for who has to set up a second factor first: others answer him 403 */
#define ROUTE_SECRET                                                                                                   \
	65536u /* the reply has a secret that is shown this once: Idempotency-Key is refused, whose stored reply would keep it */
#define ROUTE_SLOW                                                                                                     \
	131072u /* hashes passwords: once the gates are passed it goes on in core/slow.h, so that respondents wait for none of it; with ROUTE_NO_TX */
#define ROUTE_EACH_PROJECT                                                                                             \
	262144u /* not in a project's address, and about projects: who has the permission in some of them only sees these */
#define ROUTE_PERSONAL_BODY                                                                                            \
	524288u /* the body names people: with ROUTE_IDEMPOTENT what is kept to know it again is an HMAC under a key of the tenant's, from which nobody guesses them */
#define ROUTE_LOCATION 8192u /* the reply says in Location where the new object is */

struct route {
	enum http_method method;
	const char *path;
	enum permission perm;
	enum rate_class rate;
	const struct shape *in;	 /* body; NULL: none */
	const struct shape *out; /* body of `status`; NULL: none or not JSON */
	int status;
	enum err (*handler)(struct req *rq);
	const char *summary;
	const struct shape *query; /* parameters besides those of ROUTE_LIST */
	unsigned flags;
	const char *out_type; /* media type when it is not JSON, e.g. "text/csv" */
	const char *filters;  /* ROUTE_LIST: sort keys, "created_at title" (each also as -key) */
	/* further answers that OpenAPI tells of, e.g. (const int[]){404, 409, 0}; 304 400 401 403 404 412 413 415 422 428 429 503 are added by rule */
	const int *also;
	/* Of a ROUTE_RAW_BODY that takes a form (application/x-www-form-urlencoded), and of 400 and 401 where another standard says how errors
	 * look: both only described. */
	const struct shape *form, *refusal;
};
#define ROUTE_END                                                                                                      \
	{                                                                                                              \
		.path = NULL                                                                                           \
	}

struct router;
struct app;
/* Builds the match table; fails (*why) when two rows clash or a row is incomplete. */
enum err router_new(struct app *app, struct arena *a, struct router **out, const char **why);
/* Functions for struct http_config; ctx is a struct listener. */
struct listener {
	struct app *app;
	bool internal;
	struct arena *worker_arenas;
};
enum err router_admit(void *ctx, struct http_exchange *x);
bool router_inline(void *ctx, struct http_exchange *x);
void router_handle(void *ctx, struct http_exchange *x, int worker);
void router_refuse(void *ctx, struct http_exchange *x, enum err e, const char *detail);
void router_finished(void *ctx, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes);
/* OpenAPI 3.1 from the rows. Public routes only. */
enum err openapi_print(const struct app *app, struct arena *a, struct str *json);

#endif
