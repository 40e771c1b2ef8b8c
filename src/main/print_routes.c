/* print_routes.c - `collect print routes`: every route of the program with what guards it and what it reads, for the tests that try them all. */
#include "base/json.h"
#include "base/limits.h"
#include "main/command.h"
#include "main/document.h"
#include "main/open.h"

static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
    {ROUTE_INLINE, "inline"},
    {ROUTE_LIST, "list"},
    {ROUTE_IF_MATCH, "if-match"},
    {ROUTE_NO_TX, "no-transaction"},
    {ROUTE_PUBLIC_DB, "respondents"},
    {ROUTE_READ, "read"},
    {ROUTE_HIDDEN, "hidden"},
    {ROUTE_IDEMPOTENT, "idempotent"},
    {ROUTE_SECRET, "secret"},
    {ROUTE_SLOW, "slow"},
    {ROUTE_RAW_BODY, "raw-body"},
    {ROUTE_INTERNAL, "internal"},
    {ROUTE_EACH_PROJECT, "each-project"},
};

static const char *type_name(enum field_type type)
{
	static const char *const names[] = {[FT_TEXT] = "text",
	    [FT_INT] = "integer",
	    [FT_NUM] = "number",
	    [FT_BOOL] = "boolean",
	    [FT_UUID] = "uuid",
	    [FT_TIME] = "time",
	    [FT_DATE] = "date",
	    [FT_EMAIL] = "email",
	    [FT_URL] = "url",
	    [FT_LANGUAGE] = "language",
	    [FT_ENUM] = "enum",
	    [FT_JSON] = "json",
	    [FT_OBJECT] = "object",
	    [FT_LIST] = "list",
	    [FT_MAP] = "map"};

	return names[type];
}

/* Members of nested objects come as "address.city". */
static void put_fields(struct json_out *w, const struct shape *shape, const char *before)
{
	char name[256];

	for (size_t i = 0; shape && i < shape->field_count; i++) {
		const struct field *f = &shape->fields[i];

		snprintf(name, sizeof(name), "%s%s%s", before, before[0] ? "." : "", f->name);
		json_open(w, '{');
		json_field_str(w, S("name"), str_from(name));
		json_field_str(w, S("type"), str_from(type_name(f->type)));
		json_field_bool(w, S("required"), f->flags & REQUIRED);
		json_close(w, '}');
		if (f->type == FT_OBJECT && f->shape && strlen(name) < sizeof(name) / 2)
			put_fields(w, f->shape, name);
	}
}

static void put_shape(struct json_out *w, struct str key, const struct shape *shape)
{
	json_key(w, key);
	if (!shape) {
		json_put_null(w);
		return;
	}
	json_open(w, '{');
	json_field_bool(w, S("open"), shape->open);
	json_key(w, S("fields"));
	json_open(w, '[');
	put_fields(w, shape, "");
	json_close(w, ']');
	json_close(w, '}');
}

static void put_route(struct json_out *w, const struct route *row)
{
	json_open(w, '{');
	json_field_str(w, S("method"), http_method_name(row->method));
	json_field_str(w, S("path"), str_from(row->path));
	json_field_str(w, S("permission"), str_from(permission_slug(row->perm)));
	json_field_int(w, S("status"), row->status);
	json_key(w, S("flags"));
	json_open(w, '[');
	for (size_t i = 0; i < countof(flag_names); i++)
		if (row->flags & flag_names[i].flag)
			json_put_str(w, str_from(flag_names[i].name));
	json_close(w, ']');
	put_shape(w, S("query"), row->query);
	put_shape(w, S("body"), row->in);
	json_close(w, '}');
}

void routes_print(const struct app *app, struct buf *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_open(&w, '[');
	for (size_t i = 0; i < app->route_arrays; i++)
		for (const struct route *row = app->routes[i]; row->path; row++)
			put_route(&w, row);
	json_close(&w, ']');
	buf_char(out, '\n');
}
