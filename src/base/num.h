/* num.h - numbers to text and back, the same bits on every platform. Freestanding.
 * num_read: correctly rounded decimal to double. num_put: the shortest digits that read back to the same double, written
 * as JSON wants them (integers below 1e21 without exponent, like ECMAScript's Number::toString). */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/str.h"

/* JSON number grammar over the whole text, at most 64 characters; false as well for what is beyond the largest double. */
bool num_read(struct str s, double *out);
void num_put(struct buf *b, double v);                  /* v finite */
#define NUM_TEXT_MAX 32
size_t num_text(double v, char out[NUM_TEXT_MAX]);

#endif
