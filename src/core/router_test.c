#include "core/router_test.h"

struct thing {
	struct str title;
	int64_t days;
};
static const struct field thing_fields[] = {
    FIELD(struct thing, title, FT_TEXT, REQUIRED, 1, 5, "Its name"),
    FIELD(struct thing, days, FT_INT, OPTIONAL, 1, 30, "Days it stays"),
};
static const struct shape thing_in = SHAPE("ThingNew", struct thing, thing_fields);

struct filter {
	struct str status;
};
static const char *const statuses[] = {"draft", "published", NULL};
static const struct field filter_fields[] = {
    FIELD(struct filter, status, FT_ENUM, OPTIONAL, 0, 0, "State", .choices = statuses)};
static const struct shape filter = SHAPE("ThingFilter", struct filter, filter_fields);

static const struct field thing_out_fields[] = {OUT("id", FT_UUID, REQUIRED, "Its id")};
static const struct shape thing_out = SHAPE_OUT("Thing", thing_out_fields);

static enum err say_ok(struct req *rq)
{
	struct buf b;
	struct str text;

	buf_init(&b, rq->arena, 200);
	buf_add(&b, S("{\"route\":\""));
	buf_add(&b, str_from(rq->route->path));
	for (size_t i = 0; i < rq->arg_count; i++) {
		buf_char(&b, '|');
		buf_add(&b, rq->args[i]);
	}
	buf_add(&b, S("\"}"));
	return buf_done(&b, &text) ? ERR_MEMORY : reply_json(rq, rq->route->status, text);
}

static enum err list(struct req *rq)
{
	struct buf b;
	struct str text;

	buf_init(&b, rq->arena, 200);
	buf_int(&b, rq->list.limit);
	buf_char(&b, ' ');
	buf_add(&b, rq->list.sort);
	buf_add(&b, rq->list.descending ? S(" down ") : S(" up "));
	buf_add(&b, rq->list.count ? S("counted ") : S(""));
	buf_add(&b, ((struct filter *)rq->query)->status);
	return buf_done(&b, &text) ? ERR_MEMORY : reply_json(rq, 200, text);
}

static enum err peek(struct req *rq)
{
	if (!rq->tx)
		return ERR_AGAIN;
	return say_ok(rq);
}

static enum err version(struct req *rq)
{
	reply_header(rq, S("Cache-Control"), S("max-age=60"));
	reply_etag_version(rq, rq->if_match_version);
	return say_ok(rq);
}

static enum err fail_here(struct req *rq)
{
	reply_header(rq, S("X-Left-Over"), S("must not go out"));
	return req_fail(rq, ERR_CONFLICT, "/status", "only a draft can be published");
}

static enum err etag(struct req *rq)
{
	if (reply_not_modified(rq, S("\"v9\"")))
		return OK;
	return say_ok(rq);
}

static enum err keyed(struct req *rq)
{
	return reply_text(rq, 200, S("text/plain"), rq->idempotency_key);
}

static enum err devour(struct req *rq)
{
	for (size_t bytes = MB; bytes > 0; bytes /= 2)
		while (arena_alloc(rq->arena, bytes))
			;
	return ERR_MEMORY;
}

static int changes_told;

static void tell_change(struct req *rq)
{
	(void)rq;
	changes_told++;
}

static enum err change(struct req *rq)
{
	rq->after_commit = tell_change;
	return reply_empty(rq, 204);
}

