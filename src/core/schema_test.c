#include "core/router_test.h"

struct place {
	double lat;
};
static const struct field place_fields[] = {FIELD(struct place, lat, FT_NUM, REQUIRED, -90, 90, "North")};
static const struct shape place = SHAPE("Place", struct place, place_fields);

struct all {
	struct str text, date, mail, url, language, choice;
	int64_t n, time;
	double num;
	bool flag;
	struct uuid id;
	const struct json *any, *object, *map;
	struct place place;
	struct str_list tags;
};
static const char *const choices[] = {"one", "two", NULL};
static const struct field all_fields[] = {
    FIELD(struct all, text, FT_TEXT, REQUIRED, 2, 4, "Text"),
    FIELD(struct all, date, FT_DATE, OPTIONAL, 0, 0, "Date"),
    FIELD(struct all, mail, FT_EMAIL, OPTIONAL, 0, 0, "Mail"),
    FIELD(struct all, url, FT_URL, OPTIONAL, 0, 0, "URL"),
    FIELD(struct all, language, FT_LANGUAGE, OPTIONAL, 0, 0, "Language"),
    FIELD(struct all, choice, FT_ENUM, OPTIONAL, 0, 0, "Choice", .choices = choices),
    FIELD(struct all, n, FT_INT, OPTIONAL | NULLABLE, -5, 5, "Number"),
    FIELD(struct all, time, FT_TIME, OPTIONAL, 0, 0, "Time"),
    FIELD(struct all, num, FT_NUM, OPTIONAL, 0, 0, "Number"),
    FIELD(struct all, flag, FT_BOOL, OPTIONAL, 0, 0, "Flag"),
    FIELD(struct all, id, FT_UUID, OPTIONAL, 0, 0, "Id"),
    FIELD(struct all, any, FT_JSON, OPTIONAL, 0, 0, "Any"),
    FIELD(struct all, object, FT_OBJECT, OPTIONAL, 0, 0, "Object"),
    FIELD(struct all, map, FT_MAP, OPTIONAL, 0, 2, "Map"),
    FIELD(struct all, place, FT_OBJECT, OPTIONAL, 0, 0, "Place", .shape = &place),
    FIELD(struct all, tags, FT_LIST, OPTIONAL, 0, 3, "Tags"),
};
static const struct shape all = SHAPE("All", struct all, all_fields);

static struct req *new_req(struct arena *a)
{
	struct req *rq = arena_new(a, struct req);

	rq->arena = a;
	return rq;
}

static enum err read_text(struct req *rq, const char *body, struct all *out, uint64_t *present)
{
	struct json_error why;
	struct json *doc;

	if (json_read(rq->arena, str_from(body), &json_limits_default, &doc, &why))
		fail_msg("bad JSON in the test: %s", body);
	return schema_read(rq, &all, doc, (struct str){0}, out, present);
}

static void everything_is_read(void **state)
{
	struct req *rq = new_req(*state);
	struct all v = {0};
	uint64_t present;

	assert_int_equal(
	    read_text(rq,
		"{\"text\":\"a\xc3\xa9\",\"date\":\"2026-02-28\",\"mail\":\"a.b+c@d-e.example\",\"url\":\"https://"
		"a.example/x?y\",\"language\":\"en-GB\","
		"\"choice\":\"two\",\"n\":null,\"time\":\"1970-01-01T00:00:01Z\",\"num\":1.5,\"flag\":true,"
		"\"id\":\"0190b5a2-3c4d-7e5f-8a6b-7c8d9e0f1a2b\",\"any\":null,\"object\":{\"x\":1},\"map\":{\"k\":"
		"\"v\"},\"place\":{\"lat\":1},"
		"\"tags\":[\"a\",\"b\"]}",
		&v, &present),
	    OK);
	assert_str(v.text, "a\xc3\xa9");
	assert_int_equal(v.time, 1000);
	assert_true(v.num == 1.5 && v.flag && v.place.lat == 1.0 && v.id.b[0] == 1);
	assert_int_equal(v.tags.n, 2);
	assert_str(v.tags.items[1], "b");
	assert_int_equal(v.any->type, JSON_NULL);
	assert_str(json_str_or(v.map, S("k"), S("")), "v");
	assert_true(schema_has(&all, present, "n"));
	assert_int_equal(v.n, 0);
}

