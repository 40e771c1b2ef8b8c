/* up_cluster.c - the private PostgreSQL cluster and Redis: unix sockets only, in a folder that only we may enter. */
#include "main/up.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <unistd.h>
#include "auth/auth.h"
#include "io/clock.h"
#include "io/pg_conninfo.h"
#include "io/redis.h"
#include "main/password.h"
#include "vault/vault.h"

#define DATABASE "collect"
#define POLL_MS 20
#define SAY_EVERY_NS 5000000000 /* a word while waiting, so that nobody thinks it hangs */
#define REDIS_TIMEOUT_MS 1000

static const char *const postgres_folders[] = {
    "/usr/lib/postgresql/15/bin", "/usr/pgsql-15/bin", "/usr/local/pgsql/bin", NULL};

static bool find_postgres(const struct up *up, char path[UP_PATH_BYTES], const char *program)
{
	size_t i;

	for (i = 0; postgres_folders[i]; i++) {
		snprintf(path, UP_PATH_BYTES, "%s/%s", postgres_folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	command_fail(up->line, 1,
	    "PostgreSQL 15 is not installed (no %s/%s); on Debian 12: apt-get install postgresql-15",
	    postgres_folders[0], program);
	return false;
}

static const char *keep(struct up *up, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text for as long as the supervisor lives; "" when there is no memory for it. */
static const char *keep(struct up *up, const char *format, ...)
{
	char text[2 * UP_PATH_BYTES];
	const char *kept;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	kept = str_cstr(up->arena, str_from(text));
	return kept ? kept : "";
}

/* Made beside its place and moved there when it is whole, so that an interrupted first start leaves no half cluster. */
static bool make_cluster(struct up *up, const char *cluster)
{
	char program[UP_PATH_BYTES], fresh[UP_PATH_BYTES], mark[UP_PATH_BYTES];
	const char *const remove[] = {"rm", "-rf", "--", fresh, NULL};
	/* PostgreSQL's programs look for each other beside the path they were called by, else along PATH. */
	const char *const make[] = {program, "--pgdata", fresh, "--username=" UP_SUPERUSER,
	    "--auth=trust", /* until owner_close_cluster() */

	    "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions", NULL};

	if (!up_path(up, mark, "postgres/PG_VERSION") || !up_path(up, fresh, "postgres.new"))
		return false;
	if (access(mark, F_OK) == 0)
		return true;
	if (!find_postgres(up, program, "initdb"))
		return false;
	up_say("making a PostgreSQL cluster in %s (once; some seconds)", cluster);
	if (child_run(up, "/bin/rm", remove, false) != 0 || child_run(up, program, make, true) != 0) {
		child_run(up, program, make, false); /* once more for its words */
		command_fail(up->line, 1, "initdb could not make a cluster");
		return false;
	}
	if (rename(fresh, cluster) == 0)
		return true;
	command_fail(up->line, 1, "%s: %s", cluster, strerror(errno));
	return false;
}

/* fsync, full_page_writes and synchronous_commit stay at their defaults (on): an acknowledged answer survives a power cut. */
static bool start_postgres(struct up *up)
{
	struct child *c = &up->children[UP_POSTGRES];
	char cluster[UP_PATH_BYTES], program[UP_PATH_BYTES];
	int connections = (int)config_int(up->config, CFG_database_pool_max) * 3 + 20;

	if (!up_path(up, cluster, "postgres") || !make_cluster(up, cluster) || !find_postgres(up, program, "postgres"))
		return false;
	*c = (struct child){.name = "PostgreSQL",
	    .log = "postgres.log",
	    .program = keep(up, "%s", program),
	    .stop_signal = SIGINT,
	    .stop_wait_ms = 60000,
	    .argv = {keep(up, "%s", program), "-D", keep(up, "%s", cluster), "-c", "listen_addresses=", "-c",
		keep(up, "unix_socket_directories=%s", up->run), "-c", "unix_socket_permissions=0700", "-c",
		"shared_preload_libraries=pg_stat_statements", "-c", keep(up, "max_connections=%d", connections), "-c",
		"logging_collector=off", "-c", "log_destination=stderr", "-c", "max_wal_size=2GB", "-c",
		"cluster_name=collect", NULL}};
	/* It would go before what the connection string names. */
	unsetenv("PGPASSWORD");
	up->database_url = owner_url(up, DATABASE);
	up->server_url = keep(up, "host='%s' dbname=" DATABASE, up->run);
	return up->database_url && owner_make_password(up) && child_start(up, c);
}

static bool start_redis(struct up *up)
{
	struct child *c = &up->children[UP_REDIS];
	static const char *const programs[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server"};
	const char *program = access(programs[0], X_OK) == 0 ? programs[0] : programs[1];

	if (access(program, X_OK) != 0) {
		command_fail(up->line, 1, "Redis is not installed (no %s); on Debian 12: apt-get install redis-server",
		    programs[0]);
		return false;
	}
	/* Nothing in it needs to survive: no files at all. */
	*c = (struct child){.name = "Redis",
	    .log = "redis.log",
	    .program = program,
	    .stop_signal = SIGTERM,
	    .stop_wait_ms = 10000,
	    .argv = {"redis-server", "--port", "0", "--unixsocket", keep(up, "%s/redis.sock", up->run),
		"--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir",
		keep(up, "%s", up->run), "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru", NULL}};
	up->redis_url = keep(up, "unix://%s/redis.sock", up->run);
	return child_start(up, c);
}

static bool postgres_answers(struct up *up)
{
	const char *conninfo = keep(up, "host='%s' user=" UP_SUPERUSER " dbname=template1 connect_timeout=2", up->run);

	return PQping(conninfo) == PQPING_OK;
}

static bool redis_answers(struct up *up)
{
	struct redis_config config = {.url = up->redis_url, .connections = 1, .timeout_ms = REDIS_TIMEOUT_MS};
	struct redis *r;
	const char *why;
	bool ok;

	if (redis_open(&config, &r, &why))
		return false;
	ok = redis_ping(r) == OK;
	redis_close(r);
	return ok;
}

/* As long as it lives it may take its time: after a crash PostgreSQL reads its log first. */
static bool wait_for(struct up *up, struct child *c, bool (*answers)(struct up *up))
{
	int64_t said = clock_mono_ns();

	while (!answers(up)) {
		if (!child_alive(up, c)) {
			command_fail(up->line, 1, "%s did not start", c->name);
			return false;
		}
		up_wait(up, POLL_MS);
		if (up->stopping)
			return false;
		if (clock_mono_ns() - said > SAY_EVERY_NS) {
			up_say("waiting for %s ...", c->name);
			said = clock_mono_ns();
		}
	}
	return true;
}

static bool make_database(struct up *up)
{
	char program[UP_PATH_BYTES];
	PGconn *connection = PQconnectdb(up->database_url);
	bool there = PQstatus(connection) == CONNECTION_OK;
	const char *const make[] = {"createdb", "--maintenance-db", owner_url(up, "template1"), DATABASE, NULL};

	PQfinish(connection);
	if (there)
		return true;
	if (!find_postgres(up, program, "createdb"))
		return false;
	if (child_run(up, program, make, false) == 0)
		return true;
	command_fail(up->line, 1, "the database could not be made");
	return false;
}

bool cluster_start(struct up *up)
{
	struct child *postgres = &up->children[UP_POSTGRES], *redis = &up->children[UP_REDIS];

	up_say("starting %s", up->private_database && up->private_redis ? "PostgreSQL and Redis"
			      : up->private_database			? "PostgreSQL"
									: "Redis");
	if (up->private_redis && !start_redis(up))
		return false;
	if (up->private_database && !start_postgres(up))
		return false;
	if (up->private_redis && !wait_for(up, redis, redis_answers))
		return false;
	return !up->private_database ||
	       (wait_for(up, postgres, postgres_answers) && make_database(up) && owner_close_cluster(up));
}

/* ---- keys, passwords of the logins, schema ---- */

static const struct login {
	enum pg_role role;
	enum setting_id setting;
	const char *name, *file, *variable;
} logins[] = {
    {PG_APP, CFG_database_app_password, "database_app_password", "keys/app-password", "COLLECT_DATABASE_APP_PASSWORD"},
    {PG_PUBLIC, CFG_database_public_password, "database_public_password", "keys/public-password",
	"COLLECT_DATABASE_PUBLIC_PASSWORD"},
    {PG_WORKER, CFG_database_worker_password, "database_worker_password", "keys/worker-password",
	"COLLECT_DATABASE_WORKER_PASSWORD"},
};

/* Does a server that is not ours ask collect_app for a password that nobody set? */
static bool login_needs_password(struct up *up)
{
	const char *conninfo;
	struct str why;
	PGconn *connection;
	bool asks;

	if (*config_text(up->config, CFG_database_app_password) || getenv(logins[0].variable) ||
	    pg_conninfo(up->arena, up->database_url, PG_APP, "", &conninfo, &why))
		return false;
	connection = PQconnectdb(conninfo);
	asks = PQstatus(connection) != CONNECTION_OK && PQconnectionNeedsPassword(connection);
	PQfinish(connection);
	return asks;
}

/* Into the environment, for `collect migrate` to set and the rest to use. With `make` those that are missing are made. */
static bool pass_passwords(struct up *up, bool make)
{
	char path[UP_PATH_BYTES];
	struct str password;
	size_t i;

	for (i = 0; i < countof(logins); i++) {
		if (*config_text(up->config, logins[i].setting))
			continue;
		if (!up_path(up, path, logins[i].file) ||
		    (make && (password_make(up->arena, &password) || secret_file_make(path, password))))
			return false;
		if (access(path, R_OK) != 0)
			continue;
		if (password_read(path, up->arena, &password) ||
		    setenv(logins[i].variable, keep(up, "%.*s", STR_ARGS(password)), 1) != 0) {
			command_fail(up->line, 1, "%s cannot be read", path);
			return false;
		}
	}
	return true;
}

static bool migrate(struct up *up)
{
	const char *const argv[] = {"collect", "migrate", NULL};

	if (child_run(up, NULL, argv, false) == 0)
		return true;
	command_fail(up->line, 1, "the schema could not be brought up to date");
	return false;
}

bool cluster_migrate(struct up *up)
{
	char kek[UP_PATH_BYTES], jwk[UP_PATH_BYTES];

	if (!up_path(up, kek, "keys/kek") || !up_path(up, jwk, "keys/token.jwk"))
		return false;
	if (vault_make_key_file(kek) || auth_make_key_file(jwk)) {
		command_fail(up->line, 1, "the keys cannot be made in %s/keys: %s", up->data, strerror(errno));
		return false;
	}
	if (up->private_database)
		return pass_passwords(up, true) && migrate(up);
	if (!pass_passwords(up, false) || !migrate(up))
		return false;
	if (!login_needs_password(up))
		return true;
	up_say("the database asks for passwords: making them in %s/keys", up->data);
	return pass_passwords(up, true) && migrate(up);
}

void cluster_write_passwords(const struct up *up, FILE *f)
{
	char path[UP_PATH_BYTES];
	size_t i;

	for (i = 0; i < countof(logins); i++)
		if (up_path(up, path, logins[i].file) && access(path, R_OK) == 0)
			fprintf(f, "%s_file = %s\n", logins[i].name, path);
}
