/* compile.c - from a definition to a program, with everything that is to be said about it. */
#include "engine/analyse.h"
#include "base/limits.h"

/* Whether one step of a pointer, as RFC 6901 writes it, names this key. */
static bool step_is(struct str step, struct str key)
{
	size_t k = 0;

	for (size_t i = 0; i < step.n; i++, k++) {
		char c = step.p[i];

		if (c == '~' && i + 1 < step.n)
			c = step.p[++i] == '0' ? '~' : '/';
		if (k >= key.n || key.p[k] != c)
			return false;
	}
	return k == key.n;
}

/* Where in the text the thing stands that a pointer names, or as much of it as there is. */
static uint32_t place_of(const struct json *at, struct str pointer)
{
	uint32_t place = at->at;
	bool more = true;

	str_cut(&pointer, '/', &more);
	while (more) {
		struct str step = str_cut(&pointer, '/', &more);
		const struct json *inner = NULL;
		int64_t index;

		for (uint32_t i = 0; at->type == JSON_OBJECT && i < at->count; i++)
			if (step_is(step, at->members[i].key)) {
				inner = &at->members[i].value;
				place = at->members[i].at;
			}
		if (at->type == JSON_ARRAY && str_to_int(step, &index) && index >= 0 && index < at->count) {
			inner = &at->items[index];
			place = inner->at;
		}
		if (!inner)
			break;
		at = inner;
	}
	return place;
}

/* In the order of the definition; what is said about one place stays in the order it was said. */
static void sort(const struct diags *d, const struct json *document)
{
	uint32_t places[DIAGNOSTICS_MAX];

	for (size_t i = 0; i < d->count; i++) {
		struct diagnostic moved = d->list[i];
		uint32_t place = place_of(document, moved.pointer);
		size_t k = i;

		for (; k && places[k - 1] > place; k--) {
			places[k] = places[k - 1];
			d->list[k] = d->list[k - 1];
		}
		places[k] = place;
		d->list[k] = moved;
	}
}

static void finish(const struct def *d, struct compiled *out)
{
	out->diagnostics = d->diags.list;
	out->diagnostic_count = d->diags.count;
	out->error_count = d->diags.errors;
}

/* What was made is loaded once: a program that its own verifier refuses must never be stored. */
static enum err prove(struct def *d, struct str program)
{
	struct program *p;
	const char *why;

	return program_load(d->a, program, &p, &why);
}

enum err engine_compile(struct arena *a, const struct json *definition, unsigned flags, struct compiled *out)
{
	struct def d = {.a = a, .diags = {.a = a}, .flags = flags};
	struct str program = S("");
	enum err e;

	*out = (struct compiled){.program = S("")};
	if ((e = def_read(&d, definition)))
		return e;
	if (d.languages && (e = def_check(&d)))
		return e;
	if (!d.diags.errors && (e = def_order(&d)))
		return e;
	/* what holds under the rules of SurveyJS is not what solve.h knows */
	if (!d.diags.errors && d.compat == COMPAT_STRICT && (e = def_analyse(&d)))
		return e;
	if (!d.diags.errors && ((e = def_emit(&d, &program)) || (!d.diags.errors && (e = prove(&d, program)))))
		return e;
	if (d.diags.memory)
		return ERR_MEMORY;
	sort(&d.diags, definition);
	finish(&d, out);
	out->program = d.diags.errors ? S("") : program;
	return OK;
}

static struct str json_problem(struct diags *d, const struct json_error *why)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, d->a, 512);
	buf_add(&b, str_from(why->what));
	buf_add(&b, S(", line "));
	buf_int(&b, why->line);
	buf_add(&b, S(", column "));
	buf_int(&b, why->column);
	d->memory |= buf_done(&b, &out) != OK;
	return out;
}

enum err engine_compile_text(struct arena *a, struct str text, unsigned flags, struct compiled *out)
{
	static const struct json_limits limits = {
	    JSON_DEPTH_MAX, JSON_KEYS_MAX, DEFINITION_VALUES_MAX, JSON_NUMBER_MAX_CHARS};
	struct def d = {.a = a, .diags = {.a = a}};
	struct json_error why = {.what = ""};
	struct json *doc;
	enum err e = json_read(a, text, &limits, &doc, &why);

	*out = (struct compiled){.program = S("")};
	if (e == ERR_MEMORY)
		return e;
	if (!e)
		return engine_compile(a, doc, flags, out);
	diag(&d.diags, why.duplicate ? D_DUPLICATE_KEY : D_BROKEN_JSON, NULL, json_problem(&d.diags, &why), S(""));
	if (d.diags.memory)
		return ERR_MEMORY;
	d.diags.list[0].pointer = why.pointer;
	finish(&d, out);
	return OK;
}

static struct str severity_name(enum severity s)
{
	return s == SEV_ERROR ? S("error") : s == SEV_WARNING ? S("warning") : S("note");
}

void compiled_json(const struct compiled *c, struct json_out *w)
{
	size_t warnings = 0;

	for (size_t i = 0; i < c->diagnostic_count; i++)
		warnings += c->diagnostics[i].severity == SEV_WARNING;
	json_open(w, '{');
	json_field_bool(w, S("valid"), c->error_count == 0);
	json_field_int(w, S("errors"), (int64_t)c->error_count);
	json_field_int(w, S("warnings"), (int64_t)warnings);
	json_key(w, S("diagnostics"));
	json_open(w, '[');
	for (size_t i = 0; i < c->diagnostic_count; i++) {
		const struct diagnostic *d = &c->diagnostics[i];

		json_open(w, '{');
		json_field_str(w, S("severity"), severity_name(d->severity));
		json_field_str(w, S("code"), d->code);
		json_field_str(w, S("pointer"), d->pointer);
		json_field_int(w, S("column"), d->column);
		json_field_int(w, S("end_column"), d->end_column);
		json_field_str(w, S("message"), d->message);
		json_close(w, '}');
	}
	json_close(w, ']');
	json_close(w, '}');
}
