#include <openssl/crypto.h>
#include <sodium.h>
#include "auth/auth.h"
#include "base/shim.h"

/* Argon2id by OWASP's second profile: 19 MiB, two passes, one lane. */
#define PASSWORD_OPS 2
#define PASSWORD_MEMORY_BYTES ((size_t)19456 * 1024)

/* Of 32 random bytes that nobody kept; with the same parameters, so that it takes the same time as a real one. */
static const char nobody[] =
    "$argon2id$v=19$m=19456,t=2,p=1$WH8M1hgWCGin7WmYBnldrQ$fXeOoPkBpuWcA7gt6QJJDpaXV1cLAlVq98baRPwP+KA";

enum err auth_password_hash(struct str password, struct arena *a, struct str *hash)
{
	char text[crypto_pwhash_STRBYTES];

	if (sodium_init() < 0)
		return ERR_INTERNAL;
	if (crypto_pwhash_str(text, password.p, password.n, PASSWORD_OPS, PASSWORD_MEMORY_BYTES))
		return ERR_MEMORY;
	*hash = str_dup(a, str_from(text));
	return hash->p != NULL ? OK : ERR_MEMORY;
}

bool auth_password_ok(struct str password, struct str hash)
{
	char text[crypto_pwhash_STRBYTES] = {0};
	bool known = hash.n > 0 && hash.n < sizeof text, same;

	if (sodium_init() < 0)
		return false;
	if (known)
		mem_copy(text, hash.p, hash.n);
	else
		mem_copy(text, nobody, sizeof nobody);
	same = crypto_pwhash_str_verify(text, password.p, password.n) == 0;
	OPENSSL_cleanse(text, sizeof text);
	return known && same;
}
