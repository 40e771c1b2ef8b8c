/* redis_subscribe.c - the thread that listens. hiredis gives a context up after a read timeout, so waiting is done by poll(2). */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "io/clock.h"
#include "io/redis_private.h"

#define NS_PER_MS 1000000LL

/* True when the thread shall end. */
static bool stopped(const struct redis *r, int wait_ms)
{
	struct pollfd stop = {.fd = r->subscriber.stop_fd, .events = POLLIN};

	return poll(&stop, 1, wait_ms) > 0;
}

static void hand_on(const struct redis *r, const redisReply *reply)
{
	const struct redis_listener *l = r->subscriber.listener;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[0]->type != REDIS_REPLY_STRING)
		return;
	if (str_eq(str_make(reply->element[0]->str, (size_t)reply->element[0]->len), S("message")) &&
	    reply->element[2]->type == REDIS_REPLY_STRING)
		l->message(l->ctx, str_make(reply->element[2]->str, (size_t)reply->element[2]->len));
}

/* Everything that has arrived. False when the stream is broken. */
static bool take_replies(const struct redis *r, redisContext *c)
{
	void *reply;

	while (redisGetReplyFromReader(c, &reply) == REDIS_OK) {
		if (!reply)
			return true;
		hand_on(r, reply);
		freeReplyObject(reply);
	}
	return false;
}

static bool send_ping(redisContext *c)
{
	int done = 0;

	if (redisAppendCommand(c, "PING") != REDIS_OK)
		return false;
	while (!done)
		if (redisBufferWrite(c, &done) != REDIS_OK)
			return false;
	return true;
}

/* Returns when the connection is lost (true: go on with another) or the thread shall end (false). */
static bool listen_on(const struct redis *r, redisContext *c)
{
	struct pollfd fds[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = r->subscriber.stop_fd, .events = POLLIN}};
	bool asked = false;

	for (;;) {
		int n;

		/* Before the first poll too: a message may have come in one packet with the reply to SUBSCRIBE. */
		if (!take_replies(r, c))
			return true;
		n = poll(fds, 2, REDIS_SILENCE_MS);
		if (n < 0 && errno != EINTR)
			return true;
		if (fds[1].revents)
			return false;
		if (n == 0) {
			if (asked || !send_ping(c))
				return true;
			asked = true;
		} else if (n > 0) {
			asked = false;
			if (redisBufferRead(c) != REDIS_OK)
				return true;
		}
	}
}

static redisContext *join(const struct redis *r)
{
	int64_t until_ns = clock_mono_ns() + r->timeout_ms * NS_PER_MS;
	char why[REDIS_WHY_BYTES]; /* the pool logs the same */
	redisContext *c = redis_connect(r, until_ns, why);
	redisReply *reply;

	if (!c)
		return NULL;
	reply = redisCommand(c, "SUBSCRIBE %s", r->subscriber.channel);
	if (reply && reply->type == REDIS_REPLY_ARRAY) {
		freeReplyObject(reply);
		return c;
	}
	if (reply)
		freeReplyObject(reply);
	redisFree(c);
	return NULL;
}

static void *subscriber_main(void *arg)
{
	struct redis *r = arg;
	const struct redis_listener *l = r->subscriber.listener;
	bool go_on = true;

	while (go_on) {
		redisContext *c = join(r);

		if (c) {
			redis_seen(r);
			l->joined(l->ctx);
			go_on = listen_on(r, c);
			l->lost(l->ctx);
			redisFree(c);
		}
		go_on = go_on && !stopped(r, REDIS_REJOIN_MS);
	}
	return NULL;
}

enum err redis_subscribe(struct redis *r, const char *channel, const struct redis_listener *listener)
{
	struct redis_subscriber *s = &r->subscriber;
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}; /* they must be seen */
	sigset_t all, before;
	int failed;

	assert(!s->started);
	s->channel = channel;
	s->listener = listener;
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (s->stop_fd < 0)
		return ERR_IO;
	/* Signals are the main thread's. */
	sigfillset(&all);
	for (size_t i = 0; i < countof(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	failed = pthread_create(&s->thread, NULL, subscriber_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		close(s->stop_fd);
		return ERR_IO;
	}
	s->started = true;
	return OK;
}

void redis_subscriber_stop(struct redis *r)
{
	struct redis_subscriber *s = &r->subscriber;
	uint64_t one = 1;

	if (!s->started)
		return;
	while (write(s->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
	pthread_join(s->thread, NULL);
	close(s->stop_fd);
	s->started = false;
}
