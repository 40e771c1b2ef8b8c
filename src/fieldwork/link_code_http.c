/* /api/v1/surveys/{id}/links/{link_id}/codes: making the codes of a single-use link, by number or from a file; listing and handing them on. */
#include "base/time.h"
#include "core/csv.h"
#include "core/list.h"
#include "event/event.h"
#include "fieldwork/link_code.h"
#include "sql.h"

#define CSV_MAX_CHARACTERS 1500000
#define FILE_CHUNK_BYTES (64 * KB)

struct codes_in {
	int64_t count;
	struct str csv;
};
static const struct field codes_in_fields[] = {
    FIELD(struct codes_in, count, FT_INT, OPTIONAL, 1, LINK_CODES_MAX,
	"So many random ones; above 1,000 a job makes them"),
    FIELD(struct codes_in, csv, FT_TEXT, OPTIONAL, 1, CSV_MAX_CHARACTERS,
	"One for each line, at most 10,000. The first line has the names of parameters of the survey, which the code "
	"brings along, and "
	"`code` where you bring your own"),
};
static const struct shape codes_in_shape = SHAPE("LinkCodesNew", struct codes_in, codes_in_fields);

static const struct field codes_made_fields[] = {
    OUT("made", FT_INT, REQUIRED, "How many there are more now"),
    OUT("job_id", FT_UUID, REQUIRED | NULLABLE, "The job that makes the others"),
};
static const struct shape codes_made_shape = SHAPE_OUT("LinkCodesMade", codes_made_fields);

static const char *const response_states[] = {
    "started", "in_progress", "partial", "completed", "screened_out", "quota_full", "rejected", NULL};
static const char *const code_states[] = {"open", "used", "revoked", NULL};
static const struct field code_item_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Id"),
    OUT("state", FT_ENUM, REQUIRED,
	"open: it lets one interview in; used: it did, or one is under way; revoked: it lets nobody in, what was begun "
	"by it before may be finished",
	.choices = code_states),
    OUT("code", FT_TEXT, REQUIRED | NULLABLE,
	"What lets one interview in. Null when it was used or begun with, unless you may read personal answers and "
	"change answers"),
    OUT("url", FT_TEXT, REQUIRED | NULLABLE, "Address for that respondent; null when `code` is"),
    OUT("parameters", FT_OBJECT, REQUIRED, "Parameters that it brings along"),
    OUT("response_id", FT_UUID, REQUIRED | NULLABLE,
	"Response that it was used for; null also where that was removed for good"),
    OUT("status", FT_ENUM, REQUIRED | NULLABLE, "How that stands", .choices = response_states),
    OUT("used_at", FT_TIME, REQUIRED | NULLABLE, "When it was used"),
    OUT("revoked_at", FT_TIME, REQUIRED | NULLABLE, "When it was revoked"),
    OUT("created_at", FT_TIME, REQUIRED, "When it was made"),
};
static const struct shape code_item_shape = SHAPE_OUT("LinkCode", code_item_fields);

struct code_filter {
	bool used;
	struct str state;
};
static const struct field code_filter_fields[] = {
    FIELD(struct code_filter, used, FT_BOOL, OPTIONAL, 0, 0, "Only those that were used, or were not"),
    FIELD(struct code_filter, state, FT_ENUM, OPTIONAL, 0, 0, "Only those in this state", .choices = code_states),
};
static const struct shape code_filter_shape = SHAPE("LinkCodeFilter", struct code_filter, code_filter_fields);

struct link_row {
	struct str slug, kind, names;
	int64_t codes;
};

static enum err take_link(struct tx *tx, struct arena *a, const struct uuid ids[2], struct link_row *out)
{
	static const struct pg_col cols[] = {COL(struct link_row, slug, PGT_TEXT), COL(struct link_row, kind, PGT_TEXT),
	    COL(struct link_row, codes, PGT_INT), COL(struct link_row, names, PGT_JSON)};
	const struct pg_param in[] = {P_UUID(&ids[0]), P_UUID(&ids[1])};

	return tx_one(tx, a, &Q(SQL_link_codes_take, in, cols), out);
}

/* ---- the job ---- */

struct making {
	struct uuid ids[2]; /* survey, link */
	int64_t total, done, step;
	struct arena scratch;
};

static enum err tell_made(struct tx *tx, struct arena *a, const struct uuid *link, int64_t n)
{
	struct event event = {S("link"), link, S("codes_made"), S(""), 1};
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, a, 256);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("codes"), n);
	json_close(&w, '}');
	if ((e = buf_done(&b, &event.data)))
		return e;
	return event_append(tx, &event);
}

static enum err make_step(struct tx *tx, void *ctx)
{
	struct making *x = ctx;
	struct code_new *codes = arena_array(&x->scratch, struct code_new, (size_t)x->step);
	const struct pg_param in[] = {P_UUID(&x->ids[0]), P_UUID(&x->ids[1])};
	enum err e;

