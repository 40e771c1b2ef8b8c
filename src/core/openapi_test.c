/* The document is printed from a few rows and then read again: every reference must lead somewhere, every name be
 * used once. */
#include "core/router_test.h"

struct thing {
	struct str title;
};
static const struct field thing_fields[] = {FIELD(struct thing, title, FT_TEXT, REQUIRED, 1, 200, "Its \"name\"")};
static const struct shape thing_in = SHAPE("ThingNew", struct thing, thing_fields);

static const char *const states[] = {"draft", "published", NULL};
static const struct field part_fields[] = {OUT("n", FT_INT, REQUIRED, "How many")};
static const struct shape part = SHAPE_OUT("Part", part_fields);
static const struct field out_fields[] = {
    OUT("id", FT_UUID, REQUIRED, "Its id"),
    OUT("title", FT_TEXT, REQUIRED, "Its name"),
    OUT("status", FT_ENUM, REQUIRED | NULLABLE, "State", .choices = states),
    OUT("created_at", FT_TIME, REQUIRED, "When"),
    OUT("parts", FT_LIST, OPTIONAL, "Its parts", .shape = &part),
    OUT("best", FT_OBJECT, OPTIONAL | NULLABLE, "The best part", .shape = &part),
    OUT("extra", FT_JSON, OPTIONAL, "Anything"),
};
static const struct shape thing_out = SHAPE_OUT("Thing", out_fields);

struct filter {
	struct str status;
	struct str_list include;
	const struct json *answer;
};
static const char *const includes[] = {"links", "counts", NULL};
static const struct field filter_fields[] = {
    FIELD(struct filter, status, FT_ENUM, OPTIONAL, 0, 0, "State", .choices = states),
    FIELD(struct filter, include, FT_LIST, OPTIONAL, 0, 2, "More", .choices = includes),
    FIELD(struct filter, answer, FT_MAP, OPTIONAL, 0, 10, "By answer"),
};
static const struct shape filter = SHAPE("Filter", struct filter, filter_fields);

static enum err nothing(struct req *rq)
{
	return reply_empty(rq, 204);
}

