/* fold.h - upper and lower case of Unicode text. Room-internal. */
#ifndef ENGINE_FOLD_H
#define ENGINE_FOLD_H

#include "base/str.h"

uint32_t fold_lower(uint32_t c);
uint32_t fold_upper(uint32_t c);
/* Sticky buffer, as everywhere. Lower case has the sigma that ends a word, upper case SS for sharp s. */
void fold_put_lower(struct buf *b, struct str s);
void fold_put_upper(struct buf *b, struct str s);
/* What is compared when case does not matter: letters with the same upper case (both sigmas, long and round s, dotless i) become
 * the same letter, sharp s becomes ss. */
void fold_put_key(struct buf *b, struct str s);
/* <0, 0, >0 by the code points of the keys. */
int fold_cmp(struct str a, struct str b);

#endif
