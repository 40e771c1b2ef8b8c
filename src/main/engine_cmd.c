/* engine_cmd.c - compile, disasm, eval; check is in diagnose.c. */
#include "main/engine_cmd.h"
#include <errno.h>
#include <sys/time.h>
#include "base/limits.h"
#include "engine/engine.h"
#include "main/command.h"

#define FILE_MAX_BYTES (50 * MB)
#define COMMAND_ARENA_MAX_BYTES (512 * MB)
#define LINE_MAX_BYTES (1 * MB)

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
	struct option_row options[] = {{"o", "PROGRAM", "Where the program goes; - is standard output"},
	    {"leave-out-unbuilt", NULL, "Leave out, with a warning, what this release does not do"}};
	struct command_line line = {.name = "compile",
	    .usage = "FILE -o PROGRAM",
	    .about =
		"Compiles a survey definition to a program. The same definition gives the same bytes. FILE may be -.\n"
		"Exits with 0 when there is a program, 1 when the definition has errors, 2 when it was called wrongly "
		"or a file cannot be read or written.",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1};
	struct compiled c;
	struct arena a;
	int code;

	if (command_line_read(&line, argc, argv, &code))
		return code;
	if (!options[0].given)
		return command_fail(&line, 2, "something is missing: collect compile %s", line.usage);
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = engine_compile_file(line.operands[0], options[1].given, &a, &c);
	if (code == 0)
		code = write_program(options[0].value, c.program);
	arena_free(&a);
	return code;
}

int engine_cmd_disasm(int argc, char **argv)
{
	struct command_line line = {.name = "disasm",
	    .usage = "PROGRAM",
	    .about = "Prints a compiled program for people: its sections, pages, rules and code. PROGRAM may be -.",
	    .operand_min = 1,
	    .operand_max = 1};
	struct program *p;
	const char *why;
	struct arena a;
	struct str bytes, text;
	struct buf b;
	enum err e;
	int code;

	if (command_line_read(&line, argc, argv, &code))
		return code;
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = engine_read_file(line.operands[0], &a, &bytes) ? 0 : 2;
	if (code == 0 && (e = program_load(&a, bytes, &p, &why))) {
		fprintf(stderr, "collect: %s: %s\n", line.operands[0], e == ERR_INVALID ? why : err_meaning(e));
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

static int64_t now_ms(void)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

/* What a line says, over what it need not say; NULL, or what is wrong with it. */
static const char *line_fault(const struct json *line, struct evaluation *what)
{
	if (line->type != JSON_OBJECT || !json_get(line, S("expression")))
		return "The line is no JSON object with an expression.";
	for (uint32_t i = 0; i < line->count; i++) {
		struct str key = line->members[i].key;
		const struct json *v = &line->members[i].value;

		if (str_eq(key, S("expression")) && v->type == JSON_STR)
			what->expression = v->s;
		else if (str_eq(key, S("values")) && (v->type == JSON_OBJECT || v->type == JSON_NULL))
			what->values = v;
		else if (str_eq(key, S("now_ms")) && v->type == JSON_INT)
			what->now_ms = v->i;
		else if (!str_eq(key, S("seed")) || !session_read_seed(v, &what->seed))
			return "A line has \"expression\", a text, and may have \"values\", an object, \"now_ms\", "
			       "a whole number, and \"seed\", a whole number from 0 or 16 hexadecimal digits. "
			       "Correct or remove the others.";
	}
	return NULL;
}

static void eval_line(struct arena *a, struct str text, struct evaluation what, struct json_out *w)
{
	struct eval_error why = {S("E0001"), 0, S("The line is no JSON object with an expression.")};
	struct json_error broken;
	struct json *line;
	struct str value;
	enum err e = json_read(a, text, &json_limits_default, &line, &broken);
	const char *fault = e ? NULL : line_fault(line, &what);

	if (fault)
		why = (struct eval_error){S("E0101"), 0, str_from(fault)};
	if (e || fault) {
		eval_fail(w, &why);
		return;
	}
	e = expression_eval(a, &what, &value, &why);
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

static void eval_lines(const struct evaluation *what)
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
		eval_line(&a, text, *what, &w);
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
	struct option_row options[] = {{"compat", "MODE", "strict (the default) or surveyjs"},
	    {"seed", "S", "A whole number from 0 (1), for random() and {@seed}"}};
	struct evaluation what = {.seed = 1, .now_ms = now_ms()};
	struct command_line line = {.name = "eval",
	    .usage = "[--compat strict|surveyjs] [--seed S]",
	    .about = "Reads lines {\"expression\": \"...\", \"values\": {...}} and writes a line for each: {\"value\": "
		     "...} or\n"
		     "{\"error\": {\"code\": ..., \"column\": ..., \"message\": ...}}. A line may give the time as "
		     "\"now_ms\" and another \"seed\", a whole number from 0 or 16 hexadecimal digits.",
	    .options = options,
	    .option_count = countof(options)};
	struct str compat;
	int64_t seed;
	int code;

	if (command_line_read(&line, argc, argv, &code))
		return code;
	if (options[1].given) {
		if (!str_to_int(str_from(options[1].value), &seed) || seed < 0)
			return command_fail(&line, 2, "--seed is a whole number from 0, not \"%s\"", options[1].value);
		what.seed = (uint64_t)seed;
	}
	compat = options[0].given ? str_from(options[0].value) : S("strict");
	if (!str_eq(compat, S("strict")) && !str_eq(compat, S("surveyjs")))
		return command_fail(&line, 2, "--compat is strict or surveyjs, not \"%.*s\"", STR_ARGS(compat));
	what.compat = str_eq(compat, S("strict")) ? COMPAT_STRICT : COMPAT_SURVEYJS;
	eval_lines(&what);
	return 0;
}
