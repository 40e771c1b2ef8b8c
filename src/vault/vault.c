#include "vault/vault.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/limits.h"
#include "base/shim.h"
#include "io/clock.h"
#include "vault/vault_shelf.h"

#define KEY_TEXT_MAX 256

/* ---- key files ---- */

static bool write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = str_sub(text, (size_t)n, text.n);
	}
	return fsync(fd) == 0;
}

enum err secret_file_make(const char *path, struct str text)
{
	char draft[4096];
	bool ok;
	int fd, n = snprintf(draft, sizeof draft, "%s.%ld.new", path, (long)getpid());

	if (n < 0 || (size_t)n >= sizeof draft)
		return ERR_IO;
	if (access(path, F_OK) == 0)
		return OK;
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_IO;
	ok = write_all(fd, text);
	close(fd);
	/* link(2) never replaces: of two processes that start at once one key wins, and nobody ever reads half a file. */
	ok = ok && (link(draft, path) == 0 || errno == EEXIST);
	unlink(draft);
	return ok ? OK : ERR_IO;
}

enum err secret_file_read(const char *path, char *text, size_t max, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;
	size_t at = 0;

	*n = 0;
	if (fd < 0)
		return ERR_IO;
	while (at < max && ((got = read(fd, text + at, max - at)) > 0 || (got < 0 && errno == EINTR)))
		at += got > 0 ? (size_t)got : 0;
	close(fd);
	if (got < 0)
		return ERR_IO;
	if (at == max)
		return ERR_LIMIT;
	*n = at;
	return OK;
}

enum err vault_make_key_file(const char *path)
{
	unsigned char key[KEY_BYTES];
	struct arena a;
	struct buf b;
	struct str text;
	enum err e;

	random_bytes(key, sizeof key);
	arena_init(&a, &arena_malloc, 64 * KB);
	buf_init(&b, &a, KEY_TEXT_MAX);
	base64url_put(&b, key, sizeof key);
	buf_char(&b, '\n');
	if (!(e = buf_done(&b, &text))) {
		e = secret_file_make(path, text);
		OPENSSL_cleanse((void *)text.p, text.n);
	}
	arena_free(&a);
	OPENSSL_cleanse(key, sizeof key);
	return e;
}

/* ---- opening ---- */

enum err kek_derive(const struct vault *v, int kek, struct str salt, struct str info, unsigned char *out, size_t n)
{
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(v->hkdf);
	OSSL_PARAM p[5], *at = p;
	bool ok;

	*at++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
	*at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, v->secrets->kek[kek].key, KEY_BYTES);
	*at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info.p, info.n);
	if (salt.n > 0)
		*at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt.p, salt.n);
	*at = OSSL_PARAM_construct_end();
	ok = c != NULL && EVP_KDF_derive(c, out, n, p) == 1;
	EVP_KDF_CTX_free(c);
	return ok ? OK : ERR_INTERNAL;
}

static enum err kek_decode(struct str text, unsigned char kek[KEY_BYTES], const char **why)
{
	struct arena a;
	struct str raw;
	enum err e;

	arena_init(&a, &arena_malloc, 64 * KB);
	e = base64url_read(&a, str_trim(text), &raw);
	if (e || raw.n != KEY_BYTES) {
		*why = "the key-encryption key must be 32 bytes in base64url without padding (43 characters)";
		e = ERR_SETTING;
	} else {
		mem_copy(kek, raw.p, KEY_BYTES);
	}
	if (raw.n > 0 && !e)
		OPENSSL_cleanse((void *)raw.p, raw.n);
	arena_free(&a);
	return e;
}

static enum err kek_load(const char *key_text, const char *key_file, unsigned char kek[KEY_BYTES], const char **why)
{
	char text[KEY_TEXT_MAX];
	size_t n;
	enum err e;

	if (key_text != NULL && key_text[0] != 0)
		return kek_decode(str_from(key_text), kek, why);
	if (key_file == NULL || key_file[0] == 0 || secret_file_read(key_file, text, sizeof text, &n)) {
		*why = "the file with the key-encryption key cannot be read";
		return ERR_SETTING;
	}
	e = kek_decode(str_make(text, n), kek, why);
	OPENSSL_cleanse(text, sizeof text);
	return e;
}

