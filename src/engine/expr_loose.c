/* expr_loose.c - the grammar of SurveyJS's expressions, for `compat: surveyjs`.
 *
 * Not the strict one: every operator groups to the left, contains and its like bind tightest, a word is a text, keywords need no
 * blank around them, the last bracket may be missing, text in quotes holds no other quotes. Rules are tried in order, and what
 * does not fit is given back. The tree has rows of loose.def only; kinds show when it runs. */
#include "engine/expr_loose.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/shim.h"

struct operator_row {
	const char *text;
	unsigned char level, row;
};

/* Level by level from the loosest, within one in the order in which they are tried. */
static const struct operator_row operators[] = {{"||", 0, LOOSE_or}, {"or", 0, LOOSE_or}, {"&&", 1, LOOSE_and},
    {"and", 1, LOOSE_and}, {"<=", 2, LOOSE_lessorequal}, {"lessorequal", 2, LOOSE_lessorequal},
    {">=", 2, LOOSE_greaterorequal}, {"greaterorequal", 2, LOOSE_greaterorequal}, {"==", 2, LOOSE_equal},
    {"equal", 2, LOOSE_equal}, {"=", 2, LOOSE_equal}, {"!=", 2, LOOSE_notequal}, {"notequal", 2, LOOSE_notequal},
    {"<", 2, LOOSE_less}, {"less", 2, LOOSE_less}, {">", 2, LOOSE_greater}, {"greater", 2, LOOSE_greater},
    {"+", 3, LOOSE_plus}, {"-", 3, LOOSE_minus}, {"*", 4, LOOSE_mul}, {"/", 4, LOOSE_div}, {"%", 4, LOOSE_mod},
    {"^", 5, LOOSE_power}, {"power", 5, LOOSE_power}, {"*=", 6, LOOSE_contains}, {"contains", 6, LOOSE_contains},
    {"contain", 6, LOOSE_contains}, {"notcontains", 6, LOOSE_notcontains}, {"notcontain", 6, LOOSE_notcontains},
    {"anyof", 6, LOOSE_anyof}, {"allof", 6, LOOSE_allof}, {"noneof", 6, LOOSE_noneof}};
#define LEVEL_SETS 6

static struct node *expression(struct loose_parse *p);
static struct node *factor(struct loose_parse *p);

static char next(const struct loose_parse *p)
{
	return p->at < p->source.n ? p->source.p[p->at] : 0;
}

static void reached(struct loose_parse *p, uint32_t at)
{
	p->at = at;
	p->furthest = at > p->furthest ? at : p->furthest;
}

static void blanks(struct loose_parse *p)
{
	uint32_t at = p->at;

	while (at < p->source.n && str_find_char(S(" \t\n\r"), p->source.p[at], NULL))
		at++;
	p->at = at;
}

static bool taken(struct loose_parse *p, const char *text, bool any_case)
{
	struct str s = str_from(text), here = str_sub(p->source, p->at, s.n);

	if (!(any_case ? str_eq_nocase(here, s) : str_eq(here, s)))
		return false;
	reached(p, p->at + (uint32_t)s.n);
	return true;
}

static bool stop(struct loose_parse *p, enum diag kind)
{
	if (!p->stopped && kind != DIAG_KINDS)
		diag_span(p->check.diags, kind, p->check.at, (struct span){p->check.source, p->at, p->at},
		    (const struct str[3]){S(""), S(""), S("")});
	p->check.diags->memory |= kind == DIAG_KINDS;
	p->stopped = true;
	return false;
}

struct node *loose_node(struct loose_parse *p, enum node_kind kind, uint32_t from)
{
	struct node *n = arena_new(p->check.diags->a, struct node);

	if (!n) {
		stop(p, DIAG_KINDS);
		return NULL;
	}
	n->kind = kind;
	n->from = from;
	n->to = p->at;
	n->kinds = n->items = K_ANY;
	return n;
}

