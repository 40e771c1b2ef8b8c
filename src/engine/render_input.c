/* render_input.c - the inputs of each question type. */
#include "engine/def.h"
#include "engine/render.h"
#include "base/limits.h"

bool paint_is_single(const struct p_question *q)
{
	return q->type == Q_text || q->type == Q_number || q->type == Q_date || q->type == Q_time ||
	       q->type == Q_slider || q->type == Q_note ||
	       (q->type == Q_single && q->display == DISPLAY_DROPDOWN && !(q->flags & QUESTION_HAS_OTHER));
}

struct str paint_hint(struct painter *p)
{
	const struct p_question *q = p->q;
	struct value low, high;

	switch (q->type) {
	case Q_multi:
	case Q_rank:
		return q->at_most ? message_num(p->r, MSG_UP_TO, program_num(p->r->p, q->at_most)) : S("");
	case Q_slider:
		low = vm_run(p->r, q->min);
		high = vm_run(p->r, q->max);
		return message(p->r, MSG_FROM_TO, run_show(p->r, &low), run_show(p->r, &high));
	case Q_allocation:
		return message_num(p->r, MSG_ADD_UP, program_num(p->r->p, q->total));
	default:
		return S("");
	}
}

static void open_div(struct painter *p, const char *class)
{
	html_open(p->h, "div");
	html_attr(p->h, "class", str_from(class));
}

static void span(struct painter *p, const char *class, struct str text)
{
	html_open(p->h, "span");
	html_attr(p->h, "class", str_from(class));
	html_text(p->h, text);
	html_close(p->h, "span");
}

/* What every single input says about its question. */
static void attributes(struct painter *p)
{
	if (p->required)
		html_attr(p->h, "aria-required", S("true"));
	if (p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	if (p->described_by.n)
		html_attr(p->h, "aria-describedby", p->described_by);
}

static struct str number_text(struct painter *p, double v)
{
	struct value x = value_num(v);

	return run_show(p->r, &x);
}

/* min, max and step, where the browser may know them. */
static void bounds(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);

	if (!value_is_empty(&low))
		html_attr(p->h, "min", run_show(p->r, &low));
	if (!value_is_empty(&high))
		html_attr(p->h, "max", run_show(p->r, &high));
}

/* ---- one input ---- */

static void paint_textarea(struct painter *p)
{
	html_open(p->h, "textarea");
	html_attr(p->h, "class", S("cc-textarea"));
	html_attr(p->h, "id", paint_id(p, '-', S("input")));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr_int(p->h, "rows", p->q->text_rows ? (int64_t)p->q->text_rows : 4);
	if (p->q->at_most)
		html_attr(p->h, "maxlength", number_text(p, program_num(p->r->p, p->q->at_most)));
	attributes(p);
	html_text(p->h, S("\n")); /* a first line end is the parser's, not the text's */
	html_text(p->h, run_show(p->r, &p->now));
	html_close(p->h, "textarea");
}

static void paint_text(struct painter *p)
{
	static const char *const types[] = {"text", "email", "url", "tel"};
	static const char *const completes[] = {"", "email", "url", "tel"};

	if (p->q->flags & QUESTION_MULTILINE) {
		paint_textarea(p);
		return;
	}
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", str_from(types[p->q->input]));
	html_attr(p->h, "id", paint_id(p, '-', S("input")));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	if (p->q->input)
		html_attr(p->h, "autocomplete", str_from(completes[p->q->input]));
	if (p->q->at_most)
		html_attr(p->h, "maxlength", number_text(p, program_num(p->r->p, p->q->at_most)));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	attributes(p);
	html_close_void(p->h);
}

/* A text field with the keys of a telephone: number fields lose what they cannot read and turn at the wheel. */
static void paint_number(struct painter *p)
{
	struct str unit = run_text(p->r, p->q->unit);

	open_div(p, "cc-field");
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("text"));
	html_attr(p->h, "inputmode", p->q->flags & QUESTION_INTEGER ? S("numeric") : S("decimal"));
	html_attr(p->h, "id", paint_id(p, '-', S("input")));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "autocomplete", S("off"));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	attributes(p);
	html_close_void(p->h);
	if (unit.n)
		span(p, "cc-unit", unit);
	html_close(p->h, "div");
}

