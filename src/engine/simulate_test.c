/* simulate_test.c - synthetic respondents: reproducible, whole, and what they do is what a session makes of their events. */
#include "base/hash.h"
#include "base/test.h"
#include "engine/engine.h"

#define NOW 1795000000000
#define RESPONDENTS 2000

static struct program *load_text(struct arena *a, struct str text)
{
	struct compiled c;
	struct program *p = NULL;
	const char *why;

	assert_int_equal(engine_compile_text(a, text, 0, &c), OK);
	for (size_t i = 0; i < c.diagnostic_count; i++)
		if (c.diagnostics[i].severity == SEV_ERROR)
			fail_msg("%.*s: %.*s", STR_ARGS(c.diagnostics[i].pointer), STR_ARGS(c.diagnostics[i].message));
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	assert_int_equal(program_depend(a, p), OK);
	return p;
}

static struct program *load_file(struct arena *a, const char *name)
{
	char path[512];
	struct buf b;
	FILE *f;

	snprintf(path, sizeof(path), "%s/surveys/%s", ENGINE_CORPUS, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_init(&b, a, 8 * MB);
	for (int ch; (ch = getc(f)) != EOF;)
		buf_char(&b, (char)ch);
	fclose(f);
	return load_text(a, str_make(b.p, b.n));
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

static struct coverage_row whole_row(
    const struct coverage *c, struct arena *a, enum coverage_kind kind, const char *name)
{
	struct coverage_row *rows;
	size_t n;

	assert_int_equal(coverage_rows(c, a, &rows, &n), OK);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == kind && str_eq(rows[i].name, str_from(name)))
			return rows[i];
	fail_msg("there is no row %s", name);
	return rows[0];
}

static uint64_t row(const struct coverage *c, struct arena *a, enum coverage_kind kind, const char *name)
{
	return whole_row(c, a, kind, name).yes;
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

/* A survey of one page with these questions. */
static struct program *page_of(struct arena *a, const char *questions, const char *rest)
{
	struct str out;
	struct buf b;

	buf_init(&b, a, 64 * KB);
	buf_add(&b, S("{\"schema_version\": \"1.0\", \"survey\": {\"title\": \"T\", \"language\": \"en\", \"pages\": "
		      "[{\"name\": "
		      "\"p\", \"questions\": ["));
	buf_add(&b, str_from(questions));
	buf_add(&b, S("]}"));
	buf_add(&b, str_from(rest));
	buf_add(&b, S("]}}"));
	assert_int_equal(buf_done(&b, &out), OK);
	return load_text(a, out);
}

#define CHOICES                                                                                                        \
	"\"choices\": [{\"value\": \"a\", \"label\": \"A\"}, {\"value\": \"b\", \"label\": \"B\"}, {\"value\": "       \
	"\"c\", "                                                                                                      \
	"\"label\": \"C\"}, {\"value\": \"d\", \"label\": \"D\"}, {\"value\": \"none\", \"label\": \"N\", "            \
	"\"exclusive\": true}]"
#define ITEMS                                                                                                          \
	"\"items\": [{\"name\": \"x\", \"title\": \"X\"}, {\"name\": \"y\", \"title\": \"Y\"}, {\"name\": \"z\", "     \
	"\"title\": \"Z\"}]"

/* Each of these takes few answers only, or none. */
static const char *const narrow[] = {
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"validators\": [{\"expression\": \"length({.}) > "
    "600000\"}]}",
    "{\"type\": \"number\", \"name\": \"q\", \"title\": \"Q\", \"validators\": [{\"expression\": \"{.} != {.}\"}]}",
    "{\"type\": \"multi\", \"name\": \"q\", \"title\": \"Q\", \"max_selected\": 1, " CHOICES
    ", \"validators\": [{\"expression\": \"count({.}) > 1\"}]}",
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"validators\": [{\"expression\": "
    "\"{.} = 'open "
    "sesame'\"}]}",
    "{\"type\": \"number\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"min\": 0, \"max\": 1000000, "
    "\"validators\": "
    "[{\"expression\": \"{.} = 4711\"}]}",
    "{\"type\": \"number\", \"name\": \"r\", \"title\": \"R\", \"required\": true, \"min\": 0, \"max\": 10000, "
    "\"subtype\": "
    "\"integer\"}, {\"type\": \"number\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"validators\": "
    "[{\"expression\": "
    "\"{.} > {r} and {.} < {r} + 3\"}]}",
    "{\"type\": \"number\", \"name\": \"r\", \"title\": \"R\", \"required\": true, \"min\": 0, \"max\": 100}, "
    "{\"type\": \"number\", "
    "\"name\": \"q\", \"title\": \"Q\", \"required\": true, \"min\": 0, \"max\": 100, \"validators\": "
    "[{\"expression\": \"{.} > "
    "{r}\"}]}",
    "{\"type\": \"number\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"max\": 10, \"step\": 3}",
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"validators\": [{\"expression\": "
    "\"length({.}) = "
    "13\"}]}",
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"min_length\": 9, \"validators\": "
    "[{\"expression\": "
    "\"matches({.}, '^[A-Z]{2}[0-9]{6,8}$')\"}]}",
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"input\": \"email\", \"max_length\": "
    "9}",
    "{\"type\": \"text\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"input\": \"url\", \"min_length\": "
    "60}",
    "{\"type\": \"date\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"validators\": [{\"expression\": "
    "\"{.} = "
    "'2024-02-29'\"}]}",
    "{\"type\": \"multi\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"min_selected\": 3, "
    "\"max_selected\": 3, " CHOICES ", \"validators\": [{\"expression\": \"{.} contains 'b'\"}]}",
    "{\"type\": \"rank\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"max_ranked\": "
    "3, " CHOICES "}",
    "{\"type\": \"single\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, " CHOICES
    ", \"choice_filter\": \"{choice.value} in ['c', 'none']\", \"validators\": [{\"expression\": \"{.} = 'c'\"}]}",
    "{\"type\": \"allocation\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"total\": 100, \"min\": 20, "
    "\"max\": 40, " ITEMS "}",
    "{\"type\": \"allocation\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"total\": 10, \"min\": "
    "4, " ITEMS "}",
    "{\"type\": \"rating\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"min\": 0, \"max\": 10, "
    "\"validators\": "
    "[{\"expression\": \"{.} = 10\"}]}",
    "{\"type\": \"roster\", \"name\": \"r\", \"title\": \"R\", \"min\": 3, \"max\": 3, \"key\": \"q\", \"questions\": "
    "[{\"type\": "
    "\"number\", \"name\": \"q\", \"title\": \"Q\", \"min\": 1, \"max\": 3, \"subtype\": \"integer\", \"required\": "
    "true}, "
    "{\"type\": \"text\", \"name\": \"x\", \"title\": \"X\", \"required\": true, \"validators\": [{\"expression\": "
    "\"{.} = 'yes'\"}]}]}",
};

static void test_narrow(void **state)
{
	for (size_t i = 0; i < countof(narrow); i++) {
		struct program *p = page_of(*state, narrow[i], "");
		struct coverage *c;
		struct arena a;

		assert_int_equal(coverage_new(*state, p, &c), OK);
		for (uint64_t seed = 0; seed < 100; seed++) {
			struct session *s;

			arena_init(&a, &arena_malloc, 64 * MB);
			s = replayed(p, line_of(p, seed, &a, c), &a);
			if (!session_over(s))
				fail_msg("seed %u found no way on: %s", (unsigned)seed, narrow[i]);
			session_end(s);
			arena_free(&a);
		}
		assert_int_equal(row(c, *state, COVERED_OUTCOME, "completed"), 100);
		/* the first three take no answer */
		assert_int_equal(whole_row(c, *state, COVERED_QUESTION, "q").no == 100, i < 3);
	}
}

static void test_stuck(void **state)
{
	struct program *p = page_of(*state,
	    "{\"type\": \"number\", \"name\": \"q\", \"title\": \"Q\", \"required\": true, \"validators\": "
	    "[{\"expression\": \"{.} != "
	    "{.}\"}]}",
	    "");
	struct coverage *c;

	assert_int_equal(coverage_new(*state, p, &c), OK);
	for (uint64_t seed = 0; seed < 20; seed++)
		line_of(p, seed, *state, c);
	assert_int_equal(row(c, *state, COVERED_STUCK, "p"), 20);
	assert_int_equal(row(c, *state, COVERED_OUTCOME, "completed"), 0);
	assert_int_equal(whole_row(c, *state, COVERED_VALIDATOR, "q validator 1").no, 0);
	assert_int_equal(row(c, *state, COVERED_VALIDATOR, "q validator 1"), 20);
}

#define NO_WAY                                                                                                         \
	"{\"type\": \"number\", \"name\": \"no_way\", \"title\": \"N\", \"required\": true, \"validators\": "          \
	"[{\"expression\": \"{.} != {.}\"}]"

/* The page where somebody gave up was seen, its questions were asked, and what was refused was given. */
static void test_stuck_seen(void **state)
{
	struct program *p = page_of(*state, "{\"type\": \"boolean\", \"name\": \"b\", \"title\": \"B\"}",
	    ", {\"name\": \"p2\", \"questions\": [{\"type\": \"single\", \"name\": \"g\", \"title\": \"G\", "
	    "\"required\": "
	    "true, " CHOICES "}, {\"type\": \"text\", \"name\": \"some\", \"title\": \"U\", \"visible_if\": "
	    "\"{b}\"}, " NO_WAY "}]}, {\"name\": \"p3\", \"questions\": [{\"type\": \"text\", \"name\": \"u\", "
	    "\"title\": \"U\"}]}");
	struct coverage_row x;
	struct coverage *c;
	uint64_t chosen = 0;

	assert_int_equal(coverage_new(*state, p, &c), OK);
	for (uint64_t seed = 0; seed < 50; seed++)
		line_of(p, seed, *state, c);
	assert_int_equal(row(c, *state, COVERED_STUCK, "p2"), 50);
	assert_int_equal(row(c, *state, COVERED_PAGE, "p"), 50);
	assert_int_equal(row(c, *state, COVERED_PAGE, "p2"), 50);
	assert_int_equal(row(c, *state, COVERED_PAGE, "p3"), 0);
	x = whole_row(c, *state, COVERED_QUESTION, "g");
	assert_true(x.yes == 50 && x.no == 0);
	x = whole_row(c, *state, COVERED_QUESTION, "no_way");
	assert_true(x.yes == 50 && x.no == 0);
	assert_int_equal(row(c, *state, COVERED_QUESTION, "u"), 0);
	/* a question counts as asked as often as its condition held */
	x = whole_row(c, *state, COVERED_CONDITION, "some visible_if");
	assert_true(x.of == 50 && x.yes > 0 && x.no > 0);
	assert_int_equal(row(c, *state, COVERED_QUESTION, "some"), x.yes);
	for (const char *ch = "abcd"; *ch; ch++)
		chosen += row(c, *state, COVERED_CHOICE, (char[]){'g', ' ', '=', ' ', *ch, 0});
	assert_int_equal(chosen + row(c, *state, COVERED_CHOICE, "g = none"), 50);
}

/* 9 finds no way on, 8 is screened out, 7 completes early: a cell counts who completed, as `count_on` says. */
static void test_cells(void **state)
{
	struct program *p = page_of(*state,
	    "{\"type\": \"number\", \"name\": \"n\", \"title\": \"N\", \"subtype\": \"integer\", \"min\": 5, \"max\": "
	    "9, "
	    "\"required\": true}",
	    ", {\"name\": \"p2\", \"questions\": [{\"type\": \"text\", \"name\": \"t\", \"title\": \"T\"}, " NO_WAY
	    ", \"visible_if\": \"{n} = 9\"}]}], \"rules\": [{\"when\": \"{n} = 8\", \"do\": \"end\", \"outcome\": "
	    "\"screened_out\"}, "
	    "{\"when\": \"{n} = 7\", \"do\": \"end\", \"outcome\": \"completed\"}], \"outcomes\": {\"quota_full\": "
	    "{\"html\": \"F\"}, "
	    "\"screened_out\": {\"html\": \"S\"}, \"completed\": {\"html\": \"C\"}}, \"quotas\": [{\"name\": \"q\", "
	    "\"on_full\": {\"outcome\": \"quota_full\"}, \"cells\": [{\"name\": \"stuck\", \"when\": \"{n} = 9\", "
	    "\"limit\": 10}, {\"name\": \"out\", \"when\": \"{n} = 8\", \"limit\": 10}, {\"name\": \"early\", "
	    "\"when\": "
	    "\"{n} = 7\", \"limit\": 10}, {\"name\": \"rest\", \"when\": \"{n} < 7\", \"limit\": 10}]}");
	uint64_t stuck, out, early, rest;
	struct coverage *c;

	assert_int_equal(coverage_new(*state, p, &c), OK);
	for (uint64_t seed = 0; seed < 200; seed++)
		line_of(p, seed, *state, c);
	stuck = row(c, *state, COVERED_STUCK, "p2");
	out = row(c, *state, COVERED_OUTCOME, "screened_out");
	early = row(c, *state, COVERED_CELL, "q.early");
	rest = row(c, *state, COVERED_CELL, "q.rest");
	assert_true(stuck > 0 && out > 0 && early > 0 && rest > 0);
	assert_int_equal(stuck + out + early + rest, 200);
	assert_int_equal(row(c, *state, COVERED_OUTCOME, "completed"), early + rest);
	assert_int_equal(row(c, *state, COVERED_CELL, "q.stuck"), 0);
	assert_int_equal(row(c, *state, COVERED_CELL, "q.out"), 0);
}

static const char counted[] =
    "{\"type\": \"boolean\", \"name\": \"b\", \"title\": \"B\", \"required\": true},"
    "{\"type\": \"consent\", \"name\": \"o\", \"title\": \"O\", \"text\": \"Yes\", \"required\": true},"
    "{\"type\": \"rating\", \"name\": \"n\", \"title\": \"N\", \"min\": -1, \"max\": 2, \"required\": true},"
    "{\"type\": \"number\", \"name\": \"fixed\", \"title\": \"F\", \"read_only\": true},"
    "{\"type\": \"text\", \"name\": \"t\", \"title\": \"T\", \"visible_if\": \"{b}\", \"enable_if\": \"{n} > "
    "0\", "
    "\"required_if\": \"{n} = 2\"},"
    "{\"type\": \"matrix\", \"name\": \"m\", \"title\": \"M\", \"each_row_required\": true, \"columns\": "
    "[{\"value\": 1, "
    "\"label\": \"1\"}, {\"value\": 2, \"label\": \"2\"}], \"rows\": [{\"value\": \"x\", \"label\": \"X\"}, "
    "{\"value\": \"y\", "
    "\"label\": \"Y\", \"visible_if\": \"{b}\"}]},"
    "{\"type\": \"roster\", \"name\": \"r\", \"title\": \"R\", \"min\": 3, \"max\": 3, \"questions\": "
    "[{\"type\": \"boolean\", "
    "\"name\": \"i\", \"title\": \"I\", \"required\": true}, {\"type\": \"text\", \"name\": \"j\", \"title\": "
    "\"J\", "
    "\"required\": true, \"visible_if\": \"{row.i}\"}]},"
    "{\"type\": \"single\", \"name\": \"s\", \"title\": \"S\", \"required\": true, " CHOICES
    ", \"choice_filter\": \"{choice.value} != 'd'\"}";

/* What is counted a condition is interviews, however often it was looked at in each. */
static void test_counts(void **state)
{
	struct program *p = page_of(*state, counted,
	    ", {\"name\": \"p2\", \"visible_if\": \"{b}\", \"questions\": [{\"type\": \"text\", \"name\": \"u\", "
	    "\"title\": \"U\", "
	    "\"visible_if\": \"{t} notempty\"}]}");
	struct coverage_row x;
	struct coverage *c;
	uint64_t yes;

	assert_int_equal(coverage_new(*state, p, &c), OK);
	for (uint64_t seed = 0; seed < 200; seed++)
		line_of(p, seed, *state, c);
	yes = row(c, *state, COVERED_CHOICE, "b = true");
	assert_true(yes > 50 && yes < 150);
	assert_int_equal(row(c, *state, COVERED_CHOICE, "b = false"), 200 - yes);
	assert_int_equal(row(c, *state, COVERED_CHOICE, "o = true"), 200);
	x = whole_row(c, *state, COVERED_CHOICE, "n = -1");
	assert_true(x.yes > 0 && x.of == 200);
	assert_true(row(c, *state, COVERED_CHOICE, "n = 2") > 0);
	x = whole_row(c, *state, COVERED_QUESTION, "fixed");
	assert_true(x.yes == 200 && x.no == 200);
	x = whole_row(c, *state, COVERED_CONDITION, "t visible_if");
	assert_true(x.yes == yes && x.no == 200 - yes && x.of == 200 && x.all == 200);
	x = whole_row(c, *state, COVERED_CONDITION, "t enable_if");
	assert_true(x.of == yes && x.yes + x.no == yes && x.yes > 0 && x.no > 0);
	x = whole_row(c, *state, COVERED_CONDITION, "t required_if");
	assert_true(x.of > 0 && x.of <= yes && x.yes + x.no == x.of);
	x = whole_row(c, *state, COVERED_CONDITION, "p2 visible_if");
	assert_true(x.yes == yes && x.no == 200 - yes);
	x = whole_row(c, *state, COVERED_CONDITION, "u visible_if");
	assert_true(x.of == yes && x.all == 200);
	/* each row is asked on its own */
	assert_int_equal(whole_row(c, *state, COVERED_CHOICE, "m = 1").of, 200 + yes);
	assert_int_equal(row(c, *state, COVERED_CHOICE, "m = 1") + row(c, *state, COVERED_CHOICE, "m = 2"), 200 + yes);
	/* three records each */
	x = whole_row(c, *state, COVERED_QUESTION, "j");
	assert_true(x.of == 600 && x.yes > 200 && x.yes < 400);
	assert_int_equal(row(c, *state, COVERED_CHOICE, "i = true"), x.yes);
	x = whole_row(c, *state, COVERED_CONDITION, "j visible_if");
	assert_true(x.of == 200 && x.yes > 150 && x.yes < 200 && x.no > 150 && x.no < 200);
	/* true of some choices, false of another */
	x = whole_row(c, *state, COVERED_CONDITION, "s choice_filter");
	assert_true(x.yes == 200 && x.no == 200 && x.of == 200);
	assert_int_equal(row(c, *state, COVERED_CHOICE, "s = d"), 0);
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
	const struct CMUnitTest tests[] = {with_arena(test_reproducible), with_arena(test_same_end),
	    with_arena(test_sum), with_arena(test_narrow), with_arena(test_stuck), with_arena(test_stuck_seen),
	    with_arena(test_cells), with_arena(test_counts), with_arena(test_memory)};

	return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
