/* pattern_find.c - the walk over a pattern's states.
 *
 * It keeps the set of states that are alive and takes it through the text one code point at a time, so no text can make it
 * go back: there is no worst case to exploit. */
#include "engine/engine.h"
#include "engine/pattern_states.h"
#include "base/arena.h"
#include "base/shim.h"
#include "base/utf8.h"

struct threads {
	uint32_t *list, count;
};

struct search {
	const struct pattern *p;
	uint32_t *mark; /* mark[state] == stamp: already alive at this place */
	uint32_t *stack;
	uint32_t stamp;
	size_t at, end;
	uint32_t visits; /* states looked at */
};

/* Takes `first` and all that is reached from it without reading into the list; true when the match state is among them. */
static bool alive(struct search *x, struct threads *t, uint32_t first)
{
	uint32_t depth = 0;

	x->stack[depth++] = first;
	while (depth) {
		uint32_t i = x->stack[--depth];
		uint32_t s = x->p->states[i].what;

		x->visits++;
		if (x->mark[i] == x->stamp)
			continue;
		x->mark[i] = x->stamp;
		switch (STATE_KIND(s)) {
		case ST_MATCH:
			return true;
		case ST_SPLIT:
			x->stack[depth++] = STATE_X(s);
			x->stack[depth++] = i + 1;
			break;
		case ST_JUMP:
			x->stack[depth++] = STATE_X(s);
			break;
		case ST_START:
		case ST_STOP:
			if (x->at == (STATE_KIND(s) == ST_START ? 0 : x->end))
				x->stack[depth++] = i + 1;
			break;
		default:
			t->list[t->count++] = i;
			break;
		}
	}
	return false;
}

bool class_takes(const struct pattern *p, const struct p_class *c, uint32_t x)
{
	uint32_t from = c->ranges, end = from + c->ranges_count, to = end;

	while (from < to) {
		uint32_t middle = (from + to) / 2;

		if (p->ranges[middle].high < x)
			from = middle + 1;
		else
			to = middle;
	}
	return (from < end && p->ranges[from].low <= x) != !!c->negated;
}

static bool takes(const struct pattern *p, uint32_t s, uint32_t c)
{
	const struct p_class *class;

	if (STATE_KIND(s) == ST_CHAR)
		return STATE_X(s) == c;
	if (STATE_KIND(s) == ST_ANY)
		return c != '\n' && c != '\r' && c != 0x2028 && c != 0x2029;
	class = &p->classes[STATE_X(s)];
	return c < 128 ? ((const uint32_t *)class)[c / 32] >> c % 32 & 1 : class_takes(p, class, c);
}

/* Every way on from the threads at code point c; true when one of them ends in a match. */
static bool advance(struct search *x, const struct threads *now, uint32_t c, struct threads *then)
{
	for (uint32_t i = 0; i < now->count; i++)
		if (takes(x->p, x->p->states[now->list[i]].what, c) && alive(x, then, now->list[i] + 1))
			return true;
	x->visits += now->count;
	return alive(x, then, 0);
}

enum err pattern_search(const struct pattern *p, struct str text, uint32_t *room, int64_t *fuel, bool *found)
{
	size_t n = p->count;
	struct threads now, then;
	struct search x = {.p = p, .mark = room, .stamp = 1, .end = text.n};

	memset(room, 0, n * sizeof(*room));
	x.stack = room + n;
	now = (struct threads){room + 3 * n + 2, 0};
	then = (struct threads){room + 4 * n + 2, 0};
	*found = alive(&x, &now, 0);
	while (!*found && x.at < text.n) {
		uint32_t c = (unsigned char)text.p[x.at];
		struct threads swap = now;

		if (c < 0x80)
			x.at++;
		else
			c = utf8_next(text, &x.at);
		if ((*fuel -= 1 + x.visits / 8) < 0)
			return ERR_LIMIT;
		x.visits = 0;
		x.stamp++;
		then.count = 0;
		*found = advance(&x, &now, c, &then);
		now = then;
		then = swap;
		/* what must begin at the beginning has no other chance */
		if (!now.count && p->states[0].what == ST_START)
			break;
	}
	return OK;
}

enum err pattern_find(const struct pattern *p, struct str text, struct arena *scratch, int64_t *fuel, bool *found)
{
	uint32_t *room = arena_array(scratch, uint32_t, PATTERN_ROOM(p->count));

	*found = false;
	return room ? pattern_search(p, text, room, fuel, found) : ERR_MEMORY;
}

enum err text_matches(struct arena *a, struct str pattern, struct str text, int64_t *fuel, bool *found)
{
	struct pattern *p;
	const char *why;
	uint32_t at;
	enum err e = pattern_compile(a, pattern, &p, &why, &at);

	return e ? e : pattern_find(p, text, a, fuel, found);
}
