/* corpus_test.c - runs every file of corpus/; corpus/README.md says what its lines mean. One test per file. */
#include "base/test.h"
#include <dirent.h>
#include <sys/stat.h>
#include "base/time.h"
#include "base/utf8.h"
#include "engine/engine.h"

#define CASES_MAX 500

struct script {
	struct arena *a;
	const char *path;
	unsigned line;
	unsigned flags;
	struct compiled compiled;
	size_t diagnostics_seen;
	struct program *program;
	struct interview in;
	struct verdict verdict;
	bool ran, checked_diagnostics;
	size_t errors_seen;
	struct export_column *columns;
	size_t column_count, columns_seen;
	bool columns_asked;
	struct json *values;
	struct str value;
	struct eval_error why;
	enum err evaluated;
};

#define stop(s, ...)                                                                                                   \
	do {                                                                                                           \
		print_error("%s:%u: ", (s)->path, (s)->line);                                                          \
		fail_msg(__VA_ARGS__);                                                                                 \
	} while (0)

static struct json *read_json(struct script *s, struct str text)
{
	struct json_error why;
	struct json *j = NULL;

	if (json_read(s->a, text, &json_limits_default, &j, &why))
		stop(s, "bad JSON: %s", why.what);
	return j;
}

static struct str read_whole(struct script *s, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b;

	if (!f)
		stop(s, "cannot read %s", path);
	buf_init(&b, s->a, 8 * MB);
	for (int c; (c = getc(f)) != EOF;)
		buf_char(&b, (char)c);
	fclose(f);
	return str_make(b.p, b.n);
}

static struct str word(struct str *rest)
{
	struct str w;

	*rest = str_trim(*rest);
	w = str_cut(rest, ' ', NULL);
	*rest = str_trim(*rest);
	return w;
}

static void expect(struct script *s, struct str got, struct str wanted, const char *what)
{
	if (!str_eq(got, wanted))
		stop(s, "%s is \"%.*s\", expected \"%.*s\"", what, STR_ARGS(got), STR_ARGS(wanted));
}

static void expect_json(struct script *s, struct str got, struct str wanted, const char *what)
{
	if (!json_same(read_json(s, got), read_json(s, wanted)))
		stop(s, "%s is %.*s, expected %.*s", what, STR_ARGS(got), STR_ARGS(wanted));
}

static void print_diagnostics(const struct script *s)
{
	for (size_t i = 0; i < s->compiled.diagnostic_count; i++)
		print_error("  %.*s %.*s: %.*s\n", STR_ARGS(s->compiled.diagnostics[i].code),
		    STR_ARGS(s->compiled.diagnostics[i].pointer), STR_ARGS(s->compiled.diagnostics[i].message));
}

/* Everything that is listed must have come, and nothing else: looked at when a section ends. */
static void settle(struct script *s)
{
	if (s->checked_diagnostics && s->diagnostics_seen != s->compiled.diagnostic_count) {
		print_diagnostics(s);
		stop(s, "%zu diagnostics, %zu listed", s->compiled.diagnostic_count, s->diagnostics_seen);
	}
	if (!s->checked_diagnostics && s->compiled.error_count) {
		print_diagnostics(s);
		stop(s, "the survey has errors");
	}
	if (s->errors_seen && s->errors_seen != s->verdict.error_count)
		stop(s, "%zu errors, %zu listed", s->verdict.error_count, s->errors_seen);
	if (s->columns_asked && s->columns_seen != s->column_count)
		stop(s, "%zu columns, %zu listed", s->column_count, s->columns_seen);
	s->checked_diagnostics = s->columns_asked = false;
	s->errors_seen = s->diagnostics_seen = 0;
}

static void compile(struct script *s, struct str text)
{
	struct compiled again;
	const char *why = "";
	struct program *p;

	settle(s);
	if (engine_compile_text(s->a, text, s->flags, &s->compiled) ||
	    engine_compile_text(s->a, text, s->flags, &again))
		stop(s, "could not be compiled");
	s->program = NULL;
	s->ran = false;
	s->verdict = (struct verdict){.error_count = 0};
	if (s->compiled.error_count)
		return;
	expect(s, again.program, s->compiled.program, "the program made again");
	if (program_load(s->a, s->compiled.program, &p, &why))
		stop(s, "its program is refused: %s", why);
	s->program = p;
	s->in = (struct interview){.program = p, .seed = 1, .now_ms = 1795000000000, .language = program_language(p)};
}

