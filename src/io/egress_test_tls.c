/* Certificates for the receivers: an authority, and leaves with each thing wrong that a leaf can have. */
#include "io/egress_test.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define DAY_S 86400L

struct issued {
	EVP_PKEY *key;
	X509 *certificate;
};

static struct issued authority, other_authority;

static void name_it(X509 *x, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);

	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
}

static void extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* `by` NULL: by itself. Valid from and to, in days from today. */
static struct issued issue(const char *name, const struct issued *by, long from, long to)
{
	struct issued new = {EVP_EC_gen("P-256"), X509_new()};
	uint64_t serial = random_u64() >> 1;
	char alternative[100];

	X509_set_version(new.certificate, 2);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(new.certificate), serial);
	X509_gmtime_adj(X509_getm_notBefore(new.certificate), from * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(new.certificate), to * DAY_S);
	X509_set_pubkey(new.certificate, new.key);
	name_it(new.certificate, name);
	X509_set_issuer_name(new.certificate, X509_get_subject_name(by ? by->certificate : new.certificate));
	snprintf(alternative, sizeof alternative, "DNS:%s", name);
	if (strstr(name, "authority")) {
		extend(new.certificate, NID_basic_constraints, "critical,CA:TRUE");
		extend(new.certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
	} else {
		extend(new.certificate, NID_subject_alt_name, alternative);
	}
	assert_true(X509_sign(new.certificate, by ? by->key : new.key, EVP_sha256()) > 0);
	return new;
}

static void make_authorities(void)
{
	if (authority.key)
		return;
	authority = issue("authority", NULL, -10, 10);
	other_authority = issue("other authority", NULL, -10, 10);
}

static struct issued leaf(enum certificate kind)
{
	switch (kind) {
	case CERT_OTHER_NAME:
		return issue("other.test", &authority, -1, 1);
	case CERT_EXPIRED:
		return issue("good.test", &authority, -5, -1);
	case CERT_NOT_YET:
		return issue("good.test", &authority, 1, 5);
	case CERT_SELF_SIGNED:
		return issue("good.test", NULL, -1, 1);
	case CERT_OTHER_AUTHORITY:
		return issue("good.test", &other_authority, -1, 1);
	default:
		return issue("good.test", &authority, -1, 1);
	}
}

void *tls_context(enum certificate kind)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct issued own;

	make_authorities();
	own = leaf(kind);
	assert_int_equal(SSL_CTX_use_certificate(context, own.certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, own.key), 1);
	X509_free(own.certificate);
	EVP_PKEY_free(own.key);
	return context;
}

void tls_context_free(void *context)
{
	SSL_CTX_free(context);
}

void tls_only_old(void *context)
{
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
}

bool tls_write_authority(const char *path)
{
	FILE *f = fopen(path, "w");
	bool ok;

	make_authorities();
	ok = f && PEM_write_X509(f, authority.certificate);
	return f && fclose(f) == 0 && ok;
}

void tls_end(void)
{
	X509_free(authority.certificate);
	EVP_PKEY_free(authority.key);
	X509_free(other_authority.certificate);
	EVP_PKEY_free(other_authority.key);
}
