/* render_roster.c - a roster: a fieldset for each record, and the buttons that add one or take one away. The buttons send
 * the page; form.c does what they say, and the page is shown again. */
#include "engine/render.h"
#include "base/limits.h"

/* The field `record` with what is to be done: "add NAME", "remove NAME 2". */
static void paint_button(struct painter *p, const char *verb, struct str number, struct str text)
{
	p->x = str_from(verb);
	p->y = number;
	p->z = text;
	paint(p, "<button class=\"cc-record-$x\" type=\"submit\" name=\"record\" value=\"$x $n$(y $y$)\">$z</button>");
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
	p->x = p->r->record->key;
	p->y = title;
	paint(p, "<fieldset class=\"cc-record\" id=\"q-$n$(x-$x$)\"><legend class=\"cc-record-title\">$y</legend>");
	paint_level(p, page, p->question + 1, depth + 1);
	if (may_remove(p))
		paint_button(
		    p, "remove", paint_number_text(p, record + 1), message(p->r, MSG_REMOVE_RECORD, title, S("")));
	paint(p, "</fieldset>");
	record_close(p->r);
}

void paint_roster(struct painter *p, const struct p_page *page, uint32_t depth)
{
	struct str description = run_text(p->r, p->q->description);

	p->title = run_text(p->r, p->q->title);
	paint_class(p);
	paint_set(
	    p, 'R', !p->s->lock && ((p->q->flags & QUESTION_REQUIRED) || vm_true(p->r, p->q->required_if, false)));
	paint(p, "<section" PAINT_CLASS ">$(t<h2 class=\"cc-title\">$t$(R" PAINT_MARK "$)</h2>$)");
	p->x = description;
	paint(p, PAINT_DESCRIPTION);
	paint_media(p);
	paint_errors(p);
	for (uint32_t i = 0; i < p->s->record_count && !p->r->failed; i++)
		paint_record(p, page, i, depth);
	if (!p->q->over && !p->q->over_from && !p->s->lock && p->s->record_count < record_room(p->r, p->question))
		paint_button(p, "add", S(""), paint_words(p, MSG_ADD_RECORD));
	paint(p, "</section>");
}
