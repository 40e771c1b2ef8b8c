/* redis_private.h - shared by redis.c (pool, commands), redis_address.c and redis_subscribe.c. Not for others. */
#ifndef IO_REDIS_PRIVATE_H
#define IO_REDIS_PRIVATE_H

#include <pthread.h>
#include <hiredis/hiredis.h>
#include "io/redis.h"

#define REDIS_WHY_BYTES 128
#define REDIS_SCRIPTS_MAX 16 /* that are called by their hash; further ones are sent whole */

/* A script by the hash that Redis knows it by. */
struct redis_known_script {
	const char *text;
	char sha[41];
};

struct redis_address {
	char host[256]; /* or the socket's path */
	char user[128], password[256];
	int port, db; /* port 0: a unix socket */
};

struct redis_subscriber {
	pthread_t thread;
	bool started;
	const char *channel;
	const struct redis_listener *listener;
	int stop_fd; /* eventfd: written by redis_close */
};

struct redis {
	struct redis_address address;
	int timeout_ms, connections;
	struct log *log;
	pthread_mutex_t lock;	/* everything below */
	pthread_cond_t changed; /* a connection came free, or Redis went away */
	redisContext *
	    *idle; /* a stack: with little traffic one connection does all the work and the others are never made */
	int idle_count, busy_count; /* together at most `connections` */
	bool away;		    /* the last thing known is that it does not answer */
	bool probing;		    /* while away one caller at a time tries, the others are told at once */
	int64_t retry_ns;	    /* while away: nobody tries before this instant (monotonic) */
	int64_t refusal_ns;	    /* no log line about a refused command before this instant */
	struct redis_subscriber subscriber;
	struct redis_known_script scripts[REDIS_SCRIPTS_MAX];
	int script_count; /* only grows; read without the lock */
};

/* False for an address it cannot read. */
bool redis_address_read(struct str url, struct redis_address *out);
/* Connects, signs in, selects the database, all before the instant given (monotonic). NULL when it cannot, and why in words that are
 * safe to log. */
redisContext *redis_connect(const struct redis *r, int64_t until_ns, char why[REDIS_WHY_BYTES]);
/* Redis has been seen to answer: callers need not wait for the next attempt. */
void redis_seen(struct redis *r);
void redis_subscriber_stop(struct redis *r);

#endif