	if (!codes)
		return ERR_MEMORY;
	/* deleted meanwhile: nobody wants them */
	if ((e = tx_one(tx, &x->scratch, &(struct query){&SQL_link_codes_wanted, in, countof(in), NULL, 0}, NULL)))
		return e == ERR_NOT_FOUND ? ERR_GONE : e;
	return codes_add(tx, &x->scratch, x->ids, codes, (size_t)x->step);
}

static enum err count_text(struct arena *a, const char *name, int64_t n, struct str *out)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, a, 128);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, str_from(name), n);
	json_close(&w, '}');
	return buf_done(&b, out);
}

static enum err make_all(struct job *job, struct making *x)
{
	struct str state;
	enum err e;

	while (x->done < x->total) {
		arena_reset(&x->scratch);
		x->step = x->total - x->done < LINK_CODES_AT_ONCE ? x->total - x->done : LINK_CODES_AT_ONCE;
		if ((e = count_text(&x->scratch, "done", x->done + x->step, &state)) ||
		    (e = job_step(job, make_step, x, state)))
			return e == ERR_GONE	? job_give_up(job, e, "The link was deleted.")
			       : e == ERR_LIMIT ? job_give_up(job, e, "The link has as many codes as it takes.")
						: e;
		x->done += x->step;
		if ((e = job_progress(job, x->done, x->total)))
			return e;
	}
	return OK;
}

static int64_t int_of(const struct json *o, struct str name)
{
	const struct json *v = json_get(o, name);

	return v && v->type == JSON_INT ? v->i : 0;
}

static enum err tell_step(struct tx *tx, void *ctx)
{
	struct making *x = ctx;

	return tell_made(tx, &x->scratch, &x->ids[1], x->total);
}

static enum err codes_run(struct job *job)
{
	struct making x = {.total = int_of(job->payload, S("count"))};
	struct str result;
	enum err e;

	if (!uuid_read(json_str_or(job->payload, S("survey_id"), S("")), &x.ids[0]) ||
	    !uuid_read(json_str_or(job->payload, S("link_id"), S("")), &x.ids[1]))
		return ERR_INTERNAL;
	x.done = job->state ? int_of(job->state, S("done")) : 0;
	arena_init(&x.scratch, &arena_malloc, 4 * MB);
	if (!(e = make_all(job, &x)) && !(e = count_text(job->arena, "made", x.total, &result)))
		e = job_complete(job, tell_step, &x, result);
	arena_free(&x.scratch);
	return e;
}

const struct job_type link_codes_job = {.name = "links.codes",
    .run = codes_run,
    .needs = PERM_LINKS_WRITE,
    .max_attempts = 5,
    .lease_s = 30,
    .backoff_s = 2,
    .about = "Makes many codes of a single-use link"};

/* ---- asking for them ---- */

static enum err add_job(struct req *rq, int64_t count, struct uuid *id)
{
	struct job_new job = {.type = &link_codes_job, .total = count};
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, KB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("survey_id"), uuid_str(rq->arena, &rq->ids[0]));
	json_field_str(&w, S("link_id"), uuid_str(rq->arena, &rq->ids[1]));
	json_field_int(&w, S("count"), count);
	json_close(&w, '}');
	if ((e = buf_done(&b, &job.payload)))
		return e;
	return job_add(rq->tx, rq->arena, &job, id);
}

static const char full[] = "a link has at most 1,000,000 codes";

static enum err make_now(struct req *rq, const struct code_new *codes, size_t n)
{
	enum err e = codes_add(rq->tx, rq->arena, rq->ids, codes, n);

	if (e == ERR_CONFLICT)
		return req_fail(rq, e, "/csv", "one of these codes is there already, or twice in the file");
	if (e == ERR_LIMIT)
		return req_fail(rq, ERR_CONFLICT, "", full);
	return e ? e : tell_made(rq->tx, rq->arena, &rq->ids[1], (int64_t)n);
}

static enum err read_codes(struct req *rq, const struct link_row *link, struct code_new **codes, size_t *n)
{
	const struct codes_in *in = rq->in;
	struct json_error why;
	struct json *names;

	if (in->csv.n == 0) {
		*n = in->count > LINK_CODES_AT_ONCE ? 0 : (size_t)in->count;
		*codes = arena_array(rq->arena, struct code_new, *n + 1);
		return *codes ? OK : ERR_MEMORY;
	}
	if (json_read(rq->arena, link->names, &json_limits_default, &names, &why))
		return ERR_INTERNAL;
	return codes_read_csv(rq, in->csv, names, codes, n);
}

