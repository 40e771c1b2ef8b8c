/* pattern.c - pattern source to a tree, and the tree to states. */
#include "engine/pattern_states.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/utf8.h"

struct class
{
	struct p_range *ranges; /* in order, with gaps between them, once it is settled */
	uint32_t count, number;
	bool negated;
	uint8_t named;	    /* which of \d \D \w ... were added, bit by bit: each once, however often it is written */
	struct class *next; /* the one settled before it */
};

enum node_kind { P_EMPTY, P_CHAR, P_ANY, P_CLASS, P_START, P_STOP, P_BOTH, P_EITHER, P_REPEAT };

struct pnode {
	enum node_kind kind;
	uint32_t c; /* P_CHAR */
	struct class class;
	int32_t min, max; /* P_REPEAT; max -1: no end */
	struct pnode *left, *right;
};

struct parser {
	struct arena *a;
	struct str s;
	size_t at;
	uint32_t depth;
	uint32_t written;	/* nodes written out: repetitions of nothing must end too */
	struct class *last;	/* settled; numbers are from 0 */
	struct p_state *states; /* NULL while they are counted */
	uint32_t count, class_count, range_count;
	const char *why;
	bool memory;
};

static struct pnode *parse_either(struct parser *p);

static struct pnode *failed(struct parser *p, const char *why)
{
	if (!p->why && !p->memory)
		p->why = why;
	return NULL;
}
#define fail(p, why) failed(p, WHY(why))

static struct pnode *node(struct parser *p, enum node_kind kind, struct pnode *left, struct pnode *right)
{
	struct pnode *n = arena_new(p->a, struct pnode);

	if (!n) {
		p->memory = true;
		return NULL;
	}
	n->kind = kind;
	n->left = left;
	n->right = right;
	return n;
}

static bool class_add(struct parser *p, struct class *c, uint32_t low, uint32_t high)
{
	struct p_range *grown = arena_grow(p->a, c->ranges, c->count * sizeof(*grown), (c->count + 1) * sizeof(*grown));

	if (!grown) {
		p->memory = true;
		return false;
	}
	c->ranges = grown;
	c->ranges[c->count++] = (struct p_range){low, high};
	return true;
}

static const struct p_range digit_ranges[] = {{'0', '9'}};
static const struct p_range word_ranges[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct p_range space_ranges[] = {{9, 13}, {32, 32}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};

/* \d and its like into a class; the opposites are the gaps between the ranges. */
static bool class_add_named(struct parser *p, struct class *c, uint32_t letter)
{
	uint32_t lower = letter | 32, next = 0, which = lower == 'd' ? 0 : lower == 'w' ? 1 : 2;
	uint32_t bit = 1u << (2 * which + (letter == lower));
	const struct p_range *r = which == 0 ? digit_ranges : which == 1 ? word_ranges : space_ranges;
	size_t n = which == 0 ? countof(digit_ranges) : which == 1 ? countof(word_ranges) : countof(space_ranges);

	if (c->named & bit)
		return true;
	c->named |= (uint8_t)bit;
	for (size_t i = 0; i < n; i++) {
		if (letter == lower) {
			if (!class_add(p, c, r[i].low, r[i].high))
				return false;
		} else {
			if (r[i].low > next && !class_add(p, c, next, r[i].low - 1))
				return false;
			next = r[i].high + 1;
		}
	}
	return letter == lower || class_add(p, c, next, 0x10ffff);
}

static bool is_class_letter(uint32_t c)
{
	uint32_t lower = c | 32;

	return c < 128 && (lower == 'd' || lower == 'w' || lower == 's');
}

/* The code point that an escape stands for; 0 when it is none. */
static uint32_t escaped(uint32_t c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? 0 : c;
	}
}

static uint32_t peek(const struct parser *p)
{
	size_t at = p->at;

	return utf8_next(p->s, &at);
}

static uint32_t next(struct parser *p)
{
	return utf8_next(p->s, &p->at);
}

/* One member of a class: a code point in *c, or a named class added whole (then *named). */
static bool class_member(struct parser *p, struct class *class, uint32_t *c, bool *named)
{
	*named = false;
	*c = next(p);
	if (*c != '\\')
		return true;
	*c = next(p);
	if (is_class_letter(*c)) {
		*named = true;
		return class_add_named(p, class, *c);
	}
	*c = escaped(*c);
	if (!*c)
		fail(p, "this escape means nothing here; \\d \\w \\s \\n \\t or a sign may follow a backslash");
	return *c != 0;
}

/* In order and joined where they touch, so that looking a code point up takes few steps however many were written. */
static void class_settle(struct parser *p, struct class *c)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < c->count; i++) {
		struct p_range x = c->ranges[i];
		uint32_t k = i;

		for (; k && c->ranges[k - 1].low > x.low; k--)
			c->ranges[k] = c->ranges[k - 1];
		c->ranges[k] = x;
	}
	for (uint32_t i = 0; i < c->count; i++) {
		if (n && c->ranges[i].low <= c->ranges[n - 1].high + 1) {
			if (c->ranges[i].high > c->ranges[n - 1].high)
				c->ranges[n - 1].high = c->ranges[i].high;
		} else {
			c->ranges[n++] = c->ranges[i];
		}
	}
	c->count = n;
	c->number = p->class_count++;
	c->next = p->last;
	p->last = c;
	p->range_count += n;
}

