/* render.c - the page of a respondent: title, error summary, questions.
 *
 * Classes, for whoever writes the style sheet:
 *   cc-page-head (header), cc-page-title (h1), cc-page-description
 *   cc-errors (role=alert; p.cc-errors-title, ul of links to #q-NAME)
 *   cc-questions around all; cc-question each (fieldset, or div for one input), with the type cc-single, cc-multi, cc-rank,
 *     cc-boolean, cc-consent, cc-text, cc-number, cc-date, cc-time, cc-rating, cc-slider, cc-matrix, cc-multi_text,
 *     cc-allocation, cc-note; the display cc-radio, cc-dropdown, cc-buttons, cc-likert, cc-numbers, cc-stars, cc-nps, cc-smileys, cc-images;;
 *     cc-invalid when it has an error, cc-locked when it cannot be answered. Attributes: id q-NAME, data-name, data-refresh where others of the page depend on it
 *   cc-title (legend, label or p), cc-required (span in it), cc-description, cc-hint, cc-error
 *   cc-media around cc-image, cc-audio, cc-video
 *   cc-choices > cc-choice (label; of "select all" cc-all) > cc-choice-input, cc-choice-image, cc-choice-label; cc-other around the
 *     text of an `other`, whose choice has data-other
 *   cc-scale > cc-point (label) > cc-point-input, cc-point-face, cc-point-number, cc-point-label; cc-hidden is for screen readers
 *   cc-field > cc-range (hidden until a script shows it), cc-input | cc-textarea | cc-select, cc-unit; cc-slider-labels (ul)
 *   cc-matrix > cc-row (fieldset) > cc-row-title, cc-row-cells > cc-cell (label) > cc-cell-input, cc-cell-label; a matrix of
 *     texts or numbers has cc-items
 *   cc-items > cc-item > cc-item-title, cc-input; cc-places > cc-place > cc-place-title, cc-select
 *   cc-roster (section, id q-NAME) > cc-title (h2), cc-description, cc-error, cc-record (fieldset, id q-NAME-KEY) each with
 *     cc-record-title (legend), its questions, cc-record-remove (button); cc-record-add (button)
 *   cc-field with data-scan (barcode), cc-items with data-locate and data-not-located (geopoint): words for buttons of a script;
 *     cc-files > cc-choice (with cc-file-size) for what has been sent, cc-item-title, cc-input
 *   cc-group (section) > cc-group-title, cc-group-description; cc-markup around authored html
 * Field names are those that form.c reads. */
#include "engine/def.h"
#include "engine/render.h"
#include "base/limits.h"

struct str paint_id(struct painter *p, char separator, struct str part)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, p->r->a, 512);
	buf_add(&b, S("q-"));
	buf_add(&b, p->name);
	if (part.n) {
		buf_char(&b, separator);
		buf_add(&b, part);
	}
	if (buf_done(&b, &out) == ERR_MEMORY)
		p->r->failed = ERR_MEMORY;
	return out;
}

/* Two hyphens: rows and records follow after one, and neither begins with a hyphen and a letter. */
struct str paint_part(struct painter *p, const char *part)
{
	struct str out = S("");
	struct buf b;

	buf_init(&b, p->r->a, 512);
	buf_add(&b, S("-"));
	buf_add(&b, str_from(part));
	if (buf_done(&b, &out) == ERR_MEMORY)
		p->r->failed = ERR_MEMORY;
	return paint_id(p, '-', out);
}

static bool in_list(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return true;
	return false;
}

/* Errors of a question that the respondent has not seen yet are not for show: it only just appeared. */
static bool shows_error(const struct page_view *v, struct str question)
{
	return !v->shown || in_list(v->shown, v->shown_count, question);
}

uint32_t paint_errors_count(const struct painter *p)
{
	uint32_t n = 0;

	for (size_t i = 0; p->view && i < p->view->error_count; i++)
		n += str_eq(p->view->errors[i].question, p->name) && shows_error(p->view, p->name);
	return n;
}

static void paint_text(struct html *h, const char *tag, const char *class, struct str text)
{
	if (!text.n)
		return;
	html_open(h, tag);
	html_attr(h, "class", str_from(class));
	html_text(h, text);
	html_close(h, tag);
}

static struct str display_class(const struct p_question *q)
{
	static const char *const names[] = {" cc-radio", " cc-dropdown", " cc-buttons", " cc-likert", " cc-numbers",
	    " cc-stars", " cc-nps", " cc-smileys", " cc-images"};

