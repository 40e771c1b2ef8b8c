/* calls_compiler.c - the calls that need the compiler. */
#include "calls.h"

enum err call_compile(struct caller *c)
{
	struct compiled compiled;
	struct reply_json r;
	enum err e;

	if ((e = engine_compile_text(c->a, c->in, c->number, &compiled)))
		return e;
	c->out->bytes = compiled.program;
	compiled_json(&compiled, reply_begin(c, &r));
	return reply_end(c, &r);
}

enum err call_eval(struct caller *c)
{
	bool loose = str_eq(json_str_or(c->json, S("compat"), S("strict")), S("surveyjs"));
	struct str expression = json_str_or(c->json, S("expression"), S("")), value;
	struct eval_error why;
	struct reply_json r;
	struct json_out *w;
	int64_t now = 0, seed = 1;
	enum err e;

	caller_int(c, S("now_ms"), &now);
	caller_int(c, S("seed"), &seed);
	e = expression_eval(c->a,
	    &(struct evaluation){expression, json_get(c->json, S("values")), loose ? COMPAT_SURVEYJS : COMPAT_STRICT,
		now, (uint64_t)seed},
	    &value, &why);
	if (e && e != ERR_INVALID)
		return e;
	w = reply_begin(c, &r);
	json_open(w, '{');
	if (!e) {
		json_field_raw(w, S("value"), value);
	} else {
		json_key(w, S("error"));
		json_open(w, '{');
		json_field_str(w, S("code"), why.code);
		json_field_int(w, S("column"), why.column);
		json_field_str(w, S("message"), why.message);
		json_close(w, '}');
	}
	json_close(w, '}');
	return reply_end(c, &r);
}
