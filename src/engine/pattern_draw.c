/* pattern_draw.c - a text that a pattern finds something in: a random way through its states. */
#include "engine/pattern_states.h"
#include "base/rng.h"
#include "base/utf8.h"

#define DRAW_STEPS_MAX 400
#define DRAW_LONG_CHARS 24 /* from here on the way out of a loop is taken when there is one */

static bool within(const struct class *class, uint32_t c)
{
	for (uint32_t i = 0; i < class->count; i++)
		if (c >= class->ranges[i].low && c <= class->ranges[i].high)
			return true;
	return false;
}

static uint32_t draw_char(const struct state *s, struct rng *rng)
{
	if (s->kind == ST_CHAR)
		return s->c;
	if (s->kind == ST_CLASS && !s->class->negated && s->class->count) {
		const struct range *r = &s->class->ranges[rng_below(rng, s->class->count)];
		uint32_t span = r->high - r->low + 1;

		/* no control characters: an answer is one line of text */
		return r->low < ' ' && r->high >= ' ' ? ' ' : r->low + rng_below(rng, span > 64 ? 64 : span);
	}
	for (int i = 0; i < 20; i++) {
		uint32_t c = 'a' + rng_below(rng, 26);

		if (s->kind != ST_CLASS || !within(s->class, c))
			return c;
	}
	return ' ';
}

void pattern_draw(const struct pattern *p, struct rng *rng, struct buf *out)
{
	uint32_t at = 0, chars = 0;
	char bytes[4];

	for (int i = 0; i < DRAW_STEPS_MAX && at < p->count && p->states[at].kind != ST_MATCH; i++) {
		const struct state *s = &p->states[at++];

		if (s->kind == ST_JUMP)
			at = s->x;
		else if (s->kind == ST_SPLIT)
			at = (chars < DRAW_LONG_CHARS ? rng_below(rng, 2) : s->y > s->x) ? s->y : s->x;
		else if (s->kind == ST_CHAR || s->kind == ST_ANY || s->kind == ST_CLASS) {
			buf_add(out, str_make(bytes, utf8_put(bytes, draw_char(s, rng))));
			chars++;
		}
	}
}
