#include "export/table.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/num.h"
#include "export/export.h"

enum err table_init(struct table *t, struct arena *a)
{
	*t = (struct table){.room = 64, .seen_size = 4 * EXPORT_COLUMNS_MAX};
	t->columns = arena_array(a, struct table_column, t->room);
	t->seen = arena_array(a, uint64_t, t->seen_size);
	return t->columns && t->seen ? OK : ERR_MEMORY;
}

enum seen_as { SEEN_COLUMN, SEEN_NAME }; /* two kinds of keys in one set */

/* Two columns with the same 64 bits would lose one; at 20,000 columns the chance is one in 10^11. */
static bool seen_before(struct table *t, struct str key, enum seen_as as)
{
	uint64_t h = hash64(key, as) | 1;
	size_t at = h % t->seen_size;

	while (t->seen[at] != 0) {
		if (t->seen[at] == h)
			return true;
		at = (at + 1) % t->seen_size;
	}
	t->seen[at] = h;
	return false;
}

static enum err joined(struct arena *a, struct str head, struct str between, struct str tail, struct str *out)
{
	struct buf b;

	buf_init(&b, a, VALUE_TEXT_MAX_BYTES);
	buf_add(&b, head);
	buf_add(&b, between);
	buf_add(&b, tail);
	return buf_done(&b, out);
}

static enum err small_letters(struct arena *a, struct str s, struct str *out)
{
	struct buf b;

	buf_init(&b, a, VALUE_TEXT_MAX_BYTES);
	for (size_t i = 0; i < s.n; i++)
		buf_char(&b, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 32 : s.p[i]));
	return buf_done(&b, out);
}

/* The choice `x` of `a` and a question `a_x` would both head their columns a_x: the later one becomes a_x_2. For SPSS A_X is the
 * same name. */
static enum err name_alone(struct table *t, struct table_column *column, struct arena *a)
{
	const struct str wanted = column->name;
	struct str small;
	enum err e;

	for (int64_t n = 2;; n++) {
		char digits[24];

		if ((e = small_letters(a, column->name, &small)) || !seen_before(t, small, SEEN_NAME))
			return e;
		e = joined(a, wanted, S("_"),
		    str_make(digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)n)), &column->name);
		if (e)
			return e;
	}
}

/* What a column is of, whatever it is called: question, part, and for a roster's also roster and record. */
static enum err column_key(const struct table_column *c, struct arena *a, struct str *out)
{
	struct buf b;

	buf_init(&b, a, VALUE_TEXT_MAX_BYTES);
	buf_add(&b, c->question);
	buf_char(&b, '\n');
	buf_add(&b, c->part);
	if (c->member.n > 0) {
		buf_char(&b, '\n');
		buf_char(&b, '\n');
		buf_add(&b, c->member);
	}
	if (c->record > 0) {
		buf_char(&b, '\n');
		buf_add(&b, c->roster);
		buf_char(&b, '\n');
		buf_int(&b, (int64_t)c->record);
	}
	return buf_done(&b, out);
}

static enum err add(struct table *t, struct table_column column, struct arena *a)
{
	struct str key;
	enum err e;

	/* The same column of another version, or another one whose name is only the same. */
	if ((e = column_key(&column, a, &key)))
		return e;
	if (seen_before(t, key, SEEN_COLUMN))
		return OK;
	if (t->n == EXPORT_COLUMNS_MAX)
		return ERR_LIMIT;
	if ((e = name_alone(t, &column, a)))
		return e;
	if (t->n == t->room) {
		t->columns = arena_grow(a, t->columns, t->room * sizeof(column), 2 * t->room * sizeof(column));
		if (!t->columns)
			return ERR_MEMORY;
		t->room *= 2;
	}
	t->columns[t->n++] = column;
	return OK;
}

static enum part_kind parts_of(struct str type)
{
	static const struct {
		const char *type;
		enum part_kind kind;
	} rows[] = {
	    {"multi", PART_CHOSEN},
	    {"rank", PART_PLACE},
	    {"matrix", PART_MEMBER},
	    {"multi_text", PART_MEMBER},
	    {"allocation", PART_MEMBER},
	    {"geopoint", PART_MEMBER},
	    {"consent", PART_CONSENT},
	};

	for (size_t i = 0; i < countof(rows); i++)
		if (str_eq(type, str_from(rows[i].type)))
			return rows[i].kind;
	return PART_NONE;
}

