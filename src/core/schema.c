#include "core/schema.h"

#include "base/limits.h"
#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "core/router.h"
#include "core/schema_check.h"

static const struct field *field_by_name(const struct shape *shape, struct str name, size_t *index)
{
	for (size_t i = 0; i < shape->field_count; i++) {
		if (str_eq(name, str_from(shape->fields[i].name))) {
			*index = i;
			return &shape->fields[i];
		}
	}
	return NULL;
}

static enum err read_object(struct req *rq, const struct shape *shape, const struct json *body, struct str pointer,
    void *out, uint64_t *present);

static bool read_list(
    struct req *rq, const struct field *f, const struct json *v, struct str pointer, struct str_list *out)
{
	struct field item = {.name = f->name, .type = f->choices ? FT_ENUM : FT_TEXT, .choices = f->choices};
	bool good = true;

	if (!schema_check_bounds(rq, f, v->count, pointer, "items"))
		return false;
	if (v->count > 0 && !(out->items = arena_array(rq->arena, struct str, v->count)))
		return false;
	for (uint32_t i = 0; i < v->count; i++) {
		struct str at = json_pointer_index(rq->arena, pointer, i);

		if (v->items[i].type != JSON_STR) {
			req_error(rq, at, S("type"), S("This must be a text."));
			good = false;
		} else if (!schema_check_text(rq, &item, v->items[i].s, at)) {
			good = false;
		}
		out->items[i] = v->items[i].s;
	}
	out->n = v->count;
	return good;
}

static bool read_map(struct req *rq, const struct field *f, const struct json *v, struct str pointer)
{
	static const struct field text = {.name = "value", .type = FT_TEXT};
	bool good = schema_check_bounds(rq, f, v->count, pointer, "members");

	for (uint32_t i = 0; i < v->count; i++) {
		struct str at = json_pointer(rq->arena, pointer, v->members[i].key);

		if (v->members[i].value.type != JSON_STR) {
			req_error(rq, at, S("type"), S("This must be a text."));
			good = false;
		} else if (!schema_check_text(rq, &text, v->members[i].value.s, at)) {
			good = false;
		}
	}
	return good;
}

static bool type_fits(const struct field *f, const struct json *v)
{
	switch (f->type) {
	case FT_INT:
		return v->type == JSON_INT;
	case FT_NUM:
		return json_is_num(v);
	case FT_BOOL:
		return v->type == JSON_BOOL;
	case FT_JSON:
		return true;
	case FT_OBJECT:
	case FT_MAP:
		return v->type == JSON_OBJECT;
	case FT_LIST:
		return v->type == JSON_ARRAY;
	default:
		return v->type == JSON_STR;
	}
}

static const char *type_wanted(const struct field *f)
{
	switch (f->type) {
	case FT_INT:
		return "This must be a whole number.";
	case FT_NUM:
		return "This must be a number.";
	case FT_BOOL:
		return "This must be true or false.";
	case FT_OBJECT:
	case FT_MAP:
		return "This must be an object.";
	case FT_LIST:
		return "This must be a list.";
	default:
		return "This must be a text.";
	}
}

static void read_value(struct req *rq, const struct field *f, const struct json *v, struct str pointer, char *to)
{
	if (!type_fits(f, v)) {
		req_error(rq, pointer, S("type"), str_from(type_wanted(f)));
		return;
	}
	switch (f->type) {
	case FT_INT:
		if (schema_check_bounds(rq, f, v->i, pointer, NULL))
			*(int64_t *)to = v->i;
		break;
	case FT_NUM:
		if (schema_check_number(rq, f, json_num(v), pointer))
			*(double *)to = json_num(v);
		break;
	case FT_BOOL:
		*(bool *)to = v->b;
		break;
	case FT_LIST:
		read_list(rq, f, v, pointer, (struct str_list *)to);
		break;
	case FT_MAP:
		if (read_map(rq, f, v, pointer))
			*(const struct json **)to = v;
		break;
	case FT_OBJECT:
		if (f->shape) {
			read_object(rq, f->shape, v, pointer, to, NULL);
			break;
		}
		*(const struct json **)to = v;
		break;
	case FT_JSON:
		*(const struct json **)to = v;
		break;
	default:
		schema_store_text(rq, f, v->s, pointer, to);
	}
}

