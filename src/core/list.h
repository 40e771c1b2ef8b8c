/* list.h - the routes that list: one way in which their statements are asked.
 *
 *     const struct pg_param own[] = {LIST_TIME(rq, f, created_from), P_TEXT_OR_NULL(f->q)};
 *
 *     return list_reply(rq, &SQL_project_list, own, countof(own));
 *
 * The statement of a route with ROUTE_LIST has these parameters in this order, and its own after them, from $8 on:
 *
 *     $1 text     what it is sorted by, one of route->filters. Who has one order only says so: $1::text = 'created_at'
 *     $2 boolean  descending
 *     $3 text     the sort value after which the page begins; NULL: at the beginning
 *     $4 uuid     and the id; NULL with $3
 *     $5 bigint   items on a page: it reads one more to know whether there is a next one
 *     $6 boolean  whether "total" is counted
 *     $7 text     tag of the list, appended to each cursor that it makes: cursor_tag() in core/req.h
 *
 * It answers one column `json`: {"items", "next", "total" when asked for}. No row is ERR_NOT_FOUND: the object whose list it is, is not there. */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include "core/req.h"
#include "core/router.h"

#define LIST_PARAMS 7

/* All parameters of the statement; `out` has no columns and lives in the request's arena. ERR_INVALID, recorded: no cursor of this list. */
enum err list_query(
    struct req *rq, const struct pg_statement *sql, const struct pg_param *own, size_t own_count, struct query *out);
/* And sends what it answers. */
enum err list_reply(struct req *rq, const struct pg_statement *sql, const struct pg_param *own, size_t own_count);

/* A time of the query's struct `f`, NULL when it was not sent: 0 is a time too. */
#define LIST_TIME(rq, f, member)                                                                                       \
	(schema_has((rq)->route->query, (rq)->query_present, #member) ? P_TIME((f)->member) : P_NULL(PGT_TIME))

#endif
