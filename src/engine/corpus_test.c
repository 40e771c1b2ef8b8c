/* corpus_test.c - runs every file of corpus/; corpus/README.md says what its lines mean. One test per file. */
#include "engine/corpus.h"
#include <dirent.h>
#include <sys/stat.h>

#define CASES_MAX 500

struct json *script_json(struct script *s, struct str text)
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

struct str script_word(struct str *rest)
{
	struct str w;

	*rest = str_trim(*rest);
	w = str_cut(rest, ' ', NULL);
	*rest = str_trim(*rest);
	return w;
}

void script_expect(struct script *s, struct str got, struct str wanted, const char *what)
{
	if (!str_eq(got, wanted))
		stop(s, "%s is \"%.*s\", expected \"%.*s\"", what, STR_ARGS(got), STR_ARGS(wanted));
}

void script_expect_json(struct script *s, struct str got, struct str wanted, const char *what)
{
	if (!json_same(script_json(s, got), script_json(s, wanted)))
		stop(s, "%s is %.*s, expected %.*s", what, STR_ARGS(got), STR_ARGS(wanted));
}

static void print_diagnostics(const struct script *s)
{
	for (size_t i = 0; i < s->compiled.diagnostic_count; i++)
		print_error("  %.*s %.*s: %.*s\n", STR_ARGS(s->compiled.diagnostics[i].code),
		    STR_ARGS(s->compiled.diagnostics[i].pointer), STR_ARGS(s->compiled.diagnostics[i].message));
}

/* Everything that is listed must have come, and nothing else: looked at when a section ends. */
void script_settle(struct script *s)
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

	script_settle(s);
	if (engine_compile_text(s->a, text, s->flags, &s->compiled) ||
	    engine_compile_text(s->a, text, s->flags, &again))
		stop(s, "could not be compiled");
	s->program = NULL;
	s->ran = false;
	s->verdict = (struct verdict){.error_count = 0};
	cover_survey(s, text);
	if (s->compiled.error_count)
		return;
	script_expect(s, again.program, s->compiled.program, "the program made again");
	if (program_load(s->a, s->compiled.program, &p, &why))
		stop(s, "its program is refused: %s", why);
	s->program = p;
	cover_program(s);
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

static void do_no_media(struct script *s, struct str rest)
{
	(void)rest;
	s->flags |= COMPILE_NO_MEDIA;
}

static void do_leaving_out(struct script *s, struct str rest)
{
	(void)rest;
	s->flags |= COMPILE_LEAVE_OUT_UNBUILT;
}

static void do_diagnostic(struct script *s, struct str rest)
{
	struct str code = script_word(&rest), pointer = script_word(&rest);

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

static const struct {
	const char *word;
	verb *run;
} verbs[] = {{"survey", do_survey}, {"define", do_define}, {"questions", do_questions}, {"leaving-out", do_leaving_out},
    {"no-media", do_no_media}, {"diagnostic", do_diagnostic}, {"clean", do_clean}, {"language", do_language},
    {"seed", do_seed}, {"time", do_time}, {"parameters", do_parameters}, {"answers", do_answers}, {"path", do_path},
    {"error", do_error}, {"valid", do_valid}, {"result", do_result}, {"personal", do_personal},
    {"consents", do_consents}, {"personal-consents", do_personal_consents}, {"exported", do_exported},
    {"outcome", do_outcome}, {"status", do_status}, {"progress", do_progress}, {"back", do_back}, {"events", do_events},
    {"stands", do_stands}, {"visible", do_visible}, {"shows", do_shows}, {"hides", do_hides}, {"form", do_form},
    {"becomes", do_becomes}, {"thanks", do_thanks}, {"redirect", do_redirect}, {"column", do_column}, {"full", do_full},
    {"filled", do_filled}, {"drawn", do_drawn}, {"draws", do_draws}, {"cells", do_cells}, {"values", do_values},
    {"value", do_value}, {"loosely", do_loosely}, {"gives", do_gives}, {"fails", do_fails}};

static void do_line(struct script *s, struct str line)
{
	struct str rest = line, w = script_word(&rest);

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
	script_settle(&s);
	arena_free(&a);
}

static void add_file(const char *path, struct CMUnitTest *tests, size_t *n)
{
	char *kept;

	if (!str_ends(str_from(path), S(".test")) || *n >= CASES_MAX - 1 || !(kept = strdup(path)))
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
	tests[n++] = (struct CMUnitTest){"everything has a file", cover_test, NULL, NULL, NULL};
	return _cmocka_run_group_tests("corpus", tests, n, NULL, NULL);
}
