/* memory_test.c - the n-th allocation fails: over every survey of the corpus, everything that can be done with it must then say
 * ERR_MEMORY, or give the same as ever where less memory does as well, and leave nothing behind. Every allocation is a request to the
 * source here (ARENA_EACH).
 *
 * A test takes some n of each step; with COTEST_ALL set it takes all of them, which is a matter of an hour. */
#include <dirent.h>
#include <sys/stat.h>
#include "base/hash.h"
#include "base/test.h"
#include "engine/engine.h"

#define FILES_MAX 1000
#define ANSWERS_MAX 3 /* of a survey: more of the same brings nothing new */
#define SAMPLES 60    /* of each step */
#define NOW 1795000000000

/* What one step works on. */
struct job {
	const char *path;
	struct arena *a; /* keeps what lasts longer than a step */
	struct str text; /* of the definition, of an expression, of a line of events */
	const struct json *values;
	struct str bytes;
	struct program *program;
	struct interview in;
	uint64_t result; /* of the step, mixed from all that it gave */
	size_t tried;
};

static void give(struct job *j, struct str s)
{
	j->result = hash64(s, j->result);
}

typedef enum err step(struct job *j, struct arena *a);

static void *failing_get(void *ctx, size_t bytes)
{
	struct counting *c = ctx;
	void *block;

	if (++c->requests == c->fail_at)
		return NULL;
	block = malloc(bytes);
	memset(block, 0xa5, bytes);
	c->open++;
	return block;
}

static enum err step_once(struct job *j, step *take, unsigned fail_at, unsigned *requests)
{
	struct counting c;
	struct arena a;
	enum err e;

	counting_init(&c, fail_at);
	c.source.get = failing_get;
	arena_init(&a, &c.source, 512 * MB);
	j->result = 0;
	e = take(j, &a);
	arena_free(&a);
	*requests = c.requests;
	if (c.open)
		fail_msg("%s: %u blocks are left after request %u", j->path, c.open, fail_at);
	return e;
}

/* True when it went well without failures. */
static bool step_with_failures(struct job *j, const char *name, step *take)
{
	unsigned all, requests, stride = 1;
	enum err first = step_once(j, take, 0, &all);
	uint64_t expected = j->result;

	if (first == ERR_MEMORY)
		fail_msg("%s: %s needs more than there is", j->path, name);
	if (!getenv("COTEST_ALL") && all > SAMPLES)
		stride = all / SAMPLES;
	for (unsigned n = 1 + (unsigned)(j->tried % stride); n <= all; n += stride, j->tried++) {
		enum err e = step_once(j, take, n, &requests);

		if (e != ERR_MEMORY && (e != first || j->result != expected))
			fail_msg("%s: %s with allocation %u of %u refused: %s", j->path, name, n, all, err_meaning(e));
	}
	return first == OK;
}

/* ---- the steps ---- */

static enum err step_compile(struct job *j, struct arena *a)
{
	struct compiled c;
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	if ((e = engine_compile_text(a, j->text, COMPILE_LEAVE_OUT_UNBUILT, &c)))
		return e;
	buf_init(&b, a, 64 * MB);
	json_out_init(&w, &b);
	compiled_json(&c, &w);
	if ((e = buf_done(&b, &text)))
		return e;
	give(j, c.program);
	give(j, text);
	return OK;
}

static enum err step_load(struct job *j, struct arena *a)
{
	struct program *p;
	const char *why;
	enum err e;

	if ((e = program_load(a, j->bytes, &p, &why)))
		return e;
	return program_depend(a, p);
}

static enum err step_complete(struct job *j, struct arena *a)
{
	struct consents agreed;
	struct str html, redirect;
	struct verdict v;
	bool sign;
	enum err e;

	if ((e = interview_run(&j->in, RUN_COMPLETE, -1, a, &v)))
		return e;
	give(j, v.answers);
	give(j, v.personal);
	give(j, v.outcome);
	if ((e = interview_consents(&j->in, &(struct consent_note){.page = -1, .shown = &j->in}, a, &agreed)))
		return e;
	give(j, agreed.open);
	give(j, agreed.personal);
	if (v.outcome.n && (e = interview_outcome(&j->in, v.outcome, a, &html, &redirect, &sign)))
		return e;
	if (v.outcome.n) {
		give(j, html);
		give(j, redirect);
	}
	return OK;
}

static enum err give_json(struct job *j, const struct json *v, struct arena *a)
{
	struct json_out w;
	struct str text;
	struct buf b;
	enum err e;

