#include "fieldwork/page_html.h"
#include "fieldwork/page_language.h"

#define PAGE_USUAL_BYTES (8 * KB) /* asked for at once, so that a usual page is not copied while it grows */

static const char csp[] =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; media-src 'self' https:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static void put_headers(struct req *rq)
{
	reply_header(rq, S("Content-Security-Policy"), str_from(csp));
	reply_header(rq, S("X-Robots-Tag"), S("noindex, nofollow"));
	/* Not no-store: the browser's back button must show the page again instead of asking whether to send the form anew. */
	reply_header(rq, S("Cache-Control"), S("private, no-cache"));
	reply_header(rq, S("Vary"), S("Accept-Language"));
}

static enum err page_reply(struct req *rq, int status, struct buf *b)
{
	struct str html;
	enum err e;

	if ((e = buf_done(b, &html)))
		return e;
	reply_html(rq, status, html);
	put_headers(rq);
	return OK;
}

enum err page_reply_bytes(struct req *rq, struct str html, struct str gzip)
{
	enum err e = reply_static(rq, S("text/html; charset=utf-8"), html, gzip, (struct str){0}, (struct str){0});

	put_headers(rq);
	return e;
}

/* ---- head and foot ---- */

static void put_meta(struct html *h, struct str name, struct str content)
{
	html_open(h, "meta");
	html_attr(h, "name", name);
	html_attr(h, "content", content);
	html_close_void(h);
}

/* `refresh`: an address to go to at once; empty: none. */
static void put_head(struct html *h, struct str language, struct str title, struct str refresh)
{
	html_doctype(h);
	html_open(h, "html");
	html_attr(h, "lang", language);
	html_attr(h, "dir", language_direction(language));
	html_open(h, "head");
	html_open(h, "meta");
	html_attr(h, "charset", S("utf-8"));
	html_close_void(h);
	put_meta(h, S("viewport"), S("width=device-width, initial-scale=1"));
	put_meta(h, S("robots"), S("noindex, nofollow"));
	put_meta(h, S("color-scheme"), S("light dark"));
	html_open(h, "title");
	html_text(h, title);
	html_close(h, "title");
	if (refresh.n > 0) {
		html_open(h, "meta");
		html_attr(h, "http-equiv", S("refresh"));
		html_attr(h, "content", refresh);
		html_close_void(h);
	}
	html_open(h, "link");
	html_attr(h, "rel", S("stylesheet"));
	html_attr(h, "href", S("/static/respondent.css"));
	html_close_void(h);
	html_open(h, "script");
	html_attr(h, "src", S("/static/respondent.js"));
	html_attr_bool(h, "defer", true);
	html_close(h, "script");
	html_close(h, "head");
	html_open(h, "body");
	html_attr(h, "class", S("cc-body"));
}

static void put_foot(struct html *h)
{
	html_close(h, "body");
	html_close(h, "html");
}

static void put_element(struct html *h, const char *tag, const char *class, struct str text)
{
	html_open(h, tag);
	html_attr(h, "class", str_from(class));
	html_text(h, text);
	html_close(h, tag);
}

/* ---- the form ---- */

static void put_button(struct html *h, const char *class, const char *action, struct str text)
{
	html_open(h, "button");
	html_attr(h, "type", S("submit"));
	html_attr(h, "name", S("action"));
	html_attr(h, "value", str_from(action));
	html_attr(h, "class", str_from(class));
	html_text(h, text);
	html_close(h, "button");
}

/* Enter in a field presses a form's first button. That must mean Next, which is what a form without an action means,
 * wherever the buttons stand that can be seen. */
static void put_default_button(struct html *h, struct str text)
{
	html_open(h, "button");
	html_attr(h, "type", S("submit"));
	html_attr(h, "class", S("cc-default"));
	html_attr(h, "tabindex", S("-1"));
	html_attr(h, "aria-hidden", S("true"));
	html_text(h, text);
	html_close(h, "button");
}

static void put_hidden(struct html *h, struct str name, struct str value)
{
	html_open(h, "input");
	html_attr(h, "type", S("hidden"));
	html_attr(h, "name", name);
	html_attr(h, "value", value);
	html_close_void(h);
}

