/* load.c - a load client for one address: N keep-alive connections, one request at a time on each, for some seconds.
 *
 *     [LOAD_HEADER='NAME: VALUE'] load PORT CONNECTIONS SECONDS STATUS METHOD PATH [BODY-FILE]
 *
 * With a body each request carries an Idempotency-Key of its own, as the respondent's page does. What varies: `@` in PATH is 1 to LOAD_PATHS, and `@@` in
 * the body two digits below LOAD_VALUES, by turns. LOAD_RETRIES=N sends one request in N anew whose answer has come, with its key. Prints one line of JSON: requests per
 * second, errors (another status, or a connection that broke), and the latency in microseconds at p50, p90, p99 and at worst. One thread,
 * epoll: it must leave the cores to what is measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_MAX_BYTES (64 * 1024)
#define HEAD_ROOM_BYTES 2048
#define HEADER_MAX_BYTES 1500
#define REPLY_MAX_BYTES (1024 * 1024)
#define SAMPLES_MAX (8 * 1000 * 1000)

struct connection {
	int fd;
	size_t sent, got;
	size_t whole; /* bytes of the reply; 0 until its head is there */
	size_t request_bytes;
	int64_t started_ns;
	int status;
	uint64_t serial;
	char *request, *reply;
};

struct load {
	int port, status, epoll_fd;
	const char *method, *path, *body;
	const char *header; /* one more line of the head, or NULL */
	size_t body_bytes;
	uint64_t serial, salt, errors, stored, turn; /* stored: the last serial whose answer has come */
	unsigned paths, values, retries;
	size_t varies_at; /* of the body; 0: nowhere */
	uint32_t *samples_us;
	size_t sample_count;
	int64_t end_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void connect_one(struct load *l, struct connection *c)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev))
		die("epoll_ctl");
}

static void build_request(struct load *l, struct connection *c)
{
	bool again = l->retries && l->stored && ++l->turn % l->retries == 0;
	const char *mark = l->paths ? strchr(l->path, '@') : NULL;
	char number[24] = "";
	int n;

	c->serial = again ? l->stored : ++l->serial;
	if (mark)
		snprintf(number, sizeof number, "%u", (unsigned)(c->serial % l->paths) + 1);
	n = snprintf(c->request, HEAD_ROOM_BYTES, "%s %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", l->method,
	    (int)(mark ? (size_t)(mark - l->path) : strlen(l->path)), l->path, number, mark ? mark + 1 : "", l->port);

	if (l->body)
		n += snprintf(c->request + n, HEAD_ROOM_BYTES - n,
		    "Content-Type: application/json\r\nContent-Length: %zu\r\nIdempotency-Key: load-%016llx-%llu\r\n",
		    l->body_bytes, (unsigned long long)l->salt, (unsigned long long)c->serial);
	if (l->header)
		n += snprintf(c->request + n, HEAD_ROOM_BYTES - n, "%s\r\n", l->header);
	n += snprintf(c->request + n, HEAD_ROOM_BYTES - n, "\r\n");
	if (l->body)
		memcpy(c->request + n, l->body, l->body_bytes);
	if (l->body && l->varies_at) {
		unsigned value = (unsigned)(c->serial % (l->values ? l->values : 1));

		c->request[(size_t)n + l->varies_at] = (char)('0' + value / 10 % 10);
		c->request[(size_t)n + l->varies_at + 1] = (char)('0' + value % 10);
	}
	c->request_bytes = (size_t)n + l->body_bytes;
}

static void flush_request(struct connection *c)
{
	while (c->sent < c->request_bytes) {
		ssize_t n = send(c->fd, c->request + c->sent, c->request_bytes - c->sent, MSG_NOSIGNAL);

		/* a request fits into the socket's buffer, so waiting here is rare and short */
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0)
			die("send");
		c->sent += (size_t)n;
	}
}

static void start_request(struct load *l, struct connection *c)
{
	build_request(l, c);
	c->sent = c->got = c->whole = 0;
	c->started_ns = now_ns();
	flush_request(c);
}

/* Reads the head once it is complete; our own server always sends Content-Length here. */
static void read_head(struct connection *c)
{
	char *end, *length;

	c->reply[c->got] = '\0';
	end = strstr(c->reply, "\r\n\r\n");
	if (!end)
		return;
	length = strcasestr(c->reply, "\r\ncontent-length:");
	if (!length || length > end || strncmp(c->reply, "HTTP/1.1 ", 9) != 0) {
		fprintf(stderr, "load: a reply without a length: %.200s\n", c->reply);
		exit(1);
	}
	c->status = (int)strtol(c->reply + 9, NULL, 10);
	c->whole = (size_t)(end - c->reply) + 4 + strtoul(length + 17, NULL, 10);
}

