/* session.c - an interview event by event. */
#include "engine/session.h"
#include "base/limits.h"
#include "base/shim.h"

/* ---- copies ---- */

static bool copy_str(struct arena *a, struct str s, struct str *out)
{
	char *p = s.n ? arena_copy(a, s.p, s.n) : NULL;

	*out = str_make(p, s.n);
	return !s.n || p;
}

static bool copy_json(struct arena *a, const struct json *j, uint32_t depth, struct json *out)
{
	*out = *j;
	if (depth > JSON_DEPTH_MAX)
		return false;
	switch (j->type) {
	case JSON_STR:
		return copy_str(a, j->s, &out->s);
	case JSON_ARRAY:
		if (!(out->items = arena_array(a, struct json, (size_t)j->count + 1)))
			return false;
		for (uint32_t i = 0; i < j->count; i++)
			if (!copy_json(a, &j->items[i], depth + 1, &out->items[i]))
				return false;
		return true;
	case JSON_OBJECT:
		if (!(out->members = arena_array(a, struct json_member, (size_t)j->count + 1)))
			return false;
		for (uint32_t i = 0; i < j->count; i++)
			if (!copy_str(a, j->members[i].key, &out->members[i].key) ||
			    !copy_json(a, &j->members[i].value, depth + 1, &out->members[i].value))
				return false;
		return true;
	default:
		return true;
	}
}

static struct json *copy_of(struct arena *a, const struct json *j)
{
	struct json *out = j ? arena_new(a, struct json) : NULL;

	return out && copy_json(a, j, 0, out) ? out : NULL;
}

/* ---- generations ---- */

/* The raw answers of the old generation, in the new one. */
static bool carry_answers(const struct given *old, struct given *new, uint32_t n, struct arena *a)
{
	for (uint32_t i = 0; i < n; i++) {
		if (old[i].answer && !(new[i].answer = copy_of(a, old[i].answer)))
			return false;
		if (old[i].other && !(new[i].other = copy_of(a, old[i].other)))
			return false;
	}
	return true;
}

/* What an interview starts with, in the generation's own memory. */
static bool carry_start(const struct interview *old, struct interview *new, struct arena *a)
{
	struct quota_cell *full = arena_array(a, struct quota_cell, old->full_count + 1);
	int64_t *filled = arena_array(a, int64_t, old->filled_count + 1);

	new->answers = new->parameters = new->drawn = NULL;
	new->filled_now = NULL;
	if (old->drawn && !(new->drawn = copy_of(a, old->drawn)))
		return false;
	if (!full || !filled || (old->parameters && !(new->parameters = copy_of(a, old->parameters))))
		return false;
	for (size_t i = 0; i < old->full_count; i++) {
		full[i].limit = old->full[i].limit;
		if (!copy_str(a, old->full[i].quota, &full[i].quota) || !copy_str(a, old->full[i].cell, &full[i].cell))
			return false;
	}
	new->full = full;
	for (size_t i = 0; i < old->filled_count; i++)
		filled[i] = old->filled[i];
	new->filled = filled;
	return true;
}

static void place_steps(const struct program *p, struct state *states)
{
	for (uint32_t i = 0; i < p->page_count; i++)
		for (uint32_t k = p->page[i].steps; k < p->page[i].steps + p->page[i].steps_count; k++)
			if (p->step[k].question)
				states[p->step[k].question - 1].at = k + 1;
}

static enum err prepare(struct session *s, struct arena *a)
{
	const struct program *p = s->program;

	s->given = arena_array(a, struct given, (size_t)p->question_count + 1);
	s->marked = arena_array(a, bool, program_nodes(p));
	s->run.cell_notes = arena_array(a, struct cell_note, (size_t)p->cell_count + 1);
	s->pages = arena_array(a, struct page_note, (size_t)p->page_count + 1);
	s->step_values = arena_array(a, struct value, (size_t)p->step_count + 1);
	s->judged = arena_array(a, struct judged, (size_t)p->question_count + 1);
	s->scratch = arena_array(a, struct answer_error, ANSWER_ERRORS_MAX);
	place_steps(p, s->run.states);
	s->changed = true;
	s->walked = s->stale = false;
	s->judged_to = -1;
	s->fresh_bytes = SIZE_MAX / 4; /* until it is known */
	return s->given && s->marked && s->run.cell_notes && s->pages && s->step_values && s->judged && s->scratch
		   ? OK
		   : ERR_MEMORY;
}

enum err session_renew(struct session *s)
{
	struct arena *a = &s->arenas[1 - s->current];
	struct session fresh = *s;
	enum err e;

	arena_reset(a);
	if (!carry_start(&s->in, &fresh.in, a))
		return ERR_MEMORY;
	if ((e = run_init(&fresh.run, &fresh.in, a)) || (e = prepare(&fresh, a)))
		return e;
	if (!carry_answers(s->given, fresh.given, s->program->question_count, a))
		return ERR_MEMORY;
	fresh.current = 1 - s->current;
	fresh.arenas[fresh.current] = *a; /* it has grown since the copy was made */
	*s = fresh;
	s->run.in = &s->in;
	arena_free(&s->arenas[1 - s->current]);
	arena_init(&s->arenas[1 - s->current], s->source, ENGINE_ARENA_MAX_BYTES);
	return OK;
}

