/* check_text.c - texts in every language, and what is piped into them.
 *
 * {name} or {expression} is piped in; {{ and }} stand for the braces themselves. A choice question shows its label. */
#include "engine/def.h"
#include "base/limits.h"
#include "base/utf8.h"

struct cutter {
	struct def *d;
	const struct where *at;
	const struct scope *scope;
	enum text_use use;
	struct str source, written; /* cleaned, and as the author has it */
	size_t i;
	bool in_tag;
	struct buf literal;
	struct piece *piece;
};

static void add_part(struct cutter *c, struct part part)
{
	struct piece *p = c->piece;
	struct part *grown = arena_grow(c->d->a, p->parts, p->count * sizeof(*grown), (p->count + 1) * sizeof(*grown));

	if (!grown) {
		c->d->diags.memory = true;
		return;
	}
	p->parts = grown;
	p->parts[p->count++] = part;
}

static void flush(struct cutter *c)
{
	struct str s;

	if (buf_done(&c->literal, &s))
		c->d->diags.memory = true;
	else if (s.n)
		add_part(c, (struct part){SEGMENT_LITERAL, s, NULL});
	buf_init(&c->literal, c->d->a, HTTP_BODY_API_MAX_BYTES);
}

size_t pipe_end(struct str s, size_t from)
{
	uint32_t depth = 0;
	char quote = 0;

	for (size_t i = from; i < s.n; i++) {
		char c = s.p[i];

		if (quote) {
			if (c == '\\')
				i++;
			else if (c == quote)
				quote = 0;
		} else if ((c == '\'' || c == '"') && depth == 1 && i > from + 1) {
			quote = c;
		} else if (c == '{') {
			depth++;
		} else if (c == '}' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

static bool is_reference(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			c == '.' || c == '@' || c == '^' || c == '[' || c == ']'))
			return false;
	}
	return s.n > 0 && !(s.p[0] >= '0' && s.p[0] <= '9');
}

static struct node *labelled(struct cutter *c, struct node *n)
{
	struct node *call;

	if (n->kind != N_REFERENCE || n->reference != R_ANSWER || n->field.p ||
	    !(type_rows[n->question->type].groups & P_CHOICES))
		return n;
	call = arena_new(c->d->a, struct node);
	if (call)
		call->args = arena_array(c->d->a, struct node *, 1);
	if (!call || !call->args) {
		c->d->diags.memory = true;
		return n;
	}
	call->kind = N_CALL;
	call->function = FN_LABEL;
	call->args[0] = n;
	call->count = 1;
	return call;
}

static void cut_pipe(struct cutter *c)
{
	static const enum segment_mode modes[] = {SEGMENT_PLAIN, SEGMENT_HTML, SEGMENT_URL, SEGMENT_URL};
	size_t end = pipe_end(c->source, c->i), start;
	bool ok;
	struct str inside, whole;
	struct node *n;

	if (!end) {
		diag_span(&c->d->diags, D_UNCLOSED, c->at, (struct span){c->source, (uint32_t)c->i, (uint32_t)c->i + 1},
		    (const struct str[3]){S("brace {"), S(""), S("")});
		c->i = c->source.n;
		return;
	}
	whole = str_sub(c->source, c->i, end - c->i);
	inside = str_trim(str_sub(whole, 1, whole.n - 2));
	c->i = end;
	flush(c);
	if (is_reference(inside) && !str_eq(inside, S("true")) && !str_eq(inside, S("false")))
		inside = whole;
	if (str_find(c->written, whole, &start)) {
		c->d->diags.whole = c->written;
		c->d->diags.piped = inside;
		c->d->diags.shift = (uint32_t)(start + (size_t)(inside.p - whole.p));
	}
	if (c->d->compat == COMPAT_SURVEYJS) {
		n = expr_loose(&c->d->diags, c->at, inside, c->scope, 0);
		ok = n;
	} else {
		n = expr_parse(&c->d->diags, c->at, inside);
		ok = n && expr_check(&c->d->diags, c->at, inside, n, c->scope, 0);
	}
	c->d->diags.piped.p = NULL;
	if (ok)
		add_part(c, (struct part){c->in_tag ? SEGMENT_URL : modes[c->use], S(""), labelled(c, n)});
}

/* {{name} + 1} shows a brace and {name} + 1: hardly what was meant. */
static void check_double(struct cutter *c)
{
	struct str rest = str_sub(c->source, c->i + 2, c->source.n), name;
	bool closed;

	name = str_cut(&rest, '}', &closed);
	if (!closed || str_starts(rest, S("}")) || (!def_question_by_name(c->d, name) && !def_calc_by_name(c->d, name)))
		return;
	diag_span(&c->d->diags, D_DOUBLE_BRACE, c->at,
	    (struct span){c->source, (uint32_t)c->i, (uint32_t)(c->i + 3 + name.n)},
	    (const struct str[3]){name, S(""), S("")});
}

static void cut(struct cutter *c)
{
	buf_init(&c->literal, c->d->a, HTTP_BODY_API_MAX_BYTES);
	while (c->i < c->source.n) {
		char x = c->source.p[c->i], y = c->i + 1 < c->source.n ? c->source.p[c->i + 1] : 0;

		if (x == '{' && y != '{') {
			cut_pipe(c);
			continue;
		}
		if (x == '{')
			check_double(c);
		if (c->use == TEXT_MARKUP && (x == '<' || x == '>'))
			c->in_tag = x == '<';
		if (c->use >= TEXT_ADDRESS && (unsigned char)x > 127)
			url_encode(&c->literal, str_make(&x, 1));
		else
			buf_char(&c->literal, x);
		c->i += (x == '{' || x == '}') && x == y ? 2 : 1;
	}
	flush(c);
}

