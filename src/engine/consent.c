/* consent.c - what respondents agreed to, in the words that they were shown: interview_consents.
 *
 * Apart from the verdict, because only who stores an answer needs it: engine.wasm does without. */
#include "engine/run.h"
#include "base/limits.h"
#include "base/time.h"
#include "base/utf8.h"

/* ---- markup to plain text ---- */

static const char *const breaking[] = {"p", "br", "hr", "div", "blockquote", "h2", "h3", "h4", "pre", "ul", "ol", "li",
    "dl", "dt", "dd", "table", "caption", "tr"};
static const char *const parting[] = {"td", "th", "img"};

static bool among(const char *const *names, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_from(names[i])))
			return true;
	return false;
}

static char last_of(const struct buf *b)
{
	return b->n ? b->p[b->n - 1] : '\n';
}

/* A blank or an end of line, once, and none at the beginning. */
static void part(struct buf *b, char with)
{
	if (with == '\n' && last_of(b) == ' ')
		b->n--;
	if (last_of(b) != '\n' && (with == '\n' || last_of(b) != ' '))
		buf_char(b, with);
}

static void put_scalar(struct buf *b, uint32_t v)
{
	char bytes[4];

	buf_add(b, str_make(bytes, utf8_put(bytes, v)));
}

/* From behind the & at s.p[*i] to behind the ;. The names are those that html_clean.c lets pass. */
static void put_reference(struct buf *b, struct str s, size_t *i)
{
	static const struct {
		const char *name;
		uint32_t is;
	} named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}};
	struct str rest = str_sub(s, *i + 1, s.n), name;
	bool closed;
	uint32_t v = 0;

	name = str_cut(&rest, ';', &closed);
	*i += name.n + 1; /* what cleaned markup has as & is always a reference */
	for (size_t k = 0; k < countof(named); k++)
		if (str_eq(name, str_from(named[k].name)))
			v = named[k].is;
	if (!v && name.n > 2 && name.p[0] == '#') {
		bool hex = (name.p[1] | 32) == 'x';

		for (size_t k = hex ? 2 : 1; k < name.n && v < 0x110000; k++)
			v = hex ? v * 16 + (uint32_t)(name.p[k] > '9' ? (name.p[k] | 32) - 'a' + 10 : name.p[k] - '0')
				: v * 10 + (uint32_t)(name.p[k] - '0');
	}
	if (v) {
		put_scalar(b, v);
		return;
	}
	buf_char(b, '&');
	buf_add(b, name);
	buf_char(b, ';');
}

static void put_words(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '&')
			put_reference(b, s, &i);
		else if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r')
			part(b, ' ');
		else
			buf_char(b, s.p[i]);
}

static struct str attribute(struct str tag, struct str opening)
{
	struct str value = S("");
	size_t at;

	if (!str_find(tag, opening, &at))
		return value;
	value = str_sub(tag, at + opening.n, tag.n);
	return str_cut(&value, '"', NULL);
}

/* Cleaned markup as it reads: blocks on lines of their own, where a link leads in brackets behind it. */
static void put_plain(struct run *r, struct buf *b, struct str markup)
{
	struct str link = S("");

	run_burn(r, (uint32_t)(markup.n / 8));
	while (markup.n && !r->failed) {
		struct str words = str_cut(&markup, '<', NULL), tag, name;

		put_words(b, words);
		tag = name = str_cut(&markup, '>', NULL);
		if (str_starts(name, S("/")))
			name = str_sub(name, 1, name.n);
		name = str_cut(&name, ' ', NULL);
		if (among(breaking, countof(breaking), name))
			part(b, '\n');
		else if (among(parting, countof(parting), name))
			part(b, ' ');
		put_words(b, attribute(tag, S(" alt=\"")));
		if (str_starts(tag, S("a ")))
			link = attribute(tag, S(" href=\""));
		if (!str_eq(tag, S("/a")) || !link.n)
			continue;
		buf_add(b, S(" ("));
		put_words(b, link);
		buf_char(b, ')');
		link = S("");
	}
}

/* ---- what was shown ---- */

static struct str shown_text(struct run *r, uint32_t question)
{
	const struct p_question *q = &r->p->question[question];
	struct str out = S("");
	struct buf b;

	buf_init(&b, r->a, HTTP_BODY_API_MAX_BYTES);
	buf_add(&b, run_text(r, q->title));
	part(&b, '\n');
	buf_add(&b, run_text(r, q->description));
	part(&b, '\n');
	put_plain(r, &b, run_text(r, q->html));
	if (buf_done(&b, &out) && !r->failed)
		r->failed = ERR_MEMORY;
	return utf8_trim(out);
}

