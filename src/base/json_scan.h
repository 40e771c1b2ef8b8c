/* json_scan.h - the reader's view of the text: white space, strings, and where an error is. Private to json_*.c.
 *
 * `p` always stands on the next unread byte. json_scan_string expects it on the opening quote and leaves it behind the
 * closing one. All fail with ERR_UNREADABLE after json_scan_fail has filled *why (all but its pointer). */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/json.h"

struct json_scan {
	struct str text;
	const char *p, *end;
	struct json_error *why;
};

enum err json_scan_failed(struct json_scan *s, const char *p, const char *what);
#define json_scan_fail(s, p, what) json_scan_failed(s, p, WHY(what))
/* Borrows from the text when nothing is escaped, else unescapes into the arena. */
enum err json_scan_string(struct json_scan *s, struct arena *a, struct str *out);

static inline void json_scan_space(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

#endif
