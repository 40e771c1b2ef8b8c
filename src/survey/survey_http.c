#include "base/limits.h"
#include "core/list.h"
#include "survey/survey_draft.h"
#include "survey/survey_shape.h"
#include "tenant/tenant.h"
#include "sql.h"

#define DIAGNOSTICS_TEXT_MAX_BYTES (2 * MB)

struct object_row {
	int64_t version;
	struct str json;
};
static const struct pg_col object_cols[] = {
    COL(struct object_row, version, PGT_INT), COL(struct object_row, json, PGT_JSON)};

/* What a reply has besides the survey. Its version says nothing of these. */
enum { WITH_LINKS = 1, WITH_COUNTS = 2, WITH_RETENTION = 4 };

static enum err reply_survey(struct req *rq, int status, const struct uuid *id, unsigned with)
{
	const struct pg_param in[] = {
	    P_UUID(id), P_BOOL(with & WITH_LINKS), P_BOOL(with & WITH_COUNTS), P_BOOL(with & WITH_RETENTION)};
	struct object_row row;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_survey_get, in, object_cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && with == 0 && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static void survey_changed(struct req *rq)
{
	char tenant[UUID_TEXT_BYTES], survey[UUID_TEXT_BYTES], key[2 * UUID_TEXT_BYTES + 1];

	uuid_text(&rq->who.tenant_id, tenant);
	uuid_text(&rq->ids[0], survey);
	memcpy(key, tenant, sizeof tenant);
	key[sizeof tenant] = ':';
	memcpy(key + sizeof tenant + 1, survey, sizeof survey);
	cache_drop(rq->app->cache, &(struct cache_kind){.name = SURVEY_LIVE_KIND}, str_make(key, sizeof key));
}

/* The fault of a definition, under the member of the body that holds it ("" when it is the body). */
static enum err draft_of(struct req *rq, const struct json *definition, const char *member, struct draft *out)
{
	const char *pointer, *why;
	struct str at;
	struct buf b;
	enum err e = draft_read(rq->arena, definition, out, &pointer, &why), full;

	if (e != ERR_INVALID)
		return e;
	buf_init(&b, rq->arena, KB);
	buf_add(&b, str_from(member));
	buf_add(&b, str_from(pointer));
	if ((full = buf_done(&b, &at)))
		return full;
	return req_fail_str(rq, e, at, S("definition"), str_from(why));
}

/* A project named in a body that is not there is the body's fault, not the address's. */
static enum err project_named(struct req *rq, const struct uuid *id)
{
	enum err e = project_exists(rq->tx, rq->arena, id);

	return e == ERR_NOT_FOUND
		   ? req_fail_str(rq, ERR_INVALID, S("/project_id"), S("not-found"), S("There is no such project."))
		   : e;
}

/* ---- create, read, list ---- */

static enum err survey_create_http(struct req *rq)
{
	const struct survey_new *in = rq->in;
	struct draft draft;
	struct uuid id;
	enum err e;

	if ((e = in->definition != NULL ? draft_of(rq, in->definition, "/definition", &draft)
					: draft_empty(rq->arena, in->title, in->language, &draft)))
		return e;
	if ((e = project_named(rq, &in->project_id)) ||
	    (e = draft_insert(rq->tx, &in->project_id, in->title, &draft, &id)))
		return e;
	reply_location(rq, "/api/v1/surveys/", uuid_str(rq->arena, &id));
	return reply_survey(rq, 201, &id, 0);
}

static enum err survey_get_http(struct req *rq)
{
	const struct survey_include *q = rq->query;
	unsigned with = 0;

	for (size_t i = 0; i < q->include.n; i++)
		with |= str_eq(q->include.items[i], S("links"))	   ? WITH_LINKS
			: str_eq(q->include.items[i], S("counts")) ? WITH_COUNTS
								   : WITH_RETENTION;
	return reply_survey(rq, 200, &rq->ids[0], with);
}

static enum err survey_list_http(struct req *rq)
{
	const struct survey_filter *f = rq->query;
	const struct pg_param own[] = {LIST_TIME(rq, f, created_from), LIST_TIME(rq, f, created_to),
	    P_TEXT_OR_NULL(f->q), P_UUID_OR_NULL(&f->project_id), P_TEXT_OR_NULL(f->status),
	    P_TEXT_OR_NULL(f->language)};

