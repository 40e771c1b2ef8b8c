/* redis_private.h - shared by redis.c (pool, commands) and redis_subscribe.c. Not for others. */
#ifndef IO_REDIS_PRIVATE_H
#define IO_REDIS_PRIVATE_H

#include <pthread.h>
#include <hiredis/hiredis.h>
#include "io/redis.h"

struct redis_address {
	char host[256];              /* or the socket's path */
	char user[128], password[256];
	int port, db;                /* port 0: a unix socket */
};

struct redis_subscriber {
	pthread_t thread;
	bool started;
	const char *channel;
	const struct redis_listener *listener;
	int stop_fd;                 /* eventfd: written by redis_close */
};

struct redis {
	struct redis_address address;
	int timeout_ms;
	struct log *log;
	pthread_mutex_t lock;        /* everything below */
	pthread_cond_t freed;
	redisContext **idle;         /* a stack; a slot without context is a connection not made yet */
	int idle_count, connections;
	int64_t retry_ns;            /* no connect before this instant (monotonic) */
	bool reported;               /* the log has a line about the present outage */
	struct redis_subscriber subscriber;
};

/* Connects, signs in, selects the database. NULL when it cannot. */
redisContext *redis_connect(const struct redis *r);
void redis_subscriber_stop(struct redis *r);

#endif
