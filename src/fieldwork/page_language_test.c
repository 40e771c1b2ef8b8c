#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fieldwork/page_language.h"

static const struct str offered[] = {{"en", 2}, {"vi", 2}, {"pt-BR", 5}};

static void check(struct str header, struct str want)
{
	struct str got = language_accept(header, offered, countof(offered));

	assert_int_equal(got.n, want.n);
	assert_true(str_eq(got, want));
}

static void picks_by_quality(void **state)
{
	(void)state;
	check(S("vi"), S("vi"));
	check(S("vi-VN,vi;q=0.9,en;q=0.8"), S("vi"));
	check(S("fr, en;q=0.4, vi;q=0.7"), S("vi"));
	check(S("en;q=0.4,vi;q=0.400"), S("en"));
	check(S("EN-gb ; q=1.0"), S("en"));
	check(S("pt-PT"), S("pt-BR"));
}

static void survives_nonsense(void **state)
{
	(void)state;
	check(S(""), S(""));
	check(S("*"), S(""));
	check(S(",,;;,q=1"), S(""));
	check(S("vi;q=0"), S(""));
	check(S("vi;q=x, en;q=0.1"), S("en"));
	check(S("vi;q=9"), S(""));
	check(S("vi;q=0.99999999, en;q=0.9999"), S("vi"));
	check(S("xx;q=1,yy,zz"), S(""));
}

static void wish_matches(void **state)
{
	(void)state;
	assert_true(str_eq(language_match(S("VI"), offered, countof(offered)), S("vi")));
	assert_true(str_eq(language_match(S("en-AU"), offered, countof(offered)), S("en")));
	assert_int_equal(language_match(S("de"), offered, countof(offered)).n, 0);
	assert_int_equal(language_match(S(""), offered, countof(offered)).n, 0);
}

static void writes_names(void **state)
{
	(void)state;
	assert_true(str_eq(language_own_name(S("vi")), S("Tiếng Việt")));
	assert_true(str_eq(language_own_name(S("tlh")), S("tlh")));
	assert_true(str_eq(language_direction(S("ar-EG")), S("rtl")));
	assert_true(str_eq(language_direction(S("vi")), S("ltr")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(picks_by_quality),
	    cmocka_unit_test(survives_nonsense),
	    cmocka_unit_test(wish_matches),
	    cmocka_unit_test(writes_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
