/* page_language.h - which language a respondent wants, and how a language is written.
 *
 * Tags are BCP 47; comparison ignores ASCII case. */
#ifndef FIELDWORK_PAGE_LANGUAGE_H
#define FIELDWORK_PAGE_LANGUAGE_H

#include "base/str.h"

/* Of `offered`, the one that an Accept-Language header likes best: exact tag, then the same primary subtag ("vi-VN"
 * takes "vi"). Quality values count, q=0 refuses, "*" and broken parts are skipped. Empty when nothing fits. At most
 * LANGUAGE_RANGES_MAX parts are looked at. */
struct str language_accept(struct str header, const struct str *offered, size_t n);
/* The one of `offered` that `wish` names, exactly or by primary subtag; empty when none does. */
struct str language_match(struct str wish, const struct str *offered, size_t n);
/* "English", "Tiếng Việt"; the tag itself when it is not known. */
struct str language_own_name(struct str tag);
/* "rtl" for languages written from the right, else "ltr". */
struct str language_direction(struct str tag);

#endif
