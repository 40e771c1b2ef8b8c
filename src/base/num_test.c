#include <math.h>
#include "base/num.h"
#include "base/rng.h"
#include "base/test.h"

#define RANDOM_ROUNDS 40000

struct text_case {
	double v;
	const char *text;
};

static struct str text_of(double v, char out[NUM_TEXT_MAX])
{
	return str_make(out, num_text(v, out));
}

/* The expected texts are what ECMA-262 prescribes for Number::toString. */
static void writes_the_shortest_text(void **state)
{
	static const struct text_case cases[] = {
	    {0, "0"},
	    {-0.0, "0"},
	    {1, "1"},
	    {-1.5, "-1.5"},
	    {0.1, "0.1"},
	    {0.30000000000000004, "0.30000000000000004"},
	    {1.0 / 3, "0.3333333333333333"},
	    {2.0 / 3, "0.6666666666666666"},
	    {100, "100"},
	    {123456789, "123456789"},
	    {9007199254740991, "9007199254740991"},
	    {9007199254740992, "9007199254740992"},
	    {9007199254740994, "9007199254740994"},
	    {123456789012345680000.0, "123456789012345680000"},
	    {999999999999999900000.0, "999999999999999900000"},
	    {1e20, "100000000000000000000"},
	    {1e21, "1e+21"},
	    {1.5e21, "1.5e+21"},
	    {1e-6, "0.000001"},
	    {1.25e-6, "0.00000125"},
	    {1e-7, "1e-7"},
	    {1.5e-7, "1.5e-7"},
	    {-1e-100, "-1e-100"},
	    {5e-324, "5e-324"},
	    {1e-323, "1e-323"},
	    {2.2250738585072014e-308, "2.2250738585072014e-308"},
	    {2.225073858507201e-308, "2.225073858507201e-308"},
	    {1.7976931348623157e308, "1.7976931348623157e+308"},
	    {4.35, "4.35"},
	    {1e23, "1e+23"},
	    {9.5367431640625e-7, "9.5367431640625e-7"},
	    {5.684341886080802e-14, "5.684341886080802e-14"},
	    {-1.7976931348623157e-300, "-1.7976931348623157e-300"},
	    {72057594037927940.0, "72057594037927940"},
	};
	char text[NUM_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		assert_str(text_of(cases[i].v, text), cases[i].text);
}

static void reads_what_rounds_hard(void **state)
{
	static const struct text_case cases[] = {
	    {0x1p53, "9007199254740993"},
	    {0x1.0000000000001p53, "9007199254740993.0000000000000000000000000000000000000000001"},
	    {0x1.0000000000002p53, "9007199254740995"},
	    {5e-324, "2.4703282292062327208828439643411068618252990130717e-324"},
	    {0, "2.4703282292062327208828439643411068618252990130716e-324"},
	    {0x1p-1022, "2.2250738585072012e-308"},
	    {0x1.ffffffffffffep-1023, "2.2250738585072011e-308"},
	    {0x1.fffffffffffffp1023, "179769313486231580793728971405302307166001572487395108634e252"},
	    {1e23, "100000000000000000000000"},
	    {1e23, "1e23"},
	    {8.5e21, "85e20"},
	    {0.1, "0.1000000000000000055511151231257827021181583404541015625"},
	    {0, "0e999999999999999999"},
	    {0, "1e-999999999999999999"},
	    {0, "0.0000000000000000000000000000000000000000000000001e-300"},
	    {1, "0.000000000000000000000000000001e30"},
	    {1e-10, "10000000000e-20"},
	};
	double v;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_true(num_read(str_from(cases[i].text), &v));
		if (memcmp(&v, &cases[i].v, sizeof(v)) != 0)
			fail_msg("%s read as %a, not %a", cases[i].text, v, cases[i].v);
	}
	assert_true(num_read(S("-0"), &v) && v == 0 && signbit(v));
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {"", "-", "+1", "01", "-01", "1.", ".5", "1.e1", "1e", "1e+", "1e1.5", "0x1",
	    "1 ", " 1", "NaN", "Infinity", "1_000", "1,5", "--1", "1e400", "-1e309", "1.7976931348623159e308",
	    "11111111111111111111111111111111111111111111111111111111111111111"};
	double v = 7;

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		if (num_read(str_from(bad[i]), &v))
			fail_msg("%s was read as %g", bad[i], v);
	assert_true(v == 7);
}

