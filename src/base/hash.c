#include "base/arena.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/shim.h"

static const uint32_t sha_round[64] = {
    0x428a2f98,
    0x71374491,
    0xb5c0fbcf,
    0xe9b5dba5,
    0x3956c25b,
    0x59f111f1,
    0x923f82a4,
    0xab1c5ed5,
    0xd807aa98,
    0x12835b01,
    0x243185be,
    0x550c7dc3,
    0x72be5d74,
    0x80deb1fe,
    0x9bdc06a7,
    0xc19bf174,
    0xe49b69c1,
    0xefbe4786,
    0x0fc19dc6,
    0x240ca1cc,
    0x2de92c6f,
    0x4a7484aa,
    0x5cb0a9dc,
    0x76f988da,
    0x983e5152,
    0xa831c66d,
    0xb00327c8,
    0xbf597fc7,
    0xc6e00bf3,
    0xd5a79147,
    0x06ca6351,
    0x14292967,
    0x27b70a85,
    0x2e1b2138,
    0x4d2c6dfc,
    0x53380d13,
    0x650a7354,
    0x766a0abb,
    0x81c2c92e,
    0x92722c85,
    0xa2bfe8a1,
    0xa81a664b,
    0xc24b8b70,
    0xc76c51a3,
    0xd192e819,
    0xd6990624,
    0xf40e3585,
    0x106aa070,
    0x19a4c116,
    0x1e376c08,
    0x2748774c,
    0x34b0bcb5,
    0x391c0cb3,
    0x4ed8aa4a,
    0x5b9cca4f,
    0x682e6ff3,
    0x748f82ee,
    0x78a5636f,
    0x84c87814,
    0x8cc70208,
    0x90befffa,
    0xa4506ceb,
    0xbef9a3f7,
    0xc67178f2,
};

static uint32_t turn(uint32_t v, unsigned by)
{
	return v >> by | v << (32 - by);
}

static void sha_block(uint32_t state[8], const unsigned char *p)
{
/* The eight words trade places each round. Unrolled, they stay where they are: in registers. */
#define AT(place) s[((unsigned)(place) - (unsigned)i) & 7]
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(s, state, sizeof(s));
	for (int from = 0; from < 64; from += 8)
#ifndef __clang__ /* which does so unasked */
#pragma GCC unroll 8
#endif
		for (int i = 0; i < 8; i++) {
			uint32_t choose = (AT(4) & AT(5)) ^ (~AT(4) & AT(6));
			uint32_t most = (AT(0) & AT(1)) ^ (AT(0) & AT(2)) ^ (AT(1) & AT(2));

			AT(7) += (turn(AT(4), 6) ^ turn(AT(4), 11) ^ turn(AT(4), 25)) + choose + sha_round[from + i] +
				 w[from + i];
			AT(3) += AT(7);
			AT(7) += (turn(AT(0), 2) ^ turn(AT(0), 13) ^ turn(AT(0), 22)) + most;
		}
#undef AT
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_init(struct sha256 *h)
{
	static const uint32_t start[8] = {
	    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	*h = (struct sha256){.length = 0};
	memcpy(h->state, start, sizeof(start));
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	const unsigned char *from = p;

	h->length += n;
	while (n > 0) {
		size_t take = sizeof(h->block) - h->fill;

		if (h->fill == 0 && n >= sizeof(h->block)) {
			sha_block(h->state, from);
			from += sizeof(h->block);
			n -= sizeof(h->block);
			continue;
		}
		if (take > n)
			take = n;
		memcpy(h->block + h->fill, from, take);
		h->fill += (unsigned)take;
		from += take;
		n -= take;
		if (h->fill == sizeof(h->block)) {
			sha_block(h->state, h->block);
			h->fill = 0;
		}
	}
}

void sha256_done(struct sha256 *h, unsigned char out[32])
{
	uint64_t bits = h->length * 8;

	h->block[h->fill++] = 0x80;
	if (h->fill > 56) {
		memset(h->block + h->fill, 0, 64 - h->fill);
		sha_block(h->state, h->block);
		h->fill = 0;
	}
	memset(h->block + h->fill, 0, 56 - h->fill);
	for (int i = 0; i < 8; i++)
		h->block[56 + i] = (unsigned char)(bits >> (56 - 8 * i));
	sha_block(h->state, h->block);
	for (int i = 0; i < 32; i++)
		out[i] = (unsigned char)(h->state[i / 4] >> (24 - i % 4 * 8));
}

void sha256_of(struct str s, unsigned char out[32])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, s.p, s.n);
	sha256_done(&h, out);
}

