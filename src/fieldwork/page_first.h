/* page_first.h - first pages kept as bytes. Most first pages are the same for everybody but for the sealed state in their form; such a
 * page is rendered and compressed once, and each respondent gets it with a state of his own: his interview's key, seed and time.
 *
 * So the bytes differ from reply to reply, and carry no ETag: whoever was told "not modified" would go on with the interview of
 * whoever sat there before him. Kept in the process alone (nothing is read to render it, so Redis would be no faster), by link, version,
 * survey version and language, until another one takes its place. A page on which anything is drawn, counted or dated is not kept
 * (interview.individual), nor one of an address that brings parameters. Room-internal. */
#ifndef FIELDWORK_PAGE_FIRST_H
#define FIELDWORK_PAGE_FIRST_H

#include "fieldwork/sitting.h"

/* OK with *shown when the page was there and has been staged as reply; s->state is that of a new interview, without a page. Never waits. */
enum err page_first_show(struct sitting *s, bool *shown);
/* Keeps the first page that s has staged. Failing is no fault: then it is rendered again next time. */
void page_first_keep(struct sitting *s);

#endif
