#include "main/open.h"

#include "auth/auth.h"
#include "base/limits.h"
#include "core/cache.h"
#include "core/slow.h"
#include "fieldwork/fieldwork.h"
#include "io/pg_conninfo.h"
#include "mail/mail.h"
#include "main/contain.h"
#include "main/document.h"
#include "main/domains.h"
#include "vault/vault.h"

#define REDIS_CONNECTIONS 8
#define TOKEN_ISSUER "collect" /* when there is no public_url: it must not change with the port */

static void say(struct arena *a, struct str *why, const char *text)
{
	*why = str_dup(a, str_from(text ? text : "out of memory"));
}

const char *key_path(struct arena *a, const struct config *c, enum setting_id id, const char *name)
{
	size_t room = strlen(config_text(c, CFG_data)) + strlen(name) + 8;
	char *path;

	if (*config_text(c, id))
		return config_text(c, id);
	path = arena_alloc(a, room);
	if (path)
		snprintf(path, room, "%s/keys/%s", config_text(c, CFG_data), name);
	return path;
}

static enum err open_pool(
    struct app *app, struct arena *a, enum pg_role role, const char *url, struct pg_pool **out, struct str *why)
{
	static const struct {
		const char *name;
		enum setting_id password;
	} logins[PG_ROLE_COUNT] = {
	    [PG_APP] = {"collect app", CFG_database_app_password},
	    [PG_PUBLIC] = {"collect public", CFG_database_public_password},
	    [PG_WORKER] = {"collect worker", CFG_database_worker_password},
	};
	const struct config *c = app->config;
	struct pg_pool_config pool = {
	    .application_name = logins[role].name,
	    .keep = (int)config_int(c, CFG_database_pool_size),
	    .max = (int)config_int(c, CFG_database_pool_max),
	    .recycle_s = (int)config_int(c, CFG_database_pool_recycle_s),
	    .acquire_ms = (int)config_int(c, CFG_database_pool_wait_ms),
	    .statement_timeout_ms = (int)config_int(c, CFG_database_statement_timeout_ms),
	    .lock_timeout_ms = (int)config_int(c, CFG_database_lock_timeout_ms),
	    .role = role,
	    .read_only = strcmp(url, config_text(c, CFG_database_read_url)) == 0,
	    .log = app->log,
	};
	const char *fault = NULL;
	enum err e;

	if ((e = pg_conninfo(a, url, role, config_text(c, logins[role].password), &pool.conninfo, why)))
		return e;
	if (pool.max < pool.keep)
		pool.max = pool.keep;
	/* A step of each job, its progress, and the heartbeat, which must not wait for them. */
	if (role == PG_WORKER && pool.max < 2 * config_int(c, CFG_job_threads) + 2)
		pool.max = 2 * (int)config_int(c, CFG_job_threads) + 2;
	e = pg_pool_open(&pool, out, &fault);
	if (e)
		say(a, why, fault);
	return e;
}

static enum err open_pools(struct app *app, struct arena *a, enum open_part part, struct str *why)
{
	const char *url = config_text(app->config, CFG_database_url),
		   *replica = config_text(app->config, CFG_database_read_url);
	enum err e;

	if (!*url) {
		say(a, why,
		    "database_url is not set: set COLLECT_DATABASE_URL, or run `collect up`, which brings a database "
		    "of its own");
		return ERR_SETTING;
	}
	if (part == OPEN_WORKER)
		return open_pool(app, a, PG_WORKER, url, &app->pools[PG_WORKER], why);
	if ((e = open_pool(app, a, PG_APP, url, &app->pools[PG_APP], why)))
		return e;
	app->read_pool = app->pools[PG_APP];
	if (part == OPEN_SEED)
		return OK;
	if (*replica && (e = open_pool(app, a, PG_APP, replica, &app->read_pool, why)))
		return e;
	return open_pool(app, a, PG_PUBLIC, url, &app->pools[PG_PUBLIC], why);
}

