/* value.c - equality, order, and texts of values. */
#include "engine/value.h"
#include "base/arena.h"
#include "base/num.h"
#include "base/shim.h"
#include "base/time.h"

bool value_is_empty(const struct value *v)
{
	switch (v->kind) {
	case V_EMPTY:
		return true;
	case V_TEXT:
		return v->s.n == 0;
	case V_LIST:
	case V_RECORD:
		return v->count == 0;
	default:
		return false;
	}
}

bool value_is_true(const struct value *v)
{
	return v->kind == V_BOOL && v->b;
}

int64_t value_day(const struct value *v)
{
	return v->kind == V_DATETIME ? v->t / DAY_MS - (v->t % DAY_MS < 0) : v->t;
}

bool value_days(const struct value *a, const struct value *b)
{
	return (a->kind == V_DATE && b->kind == V_DATETIME) || (a->kind == V_DATETIME && b->kind == V_DATE);
}

/* As RFC 3339 has it, but seconds may be missing, so may the zone (then it is UTC), and a blank may stand for the T: what fields of
 * pages and other programs give. */
static bool datetime_read(struct str s, int64_t *t)
{
	char whole[48];
	size_t n = 16;
	bool zone = false;

	if (s.n < n || s.n > 40)
		return false;
	for (size_t i = n; i < s.n; i++)
		zone |= s.p[i] == 'Z' || s.p[i] == 'z' || s.p[i] == '+' || s.p[i] == '-';
	mem_copy(whole, s.p, n);
	if (whole[10] == ' ')
		whole[10] = 'T';
	if (s.n == n || s.p[n] != ':') {
		mem_copy(whole + n, ":00", 3);
		n += 3;
	}
	mem_copy(whole + n, s.p + 16, s.n - 16);
	n += s.n - 16;
	if (!zone)
		whole[n++] = 'Z';
	return time_read(str_make(whole, n), t);
}

bool moment_read(enum value_kind kind, struct str s, int64_t *t)
{
	int32_t n;

	if (kind == V_DATETIME)
		return datetime_read(s, t);
	if (!(kind == V_DATE ? date_read(s, &n) : clock_read(s, &n)))
		return false;
	*t = n;
	return true;
}

bool value_in(const struct value *item, const struct value *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (value_same(item, &list->items[i]))
			return true;
	return false;
}

const struct value *value_field(const struct value *record, struct str name)
{
	if (record->kind == V_RECORD)
		for (uint32_t i = 0; i < record->count; i++)
			if (str_eq(record->fields[i].name, name))
				return &record->fields[i].value;
	return NULL;
}

static bool same_list(const struct value *a, const struct value *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!value_in(&a->items[i], b) || !value_in(&b->items[i], a))
			return false;
	return true;
}

static bool same_record(const struct value *a, const struct value *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct value *other = value_field(b, a->fields[i].name);

		if (!other || !value_same(&a->fields[i].value, other))
			return false;
	}
	return true;
}

bool value_same(const struct value *a, const struct value *b)
{
	if (value_is_empty(a) || value_is_empty(b))
		return value_is_empty(a) && value_is_empty(b);
	if (a->kind != b->kind)
		return value_days(a, b) && value_day(a) == value_day(b);
	switch (a->kind) {
	case V_BOOL:
		return a->b == b->b;
	case V_NUM:
		return a->num == b->num;
	case V_TEXT:
		return str_eq(a->s, b->s);
	case V_LIST:
		return same_list(a, b);
	case V_RECORD:
		return same_record(a, b);
	default:
		return a->t == b->t;
	}
}

bool value_order(const struct value *a, const struct value *b, int *order)
{
	if (value_days(a, b)) {
		*order = (value_day(a) > value_day(b)) - (value_day(a) < value_day(b));
		return true;
	}
	if (a->kind != b->kind || value_is_empty(a) || value_is_empty(b))
		return false;
	switch (a->kind) {
	case V_NUM:
		*order = (a->num > b->num) - (a->num < b->num);
		return true;
	case V_TEXT: /* the bytes of UTF-8 sort as its code points do */
		*order = str_cmp(a->s, b->s);
		return true;
	case V_DATE:
	case V_TIME:
	case V_DATETIME:
		*order = (a->t > b->t) - (a->t < b->t);
		return true;
	default:
		return false;
	}
}

static void clock_show(struct buf *b, int64_t seconds)
{
	int64_t hour = seconds / 3600, minute = seconds / 60 % 60, second = seconds % 60;
	char text[8] = {(char)('0' + hour / 10), (char)('0' + hour % 10), ':', (char)('0' + minute / 10),
	    (char)('0' + minute % 10), ':', (char)('0' + second / 10), (char)('0' + second % 10)};

	buf_add(b, str_make(text, second ? 8 : 5));
}

