/* auth_oidc.h - signing in at a tenant's own identity provider (OpenID Connect, authorization code with PKCE). Room-internal.
 *
 * auth_oidc_provider_http.c keeps the providers, auth_oidc_meta.c fetches what they publish (discovery, keys, tokens), auth_oidc_token.c judges
 * ID tokens, auth_oidc_member.c finds the member whom one names, auth_oidc_http.c leads the browser there and back.
 *
 * A provider is the choice of a tenant's administrator, who may be hostile: what it says is worth something in that tenant only. See
 * docs/decisions for what follows from that. */
#ifndef AUTH_AUTH_OIDC_H
#define AUTH_AUTH_OIDC_H

#include "auth/auth_http.h"

#define ISSUER_MAX_CHARS 500
#define CLIENT_ID_MAX_CHARS 255
#define CLIENT_SECRET_MAX_CHARS 500
#define SUBJECT_MAX_BYTES 255
#define ID_TOKEN_MAX_BYTES (16 * KB)

/* One of a tenant's, enabled; its strings live in the request's arena. */
struct oidc_provider {
	struct uuid tenant_id, id;
	struct str name, issuer, client_id;
	struct str client_secret; /* opened; empty for a client without one */
	struct str scopes;	  /* parted by spaces, with openid */
	struct str email_domains; /* parted by spaces, lower case; empty: any */
	int64_t version;
};

/* Where a provider sends browsers back to; each has its own, so that one provider's answer is never taken for another's. */
enum err oidc_redirect_prefix(struct req *rq, struct str *prefix);

/* ---- what a provider publishes ---- */

struct oidc_meta {
	struct str authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri;
	bool says_issuer;  /* it puts its issuer into answers (RFC 9207), so one without is not from it */
	bool posts_secret; /* it takes the client's secret in the body only */
};
/* Believed for OIDC_META_AGE_MS. Strings in `a`. ERR_UNAVAILABLE with a detail when the provider does not answer or what it says is not right;
 * ERR_BUSY while too many ask. Blocks for OIDC_TIMEOUT_MS at most. */
#define OIDC_META_AGE_MS 600000
#define OIDC_TIMEOUT_MS 5000
enum err oidc_meta_get(struct req *rq, const struct oidc_provider *p, struct oidc_meta *out);
/* Its key set, as JSON. `again`: a token names a key that it does not have; it is fetched anew, but only once in OIDC_KEYS_PAUSE_MS, else
 * ERR_AGAIN. */
#define OIDC_KEYS_PAUSE_MS 60000
enum err oidc_keys_get(
    struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta, bool again, const struct json **keys);

/* Appends name=value in the encoding of forms and queries, with & before it when there is something. */
void oidc_form_put(struct buf *b, struct str name, struct str value);

struct oidc_code {
	struct str code, verifier, redirect_uri;
};
struct oidc_tokens {
	struct str id_token, access_token;
};
/* ERR_UNAUTHENTICATED when the provider does not take the code. */
enum err oidc_code_redeem(struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta,
    const struct oidc_code *code, struct oidc_tokens *out);

/* ---- what an ID token says ---- */

struct oidc_expected {
	struct str issuer, client_id, nonce, access_token;
	int64_t now_ms;
};
struct oidc_claims {
	struct str subject, email, name; /* the last two may be empty */
	bool email_verified;
};
/* JSON of the standard claims email, email_verified and name, as an ID token or the userinfo endpoint has them. An address that is
 * none comes out empty. */
void oidc_claims_read(const struct json *claims, struct arena *a, struct oidc_claims *out);
/* ERR_UNAUTHENTICATED: it is not a token of this provider, for us, for this sign-in, now. ERR_NOT_FOUND: none of the keys is meant by it. */
enum err oidc_token_check(
    struct str token, const struct json *keys, const struct oidc_expected *x, struct arena *a, struct oidc_claims *out);
/* GET of the userinfo endpoint, for providers that keep the address out of ID tokens. Fills what is missing in `claims`. */
enum err oidc_userinfo_add(struct req *rq, const struct oidc_provider *p, const struct oidc_meta *meta,
    struct str access_token, struct oidc_claims *claims);

/* ---- who that is ---- */

struct oidc_person {
	struct uuid user_id;
	bool ask;  /* he has to show that the account with this address is his, with its second factor if it has one */
	bool code; /* his second factor alone: the tenant wants one, and does not count what the provider asks for */
	struct str email; /* of the account */
};
/* What an earlier call asked for, shown a moment ago. */
struct oidc_shown {
	struct uuid user_id;
	bool password; /* or the second factor alone */
};
/* The member whom the claims name, made one where an invitation or the provider's row allows it. `shown`: NULL, or who he has shown to be.
 * ERR_FORBIDDEN with a detail when nothing lets him in; with `ask` or `code` set nothing was changed. */
enum err oidc_person_find(struct req *rq, const struct oidc_provider *p, const struct oidc_claims *claims,
    const struct oidc_shown *shown, struct oidc_person *out);

/* An enabled provider with its secret opened; `id` NULL: the tenant's oldest. ERR_NOT_FOUND. */
enum err oidc_provider_get(struct req *rq, const struct uuid *tenant, const struct uuid *id, struct oidc_provider *out);
/* ERR_UNAUTHENTICATED when it was removed or turned off: sessions that it began end. *factor: its sign-in counts as a second factor. */
enum err oidc_provider_live(struct req *rq, const struct uuid *tenant, const struct uuid *id, bool *factor);

#endif