static enum err vault_derive(struct vault *v, int kek)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char id[KEK_ID_CHARS / 2];
	enum err e;

	if ((e = kek_derive(v, kek, S(""), S("collect wrap 1"), v->secrets->kek[kek].wrap, KEY_BYTES)) ||
	    (e = kek_derive(v, kek, S(""), S("collect id 1"), id, sizeof id)))
		return e;
	for (size_t i = 0; i < sizeof id; i++) {
		v->kek_id[kek][2 * i] = hex[id[i] >> 4];
		v->kek_id[kek][2 * i + 1] = hex[id[i] & 15];
	}
	return OK;
}

enum err vault_open(const char *key_text, const char *key_file, struct vault **out, const char **why)
{
	struct vault *v = calloc(1, sizeof *v);
	pthread_condattr_t monotonic;
	enum err e;

	*out = NULL;
	*why = "there is not enough memory for the vault";
	if (v == NULL)
		return ERR_MEMORY;
	pthread_mutex_init(&v->mutex, NULL);
	pthread_mutex_init(&v->tokens, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&v->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	v->secrets = mmap(NULL, sizeof *v->secrets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	v->shelf = calloc(1, sizeof *v->shelf);
	if (v->secrets == MAP_FAILED || v->shelf == NULL) {
		v->secrets = v->secrets == MAP_FAILED ? NULL : v->secrets;
		vault_close(v);
		return ERR_MEMORY;
	}
	/* Where the kernel refuses to lock, swap is the operator's business, who is told; it is no reason not to serve. */
	v->locked = mlock2(v->secrets, sizeof *v->secrets, 0) == 0; /* of mlock() sanitizers say OK and do nothing */
	(void)madvise(v->secrets, sizeof *v->secrets, MADV_DONTDUMP);
	v->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	v->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	v->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	*why = "OpenSSL has no HKDF or no AES-256-GCM";
	if ((e = v->hkdf != NULL && v->gcm != NULL && v->ecb != NULL
		     ? kek_load(key_text, key_file, v->secrets->kek[0].key, why)
		     : ERR_INTERNAL) ||
	    (e = vault_derive(v, 0))) {
		vault_close(v);
		return e;
	}
	v->keks = 1;
	*why = NULL;
	*out = v;
	return OK;
}

enum err vault_add_key(struct vault *v, const char *key_text, const char *key_file, const char **why)
{
	enum err e;

	*why = "no more than one key-encryption key besides the present one is known";
	if (v->keks == KEKS_MAX)
		return ERR_SETTING;
	if ((e = kek_load(key_text, key_file, v->secrets->kek[v->keks].key, why)) || (e = vault_derive(v, v->keks)))
		return e;
	v->keks++;
	*why = NULL;
	return OK;
}

bool vault_is_locked(const struct vault *v)
{
	return v->locked;
}

void vault_close(struct vault *v)
{
	if (v == NULL)
		return;
	ring_sweep_stop(v);
	if (v->secrets != NULL) {
		OPENSSL_cleanse(v->secrets, sizeof *v->secrets);
		munmap(v->secrets, sizeof *v->secrets);
	}
	if (v->shelf != NULL)
		OPENSSL_cleanse(v->shelf, sizeof *v->shelf);
	free(v->shelf);
	EVP_KDF_free(v->hkdf);
	EVP_CIPHER_free(v->gcm);
	EVP_CIPHER_free(v->ecb);
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->mutex);
	pthread_mutex_destroy(&v->tokens);
	free(v);
}

/* ---- small things ---- */

enum err vault_hmac_hex(struct str key, struct str text, struct arena *a, struct str *hex)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf b;

	if (key.n > INT32_MAX ||
	    HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, mac, &n) == NULL)
		return ERR_INTERNAL;
	buf_init(&b, a, 2 * sizeof mac);
	hex_put(&b, mac, n);
	return buf_done(&b, hex);
}

bool secret_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
