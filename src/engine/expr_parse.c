/* expr_parse.c - from words to a tree, by precedence climbing:
 * or < and < not < comparison and postfix < + - < * / % < ^ < - (sign). */
#include "engine/expr.h"
#include "base/arena.h"
#include "base/limits.h"

static struct node *parse_or(struct parse *p);
static struct node *parse_power(struct parse *p);

static struct node *complain(struct parse *p, enum diag kind, const struct token *t, struct str arg)
{
	const struct str args[3] = {arg, S(""), S("")};

	if (!p->failed)
		diag_span(p->diags, kind, p->at, (struct span){p->source, t->from, t->to}, args);
	p->failed = true;
	return NULL;
}

/* What stands here cannot stand here. */
static struct node *unexpected(struct parse *p, const char *wanted)
{
	const struct token *t = &p->token;
	bool open = t->kind == T_BAD && (t->why[0] == 't' || t->why[0] == 'r');

	if (open)
		return complain(p, D_UNCLOSED, t, str_from(t->why));
	return complain(p, D_SYNTAX, t, t->kind == T_BAD ? str_from(t->why) : str_from(wanted));
}

static void advance(struct parse *p)
{
	p->end = p->token.to;
	lexer_next(&p->lexer, &p->token);
	p->diags->memory |= p->lexer.memory;
}

static struct node *make(struct parse *p, enum node_kind kind, uint32_t from)
{
	struct node *n = arena_new(p->diags->a, struct node);

	if (!n) {
		p->diags->memory = p->failed = true;
		return NULL;
	}
	n->kind = kind;
	n->from = from;
	n->to = p->token.to;
	return n;
}

static bool add_arg(struct parse *p, struct node *n, struct node *arg)
{
	struct node **grown =
	    arena_grow(p->diags->a, n->args, n->count * sizeof(*grown), (n->count + 1) * sizeof(*grown));

	if (!grown) {
		p->diags->memory = p->failed = true;
		return false;
	}
	n->args = grown;
	n->args[n->count++] = arg;
	return true;
}

static struct node *make_op(struct parse *p, enum operator op, struct node *a, struct node *b, uint32_t from)
{
	struct node *n = make(p, b ? N_BINARY : N_UNARY, from);

	if (!n || !add_arg(p, n, a) || (b && !add_arg(p, n, b)))
		return NULL;
	n->op = op;
	n->to = b ? b->to : n->to;
	return n;
}

/* A sign or a `not` ends with what it stands before. */
static struct node *make_prefix(struct parse *p, enum operator op, struct node *a, uint32_t from)
{
	struct node *n = a ? make_op(p, op, a, NULL, from) : NULL;

	if (n)
		n->to = p->end;
	return n;
}

/* Items up to the closing sign, which is taken too. */
static struct node *parse_items(struct parse *p, struct node *n, enum token_kind close)
{
	struct token open = p->token;
	struct node *arg;

	advance(p);
	while (p->token.kind != close) {
		if (n->count) {
			if (p->token.kind == T_END)
				return complain(p, D_UNCLOSED, &open, close == T_CLOSE ? S("bracket (") : S("list ["));
			if (p->token.kind != T_COMMA)
				return unexpected(p, "A comma or the closing bracket was expected here.");
			advance(p);
		}
		if (!(arg = parse_or(p)) || !add_arg(p, n, arg))
			return NULL;
	}
	n->to = p->token.to;
	advance(p);
	return n;
}

static struct node *parse_word(struct parse *p)
{
	struct token t = p->token;
	struct node *n;

	advance(p);
	if (p->token.kind == T_OPEN) {
		if (!(n = make(p, N_CALL, t.from)))
			return NULL;
		n->text = t.text;
		return parse_items(p, n, T_CLOSE);
	}
	if (!(n = make(p, N_BOOL, t.from)))
		return NULL;
	n->to = t.to;
	n->b = str_eq_nocase(t.text, S("true"));
	if (n->b || str_eq_nocase(t.text, S("false")))
		return n;
	n->kind = N_EMPTY;
	if (str_eq_nocase(t.text, S("null")))
		return n;
	return complain(
	    p, D_SYNTAX, &t, S("This word means nothing here. Put text into quotes and names into braces."));
}

static struct node *parse_bracket(struct parse *p)
{
	struct token open = p->token;
	struct node *n;

	advance(p);
	if (!(n = parse_or(p)))
		return NULL;
	if (p->token.kind == T_END)
		return complain(p, D_UNCLOSED, &open, S("bracket ("));
	if (p->token.kind != T_CLOSE)
		return unexpected(p, "An operator or ) was expected here.");
	advance(p);
	return n;
}

