/* doctor.h - `collect doctor`: looks an installation over and says what is wrong, one line a finding.
 *
 * Server version and encoding, migrations, roles, row security on every tenant table and partition, grants, keys, definer functions, the log's
 * partitions, the logins, Redis, the data folder and the keys; then the slowest statements of our logins. It changes nothing. Exit status 1 when
 * something is wrong. The rules of the catalog are the statements of doctor_lint.sql: each
 * answers the offending things, but for those of tools/lint_exceptions.txt. */
#ifndef MAIN_DOCTOR_H
#define MAIN_DOCTOR_H

#include "io/pg.h"

struct doctor_lint {
	const char *title;               /* "row security" */
	const struct pg_statement *sql;  /* one column `name`; no row: all is well */
	bool tables, functions;          /* $1 is sql_global_tables, or sql_definer_functions */
};
extern const struct doctor_lint doctor_lints[];
extern const size_t doctor_lint_count;

/* Whether tools/lint_exceptions.txt has "TITLE: FINDING". */
bool doctor_lint_excepted(const struct doctor_lint *l, struct str finding);

#endif
