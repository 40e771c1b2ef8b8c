/* simulate.h - a synthetic respondent. Room-internal.
 *
 * The walk is that of run.c, page by page, with one difference: between a question's becoming visible and its value being taken an
 * answer is drawn (simulate_draw.c). So one pass gives the interview. What a page refuses is drawn again, now held to its rules before it
 * is given (simulate_try.c): many answers are tried, those that validators name among them, and none at all where none is asked for.
 * Where that does not help the whole page is answered anew, and so on, a bounded number of times. */
#ifndef ENGINE_SIMULATE_H
#define ENGINE_SIMULATE_H

#include "engine/run.h"
#include "base/rng.h"

struct simulator {
	struct run r;
	struct rng rng;
	struct interview in;
	struct coverage *coverage;
	struct json_out *out;	 /* the events; NULL: nobody wants them */
	bool *drawn, *again;	 /* by question; again: after a mistake */
	const struct json **raw; /* by question: as drawn */
	bool strict;		 /* after a mistake: nothing left out, nothing out of bounds */
	bool sparing;		 /* whole pages anew: what is optional is left empty more often */
};

struct coverage {
	const struct program *program;
	uint64_t interviews, completed;
	uint64_t *outcomes, *pages, *stuck, *cells;
	uint64_t *questions, *answered; /* how often asked, how often with an answer */
	uint64_t *rows, *records;	/* of matrices and of rosters, by question */
	uint32_t *choice_first;		/* by question: where its choices begin, carried ones among them */
	uint64_t *choices;
	uint64_t *branches;	   /* by expression: interviews in which it was only false, only true, both */
	bool *sticky;		   /* by expression: what happened on the way to an accepted page counts too */
	struct branch_notes notes; /* of the interview at hand */
};

/* What a drawer works on: a question, or a cell of one, and its choices and rows as they stand. */
struct asked {
	const struct p_question *q;
	const struct state *st;
};

/* simulate_draw.c: an answer to a question as it stands in the run; false: none is given. `other`: text beside it, or empty. */
bool draw_answer(struct simulator *s, uint32_t question, struct json *out, struct str *other);
struct json draw_json(const struct value *v); /* a number or a text as it would be given */
/* simulate_try.c: the same; after a mistake one that holds, if such a one is found. */
bool draw_fitting(struct simulator *s, uint32_t question, struct json *out, struct str *other);
/* simulate_text.c */
struct str draw_words(struct simulator *s, uint32_t least, uint32_t most);
struct str draw_text(struct simulator *s, const struct p_question *q);
struct str draw_length(struct simulator *s, struct str begin, size_t length); /* made as long, in code points */
struct str draw_pattern(struct simulator *s, uint32_t pattern);
struct str draw_code(struct simulator *s, const char *before, uint32_t digits, const char *after);
/* simulate_device.c */
bool draw_barcode(struct simulator *s, struct asked in, struct json *out);
bool draw_place(struct simulator *s, struct asked in, struct json *out);
bool draw_media(struct simulator *s, struct asked in, struct json *out);

/* simulate_cover.c. What conditions said since `mark` is forgotten when the page is refused, and settled when it is left. */
uint32_t cover_mark(const struct simulator *s);
void cover_forget(struct simulator *s, uint32_t mark);
void cover_settle(struct simulator *s, uint32_t mark);
void cover_page(struct simulator *s, uint32_t page);
/* stuck: the page where the respondent gave up, or -1 */
void cover_end(struct simulator *s, const struct walk_end *end, int32_t stuck);
/* The points of a rating, at most QUESTION_CHOICES_MAX; 0: not known without an interview. */
uint32_t cover_points(const struct program *p, const struct p_question *q, double *low, double *step);

static inline bool chance(struct simulator *s, uint32_t percent)
{
	return rng_below(&s->rng, 100) < percent;
}

#endif
