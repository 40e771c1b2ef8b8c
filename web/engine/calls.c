/* calls.c - the calls that every host has: programs, interviews, pages. */
#include "calls.h"
#include "base/shim.h"

void calls_init(struct calls *c, const struct arena_source *source)
{
	*c = (struct calls){.source = source};
	arena_init(&c->scratch, source, CALLS_SCRATCH_MAX_BYTES);
}

char *calls_input(struct calls *c, size_t n)
{
	arena_reset(&c->scratch);
	return arena_alloc(&c->scratch, n);
}

void calls_free(struct calls *c)
{
	for (size_t i = 0; i < countof(c->programs); i++)
		if (c->programs[i].program)
			arena_free(&c->programs[i].arena);
	arena_free(&c->scratch);
}

static enum err do_call(struct calls *c, uint32_t call, uint32_t program, struct str in, struct reply *out)
{
	struct caller caller = {.calls = c, .a = &c->scratch, .number = program, .in = in, .out = out};
	struct json_error why;
	struct json *json = NULL;
	enum err e;

	*out = (struct reply){S(""), S("")};
	if (call > CALL_CONSENTS) /* the last there is */
		return ERR_INVALID;
	if (call >= call_count || !call_rows[call].run)
		return ERR_NOT_BUILT;
	if (call_rows[call].takes & CALL_NEEDS_PROGRAM) {
		if (program < 1 || program > CALLS_PROGRAMS_MAX || !c->programs[program - 1].program) {
			out->text = S("no such program is open");
			return ERR_INVALID;
		}
		caller.program = c->programs[program - 1].program;
	}
	if (!RUN_AFRESH && (call_rows[call].takes & CALL_NEEDS_SESSION)) {
		if (program < 1 || program > CALLS_SESSIONS_MAX || !c->sessions[program - 1].session) {
			out->text = S("no such session is open");
			return ERR_INVALID;
		}
		caller.session = c->sessions[program - 1].session;
	}
	if (call_rows[call].takes & CALL_TAKES_JSON) {
		if ((e = json_read(&c->scratch, in, &json_limits_default, &json, &why))) {
			out->text = e == ERR_MEMORY ? S("") : str_from(why.what);
			return e;
		}
		caller.json = json;
	}
	return call_rows[call].run(&caller);
}

enum call_status calls_do(struct calls *c, uint32_t call, uint32_t program, struct str in, struct reply *out)
{
	switch (do_call(c, call, program, in, out)) {
	case OK:
		return CALL_OK;
	case ERR_UNREADABLE:
		return CALL_UNREADABLE;
	case ERR_LIMIT:
		return CALL_LIMIT;
	case ERR_MEMORY:
		return CALL_MEMORY;
	case ERR_NOT_BUILT:
		return CALL_ABSENT;
	default:
		return CALL_INVALID;
	}
}

struct json_out *reply_begin(struct caller *c, struct reply_json *r)
{
	buf_init(&r->buf, c->a, CALLS_SCRATCH_MAX_BYTES);
	json_out_init(&r->w, &r->buf);
	return &r->w;
}

enum err reply_end(struct caller *c, struct reply_json *r)
{
	return buf_done(&r->buf, &c->out->text);
}

/* 64 bits without a sign, as a seed is written. */
static bool digits(struct str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(s.p[i] - '0');

		if (d > 9 || *out > (UINT64_MAX - d) / 10)
			return false;
		*out = *out * 10 + d;
	}
	return s.n > 0;
}

bool caller_int(const struct caller *c, struct str key, int64_t *out)
{
	const struct json *v = json_get(c->json, key);
	uint64_t bits;

	if (v && v->type == JSON_INT) {
		*out = v->i;
		return true;
	}
	if (!v || v->type != JSON_STR || !digits(v->s, &bits))
		return false;
	*out = (int64_t)bits;
	return true;
}

static const struct json *object_or_null(const struct caller *c, struct str key)
{
	const struct json *v = json_get(c->json, key);

	return v && v->type == JSON_OBJECT ? v : NULL;
}

static const struct json *list(const struct caller *c, struct str key, uint32_t *n)
{
	const struct json *v = json_get(c->json, key);

	*n = v && v->type == JSON_ARRAY ? v->count : 0;
	return *n ? v->items : NULL;
}

static struct str text_of(const struct json *v)
{
	return v->type == JSON_STR ? v->s : S("");
}

/* "full": [{"quota", "cell"}, ...] */
static enum err full_of(struct caller *c, struct interview *in)
{
	uint32_t n;
	const struct json *given = list(c, S("full"), &n);
	struct quota_cell *cells = arena_array(c->a, struct quota_cell, n);

	if (!cells)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		cells[i] = (struct quota_cell){
		    json_str_or(&given[i], S("quota"), S("")), json_str_or(&given[i], S("cell"), S("")), 0};
	in->full = cells;
	in->full_count = n;
	return OK;
}

