/* simulate_test.c - synthetic respondents: reproducible, whole, and what they do is what a session makes of their events. */
#include "base/hash.h"
#include "base/test.h"
#include "engine/engine.h"

#define NOW 1795000000000
#define RESPONDENTS 2000

static struct program *load_file(struct arena *a, const char *name)
{
	char path[512];
	struct compiled c;
	struct program *p = NULL;
	const char *why;
	struct buf b;
	FILE *f;

	snprintf(path, sizeof(path), "%s/surveys/%s", ENGINE_CORPUS, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_init(&b, a, 8 * MB);
	for (int ch; (ch = getc(f)) != EOF;)
		buf_char(&b, (char)ch);
	fclose(f);
	assert_int_equal(engine_compile_text(a, str_make(b.p, b.n), 0, &c), OK);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	assert_int_equal(program_depend(a, p), OK);
	return p;
}

static struct str line_of(const struct program *p, uint64_t seed, struct arena *a, struct coverage *c)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, a, 1 * MB);
	assert_int_equal(interview_simulate(p, seed, NOW, a, c, &b), OK);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static void test_reproducible(void **state)
{
	struct program *p = load_file(*state, "brand-tracker.json");

	for (uint64_t seed = 0; seed < 50; seed++)
		assert_true(str_eq(line_of(p, seed, *state, NULL), line_of(p, seed, *state, NULL)));
	assert_false(str_eq(line_of(p, 1, *state, NULL), line_of(p, 2, *state, NULL)));
}

static uint64_t row(const struct coverage *c, struct arena *a, enum coverage_kind kind, const char *name)
{
	struct coverage_row *rows;
	size_t n;

	assert_int_equal(coverage_rows(c, a, &rows, &n), OK);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == kind && str_eq(rows[i].name, str_from(name)))
			return rows[i].yes;
	fail_msg("there is no row %s", name);
	return 0;
}

/* The session at the end of the events. */
static struct session *replayed(const struct program *p, struct str line, struct arena *a)
{
	struct interview in = {.program = p, .now_ms = NOW};
	unsigned char seed[8];
	const struct json *events;
	struct json_error why;
	struct session *s;
	struct json *j;
	bool moved;

	assert_int_equal(json_read(a, line, &json_limits_default, &j, &why), OK);
	assert_true(hex_read(json_get(j, S("seed"))->s, seed, 8));
	for (int i = 0; i < 8; i++)
		in.seed = in.seed << 8 | seed[i];
	in.language = json_get(j, S("language"))->s;
	in.parameters = json_get(j, S("parameters"));
	assert_int_equal(session_begin(&arena_malloc, &in, &s), OK);
	events = json_get(j, S("events"));
	for (uint32_t i = 0; i < events->count; i++) {
		const struct json *name = json_get(&events->items[i], S("answer"));

		if (name)
			assert_int_equal(session_answer(s, name->s, json_get(&events->items[i], S("value"))), OK);
		else
			assert_int_equal(
			    session_move(
				s, str_eq(json_get(&events->items[i], S("page"))->s, S("back")) ? -1 : 1, &moved),
			    OK);
	}
	return s;
}

static void test_same_end(void **state)
{
	struct program *p = load_file(*state, "brand-tracker.json");
	uint64_t completed = 0, screened = 0;
	struct coverage *c;
	struct verdict v;
	struct arena a;

	assert_int_equal(coverage_new(*state, p, &c), OK);
	for (uint64_t seed = 0; seed < RESPONDENTS; seed++) {
		struct session *s;

		arena_init(&a, &arena_malloc, 32 * MB);
		s = replayed(p, line_of(p, seed, &a, c), &a);
		assert_true(session_over(s));
		completed += str_eq(session_outcome(s), S("completed"));
		screened += str_eq(session_outcome(s), S("screened_out"));
		assert_int_equal(session_verdict(s, RUN_COMPLETE, &a, &v), OK);
		assert_int_equal(v.error_count, 0);
		session_end(s);
		arena_free(&a);
	}
	assert_int_equal(row(c, *state, COVERED_OUTCOME, "completed"), completed);
	assert_int_equal(row(c, *state, COVERED_OUTCOME, "screened_out"), screened);
	assert_int_equal(completed + screened, RESPONDENTS);
	assert_int_equal(row(c, *state, COVERED_PAGE, "screener"), RESPONDENTS);
	assert_true(row(c, *state, COVERED_CHOICE, "aware = anchor") > 0);
}

static void test_sum(void **state)
{
	struct program *p = load_file(*state, "csat.json");
	struct coverage *all, *half[2];

	assert_int_equal(coverage_new(*state, p, &all), OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(coverage_new(*state, p, &half[i]), OK);
	for (uint64_t seed = 0; seed < 100; seed++) {
		line_of(p, seed, *state, all);
		line_of(p, seed, *state, half[seed % 2]);
	}
	coverage_add(half[0], half[1]);
	assert_int_equal(row(half[0], *state, COVERED_QUESTION, "nps"), row(all, *state, COVERED_QUESTION, "nps"));
	assert_int_equal(row(all, *state, COVERED_OUTCOME, "completed"), 100);
}

static void test_memory(void **state)
{
	struct program *p = load_file(*state, "brand-tracker.json");
	struct counting c;
	struct arena a;
	bool whole = false;

	for (unsigned n = 1; !whole && n < 500; n++) {
		struct buf b;

		counting_init(&c, n);
		arena_init(&a, &c.source, 32 * MB);
		buf_init(&b, &a, 1 * MB);
		whole = interview_simulate(p, 4, NOW, &a, NULL, &b) == OK && !b.failed;
		arena_free(&a);
		assert_int_equal(c.open, 0);
	}
	assert_true(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(test_reproducible), with_arena(test_same_end), with_arena(test_sum), with_arena(test_memory)};

	return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
