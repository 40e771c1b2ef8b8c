/* html_clean.c - authored markup, cleaned when the survey is compiled.
 *
 * What is on the lists below is written out afresh; other tags and attributes are left out with a warning; what could run code
 * (scripts, event handlers, javascript: links, style) is an error. Tags are closed in order and stand where they may (a list's item in a
 * list, no block in a paragraph), so that what comes out is valid. Piped parts {...} are copied as they are: they may stand in text
 * and in href and src. */
#include "engine/def.h"
#include "base/limits.h"

#define MARKUP_DEPTH_MAX 32

/* What a tag is to the one around it, and which of these may stand in it. */
enum place {
	INLINE = 1,
	BLOCK = 2,
	ITEM = 4,     /* li */
	TERM = 8,     /* dt dd */
	SECTION = 16, /* caption thead tbody */
	ROW = 32,
	CELL = 64,
	IMPLIED = 128, /* its end need not be written */
	FLOW = INLINE | BLOCK
};

static const struct tag {
	char name[11];
	unsigned char is, holds;
} tags[] = {{"p", BLOCK | IMPLIED, INLINE}, {"br", INLINE, 0}, {"hr", BLOCK, 0}, {"img", INLINE, 0},
    {"a", INLINE, INLINE}, {"b", INLINE, INLINE}, {"strong", INLINE, INLINE}, {"i", INLINE, INLINE},
    {"em", INLINE, INLINE}, {"u", INLINE, INLINE}, {"s", INLINE, INLINE}, {"sub", INLINE, INLINE},
    {"sup", INLINE, INLINE}, {"small", INLINE, INLINE}, {"mark", INLINE, INLINE}, {"span", INLINE, INLINE},
    {"code", INLINE, INLINE}, {"abbr", INLINE, INLINE}, {"cite", INLINE, INLINE}, {"q", INLINE, INLINE},
    {"div", BLOCK, FLOW}, {"blockquote", BLOCK, FLOW}, {"h2", BLOCK, INLINE}, {"h3", BLOCK, INLINE},
    {"h4", BLOCK, INLINE}, {"pre", BLOCK, INLINE}, {"ul", BLOCK, ITEM}, {"ol", BLOCK, ITEM},
    {"li", ITEM | IMPLIED, FLOW}, {"dl", BLOCK, TERM}, {"dt", TERM | IMPLIED, INLINE}, {"dd", TERM | IMPLIED, FLOW},
    {"table", BLOCK, SECTION | ROW}, {"caption", SECTION | IMPLIED, INLINE}, {"thead", SECTION | IMPLIED, ROW},
    {"tbody", SECTION | IMPLIED, ROW}, {"tr", ROW | IMPLIED, CELL}, {"th", CELL | IMPLIED, FLOW},
    {"td", CELL | IMPLIED, FLOW}};

/* Where an attribute may stand, and what its value may be. */
enum content { ANY, ADDRESS, NUMBER, DIRECTION };
static const struct attribute {
	char name[8], tag[5];
	unsigned char cells, value;
} attributes[] = {{"href", "a", 0, ADDRESS}, {"src", "img", 0, ADDRESS}, {"alt", "img", 0, ANY},
    {"width", "img", 0, NUMBER}, {"height", "img", 0, NUMBER}, {"colspan", "", CELL, NUMBER},
    {"rowspan", "", CELL, NUMBER}, {"title", "", 0, ANY}, {"lang", "", 0, ANY}, {"dir", "", 0, DIRECTION}};
#define SRC 1
#define ALT 2
static const char *const dangerous[] = {"script", "style", "iframe", "object", "embed", "form", "input", "button",
    "link", "meta", "base", "svg", "math", "template", "textarea", "select"};

struct cleaner {
	struct def *d;
	const struct where *at;
	struct str s;
	size_t i;
	struct buf out;
	const struct tag *open[MARKUP_DEPTH_MAX];
	uint32_t depth;
	uint32_t given; /* attributes of the tag at hand, by their place in the table */
	bool failed;
};

static const struct tag *find_tag(struct str name)
{
	for (size_t i = 0; i < countof(tags); i++)
		if (str_eq_nocase(name, str_from(tags[i].name)))
			return &tags[i];
	return NULL;
}

static bool is_dangerous(struct str name)
{
	for (size_t i = 0; i < countof(dangerous); i++)
		if (str_eq_nocase(name, str_from(dangerous[i])))
			return true;
	return false;
}

