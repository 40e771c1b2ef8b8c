/* verdict.c - what follows from an interview: interview_run and interview_outcome. */
#include "engine/def.h"
#include "engine/run.h"
#include "base/limits.h"

static void put_answer(struct run *r, struct json_out *w, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	const struct state *s = &r->states[question];
	struct str name = program_str(r->p, q->name), other = S("");
	struct buf b;

	if (!s->visible || value_is_empty(&s->value))
		return;
	json_key(w, name);
	value_json(w, &s->value);
	if (!s->other.n)
		return;
	buf_init(&b, r->a, 128);
	buf_add(&b, name);
	buf_add(&b, S("_other"));
	if (buf_done(&b, &other)) {
		r->failed = ERR_MEMORY;
		return;
	}
	json_field_str(w, other, s->other);
}

static bool is_personal(const struct run *r, uint32_t question)
{
	return r->p->question[question].flags & QUESTION_PERSONAL;
}

/* Whether a record holds something personal: else nothing of the roster is kept apart. */
static bool holds_personal(const struct run *r, uint32_t roster)
{
	const struct state *s = &r->states[roster];

	for (uint32_t i = 0; i < s->record_count; i++)
		for (uint32_t k = 0; k < r->p->question[roster].span; k++)
			if (is_personal(r, roster + 1 + k) && s->records[i].states[k].visible &&
			    !value_is_empty(&s->records[i].states[k].value))
				return true;
	return false;
}

/* Both parts have every record, so that they can be laid side by side again. */
static void put_records(struct run *r, struct json_out *w, uint32_t roster, bool personal)
{
	const struct p_question *q = &r->p->question[roster];
	const struct state *s = &r->states[roster];

	if (!s->visible || value_is_empty(&s->value) ||
	    (personal ? !is_personal(r, roster) && !holds_personal(r, roster) : is_personal(r, roster)))
		return;
	json_key(w, program_str(r->p, q->name));
	json_open(w, '[');
	for (uint32_t i = 0; i < s->record_count && !r->failed; i++) {
		record_open(r, roster, i);
		json_open(w, '{');
		json_key(w, S("_item"));
		value_json(w, &r->record->item);
		for (uint32_t k = roster + 1; k <= roster + q->span; k++)
			if (is_personal(r, k) == personal)
				put_answer(r, w, k);
		json_close(w, '}');
		record_close(r);
	}
	json_close(w, ']');
}

static void put_calcs(struct run *r, struct json_out *w, bool personal)
{
	for (uint32_t i = 0; i < r->p->calc_count; i++) {
		uint32_t flags = r->p->calc[i].flags;

		if (!(flags & VARIABLE_EXPORT) || !!(flags & VARIABLE_PERSONAL) != personal ||
		    value_is_empty(&r->calcs[i]))
			continue;
		json_key(w, program_str(r->p, r->p->calc[i].name));
		value_json(w, &r->calcs[i]);
	}
}

static struct str finish(struct run *r, struct buf *b)
{
	struct str out = S("{}");
	enum err e = buf_done(b, &out);

	if (e && !r->failed)
		r->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
	return out;
}

static struct str answers_text(struct run *r, bool personal)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, r->a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (uint32_t i = 0; i < r->p->question_count; i++)
		if (r->p->question[i].type == Q_roster)
			put_records(r, &w, i, personal);
		else if (is_personal(r, i) == personal)
			put_answer(r, &w, i);
	put_calcs(r, &w, personal);
	json_close(&w, '}');
	return finish(r, &b);
}

static struct str params_text(struct run *r)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, r->a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&w, &b);
	json_open(&w, '{');
	for (uint32_t i = 0; i < r->p->param_count; i++) {
		if (!(r->p->param[i].flags & VARIABLE_EXPORT) || value_is_empty(&r->params[i]))
			continue;
		json_key(&w, program_str(r->p, r->p->param[i].name));
		value_json(&w, &r->params[i]);
	}
	json_close(&w, '}');
	return finish(r, &b);
}

void verdict_params(struct run *r)
{
	for (uint32_t i = 0; i < r->p->param_count; i++) {
		struct str name = program_str(r->p, r->p->param[i].name);

		if (!(r->p->param[i].flags & VARIABLE_REQUIRED) || !value_is_empty(&r->params[i]))
			continue;
		if (!r->errors && !(r->errors = run_alloc(r, ANSWER_ERRORS_MAX, sizeof(*r->errors))))
			return;
		if (r->error_count < ANSWER_ERRORS_MAX)
			r->errors[r->error_count++] = (struct answer_error){json_pointer(r->a, S("/parameters"), name),
			    S(""), S("required"), S("This parameter is missing.")};
	}
}

