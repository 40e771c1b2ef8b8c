#include "io/http_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define DRAIN_STEP_MS 5
#define DRAIN_LAST_MS 500 /* twice: for handlers that notice the end, then for their replies */

struct str http_method_name(enum http_method m)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"};

	return str_from(names[m]);
}

bool http_header_sent(const struct http_exchange *x, struct str name)
{
	for (size_t i = 0; i < x->header_count; i++) {
		if (str_eq_nocase(x->headers[i].name, name))
			return true;
	}
	return false;
}

struct str http_header_get(const struct http_exchange *x, struct str name)
{
	for (size_t i = 0; i < x->header_count; i++) {
		if (str_eq_nocase(x->headers[i].name, name))
			return x->headers[i].value;
	}
	return (struct str){0};
}

static bool is_one_line(struct str s)
{
	return s.n == 0 || (!memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && !memchr(s.p, 0, s.n));
}

void http_reply_header(struct http_exchange *x, struct str name, struct str value)
{
	const struct exchange *ex = x->internal;
	struct http_reply *r = &x->reply;

	if (!is_one_line(value))
		return;
	if (r->header_count == HTTP_REPLY_HEADERS_MAX) {
		if (ex)
			log_message(ex->server->config.log, LOG_ERROR, "too many reply headers", name);
		return;
	}
	r->headers[r->header_count++] = (struct http_header){name, value};
}

static const char *listen_on(const struct http_config *c, int *fd, int *port)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char digits[12];
	const char *why = NULL;
	int on = 1;

	snprintf(digits, sizeof(digits), "%d", c->port);
	if (getaddrinfo(c->bind, digits, &hints, &found))
		return "the address to listen on is not an IP address";
	*fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		why = "no socket to listen on";
	else if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		 bind(*fd, found->ai_addr, found->ai_addrlen))
		why = errno == EADDRINUSE ? "the port is taken by another program"
		      : errno == EACCES	  ? "this user may not use that port"
					  : "the address cannot be listened on";
	else if (listen(*fd, LISTEN_BACKLOG) || getsockname(*fd, (struct sockaddr *)&at, &len))
		why = "the address cannot be listened on";
	else
		*port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
						       : ((struct sockaddr_in *)&at)->sin_port);
	freeaddrinfo(found);
	if (why && *fd >= 0)
		close(*fd);
	return why;
}

static struct http_server *server_new(const struct http_config *config)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int connections = config->connections_max > 0 ? config->connections_max : HTTP_CONNECTIONS_MAX;

	if (!s)
		return NULL;
	s->config = *config;
	s->layout_known = guard_layout_known();
	s->page_bytes = sysconf(_SC_PAGESIZE);
	s->id_base = random_u64();
	for (int i = 0; i < LINGER_MAX; i++)
		s->lingers[i].fd = -1;
	pthread_mutex_init(&s->conns_lock, NULL);
	for (int i = 0; i < HTTP_LOOPS_MAX; i++)
		pthread_mutex_init(&s->loops[i].free_lock, NULL);
	if (address_table_init(&s->addresses, connections))
		return s;
	free(s);
	return NULL;
}

static void exchanges_free(struct http_loop *l)
{
	while (l->free) {
		struct exchange *ex = l->free;

		l->free = ex->next;
		arena_free(&ex->arena);
		free(ex);
	}
	pthread_mutex_destroy(&l->free_lock);
}

static void server_free(struct http_server *s)
{
	for (int i = 0; i < HTTP_LOOPS_MAX; i++)
		exchanges_free(&s->loops[i]);
	address_table_free(&s->addresses);
	pthread_mutex_destroy(&s->conns_lock);
	free(s);
}

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static const char *start_threads(struct http_server *s, int fd)
{
	if (!workers_start(s))
		return "no threads for the workers";
	if (pthread_create(&s->janitor, NULL, conn_janitor, s)) {
		workers_stop(s, DRAIN_LAST_MS);
		return "no thread for the deadlines";
	}
	if (loops_start(s, fd))
		return NULL;
	/* a daemon that isn't told so closes the socket, which is the caller's */
	loops_quiet(s);
	loops_stop(s);
	s->janitor_stop = true;
	pthread_join(s->janitor, NULL);
	workers_stop(s, DRAIN_LAST_MS);
	return "libmicrohttpd did not start";
}

enum err http_server_start(const struct http_config *config, struct http_server **out, const char **why)
{
	struct http_server *s = server_new(config);
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t all, before;
	int fd;

	*why = "no memory for the server";
	if (!s)
		return ERR_MEMORY;
	if ((*why = listen_on(config, &fd, &s->port))) {
		server_free(s);
		return ERR_IO;
	}
	if (config->bound)
		config->bound(config->bound_ctx, s->port);
	/* Signals are main's: no thread started here takes any but those that its own faults raise. */
	sigfillset(&all);
	for (size_t i = 0; i < countof(faults); i++)
		sigdelset(&all, faults[i]);
	s->listen_fd = fd;
	pthread_sigmask(SIG_BLOCK, &all, &before);
	*why = start_threads(s, fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (*why) {
		close(fd);
		server_free(s);
		return ERR_IO;
	}
	*out = s;
	return OK;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

static void wait_for_exchanges(struct http_server *s, int ms)
{
	int64_t until = clock_mono_ns() + (int64_t)ms * 1000000;

	while (s->under_way > 0 && clock_mono_ns() < until) {
		conn_shut(s, false);
		sleep_ms(DRAIN_STEP_MS);
	}
}

bool http_server_drain(struct http_server *s, int grace_ms)
{
	bool ended;

	if (!s->draining) {
		loops_quiet(s);
		close(s->listen_fd);
	}
	wait_for_exchanges(s, grace_ms);
	s->stopping = true;
	ended = workers_stop(s, DRAIN_LAST_MS);
	if (ended)
		wait_for_exchanges(s, DRAIN_LAST_MS);
	conn_shut(s, true);
	/* libmicrohttpd cannot be stopped while a connection is suspended, and only its worker may resume one. */
	if (!ended)
		return false;
	loops_stop(s);
	s->janitor_stop = true;
	pthread_join(s->janitor, NULL);
	server_free(s);
	return true;
}

void http_server_counts(struct http_server *s, struct http_counts *out)
{
	pthread_mutex_lock(&s->conns_lock);
	out->connections = s->conn_count;
	pthread_mutex_unlock(&s->conns_lock);
	pthread_mutex_lock(&s->queue.lock);
	out->queued = s->queue.length;
	out->busy_workers = s->queue.busy;
	out->away = s->queue.away;
	pthread_mutex_unlock(&s->queue.lock);
}