static struct node *parse_atom(struct parse *p)
{
	struct token t = p->token;
	struct node *n;

	switch (t.kind) {
	case T_OPEN:
		return parse_bracket(p);
	case T_WORD:
		return parse_word(p);
	case T_OPEN_LIST:
		n = make(p, N_LIST, t.from);
		return n ? parse_items(p, n, T_CLOSE_LIST) : NULL;
	case T_NUMBER:
	case T_TEXT:
	case T_REFERENCE:
		n = make(p, t.kind == T_NUMBER ? N_NUM : t.kind == T_TEXT ? N_TEXT : N_REFERENCE, t.from);
		if (!n)
			return NULL;
		n->num = t.number;
		n->text = t.text;
		advance(p);
		return n;
	case T_END:
		return unexpected(p, "The expression ends where a value was expected.");
	default:
		return unexpected(p, "A value was expected here.");
	}
}

static struct node *parse_sign(struct parse *p)
{
	uint32_t from = p->token.from;
	struct node *n;

	if (p->token.kind != T_OPERATOR || p->token.op != O_SUBTRACT)
		return parse_atom(p);
	if (++p->depth > EXPRESSION_DEPTH_MAX)
		return complain(p, D_TOO_DEEP, &p->token, S(""));
	advance(p);
	n = parse_power(p);
	p->depth--;
	return make_prefix(p, O_NEGATE, n, from);
}

/* a ^ b ^ c is a ^ (b ^ c), and -a ^ b is -(a ^ b) */
static struct node *parse_power(struct parse *p)
{
	struct node *a = parse_sign(p), *b;

	if (!a || p->token.kind != T_OPERATOR || p->token.op != O_POWER)
		return a;
	if (++p->depth > EXPRESSION_DEPTH_MAX)
		return complain(p, D_TOO_DEEP, &p->token, S(""));
	advance(p);
	b = parse_power(p);
	p->depth--;
	return b ? make_op(p, O_POWER, a, b, a->from) : NULL;
}

static struct node *parse_row(
    struct parse *p, struct node *(*part)(struct parse *), enum operator first, enum operator last)
{
	struct node *a = part(p), *b;

	while (a && p->token.kind == T_OPERATOR && p->token.op >= first && p->token.op <= last) {
		enum operator op = p->token.op;

		if (++p->links > EXPRESSION_LINKS_MAX)
			return complain(p, D_TOO_DEEP, &p->token, S(""));
		advance(p);
		if (!(b = part(p)))
			return NULL;
		a = make_op(p, op, a, b, a->from);
	}
	return a;
}

static struct node *parse_product(struct parse *p)
{
	return parse_row(p, parse_power, O_MULTIPLY, O_MOD);
}

static struct node *parse_sum(struct parse *p)
{
	return parse_row(p, parse_product, O_ADD, O_SUBTRACT);
}

static struct node *parse_comparison(struct parse *p)
{
	struct node *a = parse_row(p, parse_sum, O_EQ, O_IN);

	while (a && p->token.kind == T_OPERATOR && (p->token.op == O_EMPTY || p->token.op == O_NOTEMPTY)) {
		uint32_t from = a->from;

		a = make_op(p, p->token.op, a, NULL, from);
		advance(p);
	}
	return a;
}

static struct node *parse_not(struct parse *p)
{
	uint32_t from = p->token.from;
	struct node *n;

	if (p->token.kind != T_OPERATOR || p->token.op != O_NOT)
		return parse_comparison(p);
	if (++p->depth > EXPRESSION_DEPTH_MAX)
		return complain(p, D_TOO_DEEP, &p->token, S(""));
	advance(p);
	n = parse_not(p);
	p->depth--;
	return make_prefix(p, O_NOT, n, from);
}

static struct node *parse_and(struct parse *p)
{
	return parse_row(p, parse_not, O_AND, O_AND);
}

static struct node *parse_or(struct parse *p)
{
	struct node *n;

	if (++p->depth > EXPRESSION_DEPTH_MAX)
		return complain(p, D_TOO_DEEP, &p->token, S(""));
	n = parse_row(p, parse_and, O_OR, O_OR);
	p->depth--;
	return n;
}

struct node *expr_parse(struct diags *d, const struct where *at, struct str source)
{
	struct parse p = {.diags = d, .at = at, .source = source, .lexer = {.a = d->a, .source = source}};
	struct node *n;

	if (source.n > EXPRESSION_SOURCE_MAX_BYTES)
		return complain(&p, D_TOO_LONG, &p.token, S(""));
	advance(&p);
	n = parse_or(&p);
	if (n && p.token.kind != T_END)
		return unexpected(&p, "An operator was expected here.");
	return p.failed ? NULL : n;
}
