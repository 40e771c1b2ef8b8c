/* render_choice.c - the inputs of questions that offer something to choose: choices, places, yes and no, rows of a matrix. */
#include "engine/render.h"
#include "base/limits.h"

static bool is_now(const struct painter *p, const struct value *v)
{
	return p->now.kind == V_LIST ? value_in(v, &p->now) : value_same(v, &p->now);
}

/* What a choice is, for the templates: value, ticked, off; and what style sheet and script go by: the choice that asks for words, those
 * that "select all" does not mean. */
static void look_at(struct painter *p, const struct choice_view *v, bool ticked)
{
	const struct p_choice *c = v->choice;

	p->u = program_str(p->r->p, c->text);
	paint_set(p, 'A', ticked && !v->off);
	paint_set(p, 'E', v->off);
	paint_set(p, 'F', c->role == ROLE_OTHER && choice_own(v, p->q));
	paint_set(p, 'G', (p->q->flags & QUESTION_SELECT_ALL) && (c->role || (c->flags & CHOICE_EXCLUSIVE)));
	paint_set(p, 'M', p->q->type == Q_multi);
	paint_set(p, 'Y', p->q->type == Q_multi && (c->flags & CHOICE_EXCLUSIVE));
}

#define MARKS "$(E disabled$)$(F data-other$)$(G data-apart$)"

static void paint_select(struct painter *p, const struct value *now)
{
	uint16_t *order = display_choices(p->r, p->question, p->name);
	bool several = p->q->type == Q_multi;
	uint32_t n = p->s->choice_count;

	p->x = paint_number_text(p, n < 8 ? n : 8);
	p->u = S("");
	p->v = paint_words(p, MSG_CHOOSE);
	paint_set(p, 'M', several);
	paint_set(p, 'A', value_is_empty(now));
	paint(p, "<select class=\"cc-select\"" PAINT_FIELD "$(C$:$(S$: aria-label=\"$t\"$)" PAINT_REQUIRED
		 "$)" PAINT_INVALID PAINT_DESCRIBED
		 "$(K disabled$)$(M multiple size=\"$x\"$)>$(M$:<option value=\"\"$(A selected$)>$v</option>$)");
	for (uint32_t i = 0; order && i < n; i++) {
		const struct choice_view *v = &p->s->choices[order[i]];

		look_at(p, v, several ? is_now(p, &v->value) : value_same(&v->value, now));
		p->v = choice_label(p->r, v);
		paint(p, "<option value=\"$u\"$(A selected$)" MARKS ">$v</option>");
	}
	paint(p, "</select>");
}

static void paint_other(struct painter *p)
{
	for (uint32_t i = 0; i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[i];

		if (v->choice->role != ROLE_OTHER || !choice_own(v, p->q))
			continue;
		p->x = message(p->r, MSG_OTHER_TEXT, choice_label(p->r, v), S(""));
		paint(p, "<div class=\"cc-other\"><label for=\"q-$n_other\">$x</label>"
			 "<input class=\"cc-input\" type=\"text\" id=\"q-$n_other\" name=\"q-$n_other\" "
			 "value=\"$o\"></div>");
	}
}

void paint_choices(struct painter *p)
{
	uint16_t *order;
	bool list = p->q->display != DISPLAY_DROPDOWN;

	if (list)
		paint(p, "<div class=\"cc-choices\">");
	/* never ticked by itself: a form without a script would take everything again after one was unticked */
	p->x = paint_words(p, MSG_SELECT_ALL);
	if (p->q->flags & QUESTION_SELECT_ALL)
		paint(p, "<label class=\"cc-choice cc-all\"><input class=\"cc-choice-input\" type=\"checkbox\" "
			 "name=\"q-$n--all\" "
			 "value=\"true\" data-all><span class=\"cc-choice-label\">$x</span></label>");
	if (!list)
		paint_select(p, &p->now);
	order = list ? display_choices(p->r, p->question, p->name) : NULL;
	for (uint32_t i = 0; order && i < p->s->choice_count; i++) {
		const struct choice_view *v = &p->s->choices[order[i]];

		look_at(p, v, is_now(p, &v->value));
		paint(p,
		    "<label class=\"cc-choice\"><input class=\"cc-choice-input\" type=\"$(Mcheckbox$:radio$)\" "
		    "name=\"q-$n\" value=\"$u\""
		    "$(A checked$)$(E disabled$)$(Y data-exclusive$)$(F data-other$)$(G data-apart$)$(M" PAINT_INVALID
		    "$)>");
		paint_choice_label(p, "cc-choice-label", v);
	}
	if (list)
		paint(p, "</div>");
	paint_other(p);
}