static struct pnode *parse_class(struct parser *p)
{
	struct pnode *n = node(p, P_CLASS, NULL, NULL);
	uint32_t low, high;
	bool named;

	if (!n)
		return NULL;
	if (peek(p) == '^') {
		next(p);
		n->class.negated = true;
	}
	while (p->at < p->s.n && peek(p) != ']') {
		if (!class_member(p, &n->class, &low, &named))
			return NULL;
		high = low;
		if (!named && p->at + 1 < p->s.n && p->s.p[p->at] == '-' && p->s.p[p->at + 1] != ']') {
			next(p);
			if (!class_member(p, &n->class, &high, &named))
				return NULL;
			if (named || high < low)
				return fail(p, "the range of this class runs backwards");
		}
		if (!named && !class_add(p, &n->class, low, high))
			return NULL;
	}
	if (p->at >= p->s.n)
		return fail(p, "the class is not closed by ]");
	next(p);
	class_settle(p, &n->class);
	return n;
}

static struct pnode *parse_escape(struct parser *p)
{
	uint32_t c = next(p);
	struct pnode *n = node(p, is_class_letter(c) ? P_CLASS : P_CHAR, NULL, NULL);

	if (!n)
		return NULL;
	if (is_class_letter(c)) {
		if (!class_add_named(p, &n->class, c))
			return NULL;
		class_settle(p, &n->class);
		return n;
	}
	n->c = escaped(c);
	return n->c ? n
		    : fail(p, "this escape means nothing here; \\d \\w \\s \\n \\t or a sign may follow a backslash");
}

static struct pnode *parse_group(struct parser *p)
{
	struct pnode *n;

	if (peek(p) == '?') {
		next(p);
		if (next(p) != ':')
			return fail(p, "look-around and named groups are not part of patterns");
	}
	if (++p->depth > PATTERN_DEPTH_MAX)
		return fail(p, "groups are nested too deeply");
	n = parse_either(p);
	p->depth--;
	if (n && (p->at >= p->s.n || next(p) != ')'))
		return fail(p, "the group is not closed by )");
	return n;
}

static struct pnode *parse_atom(struct parser *p)
{
	uint32_t c = next(p);
	struct pnode *n;

	switch (c) {
	case '(':
		return parse_group(p);
	case '[':
		return parse_class(p);
	case '.':
		return node(p, P_ANY, NULL, NULL);
	case '^':
		return node(p, P_START, NULL, NULL);
	case '$':
		return node(p, P_STOP, NULL, NULL);
	case '\\':
		return parse_escape(p);
	case '*':
	case '+':
	case '?':
	case '{':
		return fail(p, "there is nothing here that could be repeated; write \\ before the sign to mean itself");
	default:
		n = node(p, P_CHAR, NULL, NULL);
		if (n)
			n->c = c;
		return n;
	}
}

static bool parse_count(struct parser *p, int32_t *out)
{
	int32_t v = 0;
	size_t from = p->at;

	while (p->at < p->s.n && p->s.p[p->at] >= '0' && p->s.p[p->at] <= '9' && v <= PATTERN_STATES_MAX)
		v = v * 10 + (p->s.p[p->at++] - '0');
	*out = v;
	return p->at > from && v <= PATTERN_STATES_MAX;
}

static bool parse_braces(struct parser *p, int32_t *min, int32_t *max)
{
	uint32_t c;

	if (!parse_count(p, min))
		return false;
	*max = *min;
	c = next(p);
	if (c == ',') {
		*max = -1;
		if (peek(p) != '}' && (!parse_count(p, max) || *max < *min))
			return false;
		c = next(p);
	}
	return c == '}';
}

static bool repeats(const struct parser *p)
{
	uint32_t c = p->at < p->s.n ? peek(p) : 0;

	return c == '*' || c == '+' || c == '?' || c == '{';
}

static struct pnode *parse_repeat(struct parser *p)
{
	struct pnode *n = parse_atom(p), *r;
	uint32_t c;

	if (!n || !repeats(p))
		return n;
	if (n->kind == P_START || n->kind == P_STOP)
		return fail(p, "^ and $ cannot be repeated; write \\ before the sign to mean itself");
	c = next(p);
	if (!(r = node(p, P_REPEAT, n, NULL)))
		return NULL;
	r->min = c == '+';
	r->max = c == '?' ? 1 : -1;
	if (c == '{' && !parse_braces(p, &r->min, &r->max))
		return fail(p, "after { stands {m}, {m,} or {m,n} with m not above n");
	if (p->at < p->s.n && peek(p) == '?')
		next(p); /* lazy or not makes no difference to whether something is found */
	return repeats(p) ? fail(p, "what is repeated stands in ( ) to be repeated again") : r;
}

static struct pnode *parse_row(struct parser *p)
{
	struct pnode *all = node(p, P_EMPTY, NULL, NULL), *one;