static void scalar_show(struct buf *b, const struct value *v)
{
	char text[TIME_TEXT_BYTES];

	switch (v->kind) {
	case V_BOOL:
		buf_add(b, v->b ? S("true") : S("false"));
		break;
	case V_NUM:
		if (v->num - v->num == 0)
			num_put(b, v->num);
		break;
	case V_TEXT:
		buf_add(b, v->s);
		break;
	case V_DATE:
		date_text((int32_t)v->t, text);
		buf_add(b, str_make(text, 10));
		break;
	case V_TIME:
		clock_show(b, v->t);
		break;
	case V_DATETIME:
		date_text((int32_t)value_day(v), text);
		text[10] = ' ';
		buf_add(b, str_make(text, 11));
		clock_show(b, (v->t - value_day(v) * DAY_MS) / 1000);
		break;
	default:
		break;
	}
}

/* A reference to a file is shown by its name. */
static const struct value *named(const struct value *item)
{
	return item->kind == V_RECORD && item->count == 4 && str_eq(item->fields[3].name, S("size_bytes"))
		   ? &item->fields[1].value
		   : item;
}

void value_show(struct buf *b, const struct value *v)
{
	bool some = false;

	if (v->kind != V_LIST && v->kind != V_RECORD) {
		scalar_show(b, v);
		return;
	}
	for (uint32_t i = 0; i < v->count; i++) {
		const struct value *item = named(v->kind == V_LIST ? &v->items[i] : &v->fields[i].value);

		if (value_is_empty(item))
			continue;
		if (some)
			buf_add(b, S(", "));
		some = true;
		if (item->kind == V_LIST || item->kind == V_RECORD)
			buf_add(b, S("…")); /* one level is all that answers have */
		else
			scalar_show(b, item);
	}
}

void value_json(struct json_out *w, const struct value *v)
{
	struct buf text;
	char iso[TIME_TEXT_BYTES];

	switch (v->kind) {
	case V_EMPTY:
		json_put_null(w);
		break;
	case V_BOOL:
		json_put_bool(w, v->b);
		break;
	case V_NUM: /* under `compat: surveyjs` there is what is no number */
		if (v->num - v->num == 0)
			json_put_num(w, v->num);
		else
			json_put_null(w);
		break;
	case V_LIST:
		json_open(w, '[');
		for (uint32_t i = 0; i < v->count; i++)
			value_json(w, &v->items[i]);
		json_close(w, ']');
		break;
	case V_RECORD:
		json_open(w, '{');
		for (uint32_t i = 0; i < v->count; i++) {
			json_key(w, v->fields[i].name);
			value_json(w, &v->fields[i].value);
		}
		json_close(w, '}');
		break;
	case V_TEXT:
		json_put_str(w, v->s);
		break;
	case V_DATETIME:
		time_text(v->t, iso);
		json_put_str(w, str_make(iso, TIME_TEXT_BYTES));
		break;
	default:
		if (v->t == INT64_MIN) { /* and dates that are none */
			json_put_null(w);
			break;
		}
		buf_init(&text, w->buf->arena, 64);
		scalar_show(&text, v);
		json_put_str(w, str_make(text.p, text.n));
		break;
	}
}

static enum err items_from_json(struct arena *a, const struct json *j, struct value *out)
{
	struct value *items = arena_array(a, struct value, j->count);
	enum err e;

	if (!items && j->count)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < j->count; i++)
		if ((e = value_from_json(a, &j->items[i], &items[i])))
			return e;
	*out = (struct value){.kind = V_LIST, .count = j->count, .items = items};
	return OK;
}

static enum err fields_from_json(struct arena *a, const struct json *j, struct value *out)
{
	struct value_field *fields = arena_array(a, struct value_field, j->count);
	enum err e;

	if (!fields && j->count)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < j->count; i++) {
		fields[i].name = j->members[i].key;
		if ((e = value_from_json(a, &j->members[i].value, &fields[i].value)))
			return e;
	}
	*out = (struct value){.kind = V_RECORD, .count = j->count, .fields = fields};
	return OK;
}

enum err value_from_json(struct arena *a, const struct json *j, struct value *out)
{
	*out = value_empty;
	switch (j->type) {
	case JSON_NULL:
		return OK;
	case JSON_BOOL:
		*out = value_bool(j->b);
		return OK;
	case JSON_INT:
	case JSON_NUM:
		*out = value_num(json_num(j));
		return OK;
	case JSON_STR:
		*out = value_text(j->s);
		return OK;
	case JSON_ARRAY:
		return items_from_json(a, j, out);
	default:
		return fields_from_json(a, j, out);
	}
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[VALUE_KINDS] = {
	    "empty", "true or false", "number", "text", "date", "time", "datetime", "list", "record"};

	return kind < VALUE_KINDS ? names[kind] : "?";
}
