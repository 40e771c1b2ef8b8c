/* fold.h - upper and lower case of Unicode text, code point by code point. Room-internal. */
#ifndef ENGINE_FOLD_H
#define ENGINE_FOLD_H

#include "base/str.h"

uint32_t fold_lower(uint32_t c);
uint32_t fold_upper(uint32_t c);
/* Sticky buffer, as everywhere. */
void fold_put_lower(struct buf *b, struct str s);
void fold_put_upper(struct buf *b, struct str s);
/* <0, 0, >0 by lower-cased code points. */
int fold_cmp(struct str a, struct str b);

#endif
