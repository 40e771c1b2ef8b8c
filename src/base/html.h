/* html.h - the one HTML writer; it escapes by default. Freestanding.
 *
 *     html_open(h, "input"); html_attr(h, "type", S("text")); html_attr(h, "name", name); html_close_void(h);
 *     html_open(h, "p");     html_text(h, label);             html_close(h, "p");
 *
 * Tag and attribute names are C literals, never data. Values and text are escaped (& < > " '); URLs in href/src/action go
 * through html_attr_url, which writes only http, https, mailto, tel and relative addresses (anything else becomes "#").
 * html_raw takes markup that was cleaned elsewhere: authored `html` when the survey was compiled. */
#ifndef BASE_HTML_H
#define BASE_HTML_H

#include "base/str.h"

struct html {
	struct buf *buf;
	bool in_tag;                 /* a start tag is still open for attributes */
};

void html_init(struct html *h, struct buf *buf);
void html_doctype(struct html *h);
void html_open(struct html *h, const char *tag);
void html_attr(struct html *h, const char *name, struct str value);
void html_attr_int(struct html *h, const char *name, int64_t value);
void html_attr_bool(struct html *h, const char *name, bool on);     /* written without value when on */
void html_attr_url(struct html *h, const char *name, struct str url);
void html_text(struct html *h, struct str text);
void html_raw(struct html *h, struct str markup);
void html_close(struct html *h, const char *tag);
void html_close_void(struct html *h);                               /* <br>, <input>, <meta> ... */
bool html_url_allowed(struct str url);

#endif
