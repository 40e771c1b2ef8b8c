/* page_form.h - application/x-www-form-urlencoded bodies and query strings, decoded into fields. */
#ifndef FIELDWORK_PAGE_FORM_H
#define FIELDWORK_PAGE_FORM_H

#include "engine/engine.h"

/* In order, repeated names kept. ERR_UNREADABLE for broken escapes, NUL or what is not UTF-8; ERR_LIMIT for more than
 * FORM_FIELDS_MAX. */
enum err form_read(struct str text, struct arena *a, struct form_field **fields, size_t *n);
/* The first of that name; empty when there is none. */
struct str form_value(const struct form_field *fields, size_t n, struct str name);

#endif