/* A range input always has a value; a field tells "not answered" apart. A script may put a range beside it. */
static void paint_slider(struct painter *p)
{
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("number"));
	html_attr(p->h, "id", paint_id(p, '-', S("input")));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	bounds(p);
	if (p->q->step)
		html_attr(p->h, "step", number_text(p, program_num(p->r->p, p->q->step)));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	attributes(p);
	html_close_void(p->h);
}

static void paint_moment(struct painter *p)
{
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", p->q->type == Q_date ? S("date") : S("time"));
	html_attr(p->h, "id", paint_id(p, '-', S("input")));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	bounds(p);
	html_attr(p->h, "value", run_show(p->r, &p->now));
	attributes(p);
	html_close_void(p->h);
}

/* ---- choices ---- */

static bool is_now(const struct painter *p, const struct value *v)
{
	return p->now.kind == V_LIST ? value_in(v, &p->now) : value_same(v, &p->now);
}

static uint16_t *choice_order(struct painter *p, enum order order, bool labels)
{
	struct order_item *items = run_alloc(p->r, p->s->choice_count, sizeof(*items));

	if (!items)
		return NULL;
	for (uint32_t i = 0; i < p->s->choice_count; i++) {
		items[i].fixed = p->s->choices[i].choice->flags & CHOICE_FIXED;
		if (labels)
			items[i].label = choice_label(p->r, &p->s->choices[i]);
	}
	return order_draw(p->r, order, p->name, 1, items, p->s->choice_count);
}

/* The choices of an order by label need theirs first; others are shown as they come. */
static uint16_t *displayed(struct painter *p)
{
	enum order order = (enum order)p->q->order;

	return choice_order(p, order, order == ORDER_ASC || order == ORDER_DESC);
}

static void option(struct painter *p, struct str value, struct str label, bool selected)
{
	html_open(p->h, "option");
	html_attr(p->h, "value", value);
	html_attr_bool(p->h, "selected", selected);
	html_text(p->h, label);
	html_close(p->h, "option");
}

static void paint_select(struct painter *p, struct str id, struct str name, const struct value *now)
{
	uint16_t *order = displayed(p);

	html_open(p->h, "select");
	html_attr(p->h, "class", S("cc-select"));
	html_attr(p->h, "id", id);
	html_attr(p->h, "name", name);
	if (p->q->type == Q_single && !paint_is_single(p->q))
		html_attr(p->h, "aria-label", p->title);
	attributes(p);
	option(p, S(""), message(p->r, MSG_CHOOSE, S(""), S("")), value_is_empty(now));
	for (uint32_t i = 0; order && i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[order[i]];

		option(p, program_str(p->r->p, v->choice->text), choice_label(p->r, v), value_same(&v->value, now));
	}
	html_close(p->h, "select");
}

