/* diag.c - diagnostics from their rows. */
#include "engine/diag.h"
#include "base/limits.h"
#include "base/shim.h"
#include "base/utf8.h"

/* All in one piece, each sentence behind its code: an address for each would take as much room as a word of it. */
static const struct texts {
#define DIAG(name, code, severity, text) char name[sizeof(code text)];
#include "engine/diagnostics.def"
#undef DIAG
} texts = {
#define DIAG(name, code, severity, text) code text,
#include "engine/diagnostics.def"
#undef DIAG
};

static const uint16_t places[DIAG_KINDS] = {
#define DIAG(name, code, severity, text) offsetof(struct texts, name),
#include "engine/diagnostics.def"
#undef DIAG
};

enum { CODE_CHARS = 5 };

static const struct where nowhere;

const struct where *where_key(struct diags *d, const struct where *up, struct str key)
{
	struct where *w = arena_new(d->a, struct where);

	if (!w) {
		d->memory = true;
		return &nowhere;
	}
	*w = (struct where){up, key, 0};
	return w;
}

const struct where *where_item(struct diags *d, const struct where *up, uint32_t index)
{
	struct where *w = arena_new(d->a, struct where);

	if (!w) {
		d->memory = true;
		return &nowhere;
	}
	*w = (struct where){up, {NULL, 0}, index};
	return w;
}

struct str where_text(struct arena *a, const struct where *w)
{
	const struct where *chain[JSON_DEPTH_MAX * 2];
	struct str out = S("");
	size_t n = 0;

	for (; w && w != &nowhere && n < countof(chain); w = w->up)
		chain[n++] = w;
	while (n-- && out.p)
		out =
		    chain[n]->key.p ? json_pointer(a, out, chain[n]->key) : json_pointer_index(a, out, chain[n]->index);
	return out;
}

struct str diag_code(enum diag kind)
{
	return str_make((const char *)&texts + places[kind], CODE_CHARS);
}

struct str diag_int(struct diags *d, int64_t v)
{
	struct buf b;

	buf_init(&b, d->a, 32);
	buf_int(&b, v);
	d->memory |= b.failed;
	return str_make(b.p, b.n);
}

struct str diag_text(struct arena *a, enum diag kind, const struct str args[3])
{
	struct str text = str_from(diag_code(kind).p + CODE_CHARS), out = S("");
	struct buf b;

	buf_init(&b, a, 4 * KB);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' && i + 1 < text.n && text.p[i + 1] >= '1' && text.p[i + 1] <= '3')
			buf_add(&b, utf8_clip(args[text.p[++i] - '1'], 200));
		else
			buf_char(&b, text.p[i]);
	}
	return buf_done(&b, &out) ? str_make(NULL, 0) : out;
}

static uint32_t column(struct str text, uint32_t at)
{
	return (uint32_t)utf8_length(str_sub(text, 0, at)) + 1;
}

/* When the list is full an error takes the place of the last that is none: it must not vanish behind warnings. */
static struct diagnostic *place_for(struct diags *d, enum severity severity)
{
	if (d->count < DIAGNOSTICS_MAX)
		return &d->list[d->count++];
	for (size_t i = d->count; severity == SEV_ERROR && i-- > 0;)
		if (d->list[i].severity != SEV_ERROR)
			return &d->list[i];
	return NULL;
}

void diag_span(struct diags *d, enum diag kind, const struct where *at, struct span span, const struct str args[3])
{
	struct str code = diag_code(kind);
	enum severity severity = code.p[0] == 'E' ? SEV_ERROR : SEV_WARNING;
	struct diagnostic *g;

	if (d->piped.p && span.text.p == d->piped.p)
		span = (struct span){d->whole, span.from + d->shift, span.to + d->shift};
	if (!d->list && !(d->list = arena_array(d->a, struct diagnostic, DIAGNOSTICS_MAX)))
		d->memory = true;
	d->errors += severity == SEV_ERROR;
	if (!d->list || !(g = place_for(d, severity)))
		return;
	g->severity = severity;
	g->code = code;
	g->pointer = where_text(d->a, at);
	if (span.text.p) {
		g->column = column(span.text, span.from);
		g->end_column = column(span.text, span.to);
	}
	g->message = diag_text(d->a, kind, args);
	d->memory |= !g->pointer.p || !g->message.p;
}

void diag(struct diags *d, enum diag kind, const struct where *at, struct str arg1, struct str arg2)
{
	const struct str args[3] = {arg1, arg2, S("")};

	diag_span(d, kind, at, (struct span){{NULL, 0}, 0, 0}, args);
}
