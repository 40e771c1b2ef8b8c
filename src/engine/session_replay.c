/* session_replay.c - interviews again, from their events. */
#include "engine/session.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"

struct replay {
	const struct arena_source *source;
	const struct program *program;
	struct session *s;
	struct arena *a;     /* of the line */
	struct arena events; /* of one event's check */
	unsigned flags;
	struct replay_fault *why;
};

static enum err fault(struct replay *p, const char *what)
{
	p->why->what = what;
	return ERR_INVALID;
}

/* ---- is the session what a run from the beginning gives? ---- */

static bool same_errors(const struct verdict *a, const struct verdict *b)
{
	if (a->error_count != b->error_count)
		return false;
	for (size_t i = 0; i < a->error_count; i++)
		if (!str_eq(a->errors[i].pointer, b->errors[i].pointer) ||
		    !str_eq(a->errors[i].question, b->errors[i].question) ||
		    !str_eq(a->errors[i].code, b->errors[i].code) ||
		    !str_eq(a->errors[i].message, b->errors[i].message))
			return false;
	return true;
}

static bool same_cells(const struct verdict *a, const struct verdict *b)
{
	if (a->cell_count != b->cell_count)
		return false;
	for (size_t i = 0; i < a->cell_count; i++)
		if (!str_eq(a->cells[i].quota, b->cells[i].quota) || !str_eq(a->cells[i].cell, b->cells[i].cell))
			return false;
	return true;
}

static const char *difference(const struct verdict *a, const struct verdict *b)
{
	if (!str_eq(a->answers, b->answers) || !str_eq(a->personal, b->personal) ||
	    !str_eq(a->parameters, b->parameters))
		return "the answers differ from those of a run from the beginning";
	if (!same_errors(a, b))
		return "the errors differ from those of a run from the beginning";
	if (!str_eq(a->outcome, b->outcome) || !str_eq(a->status, b->status) || !same_cells(a, b))
		return "the outcome differs from that of a run from the beginning";
	if (a->next_page != b->next_page || a->previous_page != b->previous_page || a->progress != b->progress)
		return "the way differs from that of a run from the beginning";
	return NULL;
}

static enum err check_verdict(struct replay *p, enum interview_mode mode)
{
	struct verdict kept, afresh;
	struct interview in;
	const char *what;
	enum err e;

	if ((e = session_verdict(p->s, mode, &p->events, &kept)) || (e = session_interview(p->s, &p->events, &in)) ||
	    (e = interview_run(&in, mode, session_page(p->s), &p->events, &afresh)))
		return e;
	what = difference(&kept, &afresh);
	return what ? fault(p, what) : OK;
}

static enum err check_bytes(struct replay *p)
{
	unsigned char before[32], after[32];
	struct session *again;
	struct str bytes;
	enum err e;

	if ((e = session_write(p->s, &p->events, &bytes)) || (e = session_hash(p->s, before)))
		return e;
	if ((e = session_read(p->source, p->program, bytes, &again)))
		return e == ERR_INVALID ? fault(p, "the state that was written is refused") : e;
	e = session_hash(again, after);
	session_end(again);
	if (!e && memcmp(before, after, sizeof(before)) != 0)
		return fault(p, "the state read back is another one");
	return e;
}

static enum err check(struct replay *p)
{
	enum err e;

	if (!(p->flags & REPLAY_CHECK))
		return OK;
	arena_reset(&p->events);
	if ((e = check_verdict(p, RUN_PAGE)) || (e = check_verdict(p, RUN_COMPLETE)))
		return e;
	return check_bytes(p);
}

/* ---- events ---- */

static enum err refuse(const char **why, const char *what)
{
	*why = what;
	return ERR_INVALID;
}

static enum err answer(struct session *s, const struct json *name, const struct json *value, const char **why)
{
	enum err e;