bool loose_add_arg(struct loose_parse *p, struct node *n, struct node *arg)
{
	struct node **grown;

	if (!arg)
		return false;
	grown = arena_grow(p->check.diags->a, n->args, n->count * sizeof(*grown), (n->count + 1) * sizeof(*grown));
	if (!grown)
		return stop(p, DIAG_KINDS);
	n->args = grown;
	n->args[n->count++] = arg;
	return true;
}

struct node *loose_make(struct loose_parse *p, enum loose row, struct node *a, struct node *b)
{
	struct node *n = loose_node(p, N_LOOSE, a ? a->from : p->at);

	if (!n || !loose_add_arg(p, n, a) || (b && !loose_add_arg(p, n, b)))
		return NULL;
	n->function = row;
	n->to = b ? b->to : a->to;
	return n;
}

struct node *loose_text_node(struct loose_parse *p, struct str s, uint32_t from)
{
	struct node *n = loose_node(p, N_TEXT, from);

	if (n)
		n->text = s;
	return n;
}

/* ---- atoms ---- */

static uint32_t digits_at(const struct loose_parse *p, uint32_t at)
{
	uint32_t n = 0;

	while (at + n < p->source.n && p->source.p[at + n] >= '0' && p->source.p[at + n] <= '9')
		n++;
	return n;
}

static struct node *number_node(struct loose_parse *p, double v, uint32_t to)
{
	uint32_t from = p->at;
	struct node *n;

	reached(p, to);
	if ((n = loose_node(p, N_NUM, from)))
		n->num = v;
	return n;
}

/* 0x10 with digits only; -1.5; 12; 0, but not 012. */
static struct node *number(struct loose_parse *p)
{
	uint32_t minus = next(p) == '-', from = p->at + minus, n = digits_at(p, from), more;
	double v = 0;

	if (taken(p, "0x", false)) {
		p->at -= 2;
		n = digits_at(p, p->at + 2);
		for (uint32_t i = 0; i < n; i++)
			v = v * 16 + (p->source.p[p->at + 2 + i] - '0');
		if (n)
			return number_node(p, v, p->at + 2 + n);
		n = 1;
	}
	if (!n)
		return NULL;
	more = from + n < p->source.n && p->source.p[from + n] == '.' ? digits_at(p, from + n + 1) : 0;
	if (!more && p->source.p[from] == '0')
		n = 1;
	while (more && n > 1 && p->source.p[from] == '0') {
		from++;
		n--;
	}
	n += more ? 1 + more : 0;
	if (!num_read(str_sub(p->source, from, n), &v))
		return NULL;
	return number_node(p, minus ? -v : v, from + n);
}

/* Letters, and digits behind the first of them. */
static struct str word_at(const struct loose_parse *p)
{
	uint32_t n = 0;

	for (; p->at + n < p->source.n; n++) {
		char c = p->source.p[p->at + n];
		bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';

		if (!letter && !(n && c >= '0' && c <= '9'))
			break;
	}
	return str_sub(p->source, p->at, n);
}

/* 'a' or "a"; no quotes of any sort inside but those after a backslash. */
static struct node *text(struct loose_parse *p)
{
	uint32_t from = p->at, at = from + 1;
	char quote = next(p);
	struct buf b;

	buf_init(&b, p->check.diags->a, EXPRESSION_SOURCE_MAX_BYTES);
	for (; at < p->source.n && p->source.p[at] != '\'' && p->source.p[at] != '"'; at++) {
		char c = p->source.p[at], after = at + 1 < p->source.n ? p->source.p[at + 1] : 0;

		if (c == '\\' && (after == '\'' || after == '"'))
			c = p->source.p[++at];
		buf_char(&b, c);
	}
	p->check.diags->memory |= b.failed == ERR_MEMORY;
	p->furthest = at > p->furthest ? at : p->furthest;
	if (at >= p->source.n || p->source.p[at] != quote)
		return NULL;
	reached(p, at + 1);
	return loose_text_node(p, str_make(b.p, b.n), from);
}

static struct node *constant(struct loose_parse *p)
{
	uint32_t from = p->at;
	struct node *n;
	struct str word = word_at(p);

