#include "io/http_impl.h"

#include <sys/socket.h>
#include "base/shim.h"

#define RAW_HEAD_MAX_BYTES (8 * KB)
#define STREAM_BLOCK_BYTES (32 * KB)
#define SEND_MIN_BYTES_PER_MS 4 /* a client that reads slower than this is given up: it keeps memory and a connection */

/* libmicrohttpd copies the value. Short ones do not need the arena, which may be what ran out. */
static void add_header(struct MHD_Response *r, struct arena *a, struct str name, struct str value)
{
	char few[256];
	const char *z = few;

	if (value.n < sizeof(few)) {
		mem_copy(few, value.p, value.n);
		few[value.n] = 0;
	} else {
		z = str_cstr(a, value);
	}
	if (z)
		MHD_add_response_header(r, name.p, z);
}

/* Which form of the body goes out, and whether the choice depends on Accept-Encoding. */
static enum coding pick_body(struct exchange *ex, struct str *body, bool *varies)
{
	struct http_reply *r = &ex->x.reply;
	bool squeeze = r->compress && r->body.n >= HTTP_COMPRESS_MIN_BYTES;
	unsigned offered = (r->body_br.n > 0) << CODING_BR | (r->body_gzip.n > 0) << CODING_GZIP;
	enum coding c;

	*body = r->body;
	if (!offered && squeeze)
		offered = 1u << CODING_BR | 1u << CODING_GZIP;
	*varies = offered != 0;
	if (!offered)
		return CODING_IDENTITY;
	c = coding_choose(http_header_get(&ex->x, S("Accept-Encoding")), offered);
	if (c == CODING_BR && r->body_br.n > 0)
		*body = r->body_br;
	else if (c == CODING_GZIP && r->body_gzip.n > 0)
		*body = r->body_gzip;
	else if (c != CODING_IDENTITY && !compress_body(&ex->arena, c, r->body, body))
		c = CODING_IDENTITY;
	return c;
}

/* A strong tag names these very bytes, so each coding has its own. */
static void add_etag(struct MHD_Response *r, struct arena *a, struct str tag, enum coding c)
{
	struct str coded = tag;
	struct buf b;

	if (c != CODING_IDENTITY && tag.n >= 2 && tag.p[0] == '"') {
		buf_init(&b, a, tag.n + 8);
		buf_add(&b, str_sub(tag, 0, tag.n - 1));
		buf_add(&b, c == CODING_BR ? S("-br\"") : S("-gzip\""));
		if (buf_done(&b, &coded))
			return;
	}
	add_header(r, a, S("ETag"), coded);
}

static void add_headers(struct exchange *ex, struct MHD_Response *m, enum coding c, bool varies)
{
	const struct http_reply *r = &ex->x.reply;

	for (size_t i = 0; i < r->header_count; i++) {
		if (str_eq_nocase(r->headers[i].name, S("ETag")))
			add_etag(m, &ex->arena, r->headers[i].value, c);
		else
			add_header(m, &ex->arena, r->headers[i].name, r->headers[i].value);
	}
	add_header(m, &ex->arena, S("X-Request-Id"), ex->x.request_id);
	if (varies)
		MHD_add_response_header(m, "Vary", "Accept-Encoding");
	if (c != CODING_IDENTITY)
		MHD_add_response_header(m, "Content-Encoding", c == CODING_BR ? "br" : "gzip");
	if (r->close || ex->server->draining)
		MHD_add_response_header(m, "Connection", "close");
}

/* A stream's own clock runs in its writer: see http_stream_write() and stream_end(). */
struct MHD_Response *reply_stream(struct exchange *ex, bool may_gzip)
{
	struct http_stream *st = ex->x.stream;
	struct MHD_Response *m =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, ex, NULL);

	if (!m)
		return NULL;
	if (may_gzip && coding_choose(http_header_get(&ex->x, S("Accept-Encoding")), 1u << CODING_GZIP) == CODING_GZIP)
		st->gzip = gzip_open(&ex->arena);
	add_headers(ex, m, st->gzip ? CODING_GZIP : CODING_IDENTITY, may_gzip);
	return m;
}

void reply_pack(struct exchange *ex)
{
	ex->coding = pick_body(ex, &ex->packed_body, &ex->coding_varies);
	ex->packed = true;
}

enum MHD_Result reply_send(struct exchange *ex)
{
	struct MHD_Response *m;
	enum MHD_Result done;
	struct str body;

	if (ex->x.stream) {
		ex->status = ex->x.stream->status;
		return MHD_queue_response(ex->mhd, ex->status, ex->x.stream->response);
	}
	ex->status = ex->x.reply.status;
	if (!ex->packed)
		reply_pack(ex);
	body = ex->packed_body;
	ex->sent_bytes = ex->head_only ? 0 : body.n;
	m = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_PERSISTENT);
	if (!m)
		return MHD_NO;
	/* a 304 stands for a body that may have been packed */
	add_headers(ex, m, ex->coding, ex->coding_varies || ex->status == 304);
	if (!conn_enter(ex->conn, CONN_SENDING, HTTP_REQUEST_TIMEOUT_MS + body.n / SEND_MIN_BYTES_PER_MS)) {
		MHD_destroy_response(m);
		return MHD_NO;
	}
	done = MHD_queue_response(ex->mhd, ex->status, m);
	MHD_destroy_response(m);
	return done;
}

void reply_send_raw(struct exchange *ex)
{
	const struct http_reply *r = &ex->x.reply;
	struct str text;
	struct buf b;

	ex->status = r->status;
	buf_init(&b, &ex->arena, RAW_HEAD_MAX_BYTES + r->body.n);
	buf_add(&b, S("HTTP/1.1 "));
	buf_int(&b, r->status);
	buf_add(&b, S(" Refused\r\nConnection: close\r\nX-Request-Id: "));
	buf_add(&b, ex->x.request_id);
	for (size_t i = 0; i < r->header_count; i++) {
		buf_add(&b, S("\r\n"));
		buf_add(&b, r->headers[i].name);
		buf_add(&b, S(": "));
		buf_add(&b, r->headers[i].value);
	}
	buf_add(&b, S("\r\nContent-Length: "));
	buf_int(&b, r->body.n);
	buf_add(&b, S("\r\n\r\n"));
	buf_add(&b, r->body);
	/* A few hundred bytes into an empty buffer; a client that left is no fault. */
	if (buf_done(&b, &text) || send(ex->conn->fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
	ex->sent_bytes = r->body.n;
}
