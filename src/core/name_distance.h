/* name_distance.h - how far a mistyped name is from a known one, for "did you mean". */
#ifndef CORE_NAME_DISTANCE_H
#define CORE_NAME_DISTANCE_H

#include <stddef.h>

#define DISTANCE_NAME_MAX_BYTES 64

/* Letters to insert, leave out or change (Levenshtein); SIZE_MAX when the known name is longer than DISTANCE_NAME_MAX_BYTES. */
size_t name_distance(const char *name, const char *known);

#endif
