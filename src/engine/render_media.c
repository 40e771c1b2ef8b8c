/* render_media.c - pictures and recordings. Their addresses were checked when the survey was compiled. */
#include "engine/render.h"

/* The title is what is known about the thing in words. */
void paint_media(struct painter *p)
{
	p->x = run_text(p->r, p->q->image);
	p->y = run_text(p->r, p->q->audio);
	p->z = run_text(p->r, p->q->video);
	if (p->x.n || p->y.n || p->z.n)
		paint(p, "<div class=\"cc-media\">$(x<img class=\"cc-image\" src=\"$x\" alt=\"$t\">$)"
			 "$(y<audio class=\"cc-audio\" src=\"$y\"$(t aria-label=\"$t\"$) preload=\"metadata\" "
			 "controls></audio>$)"
			 "$(z<video class=\"cc-video\" src=\"$z\"$(t aria-label=\"$t\"$) preload=\"metadata\" "
			 "controls></video>$)</div>");
}

/* The picture says the label where it cannot be seen; the words below it are not read out a second time. */
void paint_choice_label(struct painter *p, const char *class, const struct choice_view *v)
{
	p->x = choice_label(p->r, v);
	p->y = run_text(p->r, v->choice->image);
	p->z = str_from(class);
	paint(p, "$(y<img class=\"cc-choice-image\" src=\"$y\" alt=\"$x\">$)<span class=\"$z\"$(y "
		 "aria-hidden=\"true\"$)>$x</span></label>");
}
