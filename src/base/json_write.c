#include "base/arena.h"
#include "base/json.h"
#include "base/num.h"
#include "base/shim.h"
#include "base/utf8.h"

#define DEPTH_MAX 63
#define FEW_MEMBERS 16 /* sorted on the C stack */

void json_out_init(struct json_out *w, struct buf *buf)
{
	*w = (struct json_out){.buf = buf};
}

static void misuse(struct json_out *w, enum err e)
{
	if (!w->buf->failed)
		w->buf->failed = e;
}

/* Before every value: the comma it needs, unless its key has just been written. */
static void before_value(struct json_out *w)
{
	uint64_t level = (uint64_t)1 << w->depth;

	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth > 0 && (w->comma & level))
		buf_char(w->buf, ',');
	w->comma |= level;
}

void json_open(struct json_out *w, char bracket)
{
	if (w->depth >= DEPTH_MAX) {
		misuse(w, ERR_LIMIT);
		return;
	}
	before_value(w);
	w->depth++;
	w->comma &= ~((uint64_t)1 << w->depth);
	buf_char(w->buf, bracket);
}

void json_close(struct json_out *w, char bracket)
{
	if (w->depth == 0 || w->after_key) {
		misuse(w, w->buf->failed ? w->buf->failed : ERR_INTERNAL);
		return;
	}
	w->depth--;
	buf_char(w->buf, bracket);
}

static void put_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_add(b, S("\\\""));
		return;
	case '\\':
		buf_add(b, S("\\\\"));
		return;
	case '/':
		buf_add(b, S("\\/"));
		return;
	case '\n':
		buf_add(b, S("\\n"));
		return;
	case '\r':
		buf_add(b, S("\\r"));
		return;
	case '\t':
		buf_add(b, S("\\t"));
		return;
	case '\b':
		buf_add(b, S("\\b"));
		return;
	case '\f':
		buf_add(b, S("\\f"));
		return;
	}
	buf_add(b, S("\\u"));
	buf_uint_hex(b, c, 4);
}

/* Not sure to stand for themselves wherever they stand. */
static const bool looked_at[256] = {
    [0 ... 0x1f] = true, ['"'] = true, ['/'] = true, ['\\'] = true, [0x80 ... 0xff] = true};

/* Quotes a string. Bytes that are not UTF-8 become U+FFFD: whatever it is given, what comes out is JSON. */
static void put_quoted(struct buf *b, struct str s)
{
	size_t from = 0, at = 0;

	while (at < s.n && !looked_at[(unsigned char)s.p[at]])
		at++;
	buf_char(b, '"');
	while (at < s.n) {
		unsigned char c = (unsigned char)s.p[at];
		size_t next = at + 1;

		if (c >= 0x80) {
			next = at;
			if (utf8_next(s, &next) != 0xfffd || next > at + 1) {
				at = next;
				continue;
			}
			buf_add(b, str_sub(s, from, at - from));
			buf_add(b, S("\xef\xbf\xbd"));
			from = next;
		} else if (c < 0x20 || c == '"' || c == '\\' || (c == '/' && at > 0 && s.p[at - 1] == '<')) {
			buf_add(b, str_sub(s, from, at - from));
			put_escape(b, c);
			from = next;
		}
		at = next;
	}
	buf_add(b, str_sub(s, from, s.n));
	buf_char(b, '"');
}

void json_key(struct json_out *w, struct str key)
{
	if (w->after_key || w->depth == 0) {
		misuse(w, ERR_INTERNAL);
		return;
	}
	before_value(w);
	put_quoted(w->buf, key);
	buf_char(w->buf, ':');
	w->after_key = true;
}

void json_put_str(struct json_out *w, struct str s)
{
	before_value(w);
	put_quoted(w->buf, s);
}

void json_put_int(struct json_out *w, int64_t v)
{
	before_value(w);
	buf_int(w->buf, v);
}