static uint64_t random64(struct rng *r)
{
	uint64_t high = rng_next(r);

	return high << 32 | rng_next(r);
}

/* Significant digits of a text that num_text has written */
static int digits_in(const char *text)
{
	int digits = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text == '.' || *text == '-' || (*text == '0' && digits == 0))
			continue;
		digits++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return digits - zeros;
}

static void check_round_trip(double v)
{
	char text[NUM_TEXT_MAX + 1], shorter[64];
	size_t n = num_text(v, text);
	int digits;
	double again;

	text[n] = '\0';
	digits = digits_in(text);
	if (strtod(text, NULL) != v || !num_read(str_make(text, n), &again) || again != v)
		fail_msg("%a was written as %s", v, text);
	if (digits < 2)
		return;
	snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, v);
	if (strtod(shorter, NULL) == v)
		fail_msg("%s is shorter than %s", shorter, text);
}

static void agrees_with_the_c_library_on_random_doubles(void **state)
{
	struct rng r;

	(void)state;
	rng_init(&r, 20261122, 1);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t bits = random64(&r);
		double v;

		if (i % 4 == 1)
			bits &= ~(((uint64_t)1 << 52) - 1); /* powers of two: the gaps on both sides differ */
		else if (i % 4 == 2)
			bits &= 0x800fffffffffffffu >> rng_below(&r, 52) | (uint64_t)1 << 63; /* subnormal */
		memcpy(&v, &bits, sizeof(v));
		if (i % 4 == 3)
			v = (double)(bits >> 40) / 1000;
		if (isfinite(v) && v != 0)
			check_round_trip(v);
	}
}

static void agrees_with_the_c_library_on_random_decimals(void **state)
{
	struct rng r;
	char text[96];

	(void)state;
	rng_init(&r, 20261122, 2);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		int digits = 1 + (int)rng_below(&r, 54), n = 0;
		double mine, theirs;
		bool ok;

		text[n++] = (char)('1' + rng_below(&r, 9));
		text[n++] = '.';
		while (digits-- > 0)
			text[n++] = (char)('0' + rng_below(&r, 10));
		n += snprintf(text + n, 8, "e%d", (int)rng_below(&r, 660) - 335);
		theirs = strtod(text, NULL);
		ok = num_read(str_make(text, (size_t)n), &mine);
		if (ok ? memcmp(&mine, &theirs, sizeof(mine)) != 0 : isfinite(theirs) != 0)
			fail_msg("%s: %a, the C library has %a", text, mine, theirs);
	}
}

/* Odd 54-bit integers lie exactly between two doubles, and so do their multiples by powers of two. */
static void agrees_with_the_c_library_between_doubles(void **state)
{
	struct rng r;
	char text[64];

	(void)state;
	rng_init(&r, 20261122, 3);
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t odd = (random64(&r) & (((uint64_t)1 << 53) - 1)) | (uint64_t)1 << 53 | 1;
		double half = (double)(odd >> 1), mine, theirs;
		int n;

		half = ldexp(half, (int)rng_below(&r, 60)) + 0;
		n = snprintf(text, sizeof(text), "%llu", (unsigned long long)odd);
		theirs = strtod(text, NULL);
		assert_true(num_read(str_make(text, (size_t)n), &mine) && mine == theirs);
		n += snprintf(text + n, 8, ".%06d", (int)rng_below(&r, 3));
		theirs = strtod(text, NULL);
		assert_true(num_read(str_make(text, (size_t)n), &mine) && mine == theirs);
		n = snprintf(text, sizeof(text), "%.0f", half);
		assert_true(num_read(str_make(text, (size_t)n), &mine) && mine == half);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_the_shortest_text),
	    cmocka_unit_test(reads_what_rounds_hard),
	    cmocka_unit_test(refuses_what_is_no_number),
	    cmocka_unit_test(agrees_with_the_c_library_on_random_doubles),
	    cmocka_unit_test(agrees_with_the_c_library_on_random_decimals),
	    cmocka_unit_test(agrees_with_the_c_library_between_doubles),
	};

	return cmocka_run_group_tests_name("base/num", tests, NULL, NULL);
}