static enum err reply_made(struct req *rq, int64_t made, const struct uuid *job)
{
	struct json_out w;
	struct str json;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 256);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("made"), made);
	json_key(&w, S("job_id"));
	if (job)
		json_put_str(&w, uuid_str(rq->arena, job));
	else
		json_put_null(&w);
	json_close(&w, '}');
	if ((e = buf_done(&b, &json)))
		return e;
	return reply_json(rq, 202, json);
}

static enum err codes_make_http(struct req *rq)
{
	const struct codes_in *in = rq->in;
	struct code_new *codes;
	struct link_row link;
	struct uuid job;
	size_t n;
	enum err e;

	if ((in->count == 0) == (in->csv.n == 0))
		return req_fail(rq, ERR_INVALID, "/count", "say how many by either count or csv");
	if ((e = take_link(rq->tx, rq->arena, rq->ids, &link)))
		return e;
	if (!str_eq(link.kind, S("single_use")))
		return req_fail(rq, ERR_CONFLICT, "", "only links of the kind single_use have codes");
	if ((e = read_codes(rq, &link, &codes, &n)))
		return e;
	if (link.codes + (n ? (int64_t)n : in->count) > LINK_CODES_MAX)
		return req_fail(rq, ERR_CONFLICT, "", full);
	if (n == 0)
		return (e = add_job(rq, in->count, &job)) ? e : reply_made(rq, 0, &job);
	return (e = make_now(rq, codes, n)) ? e : reply_made(rq, (int64_t)n, NULL);
}

/* ---- reading ---- */

/* With the code of an interview under way one reads its answers, personal ones too, and goes on with it. */
static bool sees_used_codes(const struct req *rq)
{
	return req_can(rq, PERM_RESPONSES_PERSONAL) && req_can(rq, PERM_RESPONSES_WRITE);
}

static enum err codes_list_http(struct req *rq)
{
	const struct code_filter *f = rq->query;
	bool asked = schema_has(&code_filter_shape, rq->query_present, "used");
	const struct pg_param own[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]),
	    asked ? P_BOOL(f->used) : P_NULL(PGT_BOOL), P_TEXT(str_from(rq->app->public_url)),
	    P_BOOL(sees_used_codes(rq)), P_TEXT_OR_NULL(f->state)};

	return list_reply(rq, &SQL_link_codes_list, own, countof(own));
}

struct file_row {
	struct str code, parameters, status, state;
	int64_t used_at;
};

struct file {
	struct req *rq;
	struct link_row link;
	const struct json *names;
	struct arena scratch;
	struct buf chunk;
};

static enum err send_chunk(struct file *f)
{
	struct str bytes;
	enum err e;

	if ((e = buf_done(&f->chunk, &bytes)))
		return e;
	f->chunk.n = 0;
	return bytes.n > 0 ? http_stream_write(f->rq->x, bytes) : OK;
}

/* Nobody is to be sent an address that lets nobody in. */
static void put_code(struct file *f, struct str code, bool revoked)
{
	csv_field(&f->chunk, code, false);
	buf_char(&f->chunk, ',');
	if (code.n == 0 || revoked)
		return;
	buf_add(&f->chunk, str_from(f->rq->app->public_url));
	buf_add(&f->chunk, S("/s/"));
	buf_add(&f->chunk, f->link.slug);
	buf_add(&f->chunk, S("?code="));
	buf_add(&f->chunk, code);
}

static enum err put_row(void *ctx, const void *data)
{
	const struct file_row *row = data;
	struct file *f = ctx;
	struct json_error why;
	struct json *given;
	char time[TIME_TEXT_BYTES];

	arena_reset(&f->scratch);
	if (json_read(&f->scratch, row->parameters, &json_limits_default, &given, &why))
		return ERR_INTERNAL;
	put_code(f, row->code, str_eq(row->state, S("revoked")));
	buf_char(&f->chunk, ',');
	buf_add(&f->chunk, row->status);
	buf_char(&f->chunk, ',');
	if (row->used_at) {
		time_text(row->used_at, time);
		buf_add(&f->chunk, str_make(time, sizeof(time)));
	}
	buf_char(&f->chunk, ',');
	buf_add(&f->chunk, row->state);
	for (uint32_t i = 0; i < f->names->count; i++) {
		buf_char(&f->chunk, ',');
		csv_field(&f->chunk, json_str_or(given, f->names->items[i].s, S("")), false);
	}
	buf_add(&f->chunk, S("\r\n"));
	return f->chunk.n > FILE_CHUNK_BYTES ? send_chunk(f) : OK;
}

static enum err begin_file(struct file *f)
{
	struct req *rq = f->rq;
	struct str name;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 128);
	buf_add(&b, S("attachment; filename=\"codes-"));
	buf_add(&b, f->link.slug);
	buf_add(&b, S(".csv\""));
	if ((e = buf_done(&b, &name)))
		return e;
	reply_text(rq, 200, S("text/csv; charset=utf-8; header=present"), S(""));
	reply_header(rq, S("Content-Disposition"), name);
	return rq->x->method == HTTP_HEAD ? OK : http_stream_begin(rq->x);
}

