#include "base/html.h"

void html_init(struct html *h, struct buf *buf)
{
	*h = (struct html){.buf = buf};
}

static void end_tag_head(struct html *h)
{
	if (h->in_tag)
		buf_char(h->buf, '>');
	h->in_tag = false;
}

static struct str entity(char c)
{
	switch (c) {
	case '&':
		return S("&amp;");
	case '<':
		return S("&lt;");
	case '>':
		return S("&gt;");
	case '"':
		return S("&quot;");
	case '\'':
		return S("&#39;");
	}
	return S("");
}

static void put_escaped(struct buf *b, struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str e = entity(s.p[i]);

		if (e.n == 0)
			continue;
		buf_add(b, str_sub(s, from, i - from));
		buf_add(b, e);
		from = i + 1;
	}
	buf_add(b, str_sub(s, from, s.n));
}

void html_doctype(struct html *h)
{
	buf_add(h->buf, S("<!DOCTYPE html>\n"));
}

void html_open(struct html *h, const char *tag)
{
	end_tag_head(h);
	buf_char(h->buf, '<');
	buf_add(h->buf, str_from(tag));
	h->in_tag = true;
}

static bool attr_name(struct html *h, const char *name)
{
	if (!h->in_tag) {
		/* an attribute outside a tag would become text on the page: our bug, and loud */
		if (!h->buf->failed)
			h->buf->failed = ERR_INTERNAL;
		return false;
	}
	buf_char(h->buf, ' ');
	buf_add(h->buf, str_from(name));
	return true;
}

void html_attr(struct html *h, const char *name, struct str value)
{
	if (!attr_name(h, name))
		return;
	buf_add(h->buf, S("=\""));
	put_escaped(h->buf, value);
	buf_char(h->buf, '"');
}

void html_attr_int(struct html *h, const char *name, int64_t value)
{
	if (!attr_name(h, name))
		return;
	buf_add(h->buf, S("=\""));
	buf_int(h->buf, value);
	buf_char(h->buf, '"');
}

void html_attr_bool(struct html *h, const char *name, bool on)
{
	if (on)
		attr_name(h, name);
}

/* Browsers drop tabs and line ends anywhere and controls and spaces in front before they look for a scheme; an address that
 * has them is refused instead of guessed at. Without a colon before the first / ? # there is no scheme: relative. */
bool html_url_allowed(struct str url)
{
	static const char *const schemes[] = {"http", "https", "mailto", "tel"};
	size_t colon = url.n;

	if (url.n > 0 && (url.p[0] == ' ' || url.p[url.n - 1] == ' '))
		return false;
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] < 0x20 || url.p[i] == 0x7f)
			return false;
	for (size_t i = 0; i < url.n && colon == url.n; i++) {
		if (url.p[i] == '/' || url.p[i] == '?' || url.p[i] == '#')
			return true;
		if (url.p[i] == ':')
			colon = i;
	}
	if (colon == url.n)
		return true;
	for (size_t i = 0; i < countof(schemes); i++)
		if (str_eq_nocase(str_sub(url, 0, colon), str_from(schemes[i])))
			return true;
	return false;
}

void html_attr_url(struct html *h, const char *name, struct str url)
{
	html_attr(h, name, html_url_allowed(url) ? url : S("#"));
}

void html_text(struct html *h, struct str text)
{
	end_tag_head(h);
	put_escaped(h->buf, text);
}

void html_raw(struct html *h, struct str markup)
{
	end_tag_head(h);
	buf_add(h->buf, markup);
}

void html_close(struct html *h, const char *tag)
{
	end_tag_head(h);
	buf_add(h->buf, S("</"));
	buf_add(h->buf, str_from(tag));
	buf_char(h->buf, '>');
}

void html_close_void(struct html *h)
{
	end_tag_head(h);
}
