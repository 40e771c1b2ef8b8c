/* engine.h - one survey engine: compile a definition, run an interview, render its pages. Freestanding.
 *
 * The only header of the room that others include. The same sources run in the server (the verdict that counts), on the
 * command line and as WebAssembly. No libc, clock, random numbers or I/O inside: time, seed and memory are inputs, every
 * step burns fuel, every allocation comes from the arena that the caller names.
 *
 *     definition (JSON) --engine_compile--> program (bytes) --program_load--> struct program --interview_*--> verdict, page
 *
 * A program is flat, little-endian, position-independent bytes; the same definition gives the same bytes; its SHA-256 is
 * its name. program_load verifies everything before anything runs, whoever made the bytes.
 *
 * An interview is program + seed + time + language + parameters + answers. interview_run() computes all that follows from
 * them: what is visible, what is wrong, which page comes next, how it ends. It keeps no state between calls; a session does. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/html.h"
#include "base/json.h"
#include "base/str.h"

/* A build that only takes interviews from the beginning (engine.wasm): no session keeps anything, nothing is simulated, no
 * expression is evaluated on its own. What serves those alone is left out of it. */
#ifdef RUN_ONLY
#define RUN_AFRESH 1
#else
#define RUN_AFRESH 0
#endif

/* ---- compile ---- */

enum severity { SEV_ERROR, SEV_WARNING, SEV_NOTE };

struct diagnostic {
	enum severity severity;
	struct str code;	     /* "E0312": stable; rows in diagnostics.def */
	struct str pointer;	     /* JSON pointer into the definition, "/survey/pages/0/..." */
	uint32_t column, end_column; /* from 1, inside the expression; 0 0 when it is not about an expression */
	struct str message;	     /* a sentence that says what is wrong and how to mend it */
};

struct compiled {
	struct str program;		/* empty when there was an error */
	struct diagnostic *diagnostics; /* in order of the definition; at most DIAGNOSTICS_MAX */
	size_t diagnostic_count, error_count;
};

/* What this release of the engine does not do yet is an error of its own code (E09xx). With this flag it becomes a warning and
 * the question, quota or property is left out of the program: for demonstration data only. */
#define COMPILE_LEAVE_OUT_UNBUILT 1u
/* For who has nowhere to keep files: questions that ask for some are an error (E0911), or left out with the flag above. */
#define COMPILE_NO_MEDIA 2u

/* `definition` is the whole document ({"schema_version": ..., "survey": {...}}). OK whenever it could be judged, errors
 * or not; ERR_MEMORY otherwise. Results live in `a`. */
enum err engine_compile(struct arena *a, const struct json *definition, unsigned flags, struct compiled *out);
/* The same from text: broken JSON becomes a diagnostic (E0001) with line and column in its message. */
enum err engine_compile_text(struct arena *a, struct str text, unsigned flags, struct compiled *out);
/* Every diagnostic there is, as a page in Markdown: docs/diagnostics.md. */
void diagnostics_print(struct buf *out);
/* {"valid": bool, "errors": n, "warnings": n, "diagnostics": [{severity, code, pointer, column, end_column, message}]} */
void compiled_json(const struct compiled *c, struct json_out *w);

/* ---- program ---- */

struct program; /* a verified view over bytes; immutable, so any number of threads may share it */

/* ERR_INVALID for bytes that are not a sound program of this version (*why, static, says what). `bytes` must outlive it.
 * ERR_NOT_BUILT for a survey under compat surveyjs in a build without it (STRICT_ONLY: engine.wasm). */
enum err program_load(struct arena *a, struct str bytes, struct program **out, const char **why);
bool program_begins(struct str bytes); /* as a program does, of whatever version */
/* Each of these borrows from the program. */
struct str program_language(const struct program *p); /* the survey's own */
size_t program_language_count(const struct program *p);
struct str program_language_at(const struct program *p, size_t i);
/* The best of the survey's languages for a wish: exact, then primary subtag, else the survey's own. */
struct str program_language_pick(const struct program *p, struct str wish);
struct str program_title(const struct program *p, struct str language);
size_t program_page_count(const struct program *p);
bool program_show_back(const struct program *p);     /* settings.show_back: a way back is offered */
bool program_show_progress(const struct program *p); /* settings.progress is not "none" */

/* What exports and listings need to know of the answers, one row for each stored value, in order of the questions.
 * For a multi the values are an array; choices give codes and labels. The text of an `other` is named by the question's title and the
 * choice's label: "What did you buy? – Something else". */