/* Everything up to date; the bytes of a generation are known after its first walk. */
enum err session_settle(struct session *s, int32_t judge_to)
{
	enum err e = session_walk(s, judge_to);

	if (s->fresh_bytes == SIZE_MAX / 4)
		s->fresh_bytes = s->arenas[s->current].used_bytes;
	return e;
}

/* ---- events ---- */

static enum err put(struct session *s, struct str name, const struct json *value)
{
	struct json *copy = NULL;
	uint32_t question;
	bool other;

	if (!program_answer_name(s->program, name, &question, &other))
		return ERR_NOT_FOUND;
	if (value && value->type != JSON_NULL && !(copy = copy_of(s->run.a, value)))
		return ERR_MEMORY;
	*(other ? &s->given[question].other : &s->given[question].answer) = copy;
	session_mark(s, question);
	return OK;
}

/* What cannot be answered now stays as it is. Only where a condition can lock it, everything has to be up to date to tell. */
static enum err is_locked(struct session *s, struct str name, bool *locked)
{
	const struct p_question *all = s->program->question;
	uint32_t question, at;
	bool other;
	enum err e;

	*locked = false;
	if (!program_answer_name(s->program, name, &question, &other))
		return OK;
	for (at = question; all[at].parent && !all[at].enable_if; at = all[at].parent - 1)
		;
	if (!all[at].enable_if)
		return OK;
	e = session_settle(s, s->judged_to);
	*locked = s->run.states[question].visible && s->run.states[question].lock != LOCK_OPEN;
	return e;
}

enum err session_answer(struct session *s, struct str name, const struct json *value)
{
	bool locked;
	enum err e;

	if (s->over)
		return ERR_CONFLICT;
	if (s->stale && (e = session_renew(s)))
		return e;
	if ((e = is_locked(s, name, &locked)) || locked)
		return e;
	return put(s, name, value);
}

static enum err put_all(struct session *s, const struct json *answers)
{
	enum err e;

	for (uint32_t i = 0; answers && answers->type == JSON_OBJECT && i < answers->count; i++) {
		e = put(s, answers->members[i].key, &answers->members[i].value);
		if (e == ERR_NOT_FOUND && program_calc_name(s->program, answers->members[i].key))
			continue;
		if (e)
			return e == ERR_NOT_FOUND ? ERR_INVALID : e;
	}
	return OK;
}

static enum err begin(struct session *s, const struct interview *start)
{
	struct arena *a = &s->arenas[0];
	enum err e;

	s->in = *start;
	if (!carry_start(start, &s->in, a))
		return ERR_MEMORY;
	s->in.language = program_language_at(s->program, program_language_index(s->program, start->language));
	if ((e = run_init(&s->run, &s->in, a)) || (e = prepare(s, a)))
		return e;
	return put_all(s, start->answers);
}

enum err session_start(const struct arena_source *source, const struct interview *start, struct session **out)
{
	struct session *s = source->get(source->ctx, sizeof(*s));
	enum err e;

	*out = NULL;
	if (!s)
		return ERR_MEMORY;
	*s = (struct session){.source = source, .program = start->program, .page = -1};
	for (int i = 0; i < 2; i++)
		arena_init(&s->arenas[i], source, ENGINE_ARENA_MAX_BYTES);
	if ((e = begin(s, start))) {
		session_end(s);
		return e;
	}
	*out = s;
	return OK;
}

enum err session_begin(const struct arena_source *source, const struct interview *start, struct session **out)
{
	enum err e = session_start(source, start, out);
	bool moved;

	if (e)
		return e;
	e = session_move(*out, 1, &moved);
	if (e) {
		session_end(*out);
		*out = NULL;
	}
	return e;
}

void session_end(struct session *s)
{
	if (!s)
		return;
	arena_free(&s->arenas[0]);
	arena_free(&s->arenas[1]);
	s->source->put(s->source->ctx, s, sizeof(*s));
}

static bool parameters_missing(const struct session *s)
{
	for (uint32_t i = 0; i < s->program->param_count; i++)
		if ((s->program->param[i].flags & VARIABLE_REQUIRED) && value_is_empty(&s->run.params[i]))
			return true;
	return false;
}

static bool any_wrong(const struct session *s)
{
	for (uint32_t i = 0; i < s->program->question_count; i++)
		if ((int32_t)s->program->question[i].page - 1 <= s->page && s->run.states[i].visible &&
		    s->judged[i].count)
			return true;
	return s->page < 0 && parameters_missing(s);
}

