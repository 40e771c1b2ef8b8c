/* functions_text.c - the functions of functions.def on texts. */
#include "engine/vm.h"
#include "engine/fold.h"
#include "base/limits.h"
#include "base/utf8.h"

static struct buf begin(struct call *c)
{
	struct buf b;

	buf_init(&b, c->r->a, VALUE_TEXT_MAX_BYTES);
	return b;
}

/* A text that grew too long is a limit reached, not an empty answer. */
static void end(struct call *c, struct buf *b)
{
	struct str s;
	enum err e = buf_done(b, &s);

	if (e && !c->r->failed)
		c->r->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
	if (!e && run_burn(c->r, (uint32_t)(s.n / 16)))
		*c->out = value_text(s);
}

static struct str text(const struct call *c, uint32_t i)
{
	return i < c->count && c->args[i].kind == V_TEXT ? c->args[i].s : S("");
}

static double number(const struct call *c, uint32_t i, double fallback)
{
	double v = i < c->count && c->args[i].kind == V_NUM ? c->args[i].num : fallback;

	return v < 0 ? 0 : v > VALUE_TEXT_MAX_BYTES ? VALUE_TEXT_MAX_BYTES : v;
}

void function_length(struct call *c)
{
	*c->out = value_num((double)utf8_length(text(c, 0)));
	run_burn(c->r, (uint32_t)(text(c, 0).n / 16));
}

void function_substring(struct call *c)
{
	struct str s = text(c, 0);
	size_t from = (size_t)number(c, 1, 0), n = (size_t)number(c, 2, VALUE_TEXT_MAX_BYTES);

	run_burn(c->r, (uint32_t)(s.n / 16));
	s = str_sub(s, utf8_clip(s, from).n, s.n);
	*c->out = value_text(utf8_clip(s, n));
}

void function_concat(struct call *c)
{
	struct buf b = begin(c);

	for (uint32_t i = 0; i < c->count && run_burn_value(c->r, &c->args[i]); i++)
		value_show(&b, &c->args[i]);
	end(c, &b);
}

static void join_one(struct buf *b, struct str separator, const struct value *v)
{
	if (value_is_empty(v))
		return;
	if (b->n)
		buf_add(b, separator);
	value_show(b, v);
}

void function_join(struct call *c)
{
	struct buf b = begin(c);

	for (uint32_t i = 1; i < c->count && run_burn_value(c->r, &c->args[i]); i++) {
		const struct value *v = &c->args[i];

		if (v->kind != V_LIST && v->kind != V_RECORD) {
			join_one(&b, text(c, 0), v);
			continue;
		}
		for (uint32_t k = 0; k < v->count; k++)
			join_one(&b, text(c, 0), v->kind == V_LIST ? &v->items[k] : &v->fields[k].value);
	}
	end(c, &b);
}

void function_upper(struct call *c)
{
	struct buf b = begin(c);

	/* against the direction of the tables: they are gone through from the beginning */
	for (int i = 0; i < 8; i++)
		run_burn_fold(c->r, text(c, 0));
	if (!c->r->failed)
		fold_put_upper(&b, text(c, 0));
	end(c, &b);
}

void function_lower(struct call *c)
{
	struct buf b = begin(c);

	if (run_burn_fold(c->r, text(c, 0)))
		fold_put_lower(&b, text(c, 0));
	end(c, &b);
}

void function_trim(struct call *c)
{
	if (run_burn(c->r, (uint32_t)(text(c, 0).n / 16)))
		*c->out = value_text(utf8_trim(text(c, 0)));
}

void function_replace(struct call *c)
{
	struct str rest = text(c, 0), old = text(c, 1);
	struct buf b = begin(c);
	size_t at;

	run_burn(c->r, (uint32_t)((rest.n + old.n) / 32));
	while (!c->r->failed && old.n && str_find(rest, old, &at)) {
		buf_add(&b, str_sub(rest, 0, at));
		buf_add(&b, text(c, 2));
		rest = str_sub(rest, at + old.n, rest.n);
	}
	buf_add(&b, rest);
	end(c, &b);
}

void function_starts_with(struct call *c)
{
	run_burn(c->r, (uint32_t)(text(c, 1).n / 64));
	*c->out = value_bool(text(c, 0).n && text(c, 1).n && str_starts(text(c, 0), text(c, 1)));
}

void function_ends_with(struct call *c)
{
	run_burn(c->r, (uint32_t)(text(c, 1).n / 64));
	*c->out = value_bool(text(c, 0).n && text(c, 1).n && str_ends(text(c, 0), text(c, 1)));
}
