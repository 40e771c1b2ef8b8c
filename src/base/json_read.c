#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/limits.h"
#include "base/num_scan.h"
#include "base/shim.h"

#define DEPTH_CAP 63	  /* what the writer can write again */
#define FIRST_CHILDREN 48 /* children on the C stack: small documents need no second block */
#define FEW_KEYS 8	  /* up to here comparing all pairs beats a table */

const struct json_limits json_limits_default = {JSON_DEPTH_MAX, JSON_KEYS_MAX, JSON_VALUES_MAX, JSON_NUMBER_MAX_CHARS};

/* An array or object that is still open. Its children wait on the reader's stack until it closes and their number is known. */
struct frame {
	uint32_t at, first; /* where it begins; its first child on the stack */
	bool object;
};

struct reader {
	struct json_scan scan; /* text, position, error */
	struct arena *arena;
	const struct json_limits *limits;
	struct json_member *children;
	uint32_t count, room; /* of the stack of children */
	uint32_t values, depth;
	bool child_open; /* the topmost child's value is being read */
	struct frame frames[DEPTH_CAP];
	struct json_member small[FIRST_CHILDREN];
};

#define fail(r, p, what) json_scan_fail(&(r)->scan, p, what)

static enum err grow_children(struct reader *r)
{
	const struct arena_source *source = r->arena->source;
	size_t bytes = (size_t)r->room * sizeof(*r->children);
	struct json_member *wider;

	if (r->room > UINT32_MAX / 2 || bytes > r->arena->max_bytes / 2)
		return ERR_MEMORY;
	wider = source->get(source->ctx, bytes * 2);
	if (!wider)
		return ERR_MEMORY;
	memcpy(wider, r->children, bytes);
	if (r->children != r->small)
		source->put(source->ctx, r->children, bytes);
	r->children = wider;
	r->room *= 2;
	return OK;
}

static void drop_children(struct reader *r)
{
	const struct arena_source *source = r->arena->source;

	if (r->children != r->small)
		source->put(source->ctx, r->children, (size_t)r->room * sizeof(*r->children));
}

static enum err push_child(struct reader *r, struct str key, uint32_t at)
{
	struct json_member *child;
	enum err e;

	if (r->count == r->room && (e = grow_children(r)))
		return e;
	child = &r->children[r->count++];
	child->key = key;
	child->at = at;
	r->child_open = true;
	return OK;
}

/* The pointer to the child being read, or to the container when it is between children; p is NULL without memory. */
static struct str pointer_here(struct reader *r)
{
	struct str pointer = S("");

	for (uint32_t level = 0; WHY_IS_TOLD && pointer.p && level < r->depth; level++) {
		const struct frame *f = &r->frames[level];
		bool innermost = level + 1 == r->depth;
		uint32_t child = innermost ? r->count - 1 : r->frames[level + 1].first - 1;

		if (innermost && !r->child_open)
			break;
		if (f->object)
			pointer = json_pointer(r->arena, pointer, r->children[child].key);
		else
			pointer = json_pointer_index(r->arena, pointer, child - f->first);
	}
	return pointer;
}

static enum err duplicate(struct reader *r, uint32_t child)
{
	uint32_t later = r->count;

	if (!WHY_IS_TOLD)
		return fail(r, r->scan.p, "this key was already given");
	r->scan.why->duplicate = true;
	/* the pointer names the second of the two */
	r->count = child + 1;
	r->child_open = true;
	fail(r, r->scan.text.p + r->children[child].at, "this key was already given");
	r->scan.why->pointer = pointer_here(r);
	r->count = later;
	return ERR_UNREADABLE;
}

/* Open addressing on numbers of children; the seed differs per run and text, so that nobody can choose keys that collide. */
static enum err check_many_keys(struct reader *r, uint32_t first)
{
	uint32_t n = r->count - first, slots = 16, *table;
	uint64_t seed = (uint64_t)(uintptr_t)r ^ (uint64_t)(uintptr_t)r->scan.text.p << 20 ^ r->scan.text.n;
	const struct arena_source *source = r->arena->source;
	size_t bytes;
	enum err e = OK;

