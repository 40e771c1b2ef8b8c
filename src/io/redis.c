/* redis.c - the pool and the commands. A connection that failed is dropped, never reused. */
#include "io/redis.h"

#include <errno.h>
#include "io/clock.h"
#include "io/log.h"
#include "io/redis_private.h"

#define NS_PER_MS 1000000

static struct timeval timeval_of(int ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
}

/* ---- the address ---- */

static bool copy_part(char *out, size_t room, struct str s)
{
	if (s.n >= room)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

static bool read_number(struct str s, int max, int *out)
{
	int64_t v;

	if (!str_to_int(s, &v) || v < 0 || v > max)
		return false;
	*out = (int)v;
	return true;
}

static bool read_unix(struct str rest, struct redis_address *out)
{
	struct str path = str_cut(&rest, '?', NULL);

	if (!path.n || path.p[0] != '/' || !copy_part(out->host, sizeof out->host, path))
		return false;
	if (!rest.n)
		return true;
	return str_starts(rest, S("db=")) && read_number(str_sub(rest, 3, rest.n), 15, &out->db);
}

static bool read_sign_in(struct str who, struct redis_address *out)
{
	bool has_password;
	struct str user = str_cut(&who, ':', &has_password);

	return has_password && copy_part(out->user, sizeof out->user, user) &&
	       copy_part(out->password, sizeof out->password, who);
}

static bool read_host(struct str host, struct redis_address *out)
{
	struct str name;
	size_t end;
	bool has_port;

	out->port = 6379;
	if (str_starts(host, S("[")) && str_find_char(host, ']', &end)) {
		name = str_sub(host, 1, end - 1);
		host = str_sub(host, end + 1, host.n);
		has_port = str_starts(host, S(":"));
		if (host.n && !has_port)
			return false;
		host = str_sub(host, 1, host.n);
	} else {
		name = str_cut(&host, ':', &has_port);
	}
	if (has_port && (!read_number(host, 65535, &out->port) || !out->port))
		return false;
	return name.n && copy_part(out->host, sizeof out->host, name);
}

static bool read_address(struct str url, struct redis_address *out)
{
	struct str place, db;
	size_t at;

	if (str_starts(url, S("unix://")))
		return read_unix(str_sub(url, 7, url.n), out);
	if (!str_starts(url, S("redis://")))
		return false;
	db = str_sub(url, 8, url.n);
	place = str_cut(&db, '/', NULL);
	if (db.n && !read_number(db, 15, &out->db))
		return false;
	if (str_find_char(place, '@', &at)) {
		if (!read_sign_in(str_sub(place, 0, at), out))
			return false;
		place = str_sub(place, at + 1, place.n);
	}
	return read_host(place, out);
}

/* ---- connections ---- */

static bool said_ok(redisReply *reply)
{
	bool ok = reply && reply->type != REDIS_REPLY_ERROR;

	if (reply)
		freeReplyObject(reply);
	return ok;
}

redisContext *redis_connect(const struct redis *r)
{
	const struct redis_address *at = &r->address;
	struct timeval deadline = timeval_of(r->timeout_ms);
	redisContext *c = at->port ? redisConnectWithTimeout(at->host, at->port, deadline)
				   : redisConnectUnixWithTimeout(at->host, deadline);
	bool ok = c && !c->err && redisSetTimeout(c, deadline) == REDIS_OK;

	if (ok && *at->password)
		ok = *at->user ? said_ok(redisCommand(c, "AUTH %s %s", at->user, at->password))
			       : said_ok(redisCommand(c, "AUTH %s", at->password));
	if (ok && at->db)
		ok = said_ok(redisCommand(c, "SELECT %d", at->db));
	if (ok)
		return c;
	if (c)
		redisFree(c);
	return NULL;
}

static void report(struct redis *r, bool up)
{
	bool first;

	pthread_mutex_lock(&r->lock);
	first = r->reported == up;
	r->reported = !up;
	pthread_mutex_unlock(&r->lock);
	if (first && r->log)
		log_message(r->log, up ? LOG_INFO : LOG_WARN, "redis",
		    up ? S("Redis answers again") : S("Redis does not answer; working without it"));
}

/* Waits for a free connection, at most as long as Redis itself may take. */
static enum err take_slot(struct redis *r, redisContext **out)
{
	struct timespec until;
	enum err e = OK;
	int64_t end = clock_mono_ns() + (int64_t)r->timeout_ms * NS_PER_MS;

	until.tv_sec = end / 1000000000;
	until.tv_nsec = end % 1000000000;
	pthread_mutex_lock(&r->lock);
	while (!r->idle_count && !e)
		if (pthread_cond_timedwait(&r->freed, &r->lock, &until) == ETIMEDOUT)
			e = ERR_UNAVAILABLE;
	if (!e) {
		*out = r->idle[--r->idle_count];
		if (!*out && clock_mono_ns() < r->retry_ns) {
			r->idle[r->idle_count++] = NULL;
			e = ERR_UNAVAILABLE;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return e;
}

static void give_slot(struct redis *r, redisContext *c, bool failed_connect)
{
	pthread_mutex_lock(&r->lock);
	/* Live connections on top: with little traffic one of them does all the work and the others are never made. */
	if (c || !r->idle_count) {
		r->idle[r->idle_count++] = c;
	} else {
		memmove(r->idle + 1, r->idle, (size_t)r->idle_count * sizeof *r->idle);
		r->idle[0] = NULL;
		r->idle_count++;
	}
	if (failed_connect)
		r->retry_ns = clock_mono_ns() + (int64_t)REDIS_RETRY_MS * NS_PER_MS;
	pthread_cond_signal(&r->freed);
	pthread_mutex_unlock(&r->lock);
}

struct command {
	const char *args[REDIS_ARGS_MAX + 4];
	size_t lengths[REDIS_ARGS_MAX + 4];
	int n;
};

static void push(struct command *c, struct str s)
{
	c->args[c->n] = s.n ? s.p : "";
	c->lengths[c->n++] = s.n;
}

/* One command and its reply. A connection that had died while idle is replaced once: Redis closes idle ones, and restarts. */
static enum err ask(struct redis *r, const struct command *c, redisReply **out)
{
	redisContext *conn;
	enum err e;
	int attempt;

	*out = NULL;
	if ((e = take_slot(r, &conn)))
		return e;
	for (attempt = 0; attempt < 2 && !*out; attempt++) {
		bool fresh = !conn;

		if (fresh && !(conn = redis_connect(r)))
			break;
		*out = redisCommandArgv(conn, c->n, (const char **)c->args, c->lengths);
		if (*out)
			break;
		redisFree(conn);
		conn = NULL;
		if (fresh)
			break;
	}
	give_slot(r, conn, !*out);
	report(r, *out != NULL);
	return *out ? OK : ERR_UNAVAILABLE;
}

/* For commands whose answer does not matter. Redis that is loading, read-only or full is as good as away. */
static enum err tell(struct redis *r, const struct command *c)
{
	redisReply *reply;
	enum err e = ask(r, c, &reply);

	if (e)
		return e;
	if (reply->type == REDIS_REPLY_ERROR)
		e = ERR_UNAVAILABLE;
	freeReplyObject(reply);
	return e;
}

/* ---- commands ---- */

enum err redis_ping(struct redis *r)
{
	struct command c = {.n = 0};

	push(&c, S("PING"));
	return tell(r, &c);
}

enum err redis_get(struct redis *r, struct str key, struct arena *a, struct str *value)
{
	struct command c = {.n = 0};
	redisReply *reply;
	enum err e;

	push(&c, S("GET"));
	push(&c, key);
	if ((e = ask(r, &c, &reply)))
		return e;
	if (reply->type == REDIS_REPLY_NIL) {
		e = ERR_NOT_FOUND;
	} else if (reply->type != REDIS_REPLY_STRING) {
		e = ERR_UNAVAILABLE;
	} else {
		*value = str_dup(a, str_make(reply->str, (size_t)reply->len));
		if (reply->len && !value->p)
			e = ERR_MEMORY;
	}
	freeReplyObject(reply);
	return e;
}

static enum err set(struct redis *r, struct str key, struct str value, int ttl_s, bool only_new)
{
	struct command c = {.n = 0};
	char ttl[16];

	push(&c, S("SET"));
	push(&c, key);
	push(&c, value);
	push(&c, S("EX"));
	push(&c, str_make(ttl, (size_t)snprintf(ttl, sizeof ttl, "%d", ttl_s)));
	if (only_new)
		push(&c, S("NX"));
	return tell(r, &c);
}

enum err redis_set(struct redis *r, struct str key, struct str value, int ttl_s)
{
	return set(r, key, value, ttl_s, false);
}

enum err redis_set_new(struct redis *r, struct str key, struct str value, int ttl_s)
{
	return set(r, key, value, ttl_s, true);
}

enum err redis_del(struct redis *r, struct str key)
{
	struct command c = {.n = 0};

	push(&c, S("DEL"));
	push(&c, key);
	return tell(r, &c);
}

enum err redis_publish(struct redis *r, struct str channel, struct str message)
{
	struct command c = {.n = 0};

	push(&c, S("PUBLISH"));
	push(&c, channel);
	push(&c, message);
	return tell(r, &c);
}

static enum err read_integers(const redisReply *reply, int64_t *results, size_t n)
{
	size_t i;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != n)
		return ERR_IO;
	for (i = 0; i < n; i++) {
		if (reply->element[i]->type != REDIS_REPLY_INTEGER)
			return ERR_IO;
		results[i] = reply->element[i]->integer;
	}
	return OK;
}

/* Kept short on the wire: EVAL sends the text and Redis caches what it compiled, by the text's own hash. */
enum err redis_run(struct redis *r, const struct redis_script *script, int64_t *results, size_t result_count)
{
	struct command c = {.n = 0};
	redisReply *reply;
	char keys[16];
	size_t i;
	enum err e;

	if (script->arg_count > REDIS_ARGS_MAX || script->key_count > script->arg_count)
		return ERR_LIMIT;
	push(&c, S("EVAL"));
	push(&c, str_from(script->text));
	push(&c, str_make(keys, (size_t)snprintf(keys, sizeof keys, "%zu", script->key_count)));
	for (i = 0; i < script->arg_count; i++)
		push(&c, script->args[i]);
	if ((e = ask(r, &c, &reply)))
		return e;
	e = reply->type == REDIS_REPLY_ERROR ? ERR_UNAVAILABLE : read_integers(reply, results, result_count);
	freeReplyObject(reply);
	return e;
}

/* ---- life ---- */

static enum err refuse_open(struct redis *r, enum err e, const char *text, const char **why)
{
	free(r);
	*why = text;
	return e;
}

enum err redis_open(const struct redis_config *config, struct redis **out, const char **why)
{
	struct redis *r = calloc(1, sizeof *r);
	pthread_condattr_t monotonic;

	if (!r)
		return refuse_open(r, ERR_MEMORY, "out of memory", why);
	if (!read_address(str_from(config->url), &r->address))
		return refuse_open(r, ERR_SETTING,
		    "write the address as redis://:password@host:6379/0 or unix:///path/redis.sock?db=0", why);
	r->idle = calloc((size_t)config->connections, sizeof *r->idle);
	if (!r->idle)
		return refuse_open(r, ERR_MEMORY, "out of memory", why);
	r->timeout_ms = config->timeout_ms;
	r->connections = r->idle_count = config->connections;
	r->log = config->log;
	r->subscriber.stop_fd = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = r;
	return OK;
}

void redis_close(struct redis *r)
{
	int i;

	redis_subscriber_stop(r);
	for (i = 0; i < r->idle_count; i++)
		if (r->idle[i])
			redisFree(r->idle[i]);
	pthread_cond_destroy(&r->freed);
	pthread_mutex_destroy(&r->lock);
	free(r->idle);
	free(r);
}