struct noting {
	const struct consent_note *note;
	struct run *now, *shown; /* with the answers as they are, and as they were when the page was shown */
	struct json_out w;
	bool personal;
};

/* The record of the same key, open in the other run; false when there is none. */
static bool open_same(struct run *r, uint32_t roster, struct str key)
{
	const struct state *s = &r->states[roster];

	for (uint32_t i = 0; s->visible && i < s->record_count; i++)
		if (str_eq(s->records[i].key, key) && s->records[i].states) {
			record_open(r, roster, i);
			return true;
		}
	return false;
}

static struct str text_then(struct noting *n, uint32_t question)
{
	bool opened = n->now->record && n->shown != n->now && open_same(n->shown, n->now->roster, n->now->record->key);
	struct run *r = n->shown->states[question].visible ? n->shown : n->now;
	struct str text = shown_text(r, question);

	if (opened)
		record_close(n->shown);
	if (n->shown->failed && !n->now->failed)
		n->now->failed = n->shown->failed;
	return text;
}

static void put_consent(struct noting *n, uint32_t question)
{
	const struct p_question *q = &n->now->p->question[question];
	const struct consent_note *note = n->note;
	const struct state *s = &n->now->states[question];
	int32_t page = (int32_t)q->page - 1;
	struct str path, text, language = program_language_at(n->now->p, n->shown->language);
	const struct json *kept;
	char at[TIME_TEXT_BYTES];

	if (q->type != Q_consent || !!(q->flags & QUESTION_PERSONAL) != n->personal || !s->visible ||
	    !value_is_true(&s->value))
		return;
	path = question_path(n->now, question);
	kept = json_get(note->kept[n->personal], path);
	if (!kept && note->page >= 0 && page > note->page)
		return; /* its page has not been shown */
	text = !kept || page == note->page ? text_then(n, question) : S("");
	json_key(&n->w, path);
	if (kept && (page != note->page || (str_eq(json_str_or(kept, S("text"), S("")), text) &&
					       str_eq(json_str_or(kept, S("language"), S("")), language)))) {
		json_put(&n->w, kept);
		return;
	}
	time_text(note->at_ms, at);
	json_open(&n->w, '{');
	json_field_str(&n->w, S("text"), text);
	json_field_str(&n->w, S("language"), language);
	json_field_str(&n->w, S("at"), str_make(at, sizeof(at)));
	json_close(&n->w, '}');
}

static void put_records(struct noting *n, uint32_t roster)
{
	const struct state *s = &n->now->states[roster];

	for (uint32_t i = 0; s->visible && i < s->record_count && !n->now->failed; i++) {
		record_open(n->now, roster, i);
		for (uint32_t k = 1; k <= n->now->p->question[roster].span; k++)
			put_consent(n, roster + k);
		record_close(n->now);
	}
}

static void put_all(struct noting *n, struct str *out)
{
	const struct program *p = n->now->p;
	struct buf b;
	enum err e;

	buf_init(&b, n->now->a, ENGINE_ARENA_MAX_BYTES);
	json_out_init(&n->w, &b);
	json_open(&n->w, '{');
	for (uint32_t i = 0; i < p->question_count; i++)
		if (p->question[i].type == Q_roster)
			put_records(n, i);
		else if (!roster_of(p, i))
			put_consent(n, i);
	json_close(&n->w, '}');
	if ((e = buf_done(&b, out)) && !n->now->failed)
		n->now->failed = e == ERR_MEMORY ? ERR_MEMORY : ERR_LIMIT;
}

static enum err walk(struct run *r, const struct interview *in, struct arena *a)
{
	struct walk_end end;
	enum err e = run_init(r, in, a);

	if (!e)
		run_walk(r, &(struct walk_plan){.last = WALK_ALL, .judge_to = -1}, &end);
	return e ? e : r->failed;
}

enum err interview_consents(
    const struct interview *in, const struct consent_note *note, struct arena *a, struct consents *out)
{
	struct noting n = {.note = note};
	struct run now, shown;
	bool any = false;
	enum err e;

	*out = (struct consents){S("{}"), S("{}")};
	for (uint32_t i = 0; i < in->program->question_count; i++)
		any |= in->program->question[i].type == Q_consent;
	if (!any)
		return OK;
	if ((e = walk(&now, in, a)) || (note->shown && (e = walk(&shown, note->shown, a))))
		return e;
	n.now = &now;
	n.shown = note->shown ? &shown : &now;
	put_all(&n, &out->open);
	n.personal = true;
	put_all(&n, &out->personal);
	return now.failed;
}
