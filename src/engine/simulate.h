/* simulate.h - a synthetic respondent. Room-internal.
 *
 * The walk is that of run.c, page by page, with one difference: between a question's becoming visible and its value being taken an
 * answer is drawn (simulate_draw.c). So one pass gives the interview; what a page refuses is drawn again, strictly. */
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
	uint8_t *attempts;	 /* by question */
	bool *drawn;		 /* by question */
	const struct json **raw; /* by question: as drawn */
	bool strict;		 /* after a mistake: nothing left out, nothing out of bounds */
};

struct coverage {
	const struct program *program;
	uint64_t interviews, stuck, completed;
	uint64_t *outcomes, *pages, *questions, *cells;
	uint64_t *records;	/* of rosters, by question */
	uint32_t *choice_first; /* by question: where its choices begin, carried ones among them */
	uint64_t *choices;
	uint64_t *branches; /* by expression: false, true */
};

/* What a drawer works on: a question, or a cell of one, and its choices and rows as they stand. */
struct asked {
	const struct p_question *q;
	const struct state *st;
};

/* simulate_draw.c: an answer to a question as it stands in the run; false: none is given. `other`: text beside it, or empty. */
bool draw_answer(struct simulator *s, uint32_t question, struct json *out, struct str *other);
/* simulate_text.c */
struct str draw_words(struct simulator *s, uint32_t least, uint32_t most);
struct str draw_text(struct simulator *s, const struct p_question *q);
struct str draw_code(struct simulator *s, const char *before, uint32_t digits, const char *after);
/* simulate_device.c */
bool draw_barcode(struct simulator *s, struct asked in, struct json *out);
bool draw_place(struct simulator *s, struct asked in, struct json *out);
bool draw_media(struct simulator *s, struct asked in, struct json *out);
/* simulate_cover.c */
void cover_page(struct simulator *s, uint32_t page);
void cover_end(struct simulator *s, const struct walk_end *end, bool stuck);
uint32_t cover_choice(
    const struct program *p, const struct p_question *q, const struct choice_view *v); /* place among all */

static inline bool chance(struct simulator *s, uint32_t percent)
{
	return rng_below(&s->rng, 100) < percent;
}

#endif
