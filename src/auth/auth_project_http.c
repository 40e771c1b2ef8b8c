/* auth_project_http.c - members of single projects: seen, given roles there, removed. What each may do there is asked by the router (core/router_scope.h). */
#include "auth/auth_http.h"
#include "core/list.h"
#include "sql.h"

struct project_member_put {
	struct uuid user_id, role_id;
	struct str role;
};
static const struct field put_fields[] = {
    FIELD(struct project_member_put, user_id, FT_UUID, REQUIRED, 0, 0, "A member of the tenant"),
    FIELD(struct project_member_put, role, FT_TEXT, OPTIONAL, 1, 20, "A built-in role, but not guest; or else role_id"),
    FIELD(struct project_member_put, role_id, FT_UUID, OPTIONAL, 0, 0, "A role of the tenant's own"),
};
static const struct shape put_shape = SHAPE("ProjectMemberPut", struct project_member_put, put_fields);
static const struct field out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "User"),
    OUT("email", FT_EMAIL, REQUIRED, "E-mail address"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("role", FT_TEXT, REQUIRED, "Name of the role in this project"),
    OUT("role_id", FT_UUID, REQUIRED | NULLABLE, "The role, when it is one of the tenant's own"),
    OUT("created_at", FT_TIME, REQUIRED, "When the user was first given a role here"),
    OUT("updated_at", FT_TIME, REQUIRED, "When that was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who gave it first"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape member_out = SHAPE_OUT("ProjectMember", out_fields);

static enum err member_list_http(struct req *rq)
{
	const struct pg_param own[] = {P_UUID(&rq->ids[0])};

	return list_reply(rq, &SQL_project_member_list, own, countof(own));
}

/* ---- changing ---- */

/* Locks the role that somebody has there; who has less cannot touch it. ERR_NOT_FOUND: he has none. */
static enum err member_take(struct req *rq, const struct uuid *user, int64_t *version)
{
	struct held {
		int64_t version;
		struct str role, permissions;
	} now;
	static const struct pg_col cols[] = {COL(struct held, version, PGT_INT), COL(struct held, role, PGT_TEXT),
	    COL(struct held, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(user)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_member_lock, in, cols), &now)))
		return e;
	*version = now.version;
	return role_may_give(rq, auth_permissions(now.role, now.permissions), NULL);
}

/* The project of the address and the member of the body are there, and stay so until the transaction ends. */
static enum err hold_both(struct req *rq, const struct uuid *user, int64_t *projects)
{
	struct id_row {
		struct uuid id;
	} held;
	struct count_row {
		int64_t projects;
	} count;
	static const struct pg_col id_cols[] = {COL(struct id_row, id, PGT_UUID)};
	static const struct pg_col count_cols[] = {COL(struct count_row, projects, PGT_INT)};
	const struct pg_param project[] = {P_UUID(&rq->ids[0])}, member[] = {P_UUID(user)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_hold, project, id_cols), &held)))
		return e;
	e = tx_one(rq->tx, rq->arena, &Q(SQL_project_member_hold, member, id_cols), &held);
	if (e == ERR_NOT_FOUND)
		return req_fail_str(
		    rq, ERR_INVALID, S("/user_id"), S("not-found"), S("There is no such member of the tenant."));
	if (e || (e = tx_one(rq->tx, rq->arena, &Q(SQL_project_roles_held, member, count_cols), &count)))
		return e;
	*projects = count.projects;
	return OK;
}

/* That he has a role in some project, or none any more. */
static void forget_member(struct req *rq)
{
	const struct project_member_put *in = rq->in;
	struct auth *auth = rq->app->auth;

	auth_member_changed(auth, &rq->who.tenant_id, rq->route->method == HTTP_PUT ? &in->user_id : &rq->ids[1]);
}

static enum err reply_member(struct req *rq, const struct uuid *user)
{
	struct object_row {
		int64_t version;
		struct str json;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(user)};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_member_get, in, cols), &row)))
		return e;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

static enum err member_put_http(struct req *rq)
{
	const struct project_member_put *in = rq->in;
	bool own = schema_has(&put_shape, rq->in_present, "role_id");
	struct role_choice role = {.name = in->role,
	    .id = &in->role_id,
	    .by_id = own,
	    .by_name = schema_has(&put_shape, rq->in_present, "role")};
	int64_t version, projects = 0;
	enum err e;

	if (str_eq(in->role, role_name(ROLE_GUEST)))
		return req_fail(
		    rq, ERR_INVALID, "/role", "A guest may do nothing; DELETE takes a role in a project back.");
	if ((e = hold_both(rq, &in->user_id, &projects)))
		return e;
	e = member_take(rq, &in->user_id, &version);
	if (e == ERR_NOT_FOUND && projects >= PROJECT_ROLES_MAX)
		return req_fail(rq, ERR_CONFLICT, "/user_id", "This member has roles in too many projects.");
	if ((e && e != ERR_NOT_FOUND) || (e = role_choose(rq, &role)))
		return e;
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&in->user_id), P_TEXT(own ? S("own") : in->role),
	    P_UUID_OR_NULL(own ? &in->role_id : NULL), P_UUID(&rq->who.user_id)};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_project_member_set, params))))
		return e;
	rq->after_commit = forget_member;
	return reply_member(rq, &in->user_id);
}

static enum err member_delete_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_UUID(&rq->who.user_id)};
	int64_t version;
	enum err e;

	if ((e = member_take(rq, &rq->ids[1], &version)))
		return e;
	if (version != rq->if_match_version)
		return ERR_STALE;
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_project_member_remove, in))))
		return e;
	rq->after_commit = forget_member;
	return reply_empty(rq, 204);
}

#define MEMBERS "/api/v1/projects/{id}/members"

const struct route project_member_routes[] = {
    {HTTP_GET, MEMBERS, PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &member_out, 200, member_list_http,
	"List who has a role in this project besides that in the tenant", .flags = ROUTE_LIST | ROUTE_READ,
	.filters = "created_at"},
    {HTTP_PUT, MEMBERS, PERM_MEMBERS_WRITE, RATE_CONSOLE, &put_shape, &member_out, 200, member_put_http,
	"Give a member a role in this project, or another one", .flags = ROUTE_ETAG, .also = (const int[]){409, 0}},
    {HTTP_DELETE, MEMBERS "/{member_id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, NULL, 204, member_delete_http,
	"Take a member's role in this project back", .flags = ROUTE_IF_MATCH, .also = (const int[]){412, 428, 0}},
    ROUTE_END,
};
