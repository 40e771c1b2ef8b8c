/* read.c - small readers of one property each. */
#include "engine/def.h"
#include "base/limits.h"

const struct type_row type_rows[QUESTION_TYPES] = {
#define QTYPE(name, kinds, items, groups) {#name, kinds, items, P_ALL | (groups)},
#include "engine/types.def"
#undef QTYPE
};

bool name_valid(struct str s)
{
	if (s.n < 1 || s.n > 64 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

void unbuilt(
    struct def *d, enum diag error, enum diag warning, const struct where *at, struct str what, struct str more)
{
	diag(&d->diags, d->flags & COMPILE_LEAVE_OUT_UNBUILT ? warning : error, at, what, more);
}

struct reader read_into(struct reader r, struct str key)
{
	return (struct reader){r.d, where_key(&r.d->diags, r.at, key), json_get(r.json, key)};
}

struct reader read_item(struct reader r, uint32_t i)
{
	return (struct reader){r.d, where_item(&r.d->diags, r.at, i), &r.json->items[i]};
}

void read_shape(struct reader r, struct str key, const char *wanted)
{
	diag(&r.d->diags, D_SHAPE, where_key(&r.d->diags, r.at, key), key, str_from(wanted));
}

void read_missing(struct reader r, struct str key)
{
	if (!json_get(r.json, key))
		diag(&r.d->diags, D_MISSING, r.at, key, S(""));
}

bool read_is_object(struct reader r, const char *what)
{
	struct str name = str_from(what), rest = name;
	bool more = true;

	if (r.json->type == JSON_OBJECT)
		return true;
	str_cut(&rest, ' ', &more);
	diag(&r.d->diags, D_SHAPE, r.at, more ? rest : name, S("an object"));
	return false;
}

struct str read_str(struct reader r, struct str key)
{
	const struct json *v = json_get(r.json, key);

	if (!v)
		return (struct str){NULL, 0};
	if (v->type == JSON_STR)
		return v->s;
	read_shape(r, key, "a text");
	return (struct str){NULL, 0};
}

bool read_bool(struct reader r, struct str key, bool fallback)
{
	const struct json *v = json_get(r.json, key);

	if (!v)
		return fallback;
	if (v->type == JSON_BOOL)
		return v->b;
	read_shape(r, key, "true or false");
	return fallback;
}

/* A whole number from 0; -1 when it is not given. */
int64_t read_count(struct reader r, struct str key)
{
	const struct json *v = json_get(r.json, key);

	if (!v)
		return -1;
	if (v->type == JSON_INT && v->i >= 0 && v->i <= 1000000)
		return v->i;
	read_shape(r, key, "a whole number from 0 to 1,000,000");
	return -1;
}

int word_find(const char *words, struct str word)
{
	struct str rest = str_from(words);
	bool more = true;

	for (int i = 0; more; i++) {
		struct str one = str_cut(&rest, ' ', &more);

		if (one.n && str_eq(one, word))
			return i;
	}
	return -1;
}

static struct str word_list(struct arena *a, const char *words)
{
	struct buf b;

	buf_init(&b, a, 512);
	for (; *words; words++) {
		if (*words != ' ')
			buf_char(&b, *words);
		else if (b.n && words[1] != ' ')
			buf_add(&b, S(", "));
	}
	return str_make(b.p, b.n);
}

/* The number of the word, 0 when it is not given or wrong. */
int read_word(struct reader r, struct str key, const char *words)
{
	struct diags *d = &r.d->diags;
	struct str s = read_str(r, key);
	int word = word_find(words, s);

	if (s.p && word < 0)
		diag(d, D_NOT_ONE_OF, where_key(d, r.at, key), s, word_list(r.d->a, words));
	return word < 0 ? 0 : word;
}

void read_text(struct reader r, struct str key, enum text_use use, struct text *out)
{
	const struct json *v = json_get(r.json, key);

	*out = (struct text){NULL};
	if (!v)
		return;
	if (v->type != JSON_STR && v->type != JSON_OBJECT) {
		read_shape(r, key, "a text, or texts by language");
		return;
	}
	*out = (struct text){.at = where_key(&r.d->diags, r.at, key), .json = v, .use = use};
}

void read_formula(struct reader r, struct str key, struct formula *out)
{
	struct str s = read_str(r, key);

	*out = (struct formula){NULL};
	if (s.p)
		*out = (struct formula){.at = where_key(&r.d->diags, r.at, key), .source = s};
}

/* The name of an object, checked; empty when it is missing or bad. */
struct str read_name(struct reader r)
{
	struct str name = read_str(r, S("name"));

	if (!name.p) {
		if (!json_get(r.json, S("name")))
			diag(&r.d->diags, D_MISSING, r.at, S("name"), S(""));
		return S("");
	}
	if (!name_valid(name)) {
		diag(&r.d->diags, D_BAD_NAME, where_key(&r.d->diags, r.at, S("name")), name, S(""));
		return S("");
	}
	return name;
}

bool read_bounded(struct reader r, struct str key, const struct json *list, uint32_t most)
{
	if (list->count <= most)
		return true;
	diag(&r.d->diags, D_TOO_MANY, where_key(&r.d->diags, r.at, key), key, diag_int(&r.d->diags, most));
	return false;
}

const struct json *read_array(struct reader r, struct str key, uint32_t most)
{
	const struct json *v = json_get(r.json, key);

	if (v && v->type != JSON_ARRAY) {
		read_shape(r, key, "a list");
		return NULL;
	}
	return v && read_bounded(r, key, v, most) ? v : NULL;
}

static void read_prop(struct reader r, const struct prop *p, struct str key, void *out)
{
	void *member = (char *)out + p->member;

	switch ((enum how)p->how) {
	case AS_DONE:
		break;
	case AS_TEXT:
	case AS_MARKUP:
	case AS_ADDRESS:
	case AS_MEDIA:
		read_text(r, key, (enum text_use)(p->how - AS_TEXT), member);
		break;
	case AS_NAME:
		*(struct str *)member = read_name(r);
		break;
	case AS_STR:
		*(struct str *)member = read_str(r, key);
		break;
	case AS_FORMULA:
		read_formula(r, key, member);
		break;
	case AS_BOOL:
		*(bool *)member = read_bool(r, key, false);
		break;
	case AS_COUNT:
		*(int64_t *)member = read_count(r, key);
		break;
	case AS_WORD:
		*(int *)member = read_word(r, key, p->more.words);
		break;
	case AS_OWN:
		p->more.own(r, key, out);
	}
}

void read_props(struct reader r, const struct shape *shape, uint32_t known, uint32_t groups, void *out)
{
	struct diags *d = &r.d->diags;
	const struct prop *end = shape->props + shape->count, *p;

	for (uint32_t i = 0; i < r.json->count; i++) {
		struct str key = r.json->members[i].key;
		const struct where *at = where_key(d, r.at, key);

		for (p = shape->props; p < end; p++)
			if ((p->groups & known) && str_eq(key, str_from(p->key)))
				break;
		if (p < end && (p->groups & groups))
			read_prop(r, p, key, out);
		else if (p < end)
			diag(
			    d, D_WRONG_TYPE_KEY, at, key, str_from(type_rows[((struct def_question *)out)->type].name));
		else if (str_starts(key, S("x_")))
			diag(d, D_FOREIGN, at, key, S(""));
		else
			diag(d, D_UNKNOWN_KEY, at, key, str_from(shape->what));
	}
	for (p = shape->props; p < end; p++)
		if (p->needed)
			read_missing(r, str_from(p->key));
}

void *read_objects(struct reader holder, const char *name, const struct shape *shape, uint32_t *count)
{
	struct str key = str_from(name);
	const struct json *list = read_array(holder, key, shape->most);
	struct reader all = read_into(holder, key);
	char *made, *next;

	if (!list || !list->count)
		return NULL;
	made = next = arena_alloc_array(holder.d->a, list->count, shape->size);
	holder.d->diags.memory |= !made;
	for (uint32_t i = 0; made && i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (!read_is_object(r, shape->what))
			continue;
		*(const struct where **)(void *)next = r.at;
		read_props(r, shape, P_ALL, P_ALL, next);
		if (shape->more)
			shape->more(r, next, *count);
		next += shape->size;
		++*count;
	}
	return made;
}
