/* simulate_try.c - after a mistake: answers are tried until one holds, those among them that the validators of the question name. */
#include "engine/simulate.h"
#include "engine/vm.h"
#include "base/limits.h"
#include "base/utf8.h"

#define TRIES_MAX 24
#define GUESSED_CHARS_MAX 2000

/* ---- what validators name ---- */

static uint32_t operand_at(const unsigned char *code)
{
	return (uint32_t)code[1] | (uint32_t)code[2] << 8 | (uint32_t)code[3] << 16 | (uint32_t)code[4] << 24;
}

/* What an instruction pushes, as far as that is somebody's value or one written out; empty for any other. */
static struct value pushed(struct simulator *s, const unsigned char *code)
{
	enum opcode op = (enum opcode)code[0];

	switch (op) {
	case OP_NUM:
		return value_num(program_num(s->r.p, operand_at(code)));
	case OP_DATE:
	case OP_TIME:
	case OP_DATETIME:
		return value_time(
		    (enum value_kind)(V_DATE + (op - OP_DATE)), (int64_t)program_num(s->r.p, operand_at(code)));
	case OP_TEXT:
		return value_text(program_str(s->r.p, operand_at(code)));
	case OP_ANSWER:
		return state_seen(&s->r, operand_at(code))->value;
	case OP_CALC:
		return s->r.calcs[operand_at(code)];
	case OP_PARAM:
		return s->r.params[operand_at(code)];
	case OP_NOW:
		return value_time(V_DATETIME, s->in.now_ms);
	case OP_MATCHES:
		return value_text(draw_pattern(s, operand_at(code)));
	default:
		return value_empty;
	}
}

/* One of the things that one of the validators names. */
static struct value named(struct simulator *s, const struct p_question *q)
{
	const struct program *p = s->r.p;
	const struct p_expr *x =
	    &p->expr[p->validator[q->validators + rng_below(&s->rng, q->validators_count)].expression];
	const unsigned char *code = (const unsigned char *)p->code.p + x->code;
	struct value out = value_empty;
	uint32_t found = 0;

	for (uint32_t at = 0; at < x->length && !s->r.failed;) {
		struct value v = pushed(s, code + at);

		if (v.kind == V_LIST && v.count)
			v = v.items[rng_below(&s->rng, v.count)];
		if (!value_is_empty(&v) && rng_below(&s->rng, ++found) == 0)
			out = v;
		at += 1 + 4 * operand_words(opcode_rows[code[at]].operand);
	}
	return out;
}

/* At the value, or a step beside it; now and then a sum or difference with another. */
static bool near_number(struct simulator *s, struct asked in, double v, struct json *out)
{
	double step = in.q->step ? program_num(s->r.p, in.q->step) : 1;
	struct value other = chance(s, 25) ? named(s, in.q) : value_empty, made;

	if (other.kind == V_NUM)
		v = chance(s, 50) ? v + other.num : v - other.num;
	made = value_num(v + step * ((double)rng_below(&s->rng, 3) - 1));
	*out = draw_json(&made);
	return true;
}

static bool near_moment(struct simulator *s, enum value_kind kind, const struct value *v, struct json *out)
{
	static const int64_t units[] = {1, 60, 60000};
	int64_t t = v->t + units[kind - V_DATE] * ((int64_t)rng_below(&s->rng, 3) - 1);
	struct value made = value_time(kind, t);

	if (v->kind != kind || (kind == V_TIME && (t < 0 || t > 86399)))
		return false;
	*out = (struct json){.type = JSON_STR, .s = run_show(&s->r, &made)};
	return true;
}

/* The text itself; a number is a length, or the text of it. */
static bool near_text(struct simulator *s, const struct value *v, struct json *out)
{
	struct str text = v->kind == V_TEXT ? v->s : run_show(&s->r, v);

	if (v->kind == V_NUM && v->num >= 0 && v->num <= GUESSED_CHARS_MAX && chance(s, 60))
		text = draw_length(s, draw_words(s, 1, 1), (size_t)v->num + rng_below(&s->rng, 2));
	*out = (struct json){.type = JSON_STR, .s = text};
	return text.n > 0;
}

static bool guess(struct simulator *s, struct asked in, struct json *out)
{
	struct value v = named(s, in.q);

	if (value_is_empty(&v))
		return false;
	switch (in.q->type) {
	case Q_number:
	case Q_rating:
	case Q_slider:
		return v.kind == V_NUM && near_number(s, in, v.num, out);
	case Q_date:
	case Q_time:
	case Q_datetime:
		return near_moment(s, moment_kind(in.q->type), &v, out);
	case Q_text:
	case Q_barcode:
		return near_text(s, &v, out);
	case Q_single:
		*out = draw_json(&v);
		return v.kind == V_NUM || v.kind == V_TEXT;
	default:
		return false;
	}
}

/* ---- trying ---- */

/* The key of a roster tells its records apart. */
static bool differs(struct simulator *s, uint32_t question)
{
	const struct value *mine = &s->r.states[question].value;

	if (!s->r.record || s->r.p->question[s->r.roster].key != question + 1 || value_is_empty(mine))
		return true;
	for (uint32_t i = 0; i + 1 < s->r.record_number; i++) {
		struct value other = record_answer(&s->r, question, i);

		if (value_same(mine, &other))
			return false;
	}
	return true;
}

/* Whether the page would take the answer; NULL: none. The run is left with it. */
static bool fits(struct simulator *s, uint32_t question, const struct json *v, struct str other)
{
	struct branch_notes *notes = s->r.notes;
	struct state *st = &s->r.states[question];
	uint32_t before = s->r.error_count;
	struct json *text = other.n ? run_alloc(&s->r, 1, sizeof(*text)) : NULL;
	bool good;

	if (text)
		*text = (struct json){.type = JSON_STR, .s = other};
	st->raw = v;
	st->raw_other = text;
	s->r.notes = NULL; /* nobody has said it yet */
	answer_take(&s->r, question);
	judge_question(&s->r, question);
	s->r.notes = notes;
	good = s->r.error_count == before && differs(s, question);
	s->r.error_count = before;
	return good && !s->r.failed;
}

bool draw_fitting(struct simulator *s, uint32_t question, struct json *out, struct str *other)
{
	const struct p_question *q = &s->r.p->question[question];
	struct asked in = {q, &s->r.states[question]};
	bool drawn = false;

	if (!s->strict || in.st->lock)
		return draw_answer(s, question, out, other);
	*other = S("");
	if (s->sparing && chance(s, 30) && fits(s, question, NULL, *other))
		return false;
	for (int i = 0; i < TRIES_MAX && !s->r.failed; i++) {
		struct json *v = run_alloc(&s->r, 1, sizeof(*v));

		if (!v)
			return false;
		if (q->validators_count && i % 2 && guess(s, in, v))
			*other = S("");
		else if (!draw_answer(s, question, v, other))
			continue;
		drawn = true;
		*out = *v;
		if (fits(s, question, v, *other))
			return true;
	}
	/* none that is tried holds: better none at all, if that does */
	return drawn && !fits(s, question, NULL, S("")) && !s->r.failed;
}
