/* engine_cmd.c - check, compile, disasm, eval. */
#include "main/engine_cmd.h"
#include <errno.h>
#include <sys/time.h>
#include "base/limits.h"
#include "engine/engine.h"

#define FILE_MAX_BYTES (50 * MB)
#define COMMAND_ARENA_MAX_BYTES (512 * MB)
#define LINE_MAX_BYTES (1 * MB)

struct options {
	const char *file, *output, *compat;
	bool json, leave_out, help, wrong;
};

static const char check_help[] =
    "usage: collect check FILE [--json] [--leave-out-unbuilt]\n"
    "Compiles a survey definition and prints what is wrong with it. FILE may be - for standard input.\n"
    "  --json               the diagnostics as one JSON object\n"
    "  --leave-out-unbuilt  leave out, with a warning, what this release does not do\n"
    "Exits with 0 when there is no error, 1 otherwise, 2 when it was called wrongly.\n";
static const char compile_help[] =
    "usage: collect compile FILE -o PROGRAM [--leave-out-unbuilt]\n"
    "Compiles a survey definition to a program. The same definition gives the same bytes. FILE and PROGRAM may be -.\n";
static const char disasm_help[] =
    "usage: collect disasm PROGRAM\n"
    "Prints a compiled program for people: its sections, pages, rules and code. PROGRAM may be -.\n";
static const char eval_help[] =
    "usage: collect eval [--compat strict|surveyjs]\n"
    "Reads lines {\"expression\": \"...\", \"values\": {...}} and writes a line for each: {\"value\": ...} or\n"
    "{\"error\": {\"code\": ..., \"column\": ..., \"message\": ...}}. A line may give the time as \"now_ms\".\n"
    "This release evaluates in compat strict.\n";

static struct options parse(int argc, char **argv)
{
	struct options o = {.compat = "strict"};

	for (int i = 1; i < argc; i++) {
		struct str a = str_from(argv[i]);

		if (str_eq(a, S("--help")) || str_eq(a, S("-h")))
			o.help = true;
		else if (str_eq(a, S("--json")))
			o.json = true;
		else if (str_eq(a, S("--leave-out-unbuilt")))
			o.leave_out = true;
		else if (str_eq(a, S("-o")) && i + 1 < argc)
			o.output = argv[++i];
		else if (str_eq(a, S("--compat")) && i + 1 < argc)
			o.compat = argv[++i];
		else if ((argv[i][0] == '-' && a.n > 1) || o.file)
			o.wrong = true;
		else
			o.file = argv[i];
	}
	return o;
}

/* Prints the help that was asked for, or that the wrong call calls for; true when there is nothing else to do. */
static bool help(const struct options *o, bool complete, const char *text, int *exit_code)
{
	if (o->help) {
		fputs(text, stdout);
		*exit_code = 0;
		return true;
	}
	if (o->wrong || !complete) {
		fputs(text, stderr);
		*exit_code = 2;
		return true;
	}
	return false;
}

static bool read_stream(FILE *f, struct arena *a, struct str *out)
{
	struct buf b;
	char *room;
	size_t n = 1;

	buf_init(&b, a, FILE_MAX_BYTES);
	while (n > 0 && (room = buf_room(&b, 64 * KB))) {
		n = fread(room, 1, 64 * KB, f);
		b.n += n;
	}
	return !ferror(f) && buf_done(&b, out) == OK;
}

bool engine_read_file(const char *path, struct arena *a, struct str *out)
{
	FILE *f = str_eq(str_from(path), S("-")) ? stdin : fopen(path, "rb");
	bool ok = f && read_stream(f, a, out);

	if (!ok)
		fprintf(stderr, "collect: %s: %s\n", path, f && !ferror(f) ? "too large" : strerror(errno));
	if (f && f != stdin)
		fclose(f);
	return ok;
}

static void print(struct str s, FILE *f)
{
	fwrite(s.p, 1, s.n, f);
}

static void print_diagnostics(const struct compiled *c, FILE *f)
{
	static const char *const names[] = {"error", "warning", "note"};

	for (size_t i = 0; i < c->diagnostic_count; i++) {
		const struct diagnostic *d = &c->diagnostics[i];

		fprintf(f, "%s %.*s %.*s", names[d->severity], STR_ARGS(d->code), STR_ARGS(d->pointer));
		if (d->column)
			fprintf(f, " column %u-%u", d->column, d->end_column);
		fprintf(f, ": %.*s\n", STR_ARGS(d->message));
	}
}

static int compile_file(const char *path, bool leave_out, struct arena *a, struct compiled *c)
{
	struct str text;
	enum err e;

	if (!engine_read_file(path, a, &text))
		return 2;
	e = engine_compile_text(a, text, leave_out ? COMPILE_LEAVE_OUT_UNBUILT : 0, c);
	if (e) {
		fprintf(stderr, "collect: %s: %s\n", path, err_meaning(e));
		return 2;
	}
	return c->error_count ? 1 : 0;
}

int engine_compile_file(const char *path, bool leave_out, struct arena *a, struct compiled *c)
{
	int code = compile_file(path, leave_out, a, c);

	if (code < 2)
		print_diagnostics(c, stderr);
	return code;
}

