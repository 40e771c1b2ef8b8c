/* render.h - between render.c (the page and the frame of a question) and render_input.c (what stands inside). */
#ifndef ENGINE_RENDER_H
#define ENGINE_RENDER_H

#include "engine/run.h"

struct painter {
	struct run *r;
	struct html *h;
	const struct page_view *view;
	uint32_t question;
	const struct p_question *q;
	struct state *s;
	struct str name;	 /* of the question: its path */
	struct str described_by; /* ids of description, hint, labels and error; empty when there are none */
	struct str title;
	bool invalid, required;
	struct str input, field; /* id and name of an only input */
	struct value now;	 /* what the inputs show: as given, right or wrong, else the default */
	struct str other;	 /* text beside the `other` choice */
};

/* The questions directly inside `parent` (+ 1; 0: the page), in display order. */
void paint_level(struct painter *frame, const struct p_page *page, uint32_t parent, uint32_t depth);
uint32_t paint_errors_count(const struct painter *p);
void paint_errors(struct painter *p);
void paint_aside(struct painter *p, const char *what, const char *class, struct str text);
struct str paint_class(struct painter *p);
struct str paint_describe(struct painter *p, bool description, bool hint, bool labels); /* ids for aria-describedby */

/* render_media.c: what is to be seen or heard with a question; the label of a choice, with its picture. */
void paint_media(struct painter *p);
void paint_choice_label(struct painter *p, const char *class, const struct choice_view *v);

/* render_roster.c */
void paint_roster(struct painter *p, const struct p_page *page, uint32_t depth);

/* "q-NAME", "q-NAME-part" */
struct str paint_id(struct painter *p, char separator, struct str part);
/* "q-NAME--part": ids of the question's own input, description, hint and error, which no row or record can have */
struct str paint_part(struct painter *p, const char *part);
/* Whether the type is one input with a label, rather than a group of them with a legend. */
bool paint_is_single(const struct p_question *q);
void paint_inputs(struct painter *p);
/* A row or item as a question: what paint_inputs() puts into it. */
struct painter paint_cell(struct painter *p, struct p_question *cell, const struct p_choice *row);
void paint_items(struct painter *p);
struct str paint_hint(struct painter *p); /* empty when there is nothing to say */

void paint_div(struct painter *p, const char *class); /* opens it */
void paint_span(struct painter *p, const char *class, struct str text);
void paint_attributes(struct painter *p); /* aria-required, -invalid, -describedby of an input */
struct str paint_number_text(struct painter *p, double v);

/* render_device.c */
void paint_barcode(struct painter *p);
void paint_geopoint(struct painter *p);
void paint_files(struct painter *p);

/* render_choice.c */
void paint_choices(struct painter *p);
void paint_rank(struct painter *p);
void paint_boolean(struct painter *p);
void paint_consent(struct painter *p);
void paint_markup(struct painter *p);
void paint_matrix(struct painter *p);

#endif
