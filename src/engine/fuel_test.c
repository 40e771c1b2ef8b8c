/* fuel_test.c - what is spent is what is paid for: no expression, text or program makes the engine work longer than its fuel. */
#include <time.h>
#include "base/test.h"
#include "engine/emit.h"
#include "engine/program.h"

/* A step is some 50 ns in a release build. The bound is for a sanitized one on a busy machine; work that is not paid for at all
 * lies far above it. */
#define NS_PER_STEP_MAX 5000
#define LENGTH 60000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* `of` over and over, and then `end`. */
static struct str repeated(struct arena *a, const char *of, size_t bytes, const char *end)
{
	struct buf b;

	buf_init(&b, a, 4 * MB);
	while (b.n < bytes)
		buf_add(&b, str_from(of));
	buf_add(&b, str_from(end));
	return str_make(b.p, b.n);
}

static struct program *made(struct arena *a, struct str text)
{
	struct compiled c;
	struct program *p;
	const char *why;

	assert_int_equal(engine_compile_text(a, text, 0, &c), OK);
	for (size_t i = 0; i < c.error_count && i < 3; i++)
		print_message("%.*s\n", (int)c.diagnostics[i].message.n, c.diagnostics[i].message.p);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	return p;
}

/* Runs the interview with its own fuel; what a step took must be within the bound. */
static void pays(struct arena *a, const char *what, struct interview *in)
{
	int64_t fuel = RUN_STEPS_MAX;
	struct verdict v;
	double start = now_ns(), took;
	enum err e;

	in->fuel = &fuel;
	e = interview_run(in, RUN_COMPLETE, -1, a, &v);
	took = now_ns() - start;
	print_message("%-28s %8.1f ms %8.1f ns a step\n", what, took / 1e6, took / (double)(RUN_STEPS_MAX - fuel + 1));
	assert_true(e == OK || e == ERR_LIMIT || e == ERR_MEMORY);
	/* loading what was given and writing it out is paid for by its size */
	assert_true(took < 2e8 + NS_PER_STEP_MAX * (double)(RUN_STEPS_MAX - fuel));
}

static const struct work {
	const char *expression;
	const char *x, *x_end, *y, *y_end; /* {x} and {y}: LENGTH and half of it */
} works[] = {
    {"{x} contains {y}", "a", "", "a", "b"},
    {"{x} icontains {y}", "A", "", "a", "b"},
    {"{x} icontains {y}", "\xc3\x9f", "", "\xc3\x9f", "b"},
    {"replace({x}, {y}, '') = 'a'", "a", "", "ab", "b"},
    {"replace({x}, 'aaaaaaaaaaab', 'b') = 'a'", "a", "", "a", ""},
    {"upper({x}) = lower({y})", "\xe1\xbc\x80", "", "\xe1\xbc\x88", ""},
    {"starts_with({x}, {y}) and ends_with({x}, {y})", "ab", "", "ab", ""},
    {"length(concat({x}, {y})) > length(trim({x}))", " ", "", "b", ""},
    {"matches({x}, '^(([a-z][0-9b-y])*(a|b|c|d)?){20}X$')", "a1", "", "a", ""},
    {"matches({x}, '([àáâãèéêìíòóôõùúýăđĩũơư]|[ạảấầẩẫậắằẳẵặẹẻẽếềểễệ]){1,50}X')", "\xe1\xba\xa1", "", "a", ""},
    {"({x} < {y}) = ({x} = {y})", "a", "", "a", ""},
};

static void test_expressions(void **state)
{
	for (size_t i = 0; i < countof(works); i++) {
		const struct work *w = &works[i];
		struct json_member given[] = {
		    {.key = S("x"), .value = {.type = JSON_STR, .s = repeated(*state, w->x, LENGTH, w->x_end)}},
		    {.key = S("y"), .value = {.type = JSON_STR, .s = repeated(*state, w->y, LENGTH / 2, w->y_end)}}};
		struct json parameters = {.type = JSON_OBJECT, .count = 2, .members = given};
		struct interview in = {.seed = 1, .language = S("en"), .parameters = &parameters};
		struct buf b;

		buf_init(&b, *state, 16 * KB);
		buf_add(&b,
		    S("{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\", \"parameters\": [{\"name\": "
		      "\"x\", \"type\": \"text\"}, {\"name\": \"y\", \"type\": \"text\"}], \"calculated\": ["));
		for (int k = 0; k < 40; k++) {
			struct str rest = str_from(w->expression), part;
			bool more = true;

			buf_add(&b, k ? S(",{\"name\": \"c") : S("{\"name\": \"c"));
			buf_int(&b, k);
			buf_add(&b, S("\", \"type\": \"boolean\", \"expression\": \""));
			while (more) { /* {x} is short for {@x} */
				part = str_cut(&rest, '{', &more);
				buf_add(&b, part);
				if (more && rest.n && (rest.p[0] == 'x' || rest.p[0] == 'y'))
					buf_add(&b, S("{@"));
				else if (more)
					buf_char(&b, '{');
			}
			buf_add(&b, S("\"}"));
		}
		buf_add(&b, S("], \"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"text\", \"name\": \"t\", "
			      "\"title\": \"T\"}]}]}}"));
		in.program = made(*state, str_make(b.p, b.n));
		pays(*state, w->expression, &in);
	}
}

