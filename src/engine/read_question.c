/* read_question.c - questions, property by property. */
#include "engine/def.h"
#include "base/limits.h"
#include "base/num.h"

#define own_accept read_accept
#define own_max_size_bytes read_max_size
typedef void prop_reader(struct reader r, struct str key, struct def_question *q);

static void own_tags(struct reader r, struct str key, struct def_question *q)
{
	const struct json *list = read_array(r, key);

	(void)q; /* for those who search surveys; nothing for the program */
	for (uint32_t i = 0; list && i < list->count; i++)
		if (list->items[i].type != JSON_STR)
			read_shape(r, key, "a list of texts");
}

static void own_default(struct reader r, struct str key, struct def_question *q)
{
	q->first = json_get(r.json, key);
	q->first_at = where_key(&r.d->diags, r.at, key);
	if (json_get(r.json, S("default_expression")))
		diag(&r.d->diags, D_BOTH, q->first_at, key, S("default_expression"));
}

static void own_validators(struct reader r, struct str key, struct def_question *q)
{
	static const char *const known[] = {"expression", "message", NULL};
	const struct json *list = read_array(r, key);
	struct reader all = read_into(r, key);

	if (!list || !list->count)
		return;
	if (!(q->validators = arena_array(r.d->a, struct def_validator, list->count))) {
		r.d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		struct reader one = read_item(all, i);
		struct def_validator *v = &q->validators[q->validator_count];

		if (one.json->type != JSON_OBJECT) {
			diag(&r.d->diags, D_SHAPE, one.at, S("validator"), S("an object"));
			continue;
		}
		read_keys(one, known, NULL, "a validator");
		v->at = one.at;
		read_formula(one, S("expression"), &v->expression);
		read_text(one, S("message"), TEXT_PLAIN, &v->message);
		if (!json_get(one.json, S("expression")))
			diag(&r.d->diags, D_MISSING, one.at, S("expression"), S(""));
		q->validator_count++;
	}
}

static void own_choices(struct reader r, struct str key, struct def_question *q)
{
	if (q->choices.at)
		diag(&r.d->diags, D_BOTH, where_key(&r.d->diags, r.at, key), S("choices"), S("choice_list"));
	else
		read_choices(r, key, &q->choices, NULL);
}

static void own_choices_from(struct reader r, struct str key, struct def_question *q)
{
	q->from_name = read_str(r, key);
	q->from_at = where_key(&r.d->diags, r.at, key);
}

static void own_choices_from_mode(struct reader r, struct str key, struct def_question *q)
{
	static const char *const modes[] = {"selected", "unselected", "all"};

	q->from_mode = (enum from_mode)read_word(r, key, modes, countof(modes));
	if (!json_get(r.json, S("choices_from")))
		diag(&r.d->diags, D_MISSING, r.at, S("choices_from"), S(""));
}

static void own_order(struct reader r, struct str key, struct def_question *q)
{
	q->order = read_order(r, key, q->type == Q_group);
}

static void own_row_order(struct reader r, struct str key, struct def_question *q)
{
	q->row_order = read_order(r, key, false);
}

/* What exports call it; of a group only whether what is inside is exported. */
static void own_export(struct reader r, struct str key, struct def_question *q)
{
	static const char *const known[] = {"skip", "name", "label", NULL};
	static const char *const group[] = {"skip", NULL};
	struct reader all = read_into(r, key);

	if (all.json->type != JSON_OBJECT) {
		read_shape(r, key, "an object with name, label or skip");
		return;
	}
	read_keys(all, q->type == Q_group ? group : known, NULL, "export");
	q->export_at = all.at;
	q->export_skip = read_bool(all, S("skip"), false);
	if (json_get(all.json, S("name")))
		q->export_name = read_name(all);
	read_text(all, S("label"), TEXT_PLAIN, &q->export_label);
}

static void own_image(struct reader r, struct str key, struct def_question *q)
{
	if (q->media[0].at)
		diag(&r.d->diags, D_BOTH, where_key(&r.d->diags, r.at, key), S("image"), S("media"));
	read_text(r, key, TEXT_MEDIA, &q->media[0]);
}

