/* auth_key.h - API keys: what a program shows instead of an access token. Room-internal.
 *
 * The text is cck_ and, in base64url, tenant, id and 32 random bytes; the table has its SHA-256. A key acts for the member it belongs to, within
 * its own permissions and his, without PERM_SESSION: it makes no session and changes no password. */
#ifndef AUTH_AUTH_KEY_H
#define AUTH_AUTH_KEY_H

#include "auth/auth_state.h"

#define KEY_PREFIX "cck_"
#define KEY_AGE_MS 5000 /* a process believes a key it has seen for so long */

enum err api_key_make(
    struct arena *a, const struct uuid *tenant, const struct uuid *id, struct str *text, unsigned char digest[32]);
/* Whose it is and what it allows, to be kept until out->expires_at_ms; ERR_UNAUTHENTICATED. Notes that it is used. */
enum err api_key_check(
    struct auth *auth, struct arena *a, struct str text, const unsigned char digest[32], struct token_claims *out);

#endif
