/* render.h - between render.c (the page and the frame of a question) and the files with what stands inside.
 *
 * Markup is written from templates: HTML as it is, with places to fill in, so that it can be read and takes little room.
 *
 *     p->x = label;
 *     paint_set(p, 'A', checked);
 *     paint(p, "<input class=\"cc-cell-input\" name=\"q-$n\"$(A checked$)>$(x <b>$x</b>$)");
 *
 *   $n $x ...     a text of the painter, named by its letter, escaped; templates are literals, never data
 *   $(A...$:...$) only when the flag of this capital letter is set, or behind $: only when it is not; may be nested
 *   $(x...$)      the same for a text that is not empty */
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
	union {
		struct str text[14]; /* by letter, from 'm' */
		struct {
			struct str mark, name, other; /* m: of required; n: the question's path; o: beside `other` */
			struct str unused[3];
			struct str step, title; /* s, t */
			struct str u, v, row;	/* w: the row or place at hand, for ids */
			struct str x, y, z;
		};
	};
	/* by capital letter, from 'A', for:
	 * R required  I invalid  L locked  S one input with a label  N note  K one input, locked  C cell of a row
	 * D H B described by description, hint, labels  P any of these  X any, or an error
	 * A E F G M Y the template at hand */
	uint32_t flags;
	struct value now; /* what the inputs show: as given, right or wrong, else the default */
};

void paint(struct painter *p, const char *template);
void paint_set(struct painter *p, char flag, bool on);
static inline bool paint_is(const struct painter *p, char flag)
{
	return p->flags >> (flag - 'A') & 1;
}

/* Pieces of templates. Two hyphens: rows and records follow after one, and neither begins with a hyphen and a letter. */
#define PAINT_REQUIRED "$(R aria-required=\"true\"$)"
#define PAINT_INVALID "$(I aria-invalid=\"true\"$)"
#define PAINT_DESCRIBED                                                                                                \
	"$(X aria-describedby=\"$(Dq-$n--description$(H $)$)$(Hq-$n--hint$)$(B q-$n--labels$)$(I$(P "                  \
	"$)q-$n--error$)\"$)"
/* what an input says about its question */
#define PAINT_ABOUT PAINT_REQUIRED PAINT_INVALID PAINT_DESCRIBED
/* what can be read stays in reach of the keyboard; of groups the fieldset is disabled */
#define PAINT_ATTRIBUTES PAINT_ABOUT "$(K readonly$)"
/* id and name of an only input */
#define PAINT_FIELD " id=\"q-$n-$(C$w$:-input$)\" name=\"q-$n$(C-$w$)\""
#define PAINT_MARK " <span class=\"cc-required\">$m</span>"
/* the words follow */
#define PAINT_ROW_IMAGE "$(y<img class=\"cc-choice-image\" src=\"$y\" alt=\"\">$)"
#define PAINT_DESCRIPTION "$(x<p class=\"cc-description\" id=\"q-$n--description\">$x</p>$)"
#define PAINT_TITLE "$(t$t$:$n$)"

/* The questions directly inside `parent` (+ 1; 0: the page), in display order. */
void paint_level(struct painter *frame, const struct p_page *page, uint32_t parent, uint32_t depth);
bool paint_has_errors(const struct painter *p);
void paint_errors(struct painter *p);
/* Opens the frame of a question: class and id; the tag and what else it says are the caller's. */
void paint_class(struct painter *p);
#define PAINT_CLASS                                                                                                    \
	" class=\"cc-question cc-$x$(y cc-$y$)$(I cc-invalid$)$(L cc-locked$)\" id=\"q-$n\" data-name=\"$n\" "         \
	"tabindex=\"-1\""

/* render_media.c: what is to be seen or heard with a question; the label of a choice, with its picture. */
void paint_media(struct painter *p);
void paint_choice_label(struct painter *p, const char *class, const struct choice_view *v);

/* render_roster.c */
void paint_roster(struct painter *p, const struct p_page *page, uint32_t depth);

void paint_inputs(struct painter *p);
/* A row or item as a question: what paint_inputs() puts into it. */
struct painter paint_cell(struct painter *p, struct p_question *cell, const struct p_choice *row);
void paint_items(struct painter *p);
struct str paint_hint(struct painter *p); /* empty when there is nothing to say */
/* Notes whether the type is one input with a label, rather than a group of them with a legend. */
void paint_kind(struct painter *p);

struct str paint_words(struct painter *p, enum message m);
struct str paint_number_text(struct painter *p, double v);
struct str paint_number(struct painter *p, uint32_t num); /* of the program; empty when there is none */

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
