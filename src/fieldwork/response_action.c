/* response_action.c - POST /api/v1/surveys/{id}/responses/actions: one action on many answers, as a job.
 *
 * The answers meant are gone through in the order of their creation, a page a transaction, with a mark that is kept. What is there already (rejected,
 * deleted, restored) is left as it is, so a page that is done twice does no harm. Where a quota cell has no room for all that a page brings back, its
 * answers are tried one by one, and those without a place are counted as refused. */
#include "event/event.h"
#include "fieldwork/fieldwork.h"
#include "fieldwork/response_filter.h"
#include "sql.h"

#define ACTION_IDS_MAX 1000
#define ACTION_PAGE 200 /* its event names each answer */
#define EVENT_MAX_BYTES (32 * KB)

static const char *const actions[] = {"reject", "restore", "delete", NULL};

struct action_in {
	struct str action, reason;
	struct str_list ids;
	struct response_filter filter;
};
static const struct field action_fields[] = {
    FIELD(struct action_in, action, FT_ENUM, REQUIRED, 0, 0, "What to do", .choices = actions),
    FIELD(struct action_in, reason, FT_TEXT, OPTIONAL, 1, 1000, "Why; for reject"),
    FIELD(struct action_in, ids, FT_LIST, OPTIONAL, 1, ACTION_IDS_MAX, "These responses"),
    FIELD(struct action_in, filter, FT_OBJECT, OPTIONAL, 0, 0,
	"Or all that the list shows with these filters (an empty object: all). Deleted ones are restored by ids only",
	.shape = &response_filter_shape),
};
static const struct shape action_shape = SHAPE("ResponseAction", struct action_in, action_fields);

/* ---- the job ---- */

struct action {
	struct job *job;
	struct uuid survey;
	struct str action, reason, how, where, ids, until;
	int64_t total, done, changed, refused;
	struct str at; /* the mark; empty: from the beginning */
	struct uuid id;
	struct page {
		struct str ids, at;
		struct uuid id;
		int64_t n;
	} page;
	struct str now; /* the ids that the step under way takes */
	int64_t step_changed;
	struct arena scratch;
};

static enum err count_in(struct tx *tx, void *ctx)
{
	struct count_row {
		int64_t n;
		struct str until;
	} row;
	static const struct pg_col cols[] = {COL(struct count_row, n, PGT_INT), COL(struct count_row, until, PGT_TEXT)};
	struct action *x = ctx;
	const struct pg_param in[] = {P_UUID(&x->survey), P_JSON(x->where), P_TEXT(x->how), P_JSON(x->ids)};
	enum err e = tx_one(tx, x->job->arena, &Q(SQL_response_action_count, in, cols), &row);

	if (e)
		return e;
	x->total = row.n;
	if (x->until.n == 0)
		x->until = row.until;
	return OK;
}

static enum err page_in(struct tx *tx, void *ctx)
{
	static const struct pg_col cols[] = {COL(struct page, ids, PGT_JSON), COL(struct page, n, PGT_INT),
	    COL(struct page, at, PGT_TEXT), COL(struct page, id, PGT_UUID)};
	struct action *x = ctx;
	const struct pg_param in[] = {P_UUID(&x->survey), P_JSON(x->where), P_TEXT(x->how), P_JSON(x->ids),
	    P_TEXT_OR_NULL(x->at), P_UUID(&x->id), P_INT(ACTION_PAGE), P_TEXT(x->until)};

	x->page = (struct page){.n = 0};
	return tx_one(tx, &x->scratch, &Q(SQL_response_action_page, in, cols), &x->page);
}

static enum err apply_in(struct tx *tx, void *ctx)
{
	struct done_row {
		int64_t n;
		struct str ids;
	} row;
	static const struct pg_col cols[] = {COL(struct done_row, n, PGT_INT), COL(struct done_row, ids, PGT_JSON)};
	struct action *x = ctx;
	const struct pg_param in[] = {P_UUID(&x->survey), P_JSON(x->now), P_TEXT(x->action), P_TEXT_OR_NULL(x->reason),
	    P_UUID_OR_NULL(tx_actor(tx))};
	struct event event = {S("survey"), &x->survey, S("responses_changed"), S(""), 1};
	struct json_out w;
	struct buf b;
	enum err e = tx_one(tx, &x->scratch, &Q(SQL_response_action_apply, in, cols), &row);

