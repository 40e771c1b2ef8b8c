/* run.h - an interview while it is worked out. Room-internal.
 *
 * A run walks the pages in order (run.c): it works out which are visible, takes the steps of each (step.c: a question's
 * visibility, its choices, its normalised value; calculated values), holds the answers to their rules (judge.c) and follows
 * the survey's rules. Forms, pages and outcomes start with the same walk. Everything lives in the arena of the caller.
 *
 * Failure is sticky: r->failed is set once (memory, fuel) and everything afterwards gives empty values. */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "engine/program.h"
#include "engine/value.h"

/* A choice as it stands for this respondent. */
struct choice_view {
	const struct p_choice *choice;
	struct value value;	       /* text or number */
	struct str other;	       /* typed for an `other`, also when carried forward */
	const struct p_question *from; /* whose own choice it is; NULL: that of the question it stands at */
	bool off;		       /* shown, but not to be chosen */
};

struct state;

/* One round through the questions of a roster. */
struct record {
	struct value item;	  /* the value it runs over, or its number from 1 */
	struct str label;	  /* of the value */
	struct str key;		  /* stands for it in the names of fields and in ids */
	const struct json *given; /* NULL: nothing */
	uint32_t at;		  /* where that stands in the answer, or would */
	struct str unknown;	  /* a name in what was given that is no question's */
	struct state *states;	  /* of the questions inside, while it is closed */
};

/* Whether a question can be answered: LOCK_NOW keeps what was said before, LOCK_ALWAYS takes nothing that was given. */
enum lock { LOCK_OPEN, LOCK_NOW, LOCK_ALWAYS };

struct state {
	bool reached, visible;		    /* on a page of the way; shown there */
	enum lock lock;			    /* when visible */
	uint32_t at;			    /* place of its step; 0 in a run that takes every step afresh */
	const struct json *raw, *raw_other; /* as they were given; NULL when not */
	struct value value;		    /* normalised; empty when hidden or wrong */
	struct str other;		    /* text of its `other` choice */
	const struct choice_view
	    *choices; /* the visible ones, in definition order; the program's own when all always are */
	uint32_t choice_count;
	const struct p_choice **rows; /* the visible ones */
	uint32_t row_count;
	struct record *records; /* of a roster, in the order in which they are asked */
	uint32_t record_count;
	bool undrawn;	   /* of a roster: some of them are only drawn now, out of more */
	const char *wrong; /* code of what makes `raw` no possible answer; NULL when it is one */
	struct str wrong_message, wrong_row;
};

/* Which conditions were false and which were true, for coverage. What is new is settled or forgotten later (simulate_cover.c). */
struct branch_notes {
	uint8_t *seen;	   /* by expression: bits 0 and 1 new, 2 and 3 settled; the lower one of two: it was false */
	uint32_t *touched; /* those with bits, in the order in which they got them; room for two of each */
	uint32_t count;
};
#define SEEN_NEW 3

static inline void branch_note(struct branch_notes *n, uint32_t expression, bool holds)
{
	if (!(n->seen[expression] & SEEN_NEW))
		n->touched[n->count++] = expression;
	n->seen[expression] |= (uint8_t)(1 + holds);
}

struct run {
	const struct interview *in;
	const struct program *p;
	struct arena *a;
	enum err failed;
	uint32_t language;
	int64_t fuel;
	struct state *states; /* by question */
	struct value *calcs, *params;
	struct value *stack; /* from here on free for the next expression */
	uint32_t nested;
	uint32_t *pattern_room;		/* of the program's largest pattern; NULL: none was searched for yet */
	const struct p_question *whole; /* of the row being judged; NULL: none */
	struct str row;
	const struct value *self;		      /* {.} */
	const struct choice_view *choice;	      /* the one that is being filtered */
	struct record *record;			      /* the open one; NULL: none */
	uint32_t roster, record_number, record_count; /* of the open one; its number is from 1 */
	const struct json *vars;		      /* collect eval only */
	const struct value *item;		      /* of a list being filtered */
	const char *problem;			      /* collect eval: what went wrong, and where in the code */
	uint32_t problem_at;
	uint32_t place;		    /* of the function being called, in the code */
	uint32_t now;		    /* place of the step being taken: what comes later is not answered yet */
	struct branch_notes *notes; /* which conditions were true and false; NULL: nobody wants to know */
	bool *on_way;		    /* by page */
	struct cell_state {
		int state;    /* 0: not looked at */
		int32_t page; /* left when it was taken */
	} * cells;	      /* by quota cell */
	struct cell_note {
		bool known, holds;
		int32_t page; /* left when it was looked at */
	} * cell_notes;	      /* a session's, from earlier walks; NULL: none */
	struct str *unknown;  /* names among the answers that are no question */
	uint32_t unknown_count;
	struct answer_error *errors;
	uint32_t error_count;
};

/* What is left to burn: the interview's budget, else the run's own. */
static inline int64_t *run_fuel(struct run *r)
{
	return !RUN_AFRESH && r->in && r->in->fuel ? r->in->fuel : &r->fuel;
}

