#include "auth/auth_oidc_page.h"
#include "base/html.h"

#define PAGE_BYTES (8 * KB)

static void put_text(struct html *h, const char *tag, struct str text)
{
	html_open(h, tag);
	html_text(h, text);
	html_close(h, tag);
}

enum err oidc_page(struct req *rq, int status, struct str title, struct str text, struct str go)
{
	struct html h;
	struct str page;
	struct buf b;
	enum err e;

	buf_init(&b, rq->arena, PAGE_BYTES);
	html_init(&h, &b);
	html_doctype(&h);
	html_open(&h, "html");
	html_attr(&h, "lang", S("en"));
	html_open(&h, "head");
	html_open(&h, "meta");
	html_attr(&h, "charset", S("utf-8"));
	html_close_void(&h);
	html_open(&h, "meta");
	html_attr(&h, "name", S("viewport"));
	html_attr(&h, "content", S("width=device-width, initial-scale=1"));
	html_close_void(&h);
	put_text(&h, "title", title);
	html_close(&h, "head");
	html_open(&h, "body");
	html_open(&h, "main");
	put_text(&h, "h1", title);
	put_text(&h, "p", text);
	if (go.n > 0) {
		html_open(&h, "p");
		html_open(&h, "a");
		html_attr_url(&h, "href", go);
		html_text(&h, S("Continue"));
		html_close(&h, "a");
		html_close(&h, "p");
	}
	html_close(&h, "main");
	html_close(&h, "body");
	html_close(&h, "html");
	if ((e = buf_done(&b, &page)))
		return e;
	return reply_html(rq, status, page);
}

enum err oidc_trouble(struct req *rq, enum err e)
{
	struct str why = rq->detail.n > 0 ? rq->detail : str_from(err_meaning(e));

	if (!str_find(req_header(rq, S("Accept")), S("text/html"), NULL))
		return e;
	if (err_status(e) == 503)
		reply_header(rq, S("Retry-After"), S("5"));
	return oidc_page(rq, err_status(e), S("Signing in did not work"), why, S(""));
}