	buf_init(&b, a, 8 * MB);
	json_out_init(&w, &b);
	json_put(&w, v);
	if (!(e = buf_done(&b, &text)))
		give(j, text);
	return e;
}

static enum err page(struct job *j, int32_t number, struct arena *a)
{
	static const struct form_field fields[] = {{S("q-q"), S("1")}, {S("q-a"), S("a")}, {S("record"), S("add r")}};
	struct page_view view = {0};
	struct json *answers;
	struct verdict v;
	struct str *names, text;
	struct html h;
	struct buf b;
	size_t n;
	enum err e;

	if ((e = interview_run(&j->in, RUN_PAGE, number, a, &v)) ||
	    (e = interview_visible(&j->in, number, a, &names, &n)))
		return e;
	view.errors = v.errors;
	view.error_count = v.error_count;
	buf_init(&b, a, PAGE_MAX_BYTES);
	html_init(&h, &b);
	if ((e = interview_render(&j->in, number, &view, a, &h)) || (e = buf_done(&b, &text)) ||
	    (e = interview_form(&j->in, number, fields, countof(fields), a, &answers)))
		return e;
	give(j, v.answers);
	give(j, text);
	return give_json(j, answers, a);
}

static enum err step_pages(struct job *j, struct arena *a)
{
	enum err e = OK;

	for (size_t i = 0; !e && i < program_page_count(j->program); i++)
		e = page(j, (int32_t)i, a);
	return e;
}

static enum err step_facts(struct job *j, struct arena *a)
{
	struct export_column *columns;
	struct quota_cell *cells;
	struct str text;
	struct buf b;
	size_t n;
	enum err e;

	if ((e = program_columns(j->program, S("vi"), a, &columns, &n)) ||
	    (e = program_quota_cells(j->program, a, &cells, &n)))
		return e;
	buf_init(&b, a, 64 * MB);
	for (size_t i = 0; i < n; i++)
		give(j, cells[i].cell);
	program_disasm(j->program, &b);
	if (!(e = buf_done(&b, &text)))
		give(j, text);
	return e;
}

static enum err step_replay(struct job *j, struct arena *a)
{
	unsigned char hash[32];
	struct replay_fault why;

	enum err e = interview_replay(a->source, j->program, j->text, REPLAY_RESUME, hash, &why);

	if (!e)
		give(j, str_make((char *)hash, sizeof(hash)));
	return e;
}

static enum err step_simulate(struct job *j, struct arena *a)
{
	struct coverage_row *rows;
	struct coverage *coverage;
	struct str text;
	struct buf b;
	size_t n;
	enum err e;

	buf_init(&b, a, 1 * MB);
	if ((e = coverage_new(a, j->program, &coverage)) ||
	    (e = interview_simulate(j->program, 5, NOW, a, coverage, &b)) || (e = buf_done(&b, &text)))
		return e;
	give(j, text);
	return coverage_rows(coverage, a, &rows, &n);
}

static enum err step_eval(struct job *j, struct arena *a)
{
	struct eval_error why;
	struct str json;
	const struct evaluation what = {.expression = j->text, .values = j->values, .now_ms = NOW};
	enum err e = expression_eval(a, &what, &json, &why);

	give(j, e ? S("") : json);
	return e;
}

/* ---- surveys and answers of a file ---- */

/* The answers one after the other, a page forward after each. */
static struct str events_of(struct arena *a, const struct json *answers)
{
	struct json_out w;
	struct str line = S("");
	struct buf b;