static void finish_request(struct load *l, struct connection *c)
{
	int64_t end = now_ns();

	if (c->status != l->status) {
		if (l->errors++ == 0)
			fprintf(stderr, "load: %d instead of %d: %.600s\n", c->status, l->status, c->reply);
	} else if (l->sample_count < SAMPLES_MAX) {
		l->samples_us[l->sample_count++] = (uint32_t)((end - c->started_ns) / 1000);
	}
	if (c->status == l->status)
		l->stored = c->serial;
}

/* False when the connection is through (the time is up). */
static bool on_readable(struct load *l, struct connection *c)
{
	ssize_t n = recv(c->fd, c->reply + c->got, REPLY_MAX_BYTES - c->got - 1, 0);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0) {
		l->errors++;
		close(c->fd);
		if (now_ns() >= l->end_ns)
			return false;
		connect_one(l, c);
		start_request(l, c);
		return true;
	}
	c->got += (size_t)n;
	if (!c->whole)
		read_head(c);
	if (!c->whole || c->got < c->whole)
		return true;
	finish_request(l, c);
	if (now_ns() >= l->end_ns) {
		close(c->fd);
		return false;
	}
	start_request(l, c);
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void read_body(struct load *l, const char *file)
{
	char *text = malloc(REQUEST_MAX_BYTES);
	FILE *f = fopen(file, "r");

	if (!f || !text)
		die(file);
	l->body_bytes = fread(text, 1, REQUEST_MAX_BYTES - HEAD_ROOM_BYTES, f);
	l->body = text;
	text[l->body_bytes] = '\0';
	if (strstr(text, "@@"))
		l->varies_at = (size_t)(strstr(text, "@@") - text);
	fclose(f);
}

static unsigned number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static void run(struct load *l, struct connection *all, int count)
{
	struct epoll_event events[128];
	int open_count = count, i, n;

	for (i = 0; i < count; i++) {
		all[i].request = malloc(REQUEST_MAX_BYTES);
		all[i].reply = malloc(REPLY_MAX_BYTES);
		if (!all[i].request || !all[i].reply)
			die("memory");
		connect_one(l, &all[i]);
		start_request(l, &all[i]);
	}
	while (open_count > 0) {
		n = epoll_wait(l->epoll_fd, events, 128, 5000);
		if (n == 0) {
			fprintf(stderr, "load: no reply for 5 s\n");
			l->errors += (uint64_t)open_count;
			return;
		}
		for (i = 0; i < n; i++)
			if (!on_readable(l, events[i].data.ptr))
				open_count--;
	}
}

int main(int argc, char **argv)
{
	static struct connection all[CONNECTIONS_MAX];
	struct load l = {.salt = (uint64_t)now_ns()};
	int count;
	int64_t begin;
	double seconds;
	size_t n;

	if (argc < 7 || argc > 8) {
		fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS STATUS METHOD PATH [BODY-FILE]\n");
		return 2;
	}
	l.port = (int)strtol(argv[1], NULL, 10);
	count = (int)strtol(argv[2], NULL, 10);
	if (count < 1 || count > CONNECTIONS_MAX) {
		fprintf(stderr, "load: 1 to %d connections\n", CONNECTIONS_MAX);
		return 2;
	}
	l.status = (int)strtol(argv[4], NULL, 10);
	l.method = argv[5];
	l.path = argv[6];
	l.header = getenv("LOAD_HEADER");
	l.paths = number_of("LOAD_PATHS");
	l.values = number_of("LOAD_VALUES");
	l.retries = number_of("LOAD_RETRIES");
	if (l.header && strlen(l.header) > HEADER_MAX_BYTES) {
		fprintf(stderr, "load: LOAD_HEADER is longer than %d bytes\n", HEADER_MAX_BYTES);
		return 2;
	}
	if (argc == 8)
		read_body(&l, argv[7]);
	l.samples_us = malloc(SAMPLES_MAX * sizeof *l.samples_us);
	l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!l.samples_us || l.epoll_fd < 0)
		die("start");
	begin = now_ns();
	l.end_ns = begin + (int64_t)(strtod(argv[3], NULL) * 1e9);
	run(&l, all, count);
	seconds = (double)(now_ns() - begin) / 1e9;
	n = l.sample_count;
	qsort(l.samples_us, n, sizeof *l.samples_us, by_value);
	printf("{\"per_second\": %.1f, \"requests\": %zu, \"errors\": %llu, \"p50_us\": %u, \"p90_us\": %u, "
	       "\"p99_us\": %u, \"max_us\": %u}\n",
	    (double)n / seconds, n, (unsigned long long)l.errors, n ? l.samples_us[n / 2] : 0,
	    n ? l.samples_us[n * 9 / 10] : 0, n ? l.samples_us[n * 99 / 100] : 0, n ? l.samples_us[n - 1] : 0);
	return n == 0 || l.errors ? 1 : 0;
}