static void put_form_open(struct html *h, struct req *rq, struct str slug, struct str language, struct str state)
{
	struct str action = {0};
	struct buf b;

	buf_init(&b, rq->arena, 128);
	buf_add(&b, S("/s/"));
	buf_add(&b, slug);
	if (buf_done(&b, &action))
		h->buf->failed = b.failed;
	html_open(h, "form");
	html_attr(h, "id", S("cc-form"));
	html_attr(h, "class", S("cc-form"));
	html_attr(h, "method", S("post"));
	html_attr_url(h, "action", action);
	html_attr(h, "autocomplete", S("off"));
	html_attr_bool(h, "novalidate", true);
	html_attr(h, "data-text-changed", page_text(TEXT_CHANGED, language));
	html_attr(h, "data-text-sending", page_text(TEXT_SENDING, language));
	html_attr(h, "data-text-characters", page_text(TEXT_CHARACTERS_LEFT, language));
	put_hidden(h, S("state"), state);
}

/* In an element of its own: what the script finds there it works on (parts/proof.ts). */
static void put_proof(struct html *h, const struct page_frame *f, struct str language)
{
	html_open(h, "div");
	html_attr(h, "id", S("cc-proof"));
	html_attr_int(h, "data-bits", f->proof_bits);
	if (f->proof_needed) {
		html_open(h, "noscript");
		put_element(h, "p", "cc-test", page_text(TEXT_NEEDS_SCRIPT, language));
		html_close(h, "noscript");
	}
	html_close(h, "div");
}

/* A field that nobody sees, hears or comes to by the keyboard; programs that fill in forms do fill it. Whoever sees the page without its style is told. */
static void put_trap(struct html *h, struct str language)
{
	html_open(h, "div");
	html_attr(h, "class", S("cc-more"));
	html_attr(h, "aria-hidden", S("true"));
	html_open(h, "label");
	html_attr(h, "for", S("cc-" PAGE_TRAP_FIELD));
	html_text(h, page_text(TEXT_TRAP, language));
	html_close(h, "label");
	html_open(h, "input");
	html_attr(h, "type", S("text"));
	html_attr(h, "id", S("cc-" PAGE_TRAP_FIELD));
	html_attr(h, "name", S(PAGE_TRAP_FIELD));
	html_attr(h, "tabindex", S("-1"));
	html_attr(h, "autocomplete", S("off"));
	html_close_void(h);
	html_close(h, "div");
}

static void put_languages(struct html *h, const struct program *p, struct str language)
{
	size_t n = program_language_count(p);

	if (n < 2)
		return;
	html_open(h, "nav");
	html_attr(h, "class", S("cc-languages"));
	html_attr(h, "aria-label", page_text(TEXT_LANGUAGE, language));
	for (size_t i = 0; i < n; i++) {
		struct str tag = program_language_at(p, i);

		html_open(h, "button");
		html_attr(h, "type", S("submit"));
		html_attr(h, "name", S("language"));
		html_attr(h, "value", tag);
		html_attr(h, "lang", tag);
		html_attr(h, "dir", language_direction(tag));
		html_attr(h, "class", S("cc-language"));
		if (str_eq(tag, language))
			html_attr(h, "aria-current", S("true"));
		html_text(h, language_own_name(tag));
		html_close(h, "button");
	}
	html_close(h, "nav");
}

static void put_progress(struct html *h, int32_t percent, struct str language)
{
	char text[16];

	if (percent < 0)
		return;
	html_open(h, "div");
	html_attr(h, "class", S("cc-progress"));
	html_open(h, "progress");
	html_attr(h, "class", S("cc-progress-bar"));
	html_attr(h, "aria-label", page_text(TEXT_PROGRESS, language));
	html_attr_int(h, "max", 100);
	html_attr_int(h, "value", percent);
	html_close(h, "progress");
	html_open(h, "span");
	html_attr(h, "class", S("cc-progress-text"));
	html_attr(h, "aria-hidden", S("true"));
	html_text(h, str_make(text, (size_t)snprintf(text, sizeof(text), "%d %%", (int)percent)));
	html_close(h, "span");
	html_close(h, "div");
}

