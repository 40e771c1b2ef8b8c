/* simulate_cover.c - what simulated interviews met, counted and named. */
#include "engine/simulate.h"
#include "base/limits.h"

/* ---- counting ---- */

/* Own choices first, then those of the questions they are carried forward from. */
uint32_t cover_choice(const struct program *p, const struct p_question *q, const struct choice_view *v)
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

static uint32_t choice_room(const struct program *p, const struct p_question *q)
{
	uint32_t n = 0;

	for (uint32_t hops = 0; hops <= p->question_count && n <= QUESTION_CHOICES_MAX; hops++) {
		n += q->choices_count;
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
	return n;
}

enum err coverage_new(struct arena *a, const struct program *p, struct coverage **out)
{
	struct coverage *c = arena_new(a, struct coverage);
	uint32_t choices = 0;

	if (!(*out = c) || !(c->choice_first = arena_array(a, uint32_t, (size_t)p->question_count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < p->question_count; i++) {
		c->choice_first[i] = choices;
		choices += choice_room(p, &p->question[i]);
	}
	c->choice_first[p->question_count] = choices;
	c->program = p;
	c->outcomes = arena_array(a, uint64_t, (size_t)p->outcome_count + 1);
	c->pages = arena_array(a, uint64_t, (size_t)p->page_count + 1);
	c->questions = arena_array(a, uint64_t, (size_t)p->question_count + 1);
	c->records = arena_array(a, uint64_t, (size_t)p->question_count + 1);
	c->cells = arena_array(a, uint64_t, (size_t)p->cell_count + 1);
	c->choices = arena_array(a, uint64_t, (size_t)choices + 1);
	c->branches = arena_array(a, uint64_t, 2 * (size_t)p->expr_count + 2);
	return c->outcomes && c->pages && c->questions && c->records && c->cells && c->choices && c->branches
		   ? OK
		   : ERR_MEMORY;
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
	to->stuck += from->stuck;
	to->completed += from->completed;
	add(to->outcomes, from->outcomes, p->outcome_count);
	add(to->pages, from->pages, p->page_count);
	add(to->questions, from->questions, p->question_count);
	add(to->records, from->records, p->question_count);
	add(to->cells, from->cells, p->cell_count);
	add(to->choices, from->choices, to->choice_first[p->question_count]);
	add(to->branches, from->branches, 2 * (size_t)p->expr_count);
}

static void cover_value(struct simulator *s, uint32_t question, const struct value *v)
{
	const struct choice_view *view = choices_find(&s->r.states[question], v);
	const struct program *p = s->r.p;
	uint32_t at = view ? cover_choice(p, &p->question[question], view) : UINT32_MAX;
	struct coverage *c = s->coverage;

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

	s->coverage->questions[question]++;
	if (!st->choice_count)
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
		s->coverage->records[i] += s->r.states[i].record_count;
		for (uint32_t k = 0; k < s->r.states[i].record_count && !s->r.failed; k++) {
			record_open(&s->r, i, k);
			for (uint32_t inner = i + 1; inner <= i + s->r.p->question[i].span; inner++)
				if (s->r.states[inner].visible)
					cover_question(s, inner);
			record_close(&s->r);
		}
	}
}

void cover_end(struct simulator *s, const struct walk_end *end, bool stuck)
{
	const struct program *p = s->r.p;
	struct coverage *c = s->coverage;
	struct quota_cell *cells;
	size_t n;

	c->interviews++;
	if (stuck)
		c->stuck++;
	else if (end->outcome)
		c->outcomes[end->outcome - p->outcome]++;
	else
		c->completed++;
	quotas_taken(&s->r, WALK_ALL, &cells, &n);
	for (uint32_t q = 0, i = 0; q < p->quota_count; q++)
		for (uint32_t k = p->quota[q].cells; k < p->quota[q].cells + p->quota[q].cells_count && i < n; k++)
			if (str_eq(cells[i].quota, program_str(p, p->quota[q].name)) &&
			    str_eq(cells[i].cell, program_str(p, p->cell[k].name))) {
				c->cells[k]++;
				i++;
			}
}

/* ---- naming ---- */

struct rows {
	const struct coverage *c;
	struct arena *a;
	struct coverage_row *list;
	size_t count, room;
	enum err failed;
};

static struct str joined(struct rows *r, struct str a, const char *between, struct str b)
{
	struct str out = S("");
	struct buf text;

	buf_init(&text, r->a, 64 * KB);
	buf_add(&text, a);
	buf_add(&text, str_from(between));
	buf_add(&text, b);
	if (buf_done(&text, &out) == ERR_MEMORY)
		r->failed = ERR_MEMORY;
	return out;
}

static void add_row(struct rows *r, enum coverage_kind kind, struct str name, uint64_t yes, uint64_t of)
{
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct coverage_row *grown = arena_grow(r->a, r->list, r->room * sizeof(*grown), room * sizeof(*grown));

		if (!grown) {
			r->failed = ERR_MEMORY;
			return;
		}
		r->list = grown;
		r->room = room;
	}
	r->list[r->count++] = (struct coverage_row){kind, name, yes, of};
}

static void add_condition(struct rows *r, uint32_t expression, struct str name)
{
	const uint64_t *b = &r->c->branches[2 * (size_t)expression];

	if (expression)
		add_row(r, COVERED_CONDITION, name, b[1], b[0] + b[1]);
}

static void outcome_rows(struct rows *r)
{
	const struct program *p = r->c->program;
	uint64_t completed = r->c->completed;

	for (uint32_t i = 0; i < p->outcome_count; i++)
		if (str_eq(program_str(p, p->outcome[i].name), S("completed")))
			completed += r->c->outcomes[i];
	add_row(r, COVERED_OUTCOME, S("completed"), completed, r->c->interviews);
	for (uint32_t i = 0; i < p->outcome_count; i++)
		if (!str_eq(program_str(p, p->outcome[i].name), S("completed")))
			add_row(r, COVERED_OUTCOME, program_str(p, p->outcome[i].name), r->c->outcomes[i],
			    r->c->interviews);
	if (r->c->stuck)
		add_row(r, COVERED_OUTCOME, S(""), r->c->stuck, r->c->interviews);
}

/* "None of these" and its like are not carried forward. */
static bool choosable(const struct p_question *own, const struct p_question *from, const struct p_choice *choice)
{
	return own == from || choice->role <= ROLE_OTHER;
}

static void choice_rows(struct rows *r, uint32_t question)
{
	const struct program *p = r->c->program;
	const struct p_question *own = &p->question[question], *q = own;
	uint32_t at = r->c->choice_first[question], end = r->c->choice_first[question + 1];
	/* a matrix is answered once a row */
	uint64_t asked = r->c->questions[question] * (own->type == Q_matrix ? own->rows_count : 1);

	while (at < end) {
		for (uint32_t i = 0; i < q->choices_count && at < end; i++, at++) {
			const struct p_choice *choice = &p->choice[q->choices + i];

			if (choosable(own, q, choice))
				add_row(r, COVERED_CHOICE,
				    joined(r, program_str(p, own->name), " = ", program_str(p, choice->text)),
				    r->c->choices[at], asked);
		}
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
}

static void list_conditions(struct rows *r, uint32_t first, uint32_t count, struct str name)
{
	const struct program *p = r->c->program;

	for (uint32_t i = first; i < first + count; i++)
		if (p->choice[i].visible_if)
			add_condition(r, p->choice[i].visible_if,
			    joined(r, joined(r, name, " = ", program_str(p, p->choice[i].text)), " ", S("visible_if")));
}

static void question_rows(struct rows *r)
{
	const struct program *p = r->c->program;

	for (uint32_t i = 0; i < p->question_count; i++) {
		uint32_t roster = roster_of(p, i);

		add_row(r, COVERED_QUESTION, program_str(p, p->question[i].name), r->c->questions[i],
		    roster ? r->c->records[roster - 1] : r->c->interviews);
	}
	for (uint32_t i = 0; i < p->question_count; i++)
		choice_rows(r, i);
}

static void condition_rows(struct rows *r)
{
	const struct program *p = r->c->program;

	for (uint32_t i = 0; i < p->page_count; i++)
		add_condition(
		    r, p->page[i].visible_if, joined(r, program_str(p, p->page[i].name), " ", S("visible_if")));
	for (uint32_t i = 0; i < p->question_count; i++) {
		const struct p_question *q = &p->question[i];
		struct str name = program_str(p, q->name);

		add_condition(r, q->visible_if, joined(r, name, " ", S("visible_if")));
		add_condition(r, q->required_if, joined(r, name, " ", S("required_if")));
		list_conditions(r, q->choices, q->choices_count, name);
		list_conditions(r, q->rows, q->rows_count, name);
	}
	for (uint32_t i = 0; i < p->rule_count; i++) {
		struct value number = value_num(i + 1);
		struct buf b;

		buf_init(&b, r->a, 32);
		value_show(&b, &number);
		add_condition(r, p->rule[i].when, joined(r, S("rule"), " ", str_make(b.p, b.n)));
	}
}

enum err coverage_rows(const struct coverage *c, struct arena *a, struct coverage_row **out, size_t *n)
{
	struct rows r = {.c = c, .a = a};
	const struct program *p = c->program;

	outcome_rows(&r);
	for (uint32_t i = 0; i < p->page_count; i++)
		add_row(&r, COVERED_PAGE, program_str(p, p->page[i].name), c->pages[i], c->interviews);
	question_rows(&r);
	condition_rows(&r);
	for (uint32_t i = 0; i < p->quota_count; i++)
		for (uint32_t k = p->quota[i].cells; k < p->quota[i].cells + p->quota[i].cells_count; k++)
			add_row(&r, COVERED_CELL,
			    joined(&r, program_str(p, p->quota[i].name), ".", program_str(p, p->cell[k].name)),
			    c->cells[k], c->interviews);
	*out = r.list;
	*n = r.count;
	return r.failed;
}
