/* Pages that only say what went wrong, in the visitor's language. */
#include "fieldwork/fieldwork.h"
#include "fieldwork/page_html.h"
#include "fieldwork/page_language.h"

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

bool page_refuse(struct req *rq, enum err e)
{
	static const struct {
		int status;
		enum page_text title, text;
	} rows[] = {
	    {404, TEXT_UNKNOWN_TITLE, TEXT_UNKNOWN_TEXT},
	    {408, TEXT_BUSY_TITLE, TEXT_BUSY_TEXT},
	    {410, TEXT_CLOSED_TITLE, TEXT_CLOSED_TEXT},
	    {429, TEXT_BUSY_TITLE, TEXT_BUSY_TEXT},
	    {499, TEXT_TOO_LONG_TITLE, TEXT_TOO_LONG_TEXT}, /* what was sent is at fault */
	    {599, TEXT_BUSY_TITLE, TEXT_BUSY_TEXT},
	};
	int status = err_status(e);
	size_t i = 0;

	while (rows[i].status != status && rows[i].status != 499 + 100 * (status >= 500))
		i++;
	if (page_reply_words(rq, status, rows[i].title, rows[i].text))
		return false;
	if (status == 503)
		reply_header(rq, S("Retry-After"), S("5"));
	return true;
}
