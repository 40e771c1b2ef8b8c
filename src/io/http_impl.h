/* http_impl.h - what the files of the HTTP server share. Inside io only.
 *
 * Who owns what: a `conn` lives from the notification that a socket was opened to the one that it is closed; an `exchange` from a request's
 * first line until both libmicrohttpd and (for streams) the worker are done with it: a stream's exchange may outlive its connection, so
 * http_stream_begin() leaves nothing in it that points into the connection or into libmicrohttpd's memory. Its arena is used by one thread at a time: the I/O
 * thread, then the worker, then the I/O thread again; the suspension of the connection is the hand-over. While a stream is under way
 * the arena is the worker's: the I/O thread sends `stream->response`, made before the head went out, and takes nothing from the arena. */
#ifndef IO_HTTP_IMPL_H
#define IO_HTTP_IMPL_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include "base/limits.h"
#include "io/clock.h"
#include "io/http.h"
#include "io/log.h"

/* ---- connections (http_conn.c) ---- */

enum conn_state {
	CONN_NEW,      /* nothing complete yet: the first head must come within HTTP_HEADER_TIMEOUT_MS */
	CONN_IDLE,     /* between requests */
	CONN_READING,  /* a request has begun to arrive */
	CONN_HANDLING, /* ours to answer; no deadline here, statements and locks have theirs */
	CONN_SENDING,
	CONN_DEAD, /* the janitor, or a raw reply, has ended it */
};

struct address {
	unsigned char b[16];
}; /* IPv6, IPv4 mapped; IPv6 clients count by their /64 */
#define ADDRESS_NET_BYTES (INET6_ADDRSTRLEN + 4)

struct conn {
	struct conn *prev, *next;
	_Atomic int64_t state; /* deadline in monotonic ms << 3 | enum conn_state: both change at once */
	int fd;
	bool loopback, counted, linger;
	int requests;
	struct exchange *current; /* begun and not ended */
	struct address address;
	/* http_idle.c, on the thread of the loop */
	struct http_loop *loop;
	char *pool; /* libmicrohttpd's of this connection; NULL where it isn't known */
	struct conn *idle_prev, *idle_next;
	int64_t idle_since_ms;
	bool idle;
	struct str client, net;
	char client_text[INET6_ADDRSTRLEN], net_text[ADDRESS_NET_BYTES];
};

struct address_count {
	struct address address;
	unsigned count;
};
struct address_table {
	pthread_mutex_t lock;
	struct address_count *slots;
	size_t mask, used;
};

bool address_read(struct str text, struct address *out);
/* Of one that was widened: "192.0.2.1", "2001:db8:1:2::/64"; into `room`, which it borrows. */
struct str address_net(const struct address *a, char room[ADDRESS_NET_BYTES]);
bool address_table_init(struct address_table *t, size_t entries);
void address_table_free(struct address_table *t);
/* False when it already has `max`; then nothing is counted. */
bool address_take(struct address_table *t, const struct address *a, unsigned max);
bool address_full(struct address_table *t, const struct address *a, unsigned max);
void address_give(struct address_table *t, const struct address *a);

/* Moves on; false when the janitor was faster and the connection is dead. */
bool conn_enter(struct conn *c, enum conn_state state, int64_t timeout_ms);
void conn_notify(
    void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code);
enum MHD_Result conn_accept(void *cls, const struct sockaddr *addr, socklen_t len);
struct conn *conn_of(struct MHD_Connection *mhd);
void *conn_janitor(void *server);
/* Shuts sockets down: the idle ones, or all. */
void conn_shut(struct http_server *s, bool all);

/* ---- memory of idle connections (http_idle.c) ---- */

/* A head with everything at its limit takes 45 kB with its records; the rest is for the head of the reply. */
#define CONNECTION_POOL_BYTES (48 * KB)
#define HTTP_LOOPS_MAX 64

/* A thread, its share of the connections, and those of them that wait with a whole pool: the oldest is first. */
struct http_loop {
	struct http_server *server;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int wake;		  /* eventfd: a connection was resumed */
	_Atomic bool stop, quiet; /* it accepts no more */
	struct conn *first, *last;
	int count;

	/* Exchanges that are over: taken by this thread, and given back by it or by the worker of a stream. Of each loop its own, so that what one processor has at
	 * hand is not fetched by another. */
	pthread_mutex_t free_lock;
	struct exchange *free;
	int free_count, free_max;
	char apart[64]; /* from what the next thread writes */
};

/* All on the thread of the connection. idle_learn(): `line` is in the request's first, as it lies in libmicrohttpd's memory. */
void idle_learn(struct conn *c, const char *line);
void idle_enter(struct conn *c);
void idle_leave(struct conn *c);
/* Between two turns of the loop. */
void idle_tidy(struct http_loop *l);

/* ---- loops (http_loop.c) ---- */
bool loops_start(struct http_server *s, int fd);
/* Every one has accepted its last connection; the socket isn't theirs any more. */
void loops_quiet(struct http_server *s);
/* What they hold of connections was ended by conn_shut(). */
void loops_stop(struct http_server *s);
/* Any thread: the connection, which is suspended, goes on; from then on the exchange is its loop's. */
void loop_resume(struct exchange *ex);

/* ---- exchanges (http.c, http_exchange.c) ---- */

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_BR };
/* Of an exchange that its handler hands over. Who is second, the handler's return or the finish, goes on with it; so
 * nothing is taken from under a handler. */
enum away { AWAY_NOT, AWAY_HANDLER, AWAY_OTHERS, AWAY_BACK };
enum phase { PHASE_HEAD, PHASE_BODY, PHASE_WAITING, PHASE_ANSWERED };