/* Both halves of the 128-bit product, folded. Written out where the compiler would call its runtime library for it. */
static uint64_t fold(uint64_t a, uint64_t b)
{
#if defined(__x86_64__) || defined(__aarch64__)
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32), cross = al * bh + (uint32_t)mid;

	return (cross << 32 | (uint32_t)low) ^ (ah * bh + (mid >> 32) + (cross >> 32));
#endif
}

static uint64_t word(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	uint64_t w = 0;

	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)u[i] << (8 * i);
	return w;
}

/* The running value meets every word before it is multiplied, so that whoever does not know the seed cannot write keys that
 * collide. */
uint64_t hash64(struct str s, uint64_t seed)
{
	uint64_t h = fold(seed ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u ^ s.n);

	while (s.n >= 8) {
		h = fold(h ^ word(s.p, 8), 0xa0761d6478bd642fu);
		s.p += 8;
		s.n -= 8;
	}
	h = fold(h ^ word(s.p, s.n), 0xe7037ed1a0b428dbu);
	return h ^ h >> 29;
}

void hex_put(struct buf *b, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char *to = n <= SIZE_MAX / 2 ? buf_room(b, n * 2) : NULL;

	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		to[2 * i] = hex[p[i] >> 4];
		to[2 * i + 1] = hex[p[i] & 15];
	}
	b->n += n * 2;
}

bool hex_read(struct str s, unsigned char *out, size_t n)
{
	if (s.n / 2 != n || s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (hex_digit(s.p[i]) == HEX_NONE)
			return false;
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
	return true;
}

void base64url_put(struct buf *b, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = n / 3 * 4 + (n % 3 > 0 ? n % 3 + 1 : 0);
	char *to = n <= SIZE_MAX / 2 ? buf_room(b, length) : NULL;

	if (!to)
		return;
	for (b->n += length; n >= 3; n -= 3, p += 3) {
		*to++ = digits[p[0] >> 2];
		*to++ = digits[(p[0] << 4 | p[1] >> 4) & 63];
		*to++ = digits[(p[1] << 2 | p[2] >> 6) & 63];
		*to++ = digits[p[2] & 63];
	}
	if (n == 0)
		return;
	*to++ = digits[p[0] >> 2];
	*to++ = digits[(p[0] << 4 | (n > 1 ? p[1] >> 4 : 0)) & 63];
	if (n > 1)
		*to = digits[p[1] << 2 & 63];
}

static unsigned base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0' + 52);
	if (c == '-')
		return 62;
	return c == '_' ? 63 : 64;
}

enum err base64url_read(struct arena *a, struct str s, struct str *out)
{
	size_t n = s.n / 4 * 3 + (s.n % 4 > 0 ? s.n % 4 - 1 : 0), at = 0;
	uint32_t bits = 0;
	unsigned have = 0;
	char *to;

	if (s.n % 4 == 1)
		return ERR_UNREADABLE;
	to = arena_alloc(a, n);
	if (!to)
		return ERR_MEMORY;
	for (size_t i = 0; i < s.n; i++) {
		unsigned value = base64url_value(s.p[i]);

		if (value > 63)
			return ERR_UNREADABLE;
		bits = bits << 6 | value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			to[at++] = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	/* left-over bits that are not zero would give one value two spellings */
	if (bits != 0)
		return ERR_UNREADABLE;
	*out = str_make(to, n);
	return OK;
}
