#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "core/csv.h"

static void check(struct str text, bool is_number, struct str want)
{
	struct arena a;
	struct buf b;
	struct str got;

	arena_init(&a, &arena_malloc, 1u << 20);
	buf_init(&b, &a, 1u << 16);
	csv_field(&b, text, is_number);
	assert_int_equal(buf_done(&b, &got), OK);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p ? got.p : "", want.p, want.n);
	arena_free(&a);
}

static void plain_text_stays(void **state)
{
	(void)state;
	check(S(""), false, S(""));
	check(S("Hanoi"), false, S("Hanoi"));
	check(S("Hà Nội"), false, S("Hà Nội"));
	check(S("a=b"), false, S("a=b"));
	check(S("'quoted'"), false, S("'quoted'"));
}

static void separators_are_quoted(void **state)
{
	(void)state;
	check(S("a,b"), false, S("\"a,b\""));
	check(S("say \"yes\""), false, S("\"say \"\"yes\"\"\""));
	check(S("two\r\nlines"), false, S("\"two\r\nlines\""));
	check(S(" led by a space"), false, S("\" led by a space\""));
	check(S("a;b"), false, S("\"a;b\""));
}

static void formulas_are_neutralised(void **state)
{
	(void)state;
	check(S("=1+1"), false, S("'=1+1"));
	check(S("+84 24 1234"), false, S("'+84 24 1234"));
	check(S("-1"), false, S("'-1"));
	check(S("@SUM(A1)"), false, S("'@SUM(A1)"));
	check(S("\tx"), false, S("\"'\tx\""));
	check(S("\rx"), false, S("\"'\rx\""));
	check(S("\xef\xbc\x9d"
		"1"),
	    false,
	    S("'\xef\xbc\x9d"
	      "1"));
	check(S("\xef\xbc\x8b"
		"1"),
	    false,
	    S("'\xef\xbc\x8b"
	      "1"));
	check(S("\xef\xbc\x8d"
		"1"),
	    false,
	    S("'\xef\xbc\x8d"
	      "1"));
	check(S("\xef\xbc\xa0"
		"a"),
	    false,
	    S("'\xef\xbc\xa0"
	      "a"));
	check(S("=cmd|' /C calc'!A0,x"), false, S("\"'=cmd|' /C calc'!A0,x\""));
}

static void numbers_are_left_alone(void **state)
{
	(void)state;
	check(S("-1.5"), true, S("-1.5"));
	check(S("12"), true, S("12"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_text_stays),
	    cmocka_unit_test(separators_are_quoted),
	    cmocka_unit_test(formulas_are_neutralised),
	    cmocka_unit_test(numbers_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