void json_put_num(struct json_out *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	before_value(w);
	/* Shortest digits padded with zeros are not the number itself from 2^53 on, and reading keeps integers exact. */
	if ((bits >> 52 & 0x7ff) == 0x7ff)
		buf_add(w->buf, S("null"));
	else if (v >= -0x1p63 && v < 0x1p63 && (double)(int64_t)v == v)
		buf_int(w->buf, (int64_t)v);
	else
		num_put(w->buf, v);
}

void json_put_bool(struct json_out *w, bool v)
{
	before_value(w);
	buf_add(w->buf, v ? S("true") : S("false"));
}

void json_put_null(struct json_out *w)
{
	before_value(w);
	buf_add(w->buf, S("null"));
}

void json_put_raw(struct json_out *w, struct str json)
{
	before_value(w);
	buf_add(w->buf, json);
}

static bool put_scalar(struct json_out *w, const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		json_put_null(w);
		return true;
	case JSON_BOOL:
		json_put_bool(w, v->b);
		return true;
	case JSON_INT:
		json_put_int(w, v->i);
		return true;
	case JSON_NUM:
		json_put_num(w, v->num);
		return true;
	case JSON_STR:
		json_put_str(w, v->s);
		return true;
	default:
		return false;
	}
}

/* A shell sort needs no memory and no recursion; keys of one object differ, so that its order is the only one. */
static void sort_members(const struct json_member **order, uint32_t n)
{
	uint32_t gap = 1;

	while (gap < n / 3)
		gap = gap * 3 + 1;
	for (; gap > 0; gap /= 3) {
		for (uint32_t i = gap; i < n; i++) {
			const struct json_member *m = order[i];
			uint32_t j = i;

			for (; j >= gap && str_cmp(order[j - gap]->key, m->key) > 0; j -= gap)
				order[j] = order[j - gap];
			order[j] = m;
		}
	}
}

static void put_tree(struct json_out *w, const struct json *v, bool sorted);

static void put_sorted(struct json_out *w, const struct json *v)
{
	const struct json_member *few[FEW_MEMBERS], **order = few;

	if (v->count > FEW_MEMBERS)
		order = arena_array(w->buf->arena, const struct json_member *, v->count);
	if (!order) {
		misuse(w, ERR_MEMORY);
		return;
	}
	for (uint32_t i = 0; i < v->count; i++)
		order[i] = &v->members[i];
	sort_members(order, v->count);
	for (uint32_t i = 0; i < v->count; i++) {
		json_key(w, order[i]->key);
		put_tree(w, &order[i]->value, true);
	}
}

static void put_tree(struct json_out *w, const struct json *v, bool sorted)
{
	/* also what ends the recursion when the writer refuses to nest deeper */
	if (w->buf->failed || put_scalar(w, v))
		return;
	json_open(w, v->type == JSON_OBJECT ? '{' : '[');
	if (w->buf->failed)
		return;
	if (v->type == JSON_OBJECT && sorted) {
		put_sorted(w, v);
	} else if (v->type == JSON_OBJECT) {
		for (uint32_t i = 0; i < v->count; i++) {
			json_key(w, v->members[i].key);
			put_tree(w, &v->members[i].value, false);
		}
	} else {
		for (uint32_t i = 0; i < v->count; i++)
			put_tree(w, &v->items[i], sorted);
	}
	json_close(w, v->type == JSON_OBJECT ? '}' : ']');
}

void json_put(struct json_out *w, const struct json *v)
{
	put_tree(w, v, false);
}

void json_put_canonical(struct json_out *w, const struct json *v)
{
	put_tree(w, v, true);
}

void json_field_str(struct json_out *w, struct str key, struct str s)
{
	json_key(w, key);
	json_put_str(w, s);
}

void json_field_int(struct json_out *w, struct str key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

void json_field_bool(struct json_out *w, struct str key, bool v)
{
	json_key(w, key);
	json_put_bool(w, v);
}

void json_field_raw(struct json_out *w, struct str key, struct str json)
{
	json_key(w, key);
	json_put_raw(w, json);
}