static const struct route rows[] = {
    {HTTP_GET, "/api/v1/devour", PERM_SIGNED_IN, RATE_CONSOLE, NULL, NULL, 200, devour, "Take all memory"},
    {HTTP_PUT, "/api/v1/change", PERM_SIGNED_IN, RATE_CONSOLE, NULL, NULL, 204, change, "Change"},
    {HTTP_GET, "/api/v1/things", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &thing_out, 200, list, "List", .query = &filter,
	.flags = ROUTE_LIST | ROUTE_READ, .filters = "created_at title"},
    {HTTP_POST, "/api/v1/things", PERM_SURVEYS_WRITE, RATE_CONSOLE, &thing_in, &thing_out, 201, say_ok, "Create"},
    {HTTP_GET, "/api/v1/things/{id}", PERM_SURVEYS_READ, RATE_CONSOLE, NULL, &thing_out, 200, say_ok, "Get"},
    {HTTP_PATCH, "/api/v1/things/{id}", PERM_SURVEYS_WRITE, RATE_CONSOLE, &thing_in, &thing_out, 200, version, "Change",
	.flags = ROUTE_IF_MATCH},
    {HTTP_POST, "/api/v1/things/validate", PERM_SURVEYS_WRITE, RATE_CONSOLE, NULL, NULL, 200, say_ok, "Check"},
    {HTTP_POST, "/api/v1/things/{id}/publish", PERM_SURVEYS_PUBLISH, RATE_CONSOLE, NULL, NULL, 200, fail_here,
	"Publish"},
    {HTTP_GET, "/api/v1/things/{thing_id}/parts/{name}", PERM_SIGNED_IN, RATE_CONSOLE, NULL, NULL, 200, say_ok, "Part",
	.flags = ROUTE_NO_TX},
    {HTTP_GET, "/api/public/v1/links/{slug}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, peek, "Link",
	.flags = ROUTE_INLINE | ROUTE_PUBLIC_DB | ROUTE_CORS_ANY},
    {HTTP_POST, "/api/public/v1/links/{slug}/responses", PERM_NONE, RATE_INTAKE, NULL, NULL, 200, keyed, "Answer",
	.flags = ROUTE_IDEMPOTENT | ROUTE_PUBLIC_DB | ROUTE_CORS_ANY | ROUTE_SMALL_BODY},
    {HTTP_GET, "/static/{file*}", PERM_NONE, RATE_NONE, NULL, NULL, 200, etag, "Files",
	.flags = ROUTE_INLINE | ROUTE_NO_TX | ROUTE_HIDDEN},
    {HTTP_GET, "/internal/healthz", PERM_NONE, RATE_NONE, NULL, NULL, 200, say_ok, "Health",
	.flags = ROUTE_INTERNAL | ROUTE_NO_TX},
    ROUTE_END};
static const struct route *const arrays[] = {rows};
#define ID "0190b5a2-3c4d-7e5f-8a6b-7c8d9e0f1a2b"
#define JSON "Content-Type: application/json"

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, arrays, 1);
	*state = w;
	return 0;
}

static int stop(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

static void paths_match(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things/" ID, "", ""), 200);
	assert_true(reply_says(w, "{id}|" ID));
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things/" ID "/parts/a%2Fb", "", ""), 200);
	assert_true(reply_says(w, "|a/b"));
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things/validate", "", ""), 200);
	assert_int_equal(ask(w, HTTP_GET, "/static/js/app.js", "", ""), 200);
	assert_true(reply_says(w, "|js/app.js"));
	assert_true(w->was_inline);
	assert_int_equal(ask(w, HTTP_HEAD, "/api/v1/things/" ID, "", ""), 200);
}

static void paths_that_do_not_match(void **state)
{
	static const char *const nowhere[] = {"/", "/api", "/api/v1", "/api/v1/thing", "/api/v1/things/",
	    "/api/v1/things/7", "/api/v1//things", "/api/v1/things/" ID "/", "/api/v1/things/" ID "/parts/",
	    "/internal/healthz", "//", "*", "/api/v1/things/" ID "/publish/x"};
	struct world *w = *state;

	for (size_t i = 0; i < countof(nowhere); i++) {
		if (ask(w, HTTP_GET, nowhere[i], "", "") != 404)
			fail_msg("%s gave %d", nowhere[i], w->x.reply.status);
		assert_true(reply_says(w, "\"code\":\"not-found\""));
	}
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things/" ID "/parts/%ff", "", ""), 400);
	w->listener.internal = true;
	assert_int_equal(ask(w, HTTP_GET, "/internal/healthz", "", ""), 200);
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 404);
}

static void methods(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_DELETE, "/api/v1/things/" ID, "", ""), 405);
	assert_str(reply_header_of(w, "Allow"), "GET, HEAD, PATCH, OPTIONS");
	assert_int_equal(ask(w, HTTP_METHOD_OTHER, "/api/v1/things", "", ""), 405);
	assert_int_equal(ask(w, HTTP_OPTIONS, "/api/v1/things", "", ""), 204);
	assert_str(reply_header_of(w, "Allow"), "GET, HEAD, POST, OPTIONS");
	assert_int_equal(ask(w, HTTP_OPTIONS, "/nowhere", "", ""), 404);
}

