/* read_question.c - questions, property by property. */
#include "engine/def.h"
#include "base/limits.h"
#include "base/num.h"

#define own_accept read_accept
#define own_max_size_bytes read_max_size

static void own_tags(struct reader r, struct str key, struct def_question *q)
{
	const struct json *list = read_array(r, key, UINT32_MAX);

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

static const struct prop validator_props[] = {
    PROP_NEEDED(def_validator, "expression", FORMULA, expression), PROP_OF(def_validator, "message", TEXT, message)};
static const struct shape validator_shape = {
    "a validator", validator_props, countof(validator_props), sizeof(struct def_validator), UINT32_MAX, NULL};

static void own_validators(struct reader r, struct str key, struct def_question *q)
{
	(void)key;
	q->validators = read_objects(r, "validators", &validator_shape, &q->validator_count);
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
	q->from_mode = (enum from_mode)read_word(r, key, "selected unselected all");
	read_missing(r, S("choices_from"));
}

static void own_order(struct reader r, struct str key, struct def_question *q)
{
	q->order = (enum order)read_word(r, key, q->type == Q_group ? WORDS_ORDER_QUESTIONS : WORDS_ORDER);
}

/* What exports call it; of a group only whether what is inside is exported. */
static const struct prop export_props[] = {
    {"skip", P_ALL | P_GROUP, AS_BOOL, false, offsetof(struct def_question, export_skip), {NULL}},
    PROP_OF(def_question, "name", NAME, export_name), PROP_OF(def_question, "label", TEXT, export_label)};
static const struct shape export_shape = {"export", export_props, countof(export_props)};

static void own_export(struct reader r, struct str key, struct def_question *q)
{
	struct reader all = read_into(r, key);
	uint32_t groups = q->type == Q_group ? P_GROUP : P_ALL;

	if (all.json->type != JSON_OBJECT) {
		read_shape(r, key, "an object with name, label or skip");
		return;
	}
	q->export_at = all.at;
	read_props(all, &export_shape, groups, groups, q);
}

static void own_image(struct reader r, struct str key, struct def_question *q)
{
	if (q->media[0].at)
		diag(&r.d->diags, D_BOTH, where_key(&r.d->diags, r.at, key), S("image"), S("media"));
	read_text(r, key, TEXT_MEDIA, &q->media[0]);
}

static const struct prop media_props[] = {{"image", P_ALL, AS_OWN, false, 0, {.own = own_image}},
    PROP_OF(def_question, "audio", MEDIA, media[1]), PROP_OF(def_question, "video", MEDIA, media[2])};
static const struct shape media_shape = {"media", media_props, countof(media_props)};

static void own_media(struct reader r, struct str key, struct def_question *q)
{
	struct reader all = read_into(r, key);

	if (all.json->type == JSON_OBJECT)
		read_props(all, &media_shape, P_ALL, P_ALL, q);
	else
		read_shape(r, key, "an object with image, audio or video");
}

/* Both in the order of the enum. */
static void own_display(struct reader r, struct str key, struct def_question *q)
{
	q->display = (enum display)read_word(
	    r, key, q->type == Q_rating ? "    numbers stars nps smileys" : "radio dropdown buttons likert     images");
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

#define WORDS_cell "single multi text number"
#define WORDS_input "text email url tel"
#define WORDS_subtype "decimal integer"
#define WORDS_row_order WORDS_ORDER

/* The preprocessor picks the function of OWN rows only, and the words of WORD rows. */
#define MORE_DONE(key)                                                                                                 \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_TEXT(key)                                                                                                 \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_MARKUP(key)                                                                                               \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_FORMULA(key)                                                                                              \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_BOOL(key)                                                                                                 \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_COUNT(key)                                                                                                \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_STR(key)                                                                                                  \
	{                                                                                                              \
		NULL                                                                                                   \
	}
#define MORE_WORD(key)                                                                                                 \
	{                                                                                                              \
		WORDS_##key                                                                                            \
	}
#define MORE_OWN(key)                                                                                                  \
	{                                                                                                              \
		.own = own_##key                                                                                       \
	}
#define own_choice_list own_choices

static const struct prop props[] = {
#define PROP(key, groups, how, member)                                                                                 \
	{#key, groups, AS_##how, false, offsetof(struct def_question, member), MORE_##how(key)},
#include "engine/props.def"
#undef PROP
    {"code", P_ITEM_ONLY, AS_DONE, false, 0, {NULL}} /* the row's */
};
static const struct shape question_shape = {"a question", props, countof(props)};
static const struct shape item_shape = {"an item", props, countof(props)};

/* Its type is a question's, or short for a text of that kind. */
struct def_question *read_item_question(struct reader r, const struct def_question *of)
{
	static const uint8_t types[] = {Q_text, Q_text, Q_text, Q_text, Q_number, Q_date, Q_time, Q_datetime};
	struct def_question *q = arena_new(r.d->a, struct def_question);
	int word = read_word(r, S("type"), "text email url tel number date time datetime");

	if (!q) {
		r.d->diags.memory = true;
		return NULL;
	}
	*q = (struct def_question){.at = r.at,
	    .json = r.json,
	    .type = (enum question_type)types[word],
	    .page = of->page,
	    .roster = of->roster,
	    .index = of->index};
	q->at_least = q->at_most = q->text_rows = q->decimals = -1;
	q->name = read_name(r);
	read_props(r, &item_shape, P_ITEM | P_ITEM_ONLY, type_rows[q->type].groups | P_ITEM_ONLY, q);
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
		read_missing(r, S("type"));
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
	read_props(r, &question_shape, ~P_ITEM_ONLY, type_rows[q->type].groups, q);
	if (q->type == Q_group || q->type == Q_roster)
		read_questions(r, page, q);
	q->span = d->question_count - q->index - 1;
}

void read_questions(struct reader holder, struct def_page *p, struct def_question *parent)
{
	const struct json *list = read_array(holder, S("questions"), UINT32_MAX);
	struct reader all = read_into(holder, S("questions"));

	for (uint32_t i = 0; list && i < list->count; i++) {
		struct reader r = read_item(all, i);

		if (read_is_object(r, "a question"))
			read_question(r, p, parent);
	}
}
