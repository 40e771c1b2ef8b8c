/* privacy_file.h - GET /api/v1/privacy/exports/{id}/file and /text. Room-internal. */
#ifndef PRIVACY_PRIVACY_FILE_H
#define PRIVACY_PRIVACY_FILE_H

#include "core/router.h"

extern const struct shape privacy_file_out;
/* Writes down who reads personal data and commits that first; then the pieces are opened and streamed one by one. Text when that is
 * the route's out_type, else JSON. */
enum err privacy_file_http(struct req *rq);

#endif