	if (e)
		return e;
	x->step_changed = row.n;
	if (row.n == 0)
		return OK;
	buf_init(&b, &x->scratch, EVENT_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("action"), x->action);
	json_field_int(&w, S("responses"), row.n);
	json_field_raw(&w, S("response_ids"), row.ids);
	json_close(&w, '}');
	if ((e = buf_done(&b, &event.data)))
		return e;
	return event_append(tx, &event);
}

static enum err state_text(struct action *x, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, &x->scratch, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("at"), x->at);
	json_field_str(&w, S("id"), uuid_str(&x->scratch, &x->id));
	json_field_str(&w, S("until"), x->until);
	json_field_int(&w, S("done"), x->done);
	json_field_int(&w, S("changed"), x->changed);
	json_field_int(&w, S("refused"), x->refused);
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err step(struct action *x, struct str ids, bool *refused)
{
	struct str state;
	enum err e;

	*refused = false;
	x->now = ids;
	x->step_changed = 0;
	if ((e = state_text(x, &state)))
		return e;
	e = job_step(x->job, apply_in, x, state);
	if (e == ERR_CONFLICT) { /* a cell without room: nothing of it was done */
		*refused = true;
		return OK;
	}
	if (!e)
		x->changed += x->step_changed;
	return e;
}

static enum err one_by_one(struct action *x)
{
	struct json_error why;
	struct json *list;
	bool refused;
	enum err e;

	if (json_read(&x->scratch, x->page.ids, &json_limits_default, &list, &why))
		return ERR_INTERNAL;
	for (uint32_t i = 0; i < list->count; i++) {
		struct str one;
		struct buf b;

		buf_init(&b, &x->scratch, 64);
		buf_add(&b, S("[\""));
		buf_add(&b, list->items[i].s);
		buf_add(&b, S("\"]"));
		if ((e = buf_done(&b, &one)) || (e = step(x, one, &refused)))
			return e;
		x->refused += refused;
	}
	return OK;
}

static enum err pages(struct action *x)
{
	bool refused;
	enum err e;

	do {
		arena_reset(&x->scratch);
		if ((e = tx_run(x->job->app, PG_WORKER, &x->job->tenant_id, &x->scratch, page_in, x)))
			return e;
		if ((e = step(x, x->page.ids, &refused)) || (refused && (e = one_by_one(x))))
			return e;
		x->done += x->page.n;
		x->id = x->page.id;
		x->at = str_dup(x->job->arena, x->page.at);
		if ((e = job_progress(x->job, x->done, x->total > x->done ? x->total : x->done)))
			return e;
	} while (x->page.n == ACTION_PAGE);
	return OK;
}

static int64_t state_int(const struct json *state, struct str key)
{
	const struct json *v = json_get(state, key);

	return v && v->type == JSON_INT ? v->i : 0;
}

static enum err text_of(struct arena *a, const struct json *v, struct str *out)
{
	struct json_out w;
	struct buf b;

	*out = S("{}");
	if (!v)
		return OK;
	buf_init(&b, a, JOB_PAYLOAD_MAX_BYTES);
	json_out_init(&w, &b);
	json_put(&w, v);
	return buf_done(&b, out);
}

static enum err action_read(struct action *x)
{
	const struct json *p = x->job->payload, *s = x->job->state;
	enum err e;

	x->action = json_str_or(p, S("action"), S(""));
	x->reason = json_str_or(p, S("reason"), S(""));
	x->how = json_str_or(p, S("how"), S(""));
	if (!uuid_read(json_str_or(p, S("survey_id"), S("")), &x->survey) ||
	    (e = text_of(x->job->arena, json_get(p, S("where")), &x->where)) ||
	    (e = text_of(x->job->arena, json_get(p, S("ids")), &x->ids)))
		return ERR_INTERNAL;
	if (!json_get(p, S("ids")))
		x->ids = S("[]");
	if (!s)
		return OK;
	x->at = json_str_or(s, S("at"), S(""));
	x->until = json_str_or(s, S("until"), S(""));
	x->done = state_int(s, S("done"));
	x->changed = state_int(s, S("changed"));
	x->refused = state_int(s, S("refused"));
	return uuid_read(json_str_or(s, S("id"), S("")), &x->id) ? OK : ERR_INTERNAL;
}

static enum err action_run(struct job *job)
{
	struct action x = {.job = job};
	struct json_out w;
	struct str result;
	struct buf b;
	enum err e = action_read(&x);

