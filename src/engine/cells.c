/* cells.c - the rows of a matrix, the items of a multi_text or allocation. Each has an answer of its own, and so it is read, judged,
 * shown and drawn as a question: what cell_question() makes of it. */
#include "engine/run.h"
#include "base/limits.h"

bool cell_type(uint32_t type)
{
	return type == Q_text || type == Q_number || type == Q_date || type == Q_time || type == Q_datetime;
}

static void item_question(const struct p_item *i, struct p_question *c)
{
	c->type = i->type;
	c->flags = i->flags & (QUESTION_REQUIRED | QUESTION_INTEGER);
	c->input = i->input;
	c->min = i->min;
	c->max = i->max;
	c->step = i->step;
	c->decimals = i->decimals;
	c->at_least = i->at_least;
	c->at_most = i->at_most;
	c->pattern = i->pattern;
	c->unit = i->unit;
}

struct p_question cell_question(const struct program *p, const struct p_question *q, const struct p_choice *row)
{
	static const uint8_t types[] = {Q_single, Q_multi, Q_text, Q_number};
	struct p_question c = {.name = q->name, .type = Q_text, .page = q->page, .parent = q->parent};

	if (q->type == Q_matrix) {
		c.type = types[q->cell];
		c.flags = q->flags & QUESTION_EACH_ROW ? QUESTION_REQUIRED : 0;
		c.choices = q->choices;
		c.choices_count = q->choices_count;
	} else if (q->type == Q_allocation) {
		c.type = Q_number;
		c.min = q->min;
		c.max = q->max;
	} else if (row->item) {
		item_question(&p->item[row->item - 1], &c);
	}
	return c;
}

static bool row_exists(const struct program *p, const struct p_question *q, struct str name)
{
	for (uint32_t i = 0; i < q->rows_count; i++)
		if (str_eq(program_str(p, p->choice[q->rows + i].text), name))
			return true;
	return false;
}

void cells_take(struct run *r, const struct p_question *q, struct state *s)
{
	struct value_field *fields;
	uint32_t n = 0;

	if (s->raw->type != JSON_OBJECT) {
		answer_wrong(r, s, "type", MSG_CHOICE);
		return;
	}
	for (uint32_t i = 0; i < s->raw->count && run_burn(r, 1 + q->rows_count / 8); i++)
		if (!row_exists(r->p, q, s->raw->members[i].key))
			answer_wrong_at(r, s, "unknown", MSG_CHOICE, s->raw->members[i].key);
	if (!(fields = run_alloc(r, s->row_count, sizeof(*fields))))
		return;
	for (uint32_t i = 0; i < s->row_count && run_burn(r, 4 + s->raw->count / 8); i++) {
		struct str name = program_str(r->p, s->rows[i]->text);
		struct p_question cell = cell_question(r->p, q, s->rows[i]);
		struct state one = {
		    .raw = json_get(s->raw, name), .choices = s->choices, .choice_count = s->choice_count};

		if (!one.raw || one.raw->type == JSON_NULL)
			continue;
		answer_value(r, &cell, &one);
		if (one.wrong)
			answer_wrong_text(s, one.wrong, one.wrong_message, name);
		else if (!value_is_empty(&one.value))
			fields[n++] = (struct value_field){name, one.value};
	}
	s->value = (struct value){.kind = V_RECORD, .count = n, .fields = fields};
}

void cells_judge(struct run *r, const struct p_question *q, const struct state *s)
{
	for (uint32_t i = 0, at = 0; i < s->row_count && at < s->value.count && run_burn(r, 4); i++) {
		const struct value_field *f = &s->value.fields[at];
		struct p_question cell = cell_question(r->p, q, s->rows[i]);
		struct state one = {.value = f->value, .choices = s->choices, .choice_count = s->choice_count};

		/* fields stand in the order of the rows */
		if (!str_eq(program_str(r->p, s->rows[i]->text), f->name))
			continue;
		at++;
		r->whole = q;
		r->row = f->name;
		judge_value(r, &cell, &one);
		r->whole = NULL;
	}
}

void cells_required(struct run *r, const struct p_question *q, const struct state *s)
{
	for (uint32_t i = 0; i < s->row_count && run_burn(r, 4 + s->value.count / 8); i++) {
		struct str name = program_str(r->p, s->rows[i]->text);

		if ((cell_question(r->p, q, s->rows[i]).flags & QUESTION_REQUIRED) && !value_field(&s->value, name))
			run_error(
			    r, q, name, "required", message(r, MSG_REQUIRED_ROW, row_label(r, s->rows[i]), S("")));
	}
}
