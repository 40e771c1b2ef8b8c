/* render_input.c - the inputs of each question type. */
#include "engine/def.h"
#include "engine/render.h"
#include "base/limits.h"

bool paint_is_single(const struct p_question *q)
{
	return q->type == Q_text || q->type == Q_number || q->type == Q_date || q->type == Q_time ||
	       q->type == Q_slider || q->type == Q_note || q->type == Q_datetime || q->type == Q_barcode ||
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
		return q->max_size
			   ? message(p->r, MSG_UP_TO_SIZE, media_size(p->r, program_num(p->r->p, q->max_size)), S(""))
			   : S("");
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
	if (p->required && p->q->type != Q_rank)
		html_attr(p->h, "aria-required", S("true"));
	if (p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	if (p->described_by.n)
		html_attr(p->h, "aria-describedby", p->described_by);
	/* what can be read stays in reach of the keyboard; of groups the fieldset is disabled */
	if (p->s->lock && paint_is_single(p->q))
		html_attr_bool(p->h, p->q->type == Q_single ? "disabled" : "readonly", true);
}

struct str paint_number_text(struct painter *p, double v)
{
	struct value x = value_num(v);

	return run_show(p->r, &x);
}

/* As the field understands it: a day, a time, or both with a T between them. The last of a day is its last minute. */
static struct str field_text(struct painter *p, struct value v, bool last)
{
	bool both = p->q->type == Q_datetime;
	struct str text, out = S("");
	struct buf b;
	int64_t t;

	if (both && v.kind == V_TEXT && moment_read(V_DATETIME, v.s, &t))
		v = value_time(V_DATETIME, t);
	if (both && v.kind == V_DATE)
		v = value_time(V_DATETIME, (v.t + last) * (int64_t)DAY_MS - (last ? 60000 : 0));
	text = run_show(p->r, &v);
	if (v.kind != V_DATETIME)
		return text;
	buf_init(&b, p->r->a, 64);
	buf_add(&b, str_sub(text, 0, 10));
	if (both) {
		buf_char(&b, 'T');
		buf_add(&b, str_sub(text, 11, text.n - 11));
	}
	if (buf_done(&b, &out) == ERR_MEMORY)
		p->r->failed = ERR_MEMORY;
	return out;
}

/* min, max and step, where the browser may know them. */
static void bounds(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);

	if (!value_is_empty(&low))
		html_attr(p->h, "min", field_text(p, low, false));
	if (!value_is_empty(&high))
		html_attr(p->h, "max", field_text(p, high, true));
}

/* ---- one input ---- */

/* An input up to its name; whoever opens it goes on with what is its own. */
static void open_input(struct painter *p, struct str type)
{
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-input"));
	html_attr(p->h, "type", type);
}

static void name_input(struct painter *p)
{
	html_attr(p->h, "id", p->input);
	html_attr(p->h, "name", p->field);
}

static void close_input(struct painter *p)
{
	html_attr(p->h, "value", run_show(p->r, &p->now));
	paint_attributes(p);
	html_close_void(p->h);
}

static void paint_textarea(struct painter *p)
{
	html_open(p->h, "textarea");
	html_attr(p->h, "class", S("cc-textarea"));
	name_input(p);
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

	if (p->q->flags & QUESTION_MULTILINE) {
		paint_textarea(p);
		return;
	}
	open_input(p, str_from(types[p->q->input]));
	name_input(p);
	if (p->q->input)
		html_attr(p->h, "autocomplete", str_from(types[p->q->input]));
	if (p->q->at_most)
		html_attr(p->h, "maxlength", paint_number_text(p, program_num(p->r->p, p->q->at_most)));
	close_input(p);
}

/* A text field with the keys of a telephone: number fields lose what they cannot read and turn at the wheel. */
static void paint_number(struct painter *p)
{
	struct str unit = run_text(p->r, p->q->unit);

	paint_div(p, "cc-field");
	open_input(p, S("text"));
	html_attr(p->h, "inputmode", p->q->flags & QUESTION_INTEGER ? S("numeric") : S("decimal"));
	name_input(p);
	html_attr(p->h, "autocomplete", S("off"));
	close_input(p);
	if (unit.n)
		paint_span(p, "cc-unit", unit);
	html_close(p->h, "div");
}

static void range_attributes(struct painter *p)
{
	bounds(p);
	if (p->q->step)
		html_attr(p->h, "step", paint_number_text(p, program_num(p->r->p, p->q->step)));
}

static void paint_slider_labels(struct painter *p)
{
	if (!p->q->labels_count)
		return;
	html_open(p->h, "ul");
	html_attr(p->h, "class", S("cc-slider-labels"));
	html_attr(p->h, "id", paint_part(p, "labels"));
	for (uint32_t i = 0; i < p->q->labels_count; i++) {
		const struct p_choice *c = &p->r->p->choice[p->q->labels + i];

		html_open(p->h, "li");
		paint_span(p, "cc-slider-point", paint_number_text(p, program_num(p->r->p, c->number)));
		html_text(p->h, S(" "));
		html_text(p->h, run_text(p->r, c->label));
		html_close(p->h, "li");
	}
	html_close(p->h, "ul");
}

