/* utf8.h - code points and bytes. Freestanding.
 * Text inside the house is valid UTF-8 without U+0000: it is checked once at the door (json_read, url_decode). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

bool utf8_valid(struct str s);                          /* no overlong forms, surrogates, or values over U+10FFFF */
size_t utf8_length(struct str s);                       /* code points */
/* Reads one code point at *at and moves on; U+FFFD and one byte on for a broken one; 0 with *at unchanged at the end. */
uint32_t utf8_next(struct str s, size_t *at);
unsigned utf8_put(char out[4], uint32_t code_point);    /* bytes written, 0 for what is no scalar value */
struct str utf8_clip(struct str s, size_t code_points); /* the first code points of s */
struct str utf8_trim(struct str s);                     /* without white space at both ends; which signs: as \s of ECMAScript */
/* Percent-decoding once; '+' is a space when form. ERR_UNREADABLE: broken escape, NUL, or not UTF-8. ERR_MEMORY. */
enum err url_decode(struct arena *a, struct str s, bool form, struct str *out);
void url_encode(struct buf *b, struct str s);           /* everything but unreserved characters of RFC 3986 */

#endif