enum err run_init(struct run *r, const struct interview *in, struct arena *a);
/* The bare machine for collect eval: no questions. */
enum err run_init_bare(struct run *r, const struct program *p, struct arena *a);

/* vm.c */
struct value vm_run(struct run *r, uint32_t expression);	 /* 0: empty */
bool vm_true(struct run *r, uint32_t expression, bool fallback); /* fallback: when there is no expression */
struct str run_show(struct run *r, const struct value *v);
struct str run_text(struct run *r, uint32_t text); /* with everything piped in; markup is escaped where it must be */
struct str run_text_in(struct run *r, uint32_t text, uint32_t language);
/* pattern: index + 1. False when fuel or memory is gone. */
bool run_find(struct run *r, uint32_t pattern, struct str text, bool *found);
/* The interview, for whoever asks for what it has of its own (seed, time, filled cells): what comes out is individual then. */
static inline const struct interview *run_individual(const struct run *r)
{
#ifndef __wasm__ /* a browser has one interview, and keeps no page for others */
	if (r->in->individual)
		*r->in->individual = true;
#endif
	return r->in;
}

bool run_burn(struct run *r, uint32_t cost); /* false when the fuel is gone */
/* weigh.c: fuel by size, for going through a value, for comparing all in one with all in another, for changing the case of a text.
 * False when it is gone. run_fold: the key of fold.h, paid for. */
bool run_burn_value(struct run *r, const struct value *v);
bool run_burn_pairs(struct run *r, const struct value *a, const struct value *b);
bool run_burn_fold(struct run *r, struct str s);
bool run_burn_far(struct run *r, double a, double b); /* mod and pow go step by step where numbers lie far apart */
struct str run_fold(struct run *r, struct str s);
void *run_alloc(struct run *r, size_t n, size_t size); /* NULL and r->failed when the arena is exhausted */

/* A question as what is worked out now may see it. A session keeps the states of later steps from before; they count as not
 * reached, as they are in a run from the beginning. */
static const struct state state_unreached = {.reached = false};
static inline const struct state *state_seen(const struct run *r, uint32_t question)
{
	const struct state *s = &r->states[question];

	return !RUN_AFRESH && s->at > r->now ? &state_unreached : s;
}

/* step.c */
void step_question(struct run *r, uint32_t question);
void step_calc(struct run *r, uint32_t calc);

/* roster.c: records. roster_collect: false when there is nothing to ask. The paths are those of errors, fields and ids:
 * "liking", in a record "brand-vinamilk-liking". */
bool roster_collect(struct run *r, uint32_t question);
void roster_take(struct run *r, uint32_t question);
void record_open(struct run *r, uint32_t roster, uint32_t record);
void record_close(struct run *r);
struct value record_answer(struct run *r, uint32_t question, double record); /* from 0 */
struct value record_answers(struct run *r, uint32_t question);
uint32_t record_room(const struct run *r, uint32_t roster); /* the most records */
bool item_same(const struct json *given, const struct value *item);
struct str record_title(struct run *r, uint32_t roster);
struct str question_path(struct run *r, uint32_t question);

/* lock.c: whether a visible question can be answered; whether one is left among its choices; its first value, where it keeps it. */
void lock_question(struct run *r, uint32_t question);
void lock_choices(struct state *s);
void lock_fill(struct run *r, uint32_t question);

/* cells.c: each row of a matrix, each item of a multi_text or allocation is a small question of its own. */
struct p_question cell_question(const struct program *p, const struct p_question *q, const struct p_choice *row);
bool cell_type(uint32_t type); /* whether an item may be of it */
void cells_take(struct run *r, const struct p_question *q, struct state *s);
void cells_judge(struct run *r, const struct p_question *q, const struct state *s);
void cells_required(struct run *r, const struct p_question *q, const struct state *s);

/* geopoint.c and media.c */
#define GEOPOINT_FIELDS 3
extern const char *const geopoint_fields[GEOPOINT_FIELDS]; /* lat, lon, accuracy_m */
void geopoint_take(struct run *r, const struct p_question *q, struct state *s);
void geopoint_judge(struct run *r, const struct p_question *q, const struct state *s);
void media_take(struct run *r, const struct p_question *q, struct state *s);
void media_judge(struct run *r, const struct p_question *q, const struct state *s);
bool media_type(uint32_t type);
struct str media_size(struct run *r, double bytes);		      /* "12 kB" */
bool media_fits(struct str accept, struct str type, struct str name); /* a kind of file among those accepted */
enum value_kind moment_kind(uint32_t type);			      /* of the answer to a date, time or datetime */

/* answer.c and judge.c: one value by the type of its question, which may be a cell. */
void answer_value(struct run *r, const struct p_question *q, struct state *s);
void judge_value(struct run *r, const struct p_question *q, const struct state *s);

/* answer.c: the raw answer of a visible question to its value, or to what is wrong with it. */
void answer_take(struct run *r, uint32_t question);
/* Whether the value is a choice at all, hidden or not; along the questions that choices are carried forward from. */
bool choice_exists(struct run *r, const struct p_question *q, const struct value *v);