	if (taken(p, "true", true) || taken(p, "false", true)) {
		if ((n = loose_node(p, N_BOOL, from)))
			n->b = p->at - from == 4;
		return n;
	}
	if ((n = number(p)) || p->stopped)
		return n;
	if (!word.n)
		return next(p) == '\'' || next(p) == '"' ? text(p) : NULL;
	reached(p, p->at + (uint32_t)word.n);
	return loose_text_node(p, word, from);
}

static struct node *reference(struct loose_parse *p)
{
	uint32_t from = p->at, at = from + 1;

	while (at < p->source.n && p->source.p[at] != '{' && p->source.p[at] != '}')
		at++;
	p->furthest = at > p->furthest ? at : p->furthest;
	if (at == from + 1 || at >= p->source.n || p->source.p[at] != '}')
		return NULL;
	reached(p, at + 1);
	return loose_reference(p, str_sub(p->source, from + 1, at - from - 1), from);
}

static struct node *atom(struct loose_parse *p)
{
	uint32_t save = p->at;
	struct node *n;

	blanks(p);
	if (taken(p, "undefined", false) || taken(p, "null", false))
		return loose_node(p, N_EMPTY, save);
	n = next(p) == '{' ? reference(p) : constant(p);
	if (!n)
		p->at = save;
	return n;
}

/* ---- brackets, calls, signs ---- */

/* The items up to what is no item; a null as the first of them is none at all, with all that follow it. `in_array`: from the
 * third on they are asked of the items of a list. */
static bool sequence(struct loose_parse *p, struct node *into, bool in_array)
{
	struct node *arg = expression(p);
	bool none = !arg || arg->kind == N_EMPTY, outer = p->filter;

	while (arg) {
		uint32_t save;

		if (!none && !loose_add_arg(p, into, arg))
			return false;
		blanks(p);
		save = p->at;
		if (!taken(p, ",", false))
			break;
		blanks(p);
		p->filter = outer || (in_array && into->count >= 2);
		if (!(arg = expression(p)))
			p->at = save;
		p->filter = outer;
	}
	for (uint32_t save = p->at; !arg && none && !p->stopped; save = p->at) {
		blanks(p);
		if (!taken(p, ",", false) || !expression(p)) {
			p->at = save;
			break;
		}
	}
	return !p->stopped;
}

static struct node *call(struct loose_parse *p)
{
	uint32_t from = p->at;
	struct str name = word_at(p);
	struct node *n;

	p->at += (uint32_t)name.n;
	if (!name.n || !taken(p, "(", false)) {
		p->at = from;
		return NULL;
	}
	if (!(n = loose_node(p, N_LOOSE, from)) || !sequence(p, n, str_ends(name, S("InArray"))))
		return NULL;
	taken(p, ")", false);
	n->to = p->at;
	return loose_call_node(p, name, n);
}

static struct node *list(struct loose_parse *p)
{
	uint32_t from = p->at;
	struct node *n;

	if (!taken(p, "[", false))
		return NULL;
	if (!(n = loose_node(p, N_LOOSE, from)) || !sequence(p, n, false))
		return NULL;
	if (!taken(p, "]", false)) {
		p->at = from;
		return NULL;
	}
	n->function = LOOSE_list;
	n->to = p->at;
	return n;
}

static struct node *bracket(struct loose_parse *p)
{
	uint32_t from = p->at;
	struct node *n;

	if (!taken(p, "(", false))
		return NULL;
	blanks(p);
	if (!(n = expression(p))) {
		p->at = from;
		return NULL;
	}
	blanks(p);
	taken(p, ")", false);
	return n;
}

static struct node *negation(struct loose_parse *p)
{
	uint32_t from = p->at;
	struct node *n;

	if (!taken(p, "!", false) && !taken(p, "negate", true))
		return NULL;
	blanks(p);
	if ((n = factor(p)))
		return loose_make(p, LOOSE_negate, n, NULL);
	p->at = from;
	return NULL;
}

static struct node *factor(struct loose_parse *p)
{
	uint32_t save;
	struct node *n;

