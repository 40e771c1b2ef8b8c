#include "main/migrate.h"

#include "base/limits.h"
#include "base/time.h"
#include "core/tx.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_conninfo.h"
#include "main/command.h"
#include "main/session.h"
#include "sql.h"

#define MIGRATE_ARENA_MAX_BYTES (16 * MB)
#define LOCK_WAIT_MS 60000
#define LOCK_TRY_MS 200
#define SCRIPT_TIMEOUT_MS 3600000
#define PASSWORD_ATTEMPTS 5 /* another database's migrator may change the same role: "tuple concurrently updated" */

struct migrate {
	const struct migrate_options *o;
	struct session session;
	struct arena *arena;
	struct str *why;
};

static enum err fail(struct migrate *m, enum err e, const char *what, const char *detail)
{
	struct buf b;

	buf_init(&b, m->arena, 4 * KB);
	buf_add(&b, str_from(what));
	buf_add(&b, S(": "));
	buf_add(&b, str_from(detail));
	if (buf_done(&b, m->why))
		*m->why = S("out of memory");
	return e;
}

static void say(const struct migrate *m, const char *name, const char *what)
{
	char line[256];

	if (!m->o->progress)
		return;
	snprintf(line, sizeof(line), "%s  %s", name, what);
	m->o->progress(m->o->ctx, line);
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static enum err lock(struct migrate *m)
{
	struct lock_row {
		bool locked;
	} row = {false};
	static const struct pg_col cols[] = {COL(struct lock_row, locked, PGT_BOOL)};
	int64_t deadline = clock_mono_ns() + (int64_t)LOCK_WAIT_MS * 1000000;
	bool said = false;
	enum err e;

	while (!(e = session_one(&m->session, &Q_NO_IN(SQL_migrate_lock, cols), &row)) && !row.locked) {
		if (clock_mono_ns() > deadline)
			return fail(m, ERR_BUSY, "waiting", "another migration does not finish");
		if (!said)
			say(m, "waiting", "another migration is under way");
		said = true;
		pause_ms(LOCK_TRY_MS);
	}
	return e ? fail(m, e, "lock", session_fault(&m->session)) : OK;
}

struct applied {
	struct str name, sha256;
	int64_t applied_at;
};

/* Everything applied must be a beginning of what this program has. */
static enum err check_applied(struct migrate *m, const struct applied *applied, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%.*s", STR_ARGS(applied[i].name));
		if (i >= sql_migration_count)
			return fail(m, ERR_CONFLICT, name, "the database is newer than this program");
		if (!str_eq(applied[i].name, str_from(sql_migrations[i].name)))
			return fail(m, ERR_CONFLICT, name, "applied, but not the next one that this program has");
		if (!str_eq(applied[i].sha256, str_from(sql_migrations[i].sha256)))
			return fail(m, ERR_CONFLICT, name, "its text was changed after it was applied");
	}
	return OK;
}

static enum err read_applied(struct migrate *m, struct applied **out, size_t *n)
{
	struct known_row {
		bool known;
	} row = {false};
	static const struct pg_col known[] = {COL(struct known_row, known, PGT_BOOL)};
	static const struct pg_col cols[] = {COL(struct applied, name, PGT_TEXT), COL(struct applied, sha256, PGT_TEXT),
	    COL(struct applied, applied_at, PGT_TIME)};
	void *rows = NULL;
	enum err e;

	*n = 0;
	*out = NULL;
	e = session_one(&m->session, &Q_NO_IN(SQL_migrate_known, known), &row);
	if (!e && row.known)
		e = session_rows(&m->session, &Q_NO_IN(SQL_migrate_applied, cols), sizeof(struct applied), &rows, n);
	if (e)
		return fail(m, e, "schema_migrations", session_fault(&m->session));
	*out = rows;
	return check_applied(m, *out, *n);
}

static enum err plain(struct migrate *m, const struct pg_statement *s)
{
	return session_exec(&m->session, &(struct query){.sql = s});
}

static enum err apply_steps(struct migrate *m, const struct sql_migration *migration, int64_t started_ns, int64_t *ms)
{
	struct pg_param in[3];
	enum err e;

	if ((e = plain(m, &SQL_migrate_begin)) || (migration->as_owner && (e = plain(m, &SQL_migrate_as_owner))) ||
	    (e = pg_script(m->session.conn, migration->text, SCRIPT_TIMEOUT_MS)) ||
	    (e = plain(m, &SQL_migrate_as_owner)))
		return e;
	*ms = (clock_mono_ns() - started_ns) / 1000000;
	in[0] = P_TEXT(str_from(migration->name));
	in[1] = P_TEXT(str_from(migration->sha256));
	in[2] = P_INT(*ms);
	if ((e = session_exec(&m->session, &Q_NO_OUT(SQL_migrate_record, in))))
		return e;
	return plain(m, &SQL_migrate_commit);
}

static enum err apply(struct migrate *m, const struct sql_migration *migration)
{
	char took[32];
	int64_t ms = 0;
	enum err e;

	if ((e = apply_steps(m, migration, clock_mono_ns(), &ms))) {
		(void)fail(m, e, migration->name, session_fault(&m->session));
		if (!pg_broken(m->session.conn))
			(void)plain(m, &SQL_migrate_rollback);
		return e;
	}
	snprintf(took, sizeof(took), "%lld ms", (long long)ms);
	say(m, migration->name, took);
	return OK;
}

static enum err set_password(struct migrate *m, enum pg_role role)
{
	const char *login = pg_role_login(role);
	struct pg_param in[2];
	struct str verifier;
	enum err e = OK;

