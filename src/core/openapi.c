#include "core/openapi_parts.h"

#define OPENAPI_MAX_BYTES (4 * MB)
#define TAGS_MAX 64

static bool is_published(const struct route *row)
{
	return !(row->flags & (ROUTE_HIDDEN | ROUTE_INTERNAL));
}

static bool is_version(struct str seg)
{
	return seg.n >= 2 && seg.p[0] == 'v' && seg.p[1] >= '0' && seg.p[1] <= '9';
}

/* The resource: /api/v1/surveys/... is "surveys"; the respondents' tree is one tag. */
static struct str tag_of(struct str path)
{
	struct str seg;

	str_cut(&path, '/', NULL);
	seg = str_cut(&path, '/', NULL);
	while ((str_eq(seg, S("api")) || is_version(seg)) && path.n > 0)
		seg = str_cut(&path, '/', NULL);
	return seg;
}

/* POST /api/v1/surveys/{id}/publish is post_surveys_by_id_publish: unique because method and path are. */
static void put_operation_id(struct json_out *w, const struct route *row)
{
	struct str path = str_from(row->path), method = http_method_name(row->method);
	struct buf *b = w->buf;

	json_key(w, S("operationId"));
	json_put_raw(w, S("\""));
	for (size_t i = 0; i < method.n; i++)
		buf_char(b, method.p[i] | 32);
	while (path.n > 0) {
		struct str seg = str_cut(&path, '/', NULL);

		if (seg.n == 0 || str_eq(seg, S("api")) || is_version(seg))
			continue;
		buf_add(b, seg.p[0] == '{' ? S("_by_") : S("_"));
		for (size_t i = 0; i < seg.n; i++) {
			char c = seg.p[i];

			if (c != '{' && c != '}' && c != '*')
				buf_char(b, c == '.' || c == '-' ? '_' : c);
		}
	}
	buf_char(b, '"');
}

static void put_operation(struct json_out *w, const struct route *row, struct openapi_used *used)
{
	struct str method = http_method_name(row->method);
	char lower[8];

	for (size_t i = 0; i < method.n; i++)
		lower[i] = method.p[i] | 32;
	json_key(w, str_make(lower, method.n));
	json_open(w, '{');
	put_operation_id(w, row);
	json_field_str(w, S("summary"), str_from(row->summary));
	json_key(w, S("tags"));
	json_open(w, '[');
	json_put_str(w, tag_of(str_from(row->path)));
	json_close(w, ']');
	json_key(w, S("security"));
	json_put_raw(w, row->perm == PERM_NONE ? S("[]") : S("[{\"bearer\":[]}]"));
	if (row->perm >= PERM_FIRST_GIVEN)
		json_field_str(w, S("x-permission"), str_from(permission_slug(row->perm)));
	openapi_put_parameters(w, row, used);
	openapi_put_body(w, row, used);
	openapi_put_responses(w, row, used);
	json_close(w, '}');
}

/* Rows in order; NULL after the last. */
static const struct route *row_at(const struct app *app, size_t n)
{
	for (size_t i = 0; i < app->route_arrays; i++) {
		for (const struct route *row = app->routes[i]; row->path; row++) {
			if (n-- == 0)
				return row;
		}
	}
	return NULL;
}

static bool same_path(const struct route *a, const struct route *b)
{
	return is_published(a) && is_published(b) && str_eq(str_from(a->path), str_from(b->path));
}

static bool path_seen(const struct app *app, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (same_path(row_at(app, i), row_at(app, n)))
			return true;
	}
	return false;
}

static void put_paths(struct json_out *w, const struct app *app, struct openapi_used *used)
{
	const struct route *row, *other;

	json_key(w, S("paths"));
	json_open(w, '{');
	for (size_t n = 0; (row = row_at(app, n)); n++) {
		if (!is_published(row) || path_seen(app, n))
			continue;
		json_key(w, str_from(row->path));
		json_open(w, '{');
		for (size_t m = n; (other = row_at(app, m)); m++) {
			if (same_path(row, other))
				put_operation(w, other, used);
		}
		json_close(w, '}');
	}
	json_close(w, '}');
}

static void put_tags(struct json_out *w, const struct app *app)
{
	struct str seen[TAGS_MAX];
	const struct route *row;
	size_t count = 0;

	json_key(w, S("tags"));
	json_open(w, '[');
	for (size_t n = 0; (row = row_at(app, n)) && count < TAGS_MAX; n++) {
		struct str tag = tag_of(str_from(row->path));
		size_t i = 0;

		while (i < count && !str_eq(seen[i], tag))
			i++;
		if (!is_published(row) || i < count)
			continue;
		seen[count++] = tag;
		json_open(w, '{');
		json_field_str(w, S("name"), tag);
		json_field_str(w, S("description"),
		    str_eq(tag, S("public")) ? S("What a respondent's link allows; no sign-in.")
					     : S("For members of a tenant and their programs."));
		json_close(w, '}');
	}
	json_close(w, ']');
}

enum err openapi_print(const struct app *app, struct arena *a, struct str *json)
{
	struct openapi_used *used = arena_new(a, struct openapi_used);
	struct json_out w;
	struct buf b;

	if (!used)
		return ERR_MEMORY;
	buf_init(&b, a, OPENAPI_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_str(&w, S("openapi"), S("3.1.0"));
	json_key(&w, S("info"));
	json_put_raw(&w, S("{\"title\":\"Cimigo Collect\",\"version\":\"1\",\"summary\":\"Survey platform: "
			   "questionnaires in, answers out.\","
			   "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}}"));
	json_key(&w, S("servers"));
	json_put_raw(&w, S("[{\"url\":\"/\",\"description\":\"The server that gave this document\"}]"));
	put_tags(&w, app);
	put_paths(&w, app, used);
	openapi_put_components(&w, used);
	json_close(&w, '}');
	return buf_done(&b, json);
}
