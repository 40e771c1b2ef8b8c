/* auth_http.h - what the room's files of handlers share. Room-internal. */
#ifndef AUTH_AUTH_HTTP_H
#define AUTH_AUTH_HTTP_H

#include "auth/auth_device.h"
#include "auth/auth_session.h"
#include "core/schema.h"

extern const struct shape auth_user_out, auth_tenant_out;

extern const struct shape me_out;
enum err me_http(struct req *rq); /* replies who is signed in, as the transaction sees it */

/* One of a user's live memberships, as sign-in finds it. */
struct login_row {
	struct uuid user_id;
	struct str email, name, password_hash, locale;
	struct uuid tenant_id;
	struct str tenant_slug, tenant_name, role;
	int64_t second_factor; /* the user's version when he has a second factor, else 0 */
};
/* All of the user with this address, oldest tenant first; none when there is no such active user. In a transaction of its own. */
enum err login_rows(struct req *rq, struct str email, struct login_row **rows, size_t *n);

/* auth_role_http.c: ERR_FORBIDDEN when the caller lacks one of these permissions; who gives, changes or takes a role asks. Those before
 * PERM_FIRST_GIVEN tell how somebody signed in, which nobody gives: they are not compared, and who needs one asks req_can(). */
enum err role_may_give(struct req *rq, uint64_t bits, const char *pointer);

/* The slugs of a body's `permissions`, each once and in the table's order, parted by spaces; ERR_FORBIDDEN when the caller lacks one. */
enum err permissions_in(struct req *rq, const struct str_list *list, struct str *text);

/* auth_invitation_http.c: what an invitation gives, and what who sent it last may do now: roles and, of those of the tenant's own, slugs. */
struct invited {
	struct str role, permissions, by_role, by_permissions;
};
/* Who sent it must still be allowed to: what he lost meanwhile he cannot hand on by an invitation that he kept. */
bool invitation_given(const struct invited *i);

/* A role that somebody is to get, named or by id of one of the tenant's own: exactly one of both, there (the tenant's own then stays until the
 * transaction ends), and within what the caller may give. Fills `name` of the tenant's own. */
struct role_choice {
	struct str name;
	const struct uuid *id;
	bool by_name, by_id;
};
enum err role_choose(struct req *rq, struct role_choice *c);

/* auth_password_http.c: ERR_INVALID with `pointer` for a password that is too short to be anybody's. */
enum err auth_password_long(struct req *rq, struct str password, const char *pointer);
/* ERR_INVALID with `pointer` for a password that is too short; else its hash, when it is its turn. */
enum err auth_password_new(struct req *rq, struct str password, const char *pointer, struct str *hash);

/* The caller shows his password anew: ERR_INVALID at /password when it is not, after which he has to wait longer each time. Answers login_rows(). */
enum err auth_password_shown(struct req *rq, struct str password, struct login_row **rows, size_t *n);

/* auth_login_http.c: answers that hold a session */
extern const struct shape login_shape, second_shape, renew_shape, switch_shape, session_out, login_out;
enum err login_http(struct req *rq);
enum err second_http(struct req *rq);
enum err renew_http(struct req *rq);
enum err switch_http(struct req *rq);
/* For who has just shown his password: a session, or, when he has a second factor, the token to show that with. ERR_UNAUTHENTICATED when he is no member
 * there. Its route answers login_out. */
enum err reply_after_password(struct req *rq, const struct uuid *tenant, const struct uuid *user, bool cookie);
/* A code of a second factor, or for recovery; ERR_UNAUTHENTICATED at /code when it is wrong, which is counted. */
enum err second_code_shown(struct req *rq, const struct login_row *row, struct str code);
/* A session for whom a tenant's identity provider let in. */
enum err reply_provider_session(
    struct req *rq, const struct uuid *tenant, const struct uuid *user, const struct uuid *provider, bool cookie);
/* The same without a body, for a reply that sends the browser on: the cookie is set, `guard` is what its page has to know. */
enum err provider_session_begin(
    struct req *rq, const struct uuid *tenant, const struct uuid *user, const struct uuid *provider, struct str *guard);

#endif
