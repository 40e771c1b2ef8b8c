/* err.h - the one list of ways to fail.
 *
 * What can fail returns `enum err`; OK is 0, so `if ((e = f())) return e;` reads as it should. The rows, with HTTP status,
 * slug and meaning, are in errors.def. Detail (a JSON pointer, a sentence) is recorded where it is known, by req_fail() on
 * the server and by diagnostics in the engine; the value itself carries none. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	OK = 0,
#define ERR(name, status, slug, meaning) ERR_##name,
#include "base/errors.def"
#undef ERR
	ERR_COUNT
};

/* A sentence for those who write surveys or call us. A build that only serves respondents (engine.wasm, ERR_TERSE) does without. */
#ifdef ERR_TERSE
#define WHY(sentence) ((void)sizeof(sentence), "")
#define WHY_IS_TOLD 0
#else
#define WHY(sentence) (sentence)
#define WHY_IS_TOLD 1
#endif

int err_status(enum err e);           /* HTTP status; 200 for OK */
const char *err_slug(enum err e);     /* "not-found"; "ok" for OK */
const char *err_meaning(enum err e);  /* a sentence for people */

#endif
