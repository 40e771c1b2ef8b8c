/* router_scope.h - roles in single projects: which permissions and which rows a request has. Inside core only.
 *
 * Somebody with neither the role "guest" nor a role in a project is as he ever was: his permissions are asked for, and nothing here. For others the
 * projects in which they were given a role are read anew with each request, so that taking one back holds at once, and the route decides:
 *
 *     /projects/{id}... and /surveys/{id}...  the project's role adds to the tenant-wide one, and the transaction sees this project only. Without a role there a
 *                                             guest gets 404, as for what is not there; with one that does not suffice, 403.
 *     ROUTE_EACH_PROJECT                      who has the permission in some projects only sees these.
 *     others                                  the tenant-wide permissions count, and a guest's transaction sees no project.
 *
 * What a transaction sees is bound with it, and held by policies of the database (migration 0054). */
#ifndef CORE_ROUTER_SCOPE_H
#define CORE_ROUTER_SCOPE_H

#include "core/router_table.h"

/* Whether it is scope_enter() that asks for this caller's permission, because it depends on the project. */
bool scope_asks(const struct req *rq, const struct endpoint *end);
/* Once the path is read. OK, ERR_FORBIDDEN, or ERR_NOT_FOUND. */
enum err scope_enter(struct req *rq, const struct endpoint *end);
/* Once the body is read, and before a stored reply is looked for: a project named in it ("project_id"). ERR_INVALID as for one that is not there. */
enum err scope_body(struct req *rq);

#endif
