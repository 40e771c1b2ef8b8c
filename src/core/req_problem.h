/* req_problem.h - an error as application/problem+json (RFC 9457). Inside core only.
 *
 * `code` is the slug of errors.def, `type` points at its paragraph in the error docs. Errors that never leave the process are turned
 * into their public relatives. Retry-After goes with 503 and 429, WWW-Authenticate with 401. */
#ifndef CORE_REQ_PROBLEM_H
#define CORE_REQ_PROBLEM_H

#include "core/req.h"
#include "io/http.h"

/* Stages the problem on x; headers already staged stay. `errors` may be NULL. */
void problem_stage(struct http_exchange *x, enum err e, struct str detail, const struct problem_error *errors, size_t n);

#endif
