/* pattern.c - pattern source to a tree, and the tree to states. */
#include "engine/pattern_states.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/utf8.h"

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
	uint32_t written; /* nodes written out: repetitions of nothing must end too */
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
	struct range *grown = arena_grow(p->a, c->ranges, c->count * sizeof(*grown), (c->count + 1) * sizeof(*grown));

	if (!grown) {
		p->memory = true;
		return false;
	}
	c->ranges = grown;
	c->ranges[c->count++] = (struct range){low, high};
	return true;
}

static const struct range digit_ranges[] = {{'0', '9'}};
static const struct range word_ranges[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct range space_ranges[] = {{9, 13}, {32, 32}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};

/* \d and its like into a class; the opposites are the gaps between the ranges. */
static bool class_add_named(struct parser *p, struct class *c, uint32_t letter)
{
	uint32_t lower = letter | 32, next = 0,
		 bit = 1u << (2 * (lower == 'd'	     ? 0
				      : lower == 'w' ? 1
						     : 2) +
			      (letter == lower));
	const struct range *r = lower == 'd' ? digit_ranges : lower == 'w' ? word_ranges : space_ranges;
	size_t n = lower == 'd' ? countof(digit_ranges) : lower == 'w' ? countof(word_ranges) : countof(space_ranges);

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
static void class_settle(struct class *c)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < c->count; i++) {
		struct range x = c->ranges[i];
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
	for (uint32_t x = 0; x < 128; x++)
		c->ascii[x / 32] |= (uint32_t)class_takes(c, x) << x % 32;
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
	class_settle(&n->class);
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
		class_settle(&n->class);
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

static struct pnode *parse_repeat(struct parser *p)
{
	struct pnode *n = parse_atom(p), *r;
	uint32_t c;

	while (n && p->at < p->s.n) {
		c = peek(p);
		if (c != '*' && c != '+' && c != '?' && c != '{')
			break;
		if (n->kind == P_START || n->kind == P_STOP)
			return fail(p, "^ and $ cannot be repeated; write \\ before the sign to mean itself");
		next(p);
		if (!(r = node(p, P_REPEAT, n, NULL)))
			return NULL;
		r->min = c == '+';
		r->max = c == '?' ? 1 : -1;
		if (c == '{' && !parse_braces(p, &r->min, &r->max))
			return fail(p, "after { stands {m}, {m,} or {m,n} with m not above n");
		if (peek(p) == '?')
			next(p); /* lazy or not makes no difference to whether something is found */
		n = r;
		if (++p->depth > 2 * PATTERN_DEPTH_MAX)
			return fail(p, "too many repetitions of repetitions");
	}
	return n;
}

static struct pnode *parse_row(struct parser *p)
{
	struct pnode *all = node(p, P_EMPTY, NULL, NULL), *one;
	uint32_t depth = p->depth;

	while (all && p->at < p->s.n && peek(p) != '|' && peek(p) != ')') {
		one = parse_repeat(p);
		p->depth = depth;
		if (!one)
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

static bool put(struct parser *p, struct pattern *out, struct state s)
{
	if (out->count >= PATTERN_STATES_MAX) {
		fail(p, "the pattern is too large; smaller counts in {m,n} help");
		return false;
	}
	if (out->states)
		out->states[out->count] = s;
	out->count++;
	return true;
}

static bool put_node(struct parser *p, struct pattern *out, const struct pnode *n);

/* Where the split or jump at `from` may go on besides the next state: here. */
static void land(struct pattern *out, uint32_t from)
{
	if (out->states && out->states[from].kind == ST_SPLIT)
		out->states[from].y = out->count;
	else if (out->states)
		out->states[from].x = out->count;
}

static bool put_repeat(struct parser *p, struct pattern *out, const struct pnode *n)
{
	uint32_t split;

	for (int32_t i = 0; i < n->min; i++)
		if (!put_node(p, out, n->left))
			return false;
	if (n->max < 0) {
		split = out->count;
		if (!put(p, out, (struct state){ST_SPLIT, .x = split + 1}) || !put_node(p, out, n->left) ||
		    !put(p, out, (struct state){ST_JUMP, .x = split}))
			return false;
		land(out, split);
		return true;
	}
	for (int32_t i = n->min; i < n->max; i++) {
		split = out->count;
		if (!put(p, out, (struct state){ST_SPLIT, .x = split + 1}) || !put_node(p, out, n->left))
			return false;
		land(out, split);
	}
	return true;
}

static bool put_either(struct parser *p, struct pattern *out, const struct pnode *n)
{
	uint32_t split = out->count, jump;

	if (!put(p, out, (struct state){ST_SPLIT, .x = split + 1}) || !put_node(p, out, n->left))
		return false;
	jump = out->count;
	if (!put(p, out, (struct state){ST_JUMP}))
		return false;
	land(out, split);
	if (!put_node(p, out, n->right))
		return false;
	land(out, jump);
	return true;
}

static bool put_node(struct parser *p, struct pattern *out, const struct pnode *n)
{
	if (++p->written > 20 * PATTERN_STATES_MAX) {
		fail(p, "the pattern is too large; smaller counts in {m,n} help");
		return false;
	}
	switch (n->kind) {
	case P_EMPTY:
		return true;
	case P_CHAR:
		return put(p, out, (struct state){ST_CHAR, .c = n->c});
	case P_ANY:
		return put(p, out, (struct state){ST_ANY});
	case P_CLASS:
		return put(p, out, (struct state){ST_CLASS, .class = &n->class});
	case P_START:
		return put(p, out, (struct state){ST_START});
	case P_STOP:
		return put(p, out, (struct state){ST_STOP});
	case P_BOTH:
		return put_node(p, out, n->left) && put_node(p, out, n->right);
	case P_EITHER:
		return put_either(p, out, n);
	default:
		return put_repeat(p, out, n);
	}
}

enum err pattern_compile(struct arena *a, struct str source, struct pattern **out, const char **why, uint32_t *at)
{
	struct parser p = {.a = a, .s = source};
	struct pattern *made = arena_new(a, struct pattern);
	struct pnode *tree = NULL;
	bool done = false;

	*at = 0;
	if (!made)
		return ERR_MEMORY;
	if (source.n > PATTERN_SOURCE_MAX_BYTES)
		fail(&p, "the pattern is too long");
	else
		tree = parse_either(&p);
	if (tree && p.at < source.n)
		fail(&p, "there is a ) without its (");
	else if (tree) /* counted first, so that the states take no more room than they need */
		done = put_node(&p, made, tree) && put(&p, made, (struct state){ST_MATCH});
	if (done && !p.why) {
		if (!(made->states = arena_array(a, struct state, made->count)))
			return ERR_MEMORY;
		made->count = p.written = 0;
		put_node(&p, made, tree);
		put(&p, made, (struct state){ST_MATCH});
	}
	if (p.memory)
		return ERR_MEMORY;
	*at = (uint32_t)p.at;
	*why = p.why;
	if (!done || p.why)
		return ERR_INVALID;
	*out = made;
	return OK;
}
