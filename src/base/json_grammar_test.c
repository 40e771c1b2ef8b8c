/* One row for every rule of RFC 8259 that a text can keep or break, and for the stricter rules of json.h. */
#include "base/json.h"
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

static const struct str good_texts[] = {
    /* any value may stand alone, white space around every token */
    S("null"),
    S("true"),
    S("false"),
    S("0"),
    S("\"\""),
    S("{}"),
    S("[]"),
    S(" \t\r\n[ \t\r\n] \t\r\n"),
    S("{ \"a\" : 1 , \"b\" : [ 2 , 3 ] }"),
    S("[[],{},[[]]]"),
    S("[null,true,false]"),
    S("[\"a\"]\n"),
    /* numbers */
    S("-0"),
    S("-1"),
    S("10"),
    S("0.0"),
    S("-0.5"),
    S("1e1"),
    S("1E1"),
    S("1e+1"),
    S("1e-1"),
    S("1E+01"),
    S("0e0"),
    S("0e+1"),
    S("1.25e-007"),
    S("123.456e78"),
    S("1e-400"),
    S("9223372036854775808"),
    S("[-0.0,0]"),
    S("0.00000000000000000000000000000000000000000000000000000000000001"),
    /* strings: everything from U+0020 but quote and backslash may stand as it is */
    S("\" !#[]~\x7f\""),
    S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    S("\"\\u0001\\u001f\\u007f\\u00e9\\uABCD\\uabcd\""),
    S("\"\\ud83d\\ude00\""),
    S("\"\\uD800\\uDC00\\udbff\\udfff\""),
    S("\"\\\\u0000\""),
    S("\"\xc2\x80\xdf\xbf\""),
    S("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
    S("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    S("\"\xe2\x80\xa8\xe2\x80\xa9\""),
    S("\"\xef\xbf\xbd\\ufffd\\uFEFF\""),
    S("\"a\xcc\x81\""),
    S("[\"//\",\"/* */\",\"'\"]"),
    S("\"Th\xe1\xba\xbf gi\xe1\xbb\x9bi\""),
    /* objects: any string is a key, the empty one too */
    S("{\"\":0}"),
    S("{\"a\":{\"a\":{}}}"),
    S("{\"a\":1,\"A\":2}"),
    S("{\"\\u0061b\":1,\"a\":2}"),
    S("{\"a\":[],\"b\":{}}"),
    /* exactly the limit of depth */
    S("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};

static void keeps_the_grammar(void **state)
{
	struct json_error why;

	(void)state;
	for (size_t i = 0; i < countof(good_texts); i++)
		if (try_read(good_texts[i], &json_limits_default, &why))
			fail_msg("%.*s: %s at %u", STR_ARGS(good_texts[i]), why.what, why.at);
}

struct bad_case {
	struct str text;
	uint32_t at; /* where it is noticed */
};

static const struct bad_case bad_structure[] = {
    {S(""), 0},
    {S(" "), 1},
    {S("\xef\xbb\xbf[]"), 0},
    {S("\xff\xfe[\0]\0"), 0},
    {S("[\0]"), 1},
    {S("\0"), 0},
    {S("[]\0"), 2},
    {S("["), 1},
    {S("]"), 0},
    {S("{"), 1},
    {S("}"), 0},
    {S("[}"), 1},
    {S("{]"), 1},
    {S("[]]"), 2},
    {S("{}}"), 2},
    {S("[1"), 2},
    {S("[1,"), 3},
    {S("[1,]"), 3},
    {S("[,1]"), 1},
    {S("[1,,2]"), 3},
    {S("[1 2]"), 3},
    {S("[1}"), 2},
    {S("[,]"), 1},
    {S("1 2"), 2},
    {S("[][]"), 2},
    {S("[],"), 2},
    {S(",[]"), 0},
    {S("[\v1]"), 1},
    {S("[\f1]"), 1},
    {S("[1]\xc2\xa0"), 3},
    {S("\xe2\x80\x8b[]"), 0},
    {S("// c\n1"), 0},
    {S("/**/1"), 0},
    {S("[1/*,*/]"), 2},
    {S("# c\n1"), 0},
    {S("{\"a\":1,}"), 7},
    {S("{,\"a\":1}"), 1},
    {S("{\"a\":1,,\"b\":2}"), 7},
    {S("{\"a\" 1}"), 5},
    {S("{\"a\"}"), 4},
    {S("{\"a\":}"), 5},
    {S("{\"a\":1 \"b\":2}"), 7},
    {S("{\"a\"::1}"), 5},
    {S("{\"a\",1}"), 4},
    {S("{\"a\":1]"), 6},
    {S("{a:1}"), 1},
    {S("{'a':1}"), 1},
    {S("{1:1}"), 1},
    {S("{null:1}"), 1},
    {S("{[]:1}"), 1},
    {S("{\"a\":1"), 6},
    {S("{\"a\":"), 5},
    {S("{\"a\""), 4},
    {S("{\"a"), 3},
    {S("{:1}"), 1},
    {S("[1:2]"), 2},
    {S("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), 32},
    {S("<a/>"), 0},
    {S("undefined"), 0},
};

static const struct bad_case bad_values[] = {
    {S("nul"), 3},
    {S("nulL"), 3},
    {S("True"), 0},
    {S("tru"), 3},
    {S("truE"), 3},
    {S("falsy"), 4},
    {S("FALSE"), 0},
    {S("truetrue"), 4},
    {S("NaN"), 0},
    {S("Infinity"), 0},
    {S("-Infinity"), 1},
    {S("-NaN"), 1},
    {S("+1"), 0},
    {S("-"), 1},
    {S("[-]"), 2},
    {S("--1"), 1},
    {S("01"), 1},
    {S("-01"), 2},
    {S("00"), 1},
    {S("1."), 2},
    {S("[1.]"), 3},
    {S(".5"), 0},
    {S("-.5"), 1},
    {S("1.e1"), 2},
    {S("1e"), 2},
    {S("1e+"), 3},
    {S("[1e-]"), 4},
    {S("1eE2"), 2},
    {S("1e1.5"), 3},
    {S("1.2.3"), 3},
    {S("0x1F"), 1},
    {S("1a"), 1},
    {S("1_000"), 1},
    {S("1,000"), 1},
    {S("1 000"), 2},
    {S("- 1"), 1},
    {S("\xef\xbc\x91"), 0},
    {S("[1e400]"), 1},
    {S("[-1e309]"), 1},
    {S("[11111111111111111111111111111111111111111111111111111111111111111]"), 1},
};

static const struct bad_case bad_strings[] = {
    {S("\""), 1},
    {S("\"abc"), 4},
    {S("'a'"), 0},
    {S("\"a\nb\""), 2},
    {S("\"a\tb\""), 2},
    {S("\"\x1f\""), 1},
    {S("\"1234567\x01\""), 8},
    {S("\"a\0b\""), 2},
    {S("\"\\"), 1},
    {S("\"\\\""), 3},
    {S("\"\\a\""), 1},
    {S("\"\\x41\""), 1},
    {S("\"\\0\""), 1},
    {S("\"\\'\""), 1},
    {S("\"\\U0041\""), 1},
    {S("\"\\\n\""), 1},
    {S("\"\\\xc3\xa9\""), 1},
    {S("\"\\u\""), 1},
    {S("\"\\u1\""), 1},
    {S("\"\\u12\""), 1},
    {S("\"\\u123\""), 1},
    {S("\"\\u12G4\""), 1},
    {S("\"\\u+123\""), 1},
    {S("\"\\u"), 1},
    {S("\"\\u00"), 1},
    {S("\"\\u0000\""), 1},
    {S("\"a\\n\\u0000\""), 4},
    {S("{\"\\u0000\":1}"), 2},
    {S("\"\\ud800\""), 1},
    {S("\"\\ud800x\""), 1},
    {S("\"\\ud800\\n\""), 1},
    {S("\"\\ud800\\u\""), 1},
    {S("\"\\ud800\\u0041\""), 1},
    {S("\"\\ud800\\ud800\""), 1},
    {S("\"\\udc00\""), 1},
    {S("\"\\udc00\\ud800\""), 1},
    {S("\"\\ud83d\\ude0"), 1},
    {S("\"\x80\""), 1},
    {S("\"\xbf\""), 1},
    {S("\"\xc0\xaf\""), 1},
    {S("\"\xc1\xbf\""), 1},
    {S("\"\xe0\x80\xaf\""), 1},
    {S("\"\xe0\x9f\xbf\""), 1},
    {S("\"\xf0\x80\x80\xaf\""), 1},
    {S("\"\xf0\x8f\xbf\xbf\""), 1},
    {S("\"\xed\xa0\x80\""), 1},
    {S("\"\xed\xbf\xbf\""), 1},
    {S("\"\xf4\x90\x80\x80\""), 1},
    {S("\"\xf5\x80\x80\x80\""), 1},
    {S("\"\xfe\""), 1},
    {S("\"\xff\""), 1},
    {S("\"\xc3\""), 1},
    {S("\"\xe2\x82\""), 1},
    {S("\"\xf0\x9f\x98\""), 1},
    {S("\"\xc3"), 1},
    {S("\"\\n\xc3\""), 3},
    {S("\"caf\xe9\""), 4},
    {S("\xe9"), 0},
    {S("{\"\xff\":1}"), 2},
};

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
