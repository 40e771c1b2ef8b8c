/* expr_lex.c - the words of an expression. */
#include "engine/expr.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/num.h"

struct word {
	const char *text;
	enum operator op;
};

static const struct word words[] = {{"or", O_OR}, {"and", O_AND}, {"not", O_NOT}, {"contains", O_CONTAINS},
    {"notcontains", O_NOTCONTAINS}, {"icontains", O_ICONTAINS}, {"anyof", O_ANYOF}, {"allof", O_ALLOF},
    {"noneof", O_NONEOF}, {"in", O_IN}, {"empty", O_EMPTY}, {"notempty", O_NOTEMPTY}, {"div", O_DIVIDE},
    {"mod", O_MOD}};

/* longer ones first */
static const struct word signs[] = {{"||", O_OR}, {"&&", O_AND}, {"==", O_EQ}, {"!=", O_NE}, {"<>", O_NE}, {"<=", O_LE},
    {">=", O_GE}, {"=", O_EQ}, {"<", O_LT}, {">", O_GT}, {"!", O_NOT}, {"+", O_ADD}, {"-", O_SUBTRACT},
    {"*", O_MULTIPLY}, {"/", O_DIVIDE}, {"%", O_MOD}, {"^", O_POWER}};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static char at(const struct lexer *l, uint32_t i)
{
	return i < l->source.n ? l->source.p[i] : 0;
}

static void bad(struct token *t, const char *why)
{
	t->kind = T_BAD;
	t->why = why;
}

static void lex_number(struct lexer *l, struct token *t)
{
	while (is_digit(at(l, l->at)))
		l->at++;
	if (at(l, l->at) == '.' && is_digit(at(l, l->at + 1))) {
		l->at++;
		while (is_digit(at(l, l->at)))
			l->at++;
	}
	t->kind = T_NUMBER;
	t->to = l->at;
	if (is_word(at(l, l->at)) || !num_read(str_sub(l->source, t->from, t->to - t->from), &t->number))
		bad(t, "This is not a number. Write it like 12 or 1.5.");
}

/* 'a' or "a"; inside, a backslash keeps the sign after it from ending the text, and \n \t mean what they mean in JSON. */
static void lex_text(struct lexer *l, struct token *t)
{
	char quote = at(l, l->at++), c;
	struct buf b;

	buf_init(&b, l->a, EXPRESSION_SOURCE_MAX_BYTES);
	while (l->at < l->source.n && at(l, l->at) != quote) {
		c = at(l, l->at++);
		if (c == '\\' && l->at < l->source.n) {
			c = at(l, l->at++);
			if (c != quote && c != '\\' && c != 'n' && c != 't')
				buf_char(&b, '\\'); /* patterns keep theirs */
			else if (c == 'n' || c == 't')
				c = c == 'n' ? '\n' : '\t';
		}
		buf_char(&b, c);
	}
	l->memory |= b.failed == ERR_MEMORY;
	t->text = str_make(b.p, b.n);
	t->kind = T_TEXT;
	if (l->at >= l->source.n)
		bad(t, "text");
	else
		l->at++;
}

static void lex_reference(struct lexer *l, struct token *t)
{
	uint32_t from = ++l->at;

	while (l->at < l->source.n && at(l, l->at) != '}' && at(l, l->at) != '{')
		l->at++;
	t->text = str_trim(str_sub(l->source, from, l->at - from));
	t->kind = T_REFERENCE;
	if (at(l, l->at) != '}')
		bad(t, "reference");
	else
		l->at++;
}

static void lex_word(struct lexer *l, struct token *t)
{
	while (is_word(at(l, l->at)))
		l->at++;
	t->text = str_sub(l->source, t->from, l->at - t->from);
	t->kind = T_WORD;
	for (size_t i = 0; i < countof(words); i++)
		if (str_eq_nocase(t->text, str_from(words[i].text))) {
			t->kind = T_OPERATOR;
			t->op = words[i].op;
		}
}

static void lex_sign(struct lexer *l, struct token *t)
{
	static const struct {
		char c;
		enum token_kind kind;
	} single[] = {{'(', T_OPEN}, {')', T_CLOSE}, {'[', T_OPEN_LIST}, {']', T_CLOSE_LIST}, {',', T_COMMA}};
	struct str rest = str_sub(l->source, l->at, l->source.n - l->at);

	for (size_t i = 0; i < countof(single); i++)
		if (rest.p[0] == single[i].c) {
			t->kind = single[i].kind;
			l->at++;
			return;
		}
	for (size_t i = 0; i < countof(signs); i++)
		if (str_starts(rest, str_from(signs[i].text))) {
			t->kind = T_OPERATOR;
			t->op = signs[i].op;
			l->at += (uint32_t)str_from(signs[i].text).n;
			return;
		}
	l->at++;
	while (((unsigned char)at(l, l->at) & 0xc0) == 0x80)
		l->at++;
	bad(t, "This sign means nothing in an expression. Put text into quotes and names into braces.");
}

void lexer_next(struct lexer *l, struct token *out)
{
	char c;

	while (at(l, l->at) == ' ' || at(l, l->at) == '\t' || at(l, l->at) == '\n' || at(l, l->at) == '\r')
		l->at++;
	*out = (struct token){.kind = T_END, .from = l->at, .to = l->at};
	if (l->at >= l->source.n)
		return;
	c = at(l, l->at);
	if (is_digit(c))
		lex_number(l, out);
	else if (c == '\'' || c == '"')
		lex_text(l, out);
	else if (c == '{')
		lex_reference(l, out);
	else if (is_word(c))
		lex_word(l, out);
	else
		lex_sign(l, out);
	out->to = l->at;
}
