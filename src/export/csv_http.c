/* GET /api/v1/surveys/{id}/responses.csv: every answer as a row, streamed; memory does not grow with the number of
 * answers. */
#include "base/time.h"
#include "event/event.h"
#include "export/export.h"
#include "export/table.h"
#include "sql.h"
#include "survey/survey.h"
#include "vault/vault.h"

static const char *const headings[] = {"names", "labels", NULL};
static const char *const statuses[] = {
    "started", "in_progress", "completed", "screened_out", "quota_full", "partial", "rejected", NULL};

struct csv_query {
	struct str header, language, status;
	bool personal, bom, test;
};
static const struct field csv_query_fields[] = {
    FIELD(struct csv_query, header, FT_ENUM, OPTIONAL, 0, 0,
	"First row: names of the questions (default) or their titles", .choices = headings),
    FIELD(struct csv_query, language, FT_LANGUAGE, OPTIONAL, 0, 0,
	"Language of the titles; the survey's own when absent"),
    FIELD(struct csv_query, status, FT_ENUM, OPTIONAL, 0, 0,
	"Only responses of this status; all but those under way when absent", .choices = statuses),
    FIELD(struct csv_query, test, FT_BOOL, OPTIONAL, 0, 0,
	"True: the responses that came by test links, which are left out otherwise"),
    FIELD(struct csv_query, personal, FT_BOOL, OPTIONAL, 0, 0, "Personal answers too; needs responses:read_pii"),
    FIELD(struct csv_query, bom, FT_BOOL, OPTIONAL, 0, 0,
	"Begin with a byte order mark, which some spreadsheets need to see UTF-8"),
};
static const struct shape csv_query_shape = SHAPE("CsvQuery", struct csv_query, csv_query_fields);

struct csv_row {
	struct uuid id;
	struct str status, outcome, language, link, flags, answers, parameters, consents, sealed, answers_sealed;
	int64_t survey_version, started_at, completed_at, duration_ms, created_at, sealed_key_version,
	    answers_key_version;
};
static const struct pg_col csv_cols[] = {
    COL(struct csv_row, id, PGT_UUID),
    COL(struct csv_row, status, PGT_TEXT),
    COL(struct csv_row, outcome, PGT_TEXT),
    COL(struct csv_row, language, PGT_TEXT),
    COL(struct csv_row, survey_version, PGT_INT),
    COL(struct csv_row, link, PGT_TEXT),
    COL(struct csv_row, started_at, PGT_TIME),
    COL(struct csv_row, completed_at, PGT_TIME),
    COL(struct csv_row, duration_ms, PGT_INT),
    COL(struct csv_row, created_at, PGT_TIME),
    COL(struct csv_row, answers, PGT_JSON),
    COL(struct csv_row, parameters, PGT_JSON),
    COL(struct csv_row, consents, PGT_JSON),
    COL(struct csv_row, sealed, PGT_BYTES),
    COL(struct csv_row, sealed_key_version, PGT_INT),
    COL(struct csv_row, answers_sealed, PGT_BYTES),
    COL(struct csv_row, answers_key_version, PGT_INT),
    COL(struct csv_row, flags, PGT_TEXT),
};

struct csv {
	struct req *rq;
	const struct csv_query *query;
	struct table table;
	struct tx *rows;
	struct arena scratch; /* one row */
	struct arena own;     /* transactions and the chunk of the stream */
	struct buf chunk;
};

/* ---- columns ---- */

static enum err add_version(struct csv *c, int64_t number)
{
	const struct survey_program *survey;
	struct req *rq = c->rq;
	struct cache_entry *pin;
	enum err e;

	if ((e = survey_program_get(rq->app, rq->tx, &rq->ids[0], number, rq->arena, &survey, &pin)))
		return e;
	e = table_add(&c->table, survey->program, c->query->language, c->query->personal, rq->arena);
	cache_release(rq->app->cache, pin);
	return e;
}

static enum err read_columns(struct csv *c)
{
	const struct pg_param in[] = {P_UUID(&c->rq->ids[0]), P_INT(EXPORT_VERSIONS_MAX)};
	struct json_error why;
	struct json *numbers;
	struct str json;
	enum err e;

	if ((e = table_init(&c->table, c->rq->arena)) ||
	    (e = tx_json(c->rq->tx, c->rq->arena, &Q_NO_OUT(SQL_export_versions, in), &json)))
		return e;
	if (json_read(c->rq->arena, json, &json_limits_default, &numbers, &why))
		return ERR_INTERNAL;
	for (uint32_t i = 0; i < numbers->count; i++)
		if ((e = add_version(c, numbers->items[i].i)))
			return e;
	return OK;
}