	if (!m->o->passwords[role] || !m->o->passwords[role][0])
		return OK;
	if ((e = pg_password_verifier(m->session.conn, login, m->o->passwords[role], m->arena, &verifier)))
		return fail(m, e, login, "its password cannot be used");
	in[0] = P_TEXT(str_from(login));
	in[1] = P_TEXT(verifier);
	for (int i = 0; i < PASSWORD_ATTEMPTS; i++) {
		if (!(e = plain(m, &SQL_migrate_begin)) &&
		    !(e = session_exec(&m->session, &Q_NO_OUT(SQL_migrate_password_bind, in))) &&
		    !(e = plain(m, &SQL_migrate_password_set)) && !(e = plain(m, &SQL_migrate_commit)))
			return OK;
		(void)fail(m, e, login, session_fault(&m->session));
		if (pg_broken(m->session.conn) || plain(m, &SQL_migrate_rollback))
			return e;
		pause_ms(LOCK_TRY_MS);
	}
	return e;
}

static enum err make_partitions(struct migrate *m)
{
	struct made_row {
		int64_t made;
	} row;
	static const struct pg_col cols[] = {COL(struct made_row, made, PGT_INT)};
	const struct pg_param in[] = {P_INT(MIGRATE_MONTHS_AHEAD)};
	enum err e = session_one(&m->session, &Q(SQL_migrate_partitions, in, cols), &row);

	return e ? fail(m, e, "partitions of the event log", session_fault(&m->session)) : OK;
}

static enum err open_session(struct migrate *m)
{
	enum err e;

	m->session.arena = m->arena;
	e = session_open(&m->session, m->o->conninfo, PG_OWNER, "collect migrate", m->o->log);
	return e ? fail(m, e, "connecting", err_meaning(e)) : OK;
}

static enum err migrate_all(struct migrate *m)
{
	struct applied *applied;
	size_t n;
	enum err e;

	if ((e = lock(m)) || (e = read_applied(m, &applied, &n)))
		return e;
	for (size_t i = n; i < sql_migration_count; i++) {
		if ((e = apply(m, &sql_migrations[i])))
			return e;
	}
	for (int role = 0; role < PG_OWNER; role++) {
		if ((e = set_password(m, (enum pg_role)role)))
			return e;
	}
	return make_partitions(m);
}

enum err migrate_run(const struct migrate_options *o, struct arena *a, struct str *why)
{
	struct migrate m = {.o = o, .arena = a, .why = why};
	enum err e;

	if ((e = open_session(&m)))
		return e;
	e = migrate_all(&m);
	session_close(&m.session); /* and with it the lock */
	return e;
}

enum err migrate_status(
    const struct migrate_options *o, struct arena *a, struct migration_state **out, size_t *n, struct str *why)
{
	struct migrate m = {.o = o, .arena = a, .why = why};
	struct applied *applied;
	size_t done = 0;
	enum err e;

	if ((e = open_session(&m)))
		return e;
	e = read_applied(&m, &applied, &done);
	session_close(&m.session);
	if (e)
		return e;
	*out = arena_array(a, struct migration_state, sql_migration_count + 1);
	if (!*out)
		return ERR_MEMORY;
	*n = sql_migration_count;
	for (size_t i = 0; i < *n; i++)
		(*out)[i] =
		    (struct migration_state){sql_migrations[i].name, i < done, i < done ? applied[i].applied_at : 0};
	return OK;
}

/* ---- the command ---- */

static void print_line(void *ctx, const char *line)
{
	(void)ctx;
	printf("%s\n", line);
	fflush(stdout);
}

static int print_status(const struct command_line *line, const struct migrate_options *o, struct arena *a)
{
	struct migration_state *states;
	struct str why = S("");
	size_t n, pending = 0;

	if (migrate_status(o, a, &states, &n, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	for (size_t i = 0; i < n; i++) {
		char at[TIME_TEXT_BYTES] = {0};

		if (states[i].applied)
			time_text(states[i].applied_ms, at);
		pending += !states[i].applied;
		printf("%-8s %-40s %.*s\n", states[i].applied ? "applied" : "pending", states[i].name, TIME_TEXT_BYTES,
		    at);
	}
	printf("%zu applied, %zu pending\n", n - pending, pending);
	return 0;
}

static int migrate_now(const struct command_line *line, const struct migrate_options *o, struct arena *a)
{
	struct str why = S("");

	if (migrate_run(o, a, &why))
		return command_fail(line, 1, "%.*s", STR_ARGS(why));
	printf("the schema is up to date (%u migrations)\n", sql_migration_count);
	return 0;
}

int migrate_command(int argc, char **argv)
{
	struct option_row options[] = {{"status", NULL, "Only say what is applied and what is pending"},
	    {"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "migrate",
	    .usage = "[OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .about =
		"Brings the database to the schema of this program: forward only, one migrator at a time. Makes the "
		"roles\n"
		"collect_owner, collect_app, collect_public and collect_worker, and sets the passwords of the last "
		"three when\n"
		"they are set (database_app_password ...). Needs the database as its owner (COLLECT_DATABASE_URL)."};
	struct migrate_options o = {.progress = print_line};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, MIGRATE_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	o.conninfo = config_text(config, CFG_database_url);
	o.passwords[PG_APP] = config_text(config, CFG_database_app_password);
	o.passwords[PG_PUBLIC] = config_text(config, CFG_database_public_password);
	o.passwords[PG_WORKER] = config_text(config, CFG_database_worker_password);
	o.log = log_open(2, LOG_INFO);
	if (!o.conninfo[0])
		status = command_fail(&line, 1, "database_url is not set: set COLLECT_DATABASE_URL");
	else
		status = command_option(&line, "status") ? print_status(&line, &o, &a) : migrate_now(&line, &o, &a);
	log_close(o.log);
	arena_free(&a);
	return status;
}
