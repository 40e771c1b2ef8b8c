/* large_test.c - the largest surveys: compiled in time and memory in proportion, answered question by question, and what is beyond. */
#include <time.h>
#include "base/test.h"
#include "engine/program.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void add(struct buf *b, const char *text, uint32_t i)
{
	struct str rest = str_from(text);
	bool more = true;

	while (more) { /* # stands for the number */
		buf_add(b, str_cut(&rest, '#', &more));
		if (more)
			buf_int(b, i);
	}
}

static void list(struct buf *b, const char *open, const char *each, uint32_t n)
{
	buf_add(b, str_from(open));
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		add(b, each, i);
	}
	buf_char(b, ']');
}

static struct str begin(struct buf *b, struct arena *a)
{
	buf_init(b, a, 16 * MB);
	buf_add(b, S("{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\""));
	return S("}}");
}

static struct compiled compiled(struct arena *a, struct buf *b, const char *what)
{
	double start = now_ms();
	struct compiled c;

	assert_false(b->failed);
	assert_int_equal(engine_compile_text(a, str_make(b->p, b->n), 0, &c), OK);
	print_message("%s: %zu bytes in %.0f ms\n", what, b->n, now_ms() - start);
	assert_true(now_ms() - start < 20000);
	return c;
}

/* Each question is asked when the one before has been answered with 1; all are answered in one object. */
static void test_questions(void **state)
{
	struct interview in = {.seed = 1, .language = S("en")};
	struct arena *a = *state, compiling;
	struct json_error broken;
	struct session *s;
	struct compiled c;
	struct program *p;
	struct json *answers, zero = {.type = JSON_INT, .i = 0};
	struct verdict v;
	const char *why;
	struct buf b;
	double start;
	bool shown;

	begin(&b, a);
	buf_add(&b, S(", \"pages\": [{\"name\": \"first\", \"questions\": [{\"type\": \"number\", \"name\": \"q\", "
		      "\"title\": \"Q\"}]}"));
	for (uint32_t i = 1; i < SURVEY_QUESTIONS_MAX; i += 9) {
		add(&b, ",{\"name\": \"p#\", \"questions\": [", i);
		for (uint32_t k = i; k < i + 9 && k < SURVEY_QUESTIONS_MAX; k++) {
			add(&b,
			    k > i ? ",{\"type\": \"number\", \"name\": \"q#\", \"title\": \"Question #\", "
				  : "{\"type\": \"number\", \"name\": \"q#\", \"title\": \"Question #\", ",
			    k);
			add(&b, k > 1 ? "\"visible_if\": \"{q#} = 1 and {q} = 1\"}" : "\"visible_if\": \"{q} = 1\"}",
			    k - 1);
		}
		buf_add(&b, S("]}"));
	}
	buf_add(&b, S("]}}"));
	arena_init(&compiling, &arena_malloc, 256 * MB);
	c = compiled(&compiling, &b, "questions");
	print_message("compiled with %zu bytes\n", compiling.used_bytes);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	assert_int_equal(program_depend(a, p), OK);

	buf_init(&b, a, 1 * MB);
	buf_add(&b, S("{\"q\":1"));
	for (uint32_t i = 1; i < SURVEY_QUESTIONS_MAX; i++)
		add(&b, ",\"q#\":1", i);
	buf_char(&b, '}');
	assert_int_equal(json_read(a, str_make(b.p, b.n), &json_limits_default, &answers, &broken), OK);
	in.program = p;
	in.answers = answers;
	assert_int_equal(interview_run(&in, RUN_COMPLETE, -1, a, &v), OK);
	assert_int_equal(v.error_count, 0);
	assert_true(str_eq(v.answers, str_make(b.p, b.n)));

	assert_int_equal(session_begin(&arena_malloc, &in, &s), OK);
	start = now_ms();
	assert_int_equal(session_answer(s, S("q9990"), &zero), OK);
	assert_int_equal(session_shows(s, S("q9990"), &shown), OK);
	assert_true(shown);
	assert_int_equal(session_shows(s, S("q9991"), &shown), OK);
	assert_false(shown);
	print_message("one answer: %.2f ms, session %zu bytes\n", now_ms() - start, session_bytes(s));
	session_end(s);
	arena_free(&compiling);
}

