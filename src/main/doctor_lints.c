#include "main/doctor.h"

#include <string.h>
#include "sql.h"

const struct doctor_lint doctor_lints[] = {
    {"logins", &SQL_lint_logins, false, false},
    {"memberships of logins", &SQL_lint_memberships, false, false},
    {"creating", &SQL_lint_creating, false, false},
    {"settings of sessions", &SQL_lint_session_settings, false, false},
    {"row security", &SQL_lint_row_security, true, false},
    {"policies", &SQL_lint_policies, true, false},
    {"projects", &SQL_lint_project_scope, true, false},
    {"binding", &SQL_lint_binding, false, false},
    {"tenant_id", &SQL_lint_tenant_column, true, false},
    {"grants on partitions", &SQL_lint_partition_grants, false, false},
    {"grants on global tables", &SQL_lint_global_grants, true, false},
    {"grants", &SQL_lint_grants, false, false},
    {"columns that stay", &SQL_lint_fixed_columns, false, false},
    {"default grants", &SQL_lint_default_grants, false, false},
    {"owners", &SQL_lint_owners, false, false},
    {"unique keys begin with the tenant", &SQL_lint_unique_keys, true, false},
    {"foreign keys carry the tenant", &SQL_lint_foreign_keys, true, false},
    {"references", &SQL_lint_references, true, false},
    {"definer functions", &SQL_lint_definer_functions, false, true},
    {"reach", &SQL_lint_reach, false, false},
    {"search paths", &SQL_lint_search_paths, false, false},
    {"functions for everybody", &SQL_lint_function_grants, false, false},
    {"views", &SQL_lint_views, false, false},
    {"audit columns", &SQL_lint_audit_columns, true, false},
    {"triggers", &SQL_lint_triggers, true, false},
    {"audit", &SQL_lint_audit, true, false},
    {"audit triggers", &SQL_lint_audit_triggers, false, false},
    {"append only", &SQL_lint_append_only, false, false},
    {"functions of the log", &SQL_lint_functions, false, false},
    {"constraints", &SQL_lint_constraints, false, false},
};
const size_t doctor_lint_count = countof(doctor_lints);

bool doctor_lint_excepted(const struct doctor_lint *l, struct str finding)
{
	size_t n = strlen(l->title);

	for (size_t i = 0; sql_lint_exceptions[i]; i++) {
		struct str line = str_from(sql_lint_exceptions[i]);

		if (line.n == n + 2 + finding.n && memcmp(line.p, l->title, n) == 0 &&
		    memcmp(line.p + n, ": ", 2) == 0 && memcmp(line.p + n + 2, finding.p, finding.n) == 0)
			return true;
	}
	return false;
}
