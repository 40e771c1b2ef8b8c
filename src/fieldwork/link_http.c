/* /api/v1/surveys/{id}/links: making, reading, changing and closing links. */
#include "core/list.h"
#include "fieldwork/link_http.h"
#include "fieldwork/link_panel.h"
#include "fieldwork/link_proof.h"
#include "fieldwork/page_language.h"
#include "sql.h"

static const char *const link_statuses[] = {"open", "closed", NULL};
static const char *const proof_modes[] = {"require", "flag", NULL};
static const char *const link_kinds[] = {"open", "test", "single_use", "panel", NULL};

#define KIND_ABOUT                                                                                                     \
	"open: whoever has the address; single_use: whoever has one of its codes, once; panel: whom a panel sends, "   \
	"once; test: for trying the survey out, "                                                                      \
	"marked and counted nowhere. It stays what it is"

#define MAX_ABOUT "How many interviews may be completed by it; no bound without"
#define ONCE_ABOUT "Whether the page lets each browser answer once only; of open links"
#define PROOF_ABOUT "Work asked for before anything is stored: zero bits of a hash, 16 are a moment; of open links"
#define PROOF_MODE_ABOUT                                                                                               \
	"What becomes of an answer that comes without the work: require: it is refused; flag: it is taken, with the "  \
	"flag no_proof"
#define EMBED_MAX 10
#define PANEL_ABOUT "Of a link of the kind panel: who comes, with what, and where they go afterwards"
#define EMBED_ABOUT "Origins whose pages may show it in a frame: https://HOST[:PORT], https://*.HOST; none when empty"

