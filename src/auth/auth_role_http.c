/* auth_role_http.c - roles of the tenant's own, and what permissions there are. */
#include "auth/auth_http.h"
#include "core/list.h"
#include "sql.h"

#define PERMISSIONS_TEXT_MAX (4 * KB)
#define PERMISSIONS_JSON_MAX (32 * KB)

struct role_new {
	struct str name, description;
	struct str_list permissions;
};
#define ROLE_FIELDS(need)                                                                                              \
	FIELD(struct role_new, name, FT_TEXT, need, 1, ROLE_NAME_MAX_CHARS, "Name; not that of a built-in role"),      \
	    FIELD(struct role_new, description, FT_TEXT, OPTIONAL, 0, 1000, "Whom it is for"),                         \
	    FIELD(struct role_new, permissions, FT_LIST, need, 1, PERM_COUNT,                                          \
		"What it allows: slugs of /api/v1/permissions")
static const struct field role_new_fields[] = {ROLE_FIELDS(REQUIRED)};
static const struct shape role_new_shape = SHAPE("RoleNew", struct role_new, role_new_fields);
static const struct field role_patch_fields[] = {ROLE_FIELDS(OPTIONAL)};
static const struct shape role_patch_shape = SHAPE("RolePatch", struct role_new, role_patch_fields);
static const struct field role_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Role"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("description", FT_TEXT, REQUIRED, "Whom it is for"),
    OUT("permissions", FT_LIST, REQUIRED, "What it allows"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),
    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape role_out = SHAPE_OUT("Role", role_out_fields);

static const struct field permission_fields[] = {
    OUT("slug", FT_TEXT, REQUIRED, "Name"),
    OUT("meaning", FT_TEXT, REQUIRED, "What it allows"),
    OUT("roles", FT_LIST, REQUIRED, "Built-in roles that have it"),
};
static const struct shape permission_out = SHAPE_OUT("Permission", permission_fields);
static const struct field permissions_fields[] = {
    OUT("items", FT_LIST, REQUIRED, "All of them", .shape = &permission_out),
};
static const struct shape permissions_out = SHAPE_OUT("PermissionList", permissions_fields);

enum err role_may_give(struct req *rq, uint64_t bits, const char *pointer)
{
	if ((bits & ~rq->who.permissions) >> PERM_FIRST_GIVEN == 0)
		return OK;
	return req_fail(rq, ERR_FORBIDDEN, pointer, "Nobody gives or takes permissions that he does not have himself.");
}

enum err role_choose(struct req *rq, struct role_choice *c)
{
	struct own_role {
		struct str name, permissions;
	} own = {c->name, S("")};
	static const struct pg_col cols[] = {
	    COL(struct own_role, name, PGT_TEXT), COL(struct own_role, permissions, PGT_TEXT)};
	enum role known;
	enum err e;

	if (c->by_id == c->by_name)
		return req_fail(rq, ERR_INVALID, "/role", "Give either role or role_id.");
	if (c->by_name && !role_read(c->name, &known))
		return req_fail(rq, ERR_INVALID, "/role", "There is no such built-in role.");
	if (c->by_id) {
		const struct pg_param in[] = {P_UUID(c->id)};

		if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_role_hold, in, cols), &own)))
			return e;
		c->name = own.name;
	}
	return role_may_give(rq, auth_permissions(own.name, own.permissions), c->by_id ? "/role_id" : "/role");
}

enum err permissions_in(struct req *rq, const struct str_list *list, struct str *text)
{
	uint64_t bits = 0;
	enum permission p;
	struct buf b;
	enum err e;

	for (size_t i = 0; i < list->n; i++) {
		if (!permission_read(list->items[i], &p))
			return req_fail_str(rq, ERR_INVALID, json_pointer_index(rq->arena, S("/permissions"), i),
			    S("unknown"), S("There is no such permission."));
		bits |= UINT64_C(1) << p;
	}
	if ((e = role_may_give(rq, bits, "/permissions")))
		return e;
	buf_init(&b, rq->arena, PERMISSIONS_TEXT_MAX);
	for (int i = 0; i < PERM_COUNT; i++) {
		if (!(bits >> i & 1))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_add(&b, str_from(permission_slug(i)));
	}
	return buf_done(&b, text);
}

struct object_row {
	int64_t version;
	struct str json;
};

static enum err reply_role(struct req *rq, int status, const struct uuid *id)
{
	static const struct pg_col cols[] = {
	    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(id)};
	struct object_row row;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_role_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static enum err name_fault(struct req *rq, enum err e)
{
	if (e == ERR_CONFLICT)
		return req_fail(rq, e, "/name", "There is a role of this name.");
	if (e == ERR_INVALID)
		return req_fail(rq, e, "/name", "This is the name of a built-in role.");
	return e;
}

static enum err role_create_http(struct req *rq)
{
	const struct role_new *in = rq->in;
	struct uuid id = uuid_new();
	struct str permissions;
	enum err e;

