/* /api/v1/surveys/{id}/responses: reading answers. */
#include "fieldwork/fieldwork.h"
#include "event/event.h"
#include "sql.h"
#include "vault/vault.h"

static const char *const statuses[] = {"in_progress", "completed", "screened_out", "quota_full", NULL};

#define RESPONSE_OUT_FIELDS                                                                                            \
	OUT("id", FT_UUID, REQUIRED, "Id"), OUT("survey_id", FT_UUID, REQUIRED, "Survey that was answered"),           \
	    OUT("link_id", FT_UUID, REQUIRED | NULLABLE, "Link that it came by"),                                      \
	    OUT("survey_version", FT_INT, REQUIRED, "Published version that it was judged by"),                        \
	    OUT("status", FT_ENUM, REQUIRED, "How the interview ended", .choices = statuses),                          \
	    OUT("outcome", FT_TEXT, REQUIRED | NULLABLE, "Name of the survey's outcome"),                              \
	    OUT("language", FT_LANGUAGE, REQUIRED, "Language of the interview"),                                       \
	    OUT("answers", FT_OBJECT, REQUIRED, "Answers by question name, without personal ones"),                    \
	    OUT("parameters", FT_OBJECT, REQUIRED, "Exported parameters by name"),                                     \
	    OUT("consents", FT_OBJECT, REQUIRED,                                                                       \
		"Consents given, by question name: text shown, language and time (at)"),                               \
	    OUT("has_personal", FT_BOOL, REQUIRED, "Whether there are personal answers, which are stored sealed"),     \
	    OUT("started_at", FT_TIME, REQUIRED | NULLABLE, "When the first page was opened"),                         \
	    OUT("completed_at", FT_TIME, REQUIRED | NULLABLE, "When the last page was sent"),                          \
	    OUT("duration_ms", FT_INT, REQUIRED | NULLABLE, "Time between the two"),                                   \
	    OUT("created_at", FT_TIME, REQUIRED, "When it was stored"),                                                \
	    OUT("updated_at", FT_TIME, REQUIRED, "When it was last changed"),                                          \
	    OUT("version", FT_INT, REQUIRED, "Counts its changes; the ETag")

static const struct field response_item_fields[] = {RESPONSE_OUT_FIELDS};
static const struct shape response_item_shape = SHAPE_OUT("ResponseItem", response_item_fields);
static const struct field response_fields[] = {RESPONSE_OUT_FIELDS,
    OUT("personal", FT_OBJECT, OPTIONAL,
	"Personal answers by question name, and under @consents those with personal words; for those who may see "
	"them")};
static const struct shape response_shape = SHAPE_OUT("Response", response_fields);

struct response_filter {
	struct str status, language;
	struct uuid link_id;
	int64_t created_from, created_to, survey_version;
};
static const struct field response_filter_fields[] = {
    FIELD(
	struct response_filter, status, FT_ENUM, OPTIONAL, 0, 0, "Only responses of this status", .choices = statuses),
    FIELD(struct response_filter, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Only interviews in this language"),
    FIELD(struct response_filter, link_id, FT_UUID, OPTIONAL, 0, 0, "Only responses that came by this link"),
    FIELD(struct response_filter, created_from, FT_TIME, OPTIONAL, 0, 0, "Stored at or after"),
    FIELD(struct response_filter, created_to, FT_TIME, OPTIONAL, 0, 0, "Stored before"),
    FIELD(struct response_filter, survey_version, FT_INT, OPTIONAL, 1, INT32_MAX,
	"Only responses to this published version"),
};
static const struct shape response_filter_shape =
    SHAPE("ResponseFilter", struct response_filter, response_filter_fields);

static enum err response_list_http(struct req *rq)
{
	const struct response_filter *f = rq->query;
	struct uuid after = {0};
	struct str sort = {0}, tag, json;
	bool present;
	enum err e;

	if ((e = cursor_read(rq, &sort, &after, &present)) || (e = cursor_tag(rq, &tag)))
		return e;
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_TEXT(rq->list.sort), P_BOOL(rq->list.descending),
	    P_TEXT_OR_NULL(sort), P_UUID(&after), P_INT(rq->list.limit), P_TEXT_OR_NULL(f->status),
	    P_TEXT_OR_NULL(f->language), P_UUID_OR_NULL(&f->link_id),
	    f->created_from ? P_TIME(f->created_from) : P_NULL(PGT_TIME),
	    f->created_to ? P_TIME(f->created_to) : P_NULL(PGT_TIME),
	    f->survey_version ? P_INT(f->survey_version) : P_NULL(PGT_INT), P_BOOL(rq->list.count), P_TEXT(tag)};

	if ((e = tx_json(rq->tx, rq->arena, &Q_NO_OUT(SQL_response_list, in), &json)))
		return e;
	return reply_json(rq, 200, json);
}

struct response_row {
	struct str json, sealed;
	int64_t version, sealed_key_version;
};

/* The row's object with one member more, at its end. */
static enum err with_personal(struct req *rq, const struct response_row *row, struct str *json)
{
	struct seal_place place = {S("responses"), S("sealed"), &rq->ids[1]};
	struct str plain, id;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 64);
	buf_add(&b, S("[\""));
	buf_add(&b, uuid_str(rq->arena, &rq->ids[1]));
	buf_add(&b, S("\"]"));
	if ((e = buf_done(&b, &id)) || (e = event_personal_read(rq, &rq->ids[0], 1, id)))
		return e;
	if ((e = vault_unseal(
		 rq->app->vault, rq->tx, VAULT_PII, &place, row->sealed_key_version, row->sealed, rq->arena, &plain)))
		return e == ERR_INVALID ? ERR_INTERNAL : e;
	buf_init(&b, rq->arena, row->json.n + plain.n + 32);
	buf_add(&b, str_sub(row->json, 0, row->json.n - 1));
	buf_add(&b, S(",\"personal\":"));
	buf_add(&b, plain);
	buf_char(&b, '}');
	return buf_done(&b, json);
}

static enum err response_get_http(struct req *rq)
{
	static const struct pg_col cols[] = {COL(struct response_row, json, PGT_JSON),
	    COL(struct response_row, version, PGT_INT), COL(struct response_row, sealed, PGT_BYTES),
	    COL(struct response_row, sealed_key_version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1])};
	struct response_row row = {0};
	struct str json;
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_response_get, in, cols), &row)))
		return e;
	if (reply_version_known(rq, row.version))
		return OK;
	json = row.json;
	if (row.sealed.n > 0 && req_can(rq, PERM_RESPONSES_PERSONAL) && (e = with_personal(rq, &row, &json)))
		return e;
	return reply_json(rq, 200, json);
}

const struct route response_routes[] = {
    {HTTP_GET, "/api/v1/surveys/{id}/responses", PERM_RESPONSES_READ, RATE_CONSOLE, NULL, &response_item_shape, 200,
	response_list_http, "List a survey's responses", .query = &response_filter_shape,
	.flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at completed_at"},
    {HTTP_GET, "/api/v1/surveys/{id}/responses/{response_id}", PERM_RESPONSES_READ, RATE_CONSOLE, NULL, &response_shape,
	200, response_get_http, "Read a response", .flags = ROUTE_ETAG},
    ROUTE_END,
};
