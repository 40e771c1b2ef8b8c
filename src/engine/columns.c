/* columns.c - what exports and listings need to know of the stored values. */
#include "engine/def.h"
#include "engine/number.h"
#include "engine/run.h"
#include "base/limits.h"

struct columns {
	struct run *r;
	const struct p_question *roster; /* NULL: not in one */
	uint32_t record;
	struct export_column *list;
	size_t n;
};

static struct str joined(struct columns *c, struct str head, const char *between, struct str tail)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, c->r->a, HTTP_BODY_API_MAX_BYTES);
	buf_add(&b, head);
	buf_add(&b, str_from(between));
	buf_add(&b, tail);
	if (buf_done(&b, &out))
		c->r->failed = ERR_MEMORY;
	return out;
}

/* Expressions in a title have no answers here: they stand as "…". */
static struct str label_of(struct run *r, uint32_t text)
{
	const struct program *p = r->p;
	const struct p_template *t;
	struct str out = S("");
	struct buf b;

	if (!text || !p->text[text * p->language_count + r->language].piece)
		return S("");
	t = &p->template[p->text[text * p->language_count + r->language].piece - 1];
	buf_init(&b, r->a, HTTP_BODY_API_MAX_BYTES);
	for (uint32_t i = 0; i < t->segments_count; i++) {
		const struct p_segment *s = &p->segment[t->segments + i];

		buf_add(&b, s->mode == SEGMENT_LITERAL ? program_str(p, s->literal) : S("…"));
	}
	if (buf_done(&b, &out))
		r->failed = ERR_MEMORY;
	return out;
}

static struct str title_of(struct run *r, const struct p_question *q)
{
	return label_of(r, q->export_label ? q->export_label : q->title);
}

static struct str heading_of(const struct program *p, const struct p_question *q)
{
	return program_str(p, q->export_name ? q->export_name : q->name);
}

/* `name`: the key in the stored answers; `heading`: what it is to be called. */
static struct export_column *add(
    struct columns *c, struct str name, struct str heading, struct str label, const char *type)
{
	struct export_column *x = &c->list[c->n++];
	struct value number = value_num(c->record);
	struct str roster, title;

	x->name = heading;
	x->key = str_eq(name, heading) ? S("") : name;
	x->label = label.n ? label : heading;
	x->type = str_from(type);
	if (!c->roster)
		return x;
	x->roster = program_str(c->r->p, c->roster->name);
	x->record = c->record;
	x->member = name;
	x->key = S("");
	roster = joined(c, heading_of(c->r->p, c->roster), "_", run_show(c->r, &number));
	title = title_of(c->r, c->roster);
	title = title.n ? joined(c, title, " ", run_show(c->r, &number)) : roster;
	x->name = str_eq(name, S("_item")) ? roster : joined(c, roster, "_", heading);
	x->label = str_eq(name, S("_item")) ? title : joined(c, title, ": ", x->label);
	return x;
}

static void export_choice_of(struct run *r, const struct p_choice *c, struct export_choice *out)
{
	out->value = program_str(r->p, c->text);
	out->label = label_of(r, c->label);
	if (!out->label.n)
		out->label = out->value;
	out->has_code = c->code != 0;
	out->code = c->code ? number_int(program_num(r->p, c->code)) : 0;
}

static bool listed(const struct export_choice *list, size_t n, struct str value)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].value, value))
			return true;
	return false;
}

/* Every choice that an answer could hold: those carried forward first, as on the page. */
static size_t choices_of(struct run *r, const struct p_question *q, struct export_choice *list)
{
	const struct p_question *chain[CARRIED_QUESTIONS_MAX];
	size_t n = 0, depth = 0;

	for (; q && depth < countof(chain); q = q->choices_from ? &r->p->question[q->choices_from - 1] : NULL)
		chain[depth++] = q;
	for (size_t i = depth; i-- > 0;)
		for (uint32_t k = 0; k < chain[i]->choices_count && n < QUESTION_CHOICES_MAX; k++) {
			const struct p_choice *c = &r->p->choice[chain[i]->choices + k];

			if ((i > 0 && c->role > ROLE_OTHER) || listed(list, n, program_str(r->p, c->text)))
				continue;
			export_choice_of(r, c, &list[n++]);
		}
	return n;
}

static void add_choices(struct columns *c, const struct p_question *q, struct export_column *x)
{
	size_t room = 0;
	const struct p_question *from = q;
	struct export_choice *list;

	for (uint32_t hops = 0; from && hops < CARRIED_QUESTIONS_MAX; hops++) {
		room += from->choices_count;
		from = from->choices_from ? &c->r->p->question[from->choices_from - 1] : NULL;
	}
	if (room > QUESTION_CHOICES_MAX)
		room = QUESTION_CHOICES_MAX;
	if (!(list = run_alloc(c->r, room, sizeof(*list))))
		return;
	x->choices = list;
	x->choice_count = choices_of(c->r, q, list);
}

static void add_items(struct columns *c, const struct p_question *q, struct export_column *x)
{
	struct export_choice *list = run_alloc(c->r, q->rows_count, sizeof(*list));

	if (!list)
		return;
	for (uint32_t i = 0; i < q->rows_count; i++)
		export_choice_of(c->r, &c->r->p->choice[q->rows + i], &list[i]);
	x->items = list;
	x->item_count = q->rows_count;
}