/* choices.c */
void choices_collect(struct run *r, uint32_t question);
const struct choice_view *choices_find(const struct state *s, const struct value *v);
/* Display order as indexes, drawn from the seed. `purpose` tells draws of one question apart. */
struct order_item {
	bool fixed;
	struct str label; /* for asc and desc */
	double filled;	  /* for least_filled */
};
uint16_t *order_draw(
    struct run *r, enum order order, struct str name, uint64_t purpose, const struct order_item *items, uint32_t n);
/* quota.c: how full the cells are that name the subject: 0 none, 1 all; 1 too where none names it, as nothing is wanted of it then. */
struct fills {
	uint32_t first, count;
	bool drawn; /* by what is filled now */
};
double quota_filled(struct run *r, const struct fills *fills, uint32_t subject);
struct str choice_label(struct run *r, const struct choice_view *v);
struct str question_label(struct run *r, uint32_t question);			     /* label({q}) */
struct str value_label(struct run *r, const struct state *s, const struct value *v); /* of one answer */
struct str row_label(struct run *r, const struct p_choice *row);
struct value choice_value(const struct program *p, const struct p_choice *c);
/* Whether a choice of q is its own, and not carried forward. */
static inline bool choice_own(const struct choice_view *v, const struct p_question *q)
{
	return !v->from || v->from == q;
}

/* display.c: the order of the visible choices or rows of a question (`path`: question_path), and of the questions directly inside
 * `parent` (+ 1; 0: the page), visible or not. NULL when memory ran out. */
uint16_t *display_choices(struct run *r, uint32_t question, struct str path);
uint16_t *display_rows(struct run *r, uint32_t question, struct str path);
uint16_t *display_questions(struct run *r, const struct p_page *page, uint32_t parent, uint32_t *count);

/* run.c */
#define WALK_ALL INT32_MAX
/* Takes the pages up to and including `last`; their questions are judged when `judge`. A page that is asked for by number
 * (`force`) counts as reached even when the way does not lead there. Returns the page after which the interview ends, or -1. */
struct walk_end {
	int32_t page;			 /* left when the interview ended; -1: it has not */
	const struct p_outcome *outcome; /* by a rule or a full quota; NULL: at the last page */
	bool full;
};
struct walk_plan {
	int32_t last;
	int32_t judge_to; /* questions on pages up to this one are held to their rules; -1: none */
	bool force_last;
};
void run_walk(struct run *r, const struct walk_plan *plan, struct walk_end *end);
void run_steps(struct run *r, uint32_t first, uint32_t count);
bool page_shown(struct run *r, uint32_t page);
/* The first rule that holds and ends or jumps, as `page` is left. Returns the page to go on with, or -1 at the end. */
int32_t run_rules(struct run *r, int32_t page, struct walk_end *end);
/* What the rules said, then the quotas: who is screened out takes no place in one. */
int32_t run_leave(struct run *r, int32_t page, int32_t next, struct walk_end *end);

/* quota.c: looks at the cells that are known now that `page` is left for `next`; true when the interview ends because one is full. */
bool quotas_look(struct run *r, int32_t page, int32_t next, struct walk_end *end);
/* The same as `page` is entered from `left`, for the cells that hang on which records were drawn for it. */
bool quotas_enter(struct run *r, int32_t left, int32_t page, struct walk_end *end);
/* The cells taken when `last` or a page before it was left. */
void quotas_taken(struct run *r, int32_t last, struct quota_cell **out, size_t *n);

/* draw.c: what the interview's rosters drew, and whether that is to be settled, into the verdict. */
void draws_tell(struct run *r, bool complete, int32_t page, struct verdict *out);

/* judge.c */
void judge_page(struct run *r, uint32_t page);
void judge_question(struct run *r, uint32_t question); /* a visible one */
bool judge_fits(struct run *r, uint32_t question);     /* whether its value keeps its limits; says nothing */
void judge_scale(
    struct run *r, const struct p_question *q, struct state *s); /* what is no point of a rating is wrong */
void judge_unknown(struct run *r);
void run_error(struct run *r, const struct p_question *q, struct str row, const char *code, struct str message);

/* verdict.c */
void verdict_params(struct run *r); /* required ones that are missing are errors */
void verdict_fill(struct run *r, bool complete, int32_t page, const struct walk_end *end, struct verdict *out);

/* messages.c: what the engine itself says to respondents. %1 and %2 stand for `a` and `b`. */
enum message {
#define MSG(name, en, vi) MSG_##name,
#include "engine/messages.def"
#undef MSG
	MESSAGES
};
struct str message(struct run *r, enum message m, struct str a, struct str b);
struct str message_plain(struct run *r, enum message m); /* nothing is to be filled in */
struct str message_num(struct run *r, enum message m, double a);
/* What is wrong with the answer as given, and in which row; the first one stays (answer.c). */
void answer_wrong(struct run *r, struct state *s, const char *code, enum message m);
void answer_wrong_at(struct run *r, struct state *s, const char *code, enum message m, struct str row);
void answer_wrong_text(struct state *s, const char *code, struct str text, struct str row);

#endif
