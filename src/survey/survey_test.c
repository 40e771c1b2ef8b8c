#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/limits.h"
#include "survey/survey_draft.h"

static const struct json *parse(struct arena *a, const char *text)
{
	struct json_error why;
	struct json *doc;

	assert_int_equal(json_read(a, str_from(text), &json_limits_default, &doc, &why), OK);
	return doc;
}

/* RFC 7396, appendix A. */
static void test_merge_patch(void **state)
{
	static const char *const rows[][3] = {
	    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
	    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	    {"{\"a\":\"foo\"}", "null", "null"},
	    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
	    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
	    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};
	struct arena a;
	struct json out;

	(void)state;
	arena_init(&a, &arena_malloc, MB);
	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(merge_patch(&a, parse(&a, rows[i][0]), parse(&a, rows[i][1]), &out), OK);
		if (!json_same(&out, parse(&a, rows[i][2])))
			fail_msg("row %zu", i);
	}
	arena_free(&a);
}

static void test_what_may_be_kept(void **state)
{
	const struct {
		const char *text;
		enum err wanted;
		const char *pointer, *language;
	} rows[] = {
	    {"{\"schema_version\":\"1.0\"}", OK, "", "en"},
	    {"{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"vi\",\"pages\":7}}", OK, "", "vi"},
	    {"{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"not a tag\"}}", OK, "", "en"},
	    {"{\"schema_version\":\"12.34\",\"survey\":[]}", OK, "", "en"},
	    {"{}", ERR_INVALID, "/schema_version", NULL},
	    {"{\"schema_version\":1.0}", ERR_INVALID, "/schema_version", NULL},
	    {"{\"schema_version\":\"1\"}", ERR_INVALID, "/schema_version", NULL},
	    {"{\"schema_version\":\"1.\"}", ERR_INVALID, "/schema_version", NULL},
	    {"{\"schema_version\":\"-1.0\"}", ERR_INVALID, "/schema_version", NULL},
	    {"{\"schema_version\":\"1.0.0\"}", ERR_INVALID, "/schema_version", NULL},
	    {"[]", ERR_INVALID, "", NULL},
	    {"null", ERR_INVALID, "", NULL},
	};
	const char *pointer, *why;
	struct draft draft;
	struct arena a;

	(void)state;
	arena_init(&a, &arena_malloc, MB);
	for (size_t i = 0; i < countof(rows); i++) {
		enum err e = draft_read(&a, parse(&a, rows[i].text), &draft, &pointer, &why);

		if (e != rows[i].wanted || strcmp(pointer, rows[i].pointer) != 0 ||
		    (!e && !str_eq(draft.language, str_from(rows[i].language))))
			fail_msg("%s: %s at \"%s\"", rows[i].text, err_slug(e), pointer);
	}
	assert_int_equal(draft_empty(&a, S("A \"title\""), S(""), &draft), OK);
	assert_int_equal(draft_read(&a, parse(&a, str_cstr(&a, draft.text)), &draft, &pointer, &why), OK);
	arena_free(&a);
}

static void test_status(void **state)
{
	(void)state;
	assert_true(status_may_become(S("published"), S("closed"), true));
	assert_true(status_may_become(S("closed"), S("published"), true));
	assert_true(status_may_become(S("draft"), S("draft"), false));
	assert_true(status_may_become(S("archived"), S("draft"), false));
	assert_true(status_may_become(S("archived"), S("closed"), true));
	assert_false(status_may_become(S("draft"), S("published"), false));
	assert_false(status_may_become(S("archived"), S("published"), true));
	assert_false(status_may_become(S("archived"), S("draft"), true));
	assert_false(status_may_become(S("published"), S("draft"), true));
}

static void test_compiling_apart(void **state)
{
	static const char sound[] =
	    "{\"schema_version\":\"1.0\",\"survey\":{\"title\":\"T\",\"language\":\"en\",\"pages\":[{\"name\":\"p\","
	    "\"questions\":[{\"type\":\"text\",\"name\":\"q\",\"title\":\"Q\",\"colour\":\"red\"}]}]}}";
	struct compiling own;
	struct compiled c;
	struct arena a;

	(void)state;
	arena_init(&a, &arena_malloc, MB);
	assert_int_equal(compile_apart(&own, 64 * MB, parse(&a, sound), S(""), 0, &c), OK);
	assert_int_equal(compiled_keep(&a, &c), OK);
	arena_free(&own.arena);
	assert_true(c.error_count == 1 && c.diagnostic_count >= 1 && c.program.n == 0);
	assert_true(str_find(c.diagnostics[0].pointer, S("/colour"), NULL) && c.diagnostics[0].message.n > 10);
	assert_int_equal(compile_apart(&own, 20 * KB, parse(&a, sound), S(""), 0, &c), ERR_LIMIT);
	arena_free(&own.arena);
	assert_int_equal(compile_apart(&own, 20 * KB, NULL, str_from(sound), 0, &c), ERR_LIMIT);
	arena_free(&own.arena);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merge_patch),
	    cmocka_unit_test(test_what_may_be_kept),
	    cmocka_unit_test(test_status),
	    cmocka_unit_test(test_compiling_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
