/* auth_client.h - OAuth 2 clients: programs that get access tokens by the client-credentials grant. Room-internal.
 *
 * A client's id is ccc_ and, in base64url, tenant and id, so that nothing global is needed to find it; its secret is ccs_ and 32 random bytes, of which
 * the table has the SHA-256. Like an API key it acts for the member who made it, within its permissions and his, without PERMS_OF_ONESELF. Its
 * tokens name it and no session; they are worth nothing once it is gone (a process looks again after SESSION_AGE_MS). */
#ifndef AUTH_AUTH_CLIENT_H
#define AUTH_AUTH_CLIENT_H

#include "auth/auth_state.h"

#define CLIENT_ID_PREFIX "ccc_"
#define CLIENT_SECRET_PREFIX "ccs_"

struct client {
	struct uuid tenant_id, id, user_id;
	struct str permissions; /* slugs, parted by spaces */
	int64_t expires_at_ms;	/* 0: when it is taken back */
};

enum err client_id_print(struct arena *a, const struct uuid *tenant, const struct uuid *id, struct str *text);
enum err client_secret_make(struct arena *a, struct str *text, unsigned char digest[32]);
/* The client of these credentials, noted as used; ERR_UNAUTHENTICATED. */
enum err client_check(struct auth *auth, struct arena *a, struct str id, struct str secret, struct client *out);
/* Whether the client that an access token names lives: OK or ERR_UNAUTHENTICATED. */
enum err client_alive(struct auth *auth, struct arena *a, const struct token_claims *claims);

#endif
