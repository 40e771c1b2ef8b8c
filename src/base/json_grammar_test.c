/* Every text of json_cases.h, and what the reader never does whatever the text. */
#include "base/json.h"
#include "base/json_cases.h"
#include "base/test.h"

static enum err try_read(struct str text, const struct json_limits *limits, struct json_error *why)
{
	struct arena a;
	struct json *doc;
	struct str copy = exact_copy(text);
	enum err e;

	arena_init(&a, &arena_malloc, 16 * MB);
	e = json_read(&a, copy, limits, &doc, why);
	if (why)
		why->pointer = S("");
	arena_free(&a);
	free((char *)copy.p);
	return e;
}

static void keeps_the_grammar(void **state)
{
	struct json_error why;

	(void)state;
	for (size_t i = 0; i < countof(good_texts); i++)
		if (try_read(good_texts[i], &json_limits_default, &why))
			fail_msg("%.*s: %s at %u", STR_ARGS(good_texts[i]), why.what, why.at);
}

static void check_bad(const struct bad_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct json_error why;
		enum err e = try_read(cases[i].text, &json_limits_default, &why);

		if (e != ERR_UNREADABLE)
			fail_msg("case %zu, %.*s: was not refused", i, STR_ARGS(cases[i].text));
		if (why.at != cases[i].at || why.duplicate || !why.what[0])
			fail_msg("case %zu, %.*s: \"%s\" at %u, not %u", i, STR_ARGS(cases[i].text), why.what, why.at,
			    cases[i].at);
	}
}

static void refuses_broken_structure(void **state)
{
	(void)state;
	check_bad(bad_structure, countof(bad_structure));
}

static void refuses_broken_values(void **state)
{
	(void)state;
	check_bad(bad_values, countof(bad_values));
}

static void refuses_broken_strings(void **state)
{
	(void)state;
	check_bad(bad_strings, countof(bad_strings));
}

/* Every beginning of a text that has no other complete beginning is refused, and read without touching what lies behind. */
static void refuses_every_beginning(void **state)
{
	static const struct str text = S("{\"a\\u00e9\\ud83d\\ude00\xe1\xba\xbf\":[1.5e-3,true,false,null,{\"long "
					 "enough for eight\":\"\\n\"}],\"b\":\"x\"}");
	struct json_error why;

	(void)state;
	assert_int_equal(try_read(text, &json_limits_default, &why), OK);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(try_read(str_sub(text, 0, n), &json_limits_default, &why), ERR_UNREADABLE);
}

/* Each byte value inside a string, at each place of the eight that are looked at together. */
static void looks_at_every_byte(void **state)
{
	char text[20];
	struct json_error why;

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (int at = 1; at < 19; at++) {
			bool good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

			memset(text, 'x', sizeof(text));
			text[0] = text[19] = '"';
			text[at] = (char)c;
			if ((try_read(str_make(text, 20), &json_limits_default, &why) == OK) != good &&
			    !(c == '"' && at == 19))
				fail_msg("byte %d at %d", c, at);
		}
	}
}

static void an_absent_text_is_empty(void **state)
{
	struct arena a;
	struct json *doc;
	struct json_error why;

	(void)state;
	arena_init(&a, &arena_malloc, 1 * MB);
	assert_int_equal(json_read(&a, str_make(NULL, 0), &json_limits_default, &doc, &why), ERR_UNREADABLE);
	assert_int_equal(why.at, 0);
	arena_free(&a);
}

static void has_limits(void **state)
{
	const struct json_limits tight = {.depth = 2, .keys = 2, .values = 5, .number_chars = 4};
	struct json_error why;

	(void)state;
	assert_int_equal(try_read(S("[[1]]"), &tight, &why), OK);
	assert_int_equal(try_read(S("[[[]]]"), &tight, &why), ERR_UNREADABLE);
	assert_int_equal(why.at, 2);
	assert_int_equal(try_read(S("{\"a\":1,\"b\":2}"), &tight, &why), OK);
	assert_int_equal(try_read(S("{\"a\":1,\"b\":2,\"c\":3}"), &tight, &why), ERR_UNREADABLE);
	assert_int_equal(why.at, 13);
	assert_int_equal(try_read(S("[1,2,3,4]"), &tight, &why), OK);
	assert_int_equal(try_read(S("[1,2,3,4,5]"), &tight, &why), ERR_UNREADABLE);
	assert_int_equal(why.at, 9);
	assert_int_equal(try_read(S("[-1.5]"), &tight, &why), OK);
	assert_int_equal(try_read(S("[-1.50]"), &tight, &why), ERR_UNREADABLE);
	assert_int_equal(why.at, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_grammar),
	    cmocka_unit_test(refuses_broken_structure),
	    cmocka_unit_test(refuses_broken_values),
	    cmocka_unit_test(refuses_broken_strings),
	    cmocka_unit_test(refuses_every_beginning),
	    cmocka_unit_test(looks_at_every_byte),
	    cmocka_unit_test(an_absent_text_is_empty),
	    cmocka_unit_test(has_limits),
	};

	return cmocka_run_group_tests_name("base/json_grammar", tests, NULL, NULL);
}
