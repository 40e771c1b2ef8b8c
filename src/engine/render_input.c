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

void paint_div(struct painter *p, const char *class)
{
	html_open(p->h, "div");
	html_attr(p->h, "class", str_from(class));
}

void paint_span(struct painter *p, const char *class, struct str text)
{
	html_open(p->h, "span");
	html_attr(p->h, "class", str_from(class));
	html_text(p->h, text);
	html_close(p->h, "span");
}

/* What every single input says about its question. One item of several is never required by itself. */
void paint_attributes(struct painter *p)
{
	if (p->required && p->q->type != Q_multi_text && p->q->type != Q_allocation && p->q->type != Q_rank)
		html_attr(p->h, "aria-required", S("true"));
	if (p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	if (p->described_by.n)
		html_attr(p->h, "aria-describedby", p->described_by);
	/* what can be read stays in reach of the keyboard; of groups the fieldset is disabled */
	if (p->s->lock && paint_is_single(p->q))
		html_attr_bool(p->h, p->q->type == Q_single || p->q->type == Q_slider ? "disabled" : "readonly", true);
}

struct str paint_number_text(struct painter *p, double v)
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
	html_attr(p->h, "id", paint_part(p, "input"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr_int(p->h, "rows", p->q->text_rows ? (int64_t)p->q->text_rows : 4);
	if (p->q->at_most)
		html_attr(p->h, "maxlength", paint_number_text(p, program_num(p->r->p, p->q->at_most)));
	paint_attributes(p);
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
	html_attr(p->h, "id", paint_part(p, "input"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	if (p->q->input)
		html_attr(p->h, "autocomplete", str_from(completes[p->q->input]));
	if (p->q->at_most)
		html_attr(p->h, "maxlength", paint_number_text(p, program_num(p->r->p, p->q->at_most)));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
}

/* A text field with the keys of a telephone: number fields lose what they cannot read and turn at the wheel. */
static void paint_number(struct painter *p)
{
	struct str unit = run_text(p->r, p->q->unit);

	paint_div(p, "cc-field");
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("text"));
	html_attr(p->h, "inputmode", p->q->flags & QUESTION_INTEGER ? S("numeric") : S("decimal"));
	html_attr(p->h, "id", paint_part(p, "input"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	html_attr(p->h, "autocomplete", S("off"));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
	if (unit.n)
		paint_span(p, "cc-unit", unit);
	html_close(p->h, "div");
}

/* A range input always has a value; a field tells "not answered" apart. A script may put a range beside it. */
static void paint_slider(struct painter *p)
{
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", S("number"));
	html_attr(p->h, "id", paint_part(p, "input"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	bounds(p);
	if (p->q->step)
		html_attr(p->h, "step", paint_number_text(p, program_num(p->r->p, p->q->step)));
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
}

static void paint_moment(struct painter *p)
{
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", p->q->type == Q_date ? S("date") : S("time"));
	html_attr(p->h, "id", paint_part(p, "input"));
	html_attr(p->h, "name", paint_id(p, '-', S("")));
	bounds(p);
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
}

/* ---- scales and items ---- */

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
	struct str number = paint_number_text(p, at), label = point_label(p, at);
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
	paint_span(p, "cc-point-number", number);
	if (label.n) {
		html_text(p->h, S(" "));
		paint_span(p, "cc-point-label", label);
	}
	html_close(p->h, "label");
}

static void paint_rating(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);
	double step = program_num(p->r->p, p->q->step);
	uint32_t points = 0;

	paint_div(p, "cc-scale");
	if (low.kind == V_NUM && high.kind == V_NUM && step > 0)
		for (double at = low.num; at <= high.num && points++ <= QUESTION_CHOICES_MAX; at += step)
			paint_point(p, at);
	html_close(p->h, "div");
}

static void paint_items(struct painter *p)
{
	bool numbers = p->q->type == Q_allocation;

	paint_div(p, "cc-items");
	if (numbers)
		html_attr(p->h, "data-total", paint_number_text(p, program_num(p->r->p, p->q->total)));
	for (uint32_t i = 0; i < p->s->row_count && !p->r->failed; i++) {
		struct str name = program_str(p->r->p, p->s->rows[i]->text), id = paint_id(p, '-', name);
		const struct value *now = value_field(&p->now, name);

		paint_div(p, "cc-item");
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
		paint_attributes(p);
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
    [Q_note] = paint_markup,
    [Q_roster] = paint_nothing};

void paint_inputs(struct painter *p)
{
	painters[p->q->type](p);
}
