/* public_reply.h - what a client gets of a link, as bytes made once: plain, gzip, brotli, ETag. Room-internal. */
#ifndef FIELDWORK_PUBLIC_REPLY_H
#define FIELDWORK_PUBLIC_REPLY_H

#include "core/cache.h"
#include "fieldwork/link.h"

struct public_reply {
	struct str identity, gzip, br, etag;
};

/* Only in the process's own cache: the bytes follow from the link's version and the survey's, which are part of the
 * key. */
extern const struct cache_kind public_reply_cache;
enum err public_reply_key(struct arena *a, const struct resolved *r, struct str *key);
/* The plain bytes; r resolved with RESOLVE_DEFINITION. */
enum err public_reply_json(struct arena *a, const struct resolved *r, struct str *json);

#endif
