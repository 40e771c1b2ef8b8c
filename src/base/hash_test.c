#include "base/hash.h"
#include "base/rng.h"
#include "base/test.h"

static struct str hex(struct arena *a, const unsigned char *p, size_t n)
{
	struct buf b;
	struct str out = S("");

	buf_init(&b, a, 4096);
	hex_put(&b, p, n);
	assert_int_equal(buf_done(&b, &out), OK);
	return out;
}

/* FIPS 180-2, appendix B */
static void sha256_examples(void **state)
{
	unsigned char out[32];
	struct sha256 h;
	char million[1000];

	sha256_of(S(""), out);
	assert_str(hex(*state, out, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_of(S("abc"), out);
	assert_str(hex(*state, out, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_of(S("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
	assert_str(hex(*state, out, 32), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	sha256_init(&h);
	for (int i = 0; i < 1000; i++)
		sha256_add(&h, million, sizeof(million));
	sha256_done(&h, out);
	assert_str(hex(*state, out, 32), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However a text is cut into pieces, and around the lengths where the padding needs a block more. */
static void sha256_in_pieces(void **state)
{
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 37);
	for (size_t n = 0; n < sizeof(text); n++) {
		unsigned char whole[32], pieces[32];
		struct sha256 h;

		sha256_of(str_make(text, n), whole);
		sha256_init(&h);
		for (size_t at = 0, step = 1; at < n; at += step, step = step % 70 + 9)
			sha256_add(&h, text + at, step < n - at ? step : n - at);
		sha256_done(&h, pieces);
		assert_memory_equal(whole, pieces, 32);
	}
}

static void hash64_spreads(void **state)
{
	unsigned slots[256] = {0}, most = 0;
	char text[16];

	(void)state;
	for (int i = 0; i < 25600; i++) {
		int n = snprintf(text, sizeof(text), "q%d", i);

		slots[hash64(str_make(text, (size_t)n), 1) & 255]++;
	}
	for (int i = 0; i < 256; i++)
		most = slots[i] > most ? slots[i] : most;
	assert_true(most < 160);
	assert_true(hash64(S("a"), 1) != hash64(S("a"), 2));
	assert_true(hash64(S("a"), 1) != hash64(S("a\0"), 1));
	assert_true(hash64(S(""), 1) != hash64(S("\0"), 1));
	/* the same value on every platform: the product is written out where there is no 128-bit type */
	assert_true(hash64(S("Cimigo Collect"), 42) == 0x7e4a37a41b543c8fu);
}

static void hex_there_and_back(void **state)
{
	unsigned char out[3] = {9, 9, 9};

	assert_true(hex_read(S("00fFaB"), out, 3));
	assert_str(hex(*state, out, 3), "00ffab");
	assert_false(hex_read(S("00ffa"), out, 3));
	assert_false(hex_read(S("00ffabc"), out, 3));
	assert_false(hex_read(S("00ffag"), out, 3));
	assert_false(hex_read(S("00ff:b"), out, 3));
	assert_false(hex_read(S(""), out, 3));
}

static void base64url(void **state)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xfb\xff\xfe"};
	static const char *const coded[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy", "-__-"};
	static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9", "Zm9v ", "Zm+v", "Zm/v", "Zm9vZ", "Zm\nv"};
	struct str out;

	for (size_t i = 0; i < countof(plain); i++) {
		struct str s = str_from(plain[i]);
		struct buf b;

		buf_init(&b, *state, 4096);
		base64url_put(&b, (const unsigned char *)s.p, s.n);
		assert_int_equal(buf_done(&b, &out), OK);
		assert_str(out, coded[i]);
		assert_int_equal(base64url_read(*state, out, &out), OK);
		assert_str(out, plain[i]);
	}
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(base64url_read(*state, str_from(bad[i]), &out), ERR_UNREADABLE);
}

/* The first draws for seed 42 and stream 54 are those of the generator's published demonstration. */
static void rng_draws(void **state)
{
	static const uint32_t first[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e};
	struct rng r, other;
	unsigned counts[6] = {0};

	(void)state;
	rng_init(&r, 42, 54);
	for (size_t i = 0; i < countof(first); i++)
		assert_int_equal(rng_next(&r), first[i]);
	rng_init(&r, 42, 1);
	rng_init(&other, 42, 2);
	assert_true(rng_next(&r) != rng_next(&other));
	for (int i = 0; i < 60000; i++) {
		uint32_t v = rng_below(&r, 6);

		assert_true(v < 6);
		counts[v]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(counts[i], 9600, 10400);
	assert_int_equal(rng_below(&r, 1), 0);
	assert_true(rng_below(&r, UINT32_MAX) < UINT32_MAX);
}

#define PURPOSES 32
#define SEEDS 8192

/* What is drawn for two purposes of one seed has nothing to do with each other: chi-square of each pair, of which 496 are looked at, stays within
 * six of its standard deviations. */
static void rng_purposes(void **state)
{
	unsigned char(*drawn)[SEEDS] = calloc(PURPOSES, sizeof(*drawn));

	(void)state;
	assert_non_null(drawn);
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		for (uint64_t k = 0; k < PURPOSES; k++) {
			struct rng r;

			rng_init_purpose(&r, seed, hash64(S("q"), k));
			drawn[k][seed] = (unsigned char)rng_below(&r, 4);
		}
	for (int x = 0; x < PURPOSES; x++)
		for (int y = 0; y < x; y++) {
			double counts[16] = {0}, sum = 0;

			for (int i = 0; i < SEEDS; i++)
				counts[drawn[x][i] * 4 + drawn[y][i]]++;
			for (int i = 0; i < 16; i++)
				sum += (counts[i] - SEEDS / 16) * (counts[i] - SEEDS / 16) / (SEEDS / 16);
			assert_true(sum < 15 + 6 * 5.5); /* 15 degrees of freedom: the deviation is the root of 30 */
		}
	free(drawn);
}

static void rng_shuffles(void **state)
{
	unsigned counts[3][3] = {{0}};
	uint16_t big[300];
	bool seen[300] = {false};
	struct rng r;

	(void)state;
	rng_init(&r, 7, 7);
	for (int i = 0; i < 30000; i++) {
		uint16_t items[3] = {0, 1, 2};

		rng_shuffle(&r, items, 3);
		for (int j = 0; j < 3; j++)
			counts[j][items[j]]++;
	}
	for (int i = 0; i < 9; i++)
		assert_in_range(counts[i / 3][i % 3], 9600, 10400);
	for (int i = 0; i < 300; i++)
		big[i] = (uint16_t)i;
	rng_shuffle(&r, big, 300);
	for (int i = 0; i < 300; i++) {
		assert_false(seen[big[i]]);
		seen[big[i]] = true;
	}
	rng_shuffle(&r, big, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_arena(sha256_examples),
	    cmocka_unit_test(sha256_in_pieces),
	    cmocka_unit_test(hash64_spreads),
	    with_arena(hex_there_and_back),
	    with_arena(base64url),
	    cmocka_unit_test(rng_draws),
	    cmocka_unit_test(rng_purposes),
	    cmocka_unit_test(rng_shuffles),
	};

	return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