static enum err open_redis(struct app *app, struct arena *a, struct str *why)
{
	struct redis_config redis = {
	    .url = config_text(app->config, CFG_redis_url),
	    .connections = REDIS_CONNECTIONS,
	    .timeout_ms = (int)config_int(app->config, CFG_redis_timeout_ms),
	    .log = app->log,
	};
	const char *fault = NULL;
	enum err e;

	if (!*redis.url) {
		say(a, why,
		    "redis_url is not set: set COLLECT_REDIS_URL, or run `collect up`, which brings a Redis of its "
		    "own");
		return ERR_SETTING;
	}
	e = redis_open(&redis, &app->redis, &fault);
	if (e)
		say(a, why, fault);
	return e;
}

static enum err open_egress(struct app *app, struct arena *a, struct str *why)
{
	const struct config *c = app->config;
	struct egress_config egress = {
	    .policy = {.allow = config_text(c, CFG_egress_allow),
		.ports = config_text(c, CFG_egress_ports),
		.http = config_bool(c, CFG_egress_http)},
	    .ca_file = config_text(c, CFG_ca_file),
	    .dns = config_text(c, CFG_egress_dns),
	    .metrics = app->metrics,
	};

	return egress_open(a, &egress, &app->egress, why);
}

enum err open_mailer(struct app *app, struct arena *a, const struct config *c, struct str *why)
{
	const struct mailer_config mailer = {
	    .smtp_url = config_text(c, CFG_smtp_url),
	    .user = config_text(c, CFG_smtp_user),
	    .password = config_text(c, CFG_smtp_password),
	    .starttls = config_bool(c, CFG_smtp_starttls),
	    .from = config_text(c, CFG_mail_from),
	    .ca_file = config_text(c, CFG_ca_file),
	    .public_url = config_text(c, CFG_public_url),
	    .data = config_text(c, CFG_data),
	    .log = app->log,
	    .metrics = app->metrics,
	};
	const char *fault = NULL;
	enum err e = mail_open(a, &mailer, &app->mailer, &fault);

	if (e)
		say(a, why, fault);
	return e;
}

static enum err open_keys(struct app *app, struct arena *a, enum open_part part, struct str *why)
{
	const struct config *c = app->config;
	const char *kek = key_path(a, c, CFG_key_file, "kek"), *jwk = key_path(a, c, CFG_token_key_file, "token.jwk"),
		   *fault = NULL;
	const char *issuer = *config_text(c, CFG_public_url) ? config_text(c, CFG_public_url) : TOKEN_ISSUER;
	enum err e;

	if (!kek || !jwk) {
		say(a, why, NULL);
		return ERR_MEMORY;
	}
	e = vault_open(config_text(c, CFG_key), kek, &app->vault, &fault);
	if (!e && (*config_text(c, CFG_key_previous) || *config_text(c, CFG_key_file_previous)))
		e = vault_add_key(
		    app->vault, config_text(c, CFG_key_previous), config_text(c, CFG_key_file_previous), &fault);
	if (!e && part == OPEN_SERVER)
		e = auth_open(app, jwk, issuer, &app->auth, &fault);
	if (e)
		say(a, why, fault);
	else if (!vault_is_locked(app->vault))
		log_message(app->log, LOG_WARN, "keys are not locked in memory",
		    S("the limit of locked memory is too low (ulimit -l, LimitMEMLOCK): they may be written to swap"));
	return e;
}

static enum err payload_mac(struct req *rq, struct str text, unsigned char mac[32])
{
	int64_t version;

	return vault_replay(rq->app->vault, rq->tx, 0, text, rq->arena, mac, &version);
}

static enum err open_routes(struct app *app, struct arena *a, struct str *why)
{
	const char *fault = NULL;
	enum err e = domains_routes(app, a);

