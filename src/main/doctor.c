#include "main/doctor.h"

#include <stdarg.h>
#include <unistd.h>
#include "base/limits.h"
#include "core/tx.h"
#include "io/log.h"
#include "io/pg_conninfo.h"
#include "io/redis.h"
#include "main/command.h"
#include "main/contain.h"
#include "main/migrate.h"
#include "main/open.h"
#include "main/session.h"
#include "sql.h"
#include "vault/vault.h"

#define DOCTOR_ARENA_MAX_BYTES (16 * MB)
#define MONTHS_AHEAD_MIN 1
#define SLOWEST_MAX 20
#define JOB_LATE_S 300

struct doctor {
	struct arena *arena;
	const struct config *config;
	struct log *log;
	struct session session;
	const char *url;
	int wrong;
};

static void good(const char *title, const char *detail)
{
	printf("ok     %s%s%s\n", title, detail[0] ? ": " : "", detail);
}

static void bad(struct doctor *d, const char *title, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void bad(struct doctor *d, const char *title, const char *format, ...)
{
	va_list args;

	d->wrong++;
	printf("WRONG  %s: ", title);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* ---- the server ---- */

struct server_row {
	int64_t version, wrong_encoding;
	struct str version_text;
};

/* The first releases without CVE-2025-8713, which showed hidden rows to planner statistics. */
static bool version_is_safe(int64_t v)
{
	if (v < 160000)
		return v >= 150014;
	return v < 170000 ? v >= 160010 : v >= 170006;
}

static void check_server(struct doctor *d)
{
	static const struct pg_col cols[] = {COL(struct server_row, version, PGT_INT),
	    COL(struct server_row, wrong_encoding, PGT_INT), COL(struct server_row, version_text, PGT_TEXT)};
	struct server_row row;
	char text[128];

	if (session_one(&d->session, &Q_NO_IN(SQL_doctor_server, cols), &row)) {
		bad(d, "server", "%s", session_fault(&d->session));
		return;
	}
	snprintf(text, sizeof(text), "PostgreSQL %.*s", STR_ARGS(row.version_text));
	if (!version_is_safe(row.version))
		bad(d, "server", "%s has known holes in row security; 15.14, 16.10 or 17.6 at least", text);
	else if (row.wrong_encoding)
		bad(d, "server", "the database's encoding is not UTF8");
	else
		good("server", text);
}

static bool check_migrations(struct doctor *d)
{
	const struct migrate_options o = {.conninfo = d->url, .log = d->log};
	struct migration_state *states;
	size_t n, pending = 0;
	struct str why = S("");

	if (migrate_status(&o, d->arena, &states, &n, &why)) {
		bad(d, "migrations", "%.*s", STR_ARGS(why));
		return false;
	}
	for (size_t i = 0; i < n; i++)
		pending += !states[i].applied;
	if (pending)
		bad(d, "migrations", "%zu of %zu are not applied; `collect migrate` does it", pending, n);
	else
		good("migrations", "all applied");
	return pending == 0;
}

struct name_row {
	struct str name;
};

/* What is wrong as rows of `name`; none: all is well, and `detail` says how it is. `lint` may be NULL. */
static void check_names(
    struct doctor *d, const char *title, const struct query *q, const char *detail, const struct doctor_lint *lint)
{
	struct name_row *rows;
	void *found;
	size_t n;
	int before = d->wrong;

	if (session_rows(&d->session, q, sizeof(struct name_row), &found, &n)) {
		bad(d, title, "%s", session_fault(&d->session));
		return;
	}
	rows = found;
	for (size_t i = 0; i < n; i++)
		if (!lint || !doctor_lint_excepted(lint, rows[i].name))
			bad(d, title, "%.*s", STR_ARGS(rows[i].name));
	if (d->wrong == before)
		good(title, detail);
}

static void check_jobs(struct doctor *d)
{
	static const struct pg_col cols[] = {COL(struct name_row, name, PGT_TEXT)};
	const struct pg_param in[] = {P_INT(JOB_LATE_S)};
	struct name_row counts;
	char detail[128];

	if (session_one(&d->session, &Q_NO_IN(SQL_doctor_job_counts, cols), &counts)) {
		bad(d, "jobs", "%s", session_fault(&d->session));
		return;
	}
	snprintf(detail, sizeof(detail), "%.*s", STR_ARGS(counts.name));
	check_names(d, "jobs", &Q(SQL_doctor_jobs, in, cols), detail, NULL);
}

static void check_catalog(struct doctor *d)
{
	static const struct pg_col cols[] = {COL(struct name_row, name, PGT_TEXT)};
	const struct pg_param months[] = {P_INT(MONTHS_AHEAD_MIN)};

	for (size_t i = 0; i < doctor_lint_count; i++) {
		const struct doctor_lint *l = &doctor_lints[i];
		const struct pg_param in[] = {
		    P_TEXT(str_from(l->functions ? sql_definer_functions : sql_global_tables))};
		const struct query q = {l->sql, in, l->tables || l->functions, cols, countof(cols)};

		check_names(d, l->title, &q, "", l);
	}
	check_names(d, "partitions of the event log", &Q(SQL_doctor_partitions, months, cols), "", NULL);
}

/* ---- the logins ---- */

static void check_login(struct doctor *d, enum pg_role role, enum setting_id password)
{
	struct session s = {.arena = d->arena};
	const char *conninfo, *login = pg_role_login(role);
	struct str why = S("");

	if (pg_conninfo(d->arena, d->url, role, config_text(d->config, password), &conninfo, &why)) {
		bad(d, login, "%.*s", STR_ARGS(why));
		return;
	}
	if (session_open(&s, conninfo, role, "collect doctor", d->log)) {
		bad(d, login, "cannot log in (see the line above)");
		return;
	}
	good(login, "logs in");
	session_close(&s);
}

/* ---- around the database ---- */

static void check_redis(struct doctor *d)
{
	const struct redis_config config = {.url = config_text(d->config, CFG_redis_url),
	    .connections = 1,
	    .timeout_ms = (int)config_int(d->config, CFG_redis_timeout_ms),
	    .log = d->log};
	const char *why = "";
	struct redis *r;

	if (!config.url[0]) {
		bad(d, "Redis", "redis_url is not set");
		return;
	}
	if (redis_open(&config, &r, &why)) {
		bad(d, "Redis", "%s", why);
		return;
	}
	if (redis_ping(r))
		bad(d, "Redis", "does not answer");
	else
		good("Redis", "answers");
	redis_close(r);
}

static void check_files(struct doctor *d)
{
	const char *data = config_text(d->config, CFG_data),
		   *token = key_path(d->arena, d->config, CFG_token_key_file, "token.jwk"), *why = "";
	struct vault *v;

	if (access(data, R_OK | W_OK | X_OK))
		bad(d, "data folder", "%s is not there, or not ours to write", data);
	else
		good("data folder", data);
	if (vault_open(config_text(d->config, CFG_key), key_path(d->arena, d->config, CFG_key_file, "kek"), &v, &why)) {
		bad(d, "key-encryption key", "%s", why);
	} else {
		good("key-encryption key", "");
		if (!vault_is_locked(v))
			bad(d, "key memory",
			    "cannot be locked (ulimit -l, LimitMEMLOCK), so keys may be written to swap");
		vault_close(v);
	}
	if (!token || access(token, R_OK))
		bad(d, "token key", "%s cannot be read", token ? token : "its file");
	else
		good("token key", "");
}

static void check_confinement(struct doctor *d)
{
	struct contain_line lines[CONTAIN_LINES_MAX];
	size_t n = contain_report(d->config, lines);

	for (size_t i = 0; i < n; i++) {
		if (lines[i].wrong)
			bad(d, lines[i].title, "%s", lines[i].text);
		else
			good(lines[i].title, lines[i].text);
	}
}

/* ---- the slowest statements ---- */

struct slow_row {
	int64_t calls, row_count;
	double mean_ms, max_ms, total_ms;
	struct str login, query;
};

static void show_slowest(struct doctor *d)
{
	struct statistics_row {
		bool installed, loaded;
	} has = {false, false};
	static const struct pg_col has_cols[] = {
	    COL(struct statistics_row, installed, PGT_BOOL), COL(struct statistics_row, loaded, PGT_BOOL)};
	static const struct pg_col cols[] = {COL(struct slow_row, calls, PGT_INT),
	    COL(struct slow_row, row_count, PGT_INT), COL(struct slow_row, mean_ms, PGT_NUM),
	    COL(struct slow_row, max_ms, PGT_NUM), COL(struct slow_row, total_ms, PGT_NUM),
	    COL(struct slow_row, login, PGT_TEXT), COL(struct slow_row, query, PGT_TEXT)};
	const struct pg_param in[] = {P_INT(SLOWEST_MAX)};
	struct slow_row *rows;
	void *found;
	size_t n;

	if (session_one(&d->session, &Q_NO_IN(SQL_doctor_has_statistics, has_cols), &has) || !has.installed ||
	    !has.loaded) {
		printf("\nNo statistics of statements: pg_stat_statements is not %s.\n",
		    has.installed ? "in shared_preload_libraries" : "installed in this database");
		return;
	}
	if (session_rows(&d->session, &Q(SQL_doctor_slowest, in, cols), sizeof(struct slow_row), &found, &n)) {
		printf("\nNo statistics of statements: %s.\n", session_fault(&d->session));
		return;
	}
	rows = found;
	printf("\nSlowest statements (milliseconds)\n%10s %10s %12s %10s %10s  %-14s  %s\n", "mean", "max", "total",
	    "calls", "rows", "login", "statement");
	for (size_t i = 0; i < n; i++)
		printf("%10.3f %10.3f %12.1f %10lld %10lld  %-14.*s  %.*s\n", rows[i].mean_ms, rows[i].max_ms,
		    rows[i].total_ms, (long long)rows[i].calls, (long long)rows[i].row_count, STR_ARGS(rows[i].login),
		    STR_ARGS(rows[i].query));
	if (n == 0)
		printf("(our logins have run nothing yet)\n");
}

static void check_database(struct doctor *d)
{
	if (!d->url[0]) {
		bad(d, "database", "database_url is not set");
		return;
	}
	if (session_open(&d->session, d->url, PG_OWNER, "collect doctor", d->log)) {
		bad(d, "database", "does not answer, or refuses the login (see the line above)");
		return;
	}
	check_server(d);
	if (check_migrations(d)) {
		check_catalog(d);
		check_jobs(d);
		check_login(d, PG_APP, CFG_database_app_password);
		check_login(d, PG_PUBLIC, CFG_database_public_password);
		check_login(d, PG_WORKER, CFG_database_worker_password);
	}
}

int doctor_command(int argc, char **argv)
{
	struct option_row options[] = {{"config", "FILE", "Settings; the environment wins over them"}};
	struct command_line line = {.name = "doctor",
	    .usage = "[OPTIONS]",
	    .options = options,
	    .option_count = countof(options),
	    .about = "Looks the installation over (database, roles, row security, partitions, Redis, keys), prints "
		     "what is wrong and\n"
		     "the slowest statements. Changes nothing. Exit status 1 when something is wrong. Needs the "
		     "database as its\n"
		     "owner (COLLECT_DATABASE_URL)."};
	struct doctor d = {0};
	struct config *config;
	struct arena a;
	int status;

	if (command_line_read(&line, argc, argv, &status))
		return status;
	arena_init(&a, &arena_malloc, DOCTOR_ARENA_MAX_BYTES);
	if (!command_config(&line, &a, &config))
		return 1;
	d.arena = d.session.arena = &a;
	d.config = config;
	d.log = log_open(2, LOG_WARN);
	d.url = config_text(config, CFG_database_url);
	check_database(&d);
	check_redis(&d);
	check_files(&d);
	check_confinement(&d);
	if (d.session.conn)
		show_slowest(&d);
	printf("\n%d thing%s wrong\n", d.wrong, d.wrong == 1 ? " is" : "s are");
	session_close(&d.session);
	log_close(d.log);
	arena_free(&a);
	return d.wrong ? 1 : 0;
}