struct export_column {
	struct str name;  /* what exports call it: the key in the stored answers, or what export.name says */
	struct str label; /* title in the asked language, or export.label, markup-free */
	struct str type;  /* "rating", "multi", "parameter", "calculated", "other_text" ... */
	bool personal;	  /* pii or encrypted: stored sealed, never in `answers` */
	size_t choice_count;
	const struct export_choice {
		struct str value, label;
		int64_t code;
		bool has_code;
	} * choices;
	size_t item_count; /* rows of a matrix, items of a multi_text or allocation: keys of the stored object */
	const struct export_choice *items;
	/* Of an answer in a roster: the key of the roster, which record of it (from 1; 0: in none), and the key in the record;
	 * `name` is then ROSTER_2_KEY, or ROSTER_2 for what the record is about (type "item"). */
	struct str roster, member;
	uint32_t record;
	bool sets;	/* each item holds a set of the choices, as the rows of a matrix with several answers do */
	struct str key; /* the key in the stored answers where that is not the name; else empty */
};
enum err program_columns(
    const struct program *p, struct str language, struct arena *a, struct export_column **out, size_t *n);

/* Where personal answers (pii, encrypted) hold e-mail addresses and phone numbers: texts with `input` email or tel, and such items of a multi_text. In
 * the order of the questions; the keys borrow from the program. */
struct contact {
	struct str roster;   /* key of the roster whose records hold it; empty: none */
	struct str question; /* key in the personal answers, or in the record */
	struct str item;     /* key in the answer of a multi_text; empty: the answer is the text */
	enum contact_kind { CONTACT_EMAIL, CONTACT_PHONE } kind;
};
enum err program_contacts(const struct program *p, struct arena *a, struct contact **out, size_t *n);

struct quota_cell {
	struct str quota, cell;
	int64_t limit;
};
/* The cells of all quotas, in the order in which they are written. */
enum err program_quota_cells(const struct program *p, struct arena *a, struct quota_cell **out, size_t *n);

/* Whether an order goes by how far cells are filled. */
bool program_wants_filled(const struct program *p);
/* The cells that records are drawn by before their page is shown, and those that hang on what was drawn, by their place in program_quota_cells(); none where no
 * roster draws. */
enum err program_draw_cells(const struct program *p, struct arena *a, size_t **out, size_t *n);
/* What answers that came whole were asked about, as `drawn` of their interview. */
enum err program_drawn_of(const struct program *p, const struct json *answers, struct arena *a, struct json **out);

/* The program for people: sections, questions, and code instruction by instruction. */
void program_disasm(const struct program *p, struct buf *out);

/* ---- interview ---- */

struct interview {
	const struct program *program;
	uint64_t seed;		       /* fixed when the interview starts; draws every random order */
	int64_t now_ms;		       /* the interview's time: today(), now(), age() */
	struct str language;	       /* one of the survey's */
	const struct json *parameters; /* object or NULL: {"pid": "A7"} */
	const struct json *answers; /* object or NULL, as API.md stores them; may hold answers that turn out hidden */
	/* Steps that may still be burnt, by this and every further call that shares it; goes down, ERR_LIMIT below 0. NULL: each
	 * call has RUN_STEPS_MAX of its own. */
	int64_t *fuel;
	const struct quota_cell *full; /* cells that take nobody any more: whoever falls into one ends there */
	size_t full_count;
	/* Places taken in the cells when the interview began, in the order of program_quota_cells(): what order: least_filled goes
	 * by. They must stay the same for the whole of it, like the seed. None: nothing is filled. */
	const int64_t *filled;
	size_t filled_count;
	/* Records that were drawn for rosters by order: least_filled, {"brand": ["v", "t"]}: those that can be asked about are, in this order, and only
	 * further ones are drawn. NULL: none is settled before its page is shown, all go by `filled`. */
	const struct json *drawn;
	const int64_t
	    *filled_now; /* for those that are drawn now, as many as `filled` may be; NULL: they go by `filled` too */
	/* Set to true by a call whose result may hang on seed, now_ms or filled; never to false. NULL: nobody wants to know. What came out
	 * without it is the same for everybody with these answers, parameters, language and full cells. */
	bool *individual;
};

enum interview_mode {
	RUN_PAGE,    /* the answers so far: errors only of questions on pages up to and including `page` */
	RUN_COMPLETE /* a submission: every visible question on the interview's way is held to its rules */
};

