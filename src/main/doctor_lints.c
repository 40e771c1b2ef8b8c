#include "main/doctor.h"

#include "sql.h"

const struct doctor_lint doctor_lints[] = {
    {"roles", &SQL_doctor_roles, false, false},
    {"row security", &SQL_doctor_row_security, true, false},
    {"grants", &SQL_doctor_grants, true, false},
    {"owner", &SQL_doctor_owner, false, false},
    {"keys begin with the tenant", &SQL_doctor_keys, true, false},
    {"functions", &SQL_doctor_functions, false, true},
    {"views", &SQL_doctor_views, false, false},
    {"audit columns", &SQL_doctor_audit_columns, true, false},
};
const size_t doctor_lint_count = countof(doctor_lints);