static bool in_host(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == ':' || c == '_';
}

/* No blanks and control signs but inside of pipes. */
static bool path_fits(struct str s, size_t at)
{
	while (at < s.n) {
		bool doubled = str_starts(str_sub(s, at, 2), S("{{"));
		size_t end = s.p[at] == '{' && !doubled ? pipe_end(s, at) : 0;

		if (!end && ((unsigned char)s.p[at] <= ' ' || s.p[at] == 127))
			return false;
		at = end ? end : at + 1 + doubled;
	}
	return true;
}

/* Where people are sent is decided by the author alone: no answer may reach the scheme or the host. What is written out goes into
 * a header of HTTP, so there are no blanks and control signs in it; signs beyond ASCII are percent-encoded. */
static bool address_fits(struct str s)
{
	size_t scheme = str_eq_nocase(str_sub(s, 0, 8), S("https://"))	? 8
			: str_eq_nocase(str_sub(s, 0, 7), S("http://")) ? 7
									: 0;
	size_t at = scheme;

	while (at < s.n && in_host(s.p[at]))
		at++;
	if (!scheme || at == scheme || (at < s.n && !str_find_char(S("/?#"), s.p[at], NULL)))
		return false;
	return path_fits(s, at);
}

/* A picture is asked for by the respondent's browser: from a host that the author wrote, never in the clear, or from the server that
 * the page comes from. What is piped in is percent-encoded and stays within the path. */
static bool media_fits(struct str s)
{
	size_t at = 0;

	if (str_find_char(s, '\\', NULL) || str_starts(s, S("//")))
		return false;
	if (str_eq_nocase(str_sub(s, 0, 8), S("https://")))
		return address_fits(s);
	for (; at < s.n && !str_find_char(S("/?#"), s.p[at], NULL); at++)
		if (s.p[at] == ':' || s.p[at] == '{')
			return false;
	return s.n > 0 && path_fits(s, 0);
}

static void cut_text(struct def *d, const struct text *t, const struct where *at, struct str source,
    const struct scope *scope, struct piece *out)
{
	struct cutter c = {.d = d, .at = at, .scope = scope, .use = t->use, .piece = out, .written = source};

	c.source = t->use == TEXT_MARKUP ? html_clean(d, at, source) : source;
	if (t->use == TEXT_ADDRESS && !address_fits(source))
		diag(&d->diags, D_BAD_REDIRECT, at, S(""), S(""));
	if (t->use == TEXT_MEDIA && !media_fits(source))
		diag(&d->diags, D_BAD_MEDIA, at, S(""), S(""));
	*out = (struct piece){NULL, 0};
	/* most texts have nothing piped in and stay where they are */
	if (t->use != TEXT_ADDRESS && !str_find_char(c.source, '{', NULL) && !str_find_char(c.source, '}', NULL)) {
		if (c.source.n)
			add_part(&c, (struct part){SEGMENT_LITERAL, c.source, NULL});
		return;
	}
	cut(&c);
}

static bool known_language(const struct def *d, struct str tag)
{
	for (uint32_t i = 0; i < d->language_count; i++)
		if (str_eq(d->languages[i], tag))
			return true;
	return false;
}

static void check_languages(struct def *d, const struct text *t)
{
	for (uint32_t i = 0; i < t->json->count; i++) {
		const struct json_member *m = &t->json->members[i];
		const struct where *at = where_key(&d->diags, t->at, m->key);

		if (!known_language(d, m->key))
			diag(&d->diags, D_LANGUAGE_UNLISTED, at, m->key, S(""));
		else if (m->value.type != JSON_STR)
			diag(&d->diags, D_SHAPE, at, m->key, S("a text"));
	}
}

void check_text(struct def *d, struct text *t, const struct scope *scope)
{
	const struct json *own;

	if (!t->at)
		return;
	if (!(t->pieces = arena_array(d->a, struct piece, d->language_count))) {
		d->diags.memory = true;
		return;
	}
	if (t->json->type == JSON_STR) {
		cut_text(d, t, t->at, t->json->s, scope, &t->pieces[0]);
		for (uint32_t l = 1; l < d->language_count; l++)
			t->pieces[l] = t->pieces[0];
		return;
	}
	check_languages(d, t);
	own = json_get(t->json, d->language);
	if (!own)
		diag(&d->diags, D_NO_OWN_TEXT, t->at, d->language, S(""));
	else if (own->type == JSON_STR)
		cut_text(d, t, where_key(&d->diags, t->at, d->language), own->s, scope, &t->pieces[d->language_index]);
	for (uint32_t l = 0; l < d->language_count; l++) {
		const struct json *v = json_get(t->json, d->languages[l]);

		if (l == d->language_index)
			continue;
		t->pieces[l] = t->pieces[d->language_index];
		if (v && v->type == JSON_STR)
			cut_text(d, t, where_key(&d->diags, t->at, d->languages[l]), v->s, scope, &t->pieces[l]);
		else if (!v)
			diag(&d->diags, D_MISSING_TRANSLATION, t->at, d->languages[l], S(""));
	}
}