static void put_main(struct html *h, struct str note, struct str test)
{
	html_open(h, "main");
	html_attr(h, "id", S("cc-main"));
	html_attr(h, "class", S("cc-main"));
	html_attr(h, "tabindex", S("-1"));
	if (test.n > 0)
		put_element(h, "p", "cc-test", test);
	html_open(h, "p");
	html_attr(h, "id", S("cc-status"));
	html_attr(h, "class", S("cc-status"));
	html_text(h, note);
	html_close(h, "p");
	/* What the script tells screen readers; eyes see it happen. */
	html_open(h, "p");
	html_attr(h, "id", S("cc-live"));
	html_attr(h, "class", S("cc-hidden"));
	html_attr(h, "role", S("status"));
	html_close(h, "p");
	html_open(h, "div");
	html_attr(h, "id", S("cc-questions"));
}

static void put_skip(struct html *h, struct str language)
{
	html_open(h, "a");
	html_attr(h, "class", S("cc-skip"));
	html_attr(h, "href", S("#cc-main"));
	html_text(h, page_text(TEXT_SKIP, language));
	html_close(h, "a");
}

static void put_later(struct html *h, struct str address, struct str language)
{
	if (address.n == 0)
		return;
	html_open(h, "p");
	html_attr(h, "class", S("cc-later"));
	html_open(h, "a");
	html_attr_url(h, "href", address);
	html_attr(h, "rel", S("nofollow"));
	html_text(h, page_text(TEXT_LATER, language));
	html_close(h, "a");
	html_close(h, "p");
}

static enum err render_questions(
    struct arena *a, const struct interview *in, int32_t page, const struct page_view *view, struct str *out)
{
	struct html h;
	struct buf b;
	enum err e;

	buf_init(&b, a, PAGE_MAX_BYTES);
	buf_room(&b, PAGE_USUAL_BYTES);
	html_init(&h, &b);
	if ((e = interview_render(in, page, view, a, &h)))
		return e;
	return buf_done(&b, out);
}

enum err page_reply_questions(struct req *rq, int status, const struct page_frame *f, const struct interview *in,
    int32_t page, const struct page_view *view)
{
	struct str title = program_title(in->program, in->language), questions;
	struct html h;
	struct buf b;
	enum err e;

	if ((e = render_questions(rq->arena, in, page, view, &questions)))
		return e;
	buf_init(&b, rq->arena, PAGE_MAX_BYTES);
	buf_room(&b, PAGE_USUAL_BYTES);
	html_init(&h, &b);
	put_head(&h, in->language, title, S(""));
	put_skip(&h, in->language);
	put_form_open(&h, rq, f->slug, in->language, f->state);
	if (f->proof_bits > 0)
		put_proof(&h, f, in->language);
	put_default_button(&h, page_text(TEXT_NEXT, in->language));
	html_open(&h, "header");
	html_attr(&h, "class", S("cc-header"));
	/* Every page has one first heading: its own, else the survey's. */
	put_element(&h, str_find(str_sub(questions, 0, 128), S("<h1 "), NULL) ? "p" : "h1", "cc-survey", title);
	put_languages(&h, in->program, in->language);
	put_progress(&h, f->percent, in->language);
	html_close(&h, "header");
	put_main(&h, f->note, f->test ? page_text(TEXT_TEST, in->language) : S(""));
	html_raw(&h, questions);
	html_close(&h, "div");
	html_open(&h, "div");
	html_attr(&h, "class", S("cc-actions"));
	put_button(&h, "cc-button cc-next", "next", page_text(TEXT_NEXT, in->language));
	if (f->back)
		put_button(&h, "cc-button cc-back", "back", page_text(TEXT_BACK, in->language));
	html_close(&h, "div");
	put_later(&h, f->later, in->language);
	html_close(&h, "main");
	put_trap(&h, in->language);
	html_close(&h, "form");
	put_foot(&h);
	return page_reply(rq, status, &b);
}

/* ---- messages ---- */

static enum err refresh_text(struct req *rq, struct str url, struct str *out)
{
	struct buf b;

	buf_init(&b, rq->arena, HTTP_LINE_MAX_BYTES);
	buf_add(&b, S("0;url="));
	buf_add(&b, url);
	return buf_done(&b, out);
}