/* A column of the file for each choice, row or item. */
static enum err add_parts(
    struct table *t, struct table_column column, const struct export_choice *parts, size_t n, struct arena *a)
{
	const struct str name = column.name, label = column.label;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		column.part = str_dup(a, parts[i].value);
		if ((e = joined(a, name, S("_"), column.part, &column.name)) ||
		    (e = joined(a, label, S(": "), parts[i].label, &column.label)) || (e = add(t, column, a)))
			return e;
	}
	return OK;
}

/* Several answers in each row: a column for each row and choice. */
static enum err add_sets(struct table *t, struct table_column column, const struct export_column *c, struct arena *a)
{
	const struct str name = column.name, label = column.label;
	enum err e;

	column.kind = PART_CHOSEN;
	for (size_t i = 0; i < c->item_count; i++) {
		column.member = str_dup(a, c->items[i].value);
		if ((e = joined(a, name, S("_"), column.member, &column.name)) ||
		    (e = joined(a, label, S(": "), c->items[i].label, &column.label)) ||
		    (e = add_parts(t, column, c->choices, c->choice_count, a)))
			return e;
	}
	return OK;
}

/* The consent itself, then what it was given to. */
static enum err add_consent(struct table *t, struct table_column column, struct arena *a)
{
	static const struct export_choice parts[] = {{.value = {"text", 4}, .label = {"text shown", 10}},
	    {.value = {"language", 8}, .label = {"language", 8}}, {.value = {"at", 2}, .label = {"time", 4}}};
	struct table_column whole = column;
	enum err e;

	whole.kind = PART_NONE;
	return (e = add(t, whole, a)) ? e : add_parts(t, column, parts, countof(parts), a);
}

static enum err add_column(struct table *t, const struct export_column *c, struct arena *a)
{
	struct table_column column = {
	    /* The program may leave memory before the table does. */
	    .name = str_dup(a, c->name),
	    .label = str_dup(a, c->label),
	    .kind = parts_of(c->type),
	    .personal = c->personal,
	    .parameter = str_eq(c->type, S("parameter")),
	};

	column.question = c->key.n ? str_dup(a, c->key) : column.name;
	column.part = S("");
	if (c->record > 0) {
		column.roster = str_dup(a, c->roster);
		column.question = str_dup(a, c->member);
		column.record = c->record;
	}
	if (c->sets)
		return add_sets(t, column, c, a);
	if (column.kind == PART_MEMBER && c->item_count > 0)
		return add_parts(t, column, c->items, c->item_count, a);
	if ((column.kind == PART_CHOSEN || column.kind == PART_PLACE) && c->choice_count > 0)
		return add_parts(t, column, c->choices, c->choice_count, a);
	if (column.kind == PART_CONSENT)
		return add_consent(t, column, a);
	column.kind = PART_NONE;
	return add(t, column, a);
}

enum err table_add(struct table *t, const struct program *program, struct str language, bool personal, struct arena *a)
{
	struct export_column *columns;
	size_t n;
	enum err e;

	if ((e = program_columns(program, program_language_pick(program, language), a, &columns, &n)))
		return e;
	for (size_t i = 0; i < n; i++) {
		if (columns[i].personal && !personal)
			continue;
		if ((e = add_column(t, &columns[i], a)))
			return e;
	}
	return OK;
}

void table_head(const struct table *t, bool labels, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_char(out, ',');
		csv_field(out, labels && t->columns[i].label.n > 0 ? t->columns[i].label : t->columns[i].name, false);
	}
}

/* ---- cells ---- */

static void put_value(struct buf *out, const struct json *v, struct buf *scratch);

/* Several values in one cell, as a matrix with several answers a row has them. */
static void put_joined(struct buf *out, const struct json *v, struct buf *scratch)
{
	struct str text;

	scratch->n = 0;
	for (uint32_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_char(scratch, ';');
		if (v->items[i].type == JSON_STR)
			buf_add(scratch, v->items[i].s);
		else if (v->items[i].type == JSON_INT)
			buf_int(scratch, v->items[i].i);
	}
	if (!buf_done(scratch, &text))
		csv_field(out, text, false);
}

static void put_document(struct buf *out, const struct json *v, struct buf *scratch)
{
	struct json_out w;
	struct str text;

	scratch->n = 0;
	json_out_init(&w, scratch);
	json_put(&w, v);
	if (!buf_done(scratch, &text))
		csv_field(out, text, false);
}

