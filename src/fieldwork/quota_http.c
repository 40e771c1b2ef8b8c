/* /api/v1/surveys/{id}/quotas: how full the cells are, and their limits while the survey is in the field. */
#include "event/event.h"
#include "fieldwork/fieldwork.h"
#include "fieldwork/quota.h"
#include "sql.h"
#include "survey/survey.h"

#define LIMIT_MAX 1000000000

static const struct field cell_fields[] = {
    OUT("quota", FT_TEXT, REQUIRED, "Name of the quota"),
    OUT("cell", FT_TEXT, REQUIRED, "Name of the cell"),
    OUT("limit", FT_INT, REQUIRED, "Places that there are now"),
    OUT("published_limit", FT_INT, REQUIRED, "Places by the published version; limit is another one when it was set"),
    OUT("completed", FT_INT, REQUIRED, "Places taken by completed interviews"),
    OUT("reserved", FT_INT, REQUIRED, "Places kept open for interviews under way"),
};
static const struct shape cell_shape = SHAPE_OUT("QuotaCell", cell_fields);
static const struct field quotas_fields[] = {
    OUT("survey_version", FT_INT, REQUIRED | NULLABLE, "Published version whose cells these are; null: none yet"),
    OUT("cells", FT_LIST, REQUIRED, "Cells of all quotas, in the order of the definition", .shape = &cell_shape),
};
static const struct shape quotas_shape = SHAPE_OUT("Quotas", quotas_fields);

struct limit_in {
	struct str quota, cell;
	int64_t limit;
};
static const struct field limit_fields[] = {
    FIELD(struct limit_in, quota, FT_TEXT, REQUIRED, 1, 64, "Name of the quota"),
    FIELD(struct limit_in, cell, FT_TEXT, REQUIRED, 1, 64, "Name of the cell"),
    FIELD(struct limit_in, limit, FT_INT, REQUIRED | NULLABLE, 0, LIMIT_MAX,
	"Places from now on; null: what the published version says"),
};
static const struct shape limit_shape = SHAPE("QuotaLimit", struct limit_in, limit_fields);

struct quotas {
	struct req *rq;
	struct survey_row {
		int64_t published, version;
	} survey;
	struct quota_cell *cells;
	size_t n;
};

/* The names of the cells are copied: the program is released. */
static enum err take_cells(struct quotas *x)
{
	const struct survey_program *found;
	struct req *rq = x->rq;
	struct cache_entry *pin;
	enum err e = survey_program_get(rq->app, rq->tx, &rq->ids[0], x->survey.published, rq->arena, &found, &pin);

	if (e)
		return e;
	e = program_quota_cells(found->program, rq->arena, &x->cells, &x->n);
	for (size_t i = 0; !e && i < x->n; i++) {
		x->cells[i].quota = str_dup(rq->arena, x->cells[i].quota);
		x->cells[i].cell = str_dup(rq->arena, x->cells[i].cell);
		if (!x->cells[i].quota.p || !x->cells[i].cell.p)
			e = ERR_MEMORY;
	}
	cache_release(rq->app->cache, pin);
	return e;
}

static enum err take(struct req *rq, struct quotas *x)
{
	static const struct pg_col cols[] = {
	    COL(struct survey_row, published, PGT_INT), COL(struct survey_row, version, PGT_INT)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	enum err e;

	*x = (struct quotas){.rq = rq};
	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_quota_survey, in, cols), &x->survey)) || x->survey.published == 0)
		return e;
	return take_cells(x);
}

/* ---- reading ---- */

struct count_row {
	struct str quota, cell;
	int64_t used, reserved, limit_set; /* limit_set -1: none */
};

static void put_cell(struct json_out *w, const struct quota_cell *c, const struct count_row *rows, size_t n)
{
	const struct count_row none = {.limit_set = -1}, *now = &none;

	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].quota, c->quota) && str_eq(rows[i].cell, c->cell))
			now = &rows[i];
	json_open(w, '{');
	json_field_str(w, S("quota"), c->quota);
	json_field_str(w, S("cell"), c->cell);
	json_field_int(w, S("limit"), now->limit_set < 0 ? c->limit : now->limit_set);
	json_field_int(w, S("published_limit"), c->limit);
	json_field_int(w, S("completed"), now->used);
	json_field_int(w, S("reserved"), now->reserved);
	json_close(w, '}');
}

