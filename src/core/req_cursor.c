/* Cursors: base64url of ["sort value","id"], written by the list's SQL, then a dot and the tag of the list they belong to. */
#include "base/hash.h"
#include "base/utf8.h"
#include "core/req.h"
#include "core/router.h"

#define TAG_BYTES 6

/* Where and how many is not part of what a list is; its order was read into rq->list. */
static bool is_list_own(struct str name)
{
	return str_eq(name, S("limit")) || str_eq(name, S("cursor")) || str_eq(name, S("sort")) ||
	       str_eq(name, S("count"));
}

/* A sum, so that the parameters may stand in any order. */
static enum err hash_filters(struct req *rq, uint64_t *sum)
{
	struct str query = rq->x->query;
	enum err e;

	while (query.n > 0) {
		struct str value = str_cut(&query, '&', NULL), name = str_cut(&value, '=', NULL);

		if ((e = url_decode(rq->arena, name, true, &name)) || (e = url_decode(rq->arena, value, true, &value)))
			return e;
		if (name.n > 0 && !is_list_own(name))
			*sum += hash64(value, hash64(name, 1));
	}
	return OK;
}

enum err cursor_tag(struct req *rq, struct str *tag)
{
	uint64_t h = hash64(str_from(rq->route->path), rq->list.descending);
	unsigned char bytes[TAG_BYTES];
	struct buf b;
	enum err e;

	h = hash64(str_make((const char *)&rq->who.tenant_id, sizeof(rq->who.tenant_id)), h);
	h = hash64(rq->list.sort, h);
	for (size_t i = 0; i < rq->arg_count; i++)
		h = hash64(rq->args[i], h);
	if ((e = hash_filters(rq, &h)))
		return e;
	for (size_t i = 0; i < TAG_BYTES; i++)
		bytes[i] = (unsigned char)(h >> 8 * i);
	buf_init(&b, rq->arena, 16);
	buf_char(&b, '.');
	base64url_put(&b, bytes, sizeof(bytes));
	return buf_done(&b, tag);
}

enum err cursor_read(struct req *rq, struct str *sort_value, struct uuid *id, bool *present)
{
	const char *why = "this is no cursor of this list in this order with these filters; take it from \"next\"";
	struct str given = rq->list.cursor, tag, text;
	struct json_error je;
	struct json *doc;
	enum err e;

	*present = false;
	if (given.n == 0)
		return OK;
	if ((e = cursor_tag(rq, &tag)))
		return e;
	if (!str_ends(given, tag) || base64url_read(rq->arena, str_sub(given, 0, given.n - tag.n), &text) ||
	    json_read(rq->arena, text, &json_limits_default, &doc, &je) || doc->type != JSON_ARRAY || doc->count != 2 ||
	    doc->items[0].type != JSON_STR || doc->items[1].type != JSON_STR || !uuid_read(doc->items[1].s, id))
		return req_fail(rq, ERR_INVALID, "/query/cursor", why);
	*sort_value = doc->items[0].s;
	*present = true;
	return OK;
}
