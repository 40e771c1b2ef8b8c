/* /api/v1/surveys/{id}/responses: reading answers. */
#include "base/hash.h"
#include "core/list.h"
#include "event/event.h"
#include "fieldwork/response_change.h"
#include "fieldwork/response_filter.h"
#include "fieldwork/sealing.h"
#include "sql.h"

#define RESPONSE_OUT_FIELDS                                                                                            \
	OUT("id", FT_UUID, REQUIRED, "Id"), OUT("survey_id", FT_UUID, REQUIRED, "Survey that was answered"),           \
	    OUT("link_id", FT_UUID, REQUIRED | NULLABLE, "Link that it came by"),                                      \
	    OUT("test", FT_BOOL, REQUIRED, "Whether it came by a test link"),                                          \
	    OUT("survey_version", FT_INT, REQUIRED, "Published version that it was judged by"),                        \
	    OUT("status", FT_ENUM, REQUIRED, "Where the interview is, or how it ended", .choices = response_statuses), \
	    OUT("outcome", FT_TEXT, REQUIRED | NULLABLE, "Name of the survey's outcome"),                              \
	    OUT("reject_reason", FT_TEXT, REQUIRED | NULLABLE, "Why it was rejected"),                                 \
	    OUT("flags", FT_LIST, REQUIRED, "What is doubtful about it once it is completed",                          \
		.choices = response_flags),                                                                            \
	    OUT("language", FT_LANGUAGE, REQUIRED, "Language of the interview"),                                       \
	    OUT("answers", FT_OBJECT, REQUIRED, "Answers by question name, without personal ones"),                    \
	    OUT("parameters", FT_OBJECT, REQUIRED, "Exported parameters by name"),                                     \
	    OUT("consents", FT_OBJECT, REQUIRED,                                                                       \
		"Consents given, by question name: text shown, language and time (at)"),                               \
	    OUT("has_personal", FT_BOOL, REQUIRED, "Whether there are personal answers, which are stored sealed"),     \
	    OUT("shredded", FT_BOOL, REQUIRED,                                                                         \
		"Whether something of it was sealed with a key that was destroyed, so that nobody can read it again"), \
	    OUT("unreadable", FT_BOOL, OPTIONAL,                                                                       \
		"True where its sealed answers are damaged and do not open: answers and consents are {} then"),        \
	    OUT("started_at", FT_TIME, REQUIRED | NULLABLE, "When the first page was opened"),                         \
	    OUT("last_at", FT_TIME, REQUIRED | NULLABLE, "When something of it came last"),                            \
	    OUT("device", FT_ENUM, REQUIRED | NULLABLE, "What it was begun on, by what the browser says of itself",    \
		.choices = devices),                                                                                   \
	    OUT("completed_at", FT_TIME, REQUIRED | NULLABLE, "When the last page was sent"),                          \
	    OUT("duration_ms", FT_INT, REQUIRED | NULLABLE, "Time between the two"),                                   \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was stored"),                                                \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes; the ETag")

static const char *const devices[] = {"desktop", "mobile", "tablet", "other", NULL};
static const struct field response_item_fields[] = {RESPONSE_OUT_FIELDS};
static const struct shape response_item_shape = SHAPE_OUT("ResponseItem", response_item_fields);
static const struct field response_fields[] = {RESPONSE_OUT_FIELDS,
    OUT("page_ms", FT_OBJECT, REQUIRED, "How long each page lay open, by its number; {} when it came whole"),
    OUT("paradata", FT_OBJECT, REQUIRED, "What the client measured, as it sent it"),
    OUT("seed", FT_TEXT, REQUIRED, "What random orders were drawn from; \"0\" once it was removed"),
    OUT("program_hash", FT_TEXT, REQUIRED, "SHA-256 of the compiled survey that judged it"),
    OUT("personal", FT_OBJECT, OPTIONAL,
	"Personal answers by question name, and under @consents those with personal words; for those who may see "
	"them")};
const struct shape response_shape = SHAPE_OUT("Response", response_fields);

/* ---- answers that are sealed as a whole ---- */

struct opened {
	struct str answers, consents;
	bool unreadable;
};

static void log_unreadable(struct req *rq, const struct uuid *id)
{
	log_message(rq->app->log, LOG_ERROR, "a sealed answer does not open", uuid_str(rq->arena, id));
}

/* What does not open is no reason to keep the others back: shredded or damaged, the reply says so. */
static enum err open_rest(struct req *rq, const struct uuid *id, const struct sealed_piece *piece, struct opened *out)
{
	const struct answer_row at = {&rq->ids[0], id};
	enum err e = rest_open(rq->app, rq->tx, &at, piece, rq->arena, &out->answers, &out->consents);

