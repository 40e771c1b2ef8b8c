/* What comes with the answers of one interview: its language and the parameters of the survey. The engine leaves out what does not fit, which is
 * right for an address that a panel wrote, but a program that sends it wants to know. */
#include "base/num.h"
#include "base/time.h"
#include "base/utf8.h"
#include "fieldwork/intake.h"
#include "fieldwork/page_language.h"

/* ---- language ---- */

enum err language_refused(struct req *rq, struct str pointer, const struct str *offered, size_t n)
{
	struct str why;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, 8 * KB);
	buf_add(&b, S("This survey is not in that language; choose one of: "));
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add(&b, S(", "));
		buf_add(&b, offered[i]);
	}
	buf_char(&b, '.');
	if ((e = buf_done(&b, &why)))
		return e;
	return req_fail_str(rq, ERR_INVALID, pointer, S("choice"), why);
}

/* "en-AU" is served by "en", as on the page. */
static enum err check_language(struct req *rq, const struct program *p, struct str wish)
{
	struct str *offered;
	size_t n = program_language_count(p);

	if (wish.n == 0)
		return OK;
	if (!(offered = arena_array(rq->arena, struct str, n + 1)))
		return ERR_MEMORY;
	for (size_t i = 0; i < n; i++)
		offered[i] = program_language_at(p, i);
	return language_match(wish, offered, n).n > 0 ? OK : language_refused(rq, S("/language"), offered, n);
}

/* ---- parameters ---- */

/* By what the engine takes: texts are read as what is expected, and numbers written as text. */
static const char *parameter_fault(struct str type, const struct json *v)
{
	bool text = v->type == JSON_STR;
	int32_t days;
	int64_t instant;
	double num;

	if (v->type == JSON_NULL)
		return NULL;
	if (text && utf8_length(v->s) > PARAMETER_TEXT_MAX)
		return "This must be at most 1000 characters.";
	if (str_eq(type, S("number")))
		return json_is_num(v) || (text && num_read(str_trim(v->s), &num)) ? NULL : "This must be a number.";
	if (str_eq(type, S("boolean")))
		return v->type == JSON_BOOL || (text && (str_eq(v->s, S("true")) || str_eq(v->s, S("false"))))
			   ? NULL
			   : "This must be true or false.";
	if (str_eq(type, S("date")))
		return text && date_read(v->s, &days) ? NULL : "This must be a date such as 2026-11-22.";
	if (str_eq(type, S("time")))
		return text && clock_read(v->s, &days) ? NULL : "This must be a time such as 19:04.";
	if (str_eq(type, S("datetime")))
		return text && time_read(v->s, &instant) ? NULL
							 : "This must be an instant such as 2026-11-22T19:04:00Z.";
	return text || json_is_num(v) ? NULL : "This must be a text.";
}

static void check_parameter(struct req *rq, const struct live_view *live, const struct json_member *m)
{
	struct str at = json_pointer(rq->arena, S("/parameters"), m->key);

	for (size_t i = 0; i < live->parameter_count; i++) {
		const char *fault;

		if (!str_eq(live->parameters[i].name, m->key))
			continue;
		if ((fault = parameter_fault(live->parameters[i].type, &m->value)))
			req_error(rq, at, S("type"), str_from(fault));
		return;
	}
	/* Of more than these the names are not at hand. */
	if (live->parameter_count < PAGE_PARAMETERS_MAX)
		req_error(rq, at, S("unknown"), S("The survey has no parameter of this name."));
}

enum err intake_check(struct req *rq, const struct program *program, const struct live_view *live, struct str language,
    const struct json *parameters)
{
	size_t before = rq->error_count;
	enum err e = check_language(rq, program, language);

	if (e && e != ERR_INVALID)
		return e;
	for (uint32_t i = 0; parameters && i < parameters->count; i++)
		check_parameter(rq, live, &parameters->members[i]);
	return rq->error_count > before ? ERR_INVALID : OK;
}
