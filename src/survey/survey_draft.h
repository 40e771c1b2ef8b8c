/* survey_draft.h - what may be kept as a draft, and how a draft becomes a version. Room-internal.
 *
 * A draft need not compile: people save half-written questionnaires. It must be an object whose schema_version has the right form, because that decides
 * how everything else is read. */
#ifndef SURVEY_SURVEY_DRAFT_H
#define SURVEY_SURVEY_DRAFT_H

#include "survey/survey.h"

/* A definition as it is stored. */
struct draft {
	struct str text, schema_version, language;
};
/* ERR_INVALID with *pointer and *why (static, the pointer into the definition) when it may not be kept. */
enum err draft_read(
    struct arena *a, const struct json *definition, struct draft *out, const char **pointer, const char **why);
/* An empty questionnaire to begin with. */
enum err draft_empty(struct arena *a, struct str title, struct str language, struct draft *out);
/* RFC 7396. What it makes shares its parts with both. Depth is bounded by the JSON reader. ERR_MEMORY. */
enum err merge_patch(struct arena *a, const struct json *target, const struct json *patch, struct json *out);

/* The row, locked for the rest of the transaction. ERR_NOT_FOUND. */
struct survey_row {
	int64_t version;
	struct str title, status;
	bool was_published;
	struct str definition;
};
enum err survey_take(struct tx *tx, struct arena *a, const struct uuid *id, struct survey_row *out);
enum err draft_insert(
    struct tx *tx, const struct uuid *project_id, struct str title, const struct draft *draft, struct uuid *id);
/* Compiles in an arena of its own, so that neither what came before in the request nor its reply takes from the compiler's memory. `own` is
 * handed in fresh, holds the results, and is freed by the caller. ERR_LIMIT when the definition needs more than max_bytes; ERR_MEMORY when the
 * machine has no more. `definition` is NULL when there is only `text`. */
struct compiling {
	struct arena arena;
	struct arena_source source;
	bool starved;                /* the machine, not the limit, said no */
};
enum err compile_apart(struct compiling *own, size_t max_bytes, const struct json *definition, struct str text,
    unsigned flags, struct compiled *out);
#define COMPILE_TOO_LARGE "This questionnaire needs more memory than one may take; divide it into several."
/* Diagnostics moved to `a`; the program stays behind. */
enum err compiled_keep(struct arena *a, struct compiled *c);
/* As survey_publish(), with the diagnostics as they are and without the program. ERR_LIMIT: too large to compile. */
enum err draft_publish(struct tx *tx, struct arena *a, const struct uuid *id, unsigned compile_flags,
    struct compiled *compiled, struct published *out);
/* May a survey go from one status to another by hand? Publishing is another matter. */
bool status_may_become(struct str from, struct str to, bool was_published);

#endif
