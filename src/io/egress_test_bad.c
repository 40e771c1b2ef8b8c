/* Receivers that do not behave. */
#include "io/egress_test.h"

#include <sys/socket.h>
#include <unistd.h>

void redirect(struct receiver *rv, int fd)
{
	char text[200];

	receiver_read(rv, fd);
	/* to a receiver that may well be connected to: it is the redirect that is not followed */
	snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n",
	    rv->port);
	receiver_say(rv, fd, text);
}

void drip_body(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	while (receiver_say(rv, fd, "x"))
		usleep(20000);
}

void drip_headers(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nX: ");
	while (receiver_say(rv, fd, "x"))
		usleep(20000);
}

void say_nothing(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	while (!atomic_load(&rv->stop) && recv(fd, (char[1]){0}, 1, MSG_DONTWAIT) != 0)
		usleep(10000);
}

void endless_body(struct receiver *rv, int fd)
{
	char block[4096];

	memset(block, 'x', sizeof block);
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
	while (receiver_write(rv, fd, block, sizeof block))
		;
}

void endless_chunks(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (receiver_say(rv, fd, "10\r\n0123456789abcdef\r\n"))
		;
}

void exact_body(struct receiver *rv, int fd)
{
	char block[1024];

	memset(block, 'x', sizeof block);
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
	for (int i = 0; i < 64; i++)
		receiver_write(rv, fd, block, sizeof block);
}

void endless_headers(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\n");
	while (receiver_say(rv, fd, "X-More: and more\r\n"))
		;
}

void one_long_header(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nX-Long: ");
	while (receiver_say(rv, fd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
		;
}

void endless_continue(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	while (receiver_say(rv, fd, "HTTP/1.1 100 Continue\r\n\r\n"))
		;
}

void endless_trailers(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-More\r\n\r\n1\r\nx\r\n0\r\n");
	while (receiver_say(rv, fd, "X-More: and more\r\n"))
		;
}

void packed(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08x");
}

void no_http(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "220 mail.example ESMTP\r\n");
}

void close_at_once(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
}

void half_a_body(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}

void reset(struct receiver *rv, int fd)
{
	const struct linger now = {.l_onoff = 1};

	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	usleep(20000);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void later(struct receiver *rv, int fd)
{
	receiver_read(rv, fd);
	receiver_say(rv, fd, "HTTP/1.1 429 Slow Down\r\nRetry-After: 315360000\r\nContent-Length: 0\r\n\r\n");
}
