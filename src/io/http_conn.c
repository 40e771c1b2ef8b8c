#include "io/http_impl.h"
#include "base/shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define JANITOR_STEP_MS 100
#define LINGER_MS 2000
#define LINGER_READ_BYTES (256 * KB) /* per step and descriptor */

bool conn_enter(struct conn *c, enum conn_state state, int64_t timeout_ms)
{
	int64_t next = (clock_coarse_ms() + timeout_ms) << 3 | state, now = atomic_load(&c->state);

	do {
		if ((now & 7) == CONN_DEAD)
			return false;
	} while (!atomic_compare_exchange_weak(&c->state, &now, next));
	return true;
}

struct conn *conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void address_of(const struct sockaddr *sa, struct address *out)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (sa->sa_family == AF_INET6) {
		memcpy(out->b, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	} else {
		memcpy(out->b, mapped, 12);
		memcpy(out->b + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	}
}

static bool address_mapped(const struct address *a)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	return mem_same(a->b, mapped, 12);
}

static bool address_loopback(const struct address *a)
{
	static const unsigned char one[16] = {[15] = 1};

	return address_mapped(a) ? a->b[12] == 127 : mem_same(a->b, one, 16);
}

/* Whoever has one IPv6 address has 2^64 of them. */
static void address_widen(struct address *a)
{
	if (!address_mapped(a))
		memset(a->b + 8, 0, 8);
}

bool address_read(struct str text, struct address *out)
{
	char z[INET6_ADDRSTRLEN];
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer = {.v4.sin_family = AF_INET};

	if (text.n == 0 || text.n >= sizeof(z))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	if (inet_pton(AF_INET, z, &peer.v4.sin_addr) == 1)
		address_of(&peer.any, out);
	else if (inet_pton(AF_INET6, z, out->b) != 1)
		return false;
	address_widen(out);
	return true;
}

struct str address_net(const struct address *a, char room[ADDRESS_NET_BYTES])
{
	size_t n;

	if (address_mapped(a))
		return inet_ntop(AF_INET, a->b + 12, room, ADDRESS_NET_BYTES) ? str_from(room) : S("");
	if (!inet_ntop(AF_INET6, a->b, room, INET6_ADDRSTRLEN))
		return S("");
	n = strlen(room);
	memcpy(room + n, "/64", 4);
	return str_make(room, n + 3);
}

/* ---- opening and closing ---- */

enum MHD_Result conn_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
	struct http_server *s = cls;
	struct address a;

	(void)len;
	address_of(addr, &a);
	if (s->config.connections_per_address <= 0 || s->config.trusted_hops > 0 || address_loopback(&a))
		return MHD_YES;
	address_widen(&a);
	return !address_full(&s->addresses, &a, s->config.connections_per_address);
}

static struct conn *conn_open(struct http_loop *l, struct MHD_Connection *mhd)
{
	struct http_server *s = l->server;
	const struct sockaddr *sa = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = l;
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	address_of(sa, &c->address);
	c->loopback = address_loopback(&c->address);
	if (address_mapped(&c->address))
		inet_ntop(AF_INET, c->address.b + 12, c->client_text, sizeof(c->client_text));
	else
		inet_ntop(AF_INET6, c->address.b, c->client_text, sizeof(c->client_text));
	c->client = str_from(c->client_text);
	address_widen(&c->address);
	c->net = address_net(&c->address, c->net_text);
	conn_enter(c, CONN_NEW, HTTP_HEADER_TIMEOUT_MS);
	if (!c->loopback && s->config.connections_per_address > 0 && s->config.trusted_hops == 0) {
		c->counted = address_take(&s->addresses, &c->address, s->config.connections_per_address);
		/* conn_accept() lets a few too many through when they come at once. */
		if (!c->counted)
			shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_lock(&s->conns_lock);
	c->next = s->conns;
	if (c->next)
		c->next->prev = c;
	s->conns = c;
	s->conn_count++;
	pthread_mutex_unlock(&s->conns_lock);
	return c;
}

static void say(int fd, const char *text)
{
	/* The buffer of a socket that nothing was written to takes this at once. */
	if (send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

#define WORDS(status, title, slug, meaning)                                                                            \
	"HTTP/1.1 " #status " " title                                                                                  \
	"\r\nContent-Type: application/problem+json\r\nConnection: close\r\nCache-Control: "                           \
	"no-store\r\n\r\n{\"type\":\"/docs/errors#" slug "\",\"title\":\"" meaning "\",\"status\":" #status            \
	",\"code\":\"" slug "\",\"request_id\":\"none\"}"

static const char timeout_words[] = WORDS(408, "Request Timeout", "timeout", "The request took too long to arrive.");
static const char malformed_words[] = WORDS(400, "Bad Request", "unreadable", "The request could not be read.");
static const char too_large_words[] = WORDS(
    431, "Request Header Fields Too Large", "headers-too-large", "The request's headers are larger than allowed.");

/* libmicrohttpd closes on some broken request lines, and on heads that exhaust its memory, without a word. Where
 * bytes came and none went out, that is what happened. */
static void explain_silence(struct conn *c)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	bool head_too_large = c->current && c->current->phase == PHASE_HEAD;

	if ((c->requests > 0 && !head_too_large) || (atomic_load(&c->state) & 7) == CONN_DEAD)
		return;
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) || info.tcpi_bytes_received <= 1)
		return;
	if (info.tcpi_bytes_sent == 0)
		say(c->fd, head_too_large ? too_large_words : malformed_words);
	c->linger = true;
}