struct exchange {
	struct http_exchange x;
	struct arena arena;
	struct http_server *server;
	struct conn *conn;
	struct http_loop *loop;
	struct MHD_Connection *mhd;
	struct exchange *next; /* in the free list or the queue */
	int64_t queued_ns;     /* monotonic */
	_Atomic int refs;      /* libmicrohttpd's, and a streaming worker's */
	enum phase phase;
	_Atomic int away;					       /* enum away */
	void (*again)(void *ctx, struct http_exchange *x, int worker); /* in the place of the handler */
	const char *target; /* raw, in libmicrohttpd's memory; that of a stream is the copy */
	const char *target_copy;
	size_t target_bytes;
	struct buf body;
	struct address address; /* behind trusted hops: counted per request */
	bool address_counted, head_only;
	bool packed; /* reply_pack() was done: what goes out is in the next three */
	enum coding coding;
	bool coding_varies;
	struct str packed_body;
	int status;
	size_t sent_bytes;
};

struct http_stream {
	pthread_mutex_t lock;
	pthread_cond_t room;
	char *ring;
	size_t at, fill;
	bool suspended, ended, aborted, gone;
	int status;
	struct gzip_stream *gzip;      /* when the client takes it and the reply may be compressed */
	struct MHD_Response *response; /* made by the worker: the arena is its own while it writes */
	uint64_t acked_bytes;	       /* that the client's side had acknowledged when last asked */
	int64_t patience_us;	       /* see HTTP_STREAM_PATIENCE_MS */
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct exchange *first, **last;
	struct exchange *again, **again_last; /* those that a worker goes on with: first, and never refused */
	int length, max, busy;
	int asleep, waking;  /* workers: that wait for work, and 1 when one of them was woken and is not there yet */
	int away;	     /* handed over; workers stay until none is */
	int alive;	     /* workers */
	_Atomic int streams; /* under way; each has a worker */
	bool stop;
};

#define LINGER_MAX 64
struct lingering {
	int fd;
	int64_t until_ms;
};

struct http_server {
	struct http_config config;
	int port, listen_fd;
	bool layout_known; /* see http_guard.c */
	uint64_t id_base;
	_Atomic uint64_t id_next;
	_Atomic int under_way; /* exchanges */
	_Atomic bool draining, stopping;
	_Atomic bool warned_of_proxy;

	pthread_mutex_t conns_lock; /* also guards descriptors against being closed while the janitor uses them */
	struct conn *conns;
	int conn_count;
	struct lingering lingers[LINGER_MAX];
	struct http_loop loops[HTTP_LOOPS_MAX];
	int loop_count;
	size_t page_bytes;
	struct address_table addresses;
	pthread_t janitor;
	_Atomic bool janitor_stop;

	struct queue queue;
	pthread_t *workers;
	int worker_count;
	struct worker_start *worker_starts;
};

struct exchange *exchange_new(struct http_server *s, struct MHD_Connection *mhd);
void exchange_release(struct exchange *ex);
/* libmicrohttpd's callbacks */
void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_step(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *data_bytes, void **context);
/* For those that libmicrohttpd forgot to end (a head that exhausted its memory). */
void exchange_abandon(struct exchange *ex, int status);
void exchange_end(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);
void exchange_refuse(struct exchange *ex, enum err e, const char *detail);

/* libmicrohttpd lays a head out in memory as the guard knows it. */
bool guard_layout_known(void);
/* ---- the guard (http_guard.c): reads the head into x; what is wrong with it, or OK ---- */
enum err guard_head(struct exchange *ex, const char *method, const char *version, const char **detail);
/* Declared length of the body; 0 when there is none or it is chunked. Valid after guard_head(). */
uint64_t guard_body_bytes(const struct exchange *ex);

/* ---- replies (http_reply.c, http_compress.c) ---- */
/* Chooses the content coding and compresses: by the worker, so that the I/O thread need not. */
void reply_pack(struct exchange *ex);
enum MHD_Result reply_send(struct exchange *ex);
/* Writes the staged reply past libmicrohttpd, where it takes no answer any more (in the middle of a body). */
void reply_send_raw(struct exchange *ex);
/* The best of those offered: bits 1 << coding; identity is always there. */
enum coding coding_choose(struct str accept, unsigned offered);
bool compress_body(struct arena *a, enum coding c, struct str in, struct str *out);
/* Streamed text: what goes in comes out of `out`, compressed, in pieces; `last` ends it. */
struct gzip_stream *gzip_open(struct arena *a);
enum err gzip_put(
    struct gzip_stream *g, struct str in, bool last, enum err (*out)(void *ctx, struct str bytes), void *ctx);
void gzip_close(struct gzip_stream *g);
/* Status and headers of a stream, with its reader; NULL without memory. */
struct MHD_Response *reply_stream(struct exchange *ex, bool may_gzip);

/* ---- workers (http_worker.c) ---- */
bool workers_start(struct http_server *s);
/* Refuses what waits, and waits for the handlers at most `ms`; false when one runs on. May be called again. */
bool workers_stop(struct http_server *s, int ms);
/* Suspends the connection and queues the exchange; false (and nothing done) when the queue is full. */
bool worker_submit(struct exchange *ex);
/* Refuses those that have waited longer than HTTP_QUEUE_WAIT_MAX_MS. Any thread, often. */
void workers_refuse_late(struct http_server *s);

/* ---- streams (http_stream.c) ---- */
ssize_t stream_read(void *exchange, uint64_t pos, char *to, size_t max);
void stream_end(struct exchange *ex);  /* the handler has returned */
void stream_gone(struct exchange *ex); /* the client has */
void stream_free(struct exchange *ex);

#endif
