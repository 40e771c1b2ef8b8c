/* auth_member_http.c - members: seen, given roles, removed. */
#include "auth/auth_http.h"
#include "core/list.h"
#include "sql.h"

struct member_patch {
	struct str role;
	struct uuid role_id;
};
static const struct field member_patch_fields[] = {
    FIELD(struct member_patch, role, FT_TEXT, OPTIONAL, 1, 20, "A built-in role; or else role_id"),
    FIELD(struct member_patch, role_id, FT_UUID, OPTIONAL, 0, 0, "A role of the tenant's own"),
};
static const struct shape member_patch_shape = SHAPE("MemberPatch", struct member_patch, member_patch_fields);
static const struct field member_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "User"),
    OUT("email", FT_EMAIL, REQUIRED, "E-mail address"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("role", FT_TEXT, REQUIRED, "Name of the role"),
    OUT("role_id", FT_UUID, REQUIRED | NULLABLE, "The role, when it is one of the tenant's own"),
    OUT("created_at", FT_TIME, REQUIRED, "When the user became a member"),
    OUT("updated_at", FT_TIME, REQUIRED, "When the membership was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape member_out = SHAPE_OUT("Member", member_out_fields);
struct member_filter {
	struct str q, role;
};
static const struct field member_filter_fields[] = {
    FIELD(struct member_filter, q, FT_TEXT, OPTIONAL, 1, 200, "Part of the name or of the e-mail address"),
    FIELD(struct member_filter, role, FT_TEXT, OPTIONAL, 1, 20, "A built-in role, or \"own\" for those of the tenant"),
};
static const struct shape member_filter_shape = SHAPE("MemberFilter", struct member_filter, member_filter_fields);

struct object_row {
	int64_t version;
	struct str json;
};

static enum err reply_member(struct req *rq)
{
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct object_row row;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_member_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, 200, row.json);
}

static enum err member_get_http(struct req *rq)
{
	return reply_member(rq);
}

static enum err member_list_http(struct req *rq)
{
	const struct member_filter *f = rq->query;
	const struct pg_param own[] = {P_TEXT_OR_NULL(f->q), P_TEXT_OR_NULL(f->role)};

	return list_reply(rq, &SQL_member_list, own, countof(own));
}

/* ---- changing ---- */

struct held {
	int64_t version;
	struct str role, permissions;
};

static enum err member_now(struct req *rq, int64_t *version, uint64_t *permissions)
{
	static const struct pg_col cols[] = {COL(struct held, version, PGT_INT), COL(struct held, role, PGT_TEXT),
	    COL(struct held, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct held now;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_member_lock, in, cols), &now)))
		return e;
	*version = now.version;
	*permissions = auth_permissions(now.role, now.permissions);
	return OK;
}

/* What he holds in any project: it ends with the membership, which is locked by now. */
static enum err held_in_projects(struct req *rq, uint64_t *permissions)
{
	struct project_role {
		struct uuid project_id;
		struct str role, permissions;
	} * rows;
	static const struct pg_col cols[] = {COL(struct project_role, project_id, PGT_UUID),
	    COL(struct project_role, role, PGT_TEXT), COL(struct project_role, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	size_t n;
	enum err e = tx_rows(rq->tx, rq->arena, &Q(SQL_project_grants, in, cols), sizeof *rows, (void **)&rows, &n);

	for (size_t i = 0; !e && i < n; i++)
		*permissions |= auth_permissions(rows[i].role, rows[i].permissions);
	return e;
}

/* Locks the membership and compares what the caller had read. Who has less than the member cannot touch him; the last owner stays one. */
static enum err member_take(struct req *rq, bool stays_owner, uint64_t *permissions)
{
	struct owner_row {
		struct uuid user_id;
	} * owners;
	static const struct pg_col owner_cols[] = {COL(struct owner_row, user_id, PGT_UUID)};
	int64_t version;
	size_t n;
	enum err e;

	if ((e = tx_rows(
		 rq->tx, rq->arena, &Q_NO_IN(SQL_member_owners, owner_cols), sizeof *owners, (void **)&owners, &n)) ||
	    (e = member_now(rq, &version, permissions)))
		return e;
	if (version != rq->if_match_version)
		return ERR_STALE;
	if ((e = role_may_give(rq, *permissions, NULL)))
		return e;
	if (n == 1 && uuid_eq(&owners[0].user_id, &rq->ids[0]) && !stays_owner)
		return req_fail(
		    rq, ERR_CONFLICT, NULL, "This is the tenant's last owner; make somebody else one first.");
	return OK;
}

static void forget_member(struct req *rq)
{
	struct auth *auth = rq->app->auth;

	auth_member_changed(auth, &rq->who.tenant_id, &rq->ids[0]);
}

static enum err member_patch_http(struct req *rq)
{
	const struct member_patch *in = rq->in;
	bool own = schema_has(&member_patch_shape, rq->in_present, "role_id");
	struct role_choice role = {.name = in->role,
	    .id = &in->role_id,
	    .by_id = own,
	    .by_name = schema_has(&member_patch_shape, rq->in_present, "role")};
	uint64_t before, now;
	int64_t version;
	enum err e;

	if ((e = member_take(rq, str_eq(in->role, S("owner")), &before)) || (e = role_choose(rq, &role)))
		return e;
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_TEXT(own ? S("own") : in->role),
	    P_UUID_OR_NULL(own ? &in->role_id : NULL), P_UUID(&rq->who.user_id)};

	const struct pg_param end[] = {params[0], params[3]};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_role_set, params))) || (e = member_now(rq, &version, &now)))
		return e;
	if ((before & ~now) != 0 && (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_invitations_end, end))))
		return e;
	rq->after_commit = forget_member;
	return reply_member(rq);
}

/* When Redis does not answer the sessions stay there, and are worth nothing without the membership. */
static void end_member(struct req *rq)
{
	login_session_end_all(rq, &rq->who.tenant_id, &rq->ids[0]);
	forget_member(rq);
}

static enum err member_delete_http(struct req *rq)
{
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	uint64_t before;
	enum err e;

	if ((e = member_take(rq, false, &before)) || (e = held_in_projects(rq, &before)) ||
	    (e = role_may_give(rq, before, NULL)) || (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_remove, params))) ||
	    (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_keys_end, params))) ||
	    (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_clients_end, params))) ||
	    (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_projects_end, params))) ||
	    (e = tx_queue(rq->tx, &Q_NO_OUT(SQL_member_invitations_end, params))))
		return e;
	rq->after_commit = end_member;
	return reply_empty(rq, 204);
}

const struct route member_routes[] = {
    {HTTP_GET, "/api/v1/members", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &member_out, 200, member_list_http,
	"List members", .query = &member_filter_shape, .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_GET, "/api/v1/members/{id}", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &member_out, 200, member_get_http,
	"Read a member", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/members/{id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, &member_patch_shape, &member_out, 200,
	member_patch_http, "Give a member another role; when he loses something, his open invitations end",
	.flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = (const int[]){409, 412, 428, 0}},
    {HTTP_DELETE, "/api/v1/members/{id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, NULL, 204, member_delete_http,
	"Remove a member: sessions, keys, roles in projects and open invitations end", .flags = ROUTE_IF_MATCH,
	.also = (const int[]){409, 412, 428, 0}},
    ROUTE_END,
};
