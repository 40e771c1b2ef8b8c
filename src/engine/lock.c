/* lock.c - questions that cannot be answered now: read_only, enable_if that does not hold, nothing left to choose.
 *
 * What they show is their answer: what was said before, or else their first value. Of a question that the respondent can never
 * have opened nothing is taken that was given for it. */
#include "engine/run.h"
#include "base/limits.h"

static const struct json *json_of(struct run *r, const struct value *v);

static struct json part_of(struct run *r, const struct value *v)
{
	const struct json *j = json_of(r, v);

	return j ? *j : (struct json){.type = JSON_NULL};
}

/* A value as it would have been given. */
static const struct json *json_of(struct run *r, const struct value *v)
{
	struct json *out = run_alloc(r, 1, sizeof(*out));

	if (!out || !run_burn(r, 1 + v->count))
		return NULL;
	switch (v->kind) {
	case V_EMPTY:
		return NULL;
	case V_BOOL:
		*out = (struct json){.type = JSON_BOOL, .b = v->b};
		break;
	case V_NUM:
		*out = (struct json){.type = JSON_NUM, .num = v->num};
		break;
	case V_LIST:
		*out = (struct json){.type = JSON_ARRAY, .items = run_alloc(r, v->count, sizeof(*out))};
		for (; out->items && out->count < v->count; out->count++)
			out->items[out->count] = part_of(r, &v->items[out->count]);
		break;
	case V_RECORD:
		*out = (struct json){.type = JSON_OBJECT, .members = run_alloc(r, v->count, sizeof(*out->members))};
		for (; out->members && out->count < v->count; out->count++)
			out->members[out->count] = (struct json_member){
			    .key = v->fields[out->count].name, .value = part_of(r, &v->fields[out->count].value)};
		break;
	default:
		*out = (struct json){.type = JSON_STR, .s = run_show(r, v)};
		break;
	}
	return out;
}

void lock_question(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct state *s = &r->states[question];

	s->lock = q->parent ? r->states[q->parent - 1].lock : LOCK_OPEN;
	if (!vm_true(r, q->enable_if, true) && s->lock == LOCK_OPEN)
		s->lock = q->flags & QUESTION_OUTSIDE ? LOCK_ALWAYS : LOCK_NOW;
	if (q->flags & QUESTION_READ_ONLY)
		s->lock = LOCK_ALWAYS;
	if (s->lock == LOCK_ALWAYS)
		s->raw = s->raw_other = NULL;
}

void lock_choices(struct state *s)
{
	for (uint32_t i = 0; i < s->choice_count; i++)
		if (!s->choices[i].off)
			return;
	if (s->choice_count && s->lock == LOCK_OPEN)
		s->lock = LOCK_NOW;
}

void lock_fill(struct run *r, uint32_t question)
{
	struct state *s = &r->states[question];
	struct value first;

	if (s->lock == LOCK_OPEN || s->raw)
		return;
	first = vm_run(r, r->p->question[question].first_value);
	s->raw = json_of(r, &first);
}
