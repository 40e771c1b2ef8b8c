/* simulate_rows.c - what simulated interviews met, named. */
#include "engine/simulate.h"
#include "base/limits.h"

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
	r->list[r->count++] =
	    (struct coverage_row){.kind = kind, .name = name, .yes = yes, .of = of, .all = r->c->interviews};
}

static struct str number_text(struct rows *r, double n)
{
	struct value number = value_num(n);
	struct str out = S("");
	struct buf b;

	buf_init(&b, r->a, 64);
	value_show(&b, &number);
	if (buf_done(&b, &out) == ERR_MEMORY)
		r->failed = ERR_MEMORY;
	return out;
}

/* ---- outcomes, questions, choices ---- */

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
	for (uint32_t i = 0; i < p->page_count; i++)
		if (r->c->stuck[i])
			add_row(r, COVERED_STUCK, program_str(p, p->page[i].name), r->c->stuck[i], r->c->interviews);
}

/* "None of these" and its like are not carried forward. */
static bool choosable(const struct p_question *own, const struct p_question *from, const struct p_choice *choice)
{
	return own == from || choice->role <= ROLE_OTHER;
}

static void add_choice(struct rows *r, uint32_t question, struct str value, uint32_t at)
{
	const struct p_question *q = &r->c->program->question[question];
	/* a matrix is answered once a row */
	uint64_t asked = q->type == Q_matrix ? r->c->rows[question] : r->c->questions[question];

	add_row(
	    r, COVERED_CHOICE, joined(r, program_str(r->c->program, q->name), " = ", value), r->c->choices[at], asked);
}

static void choice_rows(struct rows *r, uint32_t question)
{
	const struct program *p = r->c->program;
	const struct p_question *own = &p->question[question], *q = own;
	uint32_t at = r->c->choice_first[question], end = r->c->choice_first[question + 1];

	while (at < end) {
		for (uint32_t i = 0; i < q->choices_count && at < end; i++, at++) {
			const struct p_choice *choice = &p->choice[q->choices + i];

			if (choosable(own, q, choice))
				add_choice(r, question, program_str(p, choice->text), at);
		}
		if (!q->choices_from)
			break;
		q = &p->question[q->choices_from - 1];
	}
}

/* Those of a boolean, a consent, a rating. */
static void point_rows(struct rows *r, uint32_t question)
{
	const struct p_question *q = &r->c->program->question[question];
	uint32_t first = r->c->choice_first[question], n = r->c->choice_first[question + 1] - first;
	double low = 0, step = 0;

	if (q->type == Q_rating)
		cover_points(r->c->program, q, &low, &step);
	for (uint32_t i = 0; i < n; i++)
		add_choice(r, question,
		    q->type == Q_rating ? number_text(r, low + i * step)
		    : i == 0		? S("true")
					: S("false"),
		    first + i);
}

static void question_rows(struct rows *r)
{
	const struct program *p = r->c->program;

	for (uint32_t i = 0; i < p->question_count; i++) {
		uint32_t roster = roster_of(p, i), type = p->question[i].type;

		add_row(r, COVERED_QUESTION, program_str(p, p->question[i].name), r->c->questions[i],
		    roster ? r->c->records[roster - 1] : r->c->interviews);
		if (!r->failed && type != Q_note && type != Q_group)
			r->list[r->count - 1].no = r->c->questions[i] - r->c->answered[i];
	}
	for (uint32_t i = 0; i < p->question_count; i++)
		if (p->question[i].type == Q_boolean || p->question[i].type == Q_consent ||
		    p->question[i].type == Q_rating)
			point_rows(r, i);
		else
			choice_rows(r, i);
}

/* ---- conditions ---- */

static void add_condition(struct rows *r, uint32_t expression, struct str whose, struct str property)
{
	const uint64_t *b = &r->c->branches[3 * (size_t)expression];
	bool validator = r->c->sticky[expression];

	if (!expression)
		return;
	add_row(r, validator ? COVERED_VALIDATOR : COVERED_CONDITION, joined(r, whose, " ", property),
	    validator ? b[0] + b[2] : b[1] + b[2], b[0] + b[1] + b[2]);
	if (!r->failed)
		r->list[r->count - 1].no = (validator ? b[1] : b[0]) + b[2];
}

static void list_conditions(struct rows *r, uint32_t first, uint32_t count, struct str name)
{
	const struct program *p = r->c->program;

	for (uint32_t i = first; i < first + count; i++) {
		if (!p->choice[i].visible_if && !p->choice[i].enable_if)
			continue;
		add_condition(r, p->choice[i].visible_if, joined(r, name, " = ", program_str(p, p->choice[i].text)),
		    S("visible_if"));
		add_condition(r, p->choice[i].enable_if, joined(r, name, " = ", program_str(p, p->choice[i].text)),
		    S("enable_if"));
	}
}

static void question_conditions(struct rows *r, const struct p_question *q)
{
	const struct program *p = r->c->program;
	struct str name = program_str(p, q->name);

	add_condition(r, q->visible_if, name, S("visible_if"));
	add_condition(r, q->enable_if, name, S("enable_if"));
	add_condition(r, q->required_if, name, S("required_if"));
	add_condition(r, q->choice_filter, name, S("choice_filter"));
	list_conditions(r, q->choices, q->choices_count, name);
	list_conditions(r, q->rows, q->rows_count, name);
	for (uint32_t i = 0; i < q->validators_count; i++)
		add_condition(r, p->validator[q->validators + i].expression, name,
		    joined(r, S("validator"), " ", number_text(r, i + 1)));
}

static void condition_rows(struct rows *r)
{
	const struct program *p = r->c->program;

	for (uint32_t i = 0; i < p->page_count; i++)
		add_condition(r, p->page[i].visible_if, program_str(p, p->page[i].name), S("visible_if"));
	for (uint32_t i = 0; i < p->question_count; i++)
		question_conditions(r, &p->question[i]);
	for (uint32_t i = 0; i < p->rule_count; i++)
		add_condition(r, p->rule[i].when, S("rule"), number_text(r, i + 1));
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
