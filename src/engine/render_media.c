/* render_media.c - pictures and recordings. Their addresses were checked when the survey was compiled. */
#include "engine/render.h"

/* The title is what is known about the thing in words. */
static void paint_medium(struct painter *p, const char *tag, struct str address)
{
	bool image = tag[0] == 'i';

	if (!address.n)
		return;
	html_open(p->h, tag);
	html_attr(p->h, "class", str_from(image ? "cc-image" : tag[0] == 'a' ? "cc-audio" : "cc-video"));
	html_attr(p->h, "src", address);
	if (image) {
		html_attr(p->h, "alt", p->title);
		html_close_void(p->h);
		return;
	}
	if (p->title.n)
		html_attr(p->h, "aria-label", p->title);
	html_attr(p->h, "preload", S("metadata"));
	html_attr_bool(p->h, "controls", true);
	html_close(p->h, tag);
}

void paint_media(struct painter *p)
{
	struct str image = run_text(p->r, p->q->image), audio = run_text(p->r, p->q->audio),
		   video = run_text(p->r, p->q->video);

	if (!image.n && !audio.n && !video.n)
		return;
	paint_div(p, "cc-media");
	paint_medium(p, "img", image);
	paint_medium(p, "audio", audio);
	paint_medium(p, "video", video);
	html_close(p->h, "div");
}

/* The picture says the label where it cannot be seen; the words below it are not read out a second time. */
void paint_choice_label(struct painter *p, const char *class, const struct choice_view *v)
{
	struct str label = choice_label(p->r, v), image = run_text(p->r, v->choice->image);

	if (!image.n) {
		paint_span(p, class, label);
		return;
	}
	html_open(p->h, "img");
	html_attr(p->h, "class", S("cc-choice-image"));
	html_attr(p->h, "src", image);
	html_attr(p->h, "alt", label);
	html_close_void(p->h);
	html_open(p->h, "span");
	html_attr(p->h, "class", str_from(class));
	html_attr(p->h, "aria-hidden", S("true"));
	html_text(p->h, label);
	html_close(p->h, "span");
}
