/* simulate_cover.c - what simulated interviews met, counted; simulate_rows.c names it. */
#include "engine/simulate.h"
#include "engine/vm.h"
#include "engine/number.h"
#include "base/limits.h"

/* ---- choices, and what is like them ---- */

/* Own choices first, then those of the questions they are carried forward from. */
static uint32_t choice_at(const struct program *p, const struct p_question *q, const struct choice_view *v)
{
	uint32_t before = 0;

	for (uint32_t hops = 0; hops <= p->question_count; hops++) {
		if (choice_own(v, q))
			return before + (uint32_t)(v->choice - &p->choice[q->choices]);
		before += q->choices_count;
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
	return UINT32_MAX;
}

static bool constant(const struct program *p, uint32_t expression, double *out)
{
	const struct p_expr *x = &p->expr[expression];
	const unsigned char *code = (const unsigned char *)p->code.p + x->code;

	if (!expression || x->length != 6 || code[0] != OP_NUM)
		return false;
	*out = program_num(
	    p, (uint32_t)code[1] | (uint32_t)code[2] << 8 | (uint32_t)code[3] << 16 | (uint32_t)code[4] << 24);
	return true;
}

uint32_t cover_points(const struct program *p, const struct p_question *q, double *low, double *step)
{
	double high, n;

	*step = q->step ? program_num(p, q->step) : 1;
	if (!constant(p, q->min, low) || !constant(p, q->max, &high) || !(*step > 0))
		return 0;
	n = number_floor((high - *low) / *step + 1e-9) + 1;
	return n >= 1 && n <= QUESTION_CHOICES_MAX ? (uint32_t)n : 0;
}

static uint32_t choice_room(const struct program *p, const struct p_question *q)
{
	uint32_t n = 0;
	double low, step;

	if (q->type == Q_boolean || q->type == Q_consent)
		return q->type == Q_boolean ? 2 : 1;
	if (q->type == Q_rating)
		return cover_points(p, q, &low, &step);
	for (uint32_t hops = 0; hops <= p->question_count && n <= QUESTION_CHOICES_MAX; hops++) {
		n += q->choices_count;
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
	return n;
}

/* The place of a value among the choices of its question. */
static uint32_t place_of(struct simulator *s, uint32_t question, const struct value *v)
{
	const struct p_question *q = &s->r.p->question[question];
	const struct choice_view *view;
	double low, step;

	switch (q->type) {
	case Q_boolean:
		return !v->b;
	case Q_consent:
		return 0;
	case Q_rating:
		if (!cover_points(s->r.p, q, &low, &step) || v->kind != V_NUM || v->num < low)
			return UINT32_MAX;
		return (uint32_t)number_floor((v->num - low) / step + 0.5);
	default:
		view = choices_find(&s->r.states[question], v);
		return view ? choice_at(s->r.p, q, view) : UINT32_MAX;
	}
}

/* ---- room ---- */

static void list_sticky(const struct program *p, bool *sticky)
{
	for (uint32_t i = 0; i < p->validator_count; i++)
		sticky[p->validator[i].expression] = true;
}

enum err coverage_new(struct arena *a, const struct program *p, struct coverage **out)
{
	struct coverage *c = arena_new(a, struct coverage);
	uint32_t choices = 0, n = p->question_count + 1;
	bool whole;

	if (!(*out = c) || !(c->choice_first = arena_array(a, uint32_t, n)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->question_count; i++) {
		c->choice_first[i] = choices;
		choices += choice_room(p, &p->question[i]);
	}
	c->choice_first[p->question_count] = choices;
	c->program = p;
	whole = (c->outcomes = arena_array(a, uint64_t, (size_t)p->outcome_count + 1)) != NULL;
	whole &= (c->pages = arena_array(a, uint64_t, (size_t)p->page_count + 1)) != NULL;
	whole &= (c->stuck = arena_array(a, uint64_t, (size_t)p->page_count + 1)) != NULL;
	whole &= (c->questions = arena_array(a, uint64_t, n)) != NULL;
	whole &= (c->answered = arena_array(a, uint64_t, n)) != NULL;
	whole &= (c->rows = arena_array(a, uint64_t, n)) != NULL;
	whole &= (c->records = arena_array(a, uint64_t, n)) != NULL;
	whole &= (c->cells = arena_array(a, uint64_t, (size_t)p->cell_count + 1)) != NULL;
	whole &= (c->choices = arena_array(a, uint64_t, (size_t)choices + 1)) != NULL;
	whole &= (c->branches = arena_array(a, uint64_t, 3 * (size_t)p->expr_count + 3)) != NULL;
	whole &= (c->sticky = arena_array(a, bool, (size_t)p->expr_count + 1)) != NULL;
	whole &= (c->notes.seen = arena_array(a, uint8_t, (size_t)p->expr_count + 1)) != NULL;
	whole &= (c->notes.touched = arena_array(a, uint32_t, 2 * (size_t)p->expr_count + 2)) != NULL;
	if (whole)
		list_sticky(p, c->sticky);
	return whole ? OK : ERR_MEMORY;
}

static void add(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

void coverage_add(struct coverage *to, const struct coverage *from)
{
	const struct program *p = to->program;

	to->interviews += from->interviews;
	to->completed += from->completed;
	add(to->outcomes, from->outcomes, p->outcome_count);
	add(to->pages, from->pages, p->page_count);
	add(to->stuck, from->stuck, p->page_count);
	add(to->questions, from->questions, p->question_count);
	add(to->answered, from->answered, p->question_count);
	add(to->rows, from->rows, p->question_count);
	add(to->records, from->records, p->question_count);
	add(to->cells, from->cells, p->cell_count);
	add(to->choices, from->choices, to->choice_first[p->question_count]);
	add(to->branches, from->branches, 3 * (size_t)p->expr_count);
}

/* ---- conditions ---- */

uint32_t cover_mark(const struct simulator *s)
{
	return s->r.notes ? s->r.notes->count : 0;
}

void cover_forget(struct simulator *s, uint32_t mark)
{
	struct branch_notes *n = s->r.notes;
	uint32_t kept = mark;

	for (uint32_t i = mark; n && i < n->count; i++) {
		uint32_t expression = n->touched[i];

		if (s->coverage->sticky[expression])
			n->touched[kept++] = expression;
		else
			n->seen[expression] &= (uint8_t)~SEEN_NEW;
	}
	if (n)
		n->count = kept;
}

void cover_settle(struct simulator *s, uint32_t mark)
{
	struct branch_notes *n = s->r.notes;
	uint32_t kept = mark;

	for (uint32_t i = mark; n && i < n->count; i++) {
		uint8_t *seen = &n->seen[n->touched[i]];
		bool listed = *seen >> 2 && *seen & SEEN_NEW; /* since an earlier page */

		*seen = (uint8_t)((*seen | (*seen & SEEN_NEW) << 2) & ~SEEN_NEW);
		if (!listed)
			n->touched[kept++] = n->touched[i];
	}
	if (n)
		n->count = kept;
}

static void count_branches(struct simulator *s)
{
	struct branch_notes *n = s->r.notes;

	cover_settle(s, 0);
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t expression = n->touched[i];

		s->coverage->branches[3 * (size_t)expression + (n->seen[expression] >> 2) - 1]++;
		n->seen[expression] = 0;
	}
	n->count = 0;
}

/* ---- counting ---- */

static void cover_value(struct simulator *s, uint32_t question, const struct value *v)
{
	struct coverage *c = s->coverage;
	uint32_t at = place_of(s, question, v);

	if (at < c->choice_first[question + 1] - c->choice_first[question])
		c->choices[c->choice_first[question] + at]++;
}

/* A choice, or several. */
static void cover_cell(struct simulator *s, uint32_t question, const struct value *v)
{
	if (v->kind == V_LIST)
		for (uint32_t i = 0; i < v->count; i++)
			cover_value(s, question, &v->items[i]);
	else if (!value_is_empty(v))
		cover_value(s, question, v);
}

static void cover_question(struct simulator *s, uint32_t question)
{
	const struct state *st = &s->r.states[question];
	struct coverage *c = s->coverage;

	/* of an answered question it is not looked at otherwise */
	vm_true(&s->r, s->r.p->question[question].required_if, false);
	c->questions[question]++;
	c->rows[question] += st->row_count;
	c->records[question] += st->record_count;
	c->answered[question] += !value_is_empty(&st->value);
	if (c->choice_first[question + 1] == c->choice_first[question])
		return;
	if (st->value.kind == V_RECORD)
		for (uint32_t i = 0; i < st->value.count; i++)
			cover_cell(s, question, &st->value.fields[i].value);
	else
		cover_cell(s, question, &st->value);
}

void cover_page(struct simulator *s, uint32_t page)
{
	const struct p_page *p = &s->r.p->page[page];

	if (!s->coverage)
		return;
	s->coverage->pages[page]++;
	for (uint32_t i = p->questions; i < p->questions + p->questions_count; i++) {
		if (!s->r.states[i].visible)
			continue;
		cover_question(s, i);
		for (uint32_t k = 0; k < s->r.states[i].record_count && !s->r.failed; k++) {
			record_open(&s->r, i, k);
			for (uint32_t inner = i + 1; inner <= i + s->r.p->question[i].span; inner++)
				if (s->r.states[inner].visible)
					cover_question(s, inner);
			record_close(&s->r);
		}
	}
}

/* Quotas count completed interviews (count_on), so nobody who gave up or was screened out. */
static void cover_cells(struct simulator *s)
{
	const struct program *p = s->r.p;
	struct quota_cell *cells;
	size_t n;

	quotas_taken(&s->r, WALK_ALL, &cells, &n);
	for (uint32_t q = 0, i = 0; q < p->quota_count; q++)
		for (uint32_t k = p->quota[q].cells; k < p->quota[q].cells + p->quota[q].cells_count && i < n; k++)
			if (str_eq(cells[i].quota, program_str(p, p->quota[q].name)) &&
			    str_eq(cells[i].cell, program_str(p, p->cell[k].name))) {
				s->coverage->cells[k]++;
				i++;
			}
}

void cover_end(struct simulator *s, const struct walk_end *end, int32_t stuck)
{
	const struct program *p = s->r.p;
	struct coverage *c = s->coverage;

	c->interviews++;
	count_branches(s);
	if (stuck >= 0)
		c->stuck[stuck]++;
	else if (end->outcome)
		c->outcomes[end->outcome - p->outcome]++;
	else
		c->completed++;
	if (stuck < 0 && (!end->outcome || str_eq(program_str(p, end->outcome->name), S("completed"))))
		cover_cells(s);
}