	return list_reply(rq, &SQL_survey_list, own, countof(own));
}

/* ---- change ---- */

static enum err take_matching(struct req *rq, struct survey_row *row)
{
	enum err e = survey_take(rq->tx, rq->arena, &rq->ids[0], row);

	return e ? e : row->version == rq->if_match_version ? OK : ERR_STALE;
}

static bool is_number(const struct json *v)
{
	return v && json_is_num(v);
}

/* What NULL pointers and empty texts leave as it is; of the patch's retention the members that were sent. */
static enum err survey_write(struct req *rq, const struct survey_patch *to, const struct draft *draft)
{
	const struct json *days = rq->in == to ? json_get(rq->body, S("retention")) : NULL;
	bool abandon = rq->in == to && json_get(rq->body, S("abandon_hours"));
	const struct json *sent = rq->in == to ? rq->body : NULL;
	const struct draft none = {0};
	const struct draft *d = draft != NULL ? draft : &none;
#define DAYS(name)                                                                                                     \
	P_BOOL(json_get(days, S(#name)) != NULL), to->retention.name ? P_INT(to->retention.name) : P_NULL(PGT_INT)
/* 0 is a number like others. */
#define THRESHOLD(name)                                                                                                \
	P_BOOL(json_get(sent, S(#name)) != NULL),                                                                      \
	    is_number(json_get(sent, S(#name))) ? P_INT(to->name) : P_NULL(PGT_INT)
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_TEXT_OR_NULL(to->title), P_UUID_OR_NULL(&to->project_id),
	    draft != NULL ? P_JSON(d->text) : P_NULL(PGT_JSON), P_TEXT_OR_NULL(d->schema_version),
	    P_TEXT_OR_NULL(d->language), P_TEXT_OR_NULL(to->status), P_UUID(&rq->who.user_id), DAYS(answers_days),
	    DAYS(personal_days), DAYS(paradata_days), P_BOOL(abandon),
	    to->abandon_hours ? P_INT(to->abandon_hours) : P_NULL(PGT_INT), THRESHOLD(speeder_percent),
	    THRESHOLD(straight_rows), THRESHOLD(device_answers), THRESHOLD(panelist_answers),
	    THRESHOLD(duplicate_chars)};
#undef THRESHOLD
#undef DAYS
	enum err e;

	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_survey_update, in))))
		return e;
	rq->after_commit = survey_changed;
	return reply_survey(rq, 200, &rq->ids[0], 0);
}

static enum err merged_draft(struct req *rq, const struct survey_row *row, const struct json *patch, struct draft *out)
{
	struct json_error why;
	struct json *now, merged;
	enum err e;

	if (json_read(rq->arena, row->definition, &json_limits_default, &now, &why))
		return ERR_INTERNAL;
	if ((e = merge_patch(rq->arena, now, patch, &merged)))
		return e;
	return draft_of(rq, &merged, "/definition", out);
}

static enum err status_fault(struct req *rq, const struct survey_row *row, struct str to)
{
	struct str why;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, KB);
	buf_add(&b, S("A survey that is "));
	buf_add(&b, row->status);
	buf_add(&b, row->was_published ? S(" and was published") : S(" and was never published"));
	buf_add(&b, S(" cannot be set to "));
	buf_add(&b, to);
	buf_char(&b, '.');
	if ((e = buf_done(&b, &why)))
		return e;
	return req_fail_str(rq, ERR_CONFLICT, S("/status"), S("status"), why);
}

static enum err survey_patch_http(struct req *rq)
{
	const struct survey_patch *in = rq->in;
	bool content = in->title.n > 0 || in->definition != NULL || !uuid_is_nil(&in->project_id);
	struct survey_row row;
	struct draft draft;
	enum err e;

	if ((e = take_matching(rq, &row)))
		return e;
	if (rq->in_present == 0)
		return reply_survey(rq, 200, &rq->ids[0], 0);
	if (json_get(rq->body, S("retention")) && !req_can(rq, PERM_SURVEYS_DELETE))
		return req_fail(rq, ERR_FORBIDDEN, "/retention",
		    "Whoever says when answers are removed must be allowed to delete surveys.");
	if (in->status.n > 0 && !status_may_become(row.status, in->status, row.was_published))
		return status_fault(rq, &row, in->status);
	if (content && str_eq(in->status.n > 0 ? in->status : row.status, S("archived")))
		return req_fail(
		    rq, ERR_CONFLICT, NULL, "An archived survey is not changed; take it out of the archive first.");
	if (!uuid_is_nil(&in->project_id) && (e = project_named(rq, &in->project_id)))
		return e;
	if (in->definition != NULL && (e = merged_draft(rq, &row, in->definition, &draft)))
		return e;
	return survey_write(rq, in, in->definition != NULL ? &draft : NULL);
}

static enum err definition_put_http(struct req *rq)
{
	struct survey_row row;
	struct draft draft;
	enum err e;

	if ((e = draft_of(rq, rq->body, "", &draft)) || (e = take_matching(rq, &row)))
		return e;
	if (str_eq(row.status, S("archived")))
		return req_fail(
		    rq, ERR_CONFLICT, NULL, "An archived survey is not changed; take it out of the archive first.");
	return survey_write(rq, &(struct survey_patch){0}, &draft);
}

static enum err survey_delete_http(struct req *rq)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->who.user_id)};
	struct survey_row row;
	enum err e;

