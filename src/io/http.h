/* http.h - the HTTP/1.1 server on libmicrohttpd: sockets, limits, deadlines, workers. It knows no routes.
 *
 * I/O threads (one per core, epoll) read requests. Each complete request becomes a `struct http_exchange`. First, on the
 * I/O thread, `admit` is asked as soon as the head is there: it may refuse (431, 413 ...) or set the body's maximum. When
 * the body is there too, `inline_handler` (I/O thread, must not block) may answer from memory; else the connection is
 * suspended, the exchange waits in a bounded queue (full, or not taken within HTTP_QUEUE_WAIT_MAX_MS: 503 with Retry-After) and a worker thread runs `handler`, which
 * stages a reply; then the connection is resumed and the bytes go out.
 *
 * Around it: the header guard (what libmicrohttpd lets through and we do not: Content-Length with Transfer-Encoding, differing
 * or malformed Content-Lengths, "Name :", missing Host in 1.1, unknown transfer codings, too many headers), the deadline janitor
 * (absolute deadline per request, shutdown of the socket), connection limits per address (loopback exempt), keep-alive, HEAD by
 * handler of GET, compression of text replies (br, gzip) when asked, X-Request-Id of our own, and the client's beside it, graceful drain.
 *
 * A strong ETag names bytes, so that of a compressed reply gets the coding's name at its end: "7" is sent as "7-gzip" or "7-br".
 *
 * Deadlines: a first head within HTTP_HEADER_TIMEOUT_MS of connecting, a later one within HTTP_IDLE_TIMEOUT_MS of the reply before it (once its first
 * line is there, within HTTP_HEADER_TIMEOUT_MS); a body within HTTP_REQUEST_TIMEOUT_MS of its head; a reply at 4 kB/s or faster after that time.
 * Late requests get 408 and the connection ends.
 *
 * Ownership: path, query, body and request_id live in x->arena, which is dropped when the exchange ends. headers, method_text and client
 * belong to the connection, which outlives every exchange but a streamed one: http_stream_begin() copies client and method_text into the
 * arena and takes the headers away, so what a stream needs of them is read, and copied, before. */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include "base/arena.h"
#include "base/str.h"

struct log;
struct http_server;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHOD_OTHER };
struct str http_method_name(enum http_method m);

struct http_header {
	struct str name, value;
};

#define HTTP_REPLY_HEADERS_MAX 32
struct http_reply {
	int status;
	struct http_header headers[HTTP_REPLY_HEADERS_MAX]; /* names are literals; values in the arena */
	size_t header_count;
	struct str body; /* in the arena, or static when body_static (never copied, never freed) */
	bool body_static;
	bool compress; /* text that may be compressed when the client asks */
	/* A body already compressed at build time: send as it is when the client accepts it. */
	struct str body_br, body_gzip;
	bool close; /* close the connection after this reply */
};

struct http_exchange {
	struct arena *arena;
	enum http_method method;
	struct str method_text;
	struct str path;		   /* raw path of the target, not decoded */
	struct str query;		   /* raw, without '?' */
	const struct http_header *headers; /* NULL once a stream has begun */
	size_t header_count;
	struct str body;
	struct str request_id; /* made here: nobody chooses another's */
	struct str
	    client_request_id; /* what the client called it in X-Request-Id, 1-64 of [A-Za-z0-9._-]; else empty */
	struct str client;     /* peer address, or the trusted hop's word when `trusted_hops` says so */
	struct str client_net; /* whom to count for: an IPv4 address, or the /64 of an IPv6 one, "2001:db8:1:2::/64" */
	bool
	    client_loopback; /* the peer is on this machine and no proxy is configured: never true with `trusted_hops` */
	int64_t started_ns;  /* monotonic */
	size_t body_max;     /* set by admit; default HTTP_BODY_API_MAX_BYTES */
	struct http_reply reply;
	char spare[512];	    /* a reply's body when the arena has no room for one */
	void *user;		    /* the caller's, e.g. the matched route */
	struct http_stream *stream; /* set while a streamed reply is under way */
	void *internal;
};