	return str_from(
	    q->type == Q_single || q->type == Q_rating || (q->type == Q_multi && q->display) ? names[q->display] : "");
}

struct str paint_class(struct painter *p)
{
	struct str out = S("cc-question");
	struct buf b;

	buf_init(&b, p->r->a, 256);
	buf_add(&b, S("cc-question cc-"));
	buf_add(&b, str_from(type_rows[p->q->type].name));
	buf_add(&b, display_class(p->q));
	if (p->invalid)
		buf_add(&b, S(" cc-invalid"));
	if (p->s->lock)
		buf_add(&b, S(" cc-locked"));
	if (buf_done(&b, &out))
		p->r->failed = ERR_MEMORY;
	return out;
}

/* The ids of what explains the question, for aria-describedby. */
struct str paint_describe(struct painter *p, bool description, bool hint, bool labels)
{
	static const char *const parts[] = {"description", "hint", "labels", "error"};
	const bool there[] = {description, hint, labels, p->invalid};
	struct str out = S("");
	struct buf b;

	buf_init(&b, p->r->a, 1024);
	for (size_t i = 0; i < countof(parts); i++) {
		if (!there[i])
			continue;
		if (b.n)
			buf_char(&b, ' ');
		buf_add(&b, paint_part(p, parts[i]));
	}
	if (buf_done(&b, &out))
		p->r->failed = ERR_MEMORY;
	return out;
}

void paint_aside(struct painter *p, const char *what, const char *class, struct str text)
{
	if (!text.n)
		return;
	html_open(p->h, "p");
	html_attr(p->h, "class", str_from(class));
	html_attr(p->h, "id", paint_part(p, what));
	html_text(p->h, text);
	html_close(p->h, "p");
}

void paint_errors(struct painter *p)
{
	if (!p->invalid)
		return;
	html_open(p->h, "div");
	html_attr(p->h, "id", paint_part(p, "error"));
	for (size_t i = 0; i < p->view->error_count; i++)
		if (str_eq(p->view->errors[i].question, p->name))
			paint_text(p->h, "p", "cc-error", p->view->errors[i].message);
	html_close(p->h, "div");
}

static void paint_title(struct painter *p)
{
	bool single = paint_is_single(p->q), note = p->q->type == Q_note;
	const char *tag = note ? "p" : single ? "label" : "legend";

	if (note && !p->title.n)
		return;
	html_open(p->h, tag);
	html_attr(p->h, "class", S("cc-title"));
	if (single && !note)
		html_attr(p->h, "for", p->input);
	html_text(p->h, p->title.n ? p->title : p->name);
	if (p->required) {
		html_text(p->h, S(" "));
		paint_text(p->h, "span", "cc-required", message(p->r, MSG_REQUIRED_MARK, S(""), S("")));
	}
	html_close(p->h, tag);
}

static bool is_radio_group(const struct p_question *q)
{
	return q->type == Q_single || q->type == Q_rating || q->type == Q_boolean;
}

static void paint_frame(struct painter *p, const char *tag)
{
	html_open(p->h, tag);
	html_attr(p->h, "class", paint_class(p));
	html_attr(p->h, "id", paint_id(p, '-', S("")));
	html_attr(p->h, "data-name", p->name);
	html_attr(p->h, "tabindex", S("-1"));
	html_attr_bool(p->h, "data-refresh", p->q->flags & QUESTION_REFRESH);
	if (paint_is_single(p->q))
		return;
	html_attr_bool(p->h, "disabled", p->s->lock != LOCK_OPEN);
	if (is_radio_group(p->q)) {
		html_attr(p->h, "role", S("radiogroup"));
		if (p->required)
			html_attr(p->h, "aria-required", S("true"));
		if (p->invalid)
			html_attr(p->h, "aria-invalid", S("true"));
	}
	if (p->described_by.n)
		html_attr(p->h, "aria-describedby", p->described_by);
}

/* What the inputs show: the answer as it was given; before anything was given or shown, the default. */
static void look_up(struct painter *p)
{
	const struct json *raw = p->s->raw;

	if (p->s->lock) {
		p->now = p->s->value;
		p->other = p->s->other;
		return;
	}
	p->other = p->s->raw_other && p->s->raw_other->type == JSON_STR ? p->s->raw_other->s : S("");
	if (raw && value_from_json(p->r->a, raw, &p->now))
		p->r->failed = ERR_MEMORY;
	if (!raw && (!p->view || !p->view->shown || !in_list(p->view->shown, p->view->shown_count, p->name)))
		p->now = vm_run(p->r, p->q->first_value);
}

