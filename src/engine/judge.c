/* judge.c - visible answers held to their rules: required, limits, validators. */
#include "engine/run.h"
#include "engine/format.h"
#include "engine/number.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/utf8.h"

void run_error(struct run *r, const struct p_question *q, struct str row, const char *code, struct str text)
{
	struct answer_error *e;
	struct str name = program_str(r->p, q->name), from = S("/answers");

	if (!r->errors)
		r->errors = run_alloc(r, ANSWER_ERRORS_MAX, sizeof(*r->errors));
	if (!r->errors || r->error_count >= ANSWER_ERRORS_MAX)
		return;
	if (r->whole) {
		q = r->whole;
		row = r->row;
		name = program_str(r->p, q->name);
	}
	e = &r->errors[r->error_count++];
	if (r->record) {
		struct value at = value_num(r->record->at);

		from = json_pointer(r->a, from, program_str(r->p, r->p->question[r->roster].name));
		from = json_pointer(r->a, from, run_show(r, &at));
	}
	e->pointer = json_pointer(r->a, from, name);
	if (row.n)
		e->pointer = json_pointer(r->a, e->pointer, row);
	e->question = question_path(r, (uint32_t)(q - r->p->question));
	e->code = str_from(code);
	e->message = text;
}

static void plain(struct run *r, const struct p_question *q, const char *code, struct str text)
{
	run_error(r, q, S(""), code, text);
}

static void judge_text(struct run *r, const struct p_question *q, const struct state *s)
{
	static const enum message messages[] = {MSG_PATTERN, MSG_EMAIL, MSG_URL, MSG_TEL};
	static const char *const codes[] = {"pattern", "email", "url", "tel"};
	double length = (double)utf8_length(s->value.s);
	bool found = true;

	if (q->at_least && length < program_num(r->p, q->at_least))
		plain(r, q, "min_length", message_num(r, MSG_MIN_LENGTH, program_num(r->p, q->at_least)));
	else if (q->at_most && length > program_num(r->p, q->at_most))
		plain(r, q, "max_length", message_num(r, MSG_MAX_LENGTH, program_num(r->p, q->at_most)));
	else if (!format_fits((enum input)q->input, s->value.s))
		plain(r, q, codes[q->input], message_plain(r, messages[q->input]));
	if (q->pattern && run_find(r, q->pattern, s->value.s, &found) && !found)
		plain(r, q, "pattern", message_plain(r, MSG_PATTERN));
}

/* Below or above a bound; the bound may be an expression and then be empty. */
static bool outside(struct run *r, uint32_t bound, const struct value *v, int sign, struct str *shown)
{
	struct value limit;
	int order;

	if (!bound)
		return false;
	limit = vm_run(r, bound);
	if (!value_order(v, &limit, &order) || order * sign <= 0)
		return false;
	*shown = run_show(r, &limit);
	return true;
}

static bool judge_range(struct run *r, const struct p_question *q, const struct value *v)
{
	bool moment = v->kind != V_NUM;
	struct str bound;

	if (outside(r, q->min, v, -1, &bound)) {
		plain(r, q, "min", message(r, moment ? MSG_MIN_DATE : MSG_MIN, bound, S("")));
		return false;
	}
	if (outside(r, q->max, v, 1, &bound)) {
		plain(r, q, "max", message(r, moment ? MSG_MAX_DATE : MSG_MAX, bound, S("")));
		return false;
	}
	return true;
}

/* Whether v stands a whole number of steps above the lower bound; a hair beside it is the price of binary fractions. */
static bool on_step(struct run *r, const struct p_question *q, double v)
{
	struct value low = vm_run(r, q->min);
	double step = program_num(r->p, q->step), steps = (v - (low.kind == V_NUM ? low.num : 0)) / step;
	double off = steps - number_floor(steps + 0.5);

	return off < 1e-6 && off > -1e-6;
}

static int decimals_of(double v)
{
	char text[NUM_TEXT_MAX];
	struct str s = str_make(text, num_text(v, text));
	size_t dot;

	if (str_find_char(s, 'e', NULL))
		return v < 1 && v > -1 ? 30 : 0;
	return str_find_char(s, '.', &dot) ? (int)(s.n - dot - 1) : 0;
}

