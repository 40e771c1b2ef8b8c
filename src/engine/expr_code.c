/* expr_code.c - typed trees to code. */
#include "engine/emit.h"

const struct opcode_row opcode_rows[OPCODES] = {
#define OP(name, operand, pops, pushes, cost, meaning) {OPERAND_##operand, pops, pushes, cost},
#include "engine/opcodes.def"
#undef OP
};

uint32_t operand_words(enum operand operand)
{
	return operand == OPERAND_NONE ? 0 : operand >= OPERAND_FUNCTION ? 2 : 1;
}

struct coder {
	struct emit *e;
	size_t start;
	uint32_t depth, deepest;
};

static void put_word(struct buf *b, uint32_t w)
{
	const char bytes[4] = {(char)w, (char)(w >> 8), (char)(w >> 16), (char)(w >> 24)};

	buf_add(b, str_make(bytes, 4));
}

static void note_place(struct emit *e, const struct node *n)
{
	uint32_t room = e->places.room;

	if (e->places.count + 2 > room) {
		uint32_t *grown =
		    arena_grow(e->a, e->places.p, room * sizeof(*grown), (2 * room + 64) * sizeof(*grown));

		if (!grown) {
			e->memory = true;
			return;
		}
		e->places.p = grown;
		e->places.room = 2 * room + 64;
	}
	e->places.p[e->places.count++] = (uint32_t)e->code.n;
	e->places.p[e->places.count++] = n->from;
}

static void put_op(struct coder *c, const struct node *n, enum opcode op, uint32_t x, uint32_t y)
{
	const struct opcode_row *row = &opcode_rows[op];
	uint32_t words = operand_words(row->operand);
	uint32_t pops = row->pops == MANY ? (row->operand == OPERAND_COUNT ? x : y) : row->pops;

	note_place(c->e, n);
	buf_char(&c->e->code, (char)op);
	if (words > 0)
		put_word(&c->e->code, x);
	if (words > 1)
		put_word(&c->e->code, y);
	c->depth = c->depth - pops + row->pushes;
	if (c->depth > c->deepest)
		c->deepest = c->depth;
}

/* A jump whose place is filled in later. */
static size_t put_jump(struct coder *c, const struct node *n, enum opcode op)
{
	put_op(c, n, op, 0, 0);
	return c->e->code.n - 4;
}

static void land(struct coder *c, size_t jump)
{
	uint32_t at = (uint32_t)(c->e->code.n - c->start);

	if (c->e->code.failed)
		return;
	for (int i = 0; i < 4; i++)
		c->e->code.p[jump + i] = (char)(at >> 8 * i);
}

static void code(struct coder *c, const struct node *n);

/* Those without an operand. */
static const unsigned char plain_references[] = {[R_GONE] = OP_EMPTY,
    [R_SELF] = OP_SELF,
    [R_LANG] = OP_LANG,
    [R_NOW] = OP_NOW,
    [R_SEED] = OP_SEED,
    [R_ITEM] = OP_ITEM,
    [R_ITEM_LABEL] = OP_ITEM_LABEL,
    [R_INDEX] = OP_INDEX,
    [R_COUNT] = OP_COUNT,
    [R_CHOICE] = OP_CHOICE,
    [R_CHOICE_CODE] = OP_CHOICE_CODE};

static void code_reference(struct coder *c, const struct node *n)
{
	switch (n->reference) {
	case R_ANSWER:
		put_op(c, n, OP_ANSWER, n->question->program_index, 0);
		break;
	case R_OTHER:
		put_op(c, n, OP_OTHER, n->question->program_index, 0);
		break;
	case R_CALC:
		put_op(c, n, OP_CALC, n->calc->index, 0);
		break;
	case R_PARAM:
		put_op(c, n, OP_PARAM, n->param->index, 0);
		break;
	case R_RECORD:
		put_op(c, n, OP_NUM, emit_num(c->e, n->record), 0);
		put_op(c, n, OP_RECORD, n->question->program_index, 0);
		break;
	case R_COLLECT:
		put_op(c, n, OP_COLLECT, n->question->program_index, 0);
		break;
	case R_VAR:
		put_op(c, n, OP_VAR, emit_str(c->e, n->text), 0);
		break;
	default:
		put_op(c, n, (enum opcode)plain_references[n->reference], 0, 0);
		break;
	}
	if (n->field.p && n->reference != R_GONE)
		put_op(c, n, OP_FIELD, emit_str(c->e, n->field), 0);
}

static void code_logic(struct coder *c, const struct node *n)
{
	size_t jump;

	code(c, n->args[0]);
	jump = put_jump(c, n, n->op == O_AND ? OP_AND : OP_OR);
	code(c, n->args[1]);
	put_op(c, n->args[1], OP_TRUTH, 0, 0);
	land(c, jump);
}

static void code_iif(struct coder *c, const struct node *n)
{
	size_t otherwise, end;

	code(c, n->args[0]);
	otherwise = put_jump(c, n->args[0], OP_UNLESS);
	code(c, n->args[1]);
	end = put_jump(c, n, OP_JUMP);
	land(c, otherwise);
	c->depth--; /* one of the two branches runs */
	code(c, n->args[2]);
	land(c, end);
}