static void paint_choice(struct painter *p, const struct choice_view *v, bool several)
{
	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-choice"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-choice-input"));
	html_attr(p->h, "type", several ? S("checkbox") : S("radio"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "value", program_str(p->r->p, v->choice->text));
	html_attr_bool(p->h, "checked", is_now(p, &v->value));
	html_attr_bool(p->h, "data-exclusive", several && (v->choice->flags & CHOICE_EXCLUSIVE));
	if (several && p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	html_close_void(p->h);
	span(p, "cc-choice-label", choice_label(p->r, v));
	html_close(p->h, "label");
}

static void paint_other(struct painter *p)
{
	for (uint32_t i = 0; i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[i];
		struct str id = paint_id(p, '_', S("other"));

		if (v->choice->role != ROLE_OTHER || v->from != p->q)
			continue;
		open_div(p, "cc-other");
		html_open(p->h, "label");
		html_attr(p->h, "for", id);
		html_text(p->h, message(p->r, MSG_OTHER_TEXT, choice_label(p->r, v), S("")));
		html_close(p->h, "label");
		html_open(p->h, "input");
		html_attr(p->h, "class", S("cc-input"));
		html_attr(p->h, "type", S("text"));
		html_attr(p->h, "id", id);
		html_attr(p->h, "name", id);
		html_attr(p->h, "value", p->other);
		html_close_void(p->h);
		html_close(p->h, "div");
	}
}

static void paint_choices(struct painter *p)
{
	bool several = p->q->type == Q_multi;
	uint16_t *order;

	if (!several && p->q->display == DISPLAY_DROPDOWN) {
		paint_select(p, paint_id(p, '-', S("input")), paint_id(p, '-', S("")), &p->now);
		paint_other(p);
		return;
	}
	order = displayed(p);
	open_div(p, "cc-choices");
	for (uint32_t i = 0; order && i < p->s->choice_count; i++)
		paint_choice(p, &p->s->choices[order[i]], several);
	html_close(p->h, "div");
	paint_other(p);
}

static void paint_rank(struct painter *p)
{
	uint32_t places = p->s->choice_count;
	double most = program_num(p->r->p, p->q->at_most);

	if (p->q->at_most && most < places)
		places = (uint32_t)most;
	open_div(p, "cc-places");
	for (uint32_t i = 0; i < places && !p->r->failed; i++) {
		struct str number = number_text(p, i + 1), id = paint_id(p, '-', number);
		struct value now = p->now.kind == V_LIST && i < p->now.count ? p->now.items[i] : value_empty;

		open_div(p, "cc-place");
		html_open(p->h, "label");
		html_attr(p->h, "class", S("cc-place-title"));
		html_attr(p->h, "for", id);
		html_text(p->h, message(p->r, MSG_PLACE, number, S("")));
		html_close(p->h, "label");
		paint_select(p, id, id, &now);
		html_close(p->h, "div");
	}
	html_close(p->h, "div");
}

static void yes_no(struct painter *p, bool yes)
{
	struct str own = run_text(p->r, yes ? p->q->label_true : p->q->label_false);

	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-choice"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-choice-input"));
	html_attr(p->h, "type", S("radio"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "value", yes ? S("true") : S("false"));
	html_attr_bool(p->h, "checked", p->now.kind == V_BOOL && p->now.b == yes);
	html_close_void(p->h);
	span(p, "cc-choice-label", own.n ? own : message(p->r, yes ? MSG_YES : MSG_NO, S(""), S("")));
	html_close(p->h, "label");
}

static void paint_boolean(struct painter *p)
{
	open_div(p, "cc-choices");
	yes_no(p, true);
	yes_no(p, false);
	html_close(p->h, "div");
}

static void paint_markup(struct painter *p)
{
	open_div(p, "cc-markup");
	html_raw(p->h, run_text(p->r, p->q->html));
	html_close(p->h, "div");
}

static void paint_consent(struct painter *p)
{
	paint_markup(p);
	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-choice"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-choice-input"));
	html_attr(p->h, "type", S("checkbox"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "value", S("true"));
	html_attr_bool(p->h, "checked", value_is_true(&p->now));
	if (p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	html_close_void(p->h);
	span(p, "cc-choice-label", message(p->r, MSG_AGREE, S(""), S("")));
	html_close(p->h, "label");
}

/* ---- scales, rows, items ---- */

static struct str point_label(struct painter *p, double at)
{
	for (uint32_t i = 0; i < p->q->labels_count; i++) {
		const struct p_choice *c = &p->r->p->choice[p->q->labels + i];

		if (c->number && program_num(p->r->p, c->number) == at)
			return run_text(p->r, c->label);
	}
	return S("");
}

static void paint_point(struct painter *p, double at)
{
	struct str number = number_text(p, at), label = point_label(p, at);
	struct value v = value_num(at);

	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-point"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-point-input"));
	html_attr(p->h, "type", S("radio"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "value", number);
	html_attr_bool(p->h, "checked", value_same(&v, &p->now));
	html_close_void(p->h);
	span(p, "cc-point-number", number);
	if (label.n) {
		html_text(p->h, S(" "));
		span(p, "cc-point-label", label);
	}
	html_close(p->h, "label");
}

static void paint_rating(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);
	double step = program_num(p->r->p, p->q->step);
	uint32_t points = 0;

	open_div(p, "cc-scale");
	if (low.kind == V_NUM && high.kind == V_NUM && step > 0)
		for (double at = low.num; at <= high.num && points++ <= QUESTION_CHOICES_MAX; at += step)
			paint_point(p, at);
	html_close(p->h, "div");
}

static struct order_item *row_items(struct painter *p, bool labels)
{
	struct order_item *items = run_alloc(p->r, p->s->row_count, sizeof(*items));

