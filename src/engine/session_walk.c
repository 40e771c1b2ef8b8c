/* session_walk.c - the walk over the pages again, taking only the steps that are marked. */
#include "engine/session.h"
#include "base/limits.h"

/* Kept exactly as it was: lists in the same order, texts byte by byte. */
static bool exactly(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case V_LIST:
		for (uint32_t i = 0; a->count == b->count && i < a->count; i++)
			if (!exactly(&a->items[i], &b->items[i]))
				return false;
		return a->count == b->count;
	case V_RECORD:
		for (uint32_t i = 0; a->count == b->count && i < a->count; i++)
			if (!str_eq(a->fields[i].name, b->fields[i].name) ||
			    !exactly(&a->fields[i].value, &b->fields[i].value))
				return false;
		return a->count == b->count;
	default:
		return value_same(a, b);
	}
}

static bool same_state(const struct state *a, const struct state *b)
{
	if (a->reached != b->reached || a->visible != b->visible || a->lock != b->lock ||
	    a->choice_count != b->choice_count || a->row_count != b->row_count || !str_eq(a->other, b->other) ||
	    !exactly(&a->value, &b->value))
		return false;
	for (uint32_t i = 0; a->choices != b->choices && i < a->choice_count; i++)
		if (a->choices[i].choice != b->choices[i].choice || a->choices[i].off != b->choices[i].off ||
		    !str_eq(a->choices[i].other, b->choices[i].other))
			return false;
	for (uint32_t i = 0; i < a->row_count; i++)
		if (a->rows[i] != b->rows[i])
			return false;
	/* records hold more than their value tells */
	return !a->record_count && !b->record_count;
}

static void mark_one(struct session *s, uint32_t node)
{
	s->marked[node] = true;
	s->changed = true;
	/* questions of pages behind were judged by what was known there: that has not changed */
	if (node < s->program->question_count && (int32_t)s->program->question[node].page - 1 >= s->walking)
		s->judged[node].known = false;
}

void session_mark(struct session *s, uint32_t node)
{
	mark_one(s, node);
}

/* A question or calculated value came out differently. */
static void changed(struct session *s, uint32_t node)
{
	const struct program *p = s->program;

	for (uint32_t i = p->dependent_first ? p->dependent_first[node] : 0;
	     p->dependent_first && i < p->dependent_first[node + 1]; i++)
		mark_one(s, p->dependent[i]);
}

static void forget(struct session *s, uint32_t question)
{
	s->run.states[question] = (struct state){
	    .at = s->run.states[question].at, .raw = s->given[question].answer, .raw_other = s->given[question].other};
}

static void take_question(struct session *s, uint32_t question)
{
	struct state *now = &s->run.states[question], before = *now;

	forget(s, question);
	step_question(&s->run, question);
	s->judged[question].known = false;
	if (!same_state(&before, now))
		changed(s, question);
}

static void take_calc(struct session *s, uint32_t calc, struct value *note, bool anew)
{
	step_calc(&s->run, calc);
	if (anew || !exactly(note, &s->run.calcs[calc]))
		changed(s, s->program->question_count + calc);
	*note = s->run.calcs[calc];
}

/* The steps of a page, or without one those before the first page. */
static void take_steps(struct session *s, const struct p_page *page, bool anew)
{
	const struct program *p = s->program;
	uint32_t first = page ? page->steps : p->survey[0].steps;
	uint32_t count = page ? page->steps_count : p->survey[0].steps_count;
	struct run *r = &s->run;

	for (uint32_t i = first; i < first + count && !r->failed; i++) {
		const struct p_step *step = &p->step[i];

		r->now = page ? i + 1 : 0;
		if (step->question && (anew || s->marked[step->question - 1]))
			take_question(s, step->question - 1);
		if (step->calc) {
			if (anew || s->marked[p->question_count + step->calc - 1])
				take_calc(s, step->calc - 1, &s->step_values[i], anew);
			else
				r->calcs[step->calc - 1] = s->step_values[i];
		}
	}
}

/* A page that is no longer on the way: its answers count as not given. */
static void leave_out(struct session *s, uint32_t page)
{
	const struct p_page *p = &s->program->page[page];

	for (uint32_t i = p->questions; i < p->questions + p->questions_count; i++) {
		if (s->run.states[i].reached)
			changed(s, i);
		forget(s, i);
		s->judged[i].known = false;
	}
	for (uint32_t i = p->steps; i < p->steps + p->steps_count; i++) {
		uint32_t calc = s->program->step[i].calc;

		if (!calc)
			continue;
		mark_one(s, s->program->question_count + calc - 1);
		changed(s, s->program->question_count + calc - 1);
	}
	s->pages[page].taken = false;
}

