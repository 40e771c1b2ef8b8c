/* pg_test.h - a database for the tests of io/pg, core/tx and event, and a proxy that can go silent.
 *
 * COTEST_DATABASE_URL names a migrated database as its superuser. Without it, COTEST_PG is the socket folder of a cluster with the
 * database collect_template, of which a copy is made (and dropped again). With neither, the tests fail: a skipped isolation test is a hole. */
#ifndef IO_PG_TEST_H
#define IO_PG_TEST_H

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/test.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_session.h"
#include "io/pg_conninfo.h"
#include "sql_test.h"

static char test_url[512], test_copy[64];
static struct arena test_arena;
static struct log *test_log;

/* As the superuser, around everything that is tested. Answers the first value as text ("" when there is none). */
static inline const char *admin_on(const char *url, const char *sql)
{
	static char value[256];
	PGconn *c = PQconnectdb(url);
	PGresult *r = PQexec(c, sql);

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	snprintf(value, sizeof(value), "%s", PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	PQfinish(c);
	return value;
}

static inline const char *admin(const char *sql)
{
	return admin_on(test_url, sql);
}

static inline int database_start(void **state)
{
	const char *url = getenv("COTEST_DATABASE_URL"), *folder = getenv("COTEST_PG");
	char base[512], sql[128];

	(void)state;
	arena_init(&test_arena, &arena_malloc, 256 * MB);
	test_log = log_open(2, LOG_ERROR);
	if (url && *url) {
		snprintf(test_url, sizeof(test_url), "%s", url);
	} else if (folder && *folder) {
		snprintf(test_copy, sizeof(test_copy), "unit_%d", (int)getpid());
		snprintf(base, sizeof(base), "postgresql:///postgres?host=%s&user=postgres", folder);
		snprintf(sql, sizeof(sql), "create database %s template collect_template", test_copy);
		(void)admin_on(base, sql);
		snprintf(test_url, sizeof(test_url), "postgresql:///%s?host=%s&user=postgres", test_copy, folder);
	} else {
		fprintf(stderr, "COTEST_DATABASE_URL is not set: nothing of the database was tested\n");
		return -1;
	}
	return 0;
}

static inline int database_stop(void **state)
{
	char base[512], sql[128];

	(void)state;
	if (test_copy[0]) {
		snprintf(base, sizeof(base), "postgresql:///postgres?host=%s&user=postgres", getenv("COTEST_PG"));
		snprintf(sql, sizeof(sql), "drop database %s with (force)", test_copy);
		(void)admin_on(base, sql);
	}
	log_close(test_log);
	arena_free(&test_arena);
	return 0;
}

static inline struct pg_pool_config pool_config(enum pg_role role)
{
	struct pg_pool_config c = {.application_name = "collect test",
	    .keep = 2,
	    .max = 4,
	    .recycle_s = 3600,
	    .acquire_ms = 200,
	    .statement_timeout_ms = 2000,
	    .lock_timeout_ms = 300,
	    .role = role,
	    .log = test_log};
	struct str why;

	assert_int_equal(pg_conninfo(&test_arena, test_url, role, "", &c.conninfo, &why), OK);
	return c;
}

static inline struct pg_pool *pool_of(const struct pg_pool_config *config)
{
	struct pg_pool *p;
	const char *why;

	assert_int_equal(pg_pool_open(config, &p, &why), OK);
	return p;
}

/* A tenant with an administrator, by the owner's function. */
static inline void make_tenant(struct uuid *tenant)
{
	struct uuid user = uuid_new();
	char sql[512], t[UUID_TEXT_BYTES], u[UUID_TEXT_BYTES];

	*tenant = uuid_new();
	uuid_text(tenant, t);
	uuid_text(&user, u);
	snprintf(sql, sizeof(sql),
	    "set search_path = collect; select provision_tenant('%.36s', 't-%.36s', 'T', '%.36s', '%.36s@example.com', "
	    "'U', 'x', 'en')",
	    t, t, u, u);
	(void)admin(sql);
}

/* ---- the proxy: passes bytes on until it is told to keep the server's to itself ---- */

struct proxy {
	char folder[64], target[256];
	int listener;
	atomic_bool silent, stop;
	pthread_t thread;
};

static inline int unix_socket(const char *path, bool listening)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path));
	if (listening)
		assert_true(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 8) == 0);
	else
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static inline bool proxy_pass(struct proxy *p, int from, int to, bool from_server)
{
	char bytes[16384];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n <= 0)
		return false;
	if (from_server && atomic_load(&p->silent))
		return true;
	return write(to, bytes, (size_t)n) == n;
}

static inline void *proxy_run(void *ctx)
{
	struct proxy *p = ctx;
	int client = accept(p->listener, NULL, NULL), server = client < 0 ? -1 : unix_socket(p->target, false);
	struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};

	while (client >= 0 && !atomic_load(&p->stop)) {
		if (poll(fds, 2, 50) <= 0)
			continue;
		if (fds[0].revents && !proxy_pass(p, client, server, false))
			break;
		if (fds[1].revents && !proxy_pass(p, server, client, true))
			break;
	}
	close(client);
	close(server);
	return NULL;
}

/* Answers the conninfo that goes through it, for one connection of collect_app. */
static inline const char *proxy_start(struct proxy *p)
{
	static char conninfo[512];
	PGconn *c = PQconnectdb(test_url);
	char path[128];

	snprintf(p->folder, sizeof(p->folder), "/tmp/collect-proxy-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", p->folder);
	snprintf(p->target, sizeof(p->target), "%s/.s.PGSQL.%s", PQhost(c), PQport(c));
	snprintf(conninfo, sizeof(conninfo), "host=%s dbname=%s user=collect_app", p->folder, PQdb(c));
	PQfinish(c);
	p->listener = unix_socket(path, true);
	pthread_create(&p->thread, NULL, proxy_run, p);
	return conninfo;
}

static inline void proxy_stop(struct proxy *p)
{
	char path[128];

	atomic_store(&p->stop, true);
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listener);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", p->folder);
	unlink(path);
	rmdir(p->folder);
}

#endif