/* The way's next page after, or before, the respondent's; -1 for none. */
static int32_t beside(const struct session *s, int by)
{
	for (int32_t i = s->page + by; i >= 0 && i < (int32_t)s->program->page_count; i += by)
		if (s->run.on_way[i])
			return i;
	return -1;
}

enum err session_move(struct session *s, int by, bool *moved)
{
	int32_t to;
	enum err e;

	*moved = false;
	if (s->over)
		return ERR_CONFLICT;
	if ((e = session_settle(s, s->page)))
		return e;
	if (by > 0 ? any_wrong(s) : !program_show_back(s->program))
		return OK;
	to = beside(s, by > 0 ? 1 : -1);
	if (by < 0 && to < 0)
		return OK;
	if (by > 0 && (to < 0 || (s->end.outcome && s->end.page <= s->page))) {
		s->over = true;
		s->outcome = s->end.outcome && s->end.page <= s->page ? s->end.outcome : NULL;
	} else {
		s->page = to;
	}
	*moved = true;
	return OK;
}

enum err session_language(struct session *s, struct str language)
{
	for (size_t i = 0; i < program_language_count(s->program); i++)
		if (str_eq(program_language_at(s->program, i), language)) {
			s->in.language = program_language_at(s->program, i);
			return session_renew(s);
		}
	return ERR_NOT_FOUND;
}

/* ---- what can be asked ---- */

int32_t session_page(const struct session *s)
{
	return s->page;
}

enum err session_shows(struct session *s, struct str name, bool *shown)
{
	uint32_t question;
	bool other;
	enum err e;

	*shown = false;
	if (!program_answer_name(s->program, name, &question, &other) || other)
		return ERR_NOT_FOUND;
	if ((e = session_settle(s, -1)))
		return e;
	*shown = s->run.states[question].visible;
	return OK;
}

bool session_over(const struct session *s)
{
	return s->over;
}

struct str session_outcome(const struct session *s)
{
	if (!s->over)
		return S("");
	return s->outcome ? program_str(s->program, s->outcome->name) : S("completed");
}

size_t session_bytes(const struct session *s)
{
	return sizeof(*s) + s->arenas[0].used_bytes + s->arenas[1].used_bytes;
}

/* Texts of errors are copied: they outlive the generation. */
static enum err collect_errors(struct session *s, int32_t judge_to, struct run *r)
{
	for (uint32_t i = 0; i < s->program->question_count; i++) {
		const struct judged *j = &s->judged[i];

		if ((int32_t)s->program->question[i].page - 1 > judge_to || !s->run.states[i].visible)
			continue;
		for (uint32_t k = 0; k < j->count; k++) {
			struct answer_error e = j->errors[k];

			if (!r->errors)
				r->errors = run_alloc(r, ANSWER_ERRORS_MAX, sizeof(*r->errors));
			if (!r->errors || r->error_count >= ANSWER_ERRORS_MAX)
				return r->failed;
			if (!copy_str(r->a, e.pointer, &e.pointer) || !copy_str(r->a, e.message, &e.message) ||
			    !copy_str(r->a, e.question, &e.question))
				return ERR_MEMORY;
			r->errors[r->error_count++] = e;
		}
	}
	return OK;
}

enum err session_verdict(struct session *s, enum interview_mode mode, struct arena *a, struct verdict *out)
{
	bool complete = mode == RUN_COMPLETE;
	int32_t judge_to = complete ? WALK_ALL : s->page;
	struct run view;
	enum err e;

	*out = (struct verdict){.next_page = -1, .previous_page = -1, .draws_at = -1};
	if ((e = session_settle(s, judge_to)))
		return e;
	view = s->run;
	view.a = a;
	view.errors = NULL;
	view.error_count = 0;
	if (complete || s->page < 0)
		verdict_params(&view);
	if ((e = collect_errors(s, judge_to, &view)))
		return e;
	verdict_fill(&view, complete, complete ? -1 : s->page, &s->end, out);
	return view.failed;
}

enum err session_interview(struct session *s, struct arena *a, struct interview *out)
{
	struct json *answers = arena_new(a, struct json);
	struct json_member *m;
	uint32_t n = 0;

	if (!answers || !(m = arena_array(a, struct json_member, 2 * (size_t)s->program->question_count + 1)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < s->program->question_count; i++) {
		struct str name = program_str(s->program, s->program->question[i].name);
		struct str other;

		if (s->given[i].answer)
			m[n++] = (struct json_member){.key = name, .value = *s->given[i].answer};
		if (!s->given[i].other)
			continue;
		if (!(other.p = arena_alloc(a, name.n + 6)))
			return ERR_MEMORY;
		mem_copy((char *)(uintptr_t)other.p, name.p, name.n);
		mem_copy((char *)(uintptr_t)other.p + name.n, "_other", 6);
		other.n = name.n + 6;
		m[n++] = (struct json_member){.key = other, .value = *s->given[i].other};
	}
	*answers = (struct json){.type = JSON_OBJECT, .count = n, .members = m};
	*out = s->in;
	out->answers = answers;
	return OK;
}
