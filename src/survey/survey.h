/* survey.h - drafts, validation, publishing, versions, and compiled programs with their cache.
 *
 * A survey is a draft definition that may be changed at any time; publishing compiles it and freezes definition and program as an immutable
 * version. Interviews run on versions only. */
#ifndef SURVEY_SURVEY_H
#define SURVEY_SURVEY_H

#include "core/cache.h"
#include "core/router.h"
#include "engine/engine.h"

extern const struct route survey_routes[];

/* Other rooms cache what they know of a survey as it is now (status, published version) under this kind and the key "TENANT:SURVEY" (canonical
 * ids). Whatever changes it (publish, patch, delete) ends with cache_drop(cache, &(struct cache_kind){ .name = SURVEY_LIVE_KIND }, key) after
 * its commit. */
#define SURVEY_LIVE_KIND "survey-live"

/* For seeding and jobs, in the caller's transaction. `definition` is the document's text; it need not compile, but ERR_INVALID when it is not an
 * object with a schema_version. ERR_NOT_FOUND: no such project. */
enum err survey_create(struct tx *tx, struct arena *a, const struct uuid *project_id, struct str title,
    struct str definition, struct uuid *id);
struct published {
	struct uuid version_id;
	int64_t number;
	struct str diagnostics;
};
/* Freezes the draft as the next version and opens the survey. ERR_INVALID when it does not compile; out->diagnostics is JSON as compiled_json prints
 * it, in either case. ERR_CONFLICT: the survey is archived. compile_flags: see engine.h. */
enum err survey_publish(
    struct tx *tx, struct arena *a, const struct uuid *survey_id, unsigned compile_flags, struct published *out);

/* A version's verified program, shared and cached (key: "TENANT:SURVEY:NUMBER"; the tenant is the transaction's). A version never changes, so
 * neither does its entry. Release with cache_release(app->cache, pin). Works for the respondents' role too. ERR_NOT_FOUND. Without a
 * transaction ERR_AGAIN. */
struct survey_program {
	struct uuid survey_id, version_id;
	int64_t number;
	const struct program *program;
	struct str title;
};
enum err survey_program_get(struct app *app, struct tx *tx, const struct uuid *survey_id, int64_t number,
    struct arena *a, const struct survey_program **out, struct cache_entry **pin);
/* For handlers on the I/O thread: only what this process has at hand, else ERR_AGAIN. */
enum err survey_program_peek(struct app *app, const struct uuid *tenant, const struct uuid *survey_id, int64_t number,
    const struct survey_program **out, struct cache_entry **pin);

#endif
