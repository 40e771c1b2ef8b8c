/* render_input.c - the inputs of each question type. */
#include "engine/def.h"
#include "engine/render.h"
#include "base/limits.h"

void paint_kind(struct painter *p)
{
	uint32_t type = p->q->type;
	bool one = type == Q_text || type == Q_number || type == Q_date || type == Q_time || type == Q_slider ||
		   type == Q_note || type == Q_datetime || type == Q_barcode ||
		   (type == Q_single && p->q->display == DISPLAY_DROPDOWN && !(p->q->flags & QUESTION_HAS_OTHER));

	paint_set(p, 'S', one);
	paint_set(p, 'L', p->s->lock != LOCK_OPEN);
	paint_set(p, 'K', one && p->s->lock);
	paint_set(p, 'N', type == Q_note);
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

struct str paint_number_text(struct painter *p, double v)
{
	struct value x = value_num(v);

	return run_show(p->r, &x);
}

struct str paint_number(struct painter *p, uint32_t num)
{
	return num ? paint_number_text(p, program_num(p->r->p, num)) : S("");
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

#define RANGE "$(x min=\"$x\"$)$(y max=\"$y\"$)$(s step=\"$s\"$)"
/* x, y: min and max, where the browser may know them */
static void bounds(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);

	p->x = field_text(p, low, false);
	p->y = field_text(p, high, true);
}

/* ---- one input ---- */

static void paint_text(struct painter *p)
{
	static const char *const types[] = {"text", "email", "url", "tel"};

	p->x = str_from(types[p->q->input]);
	p->y = paint_number(p, p->q->at_most);
	p->z = run_show(p->r, &p->now);
	paint_set(p, 'A', p->q->input);
	if (!(p->q->flags & QUESTION_MULTILINE)) {
		paint(p, "<input class=\"cc-input\" type=\"$x\"" PAINT_FIELD
			 "$(A autocomplete=\"$x\"$)$(y maxlength=\"$y\"$) value=\"$z\"" PAINT_ATTRIBUTES ">");
		return;
	}
	p->x = paint_number_text(p, p->q->text_rows ? p->q->text_rows : 4);
	/* a first line end is the parser's, not the text's */
	paint(p, "<textarea class=\"cc-textarea\"" PAINT_FIELD " rows=\"$x\"$(y maxlength=\"$y\"$)" PAINT_ATTRIBUTES
		 ">\n$z</textarea>");
}

/* A text field with the keys of a telephone: number fields lose what they cannot read and turn at the wheel. */
static void paint_digits(struct painter *p)
{
	p->y = run_text(p->r, p->q->unit);
	p->z = run_show(p->r, &p->now);
	paint_set(p, 'A', p->q->flags & QUESTION_INTEGER);
	paint(p, "<div class=\"cc-field\"><input class=\"cc-input\" type=\"text\" "
		 "inputmode=\"$(Anumeric$:decimal$)\"" PAINT_FIELD " autocomplete=\"off\" value=\"$z\"" PAINT_ATTRIBUTES
		 ">$(y<span class=\"cc-unit\">$y</span>$)</div>");
}

static void paint_slider_labels(struct painter *p)
{
	if (!p->q->labels_count)
		return;
	paint(p, "<ul class=\"cc-slider-labels\" id=\"q-$n--labels\">");
	for (uint32_t i = 0; i < p->q->labels_count; i++) {
		const struct p_choice *c = &p->r->p->choice[p->q->labels + i];

		p->x = paint_number_text(p, program_num(p->r->p, c->number));
		p->y = run_text(p->r, c->label);
		paint(p, "<li><span class=\"cc-slider-point\">$x</span> $y</li>");
	}
	paint(p, "</ul>");
}

/* A range always has a value, so it cannot say "not answered": the field beside it is the answer, with or without a script; the
 * range has no name, is shown by the script, and moves the field. */
static void paint_slider(struct painter *p)
{
	struct value shown = p->now, high = vm_run(p->r, p->q->max);

	if (shown.kind != V_NUM)
		shown = vm_run(p->r, p->q->min);
	bounds(p);
	p->step = paint_number(p, p->q->step);
	paint_set(p, 'A', p->now.kind == V_NUM);
	if (p->now.kind != V_NUM && shown.kind == V_NUM && high.kind == V_NUM)
		shown.num += (high.num - shown.num) / 2;
	p->u = run_show(p->r, &shown);
	p->z = run_show(p->r, &p->now);
	paint(p,
	    "<div class=\"cc-field\"><input class=\"cc-range$(A$: cc-unset$)\" type=\"range\" id=\"q-$n--range\"" RANGE
	    " value=\"$u\" aria-label=\"" PAINT_TITLE "\"" PAINT_DESCRIBED
	    "$(L disabled$) hidden><input class=\"cc-input\" type=\"number\"" PAINT_FIELD RANGE
	    " value=\"$z\"" PAINT_ATTRIBUTES "></div>");
	paint_slider_labels(p);
}

static void paint_moment(struct painter *p)
{
	static const char *const types[] = {"date", "time", "datetime-local"};

	p->u = str_from(types[moment_kind(p->q->type) - V_DATE]);
	bounds(p);
	p->z = field_text(p, p->now, false);
	paint(p, "<input class=\"cc-input\" type=\"$u\"" PAINT_FIELD
		 "$(x min=\"$x\"$)$(y max=\"$y\"$) value=\"$z\"" PAINT_ATTRIBUTES ">");
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

/* One of five faces by where the point stands on its scale; its name is for those who cannot see it. They are of Unicode 6.0, which
 * the fonts of older systems have too. */
static void look_at(struct painter *p, double at)
{
	static const char *const faces[] = {"😢", "😞", "😐", "😊", "😄"};
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);
	int face = high.num > low.num ? (int)(4 * (at - low.num) / (high.num - low.num) + 0.5) : 0;

	face = face < 0 ? 0 : face > 4 ? 4 : face;
	p->u = str_from(faces[face]);
	p->v = paint_words(p, (enum message)(MSG_FACE_1 + face));
}

static void paint_point(struct painter *p, double at)
{
	struct value v = value_num(at);

	p->x = paint_number_text(p, at);
	p->y = point_label(p, at);
	p->u = S("");
	if (p->q->display == DISPLAY_SMILEYS)
		look_at(p, at);
	paint_set(p, 'A', value_same(&v, &p->now));
	paint(p, "<label class=\"cc-point\"><input class=\"cc-point-input\" type=\"radio\" name=\"q-$n\" "
		 "value=\"$x\"$(A checked$)>"
		 "$(u<span class=\"cc-point-face\" aria-hidden=\"true\">$u</span>$(y$:<span "
		 "class=\"cc-hidden\">$v</span>$) $)"
		 "<span class=\"cc-point-number\">$x</span>$(y <span class=\"cc-point-label\">$y</span>$)</label>");
}

static void paint_rating(struct painter *p)
{
	struct value low = vm_run(p->r, p->q->min), high = vm_run(p->r, p->q->max);
	double step = program_num(p->r->p, p->q->step);
	uint32_t points = 0;

	paint(p, "<div class=\"cc-scale\">");
	if (low.kind == V_NUM && high.kind == V_NUM && step > 0)
		for (double at = low.num; at <= high.num && points++ <= QUESTION_CHOICES_MAX; at += step)
			paint_point(p, at);
	paint(p, "</div>");
}

struct painter paint_cell(struct painter *p, struct p_question *cell, const struct p_choice *row)
{
	struct str name = program_str(p->r->p, row->text);
	const struct value *now = value_field(&p->now, name);
	struct painter c = *p;

	*cell = cell_question(p->r->p, p->q, row);
	c.q = cell;
	c.now = now ? *now : value_empty;
	c.row = name;
	paint_set(&c, 'C', true);
	paint_set(&c, 'R', cell->flags & QUESTION_REQUIRED);
	paint_kind(&c);
	return c;
}

void paint_items(struct painter *p)
{
	uint16_t *order = display_rows(p->r, p->question, p->name);

	p->x = p->q->type == Q_allocation ? paint_number_text(p, program_num(p->r->p, p->q->total)) : S("");
	paint(p, "<div class=\"cc-items\"$(x data-total=\"$x\"$)>");
	for (uint32_t i = 0; order && i < p->s->row_count && !p->r->failed; i++) {
		const struct p_choice *row = p->s->rows[order[i]];
		struct p_question cell;
		struct painter c = paint_cell(p, &cell, row);

		c.x = row_label(p->r, row);
		c.y = run_text(p->r, row->image);
		paint_set(&c, 'A', p->q->type == Q_multi_text);
		paint(&c, "<div class=\"cc-item\"><label class=\"cc-item-title\" for=\"q-$n-$w\">" PAINT_ROW_IMAGE
			  "$x$(A$(R" PAINT_MARK "$)$)</label>");
		paint_inputs(&c);
		paint(p, "</div>");
	}
	paint(p, "</div>");
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
    [Q_number] = paint_digits,
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
