/* response_change.h - answers changed after they came. Room-internal.
 *
 * The row is locked and compared with what the caller had read; who changed what is written by a trigger (response_changes), and so are the quota cells:
 * an answer holds its places while it is completed and neither rejected nor deleted. */
#ifndef FIELDWORK_RESPONSE_CHANGE_H
#define FIELDWORK_RESPONSE_CHANGE_H

#include "core/router.h"

extern const struct shape response_shape;
/* Stages the answer named by the path, as GET shows it, with its ETag. */
enum err response_reply(struct req *rq);

/* PATCH: `patch` is merged over the answers (null takes one away) and the whole judged by the version that it was given to, at the time it was completed. Open
 * and personal answers alike; those who may not see personal ones may not change them (ERR_FORBIDDEN). ERR_INVALID with a pointer for each answer that does not
 * pass; ERR_CONFLICT: it is not finished, is rejected, cannot be read any more, or a quota cell has no room. */
enum err response_edit(struct req *rq, const struct json *patch);

/* What a full quota cell or a change of keys makes of an update that failed. */
enum err response_change_failed(struct req *rq, enum err e);

#endif
