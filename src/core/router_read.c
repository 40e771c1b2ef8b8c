#include "core/router_read.h"

#include "base/utf8.h"
#include "core/router.h"

enum err read_args(struct req *rq, const struct str *raw, const bool *is_id, size_t n)
{
	enum err e;

	rq->arg_count = n;
	for (size_t i = 0; i < n; i++) {
		if ((e = url_decode(rq->arena, raw[i], false, &rq->args[i])))
			return e == ERR_UNREADABLE ? req_fail(rq, e, NULL, "the path is not properly encoded") : e;
		if (is_id[i] && !uuid_read(rq->args[i], &rq->ids[i]))
			return ERR_NOT_FOUND;
	}
	return OK;
}

/* "7" is a version of ours, and so is "7-gzip" (the same version, compressed); any other entity tag cannot match one. */
static enum err read_if_match(struct req *rq)
{
	struct str tag = str_trim(req_header(rq, S("If-Match")));

	if (tag.n == 0)
		return ERR_PRECONDITION;
	if (str_eq(tag, S("*")))
		return req_fail(rq, ERR_PRECONDITION, NULL,
		    "If-Match: * would overwrite changes that you have not seen; send the ETag that you read");
	tag = etag_uncoded(rq->arena, tag);
	if (tag.n < 3 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"' ||
	    !str_to_int(str_sub(tag, 1, tag.n - 2), &rq->if_match_version))
		return req_fail(rq, ERR_STALE, NULL, "If-Match is not an ETag of this object");
	return OK;
}

static enum err read_idempotency_key(struct req *rq)
{
	struct str key = req_header(rq, S("Idempotency-Key"));

	/* Taken for none, a client's lost variable would make its retries store twice. */
	if (key.n == 0 && http_header_sent(rq->x, S("Idempotency-Key")))
		return req_fail(
		    rq, ERR_INVALID, NULL, "the Idempotency-Key is empty; send one, or leave the header out");
	if (key.n > IDEMPOTENCY_KEY_MAX_BYTES)
		return req_fail(rq, ERR_INVALID, NULL, "the Idempotency-Key is longer than 255 characters");
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] < ' ' || key.p[i] > '~')
			return req_fail(rq, ERR_INVALID, NULL, "the Idempotency-Key may hold printable ASCII only");
	}
	rq->idempotency_key = key;
	return OK;
}

enum err read_preconditions(struct req *rq)
{
	enum err e;

	if ((rq->route->flags & ROUTE_IF_MATCH) && (e = read_if_match(rq)))
		return e;
	if ((rq->route->flags & ROUTE_IDEMPOTENT) && (e = read_idempotency_key(rq)))
		return e;
	if ((rq->route->flags & ROUTE_SECRET) && http_header_sent(rq->x, S("Idempotency-Key")))
		return req_fail(rq, ERR_INVALID, NULL,
		    "This takes no Idempotency-Key: the reply has a secret that is not kept. Look at the list before "
		    "you "
		    "try again.");
	return OK;
}

/* ---- query ---- */

struct list_params {
	int64_t limit;
	struct str cursor, sort;
	bool count;
};
static const struct field list_fields[] = {
    FIELD(struct list_params, limit, FT_INT, OPTIONAL, 1, PAGE_SIZE_MAX, "Items on a page"),
    FIELD(struct list_params, cursor, FT_TEXT, OPTIONAL, 1, 1000, "Where the page begins"),
    FIELD(struct list_params, sort, FT_TEXT, OPTIONAL, 1, 64, "Order"),
    FIELD(struct list_params, count, FT_BOOL, OPTIONAL, 0, 0, "Count all"),
};
static const struct shape list_shape = SHAPE("ListParameters", struct list_params, list_fields);

static bool sort_known(const char *keys, struct str key)
{
	struct str rest = str_from(keys);

	while (rest.n > 0) {
		if (str_eq(str_cut(&rest, ' ', NULL), key))
			return key.n > 0;
	}
	return false;
}

/* The four parameters of every list are cut out of the query, the rest is the row's own business. */
static enum err list_only(struct req *rq, struct str query, struct str *out)
{
	struct buf b;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	while (query.n > 0) {
		struct str pair = str_cut(&query, '&', NULL), value = pair, name = str_cut(&value, '=', NULL);