static const struct field link_new_fields[] = {
    FIELD(struct link_new, slug, FT_TEXT, OPTIONAL, 3, SLUG_MAX_BYTES,
	"End of the address: a-z, 0-9 and hyphens inside; a random one is made when absent"),
    FIELD(struct link_new, kind, FT_ENUM, OPTIONAL, 0, 0, KIND_ABOUT, .choices = link_kinds),
    FIELD(struct link_new, title, FT_TEXT, OPTIONAL, 0, 200, "What you call this link"),
    FIELD(struct link_new, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Language that this link opens in"),
    FIELD(struct link_new, opens_at, FT_TIME, OPTIONAL | NULLABLE, 0, 0, "Not answered before"),
    FIELD(struct link_new, closes_at, FT_TIME, OPTIONAL | NULLABLE, 0, 0, "Not answered from then on"),
    FIELD(struct link_new, max_completes, FT_INT, OPTIONAL | NULLABLE, 1, 1000000000, MAX_ABOUT),
    FIELD(struct link_new, once_per_device, FT_BOOL, OPTIONAL, 0, 0, ONCE_ABOUT),
    FIELD(struct link_new, proof_bits, FT_INT, OPTIONAL | NULLABLE, PROOF_BITS_MIN, PROOF_BITS_MAX, PROOF_ABOUT),
    FIELD(struct link_new, proof_mode, FT_ENUM, OPTIONAL, 0, 0, PROOF_MODE_ABOUT, .choices = proof_modes),
    FIELD(struct link_new, embed, FT_LIST, OPTIONAL, 0, EMBED_MAX, EMBED_ABOUT),
    FIELD(struct link_new, panel, FT_OBJECT, OPTIONAL, 0, 0, PANEL_ABOUT, .shape = &link_panel_shape),
};
static const struct shape link_new_shape = SHAPE("LinkNew", struct link_new, link_new_fields);

struct link_patch {
	struct str title, language, status, proof_mode;
	int64_t opens_at, closes_at, max_completes, proof_bits;
	bool once_per_device;
	struct str_list embed;
	struct panel_in panel;
};
static const struct field link_patch_fields[] = {
    FIELD(struct link_patch, title, FT_TEXT, OPTIONAL, 0, 200, "What you call this link"),
    FIELD(struct link_patch, language, FT_LANGUAGE, OPTIONAL | NULLABLE, 0, 0, "Language that this link opens in"),
    FIELD(struct link_patch, status, FT_ENUM, OPTIONAL, 0, 0, "Whether it takes answers", .choices = link_statuses),
    FIELD(struct link_patch, opens_at, FT_TIME, OPTIONAL | NULLABLE, 0, 0, "Not answered before"),
    FIELD(struct link_patch, closes_at, FT_TIME, OPTIONAL | NULLABLE, 0, 0, "Not answered from then on"),
    FIELD(struct link_patch, max_completes, FT_INT, OPTIONAL | NULLABLE, 1, 1000000000, MAX_ABOUT),
    FIELD(struct link_patch, once_per_device, FT_BOOL, OPTIONAL, 0, 0, ONCE_ABOUT),
    FIELD(struct link_patch, proof_bits, FT_INT, OPTIONAL | NULLABLE, PROOF_BITS_MIN, PROOF_BITS_MAX, PROOF_ABOUT),
    FIELD(struct link_patch, proof_mode, FT_ENUM, OPTIONAL, 0, 0, PROOF_MODE_ABOUT, .choices = proof_modes),
    FIELD(struct link_patch, embed, FT_LIST, OPTIONAL, 0, EMBED_MAX, EMBED_ABOUT),
    FIELD(struct link_patch, panel, FT_OBJECT, OPTIONAL, 0, 0, PANEL_ABOUT "; as a whole", .shape = &link_panel_shape),
};
static const struct shape link_patch_shape = SHAPE("LinkPatch", struct link_patch, link_patch_fields);

static const struct field link_counts_fields[] = {
    OUT("started", FT_INT, REQUIRED, "Begun: something of them was stored. It never falls"),
    OUT("completed", FT_INT, REQUIRED, "Completed"),
    OUT("screened_out", FT_INT, REQUIRED, "Screened out"),
    OUT("quota_full", FT_INT, REQUIRED, "Turned away at a quota that was full, or at max_completes"),
};
static const struct shape link_counts_shape = SHAPE_OUT("LinkCounts", link_counts_fields);

#define LINK_OUT_FIELDS                                                                                                \
	OUT("id", FT_UUID, REQUIRED, "Id"), OUT("survey_id", FT_UUID, REQUIRED, "Survey that it leads to"),            \
	    OUT("slug", FT_TEXT, REQUIRED, "End of its address"),                                                      \
	    OUT("url", FT_TEXT, REQUIRED, "Address for respondents"),                                                  \
	    OUT("kind", FT_ENUM, REQUIRED, KIND_ABOUT, .choices = link_kinds),                                         \
	    OUT("title", FT_TEXT, REQUIRED, "What you call this link"),                                                \
	    OUT("language", FT_LANGUAGE, REQUIRED | NULLABLE, "Language that it opens in"),                            \
	    OUT("status", FT_ENUM, REQUIRED, "Whether it takes answers", .choices = link_statuses),                    \
	    OUT("opens_at", FT_TIME, REQUIRED | NULLABLE, "Not answered before"),                                      \
	    OUT("closes_at", FT_TIME, REQUIRED | NULLABLE, "Not answered from then on"),                               \
	    OUT("max_completes", FT_INT, REQUIRED | NULLABLE, MAX_ABOUT),                                              \
	    OUT("once_per_device", FT_BOOL, REQUIRED, ONCE_ABOUT),                                                     \
	    OUT("password", FT_BOOL, REQUIRED, "Whether it asks for a password"),                                      \
	    OUT("panel", FT_OBJECT, REQUIRED | NULLABLE, PANEL_ABOUT, .shape = &link_panel_shape),                     \
	    OUT("proof_bits", FT_INT, REQUIRED | NULLABLE, PROOF_ABOUT),                                               \
	    OUT("proof_mode", FT_ENUM, REQUIRED, PROOF_MODE_ABOUT, .choices = proof_modes),                            \
	    OUT("counts", FT_OBJECT, REQUIRED, "Interviews by it", .shape = &link_counts_shape),                       \
	    OUT("embed", FT_LIST, REQUIRED, EMBED_ABOUT), OUT("created_at", FT_TIME, REQUIRED, "When it was made"),    \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("created_by", FT_UUID, REQUIRED | NULLABLE, "Who made it"),                                            \
	    OUT("updated_by", FT_UUID, REQUIRED | NULLABLE, "Who changed it last"),                                    \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes; the ETag")

static const struct field link_item_fields[] = {LINK_OUT_FIELDS};
static const struct shape link_item_shape = SHAPE_OUT("LinkItem", link_item_fields);
static const struct field link_fields[] = {
    LINK_OUT_FIELDS, OUT("secret", FT_TEXT, OPTIONAL,
			 "Key of signed redirects (HMAC-SHA256); for those who may change links. Panel links have one "
			 "that is shown once")};
const struct shape link_shape = SHAPE_OUT("Link", link_fields);

struct link_filter {
	struct str status, kind;
};
static const struct field link_filter_fields[] = {
    FIELD(struct link_filter, status, FT_ENUM, OPTIONAL, 0, 0, "Only links of this status", .choices = link_statuses),
    FIELD(struct link_filter, kind, FT_ENUM, OPTIONAL, 0, 0, "Only links of this kind", .choices = link_kinds),
};
static const struct shape link_filter_shape = SHAPE("LinkFilter", struct link_filter, link_filter_fields);

enum err link_reply(struct req *rq, int status, const struct uuid *survey_id, const struct uuid *id)
{
	struct link_row {
		struct str json;
		int64_t version;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct link_row, json, PGT_JSON), COL(struct link_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(survey_id), P_UUID(id), P_TEXT(str_from(rq->app->public_url)),
	    P_BOOL(req_can(rq, PERM_LINKS_WRITE))};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	return reply_json(rq, status, row.json);
}

static enum err check_dates(struct req *rq, int64_t opens_ms, int64_t closes_ms)
{
	if (opens_ms && closes_ms && closes_ms <= opens_ms)
		return req_fail(rq, ERR_INVALID, "/closes_at", "a link closes after it opens");
	return OK;
}

/* What a link opens in has to be a language that the survey is, or will be, in. */
static enum err check_language(struct req *rq, struct str language)
{
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct json_error why;
	struct str text, *offered;
	struct json *list;
	enum err e;

	if (language.n == 0)
		return OK;
	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_link_languages, in), &text)))
		return e;
	if (json_read(rq->arena, text, &json_limits_default, &list, &why) || list->type != JSON_ARRAY)
		return ERR_INTERNAL;
	if (!(offered = arena_array(rq->arena, struct str, list->count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < list->count; i++)
		offered[i] = list->items[i].s;
	return list->count == 0 || language_match(language, offered, list->count).n > 0
		   ? OK
		   : language_refused(rq, S("/language"), offered, list->count);
}

static enum err check_embed(struct req *rq, const struct str_list *origins, struct str *text)
{
	enum err e = embed_text(rq->arena, origins, text);

	return e == ERR_INVALID
		   ? req_fail(rq, e, "/embed",
			 "an origin is https://HOST or https://HOST:PORT in small letters; a host may begin with *.")
		   : e;
}

/* Tests count nowhere. */
static enum err check_max(struct req *rq, struct str kind, int64_t max)
{
	return max && str_eq(kind, S("test"))
		   ? req_fail(rq, ERR_INVALID, "/max_completes", "what comes by a test link is not counted")
		   : OK;
}

static enum err check_once(struct req *rq, struct str kind, bool once)
{
	return once && kind.n > 0 && !str_eq(kind, S("open"))
		   ? req_fail(rq, ERR_INVALID, "/once_per_device", "only open links let each browser answer once")
		   : OK;
}

static enum err check_proof(struct req *rq, struct str kind, int64_t bits)
{
	return bits && kind.n > 0 && !str_eq(kind, S("open"))
		   ? req_fail(rq, ERR_INVALID, "/proof_bits", "only open links ask for work")
		   : OK;
}

static enum err link_create_http(struct req *rq)
{
	struct link_new *in = rq->in;
	struct uuid id;
	struct str slug, prefix, embed, secret;
	struct buf b;
	enum err e;

	if (in->slug.n > 0 && !slug_ok(in->slug))
		return req_fail(
		    rq, ERR_INVALID, "/slug", "a slug is 3 to 64 of a-z, 0-9 and hyphens, with no hyphen at its ends");
	if ((e = check_dates(rq, in->opens_at, in->closes_at)) || (e = check_language(rq, in->language)) ||
	    (e = check_embed(rq, &in->embed, &embed)) || (e = check_max(rq, in->kind, in->max_completes)) ||
	    (e = check_once(rq, in->kind, in->once_per_device)) || (e = check_proof(rq, in->kind, in->proof_bits)) ||
	    (e = link_panel_text(rq, in->kind, &in->panel, &in->panel_json)))
		return e;
	e = link_create(rq->tx, rq->arena, &rq->ids[0], in, &id, &slug);
	if (e == ERR_CONFLICT)
		return req_fail(rq, e, "/slug", "this slug is taken");
	if (e)
		return e;
	if (in->panel_json.n > 0 && (e = panel_secret_make(rq, (struct uuid[2]){rq->ids[0], id}, &secret)))
		return e;
	buf_init(&b, rq->arena, 256);
	buf_add(&b, S("/api/v1/surveys/"));
	buf_add(&b, uuid_str(rq->arena, &rq->ids[0]));
	buf_add(&b, S("/links/"));
	buf_add(&b, uuid_str(rq->arena, &id));
	if ((e = buf_done(&b, &prefix)))
		return e;
	reply_header(rq, S("Location"), prefix);
	return link_reply(rq, 201, &rq->ids[0], &id);
}

static enum err link_list_http(struct req *rq)
{
	const struct link_filter *filter = rq->query;
	const struct pg_param own[] = {P_UUID(&rq->ids[0]), P_TEXT_OR_NULL(filter->status),
	    P_TEXT(str_from(rq->app->public_url)), P_TEXT_OR_NULL(filter->kind)};

	return list_reply(rq, &SQL_link_list, own, countof(own));
}

static enum err link_get_http(struct req *rq)
{
	return link_reply(rq, 200, &rq->ids[0], &rq->ids[1]);
}

enum err link_take(struct req *rq, struct link_now *now)
{
	static const struct pg_col cols[] = {COL(struct link_now, slug, PGT_TEXT),
	    COL(struct link_now, version, PGT_INT), COL(struct link_now, opens_at, PGT_TIME),
	    COL(struct link_now, closes_at, PGT_TIME), COL(struct link_now, kind, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_lock, in, cols), now)))
		return e;
	return now->version == rq->if_match_version ? OK : ERR_STALE;
}