	if (p->stopped || (++p->depth > 2 * EXPRESSION_DEPTH_MAX && !stop(p, D_TOO_DEEP)))
		return NULL;
	if (!(n = bracket(p)) && !p->stopped && !(n = call(p)) && !p->stopped && !(n = negation(p)) && !p->stopped &&
	    (n = atom(p))) {
		save = p->at;
		blanks(p);
		if (taken(p, "empty", true))
			n = loose_make(p, LOOSE_empty, n, NULL);
		else if (taken(p, "notempty", true))
			n = loose_make(p, LOOSE_notempty, n, NULL);
		else
			p->at = save;
	}
	if (!n && !p->stopped)
		n = list(p);
	p->depth--;
	return p->stopped ? NULL : n;
}

/* ---- operators ---- */

static int operator_at(struct loose_parse *p, unsigned level)
{
	for (size_t i = 0; i < countof(operators); i++)
		if (operators[i].level == level && taken(p, operators[i].text, true))
			return operators[i].row;
	return -1;
}

static struct node *row_of(struct loose_parse *p, unsigned level)
{
	struct node *a = level > LEVEL_SETS ? factor(p) : row_of(p, level + 1), *b;

	while (a && level <= LEVEL_SETS) {
		uint32_t save = p->at;
		int row;

		blanks(p);
		if ((row = operator_at(p, level)) < 0) {
			p->at = save;
			break;
		}
		blanks(p);
		b = level == LEVEL_SETS ? factor(p) : row_of(p, level + 1);
		if (!b && level == LEVEL_SETS)
			b = loose_node(p, N_EMPTY, p->at);
		if (p->stopped || (b && ++p->links > EXPRESSION_LINKS_MAX && !stop(p, D_TOO_DEEP)))
			return NULL;
		if (!b) {
			p->at = save;
			break;
		}
		a = loose_make(p, (enum loose)row, a, b);
	}
	return a;
}

static struct node *expression(struct loose_parse *p)
{
	struct node *n = NULL;

	blanks(p);
	if (!p->stopped && (++p->depth <= 2 * EXPRESSION_DEPTH_MAX || stop(p, D_TOO_DEEP)))
		n = row_of(p, 0);
	blanks(p);
	p->depth--;
	return p->stopped ? NULL : n;
}

/* Spellings that SurveyJS mends before it reads, wherever they stand. */
static struct str mended(struct loose_parse *p, struct str s)
{
	static const char *const pairs[][2] = {{"=>", ">="}, {"=<", "<="}, {"<>", "!="}, {"equals", "equal "}};
	char *copy = arena_alloc(p->check.diags->a, s.n + 1);

	if (!copy) {
		stop(p, DIAG_KINDS);
		return S("");
	}
	mem_copy(copy, s.p, s.n);
	for (size_t i = 0; i < countof(pairs); i++) {
		struct str from = str_from(pairs[i][0]);

		for (size_t at = 0; at + from.n <= s.n; at++)
			if (str_eq(str_make(copy + at, from.n), from)) {
				mem_copy(copy + at, pairs[i][1], from.n);
				at += from.n - 1;
			}
	}
	return str_make(copy, s.n);
}

struct node *loose_parse_all(struct loose_parse *p)
{
	struct node *n;

	p->source = mended(p, p->source);
	if (p->source.n > EXPRESSION_SOURCE_MAX_BYTES)
		stop(p, D_TOO_LONG);
	n = expression(p);
	if (n && n->kind == N_EMPTY) /* null alone is no expression */
		p->furthest = p->at = 0;
	if (p->stopped || p->check.failed || (n && p->at == p->source.n))
		return p->stopped || p->check.failed ? NULL : n;
	if (p->quiet)
		return NULL;
	diag_span(p->check.diags, D_SYNTAX, p->check.at,
	    (struct span){p->check.source, p->furthest, p->furthest + (p->furthest < p->source.n)},
	    (const struct str[3]){
		p->furthest < p->source.n
		    ? S("This cannot stand here. Put text into quotes without quotes in them, names into braces.")
		    : S("The expression ends too early. Write the rest."),
		S(""), S("")});
	return NULL;
}