static void cors(void **state)
{
	struct world *w = *state;
	const char *preflight = "Origin: https://a.example\nAccess-Control-Request-Method: POST";

	ask(w, HTTP_OPTIONS, "/api/public/v1/links/x/responses", preflight, "");
	assert_str(reply_header_of(w, "Access-Control-Allow-Origin"), "*");
	assert_str(reply_header_of(w, "Access-Control-Allow-Methods"), "POST, OPTIONS");
	ask(w, HTTP_OPTIONS, "/api/v1/things", preflight, "");
	assert_int_equal(reply_header_of(w, "Access-Control-Allow-Origin").n, 0);
	doubles.origins = "https://b.example https://a.example";
	ask(w, HTTP_GET, "/api/v1/things", preflight, "");
	assert_str(reply_header_of(w, "Access-Control-Allow-Origin"), "https://a.example");
	assert_str(reply_header_of(w, "Vary"), "Origin");
}

static void who_may(void **state)
{
	struct world *w = *state;

	doubles.permissions = permissions_of(ROLE_VIEWER);
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 200);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"a\"}"), 403);
	assert_true(doubles.by_caller);
	doubles.signed_in = false;
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 401);
	assert_false(doubles.by_caller);
	assert_str(doubles.address, "192.0.2.1");
	assert_str(reply_header_of(w, "WWW-Authenticate"), "Bearer");
	doubles.rate_refuses = true;
	doubles.asked = 0;
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 429);
	assert_int_equal(doubles.asked, 0);
	assert_str(reply_header_of(w, "Retry-After"), "3");
	assert_str(reply_header_of(w, "RateLimit-Limit"), "10");
}

/* Who is refused has asked for nothing that costs a statement; a known token is counted in one go. */
static void counted_before(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 200);
	assert_int_equal(doubles.rate_taken, 2);
	assert_true(doubles.by_caller);
	assert_int_equal(doubles.address.n, 0);
	doubles.caller_known = true;
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things", "", ""), 200);
	assert_int_equal(doubles.rate_taken, 3);
	assert_true(doubles.by_caller);
	assert_str(doubles.address, "192.0.2.1");
	assert_str(reply_header_of(w, "RateLimit-Limit"), "10");
}

static void transactions(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"a\"}"), 201);
	assert_int_equal(doubles.committed, 1);
	assert_false(doubles.read_only);
	ask(w, HTTP_GET, "/api/v1/things", "", "");
	assert_true(doubles.read_only);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things/" ID "/publish", "", ""), 409);
	assert_int_equal(doubles.rolled_back, 1);
	assert_true(reply_says(w, "\"pointer\":\"/status\""));
	assert_true(reply_says(w, "\"request_id\":\"r-1\""));
	assert_int_equal(reply_header_of(w, "X-Left-Over").n, 0);
	assert_str(reply_header_of(w, "X-Content-Type-Options"), "nosniff");
	doubles.commit_error = ERR_OUTCOME_UNKNOWN;
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"a\"}"), 503);
	assert_str(reply_header_of(w, "Retry-After"), "1");
	doubles.opened = 0;
	ask(w, HTTP_POST, "/api/v1/things", JSON, "{}");
	assert_int_equal(doubles.opened, 0);
}

static void inline_rows(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_GET, "/api/public/v1/links/csat", "", ""), 200);
	assert_false(w->was_inline);
	assert_int_equal(doubles.rate_local, 1);
	assert_int_equal(doubles.rate_taken, 1);
	assert_false(doubles.by_link);
	ask(w, HTTP_GET, "/api/public/v1/links/kn%6fwn", "", "");
	assert_true(doubles.by_link);
	assert_int_equal(ask(w, HTTP_GET, "/static/a.css?v=3", "If-None-Match: \"v1\", W/\"v9\"", ""), 304);
	assert_int_equal(ask(w, HTTP_GET, "/static/a.css", "If-None-Match: \"v1\"", ""), 200);
	assert_str(reply_header_of(w, "ETag"), "\"v9\"");
}

static void lists(void **state)
{
	struct world *w = *state;

	ask(w, HTTP_GET, "/api/v1/things", "", "");
	assert_str(w->x.reply.body, "50 created_at down ");
	ask(w, HTTP_GET, "/api/v1/things?limit=200&sort=title&count=true&status=draft", "", "");
	assert_str(w->x.reply.body, "200 title up counted draft");
	ask(w, HTTP_GET, "/api/v1/things?sort=-title", "", "");
	assert_str(w->x.reply.body, "50 title down ");
	assert_int_equal(
	    ask(w, HTTP_GET, "/api/v1/things?limit=201&sort=size&status=x&colour=red&count=2", "", ""), 422);
	assert_true(reply_says(w, "/query/limit") && reply_says(w, "/query/sort") && reply_says(w, "/query/status"));
	assert_true(reply_says(w, "/query/colour") && reply_says(w, "/query/count"));
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things?limit=0", "", ""), 422);
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things?limit=5&limit=6", "", ""), 422);
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things?status=%zz", "", ""), 400);
	assert_int_equal(ask(w, HTTP_GET, "/api/v1/things/" ID "?x=1", "", ""), 422);
}

