/* pattern_draw.c - a text that a pattern finds something in: a random way through its states. */
#include "engine/pattern_states.h"
#include "base/rng.h"
#include "base/utf8.h"

#define DRAW_STEPS_MAX 400
#define DRAW_LONG_CHARS 24 /* from here on the way out of a loop is taken when there is one */

static uint32_t draw_char(const struct pattern *p, uint32_t s, struct rng *rng)
{
	const struct p_class *class = STATE_KIND(s) == ST_CLASS ? &p->classes[STATE_X(s)] : NULL;

	if (STATE_KIND(s) == ST_CHAR)
		return STATE_X(s);
	if (class && !class->negated && class->ranges_count) {
		const struct p_range *r = &p->ranges[class->ranges + rng_below(rng, class->ranges_count)];
		uint32_t span = r->high - r->low + 1;

		/* no control characters: an answer is one line of text */
		return r->low < ' ' && r->high >= ' ' ? ' ' : r->low + rng_below(rng, span > 64 ? 64 : span);
	}
	for (int i = 0; i < 20; i++) {
		uint32_t c = 'a' + rng_below(rng, 26);

		if (!class || !class->negated || class_takes(p, class, c))
			return c;
	}
	return ' ';
}

void pattern_draw(const struct pattern *p, struct rng *rng, struct buf *out)
{
	uint32_t at = 0, chars = 0;
	char bytes[4];

	for (int i = 0; i < DRAW_STEPS_MAX && at < p->count && p->states[at].what != ST_MATCH; i++) {
		uint32_t s = p->states[at++].what, kind = STATE_KIND(s);

		if (kind == ST_JUMP)
			at = STATE_X(s);
		else if (kind == ST_SPLIT)
			at = (chars < DRAW_LONG_CHARS ? rng_below(rng, 2) : STATE_X(s) > at) ? STATE_X(s) : at;
		else if (kind == ST_CHAR || kind == ST_ANY || kind == ST_CLASS) {
			buf_add(out, str_make(bytes, utf8_put(bytes, draw_char(p, s, rng))));
			chars++;
		}
	}
}
