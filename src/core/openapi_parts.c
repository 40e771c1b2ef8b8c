#include "core/openapi_parts.h"

static void put_ref(struct json_out *w, const char *kind, const char *name, const char *suffix)
{
	json_open(w, '{');
	json_key(w, S("$ref"));
	json_put_raw(w, S("\"#/components/"));
	buf_add(w->buf, str_from(kind));
	buf_char(w->buf, '/');
	buf_add(w->buf, str_from(name));
	buf_add(w->buf, str_from(suffix));
	buf_char(w->buf, '"');
	json_close(w, '}');
}

static void use_shape(struct openapi_used *used, const struct shape *shape)
{
	for (size_t i = 0; i < used->shape_count; i++) {
		if (str_eq(str_from(used->shapes[i]->name), str_from(shape->name)))
			return;
	}
	if (used->shape_count == OPENAPI_SHAPES_MAX)
		return;
	used->shapes[used->shape_count++] = shape;
	for (size_t i = 0; i < shape->field_count; i++) {
		if (shape->fields[i].shape)
			use_shape(used, shape->fields[i].shape);
	}
}

static void use_page(struct openapi_used *used, const struct shape *shape)
{
	use_shape(used, shape);
	for (size_t i = 0; i < used->page_count; i++) {
		if (used->pages[i] == shape)
			return;
	}
	if (used->page_count < OPENAPI_SHAPES_MAX)
		used->pages[used->page_count++] = shape;
}

/* ---- parameters ---- */

static void put_path_parameters(struct json_out *w, struct str path)
{
	while (path.n > 0) {
		struct str seg = str_cut(&path, '/', NULL), name;

		if (seg.n < 3 || seg.p[0] != '{')
			continue;
		name = str_sub(seg, 1, seg.n - 2);
		json_open(w, '{');
		json_field_str(w, S("name"), name);
		json_field_str(w, S("in"), S("path"));
		json_field_bool(w, S("required"), true);
		json_key(w, S("schema"));
		if (str_eq(name, S("id")) || str_ends(name, S("_id")))
			json_put_raw(w, S("{\"type\":\"string\",\"format\":\"uuid\"}"));
		else
			json_put_raw(w, S("{\"type\":\"string\"}"));
		json_close(w, '}');
	}
}

static void put_sort(struct json_out *w, const char *keys)
{
	struct str rest = str_from(keys);

	json_open(w, '{');
	json_field_str(w, S("name"), S("sort"));
	json_field_str(w, S("in"), S("query"));
	json_field_str(w, S("description"), S("Order of the items; a leading - means descending."));
	json_key(w, S("schema"));
	json_open(w, '{');
	json_field_str(w, S("type"), S("string"));
	json_key(w, S("enum"));
	json_open(w, '[');
	while (rest.n > 0) {
		struct str key = str_cut(&rest, ' ', NULL);
		struct buf *b = w->buf;

		json_put_str(w, key);
		json_put_raw(w, S("\"-"));
		buf_add(b, key);
		buf_char(b, '"');
	}
	json_close(w, ']');
	json_close(w, '}');
	json_close(w, '}');
}

static void put_query_parameter(struct json_out *w, const struct field *f)
{
	struct field plain = *f;

	plain.about = NULL;
	json_open(w, '{');
	json_key(w, S("name"));
	json_put_str(w, str_from(f->name));
	json_field_str(w, S("in"), S("query"));
	if (f->flags & REQUIRED)
		json_field_bool(w, S("required"), true);
	if (f->about && f->about[0])
		json_field_str(w, S("description"), str_from(f->about));
	if (f->type == FT_LIST) {
		json_field_str(w, S("style"), S("form"));
		json_field_bool(w, S("explode"), false);
	}
	json_key(w, S("schema"));
	schema_print_field(&plain, false, w);
	json_close(w, '}');
}

