/* link_cookie.h - the cookies of a link's pages: each is that link's alone (Path=/s/SLUG) and no script reads it. Room-internal. */
#ifndef FIELDWORK_LINK_COOKIE_H
#define FIELDWORK_LINK_COOKIE_H

#include "fieldwork/link.h"

/* Of that name; empty: there is none. Borrowed from the request. */
struct str link_cookie(const struct req *rq, struct str name);
/* In another site's frame, which the link has to allow, it is that site's alone. */
enum err link_cookie_set(
    struct req *rq, const struct link_view *link, struct str name, struct str value, int64_t life_s);

#endif
