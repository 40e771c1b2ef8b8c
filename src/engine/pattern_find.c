/* pattern_find.c - the walk over a pattern's states.
 *
 * It keeps the set of states that are alive and takes it through the text one code point at a time, so no text can make it
 * go back: there is no worst case to exploit. */
#include "engine/pattern_states.h"
#include "base/arena.h"
#include "base/utf8.h"

struct threads {
	uint32_t *list, count;
	uint32_t *mark; /* mark[state] == stamp: already in the list */
	uint32_t *stack;
};

struct place {
	size_t at, end;
	uint32_t stamp;
};

/* Takes `first` and all that is reached from it without reading into the list; true when the match state is among them. */
static bool alive(const struct pattern *p, struct threads *t, uint32_t first, const struct place *here)
{
	uint32_t depth = 0;

	t->stack[depth++] = first;
	while (depth) {
		uint32_t i = t->stack[--depth];
		const struct state *s = &p->states[i];

		if (t->mark[i] == here->stamp)
			continue;
		t->mark[i] = here->stamp;
		if (s->kind == ST_MATCH)
			return true;
		if (s->kind == ST_SPLIT)
			t->stack[depth++] = s->y;
		if (s->kind == ST_SPLIT || s->kind == ST_JUMP)
			t->stack[depth++] = s->x;
		else if ((s->kind == ST_START && here->at == 0) || (s->kind == ST_STOP && here->at == here->end))
			t->stack[depth++] = i + 1;
		else if (s->kind != ST_START && s->kind != ST_STOP)
			t->list[t->count++] = i;
	}
	return false;
}

static bool takes(const struct state *s, uint32_t c)
{
	if (s->kind == ST_CHAR)
		return s->c == c;
	if (s->kind == ST_ANY)
		return c != '\n' && c != '\r' && c != 0x2028 && c != 0x2029;
	for (uint32_t i = 0; i < s->class->count; i++)
		if (c >= s->class->ranges[i].low && c <= s->class->ranges[i].high)
			return !s->class->negated;
	return s->class->negated;
}

static bool threads_init(struct arena *a, struct threads *t, uint32_t n, uint32_t *mark)
{
	t->list = arena_array(a, uint32_t, n);
	t->stack = arena_array(a, uint32_t, 2 * (size_t)n + 2);
	t->mark = mark;
	return t->list && t->stack && mark;
}

enum err pattern_find(const struct pattern *p, struct str text, struct arena *scratch, int64_t *fuel, bool *found)
{
	uint32_t *mark = arena_array(scratch, uint32_t, p->count);
	struct threads now, then;
	struct place here = {0, text.n, 1};

	*found = false;
	if (!threads_init(scratch, &now, p->count, mark) || !threads_init(scratch, &then, p->count, mark))
		return ERR_MEMORY;
	now.count = 0;
	if (alive(p, &now, 0, &here)) {
		*found = true;
		return OK;
	}
	while (here.at < text.n) {
		uint32_t c = utf8_next(text, &here.at);
		struct threads swap = now;

		here.stamp++;
		then.count = 0;
		if ((*fuel -= 1 + now.count / 8) < 0)
			return ERR_LIMIT;
		for (uint32_t i = 0; i < now.count; i++)
			if (takes(&p->states[now.list[i]], c) && alive(p, &then, now.list[i] + 1, &here))
				return *found = true, OK;
		if (alive(p, &then, 0, &here))
			return *found = true, OK;
		now = then;
		then = swap;
	}
	return OK;
}
