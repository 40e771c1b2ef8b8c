/* http_test.h - a server on a free port and a client that sends bytes as they are, for the tests of io/http. */
#ifndef IO_HTTP_TEST_H
#define IO_HTTP_TEST_H

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/test.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/log.h"

struct site {
	struct http_server *server;
	struct log *log;
	int port;
	_Atomic int last_status;
	_Atomic int finished;
	_Atomic unsigned read_last;
};

struct answer {
	char *text;                  /* head and body; ends in NUL */
	size_t bytes;
	int status, ms;
	bool closed;
};

static inline void site_refuse(void *ctx, struct http_exchange *x, enum err e, const char *detail)
{
	(void)ctx;
	(void)detail;
	x->reply.status = err_status(e);
	x->reply.body = str_from(err_slug(e));
	http_reply_header(x, S("Content-Type"), S("application/problem+json"));
	if (x->reply.status == 503)
		http_reply_header(x, S("Retry-After"), S("1"));
}

static inline unsigned sum_of(struct str s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
	return sum;
}

static inline void site_finished(void *ctx, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes)
{
	struct site *site = ctx;

	(void)duration_ns;
	(void)sent_bytes;
	/* Whoever logs a request reads these: they must still be there, also when the connection is not. */
	site->read_last += sum_of(x->request_id) + sum_of(x->client) + sum_of(x->method_text) + sum_of(x->path) + sum_of(x->query);
	for (size_t i = 0; i < x->header_count; i++)
		site->read_last += sum_of(x->headers[i].name) + sum_of(x->headers[i].value);
	site->last_status = status;
	site->finished++;
}

static inline void site_open(struct site *site, struct http_config *c)
{
	const char *why = "";

	site->log = log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_INFO);
	c->bind = c->bind ? c->bind : "127.0.0.1";
	c->source = &arena_malloc;
	c->log = site->log;
	c->ctx = site;
	c->refuse = site_refuse;
	c->finished = site_finished;
	if (http_server_start(c, &site->server, &why))
		fail_msg("server: %s", why);
	site->port = http_server_port(site->server);
}

static inline void site_close(struct site *site)
{
	http_server_drain(site->server, 2000);
	log_close(site->log);
}

static inline int dial(const struct site *site)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(site->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		fail_msg("no connection to the server");
	return fd;
}

/* What the server does not want to read any more is its business. */
static inline void say(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes = str_sub(bytes, n, bytes.n);
	}
}

static inline int status_of(const char *text)
{
	int status = 0;

	if (strncmp(text, "HTTP/1.", 7) != 0)
		return 0;
	for (int i = 9; i < 12; i++)
		status = status * 10 + text[i] - '0';
	return status;
}

/* Reads until the server closes, or `needle` (may be NULL) has come, or time is up. */
static inline struct answer hear(int fd, const char *needle, int timeout_ms)
{
	struct answer a = { .text = calloc(1, 1) };
	int64_t began = clock_mono_ns();

	for (;;) {
		char part[16384];
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int left = timeout_ms - (int)((clock_mono_ns() - began) / 1000000);
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			break;
		n = recv(fd, part, sizeof(part), 0);
		if (n <= 0) {
			a.closed = true;
			break;
		}
		a.text = realloc(a.text, a.bytes + n + 1);
		memcpy(a.text + a.bytes, part, n);
		a.bytes += n;
		a.text[a.bytes] = 0;
		if (needle && strstr(a.text, needle))
			break;
	}
	a.ms = (int)((clock_mono_ns() - began) / 1000000);
	a.status = status_of(a.text);
	return a;
}

static inline struct answer exchange_raw(const struct site *site, struct str request)
{
	int fd = dial(site);
	struct answer a;

	say(fd, request);
	a = hear(fd, NULL, 3000);
	close(fd);
	return a;
}

static inline bool says(const struct answer *a, const char *part)
{
	return strstr(a->text, part) != NULL;
}

#endif
