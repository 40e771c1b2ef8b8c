/* hash.h - SHA-256 (names of programs, payload hashes) and a fast keyed-less hash for tables. Freestanding.
 * Not for secrets: those go through OpenSSL in vault/ and auth/. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

struct sha256 { uint32_t state[8]; uint64_t length; unsigned char block[64]; unsigned fill; };
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_done(struct sha256 *h, unsigned char out[32]);
void sha256_of(struct str s, unsigned char out[32]);
uint64_t hash64(struct str s, uint64_t seed);
void hex_put(struct buf *b, const unsigned char *p, size_t n);          /* lower case */
bool hex_read(struct str s, unsigned char *out, size_t n);              /* exactly 2n digits */
void base64url_put(struct buf *b, const unsigned char *p, size_t n);    /* without padding */
/* Decodes into the arena; ERR_UNREADABLE for any character or length outside RFC 4648 section 5 (no padding). */
enum err base64url_read(struct arena *a, struct str s, struct str *out);

#endif
