/* expr_check.c - names resolved, kinds checked. expr_refer.c does references, expr_call.c calls. */
#include "engine/expr_check.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/time.h"

struct str kinds_text(struct arena *a, uint32_t kinds)
{
	struct buf b;
	bool some = false;

	if (!(kinds & ~K(V_EMPTY)))
		return S("empty");
	buf_init(&b, a, 256);
	for (uint32_t k = V_BOOL; k < VALUE_KINDS; k++) {
		if (!(kinds & K(k)))
			continue;
		if (some)
			buf_add(&b, S(" or "));
		if (k != V_BOOL && k != V_EMPTY)
			buf_add(&b, S("a "));
		buf_add(&b, str_from(value_kind_name(k)));
		some = true;
	}
	return str_make(b.p, b.n);
}

void check_fail(struct check *c, enum diag kind, const struct node *n, const struct str args[3])
{
	diag_span(c->diags, kind, c->at, (struct span){c->source, n->from, n->to}, args);
	if (diag_code(kind).p[0] == 'E')
		c->failed = true;
}

struct str check_source(const struct check *c, const struct node *n)
{
	return str_sub(c->source, n->from, n->to - n->from);
}

static const char *const operator_names[] = {"", "or", "and", "not", "=", "!=", "<", "<=", ">", ">=", "contains",
    "notcontains", "icontains", "anyof", "allof", "noneof", "in", "empty", "notempty", "+", "-", "*", "/", "mod", "^",
    "-"};

bool check_kinds(struct check *c, struct str what, const struct node *n, uint32_t wanted)
{
	const struct str args[3] = {what, kinds_text(c->diags->a, wanted), kinds_text(c->diags->a, n->kinds)};

	if (!n->kinds || (n->kinds & wanted))
		return true;
	check_fail(c, D_TYPE_MISMATCH, n, args);
	return false;
}

/* A text literal beside a date or time is one; beside a datetime a day is enough. */
bool check_moment(struct check *c, struct node *literal, uint32_t kinds)
{
	int64_t t;

	if (literal->kind != N_TEXT || !kinds || (kinds & ~K_TIMES))
		return true;
	if (kinds & K(V_DATETIME))
		kinds |= K(V_DATE);
	for (enum value_kind k = V_DATE; k <= V_DATETIME; k++) {
		if (!(kinds & K(k)) || !moment_read(k, literal->text, &t))
			continue;
		literal->kind = (enum node_kind)(N_DATE + (k - V_DATE));
		literal->kinds = K(k);
		literal->num = (double)t;
		return true;
	}
	check_fail(c, D_BAD_DATE, literal, (struct str[3]){literal->text, S(""), S("")});
	return false;
}

static bool choice_is(const struct def_choice *choice, const struct node *n)
{
	if (n->kind == N_TEXT)
		return !choice->is_number && str_eq(choice->text, n->text);
	return choice->is_number && (double)choice->number == n->num;
}

/* Whether a literal can be an answer's value; choices carried forward count. */
static bool choice_possible(const struct def_question *q, const struct node *n, uint32_t depth)
{
	const struct def_choices *own = q->choices.shared ? q->choices.shared : &q->choices;

	if (q->from_name.p && !q->from) /* what is wrong with that is said there */
		return true;
	for (uint32_t i = 0; i < own->count; i++)
		if (choice_is(&own->list[i], n))
			return true;
	return q->from && depth < CARRIED_QUESTIONS_MAX && choice_possible(q->from, n, depth + 1);
}

static void check_literal(struct check *c, const struct def_question *q, const struct node *n)
{
	const struct str args[3] = {check_source(c, n), q->name, S("")};

	for (uint32_t i = 0; n->kind == N_LIST && i < n->count; i++)
		check_literal(c, q, n->args[i]);
	if ((n->kind != N_TEXT && n->kind != N_NUM) || (n->kind == N_TEXT && n->text.n == 0))
		return;
	if (!choice_possible(q, n, 0))
		check_fail(c, D_NO_SUCH_CHOICE, n, args);
}

/* Comparing an answer with something that is no choice of its question never holds: most likely a slip of the pen. */
static void check_choices(struct check *c, const struct node *a, const struct node *b)
{
	const struct def_question *q = a->kind == N_REFERENCE && a->reference == R_ANSWER ? a->question : NULL;

	if (!q || q->left_out)
		return;
	if (q->type == Q_single || q->type == Q_multi || q->type == Q_rank)
		check_literal(c, q, b);
}

/* Dates and datetimes are compared by their day. */
static uint32_t beside(uint32_t kinds)
{
	const uint32_t days = K(V_DATE) | K(V_DATETIME);

	return kinds & days ? kinds | days : kinds;
}

static void compare(struct check *c, struct node *n, struct node *a, struct node *b)
{
	const struct str args[3] = {kinds_text(c->diags->a, a->kinds), kinds_text(c->diags->a, b->kinds), S("")};
	uint32_t common, possible = n->op == O_EQ || n->op == O_NE ? K_ANY : K(V_NUM) | K(V_TEXT) | K_TIMES;

	if (!check_moment(c, a, b->kinds) || !check_moment(c, b, a->kinds))
		return;
	common = beside(a->kinds) & beside(b->kinds) & possible;
	if (a->kinds && b->kinds && !common)
		check_fail(c, D_COMPARE_MISMATCH, n, args);
	if (n->op == O_EQ || n->op == O_NE) {
		check_choices(c, a, b);
		check_choices(c, b, a);
	}
}

