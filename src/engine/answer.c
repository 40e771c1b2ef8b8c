/* answer.c - raw answers to values, by question type. What cannot be an answer at all is noted in the state (`wrong`) and
 * counts as empty; what is an answer but breaks a limit is judge.c's business. Choices and rows that are hidden now are
 * dropped in silence: they were possible before something else changed. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/utf8.h"

typedef void taker(struct run *r, const struct p_question *q, struct state *s);

void answer_wrong_text(struct state *s, const char *code, struct str text, struct str row)
{
	if (s->wrong)
		return;
	s->wrong = code;
	s->wrong_message = text;
	s->wrong_row = row;
}

void answer_wrong_at(struct run *r, struct state *s, const char *code, enum message m, struct str row)
{
	answer_wrong_text(s, code, message_plain(r, m), row);
}

void answer_wrong(struct run *r, struct state *s, const char *code, enum message m)
{
	answer_wrong_at(r, s, code, m, S(""));
}

static bool scalar(const struct json *j, struct value *out)
{
	if (j->type == JSON_STR)
		*out = value_text(j->s);
	else if (json_is_num(j))
		*out = value_num(json_num(j));
	else
		return false;
	return true;
}

/* Of looking for a value among choices: texts of one length are compared byte by byte. */
static size_t find_cost(uint32_t choices, const struct value *v)
{
	return choices / 8 + (v->kind == V_TEXT ? choices * (v->s.n / 64) : 0);
}

bool choice_exists(struct run *r, const struct p_question *q, const struct value *v)
{
	const struct program *p = r->p;

	for (uint32_t hops = 0; hops <= p->question_count; hops++) {
		if (!run_burn(r, 1 + (uint32_t)find_cost(q->choices_count, v)))
			return false;
		for (uint32_t i = 0; i < q->choices_count; i++) {
			struct value c = choice_value(p, &p->choice[q->choices + i]);

			if (value_same(&c, v))
				return true;
		}
		if (!q->choices_from)
			return false;
		q = &p->question[q->choices_from - 1];
	}
	return false;
}

/* True when the value stands among the choices that may be chosen; wrong when it is none. */
static bool take_choice(
    struct run *r, const struct p_question *q, struct state *s, const struct json *j, struct value *out)
{
	const struct choice_view *found;

	if (!scalar(j, out)) {
		answer_wrong(r, s, "type", MSG_CHOICE);
		return false;
	}
	if (!run_burn(r, 1 + (uint32_t)find_cost(s->choice_count, out)))
		return false;
	if ((found = choices_find(s, out)))
		return !found->off;
	if (!choice_exists(r, q, out))
		answer_wrong(r, s, "choice", MSG_CHOICE);
	return false;
}

static void take_single(struct run *r, const struct p_question *q, struct state *s)
{
	struct value v;

	if (take_choice(r, q, s, s->raw, &v))
		s->value = v;
}

static void take_list(struct run *r, const struct p_question *q, struct state *s)
{
	uint32_t n = 0;
	struct value *items;

	if (s->raw->type != JSON_ARRAY) {
		answer_wrong(r, s, "type", MSG_CHOICE);
		return;
	}
	if (s->raw->count > QUESTION_CHOICES_MAX) {
		answer_wrong(r, s, "choice", MSG_CHOICE);
		return;
	}
	if (!(items = run_alloc(r, s->raw->count, sizeof(*items))))
		return;
	for (uint32_t i = 0; i < s->raw->count; i++) {
		struct value v, so_far = {.kind = V_LIST, .count = n, .items = items};

		if (!take_choice(r, q, s, &s->raw->items[i], &v) || !run_burn(r, (uint32_t)find_cost(n, &v)))
			continue;
		if (!value_in(&v, &so_far))
			items[n++] = v;
		else if (q->type == Q_rank)
			answer_wrong(r, s, "twice", MSG_TWICE);
	}
	s->value = (struct value){.kind = V_LIST, .count = n, .items = items};
}

/* A set is stored in the order of its choices, so that the same answer is the same text. */
static void take_multi(struct run *r, const struct p_question *q, struct state *s)
{
	struct value given, *items;
	uint32_t n = 0;

	take_list(r, q, s);
	if (s->value.kind != V_LIST || !(items = run_alloc(r, s->value.count, sizeof(*items))))
		return;
	given = s->value;
	for (uint32_t i = 0; i < s->choice_count && run_burn(r, (uint32_t)find_cost(given.count, &s->choices[i].value));
	     i++)
		if (value_in(&s->choices[i].value, &given) && n < given.count)
			items[n++] = s->choices[i].value;
	s->value = (struct value){.kind = V_LIST, .count = n, .items = items};
}

static void take_boolean(struct run *r, const struct p_question *q, struct state *s)
{
	(void)q;
	if (s->raw->type == JSON_BOOL)
		s->value = value_bool(s->raw->b);
	else
		answer_wrong(r, s, "type", MSG_NOT_BOOLEAN);
}