static enum err read_object(struct req *rq, const struct shape *shape, const struct json *body, struct str pointer,
    void *out, uint64_t *present)
{
	uint64_t seen = 0;
	size_t before = rq->error_count, k;

	for (uint32_t i = 0; i < body->count; i++) {
		const struct json_member *m = &body->members[i];
		const struct field *f = field_by_name(shape, m->key, &k);
		struct str at = json_pointer(rq->arena, pointer, m->key);

		if (!f) {
			if (!shape->open)
				req_error(rq, at, S("unknown"), S("There is no member of this name here."));
			continue;
		}
		seen |= UINT64_C(1) << k;
		if (m->value.type == JSON_NULL && f->type != FT_JSON) {
			if (!(f->flags & NULLABLE))
				req_error(rq, at, S("null"), S("This cannot be null."));
			continue;
		}
		read_value(rq, f, &m->value, at, (char *)out + f->offset);
	}
	for (k = 0; k < shape->field_count; k++) {
		if ((shape->fields[k].flags & REQUIRED) && !(seen >> k & 1))
			req_error(rq, json_pointer(rq->arena, pointer, str_from(shape->fields[k].name)), S("required"),
			    S("This is required."));
	}
	if (present)
		*present = seen;
	return rq->error_count > before ? ERR_INVALID : OK;
}

enum err schema_read(struct req *rq, const struct shape *shape, const struct json *body, struct str pointer, void *out,
    uint64_t *present)
{
	if (body->type != JSON_OBJECT) {
		req_error(rq, pointer, S("type"), S("This must be an object."));
		return ERR_INVALID;
	}
	return read_object(rq, shape, body, pointer, out, present);
}

bool schema_has(const struct shape *shape, uint64_t present, const char *name)
{
	size_t k;

	return field_by_name(shape, str_from(name), &k) && (present >> k & 1);
}

/* ---- query strings ---- */

static bool read_query_list(
    struct req *rq, const struct field *f, struct str text, struct str pointer, struct str_list *out)
{
	struct field item = {.name = f->name, .type = f->choices ? FT_ENUM : FT_TEXT, .choices = f->choices};
	size_t n = 1;
	bool good = true;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	if (!schema_check_bounds(rq, f, n, pointer, "items") || !(out->items = arena_array(rq->arena, struct str, n)))
		return false;
	while (out->n < n) {
		struct str one = str_cut(&text, ',', NULL);

		good &= schema_check_text(rq, &item, one, pointer);
		out->items[out->n++] = one;
	}
	return good;
}

static void read_query_value(struct req *rq, const struct field *f, struct str text, struct str pointer, char *to)
{
	int64_t i;
	double num;

	switch (f->type) {
	case FT_INT:
		if (!str_to_int(text, &i))
			req_error(rq, pointer, S("type"), str_from(type_wanted(f)));
		else if (schema_check_bounds(rq, f, i, pointer, NULL))
			*(int64_t *)to = i;
		break;
	case FT_NUM:
		if (!num_read(text, &num))
			req_error(rq, pointer, S("type"), str_from(type_wanted(f)));
		else if (schema_check_number(rq, f, num, pointer))
			*(double *)to = num;
		break;
	case FT_BOOL:
		if (!str_eq(text, S("true")) && !str_eq(text, S("false")))
			req_error(rq, pointer, S("type"), str_from(type_wanted(f)));
		*(bool *)to = str_eq(text, S("true"));
		break;
	case FT_LIST:
		read_query_list(rq, f, text, pointer, (struct str_list *)to);
		break;
	case FT_JSON:
	case FT_OBJECT:
	case FT_MAP:
		req_error(rq, pointer, S("type"), S("This cannot be given as one parameter."));
		break;
	default:
		schema_store_text(rq, f, text, pointer, to);
	}
}

