/* render_roster.c - a roster: a fieldset for each record, and the buttons that add one or take one away. The buttons send
 * the page; form.c does what they say, and the page is shown again. */
#include "engine/render.h"
#include "base/limits.h"

/* The field `record` with what is to be done: "add NAME", "remove NAME 2". */
static void paint_button(struct painter *p, const char *class, const char *verb, uint32_t number, struct str text)
{
	struct str value = S("");
	struct buf b;

	buf_init(&b, p->r->a, 256);
	buf_add(&b, str_from(verb));
	buf_char(&b, ' ');
	buf_add(&b, p->name);
	if (number) {
		buf_char(&b, ' ');
		buf_int(&b, number);
	}
	if (buf_done(&b, &value))
		p->r->failed = ERR_MEMORY;
	html_open(p->h, "button");
	html_attr(p->h, "class", str_from(class));
	html_attr(p->h, "type", S("submit"));
	html_attr(p->h, "name", S("record"));
	html_attr(p->h, "value", value);
	html_text(p->h, text);
	html_close(p->h, "button");
}

static bool may_remove(const struct painter *p)
{
	double least = p->q->at_least ? program_num(p->r->p, p->q->at_least) : 0;

	return !p->q->over && !p->q->over_from && !p->s->lock && p->s->record_count > least;
}

static void paint_record(struct painter *p, const struct p_page *page, uint32_t record, uint32_t depth)
{
	struct str title;

	record_open(p->r, p->question, record);
	title = record_title(p->r, p->question);
	html_open(p->h, "fieldset");
	html_attr(p->h, "class", S("cc-record"));
	html_attr(p->h, "id", paint_id(p, '-', p->r->record->key));
	html_open(p->h, "legend");
	html_attr(p->h, "class", S("cc-record-title"));
	html_text(p->h, title);
	html_close(p->h, "legend");
	paint_level(p, page, p->question + 1, depth + 1);
	if (may_remove(p))
		paint_button(
		    p, "cc-record-remove", "remove", record + 1, message(p->r, MSG_REMOVE_RECORD, title, S("")));
	html_close(p->h, "fieldset");
	record_close(p->r);
}

static void paint_title(struct painter *p)
{
	if (!p->title.n)
		return;
	html_open(p->h, "h2");
	html_attr(p->h, "class", S("cc-title"));
	html_text(p->h, p->title);
	if (p->required) {
		html_text(p->h, S(" "));
		paint_span(p, "cc-required", message(p->r, MSG_REQUIRED_MARK, S(""), S("")));
	}
	html_close(p->h, "h2");
}

void paint_roster(struct painter *p, const struct p_page *page, uint32_t depth)
{
	struct str description = run_text(p->r, p->q->description);

	p->title = run_text(p->r, p->q->title);
	p->invalid = paint_errors_count(p) > 0;
	p->required = !p->s->lock && ((p->q->flags & QUESTION_REQUIRED) || vm_true(p->r, p->q->required_if, false));
	html_open(p->h, "section");
	html_attr(p->h, "class", paint_class(p));
	html_attr(p->h, "id", paint_id(p, '-', S("")));
	html_attr(p->h, "data-name", p->name);
	html_attr(p->h, "tabindex", S("-1"));
	paint_title(p);
	paint_aside(p, "description", "cc-description", description);
	paint_media(p);
	paint_errors(p);
	for (uint32_t i = 0; i < p->s->record_count && !p->r->failed; i++)
		paint_record(p, page, i, depth);
	if (!p->q->over && !p->q->over_from && !p->s->lock && p->s->record_count < record_room(p->r, p->question))
		paint_button(p, "cc-record-add", "add", 0, message(p->r, MSG_ADD_RECORD, S(""), S("")));
	html_close(p->h, "section");
}
