/* pattern_test.c - what patterns find, what they refuse, and that no text makes them slow. */
#include "base/test.h"
#include "engine/pattern.h"

static bool finds(struct arena *a, const char *source, const char *text)
{
	struct pattern *p;
	const char *why = "";
	int64_t fuel = 1000000;
	uint32_t at;
	bool found;

	if (pattern_compile(a, str_from(source), &p, &why, &at))
		fail_msg("%s: %s at %u", source, why, at);
	assert_int_equal(pattern_find(p, str_from(text), a, &fuel, &found), OK);
	return found;
}

static void test_finds(void **state)
{
	static const struct {
		const char *source, *text;
		bool found;
	} cases[] = {{"", "", true}, {"a", "cab", true}, {"^a", "cab", false}, {"b$", "cab", true}, {"^$", "", true},
	    {"^$", "x", false}, {".", "\n", false}, {"^.$", "ệ", true}, {"^[^a]$", "ệ", true}, {"a|b", "b", true},
	    {"^(a|ab)(c|bcd)$", "abcd", true}, {"^a{3}$", "aaa", true}, {"^a{3}$", "aaaa", false},
	    {"^a{2,}$", "a", false}, {"^a{2,}$", "aaaaa", true}, {"^a{1,2}$", "aaa", false}, {"^\\d+$", "0123", true},
	    {"^\\d+$", "12a", false}, {"\\D", "123", false}, {"^\\w+$", "Az_9", true}, {"\\W", "Az_9", false},
	    {"^\\s$", "\xc2\xa0", true}, {"\\S", " \t\n", false}, {"^[\\d\\s]+$", "1 2", true}, {"^[\\D]$", "x", true},
	    {"^[a-c]+$", "abc", true}, {"^[]a]+$", "a", false}, {"^[a\\]]+$", "a]", true}, {"^[a-]+$", "a-", true},
	    {"\\.", "a", false}, {"^(?:ab)*$", "abab", true}, {"^(a*)*$", "b", false}, {"^(a*)*b$", "aaab", true},
	    {"^(a?){3}$", "aa", true}, {"^[à-ỹ]$", "ế", true}, {"x*?y", "xxy", true}, {"^x??$", "x", true},
	    {"^x{2}?$", "xx", true}, {"^(x+)+$", "xxx", true}, {"^(x{0,2}){2}$", "xxx", true}, {"^]}$", "]}", true},
	    {"(^|,)b(,|$)", "a,b", true}, {"a^b", "ab", false}, {"^(){1000}$", "", true}};

	for (size_t i = 0; i < countof(cases); i++)
		if (finds(*state, cases[i].source, cases[i].text) != cases[i].found)
			fail_msg("%s on \"%s\"", cases[i].source, cases[i].text);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"(", ")", "(a", "a)", "[", "[a", "[b-a]", "*", "+a", "a{2,1}", "a{", "a{x}",
	    "A++", "a**", "a?+", "a+?+", "a{0,2}{2}", "(a)*{2}",
	    "a??"
	    "?",
	    "\\", "\\q", "(?=a)", "(?<n>a)", "\\1", "a{3000}", "(a{100}){100}",
	    "((((((){999}){999}){999}){999}){999}){999}"};
	struct pattern *p;
	const char *why;
	uint32_t at;

	for (size_t i = 0; i < countof(bad); i++) {
		why = NULL;
		if (pattern_compile(*state, str_from(bad[i]), &p, &why, &at) != ERR_INVALID || !why)
			fail_msg("%s was taken", bad[i]);
	}
}

/* Steps grow with the text, not with its powers. */
static void test_linear(void **state)
{
	static char text[20001];
	struct pattern *p;
	const char *why;
	int64_t fuel[2] = {1000000, 1000000}, little = 5000;
	uint32_t at;
	bool found;

	memset(text, 'a', sizeof(text) - 1);
	assert_int_equal(pattern_compile(*state, S("^(a|aa|a*)*(a+)+b$"), &p, &why, &at), OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    pattern_find(p, str_make(text, 10000 * ((size_t)i + 1)), *state, &fuel[i], &found), OK);
	assert_false(found);
	assert_true(1000000 - fuel[1] < 2 * (1000000 - fuel[0]) + 100);
	assert_int_equal(pattern_find(p, str_make(text, 20000), *state, &little, &found), ERR_LIMIT);
	assert_true(little > -PATTERN_STATES_MAX);
}

/* What is found in a text of a and b is within the span of the pattern. */
static void test_span(void **state)
{
	static const char *const patterns[] = {"^ab$", "a", "^a|b$", "(^|a)b", "^(a?b){2,3}$", "^(ab|b*)$", "a{3}",
	    "^$", "$", "^(^a|b$)$", "(^)*ab$", "^a{0,2}$|^bbb$", "($)*a^b", "^(a|$)(b|^)$", "^((a|^b){2}$|bab)",
	    "^[ab][^a]?$"};
	char text[8];

	for (size_t i = 0; i < countof(patterns); i++) {
		const char *why;
		int32_t least, most;
		struct pattern *p;
		uint32_t at;

		assert_int_equal(pattern_compile(*state, str_from(patterns[i]), &p, &why, &at), OK);
		assert_int_equal(pattern_span(p, *state, &least, &most), OK);
		for (uint32_t k = 0; k < 1u << 7; k++) {
			int64_t fuel = 100000;
			bool found;
			int32_t n = 31 - __builtin_clz(k + 1);

			for (int32_t c = 0; c < n; c++)
				text[c] = (k + 1) >> c & 1 ? 'b' : 'a';
			assert_int_equal(pattern_find(p, str_make(text, (size_t)n), *state, &fuel, &found), OK);
			assert_true(!found || (n >= least && (most < 0 || n <= most)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(test_finds), with_arena(test_refused), with_arena(test_linear), with_arena(test_span)};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
