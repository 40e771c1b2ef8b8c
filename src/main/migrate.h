/* migrate.h - brings a database to the schema of this program: forward only, each migration in a transaction of its own.
 *
 * The migrations are embedded (migrations/NNNN_verb_noun.sql). What was applied is recorded with its SHA-256 in collect.schema_migrations; one that
 * was changed since, or one that this program does not know, stops everything before anything is done. An advisory lock lets one migrator
 * work at a time; a second waits for it. Afterwards the logins' passwords are set where one is given, and the event log's partitions are made
 * MIGRATE_MONTHS_AHEAD ahead. */
#ifndef MAIN_MIGRATE_H
#define MAIN_MIGRATE_H

#include "io/pg.h"

#define MIGRATE_MONTHS_AHEAD 12

struct migrate_options {
	const char *conninfo;                    /* as a superuser, or as the database's owner who may create roles */
	const char *passwords[PG_ROLE_COUNT];    /* for PG_APP, PG_PUBLIC, PG_WORKER; NULL or "": left as it is */
	struct log *log;
	void (*progress)(void *ctx, const char *line);   /* may be NULL */
	void *ctx;
};

/* ERR_UNAVAILABLE (the log says why), ERR_BUSY (another migrator does not finish), ERR_CONFLICT (what is applied is not what this
 * program has), or the failing migration's error; *why is for people and lives in `a`. */
enum err migrate_run(const struct migrate_options *o, struct arena *a, struct str *why);

struct migration_state {
	const char *name;
	bool applied;
	int64_t applied_ms;
};
/* What is applied, of what this program has; changes nothing. Fails as migrate_run does. */
enum err migrate_status(const struct migrate_options *o, struct arena *a, struct migration_state **out, size_t *n, struct str *why);

#endif