		for (size_t i = 0; i < countof(list_fields); i++) {
			if (!str_eq(name, str_from(list_fields[i].name)))
				continue;
			if (b.n > 0)
				buf_char(&b, '&');
			buf_add(&b, pair);
		}
	}
	return buf_done(&b, out);
}

static enum err read_list_query(struct req *rq)
{
	struct list_params p = {0};
	const struct route *row = rq->route;
	struct str own, keys = str_from(row->filters);
	uint64_t present;
	enum err e;

	if ((e = list_only(rq, rq->x->query, &own)))
		return e;
	/* schema_read_query() passes over these names for list rows; here they are the point. */
	rq->route = NULL;
	e = schema_read_query(rq, &list_shape, own, &p, &present);
	rq->route = row;
	rq->list.limit = p.limit ? p.limit : PAGE_SIZE_DEFAULT;
	rq->list.cursor = p.cursor;
	rq->list.count = p.count;
	rq->list.descending = p.sort.n == 0 || p.sort.p[0] == '-';
	rq->list.sort = p.sort.n > 0 && p.sort.p[0] == '-' ? str_sub(p.sort, 1, p.sort.n) : p.sort;
	if (p.sort.n == 0) {
		rq->list.sort = str_cut(&keys, ' ', NULL);
	} else if (!sort_known(row->filters, rq->list.sort)) {
		req_error(rq, S("/query/sort"), S("choice"), S("This is none of the values allowed here."));
		e = ERR_INVALID;
	}
	return e;
}

static enum err read_query(struct req *rq)
{
	const struct route *row = rq->route;
	enum err list = OK, own;

	if ((row->flags & ROUTE_LIST) && (list = read_list_query(rq)) && list != ERR_INVALID)
		return list;
	/* Pages and files may be linked with parameters of others (utm_source and its like). */
	if (!row->query && (row->flags & ROUTE_HIDDEN))
		return list;
	if (row->query && !(rq->query = arena_alloc(rq->arena, row->query->size)))
		return ERR_MEMORY;
	own = schema_read_query(rq, row->query, rq->x->query, rq->query, &rq->query_present);
	return own ? own : list;
}

/* ---- body ---- */

/* application/json or application/merge-patch+json, the latter for merge patches; parameters do not matter (JSON is
 * UTF-8). */
static bool media_type_is_json(struct str type)
{
	type = str_trim(str_cut(&type, ';', NULL));
	return str_eq_nocase(type, S("application/json")) || str_eq_nocase(type, S("application/merge-patch+json"));
}

static enum err json_failed(struct req *rq, const struct json_error *why)
{
	struct buf b;
	struct str text;
	enum err e;

	buf_init(&b, rq->arena, 1000);
	buf_add(&b, S("line "));
	buf_int(&b, why->line);
	buf_add(&b, S(", column "));
	buf_int(&b, why->column);
	buf_add(&b, S(": "));
	buf_add(&b, str_from(why->what));
	if ((e = buf_done(&b, &text)))
		return e;
	return req_fail_str(rq, ERR_UNREADABLE, why->pointer, why->duplicate ? S("duplicate") : S("syntax"), text);
}

/* Where no body is wanted an empty object does no harm, but whatever else is sent was meant to do something. */
static const struct shape *body_shape(const struct req *rq)
{
	static const struct shape nothing = {.name = "Nothing"};
	const struct route *row = rq->route;

	if (row->in || (row->flags & ROUTE_RAW_BODY) || row->method == HTTP_GET || rq->x->body.n == 0)
		return row->in;
	return &nothing;
}

static enum err read_body(struct req *rq)
{
	const struct shape *in = body_shape(rq);
	struct json_error why = {0};
	struct json *doc;
	enum err e;

	if (!in)
		return OK;
	if (!media_type_is_json(req_header(rq, S("Content-Type"))))
		return req_fail(rq, ERR_MEDIA_TYPE, NULL, "send the body as application/json");
	if ((e = json_read(rq->arena, rq->x->body, &json_limits_default, &doc, &why)))
		return e == ERR_UNREADABLE ? json_failed(rq, &why) : e;
	rq->body = doc;
	if (!(rq->in = arena_alloc(rq->arena, in->size + 1)))
		return ERR_MEMORY;
	return schema_read(rq, in, doc, (struct str){0}, rq->in, &rq->in_present);
}

enum err read_input(struct req *rq)
{
	enum err query = read_query(rq), body;

	if (query && query != ERR_INVALID)
		return query;
	body = read_body(rq);
	return body ? body : query;
}
