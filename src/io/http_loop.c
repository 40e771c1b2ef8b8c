#include "io/http_impl.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The threads that read and write: each turns a libmicrohttpd of its own, all of which listen on one socket. Between two turns nobody touches the
 * connections, which is what http_idle.c needs. libmicrohttpd has no wake-up of its own where it isn't its threads that wait. */

#define FREE_EXCHANGES_MAX 256 /* of all loops; HTTP_LOOPS_MAX is less */
#define LOOP_TURN_MS 100       /* at most: for idle connections, and to notice an end */
#define EVENTS_AT_ONCE 128     /* of libmicrohttpd 0.9.75 */
#define OTHER_EVENTS 4	       /* than those of connections: who listens, who wakes */

/* Paths and queries are decoded by whoever needs them, once. */
static size_t keep_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	(void)mhd;
	return strlen(s);
}

/* Turbo: no shutdown(2) before close(2), which would cut off the last words of conn_notify(). */
static struct MHD_Daemon *start_daemon(struct http_loop *l, int fd, unsigned connections)
{
	struct http_server *s = l->server;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, conn_accept, s,
	    exchange_step, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL_BYTES,
	    MHD_OPTION_NOTIFY_CONNECTION, conn_notify, l, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, s,
	    MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, s,
	    MHD_OPTION_END);
}

static int epoll_of(struct http_loop *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* The loop waits where libmicrohttpd does: one call in place of two, and sockets that are watched once. An event without a pointer, the version that is known
 * passes over. It is told at its edge, so the descriptor need not be read. */
static bool wakes_itself(struct http_loop *l)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

	return l->server->layout_known && epoll_ctl(epoll_of(l), EPOLL_CTL_ADD, l->wake, &e) == 0;
}

static void wait_for_events(struct http_loop *l)
{
	struct pollfd fds[2] = {{.fd = epoll_of(l), .events = POLLIN}, {.fd = l->wake, .events = POLLIN}};
	MHD_UNSIGNED_LONG_LONG ms;
	eventfd_t n;

	if (MHD_get_timeout(l->daemon, &ms) == MHD_NO || ms > LOOP_TURN_MS)
		ms = LOOP_TURN_MS;
	if (poll(fds, countof(fds), (int)ms) > 0 && fds[1].revents)
		(void)eventfd_read(l->wake, &n);
}

/* libmicrohttpd takes EVENTS_AT_ONCE at a time and, when it got as many, waits once more before it looks at them: with so many connections it must not wait. */
static bool may_all_speak(struct http_loop *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections + OTHER_EVENTS >=
	       EVENTS_AT_ONCE;
}

static void *loop_run(void *loop)
{
	struct http_loop *l = loop;
	bool one_call = wakes_itself(l), waits;

	while (!l->stop) {
		waits = !one_call || may_all_speak(l);
		if (waits)
			wait_for_events(l);
		MHD_run_wait(l->daemon, waits ? 0 : LOOP_TURN_MS);
		idle_tidy(l);
		if (l->server->draining && !l->quiet) {
			MHD_quiesce_daemon(l->daemon);
			l->quiet = true;
		}
	}
	return NULL;
}

void loop_resume(struct exchange *ex)
{
	struct http_loop *l = ex->loop;

	MHD_resume_connection(ex->mhd);
	(void)eventfd_write(l->wake, 1);
}

static bool loop_start(struct http_loop *l, int fd, unsigned connections)
{
	if ((l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return false;
	if ((l->daemon = start_daemon(l, fd, connections))) {
		if (!pthread_create(&l->thread, NULL, loop_run, l))
			return true;
		MHD_quiesce_daemon(l->daemon); /* else it closes the socket */
		MHD_stop_daemon(l->daemon);
	}
	close(l->wake);
	return false;
}

bool loops_start(struct http_server *s, int fd)
{
	int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
	int threads = s->config.io_threads > 0 ? s->config.io_threads : cores > 0 ? cores : 1;
	int limit = s->config.connections_max > 0 ? s->config.connections_max : HTTP_CONNECTIONS_MAX;

	if (threads > HTTP_LOOPS_MAX)
		threads = HTTP_LOOPS_MAX;
	for (int i = 0; i < threads; i++, s->loop_count++) {
		s->loops[i].server = s;
		s->loops[i].free_max = FREE_EXCHANGES_MAX / threads;
		if (!loop_start(&s->loops[i], fd, (limit + threads - 1) / threads))
			return false;
	}
	return true;
}

void loops_quiet(struct http_server *s)
{
	s->draining = true;
	for (int i = 0; i < s->loop_count; i++) {
		(void)eventfd_write(s->loops[i].wake, 1);
		while (!s->loops[i].quiet)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

void loops_stop(struct http_server *s)
{
	for (int i = 0; i < s->loop_count; i++)
		s->loops[i].stop = true;
	for (int i = 0; i < s->loop_count; i++) {
		(void)eventfd_write(s->loops[i].wake, 1);
		pthread_join(s->loops[i].thread, NULL);
		MHD_stop_daemon(s->loops[i].daemon);
		close(s->loops[i].wake);
	}
}