static void fail(struct cleaner *c, enum diag kind, struct str what)
{
	diag(&c->d->diags, kind, c->at, what, S(""));
	c->failed |= diag_code(kind).p[0] == 'E';
}

static char at(const struct cleaner *c, size_t ahead)
{
	return c->i + ahead < c->s.n ? c->s.p[c->i + ahead] : 0;
}

static bool is_space(char x)
{
	return x == ' ' || x == '\t' || x == '\n' || x == '\r' || x == '\f';
}

static bool is_letter(char x)
{
	return (x | 32) >= 'a' && (x | 32) <= 'z';
}

/* A piped part, or a doubled brace, as it stands. */
static void copy_pipe(struct cleaner *c)
{
	size_t end = at(c, 1) == '{' ? c->i + 2 : pipe_end(c->s, c->i);

	/* What is copied here is not cleaned, so it must be just what will be cut out as an expression. A brace that nothing closes
	 * goes alone; what follows it is cleaned like any text. */
	if (!end)
		end = c->i + 1;
	buf_add(&c->out, str_sub(c->s, c->i, end - c->i));
	c->i = end;
}

/* &#NUMBER; must be a sign that may stand in a page. */
static bool reference_fits(struct str s)
{
	bool hex = s.n > 1 && (s.p[1] | 32) == 'x';
	uint32_t v = 0;

	if (s.p[0] != '#')
		return true;
	for (size_t i = hex ? 2 : 1; i < s.n && v < 0x110000; i++) {
		bool letter = is_letter(s.p[i]);
		uint32_t digit = letter ? (uint32_t)(s.p[i] | 32) - 'a' + 10 : (uint32_t)s.p[i] - '0';

		if (digit >= (hex ? 16 : 10))
			return false;
		v = v * (hex ? 16 : 10) + digit;
	}
	return v == 9 || v == 10 || (v >= 32 && v < 127) || (v >= 160 && v < 0xd800) || (v >= 0xe000 && v < 0xfffe) ||
	       (v >= 0x10000 && v < 0x110000);
}

/* &#NUMBER; and these few stay; a lone & is escaped. The other names are the browsers' alone: what is kept of a consent could not say
 * what they showed (consent.c). */
static void copy_and(struct cleaner *c)
{
	struct str name;
	size_t n = 1;

	if (at(c, n) == '#')
		n++;
	while (n < 32 && (is_letter(at(c, n)) || (at(c, n) >= '0' && at(c, n) <= '9')))
		n++;
	name = str_sub(c->s, c->i + 1, n - 1);
	if (name.n && at(c, n) == ';' && name.p[0] != '#' && word_find("amp lt gt quot apos nbsp", name) < 0)
		fail(c, D_BAD_ENTITY, name);
	if (name.n && at(c, n) == ';' && reference_fits(name)) {
		buf_add(&c->out, str_sub(c->s, c->i, n + 1));
		c->i += n + 1;
	} else {
		buf_add(&c->out, S("&amp;"));
		c->i++;
	}
}

static void copy_value(struct cleaner *c, struct str value)
{
	struct cleaner inner = *c;

	inner.s = value;
	inner.i = 0;
	inner.out = c->out;
	while (inner.i < value.n) {
		char x = value.p[inner.i];

		if (x == '{') {
			copy_pipe(&inner);
		} else if (x == '&') {
			copy_and(&inner);
		} else {
			if (x == '"')
				buf_add(&inner.out, S("&quot;"));
			else if (x == '<' || x == '>')
				buf_add(&inner.out, x == '<' ? S("&lt;") : S("&gt;"));
			else if ((unsigned char)x >= 32 || is_space(x))
				buf_char(&inner.out, x);
			inner.i++;
		}
	}
	c->out = inner.out;
	c->failed = inner.failed;
}

/* Only addresses written plainly: a scheme hidden behind &#...; or control signs never gets this far. */
static bool address_allowed(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.p[i] <= 32)
			return false;
		if (value.p[i] == '/' || value.p[i] == '?' || value.p[i] == '{')
			break;
		if (value.p[i] == '&')
			return false;
		if (value.p[i] == '#')
			break;
	}
	return html_url_allowed(value);
}