/* A range always has a value, so it cannot say "not answered": the field beside it is the answer, with or without a script; the
 * range has no name, is shown by the script, and moves the field. */
static void paint_slider(struct painter *p)
{
	struct value shown = p->now, high = vm_run(p->r, p->q->max);

	if (shown.kind != V_NUM)
		shown = vm_run(p->r, p->q->min);
	paint_div(p, "cc-field");
	html_open(p->h, "input");
	html_attr(p->h, "class", p->now.kind == V_NUM ? S("cc-range") : S("cc-range cc-unset"));
	html_attr(p->h, "type", S("range"));
	html_attr(p->h, "id", paint_part(p, "range"));
	range_attributes(p);
	if (p->now.kind != V_NUM && shown.kind == V_NUM && high.kind == V_NUM)
		shown.num += (high.num - shown.num) / 2;
	html_attr(p->h, "value", run_show(p->r, &shown));
	html_attr(p->h, "aria-label", p->title.n ? p->title : p->name);
	if (p->described_by.n)
		html_attr(p->h, "aria-describedby", p->described_by);
	html_attr_bool(p->h, "disabled", p->s->lock != LOCK_OPEN);
	html_attr_bool(p->h, "hidden", true);
	html_close_void(p->h);
	open_input(p, S("number"));
	name_input(p);
	range_attributes(p);
	close_input(p);
	html_close(p->h, "div");
	paint_slider_labels(p);
}

static void paint_moment(struct painter *p)
{
	static const char *const types[] = {"date", "time", "datetime-local"};

	open_input(p, str_from(types[moment_kind(p->q->type) - V_DATE]));
	name_input(p);
	bounds(p);
	p->now = value_text(field_text(p, p->now, false));
	close_input(p);
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

/* One of five faces by where the point stands on its scale; its name is for those who cannot see it. */
static void paint_face(struct painter *p, double at, bool named)
{
	static const char *const faces[] = {"😞", "🙁", "😐", "🙂", "😄"};
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);
	int face = high.num > low.num ? (int)(4 * (at - low.num) / (high.num - low.num) + 0.5) : 0;

	face = face < 0 ? 0 : face > 4 ? 4 : face;
	html_open(p->h, "span");
	html_attr(p->h, "class", S("cc-point-face"));
	html_attr(p->h, "aria-hidden", S("true"));
	html_text(p->h, str_from(faces[face]));
	html_close(p->h, "span");
	if (!named)
		paint_span(p, "cc-hidden", message(p->r, (enum message)(MSG_FACE_1 + face), S(""), S("")));
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
	if (p->q->display == DISPLAY_SMILEYS)
		paint_face(p, at, label.n > 0);
	html_text(p->h, p->q->display == DISPLAY_SMILEYS ? S(" ") : S(""));
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

struct painter paint_cell(struct painter *p, struct p_question *cell, const struct p_choice *row)
{
	struct str name = program_str(p->r->p, row->text);
	const struct value *now = value_field(&p->now, name);
	struct painter c = *p;

	*cell = cell_question(p->r->p, p->q, row);
	c.q = cell;
	c.now = now ? *now : value_empty;
	c.input = c.field = paint_id(p, '-', name);
	c.required = cell->flags & QUESTION_REQUIRED;
	return c;
}

void paint_items(struct painter *p)
{
	uint16_t *order = display_rows(p->r, p->question, p->name);

	paint_div(p, "cc-items");
	if (p->q->type == Q_allocation)
		html_attr(p->h, "data-total", paint_number_text(p, program_num(p->r->p, p->q->total)));
	for (uint32_t i = 0; order && i < p->s->row_count && !p->r->failed; i++) {
		const struct p_choice *row = p->s->rows[order[i]];
		struct p_question cell;
		struct painter c = paint_cell(p, &cell, row);

		paint_div(p, "cc-item");
		html_open(p->h, "label");
		html_attr(p->h, "class", S("cc-item-title"));
		html_attr(p->h, "for", c.input);
		html_text(p->h, row_label(p->r, row));
		if (c.required && p->q->type == Q_multi_text) {
			html_text(p->h, S(" "));
			paint_span(p, "cc-required", message(p->r, MSG_REQUIRED_MARK, S(""), S("")));
		}
		html_close(p->h, "label");
		paint_inputs(&c);
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
    [Q_datetime] = paint_moment,
    [Q_barcode] = paint_barcode,
    [Q_geopoint] = paint_geopoint,
    [Q_file] = paint_files,
    [Q_photo] = paint_files,
    [Q_audio] = paint_files,
    [Q_video] = paint_files,
    [Q_signature] = paint_files,
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
