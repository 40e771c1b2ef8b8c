/* html_clean.c - authored markup, cleaned when the survey is compiled.
 *
 * What is on the lists below is written out afresh; other tags and attributes are left out with a warning; what could run code
 * (scripts, event handlers, javascript: links, style) is an error. Tags are closed in order. Piped parts {...} are copied as they
 * are: they may stand in text and in href and src. */
#include "engine/def.h"
#include "base/limits.h"

#define MARKUP_DEPTH_MAX 32

static const char *const tags[] = {"p", "br", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "mark", "span",
    "div", "ul", "ol", "li", "dl", "dt", "dd", "h2", "h3", "h4", "blockquote", "hr", "a", "img", "table", "thead",
    "tbody", "tr", "th", "td", "caption", "code", "pre", "abbr", "cite", "q"};
static const char *const empty_tags[] = {"br", "hr", "img"};
static const char *const attributes[] = {
    "href", "src", "alt", "title", "lang", "dir", "width", "height", "colspan", "rowspan"};
static const char *const dangerous[] = {"script", "style", "iframe", "object", "embed", "form", "input", "button",
    "link", "meta", "base", "svg", "math", "template", "textarea", "select"};

struct cleaner {
	struct def *d;
	const struct where *at;
	struct str s;
	size_t i;
	struct buf out;
	const char *open[MARKUP_DEPTH_MAX];
	uint32_t depth;
	bool failed;
};

static const char *find(const char *const *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(name, str_from(list[i])))
			return list[i];
	return NULL;
}

static void fail(struct cleaner *c, enum diag kind, struct str what)
{
	diag(&c->d->diags, kind, c->at, what, S(""));
	c->failed |= kind != D_DROPPED_MARKUP;
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

/* A reference such as &amp; or &#8230; stays; a lone & is escaped. */
static void copy_and(struct cleaner *c)
{
	size_t n = 1;

	if (at(c, n) == '#')
		n++;
	while (n < 12 && (is_letter(at(c, n)) || (at(c, n) >= '0' && at(c, n) <= '9')))
		n++;
	if (n > 1 && at(c, n) == ';') {
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
			else
				buf_char(&inner.out, x);
			inner.i++;
		}
	}
	c->out = inner.out;
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

static void put_attribute(struct cleaner *c, struct str name, struct str value)
{
	const char *known = find(attributes, countof(attributes), name);
	bool address;

	if (name.n > 2 && str_eq_nocase(str_sub(name, 0, 2), S("on"))) {
		fail(c, D_UNSAFE_MARKUP, name);
		return;
	}
	if (!known) {
		fail(c, str_eq_nocase(name, S("style")) ? D_UNSAFE_MARKUP : D_DROPPED_MARKUP, name);
		return;
	}
	address = str_eq(str_from(known), S("href")) || str_eq(str_from(known), S("src"));
	if (address && !address_allowed(value)) {
		fail(c, D_UNSAFE_MARKUP, S("a link that is not http, https, mailto, tel or relative"));
		return;
	}
	if (!address && str_find_char(value, '{', NULL)) {
		fail(c, D_BROKEN_MARKUP, S("piping is possible in text, href and src only"));
		return;
	}
	buf_char(&c->out, ' ');
	buf_add(&c->out, str_from(known));
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

/* Attributes up to the closing >, written when `keep`. */
static void clean_attributes(struct cleaner *c, bool keep)
{
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
			put_attribute(c, name, value);
	}
	c->i += at(c, 0) == '/' ? 2 : 1;
}

static void close_tag(struct cleaner *c, const char *tag)
{
	bool there = false;

	for (uint32_t i = 0; i < c->depth; i++)
		there |= c->open[i] == tag;
	while (there && c->depth) {
		const char *top = c->open[--c->depth];

		buf_add(&c->out, S("</"));
		buf_add(&c->out, str_from(top));
		buf_char(&c->out, '>');
		if (top == tag)
			break;
	}
}

static void clean_tag(struct cleaner *c)
{
	bool closing = at(c, 1) == '/';
	const char *tag;
	struct str name;
	size_t from;

	from = c->i += closing ? 2 : 1;
	while (is_letter(at(c, 0)) || (at(c, 0) >= '0' && at(c, 0) <= '9'))
		c->i++;
	name = str_sub(c->s, from, c->i - from);
	tag = find(tags, countof(tags), name);
	if (find(dangerous, countof(dangerous), name)) {
		fail(c, D_UNSAFE_MARKUP, name);
		return;
	}
	if (closing || !tag) {
		if (!tag)
			fail(c, D_DROPPED_MARKUP, name);
		clean_attributes(c, false);
		if (tag)
			close_tag(c, tag);
		return;
	}
	buf_char(&c->out, '<');
	buf_add(&c->out, str_from(tag));
	clean_attributes(c, true);
	buf_char(&c->out, '>');
	if (find(empty_tags, countof(empty_tags), name))
		return;
	if (c->depth >= MARKUP_DEPTH_MAX)
		fail(c, D_BROKEN_MARKUP, S("tags are nested too deeply"));
	else
		c->open[c->depth++] = tag;
}

static void skip_comment(struct cleaner *c)
{
	size_t at_end;

	if (str_find(str_sub(c->s, c->i, c->s.n), S("-->"), &at_end))
		c->i += at_end + 3;
	else
		fail(c, D_BROKEN_MARKUP, S("a comment is not closed"));
}

struct str html_clean(struct def *d, const struct where *where, struct str source)
{
	struct cleaner c = {.d = d, .at = where, .s = source};
	struct str out = S("");

	buf_init(&c.out, d->a, HTTP_BODY_API_MAX_BYTES);
	while (c.i < source.n && !c.failed) {
		char x = at(&c, 0);

		if (x == '{') {
			copy_pipe(&c);
		} else if (x == '&') {
			copy_and(&c);
		} else if (x == '<' && (is_letter(at(&c, 1)) || (at(&c, 1) == '/' && is_letter(at(&c, 2))))) {
			clean_tag(&c);
		} else if (x == '<' && at(&c, 1) == '!') {
			skip_comment(&c);
		} else {
			buf_add(&c.out, x == '<' ? S("&lt;") : x == '>' ? S("&gt;") : str_make(&x, 1));
			c.i++;
		}
	}
	while (c.depth)
		close_tag(&c, c.open[c.depth - 1]);
	if (buf_done(&c.out, &out) == ERR_MEMORY)
		d->diags.memory = true;
	return c.failed ? S("") : out;
}