static void own_media(struct reader r, struct str key, struct def_question *q)
{
	static const char *const known[] = {"image", "audio", "video", NULL};
	struct reader all = read_into(r, key);

	if (all.json->type != JSON_OBJECT) {
		read_shape(r, key, "an object with image, audio or video");
		return;
	}
	read_keys(all, known, NULL, "media");
	if (json_get(all.json, S("image")))
		own_image(all, S("image"), q);
	read_text(all, S("audio"), TEXT_MEDIA, &q->media[1]);
	read_text(all, S("video"), TEXT_MEDIA, &q->media[2]);
}

static void own_display(struct reader r, struct str key, struct def_question *q)
{
	static const char *const choice[] = {"radio", "dropdown", "buttons", "likert", "images"};
	static const char *const rating[] = {"numbers", "stars", "nps", "smileys"};
	int word;

	if (q->type == Q_rating)
		word = DISPLAY_NUMBERS + read_word(r, key, rating, countof(rating));
	else if ((word = read_word(r, key, choice, countof(choice))) > DISPLAY_LIKERT)
		word = DISPLAY_IMAGES;
	q->display = (enum display)word;
}

static void own_rows(struct reader r, struct str key, struct def_question *q)
{
	if (q->type == Q_text)
		q->text_rows = read_count(r, key);
	else
		read_choices(r, key, &q->rows, q);
}

static void own_columns(struct reader r, struct str key, struct def_question *q)
{
	read_choices(r, key, &q->choices, NULL);
}

static void own_items(struct reader r, struct str key, struct def_question *q)
{
	read_choices(r, key, &q->rows, q);
}

static void own_cell(struct reader r, struct str key, struct def_question *q)
{
	static const char *const cells[] = {"single", "multi", "text", "number"};

	q->cell = (enum cell)read_word(r, key, cells, countof(cells));
}

static void own_pattern(struct reader r, struct str key, struct def_question *q)
{
	struct pattern *made;
	const char *why = "";
	uint32_t at;
	enum err e;

	q->pattern = read_str(r, key);
	q->pattern_at = where_key(&r.d->diags, r.at, key);
	if (!q->pattern.p)
		return;
	e = pattern_compile(r.d->a, q->pattern, &made, &why, &at);
	if (e == ERR_MEMORY)
		r.d->diags.memory = true;
	else if (e)
		diag(&r.d->diags, D_BAD_PATTERN, q->pattern_at, str_from(why), S(""));
}

static void own_input(struct reader r, struct str key, struct def_question *q)
{
	static const char *const inputs[] = {"text", "email", "url", "tel"};

	q->input = (enum input)read_word(r, key, inputs, countof(inputs));
}

static void own_subtype(struct reader r, struct str key, struct def_question *q)
{
	static const char *const subtypes[] = {"decimal", "integer"};

	q->integer = read_word(r, key, subtypes, countof(subtypes)) == 1;
}

static bool own_number(struct reader r, struct str key, double *out)
{
	const struct json *v = json_get(r.json, key);

	if (!v || !json_is_num(v) || json_num(v) > 1e15 || json_num(v) < -1e15) {
		read_shape(r, key, "a number");
		return false;
	}
	*out = json_num(v);
	return true;
}

static void own_bound(struct reader r, struct str key, struct def_question *q, bool low)
{
	struct number_or *n = low ? &q->min : &q->max;

	if (q->type == Q_roster) {
		*(low ? &q->at_least : &q->at_most) = read_count(r, key);
		return;
	}
	n->json = json_get(r.json, key);
	if (!(type_rows[q->type].groups & P_BOUNDS)) {
		if (low)
			q->has_low = own_number(r, key, &q->low);
		else
			q->has_high = own_number(r, key, &q->high);
		return;
	}
	read_formula(r, key, &n->formula);
	n->at = n->formula.at;
}

static void own_min(struct reader r, struct str key, struct def_question *q)
{
	own_bound(r, key, q, true);
}

static void own_max(struct reader r, struct str key, struct def_question *q)
{
	own_bound(r, key, q, false);
}

static void own_step(struct reader r, struct str key, struct def_question *q)
{
	q->has_step = own_number(r, key, &q->step);
	if (q->has_step && q->step <= 0) {
		diag(&r.d->diags, D_STEP, where_key(&r.d->diags, r.at, key), S(""), S(""));
		q->has_step = false;
	}
}

