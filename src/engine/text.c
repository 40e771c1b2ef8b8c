/* text.c - texts of the program with everything piped in. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/time.h"
#include "base/utf8.h"

struct str run_show(struct run *r, const struct value *v)
{
	struct str out = S("");
	struct buf b;

	if (v->kind == V_TEXT)
		return v->s;
	buf_init(&b, r->a, VALUE_TEXT_MAX_BYTES);
	value_show(&b, v);
	if (buf_done(&b, &out) == ERR_MEMORY && !r->failed)
		r->failed = ERR_MEMORY;
	return out;
}

static void put_escaped(struct run *r, struct buf *b, struct str s)
{
	struct html h;

	html_init(&h, b);
	html_text(&h, s);
	run_burn(r, (uint32_t)(s.n / 32));
}

static void put_segment(struct run *r, struct buf *b, const struct p_segment *s)
{
	char iso[TIME_TEXT_BYTES];
	struct value v;
	struct str shown;

	if (s->mode == SEGMENT_LITERAL) {
		shown = program_str(r->p, s->literal);
		if (run_burn(r, (uint32_t)(shown.n / 64)))
			buf_add(b, shown);
		return;
	}
	v = vm_run(r, s->value);
	shown = run_show(r, &v);
	if (s->mode == SEGMENT_URL && v.kind == V_DATETIME) { /* for machines, and so as they are written elsewhere */
		time_text(v.t, iso);
		shown = str_make(iso, TIME_TEXT_BYTES);
	}
	if (s->mode == SEGMENT_HTML)
		put_escaped(r, b, shown);
	else if (!run_burn(r, (uint32_t)(shown.n / 32)))
		return;
	else if (s->mode == SEGMENT_URL)
		url_encode(b, shown);
	else
		buf_add(b, shown);
}

struct str run_text_in(struct run *r, uint32_t text, uint32_t language)
{
	const struct program *p = r->p;
	const struct p_template *t;
	struct str out = S("");
	struct buf b;
	enum err e;

	if (!text || r->failed || !p->text[text * p->language_count + language].piece)
		return S("");
	t = &p->template[p->text[text * p->language_count + language].piece - 1];
	/* most texts have nothing piped in: they are borrowed from the program */
	if (t->segments_count == 1 && p->segment[t->segments].mode == SEGMENT_LITERAL)
		return program_str(p, p->segment[t->segments].literal);
	buf_init(&b, r->a, HTTP_BODY_API_MAX_BYTES);
	for (uint32_t i = 0; i < t->segments_count && run_burn(r, 1); i++)
		put_segment(r, &b, &p->segment[t->segments + i]);
	e = buf_done(&b, &out);
	if (e && !r->failed)
		r->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
	return out;
}

struct str run_text(struct run *r, uint32_t text)
{
	return run_text_in(r, text, r->language);
}