	for (uint32_t i = 0; items && i < p->s->row_count; i++) {
		items[i].fixed = p->s->rows[i]->flags & CHOICE_FIXED;
		if (labels)
			items[i].label = row_label(p->r, p->s->rows[i]);
	}
	return items;
}

static void paint_cell(struct painter *p, struct str row, const struct choice_view *v)
{
	const struct value *now = value_field(&p->now, row);

	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-cell"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-cell-input"));
	html_attr(p->h, "type", S("radio"));
	html_attr(p->h, "name", paint_id(p, '-', row));
	html_attr(p->h, "value", program_str(p->r->p, v->choice->text));
	html_attr_bool(p->h, "checked", now && value_same(&v->value, now));
	html_close_void(p->h);
	span(p, "cc-cell-label", choice_label(p->r, v));
	html_close(p->h, "label");
}

static void paint_matrix(struct painter *p)
{
	enum order rows = (enum order)p->q->row_order;
	struct order_item *items = row_items(p, rows == ORDER_ASC || rows == ORDER_DESC);
	uint16_t *order = items ? order_draw(p->r, rows, p->name, 3, items, p->s->row_count) : NULL;

	open_div(p, "cc-matrix");
	for (uint32_t i = 0; order && i < p->s->row_count && !p->r->failed; i++) {
		const struct p_choice *row = p->s->rows[order[i]];
		struct str name = program_str(p->r->p, row->text);

		html_open(p->h, "fieldset");
		html_attr(p->h, "class", S("cc-row"));
		html_attr(p->h, "role", S("radiogroup"));
		html_attr(p->h, "id", paint_id(p, '-', name));
		html_open(p->h, "legend");
		html_attr(p->h, "class", S("cc-row-title"));
		html_text(p->h, row_label(p->r, row));
		html_close(p->h, "legend");
		open_div(p, "cc-row-cells");
		for (uint32_t k = 0; k < p->s->choice_count && run_burn(p->r, 1); k++)
			paint_cell(p, name, &p->s->choices[k]);
		html_close(p->h, "div");
		html_close(p->h, "fieldset");
	}
	html_close(p->h, "div");
}

static void paint_items(struct painter *p)
{
	bool numbers = p->q->type == Q_allocation;

	open_div(p, "cc-items");
	if (numbers)
		html_attr(p->h, "data-total", number_text(p, program_num(p->r->p, p->q->total)));
	for (uint32_t i = 0; i < p->s->row_count && !p->r->failed; i++) {
		struct str name = program_str(p->r->p, p->s->rows[i]->text), id = paint_id(p, '-', name);
		const struct value *now = value_field(&p->now, name);

		open_div(p, "cc-item");
		html_open(p->h, "label");
		html_attr(p->h, "class", S("cc-item-title"));
		html_attr(p->h, "for", id);
		html_text(p->h, row_label(p->r, p->s->rows[i]));
		html_close(p->h, "label");
		html_open(p->h, "input");
		html_attr(p->h, "class", S("cc-input"));
		html_attr(p->h, "type", S("text"));
		if (numbers)
			html_attr(p->h, "inputmode", S("decimal"));
		html_attr(p->h, "id", id);
		html_attr(p->h, "name", id);
		html_attr(p->h, "value", now ? run_show(p->r, now) : S(""));
		attributes(p);
		html_close_void(p->h);
		html_close(p->h, "div");
	}
	html_close(p->h, "div");
}

static void paint_nothing(struct painter *p)
{
	(void)p;
}

typedef void painter_function(struct painter *p);

static painter_function *const painters[QUESTION_TYPES] = {[Q_single] = paint_choices,
    [Q_multi] = paint_choices,
    [Q_rank] = paint_rank,
    [Q_boolean] = paint_boolean,
    [Q_consent] = paint_consent,
    [Q_text] = paint_text,
    [Q_number] = paint_number,
    [Q_date] = paint_moment,
    [Q_time] = paint_moment,
    [Q_rating] = paint_rating,
    [Q_slider] = paint_slider,
    [Q_matrix] = paint_matrix,
    [Q_multi_text] = paint_items,
    [Q_allocation] = paint_items,
    [Q_group] = paint_nothing,
    [Q_note] = paint_markup};

void paint_inputs(struct painter *p)
{
	painters[p->q->type](p);
}