void paint_rank(struct painter *p)
{
	uint32_t places = p->s->choice_count;
	double most = program_num(p->r->p, p->q->at_most);

	if (p->q->at_most && most < places)
		places = most > 0 ? (uint32_t)most : 0;
	paint(p, "<div class=\"cc-places\">");
	for (uint32_t i = 0; i < places && !p->r->failed; i++) {
		struct value now = p->now.kind == V_LIST && i < p->now.count ? p->now.items[i] : value_empty;

		p->row = paint_number_text(p, i + 1);
		p->x = message(p->r, MSG_PLACE, p->row, S(""));
		paint_set(p, 'C', true);
		paint(p, "<div class=\"cc-place\"><label class=\"cc-place-title\" for=\"q-$n-$w\">$x</label>");
		paint_select(p, &now);
		paint(p, "</div>");
	}
	paint(p, "</div>");
}

/* Something to tick with a value and words of its own. */
static void paint_tick(struct painter *p, const char *value, struct str words, bool ticked)
{
	p->u = str_from(value);
	p->x = words;
	paint_set(p, 'A', ticked);
	paint_set(p, 'M', p->q->type == Q_consent);
	paint(p, "<label class=\"cc-choice\"><input class=\"cc-choice-input\" type=\"$(Mcheckbox$:radio$)\" "
		 "name=\"q-$n\" value=\"$u\""
		 "$(A checked$)$(M" PAINT_INVALID "$)><span class=\"cc-choice-label\">$x</span></label>");
}

static void yes_no(struct painter *p, bool yes)
{
	struct str own = run_text(p->r, yes ? p->q->label_true : p->q->label_false);

	paint_tick(p, yes ? "true" : "false", own.n ? own : paint_words(p, yes ? MSG_YES : MSG_NO),
	    p->now.kind == V_BOOL && p->now.b == yes);
}

void paint_boolean(struct painter *p)
{
	paint(p, "<div class=\"cc-choices\">");
	yes_no(p, true);
	yes_no(p, false);
	paint(p, "</div>");
}

void paint_markup(struct painter *p)
{
	paint(p, "<div class=\"cc-markup\">");
	html_raw(p->h, run_text(p->r, p->q->html));
	paint(p, "</div>");
}

void paint_consent(struct painter *p)
{
	paint_markup(p);
	paint_tick(p, "true", paint_words(p, MSG_AGREE), value_is_true(&p->now));
}

static void paint_row(struct painter *p, const struct p_choice *row)
{
	struct p_question cell;
	struct painter c = paint_cell(p, &cell, row);

	c.x = row_label(p->r, row);
	c.y = run_text(p->r, row->image);
	paint_set(&c, 'A', cell.type == Q_single);
	paint(&c, "<fieldset class=\"cc-row\"$(A role=\"radiogroup\"$) id=\"q-$n-$w\"$(A" PAINT_REQUIRED "$)>"
		  "<legend class=\"cc-row-title\">" PAINT_ROW_IMAGE "$x</legend><div class=\"cc-row-cells\">");
	for (uint32_t k = 0; k < p->s->choice_count && run_burn(p->r, 1); k++) {
		const struct choice_view *v = &p->s->choices[k];

		look_at(&c, v, is_now(&c, &v->value));
		paint(&c, "<label class=\"cc-cell\"><input class=\"cc-cell-input\" type=\"$(Mcheckbox$:radio$)\" "
			  "name=\"q-$n-$w\" value=\"$u\""
			  "$(A checked$)$(E disabled$)$(Y data-exclusive$)>");
		paint_choice_label(&c, "cc-cell-label", v);
	}
	paint(p, "</div></fieldset>");
}

void paint_matrix(struct painter *p)
{
	uint16_t *order;

	if (p->q->cell >= CELL_TEXT) {
		paint_items(p);
		return;
	}
	order = display_rows(p->r, p->question, p->name);
	paint(p, "<div class=\"cc-matrix\">");
	for (uint32_t i = 0; order && i < p->s->row_count && !p->r->failed; i++)
		paint_row(p, p->s->rows[order[i]]);
	paint(p, "</div>");
}
