/* page_html.h - the respondent's page as HTML: the frame around the questions, and pages that only say something.
 *
 * Both stage the reply with the page's headers (CSP and its like), so a handler ends with them. */
#ifndef FIELDWORK_PAGE_HTML_H
#define FIELDWORK_PAGE_HTML_H

#include "core/req.h"
#include "engine/engine.h"
#include "fieldwork/page_form.h"
#include "fieldwork/page_text.h"

struct page_frame {
	struct str slug;
	struct str state;   /* sealed */
	int32_t percent;    /* of progress; -1: none is shown */
	bool back;	    /* offer a way back */
	struct str later;   /* address under which it can be gone on with elsewhere; empty: it is not kept yet */
	struct str note;    /* said politely above the questions; may be empty */
	int64_t proof_bits; /* work that the script is to do before it is sent; 0: none */
	bool proof_needed;  /* nothing is stored without it, so a page without a script says that it needs one */
	bool test;	    /* says that nothing counts */
};
#define PAGE_TRAP_FIELD "website" /* on every such page, unseen; questions' fields begin with q- */
enum err page_reply_questions(struct req *rq, int status, const struct page_frame *f, const struct interview *in,
    int32_t page, const struct page_view *view);

/* A page that is there as bytes; gzip may be empty. */
enum err page_reply_bytes(struct req *rq, struct str html, struct str gzip);

/* A form that could not be taken just now: its fields, kept on the page that says so. */
struct form_again {
	struct str action; /* path */
	const struct form_field *fields;
	size_t count;
	int after_s; /* the script sends it by itself after so long */
};

#define PAGE_PASSWORD_FIELD "@password" /* no question's field can be called so */

/* A password is asked for, and sent together with the fields of a form that came without. */
struct password_form {
	struct str action; /* path and query */
	const struct form_field *fields;
	size_t count;
	bool wrong; /* what was sent before was */
};

struct page_message {
	struct str language;
	struct str title, text;		      /* plain; title may be empty */
	struct str html;		      /* cleaned markup in the place of text, when not empty */
	struct str link, link_text;	      /* a way on; empty: none */
	bool go;			      /* the link is followed by itself */
	struct str slug, state;		      /* a state to send once more; empty: none */
	const struct form_again *again;	      /* NULL, or what to send once more */
	const struct password_form *password; /* NULL, or a password is asked for */
};
/* For pages without a survey: what the browser asks for of what the page itself speaks. */
struct str page_visitor_language(const struct req *rq);
/* A page of nothing but these words. */
enum err page_reply_words(struct req *rq, int status, enum page_text title, enum page_text text);
/* "Try again in a moment": with what was sent, to be sent again by a button or, after Retry-After, by the script. */
enum err page_reply_busy(struct req *rq, int status);
enum err page_reply_message(struct req *rq, int status, const struct page_message *m);

#endif
