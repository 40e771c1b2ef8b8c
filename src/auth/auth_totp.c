#include "auth/auth_totp.h"
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#define URI_MAX_BYTES 2048
#define ISSUER "Cimigo%20Collect"

enum err totp_code(struct str secret, int64_t step, char out[TOTP_DIGITS])
{
	unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
	uint32_t number;
	unsigned n = 0, at;

	for (int i = 0; i < 8; i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
	if (secret.n > INT32_MAX ||
	    HMAC(EVP_sha1(), secret.p, (int)secret.n, counter, sizeof counter, mac, &n) == NULL || n != 20)
		return ERR_INTERNAL;
	at = mac[19] & 15;
	number =
	    (uint32_t)(mac[at] & 127) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	for (int i = TOTP_DIGITS - 1; i >= 0; i--) {
		out[i] = (char)('0' + number % 10);
		number /= 10;
	}
	OPENSSL_cleanse(mac, sizeof mac);
	return OK;
}

int64_t totp_find(struct str secret, int64_t now_s, struct str code)
{
	int64_t now = now_s / TOTP_STEP_S, found = 0;
	char good[TOTP_DIGITS];

	if (code.n != TOTP_DIGITS)
		return 0;
	for (int64_t step = now - TOTP_WINDOW; step <= now + TOTP_WINDOW; step++) {
		if (totp_code(secret, step, good))
			return 0;
		if (CRYPTO_memcmp(good, code.p, TOTP_DIGITS) == 0)
			found = step;
	}
	OPENSSL_cleanse(good, sizeof good);
	return found;
}

void base32_put(struct buf *b, const unsigned char *p, size_t n)
{
	static const char letters[33] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned held = 0, bits = 0;

	for (size_t i = 0; i < n; i++) {
		held = held << 8 | p[i];
		for (bits += 8; bits >= 5; bits -= 5)
			buf_char(b, letters[held >> (bits - 5) & 31]);
	}
	if (bits > 0)
		buf_char(b, letters[held << (5 - bits) & 31]);
}

static void percent_put(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '.' || c == '_' || c == '~';

		if (plain) {
			buf_char(b, (char)c);
			continue;
		}
		buf_char(b, '%');
		buf_char(b, "0123456789ABCDEF"[c >> 4]);
		buf_char(b, "0123456789ABCDEF"[c & 15]);
	}
}

enum err totp_uri(struct arena *a, struct str secret, struct str account, struct str *uri)
{
	struct buf b;

	buf_init(&b, a, URI_MAX_BYTES);
	buf_add(&b, S("otpauth://totp/" ISSUER ":"));
	percent_put(&b, account);
	buf_add(&b, S("?secret="));
	base32_put(&b, (const unsigned char *)secret.p, secret.n);
	buf_add(&b, S("&issuer=" ISSUER "&algorithm=SHA1&digits="));
	buf_int(&b, TOTP_DIGITS);
	buf_add(&b, S("&period="));
	buf_int(&b, TOTP_STEP_S);
	return buf_done(&b, uri);
}