	if ((e = permissions_in(rq, &in->permissions, &permissions)))
		return e;
	const struct pg_param params[] = {
	    P_UUID(&id), P_TEXT(in->name), P_TEXT(in->description), P_TEXT(permissions), P_UUID(&rq->who.user_id)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_role_insert, params), NULL)))
		return name_fault(rq, e);
	reply_location(rq, "/api/v1/roles/", uuid_str(rq->arena, &id));
	return reply_role(rq, 201, &id);
}

static enum err role_get_http(struct req *rq)
{
	return reply_role(rq, 200, &rq->ids[0]);
}

static enum err role_list_http(struct req *rq)
{
	return list_reply(rq, &SQL_role_list, NULL, 0);
}

/* Locks the role and compares what the caller had read; who has less than it cannot touch it. */
static enum err role_take(struct req *rq)
{
	struct role_row {
		int64_t version;
		struct str permissions;
	} now;
	static const struct pg_col cols[] = {
	    COL(struct role_row, version, PGT_INT), COL(struct role_row, permissions, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_role_lock, in, cols), &now)))
		return e;
	if (now.version != rq->if_match_version)
		return ERR_STALE;
	return role_may_give(rq, auth_permissions(S(""), now.permissions), NULL);
}

static enum err role_patch_http(struct req *rq)
{
	const struct role_new *in = rq->in;
	bool gives = schema_has(&role_patch_shape, rq->in_present, "permissions");
	struct str permissions = S("");
	enum err e;

	if ((e = role_take(rq)) || (gives && (e = permissions_in(rq, &in->permissions, &permissions))))
		return e;
	if (rq->in_present == 0)
		return reply_role(rq, 200, &rq->ids[0]);
	const struct pg_param params[] = {P_UUID(&rq->ids[0]),
	    P_BOOL(schema_has(&role_patch_shape, rq->in_present, "name")), P_TEXT(in->name),
	    P_BOOL(schema_has(&role_patch_shape, rq->in_present, "description")), P_TEXT(in->description),
	    P_BOOL(gives), P_TEXT(permissions), P_UUID(&rq->who.user_id)};

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_role_update, params), NULL)))
		return name_fault(rq, e);
	return reply_role(rq, 200, &rq->ids[0]);
}

static enum err role_delete_http(struct req *rq)
{
	struct count_row {
		int64_t members;
	} with;
	static const struct pg_col cols[] = {COL(struct count_row, members, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	const struct pg_param id[] = {in[0]};
	enum err e;

	if ((e = role_take(rq)) || (e = tx_one(rq->tx, rq->arena, &Q(SQL_role_members, id, cols), &with)))
		return e;
	if (with.members > 0)
		return req_fail(rq, ERR_CONFLICT, NULL,
		    "Members have this role, here or in a project, or invitations or identity providers name it; "
		    "change those first.");
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_role_delete, in))))
		return e;
	return reply_empty(rq, 204);
}

/* ---- what there is ---- */

static const struct {
	const char *slug, *meaning;
	unsigned roles;
} permissions[] = {
#define PERM(name, slug, who, meaning) {slug, meaning, ROLES_##who},
#include "core/permissions.def"
#undef PERM
};

static enum err permission_list_http(struct req *rq)
{
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, PERMISSIONS_JSON_MAX);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("items"));
	json_open(&w, '[');
	for (size_t i = PERM_FIRST_GIVEN; i < countof(permissions); i++) {
		json_open(&w, '{');
		json_field_str(&w, S("slug"), str_from(permissions[i].slug));
		json_field_str(&w, S("meaning"), str_from(permissions[i].meaning));
		json_key(&w, S("roles"));
		json_open(&w, '[');
		for (int r = 0; r < ROLE_COUNT; r++) {
			if (permissions[i].roles >> r & 1)
				json_put_str(&w, role_name(r));
		}
		json_close(&w, ']');
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route role_routes[] = {
    {HTTP_GET, "/api/v1/permissions", PERM_SIGNED_IN, RATE_CONSOLE, NULL, &permissions_out, 200, permission_list_http,
	"List the permissions, and which built-in roles have them", .flags = ROUTE_NO_TX},
    {HTTP_POST, "/api/v1/roles", PERM_MEMBERS_WRITE, RATE_CONSOLE, &role_new_shape, &role_out, 201, role_create_http,
	"Make a role of the tenant's own", .flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION,
	.also = (const int[]){409, 0}},
    {HTTP_GET, "/api/v1/roles", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &role_out, 200, role_list_http,
	"List the tenant's own roles", .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at"},
    {HTTP_GET, "/api/v1/roles/{id}", PERM_MEMBERS_READ, RATE_CONSOLE, NULL, &role_out, 200, role_get_http,
	"Read a role", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/roles/{id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, &role_patch_shape, &role_out, 200,
	role_patch_http, "Change a role", .flags = ROUTE_IF_MATCH | ROUTE_ETAG,
	.also = (const int[]){409, 412, 428, 0}},
    {HTTP_DELETE, "/api/v1/roles/{id}", PERM_MEMBERS_WRITE, RATE_CONSOLE, NULL, NULL, 204, role_delete_http,
	"Delete a role that no member has", .flags = ROUTE_IF_MATCH, .also = (const int[]){409, 412, 428, 0}},
    ROUTE_END,
};