static void add_place(struct columns *c, struct export_column *x)
{
	struct export_choice *list = run_alloc(c->r, GEOPOINT_FIELDS, sizeof(*list));

	x->items = list;
	for (; list && x->item_count < GEOPOINT_FIELDS; x->item_count++)
		list[x->item_count].value = list[x->item_count].label = str_from(geopoint_fields[x->item_count]);
}

/* "What did you buy? – Something else": two columns of one title could not be told apart. */
static struct str other_label(struct run *r, const struct p_question *q, struct str title)
{
	struct str out = title;
	struct buf b;

	buf_init(&b, r->a, HTTP_BODY_API_MAX_BYTES);
	buf_add(&b, title);
	for (uint32_t i = 0; i < q->choices_count; i++) {
		struct export_choice other;

		if (r->p->choice[q->choices + i].role != ROLE_OTHER)
			continue;
		export_choice_of(r, &r->p->choice[q->choices + i], &other);
		buf_add(&b, S(" – "));
		buf_add(&b, other.label);
	}
	if (buf_done(&b, &out))
		r->failed = ERR_MEMORY;
	return out;
}

static void add_question(struct columns *c, const struct p_question *q)
{
	const struct program *p = c->r->p;
	struct str name = program_str(p, q->name), heading = heading_of(p, q), title = title_of(c->r, q);
	struct export_column *x;

	if (!(type_rows[q->type].groups & P_ANSWER) || (q->flags & QUESTION_SKIP))
		return;
	x = add(c, name, heading, title, type_rows[q->type].name);
	x->personal = q->flags & QUESTION_PERSONAL;
	if (q->choices_count || q->choices_from)
		add_choices(c, q, x);
	if (q->rows_count)
		add_items(c, q, x);
	if (q->type == Q_geopoint)
		add_place(c, x);
	x->sets = q->type == Q_matrix && q->cell == CELL_MULTI;
	if (!(q->flags & QUESTION_HAS_OTHER))
		return;
	x = add(c, joined(c, name, "_other", S("")), joined(c, heading, "_other", S("")),
	    other_label(c->r, q, title.n ? title : heading), "other_text");
	x->personal = q->flags & QUESTION_PERSONAL;
}

static uint32_t records_most(const struct program *p, const struct p_question *roster)
{
	double most = program_num(p, roster->at_most);

	return most >= 0 && most < ROSTER_RECORDS_MAX ? (uint32_t)most : ROSTER_RECORDS_MAX;
}

/* A set of columns for each record there can be. */
static void add_roster(struct columns *c, uint32_t roster)
{
	const struct program *p = c->r->p;
	const struct p_question *q = &p->question[roster];
	uint32_t most = records_most(p, q);

	if (q->flags & QUESTION_SKIP)
		return;
	c->roster = q;
	for (c->record = 1; c->record <= most; c->record++) {
		if (q->over_from) {
			struct export_column *x = add(c, S("_item"), S("_item"), S(""), "item");

			x->personal = q->flags & QUESTION_PERSONAL;
			add_choices(c, &p->question[q->over_from - 1], x);
		}
		for (uint32_t i = roster + 1; i <= roster + q->span; i++)
			add_question(c, &p->question[i]);
	}
	c->roster = NULL;
}

static size_t columns_room(const struct program *p)
{
	size_t n = p->param_count + 2 * (size_t)p->question_count + p->calc_count;

	for (uint32_t i = 0; i < p->question_count; i++)
		if (p->question[i].type == Q_roster)
			n += records_most(p, &p->question[i]) * (1 + 2 * (size_t)p->question[i].span);
	return n;
}

enum err program_columns(
    const struct program *p, struct str language, struct arena *a, struct export_column **out, size_t *n)
{
	struct columns c;
	struct run r;

	*n = 0;
	if (run_init_bare(&r, p, a))
		return r.failed;
	r.language = program_language_index(p, program_language_pick(p, language));
	c = (struct columns){.r = &r, .list = run_alloc(&r, columns_room(p), sizeof(*c.list))};
	if (!c.list)
		return r.failed;
	for (uint32_t i = 0; i < p->param_count; i++)
		if (p->param[i].flags & VARIABLE_EXPORT)
			add(&c, program_str(p, p->param[i].name), program_str(p, p->param[i].name), S(""), "parameter");
	for (uint32_t i = 0; i < p->question_count && !r.failed; i++)
		if (p->question[i].type == Q_roster)
			add_roster(&c, i);
		else if (!roster_of(p, i))
			add_question(&c, &p->question[i]);
	for (uint32_t i = 0; i < p->calc_count; i++)
		if (p->calc[i].flags & VARIABLE_EXPORT)
			add(&c, program_str(p, p->calc[i].name), program_str(p, p->calc[i].name), S(""), "calculated")
			    ->personal = p->calc[i].flags & VARIABLE_PERSONAL;
	*out = c.list;
	*n = c.n;
	return r.failed;
}

struct str program_title(const struct program *p, struct str language)
{
	uint32_t l = program_language_index(p, program_language_pick(p, language)), text = p->survey[0].title;
	const struct p_template *t;

	/* a title with something piped in is shown without it: there are no answers here */
	if (!text || !p->text[text * p->language_count + l].piece)
		return S("");
	t = &p->template[p->text[text * p->language_count + l].piece - 1];
	for (uint32_t i = 0; i < t->segments_count; i++)
		if (p->segment[t->segments + i].mode == SEGMENT_LITERAL)
			return program_str(p, p->segment[t->segments + i].literal);
	return S("");
}
