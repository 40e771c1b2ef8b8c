/* diagnose.c - `collect check`, and what the commands that compile a definition say about it. */
#include <errno.h>
#include "base/limits.h"
#include "base/utf8.h"
#include "engine/engine.h"
#include "main/command.h"
#include "main/engine_cmd.h"

#define COMMAND_ARENA_MAX_BYTES (512 * MB)
#define EXCERPT_BEFORE 60 /* signs of the expression shown before and behind the place */
#define EXCERPT_AFTER 60

/* One step of a pointer, with ~1 and ~0 as they are written there. */
static bool step_is(struct str step, struct str key)
{
	size_t k = 0;

	for (size_t i = 0; i < step.n; i++, k++) {
		char c = step.p[i];

		if (c == '~' && i + 1 < step.n)
			c = step.p[++i] == '1' ? '/' : '~';
		if (k >= key.n || key.p[k] != c)
			return false;
	}
	return k == key.n;
}

static const struct json *json_at(const struct json *at, struct str pointer)
{
	bool more = true;

	str_cut(&pointer, '/', &more);
	while (at && more) {
		struct str step = str_cut(&pointer, '/', &more);
		const struct json *inner = NULL;
		int64_t index;

		for (uint32_t i = 0; at->type == JSON_OBJECT && i < at->count && !inner; i++)
			if (step_is(step, at->members[i].key))
				inner = &at->members[i].value;
		if (at->type == JSON_ARRAY && str_to_int(step, &index) && index >= 0 && index < at->count)
			inner = &at->items[index];
		at = inner;
	}
	return at;
}

static void put_sign(uint32_t c, FILE *f)
{
	char bytes[4];

	if (c < ' ')
		c = ' ';
	fwrite(bytes, 1, utf8_put(bytes, c), f);
}

/* The expression, and below it what the diagnostic is about. */
static void print_excerpt(const struct json *doc, const struct diagnostic *d, FILE *f)
{
	const struct json *v = doc ? json_at(doc, d->pointer) : NULL;
	uint32_t from = d->column > EXCERPT_BEFORE ? d->column - EXCERPT_BEFORE : 1, column = 1;
	uint32_t end = d->end_column > d->column ? d->end_column : d->column + 1;

	if (!d->column || !v || v->type != JSON_STR)
		return;
	if (end > d->column + EXCERPT_AFTER)
		end = d->column + EXCERPT_AFTER;
	fputs(from > 1 ? "    …" : "    ", f);
	for (size_t i = 0; i < v->s.n && column < d->column + EXCERPT_AFTER; column++) {
		uint32_t c = utf8_next(v->s, &i);

		if (column >= from)
			put_sign(c, f);
	}
	fprintf(f, "\n    %*s", (int)(d->column - from) + (from > 1), "");
	for (column = d->column; column < end; column++)
		fputc('^', f);
	fputc('\n', f);
}

/* file:pointer:column: error E0203: what is wrong */
static void print_diagnostics(const char *path, const struct json *doc, const struct compiled *c, FILE *f)
{
	static const char *const names[] = {"error", "warning", "note"};

	for (size_t i = 0; i < c->diagnostic_count; i++) {
		const struct diagnostic *d = &c->diagnostics[i];

		fprintf(f, "%s:", path);
		if (d->pointer.n)
			fprintf(f, "%.*s:", STR_ARGS(d->pointer));
		if (d->column)
			fprintf(f, "%u:", d->column);
		fprintf(f, " %s %.*s: %.*s\n", names[d->severity], STR_ARGS(d->code), STR_ARGS(d->message));
		print_excerpt(doc, d, f);
	}
}

static int compile_file(const char *path, bool leave_out, struct arena *a, struct json **doc, struct compiled *c)
{
	unsigned flags = leave_out ? COMPILE_LEAVE_OUT_UNBUILT : 0;
	struct json_error why;
	struct str text;
	enum err e;

	*doc = NULL;
	if (!engine_read_file(path, a, &text))
		return 2;
	if (program_begins(text)) {
		fprintf(stderr, "collect: %s: this is a compiled program; give the definition that it was made from\n",
		    path);
		return 2;
	}
	if (json_read(a, text, &json_limits_default, doc, &why))
		*doc = NULL;
	e = *doc ? engine_compile(a, *doc, flags, c) : engine_compile_text(a, text, flags, c);
	if (e) {
		fprintf(stderr, "collect: %s: %s\n", path, err_meaning(e));
		return 2;
	}
	return c->error_count ? 1 : 0;
}

int engine_compile_file(const char *path, bool leave_out, struct arena *a, struct compiled *c)
{
	struct json *doc;
	int code = compile_file(path, leave_out, a, &doc, c);

	if (code < 2)
		print_diagnostics(path, doc, c, stderr);
	return code;
}

static void print_count(const char *before, size_t n, const char *what)
{
	printf("%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_json(const struct compiled *c, struct arena *a)
{
	struct json_out w;
	struct str text;
	struct buf b;

	buf_init(&b, a, 16 * MB);
	json_out_init(&w, &b);
	compiled_json(c, &w);
	buf_char(&b, '\n');
	if (buf_done(&b, &text) == OK)
		fwrite(text.p, 1, text.n, stdout);
}

int engine_cmd_check(int argc, char **argv)
{
	struct option_row options[] = {{"json", NULL, "The diagnostics as one JSON object"},
	    {"leave-out-unbuilt", NULL, "Leave out, with a warning, what this release does not do"}};
	struct command_line line = {.name = "check",
	    .usage = "FILE [--json]",
	    .about =
		"Compiles a survey definition and says what is wrong with it. FILE may be - for standard input.\n"
		"Exits with 0 when there is no error, 1 otherwise, 2 when it was called wrongly or the file cannot "
		"be read.",
	    .options = options,
	    .option_count = countof(options),
	    .operand_min = 1,
	    .operand_max = 1};
	struct compiled c;
	struct json *doc;
	struct arena a;
	int code;

	if (command_line_read(&line, argc, argv, &code))
		return code;
	arena_init(&a, &arena_malloc, COMMAND_ARENA_MAX_BYTES);
	code = compile_file(line.operands[0], options[1].given, &a, &doc, &c);
	if (code < 2 && options[0].given) {
		print_json(&c, &a);
	} else if (code < 2) {
		print_diagnostics(line.operands[0], doc, &c, stdout);
		printf("%s: ", line.operands[0]);
		print_count("", c.error_count, "error");
		print_count(", ", c.diagnostic_count - c.error_count, "warning");
		putchar('\n');
	}
	arena_free(&a);
	return code;
}