static void put_again(struct html *h, const struct form_again *again, struct str language)
{
	html_open(h, "form");
	html_attr(h, "id", S("cc-again"));
	html_attr(h, "method", S("post"));
	html_attr_url(h, "action", again->action);
	html_attr_int(h, "data-after-s", again->after_s);
	for (size_t i = 0; i < again->count; i++)
		put_hidden(h, again->fields[i].name, again->fields[i].value);
	html_open(h, "p");
	html_attr(h, "class", S("cc-actions"));
	html_open(h, "button");
	html_attr(h, "type", S("submit"));
	html_attr(h, "class", S("cc-button cc-next"));
	html_text(h, page_text(TEXT_AGAIN, language));
	html_close(h, "button");
	html_close(h, "p");
	html_close(h, "form");
}

static void put_password(struct html *h, const struct password_form *form, struct str language)
{
	html_open(h, "form");
	html_attr(h, "id", S("cc-password"));
	html_attr(h, "method", S("post"));
	html_attr_url(h, "action", form->action);
	for (size_t i = 0; i < form->count; i++)
		put_hidden(h, form->fields[i].name, form->fields[i].value);
	html_open(h, "p");
	html_open(h, "label");
	html_attr(h, "for", S("cc-password-field"));
	html_text(h, page_text(TEXT_PASSWORD_LABEL, language));
	html_close(h, "label");
	html_open(h, "input");
	html_attr(h, "id", S("cc-password-field"));
	html_attr(h, "class", S("cc-input"));
	html_attr(h, "type", S("password"));
	html_attr(h, "name", S(PAGE_PASSWORD_FIELD));
	html_attr(h, "autocomplete", S("off"));
	html_attr_bool(h, "required", true);
	html_attr_bool(h, "autofocus", true);
	if (form->wrong)
		html_attr(h, "aria-invalid", S("true"));
	html_close_void(h);
	html_close(h, "p");
	html_open(h, "p");
	html_attr(h, "class", S("cc-actions"));
	html_open(h, "button");
	html_attr(h, "type", S("submit"));
	html_attr(h, "class", S("cc-button cc-next"));
	html_text(h, page_text(TEXT_CONTINUE, language));
	html_close(h, "button");
	html_close(h, "p");
	html_close(h, "form");
}

static void put_message_link(struct html *h, const struct page_message *m)
{
	html_open(h, "p");
	html_attr(h, "class", S("cc-actions"));
	html_open(h, "a");
	html_attr(h, "class", S("cc-button cc-next"));
	html_attr_url(h, "href", m->link);
	html_attr(h, "id", S("cc-continue"));
	if (m->go)
		html_attr_bool(h, "data-go", true);
	html_text(h, m->link_text);
	html_close(h, "a");
	html_close(h, "p");
}

enum err page_reply_message(struct req *rq, int status, const struct page_message *m)
{
	struct str refresh = {0}, title = m->title.n ? m->title : m->text;
	bool wordless = m->html.n == 0 && m->text.n == 0;
	struct html h;
	struct buf b;
	enum err e;

	/* With something to read the script goes on after a while; with nothing the browser does, at once. */
	if (m->go && wordless && html_url_allowed(m->link) && (e = refresh_text(rq, m->link, &refresh)))
		return e;
	buf_init(&b, rq->arena, PAGE_MAX_BYTES);
	html_init(&h, &b);
	put_head(&h, m->language, title, refresh);
	html_open(&h, "main");
	html_attr(&h, "id", S("cc-main"));
	html_attr(&h, "class", S("cc-main cc-message"));
	if (m->title.n > 0)
		put_element(&h, "h1", "cc-title", m->title);
	if (m->html.n > 0) {
		html_open(&h, "div");
		html_attr(&h, "class", S("cc-text"));
		html_raw(&h, m->html);
		html_close(&h, "div");
	} else if (m->text.n > 0) {
		put_element(&h, "p", "cc-text", m->text);
	}
	if (m->state.n > 0) {
		put_form_open(&h, rq, m->slug, m->language, m->state);
		put_button(&h, "cc-button cc-next", "finish", page_text(TEXT_NEXT, m->language));
		html_close(&h, "form");
	}
	if (m->again)
		put_again(&h, m->again, m->language);
	if (m->password)
		put_password(&h, m->password, m->language);
	if (m->link.n > 0)
		put_message_link(&h, m);
	html_close(&h, "main");
	put_foot(&h);
	return page_reply(rq, status, &b);
}
