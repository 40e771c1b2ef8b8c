#include "base/arena.h"
#include "base/json.h"
#include "base/shim.h"

const struct json *json_get(const struct json *object, struct str key)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	for (uint32_t i = 0; i < object->count; i++)
		if (str_eq(object->members[i].key, key))
			return &object->members[i].value;
	return NULL;
}

bool json_is_num(const struct json *v)
{
	return v && (v->type == JSON_INT || v->type == JSON_NUM);
}

double json_num(const struct json *v)
{
	return v->type == JSON_INT ? (double)v->i : v->num;
}

struct str json_str_or(const struct json *object, struct str key, struct str fallback)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_STR ? v->s : fallback;
}

/* Exact: a double equals an integer only when it is that integer, not when rounding the integer gives the double. */
static bool same_number(const struct json *a, const struct json *b)
{
	if (a->type == JSON_INT && b->type == JSON_INT)
		return a->i == b->i;
	if (a->type == JSON_NUM && b->type == JSON_NUM)
		return a->num == b->num;
	if (a->type == JSON_NUM)
		return same_number(b, a);
	return b->num >= -9223372036854775808.0 && b->num < 9223372036854775808.0 &&
	       (double)(int64_t)b->num == b->num && (int64_t)b->num == a->i;
}

static bool same_members(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		const struct json_member *m = &a->members[i];
		const struct json *other =
		    str_eq(b->members[i].key, m->key) ? &b->members[i].value : json_get(b, m->key);

		if (!other || !json_same(&m->value, other))
			return false;
	}
	return true;
}

bool json_same(const struct json *a, const struct json *b)
{
	if (json_is_num(a) && json_is_num(b))
		return same_number(a, b);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case JSON_BOOL:
		return a->b == b->b;
	case JSON_STR:
		return str_eq(a->s, b->s);
	case JSON_ARRAY:
		if (a->count != b->count)
			return false;
		for (uint32_t i = 0; i < a->count; i++)
			if (!json_same(&a->items[i], &b->items[i]))
				return false;
		return true;
	case JSON_OBJECT:
		return a->count == b->count && same_members(a, b);
	default:
		return true;
	}
}

struct str json_pointer(struct arena *a, struct str base, struct str key)
{
	size_t n = base.n + 1 + key.n;
	char *p, *to;

	for (size_t i = 0; i < key.n; i++)
		n += key.p[i] == '~' || key.p[i] == '/';
	p = to = arena_alloc(a, n);
	if (!p)
		return str_make(NULL, 0);
	mem_copy(to, base.p, base.n);
	to += base.n;
	*to++ = '/';
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '~' || key.p[i] == '/') {
			*to++ = '~';
			*to++ = key.p[i] == '~' ? '0' : '1';
		} else {
			*to++ = key.p[i];
		}
	}
	return str_make(p, n);
}

struct str json_pointer_index(struct arena *a, struct str base, size_t index)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + index % 10);
		index /= 10;
	} while (index > 0);
	return json_pointer(a, base, str_make(text + at, sizeof(text) - at));
}