static struct str status_of(struct str outcome)
{
	if (str_eq(outcome, S("completed")) || str_eq(outcome, S("quota_full")))
		return outcome;
	return outcome.n ? S("screened_out") : S("in_progress");
}

/* Pages or questions on the way, up to and including `last`. */
static double share(const struct run *r, int32_t last)
{
	bool questions = r->p->survey[0].progress == PROGRESS_QUESTIONS;
	double before = 0, all = 0;

	for (uint32_t i = 0; i < r->p->page_count; i++) {
		const struct p_page *p = &r->p->page[i];
		double n = 1;

		if (!r->on_way[i])
			continue;
		if (questions) {
			n = 0;
			for (uint32_t k = p->questions; k < p->questions + p->questions_count; k++)
				n += r->states[k].visible && (type_rows[r->p->question[k].type].groups & P_ANSWER);
		}
		all += n;
		before += (int32_t)i <= last ? n : 0;
	}
	return all > 0 ? before / all : 0;
}

static void find_pages(const struct run *r, int32_t page, struct verdict *out)
{
	out->next_page = out->previous_page = -1;
	for (int32_t i = 0; i < (int32_t)r->p->page_count; i++) {
		if (!r->on_way[i])
			continue;
		if (i < page)
			out->previous_page = i;
		if (i > page && out->next_page < 0)
			out->next_page = i;
	}
}

void verdict_fill(struct run *r, bool complete, int32_t page, const struct walk_end *end, struct verdict *out)
{
	*out = (struct verdict){.next_page = -1, .previous_page = -1, .draws_at = -1};
	out->answers = answers_text(r, false);
	out->personal = answers_text(r, true);
	out->parameters = params_text(r);
	if (!complete)
		find_pages(r, page, out);
	if (end->outcome && (complete || end->page <= page)) {
		out->outcome = program_str(r->p, end->outcome->name);
		out->next_page = -1;
	} else if (complete || out->next_page < 0) {
		out->outcome = S("completed");
	}
	out->status = end->full && out->outcome.n ? S("quota_full") : status_of(out->outcome);
	quotas_taken(r, complete ? WALK_ALL : page, &out->cells, &out->cell_count);
	out->progress = out->outcome.n ? 1 : share(r, page);
	out->errors = r->errors;
	out->error_count = r->error_count;
	draws_tell(r, complete, page, out);
}

enum err interview_run(
    const struct interview *in, enum interview_mode mode, int32_t page, struct arena *a, struct verdict *out)
{
	bool complete = mode == RUN_COMPLETE;
	int32_t pages = (int32_t)in->program->page_count;
	struct walk_end end;
	struct run r;
	enum err e;

	*out = (struct verdict){.next_page = -1, .previous_page = -1, .draws_at = -1};
	if (page < -1 || page >= pages)
		page = complete || pages == 0 ? -1 : pages - 1;
	if ((e = run_init(&r, in, a)))
		return e;
	if (complete || page < 0)
		verdict_params(&r);
	judge_unknown(&r);
	run_walk(&r, &(struct walk_plan){.last = WALK_ALL, .judge_to = complete ? WALK_ALL : page}, &end);
	verdict_fill(&r, complete, page, &end, out);
	return r.failed;
}

enum err interview_outcome(
    const struct interview *in, struct str outcome, struct arena *a, struct str *html, struct str *redirect, bool *sign)
{
	struct walk_end end;
	struct run r;
	enum err e;

	*html = *redirect = S("");
	*sign = false;
	if ((e = run_init(&r, in, a)))
		return e;
	run_walk(&r, &(struct walk_plan){.last = WALK_ALL, .judge_to = -1}, &end);
	for (uint32_t i = 0; i < r.p->outcome_count; i++) {
		const struct p_outcome *o = &r.p->outcome[i];

		if (!str_eq(program_str(r.p, o->name), outcome))
			continue;
		*html = run_text(&r, o->html);
		*redirect = run_text(&r, o->redirect);
		*sign = o->flags & OUTCOME_SIGN;
	}
	return r.failed;
}