static void bodies(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", "", "{\"title\":\"a\"}"), 415);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", "Content-Type: text/json", "{\"title\":\"a\"}"), 415);
	assert_int_equal(
	    ask(w, HTTP_POST, "/api/v1/things", "Content-Type: Application/JSON; charset=utf-8", "{\"title\":\"a\"}"),
	    201);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, ""), 400);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":"), 400);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"\\u0000\"}"), 400);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"\xff\"}"), 400);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"a\",\"title\":\"b\"}"), 400);
	assert_true(reply_says(w, "\"code\":\"duplicate\""));
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), 400);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "[]"), 422);
	assert_int_equal(ask(w, HTTP_POST, "/api/v1/things", JSON, "{\"title\":\"123456\",\"days\":31,\"x\":1}"), 422);
	assert_true(reply_says(w, "\"/title\"") && reply_says(w, "\"/days\"") && reply_says(w, "\"/x\""));
}

static void preconditions(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_PATCH, "/api/v1/things/" ID, JSON, "{\"title\":\"a\"}"), 428);
	assert_int_equal(ask(w, HTTP_PATCH, "/api/v1/things/" ID, JSON "\nIf-Match: *", "{\"title\":\"a\"}"), 428);
	assert_int_equal(
	    ask(w, HTTP_PATCH, "/api/v1/things/" ID, JSON "\nIf-Match: \"abc\"", "{\"title\":\"a\"}"), 412);
	assert_int_equal(ask(w, HTTP_PATCH, "/api/v1/things/" ID, JSON "\nIf-Match: \"7\"", "{\"title\":\"a\"}"), 200);
	assert_str(reply_header_of(w, "ETag"), "\"7\"");
	assert_str(reply_header_of(w, "Cache-Control"), "max-age=60");
	assert_int_equal(ask(w, HTTP_POST, "/api/public/v1/links/x/responses", "Idempotency-Key: k 1", ""), 200);
	assert_str(w->x.reply.body, "k 1");
	assert_int_equal(
	    ask(w, HTTP_POST, "/api/public/v1/links/x/responses", "Idempotency-Key: caf\xc3\xa9", ""), 422);
	assert_int_equal(ask(w, HTTP_POST, "/api/public/v1/links/x/responses", "Idempotency-Key:", ""), 422);
	assert_int_equal(w->x.body_max, HTTP_BODY_RESPONDENT_MAX_BYTES);
}

static void without_memory_a_problem_is_still_one(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_GET, "/api/v1/devour", "", ""), 503);
	assert_true(reply_says(w, "\"code\":\"busy\",\"request_id\":\"r-1\"}"));
	assert_str(reply_header_of(w, "Content-Type"), "application/problem+json");
	assert_str(reply_header_of(w, "Retry-After"), "1");
}

static void caches_hear_of_doubtful_commits(void **state)
{
	static const struct {
		enum err commit;
		int status, told;
	} cases[] = {{OK, 204, 1}, {ERR_OUTCOME_UNKNOWN, 503, 1}, {ERR_CONFLICT, 409, 0}};
	struct world *w = *state;

	for (size_t i = 0; i < countof(cases); i++) {
		changes_told = 0;
		doubles.commit_error = cases[i].commit;
		assert_int_equal(ask(w, HTTP_PUT, "/api/v1/change", "", ""), cases[i].status);
		assert_int_equal(changes_told, cases[i].told);
	}
}

static void a_body_that_nobody_wants(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, HTTP_PUT, "/api/v1/change", JSON, "{}"), 204);
	assert_int_equal(ask(w, HTTP_PUT, "/api/v1/change", JSON, "{\"a\":1}"), 422);
	assert_true(reply_says(w, "\"pointer\":\"/a\",\"code\":\"unknown\""));
	assert_int_equal(ask(w, HTTP_PUT, "/api/v1/change", "Content-Type: text/plain", "a"), 415);
}