static const struct route rows[] = {
    {HTTP_GET, "/api/v1/things", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &thing_out, 200, nothing, "List things",
	.query = &filter, .flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at title"},
    {HTTP_POST, "/api/v1/things", PERM_SURVEYS_WRITE, RATE_CONSOLE, &thing_in, &thing_out, 201, nothing,
	"Create a thing", .flags = ROUTE_IDEMPOTENT | ROUTE_LOCATION},
    {HTTP_GET, "/api/v1/things/{id}", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &thing_out, 200, nothing, "Get a thing",
	.flags = ROUTE_ETAG},
    {HTTP_PATCH, "/api/v1/things/{id}", PERM_SURVEYS_WRITE, RATE_CONSOLE, &thing_in, &thing_out, 200, nothing,
	"Change a thing", .flags = ROUTE_IF_MATCH},
    {HTTP_DELETE, "/api/v1/things/{id}", PERM_SURVEYS_WRITE, RATE_CONSOLE, NULL, NULL, 204, nothing, "Delete a thing",
	.flags = ROUTE_IF_MATCH},
    {HTTP_GET, "/api/v1/things/{id}/parts.csv", PERM_RESPONSES_EXPORT, RATE_EXPORT, NULL, NULL, 200, nothing,
	"Download parts", .out_type = "text/csv"},
    {HTTP_GET, "/api/public/v1/links/{slug}", PERM_NONE, RATE_PUBLIC_READ, NULL, &thing_out, 200, nothing,
	"What a link leads to", .flags = ROUTE_CORS_ANY, .also = (const int[]){410, 0}},
    {HTTP_GET, "/s/{slug}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, nothing, "Page", .flags = ROUTE_HIDDEN},
    {HTTP_GET, "/internal/healthz", PERM_NONE, RATE_NONE, NULL, NULL, 200, nothing, "Health", .flags = ROUTE_INTERNAL},
    ROUTE_END};
static const struct route *const arrays[] = {rows};

static struct world world;
static const struct json *doc;
static struct str text;

static int start(void **state)
{
	struct json_error why;
	struct json *parsed;

	(void)state;
	world_open(&world, arrays, 1);
	if (openapi_print(&world.app, &world.arena, &text))
		fail_msg("not printed");
	if (json_read(&world.arena, text, &json_limits_default, &parsed, &why))
		fail_msg("not JSON: %s at %u", why.what, why.at);
	doc = parsed;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

/* A JSON pointer, as references write it. */
static const struct json *follow(struct str pointer)
{
	const struct json *at = doc;

	str_cut(&pointer, '/', NULL);
	while (at && pointer.n > 0)
		at = json_get(at, str_cut(&pointer, '/', NULL));
	return at;
}

static const struct json *operation(const char *path, const char *method)
{
	const struct json *found = json_get(json_get(json_get(doc, S("paths")), str_from(path)), str_from(method));

	if (!found)
		fail_msg("%s %s is missing", method, path);
	return found;
}

static int check_references(const struct json *v)
{
	int n = 0;

	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->count; i++)
		n += check_references(&v->items[i]);
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->count; i++) {
		const struct json_member *m = &v->members[i];

		n += check_references(&m->value);
		if (!str_eq(m->key, S("$ref")))
			continue;
		n++;
		if (!follow(m->value.s))
			fail_msg("%.*s leads nowhere", STR_ARGS(m->value.s));
	}
	return n;
}

static void references_lead_somewhere(void **state)
{
	(void)state;
	assert_true(check_references(doc) > 50);
}

static void names_are_unique(void **state)
{
	const struct json *paths = json_get(doc, S("paths"));
	struct str seen[50];
	size_t n = 0;

	(void)state;
	assert_int_equal(paths->count, 4);
	for (uint32_t i = 0; i < paths->count; i++) {
		for (uint32_t k = 0; k < paths->members[i].value.count; k++) {
			struct str id = json_str_or(&paths->members[i].value.members[k].value, S("operationId"), S(""));

			assert_true(id.n > 0);
			for (size_t j = 0; j < n; j++)
				assert_false(str_eq(seen[j], id));
			seen[n++] = id;
		}
	}
	assert_int_equal(n, 7);
	assert_str(json_str_or(operation("/api/v1/things/{id}/parts.csv", "get"), S("operationId"), S("")),
	    "get_things_by_id_parts_csv");
}

static void answers_follow_from_the_row(void **state)
{
	const struct json *create = json_get(operation("/api/v1/things", "post"), S("responses"));
	const struct json *change = json_get(operation("/api/v1/things/{id}", "patch"), S("responses"));
	const struct json *link = json_get(operation("/api/public/v1/links/{slug}", "get"), S("responses"));

	(void)state;
	assert_true(json_get(create, S("201")) && json_get(create, S("401")) && json_get(create, S("403")) &&
		    json_get(create, S("409")));
	assert_true(json_get(create, S("413")) && json_get(create, S("415")) && json_get(create, S("422")) &&
		    json_get(create, S("429")));
	assert_true(json_get(change, S("412")) && json_get(change, S("428")) && json_get(change, S("404")));
	assert_true(json_get(link, S("404")) && json_get(link, S("410")) && !json_get(link, S("401")));
	assert_int_equal(json_get(operation("/api/public/v1/links/{slug}", "get"), S("security"))->count, 0);
}

static bool has_header(const struct json *operation, const char *status, const char *name)
{
	const struct json *reply = json_get(json_get(operation, S("responses")), str_from(status));

	return json_get(json_get(reply, S("headers")), str_from(name)) != NULL;
}

static void headers_follow_from_the_row(void **state)
{
	const struct json *create = operation("/api/v1/things", "post"), *get = operation("/api/v1/things/{id}", "get"),
			  *change = operation("/api/v1/things/{id}", "patch"),
			  *erase = operation("/api/v1/things/{id}", "delete");

	(void)state;
	assert_true(has_header(create, "201", "Location") && has_header(create, "201", "Idempotency-Replayed"));
	assert_false(has_header(create, "201", "ETag") || has_header(change, "200", "Location"));
	assert_true(has_header(get, "200", "ETag") && json_get(json_get(get, S("responses")), S("304")));
	assert_false(json_get(json_get(change, S("responses")), S("304")) != NULL);
	assert_true(
	    json_get(json_get(get, S("responses")), S("422")) && json_get(json_get(erase, S("responses")), S("415")));
	assert_non_null(follow(S("#/components/responses/E401/headers/WWW-Authenticate")));
}

static void replies_are_closed(void **state)
{
	static const char *const names[] = {"Thing", "ThingPage", "Part", "ThingNew", "Problem", "ProblemError"};
	const struct json *schemas = json_get(json_get(doc, S("components")), S("schemas"));

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		const struct json *more = json_get(json_get(schemas, str_from(names[i])), S("additionalProperties"));

		assert_true(more && more->type == JSON_BOOL && !more->b);
	}
	assert_int_equal(json_get(json_get(schemas, S("Thing")), S("required"))->count, 4);
	assert_false(str_find(text, S("internal"), NULL) && str_find(text, S("/internal/"), NULL));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(references_lead_somewhere),
	    cmocka_unit_test(names_are_unique),
	    cmocka_unit_test(answers_follow_from_the_row),
	    cmocka_unit_test(headers_follow_from_the_row),
	    cmocka_unit_test(replies_are_closed),
	};

	/* For a look with other tools: test_core_openapi print */
	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		start(NULL);
		printf("%.*s\n", STR_ARGS(text));
		return stop(NULL);
	}
	return cmocka_run_group_tests(tests, start, stop);
}