	if (name->type != JSON_STR || !value)
		return refuse(why, "an answer needs a name and a value");
	e = session_answer(s, name->s, value);
	return e == ERR_NOT_FOUND ? refuse(why, "there is no question of this name") : e;
}

static enum err move(struct session *s, const struct json *where, const char **why)
{
	bool back = where->type == JSON_STR && str_eq(where->s, S("back")), moved;

	if (!back && (where->type != JSON_STR || !str_eq(where->s, S("next"))))
		return refuse(why, "a page is \"next\" or \"back\"");
	return session_move(s, back ? -1 : 1, &moved);
}

static enum err language(struct session *s, const struct json *tag, const char **why)
{
	enum err e = tag->type == JSON_STR ? session_language(s, tag->s) : ERR_NOT_FOUND;

	return e == ERR_NOT_FOUND ? refuse(why, "the survey does not have this language") : e;
}

/* Its members but the time: that is told by the clock of whoever keeps the journal, and changes nothing here. */
static uint32_t members(const struct json *event)
{
	const struct json *at = json_get(event, S("at_ms"));

	return event->type == JSON_OBJECT ? event->count - (at && at->type == JSON_INT) : 0;
}

enum err session_event(struct session *s, const struct json *event, const char **why)
{
	const uint32_t n = members(event);
	const struct json *v;
	enum err e;

	if ((v = json_get(event, S("answer"))) && n == 2)
		e = answer(s, v, json_get(event, S("value")), why);
	else if (v)
		return refuse(why, "an answer needs a name and a value");
	else if (n == 1 && (v = json_get(event, S("page"))))
		e = move(s, v, why);
	else if (n == 1 && (v = json_get(event, S("language"))))
		e = language(s, v, why);
	else
		return refuse(why, "an event is an answer, a page or a language");
	return e == ERR_CONFLICT ? refuse(why, "the interview is over") : e;
}

static bool has_param(const struct program *p, struct str name)
{
	for (uint32_t i = 0; i < p->param_count; i++)
		if (str_eq(program_str(p, p->param[i].name), name))
			return true;
	return false;
}

static bool has_cell(const struct program *p, const struct quota_cell *cell)
{
	for (uint32_t i = 0; i < p->quota_count; i++)
		for (uint32_t k = p->quota[i].cells; k < p->quota[i].cells + p->quota[i].cells_count; k++)
			if (str_eq(program_str(p, p->quota[i].name), cell->quota) &&
			    str_eq(program_str(p, p->cell[k].name), cell->cell))
				return true;
	return false;
}

/* Parameters and quota cells are those of the survey: a name mistyped would change the interview without a word. */
static enum err check_names(struct replay *p, const struct interview *in)
{
	uint32_t question;
	bool other;

	if (in->parameters && in->parameters->type != JSON_OBJECT)
		return fault(p, "parameters is an object");
	for (uint32_t i = 0; in->parameters && i < in->parameters->count; i++)
		if (!has_param(p->program, in->parameters->members[i].key))
			return fault(p, "among the parameters is one that the survey does not have");
	for (size_t i = 0; i < in->full_count; i++)
		if (!has_cell(p->program, &in->full[i]))
			return fault(p, "full names a quota cell that the survey does not have");
	for (uint32_t i = 0; in->drawn && i < in->drawn->count; i++)
		if (!program_answer_name(p->program, in->drawn->members[i].key, &question, &other))
			return fault(p, "drawn names a roster that the survey does not have");
	if (in->filled_count && in->filled_count != p->program->cell_count)
		return fault(p, "filled has one number for each quota cell of the survey");
	return OK;
}

static enum err read_line(struct replay *p, const struct json *line, struct interview *in, const struct json **events)
{
	const struct json *now = json_get(line, S("now_ms")), *tag = json_get(line, S("language"));
	const struct json *full = json_get(line, S("full")), *filled = json_get(line, S("filled"));
	const struct json *drawn = json_get(line, S("drawn"));
	enum err e;