/* Not agreeing is the same as not answering. */
static void take_consent(struct run *r, const struct p_question *q, struct state *s)
{
	take_boolean(r, q, s);
	if (!value_is_true(&s->value))
		s->value = value_empty;
}

static struct str text_of(const struct json *j, bool multiline)
{
	struct str trimmed = utf8_trim(j->s);

	return multiline && trimmed.n ? j->s : trimmed;
}

static void take_text(struct run *r, const struct p_question *q, struct state *s)
{
	struct str text;

	if (s->raw->type != JSON_STR) {
		answer_wrong(r, s, "type", MSG_NOT_TEXT);
		return;
	}
	text = text_of(s->raw, q->flags & QUESTION_MULTILINE);
	if (text.n > ANSWER_TEXT_MAX_BYTES)
		answer_wrong_text(s, "max_length", message_num(r, MSG_MAX_LENGTH, ANSWER_TEXT_MAX_BYTES), S(""));
	else if (text.n)
		s->value = value_text(text);
}

static void take_number(struct run *r, const struct p_question *q, struct state *s)
{
	(void)q;
	if (json_is_num(s->raw))
		s->value = value_num(json_num(s->raw));
	else
		answer_wrong(r, s, "type", MSG_NOT_NUMBER);
}

enum value_kind moment_kind(uint32_t type)
{
	return type == Q_date ? V_DATE : type == Q_time ? V_TIME : V_DATETIME;
}

/* The points of a scale are choices: what is none of them is no answer. */
static void take_rating(struct run *r, const struct p_question *q, struct state *s)
{
	take_number(r, q, s);
	if (!s->wrong)
		judge_scale(r, q, s);
}

static void take_moment(struct run *r, const struct p_question *q, struct state *s)
{
	static const enum message messages[] = {MSG_NOT_DATE, MSG_NOT_TIME, MSG_NOT_DATETIME};
	enum value_kind kind = moment_kind(q->type);
	int64_t t;

	if (s->raw->type == JSON_STR && moment_read(kind, s->raw->s, &t))
		s->value = value_time(kind, t);
	else
		answer_wrong(r, s, "type", messages[kind - V_DATE]);
}

static void take_nothing(struct run *r, const struct p_question *q, struct state *s)
{
	(void)q;
	answer_wrong(r, s, "unknown", MSG_VALIDATOR);
}

static taker *const takers[QUESTION_TYPES] = {[Q_single] = take_single,
    [Q_multi] = take_multi,
    [Q_rank] = take_list,
    [Q_boolean] = take_boolean,
    [Q_consent] = take_consent,
    [Q_text] = take_text,
    [Q_number] = take_number,
    [Q_date] = take_moment,
    [Q_time] = take_moment,
    [Q_datetime] = take_moment,
    [Q_barcode] = take_text,
    [Q_geopoint] = geopoint_take,
    [Q_file] = media_take,
    [Q_photo] = media_take,
    [Q_audio] = media_take,
    [Q_video] = media_take,
    [Q_signature] = media_take,
    [Q_rating] = take_rating,
    [Q_slider] = take_number,
    [Q_matrix] = cells_take,
    [Q_multi_text] = cells_take,
    [Q_allocation] = cells_take,
    [Q_group] = take_nothing,
    [Q_note] = take_nothing,
    [Q_roster] = take_nothing};

void answer_value(struct run *r, const struct p_question *q, struct state *s)
{
	takers[q->type](r, q, s);
}

/* The text beside a chosen `other` of the question itself; one carried forward was typed elsewhere. */
static void take_other(struct run *r, const struct p_question *q, struct state *s)
{
	bool chosen = false;

	if (!(q->flags & QUESTION_HAS_OTHER) || !s->raw_other || s->raw_other->type == JSON_NULL)
		return;
	for (uint32_t i = 0; i < s->choice_count; i++)
		if (s->choices[i].choice->role == ROLE_OTHER && choice_own(&s->choices[i], q))
			chosen |= s->value.kind == V_LIST ? value_in(&s->choices[i].value, &s->value)
							  : value_same(&s->choices[i].value, &s->value);
	if (!chosen)
		return;
	if (s->raw_other->type != JSON_STR || s->raw_other->s.n > ANSWER_TEXT_MAX_BYTES)
		answer_wrong(r, s, "type", MSG_NOT_TEXT);
	else
		s->other = utf8_trim(s->raw_other->s);
}

void answer_take(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];

	s->value = value_empty;
	s->other = S("");
	s->wrong = NULL;
	lock_fill(r, question);
	if (s->raw && s->raw->type != JSON_NULL)
		takers[q->type](r, q, s);
	if (s->wrong || value_is_empty(&s->value))
		s->value = value_empty;
	take_other(r, q, s);
	/* nobody can be told to mend what cannot be changed */
	if (s->lock && (s->wrong || !judge_fits(r, question))) {
		s->wrong = NULL;
		s->value = value_empty;
		s->other = S("");
	}
}
