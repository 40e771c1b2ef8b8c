/* read_choices.c - choices, rows, columns and items: one kind of thing under different names. */
#include "engine/def.h"
#include "base/hash.h"
#include "base/limits.h"

static bool value_read(struct reader r, struct str key, struct def_choice *c)
{
	const struct json *v = json_get(r.json, key);
	struct buf digits;

	read_missing(r, key);
	if (!v)
		return false;
	if (v->type == JSON_STR && v->s.n) {
		c->text = v->s;
		return true;
	}
	if (v->type != JSON_INT || v->i > (1LL << 53) || v->i < -(1LL << 53)) {
		diag(&r.d->diags, D_MIXED_VALUES, where_key(&r.d->diags, r.at, key), S(""), S(""));
		return false;
	}
	c->is_number = true;
	c->number = v->i;
	buf_init(&digits, r.d->a, 32);
	buf_int(&digits, v->i);
	c->text = str_make(digits.p, digits.n);
	return true;
}

static void code_read(struct reader r, struct def_choice *c)
{
	const struct json *v = json_get(r.json, S("code"));

	if (!v)
		return;
	if (v->type != JSON_INT) {
		read_shape(r, S("code"), "a whole number");
		return;
	}
	c->has_code = true;
	c->code = v->i;
}

static const struct prop choice_props[] = {PROP_OF(def_choice, "value", DONE, text),
    PROP_OF(def_choice, "code", DONE, code), PROP_OF(def_choice, "label", TEXT, label),
    PROP_OF(def_choice, "visible_if", FORMULA, visible_if), PROP_OF(def_choice, "fixed", BOOL, fixed),
    PROP_OF(def_choice, "exclusive", BOOL, exclusive),
    PROP_WORD(def_choice, "role", role, " other none refused dont_know na"),
    PROP_OF(def_choice, "enable_if", FORMULA, enable_if), PROP_OF(def_choice, "image", MEDIA, image)};
static const struct shape choice_shape = {"a choice", choice_props, countof(choice_props)};

static bool choice_read(struct reader r, struct def_choice *c)
{
	c->at = r.at;
	if (r.json->type != JSON_OBJECT) {
		diag(&r.d->diags, D_SHAPE, r.at, S("choice"), S("an object with value and label"));
		return false;
	}
	read_props(r, &choice_shape, P_ALL, P_ALL, c);
	code_read(r, c);
	return value_read(r, S("value"), c);
}

static const struct prop item_props[] = {PROP_OF(def_choice, "name", NAME, text),
    PROP_OF(def_choice, "title", TEXT, label), PROP_OF(def_choice, "code", DONE, code),
    PROP_OF(def_choice, "visible_if", FORMULA, visible_if)};
static const struct shape item_shape = {"an item", item_props, countof(item_props)};

/* `name` and `title` as a question has them; of a multi_text with its type and that type's properties. */
static bool item_read(struct reader r, struct def_choice *c, const struct def_question *of)
{
	c->at = r.at;
	if (of->type == Q_multi_text) {
		if (!(c->item = read_item_question(r, of)))
			return false;
		c->text = c->item->name;
		c->label = c->item->title;
		c->visible_if = c->item->visible_if;
	} else {
		read_props(r, &item_shape, P_ALL, P_ALL, c);
	}
	code_read(r, c);
	return c->text.n > 0;
}

/* A row or item is known by a name. Items say `name` and `title`, rows `value` and `label`. */
static bool row_read(struct reader r, struct def_choice *c, const struct def_question *of)
{
	if (json_get(r.json, S("name")))
		return item_read(r, c, of);
	if (!choice_read(r, c))
		return false;
	if (name_valid(c->text) && !c->is_number)
		return true;
	diag(&r.d->diags, D_BAD_NAME, where_key(&r.d->diags, r.at, S("value")), c->text, S(""));
	return false;
}

/* Each value (or each code) once: by a table, since lists may be long. */
static void check_unique(struct def *d, const struct def_choices *list, bool codes)
{
	uint32_t size = 16;
	uint32_t *table;

	while (size < 4 * list->count)
		size *= 2;
	if (!(table = arena_array(d->a, uint32_t, size))) {
		d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		const struct def_choice *c = &list->list[i], *other;
		uint64_t hash = codes ? (uint64_t)c->code * 0x9e3779b97f4a7c15u >> 40 : hash64(c->text, 1);
		uint32_t slot = (uint32_t)hash & (size - 1);

		if (codes && !c->has_code)
			continue;
		for (; table[slot]; slot = (slot + 1) & (size - 1)) {
			other = &list->list[table[slot] - 1];
			if (codes ? other->code == c->code : str_eq(other->text, c->text)) {
				diag(&d->diags, codes ? D_DUPLICATE_CODE : D_DUPLICATE_VALUE,
				    codes ? where_key(&d->diags, c->at, S("code")) : c->at,
				    codes ? diag_int(&d->diags, c->code) : c->text, S(""));
				break;
			}
		}
		table[slot] = i + 1;
	}
}

static void take_list(struct reader r, struct str key, struct def_choices *out, struct str name)
{
	struct def *d = r.d;

	for (uint32_t i = 0; i < d->list_count; i++)
		if (str_eq(d->lists[i].name, name)) {
			out->shared = &d->lists[i].choices;
			d->lists[i].used = true;
			return;
		}
	diag(&d->diags, D_UNKNOWN_LIST, where_key(&d->diags, r.at, key), name, S(""));
}

static void read_list(struct reader r, struct str key, struct def_choices *out, struct def_question *rows_of)
{
	struct reader all = read_into(r, key);
	uint32_t others = 0;

	out->at = all.at;
	if (all.json->type == JSON_STR && !str_eq(key, S("choices"))) {
		out->name = all.json->s;
		take_list(r, key, out, out->name);
		for (uint32_t i = 0; rows_of && out->shared && i < out->shared->count; i++)
			if (out->shared->list[i].is_number || !name_valid(out->shared->list[i].text))
				diag(&r.d->diags, D_BAD_NAME, all.at, out->shared->list[i].text, S(""));
		return;
	}
	if (all.json->type != JSON_ARRAY || str_eq(key, S("choice_list"))) {
		read_shape(r, key, str_eq(key, S("choice_list")) ? "the name of a list" : "a list");
		return;
	}
	if (!read_bounded(r, key, all.json, QUESTION_CHOICES_MAX))
		return;
	if (all.json->count && !(out->list = arena_array(r.d->a, struct def_choice, all.json->count))) {
		r.d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < all.json->count; i++) {
		struct def_choice *c = &out->list[out->count];
		struct reader one = read_item(all, i);

		if (rows_of ? row_read(one, c, rows_of) : choice_read(one, c)) {
			out->count++;
			others += c->role == ROLE_OTHER;
			if (c->role == ROLE_OTHER && others == 2)
				diag(&r.d->diags, D_TWO_OTHERS, where_key(&r.d->diags, c->at, S("role")), S(""), S(""));
		} else {
			*c = (struct def_choice){NULL};
		}
	}
	check_unique(r.d, out, false);
	check_unique(r.d, out, true);
}

void read_choices(struct reader r, struct str key, struct def_choices *out, struct def_question *rows_of)
{
	size_t errors = r.d->diags.errors;

	read_list(r, key, out, rows_of);
	out->wrong = r.d->diags.errors > errors || (out->shared && out->shared->wrong);
}
