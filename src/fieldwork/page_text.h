/* page_text.h - what the respondent's page itself says, by language. */
#ifndef FIELDWORK_PAGE_TEXT_H
#define FIELDWORK_PAGE_TEXT_H

#include "base/str.h"

enum page_text {
#define PAGE_TEXT(name, en, vi) TEXT_##name,
#include "fieldwork/page_text.def"
#undef PAGE_TEXT
	PAGE_TEXTS
};

/* In the language asked for; in English when the page does not speak it. */
struct str page_text(enum page_text t, struct str language);
/* The language that page_text() answers in: what `lang` says of it where it stands among the survey's own words. */
struct str page_text_language(struct str language);

#endif