static void drop_cached(struct req *rq)
{
	cache_drop(rq->app->cache, &link_cache, rq->changed);
}

enum err link_changed(struct req *rq, const struct link_now *now)
{
	struct buf b;

	rq->after_commit = drop_cached;
	buf_init(&b, rq->arena, 128);
	buf_add(&b, S("slug:"));
	buf_add(&b, now->slug);
	return buf_done(&b, &rq->changed);
}

static enum err link_patch_http(struct req *rq)
{
	const struct link_patch *in = rq->in;
	struct str embed, panel = {0};
	struct link_now now;
	enum err e;

#define HAS(member) schema_has(&link_patch_shape, rq->in_present, #member)
	if ((e = link_take(rq, &now)))
		return e;
	if ((e = check_language(rq, in->language)) || (e = check_embed(rq, &in->embed, &embed)) ||
	    (e = check_max(rq, now.kind, in->max_completes)) || (e = check_once(rq, now.kind, in->once_per_device)))
		return e;
	if ((e = check_proof(rq, now.kind, in->proof_bits)) ||
	    (HAS(panel) && (e = link_panel_text(rq, now.kind, &in->panel, &panel))))
		return e;
	if ((e = check_dates(
		 rq, HAS(opens_at) ? in->opens_at : now.opens_at, HAS(closes_at) ? in->closes_at : now.closes_at)))
		return e;
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_BOOL(HAS(title)),
	    P_TEXT(in->title), P_BOOL(HAS(language)), P_TEXT_OR_NULL(in->language), P_TEXT_OR_NULL(in->status),
	    P_BOOL(HAS(opens_at)), in->opens_at ? P_TIME(in->opens_at) : P_NULL(PGT_TIME), P_BOOL(HAS(closes_at)),
	    in->closes_at ? P_TIME(in->closes_at) : P_NULL(PGT_TIME), P_UUID_OR_NULL(tx_actor(rq->tx)),
	    HAS(embed) ? P_TEXT(embed) : P_NULL(PGT_TEXT), P_BOOL(HAS(max_completes)),
	    in->max_completes ? P_INT(in->max_completes) : P_NULL(PGT_INT),
	    HAS(once_per_device) ? P_BOOL(in->once_per_device) : P_NULL(PGT_BOOL),
	    panel.n > 0 ? P_JSON(panel) : P_NULL(PGT_JSON), P_BOOL(HAS(proof_bits)),
	    in->proof_bits ? P_INT(in->proof_bits) : P_NULL(PGT_INT), P_TEXT_OR_NULL(in->proof_mode)};