static void do_survey(struct script *s, struct str rest)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/surveys/%.*s", ENGINE_CORPUS, STR_ARGS(rest));
	compile(s, read_whole(s, path));
}

static void do_define(struct script *s, struct str rest)
{
	compile(s, rest);
}

static void do_questions(struct script *s, struct str rest)
{
	struct buf b;

	buf_init(&b, s->a, 8 * MB);
	buf_add(
	    &b, S("{\"schema_version\":\"1.0\",\"survey\":{\"language\":\"en\",\"languages\":[\"en\",\"vi\"],\"pages\":"
		  "[{\"name\":\"p\",\"questions\":"));
	buf_add(&b, rest);
	buf_add(&b, S("}]}}"));
	compile(s, str_make(b.p, b.n));
}

static void do_leaving_out(struct script *s, struct str rest)
{
	(void)rest;
	s->flags = COMPILE_LEAVE_OUT_UNBUILT;
}

static void do_diagnostic(struct script *s, struct str rest)
{
	struct str code = word(&rest), pointer = word(&rest);

	s->checked_diagnostics = true;
	for (size_t i = 0; i < s->compiled.diagnostic_count; i++)
		if (str_eq(s->compiled.diagnostics[i].code, code) &&
		    str_eq(s->compiled.diagnostics[i].pointer, pointer)) {
			s->diagnostics_seen++;
			return;
		}
	print_diagnostics(s);
	stop(s, "%.*s %.*s was not said", STR_ARGS(code), STR_ARGS(pointer));
}

static void do_clean(struct script *s, struct str rest)
{
	(void)rest;
	s->checked_diagnostics = true;
}

static void do_language(struct script *s, struct str rest)
{
	s->in.language = program_language_pick(s->program, rest);
	s->ran = false;
}

static void do_seed(struct script *s, struct str rest)
{
	int64_t seed = 0;

	str_to_int(rest, &seed);
	s->in.seed = (uint64_t)seed;
	s->ran = false;
}

static void do_time(struct script *s, struct str rest)
{
	if (!time_read(rest, &s->in.now_ms))
		stop(s, "no time");
	s->ran = false;
}

static void do_parameters(struct script *s, struct str rest)
{
	s->in.parameters = read_json(s, rest);
	s->ran = false;
}

static void do_answers(struct script *s, struct str rest)
{
	settle(s);
	if (!s->program)
		stop(s, "there is no survey to answer");
	s->in.answers = read_json(s, rest);
	s->ran = false;
}

static void need_run(struct script *s)
{
	if (!s->ran && interview_run(&s->in, RUN_COMPLETE, -1, s->a, &s->verdict))
		stop(s, "the interview failed");
	s->ran = true;
}

static struct str page_text(struct script *s, int32_t page)
{
	struct buf b;

	buf_init(&b, s->a, 16);
	buf_int(&b, page + 1);
	return str_make(b.p, b.n);
}

/* Pages by number from 1, then the outcome; "N!" where the answers of a page are refused. */
static void do_path(struct script *s, struct str rest)
{
	struct verdict v;
	int32_t page = -1;
	struct buf b;

	buf_init(&b, s->a, 4 * KB);
	for (int i = 0; i < 1000; i++) {
		if (interview_run(&s->in, RUN_PAGE, page, s->a, &v))
			stop(s, "the interview failed on a page");
		if (v.error_count) {
			buf_char(&b, '!');
			break;
		}
		if (b.n)
			buf_char(&b, ' ');
		buf_add(&b, v.next_page < 0 ? v.outcome : page_text(s, v.next_page));
		if ((page = v.next_page) < 0)
			break;
	}
	expect(s, str_make(b.p, b.n), rest, "the path");
}

static void do_error(struct script *s, struct str rest)
{
	struct str code = word(&rest), pointer = word(&rest);

	need_run(s);
	s->errors_seen++;
	for (size_t i = 0; i < s->verdict.error_count; i++)
		if (str_eq(s->verdict.errors[i].code, code) && str_eq(s->verdict.errors[i].pointer, pointer)) {
			if (rest.n)
				expect(s, s->verdict.errors[i].message, rest, "the message");
			return;
		}
	for (size_t i = 0; i < s->verdict.error_count; i++)
		print_error(
		    "  %.*s %.*s\n", STR_ARGS(s->verdict.errors[i].code), STR_ARGS(s->verdict.errors[i].pointer));
	stop(s, "no error %.*s %.*s", STR_ARGS(code), STR_ARGS(pointer));
}