static void judge_number(struct run *r, const struct p_question *q, const struct state *s)
{
	double v = s->value.num;

	if (((q->flags & QUESTION_INTEGER) || q->type == Q_rating) && v != number_trunc(v))
		plain(r, q, "integer", message_plain(r, MSG_NOT_INTEGER));
	else if (judge_range(r, q, &s->value) && q->step && !on_step(r, q, v))
		plain(r, q, "step", message_num(r, MSG_STEP, program_num(r->p, q->step)));
	else if (q->decimals && decimals_of(v) > program_num(r->p, q->decimals))
		plain(r, q, "decimals", message_num(r, MSG_DECIMALS, program_num(r->p, q->decimals)));
}

static void judge_moment(struct run *r, const struct p_question *q, const struct state *s)
{
	judge_range(r, q, &s->value);
}

/* Nobody can be asked for more choices than are offered together. */
static uint32_t most_together(struct run *r, const struct state *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->choice_count && run_burn(r, 1); i++)
		n += !s->choices[i].off && !(s->choices[i].choice->flags & CHOICE_EXCLUSIVE);
	return n;
}

static void judge_list(struct run *r, const struct p_question *q, const struct state *s)
{
	if (q->at_least && s->value.count < program_num(r->p, q->at_least) && s->value.count < most_together(r, s))
		plain(r, q, "min_selected", message_num(r, MSG_MIN_SELECTED, program_num(r->p, q->at_least)));
	if (q->at_most && s->value.count > program_num(r->p, q->at_most))
		plain(r, q, "max_selected", message_num(r, MSG_MAX_SELECTED, program_num(r->p, q->at_most)));
	for (uint32_t i = 0; s->value.count > 1 && i < s->value.count && run_burn(r, s->choice_count / 8); i++) {
		const struct choice_view *v = choices_find(s, &s->value.items[i]);

		if (v && (v->choice->flags & CHOICE_EXCLUSIVE)) {
			plain(r, q, "exclusive", message(r, MSG_EXCLUSIVE, choice_label(r, v), S("")));
			return;
		}
	}
}

static void judge_allocation(struct run *r, const struct p_question *q, const struct state *s)
{
	uint32_t before = r->error_count;
	double sum = 0, off;
	struct value shown;

	cells_judge(r, q, s);
	if (r->error_count > before)
		return;
	for (uint32_t i = 0; i < s->value.count; i++)
		sum += s->value.fields[i].value.num;
	off = sum - program_num(r->p, q->total);
	if (q->total && (off > 1e-6 || off < -1e-6)) {
		shown = value_num(program_num(r->p, q->total));
		sum = number_round(sum, 6);
		plain(r, q, "total",
		    message(
			r, MSG_TOTAL, run_show(r, &(struct value){.kind = V_NUM, .num = sum}), run_show(r, &shown)));
	}
}

static void judge_nothing(struct run *r, const struct p_question *q, const struct state *s)
{
	(void)r;
	(void)q;
	(void)s;
}

void judge_scale(struct run *r, const struct p_question *q, struct state *s)
{
	uint32_t before = r->error_count;

	judge_number(r, q, s);
	if (r->error_count > before)
		answer_wrong_text(s, r->errors[before].code.p, r->errors[before].message, S(""));
	r->error_count = before;
}

typedef void judge(struct run *r, const struct p_question *q, const struct state *s);

static judge *const judges[QUESTION_TYPES] = {[Q_single] = judge_nothing,
    [Q_multi] = judge_list,
    [Q_rank] = judge_list,
    [Q_boolean] = judge_nothing,
    [Q_consent] = judge_nothing,
    [Q_text] = judge_text,
    [Q_number] = judge_number,
    [Q_date] = judge_moment,
    [Q_time] = judge_moment,
    [Q_datetime] = judge_moment,
    [Q_barcode] = judge_text,
    [Q_geopoint] = geopoint_judge,
    [Q_file] = media_judge,
    [Q_photo] = media_judge,
    [Q_audio] = media_judge,
    [Q_video] = media_judge,
    [Q_signature] = media_judge,
    [Q_rating] = judge_nothing,
    [Q_slider] = judge_number,
    [Q_matrix] = cells_judge,
    [Q_multi_text] = cells_judge,
    [Q_allocation] = judge_allocation,
    [Q_group] = judge_nothing,
    [Q_note] = judge_nothing,
    [Q_roster] = judge_nothing};

static struct str required_text(struct run *r, const struct p_question *q)
{
	struct str own = run_text(r, q->required_message);

	return own.n ? own : message_plain(r, q->type == Q_consent ? MSG_REQUIRED_CONSENT : MSG_REQUIRED);
}

void judge_value(struct run *r, const struct p_question *q, const struct state *s)
{
	judges[q->type](r, q, s);
}

