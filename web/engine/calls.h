/* calls.h - the engine as a set of calls that take bytes and give bytes: what stands between a host and engine.h.
 *
 * A host (JavaScript over WebAssembly, or the native twin that tests hold beside it) hands over one text and gets one back,
 * so it needs to know no struct of ours. Inputs are JSON unless said otherwise; field names are those of engine.h.
 *
 *     char *room = calls_input(c, n);              the reply before is gone from here on
 *     ... n bytes are written to room ...
 *     status = calls_do(c, CALL_RUN, program, str_make(room, n), &reply);
 *
 * Memory comes from the source that the host names: one arena for the call at hand, one for each open program. A reply lives
 * until the next calls_input(). One thread at a time. */
#ifndef WEB_ENGINE_CALLS_H
#define WEB_ENGINE_CALLS_H

#include "engine/engine.h"
#include "base/limits.h"

#define CALLS_PROGRAMS_MAX 64 /* open at the same time */
#define CALLS_SESSIONS_MAX 64
#define CALLS_SCRATCH_MAX_BYTES (192 * MB) /* of one call, input and reply included */

/* The numbers are known to engine.ts: append, do not reorder. An interview is
 * {"seed": "17", "now_ms": 0, "language": "en", "parameters": {}, "answers": {}}; the seed may be a text, because it has 64 bits.
 * "full": [{"quota", "cell"}] names the quota cells that take nobody any more. */
enum call {
	CALL_OPEN, /* a program's bytes -> {"program": number to name it by, "language", "languages", "titles", "pages", ...} */
	CALL_CLOSE,   /* nothing -> nothing */
	CALL_RUN,     /* an interview, and "page" to leave (none: it is complete) -> the verdict */
	CALL_VISIBLE, /* an interview and "page" -> ["name", ...] */
	CALL_RENDER,  /* an interview, "page", "errors": [...], "shown": ["name", ...] -> HTML */
	CALL_FORM, /* WITH_SESSIONS or WITH_COMPILER: an interview, "page", "fields": [["name", "value"], ...] -> the answers */
	CALL_OUTCOME, /* an interview and "outcome" -> {"html", "redirect", "sign"} */
	/* WITH_COMPILER */
	CALL_COMPILE, /* text of a definition; `program` holds the flags -> compiled_json(), and the program as bytes */
	CALL_EVAL,    /* {"expression", "values", "compat", "now_ms"} -> {"value": ...} or {"error": {...}} */
	/* WITH_SESSIONS */
	CALL_COLUMNS, /* {"language"} -> [{"name", "label", "type", "personal", "choices", "items"}, ...] */
	CALL_DISASM,  /* nothing -> text */
	CALL_REPLAY,  /* a line of an events file (engine.h) -> the state hash */
	CALL_BEGIN,   /* an interview -> {"session": number to name it by, "page", "over", "outcome"} */
	CALL_RESUME,  /* bytes of CALL_WRITE -> the same */
	/* of a session, named by its number in `program`: */
	CALL_EVENTS, /* [event of an events file, ...] -> {"page", "over", "outcome"}; those before a refused one stand */
	CALL_VERDICT, /* {"complete": bool} -> the verdict */
	CALL_SHOW,    /* "errors", "shown" as in CALL_RENDER -> HTML of its page */
	CALL_STATE,   /* nothing -> what its hash is of, and the hash as bytes */
	CALL_WRITE,   /* nothing -> bytes for CALL_RESUME */
	CALL_END,     /* nothing -> nothing */
	/* of a program again: */
	CALL_HASHES, /* an interview and "events" -> as bytes, the state hash after its start and after each event, taken or refused; as
		      * text, what was said to those refused */
	CALL_CONSENTS /* an interview -> {"consents", "personal"}: what was agreed to, at its time */
};

/* How a call ended; engine.ts knows these numbers too. */
enum call_status { CALL_OK, CALL_INVALID, CALL_UNREADABLE, CALL_LIMIT, CALL_MEMORY, CALL_ABSENT };

struct reply {
	struct str text;  /* after a failure: why, or nothing */
	struct str bytes; /* the second result of CALL_COMPILE and CALL_STATE, the one of CALL_WRITE */
};

struct calls {
	const struct arena_source *source;
	struct arena scratch;
	struct loaded {
		struct arena arena;
		struct program *program; /* NULL: free */
		uint32_t sessions;	 /* that are open in it */
	} programs[CALLS_PROGRAMS_MAX];
	struct kept {
		struct session *session; /* NULL: free */
		uint32_t program;
	} sessions[CALLS_SESSIONS_MAX];
};

/* What a call works on. */
struct caller {
	struct calls *calls;
	struct arena *a;
	uint32_t number; /* of the program or session, from 1; or flags */
	struct program *program;
	struct session *session;
	struct str in;
	const struct json *json; /* the input, where it is JSON */
	struct reply *out;
};

