/* mail_text.h - the words of a mail: a template and its values become subject, plain text and HTML. Pure. */
#ifndef MAIL_MAIL_TEXT_H
#define MAIL_MAIL_TEXT_H

#include "core/mail.h"

struct mail_text {
	struct str language;                 /* spoken: "en", "vi" */
	struct str subject;                  /* one line of UTF-8 */
	struct str plain, html;              /* lines end in LF */
};
/* `link` is the whole address, for kinds that have one. ERR_INVALID: a value is missing or not UTF-8. ERR_MEMORY. */
enum err mail_text_make(struct arena *a, const struct mail *mail, struct str link, struct mail_text *out);
/* A value as it is shown: one line, no control or direction characters, clipped; where a mail program would make a link of it
 * an invisible joiner keeps it from doing so. */
enum err mail_text_inert(struct arena *a, struct str value, struct str *out);
/* The source of a kind in a language ("en" is always there); for the tests. */
struct str mail_text_template(enum mail_kind kind, struct str language, struct str *spoken);

#endif
