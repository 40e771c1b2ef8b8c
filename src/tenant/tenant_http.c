#include "core/list.h"
#include "tenant/tenant.h"
#include "sql.h"

struct project_new {
	struct str name, description;
};
static const struct field project_new_fields[] = {
    FIELD(struct project_new, name, FT_TEXT, REQUIRED, 1, 200, "Name"),
    FIELD(struct project_new, description, FT_TEXT, OPTIONAL, 0, 5000, "What it is about"),
};
static const struct shape project_new_shape = SHAPE("ProjectNew", struct project_new, project_new_fields);
static const struct field project_patch_fields[] = {
    FIELD(struct project_new, name, FT_TEXT, OPTIONAL, 1, 200, "Name"),
    FIELD(struct project_new, description, FT_TEXT, OPTIONAL, 0, 5000, "What it is about"),
};
static const struct shape project_patch_shape = SHAPE("ProjectPatch", struct project_new, project_patch_fields);
static const struct field project_out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Project"),
    OUT("name", FT_TEXT, REQUIRED, "Name"),
    OUT("description", FT_TEXT, REQUIRED, "What it is about"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),
    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),
    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "User who made it"),
    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "User who last changed it"),
    OUT("version", FT_INT, REQUIRED, "Counts its changes; its ETag"),
};
static const struct shape project_out = SHAPE_OUT("Project", project_out_fields);
struct project_filter {
	int64_t created_from, created_to;
	struct str q;
};
static const struct field project_filter_fields[] = {
    FIELD(struct project_filter, created_from, FT_TIME, OPTIONAL, 0, 0, "Made at this time or later"),
    FIELD(struct project_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Made before this time"),
    FIELD(struct project_filter, q, FT_TEXT, OPTIONAL, 1, 200, "Part of the name"),
};
static const struct shape project_filter_shape = SHAPE("ProjectFilter", struct project_filter, project_filter_fields);

struct object_row {
	int64_t version;
	struct str json;
};
static const struct pg_col object_cols[] = {
    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};

static enum err reply_project(struct req *rq, int status, const struct uuid *id)
{
	const struct pg_param in[] = {P_UUID(id)};
	struct object_row row;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_get, in, object_cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static enum err project_create_http(struct req *rq)
{
	const struct project_new *in = rq->in;
	struct uuid id;
	enum err e;

	if ((e = project_create(rq->tx, in->name, in->description, &id)))
		return e;
	reply_location(rq, "/api/v1/projects/", uuid_str(rq->arena, &id));
	return reply_project(rq, 201, &id);
}

static enum err project_get_http(struct req *rq)
{
	return reply_project(rq, 200, &rq->ids[0]);
}

static enum err project_list_http(struct req *rq)
{
	const struct project_filter *f = rq->query;
	const struct pg_param own[] = {
	    LIST_TIME(rq, f, created_from), LIST_TIME(rq, f, created_to), P_TEXT_OR_NULL(f->q)};

	return list_reply(rq, &SQL_project_list, own, countof(own));
}

/* Locks the row and compares what the caller had read. */
static enum err project_take(struct req *rq)
{
	struct version_row {
		int64_t version;
	} now;
	static const struct pg_col cols[] = {COL(struct version_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_lock, in, cols), &now)))
		return e;
	return now.version == rq->if_match_version ? OK : ERR_STALE;
}

static enum err project_patch_http(struct req *rq)
{
	const struct project_new *in = rq->in;
	enum err e;

	if ((e = project_take(rq)))
		return e;
	if (rq->in_present == 0)
		return reply_project(rq, 200, &rq->ids[0]);
	const struct pg_param params[] = {P_UUID(&rq->ids[0]),
	    P_BOOL(schema_has(&project_patch_shape, rq->in_present, "name")), P_TEXT(in->name),
	    P_BOOL(schema_has(&project_patch_shape, rq->in_present, "description")), P_TEXT(in->description),
	    P_UUID(&rq->who.user_id)};

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_project_update, params))))
		return e;
	return reply_project(rq, 200, &rq->ids[0]);
}

static enum err project_delete_http(struct req *rq)
{
	struct count_row {
		int64_t surveys;
	} inside;
	static const struct pg_col cols[] = {COL(struct count_row, surveys, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	const struct pg_param id[] = {in[0]};
	enum err e;

	if ((e = project_take(rq)))
		return e;
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_project_surveys, id, cols), &inside)))
		return e;
	if (inside.surveys > 0)
		return req_fail(rq, ERR_CONFLICT, NULL,
		    "There are surveys in this project; delete them or move them to another one first.");
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_project_delete, in))))
		return e;
	return reply_empty(rq, 204);
}

#define SORTS "created_at name updated_at"
static const int changed[] = {412, 428, 0}, deleted[] = {409, 412, 428, 0};

const struct route tenant_routes[] = {
    {HTTP_POST, "/api/v1/projects", PERM_PROJECTS_WRITE, RATE_CONSOLE, &project_new_shape, &project_out, 201,
	project_create_http, "Create a project", .flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION,
	.also = (const int[]){409, 0}},
    {HTTP_GET, "/api/v1/projects", PERM_PROJECTS_READ, RATE_CONSOLE, NULL, &project_out, 200, project_list_http,
	"List projects", .query = &project_filter_shape, .flags = ROUTE_LIST | ROUTE_READ | ROUTE_EACH_PROJECT,
	.filters = SORTS},
    {HTTP_GET, "/api/v1/projects/{id}", PERM_PROJECTS_READ, RATE_CONSOLE, NULL, &project_out, 200, project_get_http,
	"Read a project", .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/projects/{id}", PERM_PROJECTS_WRITE, RATE_CONSOLE, &project_patch_shape, &project_out, 200,
	project_patch_http, "Change a project", .flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = changed},
    {HTTP_DELETE, "/api/v1/projects/{id}", PERM_PROJECTS_DELETE, RATE_CONSOLE, NULL, NULL, 204, project_delete_http,
	"Delete a project that holds no surveys", .flags = ROUTE_IF_MATCH, .also = deleted},
    ROUTE_END,
};
