#include "core/req.h"

#include "core/req_problem.h"
#include "core/router.h"
#include "core/router_read.h"

enum err req_fail_str(struct req *rq, enum err e, struct str pointer, struct str code, struct str why)
{
	if (why.n > 0)
		rq->detail = str_dup(rq->arena, why);
	if (pointer.n > 0)
		req_error(rq, pointer, code, why);
	return e;
}

enum err req_fail(struct req *rq, enum err e, const char *pointer, const char *why)
{
	return req_fail_str(rq, e, str_from(pointer), str_from(err_slug(e)), str_from(why));
}

void req_error(struct req *rq, struct str pointer, struct str code, struct str message)
{
	struct problem_error *p;

	if (rq->error_count == PROBLEM_ERRORS_MAX)
		return;
	if (!rq->errors && !(rq->errors = arena_array(rq->arena, struct problem_error, PROBLEM_ERRORS_MAX)))
		return;
	p = &rq->errors[rq->error_count++];
	p->pointer = str_dup(rq->arena, pointer);
	p->code = str_dup(rq->arena, code);
	p->message = str_dup(rq->arena, message);
}

enum err req_bind_tenant(struct req *rq, const struct uuid *tenant_id)
{
	enum err e;

	rq->who.tenant_id = *tenant_id;
	if (rq->tx && (e = tx_bind(rq->tx, tenant_id)))
		return e;
	return OK;
}

bool req_can(const struct req *rq, int permission)
{
	return rq->who.known && (rq->who.permissions >> permission & 1);
}

struct str req_header(const struct req *rq, struct str name)
{
	return http_header_get(rq->x, name);
}

/* These may stand more than once in a reply; every other header is replaced when it is set again. */
static bool header_repeats(struct str name)
{
	return str_eq_nocase(name, S("Set-Cookie")) || str_eq_nocase(name, S("Link")) || str_eq_nocase(name, S("Vary"));
}

void reply_header(struct req *rq, struct str name, struct str value)
{
	struct http_reply *r = &rq->x->reply;

	if (!header_repeats(name)) {
		for (size_t i = 0; i < r->header_count; i++) {
			if (!str_eq_nocase(r->headers[i].name, name))
				continue;
			r->headers[i] = r->headers[--r->header_count];
			break;
		}
	}
	http_reply_header(rq->x, name, value);
}

/* A new body takes the place of an older one with everything that described it. */
static void reply_body(struct req *rq, int status, struct str body, bool compress)
{
	struct http_reply *r = &rq->x->reply;

	r->status = status;
	r->body = body;
	r->body_static = false;
	r->body_br = r->body_gzip = (struct str){0};
	r->compress = compress;
}

static bool media_type_is_text(struct str type)
{
	return str_starts(type, S("text/")) || str_find(type, S("json"), NULL) || str_find(type, S("xml"), NULL) ||
	       str_find(type, S("javascript"), NULL);
}

enum err reply_text(struct req *rq, int status, struct str media_type, struct str text)
{
	reply_body(rq, status, text, media_type_is_text(media_type));
	reply_header(rq, S("Content-Type"), media_type);
	return OK;
}

enum err reply_json(struct req *rq, int status, struct str json)
{
	return reply_text(rq, status, S("application/json"), json);
}

enum err reply_html(struct req *rq, int status, struct str html)
{
	return reply_text(rq, status, S("text/html; charset=utf-8"), html);
}

enum err reply_empty(struct req *rq, int status)
{
	reply_body(rq, status, (struct str){0}, false);
	return OK;
}

enum err reply_static(
    struct req *rq, struct str media_type, struct str identity, struct str gzip, struct str br, struct str etag)
{
	struct http_reply *r = &rq->x->reply;

	if (etag.n > 0 && reply_not_modified(rq, etag))
		return OK;
	reply_body(rq, 200, identity, gzip.n == 0 && br.n == 0 && media_type_is_text(media_type));
	r->body_static = true;
	r->body_br = br;
	r->body_gzip = gzip;
	reply_header(rq, S("Content-Type"), media_type);
	return OK;
}

static struct str version_tag(struct arena *a, int64_t version)
{
	struct buf b;
	struct str tag;

	buf_init(&b, a, 32);
	buf_char(&b, '"');
	buf_int(&b, version);
	buf_char(&b, '"');
	return buf_done(&b, &tag) ? (struct str){0} : tag;
}

void reply_etag_version(struct req *rq, int64_t version)
{
	struct str tag = version_tag(rq->arena, version);

	if (tag.n > 0)
		reply_header(rq, S("ETag"), tag);
}

static struct str etag_strong(struct str tag)
{
	return str_starts(tag, S("W/")) ? str_sub(tag, 2, tag.n) : tag;
}

struct str etag_uncoded(struct arena *a, struct str tag)
{
	static const struct str ends[] = {{"-gzip\"", 6}, {"-br\"", 4}};

	for (size_t i = 0; i < countof(ends); i++) {
		struct buf b;
		struct str bare;

		if (!str_ends(tag, ends[i]))
			continue;
		buf_init(&b, a, HTTP_HEADER_MAX_BYTES);
		buf_add(&b, str_sub(tag, 0, tag.n - ends[i].n));
		buf_char(&b, '"');
		return buf_done(&b, &bare) ? tag : bare;
	}
	return tag;
}

/* If-None-Match compares weakly (RFC 9110, 13.1.2): W/ is no difference. Answers the one that fits, as the client has it. */
static bool etag_listed(struct arena *a, struct str list, struct str etag, struct str *found)
{
	*found = etag;
	while (list.n > 0) {
		struct str one = str_trim(str_cut(&list, ',', NULL));

		if (str_eq(one, S("*")))
			return true;
		one = etag_strong(one);
		if (!str_eq(one, etag_strong(etag)) && !str_eq(etag_uncoded(a, one), etag_strong(etag)))
			continue;
		*found = str_starts(etag, S("W/")) ? etag : one;
		return true;
	}
	return false;
}

bool reply_not_modified(struct req *rq, struct str etag)
{
	struct str found;

	if (!etag_listed(rq->arena, req_header(rq, S("If-None-Match")), etag, &found)) {
		reply_header(rq, S("ETag"), etag);
		return false;
	}
	reply_header(rq, S("ETag"), found);
	reply_empty(rq, 304);
	return true;
}

bool reply_version_known(struct req *rq, int64_t version)
{
	struct str tag = version_tag(rq->arena, version);

	return tag.n > 0 && reply_not_modified(rq, tag);
}

void reply_location(struct req *rq, const char *prefix, struct str id)
{
	struct buf b;
	struct str at;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	buf_add(&b, str_from(prefix));
	buf_add(&b, id);
	if (!buf_done(&b, &at))
		reply_header(rq, S("Location"), at);
}
