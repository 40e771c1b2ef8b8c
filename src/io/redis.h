/* redis.h - Redis by hiredis: a small pool of connections with deadlines, and one subscriber thread.
 *
 * Redis may vanish at any time: every call answers within about timeout_ms with ERR_UNAVAILABLE, and after a failed connect the
 * next attempt waits REDIS_RETRY_MS, so that a dead Redis costs a request almost nothing. Replies are copied into the caller's arena.
 * Thread-safe. */
#ifndef IO_REDIS_H
#define IO_REDIS_H

#include "base/arena.h"
#include "base/str.h"

struct log;
struct redis;

#define REDIS_RETRY_MS 100
#define REDIS_ARGS_MAX 16           /* keys and arguments of a script, together */

struct redis_config {
	const char *url;            /* redis://[[user]:password@]host[:port][/db], or unix:///path/redis.sock[?db=0] */
	int connections, timeout_ms;
	struct log *log;
};
/* Reads the address, connects to nothing yet. ERR_SETTING with *why (static) for an address it cannot read. */
enum err redis_open(const struct redis_config *config, struct redis **out, const char **why);
void redis_close(struct redis *r);  /* ends the subscriber's thread too */
enum err redis_ping(struct redis *r);
/* ERR_NOT_FOUND when there is no such key */
enum err redis_get(struct redis *r, struct str key, struct arena *a, struct str *value);
enum err redis_set(struct redis *r, struct str key, struct str value, int ttl_s);
/* Only when the key is not there; an existing one is no error. */
enum err redis_set_new(struct redis *r, struct str key, struct str value, int ttl_s);
enum err redis_del(struct redis *r, struct str key);
enum err redis_publish(struct redis *r, struct str channel, struct str message);
/* A script of our own (constant text), which answers result_count integers.
 * ERR_IO when it answers anything else. */
struct redis_script {
	const char *text;
	const struct str *args;     /* the first key_count are keys */
	size_t key_count, arg_count;
};
enum err redis_run(struct redis *r, const struct redis_script *script, int64_t *results, size_t result_count);

/* What a subscriber is told, on the subscriber's thread. */
struct redis_listener {
	void *ctx;
	void (*message)(void *ctx, struct str message);
	void (*lost)(void *ctx);    /* the connection is gone: messages may be missed from here on */
	void (*joined)(void *ctx);  /* (re)connected: what happened since `lost` is unknown */
};
/* One a process. `listener` and `channel` must live until redis_close. */
enum err redis_subscribe(struct redis *r, const char *channel, const struct redis_listener *listener);

#endif