	out->unreadable = e == ERR_INVALID;
	if (out->unreadable)
		log_unreadable(rq, id);
	if (e == ERR_GONE || e == ERR_INVALID)
		out->answers = out->consents = S("{}");
	return e == ERR_GONE || e == ERR_INVALID ? OK : e;
}

/* The object as the database made it, with the answers and consents that it could not read. */
static void put_opened(struct json_out *w, const struct json *item, const struct opened *opened)
{
	json_open(w, '{');
	for (uint32_t i = 0; i < item->count; i++) {
		const struct json_member *m = &item->members[i];

		json_key(w, m->key);
		if (str_eq(m->key, S("answers")))
			json_put_raw(w, opened->answers);
		else if (str_eq(m->key, S("consents")))
			json_put_raw(w, opened->consents);
		else
			json_put(w, &m->value);
	}
	if (opened->unreadable)
		json_field_bool(w, S("unreadable"), true);
	json_close(w, '}');
}

static enum err put_item(struct req *rq, struct json_out *w, const struct json *item, const struct json *seals)
{
	struct str id_text = json_str_or(item, S("id"), S(""));
	const struct json *seal = json_get(seals, id_text), *version = seal ? json_get(seal, S("key_version")) : NULL;
	struct sealed_piece piece;
	struct opened opened;
	struct uuid id;
	enum err e;

	if (!version) {
		json_put(w, item);
		return OK;
	}
	piece.key_version = version->i;
	if (!uuid_read(id_text, &id) || base64url_read(rq->arena, json_str_or(seal, S("sealed"), S("")), &piece.bytes))
		return ERR_INTERNAL;
	if ((e = open_rest(rq, &id, &piece, &opened)))
		return e;
	put_opened(w, item, &opened);
	return OK;
}

/* The page with what is sealed in it opened; `seals` has, by id, the key's version and the sealed bytes. */
static enum err open_list(struct req *rq, struct str json, struct str seals_json, struct str *out)
{
	static const struct json_limits limits = {.depth = 40, .keys = 2000000, .values = 8000000, .number_chars = 64};
	const struct json *items;
	struct json_error why;
	struct json_out w;
	struct json *doc, *seals;
	struct buf b;
	enum err e;

	if (json_read(rq->arena, json, &limits, &doc, &why) || !(items = json_get(doc, S("items"))) ||
	    json_read(rq->arena, seals_json, &limits, &seals, &why))
		return ERR_INTERNAL;
	buf_init(&b, rq->arena, REQUEST_ARENA_MAX_BYTES / 2);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (uint32_t i = 0; i < doc->count; i++) {
		json_key(&w, doc->members[i].key);
		if (&doc->members[i].value != items) {
			json_put(&w, &doc->members[i].value);
			continue;
		}
		json_open(&w, '[');
		for (uint32_t k = 0; k < items->count; k++)
			if ((e = put_item(rq, &w, &items->items[k], seals)))
				return e;
		json_close(&w, ']');
	}
	json_close(&w, '}');
	return buf_done(&b, out);
}

/* Most pages go out as the database made them. */
static enum err reply_list(struct req *rq, const struct pg_param *own, size_t own_count)
{
	struct list_row {
		struct str json, seals;
	} row;
	static const struct pg_col cols[] = {
	    COL(struct list_row, json, PGT_JSON), COL(struct list_row, seals, PGT_JSON)};
	struct query q;
	enum err e;

	if ((e = list_query(rq, &SQL_response_list, own, own_count, &q)))
		return e;
	q.cols = cols;
	q.col_count = countof(cols);
	e = tx_one(rq->tx, rq->arena, &q, &row);
	if (!e && row.seals.n > 0)
		e = open_list(rq, row.json, row.seals, &row.json);
	return e ? e : reply_json(rq, 200, row.json);
}

static enum err response_list_http(struct req *rq)
{
	const struct response_filter *f = rq->query;
	struct response_where where;
	enum err e;