/* Calculated values that each look at the next one, as many as there may be: last things first. */
static void test_calculated(void **state)
{
	struct json_member given = {.key = S("q"), .value = {.type = JSON_INT, .i = 1}};
	struct json answers = {.type = JSON_OBJECT, .count = 1, .members = &given};
	struct interview in = {.seed = 1, .language = S("en"), .answers = &answers};
	struct compiled c;
	struct program *p;
	struct verdict v;
	const char *why;
	struct str end;
	struct buf b;

	end = begin(&b, *state);
	buf_add(&b, S(", \"calculated\": [{\"name\": \"c0\", \"type\": \"number\", \"export\": true, \"expression\": "
		      "\"{c1} + 1\"}"));
	for (uint32_t i = 1; i < SURVEY_CALCULATED_MAX; i++) {
		add(&b, ",{\"name\": \"c#\", \"type\": \"number\", \"expression\": ", i);
		add(&b, i + 1 < SURVEY_CALCULATED_MAX ? "\"{c#} + 1\"}" : "\"{q}\"}", i + 1);
	}
	buf_add(
	    &b, S("], \"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"number\", \"name\": \"q\", \"title\": "
		  "\"Q\"}]}]"));
	buf_add(&b, end);
	c = compiled(*state, &b, "calculated values");
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(*state, c.program, &p, &why), OK);
	in.program = p;
	assert_int_equal(interview_run(&in, RUN_COMPLETE, -1, *state, &v), OK);
	assert_str(v.answers, "{\"q\":1,\"c0\":5000}");
}

/* One more than there may be is said, with the number. */
static void test_beyond(void **state)
{
	static const struct {
		const char *key, *each;
		uint32_t most;
	} lists[] = {
	    {"pages", "{\"name\": \"p#\", \"questions\": [{\"type\": \"note\", \"name\": \"q#\", \"title\": \"Q\"}]}",
		SURVEY_PAGES_MAX},
	    {"calculated", "{\"name\": \"c#\", \"type\": \"number\", \"expression\": \"1\"}", SURVEY_CALCULATED_MAX},
	    {"rules", "{\"when\": \"{q} = 1\", \"do\": \"end\", \"outcome\": \"completed\"}", SURVEY_RULES_MAX},
	    {"parameters", "{\"name\": \"p#\", \"type\": \"text\"}", SURVEY_PARAMETERS_MAX}};

	for (size_t i = 0; i < countof(lists); i++) {
		struct compiled c;
		struct buf b;

		begin(&b, *state);
		add(&b, ", \"", 0);
		buf_add(&b, str_from(lists[i].key));
		list(&b, "\": [", lists[i].each, lists[i].most + 1);
		if (i)
			buf_add(
			    &b, S(", \"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"number\", \"name\": "
				  "\"q\", \"title\": \"Q\"}]}]"));
		buf_add(&b, S("}}"));
		c = compiled(*state, &b, lists[i].key);
		assert_true(c.error_count >= 1);
		assert_true(str_eq(c.diagnostics[0].code, S("E0108")));
	}
}

/* `questions`, each with `choices` of its own and those of the one before. */
static struct compiled carried(struct arena *a, uint32_t questions, uint32_t choices)
{
	struct str end;
	struct buf b;

	end = begin(&b, a);
	buf_add(&b, S(", \"pages\": ["));
	for (uint32_t i = 0; i < questions; i++) {
		add(&b,
		    i ? ",{\"name\": \"p#\", \"questions\": [{\"type\": \"multi\", \"name\": \"q#\", \"title\": \"Q\", "
		      : "{\"name\": \"p#\", \"questions\": [{\"type\": \"multi\", \"name\": \"q#\", \"title\": \"Q\", ",
		    i);
		if (i)
			add(&b, "\"choices_from\": \"q#\", \"choices_from_mode\": \"all\", ", i - 1);
		add(&b, "\"choices\": [{\"value\": \"v#\", \"label\": \"V\"}", i);
		for (uint32_t k = 1; k < choices; k++) {
			add(&b, ",{\"value\": \"v#", i);
			add(&b, "_#\", \"label\": \"V\"}", k);
		}
		buf_add(&b, S("]}]}"));
	}
	add(&b, ",{\"name\": \"last\", \"visible_if\": \"{q#} contains 'v0'\", \"questions\": [{\"type\": \"text\", ",
	    questions - 1);
	buf_add(&b, S("\"name\": \"t\", \"title\": \"T\"}]}]"));
	buf_add(&b, end);
	return compiled(a, &b, "choices carried forward");
}

