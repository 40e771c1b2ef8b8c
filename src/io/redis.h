/* redis.h - Redis by hiredis: a small pool of connections with deadlines, and one subscriber thread.
 *
 * Redis may vanish at any time: every call answers within timeout_ms with ERR_UNAVAILABLE, after a failure the next attempt to
 * connect waits a little (100 ms), so a dead Redis costs a request almost nothing. Replies are copied into the caller's arena. */
#ifndef IO_REDIS_H
#define IO_REDIS_H

#include "base/arena.h"
#include "base/str.h"

struct log;
struct redis;

struct redis_config {
	const char *url;             /* redis://[:password@]host:port/db, or unix:///path/redis.sock?db=0 */
	int connections, timeout_ms;
	struct log *log;
};
enum err redis_open(const struct redis_config *config, struct redis **out, const char **why);   /* does not connect yet */
void redis_close(struct redis *r);
enum err redis_ping(struct redis *r);
/* ERR_NOT_FOUND when there is no such key */
enum err redis_get(struct redis *r, struct str key, struct arena *a, struct str *value);
enum err redis_set(struct redis *r, struct str key, struct str value, int ttl_s);
enum err redis_del(struct redis *r, struct str key);
enum err redis_publish(struct redis *r, struct str channel, struct str message);
/* A script of our own (constant text), by EVALSHA with EVAL as the way back; integer results. */
enum err redis_script(struct redis *r, const char *script, const struct str *keys, size_t key_count, const struct str *args,
    size_t arg_count, int64_t *results, size_t result_count);
/* One thread listens to `channel`; on_message runs there. on_gap is called after each (re)connection: what was cached may be stale. */
enum err redis_subscribe(struct redis *r, const char *channel, void (*on_message)(void *ctx, struct str message), void (*on_gap)(void *ctx),
    void *ctx);

#endif
