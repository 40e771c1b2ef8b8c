/* corpus_cover.c - is there a corpus file for everything? Every question type, property, function, instruction and diagnostic has to
 * be met by some file of corpus/; the last test of corpus_test.c names the rows that are not. */
#include "engine/corpus.h"
#include "engine/loose.h"
#include "base/limits.h"

struct row {
	const char *word;
	bool seen;
};

static struct row types[] = {
#define QTYPE(name, ...) {#name, false},
#include "engine/types.def"
#undef QTYPE
};
static struct row properties[] = {
#define PROP(key, ...) {#key, false},
#include "engine/props.def"
#undef PROP
};
static struct row functions[] = {
#define FN(name, ...) {#name, false},
#include "engine/functions.def"
#undef FN
    {"iif", false}, {"label", false}, {"matches", false}};
/* VAR is for expressions on their own, which leave no program to look into. */
static struct row instructions[] = {
#define OP(name, ...) {#name, false},
#include "engine/opcodes.def"
#undef OP
};
static struct row loose[] = {
#define LOOSE(name, ...) {#name, LOOSE_##name < LOOSE_FUNCTIONS},
#include "engine/loose.def"
#undef LOOSE
};
static struct row diagnostics[] = {
#define DIAG(name, code, ...) {code, false},
#include "engine/diagnostics.def"
#undef DIAG
};

static void see(struct row *rows, size_t n, struct str word)
{
	for (size_t i = 0; i < n; i++)
		rows[i].seen |= str_eq(word, str_from(rows[i].word));
}

void cover_code(struct str code)
{
	see(diagnostics, countof(diagnostics), code);
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
}

/* NAME( anywhere in the text */
void cover_expression(struct str text)
{
	for (size_t i = 1; i < text.n; i++) {
		size_t from = i;

		while (text.p[i] == '(' && from > 0 && is_word(text.p[from - 1]))
			from--;
		if (from < i)
			see(functions, countof(functions), str_sub(text, from, i - from));
	}
}

/* The functions of loose.def: names have capitals in them. */
void cover_loose(struct str text)
{
	for (size_t i = 1; i < text.n; i++) {
		size_t from = i;

		while (text.p[i] == '(' && from > 0 && (is_word(text.p[from - 1]) || is_word(text.p[from - 1] | 32)))
			from--;
		see(loose, countof(loose), str_sub(text, from, i - from));
	}
}

static void cover_questions(const struct json *holder)
{
	const struct json *list = json_get(holder, S("questions"));

	for (uint32_t i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
		const struct json *q = &list->items[i], *type = json_get(q, S("type"));

		for (uint32_t k = 0; q->type == JSON_OBJECT && k < q->count; k++)
			see(properties, countof(properties), q->members[k].key);
		if (type && type->type == JSON_STR)
			see(types, countof(types), type->s);
		cover_questions(q);
	}
}

void cover_survey(struct script *s, struct str text)
{
	const struct json *survey, *pages;
	struct json_error why;
	struct json *j;

	for (size_t i = 0; i < s->compiled.diagnostic_count; i++)
		cover_code(s->compiled.diagnostics[i].code);
	if (s->compiled.error_count || json_read(s->a, text, &json_limits_default, &j, &why))
		return;
	cover_expression(text);
	survey = json_get(j, S("survey"));
	pages = json_get(survey, S("pages"));
	for (uint32_t i = 0; pages && i < pages->count; i++)
		cover_questions(&pages->items[i]);
}

/* Lines of the disassembly that begin with a number are "AT<tab>NAME operands". */
void cover_program(struct script *s)
{
	struct str text, line, name;
	struct buf b;
	bool more = true;

	buf_init(&b, s->a, 64 * MB);
	program_disasm(s->program, &b);
	text = str_make(b.p, b.n);
	while (more) {
		line = str_cut(&text, '\n', &more);
		str_cut(&line, '\t', NULL);
		name = str_cut(&line, ' ', NULL);
		see(instructions, countof(instructions), name);
	}
}

static size_t missing(const char *what, const struct row *rows, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (!rows[i].seen) {
			print_error("no corpus file has the %s %s\n", what, rows[i].word);
			count++;
		}
	return count;
}

/* A line of 16 KB is no reading for anybody, so this one diagnostic is met here. */
static void cover_too_long(void)
{
	struct eval_error why;
	struct arena a;
	struct str json;
	struct buf b;

	arena_init(&a, &arena_malloc, 8 * MB);
	buf_init(&b, &a, 1 * MB);
	while (b.n <= EXPRESSION_SOURCE_MAX_BYTES)
		buf_add(&b, S("1 + "));
	buf_char(&b, '1');
	if (expression_eval(&a, &(struct evaluation){.expression = str_make(b.p, b.n)}, &json, &why) == ERR_INVALID)
		cover_code(why.code);
	arena_free(&a);
}

void cover_test(void **state)
{
	size_t n;

	(void)state;
	cover_too_long();
	see(instructions, countof(instructions), S("VAR"));
	n = missing("question type", types, countof(types));
	n += missing("property", properties, countof(properties));
	n += missing("function", functions, countof(functions));
	n += missing("function of compat surveyjs", loose, countof(loose));
	n += missing("instruction", instructions, countof(instructions));
	n += missing("diagnostic", diagnostics, countof(diagnostics));
	assert_int_equal(n, 0);
}
