/* disasm.c - a program for people. */
#include "engine/def.h"
#include "engine/emit.h"
#include "engine/loose.h"
#include "base/num.h"

static const char *const opcode_names[OPCODES] = {
#define OP(name, operand, pops, pushes, cost, meaning) #name,
#include "engine/opcodes.def"
#undef OP
};

static void line(struct buf *b, const char *what, uint32_t n)
{
	buf_add(b, str_from(what));
	buf_char(b, ' ');
	buf_int(b, n);
	buf_char(b, '\n');
}

static uint32_t word(const struct program *p, uint32_t at)
{
	const unsigned char *c = (const unsigned char *)p->code.p + at;

	return (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
}

static void operand(const struct program *p, enum operand kind, uint32_t x, struct buf *b)
{
	struct json_out w;

	json_out_init(&w, b);
	buf_char(b, ' ');
	switch (kind) {
	case OPERAND_NUM:
		json_put_num(&w, program_num(p, x));
		break;
	case OPERAND_STR:
		json_put_str(&w, program_str(p, x));
		break;
	case OPERAND_PATTERN:
		json_put_str(&w, program_str(p, p->pattern[x - 1].source));
		break;
	case OPERAND_QUESTION:
		buf_add(b, program_str(p, p->question[x].name));
		break;
	case OPERAND_CALC:
		buf_add(b, program_str(p, p->calc[x].name));
		break;
	case OPERAND_PARAM:
		buf_add(b, program_str(p, p->param[x].name));
		break;
	case OPERAND_LOOSE:
		buf_add(b, str_from(loose_names[x]));
		break;
	case OPERAND_FUNCTION:
		buf_add(b, str_from(function_names[x]));
		break;
	default:
		buf_int(b, x);
		break;
	}
}

static void expression(const struct program *p, uint32_t id, struct buf *b)
{
	const struct p_expr *x = &p->expr[id];

	buf_add(b, S("expression "));
	buf_int(b, id);
	line(b, ", stack", x->stack);
	for (uint32_t at = 0; at < x->length;) {
		enum opcode op = (unsigned char)p->code.p[x->code + at];
		const struct opcode_row *row = &opcode_rows[op];
		uint32_t words = operand_words(row->operand);

		buf_add(b, S("  "));
		buf_int(b, at);
		buf_char(b, '\t');
		buf_add(b, str_from(opcode_names[op]));
		if (words > 0)
			operand(p, row->operand, word(p, x->code + at + 1), b);
		if (words > 1)
			operand(p, OPERAND_COUNT, word(p, x->code + at + 5), b);
		buf_char(b, '\n');
		at += 1 + 4 * words;
	}
}

static void question(const struct program *p, const struct p_question *q, struct buf *b)
{
	buf_add(b, S("  "));
	buf_add(b, str_from(type_rows[q->type].name));
	buf_char(b, ' ');
	buf_add(b, program_str(p, q->name));
	if (q->visible_if) {
		buf_add(b, S(" visible_if "));
		buf_int(b, q->visible_if);
	}
	if (q->required_if) {
		buf_add(b, S(" required_if "));
		buf_int(b, q->required_if);
	}
	if (q->enable_if) {
		buf_add(b, S(" enable_if "));
		buf_int(b, q->enable_if);
	}
	if (q->choice_filter) {
		buf_add(b, S(" choice_filter "));
		buf_int(b, q->choice_filter);
	}
	if (q->flags & QUESTION_READ_ONLY)
		buf_add(b, S(" read_only"));
	if (q->flags & QUESTION_REQUIRED)
		buf_add(b, S(" required"));
	if (q->flags & QUESTION_PERSONAL)
		buf_add(b, S(" personal"));
	if (q->over_from) {
		buf_add(b, S(" over "));
		buf_add(b, program_str(p, p->question[q->over_from - 1].name));
	}
	if (q->over) {
		buf_add(b, S(" over expression "));
		buf_int(b, q->over);
	}
	if (q->type == Q_roster && q->at_most) {
		buf_add(b, S(" at most "));
		num_put(b, program_num(p, q->at_most));
	}
	for (uint32_t i = 0; i < q->steps_count; i++) {
		buf_add(b, i ? S(" ") : S(" each "));
		buf_add(b, program_str(p, p->question[p->step[q->steps + i].question - 1].name));
	}
	buf_char(b, '\n');
}

static void cell(const struct program *p, const struct p_cell *c, struct buf *b)
{
	buf_add(b, S("  cell "));
	buf_add(b, program_str(p, c->name));
	buf_add(b, S(" when "));
	buf_int(b, c->when);
	buf_add(b, S(" limit "));
	num_put(b, program_num(p, c->limit));
	if (c->known) {
		buf_add(b, S(" after "));
		buf_add(b, program_str(p, p->page[c->known - 1].name));
	}
	buf_char(b, '\n');
}

void program_disasm(const struct program *p, struct buf *b)
{
	line(b, "program of version", PROGRAM_VERSION);
	line(b, "bytes", (uint32_t)p->bytes.n);
#define SECTION(name) line(b, "section " #name, p->name##_count);
	SECTIONS(SECTION)
#undef SECTION
	for (uint32_t i = 0; i < p->page_count; i++) {
		const struct p_page *page = &p->page[i];

		buf_add(b, S("page "));
		buf_add(b, program_str(p, page->name));
		if (page->visible_if)
			line(b, " visible_if", page->visible_if);
		else
			buf_char(b, '\n');
		for (uint32_t k = 0; k < page->questions_count; k++)
			question(p, &p->question[page->questions + k], b);
	}
	for (uint32_t i = 0; i < p->rule_count; i++) {
		const struct p_rule *r = &p->rule[i];

		buf_add(b, S("rule when "));
		buf_int(b, r->when);
		buf_add(b, r->outcome ? S(" end ") : S(" skip_to "));
		buf_add(b, program_str(p, r->outcome  ? p->outcome[r->outcome - 1].name
					  : r->target ? p->page[r->target - 1].name
						      : 0));
		buf_char(b, '\n');
	}
	for (uint32_t i = 0; i < p->quota_count; i++) {
		buf_add(b, S("quota "));
		buf_add(b, program_str(p, p->quota[i].name));
		buf_add(b, S(" end "));
		buf_add(b, program_str(p, p->outcome[p->quota[i].outcome - 1].name));
		buf_char(b, '\n');
		for (uint32_t k = 0; k < p->quota[i].cells_count; k++)
			cell(p, &p->cell[p->quota[i].cells + k], b);
	}
	for (uint32_t i = 1; i < p->expr_count; i++)
		expression(p, i, b);
}