/* ---- rows ---- */

static void put_time(struct buf *out, int64_t ms)
{
	char text[TIME_TEXT_BYTES];

	buf_char(out, ',');
	if (!ms)
		return;
	time_text(ms, text);
	buf_add(out, str_make(text, sizeof(text)));
}

static void put_text(struct buf *out, struct str text)
{
	buf_char(out, ',');
	csv_field(out, text, false);
}

static void put_int(struct buf *out, int64_t v, bool known)
{
	buf_char(out, ',');
	if (known)
		buf_int(out, v);
}

static void put_head(struct csv *c)
{
	if (c->query->bom)
		buf_add(&c->chunk, S("\xef\xbb\xbf"));
	buf_add(&c->chunk,
	    S("id,status,outcome,language,survey_version,link,started_at,completed_at,duration_ms,created_at,flags"));
	table_head(&c->table, str_eq(c->query->header, S("labels")), &c->chunk);
	buf_add(&c->chunk, S("\r\n"));
}

static enum err send_chunk(struct csv *c)
{
	struct str bytes;
	enum err e;

	if ((e = buf_done(&c->chunk, &bytes)))
		return e;
	c->chunk.n = 0;
	return bytes.n > 0 ? http_stream_write(c->rq->x, bytes) : OK;
}

static enum err unseal(
    struct csv *c, const struct seal_place *place, int64_t version, struct str sealed, struct str *plain)
{
	enum vault_purpose purpose = str_eq(place->column, S("sealed")) ? VAULT_PII : VAULT_RESPONSE;
	struct app *app = c->rq->app;
	struct tx *keys;
	enum err e;

	/* `rows` is busy. Another connection is taken only for a key that the process does not hold, every few seconds, and given back at once. */
	if ((e = req_tx_open(c->rq, true, &c->scratch, &keys)))
		return e;
	e = vault_unseal(app->vault, keys, purpose, place, version, sealed, &c->scratch, plain);
	tx_rollback(keys);
	return e;
}

/* What was shredded, or is damaged and does not open, stays empty: the other rows are worth having. The latter is told. */
static enum err leave_empty(struct csv *c, const struct csv_row *row, enum err e)
{
	if (e == ERR_INVALID)
		log_message(
		    c->rq->app->log, LOG_ERROR, "a sealed answer does not open", uuid_str(&c->scratch, &row->id));
	return e == ERR_INVALID || e == ERR_GONE ? OK : e;
}

static enum err read_personal(struct csv *c, const struct csv_row *row, struct json **personal)
{
	struct seal_place place = {S("responses"), S("sealed"), &row->id, &c->rq->ids[0]};
	struct json_error why;
	struct str plain;
	enum err e;

	*personal = NULL;
	if (!c->query->personal || row->sealed.n == 0)
		return OK;
	e = unseal(c, &place, row->sealed_key_version, row->sealed, &plain);
	if (e)
		return leave_empty(c, row, e);
	return json_read(&c->scratch, plain, &json_limits_default, personal, &why) ? ERR_INTERNAL : OK;
}

/* Where all answers of the tenant are sealed: {"answers": ..., "consents": ...}. */
static enum err read_rest(struct csv *c, const struct csv_row *row, struct json **answers, struct json **consents)
{
	struct seal_place place = {S("responses"), S("answers_sealed"), &row->id, &c->rq->ids[0]};
	struct json_error why;
	struct json *doc;
	struct str plain;
	enum err e;

	if (row->answers_sealed.n == 0)
		return OK;
	e = unseal(c, &place, row->answers_key_version, row->answers_sealed, &plain);
	if (e)
		return leave_empty(c, row, e);
	if (json_read(&c->scratch, plain, &json_limits_default, &doc, &why) || doc->count != 2)
		return ERR_INTERNAL;
	*answers = &doc->members[0].value;
	*consents = &doc->members[1].value;
	return OK;
}

static enum err put_row(void *ctx, const void *fetched)
{
	const struct csv_row *row = fetched;
	struct json *answers, *parameters, *personal, *consents;
	struct json_error why;
	struct csv *c = ctx;
	struct buf line;
	struct str text;
	enum err e;