static void do_valid(struct script *s, struct str rest)
{
	(void)rest;
	need_run(s);
	if (s->verdict.error_count)
		stop(s, "error %.*s %.*s: %.*s", STR_ARGS(s->verdict.errors[0].code),
		    STR_ARGS(s->verdict.errors[0].pointer), STR_ARGS(s->verdict.errors[0].message));
}

static void do_result(struct script *s, struct str rest)
{
	need_run(s);
	expect_json(s, s->verdict.answers, rest, "the result");
}

static void do_personal(struct script *s, struct str rest)
{
	need_run(s);
	expect_json(s, s->verdict.personal, rest, "the personal part");
}

static void do_exported(struct script *s, struct str rest)
{
	need_run(s);
	expect_json(s, s->verdict.parameters, rest, "the exported parameters");
}

static void do_outcome(struct script *s, struct str rest)
{
	need_run(s);
	expect(s, s->verdict.outcome, rest, "the outcome");
}

static void do_status(struct script *s, struct str rest)
{
	need_run(s);
	expect(s, s->verdict.status, rest, "the status");
}

static int32_t page_number(struct script *s, struct str *rest)
{
	int64_t n;

	if (!str_to_int(word(rest), &n))
		stop(s, "a page number was expected");
	return (int32_t)n - 1;
}

static void do_visible(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str *names;
	struct buf b;
	size_t n;

	if (interview_visible(&s->in, page, s->a, &names, &n))
		stop(s, "the page failed");
	buf_init(&b, s->a, 8 * KB);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		buf_add(&b, names[i]);
	}
	expect(s, str_make(b.p, b.n), rest, "what is visible");
}

static struct str page_html(struct script *s, int32_t page)
{
	struct page_view view = {0};
	struct html h;
	struct buf b;

	if (s->ran) {
		view.errors = s->verdict.errors;
		view.error_count = s->verdict.error_count;
	}
	buf_init(&b, s->a, 4 * MB);
	html_init(&h, &b);
	if (interview_render(&s->in, page, &view, s->a, &h))
		stop(s, "the page could not be rendered");
	return str_make(b.p, b.n);
}

static void do_shows(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str html = page_html(s, page);

	if (!str_find(html, rest, NULL))
		stop(s, "not in the page: %.*s\n%.*s", STR_ARGS(rest), STR_ARGS(html));
}

static void do_hides(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct str html = page_html(s, page);

	if (str_find(html, rest, NULL))
		stop(s, "in the page: %.*s", STR_ARGS(rest));
}

static void do_form(struct script *s, struct str rest)
{
	int32_t page = page_number(s, &rest);
	struct form_field fields[200];
	struct json *answers;
	size_t n = 0;

	settle(s);
	while (rest.n && n < countof(fields)) {
		struct str pair = str_cut(&rest, '&', NULL), name = str_cut(&pair, '=', NULL);

		if (url_decode(s->a, name, true, &fields[n].name) || url_decode(s->a, pair, true, &fields[n].value))
			stop(s, "the form is broken");
		n++;
	}
	if (interview_form(&s->in, page, fields, n, s->a, &answers))
		stop(s, "the form failed");
	s->in.answers = answers;
	s->ran = false;
}

static void do_becomes(struct script *s, struct str rest)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, s->a, 1 * MB);
	json_out_init(&w, &b);
	json_put(&w, s->in.answers);
	expect_json(s, str_make(b.p, b.n), rest, "what the form made");
}

static void outcome_of(struct script *s, struct str *rest, struct str *html, struct str *redirect)
{
	bool sign;

	if (interview_outcome(&s->in, word(rest), s->a, html, redirect, &sign))
		stop(s, "the outcome failed");
}

static void do_thanks(struct script *s, struct str rest)
{
	struct str html, redirect;

	outcome_of(s, &rest, &html, &redirect);
	expect(s, html, rest, "the text");
}

static void do_redirect(struct script *s, struct str rest)
{
	struct str html, redirect;

	outcome_of(s, &rest, &html, &redirect);
	expect(s, redirect, rest, "the redirect");
}