	app->authenticate = auth_authenticate;
	app->caller_known = auth_caller_known;
	app->project_grants = auth_project_grants;
	app->survey_project = auth_survey_project;
	app->refuse_page = page_refuse;
	app->link_known = link_known;
	app->payload_mac = payload_mac;
	if (!e)
		e = router_new(app, a, &app->router, &fault);
	if (!e)
		e = openapi_open(&app->openapi);
	if (e)
		say(a, why, fault);
	return e;
}

static enum err open_parts(struct app *app, struct arena *a, enum open_part part, struct str *why)
{
	size_t cache;
	enum err e;

	if ((e = open_pools(app, a, part, why)) || (e = open_redis(app, a, why)) || (e = open_keys(app, a, part, why)))
		return e;
	if (part != OPEN_SEED && (e = open_egress(app, a, why)))
		return e;
	if (part == OPEN_WORKER && (e = open_mailer(app, a, app->config, why)))
		return e;
	/* Keys and certificates have been read, and no thread is there yet. */
	if (part != OPEN_SEED && (e = contain(app, a, part, why)))
		return e;
	/* an entry takes at least a block */
	cache = (size_t)config_int(app->config, CFG_cache);
	if ((e = cache_new(app, cache / ARENA_BLOCK_BYTES, cache, &app->cache)))
		return e;
	if (part != OPEN_SERVER)
		return OK;
	auth_hear_members(app->auth);
	/* one more than can hash, for what else a sign-in waits for */
	if ((e = slow_open(auth_hashes_at_once(app->auth) + 1, &app->slow)) || (e = intake_open(app, &app->intake)))
		return e;
	return open_routes(app, a, why);
}

enum err app_open(struct arena *a, const struct config *config, enum open_part part, struct app **out, struct str *why)
{
	struct app *app = arena_new(a, struct app);
	enum err e;

	say(a, why, NULL);
	if (!app)
		return ERR_MEMORY;
	*out = app;
	app->config = config;
	app->public_url = config_text(config, CFG_public_url);
	app->mail_add = mail_add;
	app->log = log_open(2, (enum log_level)config_int(config, CFG_log_level));
	app->metrics = metrics_new();
	if (!app->log || !app->metrics)
		e = ERR_MEMORY;
	else
		e = open_parts(app, a, part, why);
	if (e)
		app_close(app);
	return e;
}

enum err app_describe(struct arena *a, struct app **out, struct str *why)
{
	struct app *app = arena_new(a, struct app);

	say(a, why, NULL);
	if (!app)
		return ERR_MEMORY;
	*out = app;
	return open_routes(app, a, why);
}

enum err app_check(struct app *app, struct arena *a, struct str *why)
{
	struct pg_pool *const pools[] = {app->pools[PG_APP], app->pools[PG_PUBLIC], app->pools[PG_WORKER],
	    app->read_pool == app->pools[PG_APP] ? NULL : app->read_pool};
	size_t i;
	enum err e;

	for (i = 0; i < countof(pools); i++)
		if (pools[i] && (e = pg_pool_check(pools[i], a, why)))
			return e;
	return OK;
}

/* Threads that use a part go before it: the subscriber of the cache lives in redis, so redis is closed first. */
void app_close(struct app *app)
{
	size_t i;

	slow_close(app->slow);
	intake_close(app->intake);
	if (app->redis)
		redis_close(app->redis);
	if (app->cache)
		cache_close(app->cache);
	if (app->auth)
		auth_close(app->auth);
	if (app->vault)
		vault_close(app->vault);
	if (app->read_pool && app->read_pool != app->pools[PG_APP])
		pg_pool_close(app->read_pool);
	if (app->mailer)
		mail_close(app->mailer);
	if (app->egress)
		egress_close(app->egress);
	for (i = 0; i < PG_ROLE_COUNT; i++)
		if (app->pools[i])
			pg_pool_close(app->pools[i]);
	openapi_close(app->openapi);
	metrics_free(app->metrics);
	log_close(app->log);
}