	if ((e = response_where(rq, &rq->ids[0], f, &where)))
		return e;
	if (where.search.n > 0 && !str_eq(rq->list.sort, S("created_at")))
		return req_fail(
		    rq, ERR_INVALID, "/query/sort", "what is searched is listed by created_at or -created_at");
	const struct pg_param own[] = {P_UUID(&rq->ids[0]), P_TEXT_OR_NULL(where.statuses), P_TEXT_OR_NULL(f->language),
	    P_UUID_OR_NULL(&f->link_id), LIST_TIME(rq, f, created_from), LIST_TIME(rq, f, created_to),
	    f->survey_version ? P_INT(f->survey_version) : P_NULL(PGT_INT), LIST_TIME(rq, f, completed_from),
	    LIST_TIME(rq, f, completed_to), where.quota_cells.n ? P_JSON(where.quota_cells) : P_NULL(PGT_JSON),
	    where.search.n ? P_JSON(where.search) : P_NULL(PGT_JSON), P_BOOL(f->test), P_TEXT_OR_NULL(where.flags)};

	return reply_list(rq, own, countof(own));
}

struct response_row {
	struct str json, sealed, answers_sealed;
	int64_t version, sealed_key_version, answers_key_version;
};

static enum err fail_unreadable(struct req *rq)
{
	return req_fail(rq, ERR_CONFLICT, "", "what is sealed of this response is damaged and does not open");
}

/* The row's object with one member more, at its end; none when the key is gone. */
static enum err with_personal(struct req *rq, const struct response_row *row, struct str *json)
{
	const struct sealed_piece piece = {row->sealed, row->sealed_key_version};
	const struct answer_row at = {&rq->ids[0], &rq->ids[1]};
	struct str plain, id, object = *json;
	struct buf b;
	enum err e = personal_open(rq->app, rq->tx, &at, &piece, rq->arena, &plain);

	if (e == ERR_INVALID) {
		log_unreadable(rq, &rq->ids[1]);
		return fail_unreadable(rq);
	}
	if (e)
		return e == ERR_GONE ? OK : e;
	buf_init(&b, rq->arena, 64);
	buf_add(&b, S("[\""));
	buf_add(&b, uuid_str(rq->arena, &rq->ids[1]));
	buf_add(&b, S("\"]"));
	if ((e = buf_done(&b, &id)) || (e = event_personal_read(rq, &rq->ids[0], 1, id)))
		return e;
	buf_init(&b, rq->arena, object.n + plain.n + 32);
	buf_add(&b, str_sub(object, 0, object.n - 1));
	buf_add(&b, S(",\"personal\":"));
	buf_add(&b, plain);
	buf_char(&b, '}');
	return buf_done(&b, json);
}

static enum err with_rest(struct req *rq, const struct response_row *row, struct str *json)
{
	const struct sealed_piece piece = {row->answers_sealed, row->answers_key_version};
	struct json_error why;
	struct opened opened;
	struct json_out w;
	struct json *doc;
	struct buf b;
	enum err e;

	if ((e = open_rest(rq, &rq->ids[1], &piece, &opened)))
		return e;
	if (opened.unreadable)
		return fail_unreadable(rq);
	if (json_read(rq->arena, *json, &json_limits_default, &doc, &why))
		return ERR_INTERNAL;
	buf_init(&b, rq->arena, 2 * json->n + opened.answers.n + opened.consents.n + KB);
	json_out_init(&w, &b);
	put_opened(&w, doc, &opened);
	return buf_done(&b, json);
}

enum err response_reply(struct req *rq)
{
	static const struct pg_col cols[] = {COL(struct response_row, json, PGT_JSON),
	    COL(struct response_row, version, PGT_INT), COL(struct response_row, sealed, PGT_BYTES),
	    COL(struct response_row, sealed_key_version, PGT_INT), COL(struct response_row, answers_sealed, PGT_BYTES),
	    COL(struct response_row, answers_key_version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};
	struct response_row row = {0};
	struct str json;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_response_get, in, cols), &row)))
		return e;
	if (rq->route->method == HTTP_GET && reply_version_known(rq, row.version))
		return OK;
	reply_etag_version(rq, row.version);
	json = row.json;
	if (row.answers_sealed.n > 0 && (e = with_rest(rq, &row, &json)))
		return e;
	if (row.sealed.n > 0 && req_can(rq, PERM_RESPONSES_PERSONAL) && (e = with_personal(rq, &row, &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route response_routes[] = {
    {HTTP_GET, "/api/v1/surveys/{id}/responses", PERM_RESPONSES_READ, RATE_CONSOLE, NULL, &response_item_shape, 200,
	response_list_http, "List a survey's responses", .query = &response_filter_shape,
	.flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at completed_at"},
    {HTTP_GET, "/api/v1/surveys/{id}/responses/{response_id}", PERM_RESPONSES_READ, RATE_CONSOLE, NULL, &response_shape,
	200, response_reply, "Read a response", .flags = ROUTE_ETAG, .also = (const int[]){409, 0}},
    ROUTE_END,
};
