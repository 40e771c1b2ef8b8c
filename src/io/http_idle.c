#include "io/http_impl.h"

#include <linux/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* libmicrohttpd keeps one pool for each connection and fills it with zeros between two requests, so that a connection that was used once holds all of
 * it for as long as it waits. Its pages go back to the system here, those alone that are all zero: what libmicrohttpd finds there afterwards is what it
 * left. It happens on the loop's thread, between two turns: then nobody reads a connection, and those that ended are out of the list (in the middle of a
 * turn the pool of one may be gone before we are told). Most of them wait a while first, so that a busy connection keeps its pages. */

#define IDLE_AGE_MS 500
#define IDLE_AT_ONCE 64 /* pools between two turns, a few microseconds each */

/* libmicrohttpd reads into the pool from its first byte on, which begins a page. While the client has sent less than a page in all, the line that is
 * being read begins on that one; later nothing says where the pool begins. */
void idle_learn(struct conn *c, const char *line)
{
	const struct http_server *s = c->loop->server;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	uintptr_t page = s->page_bytes;

	/* a pool that isn't some pages long comes from malloc() */
	if (!s->layout_known || c->requests != 1 || 4 * page > 3 * (uintptr_t)CONNECTION_POOL_BYTES)
		return;
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) || info.tcpi_bytes_received == 0 ||
	    info.tcpi_bytes_received > page)
		return;
	c->pool = (char *)((uintptr_t)line & ~(page - 1));
}

void idle_leave(struct conn *c)
{
	struct http_loop *l = c->loop;

	if (!c->idle)
		return;
	c->idle = false;
	*(c->idle_prev ? &c->idle_prev->idle_next : &l->first) = c->idle_next;
	*(c->idle_next ? &c->idle_next->idle_prev : &l->last) = c->idle_prev;
	l->count--;
}

static bool is_zero(const char *page, size_t n)
{
	return page[0] == 0 && memcmp(page, page + 1, n - 1) == 0;
}

static void give_back(const struct http_server *s, char *pool)
{
	size_t page = s->page_bytes, zero = 0;

	/* in runs, so that it is one call where nothing is under way */
	for (size_t at = 0; at <= CONNECTION_POOL_BYTES; at += page) {
		if (at < CONNECTION_POOL_BYTES && is_zero(pool + at, page)) {
			zero += page;
			continue;
		}
		if (zero && madvise(pool + at - zero, zero, MADV_DONTNEED))
			return; /* they stay, which costs memory and nothing else */
		zero = 0;
	}
}

void idle_tidy(struct http_loop *l)
{
	int64_t before = clock_coarse_ms() - IDLE_AGE_MS;

	for (int i = 0; i < IDLE_AT_ONCE && l->first; i++) {
		struct conn *c = l->first;

		if (c->idle_since_ms > before && l->count <= HTTP_IDLE_WHOLE_MAX)
			return;
		idle_leave(c);
		give_back(l->server, c->pool);
	}
}

void idle_enter(struct conn *c)
{
	struct http_loop *l = c->loop;

	if (!c->pool)
		return;
	c->idle = true;
	c->idle_since_ms = clock_coarse_ms();
	c->idle_prev = l->last;
	c->idle_next = NULL;
	*(l->last ? &l->last->idle_next : &l->first) = c;
	l->last = c;
	l->count++;
}