static void do_column(struct script *s, struct str rest)
{
	struct str name = word(&rest);

	if (!s->columns_asked && program_columns(s->program, s->in.language, s->a, &s->columns, &s->column_count))
		stop(s, "no columns");
	s->columns_asked = true;
	if (s->columns_seen >= s->column_count)
		stop(s, "only %zu columns", s->column_count);
	expect(s, s->columns[s->columns_seen].name, name, "the column");
	expect(s, s->columns[s->columns_seen++].type, rest, "its type");
}

static void do_values(struct script *s, struct str rest)
{
	s->values = read_json(s, rest);
}

static void do_value(struct script *s, struct str rest)
{
	s->evaluated = expression_eval(s->a, rest, s->values, COMPAT_STRICT, 1795000000000, &s->value, &s->why);
}

static void do_gives(struct script *s, struct str rest)
{
	if (s->evaluated)
		stop(s, "%.*s at %u: %.*s", STR_ARGS(s->why.code), s->why.column, STR_ARGS(s->why.message));
	expect_json(s, s->value, rest, "the value");
}

static void do_fails(struct script *s, struct str rest)
{
	struct str code = word(&rest);
	int64_t column = 0;

	if (!s->evaluated)
		stop(s, "it gives %.*s", STR_ARGS(s->value));
	expect(s, s->why.code, code, "the code");
	if (str_to_int(rest, &column) && column != s->why.column)
		stop(s, "column %u, expected %d", s->why.column, (int)column);
}

static const struct {
	const char *word;
	void (*run)(struct script *s, struct str rest);
} verbs[] = {{"survey", do_survey}, {"define", do_define}, {"questions", do_questions}, {"leaving-out", do_leaving_out},
    {"diagnostic", do_diagnostic}, {"clean", do_clean}, {"language", do_language}, {"seed", do_seed}, {"time", do_time},
    {"parameters", do_parameters}, {"answers", do_answers}, {"path", do_path}, {"error", do_error}, {"valid", do_valid},
    {"result", do_result}, {"personal", do_personal}, {"exported", do_exported}, {"outcome", do_outcome},
    {"status", do_status}, {"visible", do_visible}, {"shows", do_shows}, {"hides", do_hides}, {"form", do_form},
    {"becomes", do_becomes}, {"thanks", do_thanks}, {"redirect", do_redirect}, {"column", do_column},
    {"values", do_values}, {"value", do_value}, {"gives", do_gives}, {"fails", do_fails}};

static void do_line(struct script *s, struct str line)
{
	struct str rest = line, w = word(&rest);

	for (size_t i = 0; i < countof(verbs); i++)
		if (str_eq(w, str_from(verbs[i].word))) {
			verbs[i].run(s, rest);
			return;
		}
	stop(s, "no such line: %.*s", STR_ARGS(line));
}

/* Lines with their continuations. */
static void corpus_file(void **state)
{
	static struct arena a; /* outlives a failure, which leaves by a jump */
	struct script s = {.a = &a, .path = *state};
	struct str text, line = S("");
	unsigned at = 0;
	bool more = true;

	arena_init(&a, &arena_malloc, 512 * MB);
	text = read_whole(&s, s.path);
	while (more) {
		struct str next = str_cut(&text, '\n', &more);

		at++;
		if (next.n && (next.p[0] == ' ' || next.p[0] == '\t') && line.n) {
			line.n = (size_t)(next.p + next.n - line.p);
			continue;
		}
		if (str_trim(line).n)
			do_line(&s, str_trim(line));
		line = next.n && next.p[0] != '#' ? next : S("");
		s.line = at;
	}
	if (str_trim(line).n)
		do_line(&s, str_trim(line));
	settle(&s);
	arena_free(&a);
}

static void add_file(const char *path, struct CMUnitTest *tests, size_t *n)
{
	char *kept;

	if (!str_ends(str_from(path), S(".test")) || *n >= CASES_MAX || !(kept = strdup(path)))
		return;
	tests[(*n)++] = (struct CMUnitTest){kept + strlen(ENGINE_CORPUS) + 1, corpus_file, NULL, NULL, kept};
}

static void add_folder(const char *folder, struct CMUnitTest *tests, size_t *n)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	char path[1024];
	struct stat st;

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			add_folder(path, tests, n);
		add_file(path, tests, n);
		free(names[i]);
	}
	free(names);
}

int main(void)
{
	static struct CMUnitTest tests[CASES_MAX];
	size_t n = 0;

	add_folder(ENGINE_CORPUS, tests, &n);
	if (n == 0)
		return 1;
	return _cmocka_run_group_tests("corpus", tests, n, NULL, NULL);
}