struct str http_header_get(
    const struct http_exchange *x, struct str name); /* first, case-insensitive; empty when absent */

bool http_header_sent(const struct http_exchange *x, struct str name); /* be it empty */

/* A handler may hand its exchange over, so that no worker waits while something else is done for many at once:
 *
 *     http_later(x); queue it; return;            in the handler, whose last act it is: x is another's from then on
 *     x->reply = ...; http_finish(x);             there, any thread, once
 *     http_again(x, fn);                          or instead: a worker runs `fn` as if it were the handler, before all that wait
 *
 * Who gets an exchange must end it: a stopping server waits for all that are away. */
void http_later(struct http_exchange *x);
void http_finish(struct http_exchange *x);
void http_again(struct http_exchange *x, void (*fn)(void *ctx, struct http_exchange *x, int worker));

/* Adds a reply header; ignored with a log line at error level when the table is full (our bug). Values with CR, LF or NUL are refused. */
void http_reply_header(struct http_exchange *x, struct str name, struct str value);

/* A reply whose bytes are produced while they are sent. Called by a worker in its handler: status and headers of x->reply go out
 * now; then http_stream_write blocks while HTTP_STREAM_BUFFER_BYTES wait to be sent. ERR_IO when the client is gone or too slow
 * (HTTP_STREAM_PATIENCE_MS and below it). ERR_BUSY from http_stream_begin, nothing sent yet: as many workers stream as may (HTTP_STREAMS_SHARE). x->arena stays the worker's until its handler returns: what the I/O thread needs is made before
 * the head goes out, and status and headers may not be changed any more. The stream ends when the handler returns; http_stream_abort makes the end visible as
 * an error to the client (connection closed without the last chunk). With x->reply.compress the stream is gzip for who takes it. */
enum err http_stream_begin(struct http_exchange *x);
enum err http_stream_write(struct http_exchange *x, struct str bytes);
void http_stream_abort(struct http_exchange *x);

struct http_config {
	const char *bind; /* "127.0.0.1", "::", "0.0.0.0" */
	int port;	  /* 0: any free one, see http_server_port */
	int io_threads;	  /* 0: one per core */
	int workers;
	int queue_max;
	int connections_max, connections_per_address;
	int trusted_hops;		   /* how many proxies in front append to X-Forwarded-For */
	const struct arena_source *source; /* memory of request arenas */
	struct log *log;
	/* NULL, or told the port while no thread runs yet, so what it writes is seen by all requests. A client that is early waits in the backlog. */
	void (*bound)(void *bound_ctx, int port);
	void *bound_ctx;
	void *ctx; /* handed to the functions below */
	/* Each may be NULL. Return OK to go on; any error is answered by `refuse` and (for admit) the connection closed. */
	enum err (*admit)(void *ctx, struct http_exchange *x);
	bool (*inline_handler)(void *ctx, struct http_exchange *x);	 /* true: x->reply is staged */
	void (*handler)(void *ctx, struct http_exchange *x, int worker); /* stages x->reply (or streams) */
	/* Stages a problem reply for an error found by this layer; `detail` is a sentence for the client. */
	void (*refuse)(void *ctx, struct http_exchange *x, enum err e, const char *detail);
	void (*finished)(void *ctx, struct http_exchange *x, int status, int64_t duration_ns, size_t sent_bytes);
};

enum err http_server_start(const struct http_config *config, struct http_server **out, const char **why);
int http_server_port(const struct http_server *s);
/* Stop accepting, answer what is under way (at most `grace_ms`), close, free. What still queues after the grace gets 503, streams are cut off.
 * True: `s` is gone. False: a handler is still running a second after the grace. Its threads still use `s`, the log and `ctx`, so none of it may be
 * freed; every client has been cut off. End the process without freeing anything, or call again to wait for the handler once more. */
bool http_server_drain(struct http_server *s, int grace_ms);
struct http_counts {
	int connections, queued, busy_workers;
	int away; /* handed over by their handlers */
};
void http_server_counts(struct http_server *s, struct http_counts *out);

#endif
