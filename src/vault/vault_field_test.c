/* The key of each seal, against examples that others publish. */
#include "base/hash.h"
#include "base/limits.h"
#include "base/test.h"
#include "vault/vault_key.h"

/* The two examples of C2SP's description of XAES-256-GCM. */
static void test_key_for_each_seal(void **state)
{
	static const struct {
		unsigned char key;
		struct str aad, sealed;
	} known[] = {
	    {1, {"", 0}, {"ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271", 56}},
	    {3, {"c2sp.org/XAES-256-GCM", 21}, {"986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d", 56}},
	};
	const unsigned char *nonce = (const unsigned char *)"ABCDEFGHIJKLMNOPQRSTUVWX";
	struct arena a;

	(void)state;
	arena_init(&a, &arena_malloc, MB);
	for (size_t i = 0; i < countof(known); i++) {
		unsigned char key[KEY_BYTES], once[KEY_BYTES], out[12 + TAG_BYTES];
		struct str hex;
		struct buf b;

		memset(key, known[i].key, sizeof key);
		assert_int_equal(field_key(EVP_aes_256_ecb(), key, nonce, once), OK);
		assert_int_equal(
		    gcm_seal(EVP_aes_256_gcm(), once, nonce + NONCE_BYTES, known[i].aad, S("XAES-256-GCM"), out), OK);
		buf_init(&b, &a, 2 * sizeof out);
		hex_put(&b, out, sizeof out);
		assert_int_equal(buf_done(&b, &hex), OK);
		assert_true(str_eq(hex, known[i].sealed));
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_key_for_each_seal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
