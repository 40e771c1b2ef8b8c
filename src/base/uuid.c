#include "base/arena.h"
#include "base/hex.h"
#include "base/shim.h"
#include "base/uuid.h"

static bool is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

bool uuid_read(struct str s, struct uuid *out)
{
	struct uuid id;
	size_t byte = 0;

	if (s.n != UUID_TEXT_BYTES)
		return false;
	for (size_t i = 0; i < s.n;) {
		unsigned high, low;

		if (is_dash(i)) {
			if (s.p[i++] != '-')
				return false;
			continue;
		}
		high = hex_digit(s.p[i]);
		low = hex_digit(s.p[i + 1]);
		if (high == HEX_NONE || low == HEX_NONE)
			return false;
		id.b[byte++] = (unsigned char)(high << 4 | low);
		i += 2;
	}
	*out = id;
	return true;
}

void uuid_text(const struct uuid *id, char out[UUID_TEXT_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	static const unsigned char places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

	for (size_t i = 0; i < 16; i++) {
		out[places[i]] = hex[id->b[i] >> 4];
		out[places[i] + 1] = hex[id->b[i] & 15];
	}
	out[8] = out[13] = out[18] = out[23] = '-';
}

struct str uuid_str(struct arena *a, const struct uuid *id)
{
	char *p = arena_alloc(a, UUID_TEXT_BYTES);

	if (!p)
		return str_make(NULL, 0);
	uuid_text(id, p);
	return str_make(p, UUID_TEXT_BYTES);
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool uuid_is_nil(const struct uuid *id)
{
	static const struct uuid nil;

	return uuid_eq(id, &nil);
}

struct uuid uuid_v7(int64_t ms, const unsigned char random[10])
{
	struct uuid id;

	for (int i = 0; i < 6; i++)
		id.b[i] = (unsigned char)((uint64_t)ms >> (40 - 8 * i));
	memcpy(id.b + 6, random, 10);
	id.b[6] = (id.b[6] & 0x0f) | 0x70;
	id.b[8] = (id.b[8] & 0x3f) | 0x80;
	return id;
}