static enum err stream_file(struct file *f)
{
	static const struct pg_col cols[] = {COL(struct file_row, code, PGT_TEXT),
	    COL(struct file_row, parameters, PGT_JSON), COL(struct file_row, status, PGT_TEXT),
	    COL(struct file_row, used_at, PGT_TIME), COL(struct file_row, state, PGT_TEXT)};
	const struct pg_param in[] = {P_UUID(&f->rq->ids[0]), P_UUID(&f->rq->ids[1]), P_BOOL(sees_used_codes(f->rq))};
	enum err e;

	if ((e = begin_file(f)) || f->rq->x->method == HTTP_HEAD)
		return e;
	buf_add(&f->chunk, S("code,url,status,used_at,state"));
	for (uint32_t i = 0; i < f->names->count; i++) {
		buf_char(&f->chunk, ',');
		csv_field(&f->chunk, f->names->items[i].s, false);
	}
	buf_add(&f->chunk, S("\r\n"));
	if ((e = tx_each(f->rq->tx, &Q(SQL_link_codes_file, in, cols), sizeof(struct file_row), put_row, f)))
		return e;
	return send_chunk(f);
}

static enum err codes_file_http(struct req *rq)
{
	struct file f = {.rq = rq};
	struct json_error why;
	struct json *names;
	enum err e;

	if ((e = take_link(rq->tx, rq->arena, rq->ids, &f.link)))
		return e;
	if (json_read(rq->arena, f.link.names, &json_limits_default, &names, &why))
		return ERR_INTERNAL;
	f.names = names;
	arena_init(&f.scratch, &arena_malloc, MB);
	buf_init(&f.chunk, rq->arena, 4 * FILE_CHUNK_BYTES);
	e = stream_file(&f);
	arena_free(&f.scratch);
	return e;
}

/* ---- revoking ---- */

static enum err tell_revoked(struct req *rq)
{
	struct event event = {S("link"), &rq->ids[1], S("code_revoked"), S(""), 1};
	struct json_out w;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 256);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("code_id"), uuid_str(rq->arena, &rq->ids[2]));
	json_close(&w, '}');
	return (e = buf_done(&b, &event.data)) ? e : event_append(rq->tx, &event);
}

static enum err code_revoke_http(struct req *rq)
{
	struct now_row {
		bool revoked, over;
	} now;
	static const struct pg_col cols[] = {
	    COL(struct now_row, revoked, PGT_BOOL), COL(struct now_row, over, PGT_BOOL)};
	const struct pg_param in[] = {P_UUID(&rq->ids[0]), P_UUID(&rq->ids[1]), P_UUID(&rq->ids[2])};
	const struct pg_param set[] = {P_UUID(&rq->ids[1]), P_UUID(&rq->ids[2]), P_UUID_OR_NULL(tx_actor(rq->tx))};
	enum err e;

	if ((e = tx_one(rq->tx, rq->arena, &Q(SQL_link_code_lock, in, cols), &now)))
		return e;
	if (now.over && !now.revoked)
		return req_fail(rq, ERR_CONFLICT, "", "this code was used: there is nothing left to revoke");
	reply_empty(rq, 204);
	if (now.revoked)
		return OK;
	return (e = tx_exec(rq->tx, &Q_NO_OUT(SQL_link_code_revoke, set), NULL)) ? e : tell_revoked(rq);
}

#define CODES "/api/v1/surveys/{id}/links/{link_id}/codes"
const struct route link_code_routes[] = {
    {HTTP_POST, CODES, PERM_LINKS_WRITE, RATE_CONSOLE, &codes_in_shape, &codes_made_shape, 202, codes_make_http,
	"Make codes of a single-use link", .flags = ROUTE_IDEMPOTENT | ROUTE_PERSONAL_BODY,
	.also = (const int[]){404, 409, 0}},
    {HTTP_GET, CODES, PERM_LINKS_READ, RATE_CONSOLE, NULL, &code_item_shape, 200, codes_list_http,
	"List the codes of a single-use link", .query = &code_filter_shape, .flags = ROUTE_LIST | ROUTE_READ,
	.filters = "created_at"},
    {HTTP_DELETE, CODES "/{code_id}", PERM_LINKS_WRITE, RATE_CONSOLE, NULL, NULL, 204, code_revoke_http,
	"Revoke a code of a single-use link: it lets nobody in any more", .also = (const int[]){404, 409, 0}},
    {HTTP_GET, CODES ".csv", PERM_LINKS_READ, RATE_EXPORT, NULL, NULL, 200, codes_file_http,
	"The codes of a single-use link as a CSV file", .flags = ROUTE_READ, .out_type = "text/csv"},
    ROUTE_END,
};
