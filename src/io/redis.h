/* redis.h - Redis by hiredis: a small pool of connections with deadlines, and one subscriber thread.
 *
 * Redis may vanish at any time. Every call answers within about timeout_ms, whatever Redis does; when it does not answer, or refuses
 * (read-only, full, loading), with ERR_UNAVAILABLE. Once it did not answer, one caller every REDIS_RETRY_MS tries again and all others
 * are told at once, so that a dead or hanging Redis costs a request almost nothing. A command is sent at most once: after
 * ERR_UNAVAILABLE it may have been done or not.
 *
 * Outages and refusals are logged here; callers need not. Replies are copied into the caller's arena. Keys and values may hold any bytes.
 * Thread-safe. The process ignores SIGPIPE. A host name is looked up by the system's resolver, whose time comes on top. */
#ifndef IO_REDIS_H
#define IO_REDIS_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"

struct log;
struct redis;

struct redis_config {
	const char *url; /* redis://[[user]:password@]host[:port][/db], user and password with %40 for @ and the like;
				     * or unix:///path/redis.sock[?db=0] */
	int connections; /* at most; they are made when needed. Callers beyond wait for one. */
	int timeout_ms;
	struct log *log; /* may be NULL */
};
/* Reads the address, connects to nothing yet. ERR_SETTING with *why (static) for an address it cannot read. */
enum err redis_open(const struct redis_config *config, struct redis **out, const char **why);
/* No call may be under way. Ends the subscriber's thread too; the listener is told `lost` when it was joined. */
void redis_close(struct redis *r);
enum err redis_ping(struct redis *r);
/* ERR_NOT_FOUND when there is no such key; ERR_MEMORY when the arena has no room for the value */
enum err redis_get(struct redis *r, struct str key, struct arena *a, struct str *value);
enum err redis_set(
    struct redis *r, struct str key, struct str value, int ttl_s); /* ttl_s > 0: nothing stays for ever */
/* Only when the key is not there; an existing one is no error. */
enum err redis_set_new(struct redis *r, struct str key, struct str value, int ttl_s);
enum err redis_del(struct redis *r, struct str key);
enum err redis_publish(struct redis *r, struct str channel, struct str message);
/* A script of our own (constant text, called by its hash and sent whole when Redis does not have it), which answers result_count integers; ERR_IO when it answers anything else. */
struct redis_script {
	const char *text;
	const struct str *args; /* at most REDIS_ARGS_MAX; the first key_count are keys */
	size_t key_count, arg_count;
};
enum err redis_run(struct redis *r, const struct redis_script *script, int64_t *results, size_t result_count);
/* The same for a script that answers one text, copied into `a`. ERR_IO when it answers anything else, ERR_MEMORY. */
enum err redis_run_text(struct redis *r, const struct redis_script *script, struct arena *a, struct str *text);

/* What a subscriber is told, on the subscriber's thread; a silent Redis counts as lost after twice REDIS_SILENCE_MS. */
struct redis_listener {
	void *ctx;
	void (*message)(void *ctx, struct str message); /* borrowed */
	void (*lost)(void *ctx);   /* the connection is gone: messages may be missed from here on */
	void (*joined)(void *ctx); /* (re)connected: what happened since `lost` is unknown */
};
/* One a process. `listener` and `channel` must live until redis_close. */
enum err redis_subscribe(struct redis *r, const char *channel, const struct redis_listener *listener);

#endif