static void paint_question(struct painter *p)
{
	const char *tag = paint_is_single(p->q) ? "div" : "fieldset";
	struct str description = run_text(p->r, p->q->description), hint = paint_hint(p);

	p->title = run_text(p->r, p->q->title);
	p->invalid = paint_errors_count(p) > 0;
	p->required =
	    (type_rows[p->q->type].groups & P_ANSWER) && !p->s->lock &&
	    ((p->q->flags & (QUESTION_REQUIRED | QUESTION_EACH_ROW)) || vm_true(p->r, p->q->required_if, false));
	p->described_by =
	    paint_describe(p, description.n > 0, hint.n > 0, p->q->type == Q_slider && p->q->labels_count);
	p->input = paint_part(p, "input");
	p->field = paint_id(p, '-', S(""));
	look_up(p);
	paint_frame(p, tag);
	paint_title(p);
	paint_aside(p, "description", "cc-description", description);
	paint_media(p);
	paint_aside(p, "hint", "cc-hint", hint);
	paint_errors(p);
	paint_inputs(p);
	html_close(p->h, tag);
}

static void paint_group(struct painter *p, const struct p_page *page, uint32_t depth)
{
	html_open(p->h, "section");
	html_attr(p->h, "class", S("cc-group"));
	html_attr(p->h, "id", paint_id(p, '-', S("")));
	paint_text(p->h, "h2", "cc-group-title", run_text(p->r, p->q->title));
	paint_text(p->h, "p", "cc-group-description", run_text(p->r, p->q->description));
	p->title = run_text(p->r, p->q->title);
	paint_media(p);
	paint_level(p, page, p->question + 1, depth + 1);
	html_close(p->h, "section");
}

void paint_level(struct painter *frame, const struct p_page *page, uint32_t parent, uint32_t depth)
{
	struct run *r = frame->r;
	uint32_t count;
	uint16_t *list = display_questions(r, page, parent, &count);

	for (uint32_t i = 0; list && i < count && depth < JSON_DEPTH_MAX && !r->failed; i++) {
		struct painter p = {.r = r, .h = frame->h, .view = frame->view, .question = list[i]};

		p.q = &r->p->question[p.question];
		p.s = &r->states[p.question];
		if (!p.s->visible)
			continue;
		p.name = question_path(r, p.question);
		if (p.q->type == Q_group)
			paint_group(&p, page, depth);
		else if (p.q->type == Q_roster)
			paint_roster(&p, page, depth);
		else
			paint_question(&p);
	}
}

static void paint_head(struct run *r, struct html *h, const struct p_page *page)
{
	struct str title = run_text(r, page->title), description = run_text(r, page->description);

	if (!title.n && !description.n)
		return;
	html_open(h, "header");
	html_attr(h, "class", S("cc-page-head"));
	paint_text(h, "h1", "cc-page-title", title);
	paint_text(h, "p", "cc-page-description", description);
	html_close(h, "header");
}

/* The title of a question by its path; empty when there is none. */
static struct str title_among(struct run *r, uint32_t first, uint32_t count, struct str path)
{
	struct str name;

	for (uint32_t i = first; i < first + count && !r->failed; i++) {
		if (!r->record && roster_of(r->p, i))
			continue;
		name = r->record ? question_path(r, i) : program_str(r->p, r->p->question[i].name);
		if (str_eq(name, path))
			return run_text(r, r->p->question[i].title);
	}
	return S("");
}

/* Inside a record: with the title of the record before it. */
static struct str title_in_records(struct run *r, uint32_t roster, struct str path)
{
	struct str title, found = S("");
	struct buf b;

	for (uint32_t i = 0; i < r->states[roster].record_count && !found.n && !r->failed; i++) {
		record_open(r, roster, i);
		title = title_among(r, roster + 1, r->p->question[roster].span, path);
		if (title.n) {
			buf_init(&b, r->a, HTTP_BODY_API_MAX_BYTES);
			buf_add(&b, record_title(r, roster));
			buf_add(&b, S(": "));
			buf_add(&b, title);
			if (buf_done(&b, &found))
				r->failed = ERR_MEMORY;
		}
		record_close(r);
	}
	return found;
}

static struct str title_by_path(struct run *r, struct str path)
{
	struct str title = title_among(r, 0, r->p->question_count, path);