static enum err reply_quotas(struct quotas *x)
{
	static const struct pg_col cols[] = {COL(struct count_row, quota, PGT_TEXT),
	    COL(struct count_row, cell, PGT_TEXT), COL(struct count_row, used, PGT_INT),
	    COL(struct count_row, reserved, PGT_INT), COL(struct count_row, limit_set, PGT_INT)};
	struct req *rq = x->rq;
	const struct pg_param in[] = {P_UUID(&rq->ids[0])};
	struct count_row *rows;
	struct json_out w;
	struct str json;
	struct buf b;
	size_t n;
	enum err e;

	if ((e = tx_rows(rq->tx, rq->arena, &Q(SQL_quota_counts, in, cols), sizeof *rows, (void **)&rows, &n)))
		return e;
	buf_init(&b, rq->arena, 8 * MB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_key(&w, S("survey_version"));
	if (x->survey.published)
		json_put_int(&w, x->survey.published);
	else
		json_put_null(&w);
	json_key(&w, S("cells"));
	json_open(&w, '[');
	for (size_t i = 0; i < x->n; i++)
		put_cell(&w, &x->cells[i], rows, n);
	json_close(&w, ']');
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 200, json);
}

static enum err quotas_http(struct req *rq)
{
	struct quotas x;
	enum err e = take(rq, &x);

	return e ? e : reply_quotas(&x);
}

/* ---- setting a limit ---- */

static enum err tell(struct quotas *x, const struct limit_in *in, bool set, int64_t before)
{
	struct event event = {S("survey"), &x->rq->ids[0], S("quota_limit_set"), S(""), x->survey.version};
	const int64_t now = set ? in->limit : -1;
	struct json_out w;
	struct buf b;
	enum err e;

	if (now == before)
		return OK;
	buf_init(&b, x->rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("quota"), in->quota);
	json_field_str(&w, S("cell"), in->cell);
	for (int i = 0; i < 2; i++) {
		int64_t limit = i == 0 ? before : now;

		json_key(&w, i == 0 ? S("before") : S("after"));
		if (limit < 0)
			json_put_null(&w);
		else
			json_put_int(&w, limit);
	}
	json_close(&w, '}');
	if ((e = buf_done(&b, &event.data)))
		return e;
	return event_append(x->rq->tx, &event);
}

static enum err limit_http(struct req *rq)
{
	struct before_row {
		int64_t limit_set;
	} before;
	static const struct pg_col cols[] = {COL(struct before_row, limit_set, PGT_INT)};
	const struct limit_in *in = rq->in;
	const struct quota_cell *cell = NULL;
	/* null reads as 0, which is a limit too */
	const struct json *sent = json_get(rq->body, S("limit"));
	const bool set = sent && sent->type != JSON_NULL;
	struct quotas x;
	enum err e;

	if ((e = take(rq, &x)))
		return e;
	for (size_t i = 0; i < x.n; i++)
		if (str_eq(x.cells[i].quota, in->quota) && str_eq(x.cells[i].cell, in->cell))
			cell = &x.cells[i];
	if (!cell)
		return req_fail(rq, ERR_INVALID, "/cell", "the published version has no such cell");
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_TEXT(in->quota), P_TEXT(in->cell), P_INT(cell->limit),
	    set ? P_INT(in->limit) : P_NULL(PGT_INT)};

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_quota_limit_set, params, cols), &before)) ||
	    (e = tell(&x, in, set, before.limit_set)))
		return e;
	return reply_quotas(&x);
}

#define QUOTAS "/api/v1/surveys/{id}/quotas"

const struct route quota_routes[] = {
    {HTTP_GET, QUOTAS, PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &quotas_shape, 200, quotas_http,
	"How full quota cells are", .flags = ROUTE_READ},
    {HTTP_PUT, QUOTAS, PERM_SURVEYS_PUBLISH, RATE_CONSOLE, &limit_shape, &quotas_shape, 200, limit_http,
	"Set the limit of a quota cell while the survey is in the field"},
    ROUTE_END,
};