	if (e || (e = tx_run(job->app, PG_WORKER, &job->tenant_id, job->arena, count_in, &x)))
		return e;
	arena_init(&x.scratch, &arena_malloc, 4 * MB);
	e = pages(&x);
	arena_free(&x.scratch);
	if (e)
		return e;
	buf_init(&b, job->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("responses"), x.done);
	json_field_int(&w, S("changed"), x.changed);
	json_field_int(&w, S("refused"), x.refused);
	json_close(&w, '}');
	if ((e = buf_done(&b, &result)))
		return e;
	return job_complete(job, NULL, NULL, result);
}

const struct job_type response_action_job = {.name = "responses.action",
    .run = action_run,
    .needs = PERM_RESPONSES_WRITE,
    .max_attempts = 5,
    .lease_s = 30,
    .backoff_s = 2,
    .about = "Rejects, restores or deletes many answers"};

/* ---- asking for it ---- */

static enum err payload_text(struct req *rq, const struct action_in *in, bool by_ids, struct str *out)
{
	struct response_where where;
	struct json_out w;
	struct buf b;
	enum err e;

	if (!by_ids && (e = response_where(rq, &rq->ids[0], &in->filter, &where)))
		return e;
	buf_init(&b, rq->arena, JOB_PAYLOAD_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("survey_id"), uuid_str(rq->arena, &rq->ids[0]));
	json_field_str(&w, S("action"), in->action);
	if (in->reason.n > 0)
		json_field_str(&w, S("reason"), in->reason);
	json_field_str(&w, S("how"), by_ids ? S("ids") : where.search.n > 0 ? S("search") : S("plain"));
	if (!by_ids)
		json_field_raw(&w, S("where"), where.search.n > 0 ? where.search : where.row);
	if (by_ids) {
		json_key(&w, S("ids"));
		json_open(&w, '[');
		for (size_t i = 0; i < in->ids.n; i++)
			json_put_str(&w, in->ids.items[i]);
		json_close(&w, ']');
	}
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err check(struct req *rq, const struct action_in *in, bool *by_ids)
{
	struct uuid id;

	*by_ids = schema_has(&action_shape, rq->in_present, "ids");
	if (*by_ids == schema_has(&action_shape, rq->in_present, "filter"))
		return req_fail(rq, ERR_INVALID, "/ids", "name the responses by either ids or filter");
	for (size_t i = 0; i < in->ids.n; i++)
		if (!uuid_read(in->ids.items[i], &id))
			return req_fail(rq, ERR_INVALID, "/ids", "each of these is an id in lower case");
	if (str_eq(in->action, S("reject")) && in->reason.n == 0)
		return req_fail(rq, ERR_INVALID, "/reason", "to reject takes a reason");
	return OK;
}

static enum err check_link(struct req *rq, const struct action_in *in)
{
	const struct pg_param params[] = {P_UUID(&rq->ids[0]), P_UUID(&in->filter.link_id)};
	enum err e;

	if (uuid_is_nil(&in->filter.link_id))
		return OK;
	e = tx_one(rq->tx, rq->arena, &(struct query){&SQL_response_action_link, params, 2, NULL, 0}, NULL);
	return e == ERR_NOT_FOUND ? req_fail(rq, ERR_INVALID, "/filter/link_id", "the survey has no such link") : e;
}

static enum err response_action_http(struct req *rq)
{
	const struct action_in *in = rq->in;
	const struct pg_param survey[] = {P_UUID(&rq->ids[0])};
	struct job_new job = {.type = &response_action_job};
	struct uuid id;
	bool by_ids;
	enum err e;

	if ((e = check(rq, in, &by_ids)) ||
	    (e = tx_one(rq->tx, rq->arena, &(struct query){&SQL_response_action_survey, survey, 1, NULL, 0}, NULL)) ||
	    (e = check_link(rq, in)) || (e = payload_text(rq, in, by_ids, &job.payload)) ||
	    (e = job_add(rq->tx, rq->arena, &job, &id)))
		return e;
	return job_reply(rq, 202, &id, JOB_OWN);
}

const struct route response_action_routes[] = {
    {HTTP_POST, "/api/v1/surveys/{id}/responses/actions", PERM_RESPONSES_WRITE, RATE_CONSOLE, &action_shape, &job_out,
	202, response_action_http, "Reject, restore or delete many responses, as a job",
	.flags = ROUTE_IDEMPOTENT | ROUTE_ETAG | ROUTE_LOCATION},
    ROUTE_END,
};
