/* eval.c - an expression on its own, for `collect eval`. It takes the same way as in a survey: parsed, checked, coded into a
 * small program, verified, run. Names are untyped, so what does not fit shows when it runs. */
#include "engine/vm.h"
#include "base/limits.h"

static enum err fail(struct arena *a, enum diag kind, uint32_t column, struct str what, struct eval_error *why)
{
	const struct str args[3] = {what, S(""), S("")};

	why->code = diag_code(kind);
	why->column = column;
	why->message = diag_text(a, kind, args);
	return why->message.p ? ERR_INVALID : ERR_MEMORY;
}

static enum err from_diagnostic(const struct diags *d, struct eval_error *why)
{
	for (size_t i = 0; i < d->count && !d->memory; i++)
		if (d->list[i].severity == SEV_ERROR) {
			*why = (struct eval_error){d->list[i].code, d->list[i].column, d->list[i].message};
			return ERR_INVALID;
		}
	return ERR_MEMORY;
}

static uint32_t column_of(const struct emit *e, uint32_t at, struct str source)
{
	uint32_t from = 0, column = 1;

	for (uint32_t i = 0; i + 1 < e->places.count; i += 2)
		if (e->places.p[i] <= at)
			from = e->places.p[i + 1];
	for (uint32_t i = 0; i < from && i < source.n; i++)
		column += ((unsigned char)source.p[i] & 0xc0) != 0x80;
	return column;
}

/* The least program that can be loaded: one language, one expression. */
static enum err make_program(struct emit *e, struct node *n, uint32_t *expression, struct program **out)
{
	struct str bytes;
	const char *why;
	uint32_t *r;
	enum err err;

	if (!emit_init(e, e->a))
		return ERR_MEMORY;
	if ((r = emit_record(e, SECTION_language)))
		r[0] = emit_str(e, S("en"));
	emit_record(e, SECTION_text);
	emit_record(e, SECTION_survey);
	*expression = emit_expression(e, n);
	if ((err = emit_done(e, &bytes)))
		return err;
	return program_load(e->a, bytes, out, &why);
}

static enum err run(struct emit *e, struct program *p, uint32_t expression, struct run *r, struct str source,
    struct value *v, struct eval_error *why)
{
	*v = vm_run(r, expression);
	if (r->failed == ERR_LIMIT)
		return fail(
		    e->a, D_EVALUATION, 0, S("The expression takes too many steps or makes too long a text."), why);
	if (r->failed)
		return r->failed;
	if (r->problem)
		return fail(e->a, D_EVALUATION, column_of(e, r->problem_at - p->expr[expression].code, source),
		    str_from(r->problem), why);
	return OK;
}

static struct node *read_expression(struct diags *d, struct str source, enum compat compat)
{
	const struct scope scope = {.pages = PAGES_ALL};
	struct node *n;

	if (compat == COMPAT_SURVEYJS)
		return expr_loose(d, NULL, source, &scope, 0);
	n = expr_parse(d, NULL, source);
	return n && expr_check(d, NULL, source, n, &scope, 0) ? n : NULL;
}

enum err expression_eval(struct arena *a, const struct evaluation *what, struct str *json, struct eval_error *why)
{
	struct diags d = {.a = a};
	struct interview in = {.now_ms = what->now_ms, .seed = what->seed, .language = S("en")};
	struct emit e = {.a = a};
	struct program *p;
	struct value v;
	struct node *n;
	struct json_out w;
	struct run r;
	struct buf b;
	uint32_t id;
	enum err err;

	*why = (struct eval_error){S(""), 0, S("")};
	n = read_expression(&d, what->expression, what->compat);
	if (!n)
		return from_diagnostic(&d, why);
	if (d.memory)
		return ERR_MEMORY;
	if ((err = make_program(&e, n, &id, &p)))
		return err;
	in.program = p;
	if ((err = run_init_bare(&r, p, a)))
		return err;
	r.in = &in;
	r.vars = what->values;
	r.fuel = VM_STEPS_MAX;
	if ((err = run(&e, p, id, &r, what->expression, &v, why)))
		return err;
	buf_init(&b, a, HTTP_BODY_API_MAX_BYTES);
	json_out_init(&w, &b);
	value_json(&w, &v);
	return buf_done(&b, json);
}
