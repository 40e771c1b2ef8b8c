/* router_read.h - what comes in, read into the row's structs before the handler runs. Inside core only.
 *
 * Each reads one part of the request into rq and answers ERR_* with the detail recorded. */
#ifndef CORE_ROUTER_READ_H
#define CORE_ROUTER_READ_H

#include "core/req.h"

/* Path arguments: decoded; ERR_NOT_FOUND for a bad UUID where one is due. */
enum err read_args(struct req *rq, const struct str *raw, const bool *is_id, size_t n);
/* An entity tag as the object has it, without the mark of the content coding that its copy was sent in ("7-gzip", "7-br": see http.h). */
struct str etag_uncoded(struct arena *a, struct str tag);
/* If-Match and Idempotency-Key, where the row asks for them. */
enum err read_preconditions(struct req *rq);
/* Query and body together, so that one 422 names every fault of both. */
enum err read_input(struct req *rq);

#endif
