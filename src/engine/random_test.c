/* random_test.c - draws are even, and neither places nor records nor interviews have to do with each other. */
#include "engine/engine.h"

#include <math.h>
#include "base/limits.h"
#include "base/test.h"

#define INTERVIEWS 3000
#define PLACES 16
#define RECORDS 16
#define DICE (PLACES + RECORDS + 1)

/* A die in each of many places of the survey, and one in each record of a roster. */
static struct str survey_of(struct arena *a, struct str die)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, a, 64 * KB);
	buf_add(&b, S("{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\", \"calculated\": ["));
	for (int i = 0; i < PLACES; i++) {
		buf_add(&b, i ? S(", {\"name\": \"c") : S("{\"name\": \"c"));
		buf_char(&b, (char)('a' + i));
		buf_add(&b, S("\", \"type\": \"number\", \"export\": true, \"expression\": \""));
		buf_add(&b, die);
		buf_add(&b, S("\"}"));
	}
	buf_add(&b, S("], \"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"roster\", \"name\": \"r\", "
		      "\"over\": \"16\", "
		      "\"questions\": [{\"type\": \"number\", \"name\": \"d\", \"title\": \"D\", \"read_only\": true, "
		      "\"default_expression\": \""));
	buf_add(&b, die);
	buf_add(&b, S("\"}]}]}]}}"));
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static unsigned char number_in(const struct json *record, struct str name, int sides)
{
	const struct json *v = json_get(record, name);

	assert_non_null(v);
	assert_true(json_num(v) >= 0 && json_num(v) < sides);
	return (unsigned char)json_num(v);
}

/* How far the pairs of two dice are from even: chi-square, in its standard deviations. */
static double unevenness(const unsigned char *x, const unsigned char *y, int sides)
{
	double each = (double)INTERVIEWS / (sides * sides), sum = 0, freedom = sides * sides - 1;
	int counts[100] = {0};

	for (int i = 0; i < INTERVIEWS; i++)
		counts[x[i] * sides + y[i]]++;
	for (int i = 0; i < sides * sides; i++)
		sum += (counts[i] - each) * (counts[i] - each) / each;
	return (sum - freedom) / sqrt(2 * freedom);
}

static void throw_all(struct arena *a, const struct program *p, uint64_t seed, int sides, unsigned char out[DICE])
{
	struct interview in = {.program = p, .seed = seed, .now_ms = 1795000000000, .language = S("en")};
	const struct json *records;
	struct json_error broken;
	struct verdict v;
	struct json *got;

	assert_int_equal(interview_run(&in, RUN_COMPLETE, -1, a, &v), OK);
	assert_int_equal(json_read(a, v.answers, &json_limits_default, &got, &broken), OK);
	records = json_get(got, S("r"));
	assert_true(records && records->count == RECORDS);
	for (int i = 0; i < PLACES; i++) {
		char name[] = {'c', (char)('a' + i)};

		out[i] = number_in(got, str_make(name, sizeof(name)), sides);
	}
	for (int i = 0; i < RECORDS; i++)
		out[PLACES + i] = number_in(&records->items[i], S("d"), sides);
}

static void check_die(struct str die, int sides)
{
	unsigned char(*dice)[INTERVIEWS] = calloc(DICE, sizeof(*dice)), out[DICE];
	struct program *p;
	struct compiled c;
	struct arena a, each;
	const char *why;

	arena_init(&a, &arena_malloc, 4 * MB);
	arena_init(&each, &arena_malloc, 4 * MB);
	assert_non_null(dice);
	assert_int_equal(engine_compile_text(&a, survey_of(&a, die), 0, &c), OK);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(&a, c.program, &p, &why), OK);
	for (int i = 0; i < INTERVIEWS; i++) {
		throw_all(&each, p, (uint64_t)i, sides, out);
		for (int k = 0; k < DICE - 1; k++)
			dice[k][i] = out[k];
		/* the interview before */
		dice[DICE - 1][(i + 1) % INTERVIEWS] = out[0];
		arena_reset(&each);
	}
	for (int x = 0; x < DICE; x++)
		for (int y = 0; y < x; y++)
			assert_true(unevenness(dice[x], dice[y], sides) < 6);
	free(dice);
	arena_free(&each);
	arena_free(&a);
}

static void test_even(void **state)
{
	(void)state;
	check_die(S("random(0, 3)"), 4);
	check_die(S("random(1, 6) - 1"), 6);
	check_die(S("trunc(random() * 10)"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_even)};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
