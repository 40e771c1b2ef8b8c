#include "mail/mail_text.h"

#include "base/html.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "mail/mail_templates.h"

#define WORD_JOINER "\xe2\x81\xa0"

static const struct str spoken_languages[] = {{"en", 2}, {"vi", 2}};

static const struct {
	const struct str *in[countof(spoken_languages)];
} kinds[MAIL_KINDS] = {
#define MAIL(name, text, link, values) [MAIL_##name] = {{&mail_##text##_en, &mail_##text##_vi}},
#include "core/mails.def"
#undef MAIL
};

/* What is being written: the same paragraphs three times over. */
struct words {
	struct arena *arena;
	const struct mail *mail;
	struct str link;
	struct buf plain, page;
	struct html html;
	enum err failed;
};

struct str mail_text_template(enum mail_kind kind, struct str language, struct str *spoken)
{
	struct str rest = language, primary = str_cut(&rest, '-', NULL);
	size_t i = countof(spoken_languages) - 1;

	while (i > 0 && !str_eq_nocase(primary, spoken_languages[i]))
		i--;
	*spoken = spoken_languages[i];
	return *kinds[kind].in[i];
}

/* ---- values ---- */

/* Control characters, and those that turn the direction of what follows. */
static bool is_invisible(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffe || c == 0xffff || c == 0xad || c == 0x61c;
}

/* "a.example" and "x@y" and "https://": what mail programs look for when they make links of text. */
static bool begins_link(uint32_t c, uint32_t next)
{
	bool letter = (next | 0x20) - 'a' < 26 || next >= 0x80;

	return ((c == '.' || c == '@' || c == 0x3002 || c == 0xff0e || c == 0xff61) && letter) ||
	       (c == ':' && next == '/');
}

enum err mail_text_inert(struct arena *a, struct str value, struct str *out)
{
	struct str text = utf8_trim(utf8_clip(value, MAIL_VALUE_MAX_CHARS));
	size_t at = 0;
	struct buf b;

	if (!utf8_valid(value))
		return ERR_INVALID;
	buf_init(&b, a, 8 * KB);
	while (at < text.n) {
		size_t from = at, after;
		uint32_t c = utf8_next(text, &at);

		after = at;
		buf_add(&b, is_invisible(c) ? S(" ") : str_sub(text, from, at - from));
		if (at < text.n && begins_link(c, utf8_next(text, &after)))
			buf_add(&b, S(WORD_JOINER));
	}
	return buf_done(&b, out) ? ERR_MEMORY : OK;
}

static const struct mail_value *find_value(const struct mail *mail, struct str name)
{
	for (size_t i = 0; i < mail->value_count; i++)
		if (str_eq(name, str_from(mail->values[i].name)))
			return &mail->values[i];
	return NULL;
}

/* A text of the template with its values in it. */
static struct str fill(struct words *w, struct str text)
{
	struct str out = S(""), value;
	struct buf b;

	buf_init(&b, w->arena, 16 * KB);
	while (text.n > 0 && !w->failed) {
		size_t open, close;
		const struct mail_value *v;

		if (!str_find(text, S("{{"), &open) || !str_find(text, S("}}"), &close) || close < open) {
			buf_add(&b, text);
			break;
		}
		buf_add(&b, str_sub(text, 0, open));
		v = find_value(w->mail, str_sub(text, open + 2, close - open - 2));
		w->failed = v ? mail_text_inert(w->arena, v->value, &value) : ERR_INVALID;
		if (!w->failed)
			buf_add(&b, value);
		text = str_sub(text, close + 2, text.n);
	}
	if (!w->failed && buf_done(&b, &out))
		w->failed = ERR_MEMORY;
	return out;
}

/* ---- paragraphs ---- */

static void put_link(struct words *w, struct str label)
{
	buf_add(&w->plain, w->link);
	buf_add(&w->plain, S("\n\n"));
	html_open(&w->html, "p");
	html_open(&w->html, "a");
	html_attr_url(&w->html, "href", w->link);
	html_text(&w->html, label);
	html_close(&w->html, "a");
	html_close(&w->html, "p");
	html_raw(&w->html, S("\n"));
}

static void put_paragraph(struct words *w, struct str text)
{
	buf_add(&w->plain, text);
	buf_add(&w->plain, S("\n\n"));
	html_open(&w->html, "p");
	html_text(&w->html, text);
	html_close(&w->html, "p");
	html_raw(&w->html, S("\n"));
}

static void open_page(struct words *w, struct str language, struct str subject)
{
	html_init(&w->html, &w->page);
	html_doctype(&w->html);
	html_open(&w->html, "html");
	html_attr(&w->html, "lang", language);
	html_open(&w->html, "head");
	html_open(&w->html, "meta");
	html_attr(&w->html, "charset", S("utf-8"));
	html_close_void(&w->html);
	html_open(&w->html, "title");
	html_text(&w->html, subject);
	html_close(&w->html, "title");
	html_close(&w->html, "head");
	html_raw(&w->html, S("\n"));
	html_open(&w->html, "body");
	html_attr(&w->html, "style", S("font: 16px/1.5 sans-serif; max-width: 36em"));
	html_raw(&w->html, S("\n"));
}

static void close_page(struct words *w)
{
	html_close(&w->html, "body");
	html_close(&w->html, "html");
	html_raw(&w->html, S("\n"));
}

/* The next paragraph of a template, its lines joined. */
static struct str next_paragraph(struct words *w, struct str *rest)
{
	struct str line = S("x"), text = S("");
	bool more = true;
	struct buf b;

	buf_init(&b, w->arena, 16 * KB);
	while (more && line.n > 0) {
		line = str_trim(str_cut(rest, '\n', &more));
		if (line.n > 0 && b.n > 0)
			buf_char(&b, ' ');
		buf_add(&b, line);
		/* empty lines before a paragraph are skipped */
		if (line.n == 0 && b.n == 0 && more)
			line = S("x");
	}
	if (buf_done(&b, &text))
		w->failed = ERR_MEMORY;
	return text;
}

enum err mail_text_make(struct arena *a, const struct mail *mail, struct str link, struct mail_text *out)
{
	struct words w = {.arena = a, .mail = mail, .link = link};
	struct str rest = mail_text_template(mail->kind, mail->language, &out->language), text;

	buf_init(&w.plain, a, MAIL_MESSAGE_MAX_BYTES);
	buf_init(&w.page, a, MAIL_MESSAGE_MAX_BYTES);
	out->subject = fill(&w, str_trim(str_cut(&rest, '\n', NULL)));
	open_page(&w, out->language, out->subject);
	while (!w.failed && (text = next_paragraph(&w, &rest)).n > 0) {
		if (str_starts(text, S("[")) && str_ends(text, S("]")))
			put_link(&w, str_sub(text, 1, text.n - 2));
		else
			put_paragraph(&w, fill(&w, text));
	}
	close_page(&w);
	if (w.failed)
		return w.failed;
	return buf_done(&w.plain, &out->plain) || buf_done(&w.page, &out->html) ? ERR_MEMORY : OK;
}
