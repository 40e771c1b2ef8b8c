/* random_test.c - draws are even, and neither places nor records nor interviews have to do with each other. */
#include "engine/engine.h"
#include "base/limits.h"
#include "base/test.h"

#define INTERVIEWS 6000
#define SIDES 6

/* Two dice, and one for each of two records. */
static const char survey[] =
    "{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\", \"calculated\": ["
    "{\"name\": \"a\", \"type\": \"number\", \"expression\": \"random(1, 6)\", \"export\": true},"
    "{\"name\": \"b\", \"type\": \"number\", \"expression\": \"random(1, 6)\", \"export\": true}],"
    "\"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"roster\", \"name\": \"r\", \"over\": \"2\", "
    "\"questions\": ["
    "{\"type\": \"number\", \"name\": \"d\", \"title\": \"D\", \"read_only\": true, \"default_expression\": "
    "\"random(1, 6)\"}]}]}]}}";

static double number_in(const struct json *record, struct str name)
{
	const struct json *v = json_get(record, name);

	assert_non_null(v);
	return json_num(v);
}

/* How far the pairs of two dice are from even: chi-square of 35 degrees of freedom; above 70 once in 2,500 tries. */
static double unevenness(const unsigned char *x, const unsigned char *y, int n)
{
	int counts[SIDES * SIDES] = {0};
	double each = (double)n / (SIDES * SIDES), sum = 0;

	for (int i = 0; i < n; i++)
		counts[(x[i] - 1) * SIDES + y[i] - 1]++;
	for (int i = 0; i < SIDES * SIDES; i++)
		sum += (counts[i] - each) * (counts[i] - each) / each;
	return sum;
}

static void throw_all(struct arena *a, const struct program *p, uint64_t seed, unsigned char out[4])
{
	struct interview in = {.program = p, .seed = seed, .now_ms = 1795000000000, .language = S("en")};
	const struct json *records;
	struct json_error broken;
	struct verdict v;
	struct json *got;

	assert_int_equal(interview_run(&in, RUN_COMPLETE, -1, a, &v), OK);
	assert_int_equal(json_read(a, v.answers, &json_limits_default, &got, &broken), OK);
	records = json_get(got, S("r"));
	assert_true(records && records->count == 2);
	out[0] = (unsigned char)number_in(got, S("a"));
	out[1] = (unsigned char)number_in(got, S("b"));
	out[2] = (unsigned char)number_in(&records->items[0], S("d"));
	out[3] = (unsigned char)number_in(&records->items[1], S("d"));
	for (int i = 0; i < 4; i++)
		assert_in_range(out[i], 1, SIDES);
}

static void test_even(void **state)
{
	unsigned char(*dice)[INTERVIEWS] = calloc(5, sizeof(*dice)), out[4];
	struct program *p;
	struct compiled c;
	struct arena a, each;
	const char *why;

	(void)state;
	arena_init(&a, &arena_malloc, 4 * MB);
	arena_init(&each, &arena_malloc, 4 * MB);
	assert_non_null(dice);
	assert_int_equal(engine_compile_text(&a, str_from(survey), 0, &c), OK);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(&a, c.program, &p, &why), OK);
	for (int i = 0; i < INTERVIEWS; i++) {
		throw_all(&each, p, (uint64_t)i, out);
		for (int k = 0; k < 4; k++)
			dice[k][i] = out[k];
		/* the interview before */
		dice[4][(i + 1) % INTERVIEWS] = out[0];
		arena_reset(&each);
	}
	for (int x = 0; x < 5; x++)
		for (int y = 0; y < x; y++)
			assert_true(unevenness(dice[x], dice[y], INTERVIEWS) < 70);
	free(dice);
	arena_free(&each);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_even)};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
