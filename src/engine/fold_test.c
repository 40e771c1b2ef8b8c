/* fold_test.c - which texts are the same when neither case nor white space matters. */
#include "base/test.h"
#include "engine/engine.h"

static struct str key(struct arena *a, const char *text)
{
	struct str out;
	struct buf b;

	buf_init(&b, a, 4096);
	text_put_key(&b, str_from(text));
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static void test_same(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {{"", "  \t\n", true}, {"a b", "  A \t\n B\xc2\xa0 ", true}, {"ab", "a b", false},
	    {"Đà Nẵng", "đÀ\xe3\x80\x80nẴNG", true}, {"Đà Nẵng", "Da Nang", false}, {"straße", "STRASSE", true},
	    {"a.", "a", false}, {"ΟΔΟΣ", "οδος", true}};

	for (size_t i = 0; i < countof(cases); i++)
		if (str_eq(key(*state, cases[i].one), key(*state, cases[i].other)) != cases[i].same)
			fail_msg("\"%s\" and \"%s\"", cases[i].one, cases[i].other);
	assert_true(str_eq(key(*state, " One \n two "), key(*state, "one two")));
	assert_int_equal(key(*state, "\n one   two").n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {with_arena(test_same)};

	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