/* "filled": [places taken, ...] */
static enum err filled_of(struct caller *c, struct interview *in)
{
	uint32_t n;
	const struct json *given = list(c, S("filled"), &n);
	int64_t *filled = arena_array(c->a, int64_t, (size_t)n + 1);

	if (!filled)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		filled[i] = given[i].type == JSON_INT && given[i].i >= 0 ? given[i].i : 0;
	in->filled = filled;
	in->filled_count = n;
	return full_of(c, in);
}

enum err caller_interview(struct caller *c, struct interview *in)
{
	int64_t seed;

	*in = (struct interview){.program = c->program,
	    .language = program_language_pick(c->program, json_str_or(c->json, S("language"), S(""))),
	    .parameters = object_or_null(c, S("parameters")),
	    .answers = object_or_null(c, S("answers")),
	    .drawn = object_or_null(c, S("drawn"))};
	if (!caller_int(c, S("seed"), &seed) || !caller_int(c, S("now_ms"), &in->now_ms)) {
		c->out->text = S("an interview needs a seed and a time");
		return ERR_INVALID;
	}
	in->seed = (uint64_t)seed;
	return filled_of(c, in);
}

/* An interview and a page of it. */
static enum err page_of(struct caller *c, struct interview *in, int32_t *page)
{
	int64_t n;

	if (!caller_int(c, S("page"), &n) || n < 0 || n >= (int64_t)program_page_count(c->program)) {
		c->out->text = S("there is no such page");
		return ERR_INVALID;
	}
	*page = (int32_t)n;
	return caller_interview(c, in);
}

/* ---- programs ---- */

static enum err describe(struct caller *c, const struct program *p, uint32_t number)
{
	struct reply_json r;
	struct json_out *w = reply_begin(c, &r);

	json_open(w, '{');
	json_field_int(w, S("program"), number);
	json_field_str(w, S("language"), program_language(p));
	json_key(w, S("languages"));
	json_open(w, '[');
	for (size_t i = 0; i < program_language_count(p); i++)
		json_put_str(w, program_language_at(p, i));
	json_close(w, ']');
	json_key(w, S("titles"));
	json_open(w, '{');
	for (size_t i = 0; i < program_language_count(p); i++)
		json_field_str(w, program_language_at(p, i), program_title(p, program_language_at(p, i)));
	json_close(w, '}');
	json_field_int(w, S("pages"), (int64_t)program_page_count(p));
	json_field_bool(w, S("show_back"), program_show_back(p));
	json_field_bool(w, S("show_progress"), program_show_progress(p));
	json_close(w, '}');
	return reply_end(c, &r);
}

enum err call_open(struct caller *c)
{
	const char *why = "";
	struct loaded *l = NULL;
	struct str bytes;
	enum err e;

	for (size_t i = 0; !l && i < countof(c->calls->programs); i++)
		if (!c->calls->programs[i].program)
			l = &c->calls->programs[i];
	if (!l) {
		c->out->text = S("too many programs are open");
		return ERR_LIMIT;
	}
	arena_init(&l->arena, c->calls->source, ENGINE_ARENA_MAX_BYTES * 4);
	bytes = str_dup(&l->arena, c->in);
	e = bytes.p ? program_load(&l->arena, bytes, &l->program, &why) : ERR_MEMORY;
	if (e) {
		l->program = NULL;
		arena_free(&l->arena);
		c->out->text = str_from(why);
		return e;
	}
	return describe(c, l->program, (uint32_t)(l - c->calls->programs) + 1);
}

enum err call_close(struct caller *c)
{
	struct loaded *l = &c->calls->programs[c->number - 1];

	if (!RUN_AFRESH && l->sessions) {
		c->out->text = S("sessions in it are open");
		return ERR_CONFLICT;
	}
	arena_free(&l->arena);
	l->program = NULL;
	return OK;
}

/* ---- interviews ---- */

