/* render_choice.c - the inputs of questions that offer something to choose: choices, places, yes and no, rows of a matrix. */
#include "engine/render.h"
#include "base/limits.h"

static bool is_now(const struct painter *p, const struct value *v)
{
	return p->now.kind == V_LIST ? value_in(v, &p->now) : value_same(v, &p->now);
}

/* What style sheet and script go by: the choice that asks for words, those that "select all" does not mean. */
static void paint_marks(struct painter *p, const struct choice_view *v)
{
	html_attr_bool(p->h, "data-other", v->choice->role == ROLE_OTHER && choice_own(v, p->q));
	html_attr_bool(p->h, "data-apart",
	    (p->q->flags & QUESTION_SELECT_ALL) && (v->choice->role || (v->choice->flags & CHOICE_EXCLUSIVE)));
}

static void option(struct painter *p, struct str value, struct str label, bool selected, const struct choice_view *v)
{
	html_open(p->h, "option");
	html_attr(p->h, "value", value);
	html_attr_bool(p->h, "selected", selected);
	html_attr_bool(p->h, "disabled", v && v->off);
	if (v)
		paint_marks(p, v);
	html_text(p->h, label);
	html_close(p->h, "option");
}

static void paint_select(struct painter *p, struct str id, struct str name, const struct value *now)
{
	uint16_t *order = display_choices(p->r, p->question, p->name);

	html_open(p->h, "select");
	html_attr(p->h, "class", S("cc-select"));
	html_attr(p->h, "id", id);
	html_attr(p->h, "name", name);
	if (p->q->type != Q_rank && !paint_is_single(p->q))
		html_attr(p->h, "aria-label", p->title);
	paint_attributes(p);
	if (p->q->type == Q_multi) {
		html_attr_bool(p->h, "multiple", true);
		html_attr_int(p->h, "size", p->s->choice_count < 8 ? p->s->choice_count : 8);
	} else {
		option(p, S(""), message(p->r, MSG_CHOOSE, S(""), S("")), value_is_empty(now), NULL);
	}
	for (uint32_t i = 0; order && i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[order[i]];

		option(p, program_str(p->r->p, v->choice->text), choice_label(p->r, v),
		    (p->q->type == Q_multi ? is_now(p, &v->value) : value_same(&v->value, now)) && !v->off, v);
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
	html_attr_bool(p->h, "checked", is_now(p, &v->value) && !v->off);
	html_attr_bool(p->h, "disabled", v->off);
	html_attr_bool(p->h, "data-exclusive", several && (v->choice->flags & CHOICE_EXCLUSIVE));
	paint_marks(p, v);
	if (several && p->invalid)
		html_attr(p->h, "aria-invalid", S("true"));
	html_close_void(p->h);
	paint_choice_label(p, "cc-choice-label", v);
	html_close(p->h, "label");
}

static void paint_other(struct painter *p)
{
	for (uint32_t i = 0; i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[i];
		struct str id = paint_id(p, '_', S("other"));

		if (v->choice->role != ROLE_OTHER || !choice_own(v, p->q))
			continue;
		paint_div(p, "cc-other");
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

/* Never ticked by itself: a form without a script would take everything again after one was unticked. */
static void paint_all(struct painter *p)
{
	if (!(p->q->flags & QUESTION_SELECT_ALL))
		return;
	html_open(p->h, "label");
	html_attr(p->h, "class", S("cc-choice cc-all"));
	html_open(p->h, "input");
	html_attr(p->h, "class", S("cc-choice-input"));
	html_attr(p->h, "type", S("checkbox"));
	html_attr(p->h, "name", paint_part(p, "all"));
	html_attr(p->h, "value", S("true"));
	html_attr_bool(p->h, "data-all", true);
	html_close_void(p->h);
	paint_span(p, "cc-choice-label", message(p->r, MSG_SELECT_ALL, S(""), S("")));
	html_close(p->h, "label");
}

void paint_choices(struct painter *p)
{
	bool several = p->q->type == Q_multi;
	uint16_t *order;

	if (p->q->display == DISPLAY_DROPDOWN) {
		paint_all(p);
		paint_select(p, p->input, p->field, &p->now);
		paint_other(p);
		return;
	}
	order = display_choices(p->r, p->question, p->name);
	paint_div(p, "cc-choices");
	paint_all(p);
	for (uint32_t i = 0; order && i < p->s->choice_count; i++)
		paint_choice(p, &p->s->choices[order[i]], several);
	html_close(p->h, "div");
	paint_other(p);
}

void paint_rank(struct painter *p)
{
	uint32_t places = p->s->choice_count;
	double most = program_num(p->r->p, p->q->at_most);

	if (p->q->at_most && most < places)
		places = most > 0 ? (uint32_t)most : 0;
	paint_div(p, "cc-places");
	for (uint32_t i = 0; i < places && !p->r->failed; i++) {
		struct str number = paint_number_text(p, i + 1), id = paint_id(p, '-', number);
		struct value now = p->now.kind == V_LIST && i < p->now.count ? p->now.items[i] : value_empty;

		paint_div(p, "cc-place");
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
	paint_span(p, "cc-choice-label", own.n ? own : message(p->r, yes ? MSG_YES : MSG_NO, S(""), S("")));
	html_close(p->h, "label");
}

void paint_boolean(struct painter *p)
{
	paint_div(p, "cc-choices");
	yes_no(p, true);
	yes_no(p, false);
	html_close(p->h, "div");
}

void paint_markup(struct painter *p)
{
	paint_div(p, "cc-markup");
	html_raw(p->h, run_text(p->r, p->q->html));
	html_close(p->h, "div");
}

void paint_consent(struct painter *p)
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
	paint_span(p, "cc-choice-label", message(p->r, MSG_AGREE, S(""), S("")));
	html_close(p->h, "label");
}

static void paint_point(struct painter *c, const struct choice_view *v)
{
	bool several = c->q->type == Q_multi;

	html_open(c->h, "label");
	html_attr(c->h, "class", S("cc-cell"));
	html_open(c->h, "input");
	html_attr(c->h, "class", S("cc-cell-input"));
	html_attr(c->h, "type", several ? S("checkbox") : S("radio"));
	html_attr(c->h, "name", c->field);
	html_attr(c->h, "value", program_str(c->r->p, v->choice->text));
	html_attr_bool(c->h, "checked", is_now(c, &v->value) && !v->off);
	html_attr_bool(c->h, "disabled", v->off);
	html_attr_bool(c->h, "data-exclusive", several && (v->choice->flags & CHOICE_EXCLUSIVE));
	html_close_void(c->h);
	paint_choice_label(c, "cc-cell-label", v);
	html_close(c->h, "label");
}

static void paint_row(struct painter *p, const struct p_choice *row)
{
	struct p_question cell;
	struct painter c = paint_cell(p, &cell, row);

	html_open(p->h, "fieldset");
	html_attr(p->h, "class", S("cc-row"));
	if (cell.type == Q_single)
		html_attr(p->h, "role", S("radiogroup"));
	html_attr(p->h, "id", c.input);
	if (cell.type == Q_single && c.required)
		html_attr(p->h, "aria-required", S("true"));
	html_open(p->h, "legend");
	html_attr(p->h, "class", S("cc-row-title"));
	html_text(p->h, row_label(p->r, row));
	html_close(p->h, "legend");
	paint_div(p, "cc-row-cells");
	for (uint32_t k = 0; k < p->s->choice_count && run_burn(p->r, 1); k++)
		paint_point(&c, &p->s->choices[k]);
	html_close(p->h, "div");
	html_close(p->h, "fieldset");
}

void paint_matrix(struct painter *p)
{
	uint16_t *order;

	if (p->q->cell >= CELL_TEXT) {
		paint_items(p);
		return;
	}
	order = display_rows(p->r, p->question, p->name);
	paint_div(p, "cc-matrix");
	for (uint32_t i = 0; order && i < p->s->row_count && !p->r->failed; i++)
		paint_row(p, p->s->rows[order[i]]);
	html_close(p->h, "div");
}
