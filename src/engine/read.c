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

static bool among(const char *const *list, struct str key)
{
	for (; list && *list; list++)
		if (str_eq(key, str_from(*list)))
			return true;
	return false;
}

void read_keys(struct reader r, const char *const *known, const char *const *not_built, const char *what)
{
	struct diags *d = &r.d->diags;

	for (uint32_t i = 0; r.json->type == JSON_OBJECT && i < r.json->count; i++) {
		struct str key = r.json->members[i].key;

		if (among(known, key))
			continue;
		if (str_starts(key, S("x_")))
			diag(d, D_FOREIGN, where_key(d, r.at, key), key, S(""));
		else if (among(not_built, key))
			unbuilt(r.d, D_UNBUILT_KEY, D_LEFT_OUT_KEY, where_key(d, r.at, key), key, S(""));
		else
			diag(d, D_UNKNOWN_KEY, where_key(d, r.at, key), key, str_from(what));
	}
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

static struct str word_list(struct arena *a, const char *const *words, size_t n)
{
	struct buf b;

	buf_init(&b, a, 512);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add(&b, S(", "));
		buf_add(&b, str_from(words[i]));
	}
	return str_make(b.p, b.n);
}

/* The number of the word, 0 when it is not given or wrong. */
int read_word(struct reader r, struct str key, const char *const *words, size_t n)
{
	struct diags *d = &r.d->diags;
	struct str s = read_str(r, key);

	if (!s.p)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, str_from(words[i])))
			return (int)i;
	diag(d, D_NOT_ONE_OF, where_key(d, r.at, key), s, word_list(r.d->a, words, n));
	return 0;
}

enum order read_order(struct reader r, struct str key, bool questions)
{
	static const char *const orders[] = {"fixed", "random", "rotate", "reverse", "least_filled", "asc", "desc"};
	static const enum order kinds[] = {
	    ORDER_FIXED, ORDER_RANDOM, ORDER_ROTATE, ORDER_REVERSE, ORDER_LEAST_FILLED, ORDER_ASC, ORDER_DESC};

	return kinds[read_word(r, key, orders, questions ? 5 : countof(orders))];
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

/* NULL when it is not there or no array. */
bool read_bounded(struct reader r, struct str key, const struct json *list)
{
	static const struct {
		const char *key;
		uint32_t most;
	} bounds[] = {{"pages", SURVEY_PAGES_MAX}, {"calculated", SURVEY_CALCULATED_MAX}, {"rules", SURVEY_RULES_MAX},
	    {"parameters", SURVEY_PARAMETERS_MAX}, {"outcomes", SURVEY_OUTCOMES_MAX}, {"quotas", QUOTAS_MAX},
	    {"cells", QUOTA_CELLS_MAX}, {"choice_lists", SURVEY_LISTS_MAX}, {"languages", SURVEY_LANGUAGES_MAX}};

	for (size_t i = 0; i < countof(bounds); i++)
		if (list->count > bounds[i].most && str_eq(key, str_from(bounds[i].key))) {
			diag(&r.d->diags, D_TOO_MANY, where_key(&r.d->diags, r.at, key), key,
			    diag_int(&r.d->diags, bounds[i].most));
			return false;
		}
	return true;
}

const struct json *read_array(struct reader r, struct str key)
{
	const struct json *v = json_get(r.json, key);

	if (v && v->type != JSON_ARRAY) {
		read_shape(r, key, "a list");
		return NULL;
	}
	return v && read_bounded(r, key, v) ? v : NULL;
}