	while (slots < n * 2)
		slots *= 2;
	bytes = slots * sizeof(*table);
	table = source->get(source->ctx, bytes);
	if (!table)
		return ERR_MEMORY;
	memset(table, 0, bytes);
	for (uint32_t i = 0; i < n && !e; i++) {
		struct str key = r->children[first + i].key;
		uint32_t slot = (uint32_t)hash64(key, seed) & (slots - 1);

		while (table[slot] > 0 && !str_eq(r->children[first + table[slot] - 1].key, key))
			slot = (slot + 1) & (slots - 1);
		if (table[slot] > 0)
			e = duplicate(r, first + i);
		table[slot] = i + 1;
	}
	source->put(source->ctx, table, bytes);
	return e;
}

static enum err check_keys(struct reader *r, uint32_t first)
{
	if (r->count - first > FEW_KEYS)
		return check_many_keys(r, first);
	for (uint32_t i = first + 1; i < r->count; i++)
		for (uint32_t j = first; j < i; j++)
			if (str_eq(r->children[i].key, r->children[j].key))
				return duplicate(r, i);
	return OK;
}

static enum err open_container(struct reader *r, bool object)
{
	uint32_t depth = r->limits->depth < DEPTH_CAP ? r->limits->depth : DEPTH_CAP;

	if (r->depth >= depth)
		return fail(r, r->scan.p, "this is nested too deeply");
	r->frames[r->depth++] = (struct frame){(uint32_t)(r->scan.p - r->scan.text.p), r->count, object};
	r->child_open = false;
	r->scan.p++;
	return OK;
}

/* Moves the children from the stack into the arena and leaves the container in *v. */
static enum err close_container(struct reader *r, struct json *v)
{
	const struct frame *f = &r->frames[r->depth - 1];
	uint32_t n = r->count - f->first;
	enum err e;

	*v = (struct json){.type = f->object ? JSON_OBJECT : JSON_ARRAY, .at = f->at, .count = n};
	if (f->object && (e = check_keys(r, f->first)))
		return e;
	if (n > 0 && f->object) {
		v->members = arena_copy(r->arena, r->children + f->first, n * sizeof(*v->members));
		if (!v->members)
			return ERR_MEMORY;
	} else if (n > 0) {
		v->items = arena_array(r->arena, struct json, n);
		if (!v->items)
			return ERR_MEMORY;
		for (uint32_t i = 0; i < n; i++)
			v->items[i] = r->children[f->first + i].value;
	}
	r->count = f->first;
	r->depth--;
	r->child_open = r->depth > 0;
	r->scan.p++;
	return OK;
}

static enum err read_number(struct reader *r, struct json *v)
{
	struct json_scan *s = &r->scan;
	uint32_t most =
	    r->limits->number_chars < JSON_NUMBER_MAX_CHARS ? r->limits->number_chars : JSON_NUMBER_MAX_CHARS;
	struct decimal d;
	const char *stop = num_scan(s->p, s->end, &d);

	if (!d.ok)
		return fail(
		    r, stop, stop < s->end ? "this is not how a number is written" : "the text ends inside a number");
	if ((size_t)(stop - s->p) > most)
		return fail(r, s->p, "this number has too many characters");
	v->type = JSON_INT;
	if (!decimal_int(&d, &v->i)) {
		v->type = JSON_NUM;
		if (!decimal_num(&d, &v->num))
			return fail(r, s->p, "this number is too large");
	}
	s->p = stop;
	return OK;
}

static enum err read_word(struct reader *r, struct str word)
{
	struct json_scan *s = &r->scan;

	for (size_t i = 0; i < word.n; i++)
		if (s->p + i == s->end || s->p[i] != word.p[i])
			return fail(
			    r, s->p + i, s->p + i < s->end ? "a value was expected" : "the text ends inside a value");
	s->p += word.n;
	return OK;
}

/* One value, or the opening bracket of a container (then *opened). */
static enum err read_value(struct reader *r, struct json *v, bool *opened)
{
	struct json_scan *s = &r->scan;

	*opened = false;
	if (s->p == s->end)
		return fail(r, s->p, "the text ends where a value was expected");
	if (++r->values > r->limits->values)
		return fail(r, s->p, "there are too many values");
	*v = (struct json){.type = JSON_NULL, .at = (uint32_t)(s->p - s->text.p)};
	switch (*s->p) {
	case '{':
	case '[':
		*opened = true;
		return open_container(r, *s->p == '{');
	case '"':
		v->type = JSON_STR;
		return json_scan_string(s, r->arena, &v->s);
	case 't':
	case 'f':
		v->type = JSON_BOOL;
		v->b = *s->p == 't';
		return read_word(r, v->b ? S("true") : S("false"));
	case 'n':
		return read_word(r, S("null"));
	case '-':
	case '0' ... '9':
		return read_number(r, v);
	}
	return fail(r, s->p, "a value was expected");
}