/* A list is asked for its items; b may be a list as well. */
void check_chosen(struct check *c, const struct node *n, const struct node *a, struct node *b)
{
	uint32_t items = a->kinds == K(V_LIST) ? a->items : a->kinds & ~K(V_LIST), wanted;
	struct str args[3] = {S(""), S(""), S("")};

	if (!check_moment(c, b, items))
		return;
	for (uint32_t i = 0; b->kind == N_LIST && i < b->count; i++) {
		if (!check_moment(c, b->args[i], items))
			return;
		b->items = (i ? b->items : 0) | b->args[i]->kinds;
	}
	wanted = b->kinds == K(V_LIST) ? b->items : b->kinds & ~K(V_LIST);
	args[0] = kinds_text(c->diags->a, items);
	args[1] = kinds_text(c->diags->a, wanted);
	if (items && wanted && !(beside(items) & beside(wanted)))
		check_fail(c, D_COMPARE_MISMATCH, n, args);
	else
		check_choices(c, a, b);
}

static void contain(struct check *c, struct node *n, struct node *a, struct node *b)
{
	struct str name = str_from(operator_names[n->op]);
	bool lists = n->op == O_ANYOF || n->op == O_ALLOF || n->op == O_NONEOF;
	const struct str args[3] = {kinds_text(c->diags->a, a->items), kinds_text(c->diags->a, b->kinds), S("")};
	uint32_t left = n->op == O_IN ? K_SCALAR : lists ? K_SCALAR | K(V_LIST) : K(V_TEXT) | K(V_LIST);

	if (!check_kinds(c, name, a, left))
		return;
	if (n->op == O_IN || lists) {
		if (check_kinds(c, name, b, K(V_LIST)))
			check_chosen(c, n, a, b);
		return;
	}
	if (n->op == O_ICONTAINS) {
		check_kinds(c, name, b, K(V_TEXT));
		return;
	}
	if (!(a->kinds & K(V_LIST)))
		check_kinds(c, name, b, K(V_TEXT));
	else if (a->items && b->kinds && !(a->kinds & K(V_TEXT)) && !(a->items & b->kinds))
		check_fail(c, D_COMPARE_MISMATCH, n, args);
	else if (a->kinds == K(V_LIST))
		check_choices(c, a, b);
}

static void check_binary(struct check *c, struct node *n)
{
	struct node *a = n->args[0], *b = n->args[1];
	struct str name = str_from(operator_names[n->op]);

	n->kinds = K(V_BOOL);
	switch (n->op) {
	case O_OR:
	case O_AND:
		if (check_kinds(c, name, a, K(V_BOOL)))
			check_kinds(c, name, b, K(V_BOOL));
		break;
	case O_ADD:
	case O_SUBTRACT:
	case O_MULTIPLY:
	case O_DIVIDE:
	case O_MOD:
	case O_POWER:
		n->kinds = K(V_NUM);
		if (check_kinds(c, name, a, K(V_NUM)))
			check_kinds(c, name, b, K(V_NUM));
		if ((n->op == O_DIVIDE || n->op == O_MOD) && b->kind == N_NUM && b->num == 0)
			check_fail(c, D_DIVIDE_BY_ZERO, n, (struct str[3]){S(""), S(""), S("")});
		break;
	case O_CONTAINS:
	case O_NOTCONTAINS:
	case O_ICONTAINS:
	case O_ANYOF:
	case O_ALLOF:
	case O_NONEOF:
	case O_IN:
		contain(c, n, a, b);
		break;
	default:
		compare(c, n, a, b);
		break;
	}
}

static void check_unary(struct check *c, struct node *n)
{
	n->kinds = n->op == O_NEGATE ? K(V_NUM) : K(V_BOOL);
	if (n->op == O_NEGATE)
		check_kinds(c, S("-"), n->args[0], K(V_NUM));
	if (n->op == O_NOT)
		check_kinds(c, S("not"), n->args[0], K(V_BOOL));
}

void check_node(struct check *c, struct node *n)
{
	for (uint32_t i = 0; i < n->count; i++)
		check_node(c, n->args[i]);
	switch (n->kind) {
	case N_EMPTY:
		n->kinds = 0;
		break;
	case N_BOOL:
		n->kinds = K(V_BOOL);
		break;
	case N_NUM:
		n->kinds = K(V_NUM);
		break;
	case N_TEXT:
		n->kinds = K(V_TEXT);
		break;
	case N_LIST:
		n->kinds = K(V_LIST);
		for (uint32_t i = 0; i < n->count; i++)
			n->items |= n->args[i]->kinds;
		break;
	case N_REFERENCE:
		check_reference(c, n);
		break;
	case N_UNARY:
		check_unary(c, n);
		break;
	case N_BINARY:
		check_binary(c, n);
		break;
	case N_CALL:
		check_call(c, n);
		break;
	default: /* N_DATE, N_TIME, N_DATETIME: made here and typed then; N_IIF: made by check_call */
		break;
	}
}

bool expr_check(struct diags *d, const struct where *at, struct str source, struct node *n, const struct scope *scope,
    uint32_t wanted)
{
	struct check c = {d, at, source, scope, false};
	struct str args[3] = {S(""), S(""), S("")};

	check_node(&c, n);
	if (c.failed || !wanted || !n->kinds)
		return !c.failed;
	if (!check_moment(&c, n, wanted))
		return false;
	if (n->kinds & wanted)
		return true;
	args[0] = kinds_text(d->a, wanted == K(V_BOOL) ? n->kinds : wanted);
	args[1] = kinds_text(d->a, n->kinds);
	check_fail(&c, wanted == K(V_BOOL) ? D_NOT_BOOLEAN : D_RESULT_MISMATCH, n, args);
	return false;
}

void node_references(const struct node *n, node_visitor *visit, void *ctx)
{
	if (!n)
		return;
	if (n->kind == N_REFERENCE)
		visit(ctx, n);
	for (uint32_t i = 0; i < n->count; i++)
		node_references(n->args[i], visit, ctx);
}
