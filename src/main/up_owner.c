/* up_owner.c - nobody enters the private cluster without a password, and its superuser's stays with the operator: a server that is taken over
 * must not become the database's owner. */
#include "main/up.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/log.h"
#include "main/password.h"
#include "main/session.h"
#include "sql.h"
#include "vault/vault.h"

#define PASSWORD_FILE                                                                                                  \
	"keys/postgres.pgpass" /* of libpq's form, so that a connection string names it and holds no secret */
#define PASSWORD_FILE_BYTES 256
#define ANYWHERE "*:*:*:" UP_SUPERUSER ":"
#define NO_FILE "/nonexistent/pgpass" /* else libpq looks into the home */
#define POLL_MS 20
#define RELOAD_NS 10000000000

static const char rules[] = "# Written by `collect up`: every login shows its password.\n"
			    "local all all scram-sha-256\n"
			    "local replication all scram-sha-256\n";

/* A path within '...' of a connection string; false: too long. */
static bool quote(const char *path, char out[UP_PATH_BYTES])
{
	size_t n = 0;

	for (; *path && n + 3 < UP_PATH_BYTES; path++) {
		if (*path == '\'' || *path == '\\')
			out[n++] = '\\';
		out[n++] = *path;
	}
	out[n] = '\0';
	return *path == '\0';
}

const char *owner_url(struct up *up, const char *database)
{
	char path[UP_PATH_BYTES], quoted[UP_PATH_BYTES], text[2 * UP_PATH_BYTES + 128];

	if (!up_path(up, path, PASSWORD_FILE) || !quote(path, quoted))
		return NULL;
	snprintf(
	    text, sizeof text, "host='%s' user=" UP_SUPERUSER " dbname=%s passfile='%s'", up->run, database, quoted);
	return str_cstr(up->arena, str_from(text));
}

bool owner_make_password(struct up *up)
{
	char path[UP_PATH_BYTES], text[PASSWORD_FILE_BYTES];
	struct str password;

	if (!up_path(up, path, PASSWORD_FILE) || password_make(up->arena, &password))
		return false;
	snprintf(text, sizeof text, ANYWHERE "%.*s\n", STR_ARGS(password));
	if (secret_file_make(path, str_from(text)) == OK)
		return true;
	command_fail(up->line, 1, "%s cannot be made: %s", path, strerror(errno));
	return false;
}

/* Does the superuser get in without a password? */
static bool open_to_all(struct up *up)
{
	char conninfo[UP_PATH_BYTES + 128];
	PGconn *connection;
	bool open;

	snprintf(
	    conninfo, sizeof conninfo, "host='%s' user=" UP_SUPERUSER " dbname=template1 passfile=" NO_FILE, up->run);
	connection = PQconnectdb(conninfo);
	open = PQstatus(connection) == CONNECTION_OK && !PQconnectionUsedPassword(connection);
	PQfinish(connection);
	return open;
}

static enum err write_password(struct up *up, struct session *s, const char *password)
{
	struct pg_param in[2];
	struct str verifier;
	enum err e;

	if ((e = pg_password_verifier(s->conn, UP_SUPERUSER, password, up->arena, &verifier)))
		return e;
	in[0] = P_TEXT(S(UP_SUPERUSER));
	in[1] = P_TEXT(verifier);
	if ((e = session_exec(s, &(struct query){.sql = &SQL_migrate_begin})) ||
	    (e = session_exec(s, &Q_NO_OUT(SQL_migrate_password_bind, in))) ||
	    (e = session_exec(s, &(struct query){.sql = &SQL_migrate_password_set})))
		return e;
	return session_exec(s, &(struct query){.sql = &SQL_migrate_commit});
}

/* In a process of its own: a session has threads. */
static bool set_password(struct up *up)
{
	struct session s = {.arena = up->arena};
	struct log *log = log_open(2, LOG_WARN);
	char path[UP_PATH_BYTES];
	struct str text;
	enum err e = ERR_IO;

	/* The one that the file holds, which may be of an earlier start that was interrupted. */
	if (log && up_path(up, path, PASSWORD_FILE) && password_read(path, up->arena, &text) == OK &&
	    text.n > strlen(ANYWHERE) && !(e = session_open(&s, up->database_url, PG_OWNER, "collect up", log))) {
		const char *password =
		    str_cstr(up->arena, str_make(text.p + strlen(ANYWHERE), text.n - strlen(ANYWHERE)));

		e = password ? write_password(up, &s, password) : ERR_MEMORY;
		session_close(&s);
	}
	if (log)
		log_close(log);
	return e == OK;
}

static bool write_rules(struct up *up)
{
	char path[UP_PATH_BYTES], draft[UP_PATH_BYTES];
	int fd;
	bool ok;

	if (!up_path(up, path, "postgres/pg_hba.conf") || !up_path(up, draft, "postgres/pg_hba.conf.new"))
		return false;
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ok = fd >= 0 && write(fd, rules, sizeof rules - 1) == (ssize_t)sizeof rules - 1 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (ok && rename(draft, path) == 0)
		return true;
	command_fail(up->line, 1, "%s: %s", path, strerror(errno));
	return false;
}

bool owner_close_cluster(struct up *up)
{
	struct child *postgres = &up->children[UP_POSTGRES];
	int64_t deadline = clock_mono_ns() + RELOAD_NS;

	if (!open_to_all(up))
		return true;
	if (child_call(up, set_password) != 0) {
		command_fail(up->line, 1, "the superuser of the database could not be given a password");
		return false;
	}
	if (!write_rules(up) || kill(postgres->pid, SIGHUP) != 0)
		return false;
	while (open_to_all(up)) {
		if (up->stopping)
			return false;
		if (!child_alive(up, postgres) || clock_mono_ns() > deadline) {
			command_fail(up->line, 1, "PostgreSQL still lets everybody in without a password");
			return false;
		}
		up_wait(up, POLL_MS);
	}
	return true;
}
