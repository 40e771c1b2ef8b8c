/* step.c - one step of a page: a question's visibility, choices and value, or a calculated value. */
#include "engine/run.h"
#include "base/limits.h"

static void rows_collect(struct run *r, const struct p_question *q, struct state *s)
{
	s->row_count = 0;
	s->rows = run_alloc(r, q->rows_count, sizeof(*s->rows));
	for (uint32_t i = 0; s->rows && i < q->rows_count && run_burn(r, 1); i++) {
		const struct p_choice *row = &r->p->choice[q->rows + i];

		if (vm_true(r, row->visible_if, true))
			s->rows[s->row_count++] = row;
	}
}

/* A question that offers nothing to choose is not shown: nobody could answer it. SurveyJS shows it; here it is locked then. */
static bool has_content(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];

	switch (q->type) {
	case Q_single:
	case Q_multi:
	case Q_rank:
		choices_collect(r, question);
		lock_choices(s);
		if (!s->choice_count && s->lock == LOCK_OPEN)
			s->lock = LOCK_NOW;
		return s->choice_count > 0 || (r->p->survey->flags & SURVEY_WITHOUT_CHOICES);
	case Q_matrix:
		choices_collect(r, question);
		lock_choices(s);
		rows_collect(r, q, s);
		return (s->choice_count > 0 || q->cell >= CELL_TEXT) && s->row_count > 0;
	case Q_multi_text:
	case Q_allocation:
		rows_collect(r, q, s);
		return s->row_count > 0;
	case Q_roster:
		return roster_collect(r, question);
	default:
		return true;
	}
}

void step_question(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];

	s->reached = true;
	s->visible = (!q->parent || r->states[q->parent - 1].visible) && vm_true(r, q->visible_if, true);
	if (s->visible) {
		lock_question(r, question);
		s->visible = has_content(r, question);
	}
	if (!s->visible || r->failed)
		return;
	if (q->type == Q_roster)
		roster_take(r, question);
	else
		answer_take(r, question);
}

void step_calc(struct run *r, uint32_t calc)
{
	struct value v = vm_run(r, r->p->calc[calc].expression);

	/* an empty text is no value: it would otherwise be stored as one */
	r->calcs[calc] = value_is_empty(&v) ? value_empty : v;
}