void openapi_put_parameters(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	static const char *const list[] = {"Limit", "Cursor", "Count"};

	json_key(w, S("parameters"));
	json_open(w, '[');
	put_path_parameters(w, str_from(row->path));
	if (row->flags & ROUTE_LIST) {
		used->lists = true;
		for (size_t i = 0; i < countof(list); i++)
			put_ref(w, "parameters", list[i], "");
		put_sort(w, row->filters);
	}
	for (size_t i = 0; row->query && i < row->query->field_count; i++)
		put_query_parameter(w, &row->query->fields[i]);
	if (row->flags & ROUTE_IF_MATCH) {
		used->if_match = true;
		put_ref(w, "parameters", "IfMatch", "");
	}
	if (row->flags & ROUTE_IDEMPOTENT) {
		used->idempotency = true;
		put_ref(w, "parameters", "IdempotencyKey", "");
	}
	json_close(w, ']');
}

void openapi_put_body(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	if (!row->in && !(row->flags & ROUTE_RAW_BODY))
		return;
	json_key(w, S("requestBody"));
	json_open(w, '{');
	json_field_bool(w, S("required"), true);
	json_key(w, S("content"));
	json_open(w, '{');
	if (row->in) {
		use_shape(used, row->in);
		json_key(w, row->method == HTTP_PATCH ? S("application/merge-patch+json") : S("application/json"));
		json_open(w, '{');
		json_key(w, S("schema"));
		put_ref(w, "schemas", row->in->name, "");
		json_close(w, '}');
		if (row->method == HTTP_PATCH) {
			json_key(w, S("application/json"));
			json_open(w, '{');
			json_key(w, S("schema"));
			put_ref(w, "schemas", row->in->name, "");
			json_close(w, '}');
		}
	} else if (row->form) {
		use_shape(used, row->form);
		json_key(w, S("application/x-www-form-urlencoded"));
		json_open(w, '{');
		json_key(w, S("schema"));
		put_ref(w, "schemas", row->form->name, "");
		json_close(w, '}');
	} else {
		json_key(w, S("application/octet-stream"));
		json_put_raw(w, S("{\"schema\":{\"type\":\"string\"}}"));
	}
	json_close(w, '}');
	json_close(w, '}');
}

/* ---- replies ---- */

static void put_rate_headers(struct json_out *w, const struct route *row)
{
	static const char *const limited[] = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"};

	for (size_t i = 0; row->rate != RATE_NONE && i < countof(limited); i++) {
		json_key(w, str_from(limited[i]));
		put_ref(w, "headers", limited[i], "");
	}
}

static void put_headers(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	json_key(w, S("headers"));
	json_open(w, '{');
	json_key(w, S("X-Request-Id"));
	put_ref(w, "headers", "X-Request-Id", "");
	if (row->flags & ROUTE_LOCATION) {
		json_key(w, S("Location"));
		json_put_raw(w, S("{\"description\":\"Where the new object is.\",\"schema\":{\"type\":\"string\"}}"));
	}
	if (row->flags & ROUTE_ETAG) {
		used->etag = true;
		json_key(w, S("ETag"));
		put_ref(w, "headers", "ETag", "");
	}
	if (row->out_type) {
		json_key(w, S("Content-Disposition"));
		json_put_raw(w, S("{\"description\":\"A name for the file.\",\"schema\":{\"type\":\"string\"}}"));
	}
	if (row->flags & ROUTE_IDEMPOTENT) {
		json_key(w, S("Idempotency-Replayed"));
		json_put_raw(w, S("{\"description\":\"true when this is the first reply "
				  "again.\",\"schema\":{\"type\":\"string\"}}"));
	}
	put_rate_headers(w, row);
	json_close(w, '}');
}

