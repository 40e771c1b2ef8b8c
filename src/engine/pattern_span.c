/* pattern_span.c - how short and how long a text can be that a pattern finds something in. */
#include "engine/pattern_states.h"
#include "base/arena.h"

enum { SEEN_START = 1, SEEN_STOP = 2, SEEN_BOTH = 3, SEEN = 4 };

/* The shortest and the longest way to a state, by what was asked of both ends on it; most is -1 where there is none. */
struct way {
	int32_t least, most[SEEN];
};

static void go_on(struct way *to, const struct way *from, uint32_t seen, int32_t chars)
{
	to->least = from->least + chars < to->least ? from->least + chars : to->least;
	for (uint32_t i = 0; i < SEEN; i++)
		if (from->most[i] >= 0 && from->most[i] + chars > to->most[i | seen])
			to->most[i | seen] = from->most[i] + chars;
}

static bool consumes(enum state_kind kind)
{
	return kind == ST_CHAR || kind == ST_ANY || kind == ST_CLASS;
}

/* Every way leads forward, but for a loop's last state, which leads back to its first: nothing new is there that the way past
 * the loop had not, unless something is taken in it. */
enum err pattern_span(const struct pattern *p, struct arena *scratch, int32_t *least, int32_t *most)
{
	struct way *ways = arena_array(scratch, struct way, (size_t)p->count + 1);
	const struct way *end;
	bool endless = false;

	if (!ways)
		return ERR_MEMORY;
	for (uint32_t i = 0; i <= p->count; i++)
		ways[i] = (struct way){i ? INT32_MAX / 2 : 0, {i ? -1 : 0, -1, -1, -1}};
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t x = STATE_X(p->states[i].what);
		enum state_kind kind = STATE_KIND(p->states[i].what);

		if (kind == ST_JUMP && x <= i)
			for (uint32_t k = x; k < i; k++)
				endless |= consumes(STATE_KIND(p->states[k].what));
		else if (kind == ST_JUMP)
			go_on(&ways[x], &ways[i], 0, 0);
		else if (kind != ST_MATCH)
			go_on(&ways[i + 1], &ways[i],
			    kind == ST_START  ? SEEN_START
			    : kind == ST_STOP ? SEEN_STOP
					      : 0,
			    consumes(kind));
		if (kind == ST_SPLIT)
			go_on(&ways[x], &ways[i], 0, 0);
	}
	end = &ways[p->count - 1];
	*least = end->least;
	*most = endless || end->most[0] >= 0 || end->most[SEEN_START] >= 0 || end->most[SEEN_STOP] >= 0
		    ? -1
		    : end->most[SEEN_BOTH];
	return OK;
}