	while (all && p->at < p->s.n && peek(p) != '|' && peek(p) != ')') {
		if (!(one = parse_repeat(p)))
			return NULL;
		all = node(p, P_BOTH, all, one);
	}
	return all;
}

static struct pnode *parse_either(struct parser *p)
{
	struct pnode *all = parse_row(p), *one;

	while (all && p->at < p->s.n && peek(p) == '|') {
		next(p);
		if (!(one = parse_row(p)))
			return NULL;
		all = node(p, P_EITHER, all, one);
	}
	return all;
}

/* ---- states ---- */

static bool put(struct parser *p, enum state_kind kind, uint32_t x)
{
	if (p->count >= PATTERN_STATES_MAX)
		return fail(p, "the pattern is too large; smaller counts in {m,n} help");
	if (p->states)
		p->states[p->count].what = STATE(kind, x);
	p->count++;
	return true;
}

static bool put_node(struct parser *p, const struct pnode *n);

/* Where the split or jump at `from` may go on besides the next state: here. */
static void land(struct parser *p, uint32_t from)
{
	if (p->states)
		p->states[from].what |= STATE(0, p->count);
}

static bool put_repeat(struct parser *p, const struct pnode *n)
{
	uint32_t split;

	for (int32_t i = 0; i < n->min; i++)
		if (!put_node(p, n->left))
			return false;
	if (n->max < 0) {
		split = p->count;
		if (!put(p, ST_SPLIT, 0) || !put_node(p, n->left) || !put(p, ST_JUMP, split))
			return false;
		land(p, split);
		return true;
	}
	for (int32_t i = n->min; i < n->max; i++) {
		split = p->count;
		if (!put(p, ST_SPLIT, 0) || !put_node(p, n->left))
			return false;
		land(p, split);
	}
	return true;
}

static bool put_either(struct parser *p, const struct pnode *n)
{
	uint32_t split = p->count, jump;

	if (!put(p, ST_SPLIT, 0) || !put_node(p, n->left))
		return false;
	jump = p->count;
	if (!put(p, ST_JUMP, 0))
		return false;
	land(p, split);
	if (!put_node(p, n->right))
		return false;
	land(p, jump);
	return true;
}

static bool put_node(struct parser *p, const struct pnode *n)
{
	if (++p->written > 20 * PATTERN_STATES_MAX)
		return fail(p, "the pattern is too large; smaller counts in {m,n} help");
	switch (n->kind) {
	case P_EMPTY:
		return true;
	case P_CHAR:
		return put(p, ST_CHAR, n->c);
	case P_CLASS:
		return put(p, ST_CLASS, n->class.number);
	case P_ANY:
	case P_START:
	case P_STOP:
		return put(p, n->kind == P_ANY ? ST_ANY : n->kind == P_START ? ST_START : ST_STOP, 0);
	case P_BOTH:
		return put_node(p, n->left) && put_node(p, n->right);
	case P_EITHER:
		return put_either(p, n);
	default:
		return put_repeat(p, n);
	}
}

/* What was parsed and counted, in arrays of its own. */
static struct pattern *assemble(struct parser *p, const struct pnode *tree)
{
	struct pattern *out = arena_new(p->a, struct pattern);
	struct p_class *classes = arena_array(p->a, struct p_class, (size_t)p->class_count + 1);
	struct p_range *ranges = arena_array(p->a, struct p_range, (size_t)p->range_count + 1);
	uint32_t at = 0;

	p->states = arena_array(p->a, struct p_state, p->count);
	if (!out || !classes || !ranges || !p->states)
		return NULL;
	*out = (struct pattern){p->states, classes, ranges, p->count, p->class_count, p->range_count};
	p->count = p->written = 0;
	put_node(p, tree);
	put(p, ST_MATCH, 0);
	for (const struct class *c = p->last; c; c = c->next) {
		struct p_class *to = &classes[c->number];

		*to = (struct p_class){.ranges = at, .ranges_count = c->count, .negated = c->negated};
		for (uint32_t i = 0; i < c->count; i++)
			ranges[at++] = c->ranges[i];
		for (uint32_t x = 0; x < 128; x++)
			((uint32_t *)to)[x / 32] |= (uint32_t)class_takes(out, to, x) << x % 32;
	}
	return out;
}

enum err pattern_compile(struct arena *a, struct str source, struct pattern **out, const char **why, uint32_t *at)
{
	struct parser p = {.a = a, .s = source};
	struct pnode *tree = NULL;
	bool done = false;

	*at = 0;
	if (source.n > PATTERN_SOURCE_MAX_BYTES)
		fail(&p, "the pattern is too long");
	else
		tree = parse_either(&p);
	if (tree && p.at < source.n)
		fail(&p, "there is a ) without its (");
	else if (tree) /* counted first, so that the states take no more room than they need */
		done = put_node(&p, tree) && put(&p, ST_MATCH, 0);
	if (p.memory || (done && !p.why && !(*out = assemble(&p, tree))))
		return ERR_MEMORY;
	*at = (uint32_t)p.at;
	*why = p.why;
	return !done || p.why ? ERR_INVALID : OK;
}