static void judge_validators(struct run *r, const struct p_question *q, const struct state *s)
{
	for (uint32_t i = 0; i < q->validators_count && run_burn(r, 1); i++) {
		const struct p_validator *v = &r->p->validator[q->validators + i];
		struct str text;

		r->self = &s->value;
		if (!vm_true(r, v->expression, true) && !r->failed) {
			text = run_text(r, v->message);
			plain(r, q, "validator", text.n ? text : message_plain(r, MSG_VALIDATOR));
		}
		r->self = NULL;
	}
}

/* The answer that tells records apart. */
static void judge_key(struct run *r, const struct p_question *q, const struct state *s, uint32_t record)
{
	struct value mine = record_answer(r, q->key - 1, record), other;

	for (uint32_t i = 0; i < record && !value_is_empty(&mine) && run_burn(r, 2); i++) {
		other = record_answer(r, q->key - 1, i);
		if (!value_same(&mine, &other))
			continue;
		r->record = &s->records[record];
		r->roster = (uint32_t)(q - r->p->question);
		plain(r, &r->p->question[q->key - 1], "twice", message_plain(r, MSG_TWICE_RECORD));
		r->record = NULL;
		return;
	}
}

static void judge_unknown_in(struct run *r, const struct p_question *q, const struct record *x)
{
	struct value at = value_num(x->at);
	uint32_t before = r->error_count;

	if (x->unknown.n)
		run_error(r, q, run_show(r, &at), "unknown", message_plain(r, MSG_VALIDATOR));
	if (r->error_count > before)
		r->errors[before].pointer = json_pointer(r->a, r->errors[before].pointer, x->unknown);
}

static void judge_records(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	const struct state *s = &r->states[question];
	double given = s->raw ? s->raw->count : 0;

	if (!q->over && !q->over_from && q->at_least && given > 0 && given < program_num(r->p, q->at_least))
		plain(r, q, "min", message_num(r, MSG_MIN_RECORDS, program_num(r->p, q->at_least)));
	if (!q->over && !q->over_from && given > s->record_count)
		plain(r, q, "max", message_num(r, MSG_MAX_RECORDS, s->record_count));
	for (uint32_t i = 0; i < s->record_count && run_burn(r, 1 + q->span / 4); i++) {
		judge_unknown_in(r, q, &s->records[i]);
		record_open(r, question, i);
		for (uint32_t k = question + 1; k <= question + q->span && !r->failed; k++)
			if (r->states[k].visible)
				judge_question(r, k);
		record_close(r);
		if (q->key)
			judge_key(r, q, s, i);
	}
}

bool judge_fits(struct run *r, uint32_t question)
{
	uint32_t before = r->error_count;
	bool fits;

	if (!value_is_empty(&r->states[question].value))
		judges[r->p->question[question].type](r, &r->p->question[question], &r->states[question]);
	fits = r->error_count == before;
	r->error_count = before;
	return fits;
}

void judge_question(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	const struct state *s = &r->states[question];
	uint32_t before = r->error_count;

	if (s->lock)
		return;
	if (s->wrong) {
		run_error(r, q, s->wrong_row, s->wrong, s->wrong_message);
		return;
	}
	cells_required(r, q, s);
	if (r->error_count == before && value_is_empty(&s->value) &&
	    ((q->flags & QUESTION_REQUIRED) || vm_true(r, q->required_if, false)))
		plain(r, q, "required", required_text(r, q));
	if (q->type == Q_roster)
		judge_records(r, question);
	if (value_is_empty(&s->value))
		return;
	judge_value(r, q, s);
	if (r->error_count == before)
		judge_validators(r, q, s);
}

void judge_page(struct run *r, uint32_t page)
{
	const struct p_page *p = &r->p->page[page];

	for (uint32_t i = p->questions; i < p->questions + p->questions_count && run_burn(r, 1); i++)
		if (r->states[i].visible)
			judge_question(r, i);
}

void judge_unknown(struct run *r)
{
	for (uint32_t i = 0; i < r->unknown_count; i++) {
		if (!r->errors)
			r->errors = run_alloc(r, ANSWER_ERRORS_MAX, sizeof(*r->errors));
		if (!r->errors || r->error_count >= ANSWER_ERRORS_MAX)
			return;
		r->errors[r->error_count++] = (struct answer_error){json_pointer(r->a, S("/answers"), r->unknown[i]),
		    r->unknown[i], S("unknown"), S("There is no question of this name.")};
	}
}
