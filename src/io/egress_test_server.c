#include "io/egress_test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_MS 20
#define READ_MS 5000

/* ---- receivers ---- */

/* One TLS session a connection; a receiver serves one connection at a time. */
static _Thread_local SSL *session;

bool receiver_write(struct receiver *rv, int fd, const void *p, size_t n)
{
	if (atomic_load(&rv->stop))
		return false;
	return session ? SSL_write(session, p, (int)n) == (int)n : send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

bool receiver_say(struct receiver *rv, int fd, const char *text)
{
	return receiver_write(rv, fd, text, strlen(text));
}

static size_t body_bytes(const char *head)
{
	const char *length = strcasestr(head, "content-length:");

	return length ? strtoul(length + 15, NULL, 10) : 0;
}

void receiver_read(struct receiver *rv, int fd)
{
	size_t n = 0;
	char *end;

	memset(rv->got, 0, sizeof rv->got);
	while (n + 1 < sizeof rv->got) {
		ssize_t got = session ? SSL_read(session, rv->got + n, (int)(sizeof rv->got - 1 - n))
				      : recv(fd, rv->got + n, sizeof rv->got - 1 - n, 0);

		if (got <= 0)
			return;
		n += (size_t)got;
		end = strstr(rv->got, "\r\n\r\n");
		if (end && n >= (size_t)(end - rv->got) + 4 + body_bytes(rv->got))
			return;
	}
}

void receive_ok(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

static void serve_one(struct receiver *rv, int fd)
{
	const struct timeval patience = {.tv_sec = READ_MS / 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (rv->tls) {
		session = SSL_new(rv->tls);
		SSL_set_fd(session, fd);
	}
	if (rv->serve && (!session || SSL_accept(session) == 1))
		rv->serve(rv, fd);
	if (session) {
		SSL_shutdown(session);
		SSL_free(session);
		session = NULL;
	}
	close(fd);
}

static void *run_receiver(void *ctx)
{
	struct receiver *rv = ctx;
	struct pollfd p = {.fd = rv->listener, .events = POLLIN};

	while (!atomic_load(&rv->stop)) {
		int fd;

		if (poll(&p, 1, POLL_MS) <= 0)
			continue;
		fd = accept(rv->listener, NULL, NULL);
		if (fd < 0)
			continue;
		atomic_fetch_add(&rv->taken, 1);
		serve_one(rv, fd);
	}
	return NULL;
}

static void socket_address(const char *address, uint16_t port, struct sockaddr_storage *out, socklen_t *n)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (strchr(address, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		inet_pton(AF_INET6, address, &v6->sin6_addr);
		*n = sizeof *v6;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		inet_pton(AF_INET, address, &v4->sin_addr);
		*n = sizeof *v4;
	}
}

bool receiver_start(struct receiver *rv, const char *address, uint16_t port, receive serve)
{
	struct sockaddr_storage at;
	socklen_t n;

	rv->serve = serve;
	atomic_store(&rv->stop, false);
	atomic_store(&rv->taken, 0);
	socket_address(address, port, &at, &n);
	rv->listener = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(rv->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (at.ss_family == AF_INET6)
		setsockopt(rv->listener, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
	if (bind(rv->listener, (struct sockaddr *)&at, n) || listen(rv->listener, 128) ||
	    getsockname(rv->listener, (struct sockaddr *)&at, &n)) {
		close(rv->listener);
		return false;
	}
	rv->port = ntohs(
	    at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port : ((struct sockaddr_in *)&at)->sin_port);
	return pthread_create(&rv->thread, NULL, run_receiver, rv) == 0;
}

void receiver_stop(struct receiver *rv)
{
	atomic_store(&rv->stop, true);
	pthread_join(rv->thread, NULL);
	close(rv->listener);
}

/* ---- DNS ---- */

#define DNS_HEAD 12
#define DNS_MAX_BYTES 4096
#define TYPE_A 1
#define TYPE_AAAA 28

/* The question's name with dots, in lower case; where it ends. */
static size_t read_question(const unsigned char *p, size_t n, char name[80])
{
	size_t at = DNS_HEAD, out = 0;

	while (at < n && p[at] && at + 1 + p[at] < n) {
		for (size_t i = 1; i <= p[at] && out + 2 < 80; i++)
			name[out++] = (char)(p[at + i] >= 'A' && p[at + i] <= 'Z' ? p[at + i] | 0x20 : p[at + i]);
		name[out++] = '.';
		at += 1 + p[at];
	}
	name[out > 0 ? out - 1 : 0] = '\0';
	return at + 5;
}

/* How often a name was asked for; only those are counted whose answer depends on it. */
#define TURNS_MAX 64
struct turns {
	char name[80];
	unsigned count[2];
};

static unsigned turn(struct turns *turns, const char *name, bool v6)
{
	size_t i = 0;

	if (!strstr(name, "turn"))
		return 1;
	while (i < TURNS_MAX - 1 && *turns[i].name && strcmp(turns[i].name, name) != 0)
		i++;
	snprintf(turns[i].name, sizeof turns[i].name, "%s", name);
	return ++turns[i].count[v6];
}

static size_t answer(struct dns *d, unsigned char *p, size_t end, const char *name, unsigned nth)
{
	unsigned type = (unsigned)p[end - 3], count = 0;
	bool known = false;
	size_t n = end;

	for (size_t i = 0; i < d->n; i++) {
		const struct dns_record *r = &d->records[i];
		size_t bytes = r->address.v6 ? 16 : 4;
		/* the question's name, type, class IN, no time to live */
		const unsigned char head[] = {
		    0xc0, DNS_HEAD, 0, r->address.v6 ? TYPE_AAAA : TYPE_A, 0, 1, 0, 0, 0, 0, 0, (unsigned char)bytes};

		if (strcmp(r->name, name) != 0)
			continue;
		known = true;
		if (type != head[3] || nth < r->from || nth > r->to || n + 28 > DNS_MAX_BYTES)
			continue;
		memcpy(p + n, head, sizeof head);
		memcpy(p + n + sizeof head, r->address.bytes, bytes);
		n += sizeof head + bytes;
		count++;
	}
	p[2] = 0x84;
	p[3] = known ? 0x80 : 0x83;
	p[6] = 0;
	p[7] = (unsigned char)count;
	memset(p + 8, 0, 4);
	return n;
}

static void *run_dns(void *ctx)
{
	struct dns *d = ctx;
	struct pollfd poll_for = {.fd = d->socket, .events = POLLIN};
	struct turns *turns = calloc(TURNS_MAX, sizeof *turns);
	unsigned char p[DNS_MAX_BYTES];
	struct sockaddr_storage from;
	char name[80];

	while (!atomic_load(&d->stop)) {
		socklen_t room = sizeof from;
		ssize_t n;
		size_t end;
		bool silent;

		if (poll(&poll_for, 1, POLL_MS) <= 0)
			continue;
		n = recvfrom(d->socket, p, sizeof p, 0, (struct sockaddr *)&from, &room);
		if (n < DNS_HEAD + 5)
			continue;
		atomic_fetch_add(&d->asked, 1);
		end = read_question(p, (size_t)n, name);
		if (end > (size_t)n)
			continue;
		pthread_mutex_lock(&d->lock);
		silent = strcmp(name, d->silent) == 0;
		if (!silent)
			end = answer(d, p, end, name, turn(turns, name, p[end - 3] == TYPE_AAAA));
		pthread_mutex_unlock(&d->lock);
		if (silent)
			continue;
		sendto(d->socket, p, end, 0, (struct sockaddr *)&from, room);
	}
	free(turns);
	return NULL;
}

bool dns_start(struct dns *d)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;

	memset(d, 0, sizeof *d);
	pthread_mutex_init(&d->lock, NULL);
	d->records = calloc(DNS_RECORDS_MAX, sizeof *d->records);
	d->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!d->records || bind(d->socket, (struct sockaddr *)&at, n) ||
	    getsockname(d->socket, (struct sockaddr *)&at, &n))
		return false;
	snprintf(d->server, sizeof d->server, "127.0.0.1:%d", ntohs(at.sin_port));
	return pthread_create(&d->thread, NULL, run_dns, d) == 0;
}

void dns_stop(struct dns *d)
{
	atomic_store(&d->stop, true);
	pthread_join(d->thread, NULL);
	close(d->socket);
	free(d->records);
}

void dns_add_turn(struct dns *d, const char *name, const char *address, unsigned from, unsigned to)
{
	struct dns_record *r = &d->records[d->n];

	pthread_mutex_lock(&d->lock);
	if (d->n == DNS_RECORDS_MAX || !egress_address_read(str_from(address), &r->address))
		fail_msg("%s %s cannot be added to the test's zone", name, address);
	snprintf(r->name, sizeof r->name, "%s", name);
	r->from = from;
	r->to = to;
	d->n++;
	pthread_mutex_unlock(&d->lock);
}

void dns_silence(struct dns *d, const char *name)
{
	pthread_mutex_lock(&d->lock);
	snprintf(d->silent, sizeof d->silent, "%s", name);
	pthread_mutex_unlock(&d->lock);
}

void dns_add(struct dns *d, const char *name, const char *address)
{
	dns_add_turn(d, name, address, 1, UINT32_MAX);
}
