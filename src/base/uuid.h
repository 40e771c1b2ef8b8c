/* uuid.h - 128-bit ids (RFC 9562), lower-case canonical text. New ones are version 7 and come from io/clock. Freestanding. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/str.h"

#define UUID_TEXT_BYTES 36
struct uuid { unsigned char b[16]; };
bool uuid_read(struct str s, struct uuid *out);         /* canonical form, either case */
void uuid_text(const struct uuid *id, char out[UUID_TEXT_BYTES]);
struct str uuid_str(struct arena *a, const struct uuid *id);   /* .p NULL when the arena is exhausted */
bool uuid_eq(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *id);
/* A version 7 id from an instant and 10 random bytes (only 74 bits of them are used). */
struct uuid uuid_v7(int64_t ms, const unsigned char random[10]);

#endif
