/* program_test.c - hostile programs are refused or harmless, and no allocation failure does harm. */
#include "base/test.h"
#include "base/rng.h"
#include "engine/emit.h"
#include "engine/program.h"

#define MUTATIONS 20000

static struct str survey_text(struct arena *a, const char *name)
{
	char path[512];
	struct buf b;
	FILE *f;

	snprintf(path, sizeof(path), "%s/surveys/%s", ENGINE_CORPUS, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_init(&b, a, 8 * MB);
	for (int c; (c = getc(f)) != EOF;)
		buf_char(&b, (char)c);
	fclose(f);
	return str_make(b.p, b.n);
}

/* Runs, renders and reads a form, whatever the program is; ERR_LIMIT and ERR_MEMORY are fine answers. */
static void use(const struct program *p, struct arena *a)
{
	static const struct form_field fields[] = {{S("q-nps"), S("4")}, {S("q-liked"), S("staff")}};
	struct interview in = {.program = p, .seed = 5, .now_ms = 1795000000000, .language = program_language(p)};
	struct export_column *columns;
	struct json *answers = NULL;
	struct json_error why;
	struct verdict v;
	struct str html, redirect;
	struct html h;
	struct buf b;
	bool sign;
	size_t n;

	if (json_read(a, S("{\"nps\":3,\"call_back\":true,\"phone\":\"0912345678\",\"liked\":[\"staff\",\"none\"]}"),
		&json_limits_default, &answers, &why))
		return;
	in.answers = answers;
	interview_run(&in, RUN_COMPLETE, -1, a, &v);
	interview_outcome(&in, S("completed"), a, &html, &redirect, &sign);
	program_columns(p, S("vi"), a, &columns, &n);
	for (int32_t page = 0; page < (int32_t)program_page_count(p) && page < 4; page++) {
		buf_init(&b, a, 1 * MB);
		html_init(&h, &b);
		interview_run(&in, RUN_PAGE, page, a, &v);
		interview_render(&in, page, NULL, a, &h);
		if (interview_form(&in, page, fields, countof(fields), a, &answers) == OK)
			in.answers = answers;
	}
	buf_init(&b, a, 1 * MB);
	program_disasm(p, &b);
}

static void test_mutations(void **state)
{
	struct compiled c;
	struct program *p;
	const char *why;
	struct arena a;
	struct rng rng;
	size_t taken = 0;

	assert_int_equal(engine_compile_text(*state, survey_text(*state, "csat.json"), 0, &c), OK);
	assert_true(c.program.n > 0);
	rng_init(&rng, 42, 1);
	for (int i = 0; i < MUTATIONS; i++) {
		char *bytes;
		uint32_t changes = 1 + rng_below(&rng, 3);

		arena_init(&a, &arena_malloc, 32 * MB);
		bytes = arena_copy(&a, c.program.p, c.program.n);
		while (changes--)
			bytes[rng_below(&rng, (uint32_t)c.program.n)] =
			    (char)rng_below(&rng, rng_below(&rng, 2) ? 256 : 4);
		if (program_load(&a, str_make(bytes, c.program.n), &p, &why) == OK) {
			taken++;
			use(p, &a);
		}
		arena_free(&a);
	}
	/* most changes hit texts or numbers and leave a sound program */
	assert_true(taken > MUTATIONS / 20 && taken < MUTATIONS);
}

/* A jump to each byte of its own instruction, which would make code of an operand. */
static size_t jumps_refused(struct arena *a, struct str bytes, const struct program *p, const struct p_expr *x)
{
	char *code = (char *)(uintptr_t)p->code.p;
	size_t tried = 0;

	for (uint32_t at = x->code, words; at < x->code + x->length; at += 1 + 4 * words) {
		const struct opcode_row *row = &opcode_rows[(unsigned char)code[at]];
		char kept = code[at + 1];
		struct program *again;
		const char *why;

		words = operand_words(row->operand);
		if (row->operand != OPERAND_LABEL || at - x->code > 100)
			continue;
		for (uint32_t k = 0; k <= 4; k++, tried++) {
			code[at + 1] = (char)(at - x->code + k);
			assert_int_equal(program_load(a, bytes, &again, &why), ERR_INVALID);
		}
		code[at + 1] = kept;
	}
	return tried;
}

static void test_jumps(void **state)
{
	struct arena *a = *state;
	struct compiled c;
	struct program *p;
	const char *why;
	size_t tried = 0;

	assert_int_equal(engine_compile_text(a,
			     S("{\"schema_version\": \"1.0\", \"survey\": {\"title\": \"t\", \"language\": \"en\", "
			       "\"pages\": [{\"name\": \"p\", \"questions\": [{\"type\": \"boolean\", "
			       "\"name\": \"b\", \"title\": \"B\"}, {\"type\": \"text\", \"name\": \"t\", \"title\": "
			       "\"T\", \"visible_if\": \"iif({b}, true, false) and {b} = true or {b} empty\"}]}]}}"),
			     0, &c),
	    OK);
	assert_true(c.program.n > 0);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
	for (uint32_t i = 0; i < p->expr_count; i++)
		tried += jumps_refused(a, c.program, p, &p->expr[i]);
	assert_true(tried >= 15);
	assert_int_equal(program_load(a, c.program, &p, &why), OK);
}

static void test_cut(void **state)
{
	struct compiled c;
	struct program *p;
	const char *why;

	assert_int_equal(engine_compile_text(*state, survey_text(*state, "csat.json"), 0, &c), OK);
	for (size_t n = 0; n < c.program.n; n++)
		assert_int_equal(program_load(*state, str_make(c.program.p, n), &p, &why), ERR_INVALID);
}

/* What another release compiled is refused as such, whatever else it holds. */
static void test_other_versions(void **state)
{
	struct compiled c;
	struct program *p;
	const char *why;
	char *bytes;

	assert_int_equal(engine_compile_text(*state, survey_text(*state, "csat.json"), 0, &c), OK);
	bytes = arena_copy(*state, c.program.p, c.program.n);
	for (unsigned char version = 0; version < 255; version++) {
		bytes[4] = (char)version;
		assert_int_equal(program_load(*state, str_make(bytes, c.program.n), &p, &why),
		    version == PROGRAM_VERSION ? OK : ERR_INVALID);
		if (version != PROGRAM_VERSION)
			assert_string_equal(why, "this is not a program of this version of the engine");
	}
}

static void everything(struct arena *a, struct str text)
{
	struct compiled c;
	struct program *p;
	const char *why;

	if (engine_compile_text(a, text, COMPILE_LEAVE_OUT_UNBUILT, &c) == OK && c.program.n &&
	    program_load(a, c.program, &p, &why) == OK)
		use(p, a);
}

static void test_memory(void **state)
{
	struct str text = survey_text(*state, "brand-tracker.json");
	struct arena a;

	for (size_t bytes = 0; bytes < 3 * MB; bytes += 16 * KB + 512) {
		arena_init(&a, &arena_malloc, bytes);
		everything(&a, text);
		arena_free(&a);
	}
}

static void test_deterministic(void **state)
{
	struct str text = survey_text(*state, "brand-tracker.json");
	struct compiled a, b;

	assert_int_equal(engine_compile_text(*state, text, COMPILE_LEAVE_OUT_UNBUILT, &a), OK);
	assert_int_equal(engine_compile_text(*state, text, COMPILE_LEAVE_OUT_UNBUILT, &b), OK);
	assert_true(str_eq(a.program, b.program) && a.program.n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {with_arena(test_mutations), with_arena(test_jumps), with_arena(test_cut),
	    with_arena(test_memory), with_arena(test_deterministic), with_arena(test_other_versions)};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
