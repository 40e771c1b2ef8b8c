/* tenant.h - tenants and their projects.
 *
 * A tenant is made on the command line only (`collect tenant add`, `collect up --demo`): there is no route that could be left open. */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H

#include "core/router.h"

/* slug: a-z, 0-9 and '-' (1 to 63); password: at least 8 characters, not looked at when there is a user with that e-mail address already. */
struct tenant_new {
	struct str slug, name, email, user_name, password;
	bool
	    known_user; /* an account that has this address may become the owner, if its mailbox was shown; else it is ERR_INVALID, and nothing is made */
};
struct tenant_made {
	struct uuid tenant_id, user_id;
	bool user_known; /* somebody with that e-mail address was there already and keeps the password */
};
/* As owner (its conninfo), outside of any request: makes the tenant and its first admin. ERR_CONFLICT when the slug is taken; *out then names the
 * tenant that has it (user_id nil when nobody has that e-mail address). ERR_INVALID with a sentence in *why. */
enum err tenant_provision(
    const char *owner_conninfo, const struct tenant_new *in, struct arena *a, struct tenant_made *out, struct str *why);
extern const struct route tenant_routes[]; /* /api/v1/projects */

/* For other rooms (survey): ERR_NOT_FOUND when it is not there. Until the transaction ends nobody can delete it; so not in a read-only one. */
enum err project_exists(struct tx *tx, struct arena *a, const struct uuid *id);
/* In the caller's transaction; its errors show at the next statement that waits or at the commit. */
enum err project_create(struct tx *tx, struct str name, struct str description, struct uuid *id);

#endif
