#include "io/http_impl.h"

#include <errno.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#define ROOM_STEP_MS 100 /* how soon a writer notices that the server stops */

/* The worker fills a ring, the I/O thread empties it. An empty ring suspends the connection (in the reader), a
 * filled one resumes it (in the writer); both under the stream's lock, so neither is lost. */

static bool keep(struct arena *a, struct str *text)
{
	struct str copy = str_dup(a, *text);

	if (!copy.p && text->n > 0)
		return false;
	*text = copy;
	return true;
}

/* Once the head is on its way the connection may end at any time, and its memory (the head, the peer's address) with
 * it, while the worker still writes and the request is still to be logged. Path and query are in the arena already. */
static bool keep_head(struct exchange *ex)
{
	struct http_exchange *x = &ex->x;

	if (!keep(x->arena, &x->client) || !keep(x->arena, &x->client_net) || !keep(x->arena, &x->method_text))
		return false;
	ex->target = ex->target_copy;
	x->headers = NULL;
	x->header_count = 0;
	return true;
}

/* What has left the ring says little: the kernel takes megabytes, and then nothing until half of them are gone. */
static uint64_t acknowledged(const struct exchange *ex)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	return getsockopt(ex->conn->fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_acked;
}

static enum err stream_open(struct exchange *ex)
{
	struct http_exchange *x = &ex->x;
	struct http_stream *st;
	pthread_condattr_t attr;

	if (!(st = arena_new(x->arena, struct http_stream)) ||
	    !(st->ring = arena_alloc(x->arena, HTTP_STREAM_BUFFER_BYTES)))
		return ERR_MEMORY;
	pthread_mutex_init(&st->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&st->room, &attr);
	pthread_condattr_destroy(&attr);
	st->status = x->reply.status;
	st->patience_us = HTTP_STREAM_PATIENCE_MS * INT64_C(1000);
	st->acked_bytes = acknowledged(ex);
	x->stream = st;
	if ((st->response = reply_stream(ex, x->reply.compress)) && keep_head(ex))
		return OK;
	stream_free(ex);
	x->stream = NULL;
	return ERR_MEMORY;
}

/* A stream lasts as long as its reader likes, so some workers stay out of it. */
static bool take_place(struct http_server *s)
{
	int max = s->worker_count / HTTP_STREAMS_SHARE;

	if (atomic_fetch_add(&s->queue.streams, 1) < (max > 1 ? max : 1))
		return true;
	atomic_fetch_sub(&s->queue.streams, 1);
	return false;
}

enum err http_stream_begin(struct http_exchange *x)
{
	struct exchange *ex = x->internal;
	enum err e;

	if (x->stream)
		return ERR_INTERNAL;
	if (!take_place(ex->server))
		return ERR_BUSY;
	if ((e = stream_open(ex))) {
		atomic_fetch_sub(&ex->server->queue.streams, 1);
		return e;
	}
	atomic_fetch_add(&ex->refs, 1);
	loop_resume(ex);
	return OK;
}

static size_t ring_write(struct http_stream *st, struct str bytes)
{
	size_t done = 0;

	while (done < bytes.n && st->fill < HTTP_STREAM_BUFFER_BYTES) {
		size_t to = (st->at + st->fill) % HTTP_STREAM_BUFFER_BYTES;
		size_t n = to < st->at ? st->at - to : HTTP_STREAM_BUFFER_BYTES - to;

		if (n > bytes.n - done)
			n = bytes.n - done;
		if (n > HTTP_STREAM_BUFFER_BYTES - st->fill)
			n = HTTP_STREAM_BUFFER_BYTES - st->fill;
		memcpy(st->ring + to, bytes.p + done, n);
		st->fill += n;
		done += n;
	}
	return done;
}

static size_t ring_read(struct http_stream *st, char *to, size_t max)
{
	size_t done = 0;

	while (done < max && st->fill > 0) {
		size_t n = HTTP_STREAM_BUFFER_BYTES - st->at;

		if (n > st->fill)
			n = st->fill;
		if (n > max - done)
			n = max - done;
		memcpy(to + done, st->ring + st->at, n);
		st->at = (st->at + n) % HTTP_STREAM_BUFFER_BYTES;
		st->fill -= n;
		done += n;
	}
	return done;
}

static void wake_reader(struct exchange *ex, struct http_stream *st)
{
	if (!st->suspended)
		return;
	st->suspended = false;
	loop_resume(ex);
}