static void put_value(struct buf *out, const struct json *v, struct buf *scratch)
{
	char text[NUM_TEXT_MAX];

	switch (v->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		buf_add(out, v->b ? S("true") : S("false"));
		break;
	case JSON_INT:
		buf_int(out, v->i);
		break;
	case JSON_NUM:
		buf_add(out, str_make(text, num_text(v->num, text)));
		break;
	case JSON_STR:
		csv_field(out, v->s, false);
		break;
	case JSON_ARRAY:
		if (v->count == 0 || v->items[0].type < JSON_ARRAY)
			put_joined(out, v, scratch);
		else
			put_document(out, v, scratch);
		break;
	case JSON_OBJECT:
		put_document(out, v, scratch);
		break;
	}
}

/* Where the value of a choice stands among those chosen, from 1; 0: not chosen. */
static uint32_t place_of(const struct json *chosen, struct str value)
{
	char text[NUM_TEXT_MAX];

	for (uint32_t i = 0; i < chosen->count; i++) {
		const struct json *v = &chosen->items[i];
		struct str s = v->type == JSON_STR ? v->s
			       : json_is_num(v)	   ? str_make(text, num_text(json_num(v), text))
						   : (struct str){0};

		if (str_eq(s, value))
			return i + 1;
	}
	return 0;
}

static void put_cell(const struct table_column *c, const struct json *v, struct buf *out, struct buf *scratch)
{
	uint32_t place;

	if (v && c->member.n > 0)
		v = json_get(v, c->member);
	if (!v)
		return;
	if (c->kind == PART_NONE) {
		put_value(out, v, scratch);
	} else if (c->kind == PART_MEMBER || c->kind == PART_CONSENT) {
		if ((v = json_get(v, c->part)))
			put_value(out, v, scratch);
	} else if (v->type == JSON_ARRAY) {
		place = place_of(v, c->part);
		if (c->kind == PART_CHOSEN)
			buf_char(out, place ? '1' : '0');
		else if (place)
			buf_int(out, place);
	}
}

static const struct json *record_of(const struct json *roster, uint32_t record)
{
	return roster && roster->type == JSON_ARRAY && record <= roster->count ? &roster->items[record - 1] : NULL;
}

/* The name of a question in a record is that of its fields: ROSTER-KEY-NAME, where a value's signs other than letters, digits and _
 * are written as -0xx (roster.c of the engine). */
static struct str consent_path(const struct table_column *c, const struct json *record, struct buf *scratch)
{
	static const char digits[] = "0123456789abcdef";
	const struct json *item = json_get(record, S("_item"));
	char number[NUM_TEXT_MAX];
	struct str key, out = S("");

	if (c->record == 0)
		return c->question;
	key = !item		       ? (struct str){0}
	      : item->type == JSON_STR ? item->s
				       : str_make(number, num_text(json_num(item), number));
	scratch->n = 0;
	buf_add(scratch, c->roster);
	buf_char(scratch, '-');
	for (size_t i = 0; i < key.n && i < 200; i++) {
		unsigned char x = (unsigned char)key.p[i];

		if ((x >= '0' && x <= '9') || ((x | 32) >= 'a' && (x | 32) <= 'z') || x == '_') {
			buf_char(scratch, (char)x);
			continue;
		}
		buf_add(scratch, S("-0"));
		buf_char(scratch, digits[x >> 4]);
		buf_char(scratch, digits[x & 15]);
	}
	buf_char(scratch, '-');
	buf_add(scratch, c->question);
	return buf_done(scratch, &out) ? S("") : out;
}

static const struct json *value_in(
    const struct table_column *c, const struct table_answers *row, bool personal, struct buf *scratch)
{
	const struct json *from = c->parameter ? row->parameters : personal ? row->personal : row->answers;
	const struct json *consents = !personal	      ? row->consents
				      : row->personal ? json_get(row->personal, S("@consents"))
						      : NULL;

	if (from && c->record > 0)
		from = record_of(json_get(from, c->roster), c->record);
	if (!from || c->kind != PART_CONSENT)
		return from ? json_get(from, c->question) : NULL;
	return consents ? json_get(consents, consent_path(c, from, scratch)) : NULL;
}

void table_row(const struct table *t, const struct table_answers *row, struct buf *out)
{
	struct buf scratch;

	buf_init(&scratch, out->arena, RESPONSE_TEXT_MAX_BYTES);
	for (size_t i = 0; i < t->n; i++) {
		const struct table_column *c = &t->columns[i];
		const struct json *v = value_in(c, row, c->personal, &scratch);

		/* what is personal in one version need not be so in another */
		if (!v && !c->parameter)
			v = value_in(c, row, !c->personal, &scratch);
		buf_char(out, ',');
		put_cell(c, v, out, &scratch);
	}
	if (scratch.failed && !out->failed)
		out->failed = scratch.failed;
}