/* As in a run from the beginning: the interview ended as the page was entered. */
static void turn_back(struct session *s, uint32_t page)
{
	const struct p_page *p = &s->program->page[page];

	leave_out(s, page);
	s->pages[page].ruled = false;
	for (uint32_t i = p->steps; i < p->steps + p->steps_count && !s->run.failed; i++) {
		s->run.now = i + 1;
		if (s->program->step[i].calc)
			take_calc(s, s->program->step[i].calc - 1, &s->step_values[i], false);
	}
}

static void judge(struct session *s, const struct p_page *page)
{
	struct run *r = &s->run;

	for (uint32_t i = page->questions; i < page->questions + page->questions_count && !r->failed; i++) {
		struct judged *j = &s->judged[i];

		if (j->known)
			continue;
		*j = (struct judged){.known = true};
		if (!r->states[i].visible)
			continue;
		r->errors = s->scratch;
		r->error_count = 0;
		judge_question(r, i);
		j->count = r->error_count;
		if (j->count && !(j->errors = arena_copy(r->a, s->scratch, j->count * sizeof(*s->scratch))))
			r->failed = ERR_MEMORY;
	}
}

/* Cells that are still to be looked at in this walk, when something changed that they depend on. */
static void drop_cell_notes(struct session *s)
{
	if (!s->marked[program_cells_node(s->program)])
		return;
	for (uint32_t i = 0; i < s->program->cell_count; i++)
		if (!s->run.cells[i].state)
			s->run.cell_notes[i].known = false;
}

static int32_t rules(struct session *s, int32_t page, struct walk_end *end)
{
	struct page_note *note = &s->pages[page];

	if (!note->ruled || s->marked[program_rules_node(s->program)]) {
		struct walk_end here = {-1, NULL, false};

		note->next = run_rules(&s->run, page, &here);
		note->outcome = here.outcome;
		note->ruled = true;
	}
	if (note->outcome)
		*end = (struct walk_end){page, note->outcome, false};
	drop_cell_notes(s);
	return run_leave(&s->run, page, note->next, end);
}

/* One page of the walk; the page to go on with comes back. */
static int32_t walk_page(struct session *s, int32_t page, int32_t next, int32_t judge_to, struct walk_end *end)
{
	const struct p_page *p = &s->program->page[page];
	struct page_note *note = &s->pages[page];
	uint32_t node = program_page_node(s->program, (uint32_t)page);
	bool anew = !note->taken;

	s->run.on_way[page] = false;
	/* what is noted of a page that is passed over is not brought up to date */
	if (next < 0 || page < next) {
		note->known = note->known && !s->marked[node];
		if (note->taken)
			leave_out(s, (uint32_t)page);
		return next;
	}
	if (!note->known || s->marked[node]) {
		note->holds = vm_true(&s->run, p->visible_if, true);
		note->known = true;
	}
	if (!note->holds) {
		if (note->taken)
			leave_out(s, (uint32_t)page);
		return next;
	}
	note->taken = true;
	take_steps(s, p, anew);
	if (anew)
		note->ruled = false;
	if (!page_shown(&s->run, (uint32_t)page)) {
		note->ruled = false;
		return next;
	}
	drop_cell_notes(s);
	if (quotas_enter(&s->run, s->left, page, end)) {
		turn_back(s, (uint32_t)page);
		return -1;
	}
	s->run.on_way[page] = true;
	s->left = page;
	if (page <= judge_to)
		judge(s, p);
	return rules(s, page, end);
}

enum err session_walk(struct session *s, int32_t judge_to)
{
	struct run *r = &s->run;
	int32_t next = 0, pages = (int32_t)s->program->page_count;
	bool first;
	enum err e;

	if ((s->stale || (s->changed && !s->program->dependent_first)) && (e = session_renew(s)))
		return e;
	if (!s->changed && judge_to <= s->judged_to)
		return OK;
	first = !s->walked;
	r->fuel = RUN_STEPS_MAX;
	r->failed = OK;
	s->end = (struct walk_end){-1, NULL, false};
	for (uint32_t i = 0; i < s->program->cell_count; i++)
		r->cells[i] = (struct cell_state){0, 0};
	s->walking = 0;
	s->left = -1;
	take_steps(s, NULL, first);
	for (int32_t page = 0; page < pages && run_burn(r, 1); page++) {
		s->walking = page;
		next = walk_page(s, page, next, judge_to, &s->end);
	}
	if (next >= 0 && !r->failed) {
		drop_cell_notes(s);
		quotas_look(r, s->left, pages, &s->end);
	}
	s->walking = 0;
	s->walked = true;
	r->now = UINT32_MAX;
	for (uint32_t i = 0; i < program_nodes(s->program); i++)
		s->marked[i] = false;
	s->changed = false;
	s->judged_to = judge_to;
	s->stale = r->failed || r->a->used_bytes > 2 * s->fresh_bytes + SESSION_LITTER_BYTES;
	return r->failed;
}
