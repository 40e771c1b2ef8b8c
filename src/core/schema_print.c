#include "core/schema.h"
#include "core/schema_check.h"

static void put_ref(struct json_out *w, const struct shape *shape)
{
	json_key(w, S("$ref"));
	json_put_raw(w, S("\"#/components/schemas/"));
	buf_add(w->buf, str_from(shape->name));
	buf_char(w->buf, '"');
}

static const char *type_name(enum field_type t)
{
	switch (t) {
	case FT_INT:
		return "integer";
	case FT_NUM:
		return "number";
	case FT_BOOL:
		return "boolean";
	case FT_OBJECT:
	case FT_MAP:
		return "object";
	case FT_LIST:
		return "array";
	default:
		return "string";
	}
}

static const char *format_name(enum field_type t)
{
	switch (t) {
	case FT_UUID:
		return "uuid";
	case FT_TIME:
		return "date-time";
	case FT_DATE:
		return "date";
	case FT_EMAIL:
		return "email";
	case FT_URL:
		return "uri";
	case FT_INT:
		return "int64";
	default:
		return NULL;
	}
}

static void put_type(struct json_out *w, const struct field *f)
{
	json_key(w, S("type"));
	if (f->flags & NULLABLE) {
		json_open(w, '[');
		json_put_str(w, str_from(type_name(f->type)));
		json_put_str(w, S("null"));
		json_close(w, ']');
	} else {
		json_put_str(w, str_from(type_name(f->type)));
	}
	if (format_name(f->type))
		json_field_str(w, S("format"), str_from(format_name(f->type)));
}

static void put_choices(struct json_out *w, const struct field *f, bool nullable)
{
	json_key(w, S("enum"));
	json_open(w, '[');
	for (size_t i = 0; f->choices && f->choices[i]; i++)
		json_put_str(w, str_from(f->choices[i]));
	if (nullable)
		json_put_null(w);
	json_close(w, ']');
}

/* What comes in has the bounds that the reader checks; what goes out promises none unless its row names some. */
static void put_bounds(struct json_out *w, const struct field *f, bool out)
{
	bool own = f->min || f->max;

	switch (f->type) {
	case FT_INT:
	case FT_NUM:
		if (own) {
			json_field_int(w, S("minimum"), f->min);
			json_field_int(w, S("maximum"), f->max);
		}
		break;
	case FT_LIST:
		if (own) {
			json_field_int(w, S("minItems"), f->min);
			json_field_int(w, S("maxItems"), f->max);
		}
		break;
	case FT_OBJECT:
	case FT_JSON:
	case FT_ENUM:
	case FT_BOOL:
	case FT_MAP:
		break;
	default:
		if (f->min)
			json_field_int(w, S("minLength"), f->min);
		if (own || (f->type == FT_TEXT && !out))
			json_field_int(w, S("maxLength"), f->max ? f->max : SCHEMA_TEXT_MAX);
	}
}

static void put_list_items(struct json_out *w, const struct field *f)
{
	json_key(w, S("items"));
	json_open(w, '{');
	if (f->shape) {
		put_ref(w, f->shape);
	} else {
		json_field_str(w, S("type"), S("string"));
		if (f->choices)
			put_choices(w, f, false);
	}
	json_close(w, '}');
}

static void put_nested(struct json_out *w, const struct field *f)
{
	if (!(f->flags & NULLABLE)) {
		put_ref(w, f->shape);
		return;
	}
	json_key(w, S("anyOf"));
	json_open(w, '[');
	json_open(w, '{');
	put_ref(w, f->shape);
	json_close(w, '}');
	json_open(w, '{');
	json_field_str(w, S("type"), S("null"));
	json_close(w, '}');
	json_close(w, ']');
}

void schema_print_field(const struct field *f, bool out, struct json_out *w)
{
	json_open(w, '{');
	if (f->about && f->about[0])
		json_field_str(w, S("description"), str_from(f->about));
	if (f->type == FT_OBJECT && f->shape) {
		put_nested(w, f);
		json_close(w, '}');
		return;
	}
	if (f->type != FT_JSON)
		put_type(w, f);
	if (f->type == FT_ENUM)
		put_choices(w, f, f->flags & NULLABLE);
	if (f->type == FT_LIST)
		put_list_items(w, f);
	if (f->type == FT_MAP) {
		json_key(w, S("additionalProperties"));
		json_put_raw(w, S("{\"type\":\"string\"}"));
	}
	put_bounds(w, f, out);
	json_close(w, '}');
}

void schema_print(const struct shape *shape, struct json_out *w)
{
	/* A shape that is only described (SHAPE_OUT) has no struct. */
	bool out = shape->size == 0, any = false;

	json_open(w, '{');
	json_field_str(w, S("type"), S("object"));
	json_field_bool(w, S("additionalProperties"), shape->open);
	json_key(w, S("properties"));
	json_open(w, '{');
	for (size_t i = 0; i < shape->field_count; i++) {
		json_key(w, str_from(shape->fields[i].name));
		schema_print_field(&shape->fields[i], out, w);
		any |= shape->fields[i].flags & REQUIRED;
	}
	json_close(w, '}');
	if (any) {
		json_key(w, S("required"));
		json_open(w, '[');
		for (size_t i = 0; i < shape->field_count; i++) {
			if (shape->fields[i].flags & REQUIRED)
				json_put_str(w, str_from(shape->fields[i].name));
		}
		json_close(w, ']');
	}
	json_close(w, '}');
}