static void code_call(struct coder *c, const struct node *n)
{
	if (n->function == FN_LABEL) {
		if (n->args[0]->reference == R_ANSWER)
			put_op(c, n, OP_LABEL, n->args[0]->question->program_index, 0);
		else
			put_op(c, n, OP_EMPTY, 0, 0);
		return;
	}
	for (uint32_t i = 0; i < n->count; i++)
		code(c, n->args[i]);
	if (n->function == FN_MATCHES)
		put_op(c, n, OP_MATCHES, emit_pattern(c->e, n->text), 0);
	else
		put_op(c, n, OP_CALL, n->function, n->count);
}

static void code_op(struct coder *c, const struct node *n)
{
	static const unsigned char ops[] = {[O_EQ] = OP_EQ,
	    [O_NE] = OP_NE,
	    [O_LT] = OP_LT,
	    [O_LE] = OP_LE,
	    [O_GT] = OP_GT,
	    [O_GE] = OP_GE,
	    [O_CONTAINS] = OP_CONTAINS,
	    [O_NOTCONTAINS] = OP_CONTAINS,
	    [O_ICONTAINS] = OP_ICONTAINS,
	    [O_ANYOF] = OP_ANYOF,
	    [O_ALLOF] = OP_ALLOF,
	    [O_NONEOF] = OP_ANYOF,
	    [O_IN] = OP_IN,
	    [O_EMPTY] = OP_IS_EMPTY,
	    [O_NOTEMPTY] = OP_IS_EMPTY,
	    [O_ADD] = OP_ADD,
	    [O_SUBTRACT] = OP_SUBTRACT,
	    [O_MULTIPLY] = OP_MULTIPLY,
	    [O_DIVIDE] = OP_DIVIDE,
	    [O_MOD] = OP_MOD,
	    [O_POWER] = OP_POWER,
	    [O_NEGATE] = OP_NEGATE,
	    [O_NOT] = OP_NOT};

	if (n->op == O_AND || n->op == O_OR) {
		code_logic(c, n);
		return;
	}
	code(c, n->args[0]);
	if (n->kind == N_BINARY)
		code(c, n->args[1]);
	put_op(c, n, (enum opcode)ops[n->op], 0, 0);
	if (n->op == O_NOTCONTAINS || n->op == O_NONEOF || n->op == O_NOTEMPTY)
		put_op(c, n, OP_NOT, 0, 0);
}

static void code(struct coder *c, const struct node *n)
{
	switch (n->kind) {
	case N_EMPTY:
		put_op(c, n, OP_EMPTY, 0, 0);
		break;
	case N_BOOL:
		put_op(c, n, n->b ? OP_TRUE : OP_FALSE, 0, 0);
		break;
	case N_NUM:
		put_op(c, n, OP_NUM, emit_num(c->e, n->num), 0);
		break;
	case N_DATE:
	case N_TIME:
	case N_DATETIME:
		put_op(c, n, (enum opcode)(OP_DATE + (n->kind - N_DATE)), emit_num(c->e, n->num), 0);
		break;
	case N_TEXT:
		put_op(c, n, OP_TEXT, emit_str(c->e, n->text), 0);
		break;
	case N_LIST:
	case N_RECORD:
		for (uint32_t i = 0; i < n->count; i++)
			code(c, n->args[i]);
		put_op(c, n, n->kind == N_LIST ? OP_LIST : OP_FIELDS, n->count, 0);
		break;
	case N_REFERENCE:
		code_reference(c, n);
		break;
	case N_CALL:
		code_call(c, n);
		break;
	case N_IIF:
		code_iif(c, n);
		break;
	case N_LOOSE:
		for (uint32_t i = 0; i < n->count; i++)
			code(c, n->args[i]);
		put_op(c, n, OP_LOOSE, n->function, n->count);
		break;
	case N_FILTER:
		code(c, n->args[0]);
		put_op(c, n, OP_FILTER, n->filter, 0);
		break;
	default:
		code_op(c, n);
		break;
	}
}

/* What filters ask is an expression of its own, which comes before theirs. */
static void emit_filters(struct emit *e, struct node *n)
{
	if (n->kind == N_FILTER)
		n->filter = emit_expression(e, n->args[1]);
	for (uint32_t i = 0; i < (n->kind == N_FILTER ? 1 : n->count); i++)
		emit_filters(e, n->args[i]);
}

uint32_t emit_expression(struct emit *e, struct node *n)
{
	struct coder c = {.e = e};
	uint32_t *r, id;

	if (!n)
		return 0;
	emit_filters(e, n);
	id = emit_count(e, SECTION_expr);
	c.start = e->code.n;
	code(&c, n);
	put_op(&c, n, OP_END, 0, 0);
	if (!(r = emit_record(e, SECTION_expr)))
		return 0;
	r[0] = (uint32_t)c.start;
	r[1] = (uint32_t)(e->code.n - c.start);
	r[2] = c.deepest;
	return id;
}