int engine_cmd_check(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct compiled c;
	struct json_out w;
	struct arena a;
	struct str text;
	struct buf b;
	int code;

	if (help(&o, o.file && !o.output, check_help, &code))
		return code;
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = compile_file(o.file, o.leave_out, &a, &c);
	if (code < 2 && o.json) {
		buf_init(&b, &a, FILE_MAX_BYTES);
		json_out_init(&w, &b);
		compiled_json(&c, &w);
		buf_char(&b, '\n');
		if (buf_done(&b, &text) == OK)
			print(text, stdout);
	} else if (code < 2) {
		print_diagnostics(&c, stdout);
		printf("%s: %zu errors, %zu warnings\n", o.file, c.error_count, c.diagnostic_count - c.error_count);
	}
	arena_free(&a);
	return code;
}

static int write_program(const char *path, struct str program)
{
	FILE *f = str_eq(str_from(path), S("-")) ? stdout : fopen(path, "wb");
	bool ok = f && fwrite(program.p, 1, program.n, f) == program.n;

	ok = f && (f == stdout ? fflush(f) : fclose(f)) == 0 && ok;
	if (!ok)
		fprintf(stderr, "collect: %s: %s\n", path, strerror(errno));
	return ok ? 0 : 2;
}

int engine_cmd_compile(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct compiled c;
	struct arena a;
	int code;

	if (help(&o, o.file && o.output && !o.json, compile_help, &code))
		return code;
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = compile_file(o.file, o.leave_out, &a, &c);
	if (code < 2)
		print_diagnostics(&c, stderr);
	if (code == 0)
		code = write_program(o.output, c.program);
	arena_free(&a);
	return code;
}

int engine_cmd_disasm(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct program *p;
	const char *why;
	struct arena a;
	struct str bytes, text;
	struct buf b;
	enum err e;
	int code;

	if (help(&o, o.file && !o.output && !o.json, disasm_help, &code))
		return code;
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = engine_read_file(o.file, &a, &bytes) ? 0 : 2;
	if (code == 0 && (e = program_load(&a, bytes, &p, &why))) {
		fprintf(stderr, "collect: %s: %s\n", o.file, e == ERR_INVALID ? why : err_meaning(e));
		code = 1;
	}
	if (code == 0) {
		buf_init(&b, &a, FILE_MAX_BYTES);
		program_disasm(p, &b);
		if (buf_done(&b, &text) == OK)
			print(text, stdout);
	}
	arena_free(&a);
	return code;
}

/* ---- eval ---- */

static void eval_fail(struct json_out *w, const struct eval_error *why)
{
	json_open(w, '{');
	json_key(w, S("error"));
	json_open(w, '{');
	json_field_str(w, S("code"), why->code);
	json_field_int(w, S("column"), why->column);
	json_field_str(w, S("message"), why->message);
	json_close(w, '}');
	json_close(w, '}');
}

static int64_t now_ms(const struct json *line)
{
	const struct json *v = json_get(line, S("now_ms"));
	struct timeval t;

	if (v && v->type == JSON_INT)
		return v->i;
	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void eval_line(struct arena *a, struct str text, enum compat compat, struct json_out *w)
{
	struct eval_error why = {S("E0001"), 0, S("The line is no JSON object with an expression.")};
	struct json_error broken;
	const struct json *expression;
	struct json *line;
	struct str value;
	enum err e = json_read(a, text, &json_limits_default, &line, &broken);

	expression = e ? NULL : json_get(line, S("expression"));
	if (!expression || expression->type != JSON_STR) {
		eval_fail(w, &why);
		return;
	}
	e = expression_eval(a, expression->s, json_get(line, S("values")), compat, now_ms(line), &value, &why);
	if (e) {
		if (!why.code.n)
			why = (struct eval_error){S("E0319"), 0, str_from(err_meaning(e))};
		eval_fail(w, &why);
		return;
	}
	json_open(w, '{');
	json_field_raw(w, S("value"), value);
	json_close(w, '}');
}

static void eval_lines(enum compat compat)
{
	struct json_out w;
	struct arena a;
	struct str out;
	struct buf b;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	arena_init(&a, &arena_malloc, 64 * MB);
	while ((n = getline(&line, &room, stdin)) >= 0) {
		struct str text = str_trim(str_make(line, n > (ssize_t)LINE_MAX_BYTES ? 0 : (size_t)n));

		if (!text.n && n <= 1)
			continue;
		arena_reset(&a);
		buf_init(&b, &a, 4 * MB);
		json_out_init(&w, &b);
		eval_line(&a, text, compat, &w);
		buf_char(&b, '\n');
		if (buf_done(&b, &out) == OK)
			print(out, stdout);
		else
			puts("{\"error\":{\"code\":\"E0319\",\"column\":0,\"message\":\"The value is too large.\"}}");
	}
	free(line);
	arena_free(&a);
}

int engine_cmd_eval(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	bool strict = str_eq(str_from(o.compat), S("strict"));
	int code;

	if (help(&o, !o.file && !o.output && !o.json && (strict || str_eq(str_from(o.compat), S("surveyjs"))),
		eval_help, &code))
		return code;
	eval_lines(strict ? COMPAT_STRICT : COMPAT_SURVEYJS);
	return 0;
}
