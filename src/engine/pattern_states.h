/* pattern_states.h - what a pattern is compiled to: pattern.c makes it, the program carries it, pattern_find.c walks it. Room-internal.
 *
 * A state is one word, as layout.def has it: what it is in the lowest bits, above them STATE_X(): the code point of a
 * ST_CHAR, the class of a ST_CLASS, the state that a ST_JUMP goes on with and a ST_SPLIT goes on with besides the next one. */
#ifndef ENGINE_PATTERN_STATES_H
#define ENGINE_PATTERN_STATES_H

#include "engine/program.h"

enum state_kind { ST_CHAR, ST_ANY, ST_CLASS, ST_START, ST_STOP, ST_SPLIT, ST_JUMP, ST_MATCH };

#define STATE(kind, x) ((uint32_t)(x) << 3 | (kind))
#define STATE_KIND(what) ((enum state_kind)((what)&7))
#define STATE_X(what) ((what) >> 3)

struct pattern {
	const struct p_state *states;
	const struct p_class *classes;
	const struct p_range *ranges; /* of a class: in order, with gaps between them */
	uint32_t count, class_count, range_count;
};

/* One of a program; its classes are among those of all patterns. `pattern` is the index + 1. */
static inline struct pattern program_pattern(const struct program *p, uint32_t pattern)
{
	const struct p_pattern *x = &p->pattern[pattern - 1];

	return (struct pattern){
	    .states = &p->state[x->states], .count = x->states_count, .classes = p->class, .ranges = p->range};
}

/* pattern_find() in a room of PATTERN_ROOM(p->count) words, which may have been used before: marks, a stack, two lists of states. */
#define PATTERN_ROOM(count) (5 * (size_t)(count) + 2)
enum err pattern_search(const struct pattern *p, struct str text, uint32_t *room, int64_t *fuel, bool *found);

/* By the ranges alone; for ASCII the class has the answer bit by bit. */
bool class_takes(const struct pattern *p, const struct p_class *c, uint32_t code_point);

#endif
