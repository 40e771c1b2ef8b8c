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

static bool paint_on(const struct painter *p, char c)
{
	return c >= 'm' ? p->text[c - 'm'].n > 0 : paint_is(p, c);
}

void paint(struct painter *p, const char *t)
{
	uint32_t skip = 0; /* how deep inside a part that is left out */

	while (*t) {
		const char *from = t;

		while (*t && *t != '$')
			t++;
		if (!skip)
			html_raw(p->h, str_make(from, (size_t)(t - from)));
		if (!*t)
			break;
		t += 2;
		switch (t[-1]) {
		case '(':
			skip += skip || !paint_on(p, *t);
			t++;
			break;
		case ':':
			if (skip < 2)
				skip ^= 1;
			break;
		case ')':
			skip -= skip > 0;
			break;
		default:
			if (!skip)
				html_text(p->h, p->text[t[-1] - 'm']);
		}
	}
}

void paint_set(struct painter *p, char flag, bool on)
{
	uint32_t bit = 1u << (flag - 'A');

	p->flags = on ? p->flags | bit : p->flags & ~bit;
}

struct str paint_words(struct painter *p, enum message m)
{
	return message_plain(p->r, m);
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

bool paint_has_errors(const struct painter *p)
{
	for (size_t i = 0; p->view && i < p->view->error_count; i++)
		if (str_eq(p->view->errors[i].question, p->name))
			return shows_error(p->view, p->name);
	return false;
}

void paint_class(struct painter *p)
{
	static const char *const names[] = {
	    "radio", "dropdown", "buttons", "likert", "numbers", "stars", "nps", "smileys", "images"};
	uint32_t type = p->q->type;

	p->x = str_from(type_rows[type].name);
	p->y = S("");
	if (type == Q_single || type == Q_rating || (type == Q_multi && p->q->display))
		p->y = str_from(names[p->q->display]);
	paint_set(p, 'I', paint_has_errors(p));
}

void paint_errors(struct painter *p)
{
	if (!paint_is(p, 'I'))
		return;
	paint(p, "<div id=\"q-$n--error\">");
	for (size_t i = 0; i < p->view->error_count; i++) {
		p->x = p->view->errors[i].message;
		if (str_eq(p->view->errors[i].question, p->name))
			paint(p, "$(x<p class=\"cc-error\">$x</p>$)");
	}
	paint(p, "</div>");
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
	uint32_t type = p->q->type;
	struct str description = run_text(p->r, p->q->description), hint = paint_hint(p);

	p->title = run_text(p->r, p->q->title);
	paint_class(p);
	paint_set(p, 'R',
	    (type_rows[type].groups & P_ANSWER) && !p->s->lock &&
		((p->q->flags & (QUESTION_REQUIRED | QUESTION_EACH_ROW)) || vm_true(p->r, p->q->required_if, false)));
	paint_set(p, 'D', description.n > 0);
	paint_set(p, 'H', hint.n > 0);
	paint_set(p, 'B', type == Q_slider && p->q->labels_count);
	paint_set(p, 'P', description.n || hint.n);
	paint_set(p, 'X', description.n || hint.n || paint_is(p, 'I'));
	look_up(p);
	paint_set(p, 'A', p->q->flags & QUESTION_REFRESH);
	paint_set(p, 'E', type == Q_single || type == Q_rating || type == Q_boolean);
	paint(p, "<$(Sdiv$:fieldset$)" PAINT_CLASS
		 "$(A data-refresh$)$(S$:$(L disabled$)$(E role=\"radiogroup\"" PAINT_REQUIRED PAINT_INVALID
		 "$)" PAINT_DESCRIBED "$)>"
		 "$(N$(t<p class=\"cc-title\">$t</p>$)$:<$(Slabel$:legend$) class=\"cc-title\"$(S "
		 "for=\"q-$n--input\"$)>" PAINT_TITLE "$(R" PAINT_MARK "$)</$(Slabel$:legend$)>$)");
	p->x = description;
	paint(p, PAINT_DESCRIPTION);
	paint_media(p);
	p->x = hint;
	paint(p, "$(x<p class=\"cc-hint\" id=\"q-$n--hint\">$x</p>$)");
	paint_errors(p);
	paint_inputs(p);
	paint(p, "</$(Sdiv$:fieldset$)>");
}

static void paint_group(struct painter *p, const struct p_page *page, uint32_t depth)
{
	p->title = run_text(p->r, p->q->title);
	p->x = run_text(p->r, p->q->description);
	paint(p, "<section class=\"cc-group\" id=\"q-$n\">$(t<h2 class=\"cc-group-title\">$t</h2>$)"
		 "$(x<p class=\"cc-group-description\">$x</p>$)");
	paint_media(p);
	paint_level(p, page, p->question + 1, depth + 1);
	paint(p, "</section>");
}

void paint_level(struct painter *frame, const struct p_page *page, uint32_t parent, uint32_t depth)
{
	struct run *r = frame->r;
	uint32_t count;
	uint16_t *list = display_questions(r, page, parent, &count);

	for (uint32_t i = 0; list && i < count && depth < JSON_DEPTH_MAX && !r->failed; i++) {
		struct painter p = {
		    .r = r, .h = frame->h, .view = frame->view, .question = list[i], .mark = frame->mark};

		p.q = &r->p->question[p.question];
		p.s = &r->states[p.question];
		if (!p.s->visible)
			continue;
		p.name = question_path(r, p.question);
		paint_kind(&p);
		if (p.q->type == Q_group)
			paint_group(&p, page, depth);
		else if (p.q->type == Q_roster)
			paint_roster(&p, page, depth);
		else
			paint_question(&p);
	}
}

static void paint_head(struct painter *p, const struct p_page *page)
{
	p->x = run_text(p->r, page->title);
	p->y = run_text(p->r, page->description);
	if (p->x.n || p->y.n)
		paint(p, "<header class=\"cc-page-head\">$(x<h1 class=\"cc-page-title\">$x</h1>$)"
			 "$(y<p class=\"cc-page-description\">$y</p>$)</header>");
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

static void paint_summary(struct painter *p)
{
	const struct page_view *v = p->view;
	bool any = false;

	for (size_t i = 0; v && i < v->error_count; i++) {
		const struct answer_error *e = &v->errors[i];

		if (!shows_error(v, e->question))
			continue;
		if (!any) {
			p->z = paint_words(p, MSG_SUMMARY);
			paint(p, "<div class=\"cc-errors\" id=\"cc-errors\" role=\"alert\" tabindex=\"-1\"><p "
				 "class=\"cc-errors-title\">$z</p><ul>");
		}
		any = true;
		p->name = e->question;
		p->title = title_by_path(p->r, e->question);
		p->x = e->message;
		paint(p, "<li><a href=\"#q-$n\">" PAINT_TITLE "</a> $x</li>");
	}
	if (any)
		paint(p, "</ul></div>");
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
	frame.mark = paint_words(&frame, MSG_REQUIRED_MARK);
	paint_head(&frame, &r.p->page[page]);
	paint_summary(&frame);
	paint(&frame, "<div class=\"cc-questions\">");
	paint_level(&frame, &r.p->page[page], 0, 0);
	paint(&frame, "</div>");
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