static bool value_fits(enum content kind, struct str value)
{
	bool digits = value.n > 0 && value.n < 5;

	for (size_t i = 0; i < value.n; i++)
		digits &= value.p[i] >= '0' && value.p[i] <= '9';
	return kind == NUMBER ? digits
			      : kind != DIRECTION || str_eq(value, S("ltr")) || str_eq(value, S("rtl")) ||
				    str_eq(value, S("auto"));
}

static void put_attribute(struct cleaner *c, const struct tag *tag, struct str name, struct str value)
{
	uint32_t i = 0;

	while (i < countof(attributes) && !str_eq_nocase(name, str_from(attributes[i].name)))
		i++;
	if ((name.n > 2 && str_eq_nocase(str_sub(name, 0, 2), S("on"))) || str_eq_nocase(name, S("style"))) {
		fail(c, D_UNSAFE_MARKUP, name);
		return;
	}
	if (i == countof(attributes) || (c->given >> i & 1) || !value_fits(attributes[i].value, value) ||
	    (attributes[i].tag[0] && !str_eq(str_from(attributes[i].tag), str_from(tag->name))) ||
	    (attributes[i].cells && !(tag->is & CELL))) {
		fail(c, D_DROPPED_MARKUP, name);
		return;
	}
	if (attributes[i].value == ADDRESS && !address_allowed(value)) {
		fail(c, D_UNSAFE_MARKUP, S("a link that is not http, https, mailto, tel or relative"));
		return;
	}
	if (attributes[i].value != ADDRESS && str_find_char(value, '{', NULL)) {
		fail(c, D_BROKEN_MARKUP, S("piping is possible in text, href and src only"));
		return;
	}
	c->given |= 1u << i;
	buf_char(&c->out, ' ');
	buf_add(&c->out, str_from(attributes[i].name));
	buf_add(&c->out, S("=\""));
	copy_value(c, value);
	buf_char(&c->out, '"');
}

static void skip_space(struct cleaner *c)
{
	while (is_space(at(c, 0)))
		c->i++;
}

static struct str read_value(struct cleaner *c)
{
	char quote = at(c, 0);
	size_t from;

	if (quote == '"' || quote == '\'') {
		from = ++c->i;
		while (c->i < c->s.n && at(c, 0) != quote)
			c->i++;
		if (c->i >= c->s.n)
			fail(c, D_BROKEN_MARKUP, S("an attribute's quote is not closed"));
		return str_sub(c->s, from, c->i++ - from);
	}
	from = c->i;
	while (c->i < c->s.n && !is_space(at(c, 0)) && at(c, 0) != '>')
		c->i++;
	return str_sub(c->s, from, c->i - from);
}

/* Attributes up to the closing >, written when they are those of a tag that stays. */
static void clean_attributes(struct cleaner *c, const struct tag *keep)
{
	c->given = 0;
	while (!c->failed) {
		struct str name, value = S("");
		size_t from;

		skip_space(c);
		if (c->i >= c->s.n) {
			fail(c, D_BROKEN_MARKUP, S("a tag is not closed by >"));
			return;
		}
		if (at(c, 0) == '>' || (at(c, 0) == '/' && at(c, 1) == '>'))
			break;
		from = c->i;
		while (c->i < c->s.n && !is_space(at(c, 0)) && at(c, 0) != '=' && at(c, 0) != '>' &&
		       (at(c, 0) != '/' || c->i == from))
			c->i++;
		name = str_sub(c->s, from, c->i - from);
		skip_space(c);
		if (at(c, 0) == '=') {
			c->i++;
			skip_space(c);
			value = read_value(c);
		} else if (c->i == from) {
			c->i++;
			continue;
		}
		if (keep)
			put_attribute(c, keep, name, value);
	}
	c->i += at(c, 0) == '/' ? 2 : 1;
}

static void close_top(struct cleaner *c)
{
	buf_add(&c->out, S("</"));
	buf_add(&c->out, str_from(c->open[--c->depth]->name));
	buf_char(&c->out, '>');
}

/* Where the author has not closed it. */
static void close_open(struct cleaner *c)
{
	const struct tag *tag = c->open[c->depth - 1];

	if (!(tag->is & IMPLIED) && !c->failed)
		fail(c, D_OPEN_MARKUP, str_from(tag->name));
	close_top(c);
}

static void close_tag(struct cleaner *c, const struct tag *tag)
{
	bool there = false;

	for (uint32_t i = 0; i < c->depth; i++)
		there |= c->open[i] == tag;
	while (there) {
		there = c->open[c->depth - 1] != tag;
		if (there)
			close_open(c);
		else
			close_top(c);
	}
}

