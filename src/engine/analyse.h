/* analyse.h - what a definition without errors is still likely to get wrong: conditions that never or always hold, pages,
 * questions, choices and rules that no interview meets, quota cells that nobody falls into, that overlap or leave a gap.
 * Everything said is proved by solve.h; what cannot be proved is not said. Room-internal, compiler only. */
#ifndef ENGINE_ANALYSE_H
#define ENGINE_ANALYSE_H

#include "engine/solve.h"

/* After def_order, when there are no errors. ERR_MEMORY only when not even the first pages could be looked at. */
enum err def_analyse(struct def *d);

/* ---- between analyse.c and analyse_rules.c ---- */

struct analysis {
	struct def *d;
	struct solver solver;
	struct goal *rules, *before; /* room for a goal of each rule: of hidden(), and of the page being looked at */
	const struct goal **screen;  /* two a page: what not_screened() gave; NULL: not asked yet */
};
/* Where a condition stands. */
struct place {
	const struct goal *given; /* what holds there already */
	uint32_t pages, passed;	  /* as goals and solve() have them */
};
enum verdict_of_condition { CONDITION_OPEN, CONDITION_NEVER, CONDITION_ALWAYS, CONDITION_NEVER_HERE };
/* Says what can be said about the condition alone; NEVER_HERE, which is for the caller to say: what is given contradicts it. */
enum verdict_of_condition analyse_condition(struct analysis *a, const struct formula *f, struct place place);
/* Rules are looked at when a page is left: whether everybody who has come past so many pages has surely left one. */
bool analyse_left(const struct analysis *a, uint32_t pages);
/* The branches of iif() that are never taken. */
void analyse_branches(struct analysis *a, const struct formula *f, uint32_t passed);
void analyse_rules(struct analysis *a);
void analyse_quotas(struct analysis *a);

#endif