struct answer_error {
	struct str pointer;  /* "/answers/nps" */
	struct str question; /* name of the question it belongs to; in a roster ROSTER-KEY-NAME */
	struct str code; /* required, type, min, max, max_selected, choice, pattern, validator, unknown, hidden ... */
	struct str message; /* for the respondent, in the interview's language */
};

struct verdict {
	struct answer_error *errors;
	size_t error_count;
	/* Valid whether or not there are errors: */
	struct str answers;    /* JSON object: normalised, hidden ones dropped, personal ones left out */
	struct str personal;   /* JSON object of the personal ones (pii, encrypted); "{}" when none */
	struct str parameters; /* JSON object of exported parameters */
	struct str outcome; /* "completed", "screened_out", "quota_full" ...; empty while pages are left (RUN_PAGE) */
	struct str status;  /* "completed" | "screened_out" | "quota_full" | "in_progress" */
	/* The quota cells it falls into, in order; by RUN_PAGE those that are known when `page` is left. */
	struct quota_cell *cells;
	size_t cell_count;
	int32_t next_page;     /* the next visible page after `page` by rules and conditions; -1 when there is none */
	int32_t previous_page; /* -1 when there is none */
	double progress;       /* 0 to 1, share of the way done before next_page */
	/* Where `drawn` was given: the same with what was drawn by now, of rosters up to next_page. Who draws for many keeps it for the next call, having drawn
	 * with counts that nobody else draws with (draws_at). */
	struct str drawn;
	int32_t
	    draws_at; /* the page to be left when the first of these records were drawn that `drawn` did not hold; -1: none was */
};

/* ERR_LIMIT when fuel or memory ran out, ERR_MEMORY. `page` is the page being left (RUN_PAGE; -1: about to start), ignored
 * for RUN_COMPLETE. Unknown question names are errors (code "unknown"). In RUN_COMPLETE hidden answers are dropped in
 * silence. All results live in `a`. */
enum err interview_run(
    const struct interview *in, enum interview_mode mode, int32_t page, struct arena *a, struct verdict *out);

/* What was agreed to, for who stores the answers: an entry for each consent that is given and visible, by the names of
 * interview_visible():
 *     {"agrees": {"text": "Data protection\nMy answers may be used …", "language": "en", "at": "2026-11-22T19:04:05.123Z"}}
 * The text is title, description and text of the question as they stood on the page, everything piped in, without markup: blocks
 * on lines of their own, where a link leads in brackets behind it. A consent that is taken back or hidden has no entry. */
struct consents {
	struct str open, personal; /* JSON objects; those of personal questions apart, as in a verdict */
};
struct consent_note {
	int64_t at_ms; /* when the answers came */
	/* Page after page: what was noted before, by the same split (each an object or NULL). It stands, but for consents of the page
	 * that came in now: another text or language there is another consent, at another time. */
	const struct json *kept[2];
	int32_t page;		       /* -1: no page came in; the answers came whole */
	const struct interview *shown; /* as it stood when that page was shown; NULL: as `in` */
};
/* ERR_LIMIT, ERR_MEMORY. Results live in `a`. */
enum err interview_consents(
    const struct interview *in, const struct consent_note *note, struct arena *a, struct consents *out);

/* ---- an interview that is kept between events ---- */

/* A session is an interview from its start, event by event: an answer, a move to the next page or back, another language. After
 * an event only what depends on it is worked out again. Its verdict is always that of interview_run() with the same answers;
 * the same program, start and events give the same state, and so the same hash, everywhere.
 *
 *     struct session *s;
 *     if ((e = session_begin(&arena_malloc, &start, &s))) ...            on the first page
 *     session_answer(s, S("age"), &value);  session_move(s, 1, &moved);  session_verdict(s, RUN_PAGE, a, &v);
 *     session_end(s);
 *
 * Memory comes from `source` and stays bounded however many events there are (below 2 MB for 500 questions); the session
 * copies what it is given, only the program must outlive it. One thread at a time. After ERR_LIMIT or ERR_MEMORY the session
 * is still whole: the answer stands, and what failed is tried again with the next call. */
struct session;

/* Notes what depends on what, for sessions: once after program_load, before threads share the program. In a program without
 * these notes a session works everything out again after each event, with the same result. Asked for again it does nothing.
 * ERR_MEMORY. */
enum err program_depend(struct arena *a, struct program *p);

/* `start->answers` may hold answers given before, or be NULL; the respondent is put on the first page unless a required
 * parameter is missing. ERR_INVALID for unknown names among the answers; ERR_LIMIT, ERR_MEMORY. */
