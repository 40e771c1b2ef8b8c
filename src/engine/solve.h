/* solve.h - whether conditions can hold together. Room-internal, compiler only.
 *
 * What the answers to a survey can be is a set of values for each question: its choices, its range, whether it can be empty.
 * A condition is worked out over such sets; where it could go either way on a comparison, the set is cut in two there and
 * both parts are tried. So "never" is a proof: no valid answers make all the goals hold. What is not understood
 * (patterns, labels, random numbers ...) may always go either way, and a budget ends a long search with "maybe".
 *
 *     struct goal later = {.node = rule, .want = false, .pages = 3};
 *     struct goal goal = {.next = &later, .node = condition, .want = true, .pages = 3};
 *     if (solve(&solver, &goal, 3) == FOUND_NEVER) ...
 */
#ifndef ENGINE_SOLVE_H
#define ENGINE_SOLVE_H

#include "engine/def.h"

struct goal {
	const struct goal *next;
	const struct node *node;
	bool want;	/* it shall be true, or not be true */
	uint32_t pages; /* answers on later pages are not there yet: only so many pages count; PAGES_ALL */
};

enum found {
	FOUND_NEVER,
	FOUND_MAYBE,
	FOUND_SURELY /* there are such answers: everything was understood, and nothing else in the survey stands against them */
};

#define SOLVE_FACTS_MAX 48
#define SOLVE_NESTED_MAX 400 /* calculated values name each other; each takes some of the stack */

/* What the answer to one question, or the value of one parameter, can still be. */
struct fact {
	const struct def_question *question; /* these three say whose */
	const struct def_param *param;
	struct str field;
	enum reference_kind reference;
	enum { FACT_NUM, FACT_ONE, FACT_MANY, FACT_BOOL, FACT_TEXT } kind;
	bool empty, value;	  /* it may be empty, may be a value */
	bool low_open, high_open; /* FACT_NUM; dates and times too */
	bool whole;
	bool judged;  /* it was held to the question's limits */
	bool loose;   /* something else in the survey narrows what it can be together with others */
	bool yes, no; /* FACT_BOOL */
	double low, high;
	uint32_t count; /* choices; FACT_ONE: one of may; FACT_MANY: at least must, at most may */
	const struct def_choice *const *choices;
	const uint64_t *may, *must;
	struct str is; /* FACT_TEXT */
	const struct not_text {
		const struct not_text *next;
		struct str text;
	} * nots;
};

struct solver {
	struct def *d;
	struct arena scratch;
	uint32_t budget; /* of nodes, for the whole survey */
	uint32_t left;	 /* of this search */
	uint32_t units;	 /* that this search may still keep */
	uint32_t depth;	 /* conditions in conditions, through calculated values too */
	uint32_t passed; /* pages before this one have been left: what must be answered there is */
	bool given;	/* every answer that is looked at is given, and no way out (refused, don't know ...) is taken */
	bool leaving;	/* pages are being left: whatever has been answered was held to its limits */
	bool sure;	/* FOUND_SURELY is asked for, not only whether it is NEVER */
	bool free_self; /* {.} is any value, not only one within the question's limits */
	const struct def_question *self; /* {.} */
	bool *never;			 /* by question: it is never shown */
	/* of the search */
	struct fact *facts;
	uint32_t fact_count;
	bool exact;
	struct split {
		bool found;
		uint32_t fact;
		bool on_empty; /* there is only "empty" and "is" */
		bool ordered;  /* choices that are numbers go by their order */
		const struct node *literal;
	} split;
};

bool solver_init(struct solver *s, struct def *d);
void solver_free(struct solver *s);
enum found solve(struct solver *s, const struct goal *goals, uint32_t passed);

/* Whether everybody who comes past its page is asked the question, and can answer it. */
bool question_always_shown(const struct def *d, const struct def_question *q);

/* ---- between solve.c, solve_operand.c and solve_eval.c ---- */

enum tri { TRI_NO, TRI_YES, TRI_MAYBE };
/* Room until the search ends, zeroed; NULL when it has kept too much, which ends it. `units` must not hang on the machine. */
void *solve_keep(struct solver *s, size_t bytes, uint32_t units);
enum tri solve_holds(struct solver *s, const struct node *n, uint32_t pages);
/* The place of what a reference stands for among the facts; UINT32_MAX when nothing is known about such things. */
uint32_t solve_fact(struct solver *s, const struct node *n);
/* How the fact is cut at a literal; parts that cannot be are left out. */
enum { PART_EMPTY, PART_IS, PART_BELOW, PART_ABOVE, PARTS }; /* below: any other value, where there is no order */
bool fact_cut(struct solver *s, const struct fact *f, const struct split *at, unsigned part, struct fact *out);
/* Which choice a literal is; UINT32_MAX for none. */
uint32_t fact_choice(const struct fact *f, const struct node *literal);

/* What an operand can be. */
struct operand {
	bool empty, value; /* it may be empty, may be a value */
	bool number;	   /* its value lies from low to high; dates and times too */
	double low, high;
	const struct node *literal; /* its only value */
	uint32_t fact;		    /* it is this fact; UINT32_MAX: of another kind */
};

struct operand solve_operand(struct solver *s, const struct node *n, uint32_t pages);
/* Where the search may cut next; the first proposal stands. */
void solve_propose(struct solver *s, struct split split);

#endif
