/* emit.h - the growing program: records, strings, numbers and code. Room-internal.
 *
 * emit.c turns a checked and ordered definition into records, expr_code.c a typed tree into code. Equal strings and numbers are
 * kept once. Sticky: once memory is refused everything later does nothing and emit_done() says ERR_MEMORY. */
#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

#include "engine/def.h"

enum opcode {
#define OP(name, operand, pops, pushes, cost, meaning) OP_##name,
#include "engine/opcodes.def"
#undef OP
	OPCODES
};
enum operand {
	OPERAND_NONE,
	OPERAND_NUM,
	OPERAND_STR,
	OPERAND_QUESTION,
	OPERAND_CALC,
	OPERAND_PARAM,
	OPERAND_PATTERN,
	OPERAND_COUNT,
	OPERAND_LABEL,
	OPERAND_EXPR,
	OPERAND_FUNCTION,
	OPERAND_LOOSE
};
struct opcode_row {
	uint8_t operand, pops, pushes, cost;
};
extern const struct opcode_row opcode_rows[OPCODES];
uint32_t operand_words(enum operand operand);

struct words {
	uint32_t *p;
	uint32_t count, room;
};

struct interned {
	struct str key;
	uint32_t id; /* 0: a free place */
};

struct emit {
	struct arena *a;
	bool memory;
	struct words sections[SECTION_COUNT];
	struct buf texts, code;
	struct interned *table; /* strings, numbers (by their eight bytes) and patterns, by kind */
	uint32_t table_size, table_count;
	struct words places; /* pairs: offset in the code, byte in the source; for collect eval */
};

bool emit_init(struct emit *e, struct arena *a);
/* A record of a section, zeroed: the words to fill, or NULL. Index of the record is sections[s].count / words before. */
uint32_t *emit_record(struct emit *e, enum section s);
uint32_t emit_count(const struct emit *e, enum section s);
uint32_t emit_str(struct emit *e, struct str s);
uint32_t emit_num(struct emit *e, double v);
uint32_t emit_pattern(struct emit *e, struct str source);
uint32_t emit_expression(struct emit *e, struct node *n); /* 0 for NULL */
/* check_fill.c: the fills of a question's choices, rows or records, of the questions in a run of the definition; how many were made. */
uint32_t fills_of_choices(struct emit *e, const struct def *d, const struct def_question *q);
uint32_t fills_of_questions(struct emit *e, const struct def *d, uint32_t first, uint32_t count);
enum err emit_done(struct emit *e, struct str *program);

extern const uint32_t section_words[SECTION_COUNT];

#endif
