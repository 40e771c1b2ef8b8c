#include "core/req_problem.h"

#define PROBLEM_MAX_BYTES (256 * KB)

static enum err public_error(enum err e)
{
	switch (e) {
	case ERR_MEMORY:
	case ERR_AGAIN:
		return ERR_BUSY;
	case ERR_LIMIT:
		return ERR_INVALID;
	case ERR_IO:
	case ERR_SETTING:
	case OK:
		return ERR_INTERNAL;
	default:
		return e;
	}
}

static void put_errors(struct json_out *w, const struct problem_error *errors, size_t n)
{
	json_key(w, S("errors"));
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		json_field_str(w, S("pointer"), errors[i].pointer);
		json_field_str(w, S("code"), errors[i].code);
		json_field_str(w, S("message"), errors[i].message);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static bool has_header(const struct http_exchange *x, struct str name)
{
	for (size_t i = 0; i < x->reply.header_count; i++) {
		if (str_eq_nocase(x->reply.headers[i].name, name))
			return true;
	}
	return false;
}

/* Without a byte of memory: what every problem has, in the exchange itself. None of it needs escaping. */
static struct str bare_problem(struct http_exchange *x, enum err e)
{
	int n = snprintf(x->spare, sizeof(x->spare),
	    "{\"type\":\"/docs/errors#%s\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"request_id\":\"%.*s\"}",
	    err_slug(e), err_meaning(e), err_status(e), err_slug(e), STR_ARGS(x->request_id));

	return str_make(x->spare, n > 0 && (size_t)n < sizeof(x->spare) ? (size_t)n : 0);
}

/* e is a public one. */
static void put_problem(struct json_out *w, enum err e, struct str request_id, struct str detail)
{
	json_key(w, S("type"));
	json_put_raw(w, S("\"/docs/errors#"));
	buf_add(w->buf, str_from(err_slug(e)));
	buf_char(w->buf, '"');
	json_field_str(w, S("title"), str_from(err_meaning(e)));
	json_field_int(w, S("status"), err_status(e));
	if (detail.n > 0)
		json_field_str(w, S("detail"), detail);
	json_field_str(w, S("code"), str_from(err_slug(e)));
	json_field_str(w, S("request_id"), request_id);
}

void req_problem(const struct req *rq, enum err e, struct json_out *w)
{
	json_open(w, '{');
	put_problem(w, public_error(e), rq->request_id, rq->detail);
	if (rq->error_count > 0)
		put_errors(w, rq->errors, rq->error_count);
	json_close(w, '}');
}

void problem_stage(struct http_exchange *x, enum err e, struct str detail, const struct problem_error *errors, size_t n)
{
	struct http_reply *r = &x->reply;
	struct json_out w;
	struct buf b;

	e = public_error(e);
	buf_init(&b, x->arena, PROBLEM_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	put_problem(&w, e, x->request_id, detail);
	if (n > 0)
		put_errors(&w, errors, n);
	json_close(&w, '}');

	r->status = err_status(e);
	r->body_static = r->compress = false;
	r->body_br = r->body_gzip = (struct str){0};
	if (buf_done(&b, &r->body))
		r->body = bare_problem(x, e);
	http_reply_header(x, S("Content-Type"), S("application/problem+json"));
	if (e == ERR_UNAUTHENTICATED)
		http_reply_header(x, S("WWW-Authenticate"), S("Bearer"));
	if ((r->status == 503 || r->status == 429) && !has_header(x, S("Retry-After")))
		http_reply_header(x, S("Retry-After"), S("1"));
}
