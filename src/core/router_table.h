/* router_table.h - the match table: a trie of path segments built once from the rows. Inside core only.
 *
 * Two tries, one per listener (public, internal), so that a path of the one does not exist on the other. Read-only after building but for the
 * metric series, which are found once and then kept. */
#ifndef CORE_ROUTER_TABLE_H
#define CORE_ROUTER_TABLE_H

#include <stdatomic.h>
#include "core/router.h"

/* Series without a tenant are looked up once per status and kept here. */
#define ENDPOINT_SERIES_MAX 8
struct endpoint_series {
	_Atomic int status;          /* 0: free; set last */
	struct metric_series *requests, *duration;
};

/* Whose the first id of a path is: router_scope.h. */
enum route_scope { SCOPE_TENANT, SCOPE_PROJECT, SCOPE_SURVEY };

struct endpoint {
	struct str pattern;          /* "/api/v1/surveys/{id}" */
	const struct route *rows[HTTP_METHOD_OTHER];   /* by method; HEAD is GET's */
	struct str allow;            /* "GET, HEAD, PATCH, OPTIONS" */
	size_t arg_count;
	bool is_id[ROUTE_ARGS_MAX];
	bool cors_any;
	enum route_scope scope;
	struct endpoint_series series[HTTP_METHOD_OTHER + 1][ENDPOINT_SERIES_MAX];
};

struct node;
struct router {
	struct app *app;
	struct node *roots[2];       /* public, internal */
	struct endpoint unmatched;
};

/* NULL when no row has such a path. Arguments are raw pieces of `path`, not decoded. */
struct endpoint *router_match(const struct router *r, bool internal, struct str path, struct str args[ROUTE_ARGS_MAX]);

#endif