static void put_content(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	if (!row->out && !row->out_type)
		return;
	json_key(w, S("content"));
	json_open(w, '{');
	json_key(w, row->out_type ? str_from(row->out_type) : S("application/json"));
	json_open(w, '{');
	json_key(w, S("schema"));
	if (row->out_type) {
		json_put_raw(w, S("{\"type\":\"string\"}"));
	} else if (row->flags & ROUTE_LIST) {
		use_page(used, row->out);
		put_ref(w, "schemas", row->out->name, "Page");
	} else {
		use_shape(used, row->out);
		put_ref(w, "schemas", row->out->name, "");
	}
	json_close(w, '}');
	json_close(w, '}');
}

static void mark(bool *set, bool on, int a, int b)
{
	if (on)
		set[a] = set[b] = true;
}

/* Which errors an operation can answer follows from its row. */
static void find_problems(const struct route *row, bool *set)
{
	bool body = row->in || (row->method != HTTP_GET && !(row->flags & ROUTE_RAW_BODY));

	set[503] = true;
	mark(set, row->perm != PERM_NONE, 401, 403);
	mark(set, strchr(row->path, '{') != NULL, 400, 404);
	mark(set, body, 413, 415);
	mark(set, (row->flags & ROUTE_ETAG) && row->method == HTTP_GET, 304, 304);
	mark(set, row->flags & ROUTE_IF_MATCH, 412, 428);
	mark(set, row->flags & ROUTE_IDEMPOTENT, 409, 422);
	mark(set, row->rate != RATE_NONE, 429, 429);
	/* Every address answers a broken request, and a parameter that it does not know. */
	set[400] = set[422] = true;
	for (const int *s = row->also; s && *s; s++)
		set[*s < 600 ? *s : 500] = true;
}

static void put_status_key(struct json_out *w, int status)
{
	const char digits[3] = {'0' + status / 100 % 10, '0' + status / 10 % 10, '0' + status % 10};

	json_key(w, str_make(digits, 3));
}

/* A broken request is a problem still: it never comes as far as the handler. */
static void put_refusal(struct json_out *w, const struct route *row, int status, struct openapi_used *used)
{
	use_shape(used, row->refusal);
	json_open(w, '{');
	json_field_str(w, S("description"), S("Refused."));
	json_key(w, S("headers"));
	json_open(w, '{');
	if (status == 401) {
		json_key(w, S("WWW-Authenticate"));
		json_put_raw(
		    w, S("{\"description\":\"How clients show who they are.\",\"schema\":{\"type\":\"string\"}}"));
	}
	put_rate_headers(w, row);
	json_close(w, '}');
	json_key(w, S("content"));
	json_open(w, '{');
	json_key(w, S("application/json"));
	json_open(w, '{');
	json_key(w, S("schema"));
	put_ref(w, "schemas", row->refusal->name, "");
	json_close(w, '}');
	json_key(w, S("application/problem+json"));
	json_put_raw(w, S("{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}"));
	json_close(w, '}');
	json_close(w, '}');
}

void openapi_put_responses(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	bool set[600] = {0};

	json_key(w, S("responses"));
	json_open(w, '{');
	put_status_key(w, row->status);
	json_open(w, '{');
	json_field_str(w, S("description"), row->status == 204 ? S("Done; nothing to say.") : str_from(row->summary));
	put_headers(w, row, used);
	put_content(w, row, used);
	json_close(w, '}');
	find_problems(row, set);
	for (int status = 300; status < 600; status++) {
		char name[4] = {'E', '0' + status / 100, '0' + status / 10 % 10, '0' + status % 10};
		struct str text = str_make(name, 4);

		if (!set[status] || status == row->status)
			continue;
		used->problems[status] = true;
		put_status_key(w, status);
		if (row->refusal && status < 402) {
			put_refusal(w, row, status, used);
			continue;
		}
		json_open(w, '{');
		json_key(w, S("$ref"));
		json_put_raw(w, S("\"#/components/responses/"));
		buf_add(w->buf, text);
		buf_char(w->buf, '"');
		json_close(w, '}');
	}
	json_close(w, '}');
}