static void own_key(struct reader r, struct str key, struct def_question *q)
{
	q->key_name = read_str(r, key);
	q->key_at = where_key(&r.d->diags, r.at, key);
}

static void own_total(struct reader r, struct str key, struct def_question *q)
{
	q->has_total = own_number(r, key, &q->total);
}

/* Labels of a scale: {"1": "Not at all", "7": "Very much"}. */
static void own_labels(struct reader r, struct str key, struct def_question *q)
{
	struct reader all = read_into(r, key);
	struct def_choices *out = &q->labels;
	char plain[NUM_TEXT_MAX];

	if (all.json->type != JSON_OBJECT) {
		read_shape(r, key, "an object, labels by number");
		return;
	}
	out->at = all.at;
	if (all.json->count && !(out->list = arena_array(r.d->a, struct def_choice, all.json->count))) {
		r.d->diags.memory = true;
		return;
	}
	for (uint32_t i = 0; i < all.json->count; i++) {
		struct def_choice *c = &out->list[out->count];

		c->text = all.json->members[i].key;
		c->at = where_key(&r.d->diags, all.at, c->text);
		c->is_number = true;
		if (!num_read(c->text, &c->point) || !str_eq(c->text, str_make(plain, num_text(c->point, plain)))) {
			diag(&r.d->diags, D_BAD_LABEL_KEY, c->at, c->text, S(""));
			continue;
		}
		read_text(all, c->text, TEXT_PLAIN, &c->label);
		out->count++;
	}
}

enum how { AS_DONE, AS_TEXT, AS_MARKUP, AS_FORMULA, AS_BOOL, AS_COUNT, AS_OWN, AS_LATER };

struct prop {
	const char *key;
	uint32_t groups;
	enum how how;
	size_t member;
	prop_reader *own;
};

/* The preprocessor picks the function of OWN rows only. */
#define OWNER_DONE(key) NULL
#define OWNER_TEXT(key) NULL
#define OWNER_MARKUP(key) NULL
#define OWNER_FORMULA(key) NULL
#define OWNER_BOOL(key) NULL
#define OWNER_COUNT(key) NULL
#define OWNER_LATER(key) NULL
#define OWNER_OWN(key) own_##key
#define own_choice_list own_choices