enum err session_begin(const struct arena_source *source, const struct interview *start, struct session **out);
void session_end(struct session *s);
/* NULL or null takes an answer back. `name` is a question's, or NAME_other. ERR_NOT_FOUND for an unknown name, ERR_CONFLICT
 * when the interview is over. A wrong answer is kept, and is an error of the verdict. */
enum err session_answer(struct session *s, struct str name, const struct json *value);
/* `by` 1: the next page, if nothing on the pages so far is wrong; this may end the interview. -1: the page before, if the
 * survey shows a way back. *moved says whether it did. ERR_CONFLICT when the interview is over. */
enum err session_move(struct session *s, int by, bool *moved);
/* ERR_NOT_FOUND when the survey does not have the language. */
enum err session_language(struct session *s, struct str language);
/* Whether a question is shown as things stand after the last event, wherever the respondent is; one in a roster is its records'
 * business. ERR_NOT_FOUND for an unknown name. */
enum err session_shows(struct session *s, struct str name, bool *shown);
int32_t session_page(const struct session *s); /* -1: not begun */
bool session_over(const struct session *s);
struct str session_outcome(const struct session *s); /* empty until it is over */
size_t session_bytes(const struct session *s);	     /* memory in use */
/* As interview_run() with the answers so far and the session's page. Results live in `a`. */
enum err session_verdict(struct session *s, enum interview_mode mode, struct arena *a, struct verdict *out);
/* The interview as it stands, for interview_render and its like; borrowed until the next event. */
enum err session_interview(struct session *s, struct arena *a, struct interview *out);
/* Canonical JSON: answers, personal, parameters, language, page, outcome, visible questions, orders drawn. */
enum err session_state(struct session *s, struct arena *a, struct str *json);
enum err session_hash(struct session *s, unsigned char out[32]); /* SHA-256 of it */
/* To bytes (JSON with a version and the program's name) and back. ERR_INVALID for bytes that are no state of this program: everything
 * that follows from the answers is worked out again, nothing of it is believed; only where the respondent stands is taken as it
 * is written, and nobody gets past a page with errors. */
enum err session_write(struct session *s, struct arena *a, struct str *bytes);
enum err session_read(
    const struct arena_source *source, const struct program *p, struct str bytes, struct session **out);

/* One line of an events file is an interview:
 *     {"seed": 7, "now_ms": 1795000000000, "language": "en", "parameters": {"pid": "A7"}, "full": [["QUOTA", "CELL"]], "filled": [4, 0],
 *      "drawn": {"brand": ["v"]}, "events": [{"answer": "age", "value": 34}, {"page": "next"}, {"language": "vi"}, {"page": "back"}]}
 * A seed above 2^63 is written as 16 hexadecimal digits; language, parameters, full, filled and drawn may be missing. A move that is not
 * possible leaves everything as it is, as it does for a respondent. An event may have "at_ms" beside it, milliseconds by the
 * clock of who wrote it down: for its readers, the interview knows no time but now_ms. */
/* One of these events. ERR_INVALID with *why, static, for what is no event of the interview or comes after its end. */
enum err session_event(struct session *s, const struct json *event, const char **why);

/* A seed as lines of events and of expressions have it: a whole number from 0, or 16 hexadecimal digits. False: it is neither. */
bool session_read_seed(const struct json *v, uint64_t *seed);

/* Such a line, read: session_begin() with `start`, then session_event() with each of the events gives the interview again that somebody kept
 * elsewhere. ERR_INVALID with why, static; ERR_MEMORY. Borrows from the line, the program and `a`. */
struct journal {
	struct interview start;
	const struct json *events; /* array */
	const char *why;
};
enum err journal_read(const struct program *p, const struct json *line, struct arena *a, struct journal *out);

struct replay_fault {
	uint32_t event; /* from 1; 0: the line itself */
	const char *what;
};
/* After every event: is the verdict that of a run from the beginning, are the bytes read back the same? */
#define REPLAY_CHECK 1u
/* Halfway the session is written, ended, and goes on from what is read back. */
#define REPLAY_RESUME 2u
/* ERR_INVALID with *why when the line is no interview of this program, or when a check fails; ERR_LIMIT, ERR_MEMORY. */
enum err interview_replay(const struct arena_source *source, const struct program *p, struct str line, unsigned flags,
    unsigned char hash[32], struct replay_fault *why);

/* ---- synthetic respondents ---- */

/* How often what a program has was met by simulated interviews. One for each thread; they are added up at the end. */
struct coverage;
enum err coverage_new(struct arena *a, const struct program *p, struct coverage **out);
void coverage_add(struct coverage *to, const struct coverage *from); /* of the same program */