/* A list of as many choices as there can be, sorted by labels that differ in their last letter only. */
static void test_sorting(void **state)
{
	struct str stem = repeated(*state, "a label that is long ", 400, "");
	struct interview in = {.seed = 1, .language = S("en")};
	int64_t fuel = RUN_STEPS_MAX;
	struct html h;
	struct buf b;
	double start;
	enum err e;

	buf_init(&b, *state, 2 * MB);
	buf_add(&b, S("{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\", \"pages\": [{\"name\": \"p\", "
		      "\"questions\": [{\"type\": \"single\", \"name\": \"q\", \"title\": \"Q\", \"order\": \"asc\", "
		      "\"choices\": ["));
	for (int i = 0; i < QUESTION_CHOICES_MAX; i++) {
		buf_add(&b, i ? S(",{\"value\": ") : S("{\"value\": "));
		buf_int(&b, i);
		buf_add(&b, S(", \"label\": \""));
		buf_add(&b, stem);
		buf_int(&b, (QUESTION_CHOICES_MAX - i) * 7919 % 10007);
		buf_add(&b, S("\"}"));
	}
	buf_add(&b, S("]}]}]}}"));
	in.program = made(*state, str_make(b.p, b.n));
	in.fuel = &fuel;
	buf_init(&b, *state, 8 * MB);
	html_init(&h, &b);
	start = now_ns();
	e = interview_render(&in, 0, NULL, *state, &h);
	assert_int_equal(e, OK);
	assert_true(
	    RUN_STEPS_MAX - fuel > 10 * QUESTION_CHOICES_MAX && RUN_STEPS_MAX - fuel < 300 * QUESTION_CHOICES_MAX);
	assert_true(now_ns() - start < 2e9);
}

/* As many pages and rules without a condition as there can be: each page that is left looks at each rule. */
static struct str empty_pages(struct arena *a)
{
	struct emit e;
	struct str bytes = S("");
	uint32_t *r;

	assert_true(emit_init(&e, a));
	emit_record(&e, SECTION_language)[0] = emit_str(&e, S("en"));
	emit_record(&e, SECTION_text);
	for (uint32_t i = 0; i < SURVEY_PAGES_MAX; i++) {
		char name[16];
		struct p_question *q = (struct p_question *)(void *)emit_record(&e, SECTION_question);
		struct p_page *p = (struct p_page *)(void *)emit_record(&e, SECTION_page);

		snprintf(name, sizeof(name), "q%u", i);
		*q = (struct p_question){.name = emit_str(&e, str_from(name)), .type = Q_note, .page = i + 1};
		*p = (struct p_page){.questions = i, .questions_count = 1, .steps = i, .steps_count = 1};
		emit_record(&e, SECTION_step)[0] = i + 1;
	}
	for (uint32_t i = 0; i < SURVEY_RULES_MAX; i++)
		if ((r = emit_record(&e, SECTION_rule)))
			r[2] = SURVEY_PAGES_MAX;
	emit_record(&e, SECTION_survey);
	assert_int_equal(emit_done(&e, &bytes), OK);
	return bytes;
}

static void test_rules(void **state)
{
	struct interview in = {.seed = 1, .language = S("en")};
	struct program *p;
	const char *why = "";

	assert_int_equal(program_load(*state, empty_pages(*state), &p, &why), OK);
	in.program = p;
	pays(*state, "rules without a condition", &in);
	assert_true(*in.fuel < 0);
}

/* Strings and code lie end to end: a small program cannot hold one large thing many times. */
static void test_overlaps(void **state)
{
	struct program *p, *again;
	struct str bytes;
	const char *why;
	uint32_t *w;

	p = made(*state,
	    S("{\"schema_version\": \"1.0\", \"survey\": {\"language\": \"en\", \"pages\": [{\"name\": \"p\", "
	      "\"questions\": [{\"type\": \"number\", \"name\": \"a\", \"title\": \"A\"}, {\"type\": \"number\", "
	      "\"name\": \"b\", \"title\": \"B\", \"visible_if\": \"{a} > 1\", \"required_if\": \"{a} > 2\"}]}]}}"));
	bytes = p->bytes;
	for (enum section s = SECTION_str; s <= SECTION_expr; s += SECTION_expr - SECTION_str) {
		size_t header = 12 + 8 * (size_t)s;
		uint32_t at, kept;

		memcpy(&at, bytes.p + header, 4);
		w = (uint32_t *)(uintptr_t)(bytes.p + at) + 2 * section_words[s]; /* the third record */
		kept = w[0];
		w[0] = 0;
		assert_int_equal(program_load(*state, bytes, &again, &why), ERR_INVALID);
		w[0] = kept;
		assert_int_equal(program_load(*state, bytes, &again, &why), OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(test_expressions), with_arena(test_sorting), with_arena(test_rules), with_arena(test_overlaps)};

	return cmocka_run_group_tests_name("fuel", tests, NULL, NULL);
}