static const struct prop props[] = {
#define PROP(key, groups, how, member)                                                                                 \
	{#key, groups, AS_##how, offsetof(struct def_question, member), OWNER_##how(key)},
#include "engine/props.def"
#undef PROP
};

static void read_prop(struct reader r, const struct prop *p, struct str key, struct def_question *q)
{
	char *member = (char *)q + p->member;

	switch (p->how) {
	case AS_TEXT:
	case AS_MARKUP:
		read_text(r, key, p->how == AS_TEXT ? TEXT_PLAIN : TEXT_MARKUP, (struct text *)(void *)member);
		break;
	case AS_FORMULA:
		read_formula(r, key, (struct formula *)(void *)member);
		break;
	case AS_BOOL:
		*(bool *)member = read_bool(r, key, false);
		break;
	case AS_COUNT:
		*(int64_t *)(void *)member = read_count(r, key);
		break;
	case AS_OWN:
		p->own(r, key, q);
		break;
	case AS_LATER:
		unbuilt(r.d, D_UNBUILT_KEY, D_LEFT_OUT_KEY, where_key(&r.d->diags, r.at, key), key, S(""));
		break;
	default:
		break;
	}
}

static void read_props(struct reader r, struct def_question *q, bool item)
{
	uint32_t groups = type_rows[q->type].groups;

	for (uint32_t i = 0; i < r.json->count; i++) {
		struct str key = r.json->members[i].key;
		const struct prop *p = NULL;
		const struct where *at = where_key(&r.d->diags, r.at, key);

		for (size_t k = 0; k < countof(props) && !p; k++)
			if (str_eq(key, str_from(props[k].key)))
				p = &props[k];
		if (item && (str_eq(key, S("code")) || (p && !(p->groups & P_ITEM))))
			p = NULL;
		if (item && str_eq(key, S("code")))
			continue; /* the row's */
		if (p && (p->groups & groups))
			read_prop(r, p, key, q);
		else if (p)
			diag(&r.d->diags, D_WRONG_TYPE_KEY, at, key, str_from(type_rows[q->type].name));
		else if (str_starts(key, S("x_")))
			diag(&r.d->diags, D_FOREIGN, at, key, S(""));
		else
			diag(&r.d->diags, D_UNKNOWN_KEY, at, key, item ? S("an item") : S("a question"));
	}
}

/* Its type is a question's, or short for a text of that kind. */
struct def_question *read_item_question(struct reader r, const struct def_question *of)
{
	static const char *const words[] = {"text", "email", "url", "tel", "number", "date", "time", "datetime"};
	static const enum question_type types[] = {
	    Q_text, Q_text, Q_text, Q_text, Q_number, Q_date, Q_time, Q_datetime};
	struct def_question *q = arena_new(r.d->a, struct def_question);
	int word = read_word(r, S("type"), words, countof(words));

	if (!q) {
		r.d->diags.memory = true;
		return NULL;
	}
	*q = (struct def_question){.at = r.at,
	    .json = r.json,
	    .type = types[word],
	    .page = of->page,
	    .roster = of->roster,
	    .index = of->index};
	q->at_least = q->at_most = q->text_rows = q->decimals = -1;
	q->name = read_name(r);
	read_props(r, q, true);
	if (q->type == Q_text && word)
		q->input = (enum input)word;
	return q;
}

/* Records in records would need more of everything that names an answer: fields, pointers, columns. */
static void read_nested(struct reader r, struct def_question *q)
{
	q->left_out = true;
	q->type = Q_note;
	if (r.d->flags & COMPILE_LEAVE_OUT_UNBUILT)
		diag(&r.d->diags, D_LEFT_OUT_QUESTION, r.at, q->name, S("roster, inside another one,"));
	else
		diag(&r.d->diags, D_UNBUILT_NESTED, r.at, q->name, q->roster->name);
}

static void read_question(struct reader r, struct def_page *page, struct def_question *parent)
{
	struct def *d = r.d;
	struct def_question *q;
	struct str type = read_str(r, S("type"));
	bool known = false;

	if (d->question_count >= d->question_room)
		return;
	q = &d->questions[d->question_count];
	*q = (struct def_question){
	    .at = r.at, .json = r.json, .page = page, .parent = parent, .index = d->question_count++};
	q->roster = parent && parent->type == Q_roster ? parent : parent ? parent->roster : NULL;
	q->at_least = q->at_most = q->text_rows = q->decimals = -1;
	q->name = read_name(r);
	for (uint32_t i = 0; i < QUESTION_TYPES; i++)
		if (str_eq(type, str_from(type_rows[i].name))) {
			q->type = (enum question_type)i;
			known = true;
		}
	if (!known) {
		q->left_out = true;
		if (type.p)
			diag(&d->diags, D_UNKNOWN_TYPE, where_key(&d->diags, r.at, S("type")), type, S(""));
		else if (!json_get(r.json, S("type")))
			diag(&d->diags, D_MISSING, r.at, S("type"), S(""));
		return;
	}
	if (q->type == Q_roster && q->roster) {
		read_nested(r, q);
		return;
	}
	if ((r.d->flags & COMPILE_NO_MEDIA) && (type_rows[q->type].groups & P_FILES)) {
		read_no_media(r, q);
		return;
	}
	if (q->type == Q_rating)
		q->display = DISPLAY_NUMBERS;
	read_props(r, q, false);
	if (q->type == Q_group || q->type == Q_roster)
		read_questions(r, page, q);
	q->span = d->question_count - q->index - 1;
}

void read_questions(struct reader holder, struct def_page *p, struct def_question *parent)
{
	const struct json *list = read_array(holder, S("questions"));
	struct reader all = read_into(holder, S("questions"));

	for (uint32_t i = 0; list && i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (r.json->type != JSON_OBJECT)
			diag(&r.d->diags, D_SHAPE, r.at, S("question"), S("an object"));
		else
			read_question(r, p, parent);
	}
}