/* Closes what is open until `what` may stand here; false when it may stand nowhere around. Browsers end a paragraph before a list
 * without a word, and so does this; everything else is told. */
static bool make_room(struct cleaner *c, unsigned what, struct str name)
{
	uint32_t depth = c->depth;
	bool told = false;

	while (depth && !(c->open[depth - 1]->holds & what))
		told |= !(c->open[--depth]->is & IMPLIED);
	if (!depth && !(what & FLOW)) {
		fail(c, D_MISPLACED_MARKUP, name);
		return false;
	}
	if (told)
		fail(c, D_MISPLACED_MARKUP, name);
	while (c->depth > depth)
		close_top(c);
	return true;
}

static void open_tag(struct cleaner *c, const struct tag *tag)
{
	if (str_eq(str_from(tag->name), S("a")))
		close_tag(c, tag);
	if (!make_room(c, tag->is & ~(unsigned)IMPLIED, str_from(tag->name))) {
		clean_attributes(c, NULL);
		return;
	}
	buf_char(&c->out, '<');
	buf_add(&c->out, str_from(tag->name));
	clean_attributes(c, tag);
	if (str_eq(str_from(tag->name), S("img"))) {
		if (!(c->given >> SRC & 1))
			fail(c, D_BROKEN_MARKUP, S("an image needs src"));
		if (!(c->given >> ALT & 1))
			buf_add(&c->out, S(" alt=\"\""));
	}
	buf_char(&c->out, '>');
	if (!tag->holds)
		return;
	if (c->depth >= MARKUP_DEPTH_MAX)
		fail(c, D_BROKEN_MARKUP, S("tags are nested too deeply"));
	else
		c->open[c->depth++] = tag;
}

static void clean_tag(struct cleaner *c)
{
	bool closing = at(c, 1) == '/';
	const struct tag *tag;
	struct str name;
	size_t from;

	from = c->i += closing ? 2 : 1;
	while (is_letter(at(c, 0)) || (at(c, 0) >= '0' && at(c, 0) <= '9'))
		c->i++;
	name = str_sub(c->s, from, c->i - from);
	tag = find_tag(name);
	if (is_dangerous(name)) {
		fail(c, D_UNSAFE_MARKUP, name);
	} else if (tag && !closing) {
		open_tag(c, tag);
	} else {
		if (!tag)
			fail(c, D_DROPPED_MARKUP, name);
		clean_attributes(c, NULL);
		if (tag)
			close_tag(c, tag);
	}
}

static void skip_comment(struct cleaner *c)
{
	size_t at_end;

	if (str_find(str_sub(c->s, c->i, c->s.n), S("-->"), &at_end))
		c->i += at_end + 3;
	else
		fail(c, D_BROKEN_MARKUP, S("a comment is not closed"));
}

/* One sign of text, or what looks like it. */
static void copy_text(struct cleaner *c)
{
	char x = at(c, 0);

	if (!is_space(x) && c->depth && !(c->open[c->depth - 1]->holds & INLINE))
		make_room(c, INLINE, S("text"));
	if (x == '{') {
		copy_pipe(c);
	} else if (x == '&') {
		copy_and(c);
	} else {
		/* control signs have no place in a page */
		if ((unsigned char)x >= 32 || is_space(x))
			buf_add(&c->out, x == '<' ? S("&lt;") : x == '>' ? S("&gt;") : str_make(&x, 1));
		c->i++;
	}
}

struct str html_clean(struct def *d, const struct where *where, struct str source)
{
	struct cleaner c = {.d = d, .at = where, .s = source};
	struct str out = S("");

	buf_init(&c.out, d->a, HTTP_BODY_API_MAX_BYTES);
	while (c.i < source.n && !c.failed) {
		if (at(&c, 0) == '<' && (is_letter(at(&c, 1)) || (at(&c, 1) == '/' && is_letter(at(&c, 2)))))
			clean_tag(&c);
		else if (at(&c, 0) == '<' && at(&c, 1) == '!')
			skip_comment(&c);
		else
			copy_text(&c);
	}
	while (c.depth)
		close_open(&c);
	if (buf_done(&c.out, &out) == ERR_MEMORY)
		d->diags.memory = true;
	return c.failed ? S("") : out;
}