struct coverage_row {
	enum coverage_kind {
		COVERED_OUTCOME, /* interviews that ended so */
		COVERED_STUCK,	 /* interviews that found no way on at this page; only where there are some */
		COVERED_PAGE,	 /* interviews that saw it, those among them that found no way on there */
		COVERED_QUESTION, /* interviews that were asked it; of one in a roster: records, of all its records. no: left empty */
		COVERED_CHOICE, /* how often it was chosen, of how often its question was asked; in a matrix, of its rows. The
				    * values of a boolean and the points of a rating are choices too */
		COVERED_CONDITION, /* interviews in which it was true; no: in which it was false; of: in which it was looked at */
		COVERED_VALIDATOR, /* interviews in which it refused an answer, at first perhaps; no: let one through; of: was looked at */
		COVERED_CELL /* quota cells: completed interviews that fall into it, of all */
	} kind;
	struct str
	    name; /* "aware", "aware = anchor", "aware visible_if", "age validator 1", "rule 2", "age_gender.young_f" */
	uint64_t yes, no, of, all; /* all: interviews */
};
enum err coverage_rows(const struct coverage *c, struct arena *a, struct coverage_row **out, size_t *n);

/* One respondent, drawn from the seed: plausible answers by type, page after page, right after a few attempts when something
 * is wrong. The same program, seed and time give the same interview. `coverage` and `events` (one line for interview_replay)
 * may be NULL. Everything it makes lives in `a`. */
enum err interview_simulate(const struct program *p, uint64_t seed, int64_t now_ms, struct arena *a,
    struct coverage *coverage, struct buf *events);

/* ---- respondent's page ---- */

/* Turns the fields of an HTML form (as interview_render names them: q-NAME, q-NAME-ROW, ...) into an answers object, merged over
 * `in->answers` for the questions of `page`: a question that was shown and left empty loses its answer. One with a first value
 * gets null, which is no answer, and which keeps the page from offering that value again. The fields of a question in a roster
 * are named q-ROSTER-KEY-NAME; a field `record` ("add ROSTER", "remove ROSTER 2") adds a record or takes one away, and the page
 * is to be shown again. */
struct form_field {
	struct str name, value;
};
enum err interview_form(const struct interview *in, int32_t page, const struct form_field *fields, size_t n,
    struct arena *a, struct json **answers);

struct page_view {
	const struct answer_error *errors; /* shown beside their questions and summed up on top, with links */
	size_t error_count;
	const struct str *shown; /* names shown to the respondent before; NULL on first display */
	size_t shown_count;
};
/* Names of the questions of `page` that are visible now, in display order; inside a roster ROSTER-KEY-NAME, as in errors. */
enum err interview_visible(const struct interview *in, int32_t page, struct arena *a, struct str **names, size_t *n);
/* The questions of a page: title, error summary, fieldsets and inputs; no <form>, no head, no buttons (the caller's). Markup
 * only with classes (cc-...), no inline style or script; ids are "q-NAME". Questions on which others of the same page depend
 * carry data-refresh, so that a script may ask for the page again when they change. */
enum err interview_render(
    const struct interview *in, int32_t page, const struct page_view *view, struct arena *a, struct html *h);
/* Text of an outcome: its cleaned html (may be empty), and its redirect with everything piped in and percent-encoded (may be empty). */
enum err interview_outcome(const struct interview *in, struct str outcome, struct arena *a, struct str *html,
    struct str *redirect, bool *sign);

/* Whether a pattern, as the property `pattern` of questions has it, finds something in a text. ERR_INVALID: it cannot be read; ERR_LIMIT: *fuel ran out. */
enum err text_matches(struct arena *a, struct str pattern, struct str text, int64_t *fuel, bool *found);

/* What is compared of a text when neither case nor white space matters: folded, with one space for any number, and none at its ends. */
void text_put_key(struct buf *b, struct str text);

/* ---- expressions on their own: collect eval ---- */

enum compat { COMPAT_STRICT, COMPAT_SURVEYJS };
struct eval_error {
	struct str code;
	uint32_t column;
	struct str message;
};
struct evaluation {
	struct str expression;
	const struct json *values; /* names in it are untyped variables; NULL: none */
	enum compat compat;
	int64_t now_ms;
	uint64_t seed;
};
/* OK with *json the value; ERR_INVALID with *why. */
enum err expression_eval(struct arena *a, const struct evaluation *what, struct str *json, struct eval_error *why);

#endif