/* Books the time that the writer waited, and what the client took meanwhile; false when that was too little. */
static bool is_patient(struct exchange *ex, struct http_stream *st, int64_t waited_us)
{
	uint64_t acked = acknowledged(ex), most = HTTP_STREAM_PATIENCE_MAX_MS * UINT64_C(1000);
	uint64_t gain = acked > st->acked_bytes ? acked - st->acked_bytes : 0;

	gain = gain * HTTP_STREAM_EARNED_MS * 1000 / HTTP_STREAM_EARNING_BYTES;
	st->acked_bytes = acked;
	st->patience_us += (int64_t)(gain < most ? gain : most) - waited_us;
	if (st->patience_us > (int64_t)most)
		st->patience_us = most;
	return st->patience_us > 0;
}

/* False when the client took too little for too long, has gone, or the server stops. */
static bool wait_for_room(struct exchange *ex, struct http_stream *st)
{
	size_t before = st->fill;
	struct timespec until;

	while (st->fill == before && !st->gone) {
		int64_t began_ns = clock_mono_ns();

		if (ex->server->stopping)
			return false;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += ROOM_STEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&st->room, &st->lock, &until);
		if (!st->gone && !is_patient(ex, st, (clock_mono_ns() - began_ns) / 1000))
			return false;
	}
	return !st->gone;
}

static enum err write_through(void *exchange, struct str bytes)
{
	struct exchange *ex = exchange;
	struct http_stream *st = ex->x.stream;
	enum err e = OK;

	pthread_mutex_lock(&st->lock);
	while (bytes.n > 0 && !e) {
		size_t n;

		if (st->gone || st->aborted || ex->server->stopping ||
		    (st->fill == HTTP_STREAM_BUFFER_BYTES && !wait_for_room(ex, st))) {
			e = ERR_IO;
			break;
		}
		n = ring_write(st, bytes);
		bytes = str_sub(bytes, n, bytes.n);
		ex->sent_bytes += n;
		wake_reader(ex, st);
	}
	if (e)
		st->aborted = true;
	pthread_mutex_unlock(&st->lock);
	return e;
}

enum err http_stream_write(struct http_exchange *x, struct str bytes)
{
	if (x->stream->gzip)
		return gzip_put(x->stream->gzip, bytes, false, write_through, x->internal);
	return write_through(x->internal, bytes);
}

void http_stream_abort(struct http_exchange *x)
{
	pthread_mutex_lock(&x->stream->lock);
	x->stream->aborted = true;
	pthread_mutex_unlock(&x->stream->lock);
}

/* What is left in the ring has a deadline like any reply; a stalled client of an aborted stream is cut off now. */
void stream_end(struct exchange *ex)
{
	struct http_stream *st = ex->x.stream;

	if (st->gzip && !st->aborted)
		gzip_put(st->gzip, (struct str){0}, true, write_through, ex);
	/* Before the end can be seen: who has read it may ask for the next one. */
	atomic_fetch_sub(&ex->server->queue.streams, 1);
	pthread_mutex_lock(&st->lock);
	st->ended = true;
	if (!st->gone) {
		conn_enter(ex->conn, CONN_SENDING, st->aborted ? 0 : HTTP_REQUEST_TIMEOUT_MS);
		wake_reader(ex, st);
	}
	pthread_mutex_unlock(&st->lock);
	exchange_release(ex);
}

void stream_gone(struct exchange *ex)
{
	struct http_stream *st = ex->x.stream;

	pthread_mutex_lock(&st->lock);
	st->gone = true;
	st->suspended = false;
	pthread_cond_broadcast(&st->room);
	pthread_mutex_unlock(&st->lock);
}

void stream_free(struct exchange *ex)
{
	if (ex->x.stream->gzip)
		gzip_close(ex->x.stream->gzip);
	if (ex->x.stream->response)
		MHD_destroy_response(ex->x.stream->response);
	pthread_cond_destroy(&ex->x.stream->room);
	pthread_mutex_destroy(&ex->x.stream->lock);
}

ssize_t stream_read(void *exchange, uint64_t pos, char *to, size_t max)
{
	struct exchange *ex = exchange;
	struct http_stream *st = ex->x.stream;
	ssize_t n;

	(void)pos;
	pthread_mutex_lock(&st->lock);
	n = ring_read(st, to, max);
	if (n > 0) {
		pthread_cond_broadcast(&st->room);
	} else if (st->aborted && st->ended) {
		/* libmicrohttpd closes such a connection when its thread wakes up for another reason: this is the
		 * reason. */
		shutdown(ex->conn->fd, SHUT_RDWR);
		n = MHD_CONTENT_READER_END_WITH_ERROR;
	} else if (st->ended) {
		n = MHD_CONTENT_READER_END_OF_STREAM;
	} else {
		st->suspended = true;
		MHD_suspend_connection(ex->mhd);
	}
	pthread_mutex_unlock(&st->lock);
	return n;
}