static void rows_that_clash(void **state)
{
	static const struct route twice[] = {
	    {HTTP_GET, "/a/{id}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, say_ok, "A"},
	    {HTTP_GET, "/a/{id}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, say_ok, "A"}, ROUTE_END};
	static const struct route renamed[] = {
	    {HTTP_GET, "/a/{id}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, say_ok, "A"},
	    {HTTP_PUT, "/a/{x_id}", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 200, say_ok, "A"}, ROUTE_END};
	static const struct route incomplete[] = {
	    {HTTP_GET, "/a", PERM_NONE, RATE_PUBLIC_READ, NULL, NULL, 0, say_ok, "A"}, ROUTE_END};
	static const struct route closed_inline[] = {
	    {HTTP_GET, "/a", PERM_SIGNED_IN, RATE_PUBLIC_READ, NULL, NULL, 200, say_ok, "A", .flags = ROUTE_INLINE},
	    ROUTE_END};
	static const struct route classless[] = {
	    {HTTP_GET, "/a", PERM_NONE, .status = 200, .handler = say_ok, .summary = "A"}, ROUTE_END};
	static const struct route unlimited[] = {
	    {HTTP_GET, "/a", PERM_SIGNED_IN, RATE_NONE, NULL, NULL, 200, say_ok, "A"}, ROUTE_END};
	static const struct {
		const struct route *rows;
		const char *why;
	} bad[] = {{twice, "same method and path"}, {renamed, "name of an argument"}, {incomplete, "no status"},
	    {closed_inline, "open to everyone"}, {classless, "no rate class"}, {unlimited, "without a rate"}};
	struct world *w = *state;
	struct router *r;
	const char *why;

	for (size_t i = 0; i < countof(bad); i++) {
		w->app.routes = &bad[i].rows;
		assert_int_equal(router_new(&w->app, &w->arena, &r, &why), ERR_SETTING);
		assert_non_null(strstr(why, bad[i].why));
	}
	w->app.routes = arrays;
}

static void roles(void **state)
{
	enum permission p;
	enum role r;

	(void)state;
	assert_true(role_read(S("manager"), &r) && r == ROLE_MANAGER);
	assert_false(role_read(S("Manager"), &r));
	assert_true(permissions_of(ROLE_MANAGER) >> PERM_SURVEYS_PUBLISH & 1);
	assert_false(permissions_of(ROLE_ANALYST) >> PERM_SURVEYS_PUBLISH & 1);
	assert_true(permissions_of(ROLE_INTERVIEWER) >> PERM_RESPONSES_WRITE & 1);
	assert_false(permissions_of(ROLE_INTERVIEWER) >> PERM_RESPONSES_READ & 1);
	assert_false(permissions_of(ROLE_ADMIN) >> PERM_OWNERS_WRITE & 1);
	for (int i = ROLE_VIEWER; i < ROLE_OWNER; i++)
		assert_int_equal(permissions_of(i) & ~permissions_of(i + 1), 0);
	assert_int_equal(permissions_of(ROLE_OWNER), (UINT64_C(1) << PERM_COUNT) - 1);
	assert_true(permission_read(S("responses:read_pii"), &p) && p == PERM_RESPONSES_PERSONAL);
	assert_false(permission_read(S("signed-in"), &p) || permission_read(S(""), &p));
	assert_string_equal(permission_slug(PERM_SURVEYS_READ), "surveys:read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(paths_match, start, stop),
	    cmocka_unit_test_setup_teardown(paths_that_do_not_match, start, stop),
	    cmocka_unit_test_setup_teardown(methods, start, stop),
	    cmocka_unit_test_setup_teardown(cors, start, stop),
	    cmocka_unit_test_setup_teardown(who_may, start, stop),
	    cmocka_unit_test_setup_teardown(counted_before, start, stop),
	    cmocka_unit_test_setup_teardown(transactions, start, stop),
	    cmocka_unit_test_setup_teardown(inline_rows, start, stop),
	    cmocka_unit_test_setup_teardown(lists, start, stop),
	    cmocka_unit_test_setup_teardown(bodies, start, stop),
	    cmocka_unit_test_setup_teardown(preconditions, start, stop),
	    cmocka_unit_test_setup_teardown(without_memory_a_problem_is_still_one, start, stop),
	    cmocka_unit_test_setup_teardown(caches_hear_of_doubtful_commits, start, stop),
	    cmocka_unit_test_setup_teardown(a_body_that_nobody_wants, start, stop),
	    cmocka_unit_test_setup_teardown(rows_that_clash, start, stop),
	    cmocka_unit_test(roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
