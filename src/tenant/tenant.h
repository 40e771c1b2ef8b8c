/* tenant.h - tenants and their projects.
 *
 * A tenant is made on the command line only (`collect tenant add`, `collect up --demo`): there is no route that could be left open. */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H

#include "core/router.h"

struct tenant_new { struct str slug, name, email, user_name, password; };
struct tenant_made { struct uuid tenant_id, user_id; };
/* As owner (its conninfo), outside of any request: makes the tenant and its first admin. ERR_CONFLICT when slug is taken. */
enum err tenant_provision(const char *owner_conninfo, const struct tenant_new *in, struct arena *a, struct tenant_made *out, struct str *why);
extern const struct route tenant_routes[];                         /* /api/v1/projects */

struct project_row { struct uuid id; struct str name; int64_t version; };
/* For other rooms (survey): ERR_NOT_FOUND when it is not there. */
enum err project_exists(struct tx *tx, struct arena *a, const struct uuid *id);

#endif
