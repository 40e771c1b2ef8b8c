/* redis.c - the pool and the commands. A connection that failed is dropped, never reused. */
#include "io/redis.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include "io/clock.h"
#include "io/log.h"
#include "io/redis_private.h"

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define REFUSAL_LOG_MS 60000

/* ---- deadlines ---- */

static int64_t deadline_ns(const struct redis *r)
{
	return clock_mono_ns() + (int64_t)r->timeout_ms * NS_PER_MS;
}

static struct timespec instant(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* What is left until then; never nothing, because zero means "for ever" to a socket. */
static struct timeval left_until(int64_t until_ns)
{
	int64_t left = until_ns - clock_mono_ns();

	if (left < NS_PER_MS)
		left = NS_PER_MS;
	return (struct timeval){.tv_sec = left / NS_PER_S, .tv_usec = left % NS_PER_S / 1000};
}

/* ---- connections ---- */

/* One command of the greeting, before `until_ns`. */
static bool greet(redisContext *c, int64_t until_ns, int n, const char **args)
{
	redisReply *reply = redisSetTimeout(c, left_until(until_ns)) ? NULL : redisCommandArgv(c, n, args, NULL);
	bool ok = reply && reply->type != REDIS_REPLY_ERROR;

	if (reply)
		freeReplyObject(reply);
	return ok;
}

/* What Redis says to a sign-in may hold the words of the command, so its text stays out of the log. */
static const char *sign_in(redisContext *c, const struct redis_address *at, int64_t until_ns)
{
	char db[16];
	const char *auth[] = {"AUTH", at->password, NULL}, *select[] = {"SELECT", db};

	if (*at->user) {
		auth[1] = at->user;
		auth[2] = at->password;
	}
	snprintf(db, sizeof db, "%d", at->db);
	if (*at->password && !greet(c, until_ns, *at->user ? 3 : 2, auth))
		return c->err ? c->errstr : "it refuses the user or the password";
	if (at->db && !greet(c, until_ns, 2, select))
		return c->err ? c->errstr : "it refuses to select the database";
	return NULL;
}

redisContext *redis_connect(const struct redis *r, int64_t until_ns, char why[REDIS_WHY_BYTES])
{
	const struct redis_address *at = &r->address;
	struct timeval left = left_until(until_ns);
	redisContext *c =
	    at->port ? redisConnectWithTimeout(at->host, at->port, left) : redisConnectUnixWithTimeout(at->host, left);
	const char *fault = !c ? "out of memory" : c->err ? c->errstr : sign_in(c, at, until_ns);

	if (!fault)
		return c;
	snprintf(why, REDIS_WHY_BYTES, "%s", fault);
	if (c)
		redisFree(c);
	return NULL;
}

/* A connection that lies idle has nothing to read; when there is something it is the end of it, e.g. since Redis restarted. */
static bool ended(const redisContext *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- the pool ---- */

struct slot {
	redisContext *c; /* NULL: to be connected by the caller */
	bool probe;	 /* this caller finds out whether Redis is back */
};

static enum err take_slot_locked(struct redis *r, const struct timespec *until, struct slot *out)
{
	while (!r->away && r->busy_count == r->connections)
		if (pthread_cond_timedwait(&r->changed, &r->lock, until) == ETIMEDOUT)
			return ERR_UNAVAILABLE;
	*out = (struct slot){.probe = r->away};
	if (r->away) {
		if (r->probing || r->busy_count == r->connections || clock_mono_ns() < r->retry_ns)
			return ERR_UNAVAILABLE;
		r->probing = true;
	} else if (r->idle_count) {
		out->c = r->idle[--r->idle_count];
	}
	r->busy_count++;
	return OK;
}

static enum err take_slot(struct redis *r, int64_t until_ns, struct slot *out)
{
	const struct timespec until = instant(until_ns);
	enum err e;

	pthread_mutex_lock(&r->lock);
	e = take_slot_locked(r, &until, out);
	pthread_mutex_unlock(&r->lock);
	return e;
}

/* Nobody else shall wait for what one caller has found out. The idle connections go too: after a break in the network each of them
 * would cost somebody a timeout. True when this is news. */
static bool mark_away(struct redis *r)
{
	bool news = !r->away;

	r->away = true;
	r->retry_ns = clock_mono_ns() + REDIS_RETRY_MS * NS_PER_MS;
	while (r->idle_count)
		redisFree(r->idle[--r->idle_count]);
	pthread_cond_broadcast(&r->changed);
	return news;
}

/* `s->c` is NULL when Redis did not answer, and then `why` says more. */
static void give_slot(struct redis *r, const struct slot *s, const char *why)
{
	char text[REDIS_WHY_BYTES + 64];
	bool news;

	pthread_mutex_lock(&r->lock);
	r->busy_count--;
	if (s->probe)
		r->probing = false;
	if (s->c) {
		r->idle[r->idle_count++] = s->c;
		news = r->away;
		r->away = false;
		pthread_cond_signal(&r->changed);
	} else {
		news = mark_away(r);
	}
	pthread_mutex_unlock(&r->lock);
	if (!news || !r->log)
		return;
	if (s->c) {
		log_message(r->log, LOG_INFO, "redis", S("Redis answers again"));
	} else {
		snprintf(text, sizeof text, "Redis does not answer, working without it: %s", why);
		log_message(r->log, LOG_WARN, "redis", str_from(text));
	}
}

void redis_seen(struct redis *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->away && !r->probing)
		r->retry_ns = 0;
	pthread_mutex_unlock(&r->lock);
}

/* ---- asking ---- */

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

/* One command and its reply; the caller frees it. What was sent is never sent again: it may have been done although nothing came back. */
static enum err ask(struct redis *r, const struct command *c, redisReply **out)
{
	int64_t until_ns = deadline_ns(r);
	char why[REDIS_WHY_BYTES] = "";
	struct slot s;
	enum err e;

	*out = NULL;
	if ((e = take_slot(r, until_ns, &s)))
		return e;
	if (s.c && ended(s.c)) {
		redisFree(s.c);
		s.c = NULL;
	}
	if (!s.c)
		s.c = redis_connect(r, until_ns, why);
	if (s.c && redisSetTimeout(s.c, left_until(until_ns)) == REDIS_OK)
		*out = redisCommandArgv(s.c, c->n, (const char **)c->args, c->lengths);
	if (s.c && !*out) {
		snprintf(why, sizeof why, "%s", s.c->errstr);
		redisFree(s.c);
		s.c = NULL;
	}
	give_slot(r, &s, why);
	return *out ? OK : ERR_UNAVAILABLE;
}

/* Redis that is loading, read-only or full is as good as away. Only the first word of its reply is logged: the rest may quote keys
 * and values. */
static enum err refused(struct redis *r, const redisReply *reply)
{
	struct str text = str_make(reply->str, reply->str ? (size_t)reply->len : 0);
	int64_t now = clock_mono_ns();
	char line[96];
	bool tell;

	pthread_mutex_lock(&r->lock);
	tell = now >= r->refusal_ns;
	if (tell)
		r->refusal_ns = now + REFUSAL_LOG_MS * NS_PER_MS;
	pthread_mutex_unlock(&r->lock);
	if (tell && r->log) {
		text = str_sub(str_cut(&text, ' ', NULL), 0, 32);
		snprintf(line, sizeof line, "Redis refuses a command: %.*s", STR_ARGS(text));
		log_message(r->log, LOG_WARN, "redis", str_from(line));
	}
	return ERR_UNAVAILABLE;
}

/* For commands whose answer does not matter. */
static enum err tell(struct redis *r, const struct command *c)
{
	redisReply *reply;
	enum err e = ask(r, c, &reply);

	if (e)
		return e;
	if (reply->type == REDIS_REPLY_ERROR)
		e = refused(r, reply);
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
		e = refused(r, reply);
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

	assert(ttl_s > 0);
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

/* Of a script that was called before; NULL when there is no room for one more. */
static const char *script_sha(struct redis *r, const char *text)
{
	int n = __atomic_load_n(&r->script_count, __ATOMIC_ACQUIRE), i;
	struct redis_known_script *s;
	unsigned char digest[20];

	for (i = 0; i < n; i++)
		if (r->scripts[i].text == text)
			return r->scripts[i].sha;
	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) != 1)
		return NULL;
	pthread_mutex_lock(&r->lock);
	/* Two threads may add the same one; that costs a place, which matters to nobody. */
	s = r->script_count < REDIS_SCRIPTS_MAX ? &r->scripts[r->script_count] : NULL;
	if (s) {
		s->text = text;
		for (i = 0; i < (int)sizeof digest; i++)
			snprintf(s->sha + 2 * i, 3, "%02x", digest[i]);
		__atomic_store_n(&r->script_count, r->script_count + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&r->lock);
	return s ? s->sha : NULL;
}

static enum err call_script(
    struct redis *r, const char *command, const char *name, const struct redis_script *script, redisReply **reply)
{
	struct command c = {.n = 0};
	char keys[16];
	size_t i;

	push(&c, str_from(command));
	push(&c, str_from(name));
	push(&c, str_make(keys, (size_t)snprintf(keys, sizeof keys, "%zu", script->key_count)));
	for (i = 0; i < script->arg_count; i++)
		push(&c, script->args[i]);
	return ask(r, &c, reply);
}

/* By its hash; a Redis that does not know it (any more: restarted, flushed) has not run it, and is sent the text, which it then remembers. */
static enum err run(struct redis *r, const struct redis_script *script, redisReply **reply)
{
	const char *sha = script_sha(r, script->text);
	enum err e;

	assert(script->arg_count <= REDIS_ARGS_MAX && script->key_count <= script->arg_count);
	if (!sha)
		return call_script(r, "EVAL", script->text, script, reply);
	if ((e = call_script(r, "EVALSHA", sha, script, reply)) || (*reply)->type != REDIS_REPLY_ERROR ||
	    strncmp((*reply)->str, "NOSCRIPT", 8) != 0)
		return e;
	freeReplyObject(*reply);
	return call_script(r, "EVAL", script->text, script, reply);
}

enum err redis_run(struct redis *r, const struct redis_script *script, int64_t *results, size_t result_count)
{
	redisReply *reply;
	enum err e;

	if ((e = run(r, script, &reply)))
		return e;
	e = reply->type == REDIS_REPLY_ERROR ? refused(r, reply) : read_integers(reply, results, result_count);
	freeReplyObject(reply);
	return e;
}

enum err redis_run_text(struct redis *r, const struct redis_script *script, struct arena *a, struct str *text)
{
	redisReply *reply;
	enum err e;

	if ((e = run(r, script, &reply)))
		return e;
	if (reply->type == REDIS_REPLY_ERROR) {
		e = refused(r, reply);
	} else if (reply->type != REDIS_REPLY_STRING) {
		e = ERR_IO;
	} else {
		*text = str_dup(a, str_make(reply->str, (size_t)reply->len));
		e = reply->len && !text->p ? ERR_MEMORY : OK;
	}
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

	assert(config->connections > 0 && config->timeout_ms > 0);
	if (!r)
		return refuse_open(r, ERR_MEMORY, "out of memory", why);
	if (!redis_address_read(str_from(config->url), &r->address))
		return refuse_open(r, ERR_SETTING,
		    "write the address as redis://[user]:password@host:6379/0 (in the password %40 for @, %2F for /) "
		    "or "
		    "unix:///path/redis.sock?db=0",
		    why);
	r->idle = calloc((size_t)config->connections, sizeof *r->idle);
	if (!r->idle)
		return refuse_open(r, ERR_MEMORY, "out of memory", why);
	r->timeout_ms = config->timeout_ms;
	r->connections = config->connections;
	r->log = config->log;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = r;
	return OK;
}

void redis_close(struct redis *r)
{
	int i;

	redis_subscriber_stop(r);
	for (i = 0; i < r->idle_count; i++)
		redisFree(r->idle[i]);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r->idle);
	free(r);
}
