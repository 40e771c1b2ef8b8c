/* session.h - an interview that is kept between events. Room-internal; what others may use is in engine.h.
 *
 * A session holds the run of interview_run() after it ran, with notes of what each step gave. An event marks what it
 * changes; the next question asked of the session walks the pages again and takes only the steps that are marked, marking in
 * turn what depends on whatever came out differently (the lists of depend.c). Everything else is as it was noted: a step sees
 * what it would see in a walk from the beginning, because states of later steps count as not reached (state_seen).
 *
 * What is replaced stays in the arena as litter. When that is more than what is in use, a fresh generation is made in the
 * other arena from the answers alone, and the old one is dropped whole; so is a generation that failed. */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "engine/run.h"

struct page_note {
	bool known, holds; /* visible_if */
	bool taken;	   /* its steps were taken in the last walk */
	bool ruled;	   /* what the rules said when it was left: */
	int32_t next;
	const struct p_outcome *outcome;
};

struct judged {
	bool known;
	uint32_t count;
	const struct answer_error *errors;
};

struct session {
	const struct arena_source *source;
	const struct program *program;
	struct arena arenas[2];
	uint32_t current;
	size_t fresh_bytes; /* what the generation took when it was made */
	bool stale;	    /* to be made afresh before anything is asked */
	/* of the generation: */
	struct interview in;
	struct run run;
	struct given {
		const struct json *answer, *other;
	} * given;    /* by question: as it was given; a step may set a wrong one aside */
	bool *marked; /* by node of program.h */
	bool changed; /* some node is marked */
	struct page_note *pages;
	struct value *step_values; /* of calculated values, by step */
	struct judged *judged;	   /* by question */
	struct answer_error *scratch;
	int32_t judged_to, walking, left; /* pages; the one of the way that was left last in a walk */
	bool walked;
	struct walk_end end;
	/* where the respondent is: */
	int32_t page;
	bool over;
	const struct p_outcome *outcome; /* of a rule; NULL with `over`: completed */
};

/* session_walk.c: brings everything up to date, with questions up to page `judge_to` judged. */
enum err session_walk(struct session *s, int32_t judge_to);
void session_mark(struct session *s, uint32_t node);
/* session.c: a session that has not begun (page -1); everything up to date; a fresh generation from the answers alone. */
enum err session_start(const struct arena_source *source, const struct interview *start, struct session **out);
enum err session_settle(struct session *s, int32_t judge_to);
enum err session_renew(struct session *s);
/* session_state.c: parts of an interview's start as events and written states have them; ERR_INVALID: not sound, ERR_MEMORY. */
enum err session_read_filled(const struct json *list, struct arena *a, struct interview *in);
enum err session_read_drawn(const struct json *lists, struct interview *in);
enum err session_read_full(const struct json *list, struct arena *a, struct interview *in);

#endif
