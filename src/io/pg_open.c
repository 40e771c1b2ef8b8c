#include "io/pg_session.h"

#include <libpq-fe.h>
#include <poll.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/pg_private.h"

#define SESSION_ARENA_MAX_BYTES (4 * MB)
#define SERVER_VERSION_MIN 150000

static void on_notice(void *ctx, const PGresult *r)
{
	struct pg_session *c = ctx;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (state && strcmp(state, "01000") == 0)
		c->warned = true;
	if (c->log_notices)
		log_message(c->log, LOG_INFO, "notice", str_from(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)));
}

/* libpq's own sentence about a string that it cannot read repeats the string, and the log is no place for a password. */
static bool readable(const char *conninfo)
{
	PQconninfoOption *options = PQconninfoParse(conninfo, NULL);

	PQconninfoFree(options);
	return options != NULL;
}

static PGconn *connect_start(const struct pg_pool_config *config)
{
	char options[512];
	const char *names[] = {"dbname", "application_name", "client_encoding", "options", "keepalives_idle",
	    "keepalives_interval", "keepalives_count", "tcp_user_timeout", NULL};
	const char *values[] = {
	    config->conninfo, config->application_name, "UTF8", options, "30", "10", "3", "20000", NULL};

	snprintf(options, sizeof(options),
	    "-c jit=off -c search_path=collect,pg_temp -c TimeZone=UTC -c DateStyle=ISO -c statement_timeout=%d -c "
	    "lock_timeout=%d"
	    " -c idle_in_transaction_session_timeout=%d -c default_transaction_read_only=%s",
	    config->statement_timeout_ms, config->lock_timeout_ms, PG_IN_TRANSACTION_IDLE_MS,
	    config->read_only ? "on" : "off");
	return PQconnectStartParams(names, values, 1);
}

static enum err connect_wait(struct pg_session *c, int64_t deadline)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	enum err e;

	while (PQstatus(c->pg) != CONNECTION_BAD && want != PGRES_POLLING_OK) {
		if (want == PGRES_POLLING_FAILED)
			return ERR_UNAVAILABLE;
		if ((e = pg_wait(c, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, NULL)))
			return e;
		want = PQconnectPoll(c->pg);
	}
	return want == PGRES_POLLING_OK ? OK : ERR_UNAVAILABLE;
}

bool pg_server_answers(const struct pg_pool_config *config, int timeout_ms)
{
	int64_t deadline = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	struct pg_session c = {.pg = connect_start(config)};
	bool spoke = c.pg && (!connect_wait(&c, deadline) || clock_mono_ns() < deadline);

	PQfinish(c.pg);
	return spoke;
}

static const char *connect_check(const struct pg_session *c, enum pg_role role)
{
	const char *super = PQparameterStatus(c->pg, "is_superuser");

	if (PQserverVersion(c->pg) < SERVER_VERSION_MIN)
		return "the server is older than PostgreSQL 15";
	if (role != PG_OWNER && (!super || strcmp(super, "off") != 0))
		return "the login is a superuser, whom row security does not bind";
	if (PQsetnonblocking(c->pg, 1) != 0 || !PQenterPipelineMode(c->pg))
		return "the connection does not enter pipeline mode";
	return NULL;
}

enum err pg_session_open(const struct pg_pool_config *config, struct pg_session **out, const char **why)
{
	struct arena a;
	struct pg_session *c;
	const char *bad = NULL;
	struct log_field line[2];

	arena_init(&a, &arena_malloc, SESSION_ARENA_MAX_BYTES);
	c = arena_new(&a, struct pg_session);
	if (c)
		c->prepared = arena_alloc(&a, sql_count + 1);
	if (!c || !c->prepared) {
		arena_free(&a);
		return ERR_MEMORY;
	}
	c->arena = a;
	arena_init(&c->scratch, &arena_malloc, PG_SCRATCH_MAX_BYTES);
	c->log = config->log;
	c->born_ns = clock_mono_ns();
	c->reply_ms = config->statement_timeout_ms + PG_REPLY_MARGIN_MS;
	c->pg = readable(config->conninfo) ? connect_start(config) : NULL;
	if (c->pg)
		PQsetNoticeReceiver(c->pg, on_notice, c);
	if (!c->pg)
		bad = "the connection string cannot be read";
	else if (connect_wait(c, clock_mono_ns() + (int64_t)PG_CONNECT_TIMEOUT_MS * 1000000))
		bad = PQerrorMessage(c->pg)[0] ? PQerrorMessage(c->pg) : "the server does not answer";
	else
		bad = connect_check(c, config->role);
	if (bad) {
		line[0] = (struct log_field)LF_STR(MESSAGE, str_trim(str_from(bad)));
		line[1] = (struct log_field)LF_STR(COMPONENT, str_from(config->application_name));
		log_event(config->log, LOG_WARN, "database_connect_failed", line, 2);
		if (why)
			*why = "the database does not answer, or refuses the login; the log says more";
		pg_session_close(c);
		return ERR_UNAVAILABLE;
	}
	*out = c;
	return OK;
}

void pg_session_close(struct pg_session *c)
{
	struct arena a;

	if (!c)
		return;
	PQfinish(c->pg);
	arena_free(&c->scratch);
	a = c->arena; /* holds c itself */
	arena_free(&a);
}

enum err pg_password_verifier(
    struct pg_session *c, const char *login, const char *password, struct arena *a, struct str *out)
{
	char *text = PQencryptPasswordConn(c->pg, password, login, "scram-sha-256");

	if (!text)
		return ERR_INVALID;
	*out = str_dup(a, str_from(text));
	PQfreemem(text);
	return out->p ? OK : ERR_MEMORY;
}