static void absent_is_absent(void **state)
{
	struct req *rq = new_req(*state);
	struct all v = {0};
	uint64_t present;

	assert_int_equal(read_text(rq, "{\"text\":\"ab\"}", &v, &present), OK);
	assert_true(schema_has(&all, present, "text"));
	assert_false(schema_has(&all, present, "n"));
	assert_null(v.any);
}

static const struct {
	const char *body, *pointer, *code;
} faults[] = {
    {"{}", "/text", "required"},
    {"{\"text\":null}", "/text", "null"},
    {"{\"text\":1}", "/text", "type"},
    {"{\"text\":\"a\"}", "/text", "min"},
    {"{\"text\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", "/text", "max"},
    {"{\"text\":\"ab\",\"x/y~z\":1}", "/x~1y~0z", "unknown"},
    {"{\"text\":\"ab\",\"date\":\"2026-02-30\"}", "/date", "format"},
    {"{\"text\":\"ab\",\"mail\":\"a@b\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"a b@c.example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"a@b@c.example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"a@b..example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"\xe2\x84\xaaim@c.example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"k\xc4\xb0m@c.example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"mail\":\"kim@\xe2\x84\xaa.example\"}", "/mail", "format"},
    {"{\"text\":\"ab\",\"url\":\"javascript:alert(1)\"}", "/url", "format"},
    {"{\"text\":\"ab\",\"url\":\"http:///x\"}", "/url", "format"},
    {"{\"text\":\"ab\",\"language\":\"english\"}", "/language", "format"},
    {"{\"text\":\"ab\",\"language\":\"en-\"}", "/language", "format"},
    {"{\"text\":\"ab\",\"choice\":\"three\"}", "/choice", "choice"},
    {"{\"text\":\"ab\",\"n\":6}", "/n", "max"},
    {"{\"text\":\"ab\",\"n\":-6}", "/n", "min"},
    {"{\"text\":\"ab\",\"n\":1.5}", "/n", "type"},
    {"{\"text\":\"ab\",\"n\":\"1\"}", "/n", "type"},
    {"{\"text\":\"ab\",\"n\":99999999999999999999}", "/n", "type"},
    {"{\"text\":\"ab\",\"time\":\"yesterday\"}", "/time", "format"},
    {"{\"text\":\"ab\",\"flag\":1}", "/flag", "type"},
    {"{\"text\":\"ab\",\"id\":\"7\"}", "/id", "format"},
    {"{\"text\":\"ab\",\"object\":[]}", "/object", "type"},
    {"{\"text\":\"ab\",\"map\":{\"k\":1}}", "/map/k", "type"},
    {"{\"text\":\"ab\",\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}", "/map", "max"},
    {"{\"text\":\"ab\",\"place\":{}}", "/place/lat", "required"},
    {"{\"text\":\"ab\",\"place\":{\"lat\":91}}", "/place/lat", "max"},
    {"{\"text\":\"ab\",\"place\":{\"lat\":1,\"lon\":1}}", "/place/lon", "unknown"},
    {"{\"text\":\"ab\",\"tags\":[\"a\",1]}", "/tags/1", "type"},
    {"{\"text\":\"ab\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "/tags", "max"},
    {"{\"text\":\"ab\",\"tags\":\"a\"}", "/tags", "type"},
    {"[]", "", "type"},
};

static void faults_have_pointers(void **state)
{
	for (size_t i = 0; i < countof(faults); i++) {
		struct req *rq = new_req(*state);
		struct all v = {0};

		if (read_text(rq, faults[i].body, &v, NULL) != ERR_INVALID || rq->error_count != 1)
			fail_msg("%s: %zu faults", faults[i].body, rq->error_count);
		assert_str(rq->errors[0].pointer, faults[i].pointer);
		assert_str(rq->errors[0].code, faults[i].code);
		assert_true(rq->errors[0].message.n > 0);
	}
}

static void all_faults_are_told(void **state)
{
	struct req *rq = new_req(*state);
	struct all v = {0};
	struct buf b;
	struct str body;

	assert_int_equal(read_text(rq, "{\"n\":9,\"flag\":0,\"x\":1,\"tags\":[1,2]}", &v, NULL), ERR_INVALID);
	assert_int_equal(rq->error_count, 6);
	buf_init(&b, *state, 64 * KB);
	buf_add(&b, S("{\"text\":\"ab\""));
	for (int i = 0; i < 500; i++) {
		buf_add(&b, S(",\"x"));
		buf_int(&b, i);
		buf_add(&b, S("\":1"));
	}
	buf_char(&b, '}');
	buf_char(&b, 0);
	rq = new_req(*state);
	assert_int_equal(buf_done(&b, &body), OK);
	assert_int_equal(read_text(rq, body.p, &v, NULL), ERR_INVALID);
	assert_int_equal(rq->error_count, PROBLEM_ERRORS_MAX);
}

static void queries(void **state)
{
	struct req *rq = new_req(*state);
	struct all v = {0};
	uint64_t present;

	assert_int_equal(schema_read_query(rq, &all,
			     S("text=a+b&n=-3&flag=true&tags=x,y&map.city=H%C3%A0+N%E1%BB%99i&&num=2.5"), &v, &present),
	    OK);
	assert_str(v.text, "a b");
	assert_true(v.n == -3 && v.flag && v.num == 2.5 && v.tags.n == 2);
	assert_str(json_str_or(v.map, S("city"), S("")), "H\xc3\xa0 N\xe1\xbb\x99i");
	assert_true(schema_has(&all, present, "map"));
}

static const struct {
	const char *query, *pointer, *code;
} query_faults[] = {
    {"n=1", "/query/text", "required"},
    {"text=ab&n=1x", "/query/n", "type"},
    {"text=ab&n=", "/query/n", "type"},
    {"text=ab&text=cd", "/query/text", "duplicate"},
    {"text=ab&colour=red", "/query/colour", "unknown"},
    {"text=ab&flag=yes", "/query/flag", "type"},
    {"text=ab&object=x", "/query/object", "type"},
    {"text=ab&map.a=1&map.a=2", "/query/map.a", "duplicate"},
    {"text=ab&map.=1", "/query/map.", "unknown"},
    {"text=ab&tags=a,b,c,d", "/query/tags", "max"},
    {"text=ab&limit=5", "/query/limit", "unknown"},
};

static void query_faults_have_pointers(void **state)
{
	struct req *rq;
	struct all v;

	for (size_t i = 0; i < countof(query_faults); i++) {
		rq = new_req(*state);
		v = (struct all){0};
		assert_int_equal(schema_read_query(rq, &all, str_from(query_faults[i].query), &v, NULL), ERR_INVALID);
		assert_int_equal(rq->error_count, 1);
		assert_str(rq->errors[0].pointer, query_faults[i].pointer);
		assert_str(rq->errors[0].code, query_faults[i].code);
	}
	rq = new_req(*state);
	assert_int_equal(schema_read_query(rq, &all, S("text=%ff"), &v, NULL), ERR_UNREADABLE);
	assert_int_equal(schema_read_query(rq, &all, S("text=%00ab"), &v, NULL), ERR_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(everything_is_read),
	    with_arena(absent_is_absent),
	    with_arena(faults_have_pointers),
	    with_arena(all_faults_are_told),
	    with_arena(queries),
	    with_arena(query_faults_have_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
