/* pattern_states.h - what a pattern is compiled to: pattern.c writes it, pattern_find.c walks it. */
#ifndef ENGINE_PATTERN_STATES_H
#define ENGINE_PATTERN_STATES_H

#include "engine/pattern.h"

struct range {
	uint32_t low, high;
};

struct class
{
	struct range *ranges; /* in order, with gaps between them */
	uint32_t count;
	bool negated;
	uint8_t named;	   /* which of \d \D \w ... were added, bit by bit: each once, however often it is written */
	uint32_t ascii[4]; /* which of the first 128 code points it takes, bit by bit */
};

enum state_kind { ST_CHAR, ST_ANY, ST_CLASS, ST_START, ST_STOP, ST_SPLIT, ST_JUMP, ST_MATCH };

struct state {
	enum state_kind kind;
	uint32_t c;
	uint32_t x, y; /* ST_SPLIT, ST_JUMP */
	const struct class *class;
};

struct pattern {
	struct state *states;
	uint32_t count;
};

bool class_takes(const struct class *c, uint32_t code_point);

#endif