/* The first choice reaches the last question and its column, or the definition is refused. */
static void test_carried(void **state)
{
	struct compiled c = carried(*state, CARRIED_QUESTIONS_MAX, 1);
	struct export_column *columns;
	struct program *p;
	const char *why;
	size_t n;

	assert_int_equal(c.diagnostic_count, 0);
	assert_int_equal(program_load(*state, c.program, &p, &why), OK);
	assert_int_equal(program_columns(p, S("en"), *state, &columns, &n), OK);
	assert_int_equal(n, CARRIED_QUESTIONS_MAX + 1);
	assert_int_equal(columns[n - 2].choice_count, CARRIED_QUESTIONS_MAX);
	assert_str(columns[n - 2].choices[0].value, "v0");
	c = carried(*state, CARRIED_QUESTIONS_MAX + 1, 1);
	assert_int_equal(c.diagnostic_count, 1);
	assert_str(c.diagnostics[0].code, "E0108");
	assert_str(c.diagnostics[0].pointer, "/survey/pages/64/questions/0/choices_from");
	c = carried(*state, 3, QUESTION_CHOICES_MAX / 2);
	assert_int_equal(c.diagnostic_count, 1);
	assert_str(c.diagnostics[0].pointer, "/survey/pages/2/questions/0/choices_from");
}

/* The answers `each`, worked out in an arena of 2 MB of their own. */
static void in_two_megabytes(struct program *p, struct arena *a, const char *each, uint32_t n)
{
	struct interview in = {.program = p, .seed = 1, .language = S("en")};
	struct json_error broken;
	struct json *answers;
	struct arena small;
	struct verdict v;
	struct session *s;
	struct buf b;

	buf_init(&b, a, 1 * MB);
	buf_char(&b, '{');
	for (uint32_t i = 0; i < n; i++)
		add(&b, i ? each : each + 1, i);
	buf_char(&b, '}');
	assert_int_equal(json_read(a, str_make(b.p, b.n), &json_limits_default, &answers, &broken), OK);
	in.answers = answers;
	arena_init(&small, &arena_malloc, 2 * MB);
	assert_int_equal(interview_run(&in, RUN_COMPLETE, -1, &small, &v), OK);
	print_message("answered in %zu bytes\n", small.used_bytes);
	assert_int_equal(v.error_count, 0);
	assert_true(str_eq(v.answers, str_make(b.p, b.n)));
	arena_free(&small);
	assert_int_equal(session_begin(&arena_malloc, &in, &s), OK);
	assert_int_equal(session_verdict(s, RUN_COMPLETE, a, &v), OK);
	assert_true(session_bytes(s) < 2 * MB);
	session_end(s);
}

/* Searches for patterns share their room: neither many questions nor many choices with one take more than an interview may. */
static void test_patterns(void **state)
{
	static const char *const parts[][2] = {{"{\"type\": \"text\", \"name\": \"t#\", \"title\": \"T\", \"pattern\": "
						"\"^[a-z0-9.]{1,64}@[a-z0-9.]{1,255}$\"}",
						   ",\"t#\":\"abc@def\""},
	    {"{\"value\": \"v#\", \"label\": \"V\"}", ",\"t\":\"a\""}};

	for (size_t i = 0; i < countof(parts); i++) {
		struct compiled c;
		struct program *p;
		const char *why;
		struct str end;
		struct buf b;

		end = begin(&b, *state);
		buf_add(&b, S(", \"pages\": [{\"name\": \"p\", \"questions\": "));
		if (i)
			buf_add(&b, S("[{\"type\": \"text\", \"name\": \"t\", \"title\": \"T\"}, {\"type\": \"multi\", "
				      "\"name\": \"m\", \"title\": \"M\", "
				      "\"choice_filter\": \"matches({t}, '(a?){660}')\", \"choices\": "));
		list(&b, "[", parts[i][0], i ? QUESTION_CHOICES_MAX : 500);
		buf_add(&b, i ? S("}]}]") : S("}]"));
		buf_add(&b, end);
		c = compiled(*state, &b, "patterns");
		assert_int_equal(c.error_count, 0);
		assert_int_equal(program_load(*state, c.program, &p, &why), OK);
		assert_int_equal(program_depend(*state, p), OK);
		in_two_megabytes(p, *state, parts[i][1], i ? 1 : 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {with_arena(test_questions), with_arena(test_calculated),
	    with_arena(test_beyond), with_arena(test_carried), with_arena(test_patterns)};

	return cmocka_run_group_tests_name("large", tests, NULL, NULL);
}