/* NAME.KEY=value: members of a map are gathered one by one, in the order written. */
static bool add_to_map(struct req *rq, const struct field *f, struct str key, struct str value, char *to)
{
	struct json *map = *(struct json **)to;
	struct json_member *m;

	if (!map) {
		if (!(map = arena_new(rq->arena, struct json)) ||
		    !(map->members = arena_array(rq->arena, struct json_member, HTTP_HEADERS_MAX)))
			return false;
		map->type = JSON_OBJECT;
		*(const struct json **)to = map;
	}
	if (map->count == HTTP_HEADERS_MAX || (f->max > 0 && map->count >= f->max) || json_get(map, key))
		return false;
	m = &map->members[map->count++];
	m->key = key;
	m->value = (struct json){.type = JSON_STR, .s = value};
	return true;
}

static const struct field *map_field(const struct shape *shape, struct str name, struct str *key, size_t *index)
{
	const struct field *f;
	size_t dot;

	if (!str_find_char(name, '.', &dot))
		return NULL;
	f = field_by_name(shape, str_sub(name, 0, dot), index);
	if (!f || f->type != FT_MAP || dot + 1 == name.n)
		return NULL;
	*key = str_sub(name, dot + 1, name.n);
	return f;
}

static bool is_list_parameter(const struct req *rq, struct str name)
{
	return rq->route && (rq->route->flags & ROUTE_LIST) &&
	       (str_eq(name, S("limit")) || str_eq(name, S("cursor")) || str_eq(name, S("sort")) ||
		   str_eq(name, S("count")));
}

static void read_parameter(
    struct req *rq, const struct shape *shape, struct str name, struct str value, void *out, uint64_t *seen)
{
	struct str at = json_pointer(rq->arena, S("/query"), name), key = {0};
	const struct field *f;
	size_t k = 0;

	if (is_list_parameter(rq, name))
		return;
	if (shape && (f = map_field(shape, name, &key, &k))) {
		*seen |= UINT64_C(1) << k;
		if (!add_to_map(rq, f, key, value, (char *)out + f->offset))
			req_error(rq, at, S("duplicate"), S("This parameter is given twice, or there are too many."));
		return;
	}
	if (!shape || !(f = field_by_name(shape, name, &k))) {
		req_error(rq, at, S("unknown"), S("There is no parameter of this name here."));
		return;
	}
	if (*seen >> k & 1) {
		req_error(rq, at, S("duplicate"), S("This parameter is given twice."));
		return;
	}
	*seen |= UINT64_C(1) << k;
	read_query_value(rq, f, value, at, (char *)out + f->offset);
}

enum err schema_read_query(struct req *rq, const struct shape *shape, struct str query, void *out, uint64_t *present)
{
	size_t before = rq->error_count;
	uint64_t seen = 0;
	enum err e;

	while (query.n > 0) {
		struct str value = str_cut(&query, '&', NULL), name;

		if (value.n == 0)
			continue;
		name = str_cut(&value, '=', NULL);
		if ((e = url_decode(rq->arena, name, true, &name)) || (e = url_decode(rq->arena, value, true, &value)))
			return req_fail(rq, e, NULL, "the query string is not properly encoded");
		read_parameter(rq, shape, name, value, out, &seen);
	}
	for (size_t k = 0; shape && k < shape->field_count; k++) {
		if ((shape->fields[k].flags & REQUIRED) && !(seen >> k & 1))
			req_error(rq, json_pointer(rq->arena, S("/query"), str_from(shape->fields[k].name)),
			    S("required"), S("This is required."));
	}
	if (present)
		*present = seen;
	return rq->error_count > before ? ERR_INVALID : OK;
}