	arena_reset(&c->scratch);
	if (json_read(&c->scratch, row->answers, &json_limits_default, &answers, &why) ||
	    json_read(&c->scratch, row->parameters, &json_limits_default, &parameters, &why) ||
	    json_read(&c->scratch, row->consents, &json_limits_default, &consents, &why))
		return ERR_INTERNAL;
	if ((e = read_rest(c, row, &answers, &consents)) || (e = read_personal(c, row, &personal)))
		return e;
	buf_init(&line, &c->scratch, 4 * RESPONSE_TEXT_MAX_BYTES);
	buf_add(&line, uuid_str(&c->scratch, &row->id));
	put_text(&line, row->status);
	put_text(&line, row->outcome);
	put_text(&line, row->language);
	put_int(&line, row->survey_version, true);
	put_text(&line, row->link);
	put_time(&line, row->started_at);
	put_time(&line, row->completed_at);
	put_int(&line, row->duration_ms, row->started_at != 0);
	put_time(&line, row->created_at);
	put_text(&line, row->flags);
	table_row(&c->table, &(struct table_answers){answers, parameters, personal, consents}, &line);
	buf_add(&line, S("\r\n"));
	if ((e = buf_done(&line, &text)))
		return e;
	if (c->chunk.n + text.n > EXPORT_CHUNK_BYTES && (e = send_chunk(c)))
		return e;
	if (text.n > EXPORT_CHUNK_BYTES)
		return http_stream_write(c->rq->x, text);
	buf_add(&c->chunk, text);
	return OK;
}

/* ---- the reply ---- */

static enum err begin(struct csv *c)
{
	struct req *rq = c->rq;
	struct str name;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 128);
	buf_add(&b, S("attachment; filename=\"responses-"));
	buf_add(&b, uuid_str(rq->arena, &rq->ids[0]));
	buf_add(&b, S(".csv\""));
	if ((e = buf_done(&b, &name)))
		return e;
	reply_text(rq, 200, S("text/csv; charset=utf-8; header=present"), S(""));
	reply_header(rq, S("Content-Disposition"), name);
	/* A HEAD wants no more than this: its reply has no body that could be streamed. */
	return rq->x->method == HTTP_HEAD ? OK : http_stream_begin(rq->x);
}

/* Told before the first row goes out, so that a download that breaks off is told too. */
static enum err tell(struct csv *c)
{
	struct read_row {
		int64_t responses;
		struct str ids;
	} will = {0};
	static const struct pg_col cols[] = {
	    COL(struct read_row, responses, PGT_INT), COL(struct read_row, ids, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&c->rq->ids[0]), P_TEXT_OR_NULL(c->query->status), P_BOOL(c->query->test)};
	enum err e;

	if (c->query->personal && c->rq->x->method != HTTP_HEAD &&
	    (e = tx_one(c->rq->tx, c->rq->arena, &Q(SQL_export_personal, in, cols), &will)))
		return e;
	/* Its connection goes back before another is taken. */
	tx_rollback(c->rq->tx);
	c->rq->tx = NULL;
	return will.responses > 0 ? event_personal_read(
					c->rq, &c->rq->ids[0], will.responses, will.responses <= 100 ? will.ids : S(""))
				  : OK;
}

static enum err stream(struct csv *c)
{
	const struct pg_param in[] = {P_UUID(&c->rq->ids[0]), P_TEXT_OR_NULL(c->query->status),
	    P_BOOL(c->query->personal), P_BOOL(c->query->test)};
	enum err e;

	if ((e = begin(c)) || c->rq->x->method == HTTP_HEAD)
		return e;
	put_head(c);
	if ((e = tx_each(c->rows, &Q(SQL_export_responses, in, csv_cols), sizeof(struct csv_row), put_row, c)))
		return e;
	return send_chunk(c);
}

static enum err run(struct csv *c)
{
	enum err e;

	if ((e = read_columns(c)) || (e = tell(c)))
		return e;
	if ((e = req_tx_open(c->rq, true, &c->own, &c->rows)))
		return e;
	e = stream(c);
	tx_rollback(c->rows);
	return e;
}

static enum err csv_http(struct req *rq)
{
	struct csv c = {.rq = rq, .query = rq->query};
	enum err e;

	if (c.query->personal && !req_can(rq, PERM_RESPONSES_PERSONAL))
		return req_fail(rq, ERR_FORBIDDEN, "/query/personal", "your role does not see personal answers");
	arena_init(&c.scratch, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
	arena_init(&c.own, &arena_malloc, REQUEST_ARENA_MAX_BYTES);
	buf_init(&c.chunk, &c.own, REQUEST_ARENA_MAX_BYTES / 2);
	e = run(&c);
	arena_free(&c.own);
	arena_free(&c.scratch);
	return e;
}

const struct route export_routes[] = {
    {HTTP_GET, "/api/v1/surveys/{id}/responses.csv", PERM_RESPONSES_EXPORT, RATE_EXPORT, NULL, NULL, 200, csv_http,
	"Download a survey's responses", .query = &csv_query_shape, .flags = ROUTE_READ, .out_type = "text/csv"},
    ROUTE_END,
};