static void put_errors(struct json_out *w, const struct answer_error *errors, size_t n)
{
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		json_field_str(w, S("pointer"), errors[i].pointer);
		json_field_str(w, S("question"), errors[i].question);
		json_field_str(w, S("code"), errors[i].code);
		json_field_str(w, S("message"), errors[i].message);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_cells(struct json_out *w, const struct quota_cell *cells, size_t n)
{
	json_open(w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(w, '{');
		json_field_str(w, S("quota"), cells[i].quota);
		json_field_str(w, S("cell"), cells[i].cell);
		json_field_int(w, S("limit"), cells[i].limit);
		json_close(w, '}');
	}
	json_close(w, ']');
}

enum err reply_verdict(struct caller *c, const struct verdict *v)
{
	struct reply_json r;
	struct json_out *w = reply_begin(c, &r);

	json_open(w, '{');
	json_key(w, S("errors"));
	put_errors(w, v->errors, v->error_count);
	json_field_raw(w, S("answers"), v->answers);
	json_field_raw(w, S("personal"), v->personal);
	json_field_raw(w, S("parameters"), v->parameters);
	json_field_str(w, S("outcome"), v->outcome);
	json_field_str(w, S("status"), v->status);
	json_key(w, S("cells"));
	put_cells(w, v->cells, v->cell_count);
	json_field_int(w, S("next_page"), v->next_page);
	json_field_int(w, S("previous_page"), v->previous_page);
	json_field_int(w, S("draws_at"), v->draws_at);
	json_field_raw(w, S("drawn"), v->drawn.n > 0 ? v->drawn : S("{}"));
	json_key(w, S("progress"));
	json_put_num(w, v->progress);
	json_close(w, '}');
	return reply_end(c, &r);
}

enum err call_run(struct caller *c)
{
	struct interview in;
	struct verdict v;
	int64_t page = -1;
	bool leaves = caller_int(c, S("page"), &page);
	enum err e = caller_interview(c, &in);

	if (e)
		return e;
	page = page < -1 || page > SURVEY_QUESTIONS_MAX ? -1 : page;
	if ((e = interview_run(&in, leaves ? RUN_PAGE : RUN_COMPLETE, (int32_t)page, c->a, &v)))
		return e;
	return reply_verdict(c, &v);
}

enum err call_visible(struct caller *c)
{
	struct interview in;
	struct reply_json r;
	struct json_out *w;
	struct str *names;
	int32_t page;
	size_t n;
	enum err e = page_of(c, &in, &page);

	if (e || (e = interview_visible(&in, page, c->a, &names, &n)))
		return e;
	w = reply_begin(c, &r);
	json_open(w, '[');
	for (size_t i = 0; i < n; i++)
		json_put_str(w, names[i]);
	json_close(w, ']');
	return reply_end(c, &r);
}

/* Errors as CALL_RUN gave them, and names shown before. */
enum err caller_view(struct caller *c, struct page_view *view)
{
	uint32_t errors, shown;
	const struct json *e = list(c, S("errors"), &errors), *s = list(c, S("shown"), &shown);
	struct answer_error *given = arena_array(c->a, struct answer_error, errors);
	struct str *names = arena_array(c->a, struct str, shown);

	if (!given || !names)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < errors; i++)
		given[i] = (struct answer_error){json_str_or(&e[i], S("pointer"), S("")),
		    json_str_or(&e[i], S("question"), S("")), json_str_or(&e[i], S("code"), S("")),
		    json_str_or(&e[i], S("message"), S(""))};
	for (uint32_t i = 0; i < shown; i++)
		names[i] = text_of(&s[i]);
	*view = (struct page_view){given, errors, s ? names : NULL, shown};
	return OK;
}

enum err call_render(struct caller *c)
{
	struct page_view view;
	struct interview in;
	struct html h;
	struct buf b;
	int32_t page;
	enum err e = page_of(c, &in, &page);

	if (e || (e = caller_view(c, &view)))
		return e;
	buf_init(&b, c->a, PAGE_MAX_BYTES);
	html_init(&h, &b);
	if ((e = interview_render(&in, page, &view, c->a, &h)))
		return e;
	return buf_done(&b, &c->out->text);
}

enum err call_form(struct caller *c)
{
	struct form_field *fields;
	struct interview in;
	struct reply_json r;
	struct json *answers;
	const struct json *given;
	int32_t page;
	uint32_t n;
	enum err e = page_of(c, &in, &page);

	if (e)
		return e;
	given = list(c, S("fields"), &n);
	if (!(fields = arena_array(c->a, struct form_field, n)))
		return ERR_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		if (given[i].type == JSON_ARRAY && given[i].count == 2)
			fields[i] = (struct form_field){text_of(&given[i].items[0]), text_of(&given[i].items[1])};
	if ((e = interview_form(&in, page, fields, n, c->a, &answers)))
		return e;
	json_put(reply_begin(c, &r), answers);
	return reply_end(c, &r);
}

enum err call_outcome(struct caller *c)
{
	struct str html, redirect;
	struct interview in;
	struct reply_json r;
	struct json_out *w;
	bool sign;
	enum err e = caller_interview(c, &in);

	if (e || (e = interview_outcome(&in, json_str_or(c->json, S("outcome"), S("")), c->a, &html, &redirect, &sign)))
		return e;
	w = reply_begin(c, &r);
	json_open(w, '{');
	json_field_str(w, S("html"), html);
	json_field_str(w, S("redirect"), redirect);
	json_field_bool(w, S("sign"), sign);
	json_close(w, '}');
	return reply_end(c, &r);
}