static enum err read_key(struct reader *r)
{
	struct json_scan *s = &r->scan;
	uint32_t first = r->frames[r->depth - 1].first;
	uint32_t at = (uint32_t)(s->p - s->text.p);
	struct str key;
	enum err e;

	if (s->p == s->end)
		return fail(r, s->p, "the text ends inside an object");
	if (*s->p != '"')
		return fail(r, s->p, "a key in double quotes was expected");
	if (r->count - first >= r->limits->keys)
		return fail(r, s->p, "this object has too many keys");
	if ((e = json_scan_string(s, r->arena, &key)) || (e = push_child(r, key, at)))
		return e;
	json_scan_space(s);
	if (s->p == s->end || *s->p != ':')
		return fail(r, s->p, s->p < s->end ? "a colon was expected" : "the text ends inside an object");
	s->p++;
	json_scan_space(s);
	return OK;
}

/* After a value: a comma, then (for objects) the next key; or the end of one or more containers. Done when none is open. */
static enum err after_value(struct reader *r, struct json *v, bool *done)
{
	struct json_scan *s = &r->scan;
	enum err e;

	for (;;) {
		bool object;

		*done = r->depth == 0;
		if (*done)
			return OK;
		r->children[r->count - 1].value = *v;
		r->child_open = false;
		object = r->frames[r->depth - 1].object;
		json_scan_space(s);
		if (s->p == s->end)
			return fail(
			    r, s->p, object ? "the text ends inside an object" : "the text ends inside an array");
		if (*s->p == ',') {
			s->p++;
			json_scan_space(s);
			return object ? read_key(r) : push_child(r, S(""), 0);
		}
		if (*s->p != (object ? '}' : ']'))
			return fail(r, s->p, object ? "a comma or } was expected" : "a comma or ] was expected");
		if ((e = close_container(r, v)))
			return e;
	}
}

static enum err read_document(struct reader *r, struct json *out)
{
	struct json_scan *s = &r->scan;
	struct json v;
	bool opened, done = false;
	enum err e;

	while (!done) {
		json_scan_space(s);
		if ((e = read_value(r, &v, &opened)))
			return e;
		if (opened) {
			json_scan_space(s);
			if (s->p == s->end || *s->p != (r->frames[r->depth - 1].object ? '}' : ']')) {
				e = r->frames[r->depth - 1].object ? read_key(r) : push_child(r, S(""), 0);
				if (e)
					return e;
				continue;
			}
			if ((e = close_container(r, &v)))
				return e;
		}
		if ((e = after_value(r, &v, &done)))
			return e;
	}
	json_scan_space(s);
	if (s->p != s->end)
		return fail(r, s->p, "nothing may follow the value");
	*out = v;
	return OK;
}

enum err json_read(
    struct arena *a, struct str text, const struct json_limits *limits, struct json **out, struct json_error *why)
{
	struct reader r;
	struct json *doc = arena_new(a, struct json);
	enum err e;

	*why = (struct json_error){.line = 1, .column = 1, .what = "", .pointer = S("")};
	if (!doc)
		return ERR_MEMORY;
	if (!text.p)
		text = S("");
	r.scan = (struct json_scan){.text = text, .p = text.p, .end = text.p + text.n, .why = why};
	r.arena = a;
	r.limits = limits;
	r.children = r.small;
	r.count = r.values = r.depth = 0;
	r.room = FIRST_CHILDREN;
	r.child_open = false;
	if (text.n >= UINT32_MAX)
		e = fail(&r, text.p, "the text is too long");
	else if (str_starts(text, S("\xef\xbb\xbf")))
		e = fail(&r, text.p, "the text begins with a byte order mark");
	else
		e = read_document(&r, doc);
	if (e == ERR_UNREADABLE && why->pointer.p && why->pointer.n == 0)
		why->pointer = pointer_here(&r);
	if (!why->pointer.p) {
		why->pointer = S("");
		e = ERR_MEMORY;
	}
	drop_children(&r);
	if (!e)
		*out = doc;
	return e;
}
