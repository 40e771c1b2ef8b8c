/* auth_oidc_page.h - the few words that somebody sees who signs in by a provider, where no page of the console is. Room-internal. */
#ifndef AUTH_AUTH_OIDC_PAGE_H
#define AUTH_AUTH_OIDC_PAGE_H

#include "core/req.h"

/* A page without scripts, styles or anything from elsewhere, which nobody frames or keeps. `go`: where its link leads; may be empty. */
enum err oidc_page(struct req *rq, int status, struct str title, struct str text, struct str go);
/* An error as such a page for who accepts HTML: then OK, else `e`. */
enum err oidc_trouble(struct req *rq, enum err e);

#endif