	buf_init(&b, a, 8 * MB);
	json_out_init(&w, &b);
	json_open(&w, '{');
	json_field_int(&w, S("seed"), 7);
	json_field_int(&w, S("now_ms"), NOW);
	json_key(&w, S("events"));
	json_open(&w, '[');
	for (uint32_t i = 0; answers->type == JSON_OBJECT && i < answers->count; i++) {
		json_open(&w, '{');
		json_field_str(&w, S("answer"), answers->members[i].key);
		json_key(&w, S("value"));
		json_put(&w, &answers->members[i].value);
		json_close(&w, '}');
		json_open(&w, '{');
		json_field_str(&w, S("page"), S("next"));
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	assert_int_equal(buf_done(&b, &line), OK);
	return line;
}

static void with_survey(struct job *j, struct str text)
{
	struct compiled c;
	const char *why;

	j->text = text;
	j->program = NULL;
	step_with_failures(j, "compile", step_compile);
	assert_int_equal(engine_compile_text(j->a, text, COMPILE_LEAVE_OUT_UNBUILT, &c), OK);
	if (!c.program.n)
		return;
	j->bytes = c.program;
	step_with_failures(j, "load", step_load);
	assert_int_equal(program_load(j->a, c.program, &j->program, &why), OK);
	assert_int_equal(program_depend(j->a, j->program), OK);
	j->in = (struct interview){
	    .program = j->program, .seed = 1, .now_ms = NOW, .language = program_language(j->program)};
	step_with_failures(j, "columns, cells, disassembly", step_facts);
	step_with_failures(j, "simulate", step_simulate);
	step_with_failures(j, "pages without answers", step_pages);
}

static const struct json *read_json(struct job *j, struct str text)
{
	struct json_error why;
	struct json *out = NULL;

	assert_int_equal(json_read(j->a, text, &json_limits_default, &out, &why), OK);
	return out;
}

static void with_answers(struct job *j, struct str text)
{
	j->in.answers = read_json(j, text);
	step_with_failures(j, "complete", step_complete);
	step_with_failures(j, "pages", step_pages);
	j->text = events_of(j->a, j->in.answers);
	step_with_failures(j, "replay", step_replay);
}

static struct str read_whole(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct str out = S("");
	struct buf b;

	if (!f)
		fail_msg("cannot read %s", path);
	buf_init(&b, a, 8 * MB);
	for (int c; (c = getc(f)) != EOF;)
		buf_char(&b, (char)c);
	fclose(f);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static struct str short_survey(struct arena *a, struct str questions)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, a, 8 * MB);
	buf_add(
	    &b, S("{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"languages\":[\"en\",\"vi\"],\"pages\":"
		  "[{\"name\":\"p\",\"questions\":"));
	buf_add(&b, questions);
	buf_add(&b, S("}]}}"));
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

static void with_line(struct job *j, struct str line, unsigned *answers)
{
	struct str word = str_cut(&line, ' ', NULL);
	char path[1024];

	line = str_trim(line);
	if (str_eq(word, S("survey"))) {
		snprintf(path, sizeof(path), "%s/surveys/%.*s", ENGINE_CORPUS, STR_ARGS(line));
		with_survey(j, read_whole(j->a, path));
		*answers = 0;
	} else if (str_eq(word, S("define")) || str_eq(word, S("questions"))) {
		with_survey(j, word.p[0] == 'd' ? line : short_survey(j->a, line));
		*answers = 0;
	} else if (str_eq(word, S("answers")) && j->program && (*answers)++ < ANSWERS_MAX) {
		with_answers(j, line);
	} else if (str_eq(word, S("values"))) {
		j->values = read_json(j, line);
	} else if (str_eq(word, S("value"))) {
		j->text = line;
		step_with_failures(j, "eval", step_eval);
	}
}

/* Lines with their continuations, as corpus_test.c has them. */
static void corpus_file(void **state)
{
	static struct arena a; /* outlives a failure, which leaves by a jump */
	struct job j = {.path = *state, .a = &a, .tried = strlen(*state)};
	struct str text, line = S("");
	unsigned answers = 0;
	bool more = true;

	arena_init(&a, &arena_malloc, 1024 * MB);
	text = read_whole(&a, j.path);
	while (more) {
		struct str next = str_cut(&text, '\n', &more);

		if (next.n && (next.p[0] == ' ' || next.p[0] == '\t') && line.n) {
			line.n = (size_t)(next.p + next.n - line.p);
			continue;
		}
		with_line(&j, str_trim(line), &answers);
		line = next.n && next.p[0] != '#' ? next : S("");
	}
	with_line(&j, str_trim(line), &answers);
	arena_free(&a);
}

static void add_folder(const char *folder, struct CMUnitTest *tests, size_t *n)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	char path[1024];
	struct stat st;

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			add_folder(path, tests, n);
		} else if (str_ends(str_from(path), S(".test")) && *n < FILES_MAX) {
			char *kept = strdup(path);

			tests[(*n)++] =
			    (struct CMUnitTest){kept + strlen(ENGINE_CORPUS) + 1, corpus_file, NULL, NULL, kept};
		}
		free(names[i]);
	}
	free(names);
}

int main(void)
{
	static struct CMUnitTest tests[FILES_MAX];
	size_t n = 0;

	add_folder(ENGINE_CORPUS, tests, &n);
	if (n == 0)
		return 1;
	return _cmocka_run_group_tests("memory", tests, n, NULL, NULL);
}
