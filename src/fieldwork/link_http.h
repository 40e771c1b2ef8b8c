/* link_http.h - what the routes that change a link share. Room-internal.
 *
 *     if ((e = link_take(rq, &now)))
 *             return e;                                  ERR_NOT_FOUND; ERR_STALE: somebody changed it since it was read
 *     ... update ...
 *     if ((e = link_reply(rq, 200, &rq->ids[0], &rq->ids[1])))
 *             return e;
 *     return link_changed(rq, &now);
 *
 * rq->ids are survey and link, as in .../surveys/{id}/links/{link_id}. */
#ifndef FIELDWORK_LINK_HTTP_H
#define FIELDWORK_LINK_HTTP_H

#include "fieldwork/link.h"

extern const struct shape link_shape, link_panel_shape;

struct link_now {
	struct str slug, kind;
	int64_t version, opens_at, closes_at;
};
/* Locks the row and compares what the caller had read (If-Match). */
enum err link_take(struct req *rq, struct link_now *now);
/* What processes remember of the link must not outlive the change: sets rq->after_commit, which a handler that commits by itself calls. */
enum err link_changed(struct req *rq, const struct link_now *now);
/* link_panel_http.c. What a panel link is made of, looked at, as links.panel holds it; empty for other kinds. ERR_INVALID with the faults recorded. */
enum err link_panel_text(struct req *rq, struct str kind, const struct panel_in *in, struct str *json);
/* Stages the object with its ETag. */
enum err link_reply(struct req *rq, int status, const struct uuid *survey_id, const struct uuid *id);

#endif