	for (uint32_t i = 0; i < r->p->question_count && !title.n; i++)
		if (r->p->question[i].type == Q_roster && r->states[i].visible &&
		    str_starts(path, program_str(r->p, r->p->question[i].name)))
			title = title_in_records(r, i, path);
	return title;
}

static void paint_error_link(struct run *r, struct html *h, const struct answer_error *e)
{
	struct painter p = {.r = r, .name = e->question};
	struct str title = title_by_path(r, e->question), href = S("");
	struct buf b;

	buf_init(&b, r->a, 256);
	buf_char(&b, '#');
	buf_add(&b, paint_id(&p, '-', S("")));
	if (buf_done(&b, &href))
		r->failed = ERR_MEMORY;
	html_open(h, "li");
	html_open(h, "a");
	html_attr(h, "href", href);
	html_text(h, title.n ? title : e->question);
	html_close(h, "a");
	html_text(h, S(" "));
	html_text(h, e->message);
	html_close(h, "li");
}

static void paint_summary(struct run *r, struct html *h, const struct page_view *v)
{
	size_t shown = 0;

	for (size_t i = 0; v && i < v->error_count; i++)
		shown += shows_error(v, v->errors[i].question);
	if (!shown)
		return;
	html_open(h, "div");
	html_attr(h, "class", S("cc-errors"));
	html_attr(h, "id", S("cc-errors"));
	html_attr(h, "role", S("alert"));
	html_attr(h, "tabindex", S("-1"));
	paint_text(h, "p", "cc-errors-title", message(r, MSG_SUMMARY, S(""), S("")));
	html_open(h, "ul");
	for (size_t i = 0; i < v->error_count; i++)
		if (shows_error(v, v->errors[i].question))
			paint_error_link(r, h, &v->errors[i]);
	html_close(h, "ul");
	html_close(h, "div");
}

static enum err walk_to(struct run *r, const struct interview *in, int32_t page, struct arena *a)
{
	struct walk_end end;
	enum err e;

	if (page < 0 || page >= (int32_t)in->program->page_count)
		return ERR_INVALID;
	if ((e = run_init(r, in, a)))
		return e;
	run_walk(r, &(struct walk_plan){.last = page, .judge_to = -1, .force_last = true}, &end);
	return r->failed;
}

enum err interview_render(
    const struct interview *in, int32_t page, const struct page_view *view, struct arena *a, struct html *h)
{
	struct painter frame = {.h = h, .view = view};
	struct run r;
	enum err e;

	if ((e = walk_to(&r, in, page, a)))
		return e;
	frame.r = &r;
	paint_head(&r, h, &r.p->page[page]);
	paint_summary(&r, h, view);
	html_open(h, "div");
	html_attr(h, "class", S("cc-questions"));
	paint_level(&frame, &r.p->page[page], 0, 0);
	html_close(h, "div");
	return r.failed ? r.failed : h->buf->failed;
}

struct names {
	struct run *r;
	const struct p_page *page;
	struct str *list;
	size_t n;
};

static void collect(struct names *names, uint32_t parent)
{
	struct run *r = names->r;
	uint32_t count;
	uint16_t *list = display_questions(r, names->page, parent, &count);

	for (uint32_t i = 0; list && i < count && !r->failed; i++) {
		uint32_t at = list[i];
		const struct p_question *q = &r->p->question[at];

		if (!r->states[at].visible)
			continue;
		if (q->type != Q_group)
			names->list[names->n++] = question_path(r, at);
		if (q->type == Q_group)
			collect(names, at + 1);
		for (uint32_t k = 0; q->type == Q_roster && k < r->states[at].record_count; k++) {
			record_open(r, at, k);
			collect(names, at + 1);
			record_close(r);
		}
	}
}

static size_t names_room(const struct run *r, const struct p_page *page)
{
	size_t n = page->questions_count;

	for (uint32_t i = page->questions; i < page->questions + page->questions_count; i++)
		n += (size_t)r->states[i].record_count * r->p->question[i].span;
	return n;
}

enum err interview_visible(const struct interview *in, int32_t page, struct arena *a, struct str **names, size_t *n)
{
	struct names all = {0};
	struct run r;
	enum err e;

	*n = 0;
	if ((e = walk_to(&r, in, page, a)))
		return e;
	all.r = &r;
	all.page = &r.p->page[page];
	if (!(all.list = run_alloc(&r, names_room(&r, all.page), sizeof(*all.list))))
		return r.failed;
	collect(&all, 0);
	*names = all.list;
	*n = all.n;
	return r.failed;
}
