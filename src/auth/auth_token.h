/* auth_token.h - access tokens: made, and checked in full. Room-internal; knows no database and no request.
 *
 * JWT, ES256 only, under the one key of the file. The header must be exactly {"alg": "ES256", "typ": "at+jwt"}: a header that names a key, another
 * algorithm or anything else is refused before a signature is looked at. A token has the session ("sid") of who signed in or, of an OAuth 2
 * client, "client_id" and "scope", never both. Thread-safe.
 *
 * Servers of an installation share the key, so what has to come out the same on each of them without being stored (the successor of a
 * refresh token, a token against forgery) is a MAC under a secret made from it. */
#ifndef AUTH_AUTH_TOKEN_H
#define AUTH_AUTH_TOKEN_H

#include "base/arena.h"
#include "base/uuid.h"

#define TOKEN_MAX_BYTES 2048
#define TOKEN_AUDIENCE "collect-api"
#define TOKEN_TYPE "at+jwt"
/* The token between a password and a second factor: of another type and for another audience, so that neither kind passes for the other. */
#define TOKEN_SECOND_AUDIENCE "collect-second-factor"
#define TOKEN_SECOND_TYPE "second-factor+jwt"
/* What others keep and check by the published key set: of a type of its own, so that nobody is let in by it. */
#define TOKEN_RECEIPT_TYPE "receipt+jwt"
/* How far a token may begin in the future: servers' clocks differ a little. An expired one is never let through. */
#define TOKEN_SKEW_MS 30000

struct token_key;
struct token_claims {
	struct uuid user_id, tenant_id, session_id; /* session_id is nil for an API key or a client */
	struct uuid client_id;			    /* of an OAuth 2 client's token, else nil */
	struct uuid key_id;			    /* of an API key, else nil */
	uint64_t scopes; /* of an API key or a client; an access token of a session has all that its user may */
	int64_t expires_at_ms;
	int64_t
	    user_version; /* of a token for the second factor, and of no other: it is void when the user was changed since */
	bool by_provider; /* the session began at the tenant's identity provider: good for less */
};

/* ERR_SETTING with *why (static) when the file is not a private EC P-256 JWK. */
enum err token_key_open(const char *path, struct token_key **out, const char **why);
void token_key_close(struct token_key *k);
/* An access token, or one for the second factor when in->user_version is there. */
enum err token_issue(const struct token_key *k, struct str issuer, const struct token_claims *in, int64_t now_ms,
    struct arena *a, struct str *token);
/* ERR_UNAUTHENTICATED for anything that is not a token of ours, valid now. */
enum err token_check(const struct token_key *k, struct str issuer, struct str token, int64_t now_ms, struct arena *a,
    struct token_claims *out);

/* The claims, a JSON object, signed as TOKEN_RECEIPT_TYPE with the key's id in the header. */
enum err token_receipt(const struct token_key *k, struct str claims, struct arena *a, struct str *token);
/* The same for a token for the second factor, and only for that. */
enum err token_check_second(const struct token_key *k, struct str issuer, struct str token, int64_t now_ms,
    struct arena *a, struct token_claims *out);
/* The slugs of these permissions, parted by spaces: what a client's token has as "scope". */
enum err token_scope(struct arena *a, uint64_t permissions, struct str *text);

/* HMAC-SHA256 of `text` under the key's own secret. Labels keep uses apart: a constant without a NUL. */
#define TOKEN_MAC_BYTES 32
enum err token_mac(const struct token_key *k, struct str label, struct str text, unsigned char out[TOKEN_MAC_BYTES]);
/* The public half, as a JWK set (RFC 7517); lives as long as the key. */
struct str token_key_set(const struct token_key *k);

#endif