/* A reply to a request whose body is still coming would be lost with the connection's reset: read on for a little
 * while. */
static void linger(struct http_server *s, int fd)
{
	for (int i = 0; i < LINGER_MAX; i++) {
		struct lingering *l = &s->lingers[i];

		if (l->fd >= 0)
			continue;
		l->fd = dup(fd);
		l->until_ms = clock_coarse_ms() + LINGER_MS;
		shutdown(fd, SHUT_WR);
		return;
	}
}

static void conn_close(struct http_server *s, struct conn *c)
{
	explain_silence(c);
	idle_leave(c);
	if (c->current)
		exchange_abandon(c->current, err_status(ERR_HEADERS_TOO_LARGE));
	pthread_mutex_lock(&s->conns_lock);
	if (c->linger && !s->stopping)
		linger(s, c->fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->conn_count--;
	pthread_mutex_unlock(&s->conns_lock);
	if (c->counted)
		address_give(&s->addresses, &c->address);
	free(c);
}

void conn_notify(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct http_loop *l = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*socket_context = conn_open(l, mhd);
	else if (*socket_context)
		conn_close(l->server, *socket_context);
}

/* ---- deadlines ---- */

static void expire(struct conn *c, int64_t now_ms)
{
	int64_t seen = atomic_load(&c->state);
	enum conn_state state = seen & 7;

	if (state == CONN_HANDLING || state == CONN_DEAD || seen >> 3 > now_ms)
		return;
	if (!atomic_compare_exchange_strong(&c->state, &seen, CONN_DEAD))
		return;
	if (state == CONN_NEW || state == CONN_READING)
		say(c->fd, timeout_words);
	shutdown(c->fd, SHUT_RDWR);
}

/* Reads and forgets until the other side has closed too or its time is up. */
static void linger_step(struct lingering *l, int64_t now_ms)
{
	char waste[16 * KB];
	size_t total = 0;
	ssize_t n = 1;

	if (l->fd < 0)
		return;
	while (total < LINGER_READ_BYTES && (n = recv(l->fd, waste, sizeof(waste), MSG_DONTWAIT)) > 0)
		total += n;
	if (n == 0 || (n < 0 && errno != EAGAIN) || now_ms > l->until_ms) {
		close(l->fd);
		l->fd = -1;
	}
}

void conn_shut(struct http_server *s, bool all)
{
	pthread_mutex_lock(&s->conns_lock);
	for (struct conn *c = s->conns; c; c = c->next) {
		int64_t seen = atomic_load(&c->state);
		enum conn_state state = seen & 7;

		if (state == CONN_DEAD || !(all || state == CONN_NEW || state == CONN_IDLE))
			continue;
		if (atomic_compare_exchange_strong(&c->state, &seen, CONN_DEAD))
			shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->conns_lock);
}

void *conn_janitor(void *server)
{
	struct http_server *s = server;

	while (!s->janitor_stop) {
		int64_t now_ms = clock_coarse_ms();

		pthread_mutex_lock(&s->conns_lock);
		for (struct conn *c = s->conns; c; c = c->next)
			expire(c, now_ms);
		for (int i = 0; i < LINGER_MAX; i++)
			linger_step(&s->lingers[i], now_ms);
		pthread_mutex_unlock(&s->conns_lock);
		workers_refuse_late(s);
		nanosleep(&(struct timespec){.tv_nsec = JANITOR_STEP_MS * 1000000L}, NULL);
	}
	for (int i = 0; i < LINGER_MAX; i++) {
		if (s->lingers[i].fd >= 0)
			close(s->lingers[i].fd);
	}
	return NULL;
}
