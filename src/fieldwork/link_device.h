/* link_device.h - links that let each browser answer once, by a cookie. Room-internal.
 *
 * The cookie holds a random number of this link's, made with the first page and good for nothing else; the interview's key is made of it (as with codes, link_code.h),
 * so one answer is stored for each browser however many tabs are open. It is no proof: whoever removes the cookie, or takes another browser, is somebody else. */
#ifndef FIELDWORK_LINK_DEVICE_H
#define FIELDWORK_LINK_DEVICE_H

#include "fieldwork/link.h"

/* The key for the browser's interview. ERR_GONE: one has ended. ERR_AGAIN where rq->tx is wanted and not there; a browser that is new needs none. */
enum err device_take(struct req *rq, const struct link_view *link, struct str *key);
/* Sets the cookie that belongs to this key, again each time. */
enum err device_tell(struct req *rq, const struct link_view *link, struct str key);

/* Where a survey tells devices apart (device_answers): the number of the browser in another cookie, made and set with the first page that is sent. Nothing for tests, or where devices
 * are not told apart. */
enum err device_tell_apart(struct req *rq, const struct resolved *r, struct str *device_id);
enum err device_told_apart(struct req *rq, const struct resolved *r, struct str device_id);

#endif
