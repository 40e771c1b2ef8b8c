#include "base/test.h"

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq(S(""), str_make(NULL, 0)));
	assert_true(str_eq(S("age"), S("age")));
	assert_false(str_eq(S("age"), S("agE")));
	assert_false(str_eq(S("age"), S("ages")));
	assert_true(str_eq_nocase(S("Content-Type"), S("content-TYPE")));
	assert_false(str_eq_nocase(S("@"), S("`")));
	assert_false(str_eq_nocase(S("a"), S("ab")));
	assert_true(str_cmp(S("a"), S("b")) < 0);
	assert_true(str_cmp(S("b"), S("a")) > 0);
	assert_true(str_cmp(S("a"), S("a\x01")) < 0);
	assert_true(str_cmp(S("\x7f"), S("\x80")) < 0);
	assert_int_equal(str_cmp(S(""), str_make(NULL, 0)), 0);
}

static void finds_and_cuts(void **state)
{
	struct str rest = S("a,,b");
	size_t at = 9;
	bool more;

	(void)state;
	assert_true(str_starts(S("abc"), S("ab")));
	assert_false(str_starts(S("a"), S("ab")));
	assert_true(str_ends(S("abc"), S("bc")));
	assert_true(str_ends(S("abc"), S("")));
	assert_false(str_ends(S("c"), S("bc")));
	assert_true(str_find(S("aab"), S("ab"), &at));
	assert_int_equal(at, 1);
	assert_true(str_find(S("abc"), S(""), &at));
	assert_int_equal(at, 0);
	assert_false(str_find(S("abc"), S("abcd"), NULL));
	assert_false(str_find(S("abc"), S("ca"), &at));
	assert_true(str_find_char(S("a=b"), '=', &at));
	assert_int_equal(at, 1);
	assert_str(str_cut(&rest, ',', &more), "a");
	assert_true(more);
	assert_str(str_cut(&rest, ',', NULL), "");
	assert_str(str_cut(&rest, ',', &more), "b");
	assert_false(more);
	assert_int_equal(rest.n, 0);
	assert_str(str_cut(&rest, ',', &more), "");
	assert_str(str_sub(S("abc"), 1, 1), "b");
	assert_str(str_sub(S("abc"), 1, SIZE_MAX), "bc");
	assert_str(str_sub(S("abc"), 7, 2), "");
	assert_str(str_trim(S("\t a b\r\n")), "a b");
	assert_str(str_trim(S(" \n ")), "");
	assert_str(str_from(NULL), "");
}

static void reads_integers(void **state)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "0x1", "1.0", "9223372036854775808",
	    "-9223372036854775809", "99999999999999999999999", "--1"};
	int64_t v = 7;

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(str_to_int(str_from(bad[i]), &v));
	assert_int_equal(v, 7);
	assert_true(str_to_int(S("9223372036854775807"), &v) && v == INT64_MAX);
	assert_true(str_to_int(S("-9223372036854775808"), &v) && v == INT64_MIN);
	assert_true(str_to_int(S("-0"), &v) && v == 0);
	assert_true(str_to_int(S("0042"), &v) && v == 42);
}

static void copies(void **state)
{
	struct arena *a = *state;
	struct str text = S("text"), copy = str_dup(a, text);

	assert_str(copy, "text");
	assert_ptr_not_equal(copy.p, text.p);
	assert_str(str_dup(a, S("")), "");
	assert_string_equal(str_cstr(a, S("path")), "path");
	assert_string_equal(str_cstr(a, str_make(NULL, 0)), "");
	assert_null(str_cstr(a, S("a\0b")));
}

static void buffers(void **state)
{
	struct buf b;
	struct str out;

	buf_init(&b, *state, 4096);
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(out, "");
	buf_int(&b, INT64_MIN);
	buf_char(&b, ' ');
	buf_int(&b, 0);
	buf_char(&b, ' ');
	buf_uint_hex(&b, 0xbeef, 6);
	buf_char(&b, ' ');
	buf_uint_hex(&b, UINT64_MAX, 1);
	buf_char(&b, ' ');
	buf_fill(&b, '-', 3);
	buf_fill(&b, '-', 0);
	buf_add(&b, S(" end"));
	assert_int_equal(buf_done(&b, &out), OK);
	assert_str(out, "-9223372036854775808 0 00beef ffffffffffffffff --- end");
	assert_non_null(buf_room(&b, 4096 - b.n));
	assert_null(buf_room(&b, 4097 - b.n));
	assert_int_equal(buf_done(&b, &out), ERR_LIMIT);
	buf_char(&b, 'x');
	assert_int_equal(b.failed, ERR_LIMIT);
}

static void a_buffer_takes_exactly_its_maximum(void **state)
{
	struct buf b;
	struct str out;

	buf_init(&b, *state, 1000);
	for (int i = 0; i < 1000; i++)
		buf_char(&b, (char)('a' + i % 26));
	assert_int_equal(buf_done(&b, &out), OK);
	assert_int_equal(out.n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(out.p[i], 'a' + i % 26);
	buf_char(&b, 'x');
	assert_int_equal(b.failed, ERR_LIMIT);
}

static void a_buffer_reports_an_exhausted_arena(void **state)
{
	struct arena small;
	struct buf b;
	struct str out;

	(void)state;
	arena_init(&small, &arena_malloc, 1024);
	buf_init(&b, &small, 1 * MB);
	for (int i = 0; i < 2000; i++)
		buf_char(&b, 'x');
	assert_int_equal(buf_done(&b, &out), ERR_MEMORY);
	assert_true(b.n > 400);
	arena_free(&small);
}

static void errors_have_rows(void **state)
{
	(void)state;
	assert_int_equal(err_status(OK), 200);
	assert_string_equal(err_slug(OK), "ok");
	assert_int_equal(err_status(ERR_NOT_FOUND), 404);
	assert_string_equal(err_slug(ERR_STALE), "stale");
	assert_int_equal(err_status((enum err)9999), 500);
	for (int e = 0; e < ERR_COUNT; e++) {
		assert_in_range(err_status(e), 200, 599);
		assert_true(err_slug(e)[0] && err_meaning(e)[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(compares),
	    cmocka_unit_test(finds_and_cuts),
	    cmocka_unit_test(reads_integers),
	    with_arena(copies),
	    with_arena(buffers),
	    with_arena(a_buffer_takes_exactly_its_maximum),
	    cmocka_unit_test(a_buffer_reports_an_exhausted_arena),
	    cmocka_unit_test(errors_have_rows),
	};

	return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