	*events = json_get(line, S("events"));
	in->parameters = json_get(line, S("parameters"));
	if (!*events || (*events)->type != JSON_ARRAY || !now || now->type != JSON_INT ||
	    line->count != 3u + !!tag + !!full + !!filled + !!drawn + !!in->parameters)
		return fault(
		    p, "a line has seed, now_ms and events, and may have language, parameters, full, filled and drawn");
	if (!session_read_seed(json_get(line, S("seed")), &in->seed))
		return fault(p, "a seed is a whole number from 0, or 16 hexadecimal digits");
	if ((e = session_read_filled(filled, p->a, in)))
		return e == ERR_INVALID ? fault(p, "filled is a list of whole numbers, one for each quota cell") : e;
	if ((e = session_read_full(full, p->a, in)))
		return e == ERR_INVALID ? fault(p, "full is a list of pairs: the names of a quota and a cell") : e;
	if (session_read_drawn(drawn, in))
		return fault(p, "drawn is an object: for each roster a list of what its records stand for");
	if ((e = check_names(p, in)))
		return e;
	in->now_ms = now->i;
	in->language = program_language(p->program);
	if (tag && (tag->type != JSON_STR || !str_eq(program_language_pick(p->program, tag->s), tag->s)))
		return fault(p, "the survey does not have this language");
	if (tag)
		in->language = tag->s;
	return OK;
}

enum err journal_read(const struct program *program, const struct json *line, struct arena *a, struct journal *out)
{
	struct replay_fault why = {0, ""};
	struct replay p = {.program = program, .a = a, .why = &why};
	enum err e;

	*out = (struct journal){.start = {.program = program}};
	e = read_line(&p, line, &out->start, &out->events);
	out->why = why.what;
	return e;
}

/* Nothing but its bytes is left of the session. */
static enum err resume(struct replay *p)
{
	struct session *before = p->s;
	struct str bytes;
	enum err e;

	arena_reset(&p->events);
	if ((e = session_write(before, &p->events, &bytes)))
		return e;
	p->s = NULL;
	session_end(before);
	e = session_read(p->source, p->program, bytes, &p->s);
	return e == ERR_INVALID ? fault(p, "the state that was written is refused") : e;
}

static enum err run_line(struct replay *p, struct str text, unsigned char hash[32])
{
	static const struct json_limits limits = {.depth = JSON_DEPTH_MAX,
	    .keys = JSON_KEYS_MAX,
	    .values = EVENTS_VALUES_MAX,
	    .number_chars = JSON_NUMBER_MAX_CHARS};
	struct interview in = {.program = p->program};
	const struct json *events;
	struct json_error why;
	struct json *line;
	enum err e;

	if ((e = json_read(p->a, text, &limits, &line, &why)))
		return e == ERR_UNREADABLE ? fault(p, why.what) : e;
	if ((e = read_line(p, line, &in, &events)) || (e = session_begin(p->source, &in, &p->s)) || (e = check(p)))
		return e;
	for (uint32_t i = 0; i < events->count; i++) {
		p->why->event = i + 1;
		if ((e = session_event(p->s, &events->items[i], &p->why->what)) || (e = check(p)))
			return e;
		if ((p->flags & REPLAY_RESUME) && i == events->count / 2 && (e = resume(p)))
			return e;
	}
	return session_hash(p->s, hash);
}

enum err interview_replay(const struct arena_source *source, const struct program *program, struct str line,
    unsigned flags, unsigned char hash[32], struct replay_fault *why)
{
	struct replay p = {.source = source, .program = program, .flags = flags, .why = why};
	struct arena a;
	enum err e;

	*why = (struct replay_fault){0, ""};
	arena_init(&a, source, EVENTS_LINE_MAX_BYTES);
	arena_init(&p.events, source, ENGINE_ARENA_MAX_BYTES);
	p.a = &a;
	e = run_line(&p, line, hash);
	session_end(p.s);
	arena_free(&p.events);
	arena_free(&a);
	return e;
}