	if ((e = take_matching(rq, &row)))
		return e;
	if ((e = tx_queue(rq->tx, &Q_NO_OUT(SQL_survey_delete, in))))
		return e;
	rq->after_commit = survey_changed;
	return reply_empty(rq, 204);
}

/* ---- validate, publish, versions ---- */

static enum err validate_http(struct req *rq)
{
	struct compiling own;
	struct compiled compiled;
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e = compile_apart(&own, COMPILE_ARENA_MAX_BYTES, rq->body, S(""), 0, &compiled);

	if (!e)
		e = compiled_keep(rq->arena, &compiled);
	arena_free(&own.arena);
	if (e == ERR_LIMIT)
		return req_fail(rq, ERR_INVALID, "/survey", COMPILE_TOO_LARGE);
	if (e)
		return e;
	buf_init(&b, rq->arena, DIAGNOSTICS_TEXT_MAX_BYTES);
	json_out_init(&w, &b);
	compiled_json(&compiled, &w);
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err publish_fault(struct req *rq, const struct compiled *compiled)
{
	for (size_t i = 0; i < compiled->diagnostic_count; i++) {
		const struct diagnostic *d = &compiled->diagnostics[i];
		struct str at;
		struct buf b;
		enum err e;

		if (d->severity != SEV_ERROR)
			continue;
		buf_init(&b, rq->arena, 16 * KB);
		buf_add(&b, S("/definition"));
		buf_add(&b, d->pointer);
		if ((e = buf_done(&b, &at)))
			return e;
		req_error(rq, at, d->code, d->message);
	}
	return req_fail(rq, ERR_INVALID, NULL, "The draft has errors; mend them and publish again.");
}

static enum err version_json(
    struct req *rq, const struct uuid *survey, int64_t number, bool definition, struct str *json)
{
	const struct pg_param in[] = {P_UUID(survey), P_INT(number), P_BOOL(definition)};

	return tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_survey_version_get, in), json);
}

static enum err reply_published(struct req *rq, const struct published *p)
{
	struct str at, json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, KB);
	buf_add(&b, uuid_str(rq->arena, &rq->ids[0]));
	buf_add(&b, S("/versions/"));
	buf_int(&b, p->number);
	if ((e = buf_done(&b, &at)) || (e = version_json(rq, &rq->ids[0], p->number, false, &json)))
		return e;
	reply_location(rq, "/api/v1/surveys/", at);
	return reply_json(rq, 200, json);
}