enum { CALL_TAKES_JSON = 1, CALL_NEEDS_PROGRAM = 2, CALL_NEEDS_SESSION = 4 };
struct call_row {
	enum err (*run)(struct caller *c);
	unsigned takes;
};
/* By enum call: what a build has (calls_table.c); a call that it has not is refused. */
extern const struct call_row call_rows[];
extern const uint32_t call_count;

void calls_init(struct calls *c, const struct arena_source *source);
/* NULL when there is no memory for it. */
char *calls_input(struct calls *c, size_t n);
/* CALL_INVALID for a call, program or input that does not make sense, CALL_UNREADABLE for broken JSON; else as engine.h says of the
 * function called. */
enum call_status calls_do(struct calls *c, uint32_t call, uint32_t program, struct str in, struct reply *out);
void calls_free(struct calls *c);

/* calls.c, for the tables */
enum err call_open(struct caller *c);
enum err call_close(struct caller *c);
enum err call_run(struct caller *c);
enum err call_visible(struct caller *c);
enum err call_render(struct caller *c);
enum err call_form(struct caller *c);
enum err call_outcome(struct caller *c);

/* A JSON reply is begun with one and ended with the other. */
struct reply_json {
	struct buf buf;
	struct json_out w;
};
struct json_out *reply_begin(struct caller *c, struct reply_json *r);
enum err reply_end(struct caller *c, struct reply_json *r);
/* Whole replies and inputs that more than one call has. */
enum err reply_verdict(struct caller *c, const struct verdict *v);
enum err caller_interview(struct caller *c, struct interview *in);
enum err caller_view(struct caller *c, struct page_view *view);
/* A whole number of the input, also as a text of digits; false when it is neither. */
bool caller_int(const struct caller *c, struct str key, int64_t *out);

#define CALLS_OF_ENGINE                                                                                                \
	[CALL_OPEN] = {call_open, 0}, [CALL_CLOSE] = {call_close, CALL_NEEDS_PROGRAM},                                 \
	[CALL_RUN] = {call_run, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                                 \
	[CALL_VISIBLE] = {call_visible, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                         \
	[CALL_RENDER] = {call_render, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                           \
	[CALL_OUTCOME] = {call_outcome, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM}

/* not with engine.wasm: what runs and renders alone has no forms to read */
#define CALLS_OF_FORMS [CALL_FORM] = {call_form, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM}

/* calls_compiler.c */
enum err call_compile(struct caller *c);
enum err call_eval(struct caller *c);

/* calls_program.c */
enum err call_columns(struct caller *c);
enum err call_disasm(struct caller *c);
enum err call_consents(struct caller *c);

/* calls_session.c */
enum err call_replay(struct caller *c);
enum err call_begin(struct caller *c);
enum err call_resume(struct caller *c);
enum err call_events(struct caller *c);
enum err call_verdict(struct caller *c);
enum err call_show(struct caller *c);
enum err call_state(struct caller *c);
enum err call_write(struct caller *c);
enum err call_end(struct caller *c);
enum err call_hashes(struct caller *c);

#define CALLS_OF_COMPILER [CALL_COMPILE] = {call_compile, 0}, [CALL_EVAL] = {call_eval, CALL_TAKES_JSON}
/* not with the compiler, which would pass its size */
#define CALLS_OF_PROGRAMS                                                                                              \
	[CALL_COLUMNS] = {call_columns, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                         \
	[CALL_CONSENTS] = {call_consents, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                       \
	[CALL_DISASM] = {call_disasm, CALL_NEEDS_PROGRAM}
#define CALLS_OF_SESSIONS                                                                                              \
	[CALL_REPLAY] = {call_replay, CALL_NEEDS_PROGRAM},                                                             \
	[CALL_BEGIN] = {call_begin, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM},                                             \
	[CALL_RESUME] = {call_resume, CALL_NEEDS_PROGRAM},                                                             \
	[CALL_EVENTS] = {call_events, CALL_TAKES_JSON | CALL_NEEDS_SESSION},                                           \
	[CALL_VERDICT] = {call_verdict, CALL_TAKES_JSON | CALL_NEEDS_SESSION},                                         \
	[CALL_SHOW] = {call_show, CALL_TAKES_JSON | CALL_NEEDS_SESSION},                                               \
	[CALL_STATE] = {call_state, CALL_NEEDS_SESSION}, [CALL_WRITE] = {call_write, CALL_NEEDS_SESSION},              \
	[CALL_END] = {call_end, CALL_NEEDS_SESSION},                                                                   \
	[CALL_HASHES] = {call_hashes, CALL_TAKES_JSON | CALL_NEEDS_PROGRAM}

#endif
