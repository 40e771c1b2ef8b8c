/* Pages that only say what went wrong, in the visitor's language. */
#include "base/limits.h"
#include "fieldwork/link.h"
#include "fieldwork/page_html.h"
#include "fieldwork/page_language.h"

#define BUSY_AFTER_S 5

struct str page_visitor_language(const struct req *rq)
{
	static const struct str spoken[] = {{"en", 2}, {"vi", 2}};
	struct str found = language_accept(req_header(rq, S("Accept-Language")), spoken, countof(spoken));

	return found.n > 0 ? found : spoken[0];
}

enum err page_reply_words(struct req *rq, int status, enum page_text title, enum page_text text)
{
	struct str language = page_visitor_language(rq);
	struct page_message m = {
	    .language = language, .title = page_text(title, language), .text = page_text(text, language)};

	return page_reply_message(rq, status, &m);
}

/* The seconds that the reply says in Retry-After. */
static int retry_after_s(const struct req *rq)
{
	const struct http_reply *r = &rq->x->reply;
	int64_t s = BUSY_AFTER_S;

	for (size_t i = 0; i < r->header_count; i++) {
		if (str_eq_nocase(r->headers[i].name, S("Retry-After")))
			str_to_int(r->headers[i].value, &s);
	}
	return (int)s;
}

/* The fields of a form that came whole. Large ones, which may have come on the I/O thread, are not worth copying there. */
static bool form_sent(struct req *rq, struct form_field **fields, size_t *n)
{
	const struct http_exchange *x = rq->x;
	struct str type = http_header_get(x, S("Content-Type"));

	return x->method == HTTP_POST && x->body.n > 0 && x->body.n <= PAGE_AGAIN_MAX_BYTES &&
	       str_eq_nocase(str_trim(str_cut(&type, ';', NULL)), S("application/x-www-form-urlencoded")) &&
	       form_read(x->body, rq->arena, fields, n) == OK;
}

enum err page_reply_busy(struct req *rq, int status)
{
	struct str language = page_visitor_language(rq);
	struct form_again again = {.action = rq->x->path, .after_s = retry_after_s(rq)};
	struct page_message m = {.language = language,
	    .title = page_text(TEXT_BUSY_TITLE, language),
	    .text = page_text(TEXT_AGAIN_TEXT, language),
	    .again = &again};
	struct form_field *fields;

	if (!form_sent(rq, &fields, &again.count))
		return page_reply_words(
		    rq, status, TEXT_BUSY_TITLE, rq->x->method == HTTP_POST ? TEXT_BUSY_TEXT : TEXT_BUSY_SEE_TEXT);
	again.fields = fields;
	return page_reply_message(rq, status, &m);
}

bool page_refuse(struct req *rq, enum err e)
{
	int status = err_status(e);
	enum err failed;

	if (status == 503)
		reply_header(rq, S("Retry-After"), S("5"));
	switch (status) {
	case 404:
		failed = page_reply_words(rq, status, TEXT_UNKNOWN_TITLE, TEXT_UNKNOWN_TEXT);
		break;
	case 410:
		failed = page_reply_words(rq, status, TEXT_CLOSED_TITLE, TEXT_CLOSED_TEXT);
		break;
	case 408:
	case 429:
		failed = page_reply_busy(rq, status);
		break;
	default: /* below 500 what was sent is at fault */
		failed = status < 500 ? page_reply_words(rq, status, TEXT_TOO_LONG_TITLE, TEXT_TOO_LONG_TEXT)
				      : page_reply_busy(rq, status);
	}
	if (!failed && str_starts(rq->x->path, S("/s/")))
		embed_allow(rq, embed_known(rq->app, rq->arena, str_sub(rq->x->path, 3, rq->x->path.n)));
	return !failed;
}
