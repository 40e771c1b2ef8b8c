#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "auth/auth_totp.h"
#include "base/limits.h"

#define RFC_SECRET S("12345678901234567890")

static int begin(void **state)
{
	static struct arena a;

	arena_init(&a, &arena_malloc, MB);
	*state = &a;
	return 0;
}

static int end(void **state)
{
	arena_free(*state);
	return 0;
}

static void expect_code(int64_t step, const char *wanted)
{
	char code[TOTP_DIGITS];

	assert_int_equal(totp_code(RFC_SECRET, step, code), OK);
	assert_memory_equal(code, wanted, TOTP_DIGITS);
}

/* RFC 6238, appendix B, SHA-1: their eight digits end in our six. */
static void test_times_of_the_rfc(void **state)
{
	static const struct {
		int64_t time_s;
		const char *code;
	} rows[] = {{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"}, {1234567890, "89005924"},
	    {2000000000, "69279037"}, {20000000000, "65353130"}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		expect_code(rows[i].time_s / TOTP_STEP_S, rows[i].code + 2);
}

/* RFC 4226, appendix D. */
static void test_counters_of_the_rfc(void **state)
{
	static const char *const codes[] = {
	    "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};

	(void)state;
	for (size_t i = 0; i < countof(codes); i++)
		expect_code((int64_t)i, codes[i]);
}

static void test_window(void **state)
{
	const int64_t now_s = 1111111111, step = now_s / TOTP_STEP_S;
	char code[TOTP_DIGITS];

	(void)state;
	for (int64_t off = -3; off <= 3; off++) {
		int64_t wanted = off < -TOTP_WINDOW || off > TOTP_WINDOW ? 0 : step + off;

		assert_int_equal(totp_code(RFC_SECRET, step + off, code), OK);
		assert_int_equal(totp_find(RFC_SECRET, now_s, str_make(code, sizeof code)), wanted);
	}
	assert_int_equal(totp_find(RFC_SECRET, now_s, S("000000")), 0);
	assert_int_equal(totp_find(RFC_SECRET, now_s, S("")), 0);
	assert_int_equal(totp_find(RFC_SECRET, now_s, S("05047")), 0);
	assert_int_equal(totp_find(RFC_SECRET, now_s, S("0504711")), 0);
}

/* RFC 4648, section 10, without the padding. */
static void test_base32(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"},
	    {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};

	for (size_t i = 0; i < countof(rows); i++) {
		struct str text;
		struct buf b;

		buf_init(&b, *state, 64);
		base32_put(&b, (const unsigned char *)rows[i][0], strlen(rows[i][0]));
		assert_int_equal(buf_done(&b, &text), OK);
		assert_true(str_eq(text, str_from(rows[i][1])));
	}
}

static void test_uri(void **state)
{
	struct str uri;

	assert_int_equal(totp_uri(*state, RFC_SECRET, S("ana+x&y=1@acme.example"), &uri), OK);
	assert_true(str_eq(uri,
	    S("otpauth://totp/Cimigo%20Collect:ana%2Bx%26y%3D1%40acme.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"
	      "issuer=Cimigo%20Collect&algorithm=SHA1&digits=6&period=30")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_times_of_the_rfc),
	    cmocka_unit_test(test_counters_of_the_rfc),
	    cmocka_unit_test(test_window),
	    cmocka_unit_test_setup_teardown(test_base32, begin, end),
	    cmocka_unit_test_setup_teardown(test_uri, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
