/* egress_lookup.c - looks a name up, with a deadline and an eye on being stopped: the system's resolver has neither. */
#include <ares.h>
#include <poll.h>
#include "io/clock.h"
#include "io/egress_private.h"

#define NS_PER_MS 1000000LL
#define STEP_MS 100 /* how soon a stop is noticed */
#define ASK_MS 2000 /* a server is asked again after this long */
#define ASKS 2

struct lookup {
	struct egress_addresses *out;
	int status;
	bool done;
};

static void found(void *ctx, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *l = ctx;
	struct egress_address address;

	(void)timeouts;
	l->done = true;
	l->status = status;
	for (struct ares_addrinfo_node *node = info ? info->nodes : NULL; node; node = node->ai_next)
		if (l->out->n == EGRESS_ADDRESSES_MAX || !egress_address_of(node->ai_addr, &address))
			l->out->more = true;
		else
			l->out->list[l->out->n++] = address;
	if (info)
		ares_freeaddrinfo(info);
}

/* Waits for the channel's sockets, at most a step, and lets it work. */
static void work(ares_channel channel, int64_t left_ms)
{
	struct timeval most = {.tv_usec = STEP_MS * 1000}, wait;
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	int bits = ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM), n = 0, ms;
	struct timeval *first = ares_timeout(channel, &most, &wait);

	while (n < ARES_GETSOCK_MAXNUM && (ARES_GETSOCK_READABLE(bits, n) || ARES_GETSOCK_WRITABLE(bits, n))) {
		fds[n] = (struct pollfd){.fd = sockets[n]};
		fds[n].events = (short)((ARES_GETSOCK_READABLE(bits, n) ? POLLIN : 0) |
					(ARES_GETSOCK_WRITABLE(bits, n) ? POLLOUT : 0));
		n++;
	}
	ms = (int)(first->tv_sec * 1000 + (first->tv_usec + 999) / 1000);
	if (poll(fds, (nfds_t)n, ms < left_ms ? ms : (int)left_ms) <= 0) {
		ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		return;
	}
	for (int i = 0; i < n; i++)
		if (fds[i].revents)
			ares_process_fd(channel, fds[i].revents & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
			    fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
}

static enum egress_outcome run(
    const struct egress *e, ares_channel channel, const char *host, int64_t deadline_ns, struct lookup *l)
{
	/* without the sort, which would open sockets towards the addresses to learn their routes */
	static const struct ares_addrinfo_hints hints = {
	    .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	enum egress_outcome given_up = EGRESS_OK;

	ares_getaddrinfo(channel, host, NULL, &hints, found, l);
	while (!l->done) {
		int64_t left_ms = (deadline_ns - clock_mono_ns()) / NS_PER_MS;

		if (egress_stopped(e))
			given_up = EGRESS_STOPPED;
		else if (left_ms <= 0)
			given_up = EGRESS_TIMEOUT;
		if (given_up)
			ares_cancel(channel);
		else
			work(channel, left_ms);
	}
	if (given_up)
		return given_up;
	if (l->status == ARES_ENOMEM)
		return EGRESS_MEMORY;
	return l->status || (l->out->n == 0 && !l->out->more) ? EGRESS_NAME : EGRESS_OK;
}

enum egress_outcome egress_lookup(
    const struct egress *e, const char *host, int64_t deadline_ns, struct egress_addresses *out)
{
	/* no search list, no aliases of the environment's: a name means what it says */
	struct ares_options options = {
	    .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES, .timeout = ASK_MS, .tries = ASKS};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS;
	struct lookup l = {.out = out};
	enum egress_outcome o = EGRESS_NAME;
	ares_channel channel;
	int status;

	*out = (struct egress_addresses){0};
	status = ares_init_options(&channel, &options, mask);
	if (status)
		return status == ARES_ENOMEM ? EGRESS_MEMORY : EGRESS_NAME;
	if (!e->dns || ares_set_servers_ports_csv(channel, e->dns) == ARES_SUCCESS)
		o = run(e, channel, host, deadline_ns, &l);
	ares_destroy(channel);
	return o;
}
