/* sitting.h - one step of an interview on the server-rendered pages: from the posted form to the page that comes
 * next. Room-internal.
 *
 *     GET  -> sitting_start  -> first page
 *     POST -> sitting_step -> the same page (refresh, language, further questions, errors), another one, or the end
 *
 * Every function ends by staging a page; errors that come back are not the respondent's doing (database away, out of
 * memory). */
#ifndef FIELDWORK_SITTING_H
#define FIELDWORK_SITTING_H

#include "fieldwork/link_panel.h"
#include "fieldwork/page_form.h"
#include "fieldwork/page_state.h"
#include "fieldwork/quota.h"
#include "survey/survey.h"

struct sitting {
	struct req *rq;
	const struct resolved *link;
	const struct program *program;
	struct page_state state;
	struct str own_key;	/* of a new interview; empty: one is made */
	struct str device_id;	/* empty: devices are not told apart */
	struct uuid left;	/* sitting_start() found the interview that this browser began; nil: none */
	struct panel_exit exit; /* read before the answer is written */
	struct quota_list full; /* quota cells, as read when the step began */
	struct interview in;	/* follows from state: sitting_interview() */
	int64_t fuel;		/* for all runs of this request together */
	struct str sealed;	/* the state on the page that was staged last */
	bool unproved;		/* the work that the link asks for is not done: nothing is stored */
	bool individual;	/* what was shown hangs on the seed, the time or what was filled */
};

/* Takes over state's language, seed, answers ... into s->in. */
void sitting_interview(struct sitting *s);
/* First page of a new interview; `fields` are the query's. Where the panelist's is under way and this browser began it nothing is staged: s->left is to be resumed. */
enum err sitting_start(struct sitting *s, struct str language, const struct form_field *fields, size_t n);
/* What the posted fields ask for. s->state has been opened. */
enum err sitting_step(struct sitting *s, const struct form_field *fields, size_t n);
/* Judges the whole, writes it once and says goodbye. */
enum err sitting_finish(struct sitting *s);
/* Another device's first page of it: state is what its row holds, and it is shown where it was left. */
enum err sitting_resume(struct sitting *s);
/* The page is left for v->next_page: what was answered so far is kept in the database, so that it is not lost when it is abandoned here. *over: it ended by that (the
 * last place in a quota was gone), and a goodbye is staged. That it could not be saved is no error: everything is on the page, and the next one saves it
 * again; but with a draw (NULL: nothing is to be drawn) it is, as nothing can go on before that. Ends rq's transaction. A survey of one page comes here never, and writes once, at its end. */
enum err sitting_save(struct sitting *s, const struct verdict *v, struct draw *draw, bool *over);
/* Whom a panel sent to a link that takes nobody in goes back to it; status: quota_full or closed. `fields` as at the start, or NULL: state has been opened. *back: a page is
 * staged; else there is no way back for him: what the panel wants in the address is not there, he has answered, the link has no such address or no secret. */
enum err sitting_send_back(struct sitting *s, struct str status, const struct form_field *fields, size_t n, bool *back);
/* Says that its panelist's interview goes on elsewhere. */
enum err sitting_elsewhere(struct sitting *s);
/* Where it can be gone on with elsewhere; empty before it is kept. */
enum err sitting_later(struct sitting *s, struct str *address);

/* Shows a page with errors beside its questions. */
enum err sitting_show(struct sitting *s, int32_t page, const struct page_view *view, struct str note);
/* Goes to the page where the first of these errors is and shows them there. */
enum err sitting_show_errors(struct sitting *s, const struct verdict *v);

#endif