#undef HAS

	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_link_update, params), NULL)))
		return e;
	if ((e = link_reply(rq, 200, &rq->ids[0], &rq->ids[1])))
		return e;
	return link_changed(rq, &now);
}

static enum err link_delete_http(struct req *rq)
{
	struct link_now now;
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_UUID_OR_NULL(tx_actor(rq->tx))};
	enum err e;

	if ((e = link_take(rq, &now)))
		return e;
	if ((e = tx_exec(rq->tx, &Q_NO_OUT(SQL_link_delete, params), NULL)))
		return e;
	reply_empty(rq, 204);
	return link_changed(rq, &now);
}

#define LINKS "/api/v1/surveys/{id}/links"
const struct route link_routes[] = {
    {HTTP_POST, LINKS, PERM_LINKS_WRITE, RATE_CONSOLE, &link_new_shape, &link_shape, 201, link_create_http,
	"Make a link to a survey", .flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION,
	.also = (const int[]){404, 409, 0}},
    {HTTP_GET, LINKS, PERM_LINKS_READ, RATE_CONSOLE, NULL, &link_item_shape, 200, link_list_http,
	"List a survey's links", .query = &link_filter_shape, .flags = ROUTE_LIST | ROUTE_READ,
	.filters = "created_at"},
    {HTTP_GET, LINKS "/{link_id}", PERM_LINKS_READ, RATE_CONSOLE, NULL, &link_shape, 200, link_get_http, "Read a link",
	.flags = ROUTE_READ | ROUTE_ETAG},
    {HTTP_PATCH, LINKS "/{link_id}", PERM_LINKS_WRITE, RATE_CONSOLE, &link_patch_shape, &link_shape, 200,
	link_patch_http, "Change a link", .flags = ROUTE_IF_MATCH | ROUTE_ETAG},
    {HTTP_DELETE, LINKS "/{link_id}", PERM_LINKS_WRITE, RATE_CONSOLE, NULL, NULL, 204, link_delete_http,
	"Delete a link", .flags = ROUTE_IF_MATCH},
    ROUTE_END,
};