static enum err publish_http(struct req *rq)
{
	struct compiled compiled;
	struct published p;
	enum err e = draft_publish(rq->tx, rq->arena, &rq->ids[0], 0, &compiled, &p);

	if (e == ERR_INVALID && compiled.error_count > 0)
		return publish_fault(rq, &compiled);
	if (e == ERR_LIMIT)
		return req_fail(rq, ERR_INVALID, "/definition/survey", COMPILE_TOO_LARGE);
	if (e == ERR_CONFLICT)
		return req_fail_str(rq, e, S("/status"), S("status"),
		    S("An archived survey is not published; take it out of the archive first."));
	if (e)
		return e;
	rq->after_commit = survey_changed;
	return reply_published(rq, &p);
}

static enum err version_list_http(struct req *rq)
{
	const struct pg_param own[] = {P_UUID(&rq->ids[0])};

	return list_reply(rq, &SQL_survey_version_list, own, countof(own));
}

static enum err version_get_http(struct req *rq)
{
	struct str json;
	int64_t number;
	enum err e;

	if (!str_to_int(rq->args[1], &number) || number < 1 || number > INT32_MAX)
		return ERR_NOT_FOUND;
	if ((e = version_json(rq, &rq->ids[0], number, true, &json)))
		return e;
	return reply_json(rq, 200, json);
}

#define SURVEYS "/api/v1/surveys"
#define SURVEY SURVEYS "/{id}"
static const int creates[] = {409, 0}, changes[] = {409, 412, 428, 0}, deletes[] = {412, 428, 0};

const struct route survey_routes[] = {
    {HTTP_POST, SURVEYS, PERM_SURVEYS_WRITE, RATE_CONSOLE, &survey_new_shape, &survey_out, 201, survey_create_http,
	"Create a draft", .flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION | ROUTE_EACH_PROJECT,
	.also = creates},
    {HTTP_GET, SURVEYS, PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &survey_item_out, 200, survey_list_http, "List surveys",
	.query = &survey_filter_shape, .flags = ROUTE_LIST | ROUTE_READ | ROUTE_EACH_PROJECT,
	.filters = "created_at title updated_at"},
    {HTTP_POST, SURVEYS "/validate", PERM_SURVEYS_READ, RATE_CONSOLE, &survey_document_shape, &survey_diagnostics_out,
	200, validate_http, "Check a definition without keeping it", .flags = ROUTE_NO_TX | ROUTE_EACH_PROJECT},
    {HTTP_GET, SURVEY, PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &survey_out, 200, survey_get_http,
	"Read a survey with its draft", .query = &survey_include_shape, .flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, SURVEY, PERM_SURVEYS_WRITE, RATE_CONSOLE, &survey_patch_shape, &survey_out, 200, survey_patch_http,
	"Change title, project, draft, status or retention", .flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = changes},
    {HTTP_PUT, SURVEY "/definition", PERM_SURVEYS_WRITE, RATE_CONSOLE, &survey_document_shape, &survey_out, 200,
	definition_put_http, "Replace the draft", .flags = ROUTE_IF_MATCH | ROUTE_ETAG, .also = changes},
    {HTTP_DELETE, SURVEY, PERM_SURVEYS_DELETE, RATE_CONSOLE, NULL, NULL, 204, survey_delete_http, "Delete a survey",
	.flags = ROUTE_IF_MATCH, .also = deletes},
    {HTTP_POST, SURVEY "/publish", PERM_SURVEYS_PUBLISH, RATE_CONSOLE, NULL, &survey_version_item_out, 200,
	publish_http, "Freeze the draft as a new version and open the survey",
	.flags = ROUTE_IDEMPOTENT | ROUTE_LOCATION, .also = creates},
    {HTTP_GET, SURVEY "/versions", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &survey_version_item_out, 200,
	version_list_http, "List published versions", .flags = ROUTE_LIST | ROUTE_READ, .filters = "number"},
    {HTTP_GET, SURVEY "/versions/{number}", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &survey_version_out, 200,
	version_get_http, "Read a published version with its definition", .flags = ROUTE_READ},
    ROUTE_END,
};
